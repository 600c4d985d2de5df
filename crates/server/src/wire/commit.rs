//! Commits and diffs in JSON.

use super::{lossy, pairs};
use crate::links;
use search::{CommitMatch, DiffMatch, HunkMatch, Person};
use serde::Serialize;
use utoipa::ToSchema;

/// Who made a commit, and when.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonShape {
    name: String,
    email: String,
    /// RFC 3339, in the offset it was written with.
    date: String,
}

/// A commit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommitShape {
    repo: String,
    /// 40 hexadecimal digits.
    commit: String,
    refs: Vec<String>,
    author: PersonShape,
    committer: PersonShape,
    /// When it was recorded: the committer's date.
    date: String,
    message: String,
    /// Whether `message` is only the beginning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    /// Half-open byte offsets in `message`.
    ranges: Vec<[usize; 2]>,
    score: f64,
    url: String,
}

/// A file's change in a commit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffShape {
    #[serde(flatten)]
    of: CommitShape,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_path: Option<String>,
    /// `added`, `modified`, `deleted`, `renamed`.
    change: &'static str,
    language: Option<&'static str>,
    hunks: Vec<HunkShape>,
    /// How many lines match in all, shown or not.
    line_count: u64,
}

/// A piece of a diff that holds matches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HunkShape {
    header: String,
    /// Each with its `+`, `-` or space.
    lines: Vec<String>,
    /// Line (from 0), and half-open byte offsets in it, the sign counted.
    ranges: Vec<[usize; 3]>,
}

impl PersonShape {
    fn of(person: &Person) -> Self {
        PersonShape {
            name: person.name.clone(),
            email: person.email.clone(),
            date: crate::format::rfc3339_at(person.seconds, person.offset_minutes),
        }
    }
}

impl CommitShape {
    pub(super) fn of(found: &CommitMatch) -> Self {
        CommitShape {
            repo: found.repo.to_string(),
            commit: found.commit.to_string(),
            refs: found.refs.iter().map(ToString::to_string).collect(),
            author: PersonShape::of(&found.author),
            committer: PersonShape::of(&found.committer),
            date: crate::format::rfc3339_at(found.committer.seconds, found.committer.offset_minutes),
            message: found.message.clone(),
            cut: found.is_message_cut,
            ranges: pairs(&found.ranges),
            score: found.score,
            url: links::commit_link(&found.repo, found.commit),
        }
    }
}

impl DiffShape {
    pub(super) fn of(found: &DiffMatch) -> Self {
        DiffShape {
            of: CommitShape { score: found.score, ..CommitShape::of(&found.of) },
            path: lossy(&found.path),
            old_path: found.old_path.as_deref().map(lossy),
            change: found.change.as_str(),
            language: syntax::language_name(found.language),
            hunks: found.hunks.iter().map(HunkShape::of).collect(),
            line_count: found.n_lines,
        }
    }
}

impl HunkShape {
    fn of(hunk: &HunkMatch) -> Self {
        let range = |(line, range): &(u32, model::ByteRange)| [*line as usize, range.start, range.end];
        HunkShape {
            header: hunk.header.clone(),
            lines: hunk.lines.clone(),
            ranges: hunk.ranges.iter().map(range).collect(),
        }
    }
}
