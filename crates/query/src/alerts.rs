//! Queries that are well formed and can find nothing, or not what was meant: told beside the results.

use crate::print::filter_id;
use crate::text::{mended, removed};
use crate::{
    Expr, FilterId, FilterKind, Leaf, Pattern, PatternKind, Query, ResultType, Select, Span, Target,
};

/// A query that is well formed but can find nothing, or not what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The parts that contradict each other, in the order of the text.
    pub spans: Vec<Span>,
    /// What the contradiction is.
    pub message: String,
    /// How to mend it.
    pub hint: String,
    /// The whole query, mended as was probably meant.
    pub suggestion: Option<String>,
}

/// Whether two names mean the same language; `None` where one of them names none. Who searches knows the names.
pub type SameLanguage<'a> = &'a dyn Fn(&str, &str) -> Option<bool>;

/// Finds contradictions in a query: something asked for and excluded, conditions of which no file meets two, results that cannot
/// be of the asked type; and pasted code that excludes what it should find. `text` is what the query was parsed from.
pub fn alerts(text: &str, query: &Query, same_language: SameLanguage<'_>) -> Vec<Alert> {
    let mut found = Vec::new();
    excluded_itself(text, &query.expr, same_language, &mut found);
    crate::contradictions::never_both(text, query, same_language, &mut found);
    never_of_the_type(text, query, &mut found);
    never_selected(text, query, &mut found);
    commits_only(text, query, &mut found);
    negated_constant(text, &query.expr, &mut found);
    found
}

/// At most this many operands are compared each with each.
pub(crate) const COMPARED_MAX: usize = 200;

/// `a -a`, at any level of the tree.
fn excluded_itself(text: &str, expr: &Expr, same_language: SameLanguage<'_>, found: &mut Vec<Alert>) {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match expr {
            Expr::And { operands, .. } => {
                pending.extend(operands.iter().rev());
                for operand in operands.iter().take(COMPARED_MAX) {
                    let Expr::Not { operand: excluded, span } = operand else { continue };
                    let asked =
                        operands.iter().take(COMPARED_MAX).find(|asked| same(asked, excluded, same_language));
                    let Some(asked) = asked else { continue };
                    let mut spans = vec![asked.span(), *span];
                    spans.sort();
                    found.push(Alert {
                        spans,
                        message: format!(
                            "{} is asked for and excluded",
                            crate::error::shown(asked.span().of(text))
                        ),
                        hint: "remove one of the two".to_string(),
                        suggestion: Some(removed(text, *span)),
                    });
                }
            }
            Expr::Or { operands, .. } => pending.extend(operands.iter().rev()),
            Expr::Not { .. } | Expr::Filter(_) | Expr::Pattern(_) => {}
        }
    }
}

/// Whether two leaves ask the same.
fn same(left: &Expr, right: &Expr, same_language: SameLanguage<'_>) -> bool {
    match (left, right) {
        (Expr::Pattern(left), Expr::Pattern(right)) => left.target == right.target && left.kind == right.kind,
        (Expr::Filter(left), Expr::Filter(right)) => match (&left.kind, &right.kind) {
            // Revisions have places of their own.
            (FilterKind::Repo(left), FilterKind::Repo(right)) => {
                left.name == right.name && right.revs.is_empty()
            }
            (FilterKind::Language(left), FilterKind::Language(right)) => {
                left.eq_ignore_ascii_case(right) || same_language(left, right) == Some(true)
            }
            (left, right) => left == right,
        },
        _ => false,
    }
}

/// `type:repo` with conditions on files, `type:path` with conditions on content.
fn never_of_the_type(text: &str, query: &Query, found: &mut Vec<Alert>) {
    let types = &query.settings.types;
    let only = |allowed: &[ResultType]| {
        !types.is_empty() && types.iter().all(|given| allowed.contains(&given.value))
    };
    let repos_only = only(&[ResultType::Repo]);
    let names_only = only(&[ResultType::Repo, ResultType::Path]);
    let Some(given) = types.first() else { return };
    let word = given.span.of(text);
    for_each_required(&query.expr, &mut |leaf| {
        let fault = match leaf {
            Leaf::Pattern(pattern) if pattern.target == Target::Content && names_only => Some((
                pattern.span,
                "content:",
                "use repo:has.content(…) or file:has.content(…) to ask for both",
            )),
            Leaf::Pattern(pattern) if matches!(pattern.kind, PatternKind::Structural(_)) && names_only => {
                Some((pattern.span, "a structural pattern", "remove the type: filter"))
            }
            Leaf::Filter(filter) if repos_only => match filter_id(filter) {
                FilterId::File => Some((filter.span, "file:", "use repo:has.path(…) instead")),
                FilterId::Lang => Some((filter.span, "lang:", "use select:repo instead of type:repo")),
                _ => None,
            },
            _ => None,
        };
        if let Some((span, what, hint)) = fault {
            found.push(Alert {
                spans: vec![given.span.min(span), given.span.max(span)],
                message: format!("{word} finds nothing that {what} could hold for"),
                hint: hint.to_string(),
                suggestion: Some(removed(text, given.span)),
            });
        }
    });
}

