//! Who may use a processor next: interactive searches before exhaustive ones before background work, and within each kind
//! whoever had least so far, by person and then by search.
//!
//! Work is done in small pieces. Each piece needs one of as many places as there are threads to search with; when one gets
//! free it goes to the next in line. What was used is charged afterwards, so the order follows from what pieces cost, not
//! from who came first. This is start-time fair queueing (Goyal, Vin, Cheng, 1996) with three kinds on top.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Of this many places that are given while a later kind waits, one goes to it: nobody waits for ever.
const LATER_KIND_TURN: u32 = 8;
/// How often somebody who waits looks whether they still want to.
const PATIENCE: Duration = Duration::from_millis(10);
/// How long a search may go on with its next pieces while others wait. Changing turns costs two threads a switch, some 20 µs and
/// what lay in the caches; pieces of a page are as short.
const SLICE_NANOS: u64 = 2_000_000;
/// A search that has used so much is no longer taken for a quick one.
const INTERACTIVE_NANOS_MAX: u64 = 500_000_000;

/// How urgent work is, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Somebody waits for a page.
    Interactive,
    /// Somebody waits for a count of everything.
    Exhaustive,
    /// Nobody waits.
    Background,
}

/// The places, and the line in front of them.
#[derive(Debug)]
pub(crate) struct Turnstile {
    n_places: usize,
    state: Mutex<State>,
    /// Told when nothing runs and nobody waits.
    idle: Condvar,
}

#[derive(Debug, Default)]
struct State {
    n_running: usize,
    next_id: u64,
    n_given: u32,
    /// The virtual time: what whoever was let in last had used.
    clock: u64,
    tickets: HashMap<u64, Ticket>,
    /// What people with a search under way have used, and how many searches they have.
    people: HashMap<u64, (u64, usize)>,
    waiting: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
struct Ticket {
    kind: Kind,
    person: u64,
    used: u64,
    charged: u64,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    is_let_in: bool,
    bell: Arc<Condvar>,
}

/// A search that is under way. Dropped at its end.
#[derive(Debug)]
pub(crate) struct Entrant<'t> {
    turnstile: &'t Turnstile,
    id: u64,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<'t> {
    turnstile: &'t Turnstile,
    ticket: u64,
    cost: u64,
}

impl Turnstile {
    pub(crate) fn new(n_places: usize) -> Turnstile {
        Turnstile { n_places: n_places.max(1), state: Mutex::default(), idle: Condvar::new() }
    }

