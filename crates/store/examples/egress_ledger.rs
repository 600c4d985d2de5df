//! What the egress ledger costs: time before a connection opens, time for its end, and bytes kept of each.
//!
//! `cargo run --release -p store --example egress_ledger [N_CONNECTIONS]`

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use access::SystemRandomness;
use egress::{Closing, Ledger as _, Opening, Outcome, Purpose};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{EgressLedger, Options, Store, StoreUrl};
use vault::{KeySource, Vault};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let n_connections: u32 = std::env::args().nth(1).map_or(Ok(2000), |text| text.parse())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(n_connections))
}

/// Connections before what is kept of each is measured.
const N_FIRST: u32 = 200;

async fn measure(n_connections: u32) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("store.db");
    let store = open(folder.path()).await?;
    connect(&store, folder.path(), 0..N_FIRST).await?;
    // Closing brings what was written ahead into the file.
    store.close().await;
    let n_bytes_before = std::fs::metadata(&file)?.len();
    let store = open(folder.path()).await?;
    let (opening, closing) = connect(&store, folder.path(), N_FIRST..N_FIRST + n_connections).await?;
    println!("{n_connections} connections");
    for (what, mut times) in [("before a connection opens", opening), ("after it is over", closing)] {
        times.sort();
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
        let mean = times.iter().sum::<Duration>().as_secs_f64() * 1e3 / times.len() as f64;
        println!(
            "{what}: mean {mean:.3} ms, p50 {:.3} ms, p95 {:.3} ms, p99 {:.3} ms",
            at(50),
            at(95),
            at(99)
        );
    }
    let start = Instant::now();
    let report = store.verify_egress(&[], |_| {}).await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("proven: {} entries in {seconds:.2} s, intact: {}", report.n_entries, report.is_intact());
    store.close().await;
    let n_bytes = std::fs::metadata(&file)?.len() - n_bytes_before;
    println!("kept: {:.0} bytes a connection", n_bytes as f64 / f64::from(n_connections));
    Ok(())
}

async fn open(folder: &Path) -> Result<Store, Box<dyn std::error::Error>> {
    let source = KeySource::OwnFile(folder.join("master.key"));
    let vault = Vault::open_source(source, Arc::new(SystemRandomness))?;
    let options = Options { vault, ..Options::default() };
    Ok(Store::open_with(&StoreUrl::file(folder.join("store.db")), options).await?)
}

type Times = (Vec<Duration>, Vec<Duration>);

async fn connect(
    store: &Store,
    folder: &Path,
    numbers: Range<u32>,
) -> Result<Times, Box<dyn std::error::Error>> {
    let ledger = EgressLedger::new(store.clone(), Some(folder.join("egress.checkpoint")));
    let (mut opening, mut closing) = (Vec::new(), Vec::new());
    for n in numbers {
        let opened = Opening {
            purpose: Purpose::GitFetch,
            host: "git.example.org".into(),
            port: 443,
            address: "203.0.113.77".parse()?,
            initiator: format!("git fetch of repository {n}"),
            code: "crates/git/src/command.rs:240".into(),
        };
        let start = Instant::now();
        let entry = ledger.open(opened).await?;
        opening.push(start.elapsed());
        let (n_sent, n_received) = (u64::from(n) * 7, u64::from(n) * 7001);
        let end = Closing { outcome: Outcome::Closed, n_sent, n_received, digest: [n as u8; 32] };
        let start = Instant::now();
        ledger.close(entry, end).await?;
        closing.push(start.elapsed());
    }
    Ok((opening, closing))
}
