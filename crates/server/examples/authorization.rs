//! What authorization, the audit log and revocations cost, in a server with many repositories and people in its database.
//!
//! `cargo run --release -p server --example authorization -- <folder of repositories> [repositories] [people]`; 100,000 and
//! 10,000 where nothing is said. The folder's repositories are indexed and searched; the others are rows.
#![allow(clippy::print_stdout, reason = "it prints what it measures")]
#![allow(clippy::disallowed_methods, reason = "a client of the server under measurement, on loopback")]

use access::{
    AccountId, Actor, HostId, Password, Reader, Role, Scope, SystemClock, SystemRandomness, UserName, Verbs,
};
use export::{ExportLimits, ExportOptions, Exports};
use mirror::{AddOptions, Board, DataDir, SourceArgument, Worker, WorkerOptions};
use model::{RepoId, RepoName, RepoSet};
use search::{Catalog, Searcher};
use server::{Deps, Server, ServerConfig};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{
    Adder, BOUND_DEFAULT, NewRepository, NewToken, NewUser, Source, Store, StoreUrl, User, Visibility,
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Of how many repositories a host tells for a person.
const N_LISTED: usize = 2_000;
/// How often each search is asked.
const N_ROUNDS: usize = 400;
const N_STREAMS: usize = 32;
const N_REVOCATIONS: usize = 200;
/// From what is found at once to what takes a while.
const QUERIES: [&str; 6] = [
    "no_such_identifier_anywhere",
    "mutex",
    "error",
    "case:yes Result",
    "lang:rust unwrap",
    "/[a-z]+_lock\\(/ count:all",
];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let corpus = arguments.next().ok_or("name a folder of repositories")?;
    let n_repos: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let n_people: usize = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let folder = std::env::temp_dir().join(format!("sourcekeep-authorization-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder, Path::new(&corpus), n_repos, n_people).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &Path, corpus: &Path, n_repos: usize, n_people: usize) -> Result<(), Failure> {
    let begun = Instant::now();
    let (store, deps) = open(folder, corpus).await?;
    let real = real_repositories(&store).await?;
    let rows = rows(&store, n_repos.saturating_sub(real.len())).await?;
    let host = HostId("host".into());
    store.set_permission_source(&host, 96 * BOUND_DEFAULT).await?;
    let all: Vec<RepoId> = real.iter().chain(&rows).copied().collect();
    let people = people(&store, &host, &real, &all, n_people).await?;
    println!(
        "{} repositories ({} of them indexed), {n_people} people, made in {:.0} s",
        all.len(),
        real.len(),
        begun.elapsed().as_secs_f64()
    );
    let served = Served::start(deps).await?;
    let (token, _) = store
        .create_token(NewToken {
            user: people[1].id,
            label: "measured".into(),
            scope: Scope { verbs: Verbs::READ, ..Scope::FULL },
        })
        .await?;
    searches(&store, &served, token.reveal()).await?;
    revocations(&store, &served, token.reveal(), real[0], &people).await?;
    served.stop.cancel();
    Ok(())
}

async fn open(folder: &Path, corpus: &Path) -> Result<(Store, Deps), Failure> {
    let data = DataDir::create(folder.join("data"))?;
    let source = vault::KeySource::OwnFile(data.master_key());
    let vault = vault::Vault::open_source(source, Arc::new(SystemRandomness))?;
    let options = store::Options { vault, audit_head: Some(data.audit_head()), ..store::Options::default() };
    let store = Store::open_with(&StoreUrl::file(data.database()), options).await?;
    let add = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::LocalOperator };
    mirror::add(&store, SourceArgument::Directory(corpus.to_owned()), &add).await?;
    let catalog = Arc::new(Catalog::new());
    let clock = Arc::new(SystemClock);
    let (worker, _) = Worker::start(WorkerOptions {
        store: store.clone(),
        data: data.clone(),
        catalog: Arc::clone(&catalog),
        board: Board::new(),
        clock: clock.clone(),
        git: git::GitProgramOptions::default(),
        schemes: git::Schemes::default(),
        credentials: Arc::new(|_| Ok(None)),
        n_threads: 2,
        n_jobs: 1,
        file_bytes_max: 1 << 20,
        local_poll: Duration::from_secs(3600),
        fetch_seconds: (3600, 3600),
    })
    .await?;
    worker.drain(&CancellationToken::new()).await?;
    let searcher = Arc::new(Searcher::new(std::thread::available_parallelism().map_or(2, usize::from))?);
    let exports = Exports::new(ExportOptions {
        store: store.clone(),
        catalog: Arc::clone(&catalog),
        searcher: Arc::clone(&searcher),
        folder: data.exports(),
        clock: clock.clone(),
        formats: server::export_formats(),
        limits: ExportLimits::default(),
    });
    let hosts = hosts::SyncWorker::new(hosts::SyncOptions {
        store: store.clone(),
        around: hosts::Surroundings {
            egress: egress::Egress::unrecorded(),
            clock: clock.clone(),
            git: git::GitProgramOptions::default(),
            schemes: git::Schemes::default(),
        },
        queue: Arc::new(|_| Box::pin(async { Ok(()) })),
        credentials: hosts::CredentialBook::default(),
    });
    let uploads = uploads::Uploads::new(uploads::UploadOptions {
        store: store.clone(),
        folder: data.precise(),
        open: Arc::new(|_| None),
        clock: clock.clone(),
        limits: uploads::UploadLimits::default(),
    });
    let deps = Deps {
        uploads,
        hosts,
        store: store.clone(),
        exports,
        catalog,
        searcher,
        board: Board::new(),
        data_dir: data,
        git: git::OpenOptions::default(),
        clock,
    };
    Ok((store, deps))
}

async fn real_repositories(store: &Store) -> Result<Vec<RepoId>, Failure> {
    let all = store.access_set(&Actor::LOCAL_OPERATOR).await?;
    Ok(all.repos().collect())
}

async fn rows(store: &Store, n: usize) -> Result<Vec<RepoId>, Failure> {
    let mut ids = Vec::with_capacity(n);
    let numbers: Vec<usize> = (0..n).collect();
    for numbers in numbers.chunks(5_000) {
        let new = |number: &usize| {
            Ok::<_, Failure>(NewRepository {
                names: vec![RepoName::new(format!("group-{}/repository-{number}", number % 500))?],
                source: Source::Local(format!("/src/{number}").into()),
                visibility: Visibility::Private,
                unrestricted: number.is_multiple_of(10),
                fork: false,
                archived: false,
            })
        };
        let new = numbers.iter().map(new).collect::<Result<Vec<_>, _>>()?;
        for added in store.add_repositories(new, Adder::LocalOperator).await? {
            ids.push(added?.repository.id);
        }
    }
    Ok(ids)
}

/// People whose host tells of all that is indexed, and of many others.
async fn people(
    store: &Store,
    host: &HostId,
    real: &[RepoId],
    all: &[RepoId],
    n: usize,
) -> Result<Vec<User>, Failure> {
    let (mut people, mut state) = (Vec::with_capacity(n), 1u64);
    for number in 0..n {
        let name = UserName::new(&format!("person{number}"))?;
        let user =
            store.create_user(NewUser { name, password: None::<Password>, role: Role::Member }).await?;
        let account = AccountId::new(number.to_string()).ok_or("a number is an identifier")?;
        store.link_identity(host, &account, user.id, "login").await?;
        // The first of them they read by a grant alone, which can be taken away.
        let mut listed: RepoSet = real.iter().skip(1).copied().collect();
        for _ in 0..N_LISTED {
            // An LCG of Knuth's (MMIX): spread out, the same each time.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let repo = all[usize::try_from(state >> 33)? % all.len()];
            if repo != real[0] {
                listed.insert(repo);
            }
        }
        let now = access::Clock::now(&SystemClock);
        store.apply_account_repositories(host, &Reader::Account(account), &listed, now).await?;
        people.push(user);
    }
    Ok(people)
}

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Served {
    async fn start(deps: Deps) -> Result<Served, Failure> {
        // Each search runs: what was found before is not given again.
        let config = ServerConfig { keeps_answers: false, ..ServerConfig::default() };
        let server = Server::new(config, deps);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, stop) = (listener.local_addr()?, CancellationToken::new());
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            if let Err(error) = server.serve(listener, stopped).await {
                println!("the server stopped: {error}");
            }
        });
        Ok(Served { address, stop })
    }

    async fn connect(&self) -> Result<BufReader<TcpStream>, Failure> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(BufReader::new(stream))
    }
}

