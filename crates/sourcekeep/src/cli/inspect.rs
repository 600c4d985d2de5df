//! `sourcekeep query …`, `sourcekeep segment …`

use super::SearchArgs;
use clap::{Args, Subcommand, ValueHint};
use std::path::PathBuf;

/// `query`.
#[derive(Debug, Subcommand)]
pub(crate) enum QueryCommand {
    /// Run a query and tell how: its tree, its plan, the grams with the sizes of their lists, what was read, and where the
    /// time went.
    #[command(
        after_help = "Example: sourcekeep query explain 'lang:c kmalloc count:all'\n\nTimes of the stages inside the search are added up over its threads."
    )]
    Explain(SearchArgs),
}

/// `segment`.
#[derive(Debug, Subcommand)]
pub(crate) enum SegmentCommand {
    /// Print what a file of the index holds: a segment or a ref table.
    #[command(
        after_help = "Examples:\n  sourcekeep segment inspect index/1/0f3c.segment\n  sourcekeep segment inspect --gram kma --gram mal --blobs 20 index/1/0f3c.segment\n\nThe files of a repository are in index/<number> below the data directory."
    )]
    Inspect(SegmentInspectArgs),
}

/// `segment inspect`.
#[derive(Debug, Args)]
pub(crate) struct SegmentInspectArgs {
    /// The file.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// List this many blobs (of a ref table: documents) from the first on.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) blobs: u32,
    /// Tell in how many blocks this text of two or three bytes occurs.
    #[arg(long = "gram", value_name = "TEXT")]
    pub(crate) grams: Vec<String>,
    /// Compare all checksums and decompress all text.
    #[arg(long)]
    pub(crate) verify: bool,
}
