//! Who last changed each line of a file.
//!
//! The method is git's: lines are handed from a commit to its parents as long as they stand there too, newest commits
//! first; what no parent has is the commit's own. Files are followed through renames. Lines are compared as everywhere here
//! ([`TextDiff`]), so where several answers are right this one may differ from `git blame`'s, but not from our own diffs.

mod ahead;

use crate::path_at::{PathAt, Stand, Steps};
use crate::{EntryKind, IsOver, ObjectError, Reader, SideText, TextDiff, ToText};
use ahead::Ahead;
use model::ObjectId;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;

/// How often whole trees are compared to find where a file came from.
const RENAMES_MAX: usize = 64;
/// Of a merge, parents that are asked.
const PARENTS_MAX: usize = 16;
/// Texts kept between a commit and its parents.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// Commits between two looks whether it was called off.
const OVER_STEP: usize = 16;

/// What is asked.
#[derive(Clone, Debug)]
pub struct BlameAsked<'a> {
    /// The commit whose version of the file is looked at.
    pub tip: ObjectId,
    /// The file.
    pub path: &'a [u8],
    /// Largest version that is compared, in bytes.
    pub size_bytes_max: u64,
    /// Commits whose changes are looked through: who only moved code about is not asked about it.
    pub ignored: &'a HashSet<ObjectId>,
    /// What it may cost.
    pub limits: BlameLimits,
}

/// What one blame may cost. Not a time: the same question has the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlameLimits {
    /// How many commits are looked at.
    pub n_commits_max: usize,
    /// How many bytes of versions are compared.
    pub n_compared_bytes_max: u64,
}

impl Default for BlameLimits {
    /// Some fifteen seconds of reading commits and their trees, and some ten of inflating versions.
    fn default() -> Self {
        BlameLimits { n_commits_max: 500_000, n_compared_bytes_max: 4 << 30 }
    }
}

/// A file's lines by commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blame {
    /// Runs of lines that stood together in the same commit, in the order of the file; they cover it.
    pub runs: Vec<BlameRun>,
    /// The paths that the file has had; [`BlameRun::path`] counts in it.
    pub paths: Vec<Vec<u8>>,
    /// How many lines there are.
    pub n_lines: usize,
    /// Whether a limit was hit, or it was called off: then runs marked [`BlameRun::is_unsure`] may be older than they are said to be.
    pub is_cut: bool,
}

/// Lines that came with one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlameRun {
    /// The lines, counted from 0.
    pub lines: Range<usize>,
    /// The commit they came with.
    pub commit: ObjectId,
    /// Where the first of them stood in that commit, counted from 0.
    pub line_there: usize,
    /// Which path the file had there.
    pub path: usize,
    /// The parent that had another version of the file, and its path there: what stood there before.
    pub before: Option<(ObjectId, usize)>,
    /// Whether a commit that is looked through lies between, so that the line may be only nearly the same.
    pub is_through: bool,
    /// Whether the search ended before it was known.
    pub is_unsure: bool,
}

/// Why lines cannot be attributed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlameError {
    /// There is no file of text at the path.
    #[error("there is no text at this path")]
    NotText,
    /// The commit or the file cannot be read, or is larger than the limit.
    #[error("the file cannot be read: {source}")]
    Start {
        /// What is wrong with it.
        #[from]
        source: ObjectError,
    },
}

/// Lines on their way down.
#[derive(Clone, Debug)]
struct Part {
    /// Their place in the file that was asked about.
    lines: Range<usize>,
    /// Where they begin in the version at hand.
    there: usize,
    is_through: bool,
}

/// A version of the file that may be where lines come from.
#[derive(Debug, Default)]
struct Suspect {
    parts: Vec<Part>,
}

type Key = (ObjectId, usize);

struct BlameWalk<'a> {
    reader: &'a Reader,
    asked: &'a BlameAsked<'a>,
    to_text: &'a ToText<'a>,
    paths: Vec<(Vec<u8>, PathAt)>,
    suspects: HashMap<Key, Suspect>,
    steps: Steps,
    queue: BinaryHeap<(i64, std::cmp::Reverse<u64>, Key)>,
    n_met: u64,
    texts: HashMap<ObjectId, Option<Rc<SideText>>>,
    n_kept_bytes: usize,
    n_compared_bytes: u64,
    ahead: &'a Ahead,
    n_renames_left: usize,
    runs: BTreeMap<usize, BlameRun>,
}

