//! `sourcekeep config …`, `sourcekeep user …`, `sourcekeep token …`

use clap::{Args, Subcommand};

/// `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration file and environment.
    #[command(after_help = "Example: sourcekeep config check --config ./config.toml")]
    Check,
    /// Print the JSON schema of the configuration file.
    #[command(after_help = "Example: sourcekeep config schema > config.schema.json")]
    Schema,
    /// Print the configuration in force, with where each value comes from; secrets stay references.
    #[command(after_help = "Example: sourcekeep config show")]
    Show,
}

/// `user`.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create an account.
    #[command(
        after_help = "Example: printf '%s' \"$PASSWORD\" | sourcekeep user create ada --admin --password-stdin"
    )]
    Create(UserCreateArgs),
    /// List accounts.
    #[command(after_help = "Example: sourcekeep user list --json")]
    List,
    /// Make an account without a password and print the one-time link by which its owner sets one.
    #[command(after_help = "Example: sourcekeep user invite ada")]
    Invite(UserInviteArgs),
    /// Print a one-time link by which an account's owner sets another password; their second factor stays.
    #[command(after_help = "Example: sourcekeep user reset-link ada")]
    ResetLink {
        /// The account.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Take every second factor away from an account whose owner has lost them.
    #[command(after_help = "Example: sourcekeep user reset-factors ada")]
    ResetFactors {
        /// The account.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Link an account with one at an identity provider, by the subject that the provider calls it.
    #[command(
        after_help = "Example: sourcekeep user link ada --provider work --subject 00u1ero7vZFVEIYLWPBN"
    )]
    Link(UserLinkArgs),
    /// Unlink an account from an identity provider; its sessions end.
    #[command(after_help = "Example: sourcekeep user unlink ada --provider work")]
    Unlink(UserUnlinkArgs),
    /// Shut an account: its sessions end, its tokens stop working, at once.
    #[command(after_help = "Example: sourcekeep user disable ada")]
    Disable {
        /// The account.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Open a shut account again.
    #[command(after_help = "Example: sourcekeep user enable ada")]
    Enable {
        /// The account.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// End every session of an account.
    #[command(after_help = "Example: sourcekeep user sign-out ada")]
    SignOut {
        /// The account.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// `user link`.
#[derive(Debug, Args)]
pub(crate) struct UserLinkArgs {
    /// The account.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The provider's id in the configuration, or its issuer.
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: String,
    /// What the provider calls the person, for ever; refused sign-ins stand with it in the audit log.
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: String,
}

/// `user unlink`.
#[derive(Debug, Args)]
pub(crate) struct UserUnlinkArgs {
    /// The account.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The provider's id in the configuration, or its issuer.
    #[arg(long, value_name = "PROVIDER")]
    pub(crate) provider: String,
}

/// `user invite`.
#[derive(Debug, Args)]
pub(crate) struct UserInviteArgs {
    /// The name to sign in with.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Make it an administrator.
    #[arg(long)]
    pub(crate) admin: bool,
}

/// `user create`.
#[derive(Debug, Args)]
pub(crate) struct UserCreateArgs {
    /// The name to sign in with.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Make it an administrator.
    #[arg(long)]
    pub(crate) admin: bool,
    /// Where the password comes from.
    #[command(flatten)]
    pub(crate) password: PasswordArgs,
}

/// Where a password comes from: never from the command line itself, which every user of the machine can read.
#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Read the password from standard input; one newline at its end is dropped.
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
}

/// `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create an API token and print it, this one time.
    #[command(after_help = "Example: sourcekeep token create --user ada --expires 30d --verbs read")]
    Create(TokenCreateArgs),
    /// List tokens, without what they are.
    #[command(after_help = "Example: sourcekeep token list --user ada")]
    List {
        /// Only this account's tokens.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Make a token useless at once.
    #[command(after_help = "Example: sourcekeep token revoke 3")]
    Revoke {
        /// The token's id, from `token list`.
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// `token create`.
#[derive(Debug, Args)]
pub(crate) struct TokenCreateArgs {
    /// The account it acts for; it can never do more than the account.
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,
    /// What it is for, shown in lists.
    #[arg(long, value_name = "TEXT", default_value = "made on the command line")]
    pub(crate) name: String,
    /// How long it works: a number and s, m, h, d or w.
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub(crate) expires: String,
    /// Only these repositories, separated by commas [default: all the account may read].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) repos: Vec<String>,
    /// Only from these networks, separated by commas, such as 192.0.2.0/24 [default: from anywhere].
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',')]
    pub(crate) from: Vec<ipnet::IpNet>,
    /// Only these verbs, separated by commas: read, write, admin [default: read].
    #[arg(long, value_name = "VERBS", value_delimiter = ',')]
    pub(crate) verbs: Vec<String>,
}
