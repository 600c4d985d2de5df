//! What is known of a provider: its metadata (OpenID Connect Discovery 1.0) and its keys, asked for when they are needed.

use crate::ProviderError;
use crate::options::is_this_machine;
use access::{Clock, Timestamp};
use egress::{Client, SendError};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, DiscoveryError, HttpRequest, HttpResponse, IssuerUrl,
    ProviderMetadata,
};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use url::Url;

/// How long metadata and keys are believed.
const BELIEVED_FOR: Duration = Duration::from_secs(60 * 60);
/// How long a failure is told again before the provider is asked anew.
const FAILED_FOR: Duration = Duration::from_secs(5);
/// Between two looks for keys that are not known.
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);
/// How long somebody waits for the answer that somebody else asked for.
const PATIENCE: Duration = Duration::from_secs(15);
/// Most keys of a provider: verifying looks at each.
const N_KEYS_MAX: usize = 100;
/// Longest address that a browser is sent to for signing out: it goes into a header.
const ADDRESS_BYTES_MAX: usize = 2000;

/// What a provider says of itself beside the fields that the library knows.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Extra {
    /// RFC 9207: its answers say whose they are.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
    /// RFC 8414: how codes may be bound to whoever asked.
    #[serde(default)]
    pub(crate) code_challenge_methods_supported: Option<Vec<String>>,
    /// RP-Initiated Logout 1.0: where browsers sign out. Kept unread, so that a strange one keeps nobody from signing in.
    #[serde(default)]
    pub(crate) end_session_endpoint: Option<serde_json::Value>,
}

impl Extra {
    /// Where browsers sign out, where the provider says so with an address they may be sent to.
    pub(crate) fn sign_out_endpoint(&self, issuer: &IssuerUrl) -> Option<Url> {
        let text = self.end_session_endpoint.as_ref()?.as_str()?;
        let url = Url::parse(text).ok().filter(|url| url.as_str().len() <= ADDRESS_BYTES_MAX)?;
        is_for_browsers(&url, issuer).then_some(url)
    }
}

/// Whether a browser may be sent there: an address that is a script, or unencrypted elsewhere, is none.
fn is_for_browsers(place: &Url, issuer: &IssuerUrl) -> bool {
    let is_own = place.origin() == issuer.url().origin();
    place.scheme() == "https" || place.scheme() == "http" && is_own && is_this_machine(place)
}

impl AdditionalProviderMetadata for Extra {}

/// What a provider says of itself.
pub(crate) type Metadata = ProviderMetadata<
    Extra,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// The library's way out: ours.
pub(crate) struct Http(pub(crate) Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = SendError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, SendError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.send(request))
    }
}

/// What is known of a provider at a moment. The number tells one reading of the keys from the next.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) keys: CoreJsonWebKeySet,
    n_reading: u64,
    read_at: Timestamp,
}

/// Keeps what is known.
pub(crate) struct Memory {
    name: String,
    issuer: IssuerUrl,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    known: Option<Known>,
    failed: Option<(Timestamp, ProviderError)>,
    looked_at: Option<Timestamp>,
}

impl Memory {
    pub(crate) fn new(name: String, issuer: IssuerUrl, clock: Arc<dyn Clock>) -> Self {
        Memory { name, issuer, clock, kept: Mutex::default() }
    }

    /// The metadata and the keys; asked for where they are not known or too old. Who comes meanwhile waits for the answer.
    pub(crate) async fn known(&self, http: &Http) -> Result<Known, ProviderError> {
        let mut kept = self.lock().await?;
        let now = self.clock.now();
        if let Some(known) = kept.known.as_ref().filter(|known| now.since(known.read_at) < BELIEVED_FOR) {
            return Ok(known.clone());
        }
        if let Some((_, error)) = kept.failed.as_ref().filter(|(at, _)| now.since(*at) < FAILED_FOR) {
            return Err(error.clone());
        }
        let n_reading = kept.known.as_ref().map_or(0, |known| known.n_reading + 1);
        match self.discover(http).await {
            Ok(metadata) => {
                let keys = metadata.jwks().clone();
                let known = Known { metadata: Arc::new(metadata), keys, n_reading, read_at: now };
                (kept.known, kept.failed) = (Some(known.clone()), None);
                Ok(known)
            }
            Err(error) => {
                kept.failed = Some((now, error.clone()));
                Err(error)
            }
        }
    }

