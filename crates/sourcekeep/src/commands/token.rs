//! `sourcekeep token …`

use crate::app::{App, Opened};
use crate::cli::{TokenCommand, TokenCreateArgs};
use crate::failure::{Outcome, UsageError};
use crate::{table, terminal};
use access::{Clock as _, RepoScope, Scope, SystemClock, Timestamp, TokenId, Verbs};
use serde_json::json;
use std::time::Duration;
use store::{NewToken, TokenInfo, User};

/// Longest life of a token: ten years.
const LIFE_MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

pub(super) async fn run(app: &App, command: TokenCommand) -> anyhow::Result<Outcome> {
    match command {
        TokenCommand::Create(args) => create(app, args).await,
        TokenCommand::List { user } => list(app, user.as_deref()).await,
        TokenCommand::Revoke { id } => revoke(app, &id).await,
    }
}

async fn create(app: &App, args: TokenCreateArgs) -> anyhow::Result<Outcome> {
    let life = parse_life(&args.expires)?;
    let verbs = match &args.verbs[..] {
        [] => Verbs::READ,
        words => {
            words.join(",").parse().map_err(|error: access::VerbError| UsageError::new(error.to_string()))?
        }
    };
    let opened = app.open().await?;
    let user = opened.user(&args.user).await?;
    let repos = match &args.repos[..] {
        [] => RepoScope::All,
        names => RepoScope::Only(opened.repositories(names).await?.into_iter().map(|row| row.id).collect()),
    };
    let addresses = args.from.clone();
    let expires_at = Some(SystemClock.now().plus(life));
    let new =
        NewToken { user: user.id, label: args.name, scope: Scope { repos, verbs, expires_at, addresses } };
    let (token, info) = opened.store.create_token(new).await?;
    match app.common.json {
        true => terminal::print_json(&json!({
            "token": token.reveal(), "id": info.id.to_string(), "user": user.name.to_string(),
            "verbs": info.scope.verbs.to_string(), "expires_at": info.scope.expires_at.map(|at| at.0),
        })),
        false => {
            // Standard output holds the token and nothing else, so that a script can take it.
            terminal::print_line(token.reveal());
            if !app.common.quiet {
                terminal::eprint_line(format_args!(
                    "Token {} of {}: it is not shown again. Use it as `Authorization: Bearer sk_…`.",
                    info.id, user.name
                ));
            }
        }
    }
    Ok(Outcome::Done)
}

/// `30d`, `12h`, `90m`, `2w`, `45s`.
fn parse_life(text: &str) -> Result<Duration, UsageError> {
    let refused = || {
        UsageError::new(format!(
            "'{}' is not a time a token can live; write a number and s, m, h, d or w, such as 30d",
            terminal::harmless(text)
        ))
    };
    let unit = text.chars().last().ok_or_else(refused)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        'w' => 7 * 24 * 3600,
        _ => return Err(refused()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| refused())?;
    let life = number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(refused)?;
    if life.is_zero() || life > LIFE_MAX { Err(refused()) } else { Ok(life) }
}

async fn users(opened: &Opened, user: Option<&str>) -> anyhow::Result<Vec<User>> {
    match user {
        Some(name) => Ok(vec![opened.user(name).await?]),
        None => Ok(opened.store.users(None, 1000).await?),
    }
}

async fn list(app: &App, user: Option<&str>) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let now = SystemClock.now();
    let mut found: Vec<(User, TokenInfo)> = Vec::new();
    for user in users(&opened, user).await? {
        let tokens = opened.store.tokens_of(user.id).await?;
        found.extend(tokens.into_iter().map(|token| (user.clone(), token)));
    }
    if app.common.json {
        let shapes: Vec<_> = found
            .iter()
            .map(|(user, token)| {
                json!({
                    "id": token.id.to_string(), "user": user.name.to_string(), "name": token.label,
                    "verbs": token.scope.verbs.to_string(), "state": state(token, now),
                    "expires_at": token.scope.expires_at.map(|at| at.0),
                    "last_used_at": token.last_used_at.map(|at| at.0),
                })
            })
            .collect();
        terminal::print_json(&json!({ "tokens": shapes }));
    } else if !found.is_empty() {
        let lines: Vec<Vec<String>> = found
            .iter()
            .map(|(user, token)| {
                vec![
                    token.id.to_string(),
                    user.name.to_string(),
                    token.scope.verbs.to_string(),
                    state(token, now).to_string(),
                    left(token, now),
                    token.label.clone(),
                ]
            })
            .collect();
        table::print(&["ID", "USER", "VERBS", "STATE", "EXPIRES IN", "NAME"], &lines);
    }
    Ok(if found.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn state(token: &TokenInfo, now: Timestamp) -> &'static str {
    match () {
        () if token.revoked_at.is_some() => "revoked",
        () if token.scope.is_expired(now) => "expired",
        () => "valid",
    }
}

fn left(token: &TokenInfo, now: Timestamp) -> String {
    match token.scope.expires_at {
        Some(at) if state(token, now) == "valid" => {
            let hours = at.since(now).as_secs() / 3600;
            if hours >= 48 { format!("{} d", hours / 24) } else { format!("{hours} h") }
        }
        _ => "-".to_string(),
    }
}

async fn revoke(app: &App, id: &str) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let id = TokenId(id.to_string());
    for user in users(&opened, None).await? {
        if opened.store.revoke_token(user.id, &id).await? {
            if !app.common.quiet {
                terminal::eprint_line(format_args!("Revoked {id} of {}", user.name));
            }
            return Ok(Outcome::Done);
        }
    }
    Err(UsageError::new("there is no valid token with this id; `sourcekeep token list` shows all").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives() {
        let seconds = |text: &str| parse_life(text).ok().map(|life| life.as_secs());
        assert_eq!(seconds("30d"), Some(2_592_000));
        assert_eq!(
            [seconds("2w"), seconds("12h"), seconds("90m"), seconds("45s")].map(Option::unwrap),
            [1_209_600, 43_200, 5_400, 45]
        );
        for text in ["", "d", "30", "0d", "-1d", "99999d", "18446744073709551615w", "3é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
