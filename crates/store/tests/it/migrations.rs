//! A store of every earlier format is brought to the present one, and is then what a new one is.

use crate::world::{Backend, World, block_on, local, user_name};
use access::{Role, SystemRandomness};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use std::sync::Arc;
use store::{Adder, ExportUse, NewExport, NewUser, Store, StoreUrl};

/// A version and the scripts of both databases that lead to it.
macro_rules! scripts {
    ($version:literal, $name:literal) => {
        (
            $version,
            [
                include_str!(concat!("../../migrations/sqlite/", $name, ".sql")),
                include_str!(concat!("../../migrations/postgres/", $name, ".sql")),
            ],
        )
    };
}

/// Every version, in order.
const SCRIPTS: &[(i64, [&str; 2])] = &[
    scripts!(1, "0001_first"),
    scripts!(2, "0002_about_and_contexts"),
    scripts!(3, "0003_exports"),
    scripts!(4, "0004_history"),
    scripts!(5, "0005_identities"),
    scripts!(6, "0006_code_hosts"),
    scripts!(7, "0007_permissions"),
    scripts!(8, "0008_audit"),
    scripts!(9, "0009_passkeys"),
    scripts!(11, "0011_settling"),
    scripts!(12, "0012_roles_and_tokens"),
    scripts!(16, "0016_reviews"),
    scripts!(17, "0017_providers"),
    scripts!(18, "0018_reviews_of_hosts"),
    scripts!(19, "0019_audit_retention"),
    scripts!(20, "0020_precise"),
    scripts!(21, "0021_repo_reads"),
    scripts!(22, "0022_egress"),
    scripts!(23, "0023_usage"),
    scripts!(24, "0024_hub"),
    scripts!(26, "0026_ledger_body"),
];

const FORMAT: &str = "CREATE TABLE store_format (version BIGINT NOT NULL PRIMARY KEY)";
/// What stood in a store before, as every format has it.
const BEFORE: &str = "INSERT INTO repositories \
     (name, source_kind, source, visibility, unrestricted, fork, archived, added_at) \
     VALUES ('old', 'local', '/src/old', 'private', 0, 0, 0, 7)";

/// A connection beside the store's own.
enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    async fn open(backend: Backend, address: &str) -> Raw {
        match backend {
            Backend::Sqlite => {
                Raw::Sqlite(SqliteConnection::connect(&format!("{address}?mode=rwc")).await.unwrap())
            }
            Backend::Postgres => Raw::Postgres(PgConnection::connect(address).await.unwrap()),
        }
    }

    async fn run(&mut self, script: &str) {
        let script = AssertSqlSafe(script.to_owned());
        match self {
            Raw::Sqlite(connection) => drop(connection.execute(sqlx::raw_sql(script)).await.unwrap()),
            Raw::Postgres(connection) => drop(connection.execute(sqlx::raw_sql(script)).await.unwrap()),
        }
    }

    /// Every table, column, type, default and index, in words.
    async fn schema(&mut self) -> Vec<String> {
        match self {
            Raw::Sqlite(connection) => {
                let sql = "SELECT COALESCE(sql, name) FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name";
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                rows.iter().map(|row| row.get::<String, _>(0)).collect()
            }
            Raw::Postgres(connection) => {
                let sql = "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' \
                     || COALESCE(column_default, '-') || ' ' || COALESCE(collation_name, '-') \
                     FROM information_schema.columns WHERE table_schema = 'public' \
                     UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
                     UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
                     WHERE connamespace = 'public'::regnamespace \
                     UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1";
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                rows.iter().map(|row| row.get::<String, _>(0)).collect()
            }
        }
    }
}

async fn check(backend: Backend, n_applied: usize, expected: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let address = match backend {
        Backend::Sqlite => format!("sqlite://{}", folder.path().join("old.db").display()),
        Backend::Postgres => testkit::postgres::Postgres::shared().create_database().unwrap(),
    };
    let mut raw = Raw::open(backend, &address).await;
    raw.run(FORMAT).await;
    for (version, scripts) in &SCRIPTS[..n_applied] {
        raw.run(scripts[backend as usize]).await;
        raw.run(&format!("INSERT INTO store_format (version) VALUES ({version})")).await;
    }
    raw.run(BEFORE).await;
    let url: StoreUrl = address.parse().unwrap();
    let store = Store::open(&url).await.unwrap();
    assert_eq!(raw.schema().await, expected, "{backend:?} from {n_applied} formats");
    // What was there is there, and what came later works.
    let names: Vec<String> =
        store.maintenance().repositories().await.unwrap().iter().map(|one| one.name.to_string()).collect();
    assert_eq!(names, ["old"]);
    assert!(store.add_repository(local("new"), Adder::LocalOperator).await.unwrap().is_new);
    let user = NewUser { name: user_name("ada"), password: None, role: Role::Member };
    let user = store.create_user(user).await.unwrap();
    let scope = access::RepoScope::All;
    let new = NewExport { user: user.id, scope, query: "x".into(), format: "csv".into() };
    let most = ExportUse { n_exports: 1, n_unfinished: 1, size_bytes: 1 };
    store.create_export(new, most).await.unwrap();
    store.close().await;
    Store::open(&url).await.unwrap().close().await;
}

#[test]
fn every_earlier_format_becomes_the_present_one() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        block_on(async {
            let fresh = World::new(backend, Arc::new(SystemRandomness)).await;
            let expected = Raw::open(backend, &fresh.address).await.schema().await;
            assert!(expected.len() > 20, "{expected:?}");
            for n_applied in 1..=SCRIPTS.len() {
                check(backend, n_applied, &expected).await;
            }
        });
    }
}

/// A migration that this test does not know would not be tried by it.
#[test]
fn all_migrations_are_tried_in_pairs() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = |dialect: &str| {
        let entries = std::fs::read_dir(folder.join(dialect)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert_eq!(names("sqlite").len(), SCRIPTS.len());
}
