//! Texts made to hurt: each is answered, by a tree or a typed error, on a small stack.

use crate::arbitrary::PIECES;
use query::{ErrorKind, Limits, Options, PatternType, complete, explain, parse, tokenize};

/// Far less than a thread of a server has.
const STACK_BYTES: usize = 1024 * 1024;

/// How long texts of one piece are. Measured once at 64 kB, none took more than a second for all modes and calls in a
/// debug build; a quadratic step would show at this length already.
const PIECE_BYTES: usize = 6_000;

/// Runs on a small stack, so that deep recursion would be seen.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).expect("a thread starts");
    assert!(thread.join().is_ok());
}

fn kind_of(text: &str) -> Option<ErrorKind> {
    parse(text, &Options::default()).err().map(|error| error.kind)
}

fn everything(text: &str, mode: PatternType, limits: Limits) {
    let options = Options { default_pattern_type: mode, limits };
    match parse(text, &options) {
        Ok(query) => {
            let printed = query.to_string();
            explain(&query);
            assert!(parse(&printed, &options).is_ok() || printed.len() > limits.bytes_max);
            query::alerts(text, &query, &|_, _| None);
            drop(query);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    tokenize(text, mode);
    complete(text, text.len(), mode);
}

#[test]
fn limits_are_typed() {
    let depth_max = Limits::DEFAULT.depth_max;
    on_a_small_stack(move || {
        let deep = "(".repeat(10_000) + "a" + &")".repeat(10_000);
        assert_eq!(kind_of(&deep), Some(ErrorKind::TooDeep { depth_max }));
        assert_eq!(kind_of(&("NOT ".repeat(10_000) + "a")), Some(ErrorKind::TooDeep { depth_max }));
        assert_eq!(
            kind_of(&("-(".repeat(10_000) + "a" + &")".repeat(10_000))),
            Some(ErrorKind::TooDeep { depth_max })
        );
        let wide = vec!["a"; 20_000].join(" OR ");
        assert!(matches!(kind_of(&wide), Some(ErrorKind::TooLong { .. })));
        assert!(matches!(kind_of(&"a ".repeat(20_000)), Some(ErrorKind::TooManyTerms { .. })));
        assert!(matches!(kind_of(&"x".repeat(100_000)), Some(ErrorKind::TooLong { .. })));
    });
}

#[test]
fn a_tree_as_deep_as_allowed_is_fine() {
    let depth = Limits::DEFAULT.depth_max / 2;
    on_a_small_stack(move || {
        let text = "(a OR NOT (b ".repeat(depth / 2) + "c" + &"))".repeat(depth / 2);
        everything(&text, PatternType::Keyword, Limits::DEFAULT);
        assert_eq!(kind_of(&text), None);
    });
}

#[test]
fn hundred_thousand_nodes_are_fine_where_a_caller_allows_them() {
    on_a_small_stack(|| {
        let limits = Limits { bytes_max: 1 << 20, terms_max: 200_000, ..Limits::DEFAULT };
        let text = vec!["a"; 100_000].join(" OR ");
        let query = parse(&text, &Options { limits, ..Options::default() }).expect("it is allowed");
        assert!(query.to_string().len() >= text.len());
    });
}

#[test]
fn expressions_of_every_bad_kind() {
    on_a_small_stack(|| {
        assert_eq!(kind_of("/(a+)+$/"), None);
        assert_eq!(kind_of("patterntype:regexp (a|a)*b (x*)*y"), None);
        for huge in ["/a{1000}{1000}/", "/((a{100}){100}){100}/", "/(?:\\pL{100}){100}/", "/[^a]{100000}{9}/"]
        {
            assert!(matches!(kind_of(huge), Some(ErrorKind::RegexTooLarge { .. })), "{huge}");
        }
        let classes = "/".to_string() + &"\\w".repeat(20_000) + "/";
        assert!(matches!(kind_of(&classes), Some(ErrorKind::RegexTooLarge { .. })));
        let words = "patterntype:regexp ".to_string() + &"\\w+ ".repeat(1_000);
        assert!(matches!(kind_of(&words), Some(ErrorKind::RegexTooLarge { .. })));
        let deep = "/".to_string() + &"(".repeat(20_000) + &")".repeat(20_000) + "/";
        assert!(matches!(kind_of(&deep), Some(ErrorKind::RegexTooLarge { .. })));
        let alternatives: Vec<String> = (0..10_000).map(|n| format!("w{n}")).collect();
        assert_eq!(kind_of(&format!("/{}/", alternatives.join("|"))), None);
        assert_eq!(kind_of(&format!("/{}/", "x".repeat(50_000))), None);
    });
}

#[test]
fn one_piece_over_and_over() {
    on_a_small_stack(|| {
        let limits = Limits { bytes_max: 1 << 20, ..Limits::DEFAULT };
        let more = [
            "a\" ",
            "a\\\" ",
            "f( ",
            "/[ ",
            "/[] ",
            "has.x(",
            "repo:has.path( ",
            "[[",
            "(a ",
            ") ",
            "\"a\"x ",
            "-",
            "a:",
            "/a\\ ",
        ];
        for piece in PIECES.iter().chain(&more) {
            let text = piece.repeat(PIECE_BYTES / piece.len());
            for mode in PatternType::ALL {
                everything(&text, mode, limits);
                everything(&format!("({text}"), mode, limits);
                everything(&format!("repo:{text}"), mode, limits);
            }
        }
    });
}
