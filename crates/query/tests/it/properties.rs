//! What holds for every text and every query.

use crate::arbitrary;
use proptest::prelude::*;
use query::{Leaf, Options, PatternType, Span, alerts, complete, explain, parse, tokenize, unanswerable};

fn options(default_pattern_type: PatternType) -> Options {
    Options { default_pattern_type, ..Options::default() }
}

fn fits(text: &str, span: Span) -> bool {
    span.start <= span.end && text.get(span.start..span.end).is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_parses_to_the_same_query(query in arbitrary::query()) {
        let printed = query.to_string();
        let again = parse(&printed, &Options::default());
        prop_assert!(again.is_ok(), "{printed}\n{again:?}");
        let again = again.expect("it is one").without_spans();
        prop_assert_eq!(&again, &query.without_spans(), "{}", printed);
    }

    #[test]
    fn what_is_parsed_is_printed_as_the_same_query(text in arbitrary::text(), mode in arbitrary::mode()) {
        if let Ok(query) = parse(&text, &options(mode)) {
            let printed = query.to_string();
            let again = parse(&printed, &options(mode));
            prop_assert!(again.is_ok(), "{text}\n{printed}\n{again:?}");
            let again = again.expect("it is one");
            prop_assert_eq!(again.to_string(), printed.clone());
            prop_assert_eq!(again.without_spans(), query.without_spans(), "{}\n{}", text, printed);
        }
    }

    #[test]
    fn every_place_fits_the_text(text in arbitrary::text(), mode in arbitrary::mode()) {
        match parse(&text, &options(mode)) {
            Err(error) => {
                prop_assert!(fits(&text, error.span), "{:?}", error);
                prop_assert_ne!(error.suggestion.as_deref(), Some(text.as_str()));
                prop_assert!(!error.to_string().is_empty());
            }
            Ok(query) => {
                let mut spans = vec![query.expr.span()];
                query.expr.for_each_leaf(&mut |leaf, _| match leaf {
                    Leaf::Filter(filter) => {
                        spans.push(filter.span);
                        spans.push(filter.value_span);
                    }
                    Leaf::Pattern(pattern) => spans.push(pattern.span),
                });
                spans.extend(unanswerable(&query).iter().map(|error| error.span));
                spans.extend(
                    alerts(&text, &query, &|a, b| Some(a == b)).iter().flat_map(|alert| alert.spans.clone()),
                );
                for span in spans {
                    prop_assert!(fits(&text, span), "{:?}", span);
                }
                prop_assert!(!explain(&query).is_empty());
            }
        }
    }

    #[test]
    fn tokens_cover_the_text_exactly(text in arbitrary::text(), mode in arbitrary::mode()) {
        let mut at = 0;
        for token in tokenize(&text, mode) {
            prop_assert_eq!(token.span.start, at);
            prop_assert!(token.span.end > at && fits(&text, token.span));
            at = token.span.end;
        }
        prop_assert_eq!(at, text.len());
    }

    #[test]
    fn what_is_coloured_as_an_error_is_one(text in arbitrary::text(), mode in arbitrary::mode()) {
        let is_red = tokenize(&text, mode).iter().any(|token| token.kind == query::TokenKind::Error);
        prop_assert!(!is_red || parse(&text, &options(mode)).is_err());
    }

    #[test]
    fn completion_replaces_what_stands_before_the_cursor(text in arbitrary::text(), cursor in 0..60_usize, mode in arbitrary::mode()) {
        let completion = complete(&text, cursor, mode);
        prop_assert!(fits(&text, completion.replace));
        prop_assert!(completion.replace.end <= cursor.min(text.len()));
    }
}

/// Found by the property above: where quotes are text, they do not hide an operator.
#[test]
fn quotes_of_a_literal_do_not_hide_an_operator() {
    let query = parse("repo:/\"a b\" OR \"a b\"", &options(PatternType::Literal)).unwrap();
    let again = parse(&query.to_string(), &options(PatternType::Literal)).unwrap();
    assert_eq!(again.without_spans(), query.without_spans());
}
