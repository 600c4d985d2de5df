//! Raw sidecars in the background: the text of the default branches kept as it is, beside the segments, as long as memory
//! is allowed for it.
//!
//! A sidecar is a cache on this node, below `raw/`: no manifest names it. After each change of the catalog a round decides
//! whose text is kept, most valuable repository first, lets go of the rest, and writes what is missing. Searches use what
//! is attached at their moment and the compressed text of everything else; none waits for this.
//!
//! The same rounds have the catalog sketch repositories that are new in it, by which searches over many pass over most.

use crate::{Board, DataDir};
use access::Actor;
use index::{BlobIdx, BlockBitmap, GroupIdx, RawText, ReadError, Segment, SegmentOrdinal, WriteRawError};
use model::{AccessSet, RepoId};
use search::{Catalog, RepoIndex, Snapshot};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::Store;
use tokio_util::sync::CancellationToken;

/// How often the catalog is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// Segments with less text of the default branch have no sidecar: decompressing all of it takes less than 200 µs, and each
/// file costs a mapping.
const TEXT_BYTES_MIN: u64 = 256 << 10;
/// Fewer repositories are not sketched: looking into the index of each takes less than a millisecond.
const SKETCHED_MIN: usize = 64;
/// How many repositories are sketched (some 100 µs each) between two looks for something more urgent.
const SKETCHES_PER_LOOK: usize = 8;

/// What keeps sidecars.
#[derive(Clone)]
pub struct Sidecars {
    shared: Arc<Shared>,
}

/// What [`Sidecars`] works with.
pub struct SidecarOptions {
    /// Tells which repositories there are.
    pub store: Store,
    /// Where the files go. The caller holds its lock.
    pub data: DataDir,
    /// Whose segments get sidecars.
    pub catalog: Arc<Catalog>,
    /// Where sizes are told.
    pub board: Board,
    /// Bytes of all sidecars together; 0 for none.
    pub bytes_max: u64,
    /// Called between small pieces of work: may wait while something more urgent is going on.
    pub give_way: Arc<dyn Fn() + Send + Sync>,
}

struct Shared {
    options: SidecarOptions,
    needs: Mutex<HashMap<RepoId, Known>>,
}

/// What a repository needs, for as long as its index is this one.
struct Known {
    index: Arc<RepoIndex>,
    needs: Arc<Vec<Need>>,
}

/// The text of the default branch that one segment holds.
struct Need {
    repo: RepoId,
    segment: Arc<Segment>,
    blobs: BlockBitmap,
    /// Bytes of their text.
    bytes: u64,
}

impl Need {
    fn file_bytes(&self) -> u64 {
        self.bytes + 8 * u64::from(self.segment.n_blobs() + 1) + 64
    }

    /// Whether a sidecar holds nine tenths of what is needed, and not mostly something else.
    fn is_met_by(&self, raw: &RawText) -> bool {
        let missing = self.blobs.iter().map(BlobIdx).filter(|blob| raw.text(*blob).is_none());
        let missing: u64 =
            missing.filter_map(|blob| self.segment.blob(blob).ok()).map(|meta| meta.text_len).sum();
        missing * 10 <= self.bytes && raw.size_bytes() <= self.file_bytes() * 2
    }
}

impl Sidecars {
    /// Nothing happens before [`Sidecars::run`].
    pub fn new(options: SidecarOptions) -> Self {
        Sidecars { shared: Arc::new(Shared { options, needs: Mutex::default() }) }
    }

