//! Verifying one candidate blob: reading its text, running the patterns, deciding each of its documents.

use crate::LineMatch;
use crate::admission::Scratches;
use crate::batch::Context;
use crate::chunk::Candidates;
use crate::limits::Watch;
use crate::lines::{self, Counts, Cut, Hit};
use crate::matcher::{Matcher, Scratch};
use crate::pattern::Scope;
use crate::plan::{Plan, Term};
use crate::predicate::FileScanners;
use crate::repo_run::RepoRun;
use crate::structural;
use crate::symbol::SymbolScratches;
use crate::tree::Node;
use index::{BlobIdx, BlobMeta, BlockIdx, Doc, DocIdx, DocKind, ReadError, Segment};
use model::Language;
use std::ops::{ControlFlow, Range};

/// How many matches of a term are looked at to tell a good document from others: the first ones say enough.
const SCORED_HITS: usize = 16;

/// How much text is searched between two looks at the clock: half a millisecond for most patterns, some ten for those
/// that no fast automaton can run.
const PIECE_BYTES: usize = 256 << 10;

/// The memory that one thread reuses from blob to blob.
#[derive(Debug)]
pub(crate) struct Scanner {
    /// Text that had to be decompressed.
    own: Vec<u8>,
    /// The runs of neighbouring blocks to look at, ascending.
    runs: Vec<Run>,
    is_loaded: bool,
    terms: Vec<TermScan>,
    merged: Vec<Hit>,
    /// Whether the last candidate was left in the middle: what was said of it does not count.
    pub(crate) is_called_off: bool,
    /// Where set, only documents in this language are looked at: a syntax tree is of one.
    pub(crate) language: Option<Language>,
    /// Whether a syntax tree of the last candidate was not, or not wholly, searched.
    pub(crate) is_cut: bool,
    pub(crate) paths: Scratches,
    pub(crate) path: Vec<u8>,
    pub(crate) symbols: SymbolScratches,
    /// For the predicates that are asked of repositories.
    pub(crate) for_repos: FileScanners,
}

/// Where a run of blocks lies in the text, and the first of them.
#[derive(Clone, Debug)]
struct Run {
    range: Range<usize>,
    first_block: BlockIdx,
}

#[derive(Debug, Default)]
struct TermScan {
    scratch: Scratch,
    hits: Vec<Hit>,
    /// How many more occurrences lie within these.
    n_nested: u64,
    is_scanned: bool,
}

/// A blob that some documents match with.
#[derive(Debug)]
pub(crate) struct FoundBlob {
    pub(crate) meta: BlobMeta,
    pub(crate) docs: Vec<FoundDoc>,
    pub(crate) counts: Counts,
    pub(crate) lines: Vec<LineMatch>,
    /// How good the matches in the content are; see [`crate::rank`].
    pub(crate) signals: Signals,
}

/// A document that matches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundDoc {
    pub(crate) doc_idx: DocIdx,
    pub(crate) doc: Doc,
    /// Whether there are lines to show; otherwise it matches by its path or by filters.
    pub(crate) has_lines: bool,
}

/// What tells better matches from others, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Signals {
    pub(crate) word: f64,
    pub(crate) exact_case: f64,
    /// Whether the document defines what the query names.
    pub(crate) definition: f64,
}

impl Scanner {
    pub(crate) fn new(plan: &Plan) -> Self {
        Scanner {
            own: Vec::new(),
            runs: Vec::new(),
            is_loaded: false,
            terms: plan.terms.iter().map(|_| TermScan::default()).collect(),
            merged: Vec::new(),
            is_called_off: false,
            language: None,
            is_cut: false,
            paths: Scratches::new(plan),
            path: Vec::new(),
            symbols: SymbolScratches::new(plan),
            for_repos: FileScanners::new(),
        }
    }

