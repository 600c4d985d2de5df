//! One-time codes: enrolling an authenticator app, and taking its codes.

use crate::database::{Transaction, values};
use crate::sealing::{SealedColumn, sealed_column};
use crate::second_factors::{self, ChangeFactorError};
use crate::{Fault, Store, Timestamp};
use crate::{access_facts, recovery_codes};
use access::audit::{Act, Entry, Object};
use access::{
    Digest, PendingSecret, RecoveryCode, SecondFactor, SessionId, TotpCode, TotpSeed, TotpStep, UserName,
};
use model::UserId;
use std::time::Duration;

/// Seeds of authenticator apps that count.
pub(crate) const SEED: SealedColumn = sealed_column!("totp", "user_id", "sealed_seed");
/// Seeds that were shown and not confirmed yet, each behind the digest of whom it was shown to.
pub(crate) const CANDIDATE: SealedColumn = sealed_column!("totp_candidates", "user_id", "sealed_seed");
/// How long a person has to confirm a seed.
const CANDIDATE_VALID_FOR: Duration = Duration::from_secs(15 * 60);
/// Length of the digest before a candidate's seed.
const N_HOLDER_BYTES: usize = 32;

/// Who is enrolling: a session, or a sign-in that is half done. SECURITY: a seed is shown to and confirmed by the one it was
/// drawn for. Somebody else who knows the password, and is enrolling at the same time, neither sees it nor replaces it.
#[derive(Clone, Copy, Debug)]
pub enum Enrolling<'a> {
    /// Whoever is signed in with this session.
    Session(&'a SessionId),
    /// Whoever is signing in and must have a second factor first.
    Pending(&'a PendingSecret),
}

impl Enrolling<'_> {
    pub(crate) fn holder(self) -> [u8; N_HOLDER_BYTES] {
        let digest = match self {
            Enrolling::Session(session) => Digest::of(&format!("enrolling in session {session}")),
            Enrolling::Pending(pending) => pending.digest(),
        };
        *digest.as_bytes()
    }
}

impl Store {
    /// Draws a seed to be shown; one that was drawn before for the account is forgotten.
    pub async fn draw_totp(&self, user: UserId, enrolling: Enrolling<'_>) -> Result<TotpSeed, Fault> {
        const PUT: &str = "INSERT INTO totp_candidates (user_id, sealed_seed, expires_at) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id) DO UPDATE SET sealed_seed = excluded.sealed_seed, expires_at = excluded.expires_at";
        let seed = TotpSeed::draw(self.randomness())?;
        let content = [enrolling.holder().as_slice(), seed.expose()].concat();
        let content = vault::SecretBytes::new(content);
        let sealed = self.seal(&CANDIDATE, user.0, content.expose())?;
        let expires_at = self.now().plus(CANDIDATE_VALID_FOR);
        self.database().execute(PUT, values![user, sealed, expires_at]).await?;
        Ok(seed)
    }

    /// The seed that was drawn and is not confirmed yet.
    pub async fn drawn_totp(
        &self,
        user: UserId,
        enrolling: Enrolling<'_>,
    ) -> Result<Option<TotpSeed>, Fault> {
        const FIND: &str = "SELECT sealed_seed FROM totp_candidates WHERE user_id = $1 AND expires_at > $2";
        let row = self.database().row(FIND, values![user, self.now()]).await?;
        let Some(row) = row else { return Ok(None) };
        self.open_candidate(user, enrolling, &row.bytes("sealed_seed")?)
    }

    /// Since when the account has an authenticator app.
    pub async fn totp_enrolled_at(&self, user: UserId) -> Result<Option<Timestamp>, Fault> {
        let sql = "SELECT enrolled_at FROM totp WHERE user_id = $1";
        let row = self.database().row(sql, values![user]).await?;
        row.map(|row| row.time("enrolled_at")).transpose()
    }

