//! Lowering: which grams must a text hold for a pattern to match it?
//!
//! The method is Russ Cox's ("Regular Expression Matching with a Trigram Index", 2012) with windows over character
//! classes added. A subexpression is known either exactly (the set of folded strings it matches) or in part: strings
//! every match begins with, strings every match ends with, and a query every match satisfies. Sets are expanded up to the
//! limits below and forgotten beyond them, which only weakens the query.

use crate::{Bigram, Gram, GramQuery, fold::fold_char, fold_into};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Most strings of an exact set that grows by concatenation: `[0-9]{2}` is 100.
const PRODUCT_MAX: usize = 128;
/// Most bytes of an exact set that grows by concatenation.
const PRODUCT_BYTES_MAX: usize = 8 << 10;
/// Most strings of an exact set that grows by alternation: a list of words.
const UNION_MAX: usize = 512;
/// Most strings in a set of heads or tails; `[0-9][0-9]` stays, `[a-z][a-z]` is cut to one letter.
const ENDS_MAX: usize = 128;
/// Most alternatives of one clause that joins two neighbours, and of one with bigrams in it.
const JOIN_MAX: usize = 256;
const BIGRAM_CLAUSE_MAX: usize = 16;
/// Most grams taken from all strings of one clause together.
const CLAUSE_LEAVES_MAX: usize = 512;
/// Most grams taken from one string; a longer one is sampled evenly.
const STRING_GRAMS_MAX: usize = 64;
/// Most characters of a class that is spelled out.
const CLASS_MAX: usize = 256;
/// A repetition is unrolled this often: enough for every gram inside and across two turns of a one-byte body.
const UNROLL_MAX: u32 = 4;

type Strings = Vec<Vec<u8>>;

impl GramQuery {
    /// What every text holds that the expression matches. Case-insensitive and Unicode expressions come as classes in
    /// the `Hir`; looks are taken as always true.
    pub fn from_hir(hir: &Hir) -> GramQuery {
        known(hir).into_query()
    }

    /// What every text holds that holds this literal, in any case.
    pub fn literal(literal: &[u8]) -> GramQuery {
        concat(literal_pieces(literal)).into_query()
    }
}

/// Whether the expression can match a text with a newline in it. If not, its query may be asked block by block.
pub fn may_match_newline(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&'\n'))
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().any(|range| (range.start()..=range.end()).contains(&b'\n'))
        }
        kind => kind.subs().iter().any(may_match_newline),
    }
}

/// What is known of the folded texts a subexpression matches.
enum Known {
    /// They are exactly these. No string: it matches nothing.
    Exactly(Strings),
    /// Each begins with one of `heads`, ends with one of `tails` (two bytes at most, perhaps none) and satisfies `query`.
    Partly { heads: Strings, tails: Strings, query: GramQuery },
}

impl Known {
    fn anything() -> Known {
        Known::Partly { heads: vec![Vec::new()], tails: vec![Vec::new()], query: GramQuery::All }
    }

    fn empty() -> Known {
        Known::Exactly(vec![Vec::new()])
    }

    fn into_query(self) -> GramQuery {
        match self {
            Known::Exactly(strings) => clause(&strings),
            Known::Partly { query, .. } => query,
        }
    }
}

fn known(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::empty(),
        HirKind::Literal(literal) => concat(literal_pieces(&literal.0)),
        HirKind::Class(class) => known_class(class),
        HirKind::Repetition(repetition) => known_repetition(repetition),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Concat(parts) => concat(parts.iter().map(known)),
        HirKind::Alternation(branches) => alternation(branches.iter().map(known)),
    }
}

/// A literal as folded text. Bytes that are not UTF-8 could be part of a character that was folded as a whole in the
/// text, so they stand for anything.
fn literal_pieces(literal: &[u8]) -> impl Iterator<Item = Known> {
    literal.utf8_chunks().flat_map(|piece| {
        let mut folded = Vec::new();
        fold_into(piece.valid().as_bytes(), &mut folded);
        let gap = (!piece.invalid().is_empty()).then(Known::anything);
        [Known::Exactly(vec![folded])].into_iter().chain(gap)
    })
}