    /// Keeps sidecars in step with the catalog until `stop` is cancelled.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut seen: Option<Snapshot> = None;
        while !stop.is_cancelled() {
            let snapshot = self.shared.options.catalog.snapshot();
            if !seen.as_ref().is_some_and(|seen| seen.is_same(&snapshot)) {
                self.round(&snapshot, stop).await;
                seen = Some(snapshot);
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Brings sidecars in step with one state of the catalog.
    pub async fn round(&self, snapshot: &Snapshot, stop: &CancellationToken) {
        // The keeper works for the instance, as the worker does; what it makes is read through the caller's access set.
        let access = match self.shared.options.store.access_set(&Actor::LOCAL_OPERATOR).await {
            Ok(access) => access,
            Err(error) => {
                tracing::warn!(%error, "raw sidecars are not brought up to date");
                return;
            }
        };
        let repos: Vec<Arc<RepoIndex>> = snapshot.repos(&access).collect();
        let called_off = Arc::new(AtomicBool::new(false));
        let (shared, flag) = (Arc::clone(&self.shared), Arc::clone(&called_off));
        let mut work = tokio::task::spawn_blocking(move || {
            if repos.len() >= SKETCHED_MIN {
                shared.sketch(&access, &flag);
            }
            shared.round(&repos, &flag);
        });
        let outcome = tokio::select! {
            outcome = &mut work => outcome,
            () = stop.cancelled() => {
                called_off.store(true, Ordering::Relaxed);
                work.await
            }
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "keeping raw sidecars ended unexpectedly");
        }
    }
}

impl Shared {
    fn sketch(&self, access: &AccessSet, called_off: &AtomicBool) {
        let mut n_sketched = 0;
        self.options.catalog.sketch(access, &mut || {
            n_sketched += 1;
            if n_sketched % SKETCHES_PER_LOOK == 0 {
                (self.options.give_way)();
            }
            !called_off.load(Ordering::Relaxed)
        });
    }

    fn round(&self, repos: &[Arc<RepoIndex>], called_off: &AtomicBool) {
        let needs = self.needs(repos);
        let chosen = choose(&needs, repos, self.options.bytes_max);
        let keep: HashSet<PathBuf> = chosen.iter().map(|need| self.path(need.repo, &need.segment)).collect();
        for repo in repos {
            let has_lost = |segment: &&Arc<Segment>| {
                segment.raw().is_some() && !keep.contains(&self.path(repo.id, segment))
            };
            for segment in repo.segments.iter().filter(has_lost) {
                segment.set_raw(None);
            }
        }
        delete_others(&self.options.data.raw_root(), &keep);
        let mut bytes = 0;
        for need in &chosen {
            if called_off.load(Ordering::Relaxed) {
                return;
            }
            match self.meet(need, called_off) {
                Ok(held) => bytes += held,
                Err(Fault::Write(WriteRawError::CalledOff)) => return,
                Err(fault) => tracing::warn!(repo = need.repo.0, %fault, "a raw sidecar cannot be kept"),
            }
            self.options.board.set_raw_bytes(bytes, self.options.bytes_max);
        }
        self.options.board.set_raw_bytes(bytes, self.options.bytes_max);
    }

    /// What each repository needs, in the order given; looked up only where the index changed.
    fn needs(&self, repos: &[Arc<RepoIndex>]) -> Vec<Arc<Vec<Need>>> {
        let mut known = self.needs.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = HashMap::with_capacity(repos.len());
        let mut needs = Vec::with_capacity(repos.len());
        for repo in repos {
            let kept = known.remove(&repo.id).filter(|known| Arc::ptr_eq(&known.index, repo));
            let entry = kept.unwrap_or_else(|| {
                let found = if self.options.bytes_max == 0 { Ok(Vec::new()) } else { needs_of(repo) };
                let found = found.unwrap_or_else(|error| {
                    tracing::warn!(repo = %repo.name, %error, "no raw sidecar for a damaged index");
                    Vec::new()
                });
                Known { index: Arc::clone(repo), needs: Arc::new(found) }
            });
            needs.push(Arc::clone(&entry.needs));
            now.insert(repo.id, entry);
        }
        *known = now;
        needs
    }

    /// Attaches a sidecar: the one that is attached, or the one on disk, or a new one. Returns its size.
    fn meet(&self, need: &Need, called_off: &AtomicBool) -> Result<u64, Fault> {
        if let Some(raw) = need.segment.raw()
            && need.is_met_by(&raw)
        {
            return Ok(raw.size_bytes());
        }
        let path = self.path(need.repo, &need.segment);
        if let Ok(raw) = RawText::open(&path, &need.segment)
            && need.is_met_by(&raw)
        {
            return Ok(attach(need, raw));
        }
        let folder = self.options.data.raw(need.repo);
        std::fs::create_dir_all(&folder).map_err(|source| Fault::Folder { path: folder, source })?;
        let mut go_on = || {
            (self.options.give_way)();
            !called_off.load(Ordering::Relaxed)
        };
        RawText::write(&path, &need.segment, &|blob| need.blobs.contains(blob.0), &mut go_on)?;
        Ok(attach(need, RawText::open(&path, &need.segment)?))
    }

