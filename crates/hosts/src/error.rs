//! Why a code host did not answer as it should.

use access::Timestamp;
use egress::SendError;

/// Why there is no answer. Messages say what an administrator can do.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The credential is refused.
    #[error("the code host refuses the token: it is wrong, revoked or expired; enter a new one")]
    Unauthorized,
    /// The credential is known and may not do this.
    #[error("the token may not read {what}; give it the rights that the page of this kind names")]
    Forbidden {
        /// What was asked for.
        what: &'static str,
    },
    /// What was asked for is not there.
    #[error("the code host does not know {what}; check the address and the organization")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// Too many requests.
    #[error("the code host asks to wait: its limit of requests is reached")]
    RateLimited {
        /// Not before this moment.
        until: Timestamp,
    },
    /// It failed, or said something else than documented.
    #[error("the code host answers {status} to a request for {what}")]
    Status {
        /// The status of its answer.
        status: u16,
        /// What was asked for.
        what: &'static str,
    },
    /// A page instead of data.
    #[error(
        "the code host answers a request for {what} with a page instead of data; check the address, and whether a sign-in page stands before it"
    )]
    NotJson {
        /// What was asked for.
        what: &'static str,
    },
    /// Data of another form.
    #[error("the code host's answer to a request for {what} is not what is documented: {reason}")]
    Shape {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// "As before" to a question that was not asked before.
    #[error(
        "the code host answers 'not modified' to a question that was not asked before; something between caches answers"
    )]
    NotModified,
    /// A list without an end.
    #[error("a list of the code host goes in circles; it was not taken over")]
    PageLoop,
    /// A list that ended before its end.
    #[error("the code host announced {n_expected} {what} and listed {n_found}; the list was not taken over")]
    Incomplete {
        /// What was listed.
        what: &'static str,
        /// As many as it said there are.
        n_expected: u64,
        /// As many as came.
        n_found: u64,
    },
    /// This kind cannot.
    #[error("this kind of code host has no {what}")]
    Unsupported {
        /// What was asked for.
        what: &'static str,
    },
    /// The request did not get there, or not back.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A program or folder on this machine.
    #[error("{0}")]
    Local(String),
}

impl HostError {
    /// When it is worth trying again, where the host said so.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match self {
            HostError::RateLimited { until } => Some(*until),
            _ => None,
        }
    }
}
