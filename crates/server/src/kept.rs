//! What was made lately and may be wanted again, within a budget of memory.
//!
//! SECURITY: whoever asks has found what they ask about under their own rights; what is kept is a function of its key alone.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Things by key, the oldest of which go when there is no room.
pub(crate) struct Kept<K, V> {
    shelf: Mutex<Shelf<K, V>>,
    n_bytes_max: usize,
    /// About how much memory a thing takes.
    size_of: fn(&V) -> usize,
}

struct Shelf<K, V> {
    by_key: HashMap<K, Arc<V>>,
    order: VecDeque<K>,
    n_bytes: usize,
}

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    /// Nothing yet; at most so much memory, measured in this way.
    pub(crate) fn new(n_bytes_max: usize, size_of: fn(&V) -> usize) -> Self {
        let shelf = Shelf { by_key: HashMap::new(), order: VecDeque::new(), n_bytes: 0 };
        Kept { shelf: Mutex::new(shelf), n_bytes_max, size_of }
    }

    /// What is kept under a key.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).by_key.get(key).cloned()
    }

    /// Keeps a thing, unless it is larger than all there is room for.
    pub(crate) fn put(&self, key: K, value: &Arc<V>) {
        let n_bytes = (self.size_of)(value);
        if n_bytes > self.n_bytes_max {
            return;
        }
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.by_key.contains_key(&key) {
            return;
        }
        shelf.by_key.insert(key.clone(), Arc::clone(value));
        shelf.order.push_back(key);
        shelf.n_bytes += n_bytes;
        while shelf.n_bytes > self.n_bytes_max {
            let Some(oldest) = shelf.order.pop_front() else { break };
            if let Some(gone) = shelf.by_key.remove(&oldest) {
                shelf.n_bytes = shelf.n_bytes.saturating_sub((self.size_of)(&gone));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_is_no_room() {
        let kept = Kept::new(100, |text: &String| text.len());
        for n in 0..8 {
            kept.put(n, &Arc::new("x".repeat(20)));
        }
        assert_eq!((0..8).filter(|n| kept.get(n).is_some()).collect::<Vec<_>>(), [3, 4, 5, 6, 7]);
        kept.put(9, &Arc::new("x".repeat(101)));
        assert!(kept.get(&9).is_none(), "there is no room for it");
        kept.put(7, &Arc::new("y".to_owned()));
        assert_eq!(kept.get(&7).map(|text| text.len()), Some(20), "a key means one thing");
    }
}