    fn path(&self, repo: RepoId, segment: &Segment) -> PathBuf {
        self.options.data.raw(repo).join(format!("{}.raw", segment.id()))
    }
}

/// Why a sidecar is not kept. Nothing else is touched by it.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot create '{}': {source}", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Write(#[from] WriteRawError),
    #[error(transparent)]
    Open(#[from] index::OpenError),
}

fn attach(need: &Need, raw: RawText) -> u64 {
    let bytes = raw.size_bytes();
    need.segment.set_raw(Some(Arc::new(raw)));
    bytes
}

/// The blobs of the default revision, by segment.
fn needs_of(repo: &RepoIndex) -> Result<Vec<Need>, ReadError> {
    let table = &repo.ref_table;
    let Some(default) = table.default_revision() else { return Ok(Vec::new()) };
    let filter = table.rev_filter(&[default])?;
    let mut sets: Vec<BlockBitmap> =
        repo.segments.iter().map(|segment| BlockBitmap::empty(segment.n_blobs())).collect();
    for group in (0..table.n_groups()).map(GroupIdx) {
        table.for_each_in_group(group, &mut |_, _, doc| {
            if let Some((SegmentOrdinal(segment), blob)) = doc.blob
                && filter.admits(doc.revisions)
                && let Some(set) = sets.get_mut(usize::from(segment))
            {
                set.insert(blob.0);
            }
            true
        })?;
    }
    let mut needs = Vec::new();
    for (segment, blobs) in repo.segments.iter().zip(sets) {
        let mut bytes = 0;
        for blob in blobs.iter() {
            bytes += segment.blob(BlobIdx(blob))?.text_len;
        }
        if bytes >= TEXT_BYTES_MIN {
            needs.push(Need { repo: repo.id, segment: Arc::clone(segment), blobs, bytes });
        }
    }
    Ok(needs)
}

/// What fits, most valuable repository first: one that is neither a fork nor archived, then the one that changed last.
fn choose<'n>(needs: &'n [Arc<Vec<Need>>], repos: &[Arc<RepoIndex>], bytes_max: u64) -> Vec<&'n Need> {
    let mut order: Vec<usize> = (0..repos.len()).collect();
    order.sort_by_key(|at| {
        let repo = &repos[*at];
        let default = repo.ref_table.default_revision().map(|rev| rev.0 as usize);
        let changed = default.and_then(|rev| repo.ref_table.revisions().get(rev)).map(|rev| rev.commit_time);
        (repo.is_fork || repo.is_archived, Reverse(changed), repo.id.0)
    });
    let mut left = bytes_max;
    let mut chosen = Vec::new();
    for need in order.into_iter().flat_map(|at| needs[at].iter()) {
        if let Some(rest) = left.checked_sub(need.file_bytes()) {
            left = rest;
            chosen.push(need);
        }
    }
    chosen
}

/// Deletes every file below `root` that is not to be kept. What cannot be deleted is tried again in the next round.
fn delete_others(root: &Path, keep: &HashSet<PathBuf>) {
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    for folder in entries(root) {
        for file in entries(&folder).into_iter().filter(|file| !keep.contains(file)) {
            if let Err(error) = std::fs::remove_file(&file) {
                tracing::warn!(path = %file.display(), %error, "a raw sidecar cannot be deleted");
            }
        }
        // Refused while there are files in it, as it should be.
        let _ = std::fs::remove_dir(&folder);
    }
}

/// A quarter of the memory this process may use, where that can be told: what sidecars get if nothing is configured.
pub fn default_sidecar_bytes() -> u64 {
    let number = |text: &str| text.split_whitespace().find_map(|word| word.parse::<u64>().ok());
    let of_machine = std::fs::read_to_string("/proc/meminfo").ok();
    let of_machine =
        of_machine.as_deref().and_then(|text| text.lines().find(|line| line.starts_with("MemTotal:")));
    let of_group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let bounds = [of_machine.and_then(number).map(|kib| kib * 1024), of_group.as_deref().and_then(number)];
    bounds.into_iter().flatten().min().map_or(0, |bytes| bytes / 4)
}
