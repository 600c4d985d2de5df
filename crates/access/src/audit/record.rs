//! One entry as it is kept, and the chain that holds the entries together.

use super::{Entry, Origin, Who};
use crate::Timestamp;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// What the bytes of an entry begin with; another layout gets another text.
const LAYOUT: &[u8] = b"sourcekeep audit entry v1";

/// The hash of an entry: SHA-256 over all it says and the hash before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHash(pub [u8; 32]);

impl ChainHash {
    /// What stands before the first entry.
    pub const BEGINNING: ChainHash = ChainHash([0; 32]);

    /// The bytes in hexadecimal.
    pub fn to_hex(self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// One entry in plain columns, as the store keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log, from 1, without gaps.
    pub seq: i64,
    /// When it was written.
    pub at: Timestamp,
    /// `user`, `operator`, `nobody` or `system`.
    pub actor_kind: String,
    /// The account's number.
    pub actor_id: Option<i64>,
    /// The account's name then.
    pub actor: String,
    /// How the actor was recognised.
    pub via: String,
    /// The public id of the session or token.
    pub via_id: Option<String>,
    /// What was done.
    pub act: String,
    /// The kind of thing it was done to.
    pub object_kind: String,
    /// That thing's number or public id.
    pub object_id: Option<String>,
    /// What it was called then.
    pub object: String,
    /// How it ended.
    pub outcome: String,
    /// Why, where something is said of it.
    pub reason: Option<String>,
    /// The client's network address.
    pub address: Option<String>,
    /// The request's name, as in the server's log.
    pub request_id: Option<String>,
    /// What else is known: one `key=value` a line, escaped.
    pub details: String,
}

impl Record {
    /// The columns of an entry. Its place is given by whoever writes it.
    pub fn new(at: Timestamp, origin: &Origin, entry: &Entry) -> Self {
        let (actor_kind, actor_id, actor) = match &origin.who {
            Who::User { id, name } => ("user", Some(id.0), name.as_str()),
            Who::LocalOperator => ("operator", None, "local operator"),
            Who::Nobody => ("nobody", None, ""),
            Who::System => ("system", None, "sourcekeep"),
        };
        // SECURITY: no value holds a line break, see `AuditText`; so none can pretend to be another detail.
        let details: Vec<String> =
            entry.details.iter().map(|(key, value)| format!("{key}={}", value.as_str())).collect();
        Record {
            seq: 0,
            at,
            actor_kind: actor_kind.to_owned(),
            actor_id,
            actor: actor.to_owned(),
            via: origin.via.to_owned(),
            via_id: origin.via_id.as_ref().map(ToString::to_string),
            act: entry.act.as_str().to_owned(),
            object_kind: entry.object.kind.to_owned(),
            object_id: entry.object.id.clone(),
            object: entry.object.name.to_string(),
            outcome: entry.outcome.as_str().to_owned(),
            reason: entry.reason.as_ref().map(ToString::to_string),
            address: origin.address.map(|address| address.to_string()),
            request_id: origin.request.as_ref().map(ToString::to_string),
            details: details.join("\n"),
        }
    }

    /// The details, in order.
    pub fn details(&self) -> impl Iterator<Item = (&str, &str)> {
        self.details.lines().map(|line| line.split_once('=').unwrap_or((line, "")))
    }

    /// The hash of this entry after the one before it. Numbers have eight bytes, texts stand after their length, what is
    /// missing is told from what is empty: no two different entries have the same bytes.
    pub fn hash_after(&self, previous: ChainHash) -> ChainHash {
        let mut hasher = Sha256::new();
        hasher.update(LAYOUT);
        hasher.update(previous.0);
        hasher.update(self.seq.to_le_bytes());
        hasher.update(self.at.0.to_le_bytes());
        let actor_id = self.actor_id.map(|id| id.to_string());
        let columns = [
            Some(self.actor_kind.as_str()),
            actor_id.as_deref(),
            Some(&self.actor),
            Some(&self.via),
            self.via_id.as_deref(),
            Some(&self.act),
            Some(&self.object_kind),
            self.object_id.as_deref(),
            Some(&self.object),
            Some(&self.outcome),
            self.reason.as_deref(),
            self.address.as_deref(),
            self.request_id.as_deref(),
            Some(&self.details),
        ];
        for column in columns {
            match column {
                None => hasher.update([0]),
                Some(text) => {
                    hasher.update([1]);
                    hasher.update((text.len() as u64).to_le_bytes());
                    hasher.update(text.as_bytes());
                }
            }
        }
        ChainHash(hasher.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserName;
    use crate::audit::{Act, Object};
    use model::UserId;

    fn record() -> Record {
        let name = UserName::new("ada").unwrap();
        let origin = Origin::proved(UserId(7), &name, "password").from_request(None, Some("r1"));
        let entry = Entry::new(Act::ChangeRole, Object::user(UserId(9), &name)).detail("to", "auditor\nx=y");
        Record { seq: 3, ..Record::new(Timestamp(5), &origin, &entry) }
    }

    #[test]
    fn details_are_what_was_given() {
        assert_eq!(record().details().collect::<Vec<_>>(), [("to", "auditor\\u{a}x=y")]);
    }

    #[test]
    fn every_column_counts() {
        let hash = |change: &dyn Fn(&mut Record)| {
            let mut changed = record();
            change(&mut changed);
            changed.hash_after(ChainHash::BEGINNING)
        };
        let changes: [&dyn Fn(&mut Record); 19] = [
            &|r| r.seq = 4,
            &|r| r.at = Timestamp(6),
            &|r| r.actor_kind.push('x'),
            &|r| r.actor_id = None,
            &|r| r.actor.push('x'),
            &|r| r.via.push('x'),
            &|r| r.via_id = Some(String::new()),
            &|r| r.act.push('x'),
            &|r| r.object_kind.push('x'),
            &|r| r.object_id = None,
            &|r| r.object.push('x'),
            &|r| r.outcome.push('x'),
            &|r| r.reason = Some(String::new()),
            &|r| r.address = Some(String::new()),
            &|r| r.request_id = None,
            &|r| r.details.push('x'),
            &|r| std::mem::swap(&mut r.actor, &mut r.via),
            // The border between two columns moves.
            &|r| (r.object_kind, r.object) = ("use".into(), "rada".into()),
            &|r| (r.via_id, r.act) = (Some("user.role".into()), String::new()),
        ];
        let mut hashes: Vec<_> = changes.iter().map(|change| hash(*change).to_hex()).collect();
        hashes.push(hash(&|_| ()).to_hex());
        hashes.push(record().hash_after(ChainHash([1; 32])).to_hex());
        let n_hashes = hashes.len();
        hashes.sort();
        hashes.dedup();
        assert_eq!(hashes.len(), n_hashes);
    }
}
