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
use std::hash::BuildHasher as _;

/// Entries of trees that are looked at for one pair of trees. The largest source trees have some 10⁵ files.
const ENTRIES_MAX: usize = 2_000_000;
/// Deepest folder that is entered.
const DEPTH_MAX: usize = 512;
/// Longest path.
const PATH_BYTES_MAX: usize = 4096;
/// Largest tree object.
const TREE_BYTES_MAX: u64 = 64 << 20;
/// Most pairs of a file that is gone and a new one that are compared by their lines: git's own limit (`diff.renameLimit`).
const RENAME_PAIRS_MAX: usize = 1000 * 1000;
/// Most pieces of text that are kept for that, 16 bytes each, and most that are compared: some two seconds. Beyond them nothing is
/// a renamed file that has changed too. Counted, not timed: what is found depends on the trees alone.
const RENAME_PIECES_MAX: usize = 4 << 20;
const RENAME_STEPS_MAX: usize = 1 << 30;
/// What makes two files one: half of the larger one's text; of the only two of a name three quarters, before all others.
const SCORE_MAX: usize = 60_000;
const SCORE_MIN: usize = SCORE_MAX / 2;
const SAME_NAME_SCORE_MIN: usize = SCORE_MAX / 4 * 3;
/// Longer lines are compared in parts.
const CHUNK_BYTES_MAX: usize = 64;
/// Largest file that is compared by its lines.
const RENAME_BYTES_MAX: u64 = 1 << 20;

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
    /// Whether it was called off: then files may be missing, and renamed ones may be told as gone and new.
    pub is_called_off: bool,
}

/// Asked between small pieces of work whether to stop.
pub type IsOver<'a> = dyn Fn() -> bool + 'a;

