//! Recovery codes: ten an account, each good once.

use crate::access_facts;
use crate::database::{Transaction, values};
use crate::second_factors::{self, ChangeFactorError};
use crate::{Fault, Store};
use access::audit::{Act, Entry, Object};
use access::{RecoveryCode, SecondFactor, UserName};
use model::UserId;

impl Store {
    /// How many codes the account has left.
    pub async fn n_recovery_codes(&self, user: UserId) -> Result<u64, Fault> {
        let sql = "SELECT COUNT(*) AS n FROM recovery_codes WHERE user_id = $1";
        let row = self.database().row(sql, values![user]).await?;
        row.map_or(Ok(0), |row| row.unsigned("n"))
    }

    /// Draws new codes; the old ones are worth nothing from then on. They are given this once. Raises the epoch.
    pub async fn draw_recovery_codes(
        &self,
        (user, name): (UserId, &UserName),
    ) -> Result<Vec<RecoveryCode>, ChangeFactorError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        if second_factors::of_user(&mut transaction, user).await? == SecondFactor::None {
            return Err(ChangeFactorError::Unknown);
        }
        let codes = replace(self, &mut transaction, (user, name)).await?;
        transaction.commit().await?;
        Ok(codes)
    }
}

/// Puts new codes in place of the old ones, within a transaction that holds the epoch's lock.
pub(crate) async fn replace(
    store: &Store,
    transaction: &mut Transaction,
    (user, name): (UserId, &UserName),
) -> Result<Vec<RecoveryCode>, Fault> {
    const INSERT: &str = "INSERT INTO recovery_codes (user_id, digest) VALUES ($1, $2)";
    transaction.execute("DELETE FROM recovery_codes WHERE user_id = $1", values![user]).await?;
    let mut codes = Vec::with_capacity(RecoveryCode::N_PER_ACCOUNT);
    for _ in 0..RecoveryCode::N_PER_ACCOUNT {
        let code = RecoveryCode::draw(store.randomness())?;
        transaction.execute(INSERT, values![user, code.digest(user)]).await?;
        codes.push(code);
    }
    let entry = Entry::new(Act::DrawRecoveryCodes, Object::user(user, name));
    store.record_in(transaction, entry).await?;
    Ok(codes)
}

/// Takes a code, if the account has it. SECURITY: found and used up by one statement: of two who send it at the same moment
/// one is let in.
pub(crate) async fn take(
    transaction: &mut Transaction,
    user: UserId,
    code: &RecoveryCode,
) -> Result<bool, Fault> {
    const USE_UP: &str = "DELETE FROM recovery_codes WHERE user_id = $1 AND digest = $2";
    Ok(transaction.execute(USE_UP, values![user, code.digest(user)]).await? > 0)
}