    /// Verifies a candidate. `None` where no document matches. Without `cut`, nothing is kept to be shown.
    pub(crate) fn verify(
        &mut self,
        context: &Context<'_>,
        run: &RepoRun<'_>,
        candidates: &Candidates,
        blob: BlobIdx,
        cut: Option<Cut>,
    ) -> Result<Option<FoundBlob>, ReadError> {
        let segment = &*run.repo.segments[usize::from(candidates.segment.0)];
        let (plan, watch) = (context.plan, &context.watch);
        let raw = run.raw[usize::from(candidates.segment.0)].as_ref().and_then(|raw| raw.text(blob));
        let source = Source { plan, watch, run, candidates, segment, meta: segment.blob(blob)?, raw };
        self.begin();
        // What occurs nowhere decides; what occurs does not yet: a link's text does not count as its content.
        let verdict = run.node.eval(&mut |leaf| match leaf {
            Node::Term(term) => {
                let in_some_path = run.path_blobs(*term, candidates.segment);
                let may_hold =
                    self.occurs(&source, *term)? || in_some_path.is_some_and(|blobs| blobs.contains(blob.0));
                Ok(if may_hold { None } else { Some(false) })
            }
            _ => Ok(None),
        })?;
        if verdict == Some(false) {
            return Ok(None);
        }
        let mut docs = self.matching_docs(&source, blob)?;
        if docs.is_empty() {
            return Ok(None);
        }
        let mut signals = self.merge_positive(&source)?;
        signals.definition = run.definers.signal(candidates.segment, blob);
        let mut counts = lines::count(source.text(&self.own), &self.merged);
        counts.n_matches += self.n_nested(&source);
        let has_hits = !self.merged.is_empty();
        docs.iter_mut().for_each(|found| found.has_lines = has_hits && found.doc.kind != DocKind::Symlink);
        let shown = match cut {
            Some(cut) if has_hits => self.lines(&source, cut)?,
            _ => Vec::new(),
        };
        Ok(Some(FoundBlob { meta: source.meta, docs, counts, lines: shown, signals }))
    }

    /// How much text was read for the last candidate.
    pub(crate) fn n_bytes_read(&self) -> u64 {
        self.runs.iter().map(|run| run.range.len() as u64).sum()
    }

    fn begin(&mut self) {
        self.is_loaded = false;
        self.is_called_off = false;
        self.own.clear();
        self.is_cut = false;
        self.runs.clear();
        self.merged.clear();
        for term in &mut self.terms {
            term.hits.clear();
            term.n_nested = 0;
            term.is_scanned = false;
        }
    }

    /// The documents of the blob, in the selected revisions, for which the whole tree holds.
    fn matching_docs(&mut self, source: &Source<'_, '_>, blob: BlobIdx) -> Result<Vec<FoundDoc>, ReadError> {
        let Source { plan, run, candidates, .. } = *source;
        let table = &run.repo.ref_table;
        let mut docs = Vec::new();
        for doc_idx in table.docs_of_blob(candidates.segment, blob)? {
            let doc = table.doc(doc_idx)?;
            let is_other = self.language.is_some_and(|language| language != doc.language);
            if is_other || !run.revisions.admits(doc.revisions) {
                continue;
            }
            let mut has_path = false;
            let verdict = run.node.eval(&mut |leaf| match leaf {
                Node::Term(term) => {
                    let in_path = run.path_hits[*term].as_ref().is_some_and(|hits| hits.has_doc(doc_idx));
                    // A link's text is the name of its target: neither git grep nor ripgrep searches it.
                    let is_link = doc.kind == DocKind::Symlink;
                    Ok(Some(in_path || (!is_link && self.occurs(source, *term)?)))
                }
                other => {
                    if !has_path && matches!(other, Node::File(_) | Node::Owner(_) | Node::Paths(_)) {
                        table.path(doc_idx, &mut self.path)?;
                        has_path = true;
                    }
                    Ok(Some(self.paths.decides(plan, run.owners.as_ref(), other, &self.path, &doc)))
                }
            })?;
            if verdict == Some(true) {
                docs.push(FoundDoc { doc_idx, doc, has_lines: false });
            }
        }
        Ok(docs)
    }

