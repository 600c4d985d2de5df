//! Units of work: a repository, a chunk, a batch of candidates, a run of paths; and what comes out of each.

use crate::admission::{Scratches, SkippedDocs, path_grams};
use crate::catalog::Published;
use crate::chunk::{Candidates, candidates, candidates_of};
use crate::facets::FacetCounts;
use crate::history::with_contributors;
use crate::limits::Watch;
use crate::lines::{self, Counts, Cut};
use crate::owners::OwnersView;
use crate::plan::{Plan, Selection};
use crate::predicate::Predicates;
use crate::probe::{Probe, Stage};
use crate::rank;
use crate::rank::ScoreParts;
use crate::repo_run::{RepoFacts, RepoRun, match_repo_name};
use crate::revisions::Revisions;
use crate::scan::{FoundBlob, FoundDoc, Scanner, Signals};
use crate::select;
use crate::shortlist::{self, Taken};
use crate::sketch::Sketches;
use crate::structural::{self, Coverage};
use crate::symbol::find::{self, Listing, Outcome};
use crate::symbol::show::FoundSymbol;
use crate::tree::Node;
use crate::{DamagedPart, Limits, LineMatch, Match, OwnerMatch, RepoMatch};
use index::{BlobIdx, ChunkIdx, Doc, DocIdx, GroupIdx, ReadError, SegmentOrdinal};
use model::{BlobFlags, ByteRange, ObjectId};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Candidates are verified where they are found up to this many blocks (some 100 µs): handing them on would cost more.
const INLINE_BLOCKS: u64 = 64;
/// How many groups of paths make one unit.
const LISTED_GROUPS: usize = 256;

