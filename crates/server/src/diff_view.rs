//! What differs between two trees, file by file: for the pages of a commit and of a comparison, and for the API.

use crate::failure::Failure;
use crate::markup::{Html, code_line_marked};
use crate::words::changed_words;
use git::{ChangedFile, FileChangeKind, FileDiff, LineHunk, Reader, SideText, TextDiff};
use model::{ByteRange, ObjectId};
use search::Watch;
use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};
use syntax::HighlightLimits;

/// How many files are told.
const N_FILES_MAX: usize = 1_000;
/// How many lines are shown, of all files together; of one that is asked for alone.
const N_LINES_MAX: usize = 5_000;
const N_LINES_ALONE_MAX: usize = 50_000;
/// How many bytes of a line are shown.
const LINE_BYTES_MAX: usize = 2_000;
/// Largest side of a file that is compared; of one that is asked for alone.
const SIDE_BYTES_MAX: u64 = 1 << 20;
const SIDE_ALONE_BYTES_MAX: u64 = 8 << 20;
/// How long files are compared: thousands of large ones that hardly differ would take minutes.
pub(crate) const TIME_MAX: Duration = Duration::from_secs(10);
/// Of a page, how much text is coloured. The same for everybody; what comes after is plain.
const COLOURED_BYTES_MAX: usize = 2 << 20;
/// Unchanged lines around changed ones.
const CONTEXT: usize = 3;

/// How a difference is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiffWanted {
    /// Whether spaces count.
    pub(crate) ignores_spaces: bool,
    /// One file alone.
    pub(crate) only: Option<Vec<u8>>,
    /// Whether lines are coloured, and how long that may take for each file.
    pub(crate) colours: Option<Duration>,
}

/// What differs.
pub(crate) struct DiffView {
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
    /// Whether more of it is shown where it is asked for alone.
    pub(crate) has_more: bool,
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
    /// The same, coloured, with the words marked that changed.
    pub(crate) html: Html,
    /// Of a changed line, which words.
    words: Vec<ByteRange>,
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

impl DiffView {
    /// Compares two trees. Blocks, until the watch says that it is over at most.
    pub(crate) fn read(
        reader: &Reader,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        wanted: &DiffWanted,
        watch: &Watch,
    ) -> Result<DiffView, Failure> {
        let mut left_out = Vec::new();
        let mut changed = reader
            .changed_files(old, new, N_FILES_MAX, &|| watch.stop().is_some())
            .map_err(Failure::internal)?;
        if let Some(only) = &wanted.only {
            let is_renamed_away = changed.files.iter().any(|file| file.old_path.as_ref() == Some(only));
            changed.files.retain(|file| file.path == *only);
            if changed.files.is_empty() && !is_renamed_away {
                let beyond = reader.changed_at(old, new, only).map_err(Failure::internal)?;
                changed.files.extend(beyond);
            }
            if changed.files.is_empty() {
                return Err(Failure::NotFound);
            }
        }
        let is_alone = wanted.only.is_some();
        let n_lines_max = if is_alone { N_LINES_ALONE_MAX } else { N_LINES_MAX };
        let mut room = Room { n_lines: n_lines_max, n_coloured_bytes: COLOURED_BYTES_MAX };
        let read = |file| FileView::read(reader, file, wanted, &mut room, watch);
        let files: Vec<FileView> = changed.files.into_iter().map(read).collect();
        match changed.n_left_out + changed.n_unreadable {
            0 => {}
            _ if is_alone => {}
            1 => left_out.push("1 more changed file is not shown.".to_owned()),
            n_left_out => left_out.push(format!("{n_left_out} more changed files are not shown.")),
        }
        if changed.is_called_off {
            left_out.push("Time was up before all folders and renamed files were compared.".to_owned());
        }
        if room.n_lines == 0 {
            left_out.push(format!("Only the first {n_lines_max} lines are shown."));
        }
        Ok(DiffView { files, left_out })
    }

