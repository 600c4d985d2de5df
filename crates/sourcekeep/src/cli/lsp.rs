//! `sourcekeep lsp`.

use clap::Args;

/// `lsp`.
#[derive(Debug, Args)]
pub(crate) struct LspArgs {
    /// The server's address.
    #[arg(long, value_name = "URL", env = "SOURCEKEEP_SERVER", hide_env_values = true)]
    #[arg(default_value = "http://127.0.0.1:7080")]
    pub(crate) server: String,
    /// Where your token is: 'file:/path' or 'env:NAME' [default: env:SOURCEKEEP_TOKEN, where that is set].
    #[arg(long, value_name = "REF")]
    pub(crate) token: Option<String>,
    /// The repository's name on the server [default: as the checkout's remotes say].
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Option<String>,
    /// Some editors say how they talk; this is the only way.
    #[arg(long, hide = true)]
    pub(crate) stdio: bool,
}
