//! Making one overlay.

use super::{Extra, Shared, unreadable};
use crate::IndexError;
use crate::build::{BuildInput, BuildOptions, Built, build};
use crate::refs::Revisions;
use git::Repository;
use index::{Revision, Segment};
use model::RefName;
use search::{RepoIndex, RevisionFault};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use store::{FileChecksum, StoredFile};

/// Names an overlay by everything that decides what it holds.
pub(super) fn key(repo: &RepoIndex, extra: &Extra, file_bytes_max: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut text = format!("overlay 1 format {} file {file_bytes_max}\n", index::FORMAT_VERSION);
    let table = &repo.ref_table;
    for id in table.segments() {
        let _ = writeln!(text, "{id}");
    }
    for revision in table.revisions() {
        let _ = write!(text, "{}", revision.commit);
        put_names(&mut text, &revision.refs);
        text.push('\n');
    }
    let _ = writeln!(text, "{:?} {}", table.default_revision(), table.n_docs());
    for (commit, names) in extra {
        let _ = write!(text, "+ {commit}");
        put_names(&mut text, names);
        text.push('\n');
    }
    hasher.update(text.as_bytes());
    hasher.finalize().to_hex().as_str()[..32].to_owned()
}

fn put_names<'a>(text: &mut String, names: impl IntoIterator<Item = &'a RefName>) {
    for name in names {
        text.push(' ');
        text.push_str(name.as_str());
    }
}

/// Makes an overlay and puts it into the cache.
pub(super) fn make(
    shared: &Shared,
    key: &str,
    repo: &Arc<RepoIndex>,
    repository: &Repository,
    extra: &Extra,
    cancel: &AtomicBool,
) -> Result<Arc<RepoIndex>, RevisionFault> {
    let workshop = shared.cache.workshop(repo.id).map_err(fault)?;
    let built = build_overlay(shared, workshop.path(), repo, repository, extra, cancel).map_err(fault)?;
    shared.cache.keep(key, repo, workshop.path(), built).map_err(fault)
}

fn build_overlay(
    shared: &Shared,
    folder: &Path,
    repo: &RepoIndex,
    repository: &Repository,
    extra: &Extra,
    cancel: &AtomicBool,
) -> Result<Built, IndexError> {
    let table = &repo.ref_table;
    let mut revisions = table.revisions().to_vec();
    revisions.extend(extra.iter().map(|(commit, refs)| Revision {
        refs: refs.iter().cloned().collect(),
        commit: *commit,
        commit_time: 0,
    }));
    let revisions =
        Revisions { revisions, default: table.default_revision(), default_branch: None, digest: [0; 32] };
    // Text that was indexed for another overlay of the repository is not indexed again.
    let mut existing: Vec<(StoredFile, Arc<Segment>)> = repo.segments.iter().map(named).collect();
    let others = shared.cache.segments(repo.id);
    existing.extend(others.iter().map(named));
    let n_bytes_max = shared.options.text_bytes_max;
    let input = BuildInput {
        name: &repo.name,
        repository,
        revisions,
        existing,
        n_optional: others.len(),
        previous: Some(Arc::clone(table)),
        folder,
        options: BuildOptions {
            n_threads: shared.options.n_threads,
            file_bytes_max: shared.options.file_bytes_max,
        },
        task: None,
        cancel,
    };
    build(input, |n_bytes| match n_bytes > n_bytes_max {
        true => Err(IndexError::OverLimit { n_bytes, n_bytes_max }),
        false => Ok(()),
    })
}

/// No manifest names what an overlay is made of: a name of its own is not needed.
fn named(segment: &Arc<Segment>) -> (StoredFile, Arc<Segment>) {
    let checksum = FileChecksum(segment.id().0.to_vec());
    let file = StoredFile { name: String::new(), size_bytes: segment.size_bytes(), checksum };
    (file, Arc::clone(segment))
}

fn fault(error: IndexError) -> RevisionFault {
    match error {
        IndexError::Cancelled => RevisionFault::Cancelled,
        IndexError::OverLimit { n_bytes, n_bytes_max } => RevisionFault::TooLarge { n_bytes, n_bytes_max },
        error => unreadable(error),
    }
}
