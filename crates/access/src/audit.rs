//! What the audit log says: who did what to what, from where, and how it ended.
//!
//! The types only: `store` writes them in the transaction of the act. An [`Entry`] becomes a [`Record`] of plain columns,
//! whose hash covers every column and the hash before it ([`Record::hash_after`]).

mod act;
mod origin;
mod record;
mod text;

pub use act::Act;
pub use origin::{Origin, Who};
pub use record::{ChainHash, Record};
pub use text::AuditText;

use std::fmt::Display;

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It happened.
    Done,
    /// It was not allowed, or what it was about cannot be seen by whoever asked.
    Refused,
    /// It was allowed and failed.
    Failed,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 3] = [Outcome::Done, Outcome::Refused, Outcome::Failed];

    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// What an act was about: a kind of thing, its number where it has one, and what it was called then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub(crate) kind: &'static str,
    pub(crate) id: Option<String>,
    pub(crate) name: AuditText,
}

impl Object {
    /// The instance as a whole.
    pub const INSTANCE: Object = Object { kind: "instance", id: None, name: AuditText::EMPTY };

    /// A thing of this kind (`user`, `repository`, `token`, …), by its number or public id, and its name at this moment.
    pub fn new(kind: &'static str, id: impl Display, name: &str) -> Self {
        Object { kind, id: Some(id.to_string()), name: AuditText::new(name) }
    }

    /// Something that is known by what it is called alone: an address, a name somebody tried.
    pub fn named(kind: &'static str, name: &str) -> Self {
        Object { kind, id: None, name: AuditText::new(name) }
    }

    /// An account.
    pub fn user(id: model::UserId, name: &crate::UserName) -> Self {
        Object::new("user", id.0, name.as_str())
    }
}

/// Something to put into the log, besides who does it (the [`Origin`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(crate) act: Act,
    pub(crate) object: Object,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<AuditText>,
    pub(crate) details: Vec<(&'static str, AuditText)>,
}

impl Entry {
    /// An act that happened.
    pub fn new(act: Act, object: Object) -> Self {
        Entry { act, object, outcome: Outcome::Done, reason: None, details: Vec::new() }
    }

    /// The same with another ending.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same, refused, and why.
    pub fn refused(mut self, reason: &str) -> Self {
        self.outcome = Outcome::Refused;
        self.reason = Some(AuditText::new(reason));
        self
    }

    /// The same with the reason that was given.
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(AuditText::new(reason));
        self
    }

    /// The same with one more detail. Never a secret: the log is read by people.
    pub fn detail(mut self, key: &'static str, value: impl Display) -> Self {
        self.details.push((key, AuditText::new(&value.to_string())));
        self
    }

    /// What was done.
    pub fn act(&self) -> Act {
        self.act
    }
}
