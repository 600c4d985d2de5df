//! The set of searchable repositories, replaced one repository at a time under running searches.

mod sketching;
mod views;

use crate::RevisionSource;
use crate::admission::Admission;
use crate::history::History;
use crate::owners::KeptRules;
use crate::revisions::Revisions;
use crate::sketch::{Sketches, Slot};
use index::{ReadError, RefTable, Segment};
use model::{AccessSet, ObjectId, RepoId, RepoName};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use views::Views;

pub(crate) use views::{PartOf, Seen};

/// Who may see that a repository exists on its code host; what the `visibility:` filter asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Everyone there.
    Public,
    /// Only members.
    Private,
}

/// What is said of a repository beside its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoSays {
    /// What `visibility:` asks about.
    pub visibility: Visibility,
    /// What `fork:` asks about.
    pub is_fork: bool,
    /// What `archived:` asks about.
    pub is_archived: bool,
    /// What `repo:has.description`, `has.topic` and `has.meta` ask about.
    pub about: About,
}

/// One repository's published index: everything a search needs, opened from one manifest, never changed.
#[derive(Clone, Debug)]
pub struct RepoIndex {
    /// The repository.
    pub id: RepoId,
    /// Its name, which `repo:` matches and results show.
    pub name: RepoName,
    /// What `visibility:` asks about.
    pub visibility: Visibility,
    /// What `fork:` asks about.
    pub is_fork: bool,
    /// What `archived:` asks about.
    pub is_archived: bool,
    /// What its code host or its owner says of it.
    pub about: Arc<About>,
    /// Paths and revisions.
    pub ref_table: Arc<RefTable>,
    /// The segments, by the ordinals the ref table uses.
    pub segments: Vec<Arc<Segment>>,
    /// Where git has its objects, for a [`RevisionSource`]; empty where there is none.
    pub objects: PathBuf,
    /// The history, where it was built. It is published on its own and may lag behind the rest.
    pub history: Option<Arc<History>>,
}

impl RepoIndex {
    /// When the youngest commit of the default branch was recorded; without a history, its tip.
    pub(crate) fn youngest_seconds(&self) -> Option<i64> {
        let known = self.history.as_ref().and_then(|history| history.youngest_seconds().ok().flatten());
        let tip = self.ref_table.default_revision();
        let tip = tip.and_then(|tip| self.ref_table.revisions().get(tip.0 as usize));
        known.max(tip.map(|tip| tip.commit_time))
    }
}

/// What is said of a repository beside its name: what `repo:has.description`, `has.topic` and `has.meta` ask about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// A sentence; empty where nobody wrote one.
    pub description: String,
    /// Topics, as the code host lists them.
    pub topics: Vec<String>,
    /// Keys, with values where they have one.
    pub metadata: BTreeMap<String, Option<String>>,
}

/// A repository that is known and cannot be searched yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRepo {
    /// The repository.
    pub id: RepoId,
    /// Its name.
    pub name: RepoName,
    /// What it waits for.
    pub state: PendingState,
}

/// Why a repository cannot be searched yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PendingState {
    /// It is being fetched for the first time.
    Cloning,
    /// It is being indexed for the first time.
    Indexing,
    /// Fetching or indexing failed.
    Failed,
}

/// All repositories, searchable or pending. Publishing replaces one repository atomically; snapshots taken before keep
/// what they saw.
#[derive(Debug, Default)]
pub struct Catalog {
    current: RwLock<Snapshot>,
    /// Held by whoever makes sketches: one at a time.
    sketching: Mutex<()>,
}

/// The catalog at one moment. Cheap to clone; never changes.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Another one after each change but that of sketches.
    state: Arc<()>,
    entries: Arc<Entries>,
    source: Option<Arc<dyn RevisionSource>>,
    /// What callers see who may not read all of a repository.
    views: Arc<Views>,
}

#[derive(Clone, Debug, Default)]
struct Entries {
    by_name: BTreeMap<RepoName, Entry>,
    /// What the slots of the entries lead to. A column to which none leads is free.
    sketches: Sketches,
}

#[derive(Clone, Debug)]
enum Entry {
    Ready(Ready),
    Pending(PendingRepo),
}

/// A searchable repository.
#[derive(Clone, Debug)]
struct Ready {
    /// That of the index, at hand for access to be asked before anything else.
    id: RepoId,
    published: Arc<Published>,
    sketched: Sketched,
}

/// Whether a repository has a sketch.
#[derive(Clone, Copy, Debug)]
enum Sketched {
    NotYet,
    /// It has more grams than a sketch holds, or cannot be read.
    Never,
    At(Slot),
}

