//! Exact counts of everything a query finds, by repository, path, language, author, or what a group of the pattern held.
//!
//! An aggregation is a search like any other, exhaustive, whose results are counted as they come and then dropped: what is
//! held is one counter for each value seen. Values beyond a limit are counted together, and the answer says so.

use crate::pattern::{CapturePattern, capture_pattern};
use crate::result::quoted;
use crate::{
    CancelToken, ContentMatch, Limits, Match, SearchError, Searcher, Sink, Snapshot, Stats, Summary,
};
use model::AccessSet;
use query::{Count, Expr, Leaf, PatternKind, Query, Setting};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// By what results are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AggregateBy {
    /// By repository.
    Repo,
    /// By the first directories of the path, so many of them (at least one); a file that stands higher counts by itself.
    Path {
        /// How many.
        depth: usize,
    },
    /// By language.
    Language,
    /// By the author of the commit; for `type:commit` and `type:diff`.
    Author,
    /// By what a group of the query's one regular expression held: its number (0 is the whole match) or its name.
    CaptureGroup {
        /// The number or the name.
        group: String,
    },
}

/// What an aggregation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregateLimits {
    /// How many groups are told one by one.
    pub n_groups_max: usize,
    /// How many different values are told apart; those first seen beyond are counted together.
    pub n_values_max: usize,
    /// How many bytes of values are held, likewise.
    pub value_bytes_max: usize,
}

impl Default for AggregateLimits {
    fn default() -> Self {
        AggregateLimits { n_groups_max: 50, n_values_max: 200_000, value_bytes_max: 32 << 20 }
    }
}

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AggregateCounts {
    /// What is compared: occurrences in content, and one for each result that is no content.
    pub count: u64,
    /// Matching lines.
    pub lines: u64,
    /// Results: files, or whatever the query finds.
    pub results: u64,
}

/// One value, with how much there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateGroup {
    /// The value as a person reads it; empty where results have none (no language, a group that took no part).
    pub value: String,
    /// What narrows the query to it, where a filter can.
    pub filter: Option<String>,
    /// How much.
    pub counts: AggregateCounts,
}

/// The counts of everything a query finds.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// The largest groups, largest first, then by value.
    pub groups: Vec<AggregateGroup>,
    /// Everything that is in none of them: groups and rest make the total.
    pub rest: AggregateCounts,
    /// How many values `rest` holds; at least so many where `hit_value_limit`.
    pub n_rest_values: u64,
    /// Everything.
    pub total: AggregateCounts,
    /// Whether more different values were seen than are told apart: then a value in `rest` may be larger than one that is
    /// told, and each that is told is still exact.
    pub hit_value_limit: bool,
    /// How the search ended.
    pub summary: Summary,
}

/// Why a query cannot be aggregated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AggregateError {
    /// The query cannot be run at all.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// There is none, or more than one, pattern that could hold the group.
    #[error(
        "counting by group needs exactly one regular expression in the query, and no other pattern that is not negated; it has {n_patterns}"
    )]
    OnePattern {
        /// How many patterns there are.
        n_patterns: usize,
    },
    /// The pattern has no such group.
    #[error("the pattern has no group '{group}'; it has {n_groups}, and 0 is the whole match")]
    NoGroup {
        /// What was asked for, cut to 80 characters.
        group: String,
        /// How many groups the pattern has.
        n_groups: usize,
    },
    /// Matches of the pattern may hold several lines.
    #[error(
        "groups are counted line by line, and this pattern may match over several lines; leave out \\n, (?s), \\A and \\z"
    )]
    CrossesLines,
    /// Only commits have authors.
    #[error("only commits have authors; add type:commit or type:diff")]
    NoAuthors,
}

impl Searcher {
    /// Counts everything a query finds. Exhaustive, whatever `count:` the query gives; blocks until the end.
    #[allow(clippy::too_many_arguments, reason = "those of a search, and what is counted")]
    pub fn aggregate(
        &self,
        snapshot: &Snapshot,
        access: &AccessSet,
        query: &Query,
        by: &AggregateBy,
        aggregate_limits: AggregateLimits,
        limits: &Limits,
        cancel: &CancelToken,
    ) -> Result<Aggregation, AggregateError> {
        let mut query = query.clone();
        query.settings.count = Setting::default_of(Count::All);
        let key = Key::new(&query, by)?;
        let needs_text = matches!(key, Key::Capture(_));
        let limits = Limits {
            display_max: usize::MAX,
            lines_per_file: if needs_text { usize::MAX } else { 0 },
            line_bytes: if needs_text { usize::MAX } else { limits.line_bytes },
            ..limits.clone()
        };
        let mut sink = Counting { key, values: Values::new(aggregate_limits), scratch: Vec::new() };
        let summary = self.search(snapshot, access, &query, &limits, cancel, &mut sink)?;
        Ok(sink.finish(by, aggregate_limits.n_groups_max, summary))
    }
}

/// How the value of a result is found.
enum Key {
    Repo,
    Path(usize),
    Language,
    Author,
    Capture(Box<CapturePattern>),
}

