//! Each connection is written down, once, before it opens; what cannot be written down does not leave.

use crate::server::{Answer, Server, ok};
use crate::world::{Names, get, networks};
use egress::{
    Client, Closing, Destination, Door, Egress, EntryId, Ledger, LedgerError, Limits, Mode, Opening, Outcome,
    Policy, Purpose, Reach, Refusal, Relay, RelayError, SAYING_BYTES_MAX, Saying, SendError, Written,
};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A ledger in memory, which can be made to fail.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) opened: Mutex<Vec<Opening>>,
    pub(crate) closed: Mutex<Vec<(EntryId, Closing)>>,
    pub(crate) refused: Mutex<Vec<Refusal>>,
    pub(crate) said: Mutex<Vec<Saying>>,
    pub(crate) is_full: Mutex<bool>,
}

impl Book {
    fn write<T: Send + 'static>(&self, write: impl FnOnce() -> T) -> Written<T> {
        let written = match *self.is_full.lock().unwrap() {
            true => Err(LedgerError { reason: "no space left on device".into() }),
            false => Ok(write()),
        };
        Box::pin(async move { written })
    }
}

impl Ledger for Book {
    fn open(&self, opening: Opening) -> Written<EntryId> {
        self.write(|| {
            let mut opened = self.opened.lock().unwrap();
            opened.push(opening);
            EntryId(opened.len() as i64 - 1)
        })
    }

    fn close(&self, opened: EntryId, closing: Closing) -> Written<()> {
        self.write(|| self.closed.lock().unwrap().push((opened, closing)))
    }

    fn refuse(&self, refusal: Refusal) -> Written<()> {
        self.write(|| self.refused.lock().unwrap().push(refusal))
    }

    fn say(&self, saying: Saying) -> Written<()> {
        self.write(|| self.said.lock().unwrap().push(saying))
    }
}

fn door_with(names: Arc<Names>, mode: Mode) -> (Egress, Arc<Book>) {
    let book = Arc::new(Book::default());
    (Egress::new(names, Policy { mode, ..Policy::default() }, Arc::clone(&book) as _), book)
}

fn client(egress: &Egress, base: &str) -> Client {
    let destination =
        Destination::new(Purpose::CodeHost, base, networks(&["127.0.0.0/8"]), Reach::OwnOrigin).unwrap();
    egress.client(destination.asked_by("code host 7"), Limits::default()).unwrap()
}

#[tokio::test]
async fn what_is_written_down_is_what_crossed_the_wire() {
    let server = Server::start(|head| ok("", &vec![b'x'; 1000 + head.len()])).await;
    let (egress, book) = door_with(Names::of(&[]), Mode::Open);
    for n in 0..3 {
        let client = client(&egress, &server.url(""));
        get(&client, &server.url(&format!("/{}", "a".repeat(n)))).await.unwrap();
    }
    egress.settled().await;
    let (opened, mut closed) = (book.opened.lock().unwrap().clone(), book.closed.lock().unwrap().clone());
    closed.sort_by_key(|(entry, _)| *entry);
    let requests = server.heads();
    assert_eq!((opened.len(), closed.len(), requests.len()), (3, 3, 3));
    for (at, (entry, closing)) in closed.iter().enumerate() {
        assert_eq!(entry.0 as usize, at);
        assert_eq!((closing.outcome, closing.n_sent as usize), (Outcome::Closed, requests[at].len()));
        // The server tells what it heard in small letters.
        assert!(closing.n_received as usize > 1000 + requests[at].len());
    }
    assert_ne!(closed[0].1.digest, closed[1].1.digest);
    let first = &opened[0];
    assert_eq!((first.host.as_str(), first.port), ("127.0.0.1", server.address.port()));
    assert_eq!((first.initiator.as_str(), first.purpose), ("code host 7", Purpose::CodeHost));
    assert!(first.code.starts_with("crates/egress/tests/it/ledger.rs:"), "{}", first.code);
}

