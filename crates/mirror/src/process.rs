//! One job: from a repository's row to its published index.

use crate::board::{Phase, Task};
use crate::build::{BuildInput, BuildOptions, Built, build};
use crate::job::Payload;
use crate::open::open_index;
use crate::refs::Revisions;
use crate::tidy::{self, Opened};
use crate::worker::Shared;
use crate::{DataDir, IndexError};
use git::{OpenOptions, RemoteUrl};
use index::Segment;
use model::RepoId;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::{Manifest, NewManifest, Repository, Source};

/// How the message begins that tells what an index lacks.
pub(crate) const GAPS: &str = "indexed with gaps";

/// What the blocking half of a job has to say.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// The refs are those of the published index, and its files open.
    Unchanged,
    /// A new index is on disk.
    Built {
        /// It.
        built: Box<Built>,
        /// What the manifest says of the refs.
        revisions: Box<Revisions>,
    },
}

/// Memory of each reader's cache of delta bases. Measured on the Linux source: 64 MiB saves half a second of processor time in
/// thirty, and would be half of what indexing may take beyond the writer's own memory.
const PACK_CACHE_BYTES: usize = 24 << 20;

/// How a repository is opened. SECURITY: nothing outside the repository itself is followed (alternates, `.git` files that
/// lead elsewhere without being named back).
pub(crate) fn open_options() -> OpenOptions {
    OpenOptions { pack_cache_bytes: PACK_CACHE_BYTES, ..OpenOptions::default() }
}

/// Fetches, looks at the refs, and builds what is missing. Blocks.
pub(crate) fn prepare(
    shared: &Shared,
    row: &Repository,
    manifest: Option<&Manifest>,
    payload: Payload,
    task: &Task,
    cancel: &AtomicBool,
) -> Result<Prepared, IndexError> {
    let path = bring_up_to_date(shared, row, payload, task, cancel)?;
    task.phase(Phase::Checking);
    let options = shared.build_options();
    let repository = git::Repository::open(&path, &open_options())?;
    let refs = repository.refs()?;
    for skipped in &refs.skipped {
        tracing::debug!(repo = %row.name, name = %skipped.name, reason = ?skipped.reason, "a ref is left out");
    }
    let revisions = Revisions::new(&refs, &options.recipe());
    let manifest = manifest.filter(|_| !payload.rebuild);
    let opened = manifest.and_then(|manifest| match open_index(&shared.data, row, manifest) {
        Ok(opened) => Some((manifest, opened)),
        Err(fault) => {
            tracing::warn!(repo = %row.name, %fault, "the index is damaged and rebuilt from git");
            None
        }
    });
    if let Some((manifest, _)) = &opened
        && manifest.refs_digest.as_deref() == Some(&revisions.digest[..])
    {
        return Ok(Prepared::Unchanged);
    }
    let previous = opened.as_ref().filter(|(manifest, opened)| {
        let then = Revisions::of_table(&opened.ref_table, row.default_branch.as_ref(), &options.recipe());
        let has_gaps = row.error.as_ref().is_some_and(|error| error.starts_with(GAPS));
        let are_of_age = opened.segments.iter().all(|segment| is_of_age(segment));
        manifest.refs_digest.as_deref() == Some(&then.digest[..]) && !has_gaps && are_of_age
    });
    let previous = previous.map(|(_, opened)| Arc::clone(&opened.ref_table));
    let existing = match &opened {
        Some((manifest, opened)) => {
            let files = manifest.segments.iter().cloned();
            files
                .zip(opened.segments.iter().map(Arc::clone))
                .filter(|(_, segment)| is_of_age(segment))
                .collect()
        }
        None => Vec::new(),
    };
    let input = BuildInput {
        name: &row.name,
        repository: &repository,
        revisions: revisions.clone(),
        existing,
        n_optional: 0,
        previous,
        folder: &shared.data.index(row.id),
        options,
        task: Some(task),
        cancel,
    };
    let built = build_within_limits(shared, input, cancel)?;
    Ok(Prepared::Built { built: Box::new(built), revisions: Box::new(revisions) })
}

/// What an older build wrote without definitions is written anew.
fn is_of_age(segment: &Segment) -> bool {
    segment.symbols().is_ok_and(|symbols| symbols.is_some())
}

fn build_within_limits(
    shared: &Shared,
    input: BuildInput<'_>,
    cancel: &AtomicBool,
) -> Result<Built, IndexError> {
    let mut admission = None;
    build(input, |bytes| {
        // Where the work is called off while it waits, the build notices at its next step.
        admission = shared.gate.enter(bytes, cancel);
        Ok(())
    })
}

