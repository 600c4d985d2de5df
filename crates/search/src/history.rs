//! The history of a repository, opened: what commit and diff search looks at.
//!
//! Tables cover runs of commit numbers. Commit tables cover all of them; change tables are added newest first while the
//! history is being built, so that there may be gaps.

mod contributors;
mod drive;
mod lines;
mod part;
mod plan;
mod run;
mod scope;
mod show;

pub(crate) use contributors::with_contributors;
pub(crate) use drive::{HistoryGaps, drive};
pub(crate) use plan::{CommitCondition, HistoryPlan};

use index::{
    BlobIdx, BlockBitmap, ChangeState, ChangeTable, CommitChanges, CommitIdx, CommitTable, ReadError,
    Segment, Tip, Tips,
};
use model::ObjectId;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Commits whose changes are read between two looks at the clock: some hundred microseconds.
const COMMITS_PER_LOOK: u32 = 256;

/// A run of commits with their messages.
#[derive(Debug)]
pub struct CommitPart {
    /// The commits.
    pub table: CommitTable,
    /// The messages, the newest first.
    pub messages: Segment,
}

/// A run of commits with their changed lines.
#[derive(Debug)]
pub struct ChangePart {
    /// What changed.
    pub table: ChangeTable,
    /// The lines, the newest commit's first.
    pub lines: Segment,
    /// The commits of which not everything that changed is among the lines; found out when it is first asked.
    untold: OnceLock<Vec<CommitIdx>>,
}

/// A repository's history: everything a search needs, opened from one manifest, never changed.
#[derive(Debug)]
pub struct History {
    tips: Tips,
    commits: Vec<Arc<CommitPart>>,
    changes: Vec<Arc<ChangePart>>,
    /// What the default ref reaches, and what any ref does.
    default_scope: OnceLock<Arc<BlockBitmap>>,
    whole_scope: OnceLock<Arc<BlockBitmap>>,
    youngest: OnceLock<Option<i64>>,
}

impl CommitPart {
    /// The blob that holds a commit's message.
    pub fn blob_of(&self, commit: CommitIdx) -> BlobIdx {
        BlobIdx(self.table.range().end.saturating_sub(1 + commit.0))
    }
}

impl ChangePart {
    /// Puts a table and its lines together.
    pub fn new(table: ChangeTable, lines: Segment) -> ChangePart {
        ChangePart { table, lines, untold: OnceLock::new() }
    }

    /// The commits of which not everything that changed is among the lines. `None` where `is_over` says so meanwhile.
    pub(crate) fn untold(&self, is_over: &dyn Fn() -> bool) -> Result<Option<&[CommitIdx]>, ReadError> {
        if let Some(untold) = self.untold.get() {
            return Ok(Some(untold));
        }
        let (mut untold, mut changes) = (Vec::new(), CommitChanges::default());
        for number in self.table.range() {
            if number.is_multiple_of(COMMITS_PER_LOOK) && is_over() {
                return Ok(None);
            }
            self.table.changes(CommitIdx(number), &mut changes)?;
            let has_all = changes.files.iter().all(|file| file.state == ChangeState::Lines);
            if !has_all || changes.n_files_left_out > 0 {
                untold.push(CommitIdx(number));
            }
        }
        Ok(Some(self.untold.get_or_init(|| untold)))
    }

    /// The blob that holds a commit's changed lines.
    pub fn blob_of(&self, commit: CommitIdx) -> BlobIdx {
        BlobIdx(self.table.range().end.saturating_sub(1 + commit.0))
    }
}

impl History {
    /// Puts opened files together, tables in ascending order. Refuses what does not fit together.
    pub fn new(
        tips: Tips,
        commits: Vec<Arc<CommitPart>>,
        changes: Vec<Arc<ChangePart>>,
    ) -> Result<History, ReadError> {
        let wrong = |what| ReadError::Damaged { section: "history", what };
        let mut next = 0;
        for part in &commits {
            let range = part.table.range();
            if range.start != next || part.messages.n_blobs() as usize != range.len() {
                return Err(wrong("its commit tables do not follow each other"));
            }
            next = range.end;
        }
        if next != tips.n_commits() {
            return Err(wrong("it has another number of commits than its refs were told"));
        }
        let mut last_end = 0;
        for part in &changes {
            let range = part.table.range();
            let fits = range.start >= last_end && range.end <= next;
            if !fits || part.lines.n_blobs() as usize != range.len() {
                return Err(wrong("its change tables do not follow each other"));
            }
            last_end = range.end;
        }
        Ok(History {
            tips,
            commits,
            changes,
            default_scope: OnceLock::new(),
            whole_scope: OnceLock::new(),
            youngest: OnceLock::new(),
        })
    }

    /// How many commits there are.
    pub fn n_commits(&self) -> u32 {
        self.tips.n_commits()
    }

