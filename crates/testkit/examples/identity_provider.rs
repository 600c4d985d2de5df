//! The stub of an identity provider by itself, to try signing in with a browser: `cargo run -p testkit --example
//! identity_provider -- 127.0.0.1:7099 <subject> <name> <address>`.
#![allow(clippy::print_stdout, reason = "it says where it listens")]

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use testkit::identity_provider::{CLIENT_ID, CLIENT_SECRET, StubIdentity, StubProvider};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut next = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let listener = tokio::net::TcpListener::bind(next("127.0.0.1:7099")).await?;
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs() as i64);
    let stub = StubProvider::serve(listener, Arc::new(now));
    stub.sign_in(StubIdentity::with_address(&next("17"), &next("grace"), &next("grace@example.org"), true));
    println!("issuer {}, client {CLIENT_ID}, secret {CLIENT_SECRET}", stub.issuer());
    std::future::pending::<()>().await;
    Ok(())
}
