//! What comes over the wire that no client would send: requests that two readers could part differently, and heads that
//! never end, and clients that fall silent.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::world::{Secret, World};
use server::ServerConfig;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A second request that somebody would hide in the first.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: 127.0.0.1:7080\r\n\r\n";

async fn serving(world: &World) -> (SocketAddr, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let (server, stopped) = (world.server.clone(), stop.clone());
    tokio::spawn(async move { server.serve(listener, stopped.cancelled_owned()).await });
    (address, stop)
}

#[allow(clippy::disallowed_methods, reason = "a client of the server under test")]
async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Everything that comes until the server ends the connection.
async fn heard(address: SocketAddr, sent: &str) -> String {
    let mut stream = connect(address).await;
    stream.write_all(sent.as_bytes()).await.unwrap();
    // Nothing more comes from here: what is whole is answered, and what is not is over.
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn world() -> World {
    let config = ServerConfig {
        drain_timeout: Duration::ZERO,
        head_timeout: Duration::from_millis(300),
        stall_timeout: Duration::from_millis(900),
        ..ServerConfig::default()
    };
    World::without_people(Secret::DoesNotExist, config).await
}

fn on_one_thread<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Threats X: request smuggling. Whatever leaves a doubt where a request ends is refused with the connection, and what stands
/// behind it is never a request of its own.
#[test]
fn a_request_whose_end_is_in_doubt_ends_the_connection() {
    on_one_thread(async {
        let world = world().await;
        let (address, stop) = serving(&world).await;
        let length = HIDDEN.len();
        for head in [
            // Two lengths, or none that is one.
            format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
            format!("Content-Length: 0\r\nContent-Length: {length}\r\n"),
            format!("Content-Length: 0, {length}\r\n"),
            format!("Content-Length: +{length}\r\n"),
            format!("Content-Length: 0x{length:x}\r\n"),
            "Content-Length: -1\r\n".into(),
            "Content-Length: 99999999999999999999999999\r\n".into(),
            // A coding that is not chunked at its end, or is written so that some take it for that.
            "Transfer-Encoding: chunked, identity\r\n".into(),
            "Transfer-Encoding: xchunked\r\n".into(),
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".into(),
            // White space where a name ends, folded lines, bare characters.
            format!("Content-Length : {length}\r\n"),
            "Transfer-Encoding : chunked\r\n".into(),
            format!("X: y\r\n Content-Length: {length}\r\n"),
            format!("X: y\rContent-Length: {length}\r\n"),
            "X: \u{0}\r\n".into(),
            // Not a chunk's length.
        ] {
            let sent = format!("POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:7080\r\n{head}\r\n{HIDDEN}");
            let answer = heard(address, &sent).await;
            assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{head:?}: {answer}");
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
        }
        for body in [
            "-1\r\n\r\n",
            "0x1\r\na\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\n",
            "1;\n\r\na\r\n",
            "1\r\nab\r\n0\r\n\r\n",
        ] {
            let sent = format!(
                "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:7080\r\nOrigin: http://127.0.0.1:7080\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n{body}{HIDDEN}"
            );
            let answer = heard(address, &sent).await;
            assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{body:?}: {answer}");
        }
        // Both at once: chunked counts (RFC 9112, 6.3), and then the connection is over.
        let both = format!(
            "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:7080\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}",
            5 + length
        );
        let answer = heard(address, &both).await;
        assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
        // That the second one would have been answered where nothing is in doubt.
        let plain = format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:7080\r\n\r\n{HIDDEN}");
        assert_eq!(heard(address, &plain).await.matches("HTTP/1.1 ").count(), 2);
        stop.cancel();
    });
}

/// Threats X: slow headers. Without its limit the server would wait for ever, and this test with it.
#[test]
fn a_head_that_does_not_end_is_not_waited_for() {
    on_one_thread(async {
        let world = world().await;
        let (address, stop) = serving(&world).await;
        for begun in ["", "G", "GET / HTTP/1.1\r\nHost: 127.0.0.1:7080\r\n", "GET / HTTP/1.1\r\nX-Slow: a"] {
            let mut stream = connect(address).await;
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{begun:?}: {answer}");
        }
        // Nor one that goes on for ever.
        let endless =
            format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:7080\r\n{}", "X-More: x\r\n".repeat(200_000));
        let answer = heard(address, &endless).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        stop.cancel();
    });
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()];
    [&head.concat(), payload].concat()
}