impl Reader {
    /// The files that differ between two trees, `None` being the empty one; at most `n_files_max` of them are listed. `is_over` is
    /// asked between folders and between files that are compared.
    pub fn changed_files(
        &self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        n_files_max: usize,
        is_over: &IsOver<'_>,
    ) -> Result<ChangedFiles, ObjectError> {
        let found = ChangedFiles::default();
        let mut walk = Walk { reader: self, n_files_max, only: None, n_entries: 0, is_over, found };
        let (old_data, new_data) = (walk.tree(old)?, walk.tree(new)?);
        walk.folder(&mut Vec::new(), &old_data, &new_data, 0);
        let mut found = walk.found;
        self.join_renamed(&mut found, is_over);
        found.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// What differs at one path: only the folders above it are read, so that it is found however much else differs. Nothing is
    /// told as renamed.
    pub fn changed_at(
        &self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        path: &[u8],
    ) -> Result<Option<ChangedFile>, ObjectError> {
        let found = ChangedFiles::default();
        let mut walk =
            Walk { reader: self, n_files_max: 1, only: Some(path), n_entries: 0, is_over: &|| false, found };
        let (old_data, new_data) = (walk.tree(old)?, walk.tree(new)?);
        walk.folder(&mut Vec::new(), &old_data, &new_data, 0);
        Ok(walk.found.files.pop())
    }

    /// Makes one of what is gone and what is new, where it is the same file.
    fn join_renamed(&self, found: &mut ChangedFiles, is_over: &IsOver<'_>) {
        let files = &mut found.files;
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
        let same: std::collections::HashSet<usize> = pairs.iter().map(|(from, _)| *from).collect();
        let gone: Vec<usize> = gone.into_iter().filter(|idx| !same.contains(idx)).collect();
        if gone.len().saturating_mul(new.len()) <= RENAME_PAIRS_MAX {
            let similar = self.similar(files, &gone, &new, is_over);
            found.is_called_off |= similar.is_none();
            pairs.extend(similar.into_iter().flatten());
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

    /// Pairs of files with half of their text in common: first those that alone have the same name on both sides and most
    /// of their text in common, then the most similar first. So does git.
    /// `None` where it was called off.
    fn similar(
        &self,
        files: &[ChangedFile],
        gone: &[usize],
        new: &[usize],
        is_over: &IsOver<'_>,
    ) -> Option<Vec<(usize, usize)>> {
        let mut effort = Effort { n_pieces_left: RENAME_PIECES_MAX, n_steps_left: RENAME_STEPS_MAX };
        let mut chunks = |side: Option<(EntryKind, ObjectId)>| {
            let (_, id) = side.filter(|_| is_regular(side) && effort.n_pieces_left > 0 && !is_over())?;
            let mut bytes = Vec::new();
            self.read_blob(id, RENAME_BYTES_MAX, &mut bytes).ok()?;
            effort.chunks(&bytes)
        };
        let old_texts: Vec<Option<Chunks>> = gone.iter().map(|idx| chunks(files[*idx].old)).collect();
        let new_texts: Vec<Option<Chunks>> = new.iter().map(|idx| chunks(files[*idx].new)).collect();
        let mut score = |from: usize, to: usize| match (&old_texts[from], &new_texts[to]) {
            (Some(old), Some(new)) => effort.similarity(old, new),
            _ => 0,
        };
        let name = |idx: usize| file_name(&files[idx].path);
        let mut pairing =
            Pairing { pairs: Vec::new(), from: vec![false; gone.len()], to: vec![false; new.len()] };
        let alone = |side: &[usize]| {
            let mut alone: HashMap<&[u8], Option<usize>> = HashMap::new();
            for (at, idx) in side.iter().enumerate() {
                alone.entry(name(*idx)).and_modify(|place| *place = None).or_insert(Some(at));
            }
            alone
        };
        let (gone_alone, new_alone) = (alone(gone), alone(new));
        for (to, idx) in new.iter().enumerate() {
            if new_alone.get(name(*idx)) == Some(&Some(to))
                && let Some(Some(from)) = gone_alone.get(name(*idx))
                && score(*from, to) >= SAME_NAME_SCORE_MIN
            {
                pairing.join(*from, to);
            }
        }
        let mut scored = Vec::new();
        for to in (0..new.len()).filter(|to| !pairing.to[*to]) {
            if is_over() {
                return None;
            }
            for from in (0..gone.len()).filter(|from| !pairing.from[*from]) {
                let score = score(from, to);
                if score >= SCORE_MIN {
                    scored.push((score, name(gone[from]) == name(new[to]), from, to));
                }
            }
        }
        scored.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then((a.3, a.2).cmp(&(b.3, b.2))));
        scored.into_iter().for_each(|(_, _, from, to)| pairing.join(from, to));
        (!is_over()).then(|| pairing.pairs.into_iter().map(|(from, to)| (gone[from], new[to])).collect())
    }
}

/// Who was joined with whom; everybody once.
struct Pairing {
    pairs: Vec<(usize, usize)>,
    from: Vec<bool>,
    to: Vec<bool>,
}

impl Pairing {
    fn join(&mut self, from: usize, to: usize) {
        if !self.from[from] && !self.to[to] {
            (self.from[from], self.to[to]) = (true, true);
            self.pairs.push((from, to));
        }
    }
}

/// What may still be spent on finding renamed files: a commit of thousands of files with ten thousands of short lines would
/// take gigabytes and minutes.
struct Effort {
    n_pieces_left: usize,
    n_steps_left: usize,
}

impl Effort {
    /// The pieces of a text; `None` where there is no room for them.
    fn chunks(&mut self, text: &[u8]) -> Option<Chunks> {
        let chunks = Chunks::of(text);
        match self.n_pieces_left.checked_sub(chunks.counted.len()) {
            Some(n_left) => {
                self.n_pieces_left = n_left;
                Some(chunks)
            }
            None => {
                self.n_pieces_left = 0;
                None
            }
        }
    }

    /// How much of the larger text stands in the other one, out of [`SCORE_MAX`]; 0 where that would take too long.
    fn similarity(&mut self, old: &Chunks, new: &Chunks) -> usize {
        if !old.may_be_similar(new) {
            return 0;
        }
        match self.n_steps_left.checked_sub(old.counted.len() + new.counted.len()) {
            Some(n_left) => {
                self.n_steps_left = n_left;
                old.similarity(new)
            }
            None => {
                self.n_steps_left = 0;
                0
            }
        }
    }
}

/// The pieces of a text, lines or what is longer in parts, as numbers in order: two texts are compared in one pass.
struct Chunks {
    /// Hash of a piece, and how many bytes of such pieces there are; ascending.
    counted: Vec<(u64, usize)>,
    n_bytes: usize,
}

impl Chunks {
    fn of(text: &[u8]) -> Chunks {
        let hasher = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
        let mut pieces: Vec<(u64, usize)> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let within = &rest[..rest.len().min(CHUNK_BYTES_MAX)];
            let len = within.iter().position(|byte| *byte == b'\n').map_or(within.len(), |at| at + 1);
            let piece = &rest[..len];
            // Line ends are no difference.
            let hash = match piece.strip_suffix(b"\r\n") {
                Some(line) => hasher.hash_one((line, true)),
                None => hasher.hash_one((piece.strip_suffix(b"\n").unwrap_or(piece), piece.ends_with(b"\n"))),
            };
            pieces.push((hash, len));
            rest = &rest[len..];
        }
        pieces.sort_unstable();
        pieces.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            kept.1 += if is_same { next.1 } else { 0 };
            is_same
        });
        pieces.shrink_to_fit();
        Chunks { counted: pieces, n_bytes: text.len() }
    }

    /// Sizes alone may rule it out. Empty files are like no other.
    fn may_be_similar(&self, other: &Chunks) -> bool {
        let (smaller, larger) = (self.n_bytes.min(other.n_bytes), self.n_bytes.max(other.n_bytes));
        smaller > 0 && smaller * 2 >= larger
    }

    /// How much of the larger text stands in the other one, out of [`SCORE_MAX`]; neither is empty.
    fn similarity(&self, other: &Chunks) -> usize {
        let (mut mine, mut others) = (&self.counted[..], &other.counted[..]);
        let mut n_common = 0;
        while let ([(a, n_a), rest_a @ ..], [(b, n_b), rest_b @ ..]) = (mine, others) {
            match a.cmp(b) {
                Ordering::Less => mine = rest_a,
                Ordering::Greater => others = rest_b,
                Ordering::Equal => {
                    n_common += n_a.min(n_b);
                    (mine, others) = (rest_a, rest_b);
                }
            }
        }
        n_common * SCORE_MAX / self.n_bytes.max(other.n_bytes)
    }
}

