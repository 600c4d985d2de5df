//! Commits and diffs: as Markdown in a code fence, with highlighted places in it.

use crate::text::code_points;
use model::ByteRange;
use search::{CommitMatch, DiffMatch};

/// Most bytes of a diff that are sent of one file.
const DIFF_BYTES_MAX: usize = 256 << 10;

/// A commit message or a diff as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitText {
    /// The text, without a fence.
    pub text: String,
    /// Line (from 0), column and length in code points.
    pub ranges: Vec<[usize; 3]>,
    /// What it is: `diff`, `COMMIT_EDITMSG`.
    pub language: &'static str,
}

/// A commit's message.
pub fn commit_text(found: &CommitMatch) -> CommitText {
    let mut ranges = Vec::new();
    let mut start = 0;
    for (line_idx, line) in found.message.split('\n').enumerate() {
        let end = start + line.len();
        for range in found.ranges.iter().filter(|range| range.start <= end && range.end > start) {
            let within: ByteRange = range.start.max(start) - start..range.end.min(end) - start;
            let (column, len) = code_points(line, &within);
            if len > 0 {
                ranges.push([line_idx, column, len]);
            }
        }
        start = end + 1;
    }
    CommitText { text: found.message.clone(), ranges, language: "COMMIT_EDITMSG" }
}

/// A file's change in a commit: the names before and after, then the hunks that hold matches.
pub fn diff_text(found: &DiffMatch) -> CommitText {
    let name = |path: &[u8]| String::from_utf8_lossy(path).replace(['\n', '\r'], "\u{fffd}");
    let after = name(&found.path);
    let before = found.old_path.as_deref().map_or_else(|| after.clone(), name);
    let mut text = match found.change {
        search::FileChange::Added => format!("/dev/null {after}"),
        search::FileChange::Deleted => format!("{before} /dev/null"),
        _ => format!("{before} {after}"),
    };
    let mut ranges = Vec::new();
    let mut n_lines = 1;
    for hunk in &found.hunks {
        if text.len() > DIFF_BYTES_MAX {
            break;
        }
        text.push('\n');
        text.push_str(&hunk.header);
        n_lines += 1;
        for (line, range) in &hunk.ranges {
            let Some(of) = hunk.lines.get(*line as usize) else { continue };
            let (column, len) = code_points(of, range);
            ranges.push([n_lines + *line as usize, column, len]);
        }
        for line in &hunk.lines {
            text.push('\n');
            text.push_str(line);
        }
        n_lines += hunk.lines.len();
    }
    CommitText { text, ranges, language: "diff" }
}

impl CommitText {
    /// The text in its fence, and the places in that: the fence is line 0. The fence is longer than any in the text.
    pub fn fenced(&self) -> (String, Vec<[usize; 3]>) {
        let longest = self.text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat((longest + 1).max(3));
        let content = format!("{fence}{}\n{}\n{fence}", self.language, self.text);
        (content, self.ranges.iter().map(|[line, column, len]| [line + 1, *column, *len]).collect())
    }
}

/// The first line of a message.
pub(super) fn subject(message: &str) -> &str {
    message.trim_start().lines().next().unwrap_or("")
}

/// Text that Markdown shows as it is.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '!' | '|' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
