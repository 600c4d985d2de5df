//! Secrets in the database: sealed with the vault, each for its row, and sealed anew when the key rotates.

use crate::database::values;
use crate::{Fault, Store, code_hosts, instance_key, provider_sign_ins, totp};
use access::audit::{Act, Entry, Object};
use std::fmt::Display;
use vault::{Place, SecretBytes, Vault};

/// Values that one step of sealing anew takes: a short transaction.
const N_STEP: i64 = 50;

/// A column that holds sealed values, with the statements by which they are sealed anew. The `key` is the column (or
/// expression) that names a row for ever; [`Store::seal`] takes the same.
pub(crate) struct SealedColumn {
    pub(crate) place: Place,
    /// Rows after $1 that were not sealed with the key $2: `row_key`, `sealed`; at most $3.
    pub(crate) outdated: &'static str,
    /// Puts $3 in place of $2 in the row $1.
    pub(crate) replace: &'static str,
    /// How many were not sealed with the key $1: `n`.
    pub(crate) count: &'static str,
}

/// Names a column of sealed values: `sealed_column!("hosts", "id", "token")`.
macro_rules! sealed_column {
    ($table:literal, $key:literal, $column:literal) => {
        $crate::sealing::SealedColumn {
            place: vault::Place { table: $table, column: $column },
            outdated: concat!(
                "SELECT CAST(",
                $key,
                " AS TEXT) AS row_key, ",
                $column,
                " AS sealed FROM ",
                $table,
                " WHERE CAST(",
                $key,
                " AS TEXT) > $1 AND substr(",
                $column,
                ", 2, 8) <> $2 ORDER BY 1 LIMIT $3"
            ),
            replace: concat!(
                "UPDATE ",
                $table,
                " SET ",
                $column,
                " = $3 WHERE CAST(",
                $key,
                " AS TEXT) = $1 AND ",
                $column,
                " = $2"
            ),
            count: concat!("SELECT COUNT(*) AS n FROM ", $table, " WHERE substr(", $column, ", 2, 8) <> $1"),
        }
    };
}

pub(crate) use sealed_column;

/// Tells whether the key at hand is the one that secrets here are sealed with.
const CHECK: SealedColumn = sealed_column!("vault_check", "id", "sealed");

/// Every column that holds sealed values. One that is missing here is not sealed anew, and its values are lost when old keys
/// are dropped: `no_sealed_column_is_forgotten` in the tests looks for `seal(` in this crate.
const COLUMNS: &[SealedColumn] = &[
    CHECK,
    totp::SEED,
    totp::CANDIDATE,
    code_hosts::HOST_TOKEN,
    code_hosts::HOOK_SECRET,
    provider_sign_ins::SEALED,
    instance_key::SEED,
];

/// How far sealing anew has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that were sealed anew now.
    pub n_done: u64,
    /// Values that still are sealed with an old key.
    pub n_left: u64,
}

impl Store {
    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// Seals a secret for a row of a column.
    pub(crate) fn seal(
        &self,
        column: &SealedColumn,
        row: impl Display,
        secret: &[u8],
    ) -> Result<Vec<u8>, Fault> {
        Ok(self.inner.vault.seal(column.place, &row.to_string(), secret)?)
    }

    /// Opens what was sealed for a row of a column.
    pub(crate) fn open_sealed(
        &self,
        column: &SealedColumn,
        row: impl Display,
        sealed: &[u8],
    ) -> Result<SecretBytes, Fault> {
        Ok(self.inner.vault.open(column.place, &row.to_string(), sealed)?)
    }

