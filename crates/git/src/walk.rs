//! The merge-walk over the trees of many revisions.
//!
//! All revisions are walked at once, folder by folder. In one folder the revisions are grouped by the tree they hold there, each
//! distinct tree is read once, and the entries of all of them are merged by name. Thousands of branches that differ in a few
//! files so cost the trees that differ, not the product of branches and files.

use crate::{
    EntryKind, EntryRefusal, ObjectError, ObjectKind, Reader, Repository,
    tree::{self, CheckedEntry},
};
use model::ObjectId;
use std::{
    collections::{HashMap, HashSet},
    ops::{ControlFlow, Range},
    rc::Rc,
    sync::atomic::{AtomicBool, Ordering},
};

/// How many refusals a summary tells by name.
const REFUSED_TOLD_MAX: usize = 1000;

/// Limits of a walk.
#[derive(Clone, Debug)]
pub struct WalkLimits {
    /// Most entries given to the visitor. The default, 16 million, is about all files of all releases of Linux.
    pub n_entries_max: u64,
    /// Most entries that trees repeated at another path may add. An honest repository repeats a folder a few times; a bomb of
    /// 28 objects repeats its way to 10¹⁰ files.
    pub n_repeated_entries_max: u64,
    /// Most tree entries read, whether new or not: bounds the work where millions of trees differ in little.
    pub n_entries_read_max: u64,
    /// Deepest folder.
    pub depth_max: usize,
    /// Longest path, in bytes.
    pub path_bytes_max: usize,
    /// Largest tree object, in bytes.
    pub tree_bytes_max: u64,
}

impl Default for WalkLimits {
    fn default() -> Self {
        WalkLimits {
            n_entries_max: 16_000_000,
            n_repeated_entries_max: 1_000_000,
            n_entries_read_max: 400_000_000,
            depth_max: 512,
            path_bytes_max: 8 * 1024,
            tree_bytes_max: 64 * 1024 * 1024,
        }
    }
}

/// A set of revisions: positions in the list of commits that the walk was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionSet {
    id: u32,
    /// 64 revisions a word, without the empty words at both ends: neighbours share files, and sets of thousands of revisions are
    /// many.
    words: Box<[u64]>,
    first_word: usize,
}

impl RevisionSet {
    /// A number that is the same for equal sets of one walk, counted from 0: what a table can intern it by.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The positions, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (self.first_word..).zip(&self.words).flat_map(|(word_idx, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| word_idx as u32 * 64 + bit)
        })
    }

    /// Whether the revision at this position is in the set.
    pub fn contains(&self, position: u32) -> bool {
        let word = (position as usize / 64).checked_sub(self.first_word).and_then(|idx| self.words.get(idx));
        word.is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    /// How many revisions are in the set.
    pub fn n_revisions(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }
}

/// One file, link or submodule at one path.
#[derive(Clone, Copy, Debug)]
pub struct WalkEntry<'a> {
    /// Full path, raw bytes. Entries come in ascending order of it; equal paths with different content follow each other.
    pub path: &'a [u8],
    /// Never [`EntryKind::Tree`].
    pub kind: EntryKind,
    /// The blob (or the submodule's commit).
    pub id: ObjectId,
    /// The revisions that hold exactly this at this path; never empty.
    pub revisions: &'a RevisionSet,
}

/// Something a walk left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its path, made printable.
    pub path: String,
    /// Why.
    pub reason: EntryRefusal,
}

/// What a walk did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalkSummary {
    /// Entries given to the visitor.
    pub n_entries: u64,
    /// Distinct (path, tree) pairs read.
    pub n_trees: u64,
    /// What was left out, the first 1,000.
    pub refused: Vec<Refused>,
    /// How many were left out in all; a refused folder counts once.
    pub n_refused: u64,
    /// Revisions whose commit or root tree cannot be read: their positions and why.
    pub unreadable: Vec<(u32, ObjectError)>,
    /// Whether the visitor ended the walk.
    pub stopped: bool,
}

impl WalkSummary {
    /// Whether an overall limit ended the walk, so that everything after some path is missing.
    pub fn is_truncated(&self) -> bool {
        self.refused.iter().any(|refused| refused.reason == EntryRefusal::TooManyEntries)
    }
}

/// Why a walk ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// It was cancelled.
    #[error("the walk was cancelled")]
    Cancelled,
}

