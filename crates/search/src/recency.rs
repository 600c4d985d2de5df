//! How young a document is: the age of the youngest searched commit that holds it, in fixed steps.
//!
//! It depends on the clock and on the document's own repository alone. Steps, not times: a commit a minute younger is no better, and
//! the order of an answer stays the same for days.

use crate::RepoIndex;
use crate::revisions::Revisions;
use index::{ReadError, RefTable, RevFilter, RevIdx, RevSetIdx};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// The greatest age of each step, the youngest first: a month, a year, three years, ten. What is older is at step 0.
const AGES_SECONDS: [i64; 4] =
    [30 * DAY_SECONDS, 365 * DAY_SECONDS, 3 * 365 * DAY_SECONDS, 3653 * DAY_SECONDS];
/// The step of what is youngest.
const STEP_MAX: u8 = AGES_SECONDS.len() as u8;
/// How far ahead of ours a clock may go. Commits of a later time tell nothing of their age, and win nothing by it.
const AHEAD_SECONDS: i64 = DAY_SECONDS;

/// How young the documents of one repository are.
#[derive(Debug)]
pub(crate) struct Recency {
    /// The steps of the searched revisions but the lowest, the highest first, and the documents that stand in one so young.
    younger: Vec<(u8, RevFilter)>,
    /// The step of all others.
    lowest: u8,
}

impl Recency {
    /// Looks at the searched revisions. Where all are at one step nothing is read.
    pub(crate) fn of(
        table: &RefTable,
        revisions: &Revisions,
        now_seconds: i64,
    ) -> Result<Recency, ReadError> {
        let step_of = |rev: &RevIdx| step(commit_seconds(table, *rev), now_seconds);
        let selected = revisions.selected();
        let lowest = selected.iter().map(step_of).min().unwrap_or(0);
        let mut younger = Vec::new();
        for above in (lowest + 1..=STEP_MAX).rev() {
            let at: Vec<RevIdx> = selected.iter().filter(|rev| step_of(rev) == above).copied().collect();
            if !at.is_empty() {
                younger.push((above, table.rev_filter(&at)?));
            }
        }
        Ok(Recency { younger, lowest })
    }

    /// From 0 to 1, for a document that stands in these revisions.
    pub(crate) fn signal(&self, set: RevSetIdx) -> f64 {
        let younger = self.younger.iter().find(|(_, filter)| filter.admits(set));
        share(younger.map_or(self.lowest, |(step, _)| *step))
    }
}

/// The step of a repository by the commit of its default branch, which is what is searched first and what it is judged by.
pub(crate) fn step_of_repo(repo: &RepoIndex, now_seconds: i64) -> u8 {
    let default = repo.ref_table.default_revision();
    step(default.and_then(|rev| commit_seconds(&repo.ref_table, rev)), now_seconds)
}

/// Likewise from 0 to 1.
pub(crate) fn repo_signal(repo: &RepoIndex, now_seconds: i64) -> f64 {
    share(step_of_repo(repo, now_seconds))
}

fn commit_seconds(table: &RefTable, rev: RevIdx) -> Option<i64> {
    table.revisions().get(rev.0 as usize).map(|revision| revision.commit_time)
}

fn share(step: u8) -> f64 {
    f64::from(step) / f64::from(STEP_MAX)
}

fn step(commit_seconds: Option<i64>, now_seconds: i64) -> u8 {
    let Some(age) = commit_seconds.map(|seconds| now_seconds.saturating_sub(seconds)) else { return 0 };
    if age < -AHEAD_SECONDS {
        return 0;
    }
    let n_older = AGES_SECONDS.iter().filter(|max| age <= **max).count();
    n_older as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_age() {
        let now = 1_700_000_000;
        let aged = |age: i64| step(Some(now - age), now);
        let steps =
            [0, 30, 31, 365, 366, 3 * 365, 1096, 3653, 3654, 20_000].map(|days| aged(days * DAY_SECONDS));
        assert_eq!(steps, [4, 4, 3, 3, 2, 2, 1, 1, 0, 0]);
        assert_eq!(step(None, now), 0);
    }

    #[test]
    fn a_wrong_clock_gains_nothing() {
        let now = 1_700_000_000;
        assert_eq!(step(Some(now + 3600), now), STEP_MAX, "clocks differ a little");
        assert_eq!(step(Some(now + 2 * DAY_SECONDS), now), 0);
        assert_eq!(
            [step(Some(i64::MAX), now), step(Some(i64::MIN), now), step(Some(0), 0)],
            [0, 0, STEP_MAX]
        );
    }
}
