//! Tree to text. What is printed parses to the same tree again, under the same options.

use crate::table::ValueKind;
use crate::text::{quoted, slashed};
use crate::{
    Count, Expr, FilePredicate, Filter, FilterId, FilterKind, Pattern, PatternKind, PatternType, Query,
};
use crate::{RepoPredicate, Rev, RevKind, Settings, Target, duration, predicates, scan};
use std::fmt;

impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = print_settings(&self.settings);
        if !self.expr.is_everything() {
            let mode = self.settings.pattern_type.value;
            parts.push(expr(&self.expr, mode, Around::Nothing));
        }
        formatter.write_str(&parts.join(" "))
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&print_filter(self))
    }
}

/// What an expression stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    And,
    Or,
    Not,
}

/// It recurses as deep as the tree, which the parser bounds.
fn expr(of: &Expr, mode: PatternType, around: Around) -> String {
    match of {
        Expr::And { operands, .. } => {
            // Inside an OR the parentheses say that a filter belongs to this alternative alone.
            let inside = conjunction(operands, mode);
            if around == Around::Nothing { inside } else { format!("({inside})") }
        }
        Expr::Or { operands, .. } => {
            let inside: Vec<String> =
                operands.iter().map(|operand| expr(operand, mode, Around::Or)).collect();
            let inside = inside.join(" OR ");
            if around == Around::Nothing { inside } else { format!("({inside})") }
        }
        Expr::Not { operand, .. } => match &**operand {
            Expr::Filter(filter) if filter_id(filter).info().negatable => {
                format!("-{}", print_filter(filter))
            }
            Expr::Filter(filter) => format!("NOT ({})", print_filter(filter)),
            // Where quotes and slashes delimit, a `-` does; it is no operator to the lexer.
            Expr::Pattern(pattern) if is_delimited(pattern, mode) => {
                format!("-{}", print_pattern(pattern, mode))
            }
            operand => format!("NOT {}", expr(operand, mode, Around::Not)),
        },
        Expr::Filter(filter) => print_filter(filter),
        Expr::Pattern(pattern) => print_pattern(pattern, mode),
    }
}

/// Under every pattern type but `keyword`, neighbouring terms would grow together without an AND between them, filters
/// between them or not.
fn conjunction(operands: &[Expr], mode: PatternType) -> String {
    let mut out = String::new();
    let mut grows = false;
    for (idx, operand) in operands.iter().enumerate() {
        if idx > 0 {
            out.push_str(if grows && is_bare(operand, mode) { " AND " } else { " " });
        }
        if !is_filter(operand) {
            grows = mode != PatternType::Keyword && can_grow(operand, mode);
        }
        out.push_str(&expr(operand, mode, Around::And));
    }
    out
}

fn is_filter(expr: &Expr) -> bool {
    match expr {
        Expr::Not { operand, .. } => matches!(**operand, Expr::Filter(_)),
        expr => matches!(expr, Expr::Filter(_)),
    }
}

fn is_bare(expr: &Expr, mode: PatternType) -> bool {
    match expr {
        Expr::Pattern(Pattern { target: Target::Any, kind, .. }) => {
            mode == PatternType::Regexp || !matches!(kind, PatternKind::Regex(_))
        }
        _ => false,
    }
}

/// Whether a bare term after this one would become part of it. Where the whole is one text, NOT takes all of it.
fn can_grow(expr: &Expr, mode: PatternType) -> bool {
    match expr {
        Expr::Not { operand, .. } => mode != PatternType::Regexp && is_bare(operand, mode),
        expr => is_bare(expr, mode),
    }
}

fn is_delimited(pattern: &Pattern, mode: PatternType) -> bool {
    let is_regex = matches!(pattern.kind, PatternKind::Regex(_));
    pattern.target == Target::Content || (mode == PatternType::Standard && is_regex)
}