/// Something to do.
#[derive(Debug)]
pub(crate) enum Item<'s> {
    Repo(Taken<'s>),
    Chunk(Arc<RepoRun<'s>>, SegmentOrdinal, ChunkIdx),
    Batch(Arc<RepoRun<'s>>, Arc<Candidates>, Range<usize>),
    Paths(Arc<RepoRun<'s>>, Arc<Vec<GroupIdx>>, Range<usize>),
    Symbols(Arc<RepoRun<'s>>, SegmentOrdinal),
    Listing(Arc<RepoRun<'s>>, Box<Listing>),
}

/// What a unit of work found, in order.
#[derive(Debug, Default)]
pub(crate) struct Output<'s> {
    /// What may be shown, in the order of the index.
    pub(crate) found: Vec<Found<'s>>,
    pub(crate) n_files: u64,
    pub(crate) counts: Counts,
    /// What was found as `select:` wants it counted, where that is not a file: paths, directories, owners. The same one may
    /// stand here more than once.
    pub(crate) selected: Vec<Vec<u8>>,
    pub(crate) facets: FacetCounts,
    /// How many blocks were read: the measure of work, the same on every machine.
    pub(crate) n_blocks: u64,
    pub(crate) skipped: SkippedDocs,
    /// The repository this is about.
    pub(crate) repo_ordinal: u32,
    /// Why a part of it could not be read.
    pub(crate) fault: Option<Fault>,
    /// Whether the query's revisions are not in this repository.
    pub(crate) lacks_revision: bool,
    /// Whether the conditions on repositories do not hold for this one.
    pub(crate) lacks_condition: bool,
    /// The repository itself as a result.
    pub(crate) named: Option<RepoMatch>,
    /// Whether the work was called off in the middle.
    pub(crate) is_partial: bool,
}

/// Something that could not be read.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) part: DamagedPart,
    pub(crate) error: ReadError,
}

/// Something that may be shown.
#[derive(Debug)]
pub(crate) enum Found<'s> {
    /// A document: what it is shown as depends on `select:`.
    Document(Box<FoundDocument<'s>>),
    /// A definition: its line is read when it is shown.
    Symbol(Box<FoundSymbol<'s>>),
    /// A finished result, of a kind that is not a document.
    Ready(Box<Match>),
}

impl Found<'_> {
    pub(crate) fn score(&self) -> f64 {
        match self {
            Found::Document(found) => found.parts.total(),
            Found::Symbol(found) => found.parts.total(),
            Found::Ready(found) => found.score(),
        }
    }

    /// Whether it stands before what is not such a one, whatever the scores.
    pub(crate) fn leads(&self) -> bool {
        matches!(self, Found::Ready(found) if matches!(**found, Match::Repo(_)))
    }

    /// How much of the page it takes at most.
    pub(crate) fn n_shown(&self) -> usize {
        match self {
            Found::Document(found) => found.lines.len().max(1),
            Found::Symbol(_) => 1,
            Found::Ready(found) => found.n_shown(),
        }
    }
}

/// A document that may be shown.
#[derive(Debug)]
pub(crate) struct FoundDocument<'s> {
    pub(crate) run: Arc<RepoRun<'s>>,
    pub(crate) doc: Doc,
    pub(crate) path: Vec<u8>,
    pub(crate) path_ranges: Vec<ByteRange>,
    pub(crate) blob: ObjectId,
    pub(crate) has_lines: bool,
    pub(crate) lines: Vec<LineMatch>,
    pub(crate) counts: Counts,
    pub(crate) parts: ScoreParts,
}

/// What all units of one search share.
#[derive(Debug)]
pub(crate) struct Context<'q> {
    pub(crate) plan: &'q Plan,
    pub(crate) limits: &'q Limits,
    pub(crate) watch: Watch,
    /// Set when the page is full: from then on only counts matter.
    pub(crate) is_display_full: AtomicBool,
    /// Where costs are noted, if somebody asks for them.
    pub(crate) probe: Option<&'q Probe>,
    /// How far a structural search has come.
    pub(crate) coverage: Coverage,
    /// SECURITY: forbidden repositories' are among them; only where a [`Taken`] says may be looked.
    pub(crate) sketches: &'q Sketches,
}

impl<'s> Item<'s> {
    /// Does the work, or splits it: then the new units follow what is put out here.
    pub(crate) fn run(
        self,
        context: &Context<'_>,
        scanner: &mut Scanner,
        repo_ordinal: u32,
    ) -> (Output<'s>, Vec<Item<'s>>) {
        let mut worker = Worker {
            context,
            scanner,
            output: Output { repo_ordinal, ..Output::default() },
            split: Vec::new(),
        };
        let outcome = match self {
            Item::Repo(taken) => worker.repo(taken),
            Item::Chunk(run, segment, chunk) => worker.chunk(&run, segment, chunk),
            Item::Batch(run, candidates, range) => worker.batch(&run, &candidates, range),
            Item::Paths(run, groups, range) => worker.paths(&run, &groups[range]),
            Item::Symbols(run, segment) => worker.symbols(&run, segment),
            Item::Listing(run, listing) => worker.listing(&run, &listing),
        };
        if let Err(error) = outcome {
            worker.output.fault = Some(Fault { part: DamagedPart::Index, error });
        }
        (worker.output, worker.split)
    }
}

struct Worker<'c, 'q, 's> {
    context: &'c Context<'q>,
    scanner: &'c mut Scanner,
    output: Output<'s>,
    split: Vec<Item<'s>>,
}

