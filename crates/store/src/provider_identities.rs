//! Whose accounts at identity providers are whose here, and signing in by them.
//!
//! SECURITY: an account there is its issuer and subject. Names and addresses move from one person to another and decide nothing.

use crate::account_links::{LinkKind, kind_in};
use crate::database::{Row, Transaction, values};
use crate::explicit::{Address, Who, claim_pending};
use crate::pending_sign_in::FirstStep;
use crate::sessions::{SessionLimits, SessionOrigin};
use crate::sign_in::SignInError;
use crate::users::{insert_in, role_as_stored};
use crate::{Fault, Store, Timestamp, User, access_facts, audit_objects, second_factors};
use access::audit::{Act, Entry, Object, Origin};
use access::{LinkSecret, Role, SecondFactor, SessionId, SessionSecret, UserName};
use model::UserId;

/// Longest issuer, subject and label.
const TEXT_BYTES_MAX: usize = 2000;
/// The setting that says whether accounts that are linked with a provider may be signed in to with a password.
const PASSWORD_BESIDE: &str = "sign_in.password_beside_provider";

/// Somebody at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderIdentity {
    /// The provider, as it calls itself.
    pub issuer: String,
    /// What it calls them, for ever.
    pub subject: String,
    /// What to show of them.
    pub label: String,
}

/// An account at a provider that is somebody's here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// Who it is there.
    pub identity: ProviderIdentity,
    /// Since when.
    pub linked_at: Timestamp,
    /// When it was last used to sign in.
    pub last_used_at: Option<Timestamp>,
}

/// An account could not be linked, or unlinked.
#[derive(Debug, thiserror::Error)]
pub enum LinkProviderError {
    /// It is somebody else's already.
    #[error("this account there belongs to another person here: unlink it there first")]
    Taken,
    /// This account has another one there.
    #[error("the account is linked with another one there already: unlink that first")]
    HasAnother,
    /// No provider calls anybody that.
    #[error(
        "this is not what a provider calls somebody: its administration shows the identifier ('sub', at most 255 characters)"
    )]
    BadSubject,
    /// There is no such account or link, or the invitation is over.
    #[error("there is no such link any more: ask for a new one")]
    Unknown,
    /// Nobody could sign in to the account any more.
    #[error("this is the last way into the account: set a password or register a passkey first")]
    LastWayIn,
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// How an account can be signed in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaysIn {
    /// It has a password.
    pub has_password: bool,
    /// It is linked with so many providers.
    pub n_providers: u64,
    /// It has so many passkeys.
    pub n_passkeys: u64,
}

impl Store {
    /// The accounts at providers that are an account's.
    pub async fn providers_of(&self, user: UserId) -> Result<Vec<LinkedIdentity>, Fault> {
        const LIST: &str = "SELECT issuer, subject, label, linked_at, last_used_at FROM provider_identities \
             WHERE user_id = $1 ORDER BY issuer";
        self.database().rows(LIST, values![user]).await?.iter().map(LinkedIdentity::from_row).collect()
    }

    /// How an account can be signed in to.
    pub async fn ways_in(&self, user: UserId) -> Result<WaysIn, Fault> {
        const COUNT: &str = "SELECT CAST(CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END AS BIGINT) AS has_password, \
             (SELECT COUNT(*) FROM provider_identities WHERE user_id = $1) AS n_providers, \
             (SELECT COUNT(*) FROM passkeys WHERE user_id = $1) AS n_passkeys FROM users WHERE id = $1";
        let row = self.database().row(COUNT, values![user]).await?;
        let row = row.ok_or(Fault::ImpossibleValue { column: "user_id" })?;
        Ok(WaysIn {
            has_password: row.flag("has_password")?,
            n_providers: row.unsigned("n_providers")?,
            n_passkeys: row.unsigned("n_passkeys")?,
        })
    }

