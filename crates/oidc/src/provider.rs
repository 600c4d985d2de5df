//! One provider: where a browser is sent, and who came back.

use crate::error::TokenFault;
use crate::memory::{Http, Known, Memory, Metadata};
use crate::person::{self, Person};
use crate::{NewAccounts, OptionsError, ProviderError, ProviderOptions, SecondFactorTrust};
use access::{Clock, Randomness, Timestamp};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use egress::{Destination, Egress, Limits, Purpose, Reach, SendError};
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken, CoreIdTokenClaims,
    CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm as Alg, CoreTokenResponse,
    CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthType, AuthenticationContextClass, AuthorizationCode, ClaimsVerificationError, ClientId,
    ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, ErrorResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse as _,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use url::Url;

/// The clocks of two machines may differ by this much.
const SKEW: Duration = Duration::from_secs(60);
/// A token is issued while somebody waits for it.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(10 * 60);
/// Longest code that is passed on.
const CODE_BYTES_MAX: usize = 8192;

/// What signatures are made with that anybody can verify and nobody but the provider can make. SECURITY: neither `none` nor
/// those with a shared secret (HS256 and its kin), so that no published key can be taken for one.
const ALGORITHMS: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider, ready to be asked. What it knows is kept and shared by everybody who signs in there.
pub struct Provider {
    options: ProviderOptions,
    issuer: IssuerUrl,
    http: Http,
    memory: Memory,
    clock: Arc<dyn Clock>,
}

/// A sign-in that begins.
pub struct Begun {
    /// Where to send the browser. Holds the state and the nonce: for that browser alone.
    pub address: Url,
    /// What the answer will be recognised by.
    pub state: SecretString,
    /// What to keep until then, for that browser, out of everybody's sight.
    pub kept: Kept,
}

/// What is kept of a sign-in until its answer comes, which it is good for once.
pub struct Kept {
    /// Where the answer is sent.
    pub redirect: String,
    /// What the token must name.
    pub nonce: SecretString,
    /// What the code was bound to (RFC 7636).
    pub verifier: SecretString,
}

/// What a browser brings back, unread.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The code.
    pub code: Option<SecretString>,
    /// The provider's word for what went wrong.
    pub error: Option<String>,
    /// Who answers (RFC 9207).
    pub issuer: Option<String>,
}

impl Provider {
    /// A provider that is asked through this door. Nothing is asked yet: one that is down keeps no server from starting.
    pub fn new(
        options: ProviderOptions,
        egress: &Egress,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OptionsError> {
        const LIMITS: Limits = Limits {
            header_bytes_max: 64 << 10,
            body_bytes_max: 1 << 20,
            time_max: Duration::from_secs(10),
            silence_max: Duration::from_secs(10),
            n_redirects_max: 3,
            n_at_once_max: 16,
        };
        options.check()?;
        let bad = |reason| OptionsError::BadIssuer { id: options.id.clone(), reason };
        let (networks, purpose) = (options.networks.clone(), Purpose::IdentityProvider);
        let destination =
            Destination::new(purpose, &options.issuer, networks, Reach::AnyPublic).map_err(bad)?;
        let destination = destination.asked_by(&format!("identity provider {}", options.id));
        let malformed = || bad(egress::DestinationError::Malformed);
        let issuer = IssuerUrl::new(options.issuer.clone()).map_err(|_| malformed())?;
        let http = Http(egress.client(destination, LIMITS)?);
        let memory = Memory::new(options.name.clone(), issuer.clone(), Arc::clone(&clock));
        Ok(Provider { options, issuer, http, memory, clock })
    }

    /// What the operator says of it.
    pub fn options(&self) -> &ProviderOptions {
        &self.options
    }

    /// Sends somebody there. `redirect` is where they come back to; with `anew` they are asked to prove who they are even
    /// where the provider knows them already.
    pub async fn begin(
        &self,
        redirect: &str,
        anew: bool,
        randomness: &dyn Randomness,
    ) -> Result<Begun, ProviderError> {
        let known = self.memory.known(&self.http).await?;
        let (state, nonce, verifier) = (drawn(randomness)?, drawn(randomness)?, drawn(randomness)?);
        let kept = Kept { redirect: redirect.to_owned(), nonce, verifier };
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&pkce(&kept.verifier));
        let (csrf, nonce) = (CsrfToken::new(revealed(&state)), Nonce::new(revealed(&kept.nonce)));
        let client = self.client(&known.metadata, None);
        let redirect = self.redirect(redirect)?;
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, move || csrf, move || nonce)
            .set_redirect_uri(Cow::Owned(redirect))
            .set_pkce_challenge(challenge)
            .add_scopes(self.options.scopes.iter().cloned().map(Scope::new));
        if let SecondFactorTrust::Stated(words) = &self.options.second_factor {
            // Which of them are classes of authentication the provider knows; to the others it is nothing.
            let classes = words.iter().cloned().map(AuthenticationContextClass::new);
            request = classes.fold(request, |request, class| request.add_auth_context_value(class));
        }
        if anew {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        Ok(Begun { address: request.url().0, state, kept })
    }

