//! A regular expression over a whole document, run so that it can be called off within the document.
//!
//! The library's searches return when they are done: over a document of 32 MiB, with an expression that no fast automaton can
//! run, after seconds. Cutting the document would change what is found, because a match may be as long as it is. So long
//! documents are run through the library's lazy automata byte by byte, with looks at the clock in between: the first one from
//! the left says where the leftmost match ends, the second one backwards from there where it begins. That is how the library
//! itself searches, and finds the same; a property test holds it.

use crate::limits::Watch;
use crate::pattern::NFA_BYTES_MAX;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::iter::Searcher;
use regex_automata::{Anchored, Input, Match, MatchError, MatchKind, meta};
use regex_syntax::hir::Hir;
use std::ops::ControlFlow;
use std::sync::OnceLock;

/// Documents up to this size are left to the library: at the 10 MB a second of its slowest engine that is 100 ms.
const AT_ONCE_BYTES: usize = 1 << 20;
/// Bytes between two looks at the clock: some microseconds, a few milliseconds where every byte needs a new state.
const BYTES_PER_LOOK: usize = 2048;
/// Matches between two looks where the library searches: each may have been looked for to the end of the document.
const MATCHES_PER_LOOK: u32 = 16;

/// An expression whose matches may hold several lines.
#[derive(Debug)]
pub(crate) struct DocumentRegex {
    regex: meta::Regex,
    hir: Hir,
    cache_bytes: usize,
    /// Made for the first long document; `None` where the automata would be too large.
    automata: OnceLock<Option<Automata>>,
}

/// The two automata.
#[derive(Debug)]
struct Automata {
    forward: DFA,
    backward: DFA,
}

/// What one thread needs to run one expression.
#[derive(Debug, Default)]
pub(crate) struct DocumentScratch {
    cache: Option<meta::Cache>,
    steps: Option<(Cache, Cache)>,
}

/// Why a search by steps ended without an answer.
enum Ended {
    CalledOff,
    /// The automata cannot decide here: a Unicode word boundary beside a character outside of ASCII.
    Unfit,
}

impl DocumentRegex {
    /// `regex` is compiled from `hir`; `cache_bytes` bounds the memory of each automaton of a thread.
    pub(crate) fn new(regex: meta::Regex, hir: Hir, cache_bytes: usize) -> DocumentRegex {
        DocumentRegex { regex, hir, cache_bytes, automata: OnceLock::new() }
    }

    /// What it occupies, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        let of = |automata: &Automata| automata.forward.memory_usage() + automata.backward.memory_usage();
        self.regex.memory_usage() + self.automata.get().and_then(Option::as_ref).map_or(0, of)
    }

    /// Whether there is a match at all.
    pub(crate) fn is_match(&self, scratch: &mut DocumentScratch, text: &[u8]) -> bool {
        let cache = scratch.cache.get_or_insert_with(|| self.regex.create_cache());
        self.regex.search_half_with(cache, &Input::new(text).earliest(true)).is_some()
    }

    /// Calls `found(start, end)` for every match, ascending, until it breaks or the watch says stop; `false` then.
    pub(crate) fn for_each<F>(
        &self,
        scratch: &mut DocumentScratch,
        text: &[u8],
        watch: Option<&Watch>,
        found: &mut F,
    ) -> bool
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        let is_long = text.len() > AT_ONCE_BYTES;
        match (watch, self.automata.get().map_or(is_long, |automata| is_long && automata.is_some())) {
            (Some(watch), true) => self.in_steps(scratch, text, watch, found),
            _ => self.at_once(scratch, Searcher::new(Input::new(text)), watch, found),
        }
    }

    /// By the library, looking at the clock between matches.
    fn at_once<F>(
        &self,
        scratch: &mut DocumentScratch,
        mut searcher: Searcher<'_>,
        watch: Option<&Watch>,
        found: &mut F,
    ) -> bool
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        let cache = scratch.cache.get_or_insert_with(|| self.regex.create_cache());
        let mut n_matches = 0u32;
        while let Some(hit) = searcher.advance(|input| Ok(self.regex.search_with(cache, input))) {
            n_matches = n_matches.wrapping_add(1);
            if n_matches.is_multiple_of(MATCHES_PER_LOOK) && watch.is_some_and(|watch| watch.stop().is_some())
            {
                return false;
            }
            if found(hit.start(), hit.end()).is_break() {
                return true;
            }
        }
        true
    }

    fn in_steps<F>(&self, scratch: &mut DocumentScratch, text: &[u8], watch: &Watch, found: &mut F) -> bool
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        let mut searcher = Searcher::new(Input::new(text));
        let automata = self.automata.get_or_init(|| Automata::new(&self.hir, self.cache_bytes));
        let Some(automata) = automata else { return self.at_once(scratch, searcher, Some(watch), found) };
        let (forward, backward) = scratch
            .steps
            .get_or_insert_with(|| (automata.forward.create_cache(), automata.backward.create_cache()));
        loop {
            let mut ended = None;
            // What is found so far stays: the searcher goes on from there, whichever engine it asks next.
            let mut rest = searcher.clone();
            let advanced = rest.try_advance(|input| {
                automata.find(forward, backward, input, watch).map_err(|why| {
                    ended = Some(why);
                    MatchError::gave_up(input.start())
                })
            });
            match (advanced, ended) {
                (_, Some(Ended::CalledOff)) => return false,
                (_, Some(Ended::Unfit)) | (Err(_), None) => {
                    return self.at_once(scratch, searcher, Some(watch), found);
                }
                (Ok(None), None) => return true,
                (Ok(Some(hit)), None) => {
                    searcher = rest;
                    if found(hit.start(), hit.end()).is_break() {
                        return true;
                    }
                }
            }
        }
    }
}

