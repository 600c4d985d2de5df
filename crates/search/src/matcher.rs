//! One compiled pattern, run over bytes.

use crate::limits::Watch;
use crate::line_regex::{LineRegex, LineScratch};
use crate::literal::{Folded, FoldedLiteral};
use crate::stepwise::{DocumentRegex, DocumentScratch};
use memchr::memmem;
use regex_automata::util::iter::Searcher;
use regex_automata::{Input, meta};
use std::ops::ControlFlow;

/// Finds the leftmost-first, non-overlapping matches of one pattern.
#[derive(Debug)]
pub(crate) enum Matcher {
    /// A literal in exact case.
    Exact(Box<memmem::Finder<'static>>),
    /// A literal in any case.
    Folded(Box<FoldedLiteral>),
    /// An expression whose matches stay within a line.
    Lines(Box<LineRegex>),
    /// An expression whose matches may hold several lines.
    Document(Box<DocumentRegex>),
    /// Everything else.
    Regex(meta::Regex),
    /// A syntax-tree pattern. It needs to know the language of the text: only [`crate::structural::find`] runs it.
    Tree(Box<syntax::StructuralPattern>),
}

/// What one thread needs to run one matcher; reused from haystack to haystack.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    cache: Option<meta::Cache>,
    folded: Folded,
    lines: LineScratch,
    document: DocumentScratch,
}

impl Matcher {
    /// Calls `found(start, end)` for every match, ascending, until it breaks.
    pub(crate) fn for_each<F>(&self, scratch: &mut Scratch, haystack: &[u8], found: F)
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        self.for_each_watched(scratch, haystack, None, found);
    }

    /// Likewise; `false` where the watch said stop within the haystack. Only expressions whose matches may hold several
    /// lines ask it: what stays within lines is given in pieces.
    pub(crate) fn for_each_watched<F>(
        &self,
        scratch: &mut Scratch,
        haystack: &[u8],
        watch: Option<&Watch>,
        mut found: F,
    ) -> bool
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        match self {
            Matcher::Document(regex) => {
                return regex.for_each(&mut scratch.document, haystack, watch, &mut found);
            }
            Matcher::Exact(finder) => each_literal(finder, finder.needle().len(), haystack, &mut found),
            Matcher::Folded(literal) => literal.for_each(&mut scratch.folded, haystack, &mut found),
            Matcher::Lines(regex) => regex.for_each(&mut scratch.lines, haystack, &mut found),
            Matcher::Regex(regex) => each_regex(regex, &mut scratch.cache, haystack, &mut found),
            Matcher::Tree(_) => {}
        }
        true
    }

    /// Whether there is a match at all.
    pub(crate) fn is_match(&self, scratch: &mut Scratch, haystack: &[u8]) -> bool {
        match self {
            Matcher::Regex(regex) => {
                let cache = scratch.cache.get_or_insert_with(|| regex.create_cache());
                regex.search_half_with(cache, &Input::new(haystack).earliest(true)).is_some()
            }
            Matcher::Lines(regex) => regex.is_match(&mut scratch.lines, haystack),
            Matcher::Document(regex) => regex.is_match(&mut scratch.document, haystack),
            _ => {
                let mut is_match = false;
                self.for_each(scratch, haystack, |_, _| {
                    is_match = true;
                    ControlFlow::Break(())
                });
                is_match
            }
        }
    }

    /// Whether it is a literal that does not hold this byte.
    pub(crate) fn is_literal_without(&self, byte: u8) -> bool {
        match self {
            Matcher::Exact(finder) => !finder.needle().contains(&byte),
            Matcher::Folded(literal) => !literal.needle().contains(&byte),
            _ => false,
        }
    }

    /// What the compiled automata occupy, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        match self {
            Matcher::Exact(finder) => finder.needle().len(),
            Matcher::Folded(literal) => literal.size_bytes(),
            Matcher::Lines(regex) => regex.size_bytes(),
            Matcher::Document(regex) => regex.size_bytes(),
            Matcher::Regex(regex) => regex.memory_usage(),
            // Patterns are small; their number is bounded.
            Matcher::Tree(_) => 0,
        }
    }

    /// All matches as ranges, ascending.
    pub(crate) fn ranges(&self, scratch: &mut Scratch, haystack: &[u8]) -> Vec<std::ops::Range<usize>> {
        let mut ranges = Vec::new();
        self.for_each(scratch, haystack, |start, end| {
            ranges.push(start..end);
            ControlFlow::Continue(())
        });
        ranges
    }
}

fn each_literal<F>(finder: &memmem::Finder<'_>, len: usize, haystack: &[u8], found: &mut F)
where
    F: FnMut(usize, usize) -> ControlFlow<()>,
{
    for start in finder.find_iter(haystack) {
        if found(start, start + len).is_break() {
            return;
        }
    }
}

fn each_regex<F>(regex: &meta::Regex, cache: &mut Option<meta::Cache>, haystack: &[u8], found: &mut F)
where
    F: FnMut(usize, usize) -> ControlFlow<()>,
{
    let cache = cache.get_or_insert_with(|| regex.create_cache());
    let mut searcher = Searcher::new(Input::new(haystack));
    while let Some(hit) = searcher.advance(|input| Ok(regex.search_with(cache, input))) {
        if found(hit.start(), hit.end()).is_break() {
            return;
        }
    }
}
