//! `sourcekeep host …`

use super::serve::sync_worker;
use crate::app::{App, Opened};
use crate::cli::{
    HostAddArgs, HostCommand, HostLinkArgs, HostNameArgs, HostRemoveArgs, HostSyncArgs, HostUnlinkArgs,
};
use crate::config::SecretRef;
use crate::failure::{Outcome, UsageError};
use crate::{table, terminal};
use access::{AccountId, UserName};
use hosts::{CredentialBook, Exclusion, HostKind, HostSettings, SyncWorker, read_all};
use model::UserId;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use store::{CodeHost, NewCodeHost};

pub(super) async fn run(app: &App, command: HostCommand) -> anyhow::Result<Outcome> {
    match command {
        HostCommand::Add(args) => add(app, args).await,
        HostCommand::List => list(app).await,
        HostCommand::Test(args) => going_out(app, async |opened| test(app, opened, args).await).await,
        HostCommand::Sync(args) => going_out(app, async |opened| sync(app, opened, args).await).await,
        HostCommand::Accounts(args) => going_out(app, async |opened| accounts(app, opened, args).await).await,
        HostCommand::Link(args) => link(app, args).await,
        HostCommand::Unlink(args) => unlink(app, args).await,
        HostCommand::Remove(args) => remove(app, args).await,
    }
}

async fn add(app: &App, args: HostAddArgs) -> anyhow::Result<Outcome> {
    let kind: HostKind = args.kind.parse().map_err(usage)?;
    let settings = settings_of(&args);
    let url = url_of(app, kind, &args.url);
    settings.check(kind, &url).map_err(usage)?;
    hosts::check_address(kind, &url, &settings).map_err(usage)?;
    let token = args.token.map(|text| secret(app, text)).transpose()?;
    if kind.has_token() && token.is_none() {
        return Err(UsageError::new(format!(
            "{} needs a token: --token file:/path or env:NAME",
            kind.label()
        ))
        .into());
    }
    let opened = app.create().await?;
    let new = NewCodeHost {
        kind: kind.to_string(),
        name: args.name.unwrap_or_else(|| kind.to_string()),
        url,
        settings: settings.to_json(),
        bound: Duration::from_secs(u64::from(args.bound_minutes.max(1)) * 60),
        token,
    };
    let host = opened.store.add_code_host(new).await?;
    hosts::request_sync(&opened.store, &host.id, false).await?;
    match app.common.json {
        true => terminal::print_json(&shape(&host, 0)),
        false if !app.common.quiet => terminal::eprint_line(format_args!(
            "Connected. A running server compares it now; without one: sourcekeep host sync '{}'",
            host.name
        )),
        false => {}
    }
    Ok(Outcome::Done)
}

fn settings_of(args: &HostAddArgs) -> HostSettings {
    HostSettings {
        networks: args.networks.clone(),
        workspace: args.workspace.clone(),
        account: args.account.clone(),
        addresses: args.addresses.clone(),
        exclude: Exclusion {
            names: args.exclude.clone(),
            patterns: args.exclude_patterns.clone(),
            forks: args.exclude_forks,
            archived: args.exclude_archived,
            size_bytes_above: args.exclude_larger,
            stars_below: args.exclude_stars_below,
        },
    }
}

fn url_of(app: &App, kind: HostKind, url: &str) -> String {
    match kind {
        HostKind::Directory => app.current_dir.join(url).to_string_lossy().into_owned(),
        HostKind::Git if url.is_empty() => "git".to_owned(),
        _ => url.trim_end_matches('/').to_owned(),
    }
}

fn secret(app: &App, text: String) -> anyhow::Result<SecretString> {
    let reference = SecretRef::try_from(text).map_err(usage)?;
    Ok(reference.resolve(&app.environment)?)
}

fn usage(error: impl std::fmt::Display) -> UsageError {
    UsageError::new(error.to_string())
}

