//! Input made to hurt: every answer is colours or a typed reason, in bounded time, memory and stack.

use model::{Language, SkipReason};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use syntax::{
    DecodeLimits, Decoded, HighlightError, HighlightLimits, Span, decode, detect_language, highlight,
    languages,
};

/// Smaller than any thread of ours has, so that deep recursion shows.
const STACK_BYTES: usize = 256 * 1024;

/// Runs a test on a thread with a small stack.
fn on_small_stack(test: impl FnOnce() + Send + 'static) {
    let thread =
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(test).expect("a thread can be had");
    thread.join().expect("the test passes");
}

/// One language for each grammar and kind of lexer.
fn kinds() -> Vec<Language> {
    let names = [
        "shell",
        "c",
        "c++",
        "c#",
        "css",
        "go",
        "html",
        "java",
        "javascript",
        "json",
        "lua",
        "php",
        "python",
        "ruby",
        "rust",
        "toml",
        "typescript",
        "tsx",
        "yaml",
        "sql",
        "makefile",
        "perl",
        "ini",
        "xml",
        "diff",
        "markdown",
        "asciidoc",
        "haskell",
        "elixir",
        "kotlin",
        "ocaml",
        "scala",
        "swift",
        "zig",
    ];
    names.iter().map(|name| syntax::language_by_name(name).expect("a known name")).collect()
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(30))
}