    /// Says who came back with this answer to what was begun.
    pub async fn finish(&self, answer: &Answer, kept: &Kept) -> Result<Person, ProviderError> {
        let name = || self.options.name.clone();
        let known = self.memory.known(&self.http).await?;
        self.check_sender(answer, &known.metadata)?;
        if let Some(code) = &answer.error {
            return Err(ProviderError::Declined { name: name(), code: word(code) });
        }
        let code = answer.code.as_ref().ok_or_else(|| ProviderError::NoCode { name: name() })?;
        if code.expose_secret().is_empty() || code.expose_secret().len() > CODE_BYTES_MAX {
            return Err(ProviderError::NoCode { name: name() });
        }
        let secret = match &self.options.client_secret {
            Some(source) => Some(source().map_err(|reason| {
                tracing::error!(provider = self.options.id, reason, "the client secret cannot be read");
                ProviderError::Secret { name: name() }
            })?),
            None => None,
        };
        let client = self.client(&known.metadata, secret);
        let response = self.exchange(&client, code, kept).await?;
        let token = response.id_token().ok_or_else(|| self.malformed("an answer without an ID token"))?;
        let nonce = Nonce::new(revealed(&kept.nonce));
        let claims = self.verified(token, &nonce, known).await?;
        let mut person = self.person(&claims)?;
        if person.verified_address.is_none() && matches!(self.options.new_accounts, NewAccounts::Domains(_)) {
            let more = self.user_info(&client, response.access_token().clone(), &claims).await;
            person.name = person.name.or_else(|| more.as_ref().and_then(name_in_info));
            person.verified_address = more.as_ref().and_then(address_in_info);
        }
        Ok(person)
    }

    /// Where to send a browser that signs out there, too (RP-Initiated Logout 1.0), and that comes back to `back` if the
    /// provider was told of that address. `None` where the provider has no such place.
    ///
    /// No ID token is kept to name whom it is about: a provider that wants to know asks.
    pub async fn sign_out(&self, back: &str) -> Result<Option<Url>, ProviderError> {
        let known = self.memory.known(&self.http).await?;
        let place = known.metadata.additional_metadata().sign_out_endpoint(&self.issuer);
        Ok(place.map(|mut place| {
            let about = [("client_id", self.options.client_id.as_str()), ("post_logout_redirect_uri", back)];
            place.query_pairs_mut().extend_pairs(about);
            place
        }))
    }

    /// Whether somebody new gets an account.
    pub fn admits(&self, person: &Person) -> bool {
        match &self.options.new_accounts {
            NewAccounts::Nobody => false,
            NewAccounts::Anybody => true,
            NewAccounts::Domains(domains) => person
                .domain()
                .is_some_and(|domain| domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain))),
        }
    }
}

impl Provider {
    /// SECURITY: an answer of another provider, sent to our address for this one (mix-up, RFC 9207), stops here, before its
    /// code is shown to anybody.
    fn check_sender(&self, answer: &Answer, metadata: &Metadata) -> Result<(), ProviderError> {
        let says_who = metadata.additional_metadata().authorization_response_iss_parameter_supported;
        match &answer.issuer {
            Some(issuer) if *issuer == *self.issuer.as_str() => Ok(()),
            None if !says_who => Ok(()),
            _ => Err(ProviderError::MixedUp { name: self.options.name.clone() }),
        }
    }

