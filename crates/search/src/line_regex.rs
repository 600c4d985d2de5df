//! A regular expression whose matches stay within a line, run over long texts as fast as the text allows.
//!
//! Lines without the expression's window are skipped. Where it asks for Unicode word boundaries, which automata can only
//! decide between ASCII characters, lines with other characters are searched apart, so that they alone are slow.

use crate::window::Window;
use regex_automata::util::iter::Searcher;
use regex_automata::util::prefilter::Prefilter;
use regex_automata::{Input, MatchKind, meta};
use regex_syntax::hir::Hir;
use std::ops::ControlFlow;

/// A window is given up where it stops this often, in bytes a line, once so much was looked at: then the automaton alone
/// is faster.
const LINE_DISTANCE_MIN: u64 = 160;
const TRIAL_BYTES: u64 = 64 << 10;

/// An expression that cannot match a newline.
#[derive(Debug)]
pub(crate) struct LineRegex {
    regex: meta::Regex,
    window: Option<Window>,
    has_unicode_boundary: bool,
}

/// What one thread needs to run one expression.
#[derive(Debug, Default)]
pub(crate) struct LineScratch {
    cache: Option<meta::Cache>,
    /// How much text the window was looked for in, and how many lines it stopped at.
    n_bytes: u64,
    n_lines: u64,
}

