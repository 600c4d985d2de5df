//! Queries as pages show them: coloured, underlined, toggled.

use crate::links::search_link;
use crate::markup::Html;
use crate::shell::{QueryBox, QueryLink};
use query::{PatternType, Span, Token, TokenKind, tokenize};

/// Coloured text of a query.
pub(crate) fn query_text(text: &str) -> Html {
    let mut html = Html::default();
    for token in tokenize(text, PatternType::Keyword) {
        html.push_classed(css_class(token.kind), token.span.of(text));
    }
    html
}

/// Text of a query with the bytes at fault marked; an empty range marks the character before it.
pub(crate) fn underlined(text: &str, [start, end]: [usize; 2]) -> Html {
    let end = end.min(text.len());
    let start = start.min(end);
    let start = if start == end { text.floor_char_boundary(start.saturating_sub(1)) } else { start };
    Html::marked(text, std::slice::from_ref(&(start..end)))
}

/// The box with a query in it.
pub(crate) fn query_box(text: &str) -> QueryBox {
    let settings = query::parse(text, &query::Options::default()).ok().map(|query| query.settings);
    QueryBox {
        text: text.to_owned(),
        painted: query_text(text),
        case_sensitive: settings.as_ref().is_some_and(|settings| settings.case_sensitive.value),
        regexp: settings.as_ref().is_some_and(|settings| settings.pattern_type.value == PatternType::Regexp),
        structural: settings
            .as_ref()
            .is_some_and(|settings| settings.pattern_type.value == PatternType::Structural),
        context: context_of(text).unwrap_or("global").to_owned(),
        big: false,
        focus: false,
    }
}

/// A query as a link that runs it.
pub(crate) fn query_link(text: &str, says: impl Into<String>) -> QueryLink {
    QueryLink { url: search_link(text), painted: query_text(text), says: says.into() }
}

/// The query with a filter appended, unless it is there already.
pub(crate) fn with_filter(text: &str, filter: &str) -> String {
    match text.trim() {
        "" => filter.to_owned(),
        text if has_filter(text, filter) => text.to_owned(),
        text if needs_group(text) => format!("({text}) {filter}"),
        text => format!("{text} {filter}"),
    }
}

/// Whether a filter stands in the query as it is.
pub(crate) fn has_filter(text: &str, filter: &str) -> bool {
    find_filter(text, filter).is_some()
}

/// The query without a filter that stands in it.
pub(crate) fn without_filter(text: &str, filter: &str) -> String {
    match find_filter(text, filter) {
        Some(span) => without_span(text, span),
        None => text.to_owned(),
    }
}

/// The query with `case:yes`, `patterntype:regexp` or `patterntype:structural` put in, or taken out where it was.
pub(crate) fn toggled(text: &str, which: &str) -> Option<String> {
    let parsed = query::parse(text, &query::Options::default()).ok();
    let (filter, given) = match which {
        "case" => {
            let setting = parsed.map(|query| query.settings.case_sensitive);
            ("case:yes", setting.and_then(|setting| Some((setting.value, setting.span?))))
        }
        "regexp" | "structural" => {
            let (filter, wanted) = match which {
                "regexp" => ("patterntype:regexp", PatternType::Regexp),
                _ => ("patterntype:structural", PatternType::Structural),
            };
            let setting = parsed.map(|query| query.settings.pattern_type);
            (filter, setting.and_then(|setting| Some((setting.value == wanted, setting.span?))))
        }
        _ => return None,
    };
    Some(match given {
        Some((true, span)) => without_span(text, span),
        Some((false, span)) => with_filter(&without_span(text, span), filter),
        None => with_filter(text, filter),
    })
}

/// The search context that a query names, as it is written.
pub(crate) fn context_of(text: &str) -> Option<&str> {
    let name = contexts_in(text).into_iter().next()?.1.of(text);
    Some(name.trim_matches(['"', '\'']))
}

/// The query in another search context; `global` takes the name out. Where several are named, the first place stays.
pub(crate) fn with_context(text: &str, name: &str) -> String {
    let is_global = name.eq_ignore_ascii_case("global");
    let mut out = text.trim().to_owned();
    let places = contexts_in(&out);
    let Some(((_, first), others)) = places.split_first() else {
        return match out.as_str() {
            _ if is_global => out,
            "" => format!("context:{name}"),
            alone if needs_group(alone) => format!("context:{name} ({alone})"),
            alone => format!("context:{name} {alone}"),
        };
    };
    for (whole, _) in others.iter().rev() {
        out = without_span(&out, *whole);
    }
    match is_global {
        true => places.first().map_or(out.clone(), |(whole, _)| without_span(&out, *whole)),
        false => format!("{}{name}{}", &out[..first.start], &out[first.end..]),
    }
}

/// Where a query names search contexts that hold for all of it: the whole filter, and its value.
fn contexts_in(text: &str) -> Vec<(Span, Span)> {
    let tokens = tokenize(text, PatternType::Keyword);
    let mut depth = 0usize;
    let mut found = Vec::new();
    for (idx, token) in tokens.iter().enumerate() {
        match (token.kind, token.span.of(text)) {
            (TokenKind::Paren, "(") => depth += 1,
            (TokenKind::Paren, _) => depth = depth.saturating_sub(1),
            (TokenKind::FilterName, name) if depth == 0 && name.eq_ignore_ascii_case("context:") => {
                let value = tokens.get(idx + 1).filter(|value| value.span.start == token.span.end);
                let value = value.filter(|value| value.kind != TokenKind::Space);
                let value = value.map_or(Span::new(token.span.end, token.span.end), |value| value.span);
                found.push((token.span.to(value), value));
            }
            _ => {}
        }
    }
    found
}

