//! Taking outputs in order: ranking the first ones, showing what fits, counting everything.

use crate::admission::SkippedDocs;
use crate::batch::{Context, Fault, Found, FoundDocument, Output};
use crate::catalog::Published;
use crate::facets::FacetCounts;
use crate::plan::Selection;
use crate::select::{Counted, Shown, directory, directory_match};
use crate::{ContentMatch, DamagedPart, Facets, Match, PathMatch, RepoMatch, Stats};
use index::ReadError;
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// How many documents are ranked together before the first is shown.
const WINDOW_DOCS: usize = 256;
/// The window closes after this much work too, in blocks (some 4 MiB of text): a slow search still streams.
const WINDOW_BLOCKS: u64 = 1024;
/// How many times more definitions than documents are ranked together.
const WINDOW_SYMBOLS: usize = 64;
/// The window closes when it holds this many pages of lines.
const WINDOW_PAGES: usize = 4;
/// Progress is told after this much work, in blocks (some 32 MiB of text).
const PROGRESS_BLOCKS: u64 = 8192;

/// The taking side of one search.
pub(crate) struct Collector<'a, 's> {
    context: &'a Context<'a>,
    repos: &'a [&'s Published],
    sink: &'a mut dyn crate::Sink,
    started: Instant,
    window: Option<Vec<Found<'s>>>,
    n_shown: usize,
    n_blocks: u64,
    n_blocks_told: u64,
    stats: Stats,
    facets: FacetCounts,
    /// Repositories with a result, by ordinal.
    with_results: BTreeSet<u32>,
    shown: Shown,
    counted: Counted,
    findings: Findings,
    /// Documents that cannot be searched in repositories that are passed over, by ordinal: taken when their turn has come.
    passed: Peekable<std::vec::IntoIter<(u32, SkippedDocs)>>,
}