impl Automata {
    fn new(hir: &Hir, cache_bytes: usize) -> Option<Automata> {
        let compile = |is_reverse: bool| {
            let config = thompson::Config::new()
                .reverse(is_reverse)
                .which_captures(WhichCaptures::None)
                .nfa_size_limit(Some(NFA_BYTES_MAX));
            let nfa = thompson::Compiler::new().configure(config).build_from_hir(hir).ok()?;
            // Without a limit on how often the cache is emptied an automaton never gives up: it may be slow, and can be
            // called off.
            let config = Config::new()
                .match_kind(if is_reverse { MatchKind::All } else { MatchKind::LeftmostFirst })
                .unicode_word_boundary(true)
                .cache_capacity(cache_bytes)
                .skip_cache_capacity_check(true);
            DFA::builder().configure(config).build_from_nfa(nfa).ok()
        };
        Some(Automata { forward: compile(false)?, backward: compile(true)? })
    }

    /// The leftmost match in the input's span, which ends with the text.
    fn find(
        &self,
        forward: &mut Cache,
        backward: &mut Cache,
        input: &Input<'_>,
        watch: &Watch,
    ) -> Result<Option<Match>, Ended> {
        let mut input = input.clone();
        // Behind an empty match at the end of the text there is nothing left: the span begins behind its own end.
        while !input.is_done() {
            let Some(end) = self.end(forward, &input, watch)? else { return Ok(None) };
            let Some(start) = self.start(backward, &input, end, watch)? else { return Err(Ended::Unfit) };
            // An empty match within a character is none.
            if start < end || input.is_char_boundary(end) {
                return Ok(Some(Match::must(0, start..end)));
            }
            input.set_start(input.start() + 1);
        }
        Ok(None)
    }

    /// Where the leftmost match ends.
    fn end(&self, cache: &mut Cache, input: &Input<'_>, watch: &Watch) -> Result<Option<usize>, Ended> {
        let automaton = &self.forward;
        let mut state = automaton.start_state_forward(cache, input).map_err(|_| Ended::Unfit)?;
        let (text, mut at, mut end) = (input.haystack(), input.start(), None);
        while at < input.end() {
            if watch.stop().is_some() {
                return Err(Ended::CalledOff);
            }
            let piece_end = input.end().min(at + BYTES_PER_LOOK);
            for byte in &text[at..piece_end] {
                state = automaton.next_state(cache, state, *byte).map_err(|_| Ended::Unfit)?;
                if state.is_tagged() {
                    // What a state says is about the text before its last byte.
                    match () {
                        () if state.is_match() => end = Some(at),
                        () if state.is_dead() => return Ok(end),
                        () if state.is_quit() => return Err(Ended::Unfit),
                        () => {}
                    }
                }
                at += 1;
            }
        }
        state = automaton.next_eoi_state(cache, state).map_err(|_| Ended::Unfit)?;
        Ok(if state.is_match() { Some(input.end()) } else { end })
    }

