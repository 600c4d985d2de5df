//! `sourcekeep verify …`, `sourcekeep admin …`

use clap::{Args, Subcommand};

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