impl Key {
    fn new(query: &Query, by: &AggregateBy) -> Result<Key, AggregateError> {
        Ok(match by {
            AggregateBy::Repo => Key::Repo,
            AggregateBy::Path { depth } => Key::Path((*depth).max(1)),
            AggregateBy::Language => Key::Language,
            AggregateBy::Author => {
                let finds_commits =
                    query.settings.types.iter().any(|given| {
                        matches!(given.value, query::ResultType::Commit | query::ResultType::Diff)
                    });
                if !finds_commits {
                    return Err(AggregateError::NoAuthors);
                }
                Key::Author
            }
            AggregateBy::CaptureGroup { group } => Key::Capture(Box::new(one_pattern(query, group)?)),
        })
    }
}

/// The one regular expression of a query, compiled with its groups.
fn one_pattern(query: &Query, group: &str) -> Result<CapturePattern, AggregateError> {
    let mut found = Vec::new();
    query.expr.for_each_leaf(&mut |leaf, is_negated| {
        if let Leaf::Pattern(pattern) = leaf
            && !is_negated
        {
            found.push(pattern);
        }
    });
    let n_patterns = found.len();
    let (Some(pattern), 1) = (found.pop(), n_patterns) else {
        return Err(AggregateError::OnePattern { n_patterns });
    };
    let PatternKind::Regex(regex) = &pattern.kind else {
        return Err(AggregateError::OnePattern { n_patterns: 0 });
    };
    let compiled =
        capture_pattern(regex.as_str(), query.settings.case_sensitive.value, &pattern.span.into())?;
    let mut compiled = compiled.ok_or(AggregateError::CrossesLines)?;
    let number = group.parse().ok().or_else(|| compiled.group_named(group));
    match number.filter(|number| *number < compiled.n_groups()) {
        Some(number) => {
            compiled.group = number;
            Ok(compiled)
        }
        None => Err(AggregateError::NoGroup {
            group: group.chars().take(80).collect(),
            n_groups: compiled.n_groups() - 1,
        }),
    }
}

/// One counter for each value.
struct Values {
    limits: AggregateLimits,
    counts: HashMap<Vec<u8>, AggregateCounts>,
    n_bytes: usize,
    /// What has a value beyond the limit.
    beyond: AggregateCounts,
    hit_limit: bool,
    total: AggregateCounts,
}

impl AggregateCounts {
    fn add(&mut self, more: AggregateCounts) {
        self.count += more.count;
        self.lines += more.lines;
        self.results += more.results;
    }
}

impl Values {
    fn new(limits: AggregateLimits) -> Self {
        Values {
            limits,
            counts: HashMap::new(),
            n_bytes: 0,
            beyond: AggregateCounts::default(),
            hit_limit: false,
            total: AggregateCounts::default(),
        }
    }

    fn add(&mut self, value: &[u8], more: AggregateCounts) {
        if let Some(counts) = self.counts.get_mut(value) {
            counts.add(more);
        } else if self.counts.len() < self.limits.n_values_max
            && self.n_bytes + value.len() <= self.limits.value_bytes_max
        {
            self.n_bytes += value.len();
            self.counts.insert(value.to_vec(), more);
        } else {
            self.hit_limit = true;
            self.beyond.add(more);
        }
    }
}

struct Counting {
    key: Key,
    values: Values,
    /// The values of the line in hand.
    scratch: Vec<Vec<u8>>,
}

impl Sink for Counting {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for found in &batch {
            self.count(found);
        }
        ControlFlow::Continue(())
    }

    fn progress(&mut self, _stats: &Stats) {}
}

impl Counting {
    fn count(&mut self, found: &Match) {
        let counts = counts_of(found);
        self.values.total.add(counts);
        match (&self.key, found) {
            (Key::Capture(_), Match::Content(found)) => self.count_groups(found, counts),
            (Key::Capture(_), _) => self.values.add(b"", counts),
            (Key::Repo, found) => self.values.add(repo_of(found).as_bytes(), counts),
            (Key::Language, found) => {
                let name = language_of(found).and_then(syntax::language_name).unwrap_or_default();
                self.values.add(name.as_bytes(), counts);
            }
            (Key::Path(depth), found) => {
                let value = path_of(found).map_or(&b""[..], |path| first_directories(path, *depth));
                self.values.add(value, counts);
            }
            (Key::Author, found) => {
                let author = match found {
                    Match::Commit(commit) => Some(&commit.author),
                    Match::Diff(diff) => Some(&diff.of.author),
                    _ => None,
                };
                let value =
                    author.map_or(String::new(), |author| format!("{} <{}>", author.name, author.email));
                self.values.add(value.as_bytes(), counts);
            }
        }
    }

