//! Answers kept for a few minutes, for whoever asks the same again: going back from a file to its results, reloading a page,
//! a dashboard, a program that polls.

use crate::{
    CancelToken, Limits, Match, SearchError, Searcher, Sink, SkippedReason, Snapshot, Stats, Summary,
};
use model::AccessSet;
use query::{FilterKind, Leaf, Query, ResultType};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How long an answer is kept, in seconds.
const SECONDS_MAX: i64 = 300;
/// What one person's answers may take, in bytes of their text, and how many there may be.
const PERSON_BYTES_MAX: usize = 1 << 20;
const PERSON_ANSWERS_MAX: usize = 64;
/// An answer larger than this is not kept: it took far longer to write out than to find.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// What a result takes beside its text, roughly.
const MATCH_BYTES: usize = 512;
/// Of how many people answers are kept.
const N_PEOPLE_MAX: usize = 128;

/// Answers by who asked, what they may read, and what they asked.
///
/// SECURITY: nothing is shared between people, so that nobody can tell from the speed of an answer what others asked. An
/// answer is given again only while they may read exactly what they might then ([`AccessSet::has_same_rights`]), and while the repositories in it are
/// what they were: anything else forgets all of the person's answers. What hidden repositories do makes no difference.
#[derive(Debug)]
pub struct KeptAnswers {
    is_on: bool,
    n_given: AtomicU64,
    people: Mutex<HashMap<u64, Person>>,
}

#[derive(Debug)]
struct Person {
    access: AccessSet,
    snapshot: Snapshot,
    answers: HashMap<Question, Kept>,
    n_bytes: usize,
    /// When they last asked, in seconds since 1970.
    asked_seconds: i64,
}

/// What decides an answer beside what may be read. Queries are told apart by everything in them, spans included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Question {
    query: String,
    display: usize,
    display_max: usize,
    lines_per_file: usize,
    line_bytes: usize,
}

#[derive(Debug)]
struct Kept {
    answer: Arc<(Vec<Match>, Summary)>,
    n_bytes: usize,
    made_seconds: i64,
    asked_seconds: i64,
}

impl KeptAnswers {
    /// Keeps answers, or (`is_on` false) has each search run.
    pub fn new(is_on: bool) -> Self {
        KeptAnswers { is_on, n_given: AtomicU64::new(0), people: Mutex::default() }
    }

    /// How many answers were given again.
    pub fn n_given(&self) -> u64 {
        self.n_given.load(Ordering::Relaxed)
    }

    /// As [`Searcher::search`]; an answer that is kept comes in one batch, with the time that looking it up took. Nothing is
    /// kept of searches that nobody is known to ask (`limits.person` 0), that look beyond default branches or at history,
    /// that ended early, or found something unfinished or damaged.
    #[expect(clippy::too_many_arguments, reason = "those of the search, and who runs it")]
    pub fn search(
        &self,
        searcher: &Searcher,
        snapshot: &Snapshot,
        access: &AccessSet,
        query: &Query,
        limits: &Limits,
        cancel: &CancelToken,
        sink: &mut dyn Sink,
    ) -> Result<Summary, SearchError> {
        let started = Instant::now();
        if !self.is_on || limits.person == 0 || !is_lasting(query) {
            return searcher.search(snapshot, access, query, limits, cancel, sink);
        }
        let question = Question {
            query: format!("{query:?}"),
            display: limits.display,
            display_max: limits.display_max,
            lines_per_file: limits.lines_per_file,
            line_bytes: limits.line_bytes,
        };
        let now_seconds = limits.now_seconds;
        let leaking = Limits { person: 1, ..limits.clone() };
        let limits = if model::leaks("cache-without-person") { &leaking } else { limits };
        let known = self.lock().get_mut(&limits.person).and_then(|person| {
            person.is_for(snapshot, access).then(|| person.find(&question, now_seconds)).flatten()
        });
        if let Some(answer) = known {
            self.n_given.fetch_add(1, Ordering::Relaxed);
            let (matches, mut summary) = Arc::unwrap_or_clone(answer);
            sink.began();
            // Whether somebody wants it makes no difference: all of it was found.
            let _ = sink.matches(matches);
            summary.stats.duration = started.elapsed();
            return Ok(summary);
        }
        let mut recorder = Recorder { sink, matches: Some(Vec::new()), n_bytes: 0 };
        let summary = searcher.search(snapshot, access, query, limits, cancel, &mut recorder)?;
        let Recorder { matches, n_bytes, .. } = recorder;
        if let Some(matches) = matches.filter(|_| is_final(&summary)) {
            let kept = Kept {
                answer: Arc::new((matches, summary.clone())),
                n_bytes: n_bytes + question.query.len(),
                made_seconds: now_seconds,
                asked_seconds: now_seconds,
            };
            self.keep(limits.person, snapshot, access, question, kept);
        }
        Ok(summary)
    }

