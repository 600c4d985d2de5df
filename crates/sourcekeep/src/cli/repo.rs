//! `sourcekeep repo …`

use clap::{Args, Subcommand, ValueEnum, ValueHint};

/// `repo`.
#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// Add repositories; a running server picks them up.
    #[command(after_help = "Example: sourcekeep repo add https://github.com/owner/name.git ~/code/tool")]
    Add(RepoAddArgs),
    /// List repositories.
    #[command(visible_alias = "ls", after_help = "Example: sourcekeep repo list --json")]
    List(RepoListArgs),
    /// Remove repositories with their index and mirror; a local repository itself stays untouched.
    #[command(visible_alias = "rm", after_help = "Example: sourcekeep repo remove github.com/owner/name")]
    Remove(RepoRemoveArgs),
    /// Tell what is known of a repository.
    #[command(after_help = "Example: sourcekeep repo status github.com/owner/name")]
    Status(RepoStatusArgs),
}

/// `repo add`.
#[derive(Debug, Args)]
pub(crate) struct RepoAddArgs {
    /// Directories (every git repository at or below them) and repository addresses.
    #[arg(required = true, value_name = "PATH|URL", value_hint = ValueHint::AnyPath)]
    pub(crate) sources: Vec<String>,
    /// The name of the repository, where just one is added [default: from its path or address].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// What `visibility:` finds it under.
    #[arg(long, value_name = "VISIBILITY", default_value = "private")]
    pub(crate) visibility: VisibilityArg,
}

/// What `visibility:` finds a repository under. It gives nobody the right to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VisibilityArg {
    /// Everyone sees it where it comes from.
    Public,
    /// Only members see it where it comes from.
    Private,
}

/// `repo list`.
#[derive(Debug, Args)]
pub(crate) struct RepoListArgs {
    /// Only repositories whose name contains this.
    #[arg(value_name = "TEXT")]
    pub(crate) contains: Option<String>,
}

/// `repo remove`.
#[derive(Debug, Args)]
pub(crate) struct RepoRemoveArgs {
    /// The repositories.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// `repo status`.
#[derive(Debug, Args)]
pub(crate) struct RepoStatusArgs {
    /// The repository.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}
