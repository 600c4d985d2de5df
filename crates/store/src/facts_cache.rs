//! Remembers what callers may read for as long as nobody's rights change.

use access::{ReadFacts, Timestamp};
use model::{Epoch, RepoSet, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most callers remembered; then all are forgotten, which costs each one query.
const N_CALLERS_MAX: usize = 1000;

/// Facts by caller; `None` is the local operator.
///
/// SECURITY: a fact is as good as its epoch. Whatever changes anybody's rights, in whichever process, raises the epoch in
/// the same transaction; so facts of the epoch that was read from the database just now are the facts of now. What only
/// passes with time is read again when the first of it does: until then it denies no later than it should, and afterwards
/// what was read from a code host meanwhile counts.
#[derive(Debug, Default)]
pub(crate) struct FactsCache {
    callers: Mutex<HashMap<Option<UserId>, Known>>,
    /// By its version in the database.
    unrestricted: Mutex<Option<(i64, Arc<RepoSet>)>>,
}

/// Facts about one caller.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) facts: Arc<ReadFacts>,
    /// From when on they have to be read again.
    pub(crate) ends_at: Option<Timestamp>,
}

impl FactsCache {
    /// The caller's facts, if they are of this epoch and nothing of them is over.
    pub(crate) fn get(&self, caller: Option<UserId>, epoch: Epoch, now: Timestamp) -> Option<Arc<ReadFacts>> {
        let callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let known = callers.get(&caller).filter(|known| known.facts.epoch == epoch)?;
        known.ends_at.is_none_or(|ends_at| ends_at > now).then(|| Arc::clone(&known.facts))
    }

    /// Remembers facts; they carry their epoch.
    pub(crate) fn put(&self, caller: Option<UserId>, new: Known) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= N_CALLERS_MAX {
            callers.clear();
        }
        callers.insert(caller, new);
    }

    /// The unrestricted repositories, if they are of this version.
    pub(crate) fn unrestricted(&self, version: i64) -> Option<Arc<RepoSet>> {
        let known = self.unrestricted.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(of, _)| *of == version).map(|(_, repos)| Arc::clone(repos))
    }

    /// Remembers the unrestricted repositories of a version.
    pub(crate) fn put_unrestricted(&self, version: i64, repos: Arc<RepoSet>) {
        *self.unrestricted.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, repos));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_another_epoch_or_caller_are_not_given() {
        let cache = FactsCache::default();
        let facts = Arc::new(ReadFacts { epoch: Epoch(2), ..ReadFacts::default() });
        cache.put(Some(UserId(1)), Known { facts: facts.clone(), ends_at: Some(Timestamp(10)) });
        assert_eq!(cache.get(Some(UserId(1)), Epoch(2), Timestamp(9)), Some(facts));
        for (caller, epoch) in [(Some(UserId(1)), 1), (Some(UserId(1)), 3), (Some(UserId(2)), 2), (None, 2)] {
            assert_eq!(cache.get(caller, Epoch(epoch), Timestamp(9)), None);
        }
        assert_eq!(cache.get(Some(UserId(1)), Epoch(2), Timestamp(10)), None, "something of it is over");
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let cache = FactsCache::default();
        for user in 0..=N_CALLERS_MAX as i64 {
            cache.put(Some(UserId(user)), Known::default());
        }
        assert_eq!(cache.callers.lock().unwrap().len(), 1);
    }
}
