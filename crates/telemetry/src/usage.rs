//! Counting in memory: a few atomic additions for each request, taken out now and then to be written down.

use crate::entry::Route;
use crate::histogram::{N_BUCKETS, bucket_of};
use crate::register::{Counter, N_COUNTERS, ROUTES};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Status 100 to 399.
    Well,
    /// Status 400 to 499: refused, or not there.
    Refused,
    /// Status 500 to 599: a fault of the server.
    Failed,
}

const N_ENDINGS: usize = 3;

impl Ending {
    /// Of a status of HTTP.
    pub fn of_status(status: u16) -> Ending {
        match status {
            500.. => Ending::Failed,
            400.. => Ending::Refused,
            _ => Ending::Well,
        }
    }

    /// The number it is stored under.
    pub fn number(self) -> i64 {
        match self {
            Ending::Well => 0,
            Ending::Refused => 4,
            Ending::Failed => 5,
        }
    }

    /// What is stored under a number.
    pub fn numbered(number: i64) -> Option<Ending> {
        [Ending::Well, Ending::Refused, Ending::Failed].into_iter().find(|ending| ending.number() == number)
    }
}

/// How many requests of a kind ended in a way after such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCount {
    /// The kind.
    pub route: Route,
    /// The way.
    pub ending: Ending,
    /// The bucket of its duration, of `histogram`.
    pub bucket: u16,
    /// How many.
    pub n: u32,
}

/// What one person did, by the place of the counter in [`Counter::ALL`], limited already.
pub type Deeds = [u32; N_COUNTERS];

/// What was counted since it was last taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Requests.
    pub requests: Vec<RequestCount>,
    /// Counters that moved.
    pub counters: Vec<(Counter, u32)>,
    /// People, by the number of their account.
    pub people: Vec<(i64, Deeds)>,
}

impl Batch {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.counters.is_empty() && self.people.is_empty()
    }
}

/// The counters of a running server.
pub struct Usage {
    counts: bool,
    keeps_people: AtomicBool,
    requests: Box<[AtomicU32]>,
    counters: [AtomicU32; N_COUNTERS],
    people: Mutex<HashMap<i64, Deeds>>,
    opted_out: RwLock<HashSet<i64>>,
}

impl std::fmt::Debug for Usage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Usage")
    }
}

impl Usage {
    /// Counters at nought. Without `counts` nothing is ever counted; without `keeps_people` nothing by person.
    pub fn new(counts: bool, keeps_people: bool) -> Self {
        let n_cells = if counts { ROUTES.len() * N_ENDINGS * N_BUCKETS } else { 0 };
        Usage {
            counts,
            keeps_people: AtomicBool::new(keeps_people),
            requests: (0..n_cells).map(|_| AtomicU32::new(0)).collect(),
            counters: [const { AtomicU32::new(0) }; N_COUNTERS],
            people: Mutex::default(),
            opted_out: RwLock::default(),
        }
    }

