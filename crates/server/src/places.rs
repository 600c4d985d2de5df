//! Places for searches: each that runs takes a thread and memory, so there is an end to how many do, and nobody may take
//! more than half of them. Which of those that run may compute is decided by the engine.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// After so many people were remembered those without a search are forgotten.
const N_PEOPLE_MAX: usize = 1_000;

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    n_per_person: usize,
    people: Mutex<HashMap<i64, Weak<Semaphore>>>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    // In this order: who waits for the person's share is let in when there is room for them.
    _of_all: OwnedSemaphorePermit,
    _of_person: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(n_places: usize) -> Places {
        let n_places = n_places.max(1);
        let all = Arc::new(Semaphore::new(n_places));
        Places { all, n_per_person: n_places.div_ceil(2), people: Mutex::default() }
    }

    /// Waits for a place; who stops waiting leaves the line.
    pub(crate) async fn enter(&self, person: Option<i64>) -> Result<Place, AcquireError> {
        // The permit holds on to the share, so it stays known as long as it is used.
        let of_person = self.share_of(person.unwrap_or(0)).acquire_owned().await?;
        let of_all = Arc::clone(&self.all).acquire_owned().await?;
        Ok(Place { _of_all: of_all, _of_person: of_person })
    }

    /// How many places are free.
    pub(crate) fn n_free(&self) -> usize {
        self.all.available_permits()
    }

    fn share_of(&self, person: i64) -> Arc<Semaphore> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = people.get(&person).and_then(Weak::upgrade) {
            return share;
        }
        if people.len() >= N_PEOPLE_MAX {
            people.retain(|_, share| share.strong_count() > 0);
        }
        let share = Arc::new(Semaphore::new(self.n_per_person));
        people.insert(person, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// The place, if there is one at once.
    fn at_once(places: &Places, person: i64) -> Option<Place> {
        let entering = pin!(places.enter(Some(person)));
        match entering.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => Some(place.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn nobody_takes_more_than_half() {
        let places = Places::new(4);
        let mut taken: Vec<Place> = std::iter::from_fn(|| at_once(&places, 1)).collect();
        assert_eq!((taken.len(), places.n_free()), (2, 2));
        let other = at_once(&places, 2).expect("there is room for others");
        assert!(at_once(&places, 1).is_none());
        drop(taken.pop());
        assert!(at_once(&places, 1).is_some());
        drop((taken, other));
        assert_eq!(places.n_free(), 4);
    }

    #[test]
    fn who_stops_waiting_leaves_the_line() {
        let places = Places::new(2);
        let place = at_once(&places, 1);
        assert!((0..1000).all(|_| at_once(&places, 1).is_none()));
        drop(place);
        assert!(at_once(&places, 1).is_some());
        assert_eq!(places.n_free(), 2);
    }
}