    /// Signs in whoever has this account at a provider: to a session, or to the second step where the provider does not
    /// answer for it. `None` for an account that nobody has here, or whose owner is shut out; which, is not said.
    pub async fn begin_sign_in_at_provider(
        &self,
        identity: &ProviderIdentity,
        factors: (bool, bool),
        limits: SessionLimits,
        origin: SessionOrigin,
    ) -> Result<Option<(User, FirstStep)>, Fault> {
        const FIND: &str = "SELECT users.id AS id, name, role, disabled_at, created_at FROM provider_identities \
             JOIN users ON users.id = user_id \
             WHERE issuer = $1 AND subject = $2 AND disabled_at IS NULL AND is_service = 0";
        const USED: &str =
            "UPDATE provider_identities SET last_used_at = $3, label = $4 WHERE issuer = $1 AND subject = $2";
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        let row = transaction.row(FIND, values![&identity.issuer, &identity.subject]).await?;
        let Some(row) = row else { return Ok(None) };
        let user = User::from_row(&row)?;
        let used = values![&identity.issuer, &identity.subject, self.now(), cut(&identity.label)];
        transaction.execute(USED, used).await?;
        let step = self.step_in(&mut transaction, &user, factors, limits, origin).await?;
        transaction.commit().await?;
        Ok(Some((user, step)))
    }

    /// Whose account at a provider this is here.
    pub async fn user_at_provider(&self, issuer: &str, subject: &str) -> Result<Option<User>, Fault> {
        const FIND: &str = "SELECT users.id AS id, name, role, disabled_at, created_at FROM provider_identities \
             JOIN users ON users.id = user_id WHERE issuer = $1 AND subject = $2";
        let row = self.database().row(FIND, values![issuer, subject]).await?;
        row.as_ref().map(User::from_row).transpose()
    }

    /// Signs in whom a proxy in front named: to a session, or to the second step where the proxy does not answer for it.
    /// `None` for an account that programs use, or that was shut meanwhile.
    pub async fn begin_sign_in_by_proxy(
        &self,
        user: &User,
        factors: (bool, bool),
        limits: SessionLimits,
        origin: SessionOrigin,
    ) -> Result<Option<FirstStep>, Fault> {
        const FIND: &str = "SELECT id FROM users WHERE id = $1 AND disabled_at IS NULL AND is_service = 0";
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        if transaction.row(FIND, values![user.id]).await?.is_none() {
            return Ok(None);
        }
        let step = self.step_in(&mut transaction, user, factors, limits, origin).await?;
        transaction.commit().await?;
        Ok(Some(step))
    }

