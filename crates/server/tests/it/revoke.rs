//! What was taken away stops being sent, at once and everywhere, and whoever took it away is told when that is so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::world::{Secret, Who, World, run};
use mirror::{AddOptions, SourceArgument};
use model::{RepoId, RepoName};
use server::ServerConfig;
use std::time::Duration;
use store::{Adder, Visibility};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

/// More than the operating system takes in for a reader who does not read.
const LARGE: usize = 24 << 20;
const LONG: Duration = Duration::from_secs(60);

/// A server that listens, over a repository with a large file that Bob and Ada may read.
struct Serving {
    world: World,
    repo: RepoId,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
}

impl Serving {
    async fn start() -> Serving {
        let config = ServerConfig { drain_timeout: Duration::ZERO, ..ServerConfig::default() };
        let world = World::with_config(Secret::DoesNotExist, config).await;
        let line = b"a line of the large file that somebody reads slowly, or not at all\n";
        let text: Vec<u8> = line.iter().copied().cycle().take(LARGE).collect();
        world.code().repo("large").commit_files("main", &[("large.txt", &text)]);
        let add = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::LocalOperator };
        mirror::add(&world.store, SourceArgument::Directory(world.code().path()), &add).await.unwrap();
        let everything = world.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
        let name = RepoName::new("large").unwrap();
        let row = world.store.repository_by_name(&everything, &name).await.unwrap().unwrap();
        world.store.grant(row.id, world.bob().id).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (served, stopped) = (world.server.clone(), stop.clone());
        let server = tokio::spawn(async move {
            served.serve(listener, stopped.cancelled_owned()).await.unwrap();
        });
        Serving { world, repo: row.id, address, stop, server }
    }

    /// Asks, and reads no more than the answer's first bytes.
    #[allow(clippy::disallowed_methods, reason = "a client of the server under test")]
    async fn begin(&self, who: Who, path: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let (name, value) = self.world.credentials(who).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:7080\r\n{name}: {value}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = vec![0; 1024];
        stream.read_exact(&mut first).await.unwrap();
        assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first));
        stream
    }

    async fn end(self) {
        self.stop.cancel();
        self.server.await.unwrap();
    }
}

/// Reads to the end, or to where it is cut.
async fn rest(mut stream: TcpStream) -> usize {
    let (mut n_bytes, mut buffer) = (0, vec![0; 1 << 16]);
    while let Ok(n) = stream.read(&mut buffer).await
        && n > 0
    {
        n_bytes += n;
        if n_bytes + 1024 >= LARGE {
            break;
        }
    }
    n_bytes
}

#[test]
fn an_answer_under_way_is_cut_before_the_revocation_is_acknowledged() {
    run(async {
        let serving = Serving::start().await;
        let bobs = serving.begin(Who::Bob, "/r/large/-/raw/large.txt").await;
        let bobs_program = serving.begin(Who::BobsToken, "/api/v1/repos/large/-/raw/large.txt").await;
        let adas = serving.begin(Who::Ada, "/r/large/-/raw/large.txt").await;
        let store = &serving.world.store;
        let epoch = store.revoke(serving.repo, serving.world.bob().id).await.unwrap();
        assert!(store.settled(epoch, LONG).await.unwrap(), "it is acknowledged");
        assert!(rest(bobs).await < LARGE / 2, "what is held for Bob does not go out");
        assert!(rest(bobs_program).await < LARGE / 2);
        assert!(rest(adas).await + 2048 >= LARGE, "Ada lost nothing");
        let again = serving.world.get(Who::Bob, "/r/large/-/raw/large.txt").await;
        assert_eq!(again.status, 404);
        serving.end().await;
    });
}

#[test]
fn an_account_that_is_shut_is_cut_off() {
    run(async {
        let serving = Serving::start().await;
        let bobs = serving.begin(Who::BobsToken, "/r/large/-/raw/large.txt").await;
        let store = &serving.world.store;
        store.set_disabled(serving.world.bob().id, true).await.unwrap();
        assert!(store.settled(store.epoch().await.unwrap(), LONG).await.unwrap());
        assert!(rest(bobs).await < LARGE / 2);
        serving.end().await;
    });
}

/// What others lose, or somebody gains, cuts nobody off.
#[test]
fn answers_outlive_what_does_not_concern_them() {
    run(async {
        let serving = Serving::start().await;
        let bobs = serving.begin(Who::Bob, "/r/large/-/raw/large.txt").await;
        let store = &serving.world.store;
        store.set_unrestricted(serving.repo, true).await.unwrap();
        let epoch = store.revoke(serving.repo, serving.world.bob().id).await.unwrap();
        assert!(store.settled(epoch, LONG).await.unwrap());
        assert!(rest(bobs).await + 2048 >= LARGE, "everybody reads it by now");
        serving.end().await;
    });
}

/// A server that is not there any more keeps nobody waiting; one that says nothing does, for as long as it may be alive.
#[test]
fn who_serves_is_waited_for() {
    run(async {
        let serving = Serving::start().await;
        let store = serving.world.store.clone();
        let epoch = store.revoke(serving.repo, serving.world.bob().id).await.unwrap();
        assert!(store.settled(epoch, LONG).await.unwrap());
        let silent = store::ServingProcess::new();
        store.tell_settled(&silent, epoch).await.unwrap();
        let later = store.grant(serving.repo, serving.world.bob().id).await.unwrap();
        assert!(!store.settled(later, Duration::from_millis(50)).await.unwrap(), "one has not told");
        serving.world.clock.advance(Duration::from_secs(11));
        assert!(store.settled(later, LONG).await.unwrap(), "it was not seen for too long");
        serving.end().await;
        assert!(store.settled(store.epoch().await.unwrap(), LONG).await.unwrap());
    });
}
