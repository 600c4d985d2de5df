//! A server that writes exactly the bytes it is told to, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with one connection.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, then the second ones again and again with a pause between.
    Forever(Vec<u8>, Vec<u8>, Duration),
    /// These bytes, and then nothing, without an end.
    Silence(Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves on loopback; the answer depends on the head of the request.
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&heads));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Some(head) = read_head(&mut stream).await else { return };
                    seen.lock().unwrap().push(head.clone());
                    write(&mut stream, answer(&head)).await;
                });
            }
        });
        Server { address, heads }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// An answer with a length.
pub(crate) fn ok(headers: &str, body: &[u8]) -> Answer {
    let head =
        format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    Answer::Bytes([head.as_bytes(), body].concat())
}

pub(crate) fn redirect(status: u16, locations: &[&str]) -> Answer {
    let lines: String = locations.iter().map(|location| format!("location: {location}\r\n")).collect();
    let head = format!("HTTP/1.1 {status} Moved\r\nconnection: close\r\ncontent-length: 0\r\n{lines}\r\n");
    Answer::Bytes(head.into_bytes())
}

/// The head of an answer whose body ends with the connection.
pub(crate) fn unbounded(headers: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
        }
    }
    Some(String::from_utf8_lossy(&bytes).to_lowercase())
}

async fn write(stream: &mut TcpStream, answer: Answer) {
    match answer {
        Answer::Bytes(bytes) => {
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
        }
        Answer::Forever(first, again, pause) => {
            stream.write_all(&first).await.ok();
            while stream.write_all(&again).await.is_ok() {
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
        }
        Answer::Silence(bytes) => {
            stream.write_all(&bytes).await.ok();
            // Until the other side goes.
            while stream.read(&mut [0; 64]).await.is_ok_and(|n| n > 0) {}
        }
    }
}