    /// Links an account with one at a provider. Whoever calls has made sure that it is its owner's. Raises the epoch.
    pub async fn link_provider(
        &self,
        user: UserId,
        identity: &ProviderIdentity,
    ) -> Result<(), LinkProviderError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        self.link_in(&mut transaction, user, identity).await?;
        Ok(transaction.commit().await?)
    }

    /// Unlinks an account from one at a provider, where another way in is left; its sessions end but `except`. Raises the
    /// epoch. SECURITY: what `may_be_last` allows is for those who look after the instance.
    pub async fn unlink_provider(
        &self,
        user: UserId,
        issuer: &str,
        except: Option<&SessionId>,
        may_be_last: bool,
    ) -> Result<ProviderIdentity, LinkProviderError> {
        const TAKE: &str = "DELETE FROM provider_identities WHERE user_id = $1 AND issuer = $2 \
             RETURNING issuer, subject, label, linked_at, last_used_at";
        let end = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let row = transaction.row(TAKE, values![user, issuer]).await?.ok_or(LinkProviderError::Unknown)?;
        let identity = LinkedIdentity::from_row(&row)?.identity;
        if !may_be_last && !has_way_in(&mut transaction, user).await? {
            return Err(LinkProviderError::LastWayIn);
        }
        let except = except.map_or("", |session| session.0.as_str());
        transaction.execute(end, values![user, except]).await?;
        let entry = Entry::new(Act::UnlinkIdentity, audit_objects::user(&mut transaction, user).await?);
        let entry = entry.detail("issuer", issuer).detail("subject", &identity.subject);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(identity)
    }

    /// Accepts an invitation by linking its account with one at a provider, in place of setting a password. The invitation is
    /// used up. Raises the epoch.
    pub async fn accept_at_provider(
        &self,
        invitation: &LinkSecret,
        identity: &ProviderIdentity,
    ) -> Result<User, LinkProviderError> {
        const TAKE: &str =
            "DELETE FROM account_links WHERE digest = $1 AND expires_at > $2 RETURNING user_id, kind";
        const OWNER: &str = "SELECT id, name, role, disabled_at, created_at FROM users WHERE id = $1";
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let row = transaction.row(TAKE, values![invitation.digest(), self.now()]).await?;
        let row = row.ok_or(LinkProviderError::Unknown)?;
        // A reset link is for a password that was lost: it links nothing.
        if kind_in(&row)? != LinkKind::Invitation {
            return Err(LinkProviderError::Unknown);
        }
        let owner = transaction.row(OWNER, values![row.user_id("user_id")?]).await?;
        let user = User::from_row(&owner.ok_or(LinkProviderError::Unknown)?)?;
        if user.disabled_at.is_some() {
            return Err(LinkProviderError::Unknown);
        }
        let store = self.by(self.origin().as_who(Origin::proved(user.id, &user.name, "link")));
        let entry = Entry::new(Act::AcceptInvitation, Object::user(user.id, &user.name));
        store.record_in(&mut transaction, entry.detail("issuer", &identity.issuer)).await?;
        store.link_in(&mut transaction, user.id, identity).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Makes an account for somebody who signed in at a provider that is trusted with that, under the first of these names
    /// that is free. What waits for the verified address is granted. `None` if no name is free. Raises the epoch.
    ///
    /// SECURITY: what waits for a name is not granted: people may choose what they are called at a provider.
    pub async fn create_from_provider(
        &self,
        names: &[UserName],
        identity: &ProviderIdentity,
        address: Option<&Address>,
    ) -> Result<Option<User>, LinkProviderError> {
        const ADDRESS: &str = "INSERT INTO user_addresses (address, user_id, confirmed_at) VALUES ($1, $2, $3) \
             ON CONFLICT (address) DO NOTHING";
        let now = self.now();
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let mut created = None;
        for name in names {
            created = insert_in(&mut transaction, now, name, None, Role::Member).await?;
            if created.is_some() {
                break;
            }
        }
        let Some(user) = created else { return Ok(None) };
        let store = self.by(self.origin().as_who(Origin::proved(user.id, &user.name, "oidc")));
        let entry = Entry::new(Act::CreateUser, Object::user(user.id, &user.name));
        let entry = entry.detail("role", role_as_stored(user.role)).detail("issuer", &identity.issuer);
        store.record_in(&mut transaction, entry).await?;
        store.link_in(&mut transaction, user.id, identity).await?;
        if let Some(address) = address
            && transaction.execute(ADDRESS, values![address.as_str(), user.id, now]).await? > 0
        {
            claim_pending(&mut transaction, now, user.id, &Who::Address(address.clone())).await?;
        }
        transaction.commit().await?;
        Ok(Some(user))
    }

    /// Proves again who one is, by having signed in again at a provider. The session goes on under the returned secret.
    /// SECURITY: not where the account has a second factor of its own, beside which this is no fresher than a password.
    pub async fn step_up_at_provider(
        &self,
        session: &SessionSecret,
        user: UserId,
        identity: &ProviderIdentity,
    ) -> Result<SessionSecret, SignInError> {
        const FIND: &str =
            "SELECT user_id FROM provider_identities WHERE issuer = $1 AND subject = $2 AND user_id = $3";
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        let values = values![&identity.issuer, &identity.subject, user];
        let is_theirs = transaction.row(FIND, values).await?.is_some();
        if !is_theirs || second_factors::of_user(&mut transaction, user).await? == SecondFactor::Enrolled {
            let entry = Entry::new(Act::StepUp, audit_objects::user(&mut transaction, user).await?);
            let entry = entry.refused("another account at the provider").detail("issuer", &identity.issuer);
            self.record_in(&mut transaction, entry).await?;
            transaction.commit().await?;
            return Err(SignInError::Refused);
        }
        let secret = self.renew_session(&mut transaction, session, user).await?;
        let secret = secret.ok_or(SignInError::Refused)?;
        let entry = Entry::new(Act::StepUp, audit_objects::user(&mut transaction, user).await?);
        self.record_in(&mut transaction, entry.detail("by", &identity.issuer)).await?;
        transaction.commit().await?;
        Ok(secret)
    }

    /// Whether accounts that are linked with a provider may be signed in to with a password, too.
    pub async fn password_beside_provider(&self) -> Result<bool, Fault> {
        Ok(self.setting(PASSWORD_BESIDE).await?.as_deref() != Some("false"))
    }

    /// Decides that.
    pub async fn set_password_beside_provider(&self, is_allowed: bool) -> Result<(), Fault> {
        self.set_setting(PASSWORD_BESIDE, if is_allowed { "true" } else { "false" }).await
    }

    /// Whether an account's password is shut, because it is linked and the setting says so. Asked for names that belong to
    /// nobody, too, so that both take the same time.
    pub(crate) async fn is_password_shut(&self, user: Option<UserId>) -> Result<bool, Fault> {
        const ASK: &str = "SELECT COUNT(*) AS n FROM provider_identities WHERE user_id = $1 \
             AND EXISTS (SELECT 1 FROM settings WHERE key = $2 AND value = 'false')";
        let row = self.database().row(ASK, values![user.unwrap_or(UserId(0)), PASSWORD_BESIDE]).await?;
        Ok(row.map_or(Ok(0), |row| row.unsigned("n"))? > 0)
    }
}