fn request(target: &str, token: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAuthorization: Bearer {token}\r\n\r\n").into_bytes()
}

fn search(query: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    format!("/api/v1/search?limit=50&q={encoded}")
}

/// Sends a request on a connection that stays open; returns the status and how much was answered.
async fn ask(stream: &mut BufReader<TcpStream>, request: &[u8]) -> Result<(u16, usize), Failure> {
    stream.write_all(request).await?;
    let (mut line, mut status, mut length) = (String::new(), 0, 0);
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err("the connection was closed".into());
        }
        let text = line.trim_end();
        if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse()?;
        } else if let Some((_, value)) =
            text.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.parse()?;
        } else if text.is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok((status, length))
}

/// What one search costs, of that recognising the caller and reading their rights, and what waiting for the log adds.
async fn searches(store: &Store, served: &Served, token: &str) -> Result<(), Failure> {
    let token_read = access::Token::parse(token)?;
    let mut stream = served.connect().await?;
    let mut door = Vec::new();
    for _ in 0..N_ROUNDS {
        let begun = Instant::now();
        let caller = store.recognize_token(&token_read).await?.ok_or("a token that was just made")?;
        store.access_set_of(&caller).await?;
        door.push(begun.elapsed());
    }
    let mut written = Vec::new();
    for number in 0..N_ROUNDS {
        let entry = access::audit::Entry::new(
            access::audit::Act::Search,
            access::audit::Object::named("query", "measured"),
        );
        let begun = Instant::now();
        store.record_read(entry.detail("number", number)).await?;
        written.push(begun.elapsed());
    }
    let door = Times::of(door);
    println!("recognising a caller and reading their rights: {door}");
    println!("writing an entry of the audit log: {}", Times::of(written));
    for query in QUERIES {
        let request = request(&search(query), token);
        let (mut whole, mut n_bytes) = (Vec::new(), 0);
        for _ in 0..N_ROUNDS {
            let begun = Instant::now();
            let (status, length) = ask(&mut stream, &request).await?;
            whole.push(begun.elapsed());
            n_bytes = length;
            if status != 200 {
                return Err(format!("'{query}' was answered with {status}").into());
            }
        }
        let whole = Times::of(whole);
        println!(
            "search '{query}' over HTTP: {whole}, {n_bytes} bytes; the door's share of p50 {:.1} %",
            100.0 * door.at(0.5) / whole.at(0.5)
        );
    }
    Ok(())
}