    /// Whether the term occurs in the content. Scans once.
    fn occurs(&mut self, source: &Source<'_, '_>, term: usize) -> Result<bool, ReadError> {
        if self.terms[term].is_scanned {
            return Ok(!self.terms[term].hits.is_empty());
        }
        self.terms[term].is_scanned = true;
        let Some(content) = &source.plan.terms[term].content else { return Ok(false) };
        if !source.may_hold(term) {
            return Ok(false);
        }
        self.load(source)?;
        let is_whole = content.scope == Scope::Document;
        // Of a term that is not shown, one occurrence says everything.
        let n_hits_max = if source.plan.terms[term].is_positive { usize::MAX } else { 1 };
        let TermScan { scratch, hits, n_nested, .. } = &mut self.terms[term];
        let text = source.text(&self.own);
        if let Matcher::Tree(pattern) = &content.matcher {
            // A pattern of document scope has the whole blob in one run.
            let whole = self.runs.first().map_or(0..0, |run| run.range.clone());
            let language = self.language.unwrap_or(Language::UNKNOWN);
            let trees = structural::find(pattern, language, text, whole, n_hits_max, source.watch, hits);
            *n_nested = trees.n_nested;
            self.is_cut |= trees.is_cut;
            self.is_called_off |= trees.is_called_off;
            return Ok(!hits.is_empty());
        }
        let mut n_bytes = 0;
        for run in &self.runs {
            let mut start = run.range.start;
            while start < run.range.end && hits.len() < n_hits_max {
                if n_bytes >= PIECE_BYTES {
                    n_bytes = 0;
                    if source.watch.stop().is_some() {
                        self.is_called_off = true;
                        return Ok(!hits.is_empty());
                    }
                }
                let rest = &text[start..run.range.end];
                let piece = if is_whole { rest } else { &rest[..end_of_piece(rest)] };
                let watch = Some(source.watch);
                let is_searched =
                    content.matcher.for_each_watched(scratch, piece, watch, |hit_start, hit_end| {
                        if lines::is_in_a_line(piece, hit_start) {
                            hits.push((start + hit_start, start + hit_end));
                        }
                        if hits.len() < n_hits_max {
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        }
                    });
                if !is_searched {
                    self.is_called_off = true;
                    return Ok(!hits.is_empty());
                }
                start += piece.len();
                n_bytes += piece.len();
            }
        }
        Ok(!hits.is_empty())
    }

    /// Finds the blocks in which any term may occur, neighbours in one go, and decompresses them where the text is not at
    /// hand as it is.
    fn load(&mut self, source: &Source<'_, '_>) -> Result<(), ReadError> {
        if self.is_loaded {
            return Ok(());
        }
        self.is_loaded = true;
        let (segment, blob) = (source.segment, source.meta);
        let blob_end = blob.first_block.0 + blob.n_blocks;
        let mut next = blob.first_block.0;
        while let Some(blocks) = source.next_run(next) {
            let first_block = BlockIdx(blocks.start);
            let range = match source.raw {
                Some(text) => {
                    let offset = |block: u32| match block {
                        _ if block == blob.first_block.0 => Ok(0),
                        _ if block == blob_end => Ok(text.len()),
                        _ => {
                            let offset = segment.offset_in_blob(BlockIdx(block), blob.first_block)?;
                            Ok((offset as usize).min(text.len()))
                        }
                    };
                    let start = offset(blocks.start)?;
                    start..offset(blocks.end)?.max(start)
                }
                None => {
                    let start = self.own.len();
                    segment.read_blocks(first_block, blocks.end - blocks.start, &mut self.own)?;
                    start..self.own.len()
                }
            };
            self.runs.push(Run { range, first_block });
            next = blocks.end;
        }
        Ok(())
    }

    /// Gathers the matches of all terms that are shown.
    fn merge_positive(&mut self, source: &Source<'_, '_>) -> Result<Signals, ReadError> {
        let mut signals = Signals::default();
        let mut n_terms = 0;
        for term in &source.run.content_terms {
            let plan_term = &source.plan.terms[*term];
            if !plan_term.is_positive || !self.occurs(source, *term)? {
                continue;
            }
            let hits = &self.terms[*term].hits;
            let of_term = Signals::of(plan_term, source.text(&self.own), hits);
            signals.word += of_term.word;
            signals.exact_case += of_term.exact_case;
            if n_terms == 0 && source.run.content_terms.len() == 1 {
                std::mem::swap(&mut self.merged, &mut self.terms[*term].hits);
            } else {
                self.merged.extend_from_slice(hits);
            }
            n_terms += 1;
        }
        if n_terms > 0 {
            signals.word /= f64::from(n_terms);
            signals.exact_case /= f64::from(n_terms);
        }
        if n_terms > 1 {
            lines::merge(&mut self.merged);
        }
        Ok(signals)
    }

    /// How many occurrences lie within others of their own term.
    fn n_nested(&self, source: &Source<'_, '_>) -> u64 {
        let is_shown = |term: &&usize| source.plan.terms[**term].is_positive;
        source.run.content_terms.iter().filter(is_shown).map(|term| self.terms[*term].n_nested).sum()
    }