/// A repository's index and what searches have derived from it.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) repo: Arc<RepoIndex>,
    /// The default revision: what most searches are about.
    pub(crate) default_revisions: OnceLock<Arc<Revisions>>,
    /// Its blobs: what they are admitted to.
    pub(crate) default_blobs: OnceLock<Arc<Admission>>,
    /// Rules of owners that were parsed.
    pub(crate) owners: KeptRules,
    /// Commits that one search asks for beside what its globs and names select; none in a catalog.
    pub(crate) asked: BTreeSet<ObjectId>,
    /// What this is a part of, where its reader may read some paths only; never in a catalog.
    pub(crate) part_of: Option<PartOf>,
}

impl RepoIndex {
    fn says(&self) -> RepoSays {
        RepoSays {
            visibility: self.visibility,
            is_fork: self.is_fork,
            is_archived: self.is_archived,
            about: (*self.about).clone(),
        }
    }
}

impl Published {
    /// The same index, with other things said of it.
    fn saying(&self, said: RepoSays) -> Published {
        let repo = RepoIndex {
            visibility: said.visibility,
            is_fork: said.is_fork,
            is_archived: said.is_archived,
            about: Arc::new(said.about),
            ..(*self.repo).clone()
        };
        Published {
            repo: Arc::new(repo),
            default_revisions: self.default_revisions.clone(),
            default_blobs: self.default_blobs.clone(),
            owners: KeptRules::default(),
            asked: self.asked.clone(),
            part_of: None,
        }
    }

    fn entry(repo: RepoIndex) -> (RepoName, Entry) {
        let (id, name) = (repo.id, repo.name.clone());
        let published = Published {
            repo: Arc::new(repo),
            default_revisions: OnceLock::new(),
            default_blobs: OnceLock::new(),
            owners: KeptRules::default(),
            asked: BTreeSet::new(),
            part_of: None,
        };
        (name, Entry::Ready(Ready { id, published: Arc::new(published), sketched: Sketched::NotYet }))
    }

    /// The default revision, worked out once; `None` where there is none.
    pub(crate) fn default_revisions(&self) -> Result<Option<Arc<Revisions>>, ReadError> {
        if let Some(known) = self.default_revisions.get() {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(default) = Revisions::default_of(&self.repo)? else { return Ok(None) };
        Ok(Some(Arc::clone(self.default_revisions.get_or_init(|| Arc::new(default)))))
    }

    /// The blobs of the default revision, which `revisions` are.
    pub(crate) fn admit_default(&self, revisions: &Revisions) -> Result<Arc<Admission>, ReadError> {
        if let Some(admission) = self.default_blobs.get() {
            return Ok(Arc::clone(admission));
        }
        let admission = Arc::new(Admission::of_revisions(&self.repo, revisions)?);
        Ok(Arc::clone(self.default_blobs.get_or_init(|| admission)))
    }
}

impl Entry {
    fn id(&self) -> RepoId {
        match self {
            Entry::Ready(ready) => ready.id,
            Entry::Pending(repo) => repo.id,
        }
    }
}

impl Catalog {
    /// A catalog without repositories.
    pub fn new() -> Self {
        Catalog::default()
    }

    /// Makes this index the repository's own from now on, whatever stood there before under its id. Where it has no history,
    /// the one that is known stays.
    pub fn publish(&self, mut repo: RepoIndex) {
        self.edit(|entries| {
            let known = entries.values().find(|entry| entry.id() == repo.id);
            if let Some(Entry::Ready(known)) = known.filter(|_| repo.history.is_none()) {
                repo.history.clone_from(&known.published.repo.history);
            }
            entries.retain(|_, entry| entry.id() != repo.id);
            entries.extend([Published::entry(repo)]);
        });
    }

    /// Gives a searchable repository another history; nothing where it is not searchable.
    pub fn set_history(&self, id: RepoId, history: Arc<History>) {
        self.edit(|entries| {
            let known = entries.values_mut().find(|entry| entry.id() == id);
            if let Some(Entry::Ready(Ready { published, .. })) = known {
                let repo = RepoIndex { history: Some(history), ..RepoIndex::clone(&published.repo) };
                *published = Arc::new(Published {
                    repo: Arc::new(repo),
                    default_revisions: published.default_revisions.clone(),
                    default_blobs: published.default_blobs.clone(),
                    owners: KeptRules::default(),
                    asked: BTreeSet::new(),
                    part_of: None,
                });
            }
        });
    }

    /// Publishes many repositories at once, as at start: one copy of the catalog instead of one each.
    pub fn publish_all(&self, repos: impl IntoIterator<Item = RepoIndex>) {
        self.edit(|entries| {
            let repos: Vec<RepoIndex> = repos.into_iter().collect();
            let ids: HashSet<RepoId> = repos.iter().map(|repo| repo.id).collect();
            entries.retain(|_, entry| !ids.contains(&entry.id()));
            entries.extend(repos.into_iter().map(Published::entry));
        });
    }

    /// Notes that a repository is known and not searchable yet. An index that is already published keeps serving: then
    /// this does nothing.
    pub fn set_pending(&self, pending: PendingRepo) {
        self.edit(|entries| {
            let serves =
                entries.values().any(|entry| entry.id() == pending.id && matches!(entry, Entry::Ready(_)));
            if !serves {
                entries.retain(|_, entry| entry.id() != pending.id);
                entries.insert(pending.name.clone(), Entry::Pending(pending));
            }
        });
    }