fn known_class(class: &Class) -> Known {
    let mut strings = Strings::new();
    let mut spell = |c: char| strings.push(fold_char(c).encode_utf8(&mut [0; 4]).as_bytes().to_vec());
    match class {
        Class::Unicode(class) => {
            let n_chars: usize = class.iter().map(|range| range.len()).sum();
            if n_chars > CLASS_MAX {
                return Known::anything();
            }
            class.iter().flat_map(|range| range.start()..=range.end()).for_each(&mut spell);
        }
        Class::Bytes(class) if class.is_ascii() => {
            class.iter().flat_map(|range| range.start()..=range.end()).for_each(|byte| spell(byte as char));
        }
        Class::Bytes(_) => return Known::anything(),
    }
    sort(&mut strings);
    Known::Exactly(strings)
}

fn known_repetition(repetition: &Repetition) -> Known {
    let sub = || known(&repetition.sub);
    match (repetition.min, repetition.max) {
        (_, Some(0)) => Known::empty(),
        (0, Some(1)) => alternation([sub(), Known::empty()].into_iter()),
        (0, _) => Known::anything(),
        (min, max) => {
            let n_turns = min.min(UNROLL_MAX);
            let turn = sub();
            let turns = concat((0..n_turns).map(|_| turn.copy()));
            if max == Some(n_turns) { turns } else { turns.into_partly() }
        }
    }
}

impl Known {
    fn copy(&self) -> Known {
        match self {
            Known::Exactly(strings) => Known::Exactly(strings.clone()),
            Known::Partly { heads, tails, query } => {
                Known::Partly { heads: heads.clone(), tails: tails.clone(), query: query.clone() }
            }
        }
    }
}

/// One after the other.
fn concat(parts: impl Iterator<Item = Known>) -> Known {
    let mut clauses = Clauses::default();
    let mut so_far = Known::empty();
    for part in parts {
        so_far = match (so_far, part) {
            (Known::Exactly(left), Known::Exactly(right)) if product_fits(&left, &right) => {
                Known::Exactly(product(&left, &right))
            }
            (left, right) => join(left, right, &mut clauses),
        };
    }
    match so_far {
        exactly @ Known::Exactly(_) => exactly,
        Known::Partly { heads, tails, query } => {
            clauses.push(query);
            Known::Partly { heads, tails, query: GramQuery::and(clauses.members) }
        }
    }
}

/// The clauses of one conjunction, refused beyond the limit so that a long pattern costs no more than a short one.
#[derive(Default)]
struct Clauses {
    members: Vec<GramQuery>,
    n_leaves: usize,
}

impl Clauses {
    fn push(&mut self, clause: GramQuery) {
        let is_constant = matches!(clause, GramQuery::All);
        if !is_constant && self.n_leaves <= crate::query::LEAVES_MAX {
            self.n_leaves += clause.n_leaves();
            self.members.push(clause);
        }
    }
}

/// Joins neighbours of which at least one is not known exactly, or whose product is too large.
fn join(left: Known, right: Known, clauses: &mut Clauses) -> Known {
    let (left, right) = (left.into_ends(), right.into_ends());
    clauses.push(left.query);
    clauses.push(right.query);
    clauses.push(join_clause(&left.tails, &right.heads));
    let heads = match left.exact {
        Some(strings) => ends_of_product(&strings, &right.heads, head),
        None => left.heads,
    };
    let tails = match right.exact {
        Some(strings) => ends_of_product(&strings, &left.tails, tail),
        None => right.tails,
    };
    Known::Partly { heads, tails, query: GramQuery::All }
}

/// A side of a join: as [`Known::Partly`], with the exact strings where they are known.
struct Ends {
    exact: Option<Strings>,
    heads: Strings,
    tails: Strings,
    query: GramQuery,
}

impl Known {
    fn into_ends(self) -> Ends {
        match self {
            Known::Exactly(strings) => Ends {
                heads: limited(strings.iter().map(|string| head(string, 2).to_vec()).collect(), head),
                tails: limited(strings.iter().map(|string| tail(string, 2).to_vec()).collect(), tail),
                query: clause(&strings),
                exact: Some(strings),
            },
            Known::Partly { heads, tails, query } => Ends { exact: None, heads, tails, query },
        }
    }

    /// Forgets that the strings are all there is, as when more of them may follow.
    fn into_partly(self) -> Known {
        let Ends { heads, tails, query, .. } = self.into_ends();
        Known::Partly { heads, tails, query }
    }
}

