//! A commit with what it changed, read from git for its page and for the API.

use crate::failure::Failure;
use git::{ChangedFile, Commit, FileChangeKind, FileDiff, LineHunk, Reader, SideText, TextDiff};
use model::ObjectId;
use search::Watch;
use std::ops::Range;
use std::time::Duration;

/// How many files are told.
const N_FILES_MAX: usize = 1_000;
/// How many lines are shown, of all files together.
const N_LINES_MAX: usize = 5_000;
/// How many bytes of a line are shown.
const LINE_BYTES_MAX: usize = 2_000;
/// Largest side of a file that is compared.
const SIDE_BYTES_MAX: u64 = 1 << 20;
/// How long files are compared: thousands of large ones that hardly differ would take minutes.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(10);
/// Unchanged lines around changed ones.
const CONTEXT: usize = 3;

/// A commit and its changes against its first parent.
pub(crate) struct CommitView {
    pub(crate) commit: Commit,
    pub(crate) files: Vec<FileView>,
    /// What is not shown, in sentences.
    pub(crate) left_out: Vec<String>,
}

/// A changed file.
pub(crate) struct FileView {
    pub(crate) change: &'static str,
    pub(crate) path: Vec<u8>,
    pub(crate) old_path: Option<Vec<u8>>,
    pub(crate) n_added: usize,
    pub(crate) n_removed: usize,
    /// Why no lines are shown, where none are.
    pub(crate) says: Option<&'static str>,
    pub(crate) hunks: Vec<HunkView>,
}

/// A run of lines.
pub(crate) struct HunkView {
    pub(crate) header: String,
    pub(crate) lines: Vec<LineView>,
}

/// A line: unchanged where it has both numbers.
pub(crate) struct LineView {
    pub(crate) old: Option<usize>,
    pub(crate) new: Option<usize>,
    pub(crate) text: String,
}

impl LineView {
    /// `+`, `-` or a space.
    pub(crate) fn sign(&self) -> char {
        match (self.old, self.new) {
            (Some(_), None) => '-',
            (None, Some(_)) => '+',
            _ => ' ',
        }
    }
}

impl CommitView {
    /// Reads a commit. Blocks, until the watch says that it is over at most. Not found where there is none of this id.
    pub(crate) fn read(
        repository: &git::Repository,
        id: &[u8],
        watch: &Watch,
    ) -> Result<CommitView, Failure> {
        let id = std::str::from_utf8(id).ok().and_then(|id| ObjectId::from_hex(id).ok());
        let id = id.ok_or(Failure::NotFound)?;
        let reader = repository.reader();
        let commit = reader.commit(id).map_err(|_| Failure::NotFound)?;
        let parent = commit.parents.first().and_then(|parent| reader.commit(*parent).ok());
        let mut left_out = Vec::new();
        if parent.is_none() && !commit.parents.is_empty() {
            left_out.push("The parent is not in this repository, so everything looks new.".to_owned());
        }
        let changed = reader
            .changed_files(parent.map(|parent| parent.tree), Some(commit.tree), N_FILES_MAX, &|| {
                watch.stop().is_some()
            })
            .map_err(Failure::internal)?;
        let mut n_lines_left = N_LINES_MAX;
        let read = |file| FileView::read(&reader, file, &mut n_lines_left, watch);
        let files: Vec<FileView> = changed.files.into_iter().map(read).collect();
        match changed.n_left_out + changed.n_unreadable {
            0 => {}
            1 => left_out.push("1 more changed file is not shown.".to_owned()),
            n_left_out => left_out.push(format!("{n_left_out} more changed files are not shown.")),
        }
        if changed.is_called_off {
            left_out.push("Time was up before all folders and renamed files were compared.".to_owned());
        }
        if n_lines_left == 0 {
            left_out.push(format!("Only the first {N_LINES_MAX} lines are shown."));
        }
        Ok(CommitView { commit, files, left_out })
    }

    pub(crate) fn n_added(&self) -> usize {
        self.files.iter().map(|file| file.n_added).sum()
    }

    pub(crate) fn n_removed(&self) -> usize {
        self.files.iter().map(|file| file.n_removed).sum()
    }
}

impl FileView {
    fn read(reader: &Reader, file: ChangedFile, n_lines_left: &mut usize, watch: &Watch) -> FileView {
        let mut view = FileView {
            change: match file.kind {
                FileChangeKind::Added => "added",
                FileChangeKind::Modified => "modified",
                FileChangeKind::Deleted => "deleted",
                FileChangeKind::Renamed => "renamed",
            },
            n_added: 0,
            n_removed: 0,
            says: None,
            hunks: Vec::new(),
            path: Vec::new(),
            old_path: None,
        };
        if *n_lines_left == 0 {
            view.says = Some("Not shown: the page is full.");
        } else if watch.stop().is_some() {
            view.says = Some("Not compared: time was up.");
        } else {
            match reader.diff(&file, SIDE_BYTES_MAX, &to_text) {
                FileDiff::Text(diff) => view.fill(&diff, n_lines_left),
                FileDiff::Binary => view.says = Some("Not text."),
                FileDiff::TooLarge => view.says = Some("Too large to be shown."),
                FileDiff::Unreadable => view.says = Some("git cannot produce it."),
            }
        }
        (view.path, view.old_path) = (file.path, file.old_path);
        view
    }

