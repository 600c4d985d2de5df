//! Sketches of a catalog's repositories: made beside searches, found by them.

use super::{Catalog, Entry, Published, Ready, Sketched, Snapshot};
use crate::sketch::{Sketch, Sketches, Slot};
use index::ReadError;
use model::{AccessSet, RepoName};
use std::sync::{Arc, PoisonError};

/// How many sketches are put in at once, at least: each time the catalog is copied.
const SKETCHES_AT_ONCE: usize = 256;
/// How often the catalog is copied for them, at most.
const N_COPIES: usize = 32;

impl Catalog {
    /// Makes sketches of the repositories that have none yet, by which searches pass over those that cannot match, until
    /// `goes_on` says no. A search does not wait for it, and finds the same without. Nothing is read of repositories outside
    /// the access set.
    pub fn sketch(&self, access: &AccessSet, goes_on: &mut dyn FnMut() -> bool) {
        let _one_at_a_time = self.sketching.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = self.snapshot();
        let mut made = Vec::new();
        let n_at_once = SKETCHES_AT_ONCE.max(snapshot.entries.by_name.len() / N_COPIES);
        for (name, entry) in &snapshot.entries.by_name {
            let Entry::Ready(Ready { id, published, sketched: Sketched::NotYet }) = entry else { continue };
            if !access.allows(*id) {
                continue;
            }
            if !goes_on() {
                break;
            }
            // A damaged index is told of by the searches that look at it.
            made.push((name, published, published.sketch().unwrap_or_default()));
            if made.len() >= n_at_once {
                self.put_in(&std::mem::take(&mut made));
            }
        }
        self.put_in(&made);
    }

    fn put_in(&self, made: &[(&RepoName, &Arc<Published>, Option<Sketch>)]) {
        if made.is_empty() {
            return;
        }
        // Only who makes sketches changes them; entries may come and go meanwhile, and with them only columns get free.
        let (mut sketches, mut used) = self.snapshot().sketches_in_use();
        let slots: Vec<Sketched> = made
            .iter()
            .map(|(.., sketch)| match sketch {
                Some(sketch) => Sketched::At(sketches.insert(sketch, &mut used)),
                None => Sketched::Never,
            })
            .collect();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let entries = Arc::make_mut(&mut current.entries);
        entries.sketches = sketches;
        for ((name, published, _), slot) in made.iter().zip(slots) {
            if let Some(Entry::Ready(ready)) = entries.by_name.get_mut(*name)
                && ready.published.has_files_of(published)
            {
                ready.sketched = slot;
            }
        }
    }
}

impl Snapshot {
    /// The sketches of this state of the catalog, forbidden repositories' among them: only columns that
    /// [`Snapshot::slots`] gives may be looked at.
    pub(crate) fn sketches(&self) -> &Sketches {
        &self.entries.sketches
    }

    /// Where the sketches stand of some of the repositories that the caller may read, given in the order of their names.
    pub(crate) fn slots(&self, access: &AccessSet, repos: &[&Published]) -> Vec<Option<Slot>> {
        let mut slots = Vec::with_capacity(repos.len());
        let mut ready = self.ready(access);
        for published in repos {
            // A part has the sketch of the whole: what that does not hold, it does not hold either.
            let whole = published.part_of.as_ref().map_or(&published.repo, |part| &part.whole);
            let ready = ready.find(|ready| Arc::ptr_eq(&ready.published.repo, whole));
            slots.push(ready.and_then(|ready| match ready.sketched {
                Sketched::At(slot) => Some(slot),
                Sketched::NotYet | Sketched::Never => None,
            }));
        }
        slots
    }

    /// The sketches without those that no repository has any more, and which columns are taken.
    fn sketches_in_use(&self) -> (Sketches, Vec<u64>) {
        let mut sketches = self.entries.sketches.clone();
        let mut used = vec![0; sketches.n_groups()];
        for entry in self.entries.by_name.values() {
            if let Entry::Ready(Ready { sketched: Sketched::At(slot), .. }) = entry {
                used[slot.group as usize] |= slot.bit();
            }
        }
        sketches.tidy(&used);
        (sketches, used)
    }
}

impl Published {
    /// Reads what searches want to know of a repository before they take it up. `None` where there is no sketch of it.
    fn sketch(&self) -> Result<Option<Sketch>, ReadError> {
        let Some(default) = self.default_revisions()? else { return Ok(None) };
        let sketch = Sketch::of(&self.repo)?;
        if sketch.is_some() {
            self.admit_default(&default)?;
        }
        Ok(sketch)
    }

    /// Whether both are read from the same files.
    fn has_files_of(&self, other: &Published) -> bool {
        let (own, others) = (&self.repo, &other.repo);
        Arc::ptr_eq(&own.ref_table, &others.ref_table)
            && own.segments.len() == others.segments.len()
            && own.segments.iter().zip(&others.segments).all(|(own, other)| Arc::ptr_eq(own, other))
    }
}
