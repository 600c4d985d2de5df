//! What an account has beside its password, and what may be taken away from it.

use crate::database::{Transaction, values};
use crate::passkeys::PasskeyAnswer;
use crate::totp::Enrolling;
use crate::users::{ChangeUserError, end_sessions};
use crate::{Fault, Store};
use crate::{access_facts, recovery_codes};
use access::audit::{Act, Entry, Object};
use access::{RecoveryCode, SecondFactor, TotpCode, UserName};
use model::UserId;

const ANY: &str =
    "SELECT user_id FROM totp WHERE user_id = $1 UNION ALL SELECT user_id FROM passkeys WHERE user_id = $1";
/// The setting that says that everybody who signs in with a password needs a second factor.
const REQUIRED: &str = "sign_in.second_factor_required";

/// What somebody shows as their second factor.
#[derive(Debug)]
pub enum FactorProof {
    /// A code of the authenticator app.
    Totp(TotpCode),
    /// A recovery code.
    Recovery(RecoveryCode),
    /// A passkey's answer.
    Passkey(Box<PasskeyAnswer>),
    /// Neither: never right, and counted like a wrong one.
    Nonsense,
}

impl FactorProof {
    /// Reads what was typed: six digits or a recovery code.
    pub fn parse(text: &str) -> Self {
        if let Some(code) = TotpCode::parse(text) {
            return FactorProof::Totp(code);
        }
        RecoveryCode::parse(text).map_or(FactorProof::Nonsense, FactorProof::Recovery)
    }

    fn word(&self) -> &'static str {
        match self {
            FactorProof::Totp(_) => "totp",
            FactorProof::Recovery(_) => "recovery code",
            FactorProof::Passkey(_) => "passkey",
            FactorProof::Nonsense => "neither",
        }
    }
}

/// A second factor could not be added or taken away.
#[derive(Debug, thiserror::Error)]
pub enum ChangeFactorError {
    /// There is no such factor.
    #[error("there is no such second factor")]
    Unknown,
    /// What is to be confirmed was not drawn here, or too long ago.
    #[error("this took too long, or was begun anew elsewhere: scan the new code and try again")]
    NothingDrawn,
    /// The code is not one of the drawn seed.
    #[error(
        "that code is not right: check that the clock of the device is right, scan the new code and try again"
    )]
    WrongCode,
    /// The browser's answer does not belong to what was asked, or the passkey is registered already.
    #[error("this passkey was not accepted: try again")]
    WrongPasskey,
    /// The account has enough of them.
    #[error("an account may have {n_max} passkeys: remove one first")]
    TooMany {
        /// The most.
        n_max: usize,
    },
    /// Everybody must have one.
    #[error("a second factor is required here: add another one first")]
    Required,
    /// The password is too short to stand alone.
    #[error("your password is too short to stand alone: change it to one of at least 15 characters first")]
    PasswordNeedsIt,
    /// Nobody could sign in to the account any more.
    #[error("this is the last way into your account: set a password or link an identity provider first")]
    LastWayIn,
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Whether an account has a second factor.
    pub async fn second_factor(&self, user: UserId) -> Result<SecondFactor, Fault> {
        Ok(enrolled(self.database().row(ANY, values![user]).await?.is_some()))
    }

    /// Whether everybody who signs in with a password needs a second factor, as far as it is set here.
    pub async fn second_factor_required(&self) -> Result<bool, Fault> {
        Ok(self.setting(REQUIRED).await?.as_deref() == Some("true"))
    }

    /// Requires a second factor of everybody who signs in with a password, or no more. Where it is required, the sessions of
    /// those who have none end: they are led to enrolment when they sign in again. Raises the epoch.
    pub async fn require_second_factor(&self, required: bool) -> Result<(), Fault> {
        const SET: &str = "INSERT INTO settings (key, value) VALUES ($1, $2) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        const END_SESSIONS: &str = "DELETE FROM sessions WHERE user_id IN (SELECT id FROM users \
             WHERE password_hash IS NOT NULL AND id NOT IN (SELECT user_id FROM totp) AND id NOT IN (SELECT user_id FROM passkeys))";
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let word = if required { "true" } else { "false" };
        transaction.execute(SET, values![REQUIRED, word]).await?;
        if required {
            transaction.execute(END_SESSIONS, values![]).await?;
        }
        let entry = Entry::new(Act::ChangeSetting, Object::named("setting", REQUIRED)).detail("to", word);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await
    }

    /// Takes every second factor away from an account whose owner has lost them; an administrator's act. A password that is
    /// too short to stand alone goes, too: the owner needs a reset link then. Its sessions end. Raises the epoch.
    pub async fn reset_factors(&self, user: UserId) -> Result<(), ChangeUserError> {
        const DROP_SHORT: &str = "UPDATE users SET password_hash = NULL, password_needs_factor = 0 \
             WHERE id = $1 AND password_needs_factor <> 0";
        let known = self.user(user).await?.ok_or(ChangeUserError::Unknown)?;
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        for sql in [
            "DELETE FROM totp WHERE user_id = $1",
            "DELETE FROM passkeys WHERE user_id = $1",
            "DELETE FROM totp_candidates WHERE user_id = $1",
            "DELETE FROM recovery_codes WHERE user_id = $1",
            "DELETE FROM pending_sign_ins WHERE user_id = $1",
            DROP_SHORT,
        ] {
            transaction.execute(sql, values![user]).await?;
        }
        end_sessions(&mut transaction, user).await?;
        let entry = Entry::new(Act::RemoveFactor, Object::user(user, &known.name)).detail("factor", "all");
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }
}

