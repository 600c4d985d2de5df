//! The tables, brought to the present format at opening.

use crate::Fault;
use crate::database::{Database, Transaction, values};
use crate::dialect::Dialect;

/// One step from a format to the next, for both databases. Never change one that was released: add another.
struct Migration {
    sqlite: &'static str,
    postgres: &'static str,
}

/// The step at index n leads to format n + 1.
const MIGRATIONS: &[Migration] = &[
    Migration {
        sqlite: include_str!("../migrations/sqlite/0001_first.sql"),
        postgres: include_str!("../migrations/postgres/0001_first.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0002_about_and_contexts.sql"),
        postgres: include_str!("../migrations/postgres/0002_about_and_contexts.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0003_exports.sql"),
        postgres: include_str!("../migrations/postgres/0003_exports.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0004_history.sql"),
        postgres: include_str!("../migrations/postgres/0004_history.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0005_identities.sql"),
        postgres: include_str!("../migrations/postgres/0005_identities.sql"),
    },
    Migration {
        sqlite: include_str!("../migrations/sqlite/0007_permissions.sql"),
        postgres: include_str!("../migrations/postgres/0007_permissions.sql"),
    },
];

#[derive(Debug)]
pub(crate) enum SchemaError {
    TooNew { found: i64, known: i64 },
    Fault(Fault),
}

impl From<Fault> for SchemaError {
    fn from(fault: Fault) -> Self {
        SchemaError::Fault(fault)
    }
}

/// Applies what is missing in one transaction; other processes that open the database meanwhile wait for it.
pub(crate) async fn migrate(database: &Database) -> Result<(), SchemaError> {
    let mut transaction = database.begin().await?;
    lock(&mut transaction).await?;
    transaction
        .execute("CREATE TABLE IF NOT EXISTS store_format (version BIGINT NOT NULL PRIMARY KEY)", values![])
        .await?;
    let found = transaction.row("SELECT MAX(version) AS version FROM store_format", values![]).await?;
    let found = found.map_or(Ok(None), |row| row.maybe_int("version"))?.unwrap_or(0);
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(SchemaError::TooNew { found, known });
    }
    for (version, migration) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let script = match transaction.dialect() {
            Dialect::Sqlite => migration.sqlite,
            Dialect::Postgres => migration.postgres,
        };
        transaction.execute_script(script).await?;
        transaction.execute("INSERT INTO store_format (version) VALUES ($1)", values![version]).await?;
    }
    Ok(transaction.commit().await?)
}

/// SQLite's transaction holds the write lock from its beginning; PostgreSQL needs a lock that exists before any table.
async fn lock(transaction: &mut Transaction) -> Result<(), Fault> {
    // "Sourcekp" as a number.
    const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(6012996468653648752)";
    match transaction.dialect() {
        Dialect::Sqlite => Ok(()),
        Dialect::Postgres => transaction.execute_script(MIGRATION_LOCK).await,
    }
}
