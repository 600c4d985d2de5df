//! Places in files against counting by hand; frames against any content.

use compat::{Location, Text, sourcegraph};
use proptest::prelude::*;
use search::LineMatch;

/// What the engine tells of matches: each line they touch, without its end, and whether the last goes on.
fn lines_of(text: &str, hits: &[std::ops::Range<usize>]) -> Vec<LineMatch> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (idx, line) in text.split_inclusive('\n').enumerate() {
        let end = start + line.len();
        let body = line.strip_suffix('\n').unwrap_or(line);
        let body = body.strip_suffix('\r').unwrap_or(body);
        let touching: Vec<_> = hits.iter().filter(|hit| hit.start < end && hit.end > start).collect();
        if !touching.is_empty() {
            let clip = |at: usize| at.clamp(start, start + body.len()) - start;
            let ranges = touching.iter().map(|hit| clip(hit.start)..clip(hit.end));
            lines.push(LineMatch {
                number: idx as u64 + 1,
                text: body.to_owned(),
                ranges: ranges.filter(|range| !range.is_empty()).collect(),
                is_cut: false,
                goes_on: touching.iter().any(|hit| hit.end > end),
            });
        }
        start = end;
    }
    lines
}

/// Sorted, apart from each other, on character boundaries.
fn hits_in(text: &str, cuts: &[usize]) -> Vec<std::ops::Range<usize>> {
    let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut at: Vec<usize> = cuts.iter().map(|cut| boundaries[cut % boundaries.len()]).collect();
    at.sort_unstable();
    at.dedup();
    at.chunks_exact(2).map(|pair| pair[0]..pair[1]).collect()
}

/// What is shown of a match: without line ends at its edges, which lines do not show.
fn visible(text: &str, hit: &std::ops::Range<usize>) -> Option<(usize, usize)> {
    let inside = &text[hit.clone()];
    let trimmed = inside.trim_end_matches(['\n', '\r']);
    (!trimmed.is_empty()).then(|| (hit.start, hit.start + trimmed.len()))
}

proptest! {
    #[test]
    fn locations_are_what_counting_gives(text in "([a-c\n]|é|日|\u{1F600}|\r\n){0,60}", at in 0usize..200) {
        let offset = at.min(text.len());
        let offset = (0..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        // The place behind a final newline is told as the end of the line it ends.
        prop_assume!(offset < text.len() || !text.ends_with('\n'));
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let expected = Location {
            offset,
            line: before.matches('\n').count(),
            column: before[line_start..].chars().count(),
        };
        prop_assert_eq!(Text::new(text.clone()).location(offset), expected);
    }

    #[test]
    fn matches_survive_being_told_line_by_line(
        // Without \r: lines do not tell whether a match begins before it or between it and the newline.
        text in "([a-c\n]|é|日){1,60}",
        cuts in proptest::collection::vec(0usize..200, 0..8),
    ) {
        let hits = hits_in(&text, &cuts);
        let found = Text::new(text.clone());
        let again = found.hits(&lines_of(&text, &hits));
        let shown = |hits: &[std::ops::Range<usize>]| -> Vec<(usize, usize)> {
            hits.iter().filter_map(|hit| visible(&text, hit)).collect()
        };
        prop_assert_eq!(shown(&again), shown(&hits));
    }

    #[test]
    fn chunks_are_whole_lines_around_matches(
        text in "([a-c\n]|é){1,60}",
        cuts in proptest::collection::vec(0usize..200, 0..8),
        context in 0usize..3,
    ) {
        let hits = hits_in(&text, &cuts);
        let found = Text::new(text.clone());
        let chunks = found.chunks(&hits, context);
        let all: Vec<_> = chunks.iter().flat_map(|chunk| chunk.hits.clone()).collect();
        prop_assert_eq!(&all, &hits);
        for chunk in &chunks {
            let range = found.with_last_newline(&chunk.lines);
            prop_assert!(range.start == 0 || text.as_bytes()[range.start - 1] == b'\n');
            prop_assert!(range.end == text.len() || text.as_bytes()[range.end - 1] == b'\n');
            for hit in &chunk.hits {
                prop_assert!(range.start <= hit.start && hit.end <= range.end);
            }
        }
        for pair in chunks.windows(2) {
            prop_assert!(pair[0].lines.end < pair[1].lines.start);
        }
    }

    #[test]
    fn no_content_breaks_a_frame(content in any::<String>(), name in "[a-z]{1,8}") {
        let frame = sourcegraph::event(&name, &serde_json::json!({ "content": content })).unwrap();
        let text = String::from_utf8(frame).unwrap();
        let (head, data) = text.split_once('\n').unwrap();
        prop_assert_eq!(head, format!("event: {name}"));
        let json = data.strip_prefix("data: ").and_then(|data| data.strip_suffix("\n\n")).unwrap();
        prop_assert!(!json.contains(['\n', '\r']));
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        prop_assert_eq!(read["content"].as_str(), Some(content.as_str()));
    }

    #[test]
    fn any_zoekt_query_is_read_or_refused(text in "[-a-zA-Z\"\\\\():.*|\\[\\] ]{0,40}") {
        let _ = compat::zoekt::parse(&text);
    }

    #[test]
    fn any_query_string_is_read_or_refused(text in any::<String>()) {
        let _ = sourcegraph::StreamRequest::parse(&text);
        let _ = compat::zoekt::WebRequest::parse(&text);
        let _ = compat::zoekt::SearchRequest::parse(text.as_bytes());
        let _ = compat::Credential::read(Some(&text), &text);
        let _ = compat::repository_of_id(&text);
    }
}
