//! A generic lexer for languages without a grammar: comments, strings, numbers, keywords, and the few shapes that markup,
//! settings and patches have. One pass, no backtracking beyond a line.

mod code;
mod keywords;
mod plain;
mod rules;
mod table;

use super::{Budget, HighlightError, Span};
use model::Language;
pub(super) use rules::Rules;

/// The rules for a language, if there are any.
pub(super) fn rules_of(language: Language) -> Option<&'static Rules> {
    rules::rules_of(language)
}

/// Lexes and colours a text.
pub(super) fn spans(rules: &Rules, text: &str, budget: &Budget<'_>) -> Result<Vec<Span>, HighlightError> {
    match rules {
        Rules::Code(code) => code::spans(code, text, budget),
        Rules::Settings(settings) => plain::settings(settings, text, budget),
        Rules::Markup => plain::markup(text, budget),
        Rules::Yaml => plain::yaml(text, budget),
        Rules::Patch => plain::patch(text, budget),
        Rules::Prose(prose) => plain::prose(*prose, text, budget),
    }
}
