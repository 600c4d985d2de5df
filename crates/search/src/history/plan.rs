//! What a query asks of commits.

use crate::matcher::{Matcher, Scratch};
use crate::pattern::{ContentPattern, NamePattern};
use query::{ResultType, Settings};

/// The part of a plan that is about commits.
#[derive(Debug, Default)]
pub(crate) struct HistoryPlan {
    /// Whether commits are results.
    pub(crate) commits: bool,
    /// Whether changes are results.
    pub(crate) diffs: bool,
    /// What [`crate::tree::Node::Commit`] asks.
    pub(crate) conditions: Vec<CommitCondition>,
}

/// A condition on a commit.
#[derive(Debug)]
pub(crate) enum CommitCondition {
    /// `author:RE`.
    Author(NamePattern),
    /// `committer:RE`.
    Committer(NamePattern),
    /// `message:RE`, with whether it stands under an even number of negations.
    Message(ContentPattern, bool),
    /// `before:DATE`, in seconds since 1970.
    Before(i64),
    /// `after:DATE`, likewise.
    After(i64),
}

impl CommitCondition {
    /// What it asks, in a word.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            CommitCondition::Author(_) => "author",
            CommitCondition::Committer(_) => "committer",
            CommitCondition::Message(..) => "message",
            CommitCondition::Before(_) => "before",
            CommitCondition::After(_) => "after",
        }
    }
}

impl HistoryPlan {
    pub(crate) fn of(settings: &Settings) -> Self {
        HistoryPlan {
            commits: settings.wants(ResultType::Commit),
            diffs: settings.wants(ResultType::Diff),
            conditions: Vec::new(),
        }
    }

    /// Whether anything of it is asked.
    pub(crate) fn is_wanted(&self) -> bool {
        self.commits || self.diffs
    }
}

/// Whether a pattern matches a person, written as `name <address>`.
pub(super) fn matches_person(matcher: &Matcher, scratch: &mut Scratch, (name, email): (&str, &str)) -> bool {
    matcher.is_match(scratch, format!("{name} <{email}>").as_bytes())
}
