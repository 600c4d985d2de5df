//! The front door: one search from query to summary.

use crate::batch::Context;
use crate::catalog::{Published, Seen};
use crate::collect::{Collector, Findings};
use crate::history::{self, HistoryGaps};
use crate::limits::{Stop, Watch};
use crate::plan::Plan;
use crate::probe::Probe;
use crate::rank;
use crate::recency;
use crate::repo_run::{could_match_repo, match_repo_name};
use crate::revision_source::{self, Extended};
use crate::schedule::{Ending, Schedule};
use crate::select;
use crate::shortlist::Shortlist;
use crate::skipped::Account;
use crate::structural::{self, Coverage};
use crate::tree::Node;
use crate::turnstile::{Kind, Turnstile};
use crate::{
    CancelToken, Damage, Facet, Limits, RepoIndex, RepoMatch, SearchError, Sink, Snapshot, Stats, Summary,
};
use model::AccessSet;
use query::Query;
use std::cmp::Reverse;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Runs searches. At most so many threads of all of them work at once; whose turn it is follows from how urgent a search is
/// and what it and its person have used already, so that none starves another.
#[derive(Debug)]
pub struct Searcher {
    turnstile: Turnstile,
    n_threads: usize,
    /// For pieces of work that are split over threads again.
    pool: rayon::ThreadPool,
}

/// Why a searcher could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {n_threads} search threads: {source}")]
pub struct SearcherError {
    /// How many were asked for.
    pub n_threads: usize,
    /// What the operating system said.
    pub source: rayon::ThreadPoolBuildError,
}

impl Searcher {
    /// At least one thread; as many as there are cores is right.
    pub fn new(n_threads: usize) -> Result<Searcher, SearcherError> {
        let n_threads = n_threads.max(1);
        let builder = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
        let pool = builder
            .thread_name(|idx| format!("search-{idx}"))
            .build()
            .map_err(|source| SearcherError { n_threads, source })?;
        Ok(Searcher { turnstile: Turnstile::new(n_threads), n_threads, pool })
    }

    /// How many searches are under way.
    pub fn n_searches(&self) -> usize {
        self.turnstile.n_searches()
    }

    /// Waits until no search is under way, at most so long: called between small pieces of work that nobody waits for.
    pub fn wait_for_calm(&self, timeout: Duration) {
        self.turnstile.wait_for_calm(timeout);
    }

    /// Checks what [`Searcher::search`] would refuse, without searching.
    pub fn check(query: &Query, limits: &Limits) -> Result<(), SearchError> {
        Plan::new(query, limits).map(|_| ())
    }

    /// Answers a query over what the caller may read of a snapshot.
    ///
    /// Blocks until the end, pushing results into `sink` on this thread. A query that cannot be run is refused before
    /// the sink is called. Results, their order and all counts are a function of the query, the limits and the visible
    /// repositories alone, but for what a deadline or a cancellation cuts off.
    pub fn search(
        &self,
        snapshot: &Snapshot,
        access: &AccessSet,
        query: &Query,
        limits: &Limits,
        cancel: &CancelToken,
        sink: &mut dyn Sink,
    ) -> Result<Summary, SearchError> {
        let started = Instant::now();
        let plan = Plan::new(query, limits)?;
        sink.began();
        Ok(self.run(&Asked { snapshot, access, query, limits, cancel, probe: None }, &plan, started, sink))
    }

