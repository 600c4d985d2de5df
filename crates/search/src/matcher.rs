//! One compiled pattern, run over bytes.

use crate::deferred::DeferredRegex;
use crate::limits::Watch;
use crate::line_regex::{LineRegex, LineScratch};
use crate::literal::{Folded, FoldedLiteral};
use crate::stepwise::{DocumentRegex, DocumentScratch};
use memchr::memmem;
use regex_automata::util::iter::Searcher;
use regex_automata::{Input, meta};
use std::ops::ControlFlow;

/// Matches between two looks at the clock, some ten microseconds: a line of 30 MB may have as many.
const MATCHES_PER_LOOK: u32 = 4096;

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
    /// Likewise, compiled when it is first run.
    Deferred(Box<DeferredRegex>),
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

    /// Likewise; `false` where the watch said stop within the haystack. Expressions whose matches may hold several lines ask it
    /// while they search, all others between matches: what stays within lines is given in pieces, but one line may be long.
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
        let (mut n_until_look, mut is_over) = (MATCHES_PER_LOOK, false);
        let mut found = |start, end| {
            n_until_look -= 1;
            if n_until_look == 0 {
                n_until_look = MATCHES_PER_LOOK;
                is_over = watch.is_some_and(|watch| watch.stop().is_some());
                if is_over {
                    return ControlFlow::Break(());
                }
            }
            found(start, end)
        };
        match self {
            Matcher::Document(regex) => {
                return regex.for_each(&mut scratch.document, haystack, watch, &mut found) && !is_over;
            }
            Matcher::Exact(finder) => each_literal(finder, finder.needle().len(), haystack, &mut found),
            Matcher::Folded(literal) => literal.for_each(&mut scratch.folded, haystack, &mut found),
            Matcher::Lines(regex) => regex.for_each(&mut scratch.lines, haystack, &mut found),
            Matcher::Regex(regex) => each_regex(regex, &mut scratch.cache, haystack, &mut found),
            Matcher::Deferred(deferred) => {
                if let Some(regex) = deferred.get() {
                    each_regex(regex, &mut scratch.cache, haystack, &mut found);
                }
            }
            Matcher::Tree(_) => {}
        }
        !is_over
    }

    /// Whether there is a match at all.
    pub(crate) fn is_match(&self, scratch: &mut Scratch, haystack: &[u8]) -> bool {
        let is_found = |regex: &meta::Regex, cache: &mut Option<meta::Cache>| {
            let cache = cache.get_or_insert_with(|| regex.create_cache());
            regex.search_half_with(cache, &Input::new(haystack).earliest(true)).is_some()
        };
        match self {
            Matcher::Regex(regex) => is_found(regex, &mut scratch.cache),
            Matcher::Deferred(deferred) => {
                deferred.get().is_some_and(|regex| is_found(regex, &mut scratch.cache))
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
            Matcher::Deferred(deferred) => deferred.size_bytes(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CancelToken;

    /// A file may be one line of 30 MB that matches everywhere.
    #[test]
    fn a_line_that_matches_everywhere_can_be_called_off_within() {
        let text = vec![b'a'; 10 * MATCHES_PER_LOOK as usize];
        let regex = meta::Regex::new("a").expect("an expression");
        for matcher in
            [Matcher::Exact(Box::new(memmem::Finder::new(b"a").into_owned())), Matcher::Regex(regex)]
        {
            let token = CancelToken::new();
            let watch = Watch::new(token.clone(), None);
            let count = |called_off_at: usize| {
                let mut n_found = 0;
                let is_done =
                    matcher.for_each_watched(&mut Scratch::default(), &text, Some(&watch), |_, _| {
                        n_found += 1;
                        if n_found == called_off_at {
                            token.cancel();
                        }
                        ControlFlow::Continue(())
                    });
                (is_done, n_found)
            };
            assert_eq!(count(usize::MAX), (true, text.len()));
            let (is_done, n_found) = count(MATCHES_PER_LOOK as usize + 1);
            assert!(!is_done && n_found < 2 * MATCHES_PER_LOOK as usize + 1, "{n_found}");
        }
    }
}
