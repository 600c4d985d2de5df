//! Handing units of work to threads and taking their outputs back in order.
//!
//! Units live in one ordered map. A worker takes the first that waits, and puts back its output and the units it split
//! into, which sort right behind it. The caller takes outputs from the front only: what it sees does not depend on how
//! many threads there are or which was faster.

use crate::DamagedPart;
use crate::batch::{Context, Fault, Item, Output};
use crate::scan::Scanner;
use crate::shortlist::Taken;
use crate::turnstile::{Entrant, Place};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

/// How many units may stand before the first unfinished one, finished or running: bounds what a slow reader makes us
/// hold.
const LOOKAHEAD: usize = 96;
/// Work done on the caller's own thread before others are woken, in blocks (some 2 MiB of text, about 1 ms): most
/// searches end here.
const INLINE_BLOCKS: u64 = 512;
/// Likewise in units, for searches over many small repositories.
const INLINE_UNITS: u64 = 64;
/// How many repositories are taken up at once: most hold nothing that is searched for, and waking a thread costs more
/// than looking at one.
const REPOS_AT_ONCE: usize = 16;
/// After this much work, in blocks, the rest of them is left to others.
const STEP_BLOCKS: u64 = 128;
/// How often a waiting caller looks at its deadline.
const PATIENCE: Duration = Duration::from_millis(10);

/// Repository, chunk (from 1), batch (from 1).
type Key = (u32, u32, u32);

enum Slot<'s> {
    Waiting(Item<'s>),
    Running,
    Done(Box<Output<'s>>),
}

struct State<'s> {
    slots: BTreeMap<Key, Slot<'s>>,
    /// The first of the repositories that is not in the map yet.
    next_repo: usize,
    n_workers: usize,
    is_stopped: bool,
}

/// The units of one search.
pub(crate) struct Schedule<'q, 's> {
    context: &'q Context<'q>,
    repos: &'q [Taken<'s>],
    state: Mutex<State<'s>>,
    changed: Condvar,
    scanners: Mutex<Vec<Scanner>>,
}

/// How [`Schedule::drive`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All units are done and were taken.
    Finished,
    /// The taker had enough.
    Enough,
    /// The watch said so.
    CalledOff,
}