    pub(crate) fn n_added(&self) -> usize {
        self.files.iter().map(|file| file.n_added).sum()
    }

    pub(crate) fn n_removed(&self) -> usize {
        self.files.iter().map(|file| file.n_removed).sum()
    }
}

/// What a page has room for.
struct Room {
    n_lines: usize,
    n_coloured_bytes: usize,
}

impl FileView {
    fn read(
        reader: &Reader,
        file: ChangedFile,
        wanted: &DiffWanted,
        room: &mut Room,
        watch: &Watch,
    ) -> FileView {
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
            has_more: false,
            hunks: Vec::new(),
            path: Vec::new(),
            old_path: None,
        };
        let size_bytes_max = if wanted.only.is_some() { SIDE_ALONE_BYTES_MAX } else { SIDE_BYTES_MAX };
        if room.n_lines == 0 {
            (view.says, view.has_more) = (Some("Not shown: the page is full."), true);
        } else if watch.stop().is_some() {
            (view.says, view.has_more) = (Some("Not compared: time was up."), true);
        } else {
            match reader.diff(&file, size_bytes_max, &to_text) {
                FileDiff::Text(diff) => view.fill(diff, &file, wanted, room),
                FileDiff::Binary => view.says = Some("Not text."),
                FileDiff::TooLarge => {
                    (view.says, view.has_more) = (Some("Too large to be shown."), wanted.only.is_none());
                }
                FileDiff::Unreadable => view.says = Some("git cannot produce it."),
            }
        }
        (view.path, view.old_path) = (file.path, file.old_path);
        view
    }

    fn fill(&mut self, diff: TextDiff, file: &ChangedFile, wanted: &DiffWanted, room: &mut Room) {
        let has_hunks = !diff.hunks.is_empty();
        let diff = if wanted.ignores_spaces { diff.without_spaces() } else { diff };
        self.n_added = diff.hunks.iter().map(|hunk| hunk.new.len()).sum();
        self.n_removed = diff.hunks.iter().map(|hunk| hunk.old.len()).sum();
        match (diff.hunks.is_empty(), has_hunks) {
            (true, true) => self.says = Some("Only spaces changed."),
            (true, false) => self.says = Some("The content did not change."),
            _ => {}
        }
        let headings = diff.headings();
        let mut next = 0;
        while next < diff.hunks.len() && room.n_lines > 0 {
            let close = |pair: &[LineHunk]| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT;
            let n_joined = 1 + diff.hunks[next..].windows(2).take_while(|pair| close(pair)).count();
            let joined = &diff.hunks[next..next + n_joined];
            self.hunks.push(hunk(&diff, joined, headings[next], &mut room.n_lines));
            next += n_joined;
        }
        if next < diff.hunks.len() {
            self.says = Some("The rest is not shown: the page is full.");
            self.has_more = wanted.only.is_none();
        }
        if let Some(time_max) = wanted.colours {
            let old_path = file.old_path.as_ref().unwrap_or(&file.path);
            let lines = || self.hunks.iter().flat_map(|hunk| &hunk.lines);
            let old_lines: Vec<usize> =
                lines().filter(|line| line.new.is_none()).filter_map(|line| line.old).collect();
            let new_lines: Vec<usize> = lines().filter_map(|line| line.new).collect();
            let old = Coloured::of(&diff.old, old_path, &old_lines, time_max, room);
            let new = Coloured::of(&diff.new, &file.path, &new_lines, time_max, room);
            for line in self.hunks.iter_mut().flat_map(|hunk| &mut hunk.lines) {
                line.html = match (line.old, line.new) {
                    (Some(at), None) => old.line(at, line),
                    (_, Some(at)) => new.line(at, line),
                    _ => Html::default(),
                };
            }
        }
    }
}

/// A side of a file with its colours, those of the lines that are shown.
struct Coloured {
    text: String,
    lines: HashMap<usize, (ByteRange, Vec<syntax::Span>)>,
}