fn print_pattern(pattern: &Pattern, mode: PatternType) -> String {
    let has_slashes = !matches!(mode, PatternType::Literal | PatternType::Structural);
    match (pattern.target, &pattern.kind) {
        (Target::Content, PatternKind::Literal(text) | PatternKind::Structural(text)) => {
            format!("content:{}", quoted(text))
        }
        (Target::Content, PatternKind::Regex(regex)) => format!("content:{}", slashed(regex.as_str())),
        (Target::Any, PatternKind::Regex(regex)) if mode == PatternType::Regexp => bare_regex(regex.as_str()),
        (Target::Any, PatternKind::Regex(regex)) if has_slashes => slashed(regex.as_str()),
        (Target::Any, PatternKind::Regex(regex)) => regex.to_string(),
        (Target::Any, PatternKind::Literal(text)) if mode == PatternType::Regexp => quoted(text),
        (Target::Any, PatternKind::Literal(text)) if mode == PatternType::Keyword => {
            if is_bare_word(text) {
                text.clone()
            } else {
                quoted(text)
            }
        }
        // Here no quotes exist; such a text came from words and is words again.
        (Target::Any, PatternKind::Literal(text) | PatternKind::Structural(text)) => text.clone(),
    }
}

/// An expression that slashes cannot delimit because it begins with one would be taken for a comment; the empty one, too.
fn bare_regex(regex: &str) -> String {
    match regex {
        "" => "(?:)".to_string(),
        _ => slashed(regex),
    }
}

/// Whether keyword search reads this as one plain word: deliberately narrow.
fn is_bare_word(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "_.$@#%&*+<>=!?^~|{}[];,'-/".contains(c);
    let begins = text.chars().next().is_some_and(|c| c != '-' && c != '/');
    begins && text.chars().all(fits) && scan::operator(text, 0).is_none()
}

/// A filter as it is written in queries.
pub(crate) fn print_filter(filter: &Filter) -> String {
    let id = filter_id(filter);
    let kind = id.info().kind;
    let value = match &filter.kind {
        FilterKind::Repo(repo) if repo.revs.is_empty() => value(repo.name.as_str(), kind),
        FilterKind::Repo(repo) => value(&format!("{}@{}", repo.name, print_revs(&repo.revs)), kind),
        FilterKind::RepoHas(predicate) => value(&repo_predicate(predicate), kind),
        FilterKind::FileHas(predicate) => value(&file_predicate(predicate), kind),
        FilterKind::File(regex)
        | FilterKind::Author(regex)
        | FilterKind::Committer(regex)
        | FilterKind::Message(regex) => value(regex.as_str(), kind),
        FilterKind::Language(name) => value(name, kind),
        FilterKind::Context(context) => value(&context.name, kind),
        FilterKind::Before(date) | FilterKind::After(date) => value(date.as_str(), kind),
    };
    format!("{}:{value}", id.name())
}

/// Which row of the table a filter belongs to.
pub(crate) fn filter_id(filter: &Filter) -> FilterId {
    match &filter.kind {
        FilterKind::Repo(_) | FilterKind::RepoHas(_) => FilterId::Repo,
        FilterKind::File(_) | FilterKind::FileHas(_) => FilterId::File,
        FilterKind::Language(_) => FilterId::Lang,
        FilterKind::Context(_) => FilterId::Context,
        FilterKind::Author(_) => FilterId::Author,
        FilterKind::Committer(_) => FilterId::Committer,
        FilterKind::Message(_) => FilterId::Message,
        FilterKind::Before(_) => FilterId::Before,
        FilterKind::After(_) => FilterId::After,
    }
}

/// A value, in quotes unless the lexer would find the same end without them, in a group or not.
fn value(text: &str, kind: ValueKind) -> String {
    let ends_before = |next: &str, in_group| {
        scan::bare_value(&format!("{text}{next}"), 0, in_group, kind) == (text.len(), None)
    };
    let begins_well = !text.is_empty() && !text.starts_with(['"', '\'', ':']) && !text.starts_with("//");
    let is_bare = begins_well && ends_before(" ", true) && ends_before(")", true) && ends_before(" ", false);
    if is_bare { text.to_string() } else { quoted(text) }
}

fn print_revs(revs: &[Rev]) -> String {
    let entries: Vec<String> = revs.iter().map(|rev| print_rev(&rev.kind)).collect();
    entries.join(":")
}