impl Reader {
    /// Tells for each line of a file which commit it came with. `to_text` makes the text whose lines are counted; `is_over` is
    /// asked from time to time.
    pub fn blame(
        &self,
        asked: &BlameAsked<'_>,
        to_text: &ToText<'_>,
        is_over: &IsOver<'_>,
    ) -> Result<Blame, BlameError> {
        let ahead = Ahead::default();
        let other = self.clone();
        std::thread::scope(|scope| {
            // Without a second thread it takes longer and is the same.
            let reading = std::thread::Builder::new().name("blame-ahead".to_owned());
            let _ = reading.spawn_scoped(scope, || {
                let other = other;
                ahead.run(&other, asked.size_bytes_max);
            });
            let blame = self.blame_beside(asked, to_text, is_over, &ahead);
            ahead.end();
            blame
        })
    }

    fn blame_beside(
        &self,
        asked: &BlameAsked<'_>,
        to_text: &ToText<'_>,
        is_over: &IsOver<'_>,
        ahead: &Ahead,
    ) -> Result<Blame, BlameError> {
        let mut walk = BlameWalk::new(self, asked, to_text, ahead);
        let tree = self.step(asked.tip)?.tree;
        let stand = walk.paths[0].1.find(self, tree).unwrap_or(None);
        let Some((_, id)) = stand.filter(|stand| is_file(*stand)) else { return Err(BlameError::NotText) };
        let mut bytes = Vec::new();
        self.read_blob(id, asked.size_bytes_max, &mut bytes)?;
        let text = Rc::new(SideText::new(to_text(&bytes).ok_or(BlameError::NotText)?));
        let n_lines = text.len();
        walk.keep(id, Some(text));
        if n_lines > 0 {
            ahead.begin(asked.tip, asked.path);
            walk.hand((asked.tip, 0), vec![Part { lines: 0..n_lines, there: 0, is_through: false }]);
        }
        let mut n_steps = 0usize;
        let mut is_cut = false;
        while let Some((_, _, key)) = walk.queue.pop() {
            let Some(suspect) = walk.suspects.remove(&key) else { continue };
            n_steps += 1;
            let is_spent = n_steps > asked.limits.n_commits_max
                || walk.n_compared_bytes > asked.limits.n_compared_bytes_max;
            is_cut = is_cut || is_spent || (n_steps.is_multiple_of(OVER_STEP) && is_over());
            match is_cut {
                true => walk.blame(key, suspect.parts, None, true),
                false => walk.visit(key, suspect.parts, is_over),
            }
        }
        Ok(Blame {
            runs: joined(walk.runs.into_values()),
            paths: walk.paths.into_iter().map(|(path, _)| path).collect(),
            n_lines,
            is_cut,
        })
    }
}

impl<'a> BlameWalk<'a> {
    fn new(reader: &'a Reader, asked: &'a BlameAsked<'a>, to_text: &'a ToText<'a>, ahead: &'a Ahead) -> Self {
        BlameWalk {
            reader,
            asked,
            to_text,
            paths: vec![(asked.path.to_vec(), PathAt::new(asked.path))],
            suspects: HashMap::new(),
            steps: Steps::default(),
            queue: BinaryHeap::new(),
            n_met: 0,
            texts: HashMap::new(),
            n_kept_bytes: 0,
            n_compared_bytes: 0,
            ahead,
            n_renames_left: RENAMES_MAX,
            runs: BTreeMap::new(),
        }
    }

    /// Lets a version answer for lines.
    fn hand(&mut self, key: Key, parts: Vec<Part>) {
        if parts.is_empty() {
            return;
        }
        let is_new = !self.suspects.contains_key(&key);
        self.suspects.entry(key).or_default().parts.extend(parts);
        if is_new {
            let seconds = self.steps.get(self.reader, key.0).map_or(i64::MIN, |step| step.seconds);
            self.n_met += 1;
            self.queue.push((seconds, std::cmp::Reverse(self.n_met), key));
        }
    }

