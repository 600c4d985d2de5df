//! From the text of a pattern to something that matches: syntax, limits, line orientation, grams.

use crate::SearchError;
use crate::deferred::DeferredRegex;
use crate::line_regex::LineRegex;
use crate::literal::FoldedLiteral;
use crate::matcher::{Matcher, Scratch};
use crate::stepwise::DocumentRegex;
use crate::window::Window;
use memchr::memmem;
use model::{ByteRange, Language};
use ngram::GramQuery;
use regex_automata::{PatternID, meta};
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{self, Ast};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{
    Class, ClassBytes, ClassBytesRange, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look,
};
use std::sync::{Mutex, PoisonError};

/// How deep groups may nest: parsing and lowering recurse by it.
const NEST_LIMIT: u32 = 200;
/// How large one compiled automaton may be. A Unicode class costs some 20 KiB, so that a hundred of them fit;
/// compiling up to the limit takes some 50 ms.
pub(crate) const NFA_BYTES_MAX: usize = 8 << 20;
/// What a thread may spend on the states of all lazy automata of a query.
const LAZY_CACHES_BYTES: usize = 32 << 20;

/// How a pattern reads the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// No match holds a newline: blocks, which end at newlines, can be searched one by one.
    Line,
    /// A match may cross lines: a document is searched as a whole.
    Document,
}

/// What a pattern is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Literal,
    Regex,
}

/// How all patterns of one query are compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatternOptions {
    pub(crate) case_sensitive: bool,
    lazy_cache_bytes: usize,
}

impl PatternOptions {
    /// Options for a query of this many patterns: they share the memory for lazy automata.
    pub(crate) fn new(case_sensitive: bool, n_patterns: usize) -> Self {
        let share = LAZY_CACHES_BYTES / n_patterns.max(1);
        PatternOptions { case_sensitive, lazy_cache_bytes: share.clamp(256 << 10, 4 << 20) }
    }
}

/// A compiled pattern for the content of documents.
#[derive(Debug)]
pub(crate) struct ContentPattern {
    pub(crate) matcher: Matcher,
    pub(crate) scope: Scope,
    pub(crate) grams: GramQuery,
    /// The pattern in exact case, where that could tell better matches from others.
    pub(crate) exact_case: Option<String>,
}

impl ContentPattern {
    /// Whether it can match a text in this language.
    pub(crate) fn reads(&self, language: Language) -> bool {
        match &self.matcher {
            Matcher::Tree(pattern) => pattern.reads(language),
            _ => true,
        }
    }

    /// Whether it is looked for in syntax trees.
    pub(crate) fn is_structural(&self) -> bool {
        matches!(self.matcher, Matcher::Tree(_))
    }
}

/// A compiled pattern for names: paths and repository names.
#[derive(Debug)]
pub(crate) struct NamePattern {
    pub(crate) matcher: Matcher,
    /// What a matching name must hold.
    pub(crate) grams: GramQuery,
    /// What every match holds, where grams do not say it and it is found sooner than the match.
    pub(crate) window: Option<Window>,
    spare: SpareScratches,
}

/// Scratches that nobody uses at the moment: names are many and short, and making one takes longer than looking at a name.
#[derive(Debug, Default)]
struct SpareScratches(Mutex<Vec<Scratch>>);

impl NamePattern {
    /// Whether a name may match: some expressions are not worth compiling for the few names that there are.
    pub(crate) fn may_match(&self, name: &[u8]) -> bool {
        match &self.matcher {
            Matcher::Deferred(deferred) => deferred.may_match(&self.grams, name),
            _ => true,
        }
    }

    /// Does something with a scratch that is used for this pattern alone.
    pub(crate) fn with_scratch<T>(&self, work: impl FnOnce(&mut Scratch) -> T) -> T {
        let spare = || self.spare.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scratch = spare().pop().unwrap_or_default();
        let done = work(&mut scratch);
        spare().push(scratch);
        done
    }
}