/// S-ledger-full
#[tokio::test]
async fn what_cannot_be_written_down_does_not_leave() {
    let server = Server::start(|_| ok("", b"hello")).await;
    let (egress, book) = door_with(Names::of(&[]), Mode::Open);
    *book.is_full.lock().unwrap() = true;
    let client = client(&egress, &server.url(""));
    let error = get(&client, &server.url("/")).await.unwrap_err();
    assert!(matches!(error, SendError::Ledger(_)), "{error:?}");
    assert!(
        error.to_string().contains("nothing was sent") && error.to_string().contains("no space left"),
        "{error}"
    );
    assert!(server.heads().is_empty());
    *book.is_full.lock().unwrap() = false;
    assert_eq!(get(&client, &server.url("/")).await.unwrap().body(), b"hello", "it heals by itself");
}

/// S-mode
#[tokio::test]
async fn what_the_mode_does_not_let_out_is_refused_and_told_once() {
    let names = Names::of(&[("git.example.org", &[&["127.0.0.1"]])]);
    let (egress, book) = door_with(Arc::clone(&names), Mode::AirGapped);
    let client = client(&egress, "https://git.example.org");
    for _ in 0..3 {
        let error = get(&client, "https://git.example.org/a").await.unwrap_err();
        assert!(matches!(error, SendError::Policy(_)), "{error:?}");
        assert!(error.to_string().contains("air-gapped"), "{error}");
    }
    assert!(names.asked().is_empty(), "its name is not even asked for");
    assert!(book.opened.lock().unwrap().is_empty());
    let refused = book.refused.lock().unwrap().clone();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].host.as_str(), refused[0].port), ("git.example.org", 443));
}

#[tokio::test]
async fn a_connection_that_fails_is_an_entry_too() {
    let (egress, book) = door_with(Names::of(&[]), Mode::Open);
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let base = format!("http://{free}");
    assert!(get(&client(&egress, &base), &base).await.is_err());
    egress.settled().await;
    let closed = book.closed.lock().unwrap().clone();
    assert_eq!(book.opened.lock().unwrap().len(), 1);
    assert_eq!((closed[0].1.outcome, closed[0].1.n_sent), (Outcome::Failed, 0));
    assert_eq!(closed[0].1.digest, <[u8; 32]>::from(Sha256::digest(b"")));
}

/// A server that says back what it hears.
async fn echo() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_child_goes_out_through_the_door_and_is_counted() {
    let there = echo().await;
    let names = Names::of(&[("git.example.org", &[&["127.0.0.1"]])]);
    let (egress, book) = door_with(names, Mode::Open);
    let door = Door::open(&egress, None).await.unwrap();
    let base = format!("http://git.example.org:{}/app.git", there.port());
    let destination =
        || Destination::new(Purpose::GitFetch, &base, networks(&["127.0.0.0/8"]), Reach::OwnOrigin).unwrap();
    let pass = door.pass(destination().asked_by("fetch of app")).unwrap();
    let said: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let mut heard = Vec::new();
    Relay::run(&pass.proxy_url(), "git.example.org", there.port(), &said[..], &mut heard).await.unwrap();
    assert_eq!(heard, said);
    // Elsewhere its pass is worth nothing, nor is a pass that was given back, nor another password.
    let refused = Relay::run(&pass.proxy_url(), "127.0.0.1", there.port(), &b""[..], &mut heard).await;
    assert!(matches!(refused, Err(RelayError::Refused(2))), "{refused:?}");
    let url = pass.proxy_url();
    drop(pass);
    assert!(Relay::run(&url, "git.example.org", there.port(), &b""[..], &mut heard).await.is_err());
    egress.settled().await;
    let closed = book.closed.lock().unwrap().clone();
    assert_eq!(closed.len(), 1);
    let closing = closed[0].1;
    assert_eq!((closing.n_sent, closing.n_received), (200_000, 200_000));
    assert_eq!(closing.digest, <[u8; 32]>::from(Sha256::digest(&said)));
    let opened = book.opened.lock().unwrap().clone();
    assert_eq!((opened[0].initiator.as_str(), opened[0].host.as_str()), ("fetch of app", "git.example.org"));
}

