//! Overlays on disk and in memory.

use crate::IndexError;
use crate::build::Built;
use index::{RefTable, Segment, SegmentId};
use model::RepoId;
use search::RepoIndex;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Overlays that stay open.
const N_OPEN_MAX: usize = 64;
/// Segments of other overlays that are looked into before text is indexed again.
const N_SHARED_MAX: usize = 32;

/// The cache. Another process may use the same folder: files appear whole under their names, and one that is gone is made
/// again.
#[derive(Debug)]
pub(super) struct Cache {
    root: PathBuf,
    bytes_max: u64,
    /// By key, the most recently used last.
    open: Mutex<Vec<(String, Arc<RepoIndex>)>>,
    /// Held while files are put in place and others go.
    placing: Mutex<()>,
}

/// How the folders begin in which overlays are being made.
pub(crate) const WORKSHOP_PREFIX: &str = "making-";

/// One overlay on disk.
struct Kept {
    table: PathBuf,
    size_bytes: u64,
    used: SystemTime,
    segments: Vec<PathBuf>,
}

impl Cache {
    pub(super) fn new(root: PathBuf, bytes_max: u64) -> Self {
        Cache { root, bytes_max, open: Mutex::default(), placing: Mutex::default() }
    }

    /// Where the overlays of a repository are.
    pub(super) fn folder(&self, repo: RepoId) -> PathBuf {
        self.root.join(repo.0.to_string())
    }