    /// Of how many commits the changed lines are there.
    pub fn n_done(&self) -> u32 {
        self.changes.iter().map(|part| part.table.range().len() as u32).sum()
    }

    /// The commit tables, ascending.
    pub fn commit_parts(&self) -> &[Arc<CommitPart>] {
        &self.commits
    }

    /// The change tables, ascending.
    pub fn change_parts(&self) -> &[Arc<ChangePart>] {
        &self.changes
    }

    /// Where the refs stood.
    pub fn tips(&self) -> &Tips {
        &self.tips
    }

    /// The number of a commit.
    pub fn find(&self, id: &ObjectId) -> Result<Option<CommitIdx>, ReadError> {
        for part in self.commits.iter().rev() {
            if let Some(found) = part.table.find(id)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The runs of commits, ascending, whose changed lines are not there yet.
    pub fn gaps(&self) -> Vec<Range<u32>> {
        let mut gaps = Vec::new();
        let mut next = 0;
        let ends = self.changes.iter().map(|part| part.table.range());
        for range in ends.chain(std::iter::once(self.n_commits()..self.n_commits())) {
            if next < range.start {
                gaps.push(next..range.start);
            }
            next = range.end;
        }
        gaps
    }

    /// The part that holds a commit.
    pub(crate) fn commit_part(&self, commit: CommitIdx) -> Option<&Arc<CommitPart>> {
        let place = self.commits.partition_point(|part| part.table.range().end <= commit.0);
        self.commits.get(place)
    }

    /// The part that holds a commit's changes, where they are there.
    pub(crate) fn change_part(&self, commit: CommitIdx) -> Option<&Arc<ChangePart>> {
        let place = self.changes.partition_point(|part| part.table.range().end <= commit.0);
        self.changes.get(place).filter(|part| part.table.range().contains(&commit.0))
    }

    /// The commit that a commit's changes are told against.
    pub(crate) fn first_parent(&self, commit: CommitIdx) -> Result<Option<ObjectId>, ReadError> {
        let mut first = None;
        if let Some(part) = self.commit_part(commit) {
            part.table.parents(commit, &mut |parent| {
                first.get_or_insert(parent);
            })?;
        }
        let part = first.and_then(|parent| Some((self.commit_part(parent)?, parent)));
        part.map(|(part, parent)| Ok(part.table.row(parent)?.id)).transpose()
    }

    /// What these commits reach, themselves included.
    pub(crate) fn reached_from(
        &self,
        tips: impl Iterator<Item = CommitIdx>,
    ) -> Result<BlockBitmap, ReadError> {
        let n_commits = self.n_commits();
        let mut reached = BlockBitmap::empty(n_commits);
        tips.filter(|tip| tip.0 < n_commits).for_each(|tip| {
            reached.insert(tip.0);
        });
        // A parent's number is smaller than its children's: one pass downwards is enough.
        for part in self.commits.iter().rev() {
            for number in part.table.range().rev() {
                if reached.contains(number) {
                    part.table.parents(CommitIdx(number), &mut |parent| {
                        reached.insert(parent.0);
                    })?;
                }
            }
        }
        Ok(reached)
    }

    /// What the default branch reaches.
    pub(crate) fn default_scope(&self) -> Result<Arc<BlockBitmap>, ReadError> {
        if let Some(scope) = self.default_scope.get() {
            return Ok(Arc::clone(scope));
        }
        let tip = self.tips.default().map(|place| self.tips.get(place)).transpose()?;
        let scope = Arc::new(self.reached_from(tip.into_iter().map(|tip: Tip| tip.commit))?);
        Ok(Arc::clone(self.default_scope.get_or_init(|| scope)))
    }

    /// What any ref reaches.
    pub(crate) fn whole_scope(&self) -> Result<Arc<BlockBitmap>, ReadError> {
        if let Some(scope) = self.whole_scope.get() {
            return Ok(Arc::clone(scope));
        }
        let tips: Result<Vec<Tip>, ReadError> = self.tips.iter().collect();
        let scope = Arc::new(self.reached_from(tips?.into_iter().map(|tip| tip.commit))?);
        Ok(Arc::clone(self.whole_scope.get_or_init(|| scope)))
    }

    /// When the youngest commit of the default branch was recorded.
    pub(crate) fn youngest_seconds(&self) -> Result<Option<i64>, ReadError> {
        if let Some(youngest) = self.youngest.get() {
            return Ok(*youngest);
        }
        let scope = self.default_scope()?;
        let mut youngest = None;
        for part in &self.commits {
            for number in part.table.range().filter(|number| scope.contains(*number)) {
                let seconds = part.table.row(CommitIdx(number))?.committer_seconds;
                youngest = youngest.max(Some(seconds));
            }
        }
        Ok(*self.youngest.get_or_init(|| youngest))
    }
}