/// The word of the style sheet for a token.
pub(crate) fn css_class(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Space | TokenKind::Literal => "",
        TokenKind::FilterName => "t-filter",
        TokenKind::FilterValue => "t-value",
        TokenKind::Negation | TokenKind::Operator | TokenKind::Paren => "t-op",
        TokenKind::Quoted => "t-quote",
        TokenKind::Regex | TokenKind::RegexMeta => "t-regex",
        TokenKind::Error => "t-bad",
    }
}

/// Where a filter stands: the run of tokens whose text it is.
fn find_filter(text: &str, filter: &str) -> Option<Span> {
    let tokens = tokenize(text, PatternType::Keyword);
    let words = tokens.split(|token| token.kind == TokenKind::Space);
    let spans = words.filter_map(|word: &[Token]| Some(word.first()?.span.to(word.last()?.span)));
    spans.into_iter().find(|span| span.of(text) == filter)
}

/// Whether appending a filter would bind to the last branch of an OR only.
fn needs_group(text: &str) -> bool {
    let mut depth = 0usize;
    for token in tokenize(text, PatternType::Keyword) {
        match (token.kind, token.span.of(text)) {
            (TokenKind::Paren, "(") => depth += 1,
            (TokenKind::Paren, _) => depth = depth.saturating_sub(1),
            (TokenKind::Operator, operator) if depth == 0 && operator.eq_ignore_ascii_case("or") => {
                return true;
            }
            _ => {}
        }
    }
    false
}

fn without_span(text: &str, span: Span) -> String {
    let before = text.get(..span.start).unwrap_or("").trim_end();
    let after = text.get(span.end..).unwrap_or("").trim_start();
    match (before.is_empty(), after.is_empty()) {
        (true, _) => after.to_owned(),
        (_, true) => before.to_owned(),
        _ => format!("{before} {after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_added_once_and_to_the_whole_query() {
        assert_eq!(with_filter("foo", "lang:C"), "foo lang:C");
        assert_eq!(with_filter("foo lang:C", "lang:C"), "foo lang:C");
        assert_eq!(with_filter("a OR b", "lang:C"), "(a OR b) lang:C");
        assert_eq!(with_filter("(a OR b)", "lang:C"), "(a OR b) lang:C");
        assert_eq!(with_filter("\"a OR b\"", "lang:C"), "\"a OR b\" lang:C");
        assert_eq!(with_filter(" ", "lang:C"), "lang:C");
    }

    #[test]
    fn filters_are_taken_out() {
        assert_eq!(without_filter("a lang:C b", "lang:C"), "a b");
        assert_eq!(without_filter("lang:C", "lang:C"), "");
        assert_eq!(without_filter("a lang:Cpp", "lang:C"), "a lang:Cpp");
    }

    #[test]
    fn toggles() {
        assert_eq!(toggled("foo", "case").unwrap(), "foo case:yes");
        assert_eq!(toggled("foo case:yes", "case").unwrap(), "foo");
        assert_eq!(toggled("case:no foo", "case").unwrap(), "foo case:yes");
        assert_eq!(toggled("foo", "regexp").unwrap(), "foo patterntype:regexp");
        assert_eq!(toggled("f($A)", "structural").unwrap(), "f($A) patterntype:structural");
        assert_eq!(toggled("f($A) patterntype:structural", "structural").unwrap(), "f($A)");
        assert_eq!(toggled("f patterntype:regexp", "structural").unwrap(), "f patterntype:structural");
        assert_eq!(toggled("foo", "other"), None);
    }

    #[test]
    fn contexts_are_chosen() {
        for (text, name, expected) in [
            ("foo", "@ada/x", "context:@ada/x foo"),
            ("", "x", "context:x"),
            ("foo", "global", "foo"),
            ("context:y foo", "x", "context:x foo"),
            ("foo context:y", "x", "foo context:x"),
            ("CONTEXT:\"y\" foo", "x", "CONTEXT:x foo"),
            ("context:y foo", "global", "foo"),
            ("context:y foo context:z", "x", "context:x foo"),
            ("context:y foo context:z", "global", "foo"),
            ("a OR b", "x", "context:x (a OR b)"),
            ("\"context:y\"", "x", "context:x \"context:y\""),
            ("é context:y ü", "x", "é context:x ü"),
        ] {
            assert_eq!(with_context(text, name), expected, "{text}");
        }
        assert_eq!(context_of("foo context:@ada/x"), Some("@ada/x"));
        assert_eq!(context_of("foo (context:a or context:b)"), None);
    }

    #[test]
    fn queries_are_escaped() {
        let html = query_text("repo:<b> \"</script>\"");
        assert!(!html.as_str().contains("<b>") && !html.as_str().contains("</script>"), "{html}");
        assert!(underlined("a(é", [1, 1]).as_str().starts_with("<mark>a</mark>"));
        assert!(underlined("é", [9, 99]).as_str().contains('é'));
    }
}