    /// Runs a plan.
    pub(crate) fn run(
        &self,
        asked: &Asked<'_>,
        plan: &Plan,
        started: Instant,
        sink: &mut dyn Sink,
    ) -> Summary {
        let Asked { snapshot, access, query, limits, cancel, probe } = *asked;
        let kind = match () {
            () if limits.is_background => Kind::Background,
            () if plan.is_exhaustive => Kind::Exhaustive,
            () => Kind::Interactive,
        };
        let entrant = self.turnstile.admit(kind, limits.person);
        let watch = Watch::new(cancel.clone(), started.checked_add(plan.timeout));
        let context = Context {
            plan,
            limits,
            watch,
            is_display_full: AtomicBool::new(plan.display == 0),
            probe,
            coverage: Coverage::default(),
            sketches: snapshot.sketches(),
        };
        // SECURITY: this is where forbidden repositories end. Below, the snapshot is only asked about those chosen here.
        let seen: Vec<Seen<'_>> = snapshot.seen(access).collect();
        let visible: Vec<&Published> = seen.iter().map(|seen| &**seen).collect();
        let chosen = choose(plan, &visible, limits.now_seconds);
        let extended = revision_source::extend(plan, &chosen, snapshot, &context.watch, limits.now_seconds);
        let chosen = extended.over(&chosen);
        let mut collector = Collector::new(&context, &chosen, sink, started);
        let mut ending = Ending::Finished;
        let mut wants_more = true;
        let mut has_begun_all = chosen.is_empty();
        let mut history_gaps = HistoryGaps::default();
        // Where predicates have to be asked of the index, names come with the rest, repository by repository.
        if plan.names_repos() && !plan.reads_for_repos() {
            wants_more = collector.take_repos(repos_by_name(plan, &chosen, limits.now_seconds));
        }
        if !wants_more {
            ending = if plan.wants_documents || plan.symbols.is_some() || collector.is_truncated() {
                Ending::Enough
            } else {
                Ending::Finished
            };
        } else if plan.history.is_wanted() {
            let (how, gaps) =
                history::drive(&context, &chosen, &self.pool, &entrant, &mut |output| collector.take(output));
            (ending, history_gaps, has_begun_all) = (how, gaps, true);
        }
        if wants_more
            && ending == Ending::Finished
            && (plan.wants_documents
                || plan.symbols.is_some()
                || (plan.names_repos() && plan.reads_for_repos()))
        {
            let shortlist = Shortlist::new(plan, snapshot, access, &chosen, &context.watch);
            collector.pass(shortlist.passed);
            let schedule = Schedule::new(&context, &shortlist.taken);
            ending = schedule.drive(&entrant, self.n_threads, |output| collector.take(output));
            has_begun_all = schedule.has_begun_all();
            if ending == Ending::Finished {
                collector.take_passed(u32::MAX);
            }
        }
        let (stats, mut facets, findings) = collector.finish();
        for name in snapshot.names_if_leaking("facets-of-all") {
            facets.repos.push(Facet { filter: format!("repo:{name}"), value: name.to_string(), n_files: 1 });
        }
        let stop = match ending {
            Ending::CalledOff => Some(context.watch.stop().unwrap_or(Stop::TimedOut)),
            _ if findings.is_refused => Some(Stop::Cancelled),
            _ => None,
        };
        let hit_limit = ending == Ending::Enough || (findings.hit_limit && !plan.is_exhaustive);
        let mut account = Account::new(query, plan, limits);
        account.coverage = context.say_coverage(has_begun_all);
        account.ending(stop, hit_limit && stop.is_none(), &stats);
        account.count(findings.is_count_cut, &stats);
        account.visible(snapshot.pending(access), &visible);
        account.count_if_leaking(snapshot.names_if_leaking("suggested-query").len());
        account.documents(findings.skipped);
        account.history(&history_gaps);
        account.revisions(&chosen, &extended.faults);
        let damaged = findings.damaged.iter().filter_map(|((ordinal, part), error)| {
            let repo = &chosen.get(*ordinal as usize)?.repo;
            Some((&**repo, Damage { repo_id: repo.id, part: *part, error: error.clone() }))
        });
        let damaged: Vec<(&RepoIndex, Damage)> = damaged.collect();
        account.damaged(&damaged);
        let damaged = damaged.into_iter().map(|(_, damage)| damage).collect();
        let skipped = account.finish();
        let complete = skipped.iter().all(|skipped| skipped.severity != crate::Severity::Warning);
        let stats = Stats { duration: started.elapsed(), complete, skipped, ..stats };
        Summary { alert: alert(plan, &chosen, &extended, &findings, &stats), stats, facets, damaged }
    }
}

/// Everything that one search is about.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) access: &'a AccessSet,
    pub(crate) query: &'a Query,
    pub(crate) limits: &'a Limits,
    pub(crate) cancel: &'a CancelToken,
    /// Where costs are noted, if somebody asks for them.
    pub(crate) probe: Option<&'a Probe>,
}

/// The repositories to search: the youngest first, by steps of age, then in the order of their names. What is found first is
/// ranked together, so that a repository given up long ago should not fill the first page by its name.
pub(crate) fn choose<'s>(plan: &Plan, visible: &[&'s Published], now_seconds: i64) -> Vec<&'s Published> {
    let is_chosen =
        |published: &&&Published| !plan.excludes(&published.repo) && could_match_repo(plan, &published.repo);
    let mut chosen: Vec<&Published> = visible.iter().filter(is_chosen).copied().collect();
    chosen.sort_by_cached_key(|published| Reverse(recency::step_of_repo(&published.repo, now_seconds)));
    chosen
}

fn repos_by_name(plan: &Plan, chosen: &[&Published], now_seconds: i64) -> Vec<(u32, RepoMatch)> {
    let numbered = chosen.iter().zip(0u32..);
    let matches = numbered.filter_map(|(published, ordinal)| {
        let repo = &published.repo;
        let hit = match_repo_name(plan, repo).filter(|hit| hit.node == Node::Const(true))?;
        Some((ordinal, rank::repo_match(repo, hit.ranges, now_seconds)))
    });
    matches.collect()
}

/// What the person should know where nothing can be found for a reason outside the patterns.
fn alert(
    plan: &Plan,
    chosen: &[&Published],
    extended: &Extended,
    findings: &Findings,
    stats: &Stats,
) -> Option<String> {
    if plan.has_repo_conditions() && findings.n_without_condition >= chosen.len() {
        let what =
            if plan.has_contexts { "the repo: filters and the search context" } else { "the repo: filters" };
        return Some(format!("No repository matches {what}."));
    }
    if plan.asks_revisions() && !chosen.is_empty() && extended.faults.is_empty() {
        return match findings.n_without_revision == chosen.len() {
            true => Some("No searched repository has a revision of this name.".to_owned()),
            false => revision_source::alert(extended, chosen.len()),
        };
    }
    structural::alert(plan).or_else(|| select::alert(plan, stats))
}
