//! The pages of a real server, driven in headless Chromium.

use crate::{run, tools};
use anyhow::{Context, Result};

/// What to drive.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Use the optimised binary (slower to build, faster to answer).
    #[arg(long)]
    release: bool,
}

/// Builds the binary, starts the tour and leaves its screenshots in `target/screenshots`.
pub(crate) fn run(options: &Options) -> Result<()> {
    tools::ensure()?;
    let modules = tools::node_modules()?;
    let chromium = tools::chromium().context("Chromium is missing; on Debian: apt-get install chromium")?;
    let profile: &[&str] = if options.release { &["--release"] } else { &[] };
    run::run("cargo", &[&["build", "--quiet", "--package", "sourcekeep"][..], profile].concat())?;
    let folder = if options.release { "release" } else { "debug" };
    let binary = run::target_dir().join(folder).join("sourcekeep");
    let screenshots = run::target_dir().join("screenshots");
    std::fs::create_dir_all(&screenshots)?;
    let folder = run::root().join("crates/sourcekeep/tests/browser");
    let tests = [
        "tour.mjs",
        "pages.mjs",
        "keyboard.mjs",
        "accounts.mjs",
        "administration.mjs",
        "providers.mjs",
        "hub.mjs",
    ];
    let tests = tests.map(|name| folder.join(name).to_string_lossy().into_owned());
    let environment = [
        ("TOUR_BINARY", binary.to_string_lossy().into_owned()),
        ("TOUR_TOOLS", modules.to_string_lossy().into_owned()),
        ("TOUR_CHROMIUM", chromium.to_string_lossy().into_owned()),
        ("TOUR_SCREENSHOTS", screenshots.to_string_lossy().into_owned()),
    ];
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let arguments = ["--test", "--test-reporter=spec"].into_iter().chain(tests.iter().map(String::as_str));
    run::run_with("node", &arguments.collect::<Vec<_>>(), &environment)?;
    println!("screenshots: {}", screenshots.display());
    Ok(())
}
