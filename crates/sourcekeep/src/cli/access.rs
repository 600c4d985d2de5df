//! `sourcekeep access …`, `sourcekeep group …`

use clap::{Args, Subcommand};

/// `access`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Let an account or a group read repositories.
    #[command(after_help = "Example: sourcekeep access grant --user ada github.com/owner/name")]
    Grant(AccessChangeArgs),
    /// Take back what was granted; returns when nothing shows it any more.
    #[command(after_help = "Example: sourcekeep access revoke --group kernel linux")]
    Revoke(AccessChangeArgs),
    /// Let every account read repositories.
    #[command(after_help = "Example: sourcekeep access open handbook")]
    Open(AccessReposArgs),
    /// Let only those read repositories who were granted them, or whom a code host names.
    #[command(after_help = "Example: sourcekeep access close handbook")]
    Close(AccessReposArgs),
    /// Tell who may read a repository, and why.
    #[command(after_help = "Example: sourcekeep access who linux --json")]
    Who {
        /// The repository.
        #[arg(value_name = "REPOSITORY")]
        repo: String,
    },
    /// Tell what an account may read, and why.
    #[command(after_help = "Example: sourcekeep access what ada")]
    What {
        /// The account.
        #[arg(value_name = "ACCOUNT")]
        user: String,
    },
    /// Replace everybody who was granted a repository in their own name, by name or address; people without an account are
    /// granted it when they have one.
    #[command(after_help = "Example: sourcekeep access set linux ada eve@example.org")]
    Set {
        /// The repository.
        #[arg(value_name = "REPOSITORY")]
        repo: String,
        /// Names and addresses; none takes it from everybody.
        #[arg(value_name = "WHO")]
        people: Vec<String>,
    },
    /// Show or set the rules that leave only some paths of a repository readable.
    #[command(
        after_help = "Examples:\n  sourcekeep access rules linux\n  sourcekeep access rules linux --group contractors 'docs/' -- '-docs/internal/'\n  sourcekeep access rules linux --everyone --clear\n\nGlobs are those of gitignore files; '-' before one denies, the last that matches decides, what none matches is denied."
    )]
    Rules(AccessRulesArgs),
}

/// Whom it is about.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Grantee {
    /// An account.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// A group.
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
}

/// `access grant`, `access revoke`.
#[derive(Debug, Args)]
pub(crate) struct AccessChangeArgs {
    /// Whom it is about.
    #[command(flatten)]
    pub(crate) who: Grantee,
    /// The repositories.
    #[arg(value_name = "REPOSITORY", required = true)]
    pub(crate) repos: Vec<String>,
}

/// `access open`, `access close`.
#[derive(Debug, Args)]
pub(crate) struct AccessReposArgs {
    /// The repositories.
    #[arg(value_name = "REPOSITORY", required = true)]
    pub(crate) repos: Vec<String>,
}

/// `access rules`.
#[derive(Debug, Args)]
pub(crate) struct AccessRulesArgs {
    /// The repository.
    #[arg(value_name = "REPOSITORY")]
    pub(crate) repo: String,
    /// For an account.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["group", "everyone"])]
    pub(crate) user: Option<String>,
    /// For the members of a group.
    #[arg(long, value_name = "NAME", conflicts_with = "everyone")]
    pub(crate) group: Option<String>,
    /// For everyone who has no list of their own.
    #[arg(long)]
    pub(crate) everyone: bool,
    /// Lift the rules.
    #[arg(long, conflicts_with = "rules")]
    pub(crate) clear: bool,
    /// The rules, in their order.
    #[arg(value_name = "RULE", allow_hyphen_values = true)]
    pub(crate) rules: Vec<String>,
}

/// `group`.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// List groups.
    #[command(after_help = "Example: sourcekeep group list --json")]
    List,
    /// Show who is in a group and what it was granted.
    #[command(after_help = "Example: sourcekeep group show kernel")]
    Show {
        /// The group.
        #[arg(value_name = "GROUP")]
        group: String,
    },
    /// Make a group.
    #[command(after_help = "Example: sourcekeep group create kernel --description 'who works on it'")]
    Create {
        /// Its name.
        #[arg(value_name = "GROUP")]
        group: String,
        /// What it is for.
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Remove a group, and what its members were granted by it.
    #[command(after_help = "Example: sourcekeep group remove kernel")]
    Remove {
        /// The group.
        #[arg(value_name = "GROUP")]
        group: String,
    },
    /// Put accounts into a group.
    #[command(after_help = "Example: sourcekeep group add kernel ada eve")]
    Add(GroupMembersArgs),
    /// Take accounts out of a group.
    #[command(after_help = "Example: sourcekeep group drop kernel eve")]
    Drop(GroupMembersArgs),
}

/// `group add`, `group drop`.
#[derive(Debug, Args)]
pub(crate) struct GroupMembersArgs {
    /// The group.
    #[arg(value_name = "GROUP")]
    pub(crate) group: String,
    /// The accounts.
    #[arg(value_name = "ACCOUNT", required = true)]
    pub(crate) users: Vec<String>,
}