    /// Counts a file by what the group held: occurrences one by one, each line once for each of its values, the file once for
    /// each of its values.
    fn count_groups(&mut self, found: &ContentMatch, of_file: AggregateCounts) {
        let Key::Capture(pattern) = &self.key else { return };
        let mut of_values: HashMap<Vec<u8>, AggregateCounts> = HashMap::new();
        let mut n_told = 0;
        for line in &found.lines {
            self.scratch.clear();
            pattern.values(line.text.as_bytes(), &line.ranges, &mut self.scratch);
            n_told += self.scratch.len() as u64;
            self.scratch.sort_unstable();
            for (idx, value) in self.scratch.iter().enumerate() {
                let counts = of_values
                    .entry(value.clone())
                    .or_insert(AggregateCounts { results: 1, ..AggregateCounts::default() });
                counts.count += 1;
                counts.lines += u64::from(idx == 0 || self.scratch[idx - 1] != *value);
            }
        }
        // A match without text, or one that needs the end of its line, has no value of its own.
        let n_untold = of_file.count.saturating_sub(n_told);
        if n_untold > 0 {
            of_values.entry(Vec::new()).or_default().count += n_untold;
        }
        for (value, counts) in of_values {
            self.values.add(&value, counts);
        }
    }

    fn finish(self, by: &AggregateBy, n_groups_max: usize, summary: Summary) -> Aggregation {
        let Values { counts, beyond, hit_limit, total, .. } = self.values;
        let mut all: Vec<(Vec<u8>, AggregateCounts)> = counts.into_iter().collect();
        all.sort_unstable_by(|(a_value, a), (b_value, b)| {
            b.count.cmp(&a.count).then_with(|| a_value.cmp(b_value))
        });
        let rest = all.split_off(all.len().min(n_groups_max));
        let mut rest_counts = beyond;
        rest.iter().for_each(|(_, counts)| rest_counts.add(*counts));
        let group = |(value, counts): (Vec<u8>, AggregateCounts)| AggregateGroup {
            filter: filter(by, &value),
            value: String::from_utf8_lossy(&value).into_owned(),
            counts,
        };
        Aggregation {
            groups: all.into_iter().map(group).collect(),
            rest: rest_counts,
            n_rest_values: rest.len() as u64 + u64::from(hit_limit),
            total,
            hit_value_limit: hit_limit,
            summary,
        }
    }
}

fn counts_of(found: &Match) -> AggregateCounts {
    match found {
        Match::Content(found) => AggregateCounts { count: found.n_matches, lines: found.n_lines, results: 1 },
        Match::Diff(found) => AggregateCounts { count: 1, lines: found.n_lines, results: 1 },
        _ => AggregateCounts { count: 1, lines: 0, results: 1 },
    }
}

fn repo_of(found: &Match) -> &str {
    match found {
        Match::Content(found) => found.repo.as_str(),
        Match::Path(found) => found.repo.as_str(),
        Match::Repo(found) => found.repo.as_str(),
        Match::Symbol(found) => found.repo.as_str(),
        Match::Commit(found) => found.repo.as_str(),
        Match::Diff(found) => found.of.repo.as_str(),
        Match::Directory(found) => found.repo.as_str(),
        Match::Owner(found) => found.repo.as_str(),
    }
}

fn path_of(found: &Match) -> Option<&[u8]> {
    match found {
        Match::Content(found) => Some(&found.path),
        Match::Path(found) => Some(&found.path),
        Match::Symbol(found) => Some(&found.path),
        Match::Diff(found) => Some(&found.path),
        Match::Directory(found) => Some(&found.path),
        Match::Repo(_) | Match::Commit(_) | Match::Owner(_) => None,
    }
}

fn language_of(found: &Match) -> Option<model::Language> {
    match found {
        Match::Content(found) => Some(found.language),
        Match::Path(found) => Some(found.language),
        Match::Symbol(found) => Some(found.language),
        Match::Diff(found) => Some(found.language),
        _ => None,
    }
}

/// The first directories of a path with the slash after them; the whole path where it has fewer.
fn first_directories(path: &[u8], depth: usize) -> &[u8] {
    match memchr::memchr_iter(b'/', path).nth(depth - 1) {
        Some(slash) => &path[..=slash],
        None => path,
    }
}

/// What narrows a query to one value.
fn filter(by: &AggregateBy, value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok().filter(|text| !text.is_empty())?;
    // SECURITY: a value is hostile text; the filter is given only where the parser reads it as one filter again.
    let written = match by {
        AggregateBy::Repo => format!("repo:{}", quoted(&format!("^{}$", regex_syntax::escape(text)))),
        AggregateBy::Path { .. } => {
            let end = if text.ends_with('/') { "" } else { "$" };
            format!("file:{}", quoted(&format!("^{}{end}", regex_syntax::escape(text))))
        }
        AggregateBy::Language => format!("lang:{}", quoted(text)),
        AggregateBy::Author => format!("author:{}", quoted(&regex_syntax::escape(text))),
        AggregateBy::CaptureGroup { .. } => {
            format!("content:\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    let parsed = query::parse(&written, &query::Options::default()).ok()?;
    matches!(parsed.expr, Expr::Filter(_) | Expr::Pattern(_)).then_some(written)
}
