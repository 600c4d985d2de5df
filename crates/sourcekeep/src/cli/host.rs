//! `sourcekeep host …`

use clap::{Args, Subcommand};

/// `host`.
#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// Connect a code host.
    #[command(
        after_help = "Examples:\n  sourcekeep host add github https://github.com --token env:GITHUB_TOKEN\n  sourcekeep host add gitlab https://git.corp --token file:/etc/sourcekeep/gitlab --network 10.1.0.0/16\n  sourcekeep host add gitolite ssh://git@git.corp\n\nThe token is sealed in the database. Addresses that are not public are refused unless --network allows them."
    )]
    Add(HostAddArgs),
    /// List code hosts and how they are.
    #[command(visible_alias = "ls", after_help = "Example: sourcekeep host list --json")]
    List,
    /// Try a code host's connection: whose token it is, and what it lacks.
    #[command(after_help = "Example: sourcekeep host test github")]
    Test(HostNameArgs),
    /// Compare a code host now: its repositories, and who may read them.
    #[command(after_help = "Example: sourcekeep host sync github")]
    Sync(HostSyncArgs),
    /// List the accounts of a code host with their identifiers.
    #[command(after_help = "Example: sourcekeep host accounts gitlab --json")]
    Accounts(HostNameArgs),
    /// Make an account there somebody's here.
    #[command(after_help = "Example: sourcekeep host link gitlab ada 1001")]
    Link(HostLinkArgs),
    /// Take an account there from somebody here.
    #[command(after_help = "Example: sourcekeep host unlink gitlab ada")]
    Unlink(HostUnlinkArgs),
    /// Disconnect a code host and remove its repositories here.
    #[command(visible_alias = "rm", after_help = "Example: sourcekeep host remove github --yes")]
    Remove(HostRemoveArgs),
}

/// `host add`.
#[derive(Debug, Args)]
pub(crate) struct HostAddArgs {
    /// github, gitlab, gitea, forgejo, bitbucket-cloud, bitbucket-data-center, gerrit, azure-devops, gitolite, git or directory.
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Its address; for gitolite ssh://git@host or its home directory, for a directory its path.
    #[arg(value_name = "URL|PATH", default_value = "")]
    pub(crate) url: String,
    /// What it is called here [default: its kind].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Where its token is: file:/path or env:NAME.
    #[arg(long, value_name = "REF")]
    pub(crate) token: Option<String>,
    /// The account that the token belongs to (Gerrit; Bitbucket Cloud with an API token).
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// The workspace (Bitbucket Cloud).
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: Option<String>,
    /// A network that is not public and in which it may be; may be repeated.
    #[arg(long = "network", value_name = "CIDR")]
    pub(crate) networks: Vec<String>,
    /// The address of a repository, for the kind 'git'; may be repeated.
    #[arg(long = "repository", value_name = "URL")]
    pub(crate) addresses: Vec<String>,
    /// For how many minutes its permissions are believed.
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) bound_minutes: u32,
    /// Leave out repositories of this name, * for any text; may be repeated.
    #[arg(long = "exclude", value_name = "NAME")]
    pub(crate) exclude: Vec<String>,
    /// Leave out repositories whose name this regular expression finds; may be repeated.
    #[arg(long = "exclude-pattern", value_name = "REGEX")]
    pub(crate) exclude_patterns: Vec<String>,
    /// Leave out forks.
    #[arg(long)]
    pub(crate) exclude_forks: bool,
    /// Leave out archived repositories.
    #[arg(long)]
    pub(crate) exclude_archived: bool,
    /// Leave out repositories larger than this, in bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) exclude_larger: Option<u64>,
    /// Leave out repositories with fewer stars than this.
    #[arg(long, value_name = "N")]
    pub(crate) exclude_stars_below: Option<u64>,
}

/// Which code host.
#[derive(Debug, Args)]
pub(crate) struct HostNameArgs {
    /// Its name here.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// `host sync`.
#[derive(Debug, Args)]
pub(crate) struct HostSyncArgs {
    /// Its name here.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Take over its list even where it lacks most of what was there.
    #[arg(long)]
    pub(crate) accept_loss: bool,
}

/// `host link`.
#[derive(Debug, Args)]
pub(crate) struct HostLinkArgs {
    /// The code host's name here.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The account here.
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// The account's identifier there, which is never given to another: a number mostly, not the login name.
    #[arg(value_name = "ID")]
    pub(crate) account: String,
    /// What it is called there, to show.
    #[arg(long, value_name = "LOGIN", default_value = "")]
    pub(crate) login: String,
}

/// `host unlink`.
#[derive(Debug, Args)]
pub(crate) struct HostUnlinkArgs {
    /// The code host's name here.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The account here.
    #[arg(value_name = "USER")]
    pub(crate) user: String,
}

/// `host remove`.
#[derive(Debug, Args)]
pub(crate) struct HostRemoveArgs {
    /// Its name here.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Do it: without this, what would be removed is told.
    #[arg(long)]
    pub(crate) yes: bool,
}
