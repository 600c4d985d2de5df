//! Globs against a matcher that tries everything.

use owners::{Glob, GlobError, GlobStyle};
use proptest::prelude::*;
use proptest::sample::select;

/// GitHub's and GitLab's meaning, part by part, with all the backtracking there is.
fn reference(pattern: &str, path: &str, style: GlobStyle) -> bool {
    let rooted = pattern.starts_with('/');
    let body = pattern.trim_start_matches('/');
    let is_folder = body.ends_with('/');
    let body = body.trim_end_matches('/');
    let is_tied = rooted || (style == GlobStyle::GitHub && body.contains('/'));
    let parts: Vec<&str> = body.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    let starts = if is_tied { 0..1 } else { 0..path.len() };
    starts.into_iter().any(|start| {
        (start..=path.len()).any(|end| {
            let is_whole = end == path.len();
            let may_end = match style {
                _ if is_folder => !is_whole,
                GlobStyle::GitHub => is_whole || *parts.last().unwrap_or(&"") != "*",
                _ => is_whole,
            };
            may_end && parts_match(&parts, &path[start..end])
        })
    })
}

fn parts_match(parts: &[&str], path: &[&str]) -> bool {
    match parts {
        [] => path.is_empty(),
        ["**"] => !path.is_empty(),
        ["**", rest @ ..] => (0..=path.len()).any(|n| parts_match(rest, &path[n..])),
        [part, rest @ ..] => path.split_first().is_some_and(|(first, below)| {
            let (part, first): (Vec<char>, Vec<char>) = (part.chars().collect(), first.chars().collect());
            part_matches(&part, &first) && parts_match(rest, below)
        }),
    }
}

fn part_matches(part: &[char], text: &[char]) -> bool {
    match part {
        [] => text.is_empty(),
        ['*', rest @ ..] => (0..=text.len()).any(|n| part_matches(rest, &text[n..])),
        ['?', rest @ ..] => !text.is_empty() && part_matches(rest, &text[1..]),
        [c, rest @ ..] => text.first() == Some(c) && part_matches(rest, &text[1..]),
    }
}

fn pattern() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "b", "ab", "*", "a*", "*b", "?", "a?b", "**", "é", "?é", "*a*"]);
    let parts = prop::collection::vec(part, 1..5);
    (any::<bool>(), parts, any::<bool>()).prop_map(|(rooted, parts, folder)| {
        let (before, behind) = (if rooted { "/" } else { "" }, if folder { "/" } else { "" });
        format!("{before}{}{behind}", parts.join("/"))
    })
}

fn path() -> impl Strategy<Value = String> {
    let part = select(vec!["a", "b", "ab", "aab", "ba", "é", "aé", "axb"]);
    prop::collection::vec(part, 1..6).prop_map(|parts| parts.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_glob_matches_what_it_says(pattern in pattern(), path in path()) {
        for style in [GlobStyle::GitHub, GlobStyle::GitLab] {
            let glob = Glob::new(&pattern, style).expect("a glob");
            prop_assert_eq!(
                glob.is_match(path.as_bytes()), reference(&pattern, &path, style), "{:?}: {} on {}", style, pattern, path
            );
        }
    }

    #[test]
    fn any_text_is_a_glob_or_an_error(pattern in "\\PC{0,30}", path in "\\PC{0,60}") {
        for style in [GlobStyle::GitHub, GlobStyle::GitLab, GlobStyle::Gerrit] {
            if let Ok(glob) = Glob::new(&pattern, style) {
                let _ = glob.is_match(path.as_bytes());
            }
        }
    }
}

#[test]
fn marks_mean_what_their_style_says() {
    let check = |pattern: &str, style, path: &str, expected: bool| {
        let glob = Glob::new(pattern, style).expect(pattern);
        assert_eq!(glob.is_match(path.as_bytes()), expected, "{style:?}: {pattern} on {path}");
    };
    check("[a-c]?.rb", GlobStyle::GitLab, "x/b1.rb", true);
    check("[!a-c].rb", GlobStyle::GitLab, "b.rb", false);
    check("*.{c,h}", GlobStyle::Gerrit, "a/b.h", true);
    check("{BUILD,**/x}.gn", GlobStyle::Gerrit, "a/BUILD.gn", true);
    check("a**b", GlobStyle::GitHub, "a/x/b", false);
    check("a/**", GlobStyle::GitHub, "a/x/b", true);
    check("/", GlobStyle::GitHub, "a/x/b", true);
    check("a\\*b", GlobStyle::GitHub, "a*b", true);
    check("a\\*b", GlobStyle::GitHub, "axb", false);
    check("?", GlobStyle::GitLab, "日", true);
    for (pattern, style, error) in [
        ("", GlobStyle::GitHub, GlobError::Empty),
        ("[a]", GlobStyle::GitHub, GlobError::Unsupported('[')),
        ("[a", GlobStyle::GitLab, GlobError::Unclosed('[')),
        ("{a", GlobStyle::Gerrit, GlobError::Unclosed('{')),
        ("{a,{b}}", GlobStyle::Gerrit, GlobError::Unsupported('{')),
    ] {
        assert_eq!(Glob::new(pattern, style), Err(error), "{pattern}");
    }
}

/// Backtracking would take longer than the universe has: that this ends at all is the test.
#[test]
fn pathological_globs_end() {
    let path = vec![b'a'; 600];
    let deep = "a/".repeat(300) + "b";
    for pattern in [
        "*a".repeat(500),
        "**/".repeat(300) + "x",
        "*?".repeat(500),
        "a*".repeat(500) + "b",
        "?".repeat(1024),
    ] {
        for style in [GlobStyle::GitHub, GlobStyle::GitLab, GlobStyle::Gerrit] {
            let glob = Glob::new(&pattern, style).expect("a glob");
            let _ = (glob.is_match(&path), glob.is_match(deep.as_bytes()));
        }
    }
    assert_eq!(Glob::new(&"a".repeat(1025), GlobStyle::GitHub), Err(GlobError::TooLong));
    assert_eq!(Glob::new(&"{a,b,c}".repeat(10), GlobStyle::Gerrit), Err(GlobError::TooManyAlternatives));
}