    /// Confirms the drawn seed with a code of it: from now on the account has this authenticator app, and no other. Recovery
    /// codes are drawn with an account's first factor, and given this once. Raises the epoch.
    pub async fn confirm_totp(
        &self,
        (user, name): (UserId, &UserName),
        session: &SessionId,
        code: &TotpCode,
    ) -> Result<Vec<RecoveryCode>, ChangeFactorError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let codes =
            self.confirm_totp_in(&mut transaction, (user, name), Enrolling::Session(session), code).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Removes the authenticator app, where that leaves enough. Raises the epoch.
    pub async fn remove_totp(
        &self,
        (user, name): (UserId, &UserName),
        is_required: bool,
    ) -> Result<(), ChangeFactorError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let sql = "DELETE FROM totp WHERE user_id = $1";
        if transaction.execute(sql, values![user]).await? == 0 {
            return Err(ChangeFactorError::Unknown);
        }
        second_factors::check_enough_left(&mut transaction, user, is_required).await?;
        let entry = Entry::new(Act::RemoveFactor, Object::user(user, name)).detail("factor", "totp");
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }
}

impl Store {
    /// The same within a transaction that holds the epoch's lock.
    pub(crate) async fn confirm_totp_in(
        &self,
        transaction: &mut Transaction,
        (user, name): (UserId, &UserName),
        enrolling: Enrolling<'_>,
        code: &TotpCode,
    ) -> Result<Vec<RecoveryCode>, ChangeFactorError> {
        const FIND: &str = "SELECT sealed_seed FROM totp_candidates WHERE user_id = $1 AND expires_at > $2";
        const PUT: &str = "INSERT INTO totp (user_id, sealed_seed, last_step, enrolled_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (user_id) DO UPDATE SET sealed_seed = excluded.sealed_seed, last_step = excluded.last_step, \
             enrolled_at = excluded.enrolled_at";
        let now = self.now();
        let row = transaction.row(FIND, values![user, now]).await?.ok_or(ChangeFactorError::NothingDrawn)?;
        let seed = self.open_candidate(user, enrolling, &row.bytes("sealed_seed")?)?;
        let seed = seed.ok_or(ChangeFactorError::NothingDrawn)?;
        // The code that confirms is used up by that, too.
        let step = seed.accepts(code, now, TotpStep::NONE).ok_or(ChangeFactorError::WrongCode)?;
        transaction.execute("DELETE FROM totp_candidates WHERE user_id = $1", values![user]).await?;
        let had = second_factors::of_user(transaction, user).await?;
        let sealed = self.seal(&SEED, user.0, seed.expose())?;
        transaction.execute(PUT, values![user, sealed, step.0, now]).await?;
        let entry = Entry::new(Act::AddFactor, Object::user(user, name)).detail("factor", "totp");
        let codes = match had {
            SecondFactor::Enrolled => Vec::new(),
            SecondFactor::None => recovery_codes::replace(self, transaction, (user, name)).await?,
        };
        self.record_in(transaction, entry).await?;
        Ok(codes)
    }

    /// Takes a code, if it is right and no code of its step or a later one was taken. SECURITY: the step is compared and set
    /// by one statement, so that of two who send the same code at the same moment, over whatever way, one is let in.
    pub(crate) async fn take_totp(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        code: &TotpCode,
    ) -> Result<bool, Fault> {
        const FIND: &str = "SELECT sealed_seed, last_step FROM totp WHERE user_id = $1";
        const USE_UP: &str = "UPDATE totp SET last_step = $2 WHERE user_id = $1 AND last_step < $2";
        let Some(row) = transaction.row(FIND, values![user]).await? else { return Ok(false) };
        let opened = self.open_sealed(&SEED, user.0, &row.bytes("sealed_seed")?)?;
        let seed = TotpSeed::from_bytes(opened.expose());
        let seed = seed.ok_or(Fault::ImpossibleValue { column: "sealed_seed" })?;
        match seed.accepts(code, self.now(), TotpStep(row.int("last_step")?)) {
            Some(step) => Ok(transaction.execute(USE_UP, values![user, step.0]).await? > 0),
            None => Ok(false),
        }
    }

    fn open_candidate(
        &self,
        user: UserId,
        enrolling: Enrolling<'_>,
        sealed: &[u8],
    ) -> Result<Option<TotpSeed>, Fault> {
        let opened = self.open_sealed(&CANDIDATE, user.0, sealed)?;
        let (holder, seed) = opened
            .expose()
            .split_at_checked(N_HOLDER_BYTES)
            .ok_or(Fault::ImpossibleValue { column: "sealed_seed" })?;
        Ok(TotpSeed::from_bytes(seed).filter(|_| holder == enrolling.holder()))
    }
}
