//! What each command does.

mod access;
mod admin;
mod aggregate;
mod config;
mod context;
mod egress;
mod export;
mod group;
mod host;
mod hub;
mod index;
mod lsp;
mod query;
mod registration;
mod repo;
mod search;
mod segment;
mod serve;
mod token;
mod up;
mod user;
mod verify;
mod verify_egress;
mod why;

use crate::app::{App, Opened};
use crate::cli::{Cli, Command, CompletionsArgs};
use crate::failure::Outcome;
use crate::terminal;
use clap::CommandFactory as _;
use std::time::Duration;

/// Does one command.
pub(crate) async fn run(app: App, command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Up(args) => up::run(&app, args).await,
        Command::Serve(args) => serve::run(&app, args).await,
        Command::Search(args) => search::run(&app, args).await,
        Command::Why(args) => why::run(&app, args).await,
        Command::Aggregate(args) => aggregate::run(&app, args).await,
        Command::Egress(args) => egress::run(&app, args).await,
        Command::Export(args) => export::run(&app, args).await,
        Command::Repo(command) => repo::run(&app, command).await,
        Command::Host(command) => host::run(&app, command).await,
        Command::Context(command) => context::run(&app, command).await,
        Command::Index(command) => index::run(&app, command).await,
        Command::Query(command) => query::run(&app, command).await,
        Command::Segment(command) => segment::run(&app, command),
        Command::Config(command) => config::run(&app, command),
        Command::Access(command) => access::run(&app, command).await,
        Command::Group(command) => group::run(&app, command).await,
        Command::User(command) => user::run(&app, command).await,
        Command::Token(command) => token::run(&app, command).await,
        Command::Registration(command) => registration::run(&app, command).await,
        Command::Feed(command) => registration::run_feed(&app, command).await,
        Command::Hub(command) => hub::run(&app, command).await,
        Command::Verify(command) => verify::run(&app, command).await,
        Command::Admin(command) => admin::run(&app, command).await,
        Command::Lsp(args) => lsp::run(&app, args).await,
        Command::Completions(args) => completions(&args),
        Command::Version => version(&app),
    }
}

/// How long a command waits for serving processes to show nothing any more that was taken away.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Waits until no serving process shows anything that was begun under older rights; says so where one does not answer.
async fn settle(opened: &Opened) -> anyhow::Result<bool> {
    let epoch = opened.store.epoch().await?;
    let is_settled = opened.store.settled(epoch, SETTLE_TIMEOUT).await?;
    if !is_settled {
        terminal::warning(
            "a serving process has not said yet that nothing older is under way; it will within seconds",
        );
    }
    Ok(is_settled)
}

fn completions(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sourcekeep", &mut script);
    terminal::print_line(String::from_utf8_lossy(&script).trim_end());
    Ok(Outcome::Done)
}

fn version(app: &App) -> anyhow::Result<Outcome> {
    let version = env!("CARGO_PKG_VERSION");
    match app.common.json {
        true => terminal::print_json(&serde_json::json!({
            "name": "sourcekeep", "version": version, "segment_format": index_format_version(),
        })),
        false => terminal::print_line(format_args!("sourcekeep {version}")),
    }
    Ok(Outcome::Done)
}

fn index_format_version() -> u32 {
    ::index::FORMAT_VERSION
}
