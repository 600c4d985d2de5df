//! The tables, brought to the present format at opening.

use crate::Fault;
use crate::database::{Database, Transaction, values};
use crate::dialect::Dialect;

/// One step towards the present format, for both databases. Never change one that was released: add another.
struct Migration {
    version: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

/// The scripts of one version.
macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        }
    };
}

/// In the order they are applied. A version may be left out; a store that lacks one gets it, whichever later ones it has.
const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_first"),
    migration!(2, "0002_about_and_contexts"),
    migration!(3, "0003_exports"),
    migration!(4, "0004_history"),
    migration!(5, "0005_identities"),
    migration!(6, "0006_code_hosts"),
    migration!(7, "0007_permissions"),
    migration!(8, "0008_audit"),
    migration!(9, "0009_passkeys"),
    migration!(11, "0011_settling"),
    migration!(12, "0012_roles_and_tokens"),
    migration!(16, "0016_reviews"),
    migration!(17, "0017_providers"),
    migration!(18, "0018_reviews_of_hosts"),
    migration!(19, "0019_audit_retention"),
    migration!(20, "0020_precise"),
    migration!(21, "0021_repo_reads"),
    migration!(22, "0022_egress"),
    migration!(23, "0023_usage"),
    migration!(24, "0024_hub"),
    migration!(26, "0026_ledger_body"),
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
    let rows = transaction.rows("SELECT version FROM store_format", values![]).await?;
    let found = rows.iter().map(|row| row.int("version")).collect::<Result<Vec<_>, _>>()?;
    let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
    if let Some(found) = found.iter().copied().find(|version| *version > known) {
        return Err(SchemaError::TooNew { found, known });
    }
    for migration in MIGRATIONS.iter().filter(|migration| !found.contains(&migration.version)) {
        let script = match transaction.dialect() {
            Dialect::Sqlite => migration.sqlite,
            Dialect::Postgres => migration.postgres,
        };
        transaction.execute_script(script).await?;
        let insert = "INSERT INTO store_format (version) VALUES ($1)";
        transaction.execute(insert, values![migration.version]).await?;
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
