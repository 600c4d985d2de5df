//! Going through the histories of all repositories at once, the newest commit first.
//!
//! Every repository gives its commits (and its changes) as a stream in the order of `git log --date-order`; the streams
//! are merged by the time of what comes next in each. So a page is full after looking at little more than what it shows,
//! and what it shows does not depend on threads.

use super::part::{Kind, PartRun};
use super::run::{HistoryRun, Hit, Memory};
use crate::batch::{Context, Fault, Found, Output};
use crate::catalog::Published;
use crate::plan::Selection;
use crate::schedule::Ending;
use crate::select;
use crate::turnstile::Entrant;
use crate::{DamagedPart, Match, RepoMatch};
use index::{CommitIdx, ReadError};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Commits decided in one piece of work.
const BATCH_COMMITS: usize = 64;
/// Likewise where no text has to be read.
const BATCH_COMMITS_WITHOUT_TEXT: usize = 2048;
/// Results handed on together.
const OUTPUT_HITS: usize = 32;

/// What searching histories left out.
#[derive(Debug, Default)]
pub(crate) struct HistoryGaps {
    /// Repositories of which the caller may read some paths only.
    pub(crate) of_parts: Vec<String>,
    /// Repositories without a history yet.
    pub(crate) missing: Vec<String>,
    /// Repositories whose changed lines are not all there, with what is, and how far back it goes (in seconds since 1970).
    pub(crate) unfinished: Vec<(String, u32, u32, Option<i64>)>,
    /// Repositories whose refs have moved on since.
    pub(crate) behind: Vec<String>,
}

/// Searches the histories of the chosen repositories. `take` is given outputs in order until it has enough.
pub(crate) fn drive<'s>(
    context: &Context<'_>,
    chosen: &[&'s Published],
    pool: &rayon::ThreadPool,
    entrant: &Entrant<'_>,
    take: &mut dyn FnMut(Output<'s>) -> bool,
) -> (Ending, HistoryGaps) {
    let mut driver = Driver {
        context,
        pool,
        entrant,
        runs: Vec::new(),
        memories: Mutex::default(),
        output: Output::default(),
        shown: HashSet::new(),
        last_score: f64::INFINITY,
    };
    let mut gaps = HistoryGaps::default();
    let mut scanners = Vec::new();
    for (published, ordinal) in chosen.iter().zip(0u32..) {
        if context.watch.stop().is_some() {
            return (Ending::CalledOff, gaps);
        }
        gaps.note(context, published);
        let run = HistoryRun::new(context, published, ordinal, &mut scanners);
        let output = match run {
            Ok(Some(run)) => {
                driver.runs.push(run);
                continue;
            }
            Ok(None) => Output { repo_ordinal: ordinal, lacks_revision: true, ..Output::default() },
            Err(fault) => Output { repo_ordinal: ordinal, fault: Some(fault), ..Output::default() },
        };
        if !take(output) {
            return (Ending::Enough, gaps);
        }
    }
    (driver.merge(take), gaps)
}

impl HistoryGaps {
    fn note(&mut self, context: &Context<'_>, published: &Published) {
        let repo = &published.repo;
        let Some(history) = repo.history.as_deref() else {
            let gaps = if published.part_of.is_some() { &mut self.of_parts } else { &mut self.missing };
            if repo.ref_table.default_revision().is_some() {
                gaps.push(repo.name.to_string());
            }
            return;
        };
        let needs_changes = context.plan.history.diffs || context.plan.asks_files();
        let (n_done, n_commits) = (history.n_done(), history.n_commits());
        if needs_changes && n_done < n_commits {
            let first = history.change_parts().last().map(|part| part.table.range().start);
            let since = first.and_then(|first| {
                let part = history.commit_part(CommitIdx(first))?;
                Some(part.table.row(CommitIdx(first)).ok()?.committer_seconds)
            });
            self.unfinished.push((repo.name.to_string(), n_done, n_commits, since));
        }
        let default = repo.ref_table.default_revision();
        let tip = default.and_then(|default| repo.ref_table.revisions().get(default.0 as usize));
        if tip.is_some_and(|tip| !matches!(history.find(&tip.commit), Ok(Some(_)))) {
            self.behind.push(repo.name.to_string());
        }
    }
}

/// One repository's commits, or its changes.
struct Stream {
    run: usize,
    kind: Kind,
    /// The parts that are not begun; the last is next.
    n_parts_left: usize,
    part: Option<PartRun>,
    /// The next of the part's commits.
    next: usize,
    hits: VecDeque<Hit>,
    /// How many batches are decided next time.
    n_batches: usize,
    is_over: bool,
}

struct Driver<'c, 'q, 's> {
    context: &'c Context<'q>,
    pool: &'c rayon::ThreadPool,
    entrant: &'c Entrant<'c>,
    runs: Vec<HistoryRun<'s>>,
    memories: Mutex<Vec<Memory>>,
    output: Output<'s>,
    /// Commits and repositories that were shown, where each is shown once.
    shown: HashSet<(u32, Option<CommitIdx>)>,
    last_score: f64,
}

