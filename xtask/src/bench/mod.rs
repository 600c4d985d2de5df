//! The benchmark: build an index of a real corpus with the real binary, ask it a set of queries over HTTP, and put
//! ripgrep, git grep and csearch beside it in the same run.

pub(crate) mod corpus;
pub(crate) mod instance;
mod load;
mod physical;
mod queries;
pub(crate) mod report;
mod rivals;
mod small;

use crate::run;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many clients the load has.
const N_CLIENTS: usize = 8;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A git repository, a folder of several, or a plain source tree (which is committed to a temporary repository first).
    /// May be given more than once; the small repositories are made of the first.
    #[arg(long, required = true)]
    corpus: Vec<PathBuf>,
    /// Names for the corpora in the report, in the same order; the folders' names where they are not given.
    #[arg(long)]
    name: Vec<String>,
    /// The binary; built in release mode if it is not given.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// The query sets, one for each corpus in the same order.
    #[arg(long, default_value = "bench/queries/linux.toml")]
    queries: Vec<PathBuf>,
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
    /// Keep the indexes in this folder and use those that are there.
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
    anyhow::ensure!(
        options.queries.len() == options.corpus.len(),
        "give one --queries for each --corpus, in the same order"
    );
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (mut parts, mut first) = (Vec::new(), None);
    for (number, (path, queries)) in options.corpus.iter().zip(&options.queries).enumerate() {
        let corpus = corpus::prepare(path, scratch.path())?;
        let name = options.name.get(number).unwrap_or(&corpus.name).clone();
        let set = queries::load(&run::root().join(queries))?;
        parts.push(measure(options, &binary, name, &corpus, &set, scratch.path())?);
        first.get_or_insert(corpus);
    }
    let small = match first.filter(|_| !options.without_small) {
        Some(corpus) => small::measure(&binary, &corpus.work_tree, scratch.path(), options.rounds)?,
        None => Vec::new(),
    };
    let report = report::Report { bandwidth: physical::Bandwidth::measure(), parts, small };
    report.write(&run::root().join(&options.out))
}

/// Measures one corpus.
fn measure(
    options: &Options,
    binary: &Path,
    name: String,
    corpus: &corpus::Corpus,
    set: &queries::QuerySet,
    scratch: &Path,
) -> Result<report::Part> {
    let data = options.data.as_deref().unwrap_or(scratch).join(format!("data-{name}"));
    let indexing = instance::index(binary, &data, corpus)?;
    eprintln!("indexed: {}", indexing.line());
    let mut rows = Vec::new();
    let mut instance = instance::Instance::start(binary, &data, Some(0), false)?;
    let cold_start_ms = instance.cold_start_ms;
    for query in &set.queries {
        let mut row = match instance.measure(query, options.rounds) {
            Ok(row) => row,
            // What another part of the product does not answer yet is no reason to measure nothing.
            Err(error) => report::Row::refused(&query.class, &query.text, format!("{error:#}")),
        };
        if !options.alone {
            row.rivals = rivals::measure(query, corpus, scratch)?;
        }
        eprintln!("{}", row.line());
        rows.push(row);
    }
    let rest = instance.memory()?;
    drop(instance);
    for row in rows.iter_mut().filter(|row| row.note.is_none()) {
        row.bytes_read = instance::bytes_read(binary, &data, &row.text);
    }
    let instance = instance::Instance::start(binary, &data, None, false)?;
    let raw_bytes = instance.wait_for_sidecars(&data)?;
    for row in rows.iter_mut().filter(|row| row.note.is_none()) {
        let (first_page, exhaustive) = instance.again(&row.text, options.rounds)?;
        (row.first_page_raw, row.exhaustive_raw) = (Some(first_page), Some(exhaustive));
    }
    drop(instance);
    let mut loads = Vec::new();
    if options.load_seconds > 0 {
        let asked: Vec<String> =
            rows.iter().filter(|row| row.note.is_none()).map(|row| row.text.clone()).collect();
        let length = Duration::from_secs(options.load_seconds);
        for keeps_answers in [false, true] {
            let instance = instance::Instance::start(binary, &data, None, keeps_answers)?;
            instance.wait_for_sidecars(&data)?;
            for n_clients in [1, N_CLIENTS] {
                loads.push(instance.load(&asked, n_clients, length)?);
            }
        }
    }
    Ok(report::Part { name, indexing, cold_start_ms, rest, raw_bytes, rows, loads })
}
