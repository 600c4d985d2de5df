//! A difference as its template shows it, in one column or side by side.

use crate::diff_view::{DiffView, FileView, HunkView, LineView};
use crate::links::{NameLinks, path_link, percent};
use crate::markup::Html;
use crate::wire::lossy;
use model::{ObjectId, RepoName};

/// A difference, and how else it can be looked at.
pub(crate) struct DiffBlocks {
    pub(crate) is_split: bool,
    pub(crate) ignores_spaces: bool,
    pub(crate) totals: String,
    /// The same in one column, side by side, with and without spaces, and whole.
    pub(crate) unified_url: String,
    pub(crate) split_url: String,
    pub(crate) spaces_url: String,
    pub(crate) whole_url: Option<String>,
    pub(crate) left_out: Vec<String>,
    pub(crate) files: Vec<FileBlock>,
    /// The commits of both sides, for what looks up names in them.
    pub(crate) old_commit: String,
    pub(crate) new_commit: String,
}

/// Where a difference is shown and how it was asked for.
pub(crate) struct DiffPlace<'a> {
    pub(crate) repo: &'a RepoName,
    /// The page, without parameters.
    pub(crate) here: &'a str,
    pub(crate) is_split: bool,
    pub(crate) ignores_spaces: bool,
    pub(crate) only: Option<&'a [u8]>,
    pub(crate) old: Option<ObjectId>,
    pub(crate) new: ObjectId,
}

pub(crate) struct FileBlock {
    pub(crate) anchor: String,
    pub(crate) path: String,
    pub(crate) old_path: Option<String>,
    pub(crate) change: &'static str,
    /// The file after, or before where it is gone.
    pub(crate) url: Option<String>,
    pub(crate) n_added: usize,
    pub(crate) n_removed: usize,
    pub(crate) says: Option<&'static str>,
    /// It alone, where more of it is shown so.
    pub(crate) alone_url: Option<String>,
    pub(crate) hunks: Vec<HunkBlock>,
    /// What looks up the names of the old side, and of the new.
    pub(crate) old_names: Option<NameLinks>,
    pub(crate) new_names: Option<NameLinks>,
}

pub(crate) struct HunkBlock {
    pub(crate) header: String,
    pub(crate) lines: Vec<LineRow>,
    pub(crate) pairs: Vec<(Option<Cell>, Option<Cell>)>,
}

/// A line of one column.
pub(crate) struct LineRow {
    pub(crate) class: &'static str,
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) sign: char,
    pub(crate) cell: Cell,
}

/// A line of one side.
#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) class: &'static str,
    pub(crate) side: &'static str,
    pub(crate) number: usize,
    pub(crate) html: Html,
}

impl DiffBlocks {
    pub(crate) fn of(view: &DiffView, place: &DiffPlace<'_>) -> Self {
        let n_files = view.files.len();
        let with = |is_split: bool, ignores_spaces: bool, only: Option<&[u8]>| {
            let mut pairs = Vec::new();
            if is_split {
                pairs.push("view=split".to_owned());
            }
            if ignores_spaces {
                pairs.push("w=1".to_owned());
            }
            if let Some(only) = only {
                pairs.push(format!("file={}", percent::encode(only).replace('+', "%2B").replace('&', "%26")));
            }
            match (pairs.is_empty(), place.here.contains('?')) {
                (true, _) => place.here.to_owned(),
                (_, true) => format!("{}&{}", place.here, pairs.join("&")),
                (_, false) => format!("{}?{}", place.here, pairs.join("&")),
            }
        };
        let (split, spaces) = (place.is_split, place.ignores_spaces);
        let file = |(file, n): (&FileView, usize)| {
            let mut block = FileBlock::of(file, n, place);
            block.alone_url = file.has_more.then(|| with(split, spaces, Some(&file.path)));
            block
        };
        DiffBlocks {
            is_split: split,
            ignores_spaces: spaces,
            totals: format!(
                "{n_files} {}, +{} −{}",
                if n_files == 1 { "file" } else { "files" },
                view.n_added(),
                view.n_removed()
            ),
            unified_url: with(false, spaces, place.only),
            split_url: with(true, spaces, place.only),
            spaces_url: with(split, !spaces, place.only),
            whole_url: place.only.map(|_| with(split, spaces, None)),
            left_out: view.left_out.clone(),
            files: view.files.iter().zip(1..).map(file).collect(),
            old_commit: place.old.map_or(String::new(), |id| id.to_string()),
            new_commit: place.new.to_string(),
        }
    }
}