impl<'q, 's> Schedule<'q, 's> {
    /// Of these repositories, in the order of the search.
    pub(crate) fn new(context: &'q Context<'q>, repos: &'q [Taken<'s>]) -> Self {
        let state = State { slots: BTreeMap::new(), next_repo: 0, n_workers: 0, is_stopped: false };
        Schedule {
            context,
            repos,
            state: Mutex::new(state),
            changed: Condvar::new(),
            scanners: Mutex::new(Vec::new()),
        }
    }

    /// Runs everything, giving outputs to `take` in order until it has enough: on this thread, and after a little work on
    /// others too, which are only started where there is a place for them.
    pub(crate) fn drive(
        &self,
        entrant: &Entrant<'_>,
        n_threads: usize,
        mut take: impl FnMut(Output<'s>) -> bool,
    ) -> Ending {
        let mut turn = None;
        if let Some(ending) = self.drive_inline(entrant, &mut turn, &mut take) {
            return ending;
        }
        std::thread::scope(|scope| {
            let ending = loop {
                if self.context.watch.stop().is_some() {
                    break Ending::CalledOff;
                }
                let has_place = entrant.has_place_to_spare(turn.as_ref());
                let mut state = self.lock();
                if has_place && state.n_workers + 1 < n_threads {
                    self.wake_worker(&mut state, scope, entrant);
                }
                match self.pop_done(&mut state) {
                    Front::Output(output) => {
                        drop(state);
                        if let Some(ending) = self.hand(*output, &mut take) {
                            break ending;
                        }
                    }
                    Front::Unfinished => {
                        drop(state);
                        if !self.step(entrant, &mut turn) {
                            self.wait_for_output();
                        }
                    }
                    Front::Nothing => break Ending::Finished,
                }
            };
            self.lock().is_stopped = true;
            ending
        })
    }

    /// The beginning of a search, which most often is all of it. `None` where there is more than a little to do.
    fn drive_inline<'t>(
        &self,
        entrant: &Entrant<'t>,
        turn: &mut Option<Place<'t>>,
        take: &mut impl FnMut(Output<'s>) -> bool,
    ) -> Option<Ending> {
        let (mut n_blocks, mut n_units) = (0, 0);
        while n_blocks < INLINE_BLOCKS && n_units < INLINE_UNITS {
            if self.context.watch.stop().is_some() {
                return Some(Ending::CalledOff);
            }
            let front = self.pop_done(&mut self.lock());
            match front {
                Front::Output(output) => {
                    n_blocks += output.n_blocks;
                    if let Some(ending) = self.hand(*output, take) {
                        return Some(ending);
                    }
                }
                Front::Unfinished => {
                    self.step(entrant, turn);
                    n_units += 1;
                }
                Front::Nothing => return Some(Ending::Finished),
            }
        }
        None
    }

    fn hand(&self, output: Output<'s>, take: &mut impl FnMut(Output<'s>) -> bool) -> Option<Ending> {
        let is_partial = output.is_partial;
        if !take(output) {
            return Some(Ending::Enough);
        }
        is_partial.then_some(Ending::CalledOff)
    }

    /// Waits until the first output may be taken, or units may be begun again; not for long, as there are deadlines.
    fn wait_for_output(&self) {
        let is_unfinished = |state: &mut State<'s>| {
            let first = state.slots.first_key_value();
            first.is_some_and(|(_, slot)| matches!(slot, Slot::Running)) && state.n_workers > 0
        };
        let waited = self.changed.wait_timeout_while(self.lock(), PATIENCE, is_unfinished);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Starts a worker beside this thread, if there is more to do than this thread and the others are about to take up.
    fn wake_worker<'scope>(
        &'scope self,
        state: &mut State<'s>,
        scope: &'scope Scope<'scope, '_>,
        entrant: &'scope Entrant<'_>,
    ) {
        let n_waiting = self.repos.len() - state.next_repo
            + state.slots.values().take(LOOKAHEAD).filter(|slot| matches!(slot, Slot::Waiting(_))).count();
        let thread = Builder::new().name("search".to_owned());
        if state.n_workers + 1 < n_waiting && thread.spawn_scoped(scope, || self.work(entrant)).is_ok() {
            state.n_workers += 1;
        }
    }

    /// Unit after unit, as long as there are any that may be begun.
    fn work(&self, entrant: &Entrant<'_>) {
        let mut turn = None;
        while self.step(entrant, &mut turn) {}
        self.lock().n_workers -= 1;
        self.changed.notify_one();
    }

    /// Does the first unit that waits, or the next few repositories. `false` where there is none, or none that may be
    /// begun yet. Then there is no `turn` either; otherwise it is kept for the next step, as long as it lasts.
    fn step<'t>(&self, entrant: &Entrant<'t>, turn: &mut Option<Place<'t>>) -> bool {
        let kept = turn.take();
        // Units are taken up with a place, not before: who waits for one holds nothing.
        if !self.has_units() {
            return false;
        }
        let Some(mut place) = kept.or_else(|| entrant.enter(|| self.is_over())) else { return false };
        let items = self.next_items();
        if items.is_empty() {
            return false;
        }
        let started = Instant::now();
        let mut scanner = self.scanner();
        let mut slots = Vec::with_capacity(items.len());
        let mut n_blocks = 0;
        for (key, item) in items {
            if n_blocks > STEP_BLOCKS {
                slots.push((key, Slot::Waiting(item)));
                continue;
            }
            let (output, split) = self.run(item, &mut scanner, key.0);
            n_blocks += output.n_blocks;
            slots.push((key, Slot::Done(Box::new(output))));
            for (item, number) in split.into_iter().zip(1u32..) {
                let child = if key.1 == 0 { (key.0, number, 0) } else { (key.0, key.1, number) };
                slots.push((child, Slot::Waiting(item)));
            }
        }
        place.charge(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        if !place.is_used_up() {
            *turn = Some(place);
        }
        self.scanners.lock().unwrap_or_else(PoisonError::into_inner).push(scanner);
        self.lock().slots.extend(slots);
        self.changed.notify_one();
        true
    }

    fn run(&self, item: Item<'s>, scanner: &mut Scanner, repo_ordinal: u32) -> (Output<'s>, Vec<Item<'s>>) {
        // A damaged file must not end more than its own part of the search, however it shows.
        let outcome = catch_unwind(AssertUnwindSafe(|| item.run(self.context, scanner, repo_ordinal)));
        outcome.unwrap_or_else(|_| {
            *scanner = Scanner::new(self.context.plan);
            let what = "reading it ended in a panic";
            let error = index::ReadError::Damaged { section: "segment", what };
            let fault = Fault { part: DamagedPart::Index, error };
            (Output { repo_ordinal, fault: Some(fault), ..Output::default() }, Vec::new())
        })
    }

    fn is_over(&self) -> bool {
        self.context.watch.stop().is_some() || self.lock().is_stopped
    }

    fn has_units(&self) -> bool {
        let state = self.lock();
        let is_waiting = |slot: &Slot<'s>| matches!(slot, Slot::Waiting(_));
        let has_room = state.slots.len() < LOOKAHEAD && state.next_repo < self.repos.len();
        !state.is_stopped && (has_room || state.slots.values().take(LOOKAHEAD).any(is_waiting))
    }

    fn next_items(&self) -> Vec<(Key, Item<'s>)> {
        let mut state = self.lock();
        if state.is_stopped || self.context.watch.stop().is_some() {
            return Vec::new();
        }
        let waiting =
            state.slots.iter_mut().take(LOOKAHEAD).find(|(_, slot)| matches!(slot, Slot::Waiting(_)));
        if let Some((key, slot)) = waiting {
            return match std::mem::replace(slot, Slot::Running) {
                Slot::Waiting(item) => vec![(*key, item)],
                _ => Vec::new(),
            };
        }
        let n_free = LOOKAHEAD.saturating_sub(state.slots.len());
        let first = state.next_repo;
        let end = (first + n_free.min(REPOS_AT_ONCE)).min(self.repos.len());
        state.next_repo = end;
        let mut items = Vec::with_capacity(end - first);
        for taken in &self.repos[first..end] {
            let key = (taken.ordinal, 0, 0);
            state.slots.insert(key, Slot::Running);
            items.push((key, Item::Repo(*taken)));
        }
        items
    }

    fn pop_done(&self, state: &mut State<'s>) -> Front<'s> {
        match state.slots.first_entry() {
            None if state.next_repo >= self.repos.len() => Front::Nothing,
            Some(entry) if matches!(entry.get(), Slot::Done(_)) => match entry.remove() {
                Slot::Done(output) => Front::Output(output),
                _ => Front::Unfinished,
            },
            _ => Front::Unfinished,
        }
    }

    /// Whether all repositories were taken up.
    pub(crate) fn has_begun_all(&self) -> bool {
        self.lock().next_repo >= self.repos.len()
    }

    fn scanner(&self) -> Scanner {
        let spare = self.scanners.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Scanner::new(self.context.plan))
    }

    fn lock(&self) -> MutexGuard<'_, State<'s>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The front of the map.
enum Front<'s> {
    Output(Box<Output<'s>>),
    Unfinished,
    Nothing,
}
