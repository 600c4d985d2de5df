//! `sourcekeep up`: the main job.

use super::serve::{Engine, Locked};
use crate::app::{App, Opened, shown};
use crate::cli::UpArgs;
use crate::failure::Outcome;
use crate::progress::{ProgressView, summary};
use crate::terminal::{self, counted};
use crate::{failure, logging, signals};
use git::Schemes;
use mirror::{AddError, AddOptions, AddReport, SourceArgument};
use std::path::Path;
use std::time::{Duration, Instant};
use store::{Adder, Visibility};
use tokio_util::sync::CancellationToken;

/// Looking for repositories longer than this is told: people wonder.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) async fn run(app: &App, args: UpArgs) -> anyhow::Result<Outcome> {
    let view = ProgressView::new(app.common.quiet);
    let locked = Locked::take(app).await?;
    logging::start(&locked.opened.config.log, view.clone())?;
    let stop = signals::stop_token()?;
    let added = tokio::select! {
        added = add_all(app, &locked.opened, &args, &view) => added?,
        () = stop.cancelled() => return Ok(Outcome::Failed),
    };
    if added.n_found == 0 && added.has_failed {
        return Ok(Outcome::Failed);
    }
    let engine = locked.start(app, &view).await?;
    match args.once {
        true => index_once(&engine, &view, &stop, added).await,
        false => index_and_serve(&engine, &view, &stop, &args, added).await,
    }
}

/// What was added for the arguments.
struct AddedAll {
    n_found: u64,
    has_failed: bool,
}

/// Adds every argument; what is wrong with one is told, and the others proceed.
async fn add_all(app: &App, opened: &Opened, args: &UpArgs, view: &ProgressView) -> anyhow::Result<AddedAll> {
    let here = [".".to_string()];
    let sources = if args.sources.is_empty() { &here[..] } else { &args.sources[..] };
    let mut all = AddedAll { n_found: 0, has_failed: false };
    for source in sources {
        let options = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::LocalOperator };
        let adding = add_one(opened, source, &app.current_dir, opened.config.schemes(), &options);
        match patiently(adding, || view.print(&format!("Looking for repositories below {source} …"))).await
        {
            Ok(report) => {
                all.n_found += report.added.len() as u64;
                all.has_failed |= tell(app, source, &report, view);
            }
            Err(error @ (AddError::Store(_) | AddError::Cancelled)) => return Err(error.into()),
            Err(error) => {
                all.has_failed = true;
                view.error(&failure::chain(&error.into()));
            }
        }
    }
    Ok(all)
}

/// Says what is waited for where it takes long.
async fn patiently<T>(work: impl Future<Output = T>, say: impl FnOnce()) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(PATIENCE) => say(),
    }
    work.await
}

pub(super) async fn add_one(
    opened: &Opened,
    source: &str,
    current_dir: &Path,
    schemes: Schemes,
    options: &AddOptions,
) -> Result<AddReport, AddError> {
    let argument = SourceArgument::parse(source, current_dir, schemes)?;
    mirror::add(&opened.store, argument, options).await
}

/// Tells what was found for one argument; whether something of it could not be added.
pub(super) fn tell(app: &App, source: &str, report: &AddReport, view: &ProgressView) -> bool {
    let n_new = report.added.iter().filter(|added| added.is_new).count() as u64;
    let found = counted(report.added.len() as u64, "repository", "repositories");
    match &report.added[..] {
        [] => {}
        [one] if one.is_new => view.print(&format!("Added {}", one.repository.name)),
        [one] => view.print(&format!("Found {}, known before", one.repository.name)),
        _ => {
            let place = shown(&app.current_dir.join(source), &app.environment);
            view.print(&format!("Found {found} below {place}, {} new", terminal::count(n_new)));
        }
    }
    for (path, fault) in &report.unusable {
        view.error(&format!("{}: {fault}", path.display()));
    }
    for refused in &report.refused {
        view.error(&refused.to_string());
    }
    if report.truncated {
        view.error(&format!(
            "'{source}' has too many directories: not all were searched; name the ones inside"
        ));
    }
    !report.refused.is_empty() || !report.unusable.is_empty() || report.truncated
}

async fn index_once(
    engine: &Engine,
    view: &ProgressView,
    stop: &CancellationToken,
    added: AddedAll,
) -> anyhow::Result<Outcome> {
    engine.shut_air_gap()?;
    let started = Instant::now();
    let done = CancellationToken::new();
    let work = async {
        let failures = engine.worker.drain(stop).await;
        done.cancel();
        failures
    };
    let (failures, ()) = tokio::join!(work, view.follow(&engine.board, added.n_found, &done));
    engine.opened.settle_egress().await;
    let failures = failures?;
    for failed in &failures {
        view.error(&format!("{}: {}", failed.name, failed.error));
    }
    view.print(&summary(&engine.board.totals(), started.elapsed()));
    if stop.is_cancelled() {
        terminal::error("interrupted; what was finished is kept, run the command again for the rest");
        return Ok(Outcome::Failed);
    }
    Ok(if failures.is_empty() && !added.has_failed { Outcome::Done } else { Outcome::Failed })
}

async fn index_and_serve(
    engine: &Engine,
    view: &ProgressView,
    stop: &CancellationToken,
    args: &UpArgs,
    added: AddedAll,
) -> anyhow::Result<Outcome> {
    let front = engine.front(args.listen).await?;
    for line in engine.welcome(&front.url).await? {
        view.result(&line);
    }
    let url = front.url.clone();
    let first_round = show_first_round(engine, view, stop, added.n_found, &url);
    let (served, ()) = tokio::join!(engine.serve(front, stop), first_round);
    served?;
    Ok(Outcome::Done)
}

/// Shows progress until everything that was asked for was looked at once.
async fn show_first_round(
    engine: &Engine,
    view: &ProgressView,
    stop: &CancellationToken,
    n_expected: u64,
    url: &str,
) {
    let started = Instant::now();
    let over = stop.child_token();
    let wait = async {
        let mut ticker = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                _ = ticker.tick() => {}
                () = over.cancelled() => return,
            }
            let totals = engine.board.totals();
            if totals.repos_done + totals.repos_failed >= n_expected && engine.board.for_operator().is_empty()
            {
                over.cancel();
            }
        }
    };
    tokio::join!(wait, view.follow(&engine.board, n_expected, &over));
    if !stop.is_cancelled() {
        let totals = engine.board.totals();
        view.print(&summary(&totals, started.elapsed()));
        if totals.repos_failed > 0 {
            let failed = counted(totals.repos_failed, "attempt", "attempts");
            view.print(&format!("{failed} failed and will be repeated; `sourcekeep repo list` says why"));
        }
        view.print(&format!("Search at {url}  (Ctrl-C stops)"));
    }
}