impl<'s> Worker<'_, '_, 's> {
    fn repo(&mut self, taken: Taken<'s>) -> Result<(), ReadError> {
        let plan = self.context.plan;
        let Taken { ordinal, published, .. } = taken;
        let facts = RepoFacts::of(plan, &published.repo.name);
        let revisions = facts.revisions(plan, published)?;
        let node = facts.fold(plan, Some(&published.repo));
        let Some(node) = self.decide(&taken, node, revisions.as_ref())? else { return Ok(()) };
        if node == Node::Const(false) {
            self.output.lacks_condition = true;
            return Ok(());
        }
        if !plan.wants_documents && plan.symbols.is_none() {
            return Ok(());
        }
        let Some(revisions) = revisions else {
            self.output.lacks_revision = true;
            return Ok(());
        };
        if let Some(skipped) = shortlist::passes(plan, &node, self.context.sketches, &taken) {
            self.output.skipped = skipped;
            return Ok(());
        }
        let history = published.repo.history.as_deref();
        let node = match with_contributors(plan, history, node, &self.context.watch) {
            Ok(Some(node)) => node,
            Ok(None) => {
                self.output.is_partial = true;
                return Ok(());
            }
            Err(error) => {
                self.output.fault = Some(Fault { part: DamagedPart::History, error });
                return Ok(());
            }
        };
        if plan.symbols.is_some() {
            self.all_symbols(published, ordinal, node.clone(), &revisions)?;
            if !plan.wants_documents {
                return Ok(());
            }
        }
        let prepare = || RepoRun::of(plan, published, ordinal, node, revisions);
        let run = Arc::new(Probe::time(self.context.probe, Stage::Admission, prepare)?);
        self.output.skipped = run.admission.skipped;
        if run.is_listing() {
            return self.list(&run);
        }
        self.early(&run)?;
        for (segment_idx, segment) in run.repo.segments.iter().enumerate() {
            let is_admitted = run.admission.segments.get(segment_idx).is_some_and(|blobs| !blobs.is_empty());
            let n_chunks = if is_admitted { segment.n_chunks() } else { 0 };
            let ordinal = SegmentOrdinal(segment_idx as u16);
            self.context.coverage.expect(u64::from(n_chunks));
            for chunk in 0..n_chunks {
                self.split.push(Item::Chunk(Arc::clone(&run), ordinal, ChunkIdx(chunk)));
            }
        }
        // A small repository is done on the spot.
        if self.split.len() == 1
            && matches!(self.split.first(), Some(Item::Chunk(..)))
            && let Some(Item::Chunk(run, segment, chunk)) = self.split.pop()
        {
            return self.chunk(&run, segment, chunk);
        }
        Ok(())
    }

    /// Looks at the blobs that define what the query names, before all others.
    fn early(&mut self, run: &Arc<RepoRun<'s>>) -> Result<(), ReadError> {
        for (ordinal, segment) in (0u16..).map(SegmentOrdinal).zip(&run.repo.segments) {
            let Some(blobs) = run.definers.early(ordinal) else { continue };
            for chunk in (0..segment.n_chunks()).map(ChunkIdx) {
                let extent = segment.chunk(chunk)?;
                let range = extent.first_blob.0..extent.first_blob.0 + extent.n_blobs;
                if blobs.intersects_range(range) {
                    let found = candidates_of(self.context.plan, run, ordinal, chunk, true)?;
                    let n_blocks: u64 =
                        found.blobs.iter().map(|candidate| u64::from(candidate.n_blocks)).sum();
                    let probe = self.context.probe;
                    Probe::count(probe, |probe| &probe.n_candidates, found.blobs.len() as u64);
                    Probe::count(probe, |probe| &probe.n_candidate_blocks, n_blocks);
                    self.batch(run, &found, 0..found.blobs.len())?;
                }
            }
        }
        Ok(())
    }

    /// Looks for definitions: in the first segment on the spot, which nearly always is the only one.
    fn all_symbols(
        &mut self,
        published: &'s Published,
        ordinal: u32,
        node: Node,
        revisions: &Arc<Revisions>,
    ) -> Result<(), ReadError> {
        let run = RepoRun::bare(self.context.plan, published, ordinal, node, Arc::clone(revisions))?;
        let run = Arc::new(run);
        self.symbols(&run, SegmentOrdinal(0))?;
        for segment in 1..run.repo.segments.len() {
            self.split.push(Item::Symbols(Arc::clone(&run), SegmentOrdinal(segment as u16)));
        }
        Ok(())
    }

    fn symbols(&mut self, run: &Arc<RepoRun<'s>>, segment: SegmentOrdinal) -> Result<(), ReadError> {
        match find::by_name(self.context, self.scanner, &mut self.output, run, segment)? {
            Outcome::Done => {}
            Outcome::Listings(listings) => match &listings[..] {
                [only] => self.listing(run, only)?,
                _ => {
                    let units =
                        listings.into_iter().map(|unit| Item::Listing(Arc::clone(run), Box::new(unit)));
                    self.split.extend(units);
                }
            },
        }
        Ok(())
    }

