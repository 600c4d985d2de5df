//! Revisions that no published index holds: the door through which they are asked for.
//!
//! A published index holds what branches and tags lead to. Any other commit is resolved by the [`RevisionSource`] that the
//! catalog was given, which answers with an index that holds it beside all that the published one does; the search then
//! runs over that one as over any other.

use crate::catalog::Published;
use crate::limits::Watch;
use crate::owners::KeptRules;
use crate::plan::Plan;
use crate::repo_run::conditions_of;
use crate::revisions::{self, is_in_table};
use crate::{CancelToken, RepoIndex, Snapshot};
use model::{ObjectId, RefName};
use query::{IndexUse, Rev, RevKind};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Makes revisions searchable that a repository's published index does not hold.
pub trait RevisionSource: fmt::Debug + Send + Sync {
    /// Finds the commits that are wanted, and an index that holds them. Blocks until then, or until the deadline or the
    /// token says to stop.
    ///
    /// SECURITY: the repository of the request is one that the caller may read; nothing else may be looked at.
    fn find(&self, request: &RevisionRequest<'_>) -> Result<FoundRevisions, RevisionFault>;
}

/// What is asked of a [`RevisionSource`].
#[derive(Debug)]
pub struct RevisionRequest<'a> {
    /// The repository, as it is published.
    pub repo: &'a Arc<RepoIndex>,
    /// What is wanted of it.
    pub wanted: &'a [WantedRevision],
    /// Whether an index may be made. Otherwise only commits are told.
    pub may_index: bool,
    /// When to stop.
    pub deadline: Option<Instant>,
    /// Says to stop earlier.
    pub cancel: &'a CancelToken,
}

/// A revision that branches and tags do not answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WantedRevision {
    /// A commit, or (the beginning of) its id, or a ref, with steps such as `~3` and `^2` behind.
    Name(String),
    /// The last commit of a branch at a time.
    AtTime {
        /// Seconds since 1970.
        seconds: i64,
        /// The branch; `None` for the default one.
        base: Option<String>,
    },
    /// All refs whose full name matches, beside branches and tags; see [`query::glob_matches`].
    Glob(String),
}

impl WantedRevision {
    /// Whether it is a glob that the ref matches.
    pub fn matches(&self, name: &RefName) -> bool {
        matches!(self, WantedRevision::Glob(glob) if query::glob_matches(glob, name.as_str()))
    }
}

/// What a [`RevisionSource`] found.
#[derive(Clone, Debug, Default)]
pub struct FoundRevisions {
    /// The commits, for each that was wanted; none where the repository has no such revision.
    pub commits: Vec<Vec<ObjectId>>,
    /// An index that holds all of them and everything that the published one holds. `None` where that one does, or where
    /// no index may be made.
    pub index: Option<Arc<RepoIndex>>,
}

/// Why revisions were not made searchable. Messages are whole sentences of an answer, without what the repository is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevisionFault {
    /// The time was up.
    #[error("reading the revision took longer than the search may; ask again, what was read is kept")]
    TimedOut,
    /// The caller stopped the search.
    #[error("the search was stopped")]
    Cancelled,
    /// So many commits are not made searchable at once.
    #[error(
        "{n_commits} commits that no branch or tag leads to were asked for, at most {n_commits_max} are searched at once"
    )]
    TooMany {
        /// How many were asked for.
        n_commits: usize,
        /// How many may be.
        n_commits_max: usize,
    },
    /// The commits hold more text than is indexed for a search.
    #[error(
        "the revision holds {n_bytes} bytes that are not indexed, more than the {n_bytes_max} that a search may index"
    )]
    TooLarge {
        /// How much.
        n_bytes: u64,
        /// How much it may be.
        n_bytes_max: u64,
    },
    /// The repository or the disk failed.
    #[error("the revision cannot be read: {reason}")]
    Unreadable {
        /// What failed.
        reason: String,
    },
}

/// What the repositories of a search were extended by.
#[derive(Debug, Default)]
pub(crate) struct Extended {
    /// By place in the order of the search; `None` where the published index answers alone.
    repos: Vec<Option<Published>>,
    /// Repositories, by place, whose revisions were not made searchable.
    pub(crate) faults: Vec<(usize, RevisionFault)>,
    /// Names that some repositories do not have: how many do.
    pub(crate) n_having: BTreeMap<String, usize>,
}

/// Why a part of a revision cannot be seen.
const UNREADABLE: &str = "its paths cannot be read";

