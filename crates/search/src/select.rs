//! `select:`: what results are turned into, each shown once.

use crate::plan::Selection;
use crate::{DirectoryMatch, Match, PathMatch, RepoMatch};
use model::RepoId;
use std::collections::HashSet;

/// What was shown already, where each is shown once.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    repos: HashSet<RepoId>,
    paths: HashSet<(RepoId, Vec<u8>)>,
    owners: HashSet<String>,
}

impl Shown {
    /// Notes a repository; `false` where it is known.
    pub(crate) fn repo(&mut self, repo: RepoId) -> bool {
        self.repos.insert(repo)
    }

    /// Whether a repository is known.
    pub(crate) fn has_repo(&self, repo: RepoId) -> bool {
        self.repos.contains(&repo)
    }

    /// Notes a file or a directory of a repository; `false` where it is known.
    pub(crate) fn path(&mut self, repo: RepoId, path: &[u8]) -> bool {
        self.paths.insert((repo, path.to_vec()))
    }

    /// Turns a result that is not a document into the one that was asked for; `None` where that was shown already, or
    /// where there is none to be made of it. A repository was noted when it was found.
    pub(crate) fn select(&mut self, selection: Selection, found: Match) -> Option<Match> {
        let converted = converted(selection, found)?;
        let is_new = match &converted {
            Match::Repo(_) | Match::Content(_) => true,
            Match::Path(path) if selection == Selection::FilePath => self.path(path.repo_id, &path.path),
            Match::Path(path) if selection == Selection::File => {
                // The same path in two revisions is two files, two symbols in one file are one.
                let mut file = path.path.clone();
                file.extend_from_slice(&path.blob.0);
                self.paths.insert((path.repo_id, file))
            }
            Match::Owner(owner) => self.owners.insert(owner.owner.to_lowercase()),
            Match::Directory(directory) => self.path(directory.repo_id, &directory.path),
            _ => true,
        };
        is_new.then_some(converted)
    }
}

/// The directory of a path, without a final slash; empty for the root.
pub(crate) fn directory(path: &[u8]) -> &[u8] {
    &path[..memchr::memrchr(b'/', path).unwrap_or(0)]
}

/// The directory of a found file.
pub(crate) fn directory_match(found: PathMatch) -> Match {
    let path = directory(&found.path).to_vec();
    let PathMatch { repo_id, repo, commit, refs, score, .. } = found;
    Match::Directory(DirectoryMatch { repo_id, repo, commit, refs, path, score })
}

fn converted(selection: Selection, found: Match) -> Option<Match> {
    match (selection, found) {
        (Selection::Repo, Match::Repo(found)) => Some(Match::Repo(found)),
        (Selection::Repo, found) => repo_of(&found),
        (Selection::File | Selection::FilePath, found) => file_of(found).map(Match::Path),
        (Selection::Directory, found) => file_of(found).map(directory_match),
        (Selection::Owners, found) => matches!(found, Match::Owner(_)).then_some(found),
        (Selection::Content, found) => matches!(found, Match::Content(_)).then_some(found),
        (Selection::Symbol, found) => matches!(found, Match::Symbol(_)).then_some(found),
        (_, found) => Some(found),
    }
}

fn repo_of(found: &Match) -> Option<Match> {
    let (repo_id, repo) = match found {
        Match::Content(found) => (found.repo_id, &found.repo),
        Match::Path(found) => (found.repo_id, &found.repo),
        Match::Symbol(found) => (found.repo_id, &found.repo),
        Match::Commit(found) => (found.repo_id, &found.repo),
        Match::Diff(found) => (found.of.repo_id, &found.of.repo),
        Match::Directory(found) => (found.repo_id, &found.repo),
        Match::Repo(_) | Match::Owner(_) => return None,
    };
    Some(Match::Repo(RepoMatch { repo_id, repo: repo.clone(), ranges: Vec::new(), score: found.score() }))
}

/// The file that a result stands in.
fn file_of(found: Match) -> Option<PathMatch> {
    match found {
        Match::Path(found) => Some(found),
        Match::Symbol(found) => Some(PathMatch {
            repo_id: found.repo_id,
            repo: found.repo,
            commit: found.commit,
            refs: found.refs,
            path: found.path,
            ranges: Vec::new(),
            language: found.language,
            blob: found.blob,
            score: found.score,
            score_parts: found.score_parts,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Language, ObjectId, RepoName};

    fn path(path: &str, blob: u8) -> Match {
        Match::Path(PathMatch {
            repo_id: RepoId(1),
            repo: RepoName::new("r").expect("a valid name"),
            commit: ObjectId::NULL,
            refs: Vec::new(),
            path: path.into(),
            ranges: Vec::new(),
            language: Language::UNKNOWN,
            blob: ObjectId([blob; 20]),
            score: 1.0,
            score_parts: crate::ScoreParts::default(),
        })
    }

    #[test]
    fn each_is_shown_once() {
        let check = |selection, expected: [bool; 4]| {
            let mut shown = Shown::default();
            let found = [path("a/b.c", 1), path("a/b.c", 1), path("a/b.c", 2), path("a/c.c", 1)];
            assert_eq!(
                found.map(|found| shown.select(selection, found).is_some()),
                expected,
                "{selection:?}"
            );
        };
        check(Selection::AsFound, [true; 4]);
        check(Selection::File, [true, false, true, true]);
        check(Selection::FilePath, [true, false, false, true]);
        check(Selection::Directory, [true, false, false, false]);
        check(Selection::Content, [false; 4]);
    }

    #[test]
    fn directories_have_no_final_slash() {
        assert_eq!(directory(b"a/b/c.rs"), b"a/b");
        assert_eq!(directory(b"c.rs"), b"");
    }
}