    /// Where the match that ends at `end` begins: the longest one backwards from there.
    fn start(
        &self,
        cache: &mut Cache,
        input: &Input<'_>,
        end: usize,
        watch: &Watch,
    ) -> Result<Option<usize>, Ended> {
        let automaton = &self.backward;
        let (text, first) = (input.haystack(), input.start());
        let input = Input::new(text).span(first..end).anchored(Anchored::Yes);
        let mut state = automaton.start_state_reverse(cache, &input).map_err(|_| Ended::Unfit)?;
        let (mut at, mut start) = (end, None);
        while at > first {
            if watch.stop().is_some() {
                return Err(Ended::CalledOff);
            }
            let piece_start = first.max(at.saturating_sub(BYTES_PER_LOOK));
            for byte in text[piece_start..at].iter().rev() {
                state = automaton.next_state(cache, state, *byte).map_err(|_| Ended::Unfit)?;
                if state.is_tagged() {
                    match () {
                        () if state.is_match() => start = Some(at),
                        () if state.is_dead() => return Ok(start),
                        () if state.is_quit() => return Err(Ended::Unfit),
                        () => {}
                    }
                }
                at -= 1;
            }
        }
        state = match first.checked_sub(1) {
            Some(before) => automaton.next_state(cache, state, text[before]),
            None => automaton.next_eoi_state(cache, state),
        }
        .map_err(|_| Ended::Unfit)?;
        if state.is_quit() {
            return Err(Ended::Unfit);
        }
        Ok(if state.is_match() { Some(first) } else { start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CancelToken;
    use proptest::prelude::*;

    fn regex(pattern: &str) -> DocumentRegex {
        let hir = regex_syntax::ParserBuilder::new().multi_line(true).build().parse(pattern).expect(pattern);
        let regex = meta::Builder::new().build_from_hir(&hir).expect(pattern);
        DocumentRegex::new(regex, hir, 1 << 20)
    }

    fn all(
        regex: &DocumentRegex,
        text: &str,
        search: impl FnOnce(&mut DocumentScratch, &mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> bool,
    ) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        let mut found = |start, end| {
            hits.push((start, end));
            ControlFlow::Continue(())
        };
        assert!(search(&mut DocumentScratch::default(), &mut found), "{:?} in {text:?}", regex.hir);
        hits
    }

    #[track_caller]
    fn check(pattern: &str, text: &str) {
        let regex = regex(pattern);
        let watch = Watch::new(CancelToken::new(), None);
        let expected = all(&regex, text, |scratch, mut found| {
            regex.at_once(scratch, Searcher::new(Input::new(text)), None, &mut found)
        });
        let stepwise = all(&regex, text, |scratch, mut found| {
            regex.in_steps(scratch, text.as_bytes(), &watch, &mut found)
        });
        assert_eq!(stepwise, expected, "{pattern:?} in {text:?}");
    }

    #[test]
    fn steps_find_what_the_library_finds() {
        let texts = ["", "a", "a\nb\n", "ab\n\nab", "naïve\nb é", "x{\n  y\n}\nx{}", "\n\n\n"];
        let patterns = [
            "a\\nb",
            "(?s:.*)",
            "a|ab\\n?",
            "(?s)x\\{.*?\\}",
            "\\n*",
            "^",
            "$",
            "\\bb\\b",
            "\\Aa",
            "b\\z",
            "[^a]*\\n",
            "é|\\n",
            "(a|b)\\s+(a|b)",
            "",
        ];
        for pattern in patterns {
            texts.iter().for_each(|text| check(pattern, text));
        }
    }

    proptest! {
        #[test]
        fn steps_find_what_the_library_finds_in_any_text(
            pattern in prop::sample::select(vec![
                "a+\\n?b*", "(?s)a.*?b|ba", "\\s*\\w\\s", "(ab|a)(\\n|b)*", "\\ba\\n", "[^b]{2,4}\\n|b$", "(?i)É\\n?",
            ]),
            text in "[abé \n]{0,60}",
        ) {
            check(pattern, &text);
        }
    }

    #[test]
    fn matches_longer_than_a_step_are_whole() {
        let text = format!("x{{{}}}\n{}", "y\n".repeat(3 * BYTES_PER_LOOK), "x{}\n");
        check("(?s)x\\{[^}]*\\}", &text);
        check("(?s)x.*", &text);
        check("(?s)z.*|$", &text);
    }

    /// Finds nothing, and keeps every engine but the slowest busy to the end of the text.
    #[test]
    fn a_long_document_can_be_called_off_within() {
        let regex = regex("(?s)q.*z");
        let text = format!("q{}", "a\n".repeat(AT_ONCE_BYTES));
        let token = CancelToken::new();
        let watch = Watch::new(token.clone(), None);
        let mut n_found = 0;
        let mut found = |_, _| {
            n_found += 1;
            ControlFlow::Continue(())
        };
        let mut scratch = DocumentScratch::default();
        assert!(regex.for_each(&mut scratch, text.as_bytes(), Some(&watch), &mut found), "to its end");
        token.cancel();
        assert!(!regex.for_each(&mut scratch, text.as_bytes(), Some(&watch), &mut found), "called off");
        assert_eq!(n_found, 0);
    }

    #[test]
    fn many_matches_of_a_short_document_can_be_called_off_between() {
        let regex = regex("a\\n");
        let token = CancelToken::new();
        token.cancel();
        let watch = Watch::new(token, None);
        let mut n_found = 0;
        let is_whole = regex.for_each(
            &mut DocumentScratch::default(),
            "a\n".repeat(100).as_bytes(),
            Some(&watch),
            &mut |_, _| {
                n_found += 1;
                ControlFlow::Continue(())
            },
        );
        assert!(!is_whole && n_found < MATCHES_PER_LOOK, "{n_found}");
    }
}
