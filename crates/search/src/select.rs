//! `select:`: what results are turned into, each shown once.

use crate::owners::OwnersView;
use crate::plan::{Plan, Selection};
use crate::words::counted;
use crate::{DirectoryMatch, FileChange, Match, PathMatch, RepoMatch, ScoreParts, Stats};
use index::Doc;
use model::{ObjectId, RepoId};
use std::collections::HashSet;

/// How many different results are told apart for counting them. Beyond that it is told that there are at least so many.
const COUNTED_MAX: usize = 2_000_000;
/// How many bytes their names may have in all.
const COUNTED_BYTES_MAX: usize = 256 << 20;

/// Notes what a found document is counted as, where `select:` makes fewer results of documents than there are.
pub(crate) fn note(
    plan: &Plan,
    owners: Option<&OwnersView>,
    doc: &Doc,
    path: &[u8],
    selected: &mut Vec<Vec<u8>>,
) {
    match plan.selection {
        // In one revision each path is one file.
        Selection::FilePath if !plan.asks_revisions() && !plan.history.is_wanted() => {}
        Selection::File if !plan.history.is_wanted() => {}
        Selection::File => {
            // As files are told apart where they are shown: by their paths and texts.
            let (segment, blob) = doc.blob.map_or((0, 0), |(segment, blob)| (segment.0, blob.0));
            push([path, b"\0", &segment.to_le_bytes(), &blob.to_le_bytes()].concat(), selected);
        }
        Selection::FilePath => push(path.to_vec(), selected),
        Selection::Directory => push(directory(path).to_vec(), selected),
        Selection::Owners => {
            let all = owners.map_or(Vec::new(), |view| view.owners(path, doc.revisions));
            all.into_iter().for_each(|owner| push(owner.to_lowercase().into_bytes(), selected));
        }
        _ => {}
    }
}

/// Likewise for a changed file.
pub(crate) fn note_change(plan: &Plan, path: &[u8], selected: &mut Vec<Vec<u8>>) {
    match plan.selection {
        Selection::File | Selection::FilePath => push(path.to_vec(), selected),
        Selection::Directory => push(directory(path).to_vec(), selected),
        _ => {}
    }
}

/// Neighbours are often the same.
fn push(one: Vec<u8>, selected: &mut Vec<Vec<u8>>) {
    if selected.last() != Some(&one) {
        selected.push(one);
    }
}

/// Counts what `select:` makes of what was found, each once, shown or not.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    different: HashSet<(u32, Vec<u8>)>,
    n_bytes: usize,
    /// Whether there were more than are told apart.
    pub(crate) is_cut: bool,
}

impl Counted {
    /// Takes what was found in a repository.
    pub(crate) fn take(&mut self, selection: Selection, repo_ordinal: u32, selected: Vec<Vec<u8>>) {
        // The same person may own files in several repositories.
        let ordinal = if selection == Selection::Owners { u32::MAX } else { repo_ordinal };
        for one in selected {
            let key = (ordinal, one);
            if self.different.contains(&key) {
                continue;
            }
            if self.different.len() >= COUNTED_MAX || self.n_bytes + key.1.len() > COUNTED_BYTES_MAX {
                self.is_cut = true;
                return;
            }
            self.n_bytes += key.1.len();
            self.different.insert(key);
        }
    }

    /// Makes of counts of documents what `stats` say: results of `select:` where it makes others of them.
    pub(crate) fn settle(&self, plan: &Plan, stats: &mut Stats) {
        let n_different = self.different.len() as u64;
        let n_results = match plan.selection {
            Selection::AsFound
            | Selection::Content
            | Selection::Symbol
            | Selection::CommitAdded
            | Selection::CommitRemoved => return,
            Selection::Repo => stats.repos,
            Selection::Commit => stats.files,
            Selection::File if !plan.history.is_wanted() => stats.files,
            Selection::FilePath if !plan.asks_revisions() && !plan.history.is_wanted() => stats.files,
            Selection::File | Selection::FilePath | Selection::Directory | Selection::Owners => n_different,
        };
        (stats.matches, stats.lines) = (n_results, 0);
    }
}

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

/// What the person should know where `select:` can make nothing of some results.
pub(crate) fn alert(plan: &Plan, stats: &Stats) -> Option<String> {
    let says = match plan.selection {
        Selection::Owners if plan.history.is_wanted() => {
            "select:file.owners tells who owns files as they are; commits and changes have no owners. Leave out type:commit \
             and type:diff, or use select:file."
        }
        Selection::Owners if stats.files > 0 && stats.matches == 0 => {
            return Some(format!(
                "{} found, and no rule of a CODEOWNERS or OWNERS file names an owner of {}. select:file shows the files.",
                counted(stats.files, "file was", "files were"),
                if stats.files == 1 { "it" } else { "any of them" },
            ));
        }
        Selection::File | Selection::FilePath | Selection::Directory if plan.history.commits => {
            "Commits are found by their messages and are no files; type:diff with select:file tells the files that were \
             changed."
        }
        _ => return None,
    };
    Some(says.to_owned())
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
            change: None,
            ranges: Vec::new(),
            language: found.language,
            blob: found.blob,
            score: found.score,
            score_parts: found.score_parts,
        }),
        // Every commit has its own text of it; they are one file.
        Match::Diff(found) => Some(PathMatch {
            repo_id: found.of.repo_id,
            repo: found.of.repo,
            // Where a deleted file can still be read.
            commit: match found.change {
                FileChange::Deleted => found.before.unwrap_or(found.of.commit),
                _ => found.of.commit,
            },
            refs: Vec::new(),
            path: found.path,
            change: Some(found.change),
            ranges: Vec::new(),
            language: found.language,
            blob: ObjectId::NULL,
            score: found.score,
            score_parts: ScoreParts::default(),
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
            change: None,
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
