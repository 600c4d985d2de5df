//! `sourcekeep access …`: who may read what, and why.

use super::settle;
use crate::app::{App, Opened};
use crate::cli::{AccessChangeArgs, AccessCommand, AccessReposArgs, AccessRulesArgs, Grantee};
use crate::failure::{Outcome, UsageError};
use crate::{table, terminal};
use access::UserName;
use model::{PathRule, RepoId};
use serde_json::json;
use std::collections::BTreeSet;
use store::{AccessReason, Address, GroupName, RulesFor, Who};

pub(super) async fn run(app: &App, command: AccessCommand) -> anyhow::Result<Outcome> {
    match command {
        AccessCommand::Grant(args) => change(app, args, true).await,
        AccessCommand::Revoke(args) => change(app, args, false).await,
        AccessCommand::Open(args) => unrestricted(app, args, true).await,
        AccessCommand::Close(args) => unrestricted(app, args, false).await,
        AccessCommand::Who { repo } => who(app, repo).await,
        AccessCommand::What { user } => what(app, &user).await,
        AccessCommand::Set { repo, people } => set(app, repo, &people).await,
        AccessCommand::Rules(args) => rules(app, args).await,
    }
}

/// Whose rights are changed.
enum Subject {
    User(store::User),
    Group(GroupName),
}

async fn subject(opened: &Opened, who: &Grantee) -> anyhow::Result<Subject> {
    match (&who.user, &who.group) {
        (Some(user), _) => Ok(Subject::User(opened.user(user).await?)),
        (None, Some(group)) => Ok(Subject::Group(group_name(group)?)),
        (None, None) => Err(UsageError::new("say whom it is about: --user or --group").into()),
    }
}

pub(super) fn group_name(text: &str) -> Result<GroupName, UsageError> {
    GroupName::new(text).map_err(|error| UsageError::new(error.to_string()))
}

async fn change(app: &App, args: AccessChangeArgs, grants: bool) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let subject = subject(&opened, &args.who).await?;
    let mut n_changed = 0;
    for repo in opened.repositories(&args.repos).await? {
        let before = opened.store.epoch().await?;
        match (&subject, grants) {
            (Subject::User(user), true) => drop(opened.store.grant(repo.id, user.id).await?),
            (Subject::User(user), false) => drop(opened.store.revoke(repo.id, user.id).await?),
            (Subject::Group(group), true) => drop(opened.store.grant_to_group(group, repo.id).await?),
            (Subject::Group(group), false) => drop(opened.store.revoke_from_group(group, repo.id).await?),
        }
        n_changed += usize::from(opened.store.epoch().await? != before);
    }
    done(app, &opened, n_changed, if grants { "Granted" } else { "Revoked" }).await
}

async fn unrestricted(app: &App, args: AccessReposArgs, opens: bool) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let repos = opened.repositories(&args.repos).await?;
    for repo in &repos {
        opened.store.set_unrestricted(repo.id, opens).await?;
    }
    done(app, &opened, repos.len(), if opens { "Opened" } else { "Closed" }).await
}

async fn done(app: &App, opened: &Opened, n_changed: usize, verb: &str) -> anyhow::Result<Outcome> {
    let is_settled = settle(opened).await?;
    match app.common.json {
        true => terminal::print_json(&json!({ "changed": n_changed, "settled": is_settled })),
        false if !app.common.quiet => {
            let s = if n_changed == 1 { "repository" } else { "repositories" };
            terminal::eprint_line(format_args!("{verb} {n_changed} {s}"));
        }
        false => {}
    }
    Ok(Outcome::Done)
}

async fn who(app: &App, repo: String) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let repo = one(&opened, repo).await?;
    let readers = opened.store.readers_of(repo.id).await?;
    let pending = opened.store.pending_users(repo.id).await?;
    if app.common.json {
        let shape = |reader: &store::RepoReader| {
            json!({
                "account": reader.name.to_string(),
                "reads": reader.reads(),
                "disabled": reader.is_disabled,
                "some_paths_only": reader.has_path_rules,
                "reasons": reader.reasons.iter().map(says).collect::<Vec<_>>(),
            })
        };
        let waiting: Vec<String> = pending.iter().map(waiting).collect();
        terminal::print_json(&json!({
            "repository": repo.name.to_string(),
            "everybody": repo.unrestricted,
            "readers": readers.iter().map(shape).collect::<Vec<_>>(),
            "waiting": waiting,
        }));
        return Ok(Outcome::Done);
    }
    if repo.unrestricted {
        terminal::eprint_line("Every account may read it.");
    }
    let line = |reader: &store::RepoReader| {
        let reads = reads_word(reader.reads(), reader.has_path_rules);
        vec![reader.name.to_string(), reads, all_reasons(&reader.reasons)]
    };
    let mut lines: Vec<Vec<String>> = readers.iter().map(line).collect();
    lines.extend(pending.iter().map(|who| vec![waiting(who), "waits".into(), "for an account".into()]));
    match lines.is_empty() {
        false => table::print(&["ACCOUNT", "READS", "WHY"], &lines),
        true if !repo.unrestricted => terminal::eprint_line("Nobody may read it."),
        true => {}
    }
    Ok(if lines.is_empty() && !repo.unrestricted { Outcome::NothingFound } else { Outcome::Done })
}