    /// Notes a search of a person (0: nobody known, each such search is a person of its own).
    pub(crate) fn admit(&self, kind: Kind, person: u64) -> Entrant<'_> {
        let mut state = self.lock();
        let id = state.next_id;
        state.next_id += 1;
        // The high bit keeps those without a name apart from everybody.
        let person = if person == 0 { id | 1 << 63 } else { person };
        let clock = state.clock;
        let (used, n_searches) = state.people.entry(person).or_insert((clock, 0));
        // Who was away has saved nothing up.
        *used = if *n_searches == 0 { clock } else { *used };
        *n_searches += 1;
        state.tickets.insert(id, Ticket { kind, person, used: clock, charged: 0 });
        Entrant { turnstile: self, id }
    }

    /// Whether any search is under way.
    pub(crate) fn n_searches(&self) -> usize {
        self.lock().tickets.len()
    }

    /// How many places are taken, and how many wait for one.
    #[cfg(test)]
    pub(crate) fn n_running_and_waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.n_running, state.waiting.len())
    }

    /// Waits until no search is under way, at most so long: for work that has all the time in the world.
    pub(crate) fn wait_for_calm(&self, timeout: Duration) {
        let state = self.lock();
        let is_busy = |state: &mut State| !state.tickets.is_empty();
        let calm = self.idle.wait_timeout_while(state, timeout, is_busy);
        drop(calm.unwrap_or_else(PoisonError::into_inner));
    }

    fn leave(&self, ticket: u64, cost: u64) {
        let mut state = self.lock();
        state.n_running -= 1;
        if let Some(known) = state.tickets.get_mut(&ticket) {
            known.used += cost;
            known.charged += cost;
            if known.kind == Kind::Interactive && known.charged > INTERACTIVE_NANOS_MAX {
                known.kind = Kind::Exhaustive;
            }
            let person = known.person;
            if let Some((used, _)) = state.people.get_mut(&person) {
                *used += cost;
            }
        }
        state.let_in(self.n_places);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'t> Entrant<'t> {
    /// Whether a place is free beside one for whoever asks, who may hold it already. Not to be asked under a lock that
    /// [`Entrant::enter`]'s `is_over` takes.
    pub(crate) fn has_place_to_spare(&self, own: Option<&Place<'_>>) -> bool {
        let state = self.turnstile.lock();
        state.n_running + usize::from(own.is_none()) < self.turnstile.n_places && state.waiting.is_empty()
    }

    /// Waits for a place. `None` where `is_over` says that it is not wanted any more.
    pub(crate) fn enter(&self, is_over: impl Fn() -> bool) -> Option<Place<'t>> {
        let turnstile = self.turnstile;
        let place = || Place { turnstile, ticket: self.id, cost: 0 };
        let mut state = turnstile.lock();
        if state.n_running < turnstile.n_places && state.waiting.is_empty() {
            state.give(self.id);
            return Some(place());
        }
        let number = state.next_id;
        state.next_id += 1;
        let bell = Arc::new(Condvar::new());
        let waiter = Waiter { ticket: self.id, is_let_in: false, bell: Arc::clone(&bell) };
        state.waiting.insert(number, waiter);
        state.let_in(turnstile.n_places);
        loop {
            if state.waiting.get(&number).is_none_or(|waiter| waiter.is_let_in) {
                state.waiting.remove(&number);
                return Some(place());
            }
            if is_over() {
                state.waiting.remove(&number);
                return None;
            }
            state = bell.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Entrant<'_> {
    fn drop(&mut self) {
        let mut state = self.turnstile.lock();
        if let Some(ticket) = state.tickets.remove(&self.id)
            && let Some((_, n_searches)) = state.people.get_mut(&ticket.person)
        {
            *n_searches -= 1;
            if *n_searches == 0 {
                state.people.remove(&ticket.person);
            }
        }
        if state.tickets.is_empty() {
            self.turnstile.idle.notify_all();
        }
    }
}

impl Place<'_> {
    /// What the work cost, in nanoseconds.
    pub(crate) fn charge(&mut self, nanos: u64) {
        self.cost += nanos;
    }

    /// Whether it is somebody else's turn: to be asked between two pieces of work. Whoever waits for something else than a
    /// place gives it back at once.
    pub(crate) fn is_used_up(&self) -> bool {
        self.cost >= SLICE_NANOS && !self.turnstile.lock().waiting.is_empty()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.turnstile.leave(self.ticket, self.cost);
    }
}

impl State {
    /// Lets in as many as there are places for.
    fn let_in(&mut self, n_places: usize) {
        while self.n_running < n_places
            && let Some(number) = self.next()
        {
            let Some(waiter) = self.waiting.get_mut(&number) else { return };
            waiter.is_let_in = true;
            waiter.bell.notify_one();
            let ticket = waiter.ticket;
            self.give(ticket);
        }
    }

    fn give(&mut self, ticket: u64) {
        self.n_running += 1;
        self.n_given = self.n_given.wrapping_add(1);
        if let Some(ticket) = self.tickets.get(&ticket) {
            let used = self.people.get(&ticket.person).map_or(0, |(used, _)| *used);
            self.clock = self.clock.max(used);
        }
    }

    /// The next in line.
    fn next(&self) -> Option<u64> {
        let order = |(number, waiter): (&u64, &Waiter)| {
            let ticket = self.tickets.get(&waiter.ticket)?;
            let person = self.people.get(&ticket.person).map_or(0, |(used, _)| *used);
            Some((ticket.kind, person, ticket.used, *number))
        };
        let in_line = || self.waiting.iter().filter(|(_, waiter)| !waiter.is_let_in).filter_map(order);
        let first = in_line().min()?;
        if self.n_given % LATER_KIND_TURN == LATER_KIND_TURN - 1 {
            let later = in_line().filter(|(kind, ..)| *kind > first.0).min();
            return Some(later.unwrap_or(first).3);
        }
        Some(first.3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Lets everybody in one after another, each charged what the script says, and notes who came when.
    fn order(wanted: &[(&'static str, Kind, u64, u64, usize)]) -> Vec<&'static str> {
        let turnstile = Turnstile::new(1);
        let holder = turnstile.admit(Kind::Interactive, 99);
        let held = holder.enter(|| false).expect("nobody else is there");
        let (sender, receiver) = mpsc::channel();
        let entrants: Vec<_> =
            wanted.iter().map(|(_, kind, person, ..)| turnstile.admit(*kind, *person)).collect();
        std::thread::scope(|scope| {
            let mut n_waiting = 0;
            for ((name, _, _, cost, n_turns), entrant) in wanted.iter().zip(&entrants) {
                // All of its turns stand in line before the first place is given, as the threads of one search do.
                for _ in 0..*n_turns {
                    let sender = sender.clone();
                    scope.spawn(move || {
                        let mut place = entrant.enter(|| false).expect("it is wanted");
                        sender.send(*name).expect("somebody listens");
                        place.charge(*cost);
                    });
                    n_waiting += 1;
                    while turnstile.n_running_and_waiting().1 < n_waiting {
                        std::thread::yield_now();
                    }
                }
            }
            drop(held);
        });
        drop(sender);
        receiver.into_iter().collect()
    }

    #[test]
    fn people_share_whatever_their_number_of_searches() {
        let by = |name, person| (name, Kind::Exhaustive, person, 10, 4);
        let order = order(&[by("a1", 1), by("a2", 1), by("b", 2)]);
        let in_first_eight = |who: &str| order[..8].iter().filter(|name| name.starts_with(who)).count();
        assert_eq!((in_first_eight("a"), in_first_eight("b")), (4, 4), "{order:?}");
        assert!(order[..4].contains(&"a1") && order[..4].contains(&"a2"), "{order:?}");
    }

    #[test]
    fn who_used_more_waits_longer() {
        let order = order(&[("slow", Kind::Exhaustive, 1, 100, 3), ("fast", Kind::Exhaustive, 2, 10, 3)]);
        assert_eq!(order, ["slow", "fast", "fast", "fast", "slow", "slow"]);
    }

    #[test]
    fn the_urgent_goes_first_and_nobody_waits_for_ever() {
        let order = order(&[
            ("background", Kind::Background, 1, 1, 1),
            ("count", Kind::Exhaustive, 2, 1, 2),
            ("page", Kind::Interactive, 3, 1, 20),
        ]);
        assert_eq!(&order[..5], ["page"; 5], "{order:?}");
        let at = |name: &str| order.iter().position(|one| *one == name).expect("it had its turn");
        assert!(at("count") < 8 && at("background") < order.len(), "{order:?}");
        assert!(order[at("count") + 1..].contains(&"page"), "{order:?}");
    }

    #[test]
    fn who_does_not_want_any_more_leaves_the_line() {
        let turnstile = Turnstile::new(1);
        let (one, other) = (turnstile.admit(Kind::Interactive, 1), turnstile.admit(Kind::Interactive, 2));
        let place = one.enter(|| false);
        assert!(other.enter(|| true).is_none());
        assert_eq!(turnstile.n_running_and_waiting(), (1, 0));
        drop(place);
        assert!(other.enter(|| true).is_some(), "a free place is given without a question");
        drop((one, other));
        assert_eq!((turnstile.n_searches(), turnstile.n_running_and_waiting()), (0, (0, 0)));
    }

    #[test]
    fn a_place_is_kept_while_nobody_waits_and_for_a_slice_otherwise() {
        let turnstile = Turnstile::new(1);
        let (one, other) = (turnstile.admit(Kind::Interactive, 1), turnstile.admit(Kind::Interactive, 2));
        let mut place = one.enter(|| false).expect("a free place");
        assert!(!one.has_place_to_spare(Some(&place)) && !one.has_place_to_spare(None));
        place.charge(SLICE_NANOS);
        assert!(!place.is_used_up(), "nobody waits");
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| other.enter(|| false).is_some());
            while turnstile.n_running_and_waiting().1 == 0 {
                std::thread::yield_now();
            }
            assert!(place.is_used_up());
            drop(place);
            assert!(waits.join().expect("it waits, then has the place"));
            let mut place = one.enter(|| false).expect("the other one has gone");
            let waits = scope.spawn(|| other.enter(|| false).is_some());
            while turnstile.n_running_and_waiting().1 == 0 {
                std::thread::yield_now();
            }
            place.charge(SLICE_NANOS - 1);
            assert!(!place.is_used_up(), "less than a slice");
            drop(place);
            assert!(waits.join().expect("it waits, then has the place"));
        });
    }

    #[test]
    fn a_long_search_is_no_longer_taken_for_a_quick_one() {
        let turnstile = Turnstile::new(1);
        let one = turnstile.admit(Kind::Interactive, 1);
        let kind = || turnstile.lock().tickets[&one.id].kind;
        one.enter(|| false).expect("a free place").charge(INTERACTIVE_NANOS_MAX);
        assert_eq!(kind(), Kind::Interactive);
        one.enter(|| false).expect("a free place").charge(1);
        assert_eq!(kind(), Kind::Exhaustive);
    }
}
