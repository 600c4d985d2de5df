//! `sourcekeep group …`

use super::access::group_name;
use super::settle;
use crate::app::App;
use crate::cli::{GroupCommand, GroupMembersArgs};
use crate::failure::Outcome;
use crate::{table, terminal};
use serde_json::json;
use store::Group;

pub(super) async fn run(app: &App, command: GroupCommand) -> anyhow::Result<Outcome> {
    match command {
        GroupCommand::List => list(app).await,
        GroupCommand::Show { group } => show(app, &group).await,
        GroupCommand::Create { group, description } => {
            let opened = app.create().await?;
            opened.store.create_group(&group_name(&group)?, &description).await?;
            Ok(Outcome::Done)
        }
        GroupCommand::Remove { group } => {
            let opened = app.open().await?;
            let removed = opened.store.remove_group(&group_name(&group)?).await?;
            settle(&opened).await?;
            Ok(if removed { Outcome::Done } else { Outcome::NothingFound })
        }
        GroupCommand::Add(args) => members(app, args, true).await,
        GroupCommand::Drop(args) => members(app, args, false).await,
    }
}

async fn list(app: &App) -> anyhow::Result<Outcome> {
    let groups = app.open().await?.store.groups().await?;
    if app.common.json {
        let shape = |group: &Group| {
            json!({
                "name": group.name.to_string(), "description": group.description,
                "members": group.n_members, "repositories": group.n_repos,
            })
        };
        terminal::print_json(&json!({ "groups": groups.iter().map(shape).collect::<Vec<_>>() }));
    } else if !groups.is_empty() {
        let line = |group: &Group| {
            let numbers = [group.n_members.to_string(), group.n_repos.to_string()];
            let [members, repos] = numbers;
            vec![group.name.to_string(), members, repos, group.description.clone()]
        };
        table::print(
            &["NAME", "MEMBERS", "REPOSITORIES", "FOR"],
            &groups.iter().map(line).collect::<Vec<_>>(),
        );
    }
    Ok(if groups.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

async fn show(app: &App, group: &str) -> anyhow::Result<Outcome> {
    let store = app.open().await?.store;
    let name = group_name(group)?;
    if !store.groups().await?.iter().any(|known| known.name == name) {
        return Ok(Outcome::NothingFound);
    }
    let members: Vec<String> = store.members(&name).await?.iter().map(|(_, user)| user.to_string()).collect();
    let repos: Vec<String> =
        store.repos_of_group(&name).await?.iter().map(|(_, repo)| repo.to_string()).collect();
    if app.common.json {
        terminal::print_json(&json!({ "name": group, "members": members, "repositories": repos }));
    } else {
        let lines = members.iter().map(|user| vec!["account".to_owned(), user.clone()]);
        let lines = lines.chain(repos.iter().map(|repo| vec!["repository".to_owned(), repo.clone()]));
        table::print(&["WHAT", "NAME"], &lines.collect::<Vec<_>>());
    }
    Ok(Outcome::Done)
}

async fn members(app: &App, args: GroupMembersArgs, adds: bool) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let group = group_name(&args.group)?;
    for user in &args.users {
        let user = opened.user(user).await?;
        match adds {
            true => opened.store.add_member(&group, user.id).await?,
            false => opened.store.remove_member(&group, user.id).await?,
        };
    }
    settle(&opened).await?;
    Ok(Outcome::Done)
}