/// What a client of HTTP/2 begins with; its windows for answers have so many bytes.
fn preface(window: u32) -> Vec<u8> {
    let settings = [&[0, 4][..], &window.to_be_bytes()].concat();
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(4, 0, 0, &settings)[..]].concat()
}

/// The head of a `GET`, or of a `POST` whose body is yet to come.
fn head(method: u8, path: &str, flags: u8, stream: u32) -> Vec<u8> {
    let literal = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let fields = [&[method, 0x86, 0x04][..], &literal(path), &[0x01], &literal("127.0.0.1:7080")].concat();
    frame(1, flags, stream, &fields)
}

const GET: u8 = 0x82;
const POST: u8 = 0x83;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Says this and nothing more; gives what came until the server ended the connection. Without its limits the server would wait
/// for ever, and whoever calls this with it.
async fn heard_in_silence(address: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let mut stream = connect(address).await;
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// Threats X: slow headers, in HTTP/2: connections that stay open for a request that never comes.
#[test]
fn a_connection_of_many_streams_is_not_kept_for_nothing() {
    on_one_thread(async {
        let world = world().await;
        let (address, stop) = serving(&world).await;
        let asked = head(GET, "/healthz", END_STREAM | END_HEADERS, 1);
        let unended = head(GET, "/healthz", END_STREAM, 1);
        let more = head(GET, "/healthz", END_STREAM, 3);
        for (sent, is_answered) in [
            (vec![preface(65_535)], false),
            // A head whose end never comes: the first one, and one after a request that was answered.
            (vec![preface(65_535), unended], false),
            (vec![preface(65_535), asked.clone(), more], true),
            // One request and nothing more.
            (vec![preface(65_535), asked], true),
        ] {
            let answer = heard_in_silence(address, &sent.concat()).await;
            assert_eq!(answer.windows(2).any(|pair| pair == b"ok"), is_answered, "{answer:?}");
        }
        stop.cancel();
    });
}

/// Threats X: slow headers' kin: streams that are begun and fall silent, with answers nobody takes.
#[test]
fn streams_that_fall_silent_are_not_waited_for() {
    on_one_thread(async {
        let world = world().await;
        let (address, stop) = serving(&world).await;
        let closed = [0, 2, 1, 4].map(|idx| head(GET, "/sign-in", END_STREAM | END_HEADERS, 2 * idx + 1));
        let answer = heard_in_silence(address, &[preface(0), closed.concat()].concat()).await;
        assert!(!answer.windows(5).any(|word| word == b"<html"), "no window was opened for a body");
        // A body that never comes.
        let begun = head(POST, "/sign-in", END_HEADERS, 1);
        heard_in_silence(address, &[preface(65_535), begun].concat()).await;
        let begun = "POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1:7080\r\nOrigin: http://127.0.0.1:7080\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\nname";
        heard_in_silence(address, begun.as_bytes()).await;
        stop.cancel();
    });
}

/// The same of HTTP/1: somebody asks again and again and reads nothing. What is sent to them then is refused by their own
/// machine once the server has let go.
#[test]
fn who_takes_nothing_is_let_go() {
    on_one_thread(async {
        let world = world().await;
        let (address, stop) = serving(&world).await;
        let mut stream = connect(address).await;
        let asked = "GET /sign-in HTTP/1.1\r\nHost: 127.0.0.1:7080\r\n\r\n".repeat(20);
        while stream.write_all(asked.as_bytes()).await.is_ok() {}
        stop.cancel();
    });
}