    fn fill(&mut self, diff: &TextDiff, n_lines_left: &mut usize) {
        self.n_added = diff.hunks.iter().map(|hunk| hunk.new.len()).sum();
        self.n_removed = diff.hunks.iter().map(|hunk| hunk.old.len()).sum();
        if diff.hunks.is_empty() {
            self.says = Some("The content did not change.");
        }
        let headings = diff.headings();
        let mut next = 0;
        while next < diff.hunks.len() && *n_lines_left > 0 {
            let close = |pair: &[LineHunk]| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT;
            let n_joined = 1 + diff.hunks[next..].windows(2).take_while(|pair| close(pair)).count();
            let joined = &diff.hunks[next..next + n_joined];
            self.hunks.push(hunk(diff, joined, headings[next], n_lines_left));
            next += n_joined;
        }
        if next < diff.hunks.len() {
            self.says = Some("The rest is not shown: the page is full.");
        }
    }
}

fn hunk(diff: &TextDiff, hunks: &[LineHunk], heading: Option<&[u8]>, n_lines_left: &mut usize) -> HunkView {
    let (Some(first), Some(last)) = (hunks.first(), hunks.last()) else {
        return HunkView { header: String::new(), lines: Vec::new() };
    };
    let n_before = first.old.start.min(CONTEXT);
    let n_after = (diff.old.len() - last.old.end).min(CONTEXT);
    let old = first.old.start - n_before..last.old.end + n_after;
    let new = first.new.start - n_before..last.new.end + n_after;
    let span = |lines: &Range<usize>| {
        let start = lines.start + usize::from(!lines.is_empty());
        if lines.len() == 1 { start.to_string() } else { format!("{start},{}", lines.len()) }
    };
    let mut header = format!("@@ -{} +{} @@", span(&old), span(&new));
    if let Some(heading) = heading {
        header.push_str(&format!(" {}", String::from_utf8_lossy(heading)));
    }
    let mut lines = Vec::new();
    let (mut old_at, mut new_at) = (old.start, new.start);
    for hunk in hunks {
        same(diff, &mut old_at, &mut new_at, hunk.old.start, &mut lines);
        lines.extend(hunk.old.clone().map(|line| LineView {
            old: Some(line + 1),
            new: None,
            text: shown(&diff.old, line),
        }));
        lines.extend(hunk.new.clone().map(|line| LineView {
            old: None,
            new: Some(line + 1),
            text: shown(&diff.new, line),
        }));
        (old_at, new_at) = (hunk.old.end, hunk.new.end);
    }
    same(diff, &mut old_at, &mut new_at, old.end, &mut lines);
    lines.truncate(*n_lines_left);
    *n_lines_left -= lines.len();
    HunkView { header, lines }
}

/// Unchanged lines up to one of the text before.
fn same(diff: &TextDiff, old_at: &mut usize, new_at: &mut usize, end: usize, lines: &mut Vec<LineView>) {
    while *old_at < end {
        let text = shown(&diff.old, *old_at);
        lines.push(LineView { old: Some(*old_at + 1), new: Some(*new_at + 1), text });
        (*old_at, *new_at) = (*old_at + 1, *new_at + 1);
    }
}

fn shown(side: &SideText, line: usize) -> String {
    let line = side.line(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = String::from_utf8_lossy(&line[..line.len().min(LINE_BYTES_MAX)]).into_owned();
    if line.len() > LINE_BYTES_MAX { format!("{text}…") } else { text }
}

pub(crate) fn to_text(bytes: &[u8]) -> Option<Vec<u8>> {
    let limits = syntax::DecodeLimits { size_bytes_max: SIDE_BYTES_MAX as usize };
    match syntax::decode(bytes, &limits) {
        syntax::Decoded::Text { utf8, .. } => Some(utf8.into_owned().into_bytes()),
        syntax::Decoded::Skipped(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use search::CancelToken;
    use std::time::Instant;
    use testkit::git::GitWorld;

    #[test]
    fn a_page_that_nobody_waits_for_compares_nothing() {
        let world = GitWorld::new();
        let repo = world.repo("a");
        let one = |text: &'static [u8]| [("a.txt", text), ("b/c.txt", text)];
        repo.commit_files("main", &one(b"a\n"));
        let id = repo.commit_files("main", &one(b"b\n")).to_string();
        let opened = git::Repository::open(repo.path(), &git::OpenOptions::default()).expect("a repository");
        let token = CancelToken::new();
        let read = |watch: &Watch| match CommitView::read(&opened, id.as_bytes(), watch) {
            Ok(view) => view,
            Err(_) => panic!("it is a commit"),
        };
        let watch = Watch::new(token.clone(), None);
        let whole = read(&watch);
        assert_eq!((whole.n_added(), whole.files.len(), &whole.left_out[..]), (2, 2, &[][..]));
        token.cancel();
        let cut = read(&watch);
        assert_eq!((cut.n_added(), cut.left_out.len()), (0, 1));
        // Out of time is the same as alone.
        assert_eq!(read(&Watch::new(CancelToken::new(), Some(Instant::now()))).left_out, cut.left_out);
    }
}
