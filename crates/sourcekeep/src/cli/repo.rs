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
    /// Say what a repository is: for its page, and for repo:has.description, has.topic, has.meta, fork: and archived:.
    #[command(
        after_help = "Example: sourcekeep repo set tool --description 'What it does' --topic rust --meta team=core"
    )]
    Set(RepoSetArgs),
    /// List the files of a repository that are not searched, each with its reason.
    #[command(
        after_help = "Example: sourcekeep repo skipped github.com/owner/name --rev v2 --reason file-too-large"
    )]
    Skipped(RepoSkippedArgs),
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

/// `repo set`.
#[derive(Debug, Args)]
pub(crate) struct RepoSetArgs {
    /// The repository.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A sentence about it.
    #[arg(long, value_name = "TEXT", conflicts_with = "no_description")]
    pub(crate) description: Option<String>,
    /// Give way to what the repository says of itself.
    #[arg(long)]
    pub(crate) no_description: bool,
    /// A topic; may be repeated. All topics there were give way.
    #[arg(long = "topic", value_name = "WORD", conflicts_with = "no_topics")]
    pub(crate) topics: Vec<String>,
    /// Take all topics away.
    #[arg(long)]
    pub(crate) no_topics: bool,
    /// A key, with a value or without; may be repeated. Other keys stay.
    #[arg(long = "meta", value_name = "KEY[=VALUE]")]
    pub(crate) metadata: Vec<String>,
    /// Take a key away; may be repeated.
    #[arg(long = "no-meta", value_name = "KEY")]
    pub(crate) no_metadata: Vec<String>,
    /// What `visibility:` finds it under.
    #[arg(long, value_name = "VISIBILITY")]
    pub(crate) visibility: Option<VisibilityArg>,
    /// Whether it is a fork.
    #[arg(long, value_name = "true|false")]
    pub(crate) fork: Option<bool>,
    /// Whether it was set to rest.
    #[arg(long, value_name = "true|false")]
    pub(crate) archived: Option<bool>,
}

/// `repo status`.
#[derive(Debug, Args)]
pub(crate) struct RepoStatusArgs {
    /// The repository.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `repo skipped`.
#[derive(Debug, Args)]
pub(crate) struct RepoSkippedArgs {
    /// The repository.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A branch or tag that is indexed [default: the default branch].
    #[arg(long, value_name = "REVISION")]
    pub(crate) rev: Option<String>,
    /// Only those left out for this reason.
    #[arg(long, value_name = "REASON", value_parser = search::SkippedReason::OF_FILES.map(search::SkippedReason::as_str))]
    pub(crate) reason: Option<String>,
}