    /// Sets who makes revisions searchable that published indexes do not hold. Without one there are none such.
    pub fn set_revision_source(&self, source: Arc<dyn RevisionSource>) {
        self.current.write().unwrap_or_else(PoisonError::into_inner).source = Some(source);
    }

    /// Brings what is said of published repositories up to date, without anything being indexed again.
    pub fn describe<'n>(&self, said: impl IntoIterator<Item = (RepoId, &'n RepoName, RepoSays)>) {
        let snapshot = self.snapshot();
        let is_news = |(id, name, said): &(RepoId, &RepoName, RepoSays)| {
            matches!(snapshot.entries.by_name.get(*name), Some(Entry::Ready(ready))
                if ready.id == *id && ready.published.repo.says() != *said)
        };
        let news: Vec<_> = said.into_iter().filter(is_news).collect();
        if news.is_empty() {
            return;
        }
        self.edit(|entries| {
            for (id, name, said) in news {
                if let Some(Entry::Ready(ready)) = entries.get_mut(name)
                    && ready.id == id
                {
                    ready.published = Arc::new(ready.published.saying(said));
                }
            }
        });
    }

    /// Forgets a repository. Searches that run finish on their snapshot.
    pub fn remove(&self, id: RepoId) {
        self.replace(id, None);
    }

    /// The catalog as it is now.
    pub fn snapshot(&self) -> Snapshot {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, id: RepoId, entry: Option<(RepoName, Entry)>) {
        self.edit(|entries| {
            entries.retain(|_, entry| entry.id() != id);
            entries.extend(entry);
        });
    }

    /// Copies the map (of `Arc`s: some 100 µs for 5,000 repositories), changes the copy and swaps it in, so that a
    /// reader never waits for more than the swap.
    fn edit(&self, change: impl FnOnce(&mut BTreeMap<RepoName, Entry>)) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut Arc::make_mut(&mut current.entries).by_name);
        current.state = Arc::new(());
    }
}

impl Snapshot {
    /// Whether this is the same state of the same catalog.
    pub fn is_same(&self, other: &Snapshot) -> bool {
        Arc::ptr_eq(&self.state, &other.state)
    }

    /// Whether it is the same to this caller: the repositories they may read, searchable and pending, are what they were.
    pub fn is_same_to(&self, other: &Snapshot, access: &AccessSet) -> bool {
        let is_equal = |(one, other): (&Ready, &Ready)| Arc::ptr_eq(&one.published, &other.published);
        self.is_same(other)
            || (self.ready(access).count() == other.ready(access).count()
                && self.ready(access).zip(other.ready(access)).all(is_equal)
                && self.pending(access).eq(other.pending(access)))
    }

    /// The searchable repository of this name, if the caller may read it, with what they may read of it. `None` does not tell
    /// forbidden from unknown.
    pub fn repo(&self, access: &AccessSet, name: &str) -> Option<Arc<RepoIndex>> {
        let name = RepoName::new(name).ok()?;
        self.seen_entry(self.entries.by_name.get(&name)?, access)
    }

    /// The searchable repositories the caller may read, by name, with what they may read of each. Names, not ids, give the
    /// order: an id would tell how many hidden repositories came before.
    pub fn repos<'a>(&'a self, access: &'a AccessSet) -> impl Iterator<Item = Arc<RepoIndex>> + 'a {
        self.seen(access).map(|seen| Arc::clone(&seen.repo))
    }

    /// Who makes other revisions searchable.
    pub(crate) fn source(&self) -> Option<&dyn RevisionSource> {
        self.source.as_deref()
    }

    fn ready<'a>(&'a self, access: &'a AccessSet) -> impl Iterator<Item = &'a Ready> + 'a {
        self.entries.by_name.values().filter_map(|entry| match entry {
            // SECURITY: forbidden repositories are dropped before anything else is asked of them.
            Entry::Ready(ready) if access.allows(ready.id) || model::leaks("search-everything") => {
                Some(ready)
            }
            _ => None,
        })
    }

    /// Every name there is, for leaks that somebody could make.
    pub(crate) fn names_if_leaking(&self, leak: &str) -> Vec<RepoName> {
        if model::leaks(leak) { self.entries.by_name.keys().cloned().collect() } else { Vec::new() }
    }

    /// The pending repositories the caller may read, by name.
    pub fn pending<'a>(&'a self, access: &'a AccessSet) -> impl Iterator<Item = &'a PendingRepo> + 'a {
        self.entries.by_name.values().filter_map(|entry| match entry {
            // SECURITY: that a forbidden repository is being cloned is as secret as the repository.
            Entry::Pending(repo) if access.allows(repo.id) || model::leaks("pending") => Some(repo),
            _ => None,
        })
    }
}
