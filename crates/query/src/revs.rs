//! Lists of revisions: after `rev:` and after the `@` of `repo:`.

use crate::text::{Source, mended};
use crate::{Date, ErrorKind, ParseError, Rev, RevKind, error::shown, scan, values};

/// Reads `a:b:c`. `text` is the whole query, for suggestions.
pub(crate) fn read(text: &str, source: &Source) -> Result<Vec<Rev>, ParseError> {
    entries(&source.text).into_iter().map(|(start, end)| entry(text, &source.slice(start, end))).collect()
}

/// Whether a ref's full name matches a glob of `rev:`: `*` stands for any characters, slashes included, `?` for one. As
/// in `git log --glob`, a glob that does not begin with `refs/` is looked for below `refs/`, and one without `*` and `?`
/// matches everything below it.
pub fn glob_matches(glob: &str, ref_name: &str) -> bool {
    let glob = if glob.starts_with("refs/") { glob.to_string() } else { format!("refs/{glob}") };
    if !glob.contains(['*', '?']) {
        let below = ref_name.strip_prefix(glob.trim_end_matches('/'));
        return below.is_some_and(|rest| rest.starts_with('/'));
    }
    wildcard_matches(glob.as_bytes(), ref_name.as_bytes())
}

/// Greedy with one point of return: time is at most glob × name.
fn wildcard_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut g, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match glob.get(g) {
            Some(b'*') => {
                star = Some((g, n));
                g += 1;
            }
            Some(b'?') => (g, n) = (g + 1, n + 1),
            Some(byte) if *byte == name[n] => (g, n) = (g + 1, n + 1),
            _ => match star {
                Some((star_g, star_n)) => {
                    star = Some((star_g, star_n + 1));
                    (g, n) = (star_g + 1, star_n + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|byte| *byte == b'*')
}

/// The offsets of what stands between colons that are not inside parentheses.
fn entries(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    let mut in_quotes = false;
    for (offset, c) in text.char_indices() {
        match c {
            '"' if depth > 0 => in_quotes = !in_quotes,
            _ if in_quotes => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                found.push((start, offset));
                start = offset + 1;
            }
            _ => {}
        }
    }
    found.push((start, text.len()));
    found
}

fn entry(text: &str, source: &Source) -> Result<Rev, ParseError> {
    let span = source.whole();
    let word = source.text.as_str();
    let kind = if word.starts_with("at.time(") {
        at_time(source)?
    } else if let Some(glob) = word.strip_prefix("*!") {
        RevKind::ExcludeGlob(checked_glob(source, glob)?)
    } else if let Some(glob) = word.strip_prefix('*') {
        RevKind::Glob(checked_glob(source, if glob.is_empty() { "*" } else { glob })?)
    } else if let Some(name) = word.strip_prefix('^') {
        RevKind::Exclude(checked_name(text, source, name)?)
    } else {
        RevKind::Name(checked_name(text, source, word)?)
    };
    Ok(Rev { span, kind })
}

fn bad(source: &Source, reason: &'static str) -> ParseError {
    ParseError::new(source.whole(), ErrorKind::BadRevision { text: shown(&source.text), reason })
        .with_hint("name a branch, a tag or a commit, or write a glob such as *refs/heads/*")
}

fn checked_glob(source: &Source, glob: &str) -> Result<String, ParseError> {
    if glob.is_empty() {
        return Err(bad(source, "the glob is empty"));
    }
    common_fault(source, glob, &['~', '^', '[', ']', '\\', '(', ')', '"'])?;
    Ok(glob.to_string())
}

fn checked_name(text: &str, source: &Source, name: &str) -> Result<String, ParseError> {
    if name.is_empty() {
        return Err(bad(source, "it is empty"));
    }
    if name.contains(['*', '?']) {
        let full = if name.starts_with("refs/") { name.to_string() } else { format!("refs/heads/{name}") };
        let suggestion = mended(text, &[(source.whole(), &format!("*{full}"))]);
        return Err(bad(source, "a glob begins with *").with_suggestion(suggestion));
    }
    let steps_at = name.find(['~', '^']).unwrap_or(name.len());
    let (stem, steps) = name.split_at(steps_at);
    if stem.is_empty() {
        return Err(bad(source, "there is nothing before the first step"));
    }
    common_fault(source, stem, &['[', ']', '\\', '(', ')', '"'])?;
    if !are_steps(steps) {
        return Err(bad(source, "after a name only steps such as ~3 and ^2 may follow"));
    }
    Ok(name.to_string())
}

/// Whether all of the text is steps through history: `~`, `~3`, `^`, `^2`, in any number.
fn are_steps(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some((b'~' | b'^', after)) = rest.split_first() {
        let n_digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = &after[n_digits..];
    }
    rest.is_empty()
}

/// What neither names nor globs may hold; a leading `-` would look like an option to a program.
fn common_fault(source: &Source, name: &str, forbidden: &[char]) -> Result<(), ParseError> {
    let reason = if name.starts_with('-') {
        "it begins with -"
    } else if name.chars().any(|c| c.is_whitespace() || c.is_control()) {
        "it holds white space or a control character"
    } else if name.contains(forbidden) {
        "branches, tags and commits can be named, and steps from them such as HEAD~1, but nothing else"
    } else if name.contains("..") || name.contains("@{") {
        "only branches, tags and commits can be named, not ranges or the reflog"
    } else {
        return Ok(());
    };
    Err(bad(source, reason))
}

/// `at.time(T)`, `at.time(T, base)`; a date with a comma stands in quotes.
fn at_time(source: &Source) -> Result<RevKind, ParseError> {
    let open = "at.time".len();
    let text = source.text.as_str();
    if scan::predicate_end(text, open) != Some(text.len()) {
        return Err(bad(source, "the parentheses of at.time(…) are not closed at its end"));
    }
    let inside = source.slice(open + 1, text.len() - 1).trimmed();
    let (date, base) = match inside.text.starts_with('"') {
        true => {
            let end = scan::quoted(&inside.text, 0, '"').unwrap_or(inside.text.len());
            let rest = inside.slice(end, inside.text.len()).trimmed();
            let date = inside.slice(1, end.saturating_sub(1)).unquoted('"');
            match rest.text.strip_prefix(',') {
                Some(_) => (date, Some(rest.slice(1, rest.text.len()).trimmed())),
                None if rest.text.is_empty() => (date, None),
                None => return Err(bad(&rest, "a comma is expected after the date")),
            }
        }
        false => match inside.text.split_once(',') {
            Some((date, _)) => {
                let at = date.len();
                (inside.slice(0, at).trimmed(), Some(inside.slice(at + 1, inside.text.len()).trimmed()))
            }
            None => (inside.clone(), None),
        },
    };
    let time = Date::new(&date.text).ok_or_else(|| values::bad_date(date.whole(), &date.text))?;
    let base = match base {
        Some(base) => {
            if base.text.is_empty() {
                return Err(bad(&base, "a branch is expected after the comma"));
            }
            common_fault(&base, &base.text, &['~', '^', '[', ']', '\\', '(', ')', '"', '*', '?', ':', ','])?;
            Some(base.text)
        }
        None => None,
    };
    Ok(RevKind::AtTime { time, base })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_names() {
        for steps in ["", "~", "^", "~3", "^2", "~~^^2~10"] {
            assert!(are_steps(steps), "{steps}");
        }
        for other in ["~x", "^{tree}", "^2x", "@{1}", "~3:path", "^-"] {
            assert!(!are_steps(other), "{other}");
        }
    }

    #[test]
    fn globs_match_as_git_says() {
        let check =
            |glob: &str, name: &str, expected: bool| assert_eq!(glob_matches(glob, name), expected, "{glob}");
        check("refs/heads/*", "refs/heads/feature/x", true);
        check("refs/heads/*", "refs/tags/v1", false);
        check("heads/release-*", "refs/heads/release-1", true);
        check("heads", "refs/heads/main", true);
        check("heads", "refs/headsmain", false);
        check("*", "refs/anything", true);
        check("*v1.?", "refs/tags/v1.2", true);
        check("refs/*a*b*c", "refs/xxaxxbxxbxxc", true);
        check("refs/*a*b*c", "refs/xxaxxbxxbxx", false);
    }
}
