//! Conditions that are joined by AND and of which nothing meets two: two languages, two names of a repository, two ends of a
//! path, a time after one that it is before.

use crate::alerts::COMPARED_MAX;
use crate::text::mended;
use crate::{Alert, Date, Expr, Filter, FilterKind, Leaf, Options, Query, ResultType, SameLanguage, Span};

/// Finds them, at any level of the tree, and proposes OR.
pub(crate) fn never_both(text: &str, query: &Query, same_language: SameLanguage<'_>, found: &mut Vec<Alert>) {
    // A commit may change files of two languages, at two paths.
    let of_files = !query.settings.wants(ResultType::Commit);
    let mut pending = vec![&query.expr];
    while let Some(expr) = pending.pop() {
        let operands = match expr {
            Expr::Or { operands, .. } => {
                pending.extend(operands.iter().rev());
                continue;
            }
            Expr::And { operands, .. } => operands,
            Expr::Not { .. } | Expr::Filter(_) | Expr::Pattern(_) => continue,
        };
        pending.extend(operands.iter().rev());
        let filters = || {
            operands.iter().take(COMPARED_MAX).filter_map(|operand| match operand {
                Expr::Filter(filter) => Some(filter),
                _ => None,
            })
        };
        let languages = exclusive(filters(), &mut |left, right| match (left, right) {
            (FilterKind::Language(left), FilterKind::Language(right)) => {
                same_language(left, right) == Some(false)
            }
            _ => false,
        });
        let repos = exclusive(filters(), &mut |left, right| match (left, right) {
            (FilterKind::Repo(left), FilterKind::Repo(right)) => {
                names_differ(left.name.as_str(), right.name.as_str())
            }
            _ => false,
        });
        let paths = exclusive(filters(), &mut |left, right| match (left, right) {
            (FilterKind::File(left), FilterKind::File(right)) => names_differ(left.as_str(), right.as_str()),
            _ => false,
        });
        // What stands at the ends of alternatives without parentheses belongs to all of them; a group there would not.
        let is_open = |operand: &Expr| {
            let written = |span: &Span| Span::new(0, span.start).of(text).trim_end().ends_with('(');
            matches!(operand, Expr::Or { span, .. } if !written(span))
        };
        let is_mendable = !operands.iter().any(is_open);
        let mut told = |filters: &[&Filter], why| {
            let alert = alternatives(text, filters, why).map(|alert| Alert {
                suggestion: alert.suggestion.filter(|mended| is_mendable && has_same_patterns(query, mended)),
                ..alert
            });
            found.extend(alert);
        };
        if of_files {
            told(&languages, "a file is in one language only");
            told(&paths, "no path can match both");
        }
        told(&repos, "no repository has both names");
        found.extend(no_time(text, filters()));
    }
}

/// The first filter that another one excludes, with all that exclude it and each other.
fn exclusive<'a>(
    filters: impl Iterator<Item = &'a Filter>,
    differ: &mut dyn FnMut(&FilterKind, &FilterKind) -> bool,
) -> Vec<&'a Filter> {
    let filters: Vec<&Filter> = filters.collect();
    for (place, first) in filters.iter().enumerate() {
        let mut group = vec![*first];
        for other in filters.iter().skip(place + 1) {
            if group.iter().all(|member| differ(&member.kind, &other.kind)) {
                group.push(other);
            }
        }
        if group.len() > 1 {
            return group;
        }
    }
    Vec::new()
}

/// Filters of which at most one can hold, and the query with OR between them.
fn alternatives(text: &str, filters: &[&Filter], why: &str) -> Option<Alert> {
    let (first, others) = filters.split_first().filter(|(_, others)| !others.is_empty())?;
    let written: Vec<&str> = filters.iter().map(|filter| filter.span.of(text)).collect();
    let either = format!("({})", written.join(" OR "));
    let mut changes = vec![(first.span, either.as_str())];
    for other in others {
        changes.push((Span::new(joint(text, other.span.start), other.span.end), ""));
    }
    let shown: Vec<String> = written.iter().map(|filter| crate::error::shown(filter)).collect();
    Some(Alert {
        spans: filters.iter().map(|filter| filter.span).collect(),
        message: format!("{} exclude each other: {why}", shown.join(" and ")),
        hint: "conditions are joined by AND; write OR for either of them".to_string(),
        suggestion: Some(mended(text, &changes)),
    })
}

/// Whether a mended text is a query with the patterns of this one: where parentheses are text it is not.
fn has_same_patterns(query: &Query, mended: &str) -> bool {
    let options = Options { default_pattern_type: query.settings.pattern_type.value, ..Options::default() };
    let n_patterns = |query: &Query| {
        let mut n_patterns = 0;
        query.expr.for_each_leaf(&mut |leaf, _| n_patterns += usize::from(matches!(leaf, Leaf::Pattern(_))));
        n_patterns
    };
    crate::parse(mended, &options).is_ok_and(|other| n_patterns(&other) == n_patterns(query))
}

/// Where the white space before a filter begins, a written AND in it included.
fn joint(text: &str, start: usize) -> usize {
    let before = Span::new(0, start).of(text).trim_end();
    let cut = before.len().checked_sub(3).and_then(|cut| before.split_at_checked(cut));
    match cut {
        Some((rest, and)) if and.eq_ignore_ascii_case("and") && rest.ends_with(char::is_whitespace) => {
            rest.trim_end().len()
        }
        _ => before.len(),
    }
}