/// S-door
#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "whoever wants out without a pass")]
async fn the_door_lets_nobody_out_without_a_pass() {
    let (egress, book) = door_with(Names::of(&[]), Mode::Open);
    let door = Door::open(&egress, None).await.unwrap();
    for hello in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x05\x01\x00",
        b"\x05\x00",
        b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00",
        b"\x05\x01\x02\x01\x04pass\x03bad\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50",
        b"\x05\x01\x02\x01\x04pass\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50",
    ] {
        let mut stream = tokio::net::TcpStream::connect(door.address()).await.unwrap();
        stream.write_all(hello).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.len() <= 4 && !answer.windows(2).any(|pair| pair == [5, 0]), "{hello:?}: {answer:?}");
    }
    assert!(book.opened.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_door_keeps_to_the_addresses_that_are_allowed() {
    let there = echo().await;
    let names = Names::of(&[("git.example.org", &[&["127.0.0.1"]])]);
    let (egress, book) = door_with(names, Mode::Open);
    let door = Door::open(&egress, None).await.unwrap();
    let base = format!("http://git.example.org:{}/", there.port());
    let pass =
        door.pass(Destination::new(Purpose::GitFetch, &base, vec![], Reach::OwnOrigin).unwrap()).unwrap();
    let refused = Relay::run(&pass.proxy_url(), "git.example.org", there.port(), &b""[..], Vec::new()).await;
    assert!(matches!(refused, Err(RelayError::Refused(2))), "{refused:?}");
    assert!(book.opened.lock().unwrap().is_empty());
    assert!(book.refused.lock().unwrap()[0].reason.contains("an address of this machine itself"));
    let elsewhere = Relay::run("socks5h://pass:x@192.0.2.1:9", "h", 1, &b""[..], Vec::new()).await;
    assert!(matches!(elsewhere, Err(RelayError::NotLent)));
}

#[tokio::test]
async fn silence_does_not_hold_the_ledger_open() {
    let server = Server::start(|_| Answer::Silence(Vec::new())).await;
    let (egress, book) = door_with(Names::of(&[]), Mode::Open);
    let limits = Limits { silence_max: std::time::Duration::from_millis(100), ..Limits::default() };
    let destination =
        Destination::new(Purpose::CodeHost, &server.url(""), networks(&["127.0.0.0/8"]), Reach::OwnOrigin)
            .unwrap();
    let client = egress.client(destination, limits).unwrap();
    assert!(matches!(get(&client, &server.url("/")).await, Err(SendError::TimedOut { .. })));
    drop(client);
    egress.settled().await;
    assert_eq!(book.closed.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_goes_through_a_proxy_is_written_down_as_such() {
    // A proxy that knows one way, and says back what it hears there.
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy_address = proxy.local_addr().unwrap();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut child, _)) = proxy.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(child.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let is_known = head.starts_with("CONNECT git.example.org:443 HTTP/1.1\r\n");
            seen.lock().unwrap().push(head);
            if !is_known {
                child.write_all(b"HTTP/1.1 403 No\r\n\r\n").await.unwrap();
                continue;
            }
            child.write_all(b"HTTP/1.1 200 Fine\r\nX: y\r\n\r\n").await.unwrap();
            let (mut from, mut to) = child.split();
            let _ = tokio::io::copy(&mut from, &mut to).await;
        }
    });
    let (egress, book) = door_with(Names::of(&[]), Mode::Open);
    let door = Door::open(&egress, Some(&format!("http://me:se%20cret@{proxy_address}"))).await.unwrap();
    let pass = |base: &str| {
        let networks = networks(&["127.0.0.0/8"]);
        door.pass(Destination::new(Purpose::GitFetch, base, networks, Reach::OwnOrigin).unwrap()).unwrap()
    };
    let mut heard = Vec::new();
    let known = pass("https://git.example.org/app.git");
    Relay::run(&known.proxy_url(), "git.example.org", 443, &b"hello"[..], &mut heard).await.unwrap();
    assert_eq!(heard, b"hello");
    let unknown = pass("https://other.example.org/app.git");
    assert!(Relay::run(&unknown.proxy_url(), "other.example.org", 443, &b""[..], &mut heard).await.is_err());
    egress.settled().await;
    let opened = book.opened.lock().unwrap().clone();
    assert_eq!(opened.len(), 2);
    assert_eq!((opened[0].host.as_str(), opened[0].port), ("127.0.0.1", proxy_address.port()));
    assert!(
        opened[0].initiator.contains("to git.example.org:443 through the proxy"),
        "{}",
        opened[0].initiator
    );
    assert!(heads.lock().unwrap()[0].contains("Proxy-Authorization: Basic bWU6c2UgY3JldA==\r\n"));
    assert!(Door::open(&egress, Some("socks5://x")).await.is_err());
}

