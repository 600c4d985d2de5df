//! One repository's history as one query sees it, and the deciding of one commit after the other.

use super::History;
use super::lines::{ChangedLines, LineHit};
use super::part::{Bound, Kind, PartRun, People, paths, people};
use super::plan::CommitCondition;
use super::scope::Scope;
use super::show;
use crate::admission::SkippedDocs;
use crate::batch::{Context, Fault};
use crate::catalog::Published;
use crate::lines::{self, Counts};
use crate::matcher::Scratch;
use crate::plan::Selection;
use crate::predicate::{FileScanners, Predicates};
use crate::repo_run::{RepoFacts, conditions_of};
use crate::tree::Node;
use crate::{DamagedPart, Match, RepoIndex};
use index::{ChangeState, ChangedFile, CommitChanges, CommitIdx, CommitRow, ReadError};
use model::Language;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::OnceLock;

/// A repository's part of a search over commits.
#[derive(Debug)]
pub(crate) struct HistoryRun<'s> {
    pub(crate) ordinal: u32,
    pub(crate) repo: &'s RepoIndex,
    pub(crate) history: &'s History,
    /// What is left to ask of commits.
    pub(crate) node: Node,
    pub(crate) scope: Scope,
    /// By commit table: the people that conditions match.
    people: Vec<OnceLock<Result<People, ReadError>>>,
    /// By commit table, then by condition: where `message:` may match, for changes.
    messages: Vec<OnceLock<Result<HashMap<usize, Bound>, ReadError>>>,
    /// By change table: which paths `file:` matches, for commits.
    paths: Vec<OnceLock<Result<Vec<index::BlockBitmap>, ReadError>>>,
}

/// The memory that one thread reuses.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    terms: Vec<Scratch>,
    conditions: Vec<Scratch>,
    message: Vec<u8>,
    /// Whose message that is.
    message_of: Option<CommitIdx>,
    changes: CommitChanges,
    changes_of: Option<CommitIdx>,
    lines: ChangedLines,
}

impl Memory {
    /// Another repository comes: commits of the same number are others.
    pub(super) fn forget(&mut self) {
        (self.message_of, self.changes_of) = (None, None);
        self.lines.forget();
    }
}

/// A result.
#[derive(Debug)]
pub(super) struct Hit {
    /// When the commit was recorded.
    pub(super) seconds: i64,
    pub(super) commit: CommitIdx,
    pub(super) counts: Counts,
    /// Language and path, of a change.
    pub(super) file: Option<(Language, Vec<u8>)>,
    /// What is shown; `None` where only counts matter.
    pub(super) shown: Option<Box<Match>>,
}

impl<'s> HistoryRun<'s> {
    /// Prepares a repository. `None` where nothing in it can be found.
    pub(crate) fn new(
        context: &Context<'_>,
        published: &'s Published,
        ordinal: u32,
        scanners: &mut FileScanners,
    ) -> Result<Option<HistoryRun<'s>>, Fault> {
        let of = |part| move |error| Fault { part, error };
        let plan = context.plan;
        let repo: &'s RepoIndex = &published.repo;
        let Some(history) = repo.history.as_deref() else { return Ok(None) };
        let conditions = conditions_of(plan, &repo.name);
        let facts = RepoFacts::of(plan, &repo.name);
        let mut node = facts.fold(plan, Some(repo));
        if plan.reads_for_repos() {
            let revisions = facts.revisions(plan, published).map_err(of(DamagedPart::Index))?;
            let mut predicates = Predicates::new(context, published, None, revisions.as_ref(), scanners);
            let decided = predicates.decide(node).map_err(of(DamagedPart::Index))?;
            let Some(decided) = decided else { return Ok(None) };
            node = decided;
        }
        if node == Node::Const(false) {
            return Ok(None);
        }
        let scope = Scope::new(plan, published, history, |condition| conditions[condition]);
        let Some(scope) = scope.map_err(of(DamagedPart::History))? else { return Ok(None) };
        let (n_commits, n_changes) = (history.commit_parts().len(), history.change_parts().len());
        Ok(Some(HistoryRun {
            ordinal,
            repo,
            history,
            node,
            scope,
            people: (0..n_commits).map(|_| OnceLock::new()).collect(),
            messages: (0..n_commits).map(|_| OnceLock::new()).collect(),
            paths: (0..n_changes).map(|_| OnceLock::new()).collect(),
        }))
    }

    /// Decides commits one by one and gives what matches to `found`, until the watch says stop. `false` then.
    pub(super) fn decide(
        &self,
        context: &Context<'_>,
        part: &PartRun,
        numbers: &[u32],
        memory: &mut Memory,
        is_shown: bool,
        found: &mut Vec<Hit>,
    ) -> Result<bool, ReadError> {
        memory.terms.resize_with(context.plan.terms.len(), Scratch::default);
        memory.conditions.resize_with(context.plan.history.conditions.len(), Scratch::default);
        for number in numbers {
            if context.watch.stop().is_some() {
                return Ok(false);
            }
            let mut one = One { context, run: self, part, commit: CommitIdx(*number), row: None, memory };
            if one.may_match()? {
                match part.kind {
                    Kind::Commits => one.commit(is_shown, found)?,
                    Kind::Changes => one.changes(is_shown, found)?,
                }
            }
        }
        Ok(true)
    }
}