impl<'a, 's> Collector<'a, 's> {
    pub(crate) fn new(
        context: &'a Context<'a>,
        repos: &'a [&'s Published],
        sink: &'a mut dyn crate::Sink,
        started: Instant,
    ) -> Self {
        Collector {
            context,
            repos,
            sink,
            started,
            window: Some(Vec::new()),
            n_shown: 0,
            n_blocks: 0,
            n_blocks_told: 0,
            stats: Stats::default(),
            facets: FacetCounts::default(),
            with_results: BTreeSet::new(),
            shown: Shown::default(),
            counted: Counted::default(),
            findings: Findings::default(),
            passed: Vec::new().into_iter().peekable(),
        }
    }

    /// Notes what repositories that are passed over hold that cannot be searched. Ascending.
    pub(crate) fn pass(&mut self, passed: Vec<(u32, SkippedDocs)>) {
        self.passed = passed.into_iter().peekable();
    }

    /// Takes the repositories that are passed over before this one.
    pub(crate) fn take_passed(&mut self, before: u32) {
        while let Some((_, skipped)) = self.passed.next_if(|(ordinal, _)| *ordinal < before) {
            self.findings.skipped.merge(skipped);
        }
    }

    /// Takes repositories that match by name. `false` when no more is wanted.
    pub(crate) fn take_repos(&mut self, mut found: Vec<(u32, RepoMatch)>) -> bool {
        found.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score));
        let mut batch = Vec::new();
        for (ordinal, repo) in found {
            self.with_results.insert(ordinal);
            if self.shown.repo(repo.repo_id) && self.n_shown < self.context.plan.display {
                self.n_shown += 1;
                batch.push(Match::Repo(repo));
            } else {
                self.findings.hit_limit = true;
            }
        }
        self.send(batch);
        !self.is_enough()
    }

    /// Takes a repository that was found with its documents.
    fn take_named(&mut self, ordinal: u32, repo: RepoMatch) {
        self.with_results.insert(ordinal);
        if self.shown.repo(repo.repo_id) {
            self.keep(vec![Found::Ready(Box::new(Match::Repo(repo)))]);
        }
    }

    /// Takes one output. `false` when no more is wanted.
    pub(crate) fn take(&mut self, mut output: Output<'s>) -> bool {
        self.take_passed(output.repo_ordinal);
        self.n_blocks += output.n_blocks;
        self.findings.skipped.merge(output.skipped);
        self.findings.n_without_revision += usize::from(output.lacks_revision);
        self.findings.n_without_condition += usize::from(output.lacks_condition);
        if let Some(Fault { part, error }) = output.fault.take() {
            self.findings.damaged.entry((output.repo_ordinal, part)).or_insert(error);
        }
        if let Some(repo) = output.named.take() {
            self.take_named(output.repo_ordinal, repo);
        }
        let is_known = self.context.plan.selection == Selection::Repo
            && self.is_shown(output.repo_ordinal)
            && !self.context.plan.is_exhaustive;
        if !is_known {
            self.count(&output);
            let selected = std::mem::take(&mut output.selected);
            self.counted.take(self.context.plan.selection, output.repo_ordinal, selected);
            self.facets.merge(output.facets);
            self.keep(output.found);
        }
        self.tell_progress();
        !self.is_enough()
    }

    fn is_shown(&self, ordinal: u32) -> bool {
        let published = self.repos.get(ordinal as usize);
        published.is_some_and(|published| self.shown.has_repo(published.repo.id))
    }

    /// Whether something found was not shown.
    pub(crate) fn is_truncated(&self) -> bool {
        self.findings.hit_limit
    }

    /// Shows what is left and gives the facets.
    pub(crate) fn finish(mut self) -> (Stats, Facets, Findings) {
        self.close_window();
        self.findings.is_count_cut = self.counted.is_cut;
        let stats = self.settled_stats();
        (stats, self.facets.finish(), self.findings)
    }

    /// The counts as they are told.
    fn settled_stats(&self) -> Stats {
        let mut stats = Stats { repos: self.with_results.len() as u64, ..self.stats.clone() };
        self.counted.settle(self.context.plan, &mut stats);
        stats
    }

    fn note_fault(&mut self, ordinal: u32, fault: ReadError) {
        self.findings.damaged.entry((ordinal, DamagedPart::Index)).or_insert(fault);
    }

    fn count(&mut self, output: &Output<'s>) {
        self.stats.files += output.n_files;
        self.stats.lines += output.counts.n_lines;
        self.stats.matches += output.counts.n_matches;
        if output.n_files > 0 {
            self.with_results.insert(output.repo_ordinal);
            if let Some(published) = self.repos.get(output.repo_ordinal as usize) {
                self.facets.add_repo(published.repo.name.as_str(), output.n_files);
            }
        }
    }

    fn keep(&mut self, found: Vec<Found<'s>>) {
        let Some(window) = &mut self.window else {
            self.show(found);
            return;
        };
        window.extend(found);
        let n_lines: usize = window.iter().map(Found::n_shown).sum();
        let display = self.context.plan.display;
        // Definitions are found in microseconds: far more of them are ranked together.
        let size = if self.context.plan.symbols.is_some() { WINDOW_SYMBOLS } else { 1 };
        let is_ripe = window.len() >= WINDOW_DOCS * size
            || self.n_blocks >= WINDOW_BLOCKS
            || n_lines >= display.saturating_mul(WINDOW_PAGES * size);
        if is_ripe {
            self.close_window();
        }
    }

    fn close_window(&mut self) {
        if let Some(mut window) = self.window.take() {
            // Stable: equal scores stay in the order of the index, which is that of static rank.
            // Repositories come first, as where their names are known before the search.
            window.sort_by(|a, b| b.leads().cmp(&a.leads()).then(b.score().total_cmp(&a.score())));
            self.show(window);
        }
    }

    fn show(&mut self, found: Vec<Found<'s>>) {
        let mut batch = Vec::new();
        for found in found {
            let n_left = self.context.plan.display.saturating_sub(self.n_shown);
            if n_left == 0 {
                self.findings.hit_limit = true;
                break;
            }
            let selected = match found {
                Found::Document(found) => self.select(*found, n_left),
                Found::Symbol(found) => {
                    let ordinal = found.run.ordinal;
                    let selection = self.context.plan.selection;
                    if selection == Selection::Repo && !self.shown.repo(found.run.repo.id) {
                        continue;
                    }
                    let made = found.into_match(self.context.limits.line_bytes.max(16));
                    made.map(|made| self.shown.select(selection, made)).map_err(|fault| (ordinal, fault))
                }
                Found::Ready(found) => Ok(self.shown.select(self.context.plan.selection, *found)),
            };
            match selected {
                Ok(Some(selected)) => {
                    self.n_shown += selected.n_shown();
                    batch.push(selected);
                }
                Ok(None) => {}
                Err((ordinal, fault)) => self.note_fault(ordinal, fault),
            }
        }
        if self.n_shown >= self.context.plan.display {
            self.context.is_display_full.store(true, Ordering::Relaxed);
        }
        self.send(batch);
    }

    /// Turns a document into the result that was asked for; `None` where that was shown already.
    fn select(&mut self, found: FoundDocument<'s>, n_left: usize) -> Result<Option<Match>, (u32, ReadError)> {
        let (ordinal, repo_id) = (found.run.ordinal, found.run.repo.id);
        let result = match self.context.plan.selection {
            Selection::Repo => self.shown.repo(repo_id).then(|| {
                Ok(Match::Repo(RepoMatch {
                    repo_id: found.run.repo.id,
                    repo: found.run.repo.name.clone(),
                    ranges: Vec::new(),
                    score: found.parts.total(),
                }))
            }),
            Selection::Symbol => None,
            Selection::FilePath if !self.shown.path(repo_id, &found.path) => None,
            Selection::File | Selection::FilePath => Some(path_match(found).map(Match::Path)),
            Selection::Directory => {
                let is_new = self.shown.path(repo_id, directory(&found.path));
                is_new.then(|| path_match(found).map(directory_match))
            }
            // Owners come finished from the units of work: they know the repository's rules.
            Selection::Owners => None,
            Selection::AsFound | Selection::Content if found.has_lines => {
                Some(self.content_match(found, n_left))
            }
            Selection::AsFound | Selection::Content => Some(path_match(found).map(Match::Path)),
            // No document is a commit.
            Selection::Commit | Selection::CommitAdded | Selection::CommitRemoved => None,
        };
        result.transpose().map_err(|fault| (ordinal, fault))
    }

    fn content_match(&mut self, found: FoundDocument<'s>, n_left: usize) -> Result<Match, ReadError> {
        let (commit, refs) = found.run.revisions.describe(&found.run.repo.ref_table, found.doc.revisions)?;
        let mut lines = found.lines;
        if lines.len() > n_left {
            self.findings.hit_limit = true;
            lines.truncate(n_left);
        }
        Ok(Match::Content(ContentMatch {
            repo_id: found.run.repo.id,
            repo: found.run.repo.name.clone(),
            commit,
            refs,
            path: found.path,
            path_ranges: found.path_ranges,
            language: found.doc.language,
            blob: found.blob,
            score: found.parts.total(),
            score_parts: found.parts,
            lines,
            n_lines: found.counts.n_lines,
            n_matches: found.counts.n_matches,
        }))
    }

    fn send(&mut self, batch: Vec<Match>) {
        if !batch.is_empty() && !self.findings.is_refused && self.sink.matches(batch).is_break() {
            self.findings.is_refused = true;
        }
    }

    fn is_enough(&mut self) -> bool {
        let is_full = self.n_shown >= self.context.plan.display;
        if is_full {
            self.context.is_display_full.store(true, Ordering::Relaxed);
        }
        self.findings.is_refused || (is_full && !self.context.plan.is_exhaustive)
    }

    /// By work, not by the clock: what is told when is the same for the same visible world.
    fn tell_progress(&mut self) {
        if self.n_blocks - self.n_blocks_told >= PROGRESS_BLOCKS {
            self.n_blocks_told = self.n_blocks;
            let stats = Stats { duration: self.started.elapsed(), ..self.settled_stats() };
            self.sink.progress(&stats);
        }
    }
}

/// What a search learned beside its results.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) skipped: SkippedDocs,
    /// The first fault of each part of each repository, by ordinal.
    pub(crate) damaged: BTreeMap<(u32, DamagedPart), ReadError>,
    pub(crate) n_without_revision: usize,
    pub(crate) n_without_condition: usize,
    /// Whether something found was not shown, or was not looked for, because the page is full.
    pub(crate) hit_limit: bool,
    /// Whether more different results were found than are told apart.
    pub(crate) is_count_cut: bool,
    /// Whether the sink wants no more.
    pub(crate) is_refused: bool,
}

fn path_match(found: FoundDocument<'_>) -> Result<PathMatch, ReadError> {
    let (commit, refs) = found.run.revisions.describe(&found.run.repo.ref_table, found.doc.revisions)?;
    Ok(PathMatch {
        repo_id: found.run.repo.id,
        repo: found.run.repo.name.clone(),
        commit,
        refs,
        path: found.path,
        change: None,
        ranges: found.path_ranges,
        language: found.doc.language,
        blob: found.blob,
        score: found.parts.total(),
        score_parts: found.parts,
    })
}
