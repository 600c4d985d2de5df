//! `sourcekeep verify …`, `sourcekeep admin …`

use clap::{Args, Subcommand, ValueEnum};

/// `verify`.
#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Prove that the audit log is what was written: nothing edited, deleted, put in, reordered or cut off.
    #[command(
        after_help = "Example: sourcekeep verify audit --json\n\nExits with 3 when the log is not intact."
    )]
    Audit,
    /// Prove that the egress ledger is what was written: every connection that left this server, and nothing changed since.
    ///
    /// The whole Merkle tree is computed anew from its entries, and compared with its signed head, with the checkpoint that is
    /// noted in the data directory, and with those that were kept elsewhere. Without one that was kept elsewhere, a ledger that
    /// was cut off or written anew by somebody who holds the whole machine cannot be told from the true one.
    #[command(
        after_help = "Examples:\n  sourcekeep verify egress\n  sourcekeep verify egress --against checkpoint.txt --json\n\nKeep the checkpoint that it prints somewhere else. Exits with 3 when the ledger is not intact."
    )]
    Egress(VerifyEgressArgs),
    /// Prove, against the running server, that nobody sees what they may not.
    ///
    /// Has every code host compared and asks it again; compares everybody's rights with the reasons for them; asks the server
    /// what people are shown; and plants a repository that three accounts ask for at every door, while rights are given and
    /// taken away. What it makes is taken away again. It is written into the audit log.
    #[command(
        after_help = "Examples:\n  sourcekeep verify permissions\n  sourcekeep verify permissions --report report.html\n  sourcekeep verify permissions --people 200 --json\n\nExits with 3 when a claim fails or could not be looked at."
    )]
    Permissions(VerifyPermissionsArgs),
}

/// `egress`.
#[derive(Debug, Args)]
pub(crate) struct EgressArgs {
    /// Only what left for this purpose, such as `git fetch`.
    #[arg(long, value_name = "PURPOSE")]
    pub(crate) purpose: Option<String>,
    /// Only what left to this host.
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// How many, the newest first.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

/// `verify egress`.
#[derive(Debug, Args)]
pub(crate) struct VerifyEgressArgs {
    /// A file with a checkpoint that was kept elsewhere; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Vec<std::path::PathBuf>,
}

/// `verify permissions`.
#[derive(Debug, Args)]
pub(crate) struct VerifyPermissionsArgs {
    /// Where the server answers; as configured, if not given.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// How many people's own views are asked for, chosen at random; each with a token of theirs for some minutes.
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) people: usize,
    /// Write the report to a file: a page that stands alone, or JSON where the name ends with .json.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<std::path::PathBuf>,
}

/// `admin`.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Seal secrets with a new master key, while the server runs or not.
    #[command(
        after_help = "Examples:\n  sourcekeep admin rotate-key               a new key; everything is sealed anew with it\n  sourcekeep admin rotate-key --drop-old    then forget the old ones (backups of before need them)"
    )]
    RotateKey(RotateKeyArgs),
    /// Whether accounts that are linked with an identity provider may sign in with a password, too.
    #[command(
        after_help = "Examples:\n  sourcekeep admin passwords allow     when the provider fails and nobody gets in\n  sourcekeep admin passwords refuse    the provider alone decides who gets in"
    )]
    Passwords {
        /// What to do with them.
        #[arg(value_name = "RULE")]
        rule: PasswordRule,
    },
}

/// What is done with passwords of accounts that are linked with an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PasswordRule {
    /// They sign in.
    Allow,
    /// They do not.
    Refuse,
}

/// `admin rotate-key`.
#[derive(Debug, Args)]
pub(crate) struct RotateKeyArgs {
    /// Make no new key: seal anew with the newest there is.
    #[arg(long)]
    pub(crate) reseal_only: bool,
    /// Make no new key: drop every key but the newest, once nothing is sealed with them.
    #[arg(long, conflicts_with = "reseal_only")]
    pub(crate) drop_old: bool,
}
