//! Signing in in two steps: what stands between the password and the session.
//!
//! After the right password an account with a second factor, or one that must get one, has no session yet: its browser
//! holds a [`PendingSecret`], which opens nothing but the second step, for ten minutes and five attempts.

use crate::attempts::Guessing;
use crate::database::{Transaction, values};
use crate::passkeys::PasskeyAnswer;
use crate::second_factors::{self, ChangeFactorError, FactorProof};
use crate::sessions::{SessionLimits, SessionOrigin};
use crate::sign_in::SignInError;
use crate::totp::Enrolling;
use crate::{Fault, Store, User, access_facts};
use access::audit::{Act, Entry, Object, Origin};
use access::{ClientAddress, PendingSecret, RecoveryCode, SecondFactor, SessionId, SessionSecret, TotpCode};
use std::time::Duration;

/// How long the second step may take.
const VALID_FOR: Duration = Duration::from_secs(10 * 60);
/// Attempts at the second step; then the password is asked again.
const N_ATTEMPTS_MAX: i64 = 5;
/// Most sign-ins of one account that are half done; beyond them the one begun first ends. Each took a right password, and
/// whoever has that must not be able to end the owner's within the minute they need.
const N_PENDING_MAX: i64 = 1000;

const FIND: &str = "SELECT id, name, role, disabled_at, created_at FROM users WHERE disabled_at IS NULL AND id = \
     (SELECT user_id FROM pending_sign_ins WHERE digest = $1 AND expires_at > $2 AND n_attempts < $3)";

/// What comes after the right password.
#[derive(Debug)]
pub enum FirstStep {
    /// Nothing more: here is the session.
    SignedIn(SessionSecret),
    /// The second factor.
    SecondFactor(PendingSecret),
    /// Enrolling a second factor, which is required.
    Enrolment(PendingSecret),
}

/// The factor that somebody enrols while they sign in.
#[derive(Debug)]
pub enum Enrolment {
    /// An authenticator app, whose drawn seed this code confirms.
    Totp(TotpCode),
    /// The passkey that the browser made, and what it is called.
    Passkey(Box<PasskeyAnswer>, String),
}

/// A sign-in that is half done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Whose.
    pub user: User,
    /// Whether a factor is asked for, or has to be enrolled.
    pub second_factor: SecondFactor,
}

/// The second step did not let anybody in.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// It is unknown, took too long, or failed too often; which, is not said.
    #[error("this sign-in took too long or failed too often: begin again with the password")]
    Over,
    /// The proof is wrong or was used before; which, is not said.
    #[error("that code is not right, or was used before: wait for the next one")]
    Refused,
    /// Too many failures; nothing was looked at.
    #[error("too many failed attempts: wait {} seconds", .retry_after.as_secs().max(1))]
    Wait {
        /// For how long.
        retry_after: Duration,
    },
    /// The factor could not be enrolled.
    #[error(transparent)]
    Enrolment(ChangeFactorError),
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<SignInError> for SecondStepError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => SecondStepError::Refused,
            SignInError::Wait { retry_after } => SecondStepError::Wait { retry_after },
            SignInError::Fault(fault) => SecondStepError::Fault(fault),
        }
    }
}

impl Store {
    /// Goes on after a right password: to a session, or to the second step.
    pub async fn begin_sign_in(
        &self,
        user: &User,
        is_required: bool,
        limits: SessionLimits,
        origin: SessionOrigin,
    ) -> Result<FirstStep, Fault> {
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        let step = match second_factors::of_user(&mut transaction, user.id).await? {
            SecondFactor::Enrolled => FirstStep::SecondFactor(self.pend(&mut transaction, user).await?),
            SecondFactor::None if is_required => {
                FirstStep::Enrolment(self.pend(&mut transaction, user).await?)
            }
            SecondFactor::None => {
                FirstStep::SignedIn(self.start_session_in(&mut transaction, user.id, limits, origin).await?.0)
            }
        };
        transaction.commit().await?;
        Ok(step)
    }

    /// The sign-in that is half done with this secret.
    pub async fn pending_sign_in(&self, pending: &PendingSecret) -> Result<Option<Pending>, Fault> {
        let values = values![pending.digest(), self.now(), N_ATTEMPTS_MAX];
        let Some(row) = self.database().row(FIND, values).await? else { return Ok(None) };
        let user = User::from_row(&row)?;
        let second_factor = self.second_factor(user.id).await?;
        Ok(Some(Pending { user, second_factor }))
    }

    /// Ends a sign-in that is half done.
    pub async fn abandon_sign_in(&self, pending: &PendingSecret) -> Result<(), Fault> {
        let sql = "DELETE FROM pending_sign_ins WHERE digest = $1";
        self.database().execute(sql, values![pending.digest()]).await.map(drop)
    }

