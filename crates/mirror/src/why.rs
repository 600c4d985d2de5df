//! What git knows of a path that the index has not.

use git::{EntryKind, Repository};
use search::{WhyStep, WhyWhat};

/// Looks into git for a path that no index holds, at a revision (none: HEAD). Blocks. SECURITY: the caller has made sure
/// that whoever asks may read the repository.
pub fn why_in_git(repository: &Repository, rev: Option<&str>, path: &[u8]) -> WhyStep {
    let step = |holds, text: String| WhyStep {
        what: WhyWhat::Index,
        holds,
        depth: 0,
        text,
        suggestions: Vec::new(),
    };
    let rev_says = rev.unwrap_or("the default branch");
    let Ok(found) = repository.resolve(rev.unwrap_or("HEAD")) else {
        return step(Some(false), format!("git knows no revision {rev_says} either."));
    };
    match repository.reader().entry_at(found.commit, path) {
        Ok(None) => step(Some(false), "git has no such path at this revision either.".into()),
        Ok(Some(entry)) => {
            let what = match entry.kind {
                EntryKind::Tree => return step(None, "In git it is a folder.".into()),
                EntryKind::Submodule => return step(None, "In git it is a submodule.".into()),
                EntryKind::Symlink => "a symbolic link",
                EntryKind::File | EntryKind::Executable => "a file",
            };
            step(
                Some(false),
                format!(
                    "git has {what} there, at commit {}, that is not in the index: it came after the last indexing, \
                     stands at a revision that is not indexed until a search asks for it (rev:), or its entry is refused.",
                    found.commit.to_string().chars().take(10).collect::<String>()
                ),
            )
        }
        Err(error) => step(Some(false), format!("git cannot look there: {error}.")),
    }
}