/// Clones or fetches a remote; a local repository is read where it is.
fn bring_up_to_date(
    shared: &Shared,
    row: &Repository,
    payload: Payload,
    task: &Task,
    cancel: &AtomicBool,
) -> Result<PathBuf, IndexError> {
    let address = match &row.source {
        Source::Local(path) => return Ok(path.clone()),
        Source::Remote(address) => address,
    };
    let url = RemoteUrl::parse(address, shared.schemes)?;
    let url = match shared.credential(&url)? {
        Some(secret) => url.with_credential(secret)?,
        None => url,
    };
    let folder = shared.data.mirror(row.id);
    let program = shared.git_mirror()?;
    let mut on_progress =
        |progress: git::Progress| task.received(progress.n_done, progress.n_total, progress.received_bytes);
    if !folder.exists() {
        task.phase(Phase::Cloning);
        program.clone_mirror(&url, &folder, cancel, &mut on_progress)?;
        return Ok(folder);
    }
    task.phase(Phase::Fetching);
    match program.fetch(&url, &folder, cancel, &mut on_progress) {
        Ok(_) => {}
        // What is here is enough to replace a damaged index; the next job fetches again.
        Err(error) if payload.rebuild => {
            tracing::warn!(repo = %row.name, %error, "fetching failed; the index is rebuilt from the mirror as it is");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(folder)
}

/// Puts a built index in force: in the database, then for searches.
pub(crate) async fn publish(
    shared: &Shared,
    row: &Repository,
    manifest: Option<&Manifest>,
    mut built: Box<Built>,
    revisions: &Revisions,
) -> Result<(), IndexError> {
    let expected = manifest.map(|manifest| manifest.generation).unwrap_or_default();
    let new = NewManifest {
        segments: built.segments.iter().map(|(file, _)| file.clone()).collect(),
        ref_table: built.ref_table.0.clone(),
        default_branch: revisions.default_branch.clone(),
        indexed_commit: revisions
            .revisions
            .first()
            .filter(|_| revisions.default.is_some())
            .map(|one| one.commit),
        refs_digest: Some(revisions.digest.to_vec()),
    };
    match shared.store.maintenance().publish_manifest(row.id, expected, new).await {
        Ok(_) => built.keep(),
        Err(error @ store::PublishError::Fault(_)) => {
            // It may have been published all the same, so the files stay; if not, the next start sweeps them.
            built.keep();
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    }
    let segments = built.segments.iter().map(|(_, segment)| Arc::clone(segment)).collect();
    shared.catalog.publish(crate::open::repo_index(
        &shared.data,
        row,
        Arc::clone(&built.ref_table.1),
        segments,
    ));
    shared.note_known(row.id);
    if let Some(incomplete) = &built.incomplete {
        let message = format!("{GAPS}: {incomplete}");
        shared.store.maintenance().set_error(row.id, &message).await?;
    }
    Ok(())
}

/// Joins the segments of a repository where there are many, and puts the result in force. Does nothing where somebody removed
/// the repository meanwhile.
pub(crate) async fn tidy(
    shared: &Arc<Shared>,
    repo: RepoId,
    cancel: &Arc<AtomicBool>,
) -> Result<(), IndexError> {
    let maintenance = shared.store.maintenance();
    let Some((row, manifest)) = present(shared, repo).await? else { return Ok(()) };
    let folder = shared.data.index(repo);
    let (data, flag) = (shared.data.clone(), Arc::clone(cancel));
    let joined = {
        let (row, folder) = (row.clone(), folder.clone());
        tokio::task::spawn_blocking(move || match opened(&data, &row, &manifest) {
            Some(opened) => tidy::join(&opened, &folder, &flag),
            None => Ok(None),
        })
    };
    let Some(joined) = joined.await.unwrap_or(Err(IndexError::Panicked))? else { return Ok(()) };
    // From here on no push comes between; it has waited for no more than a ref table.
    let _turn = shared.turn_of(repo).lock_owned().await;
    let Some((row, manifest)) = present(shared, repo).await? else { return Ok(()) };
    let (data, expected, digest) = (shared.data.clone(), manifest.generation, manifest.refs_digest.clone());
    let renamed = {
        let row = row.clone();
        tokio::task::spawn_blocking(move || match opened(&data, &row, &manifest) {
            Some(opened) => tidy::rename(&opened, joined, &folder),
            None => Ok(None),
        })
    };
    let Some(mut tidied) = renamed.await.unwrap_or(Err(IndexError::Panicked))? else { return Ok(()) };
    let table = Arc::clone(&tidied.ref_table.1);
    let default = table.default_revision().and_then(|default| table.revisions().get(default.0 as usize));
    let new = NewManifest {
        segments: tidied.segments.iter().map(|(file, _)| file.clone()).collect(),
        ref_table: tidied.ref_table.0.clone(),
        default_branch: row.default_branch.clone(),
        indexed_commit: default.map(|revision| revision.commit),
        refs_digest: digest,
    };
    let outcome = maintenance.publish_manifest(repo, expected, new).await;
    if matches!(outcome, Ok(_) | Err(store::PublishError::Fault(_))) {
        tidied.new_files.keep();
    }
    outcome?;
    let segments = tidied.segments.iter().map(|(_, segment)| Arc::clone(segment)).collect();
    shared.catalog.publish(crate::open::repo_index(&shared.data, &row, table, segments));
    match row.error.filter(|error| error.starts_with(GAPS)) {
        Some(gaps) => maintenance.set_error(repo, &gaps).await.map(drop).map_err(IndexError::from),
        None => Ok(()),
    }
}

async fn present(shared: &Shared, repo: RepoId) -> Result<Option<(Repository, Manifest)>, IndexError> {
    let maintenance = shared.store.maintenance();
    let row = maintenance.repository(repo).await?;
    Ok(row.zip(maintenance.manifest(repo).await?))
}

/// `None` where the index does not open: its damage is told where it matters, and rebuilding makes segments few, too.
fn opened(data: &DataDir, row: &Repository, manifest: &Manifest) -> Option<Opened> {
    match open_index(data, row, manifest) {
        Ok(index) => Some(Opened {
            files: manifest.segments.clone(),
            segments: index.segments,
            table: index.ref_table,
        }),
        Err(fault) => {
            tracing::warn!(repo = %row.name, %fault, "segments are not joined");
            None
        }
    }
}

impl Shared {
    pub(crate) fn build_options(&self) -> BuildOptions {
        BuildOptions { n_threads: self.n_threads, file_bytes_max: self.file_bytes_max }
    }
}