    fn client(&self, metadata: &Metadata, secret: Option<SecretString>) -> Client {
        let secret = secret.map(|secret| ClientSecret::new(revealed(&secret)));
        let methods = metadata.token_endpoint_auth_methods_supported();
        let knows = |method: &CoreClientAuthMethod| methods.is_none_or(|methods| methods.contains(method));
        let by_header = secret.is_some() && knows(&CoreClientAuthMethod::ClientSecretBasic);
        let kind = if by_header { AuthType::BasicAuth } else { AuthType::RequestBody };
        let id = ClientId::new(self.options.client_id.clone());
        CoreClient::from_provider_metadata(metadata.clone(), id, secret).set_auth_type(kind)
    }

    fn redirect(&self, redirect: &str) -> Result<RedirectUrl, ProviderError> {
        RedirectUrl::new(redirect.to_owned()).map_err(|_| self.malformed("an address to come back to"))
    }

    async fn exchange(
        &self,
        client: &Client,
        code: &SecretString,
        kept: &Kept,
    ) -> Result<CoreTokenResponse, ProviderError> {
        let request = client.exchange_code(AuthorizationCode::new(revealed(code)));
        let request = request.map_err(|_| self.malformed("metadata without a token endpoint"))?;
        let request = request
            .set_pkce_verifier(pkce(&kept.verifier))
            .set_redirect_uri(Cow::Owned(self.redirect(&kept.redirect)?));
        request.request_async(&self.http).await.map_err(|error| self.exchange_fault(error))
    }

    fn exchange_fault<T: ErrorResponse + fmt::Display>(
        &self,
        error: RequestTokenError<SendError, T>,
    ) -> ProviderError {
        let name = self.options.name.clone();
        match error {
            RequestTokenError::Request(error) => {
                ProviderError::Unreachable { name, reason: error.to_string() }
            }
            RequestTokenError::ServerResponse(refusal) => {
                let text = refusal.to_string();
                let code = word(text.split([':', ' ']).next().unwrap_or_default());
                match code.as_str() {
                    "server error" | "temporarily unavailable" => {
                        ProviderError::Unreachable { name, reason: format!("it says '{code}'") }
                    }
                    _ => ProviderError::CodeRefused { name, code },
                }
            }
            _ => self.malformed("an answer to its code"),
        }
    }