/// How long it takes until a revocation is acknowledged while streams run, somebody's own among them.
async fn revocations(
    store: &Store,
    served: &Served,
    token: &str,
    repo: RepoId,
    people: &[User],
) -> Result<(), Failure> {
    let request = request("/api/v1/search?stream=1&q=count%3Aall+%2F%5Ba-z%5D%2B%2F", token);
    let running = CancellationToken::new();
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..N_STREAMS {
        let (address, request, running) = (served.address, request.clone(), running.clone());
        streams.spawn(async move {
            let mut n_bytes = 0u64;
            let mut buffer = vec![0; 1 << 16];
            while !running.is_cancelled() {
                let Ok(mut stream) = TcpStream::connect(address).await else { break };
                if stream.write_all(&request).await.is_err() {
                    continue;
                }
                loop {
                    tokio::select! {
                        read = stream.read(&mut buffer) => match read {
                            Ok(0) | Err(_) => break,
                            Ok(n) => {
                                n_bytes += n as u64;
                                if buffer[..n].windows(7).any(|window| window == b"\r\n0\r\n\r\n") {
                                    break;
                                }
                            }
                        },
                        () = running.cancelled() => return n_bytes,
                    }
                }
            }
            n_bytes
        });
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (mut others, mut own) = (Vec::new(), Vec::new());
    for number in 0..N_REVOCATIONS {
        let (user, times) =
            if number % 2 == 0 { (people[1].id, &mut own) } else { (people[2].id, &mut others) };
        store.grant(repo, user).await?;
        let begun = Instant::now();
        let epoch = store.revoke(repo, user).await?;
        if !store.settled(epoch, Duration::from_secs(30)).await? {
            return Err("a revocation was not acknowledged".into());
        }
        times.push(begun.elapsed());
    }
    running.cancel();
    let mut n_bytes = 0;
    while let Some(read) = streams.join_next().await {
        n_bytes += read?;
    }
    println!("{N_STREAMS} streams of one person ran meanwhile and received {:.0} MB", n_bytes as f64 / 1e6);
    println!("revocation of theirs, acknowledged after: {}", Times::of(own));
    println!("revocation of somebody else's, acknowledged after: {}", Times::of(others));
    Ok(())
}

/// Sorted times.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        Times(times)
    }

    /// In milliseconds.
    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
            self.at(0.5),
            self.at(0.95),
            self.at(0.99)
        )
    }
}
