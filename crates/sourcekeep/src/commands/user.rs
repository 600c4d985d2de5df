//! `sourcekeep user …`

use crate::app::App;
use crate::cli::{UserCommand, UserCreateArgs, UserInviteArgs, UserLinkArgs};
use crate::config::Config;
use crate::failure::{Outcome, UsageError};
use crate::{table, terminal};
use access::{LinkSecret, Password, Role, UserName};
use serde_json::json;
use std::io::Read as _;
use std::time::Duration;
use store::{NewUser, ProviderIdentity, User};

/// Longest password that is read: more is refused by the policy anyway.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// How long an invitation or a reset link works.
const LINK_VALID_FOR: Duration = Duration::from_secs(3 * 24 * 3600);
/// Accounts of one query.
const PAGE: u32 = 1000;

pub(super) async fn run(app: &App, command: UserCommand) -> anyhow::Result<Outcome> {
    match command {
        UserCommand::Create(args) => create(app, args).await,
        UserCommand::List => list(app).await,
        UserCommand::Invite(args) => invite(app, args).await,
        UserCommand::ResetLink { name } => reset_link(app, &name).await,
        UserCommand::ResetFactors { name } => {
            let opened = app.open().await?;
            let user = opened.user(&name).await?;
            opened.store.reset_factors(user.id).await?;
            Ok(said(app, format_args!("{} has no second factor any more", user.name)))
        }
        UserCommand::Link(args) => link(app, args).await,
        UserCommand::Unlink(args) => {
            let opened = app.open().await?;
            let user = opened.user(&args.name).await?;
            let issuer = issuer(&opened.config, args.provider);
            opened.store.unlink_provider(user.id, &issuer, None, true).await?;
            Ok(said(app, format_args!("{} is not linked with {issuer} any more", user.name)))
        }
        UserCommand::Disable { name } => shut(app, &name, true).await,
        UserCommand::Enable { name } => shut(app, &name, false).await,
        UserCommand::SignOut { name } => {
            let opened = app.open().await?;
            let user = opened.user(&name).await?;
            let n_ended = opened.store.revoke_sessions(user.id, None).await?;
            Ok(said(app, format_args!("{n_ended} sessions of {} ended", user.name)))
        }
    }
}

async fn invite(app: &App, args: UserInviteArgs) -> anyhow::Result<Outcome> {
    let name = UserName::new(&args.name).map_err(|error| UsageError::new(error.to_string()))?;
    let opened = app.create().await?;
    let role = if args.admin { Role::Administrator } else { Role::Member };
    let (user, secret) = opened.store.invite(name, role, LINK_VALID_FOR).await?;
    print_link(app, &opened.config, &user, &secret);
    Ok(Outcome::Done)
}

async fn link(app: &App, args: UserLinkArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let user = opened.user(&args.name).await?;
    let issuer = issuer(&opened.config, args.provider);
    let identity = ProviderIdentity { issuer, subject: args.subject, label: String::new() };
    opened.store.link_provider(user.id, &identity).await?;
    Ok(said(app, format_args!("{} is linked with '{}' at {}", user.name, identity.subject, identity.issuer)))
}

/// The issuer of a configured provider; what is none is taken as an issuer.
fn issuer(config: &Config, provider: String) -> String {
    match config.sign_in.providers.get(&provider) {
        Some(configured) => configured.issuer.clone(),
        None => provider,
    }
}

async fn reset_link(app: &App, name: &str) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let user = opened.user(name).await?;
    let secret = opened.store.create_account_link(user.id, LINK_VALID_FOR).await?;
    print_link(app, &opened.config, &user, &secret);
    Ok(Outcome::Done)
}

async fn shut(app: &App, name: &str, disabled: bool) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let user = opened.user(name).await?;
    opened.store.set_disabled(user.id, disabled).await?;
    let word = if disabled { "is shut" } else { "is open again" };
    Ok(said(app, format_args!("The account {} {word}", user.name)))
}

/// Prints a link on standard output, this one time.
fn print_link(app: &App, config: &Config, user: &User, secret: &LinkSecret) {
    let base = match &config.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("http://{}", config.listen),
    };
    let url = format!("{base}/link/{}", secret.reveal());
    if app.common.json {
        terminal::print_json(&json!({ "name": user.name.to_string(), "link": url }));
        return;
    }
    if !app.common.quiet {
        terminal::eprint_line(format_args!("Hand this link to {}; it works once, within 3 days:", user.name));
    }
    terminal::print_line(url);
}

fn said(app: &App, what: std::fmt::Arguments<'_>) -> Outcome {
    if !app.common.quiet {
        terminal::eprint_line(what);
    }
    Outcome::Done
}

async fn create(app: &App, args: UserCreateArgs) -> anyhow::Result<Outcome> {
    let name = UserName::new(&args.name).map_err(|error| UsageError::new(error.to_string()))?;
    let password = read_password()?;
    let opened = app.create().await?;
    let role = if args.admin { Role::Administrator } else { Role::Member };
    let user = opened.store.create_user(NewUser { name, password: Some(password), role }).await?;
    match app.common.json {
        true => terminal::print_json(&shape(&user)),
        false if !app.common.quiet => {
            terminal::eprint_line(format_args!("Created {} ({})", user.name, role_text(user.role)));
        }
        false => {}
    }
    Ok(Outcome::Done)
}

fn read_password() -> anyhow::Result<Password> {
    let mut text = String::new();
    std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut text)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    match password.is_empty() {
        true => Err(UsageError::new("no password came on standard input").into()),
        false => Ok(Password::new(password)),
    }
}

async fn list(app: &App) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let mut users: Vec<User> = Vec::new();
    loop {
        let page = opened.store.users(users.last().map(|user| &user.name), PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        users.extend(page);
        if is_last {
            break;
        }
    }
    if app.common.json {
        let shapes: Vec<_> = users.iter().map(shape).collect();
        terminal::print_json(&json!({ "users": shapes }));
    } else if !users.is_empty() {
        let state = |user: &User| if user.disabled_at.is_some() { "disabled" } else { "active" };
        let lines: Vec<Vec<String>> = users
            .iter()
            .map(|user| {
                vec![user.name.to_string(), role_text(user.role).to_string(), state(user).to_string()]
            })
            .collect();
        table::print(&["NAME", "ROLE", "STATE"], &lines);
    }
    Ok(if users.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn role_text(role: Role) -> &'static str {
    role.as_str()
}

fn shape(user: &User) -> serde_json::Value {
    json!({
        "name": user.name.to_string(),
        "role": role_text(user.role),
        "disabled": user.disabled_at.is_some(),
        "created_at": user.created_at.0,
    })
}