/// A ledger that is written under a lock which others need, too, as a database is.
#[derive(Default)]
struct Locked {
    book: Book,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl Locked {
    fn write<T: Send + 'static>(&self, written: Written<T>) -> Written<T> {
        let lock = Arc::clone(&self.lock);
        Box::pin(async move {
            let _held = lock.lock().await;
            tokio::task::yield_now().await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            written.await
        })
    }
}

impl Ledger for Locked {
    fn open(&self, opening: Opening) -> Written<EntryId> {
        self.write(self.book.open(opening))
    }

    fn close(&self, opened: EntryId, closing: Closing) -> Written<()> {
        self.write(self.book.close(opened, closing))
    }

    fn refuse(&self, refusal: Refusal) -> Written<()> {
        self.write(self.book.refuse(refusal))
    }

    fn say(&self, saying: Saying) -> Written<()> {
        self.write(self.book.say(saying))
    }
}

/// A ping's own bytes are in the ledger before they are sent, and not sent where they cannot be; a code host's are not in it.
#[tokio::test]
async fn what_is_said_of_the_server_stands_in_the_ledger_word_by_word() {
    let server = Server::start(|_| ok("", b"taken")).await;
    let (egress, book) = door_with(Names::of(&[]), Mode::Open);
    let post = async |purpose: Purpose, body: Vec<u8>| {
        let networks = networks(&["127.0.0.0/8"]);
        let destination = Destination::new(purpose, &server.url(""), networks, Reach::OwnOrigin).unwrap();
        let client = egress.client(destination.asked_by("pings"), Limits::default()).unwrap();
        let request = http::Request::post(server.url("/ping")).body(body).unwrap();
        client.send(request).await.map(|answer| answer.status().as_u16())
    };
    let body = b"{\"fields\":{\"people\":5}}\nand a second line".to_vec();
    assert_eq!(post(Purpose::Ping, body.clone()).await.unwrap(), 200);
    assert_eq!(post(Purpose::CodeHost, b"password".to_vec()).await.unwrap(), 200);
    assert_eq!(post(Purpose::Ping, Vec::new()).await.unwrap(), 200);
    {
        let said = book.said.lock().unwrap();
        assert_eq!(said.len(), 1);
        assert_eq!((&said[0].body, said[0].purpose, &*said[0].initiator), (&body, Purpose::Ping, "pings"));
        assert_eq!((&*said[0].host, said[0].port), ("127.0.0.1", server.address.port()));
    }
    let n_opened = book.opened.lock().unwrap().len();
    let too_long = post(Purpose::Ping, vec![b'x'; SAYING_BYTES_MAX + 1]).await;
    assert!(matches!(too_long, Err(SendError::Ledger(_))), "{too_long:?}");
    *book.is_full.lock().unwrap() = true;
    let refused = post(Purpose::Ping, body).await;
    assert!(matches!(refused, Err(SendError::Ledger(_))), "{refused:?}");
    assert_eq!(book.opened.lock().unwrap().len(), n_opened, "nothing was even connected to");
}

/// What was found when requests were sent side by side while their answers were stored: one that nobody polls held the
/// database's only writer.
#[tokio::test]
async fn a_request_that_nobody_polls_holds_nothing_up() {
    let server = Server::start(|_| ok("", b"hello")).await;
    let locked = Arc::new(Locked::default());
    let egress = Egress::new(Names::of(&[]), Policy::default(), Arc::clone(&locked) as _);
    let client = client(&egress, &server.url(""));
    let url = server.url("/");
    let mut request = Box::pin(get(&client, &url));
    // As far as it comes until it waits for the first time, and then left alone, or dropped.
    for is_dropped in [false, true] {
        std::future::poll_fn(|context| {
            let _ = request.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
        if is_dropped {
            drop(std::mem::replace(&mut request, Box::pin(get(&client, &url))));
        }
        let taken = tokio::time::timeout(std::time::Duration::from_secs(5), locked.lock.lock()).await;
        assert!(taken.is_ok(), "the lock is given back whether or not the request goes on");
    }
    drop(request);
    drop(client);
    egress.settled().await;
    let (n_opened, n_closed) =
        (locked.book.opened.lock().unwrap().len(), locked.book.closed.lock().unwrap().len());
    assert_eq!(n_opened, n_closed, "what was opened is closed");
    assert!(n_opened > 0);
}