async fn what(app: &App, user: &str) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let user = opened.user(user).await?;
    let readable = opened.store.readable_by(user.id).await?;
    if app.common.json {
        let shape = |one: &store::ReadableRepo| {
            json!({
                "repository": one.name.to_string(),
                "reads": user.disabled_at.is_none() && one.reasons.iter().any(AccessReason::counts),
                "some_paths_only": one.has_path_rules,
                "reasons": one.reasons.iter().map(says).collect::<Vec<_>>(),
            })
        };
        terminal::print_json(&json!({
            "account": user.name.to_string(),
            "disabled": user.disabled_at.is_some(),
            "repositories": readable.iter().map(shape).collect::<Vec<_>>(),
        }));
    } else if !readable.is_empty() {
        let line = |one: &store::ReadableRepo| {
            let counts = user.disabled_at.is_none() && one.reasons.iter().any(AccessReason::counts);
            vec![one.name.to_string(), reads_word(counts, one.has_path_rules), all_reasons(&one.reasons)]
        };
        table::print(&["REPOSITORY", "READS", "WHY"], &readable.iter().map(line).collect::<Vec<_>>());
    } else {
        terminal::eprint_line("They may read nothing.");
    }
    Ok(if readable.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

async fn set(app: &App, repo: String, people: &[String]) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let repo = one(&opened, repo).await?;
    let person = |text: &String| {
        if text.contains('@') {
            Address::new(text).map(Who::Address).map_err(|error| UsageError::new(format!("{text}: {error}")))
        } else {
            UserName::new(text).map(Who::Name).map_err(|error| UsageError::new(format!("{text}: {error}")))
        }
    };
    let people = people.iter().map(person).collect::<Result<BTreeSet<Who>, _>>()?;
    let replaced = opened.store.set_repository_users(repo.id, &people).await?;
    settle(&opened).await?;
    let waits: Vec<String> = replaced.pending.iter().map(waiting).collect();
    match app.common.json {
        true => terminal::print_json(&json!({ "granted": replaced.users.len(), "waiting": waits })),
        false if !app.common.quiet => {
            terminal::eprint_line(format_args!("{} may read {}", counted(replaced.users.len()), repo.name));
            if !waits.is_empty() {
                terminal::eprint_line(format_args!("Without an account yet: {}", waits.join(", ")));
            }
        }
        false => {}
    }
    Ok(Outcome::Done)
}

async fn rules(app: &App, args: AccessRulesArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let repo = one(&opened, args.repo.clone()).await?;
    let whom = match (&args.user, &args.group, args.everyone) {
        (Some(user), _, _) => Some(RulesFor::User(opened.user(user).await?.id)),
        (_, Some(group), _) => Some(RulesFor::Group(group_name(group)?)),
        (_, _, true) => Some(RulesFor::Everyone),
        _ => None,
    };
    let Some(whom) = whom else {
        if args.clear || !args.rules.is_empty() {
            return Err(UsageError::new("say for whom: --user, --group or --everyone").into());
        }
        return show_rules(app, &opened, repo.id).await;
    };
    if !args.clear && args.rules.is_empty() {
        return Err(UsageError::new("give rules, or --clear to lift them").into());
    }
    let rules: Vec<PathRule> = args.rules.iter().map(|rule| PathRule::parse(rule)).collect();
    let changed = opened.store.set_path_rules(repo.id, &whom, (!args.clear).then_some(&rules)).await?;
    done(app, &opened, usize::from(changed), "Changed the rules of").await
}

async fn show_rules(app: &App, opened: &Opened, repo: RepoId) -> anyhow::Result<Outcome> {
    let mut lists = Vec::new();
    for (whom, rules) in opened.store.path_rules(repo).await? {
        let whom = match whom {
            RulesFor::User(user) => opened
                .store
                .user(user)
                .await?
                .map_or("a removed account".into(), |user| user.name.to_string()),
            RulesFor::Group(group) => format!("group {group}"),
            RulesFor::Everyone => "everyone else".to_owned(),
        };
        lists.push((whom, rules.iter().map(PathRule::to_string).collect::<Vec<_>>()));
    }
    if app.common.json {
        let shape = |(whom, rules): &(String, Vec<String>)| json!({ "for": whom, "rules": rules });
        terminal::print_json(&json!({ "lists": lists.iter().map(shape).collect::<Vec<_>>() }));
    } else if !lists.is_empty() {
        let line = |(whom, rules): &(String, Vec<String>)| vec![whom.clone(), rules.join("  ")];
        table::print(&["FOR", "RULES"], &lists.iter().map(line).collect::<Vec<_>>());
    }
    Ok(if lists.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

async fn one(opened: &Opened, repo: String) -> anyhow::Result<store::Repository> {
    let found = opened.repositories(std::slice::from_ref(&repo)).await?.pop();
    found.ok_or_else(|| UsageError::new(format!("there is no repository named '{repo}'")).into())
}

fn reads_word(reads: bool, has_path_rules: bool) -> String {
    match (reads, has_path_rules) {
        (false, _) => "no",
        (true, true) => "some paths",
        (true, false) => "yes",
    }
    .to_owned()
}

fn all_reasons(reasons: &[AccessReason]) -> String {
    reasons.iter().map(says).collect::<Vec<_>>().join("; ")
}

/// A reason in words.
fn says(reason: &AccessReason) -> String {
    match reason {
        AccessReason::Granted { .. } => "granted in person".into(),
        AccessReason::Group { group, .. } => format!("member of {group}"),
        AccessReason::Unrestricted => "open to every account".into(),
        AccessReason::Emergency { .. } => "emergency access".into(),
        AccessReason::Stated(stated) if stated.is_believed => format!("stated by code host {}", stated.name),
        AccessReason::Stated(stated) => {
            format!("code host {} said so once: too old, or not said any more", stated.name)
        }
    }
}

fn waiting(who: &Who) -> String {
    match who {
        Who::Name(name) => name.to_string(),
        Who::Address(address) => address.to_string(),
    }
}

fn counted(n: usize) -> String {
    if n == 1 { "1 account".into() } else { format!("{n} accounts") }
}
