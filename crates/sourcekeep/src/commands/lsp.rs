//! `sourcekeep lsp`

use crate::app::App;
use crate::cli::LspArgs;
use crate::config::SecretRef;
use crate::failure::{Outcome, UsageError};
use egress::Egress;
use lsp::{Ended, Options, Server};
use secrecy::SecretString;
use std::os::fd::AsFd;
use url::Url;

/// Where the token is unless it is said.
const TOKEN_VARIABLE: &str = "SOURCEKEEP_TOKEN";

pub(super) async fn run(app: &App, args: LspArgs) -> anyhow::Result<Outcome> {
    let address = Url::parse(&args.server)
        .map_err(|error| UsageError::new(format!("--server {}: {error}", args.server)))?;
    let server = Server::new(&Egress::unrecorded(), &address, token(app, args.token)?)?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let options = Options { server, repo: args.repo, version };
    let input = tokio::io::BufReader::new(file_of(std::io::stdin())?);
    Ok(match lsp::serve(options, input, file_of(std::io::stdout())?).await? {
        Ended::Properly => Outcome::Done,
        // What the protocol asks for.
        Ended::Abruptly => Outcome::NothingFound,
    })
}

/// A standard stream as a file that is read or written beside the conversation. Nothing else of this command uses it.
fn file_of(stream: impl AsFd) -> std::io::Result<tokio::fs::File> {
    let own = stream.as_fd().try_clone_to_owned()?;
    Ok(tokio::fs::File::from_std(std::fs::File::from(own)))
}

fn token(app: &App, reference: Option<String>) -> anyhow::Result<Option<SecretString>> {
    let reference = match reference {
        Some(reference) => reference,
        None if app.environment.get(TOKEN_VARIABLE).is_some() => format!("env:{TOKEN_VARIABLE}"),
        None => return Ok(None),
    };
    let reference =
        SecretRef::try_from(reference).map_err(|error| UsageError::new(format!("--token: {error}")))?;
    let secret = reference.resolve(&app.environment);
    Ok(Some(secret.map_err(|error| UsageError::new(format!("--token: {error}")))?))
}
