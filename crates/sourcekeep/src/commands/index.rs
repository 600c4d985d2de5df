//! `sourcekeep index …`

use super::repo::index_bytes;
use super::serve::Locked;
use crate::app::{App, Opened};
use crate::cli::{IndexCommand, IndexNamesArgs, IndexRebuildArgs};
use crate::failure::Outcome;
use crate::progress::{ProgressView, summary};
use crate::{logging, signals, table, terminal};
use mirror::DataLock;
use serde_json::json;
use std::collections::HashMap;
use std::time::Instant;
use store::Repository;
use tokio_util::sync::CancellationToken;

pub(super) async fn run(app: &App, command: IndexCommand) -> anyhow::Result<Outcome> {
    match command {
        IndexCommand::Run(args) => work(app, &args.names, false).await,
        IndexCommand::Rebuild(IndexRebuildArgs { names, all: _ }) => work(app, &names, true).await,
        IndexCommand::Status(args) => status(app, args).await,
        IndexCommand::Verify(args) => verify(app, args).await,
    }
}

/// Queues the repositories, and does the work unless a server runs that does it.
async fn work(app: &App, names: &[String], rebuild: bool) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let rows = opened.repositories(names).await?;
    let view = ProgressView::new(app.common.quiet);
    if DataLock::is_held(&opened.data) {
        queue(&opened, &rows, rebuild).await?;
        let n_rows = terminal::counted(rows.len() as u64, "repository", "repositories");
        view.print(&format!("{n_rows} queued; the running server does the work"));
        return Ok(Outcome::Done);
    }
    drop(opened);
    let locked = Locked::take(app).await?;
    logging::start(&locked.opened.config.log, view.clone())?;
    let stop = signals::stop_token()?;
    queue(&locked.opened, &rows, rebuild).await?;
    let engine = locked.start(app, &view).await?;
    let (started, done) = (Instant::now(), CancellationToken::new());
    let draining = async {
        let failures = engine.worker.drain(&stop).await;
        done.cancel();
        failures
    };
    let (failures, ()) = tokio::join!(draining, view.follow(&engine.board, rows.len() as u64, &done));
    let failures = failures?;
    for failed in &failures {
        view.error(&format!("{}: {}", failed.name, failed.error));
    }
    view.print(&summary(&engine.board.totals(), started.elapsed()));
    Ok(if failures.is_empty() && !stop.is_cancelled() { Outcome::Done } else { Outcome::Failed })
}

async fn queue(opened: &Opened, rows: &[Repository], rebuild: bool) -> anyhow::Result<()> {
    match rebuild {
        true => mirror::queue_rebuild(&opened.store, rows).await?,
        false => mirror::queue(&opened.store, rows).await?,
    }
    Ok(())
}

async fn status(app: &App, args: IndexNamesArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let rows = opened.repositories(&args.names).await?;
    let manifests: HashMap<_, _> =
        opened.store.maintenance().manifests().await?.into_iter().map(|one| (one.repo, one)).collect();
    let counts = opened.store.jobs().counts().await?;
    let of = |row: &Repository| manifests.get(&row.id);
    let total: u64 = rows.iter().filter_map(of).map(index_bytes).sum();
    if app.common.json {
        let repos: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "name": row.name.as_str(),
                    "status": row.status.as_str(),
                    "segments": of(row).map(|manifest| manifest.segments.len()),
                    "size_bytes": of(row).map(index_bytes),
                })
            })
            .collect();
        let jobs = json!({"queued": counts.n_queued, "running": counts.n_running, "failed": counts.n_failed});
        terminal::print_json(&json!({"size_bytes": total, "jobs": jobs, "repos": repos}));
        return Ok(Outcome::Done);
    }
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.name.to_string(),
                row.status.as_str().to_string(),
                of(row).map_or("-".into(), |manifest| manifest.segments.len().to_string()),
                of(row).map_or("-".into(), |manifest| terminal::size(index_bytes(manifest))),
            ]
        })
        .collect();
    table::print(&["NAME", "STATUS", "SEGMENTS", "SIZE"], &lines);
    let n_rows = terminal::counted(rows.len() as u64, "repository", "repositories");
    terminal::print_line(format_args!(
        "{n_rows}, {}; jobs: {} queued, {} running, {} failed",
        terminal::size(total),
        counts.n_queued,
        counts.n_running,
        counts.n_failed
    ));
    Ok(Outcome::Done)
}

async fn verify(app: &App, args: IndexNamesArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let rows = opened.repositories(&args.names).await?;
    let mut n_damaged = 0;
    let mut shapes = Vec::new();
    for row in &rows {
        let Some(manifest) = opened.store.maintenance().manifest(row.id).await? else { continue };
        let history = opened.store.maintenance().history(row.id).await?;
        let data = opened.data.clone();
        let faults = tokio::task::spawn_blocking(move || {
            let mut faults = mirror::verify_index(&data, &manifest);
            faults.extend(history.iter().flat_map(|history| mirror::verify_history(&data, history)));
            faults
        });
        let faults = faults.await?;
        n_damaged += u64::from(!faults.is_empty());
        let messages: Vec<String> = faults.iter().map(ToString::to_string).collect();
        match app.common.json {
            true => shapes.push(json!({"name": row.name.as_str(), "faults": messages})),
            false => print_verified(row, &messages, app.common.quiet),
        }
    }
    if app.common.json {
        terminal::print_json(&json!({ "damaged": n_damaged, "repos": shapes }));
    } else if n_damaged > 0 {
        terminal::error(&format!(
            "{} damaged; `sourcekeep index rebuild NAME` builds them anew from git",
            terminal::counted(n_damaged, "index is", "indexes are")
        ));
    }
    Ok(if n_damaged == 0 { Outcome::Done } else { Outcome::Failed })
}

fn print_verified(row: &Repository, messages: &[String], quiet: bool) {
    match messages {
        [] if quiet => {}
        [] => terminal::print_line(format_args!("{}: sound", row.name)),
        messages => messages.iter().for_each(|message| {
            terminal::print_line(format_args!("{}: {}", row.name, terminal::harmless(message)))
        }),
    }
}
