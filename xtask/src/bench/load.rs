//! Several clients at once, each on a connection of its own, asking the whole mix over and over.

use super::report::Latency;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What a load came to.
#[derive(Serialize)]
pub(crate) struct Load {
    /// Whether answers were given again; otherwise each search ran.
    pub(crate) keeps_answers: bool,
    pub(crate) n_clients: usize,
    pub(crate) n_queries: u64,
    pub(crate) per_second: f64,
    pub(crate) latency: Latency,
    pub(crate) p99_ms: f64,
    /// Processor time of the server, in milliseconds a query.
    pub(crate) cpu_ms_per_query: f64,
}

/// Asks `queries` (first page, 50 results) with `n_clients` clients for `length`.
pub(crate) fn run(
    address: &str,
    token: &str,
    server: u32,
    queries: &[String],
    n_clients: usize,
    length: Duration,
) -> Result<Load> {
    let requests: Vec<String> = queries.iter().map(|query| request(address, token, query)).collect();
    let before = cpu_ms(server)?;
    let start = Instant::now();
    let series: Vec<Result<Vec<f64>>> = std::thread::scope(|scope| {
        let client = |number: usize| {
            let requests = &requests;
            move || ask(address, requests, number, start + length)
        };
        let clients: Vec<_> = (0..n_clients).map(|number| scope.spawn(client(number))).collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a client panicked"))))
            .collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu_ms(server)? - before;
    let mut all = series.into_iter().collect::<Result<Vec<_>>>()?.concat();
    all.sort_by(f64::total_cmp);
    let n_queries = all.len() as u64;
    let p99_ms = all.get(all.len() * 99 / 100).copied().unwrap_or(0.0);
    Ok(Load {
        keeps_answers: false,
        n_clients,
        n_queries,
        per_second: n_queries as f64 / seconds,
        latency: Latency::of(all),
        p99_ms,
        cpu_ms_per_query: cpu / n_queries.max(1) as f64,
    })
}

fn request(address: &str, token: &str, query: &str) -> String {
    let mut encoded = String::new();
    for byte in query.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    format!(
        "GET /api/v1/search?limit=50&q={encoded} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
}

/// The latencies of one client, in milliseconds.
fn ask(address: &str, requests: &[String], number: usize, end: Instant) -> Result<Vec<f64>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::with_capacity(1 << 16, stream);
    let mut body = Vec::new();
    let mut series = Vec::new();
    // Each client begins somewhere else, so that they do not ask the same at the same time.
    for request in requests.iter().cycle().skip(number * requests.len() / 8) {
        let start = Instant::now();
        if start >= end {
            break;
        }
        reader.get_mut().write_all(request.as_bytes())?;
        read_answer(&mut reader, &mut body)
            .with_context(|| format!("asking {}", request.lines().next().unwrap_or("")))?;
        series.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(series)
}

fn read_answer(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Result<()> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.starts_with("HTTP/1.1 200") {
        bail!("the server answered '{}'", line.trim());
    }
    let mut length = None;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse::<usize>().ok()
            }
            Some(_) => {}
            None => break,
        }
    }
    body.resize(length.context("the answer has no content-length")?, 0);
    reader.read_exact(body)?;
    Ok(())
}

/// Processor time of a process so far, in milliseconds.
pub(crate) fn cpu_ms(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
    // Clock ticks are hundredths of a second on every Linux there is.
    let used = ticks(11).zip(ticks(12)).context("/proc/<pid>/stat has another form")?;
    Ok((used.0 + used.1) * 10.0)
}