/// `after:2024 before:2023`, whatever the clock says.
fn no_time<'a>(text: &str, filters: impl Iterator<Item = &'a Filter> + Clone) -> Option<Alert> {
    let date = |filter: &'a Filter, wanted_after: bool| match &filter.kind {
        FilterKind::After(date) if wanted_after => Some((filter, date)),
        FilterKind::Before(date) if !wanted_after => Some((filter, date)),
        _ => None,
    };
    let afters = filters.clone().filter_map(|filter| date(filter, true));
    let befores: Vec<(&Filter, &Date)> = filters.filter_map(|filter| date(filter, false)).collect();
    let mut pairs = afters.flat_map(|after| befores.iter().map(move |before| (after, *before)));
    let ((after, _), (before, _)) = pairs.find(|((_, after), (_, before))| never_before(after, before))?;
    let (after_value, before_value) = (after.value_span.of(text), before.value_span.of(text));
    let mut changes = [(after.value_span, before_value), (before.value_span, after_value)];
    changes.sort();
    Some(Alert {
        spans: changes.iter().map(|(span, _)| *span).collect(),
        message: format!(
            "nothing is younger than {} and older than {}",
            crate::error::shown(after_value),
            crate::error::shown(before_value)
        ),
        hint: "after: gives the beginning, before: the end".to_string(),
        suggestion: Some(mended(text, &changes)),
    })
}

/// Whether the first date never lies before the second, on any day of the week, now or much later.
fn never_before(first: &Date, second: &Date) -> bool {
    const DAY: i64 = 86_400;
    const YEAR: i64 = 365 * DAY;
    (0..8).flat_map(|day| (0..400).step_by(25).map(move |year| day * DAY + year * YEAR)).all(|now| {
        let (first, second) = (first.resolve(now), second.resolve(now));
        first >= second
    })
}

/// Whether no text matches two expressions, as far as their fixed ends tell: `^a$` and `^b$`, `\\.go$` and `\\.rs$`. Upper and
/// lower case are taken for the same.
fn names_differ(left: &str, right: &str) -> bool {
    let (Some(left), Some(right)) = (Fixed::read(left), Fixed::read(right)) else { return false };
    let (short, long) = (left.chars.len().min(right.chars.len()), left.chars.len().max(right.chars.len()));
    let is_longer_than_whole = |whole: &Fixed, other: &Fixed| {
        whole.at_start && whole.at_end && other.chars.len() == long && whole.chars.len() < long
    };
    let starts = || (0..short).any(|idx| apart(left.chars[idx], right.chars[idx]));
    let ends = || {
        let (left_rest, right_rest) = (left.chars.len() - short, right.chars.len() - short);
        (0..short).any(|idx| apart(left.chars[left_rest + idx], right.chars[right_rest + idx]))
    };
    is_longer_than_whole(&left, &right)
        || is_longer_than_whole(&right, &left)
        || (left.at_start && right.at_start && starts())
        || (left.at_end && right.at_end && ends())
}

/// Whether two characters are surely not the same; `None` is any character.
fn apart(left: Option<char>, right: Option<char>) -> bool {
    match (left, right) {
        // Only of ASCII is it plain which letters are upper and lower case of each other.
        (Some(left), Some(right)) if left.is_ascii() && right.is_ascii() => {
            !left.eq_ignore_ascii_case(&right)
        }
        _ => false,
    }
}

/// An expression that is a row of characters with one end of the text or both beside it.
struct Fixed {
    at_start: bool,
    at_end: bool,
    /// `None` for a dot.
    chars: Vec<Option<char>>,
}

impl Fixed {
    fn read(regex: &str) -> Option<Fixed> {
        let (at_start, rest) = match regex.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, regex),
        };
        let mut fixed = Fixed { at_start, at_end: false, chars: Vec::new() };
        let mut chars = rest.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '$' if chars.peek().is_none() => fixed.at_end = true,
                '.' => fixed.chars.push(None),
                '\\' => {
                    let escaped = chars.next().filter(char::is_ascii_punctuation)?;
                    // `\<` and `\>` are ends of words.
                    fixed.chars.push((!matches!(escaped, '<' | '>')).then_some(escaped)?.into());
                }
                '*' | '+' | '?' | '{' | '}' | '[' | ']' | '(' | ')' | '|' | '^' | '$' => return None,
                char => fixed.chars.push(Some(char)),
            }
        }
        (fixed.at_start || fixed.at_end).then_some(fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::names_differ;

    #[test]
    fn fixed_ends_tell_names_apart() {
        for (left, right, expected) in [
            ("^a$", "^b$", true),
            ("^a$", "^A$", false),
            ("^a", "^ab$", false),
            ("^ab$", "abc$", true),
            (r"\.go$", r"\.rs$", true),
            (r"\.go$", r"_test\.go$", false),
            (r"\.go$", ".go$", false),
            (r"^github.com/a$", r"^github\.com/b$", true),
            ("^src/", "^docs/", true),
            ("^src/", r"\.go$", false),
            ("^a.*$", "^b$", false),
            ("^a|b$", "^c$", false),
            ("a", "b", false),
            ("^é$", "^É$", false),
            (r"\bx$", "y$", false),
            ("^a?b", "^c", false),
        ] {
            assert_eq!(names_differ(left, right), expected, "{left} {right}");
            assert_eq!(names_differ(right, left), expected, "{right} {left}");
        }
    }
}