impl HistoryRun<'_> {
    /// Counts the changes of a part that terms alone would decide and whose lines are not there, by reason. `None` when the
    /// watch says stop.
    pub(super) fn untold(
        &self,
        context: &Context<'_>,
        place: usize,
        memory: &mut Memory,
    ) -> Result<Option<SkippedDocs>, ReadError> {
        let is_over = || context.watch.stop().is_some();
        let Some(part) = self.history.change_parts().get(place) else {
            return Ok(Some(SkippedDocs::default()));
        };
        let Some(untold) = part.untold(&is_over)? else { return Ok(None) };
        memory.conditions.resize_with(context.plan.history.conditions.len(), Scratch::default);
        let mut counts = SkippedDocs::default();
        if untold.is_empty() {
            return Ok(Some(counts));
        }
        let files = paths(context.plan, part)?;
        let part = PartRun { kind: Kind::Changes, place, numbers: Vec::new(), terms: Vec::new(), files };
        for commit in untold.iter().rev().filter(|commit| self.scope.commits.contains(commit.0)) {
            if is_over() {
                return Ok(None);
            }
            let mut one = One { context, run: self, part: &part, commit: *commit, row: None, memory };
            one.untold(&mut counts)?;
        }
        Ok(Some(counts))
    }
}

/// One commit being decided.
struct One<'a, 's> {
    context: &'a Context<'a>,
    run: &'a HistoryRun<'s>,
    part: &'a PartRun,
    commit: CommitIdx,
    row: Option<CommitRow>,
    memory: &'a mut Memory,
}

impl One<'_, '_> {
    /// Whether grams, people and dates leave it possible.
    fn may_match(&mut self) -> Result<bool, ReadError> {
        let node = &self.run.node;
        let verdict = node.eval::<ReadError>(&mut |leaf| match leaf {
            Node::Term(term) => {
                let blob = self.run.blob_of(self.part, self.commit).map(|(_, blob)| blob);
                let admits = match (&self.part.terms[*term], blob) {
                    (Some(bound), Some(blob)) => bound.admits(blob),
                    _ => false,
                };
                Ok(if admits { None } else { Some(false) })
            }
            Node::Commit(condition) => self.condition(*condition, false),
            _ => Ok(None),
        })?;
        Ok(verdict != Some(false))
    }

    fn row(&mut self) -> Result<CommitRow, ReadError> {
        if let Some(row) = self.row {
            return Ok(row);
        }
        let part = self.run.history.commit_part(self.commit).ok_or_else(lost)?;
        let row = part.table.row(self.commit)?;
        self.row = Some(row);
        Ok(row)
    }

    /// What a condition says of the commit. Messages are read only where `reads` says so.
    fn condition(&mut self, condition: usize, reads: bool) -> Result<Option<bool>, ReadError> {
        let plan = &self.context.plan.history;
        Ok(Some(match &plan.conditions[condition] {
            CommitCondition::Before(seconds) => self.row()?.committer_seconds < *seconds,
            CommitCondition::After(seconds) => self.row()?.committer_seconds > *seconds,
            CommitCondition::Author(_) => {
                let author = self.row()?.author;
                self.is_one_of(condition, author)?
            }
            CommitCondition::Committer(_) => {
                let committer = self.row()?.committer;
                self.is_one_of(condition, committer)?
            }
            CommitCondition::Message(pattern, _) => {
                let place = self.commit_place()?;
                let bounds = self.run.messages[place].get_or_init(|| self.message_bounds(place));
                let bounds = bounds.as_ref().map_err(Clone::clone)?;
                let part = &self.run.history.commit_parts()[place];
                if bounds.get(&condition).is_some_and(|bound| !bound.admits(part.blob_of(self.commit))) {
                    return Ok(Some(false));
                }
                if !reads {
                    return Ok(None);
                }
                self.read_message()?;
                pattern.matcher.is_match(&mut self.memory.conditions[condition], &self.memory.message)
            }
        }))
    }

