//! What can go wrong with the database itself, told without its name.

use access::{PasswordFault, RandomnessError};
use std::sync::Arc;

/// The store could not do its work for a reason that is not the caller's.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No connection.
    #[error(
        "the database cannot be reached: check its address in the configuration, and that it runs or its folder exists"
    )]
    Unreachable {
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Somebody else held it for too long.
    #[error("the database is busy: another process has held it for too long, try again")]
    Busy {
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No room. What was there before is intact.
    #[error("the disk that holds the database is full: free some space, nothing was lost")]
    DiskFull {
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It may be read but not written.
    #[error("the database cannot be written: check the owner and permissions of its files")]
    ReadOnly {
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk reports errors.
    #[error("the disk that holds the database reports errors: check the disk before anything else")]
    Disk {
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is no database, or is damaged.
    #[error("the database is damaged: restore it from a backup")]
    Damaged {
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row holds what this program never writes.
    #[error(
        "the database holds an impossible value in '{column}': restore it from a backup, or update the program"
    )]
    ImpossibleValue {
        /// In which column.
        column: &'static str,
    },
    /// A value to store is longer than the store keeps, or holds what it cannot.
    #[error("the {field} cannot be stored: it must be at most {n_bytes_max} bytes, without NUL characters")]
    Unstorable {
        /// Which value.
        field: &'static str,
        /// The most that is kept.
        n_bytes_max: usize,
    },
    /// A password could not be hashed or compared.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// No secret could be drawn.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// A secret could not be sealed.
    #[error(transparent)]
    Seal(#[from] vault::SealError),
    /// A sealed secret could not be opened: the master key is lost or another one, or the value was meddled with.
    #[error(transparent)]
    Unseal(#[from] vault::OpenError),
    /// The master keys cannot be had.
    #[error(transparent)]
    Vault(#[from] vault::VaultError),
    /// Something could not be written to the audit log, so it did not happen.
    #[error("the audit log cannot be written, and without it nothing is shown: {source}")]
    Unrecorded {
        /// Why not.
        source: Arc<Fault>,
    },
    /// The store was closed.
    #[error("the store was closed")]
    Stopped,
    /// Anything else.
    #[error("the database failed")]
    Other {
        /// What the driver said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Fault {
    /// Whether two transactions met in a way that only one may win, so that this one can be tried again.
    pub(crate) fn is_conflict(&self) -> bool {
        let (Fault::Other { source } | Fault::Busy { source }) = self else { return false };
        match source.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(error)) => {
                let transient = error.code().is_some_and(|code| is_serialization_code(&code));
                error.is_unique_violation() || transient
            }
            _ => false,
        }
    }

    /// Refuses a text that is too long, or that holds a NUL, which one of the databases cannot keep.
    pub(crate) fn check_storable(field: &'static str, text: &str, n_bytes_max: usize) -> Result<(), Fault> {
        match text.len() > n_bytes_max || text.contains('\0') {
            true => Err(Fault::Unstorable { field, n_bytes_max }),
            false => Ok(()),
        }
    }

    /// Whether a row that was referred to is gone.
    pub(crate) fn is_dangling_reference(&self) -> bool {
        let Fault::Other { source } = self else { return false };
        match source.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Database(error)) => error.is_foreign_key_violation(),
            _ => false,
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        let kind = kind_of(&error);
        let source = Box::new(error);
        match kind {
            Kind::Unreachable => Fault::Unreachable { source },
            Kind::Busy => Fault::Busy { source },
            Kind::DiskFull => Fault::DiskFull { source },
            Kind::ReadOnly => Fault::ReadOnly { source },
            Kind::Disk => Fault::Disk { source },
            Kind::Damaged => Fault::Damaged { source },
            Kind::Other => Fault::Other { source },
        }
    }
}

#[derive(Debug, PartialEq)]
enum Kind {
    Unreachable,
    Busy,
    DiskFull,
    ReadOnly,
    Disk,
    Damaged,
    Other,
}

fn kind_of(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            Kind::Unreachable
        }
        sqlx::Error::PoolTimedOut => Kind::Busy,
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => kind_of_code(&code),
            None => Kind::Other,
        },
        _ => Kind::Other,
    }
}

/// No extended result code of SQLite has five digits.
const N_CHARS_SQLSTATE: usize = 5;

/// Codes of five characters are SQLSTATEs (PostgreSQL, appendix A); shorter ones are SQLite's extended result codes, whose
/// low byte is the primary one (sqlite.org/rescode.html).
fn kind_of_code(code: &str) -> Kind {
    if code.len() == N_CHARS_SQLSTATE {
        return match code {
            "53100" => Kind::DiskFull,
            "58030" => Kind::Disk,
            "25006" | "42501" => Kind::ReadOnly,
            "55P03" => Kind::Busy,
            "XX001" | "XX002" => Kind::Damaged,
            _ if is_serialization_code(code) => Kind::Busy,
            _ if code.starts_with("08") || code.starts_with("57P") || code.starts_with("28") => {
                Kind::Unreachable
            }
            _ => Kind::Other,
        };
    }
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => Kind::Busy,
        Ok(8) => Kind::ReadOnly,
        Ok(11 | 26) => Kind::Damaged,
        Ok(13) => Kind::DiskFull,
        Ok(10) => Kind::Disk,
        Ok(14) => Kind::Unreachable,
        _ => Kind::Other,
    }
}

/// Serialization failure and deadlock: one of two transactions was chosen to give way.
fn is_serialization_code(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_told_apart() {
        let check = |code: &str, expected: Kind| assert_eq!(kind_of_code(code), expected, "{code}");
        // SQLITE_BUSY, _BUSY_SNAPSHOT, _READONLY, _IOERR_FSYNC, _CORRUPT_INDEX, _FULL, _CANTOPEN, _NOTADB, _CONSTRAINT_UNIQUE.
        check("5", Kind::Busy);
        check("517", Kind::Busy);
        check("8", Kind::ReadOnly);
        check("1034", Kind::Disk);
        check("779", Kind::Damaged);
        check("13", Kind::DiskFull);
        check("14", Kind::Unreachable);
        check("26", Kind::Damaged);
        check("2067", Kind::Other);
        check("53100", Kind::DiskFull);
        check("58030", Kind::Disk);
        check("57P01", Kind::Unreachable);
        check("08006", Kind::Unreachable);
        check("28P01", Kind::Unreachable);
        check("40P01", Kind::Busy);
        check("25006", Kind::ReadOnly);
        check("23505", Kind::Other);
        check("", Kind::Other);
    }
}
