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