/// `type:path select:content` and the like.
fn never_selected(text: &str, query: &Query, found: &mut Vec<Alert>) {
    let (Some(select), Some(span)) = (&query.settings.select.value, query.settings.select.span) else {
        return;
    };
    use ResultType::{Commit, Diff, File, Path, Symbol};
    let (needed, suggested): (&[ResultType], &str) = match select {
        Select::Repo => return,
        Select::File | Select::FilePath | Select::FileDirectory | Select::FileOwners => {
            (&[File, Path, Symbol], "type:file")
        }
        Select::Content => (&[File], "type:file"),
        // Without a type it asks for definitions by itself.
        Select::Symbol(_) if query.settings.types.is_empty() => return,
        Select::Symbol(_) => (&[Symbol], "type:symbol"),
        Select::Commit => (&[Commit, Diff], "type:commit"),
        Select::CommitDiffAdded | Select::CommitDiffRemoved => (&[Diff], "type:diff"),
    };
    if needed.iter().any(|needed| query.settings.wants(*needed)) {
        return;
    }
    let first = query.settings.types.first().map(|given| given.span);
    let suggestion = match first {
        Some(first) if query.settings.types.len() == 1 => mended(text, &[(first, suggested)]),
        Some(_) => removed(text, span),
        None => format!("{suggested} {text}"),
    };
    let mut spans: Vec<Span> = first.into_iter().chain([span]).collect();
    spans.sort();
    found.push(Alert {
        spans,
        message: format!("{} selects from results that are not asked for", span.of(text)),
        hint: format!("add {suggested}"),
        suggestion: Some(suggestion),
    });
}

/// `author:` and its kind hold for commits only.
fn commits_only(text: &str, query: &Query, found: &mut Vec<Alert>) {
    if query.settings.wants(ResultType::Commit) || query.settings.wants(ResultType::Diff) {
        return;
    }
    let mut first = None;
    for_each_required(&query.expr, &mut |leaf| {
        if let Leaf::Filter(filter) = leaf
            && matches!(
                filter_id(filter),
                FilterId::Author
                    | FilterId::Committer
                    | FilterId::Before
                    | FilterId::After
                    | FilterId::Message
            )
        {
            first = first.or(Some(filter));
        }
    });
    let Some(filter) = first else { return };
    let name = filter_id(filter).name();
    found.push(Alert {
        spans: vec![filter.span],
        message: format!("{name}: holds for commits, which are not asked for"),
        hint: "add type:commit or type:diff".to_string(),
        suggestion: match query.settings.types.as_slice() {
            [] => Some(format!("type:commit {text}")),
            [only] => Some(mended(text, &[(only.span, "type:commit")])),
            _ => None,
        },
    });
}

/// `return -EINVAL`, `x = -1`: code that was pasted, and that excludes what it should find.
fn negated_constant(text: &str, expr: &Expr, found: &mut Vec<Alert>) {
    let Expr::And { operands, .. } = expr else { return };
    for pair in operands.windows(2) {
        let [Expr::Pattern(before), Expr::Not { operand, span }] = pair else { continue };
        let Expr::Pattern(excluded) = &**operand else { continue };
        let (word, constant) = (before.span.of(text), excluded.span.of(text));
        let is_bare = |pattern: &Pattern, written: &str| matches!(&pattern.kind, PatternKind::Literal(literal) if literal == written);
        let is_constant = constant.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && (constant.len() > 1 || constant.bytes().all(|b| b.is_ascii_digit()));
        let is_pasted = span.of(text).starts_with('-')
            && Span::new(before.span.end, span.start).of(text) == " "
            && is_bare(before, word)
            && is_bare(excluded, constant)
            && is_constant;
        if is_pasted {
            let phrase = format!("{word} -{constant}");
            found.push(Alert {
                spans: vec![*span],
                message: format!("-{} excludes what holds it", crate::error::shown(constant)),
                hint: "to search for the text, put it into quotes".to_string(),
                suggestion: Some(mended(text, &[(before.span.to(*span), &crate::text::quoted(&phrase))])),
            });
        }
    }
}

/// Calls `visit` for the leaves that every result must satisfy: those of the outermost conjunction that are not negated.
fn for_each_required<'a>(expr: &'a Expr, visit: &mut dyn FnMut(Leaf<'a>)) {
    let operands = match expr {
        Expr::And { operands, .. } => operands.as_slice(),
        one => std::slice::from_ref(one),
    };
    for operand in operands {
        match operand {
            Expr::Filter(filter) => visit(Leaf::Filter(filter)),
            Expr::Pattern(pattern) => visit(Leaf::Pattern(pattern)),
            _ => {}
        }
    }
}