    fn commit_place(&self) -> Result<usize, ReadError> {
        let parts = self.run.history.commit_parts();
        let place = parts.partition_point(|part| part.table.range().end <= self.commit.0);
        if place < parts.len() { Ok(place) } else { Err(lost()) }
    }

    fn message_bounds(&self, place: usize) -> Result<HashMap<usize, Bound>, ReadError> {
        let messages = &self.run.history.commit_parts()[place].messages;
        let conditions = self.context.plan.history.conditions.iter().enumerate();
        let asked = conditions.filter_map(|(idx, condition)| match condition {
            CommitCondition::Message(pattern, _) => Some((idx, pattern)),
            _ => None,
        });
        asked.map(|(idx, pattern)| Ok((idx, Bound::of(pattern, messages)?))).collect()
    }

    fn is_one_of(&self, condition: usize, person: u32) -> Result<bool, ReadError> {
        let place = self.commit_place()?;
        let people = self.run.people[place]
            .get_or_init(|| people(&self.context.plan.history, &self.run.history.commit_parts()[place]));
        let people = people.as_ref().map_err(Clone::clone)?;
        Ok(people.get(&condition).is_some_and(|people| people.contains(person)))
    }

    fn read_message(&mut self) -> Result<(), ReadError> {
        if self.memory.message_of == Some(self.commit) {
            return Ok(());
        }
        let part = self.run.history.commit_part(self.commit).ok_or_else(lost)?;
        self.memory.message_of = None;
        self.memory.message.clear();
        part.messages.read_blob(part.blob_of(self.commit), &mut self.memory.message)?;
        self.memory.message_of = Some(self.commit);
        Ok(())
    }

    /// Reads what the commit changed; `false` where that is not known yet.
    fn read_changes(&mut self) -> Result<bool, ReadError> {
        if self.memory.changes_of == Some(self.commit) {
            return Ok(true);
        }
        let Some(part) = self.run.history.change_part(self.commit) else { return Ok(false) };
        self.memory.changes_of = None;
        part.table.changes(self.commit, &mut self.memory.changes)?;
        self.memory.changes_of = Some(self.commit);
        Ok(true)
    }

