//! A commit with what it changed, read from git for its page and for the API.

use crate::diff_view::{DiffView, DiffWanted};
use crate::failure::Failure;
use git::Commit;
use model::ObjectId;
use search::Watch;

/// A commit and its changes against its first parent.
pub(crate) struct CommitView {
    pub(crate) commit: Commit,
    /// The first parent, where it is here.
    pub(crate) parent: Option<ObjectId>,
    pub(crate) diff: DiffView,
}

impl CommitView {
    /// Reads a commit: by its id, a beginning of it, or the name of a branch or a tag, with steps (`main~2`). Blocks, until the
    /// watch says that it is over at most. Not found where nothing or more than one thing is called so.
    pub(crate) fn read(
        repository: &git::Repository,
        asked: &[u8],
        wanted: &DiffWanted,
        watch: &Watch,
    ) -> Result<CommitView, Failure> {
        let text = std::str::from_utf8(asked).map_err(|_| Failure::NotFound)?;
        let id = repository.resolve(text).map_err(|_| Failure::NotFound)?.commit;
        let reader = repository.reader();
        let commit = reader.commit(id).map_err(|_| Failure::NotFound)?;
        let parent = commit.parents.first().and_then(|parent| reader.commit(*parent).ok());
        let parent_tree = parent.as_ref().map(|parent| parent.tree);
        let mut diff = DiffView::read(&reader, parent_tree, Some(commit.tree), wanted, watch)?;
        if parent.is_none() && !commit.parents.is_empty() {
            let says = "The parent is not in this repository, so everything looks new.";
            diff.left_out.insert(0, says.to_owned());
        }
        Ok(CommitView { parent: parent.map(|parent| parent.id), commit, diff })
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
        let read =
            |watch: &Watch| match CommitView::read(&opened, id.as_bytes(), &DiffWanted::default(), watch) {
                Ok(view) => view.diff,
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
