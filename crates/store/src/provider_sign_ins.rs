//! Sign-ins that are under way at an identity provider: what is kept while the browser is there.

use crate::database::values;
use crate::sealing::{SealedColumn, sealed_column};
use crate::{Fault, Store};
use access::{BrowserSecret, Digest, LinkSecret, SessionId};
use model::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vault::SecretBytes;

/// How long a person may be at the provider.
pub const PROVIDER_SIGN_IN_VALID_FOR: Duration = Duration::from_secs(10 * 60);
/// Most of them under way: strangers can begin them. Beyond them the one begun first ends.
const N_SIGN_INS_MAX: i64 = 10_000;

pub(crate) const SEALED: SealedColumn = sealed_column!("provider_sign_ins", "id", "sealed");

/// What somebody was sent to a provider for.
#[derive(Debug)]
pub enum ProviderPurpose {
    /// To sign in.
    SignIn,
    /// To accept an invitation, which this link is.
    Accept(LinkSecret),
    /// To link their account there with this one here, in this session.
    Link(UserId, SessionId),
    /// To prove again who they are, in this session.
    StepUp(UserId, SessionId),
}

/// What is kept of a sign-in at a provider until its answer comes.
#[derive(Debug)]
pub struct ProviderSignIn {
    /// What it is for.
    pub purpose: ProviderPurpose,
    /// Where to go afterwards, here.
    pub return_to: String,
    /// Where the answer is sent.
    pub redirect: String,
    /// What the token must name.
    pub nonce: SecretString,
    /// What the code was bound to.
    pub verifier: SecretString,
}

/// The same as it is sealed.
#[derive(Deserialize, Serialize)]
struct Sealed {
    purpose: SealedPurpose,
    return_to: String,
    redirect: String,
    nonce: String,
    verifier: String,
}

#[derive(Deserialize, Serialize)]
enum SealedPurpose {
    SignIn,
    Accept(String),
    Link(i64, String),
    StepUp(i64, String),
}

impl Store {
    /// Keeps what a sign-in at a provider needs when its answer comes: for the browser that holds this secret, for ten
    /// minutes, for one answer that names this state.
    pub async fn keep_provider_sign_in(
        &self,
        provider: &str,
        state: &SecretString,
        browser: &BrowserSecret,
        sign_in: &ProviderSignIn,
    ) -> Result<(), Fault> {
        const PUT: &str = "INSERT INTO provider_sign_ins (id, holder, provider, sealed, expires_at) \
             VALUES ($1, $2, $3, $4, $5)";
        const KEEP_NEWEST: &str = "DELETE FROM provider_sign_ins WHERE id IN \
             (SELECT id FROM provider_sign_ins ORDER BY expires_at DESC, id LIMIT 100 OFFSET $1)";
        let (id, now) = (id_of(state), self.now());
        let sealed = self.seal(&SEALED, &id, sign_in.to_json()?.expose())?;
        let expires_at = now.plus(PROVIDER_SIGN_IN_VALID_FOR);
        let mut transaction = self.database().begin().await?;
        transaction.execute("DELETE FROM provider_sign_ins WHERE expires_at <= $1", values![now]).await?;
        let holder = browser.digest().as_bytes().to_vec();
        transaction.execute(PUT, values![id, holder, provider, sealed, expires_at]).await?;
        transaction.execute(KEEP_NEWEST, values![N_SIGN_INS_MAX]).await?;
        transaction.commit().await
    }

    /// Finds what was kept for an answer, and uses it up by the same statement: of two answers with one state, however close
    /// together, one is heard. SECURITY: only for the browser that was sent to this provider.
    pub async fn take_provider_sign_in(
        &self,
        provider: &str,
        state: &SecretString,
        browser: &BrowserSecret,
    ) -> Result<Option<ProviderSignIn>, Fault> {
        const TAKE: &str = "DELETE FROM provider_sign_ins WHERE id = $1 AND holder = $2 AND provider = $3 \
             AND expires_at > $4 RETURNING sealed";
        let id = id_of(state);
        let values = values![&id, browser.digest().as_bytes().to_vec(), provider, self.now()];
        let mut transaction = self.database().begin().await?;
        let row = transaction.row(TAKE, values).await?;
        transaction.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let opened = self.open_sealed(&SEALED, &id, &row.bytes("sealed")?)?;
        ProviderSignIn::from_json(opened.expose())
            .map(Some)
            .ok_or(Fault::ImpossibleValue { column: "sealed" })
    }
}

impl ProviderSignIn {
    fn to_json(&self) -> Result<SecretBytes, Fault> {
        let purpose = match &self.purpose {
            ProviderPurpose::SignIn => SealedPurpose::SignIn,
            ProviderPurpose::Accept(link) => SealedPurpose::Accept(link.reveal().to_owned()),
            ProviderPurpose::Link(user, session) => SealedPurpose::Link(user.0, session.0.clone()),
            ProviderPurpose::StepUp(user, session) => SealedPurpose::StepUp(user.0, session.0.clone()),
        };
        let sealed = Sealed {
            purpose,
            return_to: self.return_to.clone(),
            redirect: self.redirect.clone(),
            nonce: self.nonce.expose_secret().to_owned(),
            verifier: self.verifier.expose_secret().to_owned(),
        };
        let bytes = serde_json::to_vec(&sealed).map_err(|_| Fault::ImpossibleValue { column: "sealed" })?;
        Ok(SecretBytes::new(bytes))
    }

    fn from_json(bytes: &[u8]) -> Option<Self> {
        let sealed: Sealed = serde_json::from_slice(bytes).ok()?;
        let purpose = match sealed.purpose {
            SealedPurpose::SignIn => ProviderPurpose::SignIn,
            SealedPurpose::Accept(link) => ProviderPurpose::Accept(LinkSecret::parse(&link).ok()?),
            SealedPurpose::Link(user, session) => ProviderPurpose::Link(UserId(user), SessionId(session)),
            SealedPurpose::StepUp(user, session) => ProviderPurpose::StepUp(UserId(user), SessionId(session)),
        };
        Some(ProviderSignIn {
            purpose,
            return_to: sealed.return_to,
            redirect: sealed.redirect,
            nonce: SecretString::from(sealed.nonce),
            verifier: SecretString::from(sealed.verifier),
        })
    }
}

fn id_of(state: &SecretString) -> String {
    let digest = Digest::of(state.expose_secret());
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
