//! From one ref table to the next: a push costs what it changed.
//!
//! The documents of the published table are taken over with the new numbers of their revisions. A revision that is new is
//! compared with one that the table holds (its branch's last commit, most often): it holds what that one holds, but for
//! the paths that differ. The result is the table that walking all trees would have led to.

use crate::IndexError;
use crate::plan::{Place, Plan, path_rank};
use crate::refs::Revisions;
use git::{ChangesError, EntryKind, Repository};
use index::{
    BlobIdx, Doc, DocKind, ReadError, RefTable, RefTableWriter, RevIdx, RevSetIdx, Segment, SegmentOrdinal,
};
use model::{DocFlags, Language, ObjectId, SkipReason};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// With more new revisions than this all trees are walked together: that reads each folder once.
const N_ADDED_MAX: usize = 64;
/// With more changed paths than this, over all new revisions, likewise.
const N_CHANGES_MAX: u64 = 400_000;
/// How many ancestors of a new commit are looked at for one that the table holds.
const N_ANCESTORS_MAX: usize = 64;

/// What stands at a path.
type Standing = (DocKind, ObjectId);

/// What is new, compared with a published table.
#[derive(Debug)]
pub(crate) struct Increment<'a> {
    previous: &'a RefTable,
    segments: &'a [Arc<Segment>],
    /// By revision of the table, its number now; `None` for one that is gone.
    now: Vec<Option<RevIdx>>,
    added: Vec<Added>,
    /// Every path that a new revision changed.
    paths: BTreeSet<Vec<u8>>,
}

/// A revision that the table does not hold.
#[derive(Debug)]
struct Added {
    revision: RevIdx,
    /// The one of the table it is like.
    base: RevIdx,
    /// What stands at the paths in which it is not; `None` for nothing.
    changes: HashMap<Vec<u8>, Option<Standing>>,
}

impl<'a> Increment<'a> {
    /// Compares. `None` where walking everything is the better way, or the only one.
    pub(crate) fn plan(
        repository: &Repository,
        revisions: &Revisions,
        previous: &'a RefTable,
        segments: &'a [Arc<Segment>],
        cancel: &AtomicBool,
    ) -> Result<Option<Self>, IndexError> {
        let then: HashMap<ObjectId, RevIdx> = previous
            .revisions()
            .iter()
            .zip(0..)
            .map(|(revision, idx)| (revision.commit, RevIdx(idx)))
            .collect();
        let mut increment = Increment {
            previous,
            segments,
            now: vec![None; previous.revisions().len()],
            added: Vec::new(),
            paths: BTreeSet::new(),
        };
        let mut added = Vec::new();
        for (revision, idx) in revisions.revisions.iter().zip(0..) {
            match then.get(&revision.commit) {
                Some(before) => increment.now[before.0 as usize] = Some(RevIdx(idx)),
                None => added.push((RevIdx(idx), revision)),
            }
        }
        if added.len() > N_ADDED_MAX {
            return Ok(None);
        }
        let bases = Bases::new(repository, previous, &then);
        let mut n_left = N_CHANGES_MAX;
        for (idx, revision) in added {
            let Some(base) = bases.of(revision) else { return Ok(None) };
            let from = previous.revisions()[base.0 as usize].commit;
            let mut changes = HashMap::new();
            let mut is_submodule_missing = false;
            let compared = repository.changes(from, revision.commit, n_left, cancel, &mut |change| {
                let standing = change.new.and_then(|(kind, oid)| Some((doc_kind(kind)?, oid)));
                is_submodule_missing |= change.new.is_some() && standing.is_none();
                // A path told twice is gone as one kind and there as another.
                let slot = changes.entry(change.path.to_vec()).or_insert(None);
                *slot = standing.or(*slot);
            });
            match compared {
                Ok(()) if !is_submodule_missing => {}
                Err(ChangesError::Cancelled) => return Err(IndexError::Cancelled),
                _ => return Ok(None),
            }
            n_left = n_left.saturating_sub(changes.len() as u64);
            increment.paths.extend(changes.keys().cloned());
            increment.added.push(Added { revision: idx, base, changes });
        }
        Ok(Some(increment))
    }