    fn blame(&mut self, key: Key, parts: Vec<Part>, before: Option<Key>, is_unsure: bool) {
        for part in parts {
            let run = BlameRun {
                lines: part.lines.clone(),
                commit: key.0,
                line_there: part.there,
                path: key.1,
                before,
                is_through: part.is_through,
                is_unsure,
            };
            self.runs.insert(part.lines.start, run);
        }
    }

    fn at(&mut self, path: usize, tree: ObjectId) -> Option<ObjectId> {
        let stand = self.paths[path].1.find(self.reader, tree).unwrap_or(None);
        stand.filter(|stand| is_file(*stand)).map(|(_, id)| id)
    }

    /// Hands the lines of a version on to the parents that have them; the others are its own.
    fn visit(&mut self, key: Key, parts: Vec<Part>, is_over: &IsOver<'_>) {
        let Ok(step) = self.steps.get(self.reader, key.0) else { return self.blame(key, parts, None, false) };
        let Some(id) = self.at(key.1, step.tree) else { return self.blame(key, parts, None, false) };
        let mut parents = Vec::new();
        for parent in step.parents.iter().take(PARENTS_MAX) {
            let Ok(tree) = self.steps.get(self.reader, *parent).map(|step| step.tree) else { continue };
            let old = self.at(key.1, tree);
            if old == Some(id) {
                return self.hand((*parent, key.1), parts);
            }
            parents.push((*parent, tree, old.map(|old| (key.1, old))));
        }
        if parents.iter().all(|(.., old)| old.is_none()) {
            for (parent, tree, old) in &mut parents {
                *old = self.came_from(key.1, *tree, step.tree, is_over);
                if let Some((path, _)) = *old {
                    self.ahead.begin(*parent, &self.paths[path].0);
                }
            }
            if let Some((parent, _, Some((path, _)))) =
                parents.iter().find(|(.., old)| old.is_some_and(|(_, old)| old == id))
            {
                return self.hand((*parent, *path), parts);
            }
        }
        let before = parents.iter().find_map(|(parent, _, old)| old.map(|(path, _)| (*parent, path)));
        let Some(text) = self.text(id) else { return self.blame(key, parts, before, false) };
        let mut rest = parts;
        let mut through = None;
        for (parent, _, old) in parents {
            let Some((path, old)) = old else { continue };
            let Some(old_text) = self.text(old) else { continue };
            let hunks = TextDiff::near_hunks(&old_text, &text);
            let (passed, own) = split(rest, &hunks);
            self.hand((parent, path), passed);
            rest = own;
            if through.is_none() && self.asked.ignored.contains(&key.0) {
                through = Some(((parent, path), hunks));
            }
            if rest.is_empty() {
                return;
            }
        }
        if let Some((parent, hunks)) = through {
            let (passed, own) = look_through(rest, &hunks);
            self.hand(parent, passed);
            rest = own;
        }
        self.blame(key, rest, before, false);
    }

    fn came_from(
        &mut self,
        path: usize,
        old_tree: ObjectId,
        new_tree: ObjectId,
        is_over: &IsOver<'_>,
    ) -> Option<(usize, ObjectId)> {
        self.n_renames_left = self.n_renames_left.checked_sub(1)?;
        let (from, old) = self.reader.renamed_from(old_tree, new_tree, &self.paths[path].0, is_over)?;
        let (_, id) = old.filter(|stand| is_file(*stand))?;
        let known = self.paths.iter().position(|(path, _)| *path == from);
        let idx = known.unwrap_or_else(|| {
            self.paths.push((from.clone(), PathAt::new(&from)));
            self.paths.len() - 1
        });
        Some((idx, id))
    }