    /// An overlay that was made before, over this very index.
    pub(super) fn get(&self, key: &str, repo: &RepoIndex) -> Option<Arc<RepoIndex>> {
        let known = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.iter().find(|(other, _)| other == key).map(|(_, index)| Arc::clone(index))
        };
        // What was opened over an index that was published before shares its files, but not what is said of the repository.
        let known = known.filter(|index| index.name == repo.name && index.objects == repo.objects);
        let index = match known {
            Some(index) => index,
            None => Arc::new(self.open(key, repo)?),
        };
        self.note_used(key, &index);
        Some(index)
    }

    /// Segments that overlays of the repository have made, as far as they open.
    pub(super) fn segments(&self, repo: RepoId) -> Vec<Arc<Segment>> {
        let paths = files(&self.folder(repo), "segment");
        paths.iter().take(N_SHARED_MAX).filter_map(|path| Segment::open(path).ok()).map(Arc::new).collect()
    }

    /// A folder for the files of one making, which goes with whatever is left in it.
    pub(super) fn workshop(&self, repo: RepoId) -> Result<tempfile::TempDir, IndexError> {
        let folder = self.folder(repo);
        let made = fs::create_dir_all(&folder)
            .and_then(|()| tempfile::Builder::new().prefix(WORKSHOP_PREFIX).tempdir_in(&folder));
        made.map_err(|source| IndexError::io(folder, source))
    }

    /// Puts what was made in its place and opens it.
    pub(super) fn keep(
        &self,
        key: &str,
        repo: &RepoIndex,
        made_in: &Path,
        mut built: Built,
    ) -> Result<Arc<RepoIndex>, IndexError> {
        let folder = self.folder(repo.id);
        let _placing = self.placing.lock().unwrap_or_else(PoisonError::into_inner);
        for (file, segment) in built.segments.iter().filter(|(file, _)| !file.name.is_empty()) {
            rename(&made_in.join(&file.name), &segment_path(&folder, segment.id()))?;
        }
        let table = folder.join(format!("{key}.refs"));
        rename(&made_in.join(&built.ref_table.0.name), &table)?;
        built.keep();
        let segments = built.segments.iter().map(|(_, segment)| Arc::clone(segment)).collect();
        let index = Arc::new(over(repo, Arc::clone(&built.ref_table.1), segments));
        self.note_used(key, &index);
        self.trim(&table);
        Ok(index)
    }

    fn open(&self, key: &str, repo: &RepoIndex) -> Option<RepoIndex> {
        let folder = self.folder(repo.id);
        let table = RefTable::open(&folder.join(format!("{key}.refs"))).ok()?;
        let published: HashMap<SegmentId, &Arc<Segment>> =
            repo.segments.iter().map(|segment| (segment.id(), segment)).collect();
        let segments = table.segments().iter().map(|id| match published.get(id) {
            Some(segment) => Some(Arc::clone(segment)),
            None => Segment::open(&segment_path(&folder, *id)).ok().map(Arc::new),
        });
        let segments = segments.collect::<Option<Vec<_>>>()?;
        Some(over(repo, Arc::new(table), segments))
    }

    fn note_used(&self, key: &str, index: &Arc<RepoIndex>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(other, _)| other != key);
        if open.len() >= N_OPEN_MAX {
            open.remove(0);
        }
        open.push((key.to_owned(), Arc::clone(index)));
        drop(open);
        // Where it cannot be noted the overlay counts as old; the search does not suffer.
        let _ = fs::write(self.folder(index.id).join(format!("{key}.used")), "");
    }

    /// Drops what was not used for longest until the rest fits; never what was just made.
    fn trim(&self, newest: &Path) {
        let folders: Vec<PathBuf> =
            fs::read_dir(&self.root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        let mut kept: Vec<Kept> = folders.iter().flat_map(|folder| kept_in(folder)).collect();
        kept.sort_by_key(|one| (one.table == newest, one.used));
        let size_of = |path: &PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let mut holders: HashMap<PathBuf, usize> = HashMap::new();
        kept.iter()
            .flat_map(|one| &one.segments)
            .for_each(|path| *holders.entry(path.clone()).or_default() += 1);
        let mut total: u64 = kept.iter().map(|one| one.size_bytes).sum();
        total += holders.keys().map(size_of).sum::<u64>();
        for one in kept.iter().filter(|one| one.table != newest) {
            if total <= self.bytes_max {
                break;
            }
            let _ = fs::remove_file(&one.table);
            let _ = fs::remove_file(one.table.with_extension("used"));
            total = total.saturating_sub(one.size_bytes);
            for path in &one.segments {
                let n_holders = holders.entry(path.clone()).or_default();
                *n_holders = n_holders.saturating_sub(1);
                if *n_holders == 0 {
                    total = total.saturating_sub(size_of(path));
                    let _ = fs::remove_file(path);
                }
            }
        }
        for path in folders.iter().flat_map(|folder| files(folder, "segment")) {
            // Nobody's any more, as after a process was killed between two files.
            if !holders.contains_key(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// A repository's index with another table and other segments.
fn over(repo: &RepoIndex, ref_table: Arc<RefTable>, segments: Vec<Arc<Segment>>) -> RepoIndex {
    RepoIndex { ref_table, segments, ..repo.clone() }
}

fn segment_path(folder: &Path, id: SegmentId) -> PathBuf {
    folder.join(format!("{id}.segment"))
}

fn rename(from: &Path, to: &Path) -> Result<(), IndexError> {
    fs::rename(from, to).map_err(|source: io::Error| IndexError::io(to, source))
}

/// The overlays in a folder.
fn kept_in(folder: &Path) -> Vec<Kept> {
    let present: HashSet<PathBuf> = files(folder, "segment").into_iter().collect();
    let tables = files(folder, "refs").into_iter();
    let kept = tables.filter_map(|table| {
        let opened = RefTable::open(&table).ok()?;
        let own = opened.segments().iter().map(|id| segment_path(folder, *id));
        Some(Kept {
            size_bytes: opened.size_bytes(),
            used: fs::metadata(table.with_extension("used"))
                .and_then(|metadata| metadata.modified())
                .unwrap_or(SystemTime::UNIX_EPOCH),
            segments: own.filter(|path| present.contains(path)).collect(),
            table,
        })
    });
    kept.collect()
}

/// The files of a kind in a folder, by name.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}
