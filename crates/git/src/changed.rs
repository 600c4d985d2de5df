//! Which files differ between two trees, and which of them were renamed.
//!
//! Both trees are read side by side; a folder of the same id is not entered. A file that is gone and one that is new are
//! one renamed file where they have the same content, or (within limits) where half of their lines are the same. That is
//! git's own measure in the form of whole lines.

use crate::tree::{CheckedEntry, checked_entries, compare};
use crate::{EntryKind, ObjectError, ObjectKind, Reader};
use model::ObjectId;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Entries of trees that are looked at for one pair of trees. The largest source trees have some 10⁵ files.
const ENTRIES_MAX: usize = 2_000_000;
/// Deepest folder that is entered.
const DEPTH_MAX: usize = 512;
/// Longest path.
const PATH_BYTES_MAX: usize = 4096;
/// Largest tree object.
const TREE_BYTES_MAX: u64 = 64 << 20;
/// Files that are gone, and new ones, compared by their lines: each with each.
const RENAMES_MAX: usize = 24;
/// Largest file that is compared by its lines.
const RENAME_BYTES_MAX: u64 = 128 << 10;

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileChangeKind {
    /// It was not there before.
    Added,
    /// Its content, kind or mode changed.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another path.
    Renamed,
}

/// A file that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// What happened.
    pub kind: FileChangeKind,
    /// Its path, raw bytes; of a deleted file, the one it had.
    pub path: Vec<u8>,
    /// The path it had, where that was another one.
    pub old_path: Option<Vec<u8>>,
    /// What stood there before.
    pub old: Option<(EntryKind, ObjectId)>,
    /// What stands there now.
    pub new: Option<(EntryKind, ObjectId)>,
}

/// The files that differ between two trees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedFiles {
    /// They, in byte order of their paths.
    pub files: Vec<ChangedFile>,
    /// How many more there are (at least: counting stops somewhere too).
    pub n_left_out: u64,
    /// How many folders could not be read.
    pub n_unreadable: u64,
}

impl Reader {
    /// The files that differ between two trees, `None` being the empty one; at most `n_files_max` of them are listed.
    pub fn changed_files(
        &self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        n_files_max: usize,
    ) -> Result<ChangedFiles, ObjectError> {
        let mut walk = Walk { reader: self, n_files_max, n_entries: 0, found: ChangedFiles::default() };
        let (old_data, new_data) = (walk.tree(old)?, walk.tree(new)?);
        walk.folder(&mut Vec::new(), &old_data, &new_data, 0);
        let mut found = walk.found;
        self.join_renamed(&mut found.files);
        found.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Makes one of what is gone and what is new, where it is the same file.
    fn join_renamed(&self, files: &mut Vec<ChangedFile>) {
        let is = |kind| move |(_, file): &(usize, &ChangedFile)| file.kind == kind;
        let gone: Vec<usize> =
            files.iter().enumerate().filter(is(FileChangeKind::Deleted)).map(|(idx, _)| idx).collect();
        let mut new: Vec<usize> =
            files.iter().enumerate().filter(is(FileChangeKind::Added)).map(|(idx, _)| idx).collect();
        if gone.is_empty() || new.is_empty() {
            return;
        }
        let mut pairs = Vec::new();
        let mut by_id: HashMap<ObjectId, Vec<usize>> = HashMap::new();
        for idx in gone.iter().rev().filter(|idx| is_regular(files[**idx].old)) {
            if let Some((_, id)) = files[*idx].old {
                by_id.entry(id).or_default().push(*idx);
            }
        }
        new.retain(|idx| {
            let id = files[*idx].new.filter(|_| is_regular(files[*idx].new)).map(|(_, id)| id);
            let from = id.and_then(|id| by_id.get_mut(&id)).and_then(Vec::pop);
            pairs.extend(from.map(|from| (from, *idx)));
            from.is_none()
        });
        let mut gone: Vec<usize> =
            gone.into_iter().filter(|idx| !pairs.iter().any(|(from, _)| from == idx)).collect();
        if gone.len() <= RENAMES_MAX && new.len() <= RENAMES_MAX {
            pairs.extend(self.similar(files, &mut gone, &mut new));
        }
        for (from, to) in &pairs {
            let (old, old_path) = (files[*from].old, std::mem::take(&mut files[*from].path));
            let file = &mut files[*to];
            (file.kind, file.old, file.old_path) = (FileChangeKind::Renamed, old, Some(old_path));
        }
        let joined: std::collections::HashSet<usize> = pairs.iter().map(|(from, _)| *from).collect();
        let mut idx = 0;
        files.retain(|_| {
            idx += 1;
            !joined.contains(&(idx - 1))
        });
    }

    /// Pairs of files with half of their text in common, the most similar first.
    fn similar(&self, files: &[ChangedFile], gone: &mut [usize], new: &mut [usize]) -> Vec<(usize, usize)> {
        let text = |side: Option<(EntryKind, ObjectId)>| {
            let mut bytes = Vec::new();
            let (_, id) = side.filter(|_| is_regular(side))?;
            self.read_blob(id, RENAME_BYTES_MAX, &mut bytes).ok()?;
            Some(bytes)
        };
        let old: Vec<_> = gone.iter().map(|idx| text(files[*idx].old)).collect();
        let new_texts: Vec<_> = new.iter().map(|idx| text(files[*idx].new)).collect();
        let counted: Vec<_> = old.iter().map(|text| text.as_deref().map(lines_of)).collect();
        let mut scored = Vec::new();
        for (to, text) in new_texts.iter().enumerate() {
            let Some(text) = text else { continue };
            for (from, lines) in counted.iter().enumerate() {
                let Some((lines, n_bytes)) = lines else { continue };
                let n_bytes_max = (*n_bytes).max(text.len());
                // Sizes alone may rule it out.
                if n_bytes_max == 0 || (*n_bytes).min(text.len()) * 2 < n_bytes_max {
                    continue;
                }
                let n_common = common_bytes(lines, text);
                if n_common * 2 >= n_bytes_max {
                    scored.push((n_common * 1000 / n_bytes_max, from, to));
                }
            }
        }
        scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        let (mut used_from, mut used_to) = (vec![false; gone.len()], vec![false; new.len()]);
        let mut pairs = Vec::new();
        for (_, from, to) in scored {
            if !used_from[from] && !used_to[to] {
                (used_from[from], used_to[to]) = (true, true);
                pairs.push((gone[from], new[to]));
            }
        }
        pairs
    }
}

fn is_regular(side: Option<(EntryKind, ObjectId)>) -> bool {
    matches!(side, Some((EntryKind::File | EntryKind::Executable | EntryKind::Symlink, _)))
}

/// How often each line occurs, and how many bytes there are.
fn lines_of(text: &[u8]) -> (HashMap<&[u8], usize>, usize) {
    let mut counts = HashMap::new();
    text.split_inclusive(|byte| *byte == b'\n').for_each(|line| *counts.entry(line).or_default() += 1);
    (counts, text.len())
}

fn common_bytes(lines: &HashMap<&[u8], usize>, text: &[u8]) -> usize {
    let mut used: HashMap<&[u8], usize> = HashMap::new();
    let mut n_bytes = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let Some(n) = lines.get(line) else { continue };
        let n_used = used.entry(line).or_default();
        if *n_used < *n {
            *n_used += 1;
            n_bytes += line.len();
        }
    }
    n_bytes
}

