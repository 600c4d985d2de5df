//! `sourcekeep user …`

use crate::app::App;
use crate::cli::{UserCommand, UserCreateArgs};
use crate::failure::{Outcome, UsageError};
use crate::{table, terminal};
use access::{Password, Role, UserName};
use serde_json::json;
use std::io::Read as _;
use store::{NewUser, User};

/// Longest password that is read: more is refused by the policy anyway.
const PASSWORD_BYTES_MAX: u64 = 4096;
/// Accounts of one query.
const PAGE: u32 = 1000;

pub(super) async fn run(app: &App, command: UserCommand) -> anyhow::Result<Outcome> {
    match command {
        UserCommand::Create(args) => create(app, args).await,
        UserCommand::List => list(app).await,
    }
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
    match role {
        Role::Member => "member",
        Role::Administrator => "administrator",
    }
}

fn shape(user: &User) -> serde_json::Value {
    json!({
        "name": user.name.to_string(),
        "role": role_text(user.role),
        "disabled": user.disabled_at.is_some(),
        "created_at": user.created_at.0,
    })
}
