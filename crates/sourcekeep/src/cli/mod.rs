//! The command line, as clap reads it. What a command does stands in `commands`.

mod access;
mod admin;
mod context;
mod host;
mod hub;
mod index;
mod inspect;
mod lsp;
mod repo;
mod verify;

pub(crate) use access::{
    AccessChangeArgs, AccessCommand, AccessReposArgs, AccessRulesArgs, Grantee, GroupCommand,
    GroupMembersArgs,
};
pub(crate) use admin::{
    ConfigCommand, TokenCommand, TokenCreateArgs, UserCommand, UserCreateArgs, UserInviteArgs, UserLinkArgs,
};
pub(crate) use context::{ContextCommand, ContextNameArgs, ContextSetArgs};
pub(crate) use host::{
    HostAddArgs, HostCommand, HostLinkArgs, HostNameArgs, HostRemoveArgs, HostSyncArgs, HostUnlinkArgs,
};
pub(crate) use hub::{
    FeedCommand, FeedImportArgs, FeedName, FeedUpdateArgs, HubBundleArgs, HubCommand, HubPublishArgs,
    HubServeArgs, RegistrationCommand, RegistrationPreviewArgs,
};
pub(crate) use index::{IndexCommand, IndexNamesArgs, IndexRebuildArgs};
pub(crate) use inspect::{QueryCommand, SegmentCommand, SegmentInspectArgs};
pub(crate) use lsp::LspArgs;
pub(crate) use repo::{
    RepoAddArgs, RepoCommand, RepoListArgs, RepoRemoveArgs, RepoSetArgs, RepoSkippedArgs, RepoStatusArgs,
    VisibilityArg,
};

pub(crate) use verify::{
    AdminCommand, EgressArgs, PasswordRule, RotateKeyArgs, VerifyCommand, VerifyEgressArgs,
    VerifyPermissionsArgs,
};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Search your own code: self-hosted, one binary, nothing leaves the machine.
#[derive(Debug, Parser)]
#[command(name = "sourcekeep", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Example: sourcekeep up ~/code\n\nExit codes: 0 success, 1 nothing found, 2 wrong usage, 3 failure."
)]
pub(crate) struct Cli {
    /// What all commands understand.
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What all commands understand.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct CommonArgs {
    /// The data directory [default: sourcekeep/ in your data directory].
    #[arg(long, global = true, value_name = "DIR", env = "SOURCEKEEP_DATA", hide_env_values = true)]
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file [default: config.toml in the data directory].
    #[arg(long, global = true, value_name = "FILE", env = "SOURCEKEEP_CONFIG", hide_env_values = true)]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON, for programs.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print only results and errors.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorWhen,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On terminals, unless NO_COLOR says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add directories and repository addresses, index them, and serve the search page.
    #[command(
        after_help = "Examples:\n  sourcekeep up                       the current directory\n  sourcekeep up ~/code https://github.com/owner/name.git\n  sourcekeep up --once ~/code         index and exit\n\nRun again, it picks up where it was: only what changed is indexed."
    )]
    Up(UpArgs),
    /// Serve what the data directory already knows.
    #[command(after_help = "Example: sourcekeep serve --listen 127.0.0.1:7080")]
    Serve(ServeArgs),
    /// Search from the terminal, whether or not a server runs.
    #[command(
        after_help = "Examples:\n  sourcekeep search 'lang:rust fn main'\n  sourcekeep search --json 'repo:linux kmalloc count:all'\n\nExits with 1 when nothing matches. The query language is the one of the search page."
    )]
    Search(SearchArgs),
    /// Write every result of a query to a file or a pipe, as JSON lines or CSV.
    #[command(
        after_help = "Examples:\n  sourcekeep export 'lang:go http.Get' -o calls.csv\n  sourcekeep export --format jsonl 'TODO' | jq .path\n\nNothing is left out for display: count: and timeout: do not matter. Exits with 1 when nothing matches."
    )]
    Export(ExportArgs),
    /// Tell why a file is, or is not, found: in the index, and by a query.
    #[command(
        after_help = "Examples:\n  sourcekeep why github.com/owner/name src/main.rs\n  sourcekeep why github.com/owner/name src/main.rs --rev v2 'lang:rust fn main'\n\nExits with 1 when the file is not found."
    )]
    Why(WhyArgs),
    /// Count everything a query finds, by repository, directory, language, author or group of its pattern.
    #[command(
        after_help = "Examples:\n  sourcekeep aggregate 'TODO' --by path --depth 2\n  sourcekeep aggregate '/log\\.(\\w+)\\(/ lang:go' --by capture-group --group 1\n\nEverything is counted, whatever count: says. Exits with 1 when nothing matches."
    )]
    Aggregate(AggregateArgs),
    /// Add, list and remove repositories.
    #[command(subcommand)]
    Repo(RepoCommand),
    /// Connect, list, compare and remove code hosts.
    #[command(subcommand)]
    Host(HostCommand),
    /// Save, list and remove search contexts.
    #[command(subcommand)]
    Context(ContextCommand),
    /// Look after the index.
    #[command(subcommand)]
    Index(IndexCommand),
    /// See what a query means and what it costs.
    #[command(subcommand)]
    Query(QueryCommand),
    /// Look into the files of the index.
    #[command(subcommand)]
    Segment(SegmentCommand),
    /// Look after the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say who may read what, and see why.
    #[command(subcommand)]
    Access(AccessCommand),
    /// Look after groups of accounts.
    #[command(subcommand)]
    Group(GroupCommand),
    /// Create and list accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Create, list and revoke API tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show what left this server: every connection, to whom, for whom, and how much.
    #[command(
        after_help = "Examples:\n  sourcekeep egress\n  sourcekeep egress --purpose 'git fetch' --limit 500 --json\n\nThe page /admin/egress shows the same. Exits with 1 when nothing fits. Whether the ledger is whole: sourcekeep verify egress."
    )]
    Egress(EgressArgs),
    /// Make this server known to a hub, or have the hub forget it; what is sent is shown first.
    #[command(subcommand)]
    Registration(RegistrationCommand),
    /// Take a hub's feeds: advisories, releases, packs of rules.
    #[command(subcommand)]
    Feed(FeedCommand),
    /// Be a hub: list servers, publish feeds, count pings.
    #[command(subcommand)]
    Hub(HubCommand),
    /// Prove that what the server keeps is what it should be.
    #[command(subcommand)]
    Verify(VerifyCommand),
    /// Look after the master key.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Answer an editor's questions about code: a Language Server that asks a Sourcekeep server.
    ///
    /// Reads the Language Server Protocol from standard input. Which repository and commit a file is of, it finds in the
    /// checkout around it; edited lines have no answers.
    #[command(
        after_help = "Example: SOURCEKEEP_TOKEN=sk_… sourcekeep lsp --server https://code.example\n\nEditors start it themselves: docs/editors.md says how."
    )]
    Lsp(LspArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "Example: sourcekeep completions bash > /etc/bash_completion.d/sourcekeep")]
    Completions(CompletionsArgs),
    /// Print the version.
    #[command(after_help = "Example: sourcekeep version --json")]
    Version,
}