struct Walk<'a> {
    reader: &'a Reader,
    n_files_max: usize,
    n_entries: usize,
    found: ChangedFiles,
}

impl Walk<'_> {
    fn tree(&self, id: Option<ObjectId>) -> Result<Vec<u8>, ObjectError> {
        let mut data = Vec::new();
        if let Some(id) = id {
            self.reader.read(id, ObjectKind::Tree, TREE_BYTES_MAX, &mut data)?;
        }
        Ok(data)
    }

    fn subtree(&mut self, id: Option<ObjectId>) -> Vec<u8> {
        self.tree(id).unwrap_or_else(|_| {
            self.found.n_unreadable += 1;
            Vec::new()
        })
    }

    /// Compares two folders at the path. Recursion is bounded by [`DEPTH_MAX`].
    fn folder(&mut self, path: &mut Vec<u8>, old: &[u8], new: &[u8], depth: usize) {
        let (old_entries, new_entries) = (checked_entries(old, |_, _| ()), checked_entries(new, |_, _| ()));
        self.n_entries += old_entries.len() + new_entries.len();
        let (mut old_rest, mut new_rest) = (&old_entries[..], &new_entries[..]);
        loop {
            if self.n_entries > ENTRIES_MAX {
                self.found.n_left_out += 1;
                return;
            }
            let order = match (old_rest.first(), new_rest.first()) {
                (None, None) => return,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => compare(&old[a.name.clone()], a.kind, &new[b.name.clone()], b.kind),
            };
            let (mut before, mut after) = (None, None);
            if order.is_le() {
                before = old_rest.first();
                old_rest = &old_rest[1..];
            }
            if order.is_ge() {
                after = new_rest.first();
                new_rest = &new_rest[1..];
            }
            let same = |a: &CheckedEntry, b: &CheckedEntry| a.id == b.id && a.kind == b.kind;
            if matches!((before, after), (Some(a), Some(b)) if same(a, b)) {
                continue;
            }
            let name = before.map(|entry| &old[entry.name.clone()]);
            let Some(name) = name.or_else(|| after.map(|entry| &new[entry.name.clone()])) else { return };
            let n_path_bytes = path.len();
            if n_path_bytes + name.len() >= PATH_BYTES_MAX {
                self.found.n_left_out += 1;
                continue;
            }
            path.extend_from_slice(name);
            self.entry(path, before, after, depth);
            path.truncate(n_path_bytes);
        }
    }

    fn entry(
        &mut self,
        path: &mut Vec<u8>,
        before: Option<&CheckedEntry>,
        after: Option<&CheckedEntry>,
        depth: usize,
    ) {
        let is_tree = |entry: &&CheckedEntry| entry.kind == EntryKind::Tree;
        let (old_tree, new_tree) = (before.filter(is_tree), after.filter(is_tree));
        if old_tree.is_some() || new_tree.is_some() {
            if depth >= DEPTH_MAX {
                self.found.n_left_out += 1;
            } else {
                let old = self.subtree(old_tree.map(|entry| entry.id));
                let new = self.subtree(new_tree.map(|entry| entry.id));
                path.push(b'/');
                self.folder(path, &old, &new, depth + 1);
                path.pop();
            }
        }
        let side = |entry: Option<&CheckedEntry>| {
            entry.filter(|entry| entry.kind != EntryKind::Tree).map(|entry| (entry.kind, entry.id))
        };
        let (old, new) = (side(before), side(after));
        let kind = match (old, new) {
            (None, None) => return,
            (None, Some(_)) => FileChangeKind::Added,
            (Some(_), None) => FileChangeKind::Deleted,
            (Some(_), Some(_)) => FileChangeKind::Modified,
        };
        if self.found.files.len() >= self.n_files_max {
            self.found.n_left_out += 1;
            return;
        }
        self.found.files.push(ChangedFile { kind, path: path.clone(), old_path: None, old, new });
    }
}