impl Coloured {
    fn of(side: &SideText, path: &[u8], shown: &[usize], time_max: Duration, room: &mut Room) -> Coloured {
        let bytes = side.range(0..side.len());
        let none = Coloured { text: String::new(), lines: HashMap::new() };
        if shown.is_empty() || bytes.len() > room.n_coloured_bytes {
            return none;
        }
        let Ok(text) = String::from_utf8(bytes.to_vec()) else { return none };
        room.n_coloured_bytes -= text.len();
        let language = syntax::detect_language(path, &text.as_bytes()[..text.len().min(syntax::HEAD_BYTES)]);
        let limits =
            HighlightLimits { deadline: Instant::now().checked_add(time_max), ..HighlightLimits::default() };
        let spans = syntax::highlight(language, &text, &limits).unwrap_or_default();
        let wanted: std::collections::HashSet<usize> = shown.iter().copied().collect();
        let lines = syntax::lines(&text, &spans)
            .filter(|line| wanted.contains(&line.number))
            .map(|line| (line.number, (line.range, line.spans)))
            .collect();
        Coloured { text, lines }
    }

    fn line(&self, number: usize, line: &LineView) -> Html {
        match self.lines.get(&number) {
            Some((range, spans)) => {
                code_line_marked(&self.text, range.clone(), spans, &line.words, LINE_BYTES_MAX)
            }
            None => code_line_marked(&line.text, 0..line.text.len(), &[], &line.words, usize::MAX),
        }
    }
}

fn hunk(diff: &TextDiff, hunks: &[LineHunk], heading: Option<&[u8]>, n_lines_left: &mut usize) -> HunkView {
    let (Some(first), Some(last)) = (hunks.first(), hunks.last()) else {
        return HunkView { header: String::new(), lines: Vec::new() };
    };
    let n_before = first.old.start.min(first.new.start).min(CONTEXT);
    let n_after = (diff.old.len() - last.old.end).min(diff.new.len() - last.new.end).min(CONTEXT);
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
        changed(diff, hunk, &mut lines);
        (old_at, new_at) = (hunk.old.end, hunk.new.end);
    }
    same(diff, &mut old_at, &mut new_at, old.end, &mut lines);
    lines.truncate(*n_lines_left);
    *n_lines_left -= lines.len();
    HunkView { header, lines }
}

fn line(old: Option<usize>, new: Option<usize>, text: String) -> LineView {
    LineView { old, new, text, html: Html::default(), words: Vec::new() }
}

/// The lines of a hunk; where as many were added as removed, each with the words that changed in it.
fn changed(diff: &TextDiff, hunk: &LineHunk, lines: &mut Vec<LineView>) {
    let at = lines.len();
    lines.extend(hunk.old.clone().map(|n| line(Some(n + 1), None, shown(&diff.old, n))));
    lines.extend(hunk.new.clone().map(|n| line(None, Some(n + 1), shown(&diff.new, n))));
    let n_old = hunk.old.len();
    if n_old != hunk.new.len() {
        return;
    }
    for n in 0..n_old {
        let (gone, added) = changed_words(&lines[at + n].text, &lines[at + n_old + n].text);
        (lines[at + n].words, lines[at + n_old + n].words) = (gone, added);
    }
}

/// Unchanged lines up to one of the text before.
fn same(diff: &TextDiff, old_at: &mut usize, new_at: &mut usize, end: usize, lines: &mut Vec<LineView>) {
    while *old_at < end {
        lines.push(line(Some(*old_at + 1), Some(*new_at + 1), shown(&diff.new, *new_at)));
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
    let limits = syntax::DecodeLimits { size_bytes_max: SIDE_ALONE_BYTES_MAX as usize };
    match syntax::decode(bytes, &limits) {
        syntax::Decoded::Text { utf8, .. } => Some(utf8.into_owned().into_bytes()),
        syntax::Decoded::Skipped(_) => None,
    }
}