fn file_name(path: &[u8]) -> &[u8] {
    &path[path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1)..]
}

/// Whether `path` is `only` or a folder that holds it.
fn is_at_or_above(path: &[u8], only: &[u8]) -> bool {
    only.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn is_regular(side: Option<(EntryKind, ObjectId)>) -> bool {
    matches!(side, Some((EntryKind::File | EntryKind::Executable | EntryKind::Symlink, _)))
}

struct Walk<'a> {
    reader: &'a Reader,
    n_files_max: usize,
    /// The one path that is looked at, where not all are.
    only: Option<&'a [u8]>,
    n_entries: usize,
    is_over: &'a IsOver<'a>,
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
        if (self.is_over)() {
            self.found.is_called_off = true;
            return;
        }
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
            if self.only.is_none_or(|only| is_at_or_above(path, only)) {
                self.entry(path, before, after, depth);
            }
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
        if self.only.is_some_and(|only| only != path.as_slice()) {
            return;
        }
        if self.found.files.len() >= self.n_files_max {
            self.found.n_left_out += 1;
            return;
        }
        self.found.files.push(ChangedFile { kind, path: path.clone(), old_path: None, old, new });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_texts_are_told_by_what_they_share() {
        let mut effort = Effort { n_pieces_left: 100, n_steps_left: 100 };
        let mut similarity = |old: &[u8], new: &[u8]| effort.similarity(&Chunks::of(old), &Chunks::of(new));
        assert_eq!(similarity(b"a\nb\n", b"a\nb\n"), SCORE_MAX);
        assert_eq!(similarity(b"a\nb\n", b"b\nc\n"), SCORE_MIN);
        assert_eq!(similarity(b"a\n", b"b\n"), 0);
        assert_eq!(similarity(b"", b""), 0);
    }

    #[test]
    fn there_is_an_end_to_the_effort() {
        let mut effort = Effort { n_pieces_left: 5, n_steps_left: 4 };
        let old = effort.chunks(b"a\nb\n").expect("there is room");
        let new = effort.chunks(b"b\na\n").expect("there is room");
        assert!(effort.chunks(b"c\nd\n").is_none(), "there was room for one piece");
        assert!(effort.chunks(b"c\n").is_none(), "what comes after is not kept either");
        assert_eq!(effort.similarity(&old, &Chunks::of(b"a\nb\na\nb\na\nb\n")), 0, "ruled out for nothing");
        assert_eq!(effort.similarity(&old, &new), SCORE_MAX);
        assert_eq!(effort.similarity(&old, &new), 0, "it took all steps");
    }
}
