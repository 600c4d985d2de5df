//! Properties over arbitrary bytes, paths and texts.

use model::{BlobFlags, DocFlags};
use proptest::prelude::*;
use std::borrow::Cow;
use std::time::{Duration, Instant};
use syntax::{DecodeLimits, Decoded, HighlightLimits, PathLanguage, decode, highlight};

/// Pieces of many languages, so that arbitrary texts get beyond the first token.
const PIECES: &[&str] = &[
    "fn",
    " ",
    "\n",
    "\r\n",
    "\t",
    "if",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "`",
    "/*",
    "*/",
    "//",
    "#",
    "--",
    "<a>",
    "</a>",
    "<script>",
    "</script>",
    "<?php",
    "?>",
    "é",
    "\u{1F600}",
    "$x",
    "${",
    "0x1F",
    "1.5e-3",
    "\\",
    ":",
    ";",
    "=",
    "=>",
    "def x",
    "end",
    "class A",
    "@b",
    "%",
    "- ",
    "| ",
    "<<EOF\n",
    "EOF",
    "r#\"",
    "\"#",
    "macro!(",
    "\u{feff}",
    "\0",
    "&amp;",
    "---\n",
    "```\n",
];

/// Languages with grammars, the ones with injections among them.
const WITH_GRAMMAR: &[&str] =
    &["rust", "php", "html", "ruby", "python", "c++", "yaml", "shell", "typescript", "lua", "c#", "markdown"];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..60).prop_map(|pieces| pieces.concat())
}

fn language() -> impl Strategy<Value = model::Language> {
    let all: Vec<_> =
        syntax::languages().iter().map(|info| info.id).filter(|id| syntax::has_highlighter(*id)).collect();
    prop::sample::select(all)
}

/// Like [`language`], but half the time one with a grammar.
fn any_language() -> impl Strategy<Value = model::Language> {
    let with_grammar = prop::sample::select(WITH_GRAMMAR)
        .prop_map(|name| syntax::language_by_name(name).expect("a known name"));
    prop_oneof![with_grammar, language()]
}

proptest! {
    #[test]
    fn spans_are_ordered_inside_and_on_characters(language in any_language(), text in text()) {
        let limits = HighlightLimits { deadline: Some(Instant::now() + Duration::from_secs(60)), ..Default::default() };
        let spans = highlight(language, &text, &limits).expect("a short text is within the limits");
        let mut end = 0;
        for span in &spans {
            prop_assert!(span.range.start >= end && span.range.start < span.range.end);
            prop_assert!(text.get(span.range.clone()).is_some());
            end = span.range.end;
        }
        // Lines lose nothing and add nothing: every coloured byte but those of line ends is in exactly one line.
        let is_line_end = |place: &usize| matches!(text.as_bytes()[*place], b'\n' | b'\r');
        let coloured: Vec<_> = spans.iter().flat_map(|span| span.range.clone().filter(|place| !is_line_end(place))).collect();
        let in_lines: Vec<_> = syntax::lines(&text, &spans)
            .flat_map(|line| line.spans)
            .flat_map(|span| span.range.filter(|place| !is_line_end(place)).collect::<Vec<_>>())
            .collect();
        prop_assert_eq!(coloured, in_lines);
        // The same text has the same colours.
        prop_assert_eq!(highlight(language, &text, &limits), Ok(spans));
    }

    #[test]
    fn decode_takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        match decode(&bytes, &DecodeLimits::default()) {
            Decoded::Text { utf8, .. } => prop_assert!(utf8.len() <= bytes.len() * 3),
            Decoded::Skipped(reason) => prop_assert_eq!(reason, model::SkipReason::Binary),
        }
    }

    /// What git would show as text and is UTF-8 already comes out unchanged.
    #[test]
    fn utf8_text_is_unchanged(text in "[ -~\\n\\té-ÿ一-丁]{0,200}") {
        match decode(text.as_bytes(), &DecodeLimits::default()) {
            Decoded::Text { utf8: Cow::Borrowed(same), encoding: "UTF-8", flags } => {
                prop_assert_eq!(same, &text);
                prop_assert!(!flags.contains(BlobFlags::TRANSCODED));
            }
            // Small texts may begin like a PDF or an archive.
            other => prop_assert!(text.starts_with("%PDF-") || text.starts_with("!<arch>"), "{:?}", other),
        }
    }

    #[test]
    fn utf16_round_trips(text in "[ -~\\n]{20,200}", big_endian: bool, marked: bool) {
        let text = if marked { format!("\u{feff}{text}") } else { text };
        let to_bytes = if big_endian { u16::to_be_bytes } else { u16::to_le_bytes };
        let bytes: Vec<u8> = text.encode_utf16().flat_map(to_bytes).collect();
        let Decoded::Text { utf8, flags, .. } = decode(&bytes, &DecodeLimits::default()) else {
            return Err(TestCaseError::fail("it is text"));
        };
        prop_assert_eq!(&*utf8, text.trim_start_matches('\u{feff}'));
        prop_assert!(flags.contains(BlobFlags::TRANSCODED));
    }

    #[test]
    fn paths_and_content_agree(
        stem in "[a-zA-Z._/-]{0,12}",
        extension in prop::sample::select(&["h", "m", "pl", "ts", "v", "md", "1", "rs", "sql", "inc", "c", "", "unknown", "d"][..]),
        head in text(),
    ) {
        let path = format!("{stem}.{extension}");
        let found = syntax::detect_language(path.as_bytes(), head.as_bytes());
        prop_assert_eq!(syntax::document_language(path.as_bytes(), found), found);
        if let PathLanguage::Certain(certain) = syntax::language_by_path(path.as_bytes()) {
            prop_assert_eq!(found, certain);
        }
        let ranked = syntax::static_rank(path.as_bytes(), DocFlags(0), BlobFlags(0));
        prop_assert!(syntax::static_rank(path.as_bytes(), DocFlags::TEST, BlobFlags::GENERATED) > ranked || ranked >= 5 * 32);
    }

    #[test]
    fn any_path_has_flags_and_a_rank(path in prop::collection::vec(any::<u8>(), 0..100), head in prop::collection::vec(any::<u8>(), 0..100)) {
        let flags = syntax::doc_flags(&path);
        prop_assert!(!flags.contains(DocFlags::SYMLINK));
        syntax::static_rank(&path, flags, BlobFlags(0));
        let found = syntax::detect_language(&path, &head);
        prop_assert_eq!(syntax::document_language(&path, found), found);
    }
}
