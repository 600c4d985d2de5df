//! How many requests a cold comparing of a code host takes: `crates/hosts/examples/calls.rs` against the stubs.

use crate::run;
use anyhow::{Context, Result};
use std::path::PathBuf;
use std::process::Command;

/// How large a world.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Repositories.
    #[arg(long, default_value_t = 40_000)]
    repositories: u64,
    /// People, each with an account at the host and one here.
    #[arg(long, default_value_t = 5_000)]
    people: u64,
    /// Repositories that each person reads.
    #[arg(long, default_value_t = 80)]
    per_person: u64,
    /// Where the report goes, as `<out>/<date>-hosts.md`.
    #[arg(long, default_value = "bench/runs")]
    out: PathBuf,
}

/// Runs the measurement and keeps its report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(run::root());
    command.args(["run", "--quiet", "--package", "hosts", "--example", "calls", "--"]);
    command.args([options.repositories, options.people, options.per_person].map(|number| number.to_string()));
    let table = run::output(&mut command)?;
    let table = String::from_utf8_lossy(&table).into_owned();
    let date = jiff::Zoned::now().date();
    let report = format!("# Requests of a cold comparing of each kind of code host, {date}\n\n{table}");
    let path = run::root().join(&options.out).join(format!("{date}-hosts.md"));
    std::fs::write(&path, &report).with_context(|| path.display().to_string())?;
    println!("{report}\nkept in {}", path.display());
    Ok(())
}
