//! `sourcekeep context …`

use clap::{Args, Subcommand};

/// `context`.
#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// List search contexts.
    #[command(visible_alias = "ls", after_help = "Example: sourcekeep context list --json")]
    List,
    /// Tell what a search context holds.
    #[command(after_help = "Example: sourcekeep context show backend")]
    Show(ContextNameArgs),
    /// Save a search context, new or in the place of the one of this name.
    #[command(
        after_help = "Examples:\n  sourcekeep context set backend --query 'repo:^team/ -repo:has.topic(old)'\n  sourcekeep context set @owner/mine --repo tool --repo app@dev --public"
    )]
    Set(ContextSetArgs),
    /// Remove search contexts.
    #[command(visible_alias = "rm", after_help = "Example: sourcekeep context remove backend")]
    Remove(ContextNameArgs),
}

/// Which context.
#[derive(Debug, Args)]
pub(crate) struct ContextNameArgs {
    /// `name` for one of the instance, `@owner/name` for one of an account.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `context set`.
#[derive(Debug, Args)]
pub(crate) struct ContextSetArgs {
    /// `name` for one of the instance, `@owner/name` for one of an account.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Conditions: repo:, rev:, file:, lang:, fork:, archived:, visibility:, context:.
    #[arg(long, value_name = "QUERY", default_value = "")]
    pub(crate) query: String,
    /// A repository to list, with revisions after an @ if they are to be searched; may be repeated.
    #[arg(long = "repo", value_name = "NAME[@REV:REV]")]
    pub(crate) repos: Vec<String>,
    /// A sentence about it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) description: String,
    /// Let every signed-in account use it; one of the instance always is.
    #[arg(long)]
    pub(crate) public: bool,
}