    fn listing(&mut self, run: &Arc<RepoRun<'s>>, listing: &Listing) -> Result<(), ReadError> {
        find::by_blob(self.context, self.scanner, &mut self.output, run, listing)
    }

    /// Asks the predicates that the tree depends on, and whether the repository's own name is a result. `None` where
    /// the search was called off meanwhile.
    fn decide(
        &mut self,
        taken: &Taken<'s>,
        node: Node,
        revisions: Option<&Arc<Revisions>>,
    ) -> Result<Option<Node>, ReadError> {
        let plan = self.context.plan;
        if !plan.reads_for_repos() {
            return Ok(Some(node));
        }
        let scanners = &mut self.scanner.for_repos;
        let published = taken.published;
        let mut predicates = Predicates::new(self.context, published, taken.slot, revisions, scanners);
        let hit = if plan.names_repos() { match_repo_name(plan, &published.repo) } else { None };
        let by_name = hit.map(|hit| Ok((predicates.decide(hit.node)?, hit.ranges))).transpose()?;
        if let Some((Some(Node::Const(true)), ranges)) = by_name {
            self.output.named =
                Some(rank::repo_match(&published.repo, ranges, self.context.limits.now_seconds));
        }
        let node = predicates.decide(node)?;
        self.output.n_blocks += predicates.n_blocks;
        self.output.is_partial = node.is_none();
        Ok(node)
    }

    fn chunk(
        &mut self,
        run: &Arc<RepoRun<'s>>,
        segment: SegmentOrdinal,
        chunk: ChunkIdx,
    ) -> Result<(), ReadError> {
        let probe = self.context.probe;
        let narrow = || candidates(self.context.plan, run, segment, chunk);
        let found = Arc::new(Probe::time(probe, Stage::Postings, narrow)?);
        self.context.coverage.found(found.blobs.len() as u64);
        let ranges = found.batches(self.context.plan.is_exhaustive);
        let n_blocks: u64 = found.blobs.iter().map(|candidate| u64::from(candidate.n_blocks)).sum();
        Probe::count(probe, |probe| &probe.n_chunks, 1);
        Probe::count(probe, |probe| &probe.n_candidates, found.blobs.len() as u64);
        Probe::count(probe, |probe| &probe.n_candidate_blocks, n_blocks);
        if n_blocks <= INLINE_BLOCKS {
            return self.batch(run, &found, 0..found.blobs.len());
        }
        let units = ranges.into_iter().map(|range| Item::Batch(Arc::clone(run), Arc::clone(&found), range));
        self.split.extend(units);
        Ok(())
    }

    fn batch(
        &mut self,
        run: &Arc<RepoRun<'s>>,
        candidates: &Candidates,
        range: Range<usize>,
    ) -> Result<(), ReadError> {
        for candidate in &candidates.blobs[range] {
            if self.context.is_enough() {
                return Ok(());
            }
            if self.context.watch.stop().is_some() {
                self.output.is_partial = true;
                return Ok(());
            }
            self.output.n_blocks += u64::from(candidate.n_blocks);
            if !self.context.plan.is_structural {
                self.candidate(run, candidates, candidate.blob)?;
            } else {
                for language in structural::languages_of_blob(run, candidates, candidate.blob)? {
                    self.scanner.language = Some(language);
                    self.candidate(run, candidates, candidate.blob)?;
                }
                self.context.coverage.searched();
            }
            if self.output.is_partial {
                return Ok(());
            }
        }
        Ok(())
    }