impl Store {
    /// What comes after the first step elsewhere, which may have been one with a second factor.
    async fn step_in(
        &self,
        transaction: &mut Transaction,
        user: &User,
        (has_second_factor, is_required): (bool, bool),
        limits: SessionLimits,
        origin: SessionOrigin,
    ) -> Result<FirstStep, Fault> {
        match second_factors::of_user(transaction, user.id).await? {
            SecondFactor::Enrolled if !has_second_factor => {
                Ok(FirstStep::SecondFactor(self.pend(transaction, user).await?))
            }
            SecondFactor::None if !has_second_factor && is_required => {
                Ok(FirstStep::Enrolment(self.pend(transaction, user).await?))
            }
            _ => {
                let (secret, _) = self.start_session_in(transaction, user.id, limits, origin).await?;
                Ok(FirstStep::SignedIn(secret))
            }
        }
    }

    async fn link_in(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        identity: &ProviderIdentity,
    ) -> Result<(), LinkProviderError> {
        const KNOWN: &str = "SELECT user_id FROM provider_identities WHERE issuer = $1 AND subject = $2";
        const INSERT: &str = "INSERT INTO provider_identities (issuer, subject, user_id, label, linked_at) \
             SELECT $1, $2, id, $4, $5 FROM users WHERE id = $3 AND is_service = 0 ON CONFLICT DO NOTHING";
        Fault::check_storable("issuer", &identity.issuer, TEXT_BYTES_MAX)?;
        Fault::check_storable("subject", &identity.subject, TEXT_BYTES_MAX)?;
        let known = transaction.row(KNOWN, values![&identity.issuer, &identity.subject]).await?;
        if let Some(row) = known {
            let is_own = row.user_id("user_id")? == user;
            return if is_own { Ok(()) } else { Err(LinkProviderError::Taken) };
        }
        let columns = values![&identity.issuer, &identity.subject, user, cut(&identity.label), self.now()];
        if transaction.execute(INSERT, columns).await? == 0 {
            let name = audit_objects::user_name(transaction, user).await?;
            return Err(match name.is_empty() {
                true => LinkProviderError::Unknown,
                false => LinkProviderError::HasAnother,
            });
        }
        let entry = Entry::new(Act::LinkIdentity, audit_objects::user(transaction, user).await?);
        let entry = entry.detail("issuer", &identity.issuer).detail("subject", &identity.subject);
        Ok(self.record_in(transaction, entry.detail("called", cut(&identity.label))).await?)
    }
}

/// Whether an account can still be signed in to.
pub(crate) async fn has_way_in(transaction: &mut Transaction, user: UserId) -> Result<bool, Fault> {
    const ANY: &str = "SELECT 1 AS one FROM users WHERE id = $1 AND (password_hash IS NOT NULL \
         OR id IN (SELECT user_id FROM passkeys) OR id IN (SELECT user_id FROM provider_identities))";
    Ok(transaction.row(ANY, values![user]).await?.is_some())
}

impl LinkedIdentity {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let identity = ProviderIdentity {
            issuer: row.text("issuer")?,
            subject: row.text("subject")?,
            label: row.text("label")?,
        };
        let (linked_at, last_used_at) = (row.time("linked_at")?, row.maybe_time("last_used_at")?);
        Ok(LinkedIdentity { identity, linked_at, last_used_at })
    }
}

fn cut(label: &str) -> String {
    label.chars().filter(|c| !c.is_control()).take(100).collect()
}