    /// A version's text; `None` where it cannot be had: then nothing is known of what was before.
    fn text(&mut self, id: ObjectId) -> Option<Rc<SideText>> {
        if let Some(text) = self.texts.get(&id) {
            return text.clone();
        }
        let version = self.ahead.take(id).unwrap_or_else(|| {
            let mut bytes = Vec::new();
            self.reader.read_blob(id, self.asked.size_bytes_max, &mut bytes).map(|()| bytes)
        });
        self.n_compared_bytes += version.as_ref().map_or(0, Vec::len) as u64;
        let text = version.ok().and_then(|bytes| (self.to_text)(&bytes));
        let text = text.map(|text| Rc::new(SideText::new(text)));
        self.keep(id, text.clone());
        text
    }

    fn keep(&mut self, id: ObjectId, text: Option<Rc<SideText>>) {
        if self.n_kept_bytes > KEPT_BYTES_MAX {
            self.texts.clear();
            self.n_kept_bytes = 0;
        }
        self.n_kept_bytes += text.as_ref().map_or(0, |text| text.size_bytes());
        self.texts.insert(id, text);
    }
}

fn is_file((kind, _): Stand) -> bool {
    matches!(kind, EntryKind::File | EntryKind::Executable | EntryKind::Symlink)
}

/// Cuts parts at the hunks of a diff: what stood in the text before, with its lines there; and what did not.
fn split(mut parts: Vec<Part>, hunks: &[crate::LineHunk]) -> (Vec<Part>, Vec<Part>) {
    parts.sort_by_key(|part| part.there);
    let (mut passed, mut own) = (Vec::new(), Vec::new());
    let mut hunk_idx = 0;
    for part in parts {
        let end = part.there + part.lines.len();
        let mut at = part.there;
        let piece = |from: usize, to: usize, there: usize| Part {
            lines: part.lines.start + (from - part.there)..part.lines.start + (to - part.there),
            there,
            is_through: part.is_through,
        };
        while hunk_idx > 0 && hunks[hunk_idx - 1].new.end > at {
            hunk_idx -= 1;
        }
        while at < end {
            while hunks.get(hunk_idx).is_some_and(|hunk| hunk.new.end <= at) {
                hunk_idx += 1;
            }
            // Lines between two hunks are as far apart in both texts as at the end of the hunk before.
            let before =
                hunk_idx.checked_sub(1).map_or((0, 0), |idx| (hunks[idx].new.end, hunks[idx].old.end));
            let hunk = hunks.get(hunk_idx);
            let begin = hunk.map_or(usize::MAX, |hunk| hunk.new.start);
            if at < begin {
                let to = end.min(begin);
                passed.push(piece(at, to, at - before.0 + before.1));
                at = to;
            } else {
                let to = end.min(hunk.map_or(end, |hunk| hunk.new.end));
                own.push(piece(at, to, at));
                at = to;
            }
        }
    }
    (passed, own)
}

/// Of lines that a commit changed, those that replaced others: each is taken for the one in its place.
fn look_through(parts: Vec<Part>, hunks: &[crate::LineHunk]) -> (Vec<Part>, Vec<Part>) {
    let (mut passed, mut own) = (Vec::new(), Vec::new());
    for part in parts {
        for (offset, line) in part.lines.clone().enumerate() {
            let there = part.there + offset;
            let at = hunks.partition_point(|hunk| hunk.new.end <= there);
            let one = |there, is_through| Part { lines: line..line + 1, there, is_through };
            match hunks.get(at).filter(|hunk| hunk.new.contains(&there) && !hunk.old.is_empty()) {
                Some(hunk) => {
                    let offset = (there - hunk.new.start).min(hunk.old.len() - 1);
                    passed.push(one(hunk.old.start + offset, true));
                }
                None => own.push(one(there, part.is_through)),
            }
        }
    }
    (passed, own)
}

/// Joins runs that follow each other here and there.
fn joined(runs: impl Iterator<Item = BlameRun>) -> Vec<BlameRun> {
    let mut joined: Vec<BlameRun> = Vec::new();
    for run in runs {
        let follows = |last: &BlameRun| {
            last.lines.end == run.lines.start
                && (last.commit, last.path, last.is_through, last.is_unsure)
                    == (run.commit, run.path, run.is_through, run.is_unsure)
                && last.line_there + last.lines.len() == run.line_there
        };
        match joined.last_mut() {
            Some(last) if follows(last) => last.lines.end = run.lines.end,
            _ => joined.push(run),
        }
    }
    joined
}
