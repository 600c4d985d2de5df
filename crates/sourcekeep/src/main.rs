//! The binary: command line, configuration, wiring.
//!
//! Layer 6. `cli` says what may be typed, `config` what may be set, `commands` what each command does with the crates
//! below; `terminal` and `progress` are how it looks. Nothing here is logic that another front end would need.

mod app;
mod cli;
mod commands;
mod config;
mod failure;
mod logging;
mod progress;
mod signals;
mod table;
mod terminal;

use app::App;
use clap::Parser as _;
use cli::Cli;
use config::Environment;
use failure::Outcome;
use std::process::ExitCode;

/// Measured after indexing the Linux source, in anonymous memory at rest: 91 MB with version 2 of this allocator, 268 MB with
/// the C library's, 412 MB with version 3.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    terminal::choose_color(cli.common.color);
    match run(cli) {
        Ok(outcome) => outcome.into(),
        Err(error) => failure::report(&error).into(),
    }
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let app = App::new(cli.common, Environment::of_process(), std::env::current_dir()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(app, cli.command));
    // What still blocks (a search that was interrupted, say) must not keep the process.
    runtime.shutdown_background();
    outcome
}
