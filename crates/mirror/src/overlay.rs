//! Revisions that no branch or tag leads to, made searchable when somebody asks for them.
//!
//! An **overlay** is a ref table that holds such commits beside all that the published one holds, and at most one small
//! segment with the text that no segment of the repository has. It is derived: kept on disk within a budget, the least
//! recently used going first, and made again when it is asked for. Two searches that ask for the same wait for one making.
//! Files lie in `overlays/<repository>/`: `<key>.refs`, `<key>.used` (when), `<segment>.segment`, which overlays share.

mod cache;
mod flight;
mod make;

use crate::DataDir;
use crate::gate::Gate;
use crate::process::open_options;
use cache::Cache;
pub(crate) use cache::WORKSHOP_PREFIX;
use flight::Flights;
use git::{Repository, ResolveError};
use index::RefTable;
use model::{ObjectId, RefName, RepoId};
use search::{
    FoundRevisions, RepoIndex, RevisionFault, RevisionRequest, RevisionSource, WantedRevision, time_left,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Most commits of one repository that are made searchable for one search.
const N_COMMITS_MAX: usize = 64;
/// Most text that is indexed for one overlay: some ten seconds.
const TEXT_BYTES_MAX: u64 = 256 << 20;
/// Most bytes that all overlays of a data directory take.
const DISK_BYTES_MAX: u64 = 2 << 30;
/// Overlays that are made at the same time.
const N_MAKING_MAX: u64 = 2;
/// Repositories that stay open: each holds a few mapped pack indexes.
const N_OPEN_MAX: usize = 64;

/// What overlays may cost, and how they are made.
#[derive(Clone, Debug)]
pub struct OverlayOptions {
    /// Largest file whose content is indexed, in bytes.
    pub file_bytes_max: u64,
    /// Threads that make one.
    pub n_threads: usize,
    /// Most text that is indexed for one, in bytes.
    pub text_bytes_max: u64,
    /// Most bytes of all of them on disk.
    pub disk_bytes_max: u64,
}

impl OverlayOptions {
    /// The usual limits, for indexes made with these settings.
    pub fn new(file_bytes_max: u64, n_threads: usize) -> Self {
        OverlayOptions {
            file_bytes_max,
            n_threads,
            text_bytes_max: TEXT_BYTES_MAX,
            disk_bytes_max: DISK_BYTES_MAX,
        }
    }
}

/// Makes overlays and keeps them. The [`RevisionSource`] of a data directory.
#[derive(Debug)]
pub struct Overlays {
    shared: Arc<Shared>,
}

/// What the threads that make overlays share.
#[derive(Debug)]
struct Shared {
    options: OverlayOptions,
    cache: Cache,
    flights: Flights,
    gate: Gate,
    open: Mutex<HashMap<RepoId, (PathBuf, Repository)>>,
}

/// Commits to be made searchable, with the refs that lead to them.
type Extra = BTreeMap<ObjectId, BTreeSet<RefName>>;

impl Overlays {
    /// Overlays of the indexes in a data directory.
    pub fn new(data: &DataDir, options: OverlayOptions) -> Self {
        let shared = Shared {
            cache: Cache::new(data.overlays(), options.disk_bytes_max),
            options,
            flights: Flights::default(),
            gate: Gate::new(N_MAKING_MAX),
            open: Mutex::default(),
        };
        Overlays { shared: Arc::new(shared) }
    }
}

impl RevisionSource for Overlays {
    fn find(&self, request: &RevisionRequest<'_>) -> Result<FoundRevisions, RevisionFault> {
        let repo = request.repo;
        if repo.objects.as_os_str().is_empty() {
            return Ok(FoundRevisions { commits: vec![Vec::new(); request.wanted.len()], index: None });
        }
        let repository = self.shared.repository(repo)?;
        let held: HashMap<ObjectId, ()> =
            repo.ref_table.revisions().iter().map(|revision| (revision.commit, ())).collect();
        let (mut commits, mut extra) = (Vec::new(), Extra::new());
        for wanted in request.wanted {
            check(request)?;
            let found = resolve(&repository, &repo.ref_table, wanted, request)?;
            commits.push(found.iter().map(|(commit, _)| *commit).collect());
            for (commit, name) in found.into_iter().filter(|(commit, _)| !held.contains_key(commit)) {
                extra.entry(commit).or_default().extend(name);
            }
        }
        if extra.is_empty() || !request.may_index {
            return Ok(FoundRevisions { commits, index: None });
        }
        if extra.len() > N_COMMITS_MAX {
            let n_commits = extra.len();
            return Err(RevisionFault::TooMany { n_commits, n_commits_max: N_COMMITS_MAX });
        }
        let index = flight::make_or_wait(&self.shared, request, repository, extra)?;
        Ok(FoundRevisions { commits, index: Some(index) })
    }
}

impl Shared {
    fn repository(&self, repo: &RepoIndex) -> Result<Repository, RevisionFault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, repository)) = open.get(&repo.id).filter(|(path, _)| *path == repo.objects) {
            return Ok(repository.clone());
        }
        let repository = Repository::open(&repo.objects, &open_options()).map_err(unreadable)?;
        if open.len() >= N_OPEN_MAX {
            // Which ones go does not matter much: opening again costs a millisecond.
            open.clear();
        }
        open.insert(repo.id, (repo.objects.clone(), repository.clone()));
        Ok(repository)
    }
}

/// The commits that are meant, each with the ref that leads to it where one does.
fn resolve(
    repository: &Repository,
    table: &RefTable,
    wanted: &WantedRevision,
    request: &RevisionRequest<'_>,
) -> Result<Vec<(ObjectId, Option<RefName>)>, RevisionFault> {
    match wanted {
        WantedRevision::Name(name) => match repository.resolve(name) {
            Ok(found) => Ok(vec![(found.commit, found.ref_name)]),
            Err(ResolveError::NotFound { .. } | ResolveError::NotACommit { .. }) => Ok(Vec::new()),
            Err(error @ ResolveError::Ambiguous { .. }) => {
                Err(RevisionFault::Unreadable { reason: error.to_string() })
            }
        },
        WantedRevision::AtTime { seconds, base } => {
            let tip = match base {
                Some(base) => repository.resolve(base).ok().map(|found| found.commit),
                None => {
                    let default = table.default_revision();
                    default
                        .and_then(|default| table.revisions().get(default.0 as usize))
                        .map(|one| one.commit)
                }
            };
            let commit = tip.and_then(|tip| repository.commit_at(tip, *seconds, &|| check(request).is_err()));
            check(request)?;
            Ok(commit.into_iter().map(|commit| (commit, None)).collect())
        }
        WantedRevision::Glob(_) => {
            let refs = repository.other_refs().into_iter();
            Ok(refs.filter(|one| wanted.matches(&one.name)).map(|one| (one.commit, Some(one.name))).collect())
        }
    }
}

/// Whether to go on.
fn check(request: &RevisionRequest<'_>) -> Result<(), RevisionFault> {
    if request.cancel.is_cancelled() {
        return Err(RevisionFault::Cancelled);
    }
    match time_left(request.deadline) {
        Some(Duration::ZERO) => Err(RevisionFault::TimedOut),
        _ => Ok(()),
    }
}

/// SECURITY: what went wrong names folders of the server, which the log may know and a caller may not.
fn unreadable(error: impl std::fmt::Display) -> RevisionFault {
    tracing::warn!(%error, "a revision could not be made searchable");
    RevisionFault::Unreadable { reason: "the server's log says why".to_owned() }
}
