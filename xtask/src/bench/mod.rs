//! The benchmark: build an index of a real corpus with the real binary, ask it a set of queries over HTTP, and put
//! ripgrep, git grep and csearch beside it in the same run.

mod corpus;
mod instance;
mod load;
mod physical;
mod queries;
mod report;
mod rivals;
mod small;

use crate::run;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::time::Duration;

/// How many clients the load has.
const N_CLIENTS: usize = 8;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A git repository, or a plain source tree (which is committed to a temporary repository first).
    #[arg(long)]
    corpus: PathBuf,
    /// A name for the corpus in the report; the folder's name where it is not given.
    #[arg(long)]
    name: Option<String>,
    /// The binary; built in release mode if it is not given.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The query set.
    #[arg(long, default_value = "bench/queries/linux.toml")]
    queries: PathBuf,
    /// How often each query is asked.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Leave the other tools out.
    #[arg(long)]
    alone: bool,
    /// Leave the thousands of small repositories out.
    #[arg(long)]
    without_small: bool,
    /// How long the clients ask, in seconds; 0 leaves them out.
    #[arg(long, default_value_t = 10)]
    load_seconds: u64,
    /// Keep the index in this folder and use the one that is there.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the report goes, as `<out>/<date>-<name>.{md,json}`.
    #[arg(long, default_value = "bench/runs")]
    out: PathBuf,
}

/// Runs the whole benchmark and writes its report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => {
            run::run("cargo", &["build", "--release", "--quiet", "--package", "sourcekeep"])?;
            run::target_dir().join("release/sourcekeep")
        }
    };
    let set = queries::load(&run::root().join(&options.queries))?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let corpus = corpus::prepare(&options.corpus, scratch.path())?;
    let data = options.data.clone().unwrap_or_else(|| scratch.path().join("data"));
    let indexing = instance::index(&binary, &data, &corpus)?;
    eprintln!("indexed: {}", indexing.line());
    let mut rows = Vec::new();
    let mut instance = instance::Instance::start(&binary, &data, Some(0), false)?;
    let cold_start_ms = instance.cold_start_ms;
    for query in &set.queries {
        let mut row = match instance.measure(query, options.rounds) {
            Ok(row) => row,
            // What another part of the product does not answer yet is no reason to measure nothing.
            Err(error) => report::Row::refused(&query.class, &query.text, format!("{error:#}")),
        };
        if !options.alone {
            row.rivals = rivals::measure(query, &corpus, scratch.path())?;
        }
        eprintln!("{}", row.line());
        rows.push(row);
    }
    let rest = instance.memory()?;
    drop(instance);
    for row in rows.iter_mut().filter(|row| row.note.is_none()) {
        row.bytes_read = instance::bytes_read(&binary, &data, &row.text);
    }
    let instance = instance::Instance::start(&binary, &data, None, false)?;
    let raw_bytes = instance.wait_for_sidecars(&data)?;
    for row in rows.iter_mut().filter(|row| row.note.is_none()) {
        row.exhaustive_raw = Some(instance.exhaustive(&row.text, options.rounds)?);
    }
    drop(instance);
    let mut loads = Vec::new();
    if options.load_seconds > 0 {
        let asked: Vec<String> =
            rows.iter().filter(|row| row.note.is_none()).map(|row| row.text.clone()).collect();
        let length = Duration::from_secs(options.load_seconds);
        for keeps_answers in [false, true] {
            let instance = instance::Instance::start(&binary, &data, None, keeps_answers)?;
            instance.wait_for_sidecars(&data)?;
            for n_clients in [1, N_CLIENTS] {
                loads.push(instance.load(&asked, n_clients, length)?);
            }
        }
    }
    let small = match options.without_small {
        true => Vec::new(),
        false => small::measure(&binary, &corpus.work_tree, scratch.path(), options.rounds)?,
    };
    let bandwidth = physical::Bandwidth::measure();
    let name = options.name.clone().unwrap_or_else(|| corpus.name.clone());
    let report =
        report::Report { name, indexing, cold_start_ms, rest, raw_bytes, bandwidth, rows, loads, small };
    report.write(&run::root().join(&options.out))
}
