//! What comes over the wire that no client would send: requests that two readers could part differently, and heads that
//! never end.
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
    let head_timeout = Duration::from_millis(300);
    let config = ServerConfig { drain_timeout: Duration::ZERO, head_timeout, ..ServerConfig::default() };
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
