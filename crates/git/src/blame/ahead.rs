//! Reads the versions of a file ahead of who compares them, on a thread of its own: half of the work of blame is inflating them.
//!
//! When something is read changes nothing of an answer. What is not here yet is read by whoever wants it, and what was read and is not wanted is
//! thrown away.

use super::is_file;
use crate::path_at::{PathAt, Steps};
use crate::{ObjectError, Reader};
use model::ObjectId;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Texts that wait.
const WAITING_BYTES_MAX: usize = 32 << 20;
/// Of a commit, parents that are followed.
const PARENTS_MAX: usize = 16;

/// What a version has, or why it cannot be had.
pub(super) type Version = Result<Vec<u8>, ObjectError>;

/// What passes between the two threads.
#[derive(Default)]
pub(super) struct Ahead {
    shelf: Mutex<Shelf>,
    news: Condvar,
}

#[derive(Default)]
struct Shelf {
    /// Where a file begins to be followed: a commit and a path.
    starts: VecDeque<(ObjectId, Vec<u8>)>,
    waiting: HashMap<ObjectId, Version>,
    n_waiting_bytes: usize,
    reading: Option<ObjectId>,
    /// What was wanted before it was here.
    passed: HashSet<ObjectId>,
    is_over: bool,
}

impl Ahead {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'g>(&self, shelf: MutexGuard<'g, Shelf>) -> MutexGuard<'g, Shelf> {
        self.news.wait(shelf).unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the versions before a commit will be wanted.
    pub(super) fn begin(&self, commit: ObjectId, path: &[u8]) {
        self.shelf().starts.push_back((commit, path.to_vec()));
        self.news.notify_all();
    }

    /// Says that nothing more is wanted.
    pub(super) fn end(&self) {
        self.shelf().is_over = true;
        self.news.notify_all();
    }

    /// A version, if it is here or about to be.
    pub(super) fn take(&self, id: ObjectId) -> Option<Version> {
        let mut shelf = self.shelf();
        while shelf.reading == Some(id) {
            shelf = self.wait(shelf);
        }
        let found = shelf.waiting.remove(&id);
        match &found {
            Some(version) => {
                shelf.n_waiting_bytes -= version.as_ref().map_or(0, Vec::len);
            }
            None => {
                shelf.passed.insert(id);
                if shelf.n_waiting_bytes > WAITING_BYTES_MAX {
                    // What waits is not what is wanted.
                    shelf.waiting.clear();
                    shelf.n_waiting_bytes = 0;
                }
            }
        }
        self.news.notify_all();
        found
    }

    /// Reads until nothing more is wanted: the body of the thread.
    pub(super) fn run(&self, reader: &Reader, size_bytes_max: u64) {
        while let Some((commit, path)) = self.next_start() {
            self.follow(reader, commit, &path, size_bytes_max);
        }
    }

    fn next_start(&self) -> Option<(ObjectId, Vec<u8>)> {
        let mut shelf = self.shelf();
        loop {
            if shelf.is_over {
                return None;
            }
            match shelf.starts.pop_front() {
                Some(start) => return Some(start),
                None => shelf = self.wait(shelf),
            }
        }
    }

    /// Goes the way that blame goes if every version keeps some line of the one before.
    fn follow(&self, reader: &Reader, commit: ObjectId, path: &[u8], size_bytes_max: u64) {
        let (mut steps, mut path) = (Steps::default(), PathAt::new(path));
        let mut at = |tree: ObjectId| {
            let stand = path.find(reader, tree).unwrap_or(None);
            stand.filter(|stand| is_file(*stand)).map(|(_, id)| id)
        };
        let (mut queue, mut met) = (BinaryHeap::from([(i64::MAX, commit)]), HashSet::from([commit]));
        while let Some((_, commit)) = queue.pop() {
            if self.shelf().is_over {
                return;
            }
            let Ok(step) = steps.get(reader, commit) else { continue };
            let Some(own) = at(step.tree) else { continue };
            let mut others = Vec::new();
            let mut same = None;
            for parent in step.parents.iter().take(PARENTS_MAX) {
                let Ok(step) = steps.get(reader, *parent) else { continue };
                match at(step.tree) {
                    Some(old) if old == own => {
                        same = Some((step.seconds, *parent));
                        break;
                    }
                    Some(old) => others.push((step.seconds, *parent, old)),
                    None => {}
                }
            }
            let next = match same {
                Some(same) => vec![same],
                None => {
                    let is_read = |(.., old): &(i64, ObjectId, ObjectId)| {
                        self.read(reader, own, size_bytes_max) && self.read(reader, *old, size_bytes_max)
                    };
                    if !others.iter().all(is_read) {
                        return;
                    }
                    others.into_iter().map(|(seconds, parent, _)| (seconds, parent)).collect()
                }
            };
            queue.extend(next.into_iter().filter(|(_, parent)| met.insert(*parent)));
        }
    }

    /// Reads a version, when there is room. Whether to go on.
    fn read(&self, reader: &Reader, id: ObjectId, size_bytes_max: u64) -> bool {
        let mut shelf = self.shelf();
        while !shelf.is_over && shelf.n_waiting_bytes > WAITING_BYTES_MAX {
            shelf = self.wait(shelf);
        }
        if shelf.is_over || !shelf.passed.insert(id) {
            return !shelf.is_over;
        }
        shelf.reading = Some(id);
        drop(shelf);
        let mut bytes = Vec::new();
        let version = reader.read_blob(id, size_bytes_max, &mut bytes).map(|()| bytes);
        let mut shelf = self.shelf();
        shelf.reading = None;
        shelf.n_waiting_bytes += version.as_ref().map_or(0, Vec::len);
        shelf.waiting.insert(id, version);
        self.news.notify_all();
        !shelf.is_over
    }
}