impl<'s> Driver<'_, '_, 's> {
    fn merge(&mut self, take: &mut dyn FnMut(Output<'s>) -> bool) -> Ending {
        let plan = self.context.plan;
        let mut streams = Vec::new();
        for (run, history_run) in self.runs.iter().enumerate() {
            let kinds = [(Kind::Commits, plan.history.commits), (Kind::Changes, plan.history.diffs)];
            for (kind, _) in kinds.into_iter().filter(|(_, is_wanted)| *is_wanted) {
                let n_parts_left = match kind {
                    Kind::Commits => history_run.history.commit_parts().len(),
                    Kind::Changes => history_run.history.change_parts().len(),
                };
                streams.push(Stream {
                    run,
                    kind,
                    n_parts_left,
                    part: None,
                    next: 0,
                    hits: VecDeque::new(),
                    n_batches: 1,
                    is_over: false,
                });
            }
        }
        let mut heap = BinaryHeap::new();
        for (idx, stream) in streams.iter_mut().enumerate() {
            if let Some(seconds) = self.head(stream) {
                heap.push((seconds, Reverse(idx)));
            }
        }
        while let Some((_, Reverse(idx))) = heap.pop() {
            let stream = &mut streams[idx];
            match stream.hits.pop_front() {
                Some(hit) => {
                    if !self.emit(stream, hit, take) {
                        return Ending::Enough;
                    }
                }
                None => {
                    if !self.advance(stream) {
                        self.flush(take);
                        return Ending::CalledOff;
                    }
                    if !self.flush(take) {
                        return Ending::Enough;
                    }
                }
            }
            if let Some(seconds) = self.head(stream) {
                heap.push((seconds, Reverse(idx)));
            }
        }
        if !self.flush(take) {
            return Ending::Enough;
        }
        let is_whole = self.count_untold();
        if !self.flush(take) {
            return Ending::Enough;
        }
        if is_whole { Ending::Finished } else { Ending::CalledOff }
    }

    /// Counts the changes in which terms might occur, had their lines been read. `false` when the watch says stop.
    fn count_untold(&mut self) -> bool {
        let plan = self.context.plan;
        if !plan.history.diffs || plan.terms.iter().all(|term| term.history.is_none()) {
            return true;
        }
        let mut memory = Memory::default();
        for at in 0..self.runs.len() {
            memory.forget();
            for place in 0..self.runs[at].history.change_parts().len() {
                let is_over = || self.context.watch.stop().is_some();
                let Some(mut turn) = self.entrant.enter(is_over) else { return false };
                let started = Instant::now();
                let counted = self.runs[at].untold(self.context, place, &mut memory);
                turn.charge(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
                drop(turn);
                match counted {
                    Ok(Some(untold)) => self.output.skipped.merge(untold),
                    Ok(None) => return false,
                    Err(fault) => self.note(self.runs[at].ordinal, fault),
                }
            }
        }
        true
    }

    /// The time of what comes next in a stream; `None` at its end.
    fn head(&mut self, stream: &mut Stream) -> Option<i64> {
        if let Some(hit) = stream.hits.front() {
            return Some(hit.seconds);
        }
        loop {
            if stream.is_over {
                return None;
            }
            let run = &self.runs[stream.run];
            if let Some(number) = stream.part.as_ref().and_then(|part| part.numbers.get(stream.next)) {
                let number = CommitIdx(*number);
                let row = run.history.commit_part(number).map(|part| part.table.row(number));
                match row {
                    Some(Ok(row)) => return Some(row.committer_seconds),
                    Some(Err(fault)) => self.note(run.ordinal, fault),
                    None => {}
                }
                stream.is_over = true;
                return None;
            }
            if self.context.watch.stop().is_some() {
                return Some(i64::MIN);
            }
            let place = stream.n_parts_left.checked_sub(1)?;
            stream.n_parts_left = place;
            let plan = self.context.plan;
            let part = match stream.kind {
                Kind::Commits => PartRun::of_commits(plan, run, place, &run.history.commit_parts()[place]),
                Kind::Changes => PartRun::of_changes(plan, run, place, &run.history.change_parts()[place]),
            };
            match part {
                Ok(part) => (stream.part, stream.next) = (Some(part), 0),
                Err(fault) => {
                    let ordinal = run.ordinal;
                    self.note(ordinal, fault);
                    stream.is_over = true;
                }
            }
        }
    }

    /// Decides the next commits of a stream. `false` when the watch says stop.
    fn advance(&mut self, stream: &mut Stream) -> bool {
        let run = &self.runs[stream.run];
        let Some(part) = &stream.part else { return self.context.watch.stop().is_none() };
        let reads_text = part.terms.iter().any(Option::is_some);
        let n_batch = if reads_text { BATCH_COMMITS } else { BATCH_COMMITS_WITHOUT_TEXT };
        let end = part.numbers.len().min(stream.next + n_batch * stream.n_batches);
        let todo = &part.numbers[stream.next..end];
        let is_shown = !self.context.is_display_full.load(Ordering::Relaxed);
        let decide = |numbers: &[u32]| {
            let is_over = || self.context.watch.stop().is_some();
            let Some(mut place) = self.entrant.enter(is_over) else { return (Vec::new(), Ok(false)) };
            let started = Instant::now();
            let spare = self.memories.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut memory = spare.unwrap_or_default();
            memory.forget();
            let mut hits = Vec::new();
            let outcome = run.decide(self.context, part, numbers, &mut memory, is_shown, &mut hits);
            self.memories.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            place.charge(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
            (hits, outcome)
        };
        let decided: Vec<(Vec<Hit>, Result<bool, ReadError>)> = match todo.len() <= n_batch {
            true => vec![decide(todo)],
            false => self.pool.install(|| todo.par_chunks(n_batch).map(decide).collect()),
        };
        let ordinal = run.ordinal;
        let mut goes_on = true;
        for (hits, outcome) in decided {
            stream.hits.extend(hits);
            match outcome {
                Ok(is_whole) => goes_on &= is_whole,
                Err(fault) => {
                    self.note(ordinal, fault);
                    stream.is_over = true;
                }
            }
        }
        stream.next = end;
        self.output.n_blocks += todo.len() as u64;
        stream.n_batches = (stream.n_batches * 2).min(self.pool.current_num_threads() * 4);
        goes_on
    }

    fn note(&mut self, ordinal: u32, error: ReadError) {
        if self.output.fault.is_none() {
            let fault = Fault { part: DamagedPart::History, error };
            (self.output.repo_ordinal, self.output.fault) = (ordinal, Some(fault));
        }
    }

    /// Hands a result on. `false` when no more is wanted.
    fn emit(&mut self, stream: &mut Stream, hit: Hit, take: &mut dyn FnMut(Output<'s>) -> bool) -> bool {
        let run = &self.runs[stream.run];
        let (ordinal, selection) = (run.ordinal, self.context.plan.selection);
        let is_first = match selection {
            Selection::Repo => self.shown.insert((ordinal, None)),
            Selection::Commit => self.shown.insert((ordinal, Some(hit.commit))),
            _ => true,
        };
        if selection == Selection::Repo && !self.context.plan.is_exhaustive {
            stream.is_over = true;
            stream.hits.clear();
        }
        let repo = RepoMatch {
            repo_id: run.repo.id,
            repo: run.repo.name.clone(),
            ranges: Vec::new(),
            score: hit.seconds as f64,
        };
        let is_other = self.output.repo_ordinal != ordinal && !self.is_empty();
        let is_much = self.output.found.len() >= OUTPUT_HITS;
        if (is_other || is_much) && !self.flush(take) {
            return false;
        }
        self.output.repo_ordinal = ordinal;
        if !is_first && selection == Selection::Commit {
            return true;
        }
        self.output.n_files += 1;
        self.output.counts.n_lines += hit.counts.n_lines;
        self.output.counts.n_matches += hit.counts.n_matches;
        if let Some((language, path)) = &hit.file {
            self.output.facets.add(*language, path);
            select::note_change(self.context.plan, path, &mut self.output.selected);
        }
        let shown = match (selection, hit.shown.map(|shown| *shown)) {
            _ if !is_first => None,
            (Selection::Repo, _) => Some(Match::Repo(repo)),
            (Selection::Commit, Some(Match::Diff(found))) => Some(Match::Commit(found.of)),
            (_, shown) => shown,
        };
        if let Some(mut shown) = shown {
            // The order is that of the histories, whatever the clocks of their authors said.
            self.last_score = self.last_score.min(shown.score());
            set_score(&mut shown, self.last_score);
            self.output.found.push(Found::Ready(Box::new(shown)));
        }
        true
    }

    fn is_empty(&self) -> bool {
        self.output.n_files == 0 && self.output.fault.is_none()
    }

    fn flush(&mut self, take: &mut dyn FnMut(Output<'s>) -> bool) -> bool {
        take(std::mem::take(&mut self.output))
    }
}

fn set_score(found: &mut Match, score: f64) {
    match found {
        Match::Commit(found) => found.score = score,
        Match::Diff(found) => (found.score, found.of.score) = (score, score),
        Match::Repo(found) => found.score = score,
        _ => {}
    }
}