    /// Newer keys than the ones at hand, because one was not among them. SECURITY: tokens of strangers name keys, too, so
    /// the provider is asked once a minute at most.
    pub(crate) async fn newer_keys(
        &self,
        http: &Http,
        had: &Known,
    ) -> Result<Option<CoreJsonWebKeySet>, ProviderError> {
        let mut kept = self.lock().await?;
        let now = self.clock.now();
        let is_just_looked = kept.looked_at.is_some_and(|at| now.since(at) < BETWEEN_LOOKS);
        let Some(known) = kept.known.as_mut() else { return Ok(None) };
        if known.n_reading != had.n_reading {
            return Ok(Some(known.keys.clone()));
        }
        if is_just_looked {
            return Ok(None);
        }
        let keys = CoreJsonWebKeySet::fetch_async(known.metadata.jwks_uri(), http).await;
        kept.looked_at = Some(now);
        let keys = self.checked_keys(keys.map_err(|error| self.fault(error, "keys"))?)?;
        if let Some(known) = kept.known.as_mut() {
            (known.keys, known.n_reading) = (keys.clone(), known.n_reading + 1);
        }
        Ok(Some(keys))
    }

    async fn lock(&self) -> Result<tokio::sync::MutexGuard<'_, Kept>, ProviderError> {
        let reason = "it is slow, and others wait for it already".to_owned();
        let busy = |_| ProviderError::Unreachable { name: self.name.clone(), reason };
        tokio::time::timeout(PATIENCE, self.kept.lock()).await.map_err(busy)
    }

    async fn discover(&self, http: &Http) -> Result<Metadata, ProviderError> {
        let found = Metadata::discover_async(self.issuer.clone(), http).await;
        let metadata = found.map_err(|error| self.fault(error, "metadata"))?;
        if !is_for_browsers(metadata.authorization_endpoint().url(), &self.issuer) {
            return Err(self.malformed("an address to sign in at"));
        }
        if metadata.token_endpoint().is_none() {
            return Err(self.malformed("metadata without a token endpoint"));
        }
        let methods = metadata.additional_metadata().code_challenge_methods_supported.as_ref();
        if methods.is_some_and(|methods| !methods.iter().any(|method| method == "S256")) {
            return Err(ProviderError::NoPkce { name: self.name.clone() });
        }
        self.checked_keys(metadata.jwks().clone())?;
        Ok(metadata)
    }

    fn checked_keys(&self, keys: CoreJsonWebKeySet) -> Result<CoreJsonWebKeySet, ProviderError> {
        match keys.keys().len() > N_KEYS_MAX {
            true => Err(self.malformed("more keys than a provider has")),
            false => Ok(keys),
        }
    }

    fn fault(&self, error: DiscoveryError<SendError>, what: &'static str) -> ProviderError {
        let name = self.name.clone();
        match error {
            DiscoveryError::Request(error) => ProviderError::Unreachable { name, reason: error.to_string() },
            DiscoveryError::Response(status, ..) if status.is_server_error() => ProviderError::Unreachable {
                name,
                reason: format!("it answers with status {}", status.as_u16()),
            },
            DiscoveryError::Validation(_) => ProviderError::WrongIssuer { name },
            _ => ProviderError::Malformed { name, what },
        }
    }

    fn malformed(&self, what: &'static str) -> ProviderError {
        ProviderError::Malformed { name: self.name.clone(), what }
    }
}
