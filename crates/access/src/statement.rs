//! What code hosts state about who reads what, and how long it may be believed.

use crate::Timestamp;
use model::RepoSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A code host as this instance knows it: a random name, never reused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub String);

impl fmt::Display for HostId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An account at a code host, by the identifier that the host never gives to another one. Not its login name, not its
/// address: both can be changed, and taken by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(String);

impl AccountId {
    /// Longest identifier; the hosts' own have at most some 40 characters, addresses of Gerrit's groups some more.
    pub const N_BYTES_MAX: usize = 255;

    /// Of what the host says; `None` where it is empty, too long or holds control characters.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fits = !text.is_empty() && text.len() <= Self::N_BYTES_MAX && !text.chars().any(char::is_control);
        fits.then_some(AccountId(text))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Who it is that a host speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reader {
    /// Everyone: what the host calls public. On this instance that is every account that may sign in.
    Everyone,
    /// One account.
    Account(AccountId),
}

/// What one host states about one reader, as it was read from there: from the reader's side (all repositories of an account,
/// read at one moment) and from the repositories' side (all accounts of a repository, each read at a moment of its own).
///
/// Of two statements about the same reader and repository the newer one counts, whichever side it came from; one older than
/// the host's bound counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What was listed when the reader's side was read.
    pub listed: RepoSet,
    /// When that reading began; `None` where there was none.
    pub listed_at: Option<Timestamp>,
    /// The repositories whose own lists named the reader.
    pub named: RepoSet,
    /// When the lists of the host's repositories were read.
    pub readings: Arc<RepoReadings>,
    /// How old a statement may be.
    pub bound: Duration,
}

/// When the lists of accounts of a host's repositories were last read, rounded down to [`RepoReadings::STEP`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepoReadings {
    /// Ascending by time, each repository in one of them.
    pub steps: Vec<(Timestamp, RepoSet)>,
}

/// What may be believed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// What the reader may read.
    pub repos: RepoSet,
    /// From when on some of it is too old; `None` where there is nothing.
    pub ends_at: Option<Timestamp>,
}

impl RepoReadings {
    /// How exactly the times are kept: so few sets are quick to read, and rounding down only ever denies earlier.
    pub const STEP: Duration = Duration::from_secs(10);

    /// The time that a reading is kept with.
    pub fn step_of(read_at: Timestamp) -> Timestamp {
        let step_ms = i64::try_from(Self::STEP.as_millis()).unwrap_or(i64::MAX);
        Timestamp(read_at.0.div_euclid(step_ms) * step_ms)
    }
}