/// Compiles a pattern for content. `span` is where it stands in the query, for the error.
pub(crate) fn content_pattern(
    text: &str,
    syntax: Syntax,
    options: PatternOptions,
    span: &ByteRange,
) -> Result<ContentPattern, SearchError> {
    if let Some(literal) = as_literal(text, syntax) {
        let scope = if literal.contains('\n') { Scope::Document } else { Scope::Line };
        let matcher = literal_matcher(literal, options, true, span)?;
        let exact_case = (!options.case_sensitive).then(|| literal.to_owned());
        return Ok(ContentPattern {
            matcher,
            scope,
            grams: GramQuery::literal(literal.as_bytes()),
            exact_case,
        });
    }
    let ast = parse(text, span)?;
    let hir = translate(text, &ast, options.case_sensitive, true, true, span)?;
    let looks = hir.properties().look_set();
    let crosses_lines = spells_newline(&ast) || looks.contains(Look::Start) || looks.contains(Look::End);
    let (hir, scope) =
        if crosses_lines { (hir, Scope::Document) } else { (without_newline(hir), Scope::Line) };
    let grams = GramQuery::from_hir(&hir);
    let matcher = match scope {
        Scope::Line => {
            let regex = LineRegex::new(&hir, |skips| compile_with(&hir, options, true, skips, span))?;
            Matcher::Lines(Box::new(regex))
        }
        Scope::Document => {
            let regex = compile(&hir, options, true, span)?;
            Matcher::Document(Box::new(DocumentRegex::new(regex, hir, options.lazy_cache_bytes)))
        }
    };
    Ok(ContentPattern { matcher, scope, grams, exact_case: None })
}

/// A line-bound regular expression that keeps what its groups hold: for counting, not for searching.
#[derive(Debug)]
pub(crate) struct CapturePattern {
    regex: meta::Regex,
    /// The group that is asked for.
    pub(crate) group: usize,
}

/// Compiles a regular expression for content with its groups. `None` where its matches may hold several lines.
pub(crate) fn capture_pattern(
    text: &str,
    case_sensitive: bool,
    span: &ByteRange,
) -> Result<Option<CapturePattern>, SearchError> {
    let ast = parse(text, span)?;
    let hir = translate(text, &ast, case_sensitive, true, true, span)?;
    let looks = hir.properties().look_set();
    if spells_newline(&ast) || looks.contains(Look::Start) || looks.contains(Look::End) {
        return Ok(None);
    }
    // Lines come without their ends: nothing of the pattern could match a newline in them.
    let regex = compile(&hir, PatternOptions::new(case_sensitive, 1), true, span)?;
    Ok(Some(CapturePattern { regex, group: 0 }))
}

impl CapturePattern {
    /// How many groups there are, the whole match counted.
    pub(crate) fn n_groups(&self) -> usize {
        self.regex.group_info().group_len(PatternID::ZERO)
    }

    /// The number of a group that has a name.
    pub(crate) fn group_named(&self, name: &str) -> Option<usize> {
        self.regex.group_info().to_index(PatternID::ZERO, name)
    }

    /// What the group held in each of the line's matches; `ranges` are those matches. A group that took no part held nothing.
    pub(crate) fn values(&self, line: &[u8], ranges: &[ByteRange], values: &mut Vec<Vec<u8>>) {
        let n_before = values.len();
        self.values_in(line, line.len(), ranges, values);
        if values.len() - n_before < ranges.len() {
            // The line is shown without a carriage return before its end, and a match may hold one.
            values.truncate(n_before);
            self.values_in(&[line, b"\r"].concat(), line.len(), ranges, values);
        }
    }

    fn values_in(&self, text: &[u8], end: usize, ranges: &[ByteRange], values: &mut Vec<Vec<u8>>) {
        let mut expected = ranges.iter().peekable();
        for captures in self.regex.captures_iter(text) {
            let Some(whole) = captures.get_match() else { continue };
            let shown = whole.start().min(end)..whole.end().min(end);
            while expected.next_if(|range| range.start < shown.start).is_some() {}
            // Only what the search found counts.
            if expected.next_if(|range| **range == shown).is_some() {
                let group = captures.get_group(self.group);
                let held = group.map(|group| &text[group.start.min(end)..group.end.min(end)]);
                values.push(held.unwrap_or_default().to_vec());
            }
        }
    }
}

