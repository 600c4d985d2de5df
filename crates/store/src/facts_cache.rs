//! Remembers what callers may read for as long as nobody's rights change.

use access::ReadFacts;
use model::{Epoch, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most callers remembered; then all are forgotten, which costs each one query.
const N_CALLERS_MAX: usize = 1000;

/// Facts by caller; `None` is the local operator.
///
/// SECURITY: a fact is as good as its epoch. Whatever changes anybody's rights, in whichever process, raises the epoch in
/// the same transaction; so facts of the epoch that was read from the database just now are the facts of now.
#[derive(Debug, Default)]
pub(crate) struct FactsCache(Mutex<HashMap<Option<UserId>, Arc<ReadFacts>>>);

impl FactsCache {
    /// The caller's facts, if they are of this epoch.
    pub(crate) fn get(&self, caller: Option<UserId>, epoch: Epoch) -> Option<Arc<ReadFacts>> {
        let facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        facts.get(&caller).filter(|facts| facts.epoch == epoch).cloned()
    }

    /// Remembers facts; they carry their epoch.
    pub(crate) fn put(&self, caller: Option<UserId>, new: Arc<ReadFacts>) {
        let mut facts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if facts.len() >= N_CALLERS_MAX {
            facts.clear();
        }
        facts.insert(caller, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_another_epoch_or_caller_are_not_given() {
        let cache = FactsCache::default();
        let facts = Arc::new(ReadFacts { epoch: Epoch(2), ..ReadFacts::default() });
        cache.put(Some(UserId(1)), facts.clone());
        assert_eq!(cache.get(Some(UserId(1)), Epoch(2)), Some(facts));
        for (caller, epoch) in [(Some(UserId(1)), 1), (Some(UserId(1)), 3), (Some(UserId(2)), 2), (None, 2)] {
            assert_eq!(cache.get(caller, Epoch(epoch)), None);
        }
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let cache = FactsCache::default();
        for user in 0..=N_CALLERS_MAX as i64 {
            cache.put(Some(UserId(user)), Arc::default());
        }
        assert_eq!(cache.0.lock().unwrap().len(), 1);
    }
}
