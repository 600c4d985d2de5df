//! A query in plain sight: the tree as indented text, one condition a line.

use crate::print::{print_filter, print_settings};
use crate::{Expr, Pattern, PatternKind, Query, Target};

/// Tells what a query asks, one setting or condition a line, indented by level: for the page's "explain" and for tests.
///
/// ```
/// let query = query::parse(r"lang:c kmalloc /retu?rn/ -file:test", &query::Options::default())?;
/// assert_eq!(
///     query::explain(&query),
///     "all of\n  lang:c\n  literal \"kmalloc\"\n  regex /retu?rn/\n  not\n    file:test\n"
/// );
/// # Ok::<(), query::ParseError>(())
/// ```
pub fn explain(query: &Query) -> String {
    let mut out = String::new();
    for setting in print_settings(&query.settings) {
        out.push_str(&setting);
        out.push('\n');
    }
    let mut pending = vec![(&query.expr, 0_usize)];
    while let Some((expr, level)) = pending.pop() {
        let (line, operands): (String, &[Expr]) = match expr {
            Expr::And { operands, .. } if operands.is_empty() => ("everything".to_string(), &[]),
            Expr::And { operands, .. } => ("all of".to_string(), operands),
            Expr::Or { operands, .. } => ("any of".to_string(), operands),
            Expr::Not { operand, .. } => ("not".to_string(), std::slice::from_ref(&**operand)),
            Expr::Filter(filter) => (print_filter(filter), &[]),
            Expr::Pattern(pattern) => (explain_pattern(pattern), &[]),
        };
        out.push_str(&"  ".repeat(level));
        out.push_str(&line);
        out.push('\n');
        pending.extend(operands.iter().rev().map(|operand| (operand, level + 1)));
    }
    out
}

fn explain_pattern(pattern: &Pattern) -> String {
    let what = match &pattern.kind {
        PatternKind::Literal(text) => format!("literal {text:?}"),
        PatternKind::Regex(regex) => format!("regex /{regex}/"),
        PatternKind::Structural(text) => format!("structural {text:?}"),
    };
    match pattern.target {
        Target::Any => what,
        Target::Content => format!("content: {what}"),
    }
}