/// Compiles a pattern for names, which are searched whole: `^` and `$` are their ends.
pub(crate) fn name_pattern(
    text: &str,
    syntax: Syntax,
    options: PatternOptions,
    span: &ByteRange,
) -> Result<NamePattern, SearchError> {
    if let Some(literal) = as_literal(text, syntax) {
        let grams = GramQuery::literal(literal.as_bytes());
        let matcher = literal_matcher(literal, options, false, span)?;
        return Ok(NamePattern { matcher, grams, window: None, spare: SpareScratches::default() });
    }
    let hir = name_hir(text, options, span)?;
    let grams = GramQuery::from_hir(&hir);
    let window = if grams == GramQuery::All { Window::of(&hir) } else { None };
    let matcher = Matcher::Regex(compile(&hir, options, false, span)?);
    Ok(NamePattern { matcher, grams, window, spare: SpareScratches::default() })
}

/// Likewise for a pattern that was compiled for content and is looked for in names besides: its automaton is made when a
/// name may match.
pub(crate) fn name_pattern_beside(
    content: &ContentPattern,
    text: &str,
    syntax: Syntax,
    options: PatternOptions,
    span: &ByteRange,
) -> Result<NamePattern, SearchError> {
    if as_literal(text, syntax).is_some() {
        return name_pattern(text, syntax, options, span);
    }
    let hir = name_hir(text, options, span)?;
    // What stays within a line there and cannot match a newline here holds the same grams: the two differ in nothing else that
    // grams know of.
    let grams = match content.scope == Scope::Line && !ngram::may_match_newline(&hir) {
        true => content.grams.clone(),
        false => GramQuery::from_hir(&hir),
    };
    let window = if grams == GramQuery::All { Window::of(&hir) } else { None };
    // For content it is within its limit. Where a newline makes it a little larger, that is no reason to find nothing.
    let config = config_of(options, false, true).nfa_size_limit(Some(2 * NFA_BYTES_MAX));
    let deferred = DeferredRegex::new(hir, config, content.matcher.size_bytes());
    let matcher = Matcher::Deferred(Box::new(deferred));
    Ok(NamePattern { matcher, grams, window, spare: SpareScratches::default() })
}

fn name_hir(text: &str, options: PatternOptions, span: &ByteRange) -> Result<Hir, SearchError> {
    let ast = parse(text, span)?;
    translate(text, &ast, options.case_sensitive, false, false, span)
}

/// The literal that this pattern is, if it is one: also a regular expression without any operator.
pub(crate) fn as_literal(text: &str, syntax: Syntax) -> Option<&str> {
    let is_literal = match syntax {
        Syntax::Literal => true,
        Syntax::Regex => !text.is_empty() && !text.chars().any(regex_syntax::is_meta_character),
    };
    is_literal.then_some(text)
}

fn literal_matcher(
    literal: &str,
    options: PatternOptions,
    utf8: bool,
    span: &ByteRange,
) -> Result<Matcher, SearchError> {
    if options.case_sensitive && !literal.is_empty() {
        return Ok(Matcher::Exact(Box::new(memmem::Finder::new(literal).into_owned())));
    }
    if let Some(folded) = FoldedLiteral::new(literal) {
        return Ok(Matcher::Folded(Box::new(folded)));
    }
    let escaped = regex_syntax::escape(literal);
    let ast = parse(&escaped, span)?;
    let hir = translate(&escaped, &ast, options.case_sensitive, false, utf8, span)?;
    Ok(Matcher::Regex(compile(&hir, options, utf8, span)?))
}

fn parse(text: &str, span: &ByteRange) -> Result<Ast, SearchError> {
    let parsed = ParserBuilder::new().nest_limit(NEST_LIMIT).build().parse(text);
    parsed.map_err(|error| SearchError::BadPattern {
        reason: explain(&error),
        span: at(span, error.span().start.offset..error.span().end.offset),
    })
}

/// What a person needs to hear, without the pattern printed again around it.
fn explain(error: &ast::Error) -> String {
    match error.kind() {
        ast::ErrorKind::UnsupportedBackreference => {
            "back-references are not supported: every pattern runs in linear time".to_owned()
        }
        ast::ErrorKind::UnsupportedLookAround => {
            "look-around is not supported: every pattern runs in linear time".to_owned()
        }
        kind => kind.to_string(),
    }
}

