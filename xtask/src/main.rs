//! Development tasks, run as `cargo xtask TASK`: `ci` is the one test command, `tidy` holds the house rules, `bench`
//! measures, `ranking` asks golden questions, `browser` drives the pages. Nothing here is needed to build the product.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a development tool talks to its terminal")]
#![allow(clippy::disallowed_methods, reason = "development tasks start compilers, browsers and servers")]

mod bench;
mod bench_hosts;
mod browser;
mod ci;
mod ranking;
mod reading;
mod register;
mod run;
mod tidy;
mod tools;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "xtask", about = "Development tasks of Sourcekeep")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything a change must pass: format, house rules, lints, tests, licences, browser.
    Ci(ci::Options),
    /// Check the house rules a compiler cannot: layers, module docs, sizes.
    Tidy,
    /// Measure indexing, size and query latencies beside ripgrep, git grep and csearch.
    Bench(Box<bench::Options>),
    /// Count the requests of a cold comparing of each kind of code host, against the stubs.
    BenchHosts(bench_hosts::Options),
    /// Measure what reading code costs: pages, blame, hover, definitions, references, the finder.
    BenchReading(Box<reading::Options>),
    /// Ask golden questions over real repositories and tell recall@10 and MRR.
    Ranking(ranking::Options),
    /// Make types and PRIVACY.md from the data-collection register.
    Register,
    /// Drive the web pages of a real server in headless Chromium and keep screenshots.
    Browser(browser::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Ci(options) => ci::run(&options),
        Task::Tidy => tidy::run(),
        Task::Bench(options) => bench::run(&options),
        Task::BenchHosts(options) => bench_hosts::run(&options),
        Task::BenchReading(options) => reading::run(&options),
        Task::Ranking(options) => ranking::run(&options),
        Task::Register => register::write(),
        Task::Browser(options) => browser::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
