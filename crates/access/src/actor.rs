//! Who is calling.

use crate::{Capabilities, Capability, Scope, UserName, Verb};
use model::UserId;
use std::fmt;

/// The public name of a token: random, so that it tells nothing of other people's; not the secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub String);

/// The public name of a session: random; not the secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub String);

macro_rules! random_id {
    ($id:ident) => {
        impl $id {
            /// Draws a new one: 16 base62 characters, 95 bits.
            pub fn draw(randomness: &dyn crate::Randomness) -> Result<Self, crate::RandomnessError> {
                let mut text = String::new();
                crate::credential::push_random_base62(&mut text, 16, randomness)?;
                Ok($id(text))
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}
random_id!(TokenId);
random_id!(SessionId);

/// What an account may administer. A role reads no code: see [`crate::access_set`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Uses the instance.
    Member,
    /// Looks after the instance: accounts, settings, repositories' presence; not their content.
    Administrator,
    /// Reads the audit log and runs access reviews, and reads no code, whatever it was granted: who examines how the others
    /// behave is none of them.
    Auditor,
    /// A role that was made here: a member with these capabilities.
    Custom(Capabilities),
}

impl Role {
    /// What it allows.
    pub fn capabilities(self) -> Capabilities {
        match self {
            Role::Member => Capabilities::NONE,
            Role::Administrator => Capabilities::ALL,
            Role::Auditor => Capabilities::of([Capability::ReadAudit, Capability::RunReviews]),
            Role::Custom(capabilities) => capabilities,
        }
    }

    /// What a built-in one is called; `custom` for all others.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Member => "member",
            Role::Administrator => "administrator",
            Role::Auditor => "auditor",
            Role::Custom(_) => "custom",
        }
    }
}

/// How a user's request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// With a session cookie.
    Session(SessionId),
    /// With an API token.
    Token(TokenId),
}

/// Whose rights a request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An account, by a session or a token.
    User {
        /// The account.
        id: UserId,
        /// Its name.
        name: UserName,
        /// Its role.
        role: Role,
        /// How it was recognised.
        via: Via,
    },
    /// Whoever runs the program on the data directory. They hold the database and the mirrors as files already: nothing
    /// can be kept from them, and everything can be repaired by them.
    LocalOperator,
}

/// Who is calling, and what the credential they used allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Whose rights.
    pub caller: Caller,
    /// How far the credential narrows them.
    pub scope: Scope,
}

impl Actor {
    /// The person at the data directory.
    pub const LOCAL_OPERATOR: Actor = Actor { caller: Caller::LocalOperator, scope: Scope::FULL };

    /// The account, where there is one.
    pub fn user_id(&self) -> Option<UserId> {
        match &self.caller {
            Caller::User { id, .. } => Some(*id),
            Caller::LocalOperator => None,
        }
    }

    /// The name to show.
    pub fn name(&self) -> &str {
        match &self.caller {
            Caller::User { name, .. } => name.as_str(),
            Caller::LocalOperator => "local operator",
        }
    }

    /// Whether the caller may do this kind of thing, as far as the credential is asked.
    pub fn may(&self, verb: Verb) -> bool {
        self.scope.verbs.contains(verb)
    }

    /// Whether the caller may do this part of administering now: by role and by credential.
    pub fn can(&self, capability: Capability) -> bool {
        let by_role = match &self.caller {
            Caller::User { role, .. } => role.capabilities().contains(capability),
            Caller::LocalOperator => true,
        };
        by_role && self.may(Verb::Admin)
    }

    /// Whether the caller may upload and remove precise indexes of what they may read: a program does that with every build,
    /// so its token needs to be able to write and not to administer.
    pub fn may_upload_precise(&self) -> bool {
        let by_role = match &self.caller {
            Caller::User { role, .. } => role.capabilities().contains(Capability::UploadPrecise),
            Caller::LocalOperator => true,
        };
        by_role && self.may(Verb::Write)
    }

    /// Whether the caller may administer the instance now: by role and by credential.
    pub fn is_administrator(&self) -> bool {
        let by_role = match &self.caller {
            Caller::User { role, .. } => *role == Role::Administrator,
            Caller::LocalOperator => true,
        };
        by_role && self.may(Verb::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verbs;

    fn user(role: Role, verbs: Verbs) -> Actor {
        let via = Via::Token(TokenId("t".into()));
        let name = UserName::new("ada").unwrap();
        Actor {
            caller: Caller::User { id: UserId(1), name, role, via },
            scope: Scope { verbs, ..Scope::FULL },
        }
    }

    #[test]
    fn administering_needs_role_and_verb() {
        assert!(user(Role::Administrator, Verbs::ALL).is_administrator());
        assert!(!user(Role::Administrator, Verbs::READ).is_administrator());
        assert!(!user(Role::Member, Verbs::ALL).is_administrator());
        assert!(Actor::LOCAL_OPERATOR.is_administrator());
    }
}