impl Extended {
    /// The repositories to search.
    pub(crate) fn over<'s>(&'s self, chosen: &[&'s Published]) -> Vec<&'s Published> {
        let extended = self.repos.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        chosen.iter().zip(extended).map(|(published, extended)| extended.unwrap_or(published)).collect()
    }
}

/// Asks for the revisions that the published indexes do not hold. `chosen` are the repositories to search, all of which the
/// caller may read.
pub(crate) fn extend(
    plan: &Plan,
    chosen: &[&Published],
    snapshot: &Snapshot,
    watch: &Watch,
    now_seconds: i64,
) -> Extended {
    let mut extended = Extended::default();
    if !plan.asks_revisions() {
        return extended;
    }
    for (place, published) in chosen.iter().enumerate() {
        let repo = &published.repo;
        let conditions = conditions_of(plan, &repo.name);
        let revs = revisions::wanted(plan, |condition| conditions[condition]);
        let wanted = unanswered(repo, &revs, now_seconds);
        let found = match snapshot.source() {
            Some(source) if !wanted.is_empty() => source.find(&RevisionRequest {
                // What a source makes is of all paths, and shared.
                repo: published.part_of.as_ref().map_or(repo, |part| &part.whole),
                wanted: &wanted,
                may_index: plan.settings.index.value != IndexUse::Only,
                deadline: watch.deadline(),
                cancel: watch.token(),
            }),
            _ => Ok(FoundRevisions { commits: vec![Vec::new(); wanted.len()], index: None }),
        };
        let found = found.unwrap_or_else(|fault| {
            extended.faults.push((place, fault));
            FoundRevisions::default()
        });
        extended.count_names(&revs, &wanted, &found);
        let asked: BTreeSet<ObjectId> = found.commits.into_iter().flatten().collect();
        let index = match (found.index, &published.part_of) {
            (Some(index), Some(part)) => match part.see(&index) {
                Some(seen) => Some(Arc::new(seen)),
                None => {
                    extended
                        .faults
                        .push((place, RevisionFault::Unreadable { reason: UNREADABLE.to_owned() }));
                    None
                }
            },
            (index, _) => index,
        };
        let repo = (!asked.is_empty()).then(|| Published {
            repo: index.unwrap_or_else(|| Arc::clone(repo)),
            default_revisions: OnceLock::new(),
            default_blobs: OnceLock::new(),
            owners: KeptRules::default(),
            asked,
            part_of: published.part_of.clone(),
        });
        extended.repos.push(repo);
    }
    extended
}

impl Extended {
    fn count_names(&mut self, revs: &[&Rev], wanted: &[WantedRevision], found: &FoundRevisions) {
        let is_missing = |name: &String| {
            let is_it = |one: &WantedRevision| matches!(one, WantedRevision::Name(other) if other == name);
            let place = wanted.iter().position(is_it);
            place.is_some_and(|place| found.commits.get(place).is_none_or(Vec::is_empty))
        };
        for rev in revs {
            if let RevKind::Name(name) = &rev.kind {
                *self.n_having.entry(name.clone()).or_default() += usize::from(!is_missing(name));
            }
        }
    }
}

/// What of the revisions the repository's branches and tags do not answer.
fn unanswered(repo: &RepoIndex, revs: &[&Rev], now_seconds: i64) -> Vec<WantedRevision> {
    let mut wanted: Vec<WantedRevision> = Vec::new();
    for rev in revs {
        wanted.extend(match &rev.kind {
            RevKind::Name(name) if is_in_table(&repo.ref_table, name) => None,
            RevKind::Name(name) => Some(WantedRevision::Name(name.clone())),
            RevKind::AtTime { time, base } => {
                Some(WantedRevision::AtTime { seconds: time.resolve(now_seconds), base: base.clone() })
            }
            RevKind::Glob(glob) if is_elsewhere(glob) => Some(WantedRevision::Glob(glob.clone())),
            RevKind::Glob(_) | RevKind::ExcludeGlob(_) | RevKind::Exclude(_) => None,
        });
    }
    wanted.sort();
    wanted.dedup();
    wanted
}

/// Whether a glob is about other refs than branches and tags: it begins with the name of another folder.
fn is_elsewhere(glob: &str) -> bool {
    let below = glob.strip_prefix("refs/").unwrap_or(glob);
    let fixed = below.split(['*', '?']).next().unwrap_or_default();
    !["heads", "tags"].iter().any(|folder| fixed.starts_with(folder) || folder.starts_with(fixed))
}

/// What a person should know of names that not all searched repositories have.
pub(crate) fn alert(extended: &Extended, n_chosen: usize) -> Option<String> {
    let partly = |(_, n_having): &(&String, &usize)| (1..n_chosen).contains(*n_having);
    let (name, n_having) = extended.n_having.iter().find(partly)?;
    let name: String = name.chars().take(80).collect();
    Some(format!("The revision '{name}' is in {n_having} of {n_chosen} searched repositories."))
}

/// The time that is left.
pub fn time_left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_that_branches_and_tags_answer() {
        for glob in ["*", "heads/*", "refs/heads/*", "refs/*", "re?", "tags", "refs/t*", "h?ads/x"] {
            assert!(!is_elsewhere(glob) || glob == "re?", "{glob}");
        }
        for glob in ["refs/remotes/*", "remotes/origin/*", "refs/pull/*/head", "notes"] {
            assert!(is_elsewhere(glob), "{glob}");
        }
    }
}
