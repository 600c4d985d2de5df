//! `sourcekeep repo …`

use super::up;
use crate::app::App;
use crate::cli::{
    RepoAddArgs, RepoCommand, RepoListArgs, RepoRemoveArgs, RepoSetArgs, RepoSkippedArgs, RepoStatusArgs,
    VisibilityArg,
};
use crate::failure::{Outcome, UsageError};
use crate::progress::ProgressView;
use crate::{failure, table, terminal};
use mirror::{AddError, AddOptions, DataLock};
use model::{RefName, RepoName};
use search::{Catalog, SkippedFile, SkippedFilesAsked, SkippedReason};
use serde_json::{Value, json};
use store::{AboutChange, Adder, Manifest, Repository, Visibility};

pub(super) async fn run(app: &App, command: RepoCommand) -> anyhow::Result<Outcome> {
    match command {
        RepoCommand::Add(args) => add(app, args).await,
        RepoCommand::List(args) => list(app, args).await,
        RepoCommand::Remove(args) => remove(app, args).await,
        RepoCommand::Set(args) => set(app, args).await,
        RepoCommand::Skipped(args) => skipped(app, args).await,
        RepoCommand::Status(args) => status(app, args).await,
    }
}

async fn add(app: &App, args: RepoAddArgs) -> anyhow::Result<Outcome> {
    let name = args
        .name
        .map(|name| RepoName::new(name).map_err(|error| UsageError::new(error.to_string())))
        .transpose()?;
    if name.is_some() && args.sources.len() > 1 {
        return Err(UsageError::new(
            "--name fits one repository; add the others with a command of their own",
        )
        .into());
    }
    let opened = app.create().await?;
    let view = ProgressView::new(app.common.quiet);
    let visibility = match args.visibility {
        VisibilityArg::Public => Visibility::Public,
        VisibilityArg::Private => Visibility::Private,
    };
    let options = AddOptions { name, visibility, adder: Adder::LocalOperator };
    let mut has_failed = false;
    let mut added = Vec::new();
    for source in &args.sources {
        match up::add_one(&opened, source, &app.current_dir, opened.config.schemes(), &options).await {
            Ok(report) => {
                has_failed |= up::tell(app, source, &report, &view);
                added.extend(report.added);
            }
            Err(error @ (AddError::Store(_) | AddError::Cancelled)) => return Err(error.into()),
            Err(error) => {
                has_failed = true;
                view.error(&failure::chain(&error.into()));
            }
        }
    }
    if app.common.json {
        let shapes = added.iter().map(|one| json!({"name": one.repository.name.as_str(), "new": one.is_new}));
        terminal::print_json(&json!({ "repos": shapes.collect::<Vec<_>>() }));
    }
    if !added.is_empty() {
        view.print(match DataLock::is_held(&opened.data) {
            true => "The running server picks them up.",
            false => "No server is running; `sourcekeep serve` or `sourcekeep index run` indexes them.",
        });
    }
    Ok(if has_failed { Outcome::Failed } else { Outcome::Done })
}

async fn list(app: &App, args: RepoListArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let mut rows = opened.repositories(&[]).await?;
    if let Some(text) = &args.contains {
        rows.retain(|row| row.name.as_str().contains(text.as_str()));
    }
    if app.common.json {
        let shapes: Vec<Value> = rows.iter().map(shape).collect();
        terminal::print_json(&json!({ "repos": shapes, "next": null }));
    } else if !rows.is_empty() {
        let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
        table::print(&["NAME", "STATUS", "BRANCH", "COMMIT", "SOURCE"], &lines);
        for row in rows.iter().filter(|row| row.error.is_some()) {
            terminal::warning(&format!("{}: {}", row.name, row.error.as_deref().unwrap_or_default()));
        }
    }
    Ok(if rows.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn line(row: &Repository) -> Vec<String> {
    vec![
        row.name.to_string(),
        status_text(row),
        row.default_branch.as_ref().map_or("-".to_string(), |name| name.short().to_string()),
        row.indexed_commit.map_or("-".to_string(), |commit| commit.to_string()[..10].to_string()),
        row.source.to_string(),
    ]
}

fn status_text(row: &Repository) -> String {
    let progress = row.progress.filter(|progress| progress.total > 0);
    match progress {
        Some(progress) => format!("{} {} %", row.status.as_str(), progress.done * 100 / progress.total),
        None => row.status.as_str().to_string(),
    }
}

fn shape(row: &Repository) -> Value {
    json!({
        "name": row.name.as_str(),
        "source": row.source.to_string(),
        "description": row.about.description,
        "topics": row.about.topics,
        "metadata": row.about.metadata,
        "visibility": if row.visibility == Visibility::Public { "public" } else { "private" },
        "fork": row.fork,
        "archived": row.archived,
        "default_branch": row.default_branch.as_ref().map(RefName::short),
        "status": row.status.as_str(),
        "progress": row.progress.map(|progress| json!({"done": progress.done, "total": progress.total})),
        "indexed_commit": row.indexed_commit.map(|commit| commit.to_string()),
        "indexed_at": row.indexed_at.map(|at| at.0),
        "error": row.error,
    })
}

async fn remove(app: &App, args: RepoRemoveArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let rows = opened.repositories(&args.names).await?;
    for row in &rows {
        opened.store.remove_repository(row.id).await?;
    }
    if !app.common.quiet {
        for row in &rows {
            terminal::eprint_line(format_args!("Removed {}", row.name));
        }
        if !DataLock::is_held(&opened.data) {
            terminal::eprint_line("Their files are deleted when the next server starts.");
        }
    }
    Ok(Outcome::Done)
}

async fn set(app: &App, args: RepoSetArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_string(), Some(value.to_string()))
    };
    let mut metadata: std::collections::BTreeMap<_, _> = args.metadata.iter().map(pair).collect();
    metadata.extend(args.no_metadata.into_iter().map(|key| (key, None)));
    let change = AboutChange {
        description: if args.no_description { Some(None) } else { args.description.map(Some) },
        topics: (args.no_topics || !args.topics.is_empty()).then_some(args.topics),
        metadata,
        visibility: args.visibility.map(|visibility| match visibility {
            VisibilityArg::Public => Visibility::Public,
            VisibilityArg::Private => Visibility::Private,
        }),
        fork: args.fork,
        archived: args.archived,
    };
    for row in opened.repositories(std::slice::from_ref(&args.name)).await? {
        let row = opened.store.change_about(row.id, &change).await?;
        if app.common.json {
            terminal::print_json(&shape(&row));
        }
    }
    Ok(Outcome::Done)
}

