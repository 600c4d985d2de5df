//! The one test command: what the README names and `.ci/run` calls.

use crate::{browser, run, tidy, tools};
use anyhow::{Context, Result};
use std::time::Instant;

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only the steps whose name begins with this (`format`, `tidy`, `lints`, `tests`, `projection`, `licences`, `browser`).
    #[arg(long)]
    only: Option<String>,
}

type Step = (&'static str, fn() -> Result<()>);

/// The steps, cheapest first, so that a slip is told early.
const STEPS: [Step; 8] = [
    ("format", || run::run("cargo", &["fmt", "--all", "--check"])),
    ("tidy", tidy::run),
    ("tools", tools::ensure),
    ("lints", lints),
    ("tests", tests),
    ("projection", projection),
    ("licences", licences),
    ("browser", || browser::run(&browser::Options::default())),
];

/// Runs the steps in order and stops at the first that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| name.starts_with(only));
    let mut times = Vec::new();
    for (name, step) in STEPS.iter().filter(|(name, _)| wanted(name)) {
        println!("── {name}");
        let start = Instant::now();
        step().with_context(|| format!("step '{name}'"))?;
        times.push(format!("{name} {} s", start.elapsed().as_secs()));
    }
    println!("── all passed: {}", times.join(" · "));
    Ok(())
}

/// Properties are tried with the same random input each time, so that a run tells of the change and of nothing else;
/// `cargo test` by itself draws new input.
fn tests() -> Result<()> {
    run::run_with(
        "cargo",
        &["test", "--workspace", "--quiet", "--no-fail-fast"],
        &[("PROPTEST_RNG_SEED", "20261122")],
    )
}

/// What somebody hears is what they would hear alone, and each deliberate leak is caught. A build of its own, for the leaks
/// are compiled in.
fn projection() -> Result<()> {
    run::run(
        "cargo",
        &["test", "--workspace", "--features", "server/leaks", "--test", "projection", "--quiet"],
    )
}

fn lints() -> Result<()> {
    run::run("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
}

/// Licences, bans and sources of the dependencies. The tool is installed once into the target folder.
fn licences() -> Result<()> {
    let tools = run::target_dir().join("tools");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() && !run::exists("cargo-deny") {
        let folder = tools.to_string_lossy().into_owned();
        run::run(
            "cargo",
            &["install", "--quiet", "--locked", "--root", &folder, "--profile", "dev", "cargo-deny"],
        )?;
    }
    let program =
        if program.is_file() { program.to_string_lossy().into_owned() } else { "cargo-deny".into() };
    run::run(&program, &["--log-level", "error", "check", "licenses", "bans", "sources"])
}