    /// Whether anything is counted.
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// Who does not want to be counted; from now on.
    pub fn set_opted_out(&self, people: HashSet<i64>) {
        let mut counted = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|person, _| !people.contains(person));
        *self.opted_out.write().unwrap_or_else(PoisonError::into_inner) = people;
    }

    /// One more who does not want to be counted, or one less.
    pub fn opt_out(&self, person: i64, is_out: bool) {
        let mut out = self.opted_out.write().unwrap_or_else(PoisonError::into_inner);
        if is_out {
            out.insert(person);
            self.people.lock().unwrap_or_else(PoisonError::into_inner).remove(&person);
        } else {
            out.remove(&person);
        }
    }

    /// Whether this person is counted; requests of nobody are.
    pub fn counts_for(&self, person: Option<i64>) -> bool {
        let is_out = |person| self.opted_out.read().unwrap_or_else(PoisonError::into_inner).contains(&person);
        self.counts && !person.is_some_and(is_out)
    }

    /// Counts a request of somebody who is counted.
    pub fn request(&self, route: Route, ending: Ending, took: Duration) {
        let bucket = bucket_of(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        let ending = match ending {
            Ending::Well => 0,
            Ending::Refused => 1,
            Ending::Failed => 2,
        };
        let idx = (route.idx() * N_ENDINGS + ending) * N_BUCKETS + usize::from(bucket);
        if let Some(cell) = self.requests.get(idx) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Moves counters by one each, and those of the person where they are kept by person.
    pub fn count(&self, person: Option<i64>, counters: &[Counter]) {
        if counters.is_empty() || !self.counts_for(person) {
            return;
        }
        for counter in counters {
            self.counters[*counter as usize].fetch_add(1, Ordering::Relaxed);
        }
        if let Some(person) = person.filter(|_| self.keeps_people.load(Ordering::Relaxed)) {
            let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
            let deeds = people.entry(person).or_default();
            for counter in counters {
                let n = &mut deeds[*counter as usize];
                *n = (*n + 1).min(counter.per_person_max());
            }
        }
    }

    /// Everything counted since the last time.
    pub fn take(&self) -> Batch {
        let mut batch = Batch::default();
        let endings = [Ending::Well, Ending::Refused, Ending::Failed];
        for route in Route::all() {
            for (number, ending) in endings.into_iter().enumerate() {
                let begin = (route.idx() * N_ENDINGS + number) * N_BUCKETS;
                let cells = self.requests.get(begin..begin + N_BUCKETS).unwrap_or_default();
                for (bucket, cell) in cells.iter().enumerate() {
                    if cell.load(Ordering::Relaxed) > 0 {
                        let n = cell.swap(0, Ordering::Relaxed);
                        batch.requests.push(RequestCount { route, ending, bucket: bucket as u16, n });
                    }
                }
            }
        }
        for counter in Counter::ALL {
            let n = self.counters[counter as usize].swap(0, Ordering::Relaxed);
            if n > 0 {
                batch.counters.push((counter, n));
            }
        }
        let people = std::mem::take(&mut *self.people.lock().unwrap_or_else(PoisonError::into_inner));
        batch.people = people.into_iter().collect();
        batch.people.sort_unstable_by_key(|(person, _)| *person);
        batch
    }

    /// Puts back what could not be written down.
    pub fn put_back(&self, batch: Batch) {
        let endings = [Ending::Well, Ending::Refused, Ending::Failed];
        for RequestCount { route, ending, bucket, n } in batch.requests {
            let number = endings.iter().position(|known| *known == ending).unwrap_or(0);
            let idx = (route.idx() * N_ENDINGS + number) * N_BUCKETS + usize::from(bucket);
            if let Some(cell) = self.requests.get(idx) {
                cell.fetch_add(n, Ordering::Relaxed);
            }
        }
        for (counter, n) in batch.counters {
            self.counters[counter as usize].fetch_add(n, Ordering::Relaxed);
        }
        for (person, deeds) in batch.people.into_iter().filter(|(person, _)| self.counts_for(Some(*person))) {
            let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
            let there = people.entry(person).or_default();
            for counter in Counter::ALL {
                let n = &mut there[counter as usize];
                *n = n.saturating_add(deeds[counter as usize]).min(counter.per_person_max());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(person: i64, counter: Counter, n: u32) -> (i64, Deeds) {
        let mut deeds = Deeds::default();
        deeds[counter as usize] = n;
        (person, deeds)
    }

    #[test]
    fn what_was_counted_is_taken_once_and_can_be_put_back() {
        let usage = Usage::new(true, true);
        let route = Route::of("/search", None);
        usage.request(route, Ending::Well, Duration::from_micros(900));
        usage.request(route, Ending::Well, Duration::from_micros(900));
        usage.request(route, Ending::Failed, Duration::ZERO);
        usage.count(Some(7), &[Counter::Searches]);
        let batch = usage.take();
        assert_eq!(batch.requests.len(), 2);
        assert_eq!((batch.requests[0].n, batch.requests[0].ending), (2, Ending::Well));
        assert_eq!(batch.counters, [(Counter::Searches, 1)]);
        assert_eq!(batch.people, [one(7, Counter::Searches, 1)]);
        assert!(usage.take().is_empty());
        usage.put_back(batch.clone());
        assert_eq!(usage.take(), batch);
    }

    #[test]
    fn one_person_counts_so_far_and_no_further() {
        let usage = Usage::new(true, true);
        for _ in 0..5_000 {
            usage.count(Some(7), &[Counter::Failures]);
        }
        let batch = usage.take();
        assert_eq!(batch.counters, [(Counter::Failures, 5_000)]);
        assert_eq!(batch.people, [one(7, Counter::Failures, Counter::Failures.per_person_max())]);
    }

    #[test]
    fn who_is_out_is_not_counted_nor_forgotten_too_late() {
        let usage = Usage::new(true, true);
        usage.count(Some(7), &[Counter::Searches]);
        usage.opt_out(7, true);
        usage.count(Some(7), &[Counter::Searches]);
        let batch = usage.take();
        assert_eq!(batch.counters, [(Counter::Searches, 1)]);
        assert_eq!(batch.people, []);
        usage.opt_out(7, false);
        usage.count(Some(7), &[Counter::Searches]);
        assert_eq!(usage.take().people, [one(7, Counter::Searches, 1)]);
    }

    #[test]
    fn people_are_kept_only_for_pings_and_nothing_where_nothing_is_counted() {
        let usage = Usage::new(true, false);
        usage.count(Some(7), &[Counter::Searches]);
        let batch = usage.take();
        assert_eq!((batch.counters.len(), batch.people.len()), (1, 0));
        let usage = Usage::new(false, true);
        usage.count(Some(7), &[Counter::Searches]);
        usage.request(Route::NONE, Ending::Well, Duration::ZERO);
        assert!(usage.take().is_empty());
    }
}