impl Store {
    /// Takes a proof, if it is right: it is worth nothing afterwards.
    pub(crate) async fn take_proof(
        &self,
        transaction: &mut Transaction,
        (user, name): (UserId, &UserName),
        proof: &FactorProof,
        holder: Enrolling<'_>,
    ) -> Result<bool, Fault> {
        match proof {
            FactorProof::Passkey(answer) => {
                self.take_passkey(transaction, user, answer, holder.holder()).await
            }
            FactorProof::Totp(code) => self.take_totp(transaction, user, code).await,
            FactorProof::Recovery(code) => {
                let is_taken = recovery_codes::take(transaction, user, code).await?;
                if is_taken {
                    let entry = Entry::new(Act::UseRecoveryCode, Object::user(user, name));
                    self.record_in(transaction, entry).await?;
                }
                Ok(is_taken)
            }
            FactorProof::Nonsense => Ok(false),
        }
    }

    /// What the log says of a proof that was not right.
    pub(crate) fn refused_proof(act: Act, (user, name): (UserId, &UserName), proof: &FactorProof) -> Entry {
        Entry::new(act, Object::user(user, name))
            .refused("wrong second factor")
            .detail("factor", proof.word())
    }
}

/// The same within a transaction, whose first statement must have taken the epoch's lock: whoever enrols or removes a factor
/// takes it, too.
pub(crate) async fn of_user(transaction: &mut Transaction, user: UserId) -> Result<SecondFactor, Fault> {
    Ok(enrolled(transaction.row(ANY, values![user]).await?.is_some()))
}

/// Refuses to take the last factor away where one is needed; otherwise the recovery codes go with it.
pub(crate) async fn check_enough_left(
    transaction: &mut Transaction,
    user: UserId,
    is_required: bool,
) -> Result<(), ChangeFactorError> {
    const NEEDS: &str = "SELECT password_needs_factor FROM users WHERE id = $1";
    if of_user(transaction, user).await? == SecondFactor::Enrolled {
        return Ok(());
    }
    if is_required {
        return Err(ChangeFactorError::Required);
    }
    let row = transaction.row(NEEDS, values![user]).await?;
    if row.map_or(Ok(false), |row| row.flag("password_needs_factor"))? {
        return Err(ChangeFactorError::PasswordNeedsIt);
    }
    transaction.execute("DELETE FROM recovery_codes WHERE user_id = $1", values![user]).await?;
    Ok(())
}

fn enrolled(is_enrolled: bool) -> SecondFactor {
    match is_enrolled {
        true => SecondFactor::Enrolled,
        false => SecondFactor::None,
    }
}
