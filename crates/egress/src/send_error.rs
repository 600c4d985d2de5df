//! Why a request was not answered, or not sent.

use crate::connection::{CONNECT_TIMEOUT, ConnectError};
use crate::resolve::Unresolved;
use crate::{AddressRefused, LedgerError, PolicyRefused};
use std::error::Error;

/// Why there is no answer. No message holds a path, a query or a header.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The address has another scheme than https or http.
    #[error("only https:// and http:// addresses are connected to")]
    Scheme,
    /// An unencrypted address that is not the destination's own.
    #[error("'{origin}' is not encrypted; write https://")]
    Unencrypted {
        /// Where.
        origin: String,
    },
    /// The address holds a user name or a password.
    #[error("an address must hold no user name and no password; give the credential by itself")]
    UserInfo,
    /// The host's name ends with a dot.
    #[error("the host's name ends with a dot; write it without")]
    TrailingDot,
    /// There is no host.
    #[error("the address names no host")]
    NoHost,
    /// The address is one of another origin.
    #[error("an answer of '{own}' leads to '{origin}', which is not followed")]
    OtherOrigin {
        /// Where it leads.
        origin: String,
        /// Where it should have stayed.
        own: String,
    },
    /// The host leads to an address that must not be connected to.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The mode or a rule does not let it out.
    #[error(transparent)]
    Policy(#[from] PolicyRefused),
    /// It cannot be written down, so it is not sent.
    #[error("nothing was sent: {0}")]
    Ledger(#[from] LedgerError),
    /// The host's name cannot be resolved.
    #[error("the name '{host}' cannot be resolved: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// A redirect that cannot be followed: no or a bad place to go to, or not after this method.
    #[error("'{origin}' redirects to somewhere that cannot be followed; check the address")]
    BadRedirect {
        /// Who does.
        origin: String,
    },
    /// Redirects without an end.
    #[error("'{origin}' redirects more than {n_max} times")]
    TooManyRedirects {
        /// Who began.
        origin: String,
        /// How many are followed.
        n_max: usize,
    },
    /// The exchange took too long, or nothing came for too long.
    #[error("'{origin}' did not answer in time ({seconds} s)")]
    TimedOut {
        /// Who.
        origin: String,
        /// What it had, in seconds.
        seconds: u64,
    },
    /// Headers beyond the limit.
    #[error("'{origin}' answers with more than {n_bytes_max} bytes of headers")]
    HeadersTooLarge {
        /// Who.
        origin: String,
        /// The limit.
        n_bytes_max: usize,
    },
    /// A body beyond the limit, as sent or as unpacked.
    #[error("'{origin}' answers with more than {n_bytes_max} bytes")]
    BodyTooLarge {
        /// Who.
        origin: String,
        /// The limit.
        n_bytes_max: usize,
    },
    /// A body that cannot be unpacked.
    #[error("'{origin}' answers in an encoding that cannot be read")]
    BadEncoding {
        /// Who.
        origin: String,
    },
    /// The connection failed: refused, broken, not trusted, not HTTP.
    #[error("cannot talk to '{origin}': {reason}")]
    Transport {
        /// Who.
        origin: String,
        /// What was said, without the address.
        reason: String,
    },
    /// The request itself is none.
    #[error("the request to '{origin}' cannot be made: {reason}")]
    BadRequest {
        /// To whom.
        origin: String,
        /// Why.
        reason: String,
    },
}

impl SendError {
    /// Whether the same request may succeed a little later.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            SendError::TimedOut { .. } | SendError::Transport { .. } | SendError::Unresolved { .. }
        )
    }

    /// Finds what the HTTP library wrapped.
    pub(crate) fn from_transport(error: &(dyn Error + 'static), origin: &str) -> Self {
        let origin = origin.to_owned();
        let mut innermost = String::new();
        let mut cause = Some(error);
        while let Some(current) = cause {
            match current.downcast_ref::<ConnectError>() {
                Some(ConnectError::Policy(refused)) => return SendError::Policy(refused.clone()),
                Some(ConnectError::Address(refused)) => return SendError::Address(refused.clone()),
                Some(ConnectError::Unresolved(Unresolved { host, reason })) => {
                    return SendError::Unresolved { host: host.clone(), reason: reason.clone() };
                }
                Some(ConnectError::Ledger(error)) => return SendError::Ledger(error.clone()),
                Some(ConnectError::TimedOut) => {
                    return SendError::TimedOut { origin, seconds: CONNECT_TIMEOUT.as_secs() };
                }
                Some(ConnectError::Failed(_)) | None => {}
            }
            innermost = current.to_string();
            cause = current.source();
        }
        // The outermost says "client error"; the innermost says why.
        SendError::Transport { origin, reason: innermost }
    }
}
