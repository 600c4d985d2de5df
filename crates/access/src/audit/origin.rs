//! Who acts, and by which way they came.

use super::AuditText;
use crate::{Actor, Caller, UserName, Via};
use model::UserId;
use std::net::IpAddr;

/// Whose act it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// An account.
    User {
        /// Its number.
        id: UserId,
        /// Its name then.
        name: UserName,
    },
    /// Whoever runs the program on the data directory.
    LocalOperator,
    /// Somebody who is not signed in.
    Nobody,
    /// The server itself: a schedule, a code host's permissions, an expiry.
    System,
}

/// Whose act it is, how they were recognised and where the request came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    pub(crate) who: Who,
    /// How they were recognised: `session`, `token`, …, or which part of the server acts.
    pub(crate) via: &'static str,
    /// The public id of the session or token.
    pub(crate) via_id: Option<AuditText>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) request: Option<AuditText>,
}

impl Origin {
    /// A part of the server that acts by itself.
    pub const fn system(part: &'static str) -> Self {
        Origin { who: Who::System, via: part, via_id: None, address: None, request: None }
    }

    /// The person at the data directory.
    pub const fn local_operator() -> Self {
        Origin { who: Who::LocalOperator, via: "command-line", via_id: None, address: None, request: None }
    }

    /// Somebody who has not said yet who they are.
    pub const fn nobody() -> Self {
        Origin { who: Who::Nobody, via: "none", via_id: None, address: None, request: None }
    }

    /// Whoever sent a request.
    pub fn of(actor: &Actor) -> Self {
        let Caller::User { id, name, via, .. } = &actor.caller else { return Origin::local_operator() };
        let (via, via_id) = match via {
            Via::Session(session) => ("session", session.0.as_str()),
            Via::Token(token) => ("token", token.0.as_str()),
        };
        let who = Who::User { id: *id, name: name.clone() };
        Origin { who, via, via_id: Some(AuditText::new(via_id)), address: None, request: None }
    }

    /// An account that has just proved who it is, by this way (`password`, `oidc`, …).
    pub fn proved(id: UserId, name: &UserName, via: &'static str) -> Self {
        let who = Who::User { id, name: name.clone() };
        Origin { who, via, via_id: None, address: None, request: None }
    }

    /// The same, from this address, as this request.
    pub fn from_request(mut self, address: Option<IpAddr>, request: Option<&str>) -> Self {
        self.address = address.map(|address| address.to_canonical());
        self.request = request.map(AuditText::new);
        self
    }

    /// The same request, by somebody else: who was nobody before they proved who they are.
    pub fn as_who(&self, other: Origin) -> Self {
        Origin { address: self.address, request: self.request.clone(), ..other }
    }

    /// Whose act it is.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        match &self.who {
            Who::User { name, .. } => name.as_str(),
            Who::LocalOperator => "local operator",
            Who::Nobody => "nobody",
            Who::System => self.via,
        }
    }

    /// The account, where there is one.
    pub fn user_id(&self) -> Option<UserId> {
        match &self.who {
            Who::User { id, .. } => Some(*id),
            _ => None,
        }
    }
}
