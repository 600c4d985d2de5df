//! What an export left out, added up over its repositories.

use search::{Severity, Skipped, SkippedReason};
use serde::{Deserialize, Serialize};

/// The reason of a file that grew as large as it may.
const SIZE_LIMIT: &str = "export-size-limit";
/// Most reasons that are kept: the engine has a dozen.
const N_REASONS_MAX: usize = 64;

/// Something that was left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The reason, as a search tells it.
    pub reason: String,
    /// How many files or repositories; 0 where it is about the export as a whole.
    pub count: u64,
    /// Whether results may be missing from the file.
    pub is_grave: bool,
}

impl LeftOut {
    /// The reason in words, with its number.
    pub fn words(&self) -> String {
        let n = self.count;
        let (one, many) = match self.reason.as_str() {
            "file-binary" => ("file that is not text", "files that are not text"),
            "file-too-large" => ("file too large to be indexed", "files too large to be indexed"),
            "file-unreadable" => ("file that git could not produce", "files that git could not produce"),
            "file-symlink" => ("symbolic link", "symbolic links"),
            "change-too-large" => {
                ("change of a file too large to be compared", "changes of files too large to be compared")
            }
            "change-unreadable" => {
                ("change of a file that git could not produce", "changes of files that git could not produce")
            }
            "change-binary" => ("change of a file that is not text", "changes of files that are not text"),
            "changes-left-out" => (
                "changed file beyond what is read of one commit",
                "changed files beyond what is read of one commit",
            ),
            "submodule" => ("submodule", "submodules"),
            "history-damaged" => ("repository with a damaged history", "repositories with a damaged history"),
            "repository-damaged" => ("repository with a damaged index", "repositories with a damaged index"),
            "repository-failed" => {
                ("repository that could not be indexed", "repositories that could not be indexed")
            }
            "repository-cloning" => ("repository still being fetched", "repositories still being fetched"),
            "repository-indexing" => ("repository still being indexed", "repositories still being indexed"),
            "excluded-fork" => ("fork, left out unless fork:yes", "forks, left out unless fork:yes"),
            "excluded-archived" => (
                "archived repository, left out unless archived:yes",
                "archived repositories, left out unless archived:yes",
            ),
            "timeout" => return "a repository took too long and was cut off".to_owned(),
            SIZE_LIMIT => return "the file is as large as one export may be; narrow the query".to_owned(),
            other => (other, other),
        };
        match n {
            0 => many.to_owned(),
            1 => format!("1 {one}"),
            n => format!("{n} {many}"),
        }
    }
}

/// Adds what one repository's search left out.
pub(crate) fn add_all(sum: &mut Vec<LeftOut>, skipped: &[Skipped]) {
    for skipped in skipped {
        // That its own page was full means nothing to an export: it has none.
        if skipped.reason != SkippedReason::DisplayLimit {
            let is_grave = skipped.severity == Severity::Warning;
            add(sum, skipped.reason.as_str(), skipped.count, is_grave);
        }
    }
}

/// Notes that the file is as large as it may be.
pub(crate) fn add_size_limit(sum: &mut Vec<LeftOut>) {
    add(sum, SIZE_LIMIT, 0, true);
}

/// Reads what was stored.
pub(crate) fn parse(text: &str) -> Vec<LeftOut> {
    serde_json::from_str(text).unwrap_or_default()
}

/// The form that is stored.
pub(crate) fn to_text(sum: &[LeftOut]) -> String {
    serde_json::to_string(sum).unwrap_or_else(|_| "[]".to_owned())
}

fn add(sum: &mut Vec<LeftOut>, reason: &str, count: u64, is_grave: bool) {
    if let Some(known) = sum.iter_mut().find(|known| known.reason == reason) {
        known.count += count;
    } else if sum.len() < N_REASONS_MAX {
        sum.push(LeftOut { reason: reason.to_owned(), count, is_grave });
        sum.sort_by(|a, b| b.is_grave.cmp(&a.is_grave).then_with(|| a.reason.cmp(&b.reason)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_add_up_and_survive_being_stored() {
        let mut sum = Vec::new();
        add(&mut sum, "file-binary", 2, false);
        add(&mut sum, "file-binary", 3, false);
        add_size_limit(&mut sum);
        let again = parse(&to_text(&sum));
        assert_eq!(again, sum);
        assert_eq!(again[0].words(), "the file is as large as one export may be; narrow the query");
        assert_eq!(again[1].words(), "5 files that are not text");
    }
}