    fn candidate(
        &mut self,
        run: &Arc<RepoRun<'s>>,
        candidates: &Candidates,
        blob: BlobIdx,
    ) -> Result<(), ReadError> {
        let cut = self.context.cut();
        let scanner = &mut *self.scanner;
        let verify = || scanner.verify(self.context, run, candidates, blob, cut);
        let found = Probe::time(self.context.probe, Stage::Verification, verify)?;
        Probe::count(self.context.probe, |probe| &probe.n_bytes, self.scanner.n_bytes_read());
        self.output.skipped.n_unparsed += u64::from(self.scanner.is_cut);
        if self.scanner.is_called_off {
            self.output.is_partial = true;
            return Ok(());
        }
        match found {
            Some(found) => self.found_blob(run, found, cut.is_some()),
            None => Ok(()),
        }
    }

    fn found_blob(
        &mut self,
        run: &Arc<RepoRun<'s>>,
        found: FoundBlob,
        is_shown: bool,
    ) -> Result<(), ReadError> {
        let FoundBlob { meta, docs, counts, mut lines, signals } = found;
        let n_docs = docs.len();
        for (FoundDoc { doc_idx, doc, has_lines }, number) in docs.into_iter().zip(1..) {
            let counts = if has_lines { counts } else { Counts::default() };
            if self.context.plan.selection == Selection::Content && !has_lines {
                continue;
            }
            let mut path = std::mem::take(&mut self.scanner.path);
            let mut read = run.repo.ref_table.path(doc_idx, &mut path);
            if read.is_ok() {
                self.count_doc(run.owners.as_ref(), &doc, &path, counts);
                if is_shown {
                    let lines = match has_lines {
                        true if number == n_docs => std::mem::take(&mut lines),
                        true => lines.clone(),
                        false => Vec::new(),
                    };
                    let signals = if has_lines { signals } else { Signals::default() };
                    let seen = Seen { blob: meta.oid, flags: meta.flags, has_lines, lines, counts, signals };
                    read = self.show(run, doc, &path, seen);
                }
            }
            self.scanner.path = path;
            read?;
        }
        Ok(())
    }

    fn count_doc(&mut self, owners: Option<&OwnersView>, doc: &Doc, path: &[u8], counts: Counts) {
        self.output.n_files += 1;
        self.output.counts.n_lines += counts.n_lines;
        self.output.counts.n_matches += counts.n_matches;
        self.output.facets.add(doc.language, path);
        select::note(self.context.plan, owners, doc, path, &mut self.output.selected);
    }

    fn show(&mut self, run: &Arc<RepoRun<'s>>, doc: Doc, path: &[u8], seen: Seen) -> Result<(), ReadError> {
        let path_ranges = self.scanner.paths.ranges_in_path(self.context.plan, &run.is_in_no_path, path);
        // Of the path it stands at: the blob may stand at a better one.
        let rank = syntax::static_rank(path, doc.flags, seen.flags);
        let recency = run.recency(doc.revisions, self.context.limits.now_seconds)?;
        let parts = rank::document(seen.signals, path, &path_ranges, rank, recency);
        if self.context.plan.selection == Selection::Owners {
            self.output.found.extend(owners_found(run, &doc, path, parts.total()));
            return Ok(());
        }
        self.output.found.push(Found::Document(Box::new(FoundDocument {
            run: Arc::clone(run),
            doc,
            path: path.to_vec(),
            path_ranges,
            blob: seen.blob,
            has_lines: seen.has_lines,
            lines: seen.lines,
            counts: seen.counts,
            parts,
        })));
        Ok(())
    }

    /// Lists what path and metadata decide alone.
    fn list(&mut self, run: &Arc<RepoRun<'s>>) -> Result<(), ReadError> {
        let grams = path_grams(self.context.plan, &run.node);
        let groups = Arc::new(run.repo.ref_table.candidate_groups(&grams)?);
        if groups.len() <= LISTED_GROUPS {
            return self.paths(run, &groups);
        }
        for start in (0..groups.len()).step_by(LISTED_GROUPS) {
            let range = start..(start + LISTED_GROUPS).min(groups.len());
            self.split.push(Item::Paths(Arc::clone(run), Arc::clone(&groups), range));
        }
        Ok(())
    }

