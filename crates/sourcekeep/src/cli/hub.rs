//! `sourcekeep hub …`, `sourcekeep registration …`, `sourcekeep feed …`

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::net::SocketAddr;
use std::path::PathBuf;

/// `hub`.
#[derive(Debug, Subcommand)]
pub(crate) enum HubCommand {
    /// Serve a hub: servers make themselves known there, fetch feeds, and send pings.
    ///
    /// A hub has a data directory of its own and needs no repositories. It opens no connection.
    #[command(
        after_help = "Example: sourcekeep hub serve --data /var/lib/sourcekeep-hub --listen 127.0.0.1:7081"
    )]
    Serve(HubServeArgs),
    /// Check the file of a feed, sign it, and publish it in place of the one before.
    #[command(
        after_help = "Example: sourcekeep hub publish advisories advisories.json\n\nA hub that serves publishes it at once. docs/hub.md says what the files hold."
    )]
    Publish(HubPublishArgs),
    /// Write everything that is published to one file, for servers that reach nobody.
    #[command(after_help = "Example: sourcekeep hub bundle --out feeds.bundle")]
    Bundle(HubBundleArgs),
    /// Print the hub's public key, for `hub.key` in the configuration of others.
    #[command(after_help = "Example: sourcekeep hub key --data /var/lib/sourcekeep-hub")]
    Key,
    /// List the servers that made themselves known. Exits with 1 when there is none.
    #[command(after_help = "Example: sourcekeep hub servers --json")]
    Servers,
    /// Make a new token for the hub's page of servers; the one before opens nothing any more.
    #[command(after_help = "Example: sourcekeep hub token --data /var/lib/sourcekeep-hub")]
    Token,
}

/// `hub serve`.
#[derive(Debug, Args)]
pub(crate) struct HubServeArgs {
    /// The address to serve on.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7081")]
    pub(crate) listen: SocketAddr,
}

/// What a feed is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FeedName {
    /// Faults of packages, in the form of OSV.
    Advisories,
    /// Versions of Sourcekeep.
    Releases,
    /// Packs of rules.
    Rules,
}

/// `hub publish`.
#[derive(Debug, Args)]
pub(crate) struct HubPublishArgs {
    /// What it is about.
    #[arg(value_name = "FEED")]
    pub(crate) feed: FeedName,
    /// The file.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// For how many days a signature holds; a hub that serves signs anew after the half.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    pub(crate) valid_days: u64,
}

/// `hub bundle`.
#[derive(Debug, Args)]
pub(crate) struct HubBundleArgs {
    /// The file to write.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
}

/// `registration`.
#[derive(Debug, Subcommand)]
pub(crate) enum RegistrationCommand {
    /// Show what would be sent to the hub to make this server known, byte for byte. Only a challenge is asked for.
    #[command(
        after_help = "Example: sourcekeep registration preview --name 'Code of the Example Works' --contact ops@example.org"
    )]
    Preview(RegistrationPreviewArgs),
    /// Show what would be sent to the hub so that it forgets this server. Only a challenge is asked for.
    #[command(
        after_help = "Example: sourcekeep registration withdraw\n\nThen send what it shows with sourcekeep registration send --approve."
    )]
    Withdraw,
    /// Send what was shown last, within half an hour.
    #[command(after_help = "Example: sourcekeep registration send --approve 5b1c…")]
    Send(RegistrationSendArgs),
    /// List what was sent, and the hub's receipts. Exits with 1 when nothing was.
    #[command(after_help = "Example: sourcekeep registration show --json")]
    Show,
}

/// `registration preview`.
#[derive(Debug, Args)]
pub(crate) struct RegistrationPreviewArgs {
    /// The name under which the hub's administrator sees this server.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// An address at which whoever installed it can be reached; leave it out to give none.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) contact: Option<String>,
}

/// `registration send`.
#[derive(Debug, Args)]
pub(crate) struct RegistrationSendArgs {
    /// The SHA-256 of what was shown: nothing else is sent.
    #[arg(long, value_name = "SHA256")]
    pub(crate) approve: String,
}

/// `feed`.
#[derive(Debug, Subcommand)]
pub(crate) enum FeedCommand {
    /// Fetch the hub's feeds; what is asked for is the same bytes from every server.
    #[command(after_help = "Examples:\n  sourcekeep feed update\n  sourcekeep feed update --only advisories")]
    Update(FeedUpdateArgs),
    /// Take the feeds of a bundle, with the same checks as from the hub.
    #[command(after_help = "Example: sourcekeep feed import feeds.bundle")]
    Import(FeedImportArgs),
    /// Tell what is here. Exits with 1 when nothing is.
    #[command(after_help = "Example: sourcekeep feed show")]
    Show,
}

/// `feed update`.
#[derive(Debug, Args)]
pub(crate) struct FeedUpdateArgs {
    /// Only these.
    #[arg(long, value_name = "FEED")]
    pub(crate) only: Vec<FeedName>,
}

/// `feed import`.
#[derive(Debug, Args)]
pub(crate) struct FeedImportArgs {
    /// The file that `sourcekeep hub bundle` wrote.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
}