    /// Whether a term occurs in the message.
    fn in_message(&mut self, term: usize) -> Result<bool, ReadError> {
        self.read_message()?;
        let Some(pattern) = &self.context.plan.terms[term].history else { return Ok(false) };
        let message = &self.memory.message;
        let mut is_match = false;
        pattern.matcher.for_each(&mut self.memory.terms[term], message, |start, _| {
            is_match = lines::is_in_a_line(message, start);
            if is_match { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Ok(is_match)
    }

    /// Whether some changed file is what a leaf asks for.
    fn some_file(&mut self, leaf: &Node) -> Result<bool, ReadError> {
        if !self.read_changes()? {
            return Ok(false);
        }
        let parts = self.run.history.change_parts();
        let place = parts.partition_point(|part| part.table.range().end <= self.commit.0);
        let part = parts.get(place).ok_or_else(lost)?;
        let matched = self.run.paths[place].get_or_init(|| paths(self.context.plan, part));
        let matched = matched.as_ref().map_err(Clone::clone)?;
        for file in &self.memory.changes.files {
            if file_is(leaf, file, matched, &part.table)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Decides the commit by its message.
    fn commit(&mut self, is_shown: bool, found: &mut Vec<Hit>) -> Result<(), ReadError> {
        let node = &self.run.node;
        let verdict = node.eval::<ReadError>(&mut |leaf| {
            Ok(Some(match leaf {
                Node::Term(term) => self.in_message(*term)?,
                Node::Commit(condition) => self.condition(*condition, true)?.unwrap_or(false),
                Node::File(_) | Node::Language(_) => self.some_file(leaf)?,
                _ => false,
            }))
        })?;
        if verdict != Some(true) {
            return Ok(());
        }
        self.read_message()?;
        let hits = self.message_hits();
        let counts = lines::count(&self.memory.message, &hits);
        let row = self.row()?;
        let shown = match is_shown {
            true => Some(Box::new(Match::Commit(show::commit(
                self.run,
                self.commit,
                &row,
                &self.memory.message,
                &hits,
            )?))),
            false => None,
        };
        let seconds = row.committer_seconds;
        found.push(Hit { seconds, commit: self.commit, counts, file: None, shown });
        Ok(())
    }

    /// Where terms and `message:` occur in the message.
    fn message_hits(&mut self) -> Vec<lines::Hit> {
        let plan = self.context.plan;
        let mut hits = Vec::new();
        let message = &self.memory.message;
        let mut add = |matcher: &crate::matcher::Matcher, scratch: &mut Scratch| {
            matcher.for_each(scratch, message, |start, end| {
                if lines::is_in_a_line(message, start) {
                    hits.push((start, end));
                }
                ControlFlow::Continue(())
            });
        };
        if self.part.kind == Kind::Commits {
            for (term, scratch) in plan.terms.iter().zip(&mut self.memory.terms) {
                if let Some(pattern) = term.history.as_ref().filter(|_| term.is_positive) {
                    add(&pattern.matcher, scratch);
                }
            }
        }
        for (condition, scratch) in plan.history.conditions.iter().zip(&mut self.memory.conditions) {
            if let CommitCondition::Message(pattern, true) = condition {
                add(&pattern.matcher, scratch);
            }
        }
        lines::merge(&mut hits);
        hits
    }

    /// Decides each changed file.
    fn changes(&mut self, is_shown: bool, found: &mut Vec<Hit>) -> Result<(), ReadError> {
        if !self.read_changes()? {
            return Ok(());
        }
        let plan = self.context.plan;
        let part = self.run.history.change_part(self.commit).ok_or_else(lost)?;
        let side = side_of(plan.selection);
        let mut is_loaded = false;
        for file_idx in 0..self.memory.changes.files.len() {
            let file = self.memory.changes.files[file_idx].clone();
            if side.is_some_and(|side| !has_side(&self.memory.changes, &file, side)) {
                continue;
            }
            let eval = |one: &mut Self, is_loaded: bool| {
                let node = &one.run.node;
                node.eval::<ReadError>(&mut |leaf| match leaf {
                    Node::Term(_) if !is_loaded => Ok(None),
                    Node::Term(term) => Ok(Some(one.memory.lines.has_hit(*term, &file.lines))),
                    Node::Commit(condition) => one.condition(*condition, true),
                    Node::File(_) | Node::Language(_) => {
                        file_is(leaf, &file, &one.part.files, &part.table).map(Some)
                    }
                    _ => Ok(Some(false)),
                })
            };
            let mut verdict = eval(self, is_loaded)?;
            if verdict.is_none() {
                self.scan(side)?;
                is_loaded = true;
                verdict = eval(self, true)?;
            }
            if verdict == Some(true) {
                if !is_loaded && plan.terms.iter().any(|term| term.history.is_some()) {
                    self.scan(side)?;
                    is_loaded = true;
                }
                self.found_file(&file, is_shown, found)?;
            }
        }
        Ok(())
    }

    /// Counts the commit's changes whose lines are not there.
    fn untold(&mut self, counts: &mut SkippedDocs) -> Result<(), ReadError> {
        if !self.read_changes()? {
            return Ok(());
        }
        let n_left_out = self.memory.changes.n_files_left_out;
        if n_left_out > 0 && self.may_be_of(None)? {
            counts.n_changes_left_out += n_left_out;
        }
        for file_idx in 0..self.memory.changes.files.len() {
            let file = self.memory.changes.files[file_idx].clone();
            if file.state == ChangeState::Lines || !self.may_be_of(Some(&file))? {
                continue;
            }
            match file.state {
                ChangeState::Lines => {}
                ChangeState::Binary => counts.n_changes_binary += 1,
                ChangeState::TooLarge => counts.n_changes_too_large += 1,
                ChangeState::Unreadable => counts.n_changes_unreadable += 1,
            }
        }
        Ok(())
    }

    /// Whether it depends on lines alone that a file's change is found; on the file too, where it is not known.
    fn may_be_of(&mut self, file: Option<&ChangedFile>) -> Result<bool, ReadError> {
        let run = self.run;
        let table = &run.history.change_part(self.commit).ok_or_else(lost)?.table;
        let verdict = run.node.eval::<ReadError>(&mut |leaf| match (leaf, file) {
            (Node::Term(_), _) => Ok(None),
            (Node::Commit(condition), _) => self.condition(*condition, true),
            (Node::File(_) | Node::Language(_), Some(file)) => {
                file_is(leaf, file, &self.part.files, table).map(Some)
            }
            (Node::File(_) | Node::Language(_), None) => Ok(None),
            _ => Ok(Some(false)),
        })?;
        Ok(verdict.is_none())
    }

    /// Looks for all terms in the changed lines.
    fn scan(&mut self, side: Option<Side>) -> Result<(), ReadError> {
        let Some((segment, blob)) = self.run.blob_of(self.part, self.commit) else { return Ok(()) };
        let Memory { terms, changes, lines, .. } = &mut *self.memory;
        lines.scan(self.context.plan, &self.part.terms, segment, blob, changes, terms, side)
    }

    fn found_file(
        &mut self,
        file: &ChangedFile,
        is_shown: bool,
        found: &mut Vec<Hit>,
    ) -> Result<(), ReadError> {
        let plan = self.context.plan;
        let part = self.run.history.change_part(self.commit).ok_or_else(lost)?;
        let has_terms = plan.terms.iter().any(|term| term.history.is_some());
        let hits: Vec<LineHit> =
            if has_terms { self.memory.lines.positive_hits(plan, &file.lines) } else { Vec::new() };
        let mut n_lines = 0;
        let mut last = None;
        for hit in &hits {
            n_lines += u64::from(last != Some(hit.line));
            last = Some(hit.line);
        }
        let counts = Counts { n_lines, n_matches: hits.len() as u64 };
        let row = self.row()?;
        let path = part.table.path(file.path)?.to_vec();
        let language = part.table.language(file.path)?;
        let shown = match is_shown {
            true => {
                self.read_message()?;
                let message_hits = self.message_hits();
                let of = show::commit(self.run, self.commit, &row, &self.memory.message, &message_hits)?;
                let (segment, blob) = self.run.blob_of(self.part, self.commit).ok_or_else(lost)?;
                let text = self.memory.lines.whole(segment, blob)?;
                let changed =
                    show::Changed { file, hunks: &self.memory.changes.hunks, text, hits: &hits, n_lines };
                Some(Box::new(Match::Diff(show::diff(
                    self.context,
                    (self.run, self.commit),
                    of,
                    part,
                    &changed,
                )?)))
            }
            false => None,
        };
        let file = Some((language, path));
        found.push(Hit { seconds: row.committer_seconds, commit: self.commit, counts, file, shown });
        Ok(())
    }
}

/// The added or the removed lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Added,
    Removed,
}

fn side_of(selection: Selection) -> Option<Side> {
    match selection {
        Selection::CommitAdded => Some(Side::Added),
        Selection::CommitRemoved => Some(Side::Removed),
        _ => None,
    }
}

fn has_side(changes: &CommitChanges, file: &ChangedFile, side: Side) -> bool {
    let hunks = changes.hunks.get(file.hunks.clone()).unwrap_or_default();
    hunks.iter().any(|hunk| match side {
        Side::Added => hunk.n_new > 0,
        Side::Removed => hunk.n_old > 0,
    })
}

/// Whether a changed file is what `file:` or `lang:` asks for, by its path after or before the commit.
fn file_is(
    leaf: &Node,
    file: &ChangedFile,
    matched: &[index::BlockBitmap],
    table: &index::ChangeTable,
) -> Result<bool, ReadError> {
    Ok(match leaf {
        Node::File(condition) => matched.get(*condition).is_some_and(|paths| {
            paths.contains(file.path) || file.old_path.is_some_and(|old| paths.contains(old))
        }),
        Node::Language(language) => table.language(file.path)? == *language,
        _ => false,
    })
}

fn lost() -> ReadError {
    ReadError::Damaged { section: "history", what: "a commit is in no table" }
}