impl FileBlock {
    fn of(file: &FileView, number: usize, place: &DiffPlace<'_>) -> Self {
        let there = match file.change {
            "deleted" => place.old,
            _ => Some(place.new),
        };
        let url = there.map(|commit| path_link(place.repo, Some(&commit.to_string()), "blob", &file.path));
        let names = |commit: Option<ObjectId>, path: Option<&Vec<u8>>| {
            let path = path.unwrap_or(&file.path);
            commit.map(|commit| NameLinks::of(place.repo, Some(&commit.to_string()), path))
        };
        FileBlock {
            anchor: format!("file-{number}"),
            path: lossy(&file.path),
            old_path: file.old_path.as_deref().map(lossy),
            change: file.change,
            url,
            n_added: file.n_added,
            n_removed: file.n_removed,
            says: file.says,
            alone_url: None,
            hunks: file.hunks.iter().map(|hunk| HunkBlock::of(hunk, place.is_split)).collect(),
            old_names: names(place.old.filter(|_| file.change != "added"), file.old_path.as_ref()),
            new_names: names(Some(place.new).filter(|_| file.change != "deleted"), None),
        }
    }
}

impl HunkBlock {
    fn of(hunk: &HunkView, is_split: bool) -> Self {
        let (lines, pairs) = match is_split {
            true => (Vec::new(), pairs(&hunk.lines)),
            false => (hunk.lines.iter().map(LineRow::of).collect(), Vec::new()),
        };
        HunkBlock { header: hunk.header.clone(), lines, pairs }
    }
}

/// Lines side by side: what was removed beside what was added in its place.
fn pairs(lines: &[LineView]) -> Vec<(Option<Cell>, Option<Cell>)> {
    let mut pairs = Vec::new();
    let (mut gone, mut added): (Vec<Cell>, Vec<Cell>) = (Vec::new(), Vec::new());
    let flush = |gone: &mut Vec<Cell>, added: &mut Vec<Cell>, pairs: &mut Vec<_>| {
        let n_rows = gone.len().max(added.len());
        let (mut gone, mut added) = (gone.drain(..), added.drain(..));
        pairs.extend((0..n_rows).map(|_| (gone.next(), added.next())));
    };
    for line in lines {
        match line.sign() {
            '-' => gone.push(Cell::of(line)),
            '+' => added.push(Cell::of(line)),
            _ => {
                flush(&mut gone, &mut added, &mut pairs);
                let new = Cell::of(line);
                let old = Cell { side: "old", number: line.old.unwrap_or(0), ..new.clone() };
                pairs.push((Some(old), Some(new)));
            }
        }
    }
    flush(&mut gone, &mut added, &mut pairs);
    pairs
}

impl Cell {
    fn of(line: &LineView) -> Self {
        let (class, side, number) = match (line.old, line.new) {
            (Some(number), None) => ("del", "old", number),
            (None, Some(number)) => ("add", "new", number),
            (_, number) => ("", "new", number.unwrap_or(0)),
        };
        Cell { class, side, number, html: line.html.clone() }
    }
}

impl LineRow {
    fn of(line: &LineView) -> Self {
        let number = |number: Option<usize>| number.map_or(String::new(), |number| number.to_string());
        let cell = Cell::of(line);
        LineRow { class: cell.class, old: number(line.old), new: number(line.new), sign: line.sign(), cell }
    }
}