    /// Which blobs are new, and where the others are.
    pub(crate) fn blobs(&self, file_bytes_max: u64) -> Result<Plan<'_>, IndexError> {
        let mut best: BTreeMap<ObjectId, (u8, &[u8])> = BTreeMap::new();
        for added in &self.added {
            for (path, standing) in &added.changes {
                if let Some((_, oid)) = standing.filter(|(kind, _)| *kind != DocKind::Submodule) {
                    let candidate = (path_rank(path), &path[..]);
                    best.entry(oid).and_modify(|held| *held = (*held).min(candidate)).or_insert(candidate);
                }
            }
        }
        Plan::of_blobs(best, self.segments, file_bytes_max)
    }

    /// Writes the documents. `places` knows every blob that is not in the table.
    pub(crate) fn write(
        &self,
        writer: &mut RefTableWriter,
        places: &HashMap<ObjectId, Place>,
    ) -> Result<(), IndexError> {
        let mut sets: Vec<Option<Option<RevSetIdx>>> = vec![None; self.previous.n_sets() as usize];
        let mut outcome: Result<(), IndexError> = Ok(());
        let mut at_path: Vec<Doc> = Vec::new();
        let mut changed: Option<Vec<u8>> = None;
        let mut left: BTreeSet<&[u8]> = self.paths.iter().map(Vec::as_slice).collect();
        self.previous.for_each_doc(&mut |_, path, doc| {
            outcome = (|| {
                if changed.as_deref().is_some_and(|changed| changed != path)
                    && let Some(path) = changed.take()
                {
                    self.write_changed(writer, &path, &at_path, places)?;
                    at_path.clear();
                }
                if changed.is_some() || left.remove(path) {
                    changed.get_or_insert_with(|| path.to_vec());
                    at_path.push(*doc);
                    return Ok(());
                }
                let known = sets.get_mut(doc.revisions.0 as usize);
                let set = match known.as_ref().and_then(|known| **known) {
                    Some(set) => set,
                    None => {
                        let set = self.set(writer, doc.revisions)?;
                        known.into_iter().for_each(|known| *known = Some(set));
                        set
                    }
                };
                match set {
                    Some(revisions) => Ok(writer.add_doc(path, Doc { revisions, ..*doc })?),
                    None => Ok(()),
                }
            })();
            outcome.is_ok()
        })?;
        outcome?;
        if let Some(path) = changed {
            self.write_changed(writer, &path, &at_path, places)?;
        }
        left.into_iter().try_for_each(|path| self.write_changed(writer, path, &[], places))
    }

    /// A set of the table as it is now, for paths that no new revision changed. `None` where none of it is left.
    fn set(&self, writer: &mut RefTableWriter, set: RevSetIdx) -> Result<Option<RevSetIdx>, IndexError> {
        let before = self.previous.set_revisions(set)?;
        let mut now: Vec<RevIdx> = self.still(&before).collect();
        now.extend(
            self.added.iter().filter(|one| before.binary_search(&one.base).is_ok()).map(|one| one.revision),
        );
        intern(writer, now)
    }

    fn still<'b>(&'b self, before: &'b [RevIdx]) -> impl Iterator<Item = RevIdx> + 'b {
        before.iter().filter_map(|revision| *self.now.get(revision.0 as usize)?)
    }

    /// Writes what stands at a path that a new revision changed, of which the table has these documents.
    fn write_changed(
        &self,
        writer: &mut RefTableWriter,
        path: &[u8],
        before: &[Doc],
        places: &HashMap<ObjectId, Place>,
    ) -> Result<(), IndexError> {
        let mut held: BTreeMap<Standing, (Option<Doc>, Vec<RevIdx>)> = BTreeMap::new();
        for doc in before {
            let revisions = self.previous.set_revisions(doc.revisions)?;
            let entry = held.entry((doc.kind, self.oid(doc)?)).or_default();
            entry.0 = Some(*doc);
            entry.1.extend(self.still(&revisions));
            let like =
                |one: &&Added| !one.changes.contains_key(path) && revisions.binary_search(&one.base).is_ok();
            entry.1.extend(self.added.iter().filter(like).map(|one| one.revision));
        }
        for one in &self.added {
            if let Some(standing) = one.changes.get(path).copied().flatten() {
                held.entry(standing).or_default().1.push(one.revision);
            }
        }
        for ((kind, oid), (doc, revisions)) in held {
            if let Some(revisions) = intern(writer, revisions)? {
                let doc = match doc {
                    Some(doc) => Doc { revisions, ..doc },
                    None => new_doc(path, kind, oid, places.get(&oid), revisions),
                };
                writer.add_doc(path, doc)?;
            }
        }
        Ok(())
    }

    fn oid(&self, doc: &Doc) -> Result<ObjectId, IndexError> {
        match (doc.blob, doc.submodule) {
            (Some((segment, blob)), _) => Ok(self.segment(segment)?.blob(blob)?.oid),
            (None, Some(commit)) => Ok(commit),
            (None, None) => Ok(ObjectId::NULL),
        }
    }

    fn segment(&self, ordinal: SegmentOrdinal) -> Result<&Segment, ReadError> {
        segment_of(self.segments, ordinal)
    }
}