    /// Makes the first master key where there is none and nothing was sealed yet; otherwise proves that the key at hand is
    /// the right one.
    pub(crate) async fn check_vault(&self) -> Result<(), Fault> {
        const READ: &str = "SELECT sealed FROM vault_check WHERE id = 1";
        const INSERT: &str =
            "INSERT INTO vault_check (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
        let row = self.database().row(READ, values![]).await?;
        if row.is_none() {
            self.inner.vault.ensure_key()?;
            if self.inner.vault.newest().is_none() {
                return Ok(());
            }
            let sealed = self.seal(&CHECK, 1, b"sourcekeep")?;
            self.database().execute(INSERT, values![sealed]).await?;
        }
        let row = self.database().row(READ, values![]).await?;
        match row {
            Some(row) => self.open_sealed(&CHECK, 1, &row.bytes("sealed")?).map(drop),
            None => Ok(()),
        }
    }

    /// Seals some values anew with the newest key. What is done is in the rows themselves: after an interruption the rest is
    /// taken up, and several may do it at once.
    pub async fn reseal_step(&self) -> Result<Resealed, Fault> {
        self.inner.vault.reload()?;
        let Some(newest) = self.inner.vault.newest() else { return Ok(Resealed::default()) };
        let mut resealed = Resealed::default();
        for column in COLUMNS {
            let values = values!["", newest.0.to_vec(), N_STEP];
            for row in self.database().rows(column.outdated, values).await? {
                let (key, sealed) = (row.text("row_key")?, row.bytes("sealed")?);
                let secret = self.open_sealed(column, &key, &sealed)?;
                let anew = self.seal(column, &key, secret.expose())?;
                // Whoever changed the value meanwhile has sealed it with the newest key.
                resealed.n_done +=
                    self.database().execute(column.replace, values![key, sealed, anew]).await?;
            }
            resealed.n_left += self.n_sealed_otherwise(column, newest).await?;
        }
        Ok(resealed)
    }

    /// Adds a new master key, which seals from now on. Values are sealed anew by [`Store::reseal_step`].
    pub async fn rotate_key(&self) -> Result<vault::KeyId, RotateKeyError> {
        let vault = self.inner.vault.clone();
        let key = off_thread(move || vault.rotate()).await??;
        self.record(Entry::new(Act::RotateKey, Object::named("key", &key.to_string()))).await?;
        Ok(key)
    }

    /// Drops every master key but the newest; refused while a value is sealed with another. Returns how many there were.
    pub async fn drop_old_keys(&self) -> Result<usize, RotateKeyError> {
        self.inner.vault.reload().map_err(Fault::from)?;
        let newest = self.inner.vault.newest().ok_or(Fault::from(vault::SealError::NoKey))?;
        for column in COLUMNS {
            let n_left = self.n_sealed_otherwise(column, newest).await?;
            if n_left > 0 {
                return Err(RotateKeyError::StillUsed { n_left, table: column.place.table });
            }
        }
        if let Some(anchor) = self.database().anchor() {
            anchor.authenticate_anew().map_err(|source| RotateKeyError::Anchor { source })?;
        }
        self.authenticate_front_anew().await?;
        self.record(Entry::new(Act::DropKeys, Object::named("key", &newest.to_string()))).await?;
        let vault = self.inner.vault.clone();
        Ok(off_thread(move || vault.drop_old()).await??)
    }

    async fn n_sealed_otherwise(&self, column: &SealedColumn, newest: vault::KeyId) -> Result<u64, Fault> {
        let row = self.database().row(column.count, values![newest.0.to_vec()]).await?;
        row.map_or(Ok(0), |row| row.unsigned("n"))
    }
}

/// Master keys could not be rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateKeyError {
    /// The keys are not ours to change, or their file failed.
    #[error(transparent)]
    Keys(#[from] vault::RotateError),
    /// Old keys are still needed.
    #[error(
        "{n_left} values in '{table}' are still sealed with an old key: run `sourcekeep admin rotate-key --reseal-only` first"
    )]
    StillUsed {
        /// How many.
        n_left: u64,
        /// Where.
        table: &'static str,
    },
    /// The noted head of the audit log is authenticated with an old key and cannot be read.
    #[error(
        "the noted head of the audit log cannot be authenticated anew ({source}): run `sourcekeep verify audit`"
    )]
    Anchor {
        /// What is wrong with it.
        source: std::io::Error,
    },
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::Other { source: Box::new(error) })
}