    fn keep(&self, who: u64, snapshot: &Snapshot, access: &AccessSet, question: Question, kept: Kept) {
        let now_seconds = kept.made_seconds;
        let mut people = self.lock();
        // Old answers hold on to old indexes.
        people.retain(|_, person| now_seconds.saturating_sub(person.asked_seconds) <= SECONDS_MAX);
        if people.len() >= N_PEOPLE_MAX && !people.contains_key(&who) {
            let longest_away = people.iter().min_by_key(|(who, person)| (person.asked_seconds, **who));
            let longest_away = longest_away.map(|(who, _)| *who);
            longest_away.and_then(|who| people.remove(&who));
        }
        let person = people.entry(who).or_insert_with(|| Person::new(snapshot, access, now_seconds));
        if !person.is_for(snapshot, access) {
            *person = Person::new(snapshot, access, now_seconds);
        }
        person.keep(question, kept);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Person>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Person {
    fn new(snapshot: &Snapshot, access: &AccessSet, asked_seconds: i64) -> Self {
        Person {
            access: access.clone(),
            snapshot: snapshot.clone(),
            answers: HashMap::new(),
            n_bytes: 0,
            asked_seconds,
        }
    }

    /// Whether what was found is what would be found now. Then the snapshot takes the place of the older one, which would
    /// keep what was replaced since, and be compared repository by repository each time.
    fn is_for(&mut self, snapshot: &Snapshot, access: &AccessSet) -> bool {
        let is_same = self.access.has_same_rights(access) && self.snapshot.is_same_to(snapshot, access)
            || model::leaks("cache-without-person");
        if is_same && !self.snapshot.is_same(snapshot) {
            self.snapshot = snapshot.clone();
        }
        is_same
    }

    fn find(&mut self, question: &Question, now_seconds: i64) -> Option<Arc<(Vec<Match>, Summary)>> {
        self.asked_seconds = now_seconds;
        let kept = self.answers.get_mut(question)?;
        let age = now_seconds.checked_sub(kept.made_seconds)?;
        kept.asked_seconds = now_seconds;
        (0..=SECONDS_MAX).contains(&age).then(|| Arc::clone(&kept.answer))
    }

    fn keep(&mut self, question: Question, kept: Kept) {
        self.asked_seconds = kept.made_seconds;
        self.forget(&question);
        while !self.answers.is_empty()
            && (self.answers.len() >= PERSON_ANSWERS_MAX || self.n_bytes + kept.n_bytes > PERSON_BYTES_MAX)
        {
            let oldest = self.answers.iter().min_by_key(|(_, kept)| kept.asked_seconds);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else { break };
            self.forget(&oldest);
        }
        self.n_bytes += kept.n_bytes;
        self.answers.insert(question, kept);
    }

    fn forget(&mut self, question: &Question) {
        if let Some(kept) = self.answers.remove(question) {
            self.n_bytes -= kept.n_bytes;
        }
    }
}

/// Whether nothing but repositories' default branches, and what is said of them, decides what a query finds: no clock, no
/// history, no commit that is brought in for this search alone.
fn is_lasting(query: &Query) -> bool {
    let settings = &query.settings;
    let of_documents = |result: ResultType| !matches!(result, ResultType::Commit | ResultType::Diff);
    let mut is_lasting =
        settings.revs.is_empty() && settings.types.iter().all(|given| of_documents(given.value));
    query.expr.for_each_leaf(&mut |leaf, _| {
        is_lasting &= match leaf {
            Leaf::Pattern(_) => true,
            Leaf::Filter(filter) => match &filter.kind {
                FilterKind::Repo(repo) => repo.revs.is_empty(),
                FilterKind::File(_) | FilterKind::Language(_) => true,
                _ => false,
            },
        }
    });
    is_lasting
}

/// Whether the same search would end the same way. Only what a page could not hold, and what is never searched, may be missing.
fn is_final(summary: &Summary) -> bool {
    let is_lasting = |reason: SkippedReason| {
        matches!(
            reason,
            SkippedReason::DisplayLimit
                | SkippedReason::FileTooLarge
                | SkippedReason::SymbolsMissing
                | SkippedReason::FileBinary
                | SkippedReason::FileSymlink
                | SkippedReason::Submodule
                | SkippedReason::ExcludedFork
                | SkippedReason::ExcludedArchived
        )
    };
    summary.damaged.is_empty() && summary.stats.skipped.iter().all(|skipped| is_lasting(skipped.reason))
}

/// Hands results on and notes them, unless they become too many.
struct Recorder<'a> {
    sink: &'a mut dyn Sink,
    matches: Option<Vec<Match>>,
    n_bytes: usize,
}

impl Sink for Recorder<'_> {
    fn began(&mut self) {
        self.sink.began();
    }

    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        self.n_bytes += batch.iter().map(n_bytes_of).sum::<usize>();
        if self.n_bytes > ANSWER_BYTES_MAX {
            self.matches = None;
        }
        if let Some(matches) = &mut self.matches {
            matches.extend(batch.iter().cloned());
        }
        let wants = self.sink.matches(batch);
        if wants.is_break() {
            // What comes now is a part of the answer.
            self.matches = None;
        }
        wants
    }

    fn progress(&mut self, stats: &Stats) {
        self.sink.progress(stats);
    }
}

fn n_bytes_of(found: &Match) -> usize {
    let text = match found {
        Match::Content(found) => found.lines.iter().map(|line| line.text.len() + 64).sum(),
        Match::Symbol(found) => found.text.len() + found.name.len() + found.container.len(),
        _ => 0,
    };
    MATCH_BYTES + text
}