    /// The claims of a token that is one. A key that is not known may be new: then the keys are read again, once.
    async fn verified(
        &self,
        token: &CoreIdToken,
        nonce: &Nonce,
        known: Known,
    ) -> Result<CoreIdTokenClaims, ProviderError> {
        match self.verify(token, nonce, known.keys.clone()) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => match self.memory.newer_keys(&self.http, &known).await? {
                Some(keys) => self.verify(token, nonce, keys).map_err(|error| self.token_fault(&error)),
                None => Err(self.token(TokenFault::Signature)),
            },
            verified => verified.map_err(|error| self.token_fault(&error)),
        }
    }

    fn verify(
        &self,
        token: &CoreIdToken,
        nonce: &Nonce,
        keys: CoreJsonWebKeySet,
    ) -> Result<CoreIdTokenClaims, ClaimsVerificationError> {
        let now = self.clock.now();
        let client_id = ClientId::new(self.options.client_id.clone());
        let verifier = CoreIdTokenVerifier::new_public_client(client_id.clone(), self.issuer.clone(), keys)
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || at(now.minus(SKEW)).into())
            .set_issue_time_verifier_fn(move |issued_at| {
                let issued_at = Timestamp(issued_at.timestamp_millis());
                let is_now = issued_at <= now.plus(SKEW) && now.minus(TOKEN_AGE_MAX) <= issued_at;
                is_now.then_some(()).ok_or_else(|| "issued at another time".to_owned())
            });
        let claims = token.claims(&verifier, nonce)?;
        // Whom it was issued to (§3.1.3.7, 4 and 5); the library leaves that to its callers.
        match claims.authorized_party() {
            Some(party) if *party != client_id => {
                Err(ClaimsVerificationError::InvalidAudience("another party".to_owned()))
            }
            _ => Ok(claims.clone()),
        }
    }

    fn person(&self, claims: &CoreIdTokenClaims) -> Result<Person, ProviderError> {
        let subject = claims.subject().as_str();
        if !person::is_subject(subject) {
            return Err(self.token(TokenFault::Content));
        }
        let address = claims.email().filter(|_| claims.email_verified() == Some(true));
        let name = claims.preferred_username().map(|name| person::shown(name.as_str()));
        Ok(Person {
            subject: subject.to_owned(),
            name: name.filter(|name| !name.is_empty()),
            verified_address: address.and_then(|address| person::address(address.as_str())),
            proved_at: claims.auth_time().map(|at| Timestamp(at.timestamp_millis())),
            has_second_factor: self.counts_as_second_factor(claims),
        })
    }

    fn counts_as_second_factor(&self, claims: &CoreIdTokenClaims) -> bool {
        let words = match &self.options.second_factor {
            SecondFactorTrust::Never => return false,
            SecondFactorTrust::Always => return true,
            SecondFactorTrust::Stated(words) => words,
        };
        let methods = claims.auth_method_refs().into_iter().flatten().map(|method| method.as_str());
        let class = claims.auth_context_ref().map(|class| class.as_str());
        methods.chain(class).any(|stated| words.iter().any(|word| word == stated))
    }

    /// What the provider tells beside the token; some tell addresses only here. Failing is no reason to turn anybody away.
    async fn user_info(
        &self,
        client: &Client,
        token: AccessToken,
        claims: &CoreIdTokenClaims,
    ) -> Option<CoreUserInfoClaims> {
        let request = client.user_info(token, Some(claims.subject().clone())).ok()?;
        match request.request_async(&self.http).await {
            Ok(info) => Some(info),
            Err(_) => {
                tracing::info!(provider = self.options.id, "the provider's user info cannot be used");
                None
            }
        }
    }

    fn token_fault(&self, error: &ClaimsVerificationError) -> ProviderError {
        let fault = match error {
            ClaimsVerificationError::Expired(_) => TokenFault::Time,
            ClaimsVerificationError::InvalidAudience(_) => TokenFault::Audience,
            ClaimsVerificationError::InvalidIssuer(_) => TokenFault::Issuer,
            ClaimsVerificationError::InvalidNonce(_) => TokenFault::Nonce,
            ClaimsVerificationError::SignatureVerification(_) => TokenFault::Signature,
            _ => TokenFault::Content,
        };
        self.token(fault)
    }

    fn token(&self, fault: TokenFault) -> ProviderError {
        ProviderError::Token { name: self.options.name.clone(), fault }
    }

    fn malformed(&self, what: &'static str) -> ProviderError {
        ProviderError::Malformed { name: self.options.name.clone(), what }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Provider({:?})", self.options)
    }
}

fn name_in_info(info: &CoreUserInfoClaims) -> Option<String> {
    info.preferred_username().map(|name| person::shown(name.as_str())).filter(|name| !name.is_empty())
}

fn address_in_info(info: &CoreUserInfoClaims) -> Option<String> {
    let address = info.email().filter(|_| info.email_verified() == Some(true));
    address.and_then(|address| person::address(address.as_str()))
}

/// 256 bits, as text.
fn drawn(randomness: &dyn Randomness) -> Result<SecretString, ProviderError> {
    let mut bytes = [0; 32];
    randomness.fill(&mut bytes).map_err(|_| ProviderError::NoRandomness)?;
    Ok(SecretString::from(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
}

fn pkce(verifier: &SecretString) -> PkceCodeVerifier {
    PkceCodeVerifier::new(revealed(verifier))
}

fn revealed(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

fn at(now: Timestamp) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0))
}

/// An error code of the protocol (RFC 6749 §4.1.2.1) as it may be shown: a short word.
fn word(code: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !code.is_empty() && code.len() <= 60 && code.chars().all(plain) {
        true => code.replace('_', " "),
        false => "an error without a name".to_owned(),
    }
}