/// One or the other.
fn alternation(branches: impl Iterator<Item = Known>) -> Known {
    let (mut exact, mut heads, mut tails) = (Strings::new(), Strings::new(), Strings::new());
    let mut queries = Vec::new();
    let mut take = |known: Known| {
        let ends = known.into_ends();
        heads.extend(ends.heads);
        tails.extend(ends.tails);
        queries.push(ends.query);
    };
    let mut is_exact = true;
    for branch in branches {
        match branch {
            Known::Exactly(strings) if exact.len() + strings.len() <= UNION_MAX => exact.extend(strings),
            other => {
                is_exact = false;
                take(other);
            }
        }
    }
    sort(&mut exact);
    if is_exact {
        return Known::Exactly(exact);
    }
    take(Known::Exactly(exact));
    Known::Partly { heads: limited(heads, head), tails: limited(tails, tail), query: GramQuery::or(queries) }
}

/// The clause of a set of whole strings: one of them is there.
fn clause(strings: &Strings) -> GramQuery {
    let len_min = if strings.len() <= BIGRAM_CLAUSE_MAX { 2 } else { 3 };
    if strings.len() > UNION_MAX || strings.iter().any(|string| string.len() < len_min) {
        return GramQuery::All;
    }
    let n_grams_max = (CLAUSE_LEAVES_MAX / strings.len().max(1)).clamp(1, STRING_GRAMS_MAX);
    GramQuery::or(strings.iter().map(|string| string_query(string, n_grams_max)))
}

/// The grams of one folded string, the bigrams where it has no gram.
fn string_query(string: &[u8], n_grams_max: usize) -> GramQuery {
    let mut grams: Vec<Gram> =
        string.windows(3).filter_map(|bytes| Gram::new(bytes.try_into().ok()?)).collect();
    grams.sort_unstable();
    grams.dedup();
    let step = grams.len().div_ceil(n_grams_max).max(1);
    if !grams.is_empty() {
        return GramQuery::and(grams.into_iter().step_by(step).map(GramQuery::Gram));
    }
    let bigrams = string.windows(2).filter_map(|bytes| Bigram::new(bytes.try_into().ok()?));
    GramQuery::and(bigrams.map(GramQuery::Bigram))
}

/// The clause of what stands on both sides of a border: the widest windows that are few enough.
fn join_clause(tails: &Strings, heads: &Strings) -> GramQuery {
    let within = |tails: &Strings, heads: &Strings| {
        let says_nothing = |ends: &Strings| ends.iter().any(Vec::is_empty);
        if tails.len() * heads.len() > JOIN_MAX || says_nothing(tails) || says_nothing(heads) {
            return GramQuery::All;
        }
        clause(&product(tails, heads))
    };
    match within(tails, heads) {
        GramQuery::All => {
            let one_head = shortened(heads, 1, head);
            let one_tail = shortened(tails, 1, tail);
            GramQuery::and([within(tails, &one_head), within(&one_tail, heads)])
        }
        found => found,
    }
}

fn product_fits(left: &Strings, right: &Strings) -> bool {
    let n_strings = left.len() * right.len();
    let bytes_of = |strings: &Strings| strings.iter().map(Vec::len).sum::<usize>();
    n_strings <= PRODUCT_MAX
        && bytes_of(left) * right.len() + bytes_of(right) * left.len() <= PRODUCT_BYTES_MAX
}

fn product(left: &Strings, right: &Strings) -> Strings {
    let pairs = left.iter().flat_map(|left| right.iter().map(move |right| [&left[..], right].concat()));
    let mut strings = pairs.collect();
    sort(&mut strings);
    strings
}

/// The ends of `whole` joined with the neighbour's ends. `end` is [`head`] where the neighbour follows, [`tail`] where it
/// precedes; only a string shorter than an end reaches into the neighbour.
fn ends_of_product(whole: &Strings, neighbour: &Strings, end: End) -> Strings {
    let n_short = whole.iter().filter(|string| string.len() < 2).count();
    let reaches = n_short * neighbour.len() <= ENDS_MAX * ENDS_MAX;
    let follows = end(b"ab", 1) == b"a";
    let mut ends = Strings::new();
    for string in whole {
        if string.len() >= 2 || !reaches {
            ends.push(end(string, 2).to_vec());
            continue;
        }
        ends.extend(neighbour.iter().map(|other| {
            let joined = if follows { [&string[..], other].concat() } else { [&other[..], string].concat() };
            end(&joined, 2).to_vec()
        }));
    }
    limited(ends, end)
}