fn print_rev(rev: &RevKind) -> String {
    match rev {
        RevKind::Name(name) => name.clone(),
        RevKind::Glob(glob) if glob == "*" => glob.clone(),
        RevKind::Glob(glob) => format!("*{glob}"),
        RevKind::ExcludeGlob(glob) => format!("*!{glob}"),
        RevKind::Exclude(name) => format!("^{name}"),
        RevKind::AtTime { time, base } => {
            let plain = !time.as_str().contains([',', '"', '(', ')']);
            let date = if plain { time.as_str().to_string() } else { quoted(time.as_str()) };
            match base {
                Some(base) => format!("at.time({date}, {base})"),
                None => format!("at.time({date})"),
            }
        }
    }
}

fn argument(text: &str) -> String {
    if predicates::is_plain_argument(text) { text.to_string() } else { quoted(text) }
}

fn word(text: &str) -> String {
    if predicates::is_plain_word(text) { text.to_string() } else { quoted(text) }
}

/// A predicate as it is written in queries, without the filter's name.
pub(crate) fn repo_predicate(predicate: &RepoPredicate) -> String {
    match predicate {
        RepoPredicate::Path(regex) => format!("has.path({})", argument(regex.as_str())),
        RepoPredicate::File { path, content } => {
            let path = path.as_ref().map(|regex| format!("path:{}", word(regex.as_str())));
            let content = content.as_ref().map(|regex| format!("content:{}", word(regex.as_str())));
            let arguments: Vec<String> = path.into_iter().chain(content).collect();
            format!("has.file({})", arguments.join(" "))
        }
        RepoPredicate::Content(regex) => format!("has.content({})", argument(regex.as_str())),
        RepoPredicate::CommitAfter(date) => format!("has.commit.after({})", argument(date.as_str())),
        RepoPredicate::Description(regex) => format!("has.description({})", argument(regex.as_str())),
        RepoPredicate::Meta { key, value: None } => format!("has.meta({})", argument(key)),
        RepoPredicate::Meta { key, value: Some(value) } => {
            format!("has.meta({})", argument(&format!("{key}:{value}")))
        }
        RepoPredicate::Topic(topic) => format!("has.topic({})", argument(topic)),
    }
}

/// A predicate as it is written in queries, without the filter's name.
pub(crate) fn file_predicate(predicate: &FilePredicate) -> String {
    match predicate {
        FilePredicate::Content(regex) => format!("has.content({})", argument(regex.as_str())),
        FilePredicate::Owner(None) => "has.owner()".to_string(),
        FilePredicate::Owner(Some(who)) => format!("has.owner({})", argument(who)),
        FilePredicate::Contributor(regex) => format!("has.contributor({})", argument(regex.as_str())),
    }
}

/// Every setting that the query gives or that is not the default.
pub(crate) fn print_settings(settings: &Settings) -> Vec<String> {
    let mut parts = Vec::new();
    let mut say = |given: bool, id: FilterId, value: &str| {
        if given {
            parts.push(format!("{}:{value}", id.name()));
        }
    };
    say(settings.pattern_type.span.is_some(), FilterId::PatternType, settings.pattern_type.value.as_str());
    for result_type in &settings.types {
        say(true, FilterId::Type, result_type.value.as_str());
    }
    if let Some(select) = &settings.select.value {
        say(true, FilterId::Select, &select.text());
    }
    let case = settings.case_sensitive;
    say(case.span.is_some() || case.value, FilterId::Case, if case.value { "yes" } else { "no" });
    match settings.count.value {
        Count::Page => {}
        Count::AtMost(count) => say(true, FilterId::Count, &count.to_string()),
        Count::All => say(true, FilterId::Count, "all"),
    }
    if let Some(timeout) = settings.timeout.value {
        say(true, FilterId::Timeout, &duration::print(timeout));
    }
    let (fork, archived) = (settings.fork, settings.archived);
    say(is_said(&fork), FilterId::Fork, fork.value.as_str());
    say(is_said(&archived), FilterId::Archived, archived.value.as_str());
    say(is_said(&settings.visibility), FilterId::Visibility, settings.visibility.value.as_str());
    say(is_said(&settings.index), FilterId::Index, settings.index.value.as_str());
    if !settings.revs.is_empty() {
        say(true, FilterId::Rev, &value(&print_revs(&settings.revs), ValueKind::Revision));
    }
    parts
}

fn is_said<T: Default + PartialEq>(setting: &crate::Setting<T>) -> bool {
    setting.span.is_some() || setting.value != T::default()
}