    /// The second step: the proof is used up, the half-done sign-in ends, and the session begins, in one transaction.
    pub async fn finish_sign_in(
        &self,
        pending: &PendingSecret,
        proof: &FactorProof,
        address: ClientAddress,
        (limits, origin): (SessionLimits, SessionOrigin),
    ) -> Result<SessionSecret, SecondStepError> {
        let known = self.pending_sign_in(pending).await?.ok_or(SecondStepError::Over)?;
        let name = known.user.name.as_str();
        self.count_attempt(Guessing::SecondFactor, name, address).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        let user = self.attempt(&mut transaction, pending).await?;
        let account = (user.id, &user.name);
        if !self.take_proof(&mut transaction, account, proof, Enrolling::Pending(pending)).await? {
            self.record_in(&mut transaction, Store::refused_proof(Act::SignIn, account, proof)).await?;
            transaction.commit().await?;
            return Err(SecondStepError::Refused);
        }
        end(&mut transaction, pending).await?;
        let (secret, _) = self.start_session_in(&mut transaction, user.id, limits, origin).await?;
        transaction.commit().await?;
        self.forget_attempt(Guessing::SecondFactor, name, address).await?;
        Ok(secret)
    }

    /// The second step of somebody who must enrol a second factor first: confirms the drawn seed, or registers the passkey,
    /// and lets them in.
    /// SECURITY: only as long as the account has no factor. Whoever knows its password alone cannot add or replace one.
    pub async fn finish_enrolment(
        &self,
        pending: &PendingSecret,
        enrolment: &Enrolment,
        (limits, origin): (SessionLimits, SessionOrigin),
    ) -> Result<(SessionSecret, Vec<RecoveryCode>), SecondStepError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let user = self.attempt(&mut transaction, pending).await?;
        if second_factors::of_user(&mut transaction, user.id).await? == SecondFactor::Enrolled {
            return Err(SecondStepError::Over);
        }
        let account = (user.id, &user.name);
        let store = self.by(self.origin().as_who(Origin::proved(user.id, &user.name, "password")));
        let enrolling = Enrolling::Pending(pending);
        let enrolled = match enrolment {
            Enrolment::Totp(code) => store.confirm_totp_in(&mut transaction, account, enrolling, code).await,
            Enrolment::Passkey(answer, called) => {
                store.add_passkey_in(&mut transaction, account, enrolling, (answer, called)).await
            }
        };
        let codes = match enrolled {
            Ok(codes) => codes,
            Err(ChangeFactorError::Fault(fault)) => return Err(fault.into()),
            Err(error) => {
                // The attempt counts.
                transaction.commit().await?;
                return Err(SecondStepError::Enrolment(error));
            }
        };
        end(&mut transaction, pending).await?;
        let (secret, _) = store.start_session_in(&mut transaction, user.id, limits, origin).await?;
        transaction.commit().await?;
        Ok((secret, codes))
    }

    /// Proves again by second factor. The session goes on under the returned secret; the old one is invalid at once.
    pub async fn step_up_by_factor(
        &self,
        (session, holder): (&SessionSecret, &SessionId),
        account: (model::UserId, &access::UserName),
        proof: &FactorProof,
        address: ClientAddress,
    ) -> Result<SessionSecret, SignInError> {
        let name = account.1.as_str();
        self.count_attempt(Guessing::SecondFactor, name, address).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        if !self.take_proof(&mut transaction, account, proof, Enrolling::Session(holder)).await? {
            self.record_in(&mut transaction, Store::refused_proof(Act::StepUp, account, proof)).await?;
            transaction.commit().await?;
            return Err(SignInError::Refused);
        }
        let secret = self.renew_session(&mut transaction, session, account.0).await?;
        let secret = secret.ok_or(SignInError::Refused)?;
        let entry = Entry::new(Act::StepUp, Object::user(account.0, account.1));
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.forget_attempt(Guessing::SecondFactor, name, address).await?;
        Ok(secret)
    }
}

impl Store {
    pub(crate) async fn pend(
        &self,
        transaction: &mut Transaction,
        user: &User,
    ) -> Result<PendingSecret, Fault> {
        const INSERT: &str = "INSERT INTO pending_sign_ins (digest, user_id, expires_at) \
             SELECT $1, id, $3 FROM users WHERE id = $2 AND disabled_at IS NULL";
        const KEEP_NEWEST: &str = "DELETE FROM pending_sign_ins WHERE user_id = $1 AND digest NOT IN \
             (SELECT digest FROM pending_sign_ins WHERE user_id = $1 ORDER BY expires_at DESC, digest LIMIT $2)";
        let (secret, now) = (PendingSecret::mint(self.randomness())?, self.now());
        transaction.execute("DELETE FROM pending_sign_ins WHERE expires_at <= $1", values![now]).await?;
        transaction.execute(INSERT, values![secret.digest(), user.id, now.plus(VALID_FOR)]).await?;
        transaction.execute(KEEP_NEWEST, values![user.id, N_PENDING_MAX]).await?;
        Ok(secret)
    }

    /// Counts an attempt at the second step and tells whose it is.
    async fn attempt(
        &self,
        transaction: &mut Transaction,
        pending: &PendingSecret,
    ) -> Result<User, SecondStepError> {
        const COUNT: &str = "UPDATE pending_sign_ins SET n_attempts = n_attempts + 1 WHERE digest = $1";
        let values = values![pending.digest(), self.now(), N_ATTEMPTS_MAX];
        let row = transaction.row(FIND, values).await?.ok_or(SecondStepError::Over)?;
        transaction.execute(COUNT, values![pending.digest()]).await?;
        Ok(User::from_row(&row)?)
    }
}

async fn end(transaction: &mut Transaction, pending: &PendingSecret) -> Result<(), Fault> {
    let sql = "DELETE FROM pending_sign_ins WHERE digest = $1";
    transaction.execute(sql, values![pending.digest()]).await.map(drop)
}