impl Repository {
    /// Walks the trees of all these commits at once, in path order. `visit` gets each distinct (path, kind, id) once, with the
    /// set of revisions that hold it, until it breaks. Damaged and hostile parts are left out and told in the summary; the rest
    /// goes on.
    pub fn walk(
        &self,
        commits: &[ObjectId],
        limits: &WalkLimits,
        cancel: &AtomicBool,
        visit: &mut dyn FnMut(WalkEntry<'_>) -> ControlFlow<()>,
    ) -> Result<WalkSummary, WalkError> {
        let reader = self.reader();
        let mut walker = Walker {
            reader: &reader,
            limits,
            cancel,
            visit,
            sets: RevisionSets::new(commits.len()),
            path: Vec::new(),
            seen: HashSet::new(),
            n_entries_read: 0,
            n_repeated_entries: 0,
            summary: WalkSummary::default(),
        };
        let roots = walker.roots(commits);
        match walker.folder(&roots, 0) {
            Ok(()) => Ok(walker.summary),
            Err(End::Stopped) => Ok(WalkSummary { stopped: true, ..walker.summary }),
            Err(End::LimitReached) => Ok(walker.summary),
            Err(End::Cancelled) => Err(WalkError::Cancelled),
        }
    }
}

/// Why the recursion unwinds.
enum End {
    Stopped,
    Cancelled,
    LimitReached,
}

/// A tree and the revisions that hold it at the current path.
type Held = (ObjectId, Rc<RevisionSet>);

/// A tree's bytes and its accepted entries, whose names are ranges of the bytes.
type ParsedTree = (Vec<u8>, Vec<CheckedEntry>);

struct Walker<'a> {
    reader: &'a Reader,
    limits: &'a WalkLimits,
    cancel: &'a AtomicBool,
    visit: &'a mut dyn FnMut(WalkEntry<'_>) -> ControlFlow<()>,
    sets: RevisionSets,
    path: Vec<u8>,
    /// Trees walked before, at any path.
    seen: HashSet<ObjectId>,
    n_entries_read: u64,
    n_repeated_entries: u64,
    summary: WalkSummary,
}

impl Walker<'_> {
    fn roots(&mut self, commits: &[ObjectId]) -> Vec<Held> {
        let mut by_tree: Vec<(ObjectId, Vec<u32>)> = Vec::new();
        let mut place_of: HashMap<ObjectId, usize> = HashMap::new();
        for (position, commit) in (0u32..).zip(commits) {
            let root = self.reader.tree_of_commit(*commit);
            match root.and_then(|tree| self.reader.header(tree).map(|header| (tree, header.kind))) {
                Ok((tree, ObjectKind::Tree)) => {
                    let place = *place_of.entry(tree).or_insert_with(|| {
                        by_tree.push((tree, Vec::new()));
                        by_tree.len() - 1
                    });
                    by_tree[place].1.push(position);
                }
                Ok((id, kind)) => {
                    let error = ObjectError::WrongKind { id, kind, expected: ObjectKind::Tree };
                    self.summary.unreadable.push((position, error));
                }
                Err(error) => self.summary.unreadable.push((position, error)),
            }
        }
        by_tree.into_iter().map(|(tree, positions)| (tree, self.sets.of_positions(&positions))).collect()
    }

    /// Walks the folder at the current path, held in these distinct versions.
    fn folder(&mut self, held: &[Held], depth: usize) -> Result<(), End> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(End::Cancelled);
        }
        match held {
            [] => Ok(()),
            [(tree, revisions)] => {
                let Some((data, entries)) = self.read_tree(*tree)? else { return Ok(()) };
                for entry in &entries {
                    self.entry(
                        &data[entry.name.clone()],
                        entry.kind,
                        &[(entry.id, revisions.clone())],
                        depth,
                    )?;
                }
                Ok(())
            }
            _ => self.merged_folder(held, depth),
        }
    }

    fn merged_folder(&mut self, held: &[Held], depth: usize) -> Result<(), End> {
        let mut trees = Vec::with_capacity(held.len());
        for (tree, revisions) in held {
            if let Some((data, entries)) = self.read_tree(*tree)? {
                trees.push((data, entries, revisions));
            }
        }
        let mut merged: Vec<(&[u8], EntryKind, ObjectId, &Rc<RevisionSet>)> = trees
            .iter()
            .flat_map(|(data, entries, revisions)| {
                entries.iter().map(move |entry| (&data[entry.name.clone()], entry.kind, entry.id, *revisions))
            })
            .collect();
        merged.sort_by(|a, b| tree::compare(a.0, a.1, b.0, b.1).then((a.1, a.2).cmp(&(b.1, b.2))));
        for same_entry in merged.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (name, kind, ..) = same_entry[0];
            let versions: Vec<Held> = same_entry
                .chunk_by(|a, b| a.2 == b.2)
                .map(|holders| (holders[0].2, self.sets.union(holders.iter().map(|holder| &**holder.3))))
                .collect();
            self.entry(name, kind, &versions, depth)?;
        }
        Ok(())
    }

    /// Walks into, or yields, what stands under one name with one kind, in these distinct versions.
    fn entry(&mut self, name: &[u8], kind: EntryKind, versions: &[Held], depth: usize) -> Result<(), End> {
        let n_parent_bytes = self.path.len();
        if n_parent_bytes > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        let outcome = if self.path.len() > self.limits.path_bytes_max {
            self.refuse(None, EntryRefusal::PathTooLong);
            Ok(())
        } else if kind != EntryKind::Tree {
            versions.iter().try_for_each(|(id, revisions)| self.give(kind, *id, revisions))
        } else if depth + 1 > self.limits.depth_max {
            self.refuse(None, EntryRefusal::TooDeep);
            Ok(())
        } else {
            self.folder(versions, depth + 1)
        };
        self.path.truncate(n_parent_bytes);
        outcome
    }

    fn give(&mut self, kind: EntryKind, id: ObjectId, revisions: &RevisionSet) -> Result<(), End> {
        if self.summary.n_entries >= self.limits.n_entries_max {
            return self.end_at_limit();
        }
        self.summary.n_entries += 1;
        match (self.visit)(WalkEntry { path: &self.path, kind, id, revisions }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(End::Stopped),
        }
    }

    /// The bytes and accepted entries of a tree at the current path. `None` where it is left out, which is told.
    fn read_tree(&mut self, id: ObjectId) -> Result<Option<ParsedTree>, End> {
        let is_repeated = !self.seen.insert(id);
        if is_repeated && self.n_repeated_entries >= self.limits.n_repeated_entries_max {
            self.refuse(None, EntryRefusal::Repeated);
            return Ok(None);
        }
        if self.n_entries_read >= self.limits.n_entries_read_max {
            return self.end_at_limit().map(|()| None);
        }
        let mut data = Vec::new();
        if let Err(error) = self.reader.read(id, ObjectKind::Tree, self.limits.tree_bytes_max, &mut data) {
            let reason = match error {
                ObjectError::Missing { .. } => EntryRefusal::TreeMissing,
                ObjectError::TooLarge { .. } => EntryRefusal::TreeTooLarge,
                ObjectError::WrongKind { .. } | ObjectError::Damaged { .. } => EntryRefusal::TreeDamaged,
            };
            self.refuse(None, reason);
            return Ok(None);
        }
        let entries = tree::checked_entries(&data, |name, reason| self.refuse(Some(name), reason));
        self.summary.n_trees += 1;
        self.n_entries_read += entries.len() as u64;
        if is_repeated {
            // At least one, or folders that hold nothing but themselves would be free.
            self.n_repeated_entries += (entries.len() as u64).max(1);
        }
        Ok(Some((data, entries)))
    }

    fn end_at_limit(&mut self) -> Result<(), End> {
        // Told even when the list is full: it is how a caller knows that the walk is not complete.
        self.summary.refused.truncate(REFUSED_TOLD_MAX - 1);
        self.refuse(None, EntryRefusal::TooManyEntries);
        Err(End::LimitReached)
    }

    fn refuse(&mut self, name: Option<&[u8]>, reason: EntryRefusal) {
        self.summary.n_refused += 1;
        if self.summary.refused.len() < REFUSED_TOLD_MAX {
            let path = match name {
                Some(name) if !self.path.is_empty() => [&self.path, name].join(&b'/'),
                Some(name) => name.to_vec(),
                None => self.path.clone(),
            };
            self.summary.refused.push(Refused { path: tree::printable(&path), reason });
        }
    }
}

