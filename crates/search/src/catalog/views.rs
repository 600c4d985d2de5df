//! What somebody sees of a repository of which they may read some paths only: the same index, with those documents alone.
//!
//! SECURITY: everything that a search finds, counts, orders or tells of documents begins at the ref table. A view's holds
//! nothing that may not be read, so that nothing beyond this place has to ask about paths. A view has no history: a commit
//! tells in its message, its changes and its renames what happened to paths that its reader may not know of.

use super::{Entry, Published, Ready, Snapshot};
use crate::owners::KeptRules;
use crate::{PathFilter, RepoIndex};
use model::{AccessSet, PathRules, RepoId};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Most views that are kept. Each takes some 40 bytes for a document.
const N_VIEWS_MAX: usize = 256;

/// The views of the last searches, by repository and rules. People with the same rules share one.
#[derive(Debug, Default)]
pub(super) struct Views(Mutex<HashMap<(RepoId, Arc<PathRules>), View>>);

#[derive(Debug)]
struct View {
    /// What it was made of.
    whole: Arc<RepoIndex>,
    seen: Arc<Published>,
}

/// A repository as a caller sees it.
#[derive(Clone, Debug)]
pub(crate) enum Seen<'a> {
    /// All of it.
    Whole(&'a Arc<Published>),
    /// Some paths.
    Part(Arc<Published>),
}

impl Deref for Seen<'_> {
    type Target = Published;

    fn deref(&self) -> &Published {
        match self {
            Seen::Whole(published) => published,
            Seen::Part(published) => published,
        }
    }
}

/// The whole that a view is a part of.
#[derive(Clone, Debug)]
pub(crate) struct PartOf {
    pub(crate) whole: Arc<RepoIndex>,
    pub(crate) filter: Arc<PathFilter>,
}

impl PartOf {
    /// What may be seen of another index of the same repository; `None` where it cannot be read.
    pub(crate) fn see(&self, index: &RepoIndex) -> Option<RepoIndex> {
        let ref_table = index.ref_table.filtered(&mut |path| self.filter.allows(path)).ok()?;
        Some(RepoIndex { ref_table: Arc::new(ref_table), history: None, ..index.clone() })
    }
}

impl Views {
    /// What rules leave of a repository. `None` where its index is damaged: then it is not there for this caller until it was
    /// made anew.
    fn of(&self, whole: &Arc<RepoIndex>, rules: &Arc<PathRules>) -> Option<Arc<Published>> {
        let key = (whole.id, Arc::clone(rules));
        if let Some(view) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
            && Arc::ptr_eq(&view.whole, whole)
        {
            return Some(Arc::clone(&view.seen));
        }
        // Not under the lock: paths are read for milliseconds.
        let part = PartOf { whole: Arc::clone(whole), filter: Arc::new(PathFilter::new(rules)) };
        let seen = Arc::new(Published {
            repo: Arc::new(part.see(whole)?),
            default_revisions: OnceLock::new(),
            default_blobs: OnceLock::new(),
            owners: KeptRules::default(),
            asked: Default::default(),
            part_of: Some(part),
        });
        let mut views = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if views.len() >= N_VIEWS_MAX {
            views.clear();
        }
        views.insert(key, View { whole: Arc::clone(whole), seen: Arc::clone(&seen) });
        Some(seen)
    }
}

impl Snapshot {
    /// A searchable repository as the caller sees it, who may read all or some of it.
    pub(super) fn see<'a>(&self, ready: &'a Ready, access: &AccessSet) -> Option<Seen<'a>> {
        match access.path_rules(ready.id) {
            None => Some(Seen::Whole(&ready.published)),
            Some(rules) => self.views.of(&ready.published.repo, rules).map(Seen::Part),
        }
    }

    /// The repositories the caller may read, by name, as they see them, with what searches have derived.
    pub(crate) fn seen<'a>(&'a self, access: &'a AccessSet) -> impl Iterator<Item = Seen<'a>> + 'a {
        self.ready(access).filter_map(|ready| self.see(ready, access))
    }

    /// One of them.
    pub(super) fn seen_entry(&self, entry: &Entry, access: &AccessSet) -> Option<Arc<RepoIndex>> {
        match entry {
            // SECURITY: an entry outside the access set is answered as if it were not there.
            Entry::Ready(ready) if access.allows(ready.id) => {
                self.see(ready, access).map(|seen| Arc::clone(&seen.repo))
            }
            _ => None,
        }
    }
}
