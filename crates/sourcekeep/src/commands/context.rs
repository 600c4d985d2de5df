//! `sourcekeep context …`

use crate::app::App;
use crate::cli::{ContextCommand, ContextNameArgs, ContextSetArgs};
use crate::failure::{Outcome, UsageError};
use crate::{table, terminal};
use access::Actor;
use model::RepoName;
use serde_json::{Value, json};
use store::{Context, ContextContent, ContextError, ContextName, ContextRepository};

/// How many contexts are read at once.
const N_PAGE: u32 = 1_000;

pub(super) async fn run(app: &App, command: ContextCommand) -> anyhow::Result<Outcome> {
    match command {
        ContextCommand::List => list(app).await,
        ContextCommand::Show(args) => show(app, args).await,
        ContextCommand::Set(args) => set(app, args).await,
        ContextCommand::Remove(args) => remove(app, args).await,
    }
}

async fn list(app: &App) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let actor = Actor::LOCAL_OPERATOR;
    let access = opened.store.access_set(&actor).await?;
    let (mut contexts, mut after) = (Vec::new(), None);
    loop {
        let page = opened.store.contexts(&actor, &access, after.as_ref(), N_PAGE).await?;
        contexts.extend(page.contexts);
        match contexts.last() {
            Some(last) if page.goes_on => after = Some(last.name.clone()),
            _ => break,
        }
    }
    if app.common.json {
        let shapes: Vec<Value> = contexts.iter().map(shape).collect();
        terminal::print_json(&json!({ "contexts": shapes }));
    } else if !contexts.is_empty() {
        let lines: Vec<Vec<String>> = contexts.iter().map(line).collect();
        table::print(&["NAME", "WHO", "LISTED", "QUERY"], &lines);
    }
    Ok(if contexts.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn line(context: &Context) -> Vec<String> {
    vec![
        context.name.to_string(),
        if context.is_public { "everybody" } else { "owner" }.to_string(),
        context.repositories.len().to_string(),
        context.query.clone(),
    ]
}

fn shape(context: &Context) -> Value {
    let listed = |one: &ContextRepository| json!({"name": one.name.as_str(), "revisions": one.revisions});
    json!({
        "name": context.name.to_string(),
        "description": context.description,
        "query": context.query,
        "repositories": context.repositories.iter().map(listed).collect::<Vec<_>>(),
        "public": context.is_public,
    })
}

async fn show(app: &App, args: ContextNameArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let actor = Actor::LOCAL_OPERATOR;
    let access = opened.store.access_set(&actor).await?;
    let name = name(&args.name)?;
    let Some(context) = opened.store.context(&actor, &access, &name).await? else {
        return Err(ContextError::Unknown { name }.into());
    };
    if app.common.json {
        terminal::print_json(&shape(&context));
        return Ok(Outcome::Done);
    }
    let mut lines = vec![vec!["name".to_string(), context.name.to_string()]];
    lines.push(vec!["who".into(), if context.is_public { "everybody" } else { "its owner" }.into()]);
    lines.push(vec!["description".into(), context.description.clone()]);
    lines.push(vec!["query".into(), context.query.clone()]);
    for listed in &context.repositories {
        let at = if listed.revisions.is_empty() { "" } else { "@" };
        lines.push(vec!["repository".into(), format!("{}{at}{}", listed.name, listed.revisions)]);
    }
    table::print(&["WHAT", ""], &lines);
    Ok(Outcome::Done)
}

async fn set(app: &App, args: ContextSetArgs) -> anyhow::Result<Outcome> {
    let name = name(&args.name)?;
    if !args.query.trim().is_empty() {
        query::parse_context(args.query.trim()).map_err(|error| UsageError::new(error.to_string()))?;
    }
    let repositories = args.repos.iter().map(|text| listed(text)).collect::<Result<_, UsageError>>()?;
    let content = ContextContent {
        description: args.description,
        query: args.query,
        repositories,
        is_public: args.public,
    };
    let opened = app.open().await?;
    let actor = Actor::LOCAL_OPERATOR;
    let access = opened.store.access_set(&actor).await?;
    match opened.store.change_context(&actor, &access, &name, &content).await {
        Err(ContextError::Unknown { .. }) => {
            opened.store.create_context(&actor, &access, &name, &content).await?;
        }
        changed => changed?,
    }
    if !app.common.quiet {
        terminal::eprint_line(format_args!("Saved. Search in it with: sourcekeep search 'context:{name} …'"));
    }
    Ok(Outcome::Done)
}

fn listed(text: &str) -> Result<ContextRepository, UsageError> {
    let (name, revisions) = text.split_once('@').unwrap_or((text, ""));
    query::parse_revisions(revisions).map_err(|error| UsageError::new(error.to_string()))?;
    let name = RepoName::new(name).map_err(|error| UsageError::new(error.to_string()))?;
    Ok(ContextRepository { name, revisions: revisions.to_owned() })
}

async fn remove(app: &App, args: ContextNameArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    opened.store.delete_context(&Actor::LOCAL_OPERATOR, &name(&args.name)?).await?;
    Ok(Outcome::Done)
}

fn name(text: &str) -> Result<ContextName, UsageError> {
    text.parse().map_err(|error: store::ContextNameError| UsageError::new(error.to_string()))
}