/// All distinct sets of a walk, each held once.
struct RevisionSets {
    by_words: HashMap<(usize, Box<[u64]>), Rc<RevisionSet>>,
    /// Where a set is put together; all zero between.
    scratch: Vec<u64>,
}

impl RevisionSets {
    fn new(n_revisions: usize) -> Self {
        RevisionSets { by_words: HashMap::new(), scratch: vec![0; n_revisions.div_ceil(64)] }
    }

    fn of_positions(&mut self, positions: &[u32]) -> Rc<RevisionSet> {
        let (mut first, mut end) = (usize::MAX, 0);
        for position in positions {
            let word = *position as usize / 64;
            self.scratch[word] |= 1 << (position % 64);
            (first, end) = (first.min(word), end.max(word + 1));
        }
        self.intern(first.min(end)..end)
    }

    fn union<'a>(&mut self, sets: impl Iterator<Item = &'a RevisionSet>) -> Rc<RevisionSet> {
        let (mut first, mut end) = (usize::MAX, 0);
        for set in sets {
            let last = set.first_word + set.words.len();
            for (word, other) in self.scratch[set.first_word..last].iter_mut().zip(&set.words) {
                *word |= other;
            }
            (first, end) = (first.min(set.first_word), end.max(last));
        }
        self.intern(first.min(end)..end)
    }

    /// Takes the set out of these words of the scratch, which are zero afterwards.
    fn intern(&mut self, range: Range<usize>) -> Rc<RevisionSet> {
        let words: Box<[u64]> = self.scratch[range.clone()].into();
        self.scratch[range.clone()].fill(0);
        let key = (range.start, words);
        if let Some(set) = self.by_words.get(&key) {
            return set.clone();
        }
        let id = self.by_words.len() as u32;
        let set = Rc::new(RevisionSet { id, words: key.1.clone(), first_word: range.start });
        self.by_words.insert(key, set.clone());
        set
    }
}