async fn status(app: &App, args: RepoStatusArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let rows = opened.repositories(std::slice::from_ref(&args.name)).await?;
    for row in &rows {
        let manifest = opened.store.maintenance().manifest(row.id).await?;
        match app.common.json {
            true => terminal::print_json(&with_index(shape(row), manifest.as_ref())),
            false => print_status(row, manifest.as_ref()),
        }
    }
    Ok(Outcome::Done)
}

async fn skipped(app: &App, args: RepoSkippedArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    opened.repositories(std::slice::from_ref(&args.name)).await?;
    let access = opened.access_set(None).await?;
    let catalog = Catalog::new();
    mirror::open_catalog(&opened.store, &opened.data, &catalog).await?;
    let reason = args.reason.as_deref();
    let asked = SkippedFilesAsked {
        repo: &args.name,
        rev: args.rev.as_deref(),
        reason: SkippedReason::OF_FILES.into_iter().find(|known| Some(known.as_str()) == reason),
        after: None,
        n_files_max: usize::MAX,
    };
    let found = catalog.snapshot().skipped_files(&access, asked)?;
    let found = found.ok_or_else(|| {
        UsageError::new(match &args.rev {
            Some(rev) => format!("no branch or tag of '{}' that is indexed is called '{rev}'", args.name),
            None => format!("'{}' is not indexed yet; `sourcekeep index run` does it", args.name),
        })
    })?;
    let path = |file: &SkippedFile| String::from_utf8_lossy(&file.path).into_owned();
    if app.common.json {
        let shape = |file: &SkippedFile| json!({"path": path(file), "reason": file.reason.as_str(), "size_bytes": file.size_bytes});
        let counts: Value = found.counts.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        let files: Vec<Value> = found.files.iter().map(shape).collect();
        terminal::print_json(&json!({"commit": found.commit.to_string(), "counts": counts, "files": files}));
    } else {
        for file in &found.files {
            let reason = file.reason.as_str();
            terminal::print_line(format_args!("{reason:<16} {}", terminal::harmless(&path(file))));
        }
    }
    if !app.common.json && !app.common.quiet {
        for (reason, n_files) in &found.counts {
            let files = terminal::counted(*n_files, "file", "files");
            terminal::eprint_line(format_args!("{files}: {}", reason.of_file()));
        }
    }
    Ok(if found.files.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn with_index(mut shape: Value, manifest: Option<&Manifest>) -> Value {
    shape["index"] = match manifest {
        None => Value::Null,
        Some(manifest) => json!({
            "generation": manifest.generation.0,
            "segments": manifest.segments.len(),
            "size_bytes": index_bytes(manifest),
        }),
    };
    shape
}

/// Bytes on disk that a manifest names.
pub(super) fn index_bytes(manifest: &Manifest) -> u64 {
    manifest.segments.iter().map(|file| file.size_bytes).sum::<u64>() + manifest.ref_table.size_bytes
}

/// Keys as `--meta` takes them.
fn metadata_text(row: &Repository) -> String {
    let pair = |(key, value): (&String, &String)| {
        if value.is_empty() { key.clone() } else { format!("{key}={value}") }
    };
    row.about.metadata.iter().map(pair).collect::<Vec<_>>().join(" ")
}

fn print_status(row: &Repository, manifest: Option<&Manifest>) {
    let mut rows = vec![
        ("name", row.name.to_string()),
        ("source", row.source.to_string()),
        ("description", row.about.description.clone()),
        ("topics", row.about.topics.join(" ")),
        ("metadata", metadata_text(row)),
        ("status", status_text(row)),
    ];
    if let Some(error) = &row.error {
        rows.push(("error", error.clone()));
    }
    if let Some(branch) = &row.default_branch {
        rows.push(("default branch", branch.short().to_string()));
    }
    if let Some(commit) = row.indexed_commit {
        rows.push(("indexed commit", commit.to_string()));
    }
    if let Some(manifest) = manifest {
        let n_segments = terminal::counted(manifest.segments.len() as u64, "segment", "segments");
        rows.push(("index", format!("{} in {n_segments}", terminal::size(index_bytes(manifest)))));
    }
    for (label, value) in rows {
        terminal::print_line(format_args!("{label:<15} {}", terminal::harmless(&value)));
    }
}