impl LineRegex {
    /// Compiles `hir`, in which no class and no literal has a newline. `compile` is told whether the expression is to skip by
    /// its own literals: that is for nothing where lines are chosen before.
    pub(crate) fn new<E>(
        hir: &Hir,
        compile: impl FnOnce(bool) -> Result<meta::Regex, E>,
    ) -> Result<LineRegex, E> {
        // Where it begins with a literal the expression skips by itself; only what is rarer than most literals is better.
        let begins_fast =
            || Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, hir).is_some_and(|p| p.is_fast());
        let window = Window::of(hir).filter(|window| window.is_rare() || !begins_fast());
        let regex = compile(window.is_none())?;
        Ok(LineRegex {
            regex,
            window,
            has_unicode_boundary: hir.properties().look_set().contains_word_unicode(),
        })
    }

    /// What it occupies, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        self.regex.memory_usage()
    }

    /// Whether there is a match at all.
    pub(crate) fn is_match(&self, scratch: &mut LineScratch, text: &[u8]) -> bool {
        let mut is_match = false;
        self.for_each(scratch, text, &mut |_, _| {
            is_match = true;
            ControlFlow::Break(())
        });
        is_match
    }

    /// Calls `found(start, end)` for every match, ascending, until it breaks.
    pub(crate) fn for_each<F>(&self, scratch: &mut LineScratch, text: &[u8], found: &mut F)
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        let is_rare = scratch.n_bytes < TRIAL_BYTES || scratch.n_lines * LINE_DISTANCE_MIN < scratch.n_bytes;
        let _ = match &self.window {
            Some(window) if is_rare => self.by_window(window, scratch, text, found),
            _ if self.has_unicode_boundary => self.by_ascii(scratch, text, found),
            _ => self.plainly(scratch, text, 0, true, found),
        };
    }

    fn by_window<F>(
        &self,
        window: &Window,
        scratch: &mut LineScratch,
        text: &[u8],
        found: &mut F,
    ) -> ControlFlow<()>
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        scratch.n_bytes += text.len() as u64;
        let mut start = 0;
        while let Some(at) = window.find(text, start) {
            scratch.n_lines += 1;
            let (line_start, line_end) = line_around(text, start, at);
            self.plainly(scratch, &text[line_start..line_end], line_start, line_end == text.len(), found)?;
            start = line_end;
        }
        ControlFlow::Continue(())
    }

    /// Lines that are all ASCII many at a time, the others one by one.
    fn by_ascii<F>(&self, scratch: &mut LineScratch, text: &[u8], found: &mut F) -> ControlFlow<()>
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        let mut start = 0;
        while let Some(at) = first_non_ascii(&text[start..]) {
            let (line_start, line_end) = line_around(text, start, start + at);
            self.plainly(scratch, &text[start..line_start], start, false, found)?;
            self.plainly(scratch, &text[line_start..line_end], line_start, line_end == text.len(), found)?;
            start = line_end;
        }
        if start == text.len() && start > 0 {
            return ControlFlow::Continue(());
        }
        self.plainly(scratch, &text[start..], start, true, found)
    }

    /// Searches whole lines that begin at `offset`. An empty match behind the last newline belongs to the next line.
    fn plainly<F>(
        &self,
        scratch: &mut LineScratch,
        lines: &[u8],
        offset: usize,
        is_last: bool,
        found: &mut F,
    ) -> ControlFlow<()>
    where
        F: FnMut(usize, usize) -> ControlFlow<()>,
    {
        if lines.is_empty() && !is_last {
            return ControlFlow::Continue(());
        }
        let cache = scratch.cache.get_or_insert_with(|| self.regex.create_cache());
        let mut searcher = Searcher::new(Input::new(lines));
        while let Some(hit) = searcher.advance(|input| Ok(self.regex.search_with(cache, input))) {
            if is_last || hit.start() < lines.len() {
                found(offset + hit.start(), offset + hit.end())?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// The line around `at`, newline included; `start` is the beginning of a line before it.
fn line_around(text: &[u8], start: usize, at: usize) -> (usize, usize) {
    let line_start = memchr::memrchr(b'\n', &text[start..at]).map_or(start, |idx| start + idx + 1);
    let line_end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |idx| at + idx + 1);
    (line_start, line_end)
}

/// The first byte that is not ASCII.
fn first_non_ascii(text: &[u8]) -> Option<usize> {
    const STEP: usize = 128;
    let clean = text.chunks_exact(STEP).take_while(|chunk| chunk.is_ascii()).count() * STEP;
    text[clean..].iter().position(|byte| !byte.is_ascii()).map(|idx| clean + idx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compiled(pattern: &str) -> (meta::Regex, Hir) {
        let hir = regex_syntax::ParserBuilder::new()
            .utf8(true)
            .multi_line(true)
            .build()
            .parse(pattern)
            .expect("patterns in tests are valid");
        let hir = crate::pattern::without_newline(hir);
        (meta::Builder::new().build_from_hir(&hir).expect("it compiles"), hir)
    }

    fn hits(matcher: impl FnOnce(&mut dyn FnMut(usize, usize))) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        matcher(&mut |start, end| hits.push((start, end)));
        hits
    }

    const PATTERNS: &[&str] = &[
        r"\b[A-Z]{2}[0-9]{3}[A-Z]?\b",
        r"[a-c]{3}_[0-9]{2,}_[a-z]+\(",
        r"[0-9]+ [0-9]+$",
        r"(?i)\bk[a-c]s\b",
        r"\d\d-\d",
        r"\w+é?\b",
        r"^\s*[a-c]+\d",
        r"\B",
        r"$",
        r"[^a-z]{2}",
        r"(ab|cd)\d\d",
        r"(a1){2}b",
        r"\p{Greek}[0-9]",
        r"x{0}",
        r"[a-c]aab[a-c]*_",
        r"(k|aba)aba\(",
        r"\w1_2\b",
        r"\bé?[A-C]{2}\b1",
        r"(?i)ks[a-c]\b.",
        r"(\bc)?ab[0-9]",
        r"a\b b?\bc",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_finds_what_the_expression_finds(
            which in 0..PATTERNS.len(),
            lines in prop::collection::vec("([a-cABk1230_ (\\-]|AB123|abc_12_a\\(|é|ſ|K|٣|α1|ks|aab|ababa\\(|a1_2){0,60}", 0..12),
            ends in any::<bool>(),
            is_frequent in any::<bool>(),
        ) {
            let text = lines.join("\n") + if ends { "\n" } else { "" };
            let (regex, hir) = compiled(PATTERNS[which]);
            let expected: Vec<_> = regex.find_iter(text.as_bytes()).map(|hit| (hit.start(), hit.end())).collect();
            let matcher = LineRegex::new(&hir, |skips| {
                let config = meta::Config::new().auto_prefilter(skips);
                meta::Builder::new().configure(config).build_from_hir(&hir).map_err(Box::new)
            });
            let matcher = matcher.expect("it compiles");
            let mut scratch = LineScratch::default();
            if is_frequent {
                (scratch.n_bytes, scratch.n_lines) = (1 << 30, 1 << 30);
            }
            let found = hits(|note| matcher.for_each(&mut scratch, text.as_bytes(), &mut |start, end| {
                note(start, end);
                ControlFlow::Continue(())
            }));
            prop_assert_eq!(found, expected, "{} in {:?}", PATTERNS[which], text);
            let is_match = matcher.regex.is_match(text.as_bytes());
            prop_assert_eq!(matcher.is_match(&mut scratch, text.as_bytes()), is_match);
        }
    }

    #[test]
    fn expressions_without_literals_have_windows() {
        let window = |pattern: &str| Window::of(&compiled(pattern).1).is_some();
        assert!(window(r"\b[A-Z]{2}[0-9]{3}[A-Z]?\b"));
        assert!(window(r"[a-z]{3}_[0-9]{4}_[a-z]+\("));
        assert!(window(r"[0-9]+ [0-9]+ [0-9]+$"));
        assert!(!window(r"\w+"));
        assert!(!window(r".*"));
        assert!(!window(r"a?b?c?"));
    }
}