/// Whether something in the table could not be read when it was indexed: it is tried again, which only a walk does.
pub(crate) fn has_unreadable(table: &RefTable, segments: &[Arc<Segment>]) -> Result<bool, ReadError> {
    for (segment, ordinal) in segments.iter().zip(0..) {
        for blob in (0..segment.n_blobs()).map(BlobIdx) {
            if segment.blob(blob)?.skip == Some(SkipReason::Unreadable)
                && !table.docs_of_blob(SegmentOrdinal(ordinal), blob)?.is_empty()
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A document that no table holds yet.
pub(crate) fn new_doc(
    path: &[u8],
    kind: DocKind,
    oid: ObjectId,
    place: Option<&Place>,
    revisions: RevSetIdx,
) -> Doc {
    let place = place.filter(|_| kind != DocKind::Submodule);
    let mut flags = syntax::doc_flags(path);
    if kind == DocKind::Symlink {
        flags = flags.with(DocFlags::SYMLINK);
    }
    Doc {
        kind,
        blob: place.map(|place| (place.segment, place.blob)),
        submodule: (kind == DocKind::Submodule).then_some(oid),
        language: place.map_or(Language::UNKNOWN, |place| syntax::document_language(path, place.language)),
        flags,
        revisions,
    }
}

/// The kind of a document; `None` for a folder.
pub(crate) fn doc_kind(kind: EntryKind) -> Option<DocKind> {
    match kind {
        EntryKind::File => Some(DocKind::File),
        EntryKind::Executable => Some(DocKind::Executable),
        EntryKind::Symlink => Some(DocKind::Symlink),
        EntryKind::Submodule => Some(DocKind::Submodule),
        EntryKind::Tree => None,
    }
}

/// A segment by its ordinal.
pub(crate) fn segment_of(segments: &[Arc<Segment>], ordinal: SegmentOrdinal) -> Result<&Segment, ReadError> {
    let out =
        || ReadError::OutOfRange { noun: "segment", number: ordinal.0.into(), count: segments.len() as u64 };
    segments.get(usize::from(ordinal.0)).map(Arc::as_ref).ok_or_else(out)
}

fn intern(writer: &mut RefTableWriter, mut revisions: Vec<RevIdx>) -> Result<Option<RevSetIdx>, IndexError> {
    if revisions.is_empty() {
        return Ok(None);
    }
    revisions.sort_unstable();
    revisions.dedup();
    Ok(Some(writer.intern(revisions)?))
}

/// Finds the revision of a table that a new one is most like.
struct Bases<'a> {
    reader: git::Reader,
    default: Option<RevIdx>,
    by_ref: HashMap<&'a str, RevIdx>,
    by_commit: &'a HashMap<ObjectId, RevIdx>,
}

impl<'a> Bases<'a> {
    fn new(
        repository: &Repository,
        previous: &'a RefTable,
        by_commit: &'a HashMap<ObjectId, RevIdx>,
    ) -> Self {
        let revisions = previous.revisions().iter().zip(0..);
        let by_ref = revisions
            .flat_map(|(revision, idx)| revision.refs.iter().map(move |name| (name.as_str(), RevIdx(idx))))
            .collect();
        Bases { reader: repository.reader(), default: previous.default_revision(), by_ref, by_commit }
    }

    /// The last commit of the same branch, else the nearest ancestor that the table holds, else the default revision.
    fn of(&self, revision: &index::Revision) -> Option<RevIdx> {
        if let Some(base) = revision.refs.iter().find_map(|name| self.by_ref.get(name.as_str())) {
            return Some(*base);
        }
        let mut next = revision.commit;
        for _ in 0..N_ANCESTORS_MAX {
            let Ok(commit) = self.reader.commit(next) else { break };
            if let Some(base) = commit.parents.iter().find_map(|parent| self.by_commit.get(parent)) {
                return Some(*base);
            }
            let Some(parent) = commit.parents.first() else { break };
            next = *parent;
        }
        self.default
    }
}
