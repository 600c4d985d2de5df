//! What a found commit or change is shown as.

use super::ChangePart;
use super::lines::LineHit;
use super::run::HistoryRun;
use crate::batch::Context;
use crate::lines;
use crate::{CommitMatch, DiffMatch, FileChange, HunkMatch, Person};
use index::{ChangeKind, ChangedFile, ChangedHunk, CommitIdx, CommitRow, ReadError};
use model::ByteRange;

/// Messages of this length were cut when they were read.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Changed lines shown around one that matches.
const AROUND: u64 = 3;
/// Lines of a change that is shown without a match in it.
const LINES_WITHOUT_MATCH: u64 = 8;

/// A changed file with what was found in it.
pub(super) struct Changed<'a> {
    pub(super) file: &'a ChangedFile,
    /// The hunks of all files of the commit.
    pub(super) hunks: &'a [ChangedHunk],
    /// The commit's changed lines.
    pub(super) text: &'a [u8],
    /// Matches in this file's lines, ascending.
    pub(super) hits: &'a [LineHit],
    pub(super) n_lines: u64,
}

/// A commit as it is shown.
pub(super) fn commit(
    run: &HistoryRun<'_>,
    commit: CommitIdx,
    row: &CommitRow,
    message: &[u8],
    hits: &[lines::Hit],
) -> Result<CommitMatch, ReadError> {
    let lost = || ReadError::Damaged { section: "history", what: "a commit is in no table" };
    let table = &run.history.commit_part(commit).ok_or_else(lost)?.table;
    let person = |person, seconds, offset_minutes: i16| {
        let (name, email) = table.person(person)?;
        let (name, email) = (name.to_owned(), email.to_owned());
        Ok::<_, ReadError>(Person { name, email, seconds, offset_minutes: offset_minutes.into() })
    };
    let text = String::from_utf8_lossy(message);
    let is_faithful = matches!(text, std::borrow::Cow::Borrowed(_));
    let is_boundary =
        |range: &ByteRange| text.is_char_boundary(range.start) && text.is_char_boundary(range.end);
    let ranges = hits.iter().map(|(start, end)| *start..*end);
    let ranges = ranges.filter(|range| is_faithful && !range.is_empty() && is_boundary(range)).collect();
    Ok(CommitMatch {
        repo_id: run.repo.id,
        repo: run.repo.name.clone(),
        commit: row.id,
        refs: run.scope.refs_of(commit),
        author: person(row.author, row.author_seconds, row.offset_minutes.0)?,
        committer: person(row.committer, row.committer_seconds, row.offset_minutes.1)?,
        is_message_cut: message.len() >= MESSAGE_BYTES_MAX,
        message: text.into_owned(),
        ranges,
        score: row.committer_seconds as f64,
    })
}