    fn lines(&self, source: &Source<'_, '_>, cut: Cut) -> Result<Vec<LineMatch>, ReadError> {
        let text = source.text(&self.own);
        let mut runs = self.runs.iter().peekable();
        let (mut counted_to, mut number) = (0, 0);
        let mut fault = None;
        let shown = lines::collect(text, &self.merged, cut, |offset| {
            while let Some(run) = runs.next_if(|run| run.range.start <= offset) {
                counted_to = run.range.start;
                number = source.segment.lines_before(run.first_block).unwrap_or_else(|error| {
                    fault = Some(error);
                    0
                });
            }
            number += memchr::memchr_iter(b'\n', &text[counted_to..offset]).count() as u64;
            counted_to = offset;
            number + 1
        });
        fault.map_or(Ok(shown), Err)
    }
}

/// The end of the first piece of a text: after a newline, at about [`PIECE_BYTES`].
fn end_of_piece(text: &[u8]) -> usize {
    if text.len() <= PIECE_BYTES {
        return text.len();
    }
    let before = memchr::memrchr(b'\n', &text[..PIECE_BYTES]).map(|idx| idx + 1);
    let after = || memchr::memchr(b'\n', &text[PIECE_BYTES..]).map(|idx| PIECE_BYTES + idx + 1);
    before.or_else(after).unwrap_or(text.len())
}

/// Where a candidate's text comes from.
struct Source<'a, 's> {
    plan: &'a Plan,
    watch: &'a Watch,
    run: &'a RepoRun<'s>,
    candidates: &'a Candidates,
    segment: &'a Segment,
    meta: BlobMeta,
    /// The whole text of the blob, where it is at hand as it is.
    raw: Option<&'a [u8]>,
}

impl Source<'_, '_> {
    /// The text that runs and matches are counted in: the blob's, or what was decompressed of it.
    fn text<'t>(&'t self, own: &'t [u8]) -> &'t [u8] {
        self.raw.unwrap_or(own)
    }

    fn term_blocks(&self, term: usize) -> Option<&index::BlockBitmap> {
        self.candidates.term_blocks.get(term).and_then(Option::as_ref)
    }

    /// The blocks of the blob, counted from the chunk's first.
    fn blocks_in_chunk(&self) -> Range<u32> {
        let first = self.meta.first_block.0.saturating_sub(self.candidates.chunk.first_block.0);
        first..first + self.meta.n_blocks
    }

    fn may_hold(&self, term: usize) -> bool {
        let blocks = self.blocks_in_chunk();
        self.meta.n_blocks > 0 && self.term_blocks(term).is_some_and(|term| term.intersects_range(blocks))
    }

    /// The next blocks to read, at or after `from`, numbered in the segment.
    fn next_run(&self, from: u32) -> Option<Range<u32>> {
        let chunk_first = self.candidates.chunk.first_block.0;
        let blob = self.blocks_in_chunk();
        let wants = |block: u32| {
            self.run
                .content_terms
                .iter()
                .any(|term| self.term_blocks(*term).is_some_and(|blocks| blocks.contains(block)))
        };
        let whole = self.run.content_terms.iter().any(|term| {
            let crosses = |term: &Term| term.content.as_ref().is_some_and(|c| c.scope == Scope::Document);
            crosses(&self.plan.terms[*term]) && self.may_hold(*term)
        });
        let from = (from - chunk_first).max(blob.start);
        if whole {
            return (from < blob.end).then_some(chunk_first + from..chunk_first + blob.end);
        }
        let start = (from..blob.end).find(|block| wants(*block))?;
        let end = (start..blob.end).find(|block| !wants(*block)).unwrap_or(blob.end);
        Some(chunk_first + start..chunk_first + end)
    }
}

impl Signals {
    /// Looks at the first matches of one term.
    fn of(term: &Term, text: &[u8], hits: &[Hit]) -> Signals {
        let exact = term.content.as_ref().and_then(|content| content.exact_case.as_deref());
        let mut best = Signals::default();
        for (start, end) in hits.iter().take(SCORED_HITS) {
            best.word = best.word.max(word_signal(text, *start, *end));
            if exact.is_some_and(|exact| &text[*start..*end] == exact.as_bytes()) {
                best.exact_case = 1.0;
            }
        }
        best
    }
}

/// 1 where the range is whole words, ½ where one of its ends is the end of a word.
pub(crate) fn word_signal(text: &[u8], start: usize, end: usize) -> f64 {
    let is_word =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80);
    let before = !(start > 0 && is_word(text.get(start - 1)) && is_word(text.get(start)));
    let after = !(end > 0 && is_word(text.get(end - 1)) && is_word(text.get(end)));
    f64::from(u8::from(before) + u8::from(after)) / 2.0
}