fn check_spans(text: &str, result: Result<Vec<Span>, HighlightError>) {
    match result {
        Ok(spans) => {
            assert!(spans.is_sorted_by(|left, right| left.range.end <= right.range.start));
            let fits = |span: &Span| text.get(span.range.clone()).is_some_and(|piece| !piece.is_empty());
            assert!(spans.iter().all(fits));
        }
        Err(HighlightError::OutOfTime | HighlightError::TooManySpans { .. }) => {}
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn deep_nesting_in_every_grammar() {
    on_small_stack(|| {
        let openings = [
            "(",
            "[",
            "{",
            "<a>",
            "((",
            "a(",
            "[{\"a\":",
            "if (x) {",
            "f(function() {",
            "- ",
            "/*",
            "`${",
            "\"#{",
            "$(",
            "<div><p>",
        ];
        for language in kinds() {
            for opening in openings {
                let text = opening.repeat(100_000 / opening.len().min(4));
                let limits = HighlightLimits { deadline: soon(), ..Default::default() };
                check_spans(&text, highlight(language, &text, &limits));
            }
        }
    });
}

#[test]
fn balanced_nesting_in_every_grammar() {
    on_small_stack(|| {
        for language in kinds() {
            for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("<b>", "</b>"), ("a!{", "}")] {
                let text = open.repeat(20_000) + "x" + &close.repeat(20_000);
                let limits = HighlightLimits { deadline: soon(), ..Default::default() };
                check_spans(&text, highlight(language, &text, &limits));
            }
        }
    });
}

#[test]
fn one_long_line_in_every_grammar() {
    for language in kinds() {
        for piece in ["x", "1,", "a=b;", "\"s\",", "\\", "'", "*", "é", "<script>x</script>", "`", "]("] {
            let text = piece.repeat(300_000 / piece.len());
            let limits = HighlightLimits { deadline: soon(), ..Default::default() };
            check_spans(&text, highlight(language, &text, &limits));
        }
    }
}

/// Texts that overflow the state of grammars' scanners, which would end the process.
#[test]
fn scanners_are_spared_what_they_cannot_hold() {
    let indented: String = (0..600).map(|level| format!("{}if x:\n", " ".repeat(level))).collect();
    let in_string: String =
        (0..600).map(|level| format!("{}if f\"{{x}}\" + f\"{{\n", " ".repeat(level))).collect();
    let cases = [
        ("python", indented.clone() + "f\"{"),
        ("python", in_string),
        ("ruby", format!("x = <<{}\n", "A".repeat(300))),
        ("ruby", "<<A,".repeat(1000)),
        ("ruby", format!("{}<<AAAA", "\"#{".repeat(203))),
        ("yaml", "- ".repeat(1000) + "x"),
        ("yaml", (0..600).map(|level| format!("{}a:\n", " ".repeat(level))).collect()),
        ("shell", "cat <<A <<B ".repeat(1000)),
        ("shell", format!("cat <<{}\n", "A".repeat(2000))),
        ("php", format!("<?php $x = <<<{}\n", "A".repeat(2000))),
        ("php", "<?php ".to_owned() + &"$x = <<<A\n{$a[<<<B\n".repeat(500)),
        ("c#", "$\"{".repeat(1000)),
        ("html", format!("<{}>", "a-".repeat(5000))),
        ("html", "<a-b>".repeat(70_000)),
        ("c++", format!("R\"{}(", "a".repeat(5000))),
        ("rust", format!("r{}\"", "#".repeat(5000))),
        ("lua", format!("[{}[", "=".repeat(5000))),
    ];
    for (name, text) in cases {
        let language = syntax::language_by_name(name).expect("a known name");
        let limits =
            HighlightLimits { deadline: Some(Instant::now() + Duration::from_secs(5)), ..Default::default() };
        check_spans(&text, highlight(language, &text, &limits));
    }
}

#[test]
fn limits_are_typed() {
    let text = "int x = 1;\n".repeat(1000);
    let flag = AtomicBool::new(true);
    for language in kinds() {
        let small = HighlightLimits { size_bytes_max: 10, ..Default::default() };
        let too_large = HighlightError::TooLarge { size_bytes: text.len(), limit_bytes: 10 };
        assert_eq!(highlight(language, &text, &small), Err(too_large));
        let past = HighlightLimits { deadline: Some(Instant::now()), ..Default::default() };
        assert_eq!(highlight(language, &text, &past), Err(HighlightError::OutOfTime));
        let cancelled = HighlightLimits { cancel: Some(&flag), ..Default::default() };
        assert_eq!(highlight(language, &text, &cancelled), Err(HighlightError::Cancelled));
    }
    let c = syntax::language_by_name("c").expect("a known name");
    let few = HighlightLimits { n_spans_max: 10, ..Default::default() };
    assert_eq!(highlight(c, &text, &few), Err(HighlightError::TooManySpans { limit: 10 }));
    let unknown = highlight(Language::UNKNOWN, &text, &HighlightLimits::default());
    assert_eq!(unknown, Err(HighlightError::Unsupported { language: Language::UNKNOWN }));
}

#[test]
fn a_line_of_100_megabytes() {
    let text = vec![b'x'; 100_000_000];
    assert_eq!(decode(&text, &DecodeLimits::default()), Decoded::Skipped(SkipReason::TooLarge));
    let Decoded::Text { utf8, flags, .. } = decode(&text, &DecodeLimits { size_bytes_max: usize::MAX })
    else {
        panic!("it is text");
    };
    assert!(flags.contains(model::BlobFlags::MINIFIED));
    let c = syntax::language_by_name("c").expect("a known name");
    assert!(matches!(highlight(c, &utf8, &HighlightLimits::default()), Err(HighlightError::TooLarge { .. })));
    assert_eq!(syntax::lines(&utf8, &[]).count(), 1);
    assert_eq!(detect_language(b"x.h", &text), c);
}

#[test]
fn every_language_takes_any_text() {
    let text =
        "a = \"b\" # c\n/* d */ (e) [f] {g: 1} 'h\n<i j=\"k\">&l;</i> $m @n %o\n\\\"é\u{1F600}`\0\u{7f}";
    for info in languages() {
        let limits = HighlightLimits {
            deadline: Some(Instant::now() + Duration::from_secs(60)),
            ..Default::default()
        };
        match highlight(info.id, text, &limits) {
            Err(HighlightError::Unsupported { .. }) => assert!(!syntax::has_highlighter(info.id)),
            result => check_spans(text, result),
        }
    }
}
