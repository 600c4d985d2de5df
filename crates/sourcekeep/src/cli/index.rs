//! `sourcekeep index …`

use clap::{Args, Subcommand};

/// `index`.
#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Bring the index up to date now, for all repositories or the named ones.
    #[command(after_help = "Example: sourcekeep index run")]
    Run(IndexNamesArgs),
    /// Show the size and state of the index.
    #[command(after_help = "Example: sourcekeep index status --json")]
    Status(IndexNamesArgs),
    /// Check every checksum of the index; exits with 3 when something is damaged.
    #[command(after_help = "Example: sourcekeep index verify")]
    Verify(IndexNamesArgs),
    /// Build the index of repositories anew from git; the old one serves until then.
    #[command(after_help = "Example: sourcekeep index rebuild github.com/owner/name")]
    Rebuild(IndexRebuildArgs),
}

/// Repositories, all where none is named.
#[derive(Debug, Args)]
pub(crate) struct IndexNamesArgs {
    /// The repositories [default: all].
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// `index rebuild`.
#[derive(Debug, Args)]
pub(crate) struct IndexRebuildArgs {
    /// The repositories.
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub(crate) names: Vec<String>,
    /// All repositories.
    #[arg(long, conflicts_with = "names")]
    pub(crate) all: bool,
}
