//! One making for all who wait for the same overlay.

use super::{Extra, Shared, check, make, unreadable};
use git::Repository;
use search::{RepoIndex, RevisionFault, RevisionRequest, time_left};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often those who wait look whether they still want to.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// An overlay, or why there is none.
type Outcome = Result<Arc<RepoIndex>, RevisionFault>;

/// What is being made, by key.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<String, Arc<Flight>>>);

#[derive(Debug, Default)]
struct Flight {
    outcome: Mutex<Option<Outcome>>,
    landed: Condvar,
    n_waiting: AtomicUsize,
    /// Set when nobody wants it any more.
    cancel: AtomicBool,
}

/// Takes an overlay from the cache, or waits for its making, which goes on when the time of a search is up, so that the next
/// one finds it, but not when the last search that wants it was called off.
pub(super) fn make_or_wait(
    shared: &Arc<Shared>,
    request: &RevisionRequest<'_>,
    repository: Repository,
    extra: Extra,
) -> Outcome {
    let key = make::key(request.repo, &extra, shared.options.file_bytes_max);
    if let Some(index) = shared.cache.get(&key, request.repo) {
        return Ok(index);
    }
    let flight = {
        let mut flights = shared.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        match flights.get(&key).filter(|flight| !flight.cancel.load(Ordering::Relaxed)) {
            Some(flight) => {
                flight.n_waiting.fetch_add(1, Ordering::Relaxed);
                Arc::clone(flight)
            }
            None => {
                let flight = Arc::new(Flight { n_waiting: AtomicUsize::new(1), ..Flight::default() });
                start(shared, &key, &flight, Arc::clone(request.repo), repository, extra)?;
                flights.insert(key, Arc::clone(&flight));
                flight
            }
        }
    };
    let outcome = wait(&flight, request);
    let is_called_off = matches!(outcome, Err(RevisionFault::Cancelled));
    if flight.n_waiting.fetch_sub(1, Ordering::Relaxed) == 1 && is_called_off {
        flight.cancel.store(true, Ordering::Relaxed);
    }
    outcome
}

fn wait(flight: &Flight, request: &RevisionRequest<'_>) -> Outcome {
    let mut outcome = flight.outcome.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(outcome) = &*outcome {
            return outcome.clone();
        }
        check(request)?;
        let patience = time_left(request.deadline).map_or(LOOK_AROUND, |left| left.min(LOOK_AROUND));
        outcome = flight.landed.wait_timeout(outcome, patience).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn start(
    shared: &Arc<Shared>,
    key: &str,
    flight: &Arc<Flight>,
    repo: Arc<RepoIndex>,
    repository: Repository,
    extra: Extra,
) -> Result<(), RevisionFault> {
    let (shared, key, flight) = (Arc::clone(shared), key.to_owned(), Arc::clone(flight));
    let work = move || {
        let guarded = std::panic::AssertUnwindSafe(|| {
            // As many at once as the gate lets in; called off while it waits, the making notices at its first step.
            let _place = shared.gate.enter(1, &flight.cancel);
            make::make(&shared, &key, &repo, &repository, &extra, &flight.cancel)
        });
        let made = std::panic::catch_unwind(guarded);
        let outcome = made.unwrap_or_else(|_| Err(unreadable("the work ended unexpectedly")));
        if let Err(fault) = &outcome {
            tracing::debug!(repo = %repo.name, %fault, "revisions were not made searchable");
        }
        let mut flights = shared.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.get(&key).is_some_and(|present| Arc::ptr_eq(present, &flight)) {
            flights.remove(&key);
        }
        drop(flights);
        *flight.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        flight.landed.notify_all();
    };
    let thread = std::thread::Builder::new().name("overlay".to_owned());
    thread.spawn(work).map(drop).map_err(unreadable)
}