    fn paths(&mut self, run: &Arc<RepoRun<'s>>, groups: &[GroupIdx]) -> Result<(), ReadError> {
        let mut fault = None;
        for group in groups {
            if self.context.watch.stop().is_some() {
                self.output.is_partial = true;
                return Ok(());
            }
            run.repo.ref_table.for_each_in_group(*group, &mut |doc_idx, path, doc| {
                fault = self.listed(run, doc_idx, path, doc).err();
                fault.is_none()
            })?;
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        Ok(())
    }

    fn listed(
        &mut self,
        run: &Arc<RepoRun<'s>>,
        _doc_idx: DocIdx,
        path: &[u8],
        doc: &Doc,
    ) -> Result<(), ReadError> {
        let plan = self.context.plan;
        let Some((segment, blob)) = doc.blob else { return Ok(()) };
        if !run.revisions.admits(doc.revisions) || plan.selection == Selection::Content {
            return Ok(());
        }
        let scratches: &mut Scratches = &mut self.scanner.paths;
        let verdict = run.node.eval::<ReadError>(&mut |leaf| {
            Ok(Some(match leaf {
                Node::Term(term) => scratches.term_in_path(plan, *term, path),
                other => scratches.decides(plan, run.owners.as_ref(), other, path, doc),
            }))
        })?;
        if verdict != Some(true) {
            return Ok(());
        }
        self.count_doc(run.owners.as_ref(), doc, path, Counts::default());
        if self.context.cut().is_some()
            && let Some(segment) = run.repo.segments.get(usize::from(segment.0))
        {
            let meta = segment.blob(blob)?;
            let (lines, counts, signals) = (Vec::new(), Counts::default(), Signals::default());
            let seen = Seen { blob: meta.oid, flags: meta.flags, has_lines: false, lines, counts, signals };
            self.show(run, *doc, path, seen)?;
        }
        Ok(())
    }
}

/// The owners of a document as results.
pub(crate) fn owners_found<'s>(run: &RepoRun<'s>, doc: &Doc, path: &[u8], score: f64) -> Vec<Found<'s>> {
    let owners = run.owners.iter().flat_map(|view| view.owners(path, doc.revisions));
    let (repo_id, repo) = (run.repo.id, &run.repo.name);
    let found = owners.map(|owner| Match::Owner(OwnerMatch { owner, repo_id, repo: repo.clone(), score }));
    found.map(|found| Found::Ready(Box::new(found))).collect()
}

/// What was seen of a document that is to be shown.
struct Seen {
    blob: ObjectId,
    flags: BlobFlags,
    has_lines: bool,
    lines: Vec<LineMatch>,
    counts: Counts,
    signals: Signals,
}

impl Context<'_> {
    /// Whether nothing more can be shown.
    pub(crate) fn is_display_full(&self) -> bool {
        self.is_display_full.load(Ordering::Relaxed)
    }

    /// Whether the page is full and nothing beyond it is asked for: then no output is taken any more.
    fn is_enough(&self) -> bool {
        !self.plan.is_exhaustive && self.plan.display > 0 && self.is_display_full()
    }

    /// What to keep of what is found; `None` when nothing more can be shown.
    fn cut(&self) -> Option<Cut> {
        let n_lines_max = match self.plan.selection {
            Selection::AsFound | Selection::Content => self.limits.lines_per_file.min(self.plan.display),
            _ => 0,
        };
        let is_full = self.is_display_full.load(Ordering::Relaxed);
        (!is_full).then_some(Cut { n_lines_max, line_bytes: self.limits.line_bytes.max(16) })
    }
}

/// Merges ranges for display: ascending, not overlapping, none empty.
pub(crate) fn shown_ranges(ranges: impl IntoIterator<Item = ByteRange>) -> Vec<ByteRange> {
    let mut hits = ranges.into_iter().map(|range| (range.start, range.end)).collect();
    lines::merge(&mut hits);
    hits.into_iter().filter(|(start, end)| start < end).map(|(start, end)| start..end).collect()
}
