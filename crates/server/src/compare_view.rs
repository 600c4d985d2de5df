//! Two revisions of a repository compared: where they parted, which commits one has more, and what differs.

use crate::diff_view::{DiffView, DiffWanted};
use crate::failure::Failure;
use crate::readable::Readable;
use git::{Commit, Reader};
use model::ObjectId;
use search::Watch;
use store::Repository;

/// Commits of both histories that are looked at.
const N_COMMITS_LOOKED_AT_MAX: usize = 1_000_000;
/// Commits that are listed.
pub(crate) const N_COMMITS_MAX: usize = 250;

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// The revision before; the default branch where it is empty.
    pub(crate) from: String,
    pub(crate) to: String,
    /// Whether what differs is counted from where they parted (`...`) and not from the first (`..`).
    pub(crate) from_merge_base: bool,
}

/// Two revisions compared.
pub(crate) struct CompareView {
    pub(crate) from: ObjectId,
    pub(crate) to: ObjectId,
    /// Where they parted.
    pub(crate) merge_base: Option<ObjectId>,
    /// What the changes are counted from.
    pub(crate) base: ObjectId,
    /// What `to` has and `from` has not, newest first, the first of them.
    pub(crate) commits: Vec<Commit>,
    pub(crate) n_ahead: usize,
    pub(crate) n_behind: usize,
    pub(crate) diff: DiffView,
}

impl Range {
    /// Reads `<from>...<to>` or `<from>..<to>`. Names of refs hold no two dots and begin with none.
    pub(crate) fn parse(text: &[u8]) -> Option<Range> {
        let text = std::str::from_utf8(text).ok()?;
        let (from, to, from_merge_base) = match text.split_once("...") {
            Some((from, to)) => (from, to, true),
            None => {
                let (from, to) = text.split_once("..")?;
                (from, to, false)
            }
        };
        let is_whole = !to.contains("..") && !from.contains("..") && !to.starts_with('.');
        is_whole.then(|| Range { from: from.to_owned(), to: to.to_owned(), from_merge_base })
    }

    pub(crate) fn text(&self) -> String {
        format!("{}{}{}", self.from, if self.from_merge_base { "..." } else { ".." }, self.to)
    }
}

impl CompareView {
    /// Reads it. Blocks, until the watch says that it is over at most. Not found where one of them is no revision.
    pub(crate) fn read(
        repository: &Readable,
        row: &Repository,
        range: &Range,
        wanted: &DiffWanted,
        watch: &Watch,
    ) -> Result<CompareView, Failure> {
        // SECURITY: what differs between revisions is told to those only who may read all of both.
        let whole = repository.whole()?;
        let commit = |rev: &str| {
            let rev = Some(rev).filter(|rev| !rev.is_empty());
            repository.commit_of(row, rev)?.ok_or(Failure::NotFound)
        };
        let (from, to) = (commit(&range.from)?, commit(&range.to)?);
        let reader = whole.reader();
        let ancestry = reader
            .ancestry(from, to, N_COMMITS_LOOKED_AT_MAX, &|| watch.stop().is_some())
            .map_err(|_| Failure::NotFound)?;
        let mut left_out = Vec::new();
        if ancestry.is_cut {
            left_out
                .push("Time was up before both histories were compared: the counts are not final.".into());
        }
        let base = match (range.from_merge_base, ancestry.merge_base) {
            (false, _) => from,
            (true, Some(base)) => base,
            (true, None) => {
                left_out.push("They have no commit in common, so they are compared as they are.".to_owned());
                from
            }
        };
        let ids = ancestry.only_other.iter().take(N_COMMITS_MAX);
        let commits: Vec<Commit> = ids.filter_map(|id| reader.commit(*id).ok()).collect();
        let mut diff = DiffView::read(&reader, tree(&reader, base)?, tree(&reader, to)?, wanted, watch)?;
        left_out.append(&mut diff.left_out);
        diff.left_out = left_out;
        Ok(CompareView {
            from,
            to,
            merge_base: ancestry.merge_base,
            base,
            commits,
            n_ahead: ancestry.only_other.len(),
            n_behind: ancestry.only_one.len(),
            diff,
        })
    }
}

fn tree(reader: &Reader, commit: ObjectId) -> Result<Option<ObjectId>, Failure> {
    reader.commit(commit).map(|commit| Some(commit.tree)).map_err(|_| Failure::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        let range = |text: &str| {
            Range::parse(text.as_bytes()).map(|range| (range.from, range.to, range.from_merge_base))
        };
        let owned = |from: &str, to: &str, base| Some((from.to_owned(), to.to_owned(), base));
        assert_eq!(range("main...feature/-/x"), owned("main", "feature/-/x", true));
        assert_eq!(range("v1.0..v1.1"), owned("v1.0", "v1.1", false));
        assert_eq!(range("...x"), owned("", "x", true));
        for wrong in ["", "main", "a..b..c", "a...b...c", "a....b"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
