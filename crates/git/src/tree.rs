//! Trees: their entries, what is refused in them, and finding a path.
//!
//! Trees are parsed here and not by the library, which gives up on a tree at its first odd entry: one bad entry is refused by
//! name and the rest of the folder stays readable.

use crate::{ObjectError, ObjectKind, Reader, commit};
use model::ObjectId;
use std::{cmp::Ordering, ops::Range};

/// Largest tree object that is read for a page or a lookup: a folder of two million entries.
const TREE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Deepest path that is looked up.
const LOOKUP_DEPTH_MAX: usize = 512;

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link; its blob holds the target.
    Symlink,
    /// A folder.
    Tree,
    /// A commit of another repository; there is nothing of it here.
    Submodule,
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its name, raw bytes; empty for the root.
    pub name: Vec<u8>,
    /// Its kind.
    pub kind: EntryKind,
    /// Its object.
    pub id: ObjectId,
}

/// The entries of one tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Accepted entries, in path order.
    pub entries: Vec<TreeEntry>,
    /// Refused entries: their names, made printable, and why.
    pub refused: Vec<(String, EntryRefusal)>,
}

/// Why an entry of a tree is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryRefusal {
    /// Its name is empty, `.`, `..`, or holds a `/`.
    BadName,
    /// Its name is `.git` in any case: no checkout could hold it.
    DotGit,
    /// Its mode is none that git has.
    BadMode,
    /// Its id is all zeros.
    NullId,
    /// Another entry of the same tree has its name.
    Duplicate,
    /// The bytes of the tree end or go astray here; what follows is lost.
    Malformed,
    /// Its path is longer than the limit.
    PathTooLong,
    /// It is nested deeper than the limit.
    TooDeep,
    /// The tree object is larger than the limit.
    TreeTooLarge,
    /// The tree object is missing.
    TreeMissing,
    /// The tree object is damaged or of another kind.
    TreeDamaged,
    /// The same tree stands at so many paths that walking it again would only repeat.
    Repeated,
    /// The limit of entries was reached here; everything after it in path order is left out too.
    TooManyEntries,
}

impl EntryRefusal {
    /// A few words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            EntryRefusal::BadName => "impossible name",
            EntryRefusal::DotGit => "named .git",
            EntryRefusal::BadMode => "unknown mode",
            EntryRefusal::NullId => "null id",
            EntryRefusal::Duplicate => "duplicate name",
            EntryRefusal::Malformed => "malformed tree",
            EntryRefusal::PathTooLong => "path too long",
            EntryRefusal::TooDeep => "nested too deep",
            EntryRefusal::TreeTooLarge => "folder too large",
            EntryRefusal::TreeMissing => "folder missing from the repository",
            EntryRefusal::TreeDamaged => "folder damaged",
            EntryRefusal::Repeated => "same folder repeated too often",
            EntryRefusal::TooManyEntries => "too many files",
        }
    }
}

/// Why a path or tree cannot be looked up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// An object on the way cannot be had.
    #[error(transparent)]
    Object(#[from] ObjectError),
}

impl Reader {
    /// The entry at `path` (components separated by `/`; the empty path is the root) in a commit's tree. `None` where there
    /// is none, or only a refused one.
    pub fn entry_at(&self, commit: ObjectId, path: &[u8]) -> Result<Option<TreeEntry>, LookupError> {
        let root = self.tree_of_commit(commit)?;
        let mut entry = TreeEntry { name: Vec::new(), kind: EntryKind::Tree, id: root };
        if path.is_empty() {
            return Ok(Some(entry));
        }
        let mut data = Vec::new();
        for (depth, name) in path.split(|byte| *byte == b'/').enumerate() {
            if entry.kind != EntryKind::Tree || name_fault(name).is_some() || depth >= LOOKUP_DEPTH_MAX {
                return Ok(None);
            }
            self.read(entry.id, ObjectKind::Tree, TREE_BYTES_MAX, &mut data)?;
            // Of duplicates the first counts, as in a walk.
            let found = Entries::new(&data).map_while(Result::ok).find(|raw| raw.name == name);
            match found.map(|raw| (raw.check(), raw)) {
                Some((Ok(kind), raw)) => entry = TreeEntry { name: name.to_vec(), kind, id: raw.id },
                _ => return Ok(None),
            }
        }
        Ok(Some(entry))
    }

    /// What stands in the tree `id`.
    pub fn list_tree(&self, id: ObjectId) -> Result<Listing, LookupError> {
        let mut data = Vec::new();
        self.read(id, ObjectKind::Tree, TREE_BYTES_MAX, &mut data)?;
        let mut listing = Listing::default();
        let refuse = |name: &[u8], reason| listing.refused.push((printable(name), reason));
        let checked = checked_entries(&data, refuse);
        let owned = |entry: &CheckedEntry| TreeEntry {
            name: data[entry.name.clone()].to_vec(),
            kind: entry.kind,
            id: entry.id,
        };
        listing.entries = checked.iter().map(owned).collect();
        Ok(listing)
    }