/// A changed file as it is shown.
pub(super) fn diff(
    context: &Context<'_>,
    (run, commit): (&HistoryRun<'_>, CommitIdx),
    of: CommitMatch,
    part: &ChangePart,
    changed: &Changed<'_>,
) -> Result<DiffMatch, ReadError> {
    let file = changed.file;
    let before = run.history.first_parent(commit)?;
    let old_path = file.old_path.map(|old| part.table.path(old)).transpose()?;
    Ok(DiffMatch {
        path: part.table.path(file.path)?.to_vec(),
        old_path: old_path.map(<[u8]>::to_vec),
        change: match file.kind {
            ChangeKind::Added => FileChange::Added,
            ChangeKind::Modified => FileChange::Modified,
            ChangeKind::Deleted => FileChange::Deleted,
            ChangeKind::Renamed => FileChange::Renamed,
        },
        before,
        language: part.table.language(file.path)?,
        hunks: hunks(context, part, changed)?,
        n_lines: changed.n_lines,
        score: of.score,
        of,
    })
}

fn hunks(
    context: &Context<'_>,
    part: &ChangePart,
    changed: &Changed<'_>,
) -> Result<Vec<HunkMatch>, ReadError> {
    let starts = line_starts(changed.text);
    let mut n_left = context.limits.lines_per_file.min(context.plan.display).max(1);
    let mut shown = Vec::new();
    let own = changed.hunks.get(changed.file.hunks.clone()).unwrap_or_default();
    for hunk in own {
        let end = hunk.first_line + hunk.n_old + hunk.n_new;
        let first = changed.hits.partition_point(|hit| hit.line < hunk.first_line);
        let last = changed.hits.partition_point(|hit| hit.line < end);
        for (from, to) in pieces(hunk, end, &changed.hits[first..last]) {
            if n_left == 0 {
                return Ok(shown);
            }
            let hits = changed.hits[first..last].iter().filter(|hit| (from..to).contains(&hit.line));
            let hits: Vec<LineHit> = hits.copied().collect();
            let piece = piece(context, part, hunk, from..to, &hits, (changed.text, &starts))?;
            n_left = n_left.saturating_sub(piece.n_matching_lines());
            shown.push(piece);
        }
    }
    if let Some(hunk) = own.first().filter(|_| shown.is_empty()) {
        let end = (hunk.first_line + hunk.n_old + hunk.n_new).min(hunk.first_line + LINES_WITHOUT_MATCH);
        shown.push(piece(context, part, hunk, hunk.first_line..end, &[], (changed.text, &starts))?);
    }
    Ok(shown)
}

/// The runs of lines around matches, joined where they touch.
fn pieces(hunk: &ChangedHunk, end: u64, hits: &[LineHit]) -> Vec<(u64, u64)> {
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for hit in hits {
        let from = hit.line.saturating_sub(AROUND).max(hunk.first_line);
        let to = (hit.line + AROUND + 1).min(end);
        match pieces.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => pieces.push((from, to)),
        }
    }
    pieces
}

fn piece(
    context: &Context<'_>,
    part: &ChangePart,
    hunk: &ChangedHunk,
    lines: std::ops::Range<u64>,
    hits: &[LineHit],
    (text, starts): (&[u8], &[usize]),
) -> Result<HunkMatch, ReadError> {
    let first_added = hunk.first_line + hunk.n_old;
    let n_old = lines.end.min(first_added).saturating_sub(lines.start);
    let n_new = lines.end.saturating_sub(lines.start.max(first_added));
    // As git numbers them: an empty side stands at the line before.
    let at = |start: u64, skipped: u64, n: u64, n_all: u64| match (n, n_all) {
        (0, 0) => start,
        (0, _) => (start + skipped).saturating_sub(1),
        _ => start + skipped,
    };
    let old_start =
        at(hunk.old_start, lines.start.min(first_added).saturating_sub(hunk.first_line), n_old, hunk.n_old);
    let new_start = at(hunk.new_start, lines.start.saturating_sub(first_added), n_new, hunk.n_new);
    let mut header = format!("@@ -{} +{} @@", span(old_start, n_old), span(new_start, n_new));
    if let Some(heading) = hunk.heading {
        header.push(' ');
        header.push_str(&String::from_utf8_lossy(part.table.heading(heading)?));
    }
    let mut shown = HunkMatch { header, lines: Vec::new(), ranges: Vec::new() };
    for (line, number) in lines.zip(0u32..) {
        let bounds = (starts.get(line as usize), starts.get(line as usize + 1));
        let (Some(start), Some(end)) = bounds else { break };
        let line_text = text.get(*start..*end).unwrap_or_default();
        let line_text = line_text.strip_suffix(b"\n").unwrap_or(line_text);
        let ranges = hits.iter().filter(|hit| hit.line == line).map(|hit| hit.start..hit.end).collect();
        let cut = lines::line_match(0, line_text, ranges, context.limits.line_bytes.max(16));
        let sign = if line < first_added { '-' } else { '+' };
        shown.ranges.extend(cut.ranges.iter().map(|range| (number, range.start + 1..range.end + 1)));
        shown.lines.push(format!("{sign}{}", cut.text.strip_suffix('\r').unwrap_or(&cut.text)));
    }
    Ok(shown)
}

/// `12,3`, as git writes it.
fn span(start: u64, n: u64) -> String {
    if n == 1 { start.to_string() } else { format!("{start},{n}") }
}

/// Where each line begins, and the end.
fn line_starts(text: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    starts.extend(memchr::memchr_iter(b'\n', text).map(|at| at + 1));
    if starts.last() != Some(&text.len()) {
        starts.push(text.len());
    }
    starts
}
