//! The benchmark: build an index of a real corpus with the real binary, ask it a set of queries over HTTP, and put
//! ripgrep, git grep and csearch beside it in the same run.

mod corpus;
mod instance;
mod queries;
mod report;
mod rivals;

use crate::run;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A git repository, or a plain source tree (which is committed to a temporary repository first).
    #[arg(long)]
    corpus: PathBuf,
    /// A name for the corpus in the report; the folder's name where it is not given.
    #[arg(long)]
    name: Option<String>,
    /// The query set.
    #[arg(long, default_value = "bench/queries/linux.toml")]
    queries: PathBuf,
    /// How often each query is asked.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Leave the other tools out.
    #[arg(long)]
    alone: bool,
    /// Keep the index in this folder and use the one that is there.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the report goes, as `<out>/<date>-<name>.{md,json}`.
    #[arg(long, default_value = "bench/runs")]
    out: PathBuf,
}

/// Runs the whole benchmark and writes its report.
pub(crate) fn run(options: &Options) -> Result<()> {
    run::run("cargo", &["build", "--release", "--quiet", "--package", "sourcekeep"])?;
    let binary = run::target_dir().join("release/sourcekeep");
    let set = queries::load(&run::root().join(&options.queries))?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let corpus = corpus::prepare(&options.corpus, scratch.path())?;
    let data = options.data.clone().unwrap_or_else(|| scratch.path().join("data"));
    let indexing = instance::index(&binary, &data, &corpus)?;
    eprintln!("indexed: {}", indexing.line());
    let mut instance = instance::Instance::start(&binary, &data)?;
    let mut rows = Vec::new();
    for query in &set.queries {
        let mut row = instance.measure(query, options.rounds)?;
        if !options.alone {
            row.rivals = rivals::measure(query, &corpus, scratch.path())?;
        }
        eprintln!("{}", row.line());
        rows.push(row);
    }
    let rest = instance.memory()?;
    let name = options.name.clone().unwrap_or_else(|| corpus.name.clone());
    let report = report::Report { name, indexing, cold_start_ms: instance.cold_start_ms, rest, rows };
    report.write(&run::root().join(&options.out))
}
