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
    if let Some(way_out) = std::env::var_os(egress::Relay::VARIABLE) {
        return relay(&way_out.to_string_lossy());
    }
    let cli = Cli::parse();
    terminal::choose_color(cli.common.color);
    match run(cli) {
        Ok(outcome) => outcome.into(),
        Err(error) => failure::report(&error).into(),
    }
}

/// What ssh and git run to connect through the server: `sourcekeep HOST PORT`, with the way out in the environment.
fn relay(way_out: &str) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let relayed = match (&arguments[..], tokio::runtime::Builder::new_current_thread().enable_all().build()) {
        ([host, port], Ok(runtime)) => match port.parse() {
            Ok(port) => {
                let done = runtime.block_on(async {
                    let (input, output) = (stream(std::io::stdin())?, stream(std::io::stdout())?);
                    egress::Relay::run(way_out, host, port, input, output).await
                });
                // A read of the input that nobody will answer must not keep the process.
                runtime.shutdown_background();
                done
            }
            Err(_) => Err(egress::RelayError::NotLent),
        },
        _ => Err(egress::RelayError::NotLent),
    };
    match relayed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::warning(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// One of the standard streams, read or written on threads of the runtime.
fn stream(standard: impl std::os::fd::AsFd) -> Result<tokio::fs::File, egress::RelayError> {
    let owned = standard.as_fd().try_clone_to_owned().map_err(egress::RelayError::Door)?;
    Ok(tokio::fs::File::from_std(std::fs::File::from(owned)))
}

fn run(cli: Cli) -> anyhow::Result<Outcome> {
    let app = App::new(cli.common, Environment::of_process(), std::env::current_dir()?);
    // Before there are threads: each of them is behind it then.
    app.begin_air_gap(&cli.command)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(app, cli.command));
    // What still blocks (a search that was interrupted, say) must not keep the process.
    runtime.shutdown_background();
    outcome
}