    pub(crate) fn tree_of_commit(&self, commit: ObjectId) -> Result<ObjectId, ObjectError> {
        let mut data = Vec::new();
        self.read(commit, ObjectKind::Commit, TREE_BYTES_MAX, &mut data)?;
        commit::tree_of(&data)
            .ok_or_else(|| ObjectError::Damaged { id: commit, reason: "it names no tree".to_owned() })
    }
}

/// An accepted entry; its name is a range of the tree's bytes.
#[derive(Clone, Debug)]
pub(crate) struct CheckedEntry {
    pub(crate) name: Range<usize>,
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
}

/// The accepted entries of a tree in git's order (by name, folders as if they ended in `/`), which makes a walk yield full
/// paths in byte order. Every other entry is given to `refuse`.
/// The entry of one name in a tree, of duplicates the first; `None` where it is refused.
pub(crate) fn find_entry(
    reader: &Reader,
    tree: ObjectId,
    name: &[u8],
) -> Result<Option<(EntryKind, ObjectId)>, LookupError> {
    if name_fault(name).is_some() {
        return Ok(None);
    }
    let mut data = Vec::new();
    reader.read(tree, ObjectKind::Tree, TREE_BYTES_MAX, &mut data)?;
    let found = Entries::new(&data).map_while(Result::ok).find(|raw| raw.name == name);
    Ok(found.and_then(|raw| raw.check().ok().map(|kind| (kind, raw.id))))
}

pub(crate) fn checked_entries(data: &[u8], mut refuse: impl FnMut(&[u8], EntryRefusal)) -> Vec<CheckedEntry> {
    let mut entries: Vec<CheckedEntry> = Vec::with_capacity(data.len() / 40);
    for raw in Entries::new(data) {
        match raw.map(|raw| (raw.check(), raw)) {
            Ok((Ok(kind), raw)) => entries.push(CheckedEntry { name: raw.range, kind, id: raw.id }),
            Ok((Err(reason), raw)) => refuse(raw.name, reason),
            Err(rest) => refuse(&rest[..rest.len().min(40)], EntryRefusal::Malformed),
        }
    }
    let order = |a: &CheckedEntry, b: &CheckedEntry| {
        compare(&data[a.name.clone()], a.kind, &data[b.name.clone()], b.kind)
    };
    if !entries.is_sorted_by(|a, b| order(a, b).is_lt()) {
        entries.sort_by(order);
    }
    drop_duplicates(data, &mut entries, &mut refuse);
    entries
}

/// git's order of the entries of a tree: by name, folders as if they ended in `/`.
pub(crate) fn compare(a: &[u8], a_kind: EntryKind, b: &[u8], b_kind: EntryKind) -> Ordering {
    let n_common = a.len().min(b.len());
    a[..n_common].cmp(&b[..n_common]).then_with(|| {
        let next = |name: &[u8], kind| match name.get(n_common) {
            Some(byte) => i32::from(*byte),
            None if kind == EntryKind::Tree => i32::from(b'/'),
            None => -1,
        };
        next(a, a_kind).cmp(&next(b, b_kind)).then(a.len().cmp(&b.len()))
    })
}

/// Makes hostile bytes safe to print, cut to 200 characters.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bytes = &bytes[..bytes.len().min(800)];
    String::from_utf8_lossy(bytes).chars().take(200).map(|c| if odd(c) { '\u{fffd}' } else { c }).collect()
}

/// Keeps the first of equal names, also where one is a file and one a folder.
fn drop_duplicates(
    data: &[u8],
    entries: &mut Vec<CheckedEntry>,
    refuse: &mut impl FnMut(&[u8], EntryRefusal),
) {
    let mut duplicates = Vec::new();
    for (idx, entry) in entries.iter().enumerate() {
        let name = &data[entry.name.clone()];
        let repeats = idx > 0 && data[entries[idx - 1].name.clone()] == *name;
        let shadowed = entry.kind == EntryKind::Tree
            && entries[..idx]
                .binary_search_by(|other| {
                    compare(&data[other.name.clone()], other.kind, name, EntryKind::File)
                })
                .is_ok();
        if repeats || shadowed {
            duplicates.push(idx);
        }
    }
    if duplicates.is_empty() {
        return;
    }
    let mut idx = 0;
    entries.retain(|entry| {
        let is_duplicate = duplicates.binary_search(&idx).is_ok();
        if is_duplicate {
            refuse(&data[entry.name.clone()], EntryRefusal::Duplicate);
        }
        idx += 1;
        !is_duplicate
    });
}

/// One entry as it stands in the bytes.
struct RawEntry<'a> {
    mode: u32,
    name: &'a [u8],
    range: Range<usize>,
    id: ObjectId,
}

impl RawEntry<'_> {
    fn check(&self) -> Result<EntryKind, EntryRefusal> {
        if let Some(fault) = name_fault(self.name) {
            return Err(fault);
        }
        if self.id == ObjectId::NULL {
            return Err(EntryRefusal::NullId);
        }
        // As git reads modes: the type, and of a file's permissions only whether its owner may execute it.
        match (self.mode & 0o170_000, self.mode & 0o100 != 0) {
            (0o040_000, _) => Ok(EntryKind::Tree),
            (0o100_000, true) => Ok(EntryKind::Executable),
            (0o100_000, false) => Ok(EntryKind::File),
            (0o120_000, _) => Ok(EntryKind::Symlink),
            (0o160_000, _) => Ok(EntryKind::Submodule),
            _ => Err(EntryRefusal::BadMode),
        }
    }
}

