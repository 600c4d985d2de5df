//! What goes wrong with a provider, in words for whoever wants to sign in.

use egress::{ClientError, DestinationError};

/// A provider cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// The id does not fit an address.
    #[error("'{id}' cannot be a provider's id: use 1 to 40 of a-z, 0-9 and '-'")]
    BadId {
        /// The id, cut.
        id: String,
    },
    /// The name is empty or too long.
    #[error("the provider '{id}' needs a name of 1 to 60 characters: it stands on the button")]
    BadName {
        /// Which provider.
        id: String,
    },
    /// The issuer is no address, or one that must not be connected to.
    #[error("the issuer of the provider '{id}': {reason}")]
    BadIssuer {
        /// Which provider.
        id: String,
        /// What is wrong.
        reason: DestinationError,
    },
    /// Anybody on the way could say who people are.
    #[error("the issuer of the provider '{id}' must begin with https:// (http:// is for this machine alone)")]
    Unencrypted {
        /// Which provider.
        id: String,
    },
    /// There is no client id.
    #[error("the provider '{id}' needs the client_id that it gave this server")]
    NoClientId {
        /// Which provider.
        id: String,
    },
    /// Two have one id, or one issuer.
    #[error("the providers '{id}' and '{other}' have the same issuer: one of them is enough")]
    SameIssuer {
        /// Which provider.
        id: String,
        /// Which other.
        other: String,
    },
    /// TLS cannot be used.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFault {
    /// No signature by a key of the provider.
    Signature,
    /// It is of another provider.
    Issuer,
    /// It is for another client.
    Audience,
    /// It answers another sign-in.
    Nonce,
    /// It is over, or not valid yet.
    Time,
    /// It says not whom it is about, or something else that cannot be.
    Content,
}

impl TokenFault {
    /// The word for the log.
    pub fn as_str(self) -> &'static str {
        match self {
            TokenFault::Signature => "signature",
            TokenFault::Issuer => "issuer",
            TokenFault::Audience => "audience",
            TokenFault::Nonce => "nonce",
            TokenFault::Time => "time",
            TokenFault::Content => "content",
        }
    }
}

/// A sign-in at a provider did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It did not answer.
    #[error("{name} cannot be asked: {reason}; try again later")]
    Unreachable {
        /// The provider.
        name: String,
        /// Why, without paths and secrets.
        reason: String,
    },
    /// It answers something else than was asked for.
    #[error("{name} gives {what} that cannot be used; whoever runs this server can check its issuer")]
    Malformed {
        /// The provider.
        name: String,
        /// What cannot be used.
        what: &'static str,
    },
    /// What is found at the issuer's address calls itself something else.
    #[error(
        "{name} calls itself another issuer than it is configured here; whoever runs this server can mend it"
    )]
    WrongIssuer {
        /// The provider.
        name: String,
    },
    /// It knows no PKCE with SHA-256.
    #[error("{name} does not offer PKCE with S256, without which nobody is sent there")]
    NoPkce {
        /// The provider.
        name: String,
    },
    /// The person was turned away there, or turned back.
    #[error("{name} did not let you in ({code}); try again")]
    Declined {
        /// The provider.
        name: String,
        /// Its word for it.
        code: String,
    },
    /// The answer came from another provider, or does not say from which.
    #[error(
        "this answer does not come from {name}: begin again, and tell whoever runs this server if it happens again"
    )]
    MixedUp {
        /// The provider that was asked.
        name: String,
    },
    /// Its answer has neither a code nor an error.
    #[error("{name} answered without a code: begin again")]
    NoCode {
        /// The provider.
        name: String,
    },
    /// It did not take the code, or not from us.
    #[error("{name} did not accept its own answer ({code}): begin again")]
    CodeRefused {
        /// The provider.
        name: String,
        /// Its word for it.
        code: String,
    },
    /// The token is not one to believe.
    #[error("{name} gave a proof that cannot be believed ({}): begin again", .fault.as_str())]
    Token {
        /// The provider.
        name: String,
        /// What is wrong with it.
        fault: TokenFault,
    },
    /// The client secret is not where the configuration says.
    #[error("{name} cannot be used now: this server cannot read its client secret")]
    Secret {
        /// The provider.
        name: String,
    },
    /// The machine gave no randomness.
    #[error("this machine gives no randomness: nobody can sign in")]
    NoRandomness,
}

impl ProviderError {
    /// Whether it is the provider, or what stands between, that failed; otherwise this sign-in was refused.
    pub fn is_outage(&self) -> bool {
        matches!(
            self,
            ProviderError::Unreachable { .. }
                | ProviderError::Malformed { .. }
                | ProviderError::WrongIssuer { .. }
                | ProviderError::NoPkce { .. }
                | ProviderError::Secret { .. }
                | ProviderError::NoRandomness
        )
    }

    /// The word for the audit log.
    pub fn word(&self) -> &'static str {
        match self {
            ProviderError::Unreachable { .. } => "the provider cannot be asked",
            ProviderError::Malformed { .. } => "the provider's answer cannot be used",
            ProviderError::WrongIssuer { .. } => "the provider calls itself another issuer",
            ProviderError::NoPkce { .. } => "the provider offers no S256",
            ProviderError::Declined { .. } => "the provider did not let them in",
            ProviderError::MixedUp { .. } => "the answer is another provider's",
            ProviderError::NoCode { .. } => "the answer has no code",
            ProviderError::CodeRefused { .. } => "the provider did not accept the code",
            ProviderError::Token { fault, .. } => match fault {
                TokenFault::Signature => "the token is not signed by the provider",
                TokenFault::Issuer => "the token is another provider's",
                TokenFault::Audience => "the token is for another client",
                TokenFault::Nonce => "the token answers another sign-in",
                TokenFault::Time => "the token is over or not valid yet",
                TokenFault::Content => "the token says what cannot be",
            },
            ProviderError::Secret { .. } => "the client secret cannot be read",
            ProviderError::NoRandomness => "no randomness",
        }
    }
}
