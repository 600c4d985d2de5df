//! Answers without an end, packed, dripping, broken.

use crate::server::{Answer, Server, ok, unbounded};
use crate::world::{client, get};
use egress::{Limits, SendError};
use std::io::Write;
use std::time::Duration;

/// Small enough for a test, large enough for a slow machine.
fn limits() -> Limits {
    Limits { body_bytes_max: 100_000, ..Limits::default() }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn outcome(answer: Answer, limits: Limits) -> Result<Vec<u8>, SendError> {
    let server = Server::start(move |_| answer.clone()).await;
    let client = client(&server.url("/"), limits);
    get(&client, &server.url("/")).await.map(http::Response::into_body)
}

#[tokio::test]
async fn a_packed_answer_is_unpacked() {
    let body = outcome(ok("content-encoding: gzip\r\n", &gzip(b"hello")), limits()).await;
    assert_eq!(body.unwrap(), b"hello");
}

/// S-body-endless
#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let endless = Answer::Forever(unbounded(""), vec![b'a'; 8192], Duration::ZERO);
    assert!(matches!(
        outcome(endless, limits()).await,
        Err(SendError::BodyTooLarge { n_bytes_max: 100_000, .. })
    ));
    let declared =
        Answer::Forever(unbounded("content-length: 99999999999\r\n"), vec![b'a'; 8192], Duration::ZERO);
    assert!(matches!(outcome(declared, limits()).await, Err(SendError::BodyTooLarge { .. })));
    let chunk = b"2000\r\n".iter().copied().chain([b'a'; 0x2000]).chain(*b"\r\n").collect();
    let chunked = Answer::Forever(unbounded("transfer-encoding: chunked\r\n"), chunk, Duration::ZERO);
    assert!(matches!(outcome(chunked, limits()).await, Err(SendError::BodyTooLarge { .. })));
}

/// S-body-compressed
#[tokio::test]
async fn a_packed_body_ends_at_the_limit_on_either_side() {
    let bomb = gzip(&vec![0; 20 << 20]);
    assert!(bomb.len() < 100_000, "what is sent is small");
    let error = outcome(ok("content-encoding: gzip\r\n", &bomb), limits()).await.unwrap_err();
    assert!(matches!(error, SendError::BodyTooLarge { .. }), "{error}");
    // Members that hold nothing, one after the other: nothing is ever unpacked.
    let nothing =
        Answer::Forever(unbounded("content-encoding: gzip\r\n"), gzip(b"").repeat(400), Duration::ZERO);
    let error = outcome(nothing, limits()).await.unwrap_err();
    assert!(matches!(error, SendError::BodyTooLarge { .. }), "{error}");
}

#[tokio::test]
async fn encodings_nobody_asked_for_are_refused() {
    for headers in [
        "content-encoding: br\r\n",
        "content-encoding: gzip, gzip\r\n",
        "content-encoding: gzip\r\ncontent-encoding: gzip\r\n",
    ] {
        let error = outcome(ok(headers, &gzip(&gzip(b"x"))), limits()).await.unwrap_err();
        assert!(matches!(error, SendError::BadEncoding { .. }), "{error}");
    }
    let error = outcome(ok("content-encoding: gzip\r\n", b"<html>"), limits()).await.unwrap_err();
    assert!(matches!(error, SendError::BadEncoding { .. }), "{error}");
}

/// S-body-dripping
#[tokio::test]
async fn dripping_and_silence_end() {
    let drip = Answer::Forever(unbounded(""), b"a".to_vec(), Duration::from_millis(20));
    let short = Limits { time_max: Duration::from_millis(400), ..limits() };
    assert!(matches!(outcome(drip.clone(), short).await, Err(SendError::TimedOut { .. })));
    let quiet = Limits { silence_max: Duration::from_millis(200), ..limits() };
    for silence in [
        Answer::Silence(unbounded("")),
        Answer::Silence(Vec::new()),
        Answer::Silence(b"HTTP/1.1 200".to_vec()),
    ] {
        assert!(matches!(outcome(silence, quiet).await, Err(SendError::TimedOut { .. })));
    }
    // Headers that drip are silence, too: an answer begins when they are there.
    let drip =
        Answer::Forever(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".to_vec(), Duration::from_millis(20));
    assert!(outcome(drip, quiet).await.is_err());
}

/// S-headers-endless
#[tokio::test]
async fn endless_headers_end() {
    let long = ok(&format!("x: {}\r\n", "a".repeat(70_000)), b"");
    assert!(matches!(outcome(long, limits()).await, Err(SendError::HeadersTooLarge { .. })));
    let many = Answer::Forever(b"HTTP/1.1 200 OK\r\n".to_vec(), b"a: b\r\n".repeat(500), Duration::ZERO);
    assert!(matches!(outcome(many, limits()).await, Err(SendError::Transport { .. })));
    let one = Answer::Forever(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 8192], Duration::ZERO);
    assert!(matches!(outcome(one, limits()).await, Err(SendError::Transport { .. })));
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    for bytes in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"]
    {
        let error = outcome(Answer::Bytes(bytes.to_vec()), limits()).await.unwrap_err();
        assert!(matches!(error, SendError::Transport { .. }), "{error}");
        assert!(error.is_passing());
    }
}

/// S-proxy-environment
///
/// The test is its own second process: a variable is set for all threads of one.
#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "this test is its own second process")]
async fn no_proxy_is_taken_from_the_environment() {
    if let Ok(url) = std::env::var("EGRESS_TEST_URL") {
        let client = client(&url, limits());
        assert_eq!(get(&client, &url).await.unwrap().body(), b"straight");
        return;
    }
    let proxy = Server::start(|_| ok("", b"by proxy")).await;
    let server = Server::start(|_| ok("", b"straight")).await;
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "answers::no_proxy_is_taken_from_the_environment"]);
    for variable in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        child.env(variable, proxy.url(""));
    }
    let output = child.env("EGRESS_TEST_URL", server.url("/")).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!((proxy.heads().len(), server.heads().len()), (0, 1));
}