async fn list(app: &App) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let mut rows = Vec::new();
    for host in opened.store.code_hosts().await? {
        let known = opened.store.host_repositories(&host.id).await?;
        let n_here = known.iter().filter(|known| known.repo.is_some()).count();
        rows.push((host, n_here));
    }
    if app.common.json {
        let shapes: Vec<Value> = rows.iter().map(|(host, n_here)| shape(host, *n_here)).collect();
        terminal::print_json(&json!({ "hosts": shapes }));
    } else if !rows.is_empty() {
        let line = |(host, n_here): &(CodeHost, usize)| {
            let state = match (&host.error, host.listed_at) {
                (Some(error), _) => format!("error: {error}"),
                (None, None) => "waiting".to_owned(),
                (None, Some(_)) => "in step".to_owned(),
            };
            vec![host.name.clone(), host.kind.clone(), n_here.to_string(), host.url.clone(), state]
        };
        let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
        table::print(&["NAME", "KIND", "REPOSITORIES", "ADDRESS", "STATE"], &lines);
    }
    Ok(if rows.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn shape(host: &CodeHost, n_here: usize) -> Value {
    let at = |at: Option<store::Timestamp>| at.map(|at| at.0);
    json!({
        "id": host.id.0, "name": host.name, "kind": host.kind, "url": host.url,
        "repositories": n_here, "bound_seconds": host.bound.as_secs(), "has_token": host.has_token,
        "listed_at_ms": at(host.listed_at), "permissions_at_ms": at(host.permissions_at),
        "error": host.error, "error_at_ms": at(host.error_at), "calls": host.n_calls, "withheld": host.n_withheld,
    })
}

/// Does something that speaks to others, and waits for the ends of its connections to be written down.
async fn going_out(
    app: &App,
    work: impl AsyncFnOnce(&Opened) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let done = work(&opened).await;
    opened.settle_egress().await;
    done
}

async fn test(app: &App, opened: &Opened, args: HostNameArgs) -> anyhow::Result<Outcome> {
    let host = find(opened, &args.name).await?;
    let connector = worker(app, opened).await?.connector(&host).await?;
    let tried = connector.whoami().await;
    let error = tried.as_ref().err().map(ToString::to_string);
    opened.store.note_host_test(&host, error.as_deref()).await?;
    let who = tried?;
    match app.common.json {
        true => terminal::print_json(&json!({ "account": who.login, "warnings": who.warnings })),
        false => {
            terminal::print_line(format_args!("It works: {}", who.login));
            who.warnings.iter().for_each(|warning| terminal::warning(warning));
        }
    }
    Ok(Outcome::Done)
}

async fn sync(app: &App, opened: &Opened, args: HostSyncArgs) -> anyhow::Result<Outcome> {
    let host = find(opened, &args.name).await?;
    let report = worker(app, opened).await?.sync_now(&host.id, args.accept_loss).await?;
    let listing = &report.listing;
    if app.common.json {
        terminal::print_json(&json!({
            "listed": report.n_listed, "excluded": report.n_excluded, "added": listing.added.len(),
            "moved": listing.n_moved, "retired": listing.n_retired, "missing": listing.n_missing,
            "read": report.n_read, "calls": report.n_calls,
        }));
    } else {
        terminal::print_line(format_args!(
            "{} listed, {} new, {} moved, {} gone, {} left out; {} permissions read; {} requests",
            report.n_listed,
            listing.added.len(),
            listing.n_moved,
            listing.n_retired,
            report.n_excluded,
            report.n_read,
            report.n_calls
        ));
    }
    Ok(Outcome::Done)
}

async fn accounts(app: &App, opened: &Opened, args: HostNameArgs) -> anyhow::Result<Outcome> {
    let host = find(opened, &args.name).await?;
    let connector = worker(app, opened).await?.connector(&host).await?;
    let accounts = match read_all(|after| connector.accounts(after)).await {
        Err(hosts::HostError::Unsupported { what }) => {
            let identifier = host.kind.parse().map_or("its identifier", hosts::HostKind::identifier);
            let message = format!("'{}' has no {what}; an account's identifier is {identifier}", host.name);
            return Err(UsageError::new(message).into());
        }
        accounts => accounts?,
    };
    if app.common.json {
        let shape = |account: &hosts::HostAccount| json!({ "id": account.id.as_str(), "login": account.login, "active": account.is_active });
        terminal::print_json(&json!({ "accounts": accounts.iter().map(shape).collect::<Vec<_>>() }));
    } else {
        let line = |account: &hosts::HostAccount| {
            let state = if account.is_active { "active" } else { "closed" };
            vec![account.id.as_str().to_owned(), account.login.clone(), state.to_owned()]
        };
        let lines: Vec<Vec<String>> = accounts.iter().map(line).collect();
        table::print(&["ID", "LOGIN", "STATE"], &lines);
    }
    Ok(if accounts.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

async fn link(app: &App, args: HostLinkArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let host = find(&opened, &args.name).await?;
    let user = user(&opened, &args.user).await?;
    let account =
        AccountId::new(args.account).ok_or_else(|| UsageError::new("the identifier is empty or too long"))?;
    opened.store.link_identity(&host.id, &account, user, &args.login).await?;
    hosts::request_sync(&opened.store, &host.id, false).await?;
    if !app.common.quiet {
        terminal::eprint_line(format_args!(
            "Linked. What they may read at '{0}' is asked for by a running server now; without one: sourcekeep host sync '{0}'",
            host.name
        ));
    }
    Ok(Outcome::Done)
}

async fn unlink(app: &App, args: HostUnlinkArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let host = find(&opened, &args.name).await?;
    let user = user(&opened, &args.user).await?;
    let was_linked = opened.store.unlink_identity(&host.id, user).await?;
    Ok(if was_linked { Outcome::Done } else { Outcome::NothingFound })
}

async fn remove(app: &App, args: HostRemoveArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let host = find(&opened, &args.name).await?;
    if !args.yes {
        let known = opened.store.host_repositories(&host.id).await?;
        let n_here = known.iter().filter(|known| known.repo.is_some()).count();
        let what = format!("'{}' and its {n_here} repositories here would be removed; add --yes", host.name);
        return Err(UsageError::new(what).into());
    }
    opened.store.remove_code_host(&host.id).await?;
    Ok(Outcome::Done)
}

async fn worker(app: &App, opened: &Opened) -> anyhow::Result<SyncWorker> {
    sync_worker(app, opened, CredentialBook::default()).await
}

async fn find(opened: &Opened, name: &str) -> anyhow::Result<CodeHost> {
    let mut hosts = opened.store.code_hosts().await?.into_iter();
    let found = hosts.find(|host| host.name == name);
    Ok(found.ok_or_else(|| {
        UsageError::new(format!("there is no code host called '{name}'; see sourcekeep host list"))
    })?)
}

async fn user(opened: &Opened, name: &str) -> anyhow::Result<UserId> {
    let name = UserName::new(name).map_err(usage)?;
    let user = opened.store.user_by_name(&name).await?;
    Ok(user.ok_or_else(|| UsageError::new(format!("there is no account called '{name}'")))?.id)
}