/// One end of a string, of at most so many bytes.
type End = fn(&[u8], usize) -> &[u8];

fn head(string: &[u8], len: usize) -> &[u8] {
    &string[..string.len().min(len)]
}

fn tail(string: &[u8], len: usize) -> &[u8] {
    &string[string.len() - string.len().min(len)..]
}

/// Shortens ends until there are few enough of them; in the end there is one empty end, which says nothing.
fn limited(mut ends: Strings, end: End) -> Strings {
    sort(&mut ends);
    for len in [1, 0] {
        if ends.len() > ENDS_MAX {
            ends = shortened(&ends, len, end);
        }
    }
    ends
}

fn shortened(ends: &Strings, len: usize, end: End) -> Strings {
    let mut ends = ends.iter().map(|string| end(string, len).to_vec()).collect();
    sort(&mut ends);
    ends
}

fn sort(strings: &mut Strings) {
    strings.sort_unstable();
    strings.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lower(pattern: &str) -> GramQuery {
        let hir =
            regex_syntax::ParserBuilder::new().utf8(false).build().parse(pattern).expect("a valid pattern");
        GramQuery::from_hir(&hir)
    }

    /// Prints a query as `abc (def|ghi)`.
    fn print(query: &GramQuery) -> String {
        let list =
            |members: &[GramQuery], between| members.iter().map(print).collect::<Vec<_>>().join(between);
        match query {
            GramQuery::All => "all".into(),
            GramQuery::None => "none".into(),
            GramQuery::Gram(gram) => gram.bytes().escape_ascii().to_string(),
            GramQuery::Bigram(bigram) => bigram.bytes().escape_ascii().to_string(),
            GramQuery::And(members) => list(members, " "),
            GramQuery::Or(members) => format!("({})", list(members, "|")),
        }
    }

    fn check(pattern: &str, expected: &str) {
        assert_eq!(print(&lower(pattern)), expected, "{pattern}");
    }

    #[test]
    fn literals_and_classes() {
        check("", "all");
        check("a", "all");
        check("ab", "ab");
        check("Abcd", "abc bcd");
        check("(?i)kS", "ks");
        check("(?i)\u{17f}\u{212a}a", "ska");
        check("b[ao]r", "(bar|bor)");
        check("[a&&b]", "none");
        check("x[a&&b]y|foo", "foo");
        check("foo$", "foo");
        check(r"foo\nbar", "bar foo");
        check("ab\nc", "ab");
    }

    #[test]
    fn sequences() {
        check("foo.*bar", "bar foo");
        check("foo(bar)?x", "(arx bar foo oba oob|foo oox)");
        check("ab+c", "ab bc");
        check("a{3}", "aaa");
        check("a{1000}{1000}", "aaa");
        check("(abc){2,}", "abc bca cab");
        check("(foo|bar).*", "(bar|foo)");
        check(".*", "all");
        check(r"(?-u)\xff", "all");
        check(r"(?-u)abc\xff\xffdef", "abc def");
    }

    #[test]
    fn windows_over_classes() {
        let query = lower("_[0-9]{4}_[a-z]+");
        let GramQuery::And(members) = &query else { panic!("{query:?}") };
        assert_eq!(members.iter().map(GramQuery::n_leaves).collect::<Vec<_>>(), [100, 100]);
    }

    #[test]
    fn hostile_patterns_stay_small() {
        let words = (0..10_000).map(|n| format!("word{n}")).collect::<Vec<_>>().join("|");
        let classes = "[ab]".repeat(10_000);
        let long = "abcdefghij0123456789".repeat(2_000);
        for pattern in [words, classes, long, "(a+)+$".into(), "(x+x+)+y".into(), r"\pL{3}foo".into()] {
            let n_leaves = lower(&pattern).n_leaves();
            assert!(n_leaves <= crate::query::LEAVES_MAX, "{}", &pattern[..pattern.len().min(20)]);
        }
    }
}