impl Statement {
    /// What holds at this moment.
    pub fn believed(&self, now: Timestamp) -> Believed {
        let is_fresh = |read_at: Timestamp| read_at.plus(self.bound) > now;
        let listed_at = self.listed_at.filter(|listed_at| is_fresh(*listed_at));
        let mut ends_at = None;
        let mut repos = RepoSet::new();
        let mut ends_by = |read_at: Timestamp| {
            let end = read_at.plus(self.bound);
            ends_at = Some(ends_at.map_or(end, |known: Timestamp| known.min(end)));
        };
        if let Some(listed_at) = listed_at {
            repos = self.listed.clone();
            ends_by(listed_at);
        }
        for (step, read) in &self.readings.steps {
            let newest_in_step = step.plus(RepoReadings::STEP);
            // What a reading refuses counts as long as it may be young enough, what it allows as long as it surely is.
            if !is_fresh(newest_in_step) {
                continue;
            }
            let named = &self.named & read;
            match listed_at {
                // All of them were read before: what was listed later counts.
                Some(listed_at) if newest_in_step <= listed_at => {}
                // Which one is newer cannot be told: both must agree.
                Some(listed_at) if *step <= listed_at => {
                    let in_doubt = &(&repos & read) - &named;
                    repos = &repos - &in_doubt;
                }
                _ => {
                    repos = &repos - read;
                    if is_fresh(*step) && !named.is_empty() {
                        repos = &repos | &named;
                        ends_by(*step);
                    }
                }
            }
        }
        Believed { ends_at: ends_at.filter(|_| !repos.is_empty()), repos }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::RepoId;
    use proptest::prelude::*;

    fn set(ids: &[u32]) -> RepoSet {
        ids.iter().copied().map(RepoId).collect()
    }

    fn ids(set: &RepoSet) -> Vec<u32> {
        set.iter().map(|repo| repo.0).collect()
    }

    const MINUTE: i64 = 60_000;

    fn statement(
        listed: &[u32],
        listed_at: Option<i64>,
        named: &[u32],
        steps: &[(i64, &[u32])],
    ) -> Statement {
        let steps = steps.iter().map(|(at, repos)| (Timestamp(*at), set(repos))).collect();
        Statement {
            listed: set(listed),
            listed_at: listed_at.map(Timestamp),
            named: set(named),
            readings: Arc::new(RepoReadings { steps }),
            bound: Duration::from_secs(15 * 60),
        }
    }

    #[test]
    fn what_is_too_old_denies() {
        let one = statement(&[1, 2], Some(0), &[], &[]);
        let believed = one.believed(Timestamp(15 * MINUTE - 1));
        assert_eq!((ids(&believed.repos), believed.ends_at), (vec![1, 2], Some(Timestamp(15 * MINUTE))));
        let believed = one.believed(Timestamp(15 * MINUTE));
        assert_eq!((ids(&believed.repos), believed.ends_at), (vec![], None));
    }

    #[test]
    fn a_newer_reading_of_the_repository_counts() {
        let one = statement(&[1, 2], Some(MINUTE), &[3], &[(5 * MINUTE, &[2, 3])]);
        let believed = one.believed(Timestamp(6 * MINUTE));
        assert_eq!(ids(&believed.repos), [1, 3], "2 was read later and does not name the account any more");
        assert_eq!(believed.ends_at, Some(Timestamp(16 * MINUTE)));
        // The account's own list is too old by now, the repository's is not.
        let believed = one.believed(Timestamp(17 * MINUTE));
        assert_eq!((ids(&believed.repos), believed.ends_at), (vec![3], Some(Timestamp(20 * MINUTE))));
    }

    #[test]
    fn a_newer_list_of_the_account_counts() {
        let one = statement(&[1], Some(5 * MINUTE), &[1, 2], &[(MINUTE, &[1, 2])]);
        assert_eq!(ids(&one.believed(Timestamp(6 * MINUTE)).repos), [1]);
    }

    #[test]
    fn where_neither_is_surely_newer_both_must_agree() {
        let one = statement(&[1, 2, 4], Some(MINUTE + 1), &[1, 3], &[(MINUTE, &[1, 2, 3])]);
        assert_eq!(ids(&one.believed(Timestamp(2 * MINUTE)).repos), [1, 4]);
    }

    /// Times are rounded down, so that what a repository's list allows ends earlier; what it refuses must not.
    #[test]
    fn a_refusal_outlives_the_rounding() {
        let one = statement(&[1], Some(2_000), &[], &[(0, &[1])]);
        for now in [3_000, 15 * MINUTE, 15 * MINUTE + 1_999] {
            assert_eq!(ids(&one.believed(Timestamp(now)).repos), [] as [u32; 0], "at {now}");
        }
    }

    #[test]
    fn account_ids() {
        assert!(AccountId::new("").is_none() && AccountId::new("a\nb").is_none());
        assert!(AccountId::new("x".repeat(256)).is_none());
        assert_eq!(AccountId::new("12345").unwrap().as_str(), "12345");
    }

    /// One reader and one repository, told event by event.
    fn simple(listed: Option<(i64, bool)>, read: Option<(i64, bool)>, bound: i64, now: i64) -> bool {
        let fresh = |event: &(i64, bool)| event.0 + bound > now;
        let newest =
            listed.iter().chain(read.iter()).filter(|event| fresh(event)).max_by_key(|event| event.0);
        newest.is_some_and(|event| event.1)
    }

    proptest! {
        /// Never more than the newest statement says; as much where the times lie apart.
        #[test]
        fn as_the_newest_statement_says(
            listed in prop::option::of((0i64..60, any::<bool>())),
            read in prop::option::of((0i64..60, any::<bool>())),
            now in 0i64..80,
        ) {
            let ms = |seconds: i64| seconds * 1000;
            let step = read.map(|(at, _)| RepoReadings::step_of(Timestamp(ms(at))));
            let steps: Vec<_> = step.into_iter().map(|step| (step, set(&[1]))).collect();
            let one = Statement {
                listed: set(if listed.is_some_and(|(_, says)| says) { &[1] } else { &[] }),
                listed_at: listed.map(|(at, _)| Timestamp(ms(at))),
                named: set(if read.is_some_and(|(_, says)| says) { &[1] } else { &[] }),
                readings: Arc::new(RepoReadings { steps }),
                bound: Duration::from_secs(30),
            };
            let believed = one.believed(Timestamp(ms(now)));
            let is_read = believed.repos.contains(RepoId(1));
            let expected = simple(listed, read, 30, now);
            prop_assert!(!is_read || expected, "more than anybody states");
            let is_apart = match (listed, read) {
                (Some((listed, _)), Some((read, _))) => (listed - read).abs() > 10,
                _ => true,
            };
            let is_exact = read.is_none_or(|(read, _)| read % 10 == 0);
            if is_apart && is_exact {
                prop_assert_eq!(is_read, expected);
            }
            // Nothing changes before it ends.
            if let Some(ends_at) = believed.ends_at {
                prop_assert!(ends_at > Timestamp(ms(now)));
                prop_assert_eq!(one.believed(Timestamp(ends_at.0 - 1)).repos, believed.repos);
            }
        }
    }
}