/// `up`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Directories (every git repository at or below them) and repository addresses [default: the current directory].
    #[arg(value_name = "PATH|URL", value_hint = ValueHint::AnyPath)]
    pub(crate) sources: Vec<String>,
    /// Index and exit, without serving.
    #[arg(long, conflicts_with = "listen")]
    pub(crate) once: bool,
    /// The address to serve on [default: 127.0.0.1:7080].
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The address to serve on [default: 127.0.0.1:7080].
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
}

/// `search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// The query; several words are joined with spaces.
    #[arg(required = true, value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// Search as this account, seeing only what it may see [default: as the owner of the data directory].
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The query; several words are joined with spaces.
    #[arg(required = true, value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// The form of the rows [default: by the ending of the file, otherwise jsonl].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<ExportFormat>,
    /// The file to write [default: standard output].
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Search as this account, seeing only what it may see [default: as the owner of the data directory].
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// `why`.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// The repository.
    #[arg(value_name = "REPO")]
    pub(crate) repo: String,
    /// The path in it.
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// The query that does not find it; several words are joined with spaces.
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// The branch, tag or commit [default: the default branch].
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
    /// Ask as this account, seeing only what it may see [default: as the owner of the data directory].
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// `aggregate`.
#[derive(Debug, Args)]
pub(crate) struct AggregateArgs {
    /// The query; several words are joined with spaces.
    #[arg(required = true, value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// By what results are counted.
    #[arg(long, value_name = "WHAT", default_value = "repo")]
    pub(crate) by: AggregateWhat,
    /// For capture-group: the number or name of the group; 0 is the whole match.
    #[arg(long, value_name = "GROUP", default_value = "1")]
    pub(crate) group: String,
    /// For path: how many directories.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) depth: usize,
    /// How many values are told one by one; the rest is told together.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Search as this account, seeing only what it may see [default: as the owner of the data directory].
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// By what results are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AggregateWhat {
    /// By repository.
    Repo,
    /// By the first directories of the path.
    Path,
    /// By language.
    Lang,
    /// By the author of commits, for type:commit and type:diff.
    Author,
    /// By what a group of the query's one regular expression held.
    CaptureGroup,
}

/// The form of an export's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// JSON lines: one result a line, as the API answers it.
    Jsonl,
    /// CSV: one matching line a row.
    Csv,
}

/// `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn walk(command: &clap::Command, missing: &mut Vec<String>) {
            let has_example =
                command.get_after_help().is_some_and(|help| help.to_string().contains("Example"));
            if !has_example && !command.has_subcommands() {
                missing.push(command.get_name().to_string());
            }
            command.get_subcommands().for_each(|below| walk(below, missing));
        }
        let mut missing = Vec::new();
        walk(&Cli::command(), &mut missing);
        assert!(missing.is_empty(), "no example in the help of: {missing:?}");
    }
}