/// The place of a fault inside the pattern as a place inside the query; the whole pattern where quoting moved it.
fn at(pattern: &ByteRange, fault: ByteRange) -> ByteRange {
    let (start, end) = (pattern.start + fault.start, pattern.start + fault.end);
    if end <= pattern.end { start..end } else { pattern.clone() }
}

fn translate(
    text: &str,
    ast: &Ast,
    case_sensitive: bool,
    multi_line: bool,
    utf8: bool,
    span: &ByteRange,
) -> Result<Hir, SearchError> {
    let mut translator =
        TranslatorBuilder::new().utf8(utf8).case_insensitive(!case_sensitive).multi_line(multi_line).build();
    translator.translate(text, ast).map_err(|error| SearchError::BadPattern {
        reason: error.kind().to_string(),
        span: at(span, error.span().start.offset..error.span().end.offset),
    })
}

fn compile(
    hir: &Hir,
    options: PatternOptions,
    utf8: bool,
    span: &ByteRange,
) -> Result<meta::Regex, SearchError> {
    compile_with(hir, options, utf8, true, span)
}

/// Likewise; `skips` is whether it looks for literals before it runs.
fn compile_with(
    hir: &Hir,
    options: PatternOptions,
    utf8: bool,
    skips: bool,
    span: &ByteRange,
) -> Result<meta::Regex, SearchError> {
    let config = config_of(options, utf8, skips);
    meta::Builder::new().configure(config).build_from_hir(hir).map_err(|error| match error.size_limit() {
        Some(_) => SearchError::PatternTooLarge { span: span.clone() },
        None => SearchError::BadPattern { reason: error.to_string(), span: span.clone() },
    })
}

fn config_of(options: PatternOptions, utf8: bool, skips: bool) -> meta::Config {
    meta::Config::new()
        .auto_prefilter(skips)
        .nfa_size_limit(Some(NFA_BYTES_MAX))
        .hybrid_cache_capacity(options.lazy_cache_bytes)
        .utf8_empty(utf8)
}

/// Whether the pattern asks for newlines in so many words: `\n` in any spelling, alone or in a class, or `(?s)`.
/// A class that merely includes it, such as `\s` or `[^a]`, does not.
fn spells_newline(ast: &Ast) -> bool {
    struct Finder {
        found: bool,
    }
    impl ast::Visitor for Finder {
        type Output = bool;
        type Err = std::convert::Infallible;

        fn finish(self) -> Result<bool, Self::Err> {
            Ok(self.found)
        }

        fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
            self.found |= match ast {
                Ast::Literal(literal) => literal.c == '\n',
                Ast::Flags(set) => set.flags.flag_state(ast::Flag::DotMatchesNewLine) == Some(true),
                Ast::Group(group) => {
                    let flags = group.flags();
                    flags.and_then(|flags| flags.flag_state(ast::Flag::DotMatchesNewLine)) == Some(true)
                }
                _ => false,
            };
            Ok(())
        }

        fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), Self::Err> {
            self.found |= matches!(item, ast::ClassSetItem::Literal(literal) if literal.c == '\n');
            Ok(())
        }
    }
    match ast::visit(ast, Finder { found: false }) {
        Ok(found) => found,
        Err(never) => match never {},
    }
}

/// The same expression, unable to match a newline. Recursion is bounded by [`NEST_LIMIT`].
pub(crate) fn without_newline(hir: Hir) -> Hir {
    match hir.into_kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Literal(literal) if literal.0.contains(&b'\n') => Hir::fail(),
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(Class::Unicode(mut class)) => {
            class.difference(&ClassUnicode::new([ClassUnicodeRange::new('\n', '\n')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Class(Class::Bytes(mut class)) => {
            class.difference(&ClassBytes::new([ClassBytesRange::new(b'\n', b'\n')]));
            Hir::class(Class::Bytes(class))
        }
        HirKind::Repetition(mut repetition) => {
            repetition.sub = Box::new(without_newline(*repetition.sub));
            Hir::repetition(repetition)
        }
        HirKind::Capture(capture) => without_newline(*capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.into_iter().map(without_newline).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.into_iter().map(without_newline).collect()),
    }
}