fn name_fault(name: &[u8]) -> Option<EntryRefusal> {
    match name {
        b"" | b"." | b".." => Some(EntryRefusal::BadName),
        _ if name.eq_ignore_ascii_case(b".git") => Some(EntryRefusal::DotGit),
        _ if name.contains(&b'/') => Some(EntryRefusal::BadName),
        _ => None,
    }
}

/// The entries of a tree's bytes: `<octal mode> <name>\0<20 bytes>`. An `Err` holds the bytes that could not be understood,
/// and is the last item.
struct Entries<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> Entries<'a> {
    fn new(data: &'a [u8]) -> Self {
        Entries { data, position: 0 }
    }

    fn parse_next(&mut self) -> Option<RawEntry<'a>> {
        let rest = &self.data[self.position..];
        let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
        let mut mode = 0u32;
        for digit in &rest[..space] {
            mode = mode << 3 | u32::from(digit.checked_sub(b'0').filter(|value| *value < 8)?);
        }
        let n_name_bytes = rest[space + 1..].iter().position(|byte| *byte == 0)?;
        let start = self.position + space + 1;
        let range = start..start + n_name_bytes;
        let id = self.data.get(range.end + 1..range.end + 21)?;
        self.position = range.end + 21;
        let id = ObjectId(id.try_into().ok()?);
        Some(RawEntry { mode, name: &self.data[range.clone()], range, id })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<RawEntry<'a>, &'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position == self.data.len() {
            return None;
        }
        let before = self.position;
        Some(self.parse_next().ok_or_else(|| {
            self.position = self.data.len();
            &self.data[before..]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut data = Vec::new();
        for (mode, name) in entries {
            data.extend([mode.as_bytes(), b" ", name, b"\0", &[7; 20]].concat());
        }
        data
    }

    fn check(data: &[u8], accepted: &[&str], refused: &[EntryRefusal]) {
        let mut reasons = Vec::new();
        let entries = checked_entries(data, |_, reason| reasons.push(reason));
        let names: Vec<_> = entries.iter().map(|entry| printable(&data[entry.name.clone()])).collect();
        assert_eq!(names, accepted);
        assert_eq!(reasons, refused);
    }

    #[test]
    fn order_is_that_of_full_paths() {
        let data = tree(&[("40000", b"a"), ("100644", b"a.c"), ("100644", b"a0"), ("100644", b"A")]);
        check(&data, &["A", "a.c", "a", "a0"], &[]);
    }

    #[test]
    fn the_first_of_equal_names_stays() {
        let data = tree(&[("100644", b"a"), ("100644", b"a"), ("100644", b"a.c"), ("40000", b"a")]);
        check(&data, &["a", "a.c"], &[EntryRefusal::Duplicate, EntryRefusal::Duplicate]);
    }

    proptest! {
        #[test]
        fn any_bytes_make_an_ordered_folder(
            entries in proptest::collection::vec(("(40000|100644|0|1[0-7]{0,6}|x)", "[ab.]{0,3}|\\.git"), 0..12),
            n_cut_bytes in 0usize..30,
        ) {
            let entries: Vec<(&str, &[u8])> =
                entries.iter().map(|(mode, name)| (mode.as_str(), name.as_bytes())).collect();
            let mut data = tree(&entries);
            data.truncate(data.len().saturating_sub(n_cut_bytes));
            let mut n_refused = 0;
            let accepted = checked_entries(&data, |_, _| n_refused += 1);
            prop_assert!(accepted.len() + n_refused <= entries.len());
            let names: Vec<&[u8]> = accepted.iter().map(|entry| &data[entry.name.clone()]).collect();
            prop_assert!(names.iter().all(|name| name_fault(name).is_none()));
            let full_paths: Vec<Vec<u8>> = accepted
                .iter()
                .zip(&names)
                .map(|(entry, name)| if entry.kind == EntryKind::Tree { [name, b"/x".as_slice()].concat() } else { name.to_vec() })
                .collect();
            prop_assert!(full_paths.is_sorted());
            let distinct: std::collections::HashSet<_> = names.iter().collect();
            prop_assert_eq!(distinct.len(), names.len());
        }

        #[test]
        fn no_bytes_are_a_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            checked_entries(&data, |_, _| ());
            commit::parse(ObjectId::NULL, &data);
            commit::tag_target(&data);
        }
    }

    #[test]
    fn what_cannot_be_understood_ends_the_tree() {
        let mut data = tree(&[("100644", b"a"), ("1006x4", b"b"), ("100644", b"c")]);
        check(&data, &["a"], &[EntryRefusal::Malformed]);
        data.truncate(20);
        check(&data, &[], &[EntryRefusal::Malformed]);
        check(b"", &[], &[]);
        check(&[0xff; 100], &[], &[EntryRefusal::Malformed]);
    }
}
