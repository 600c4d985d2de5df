//! Two kinds of pool behind one small set of calls: rows out, values in, transactions.
//!
//! Nothing above this module knows which database answers. SQLite: write-ahead log, one writing connection whose
//! transactions begin with `BEGIN IMMEDIATE` (so that they wait at their beginning, never fail in their middle), and
//! several reading ones. PostgreSQL: one pool at its default isolation; what must not interleave takes a row lock first.

use crate::Fault;
use crate::audit::hash_of;
use crate::audit_anchor::{Advance, Anchor, Appended, AuditHead, Known};
use crate::audit_retention;
use crate::dialect::Dialect;
use access::audit::ChainHash;
use access::{Digest, Timestamp};
use model::{RepoId, RepoSet, UserId};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Encode, Postgres, Row as _, Sqlite, Type};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a writer waits for another process's transaction; ours last milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
/// Rows of one INSERT: each number of them is a statement that the connection keeps prepared.
const N_ROWS_MAX: usize = 16;
/// How long a caller waits for a connection of the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// Readers of one SQLite file in one process; each is a thread.
const N_SQLITE_READERS: u32 = 4;
/// Connections to PostgreSQL per process; its own default allows 100 in all.
const N_POSTGRES_CONNECTIONS: u32 = 16;

/// The open database.
#[derive(Clone)]
pub(crate) struct Database {
    pools: Pools,
    /// Where the head of the audit log is noted besides.
    anchor: Option<Arc<Anchor>>,
}

#[derive(Clone, Debug)]
enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// An open transaction; rolled back unless committed.
pub(crate) struct Transaction {
    connection: Connection,
    /// The head of the audit log this transaction leads to, where it wrote to it.
    audited: Option<Appended>,
    database: Database,
}

enum Connection {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A row that was read.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A value to bind. The `None`s are NULLs of a type.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// The values of a statement, in the order of its placeholders.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::database::Value::from($value)),*] };
}
pub(crate) use values;

/// Calls one of sqlx's methods on whichever connection there is.
macro_rules! on_connection {
    ($self:ident, $sql:ident, $values:ident, |$query:ident, $connection:ident| $call:expr, $wrap_sqlite:expr, $wrap_postgres:expr) => {
        match &mut $self.connection {
            Connection::Sqlite(transaction) => {
                let ($query, $connection) =
                    (query::<Sqlite>(Dialect::Sqlite, $sql, $values), &mut **transaction);
                $wrap_sqlite($call.await?)
            }
            Connection::Postgres(transaction) => {
                let ($query, $connection) =
                    (query::<Postgres>(Dialect::Postgres, $sql, $values), &mut **transaction);
                $wrap_postgres($call.await?)
            }
        }
    };
}

impl Database {
    /// Opens a SQLite file, making it if it is missing.
    pub(crate) async fn open_sqlite(path: &Path) -> Result<Self, Fault> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            // FULL: an acknowledged revocation or publication survives a power cut, too.
            .synchronous(SqliteSynchronous::Full)
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging();
        let writer = options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let writer = sqlite_pool(1).connect_with(writer).await?;
        let readers = options.pragma("query_only", "ON");
        let readers = sqlite_pool(N_SQLITE_READERS).connect_with(readers).await?;
        Ok(Database { pools: Pools::Sqlite { writer, readers }, anchor: None })
    }

    /// Connects to a PostgreSQL database.
    pub(crate) async fn open_postgres(options: PgConnectOptions) -> Result<Self, Fault> {
        let pool = PgPoolOptions::new()
            .max_connections(N_POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.application_name("sourcekeep").disable_statement_logging())
            .await?;
        Ok(Database { pools: Pools::Postgres(pool), anchor: None })
    }

    /// The same, noting the head of the audit log there after each transaction that wrote to it.
    pub(crate) fn with_anchor(self, anchor: Option<Arc<Anchor>>) -> Self {
        Database { anchor, ..self }
    }

    pub(crate) fn anchor(&self) -> Option<&Anchor> {
        self.anchor.as_deref()
    }

    pub(crate) async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Transaction, Fault> {
        Ok(self.transaction(match &self.pools {
            Pools::Sqlite { writer, .. } => Connection::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => Connection::Postgres(pool.begin().await?),
        }))
    }

    /// Begins a transaction that reads: all its statements see the same moment.
    pub(crate) async fn snapshot(&self) -> Result<Transaction, Fault> {
        const AT_ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        Ok(self.transaction(match &self.pools {
            Pools::Sqlite { readers, .. } => Connection::Sqlite(readers.begin().await?),
            Pools::Postgres(pool) => Connection::Postgres(pool.begin_with(AT_ONE_MOMENT).await?),
        }))
    }

    /// Notes outside the database where the audit log ends.
    async fn note(&self, appended: &Appended) {
        const HASH: &str = "SELECT hash FROM audit_log WHERE seq = $1";
        let Some(anchor) = &self.anchor else { return };
        let mut known = None;
        // Another process may note something at the same moment; whoever comes next catches up.
        for _ in 0..3 {
            let Advance::Needs(seq) = anchor.advance(appended, known) else { return };
            let row = self.row(HASH, values![seq]).await;
            let hash = row.and_then(|row| row.map(|row| hash_of(&row)).transpose());
            known = Some(match hash.ok().flatten() {
                Some(hash) => Known::Entry(seq, hash),
                None if audit_retention::was_removed(self, anchor.vault(), seq).await => Known::Removed(seq),
                // What is missing is not what was noted.
                None => Known::Entry(seq, ChainHash::BEGINNING),
            });
        }
    }

    fn transaction(&self, connection: Connection) -> Transaction {
        Transaction { connection, audited: None, database: self.clone() }
    }

    /// Reads all rows of one statement.
    pub(crate) async fn rows(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, Fault> {
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => {
                let rows = query::<Sqlite>(Dialect::Sqlite, sql, values).fetch_all(readers).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Pools::Postgres(pool) => {
                let rows = query::<Postgres>(Dialect::Postgres, sql, values).fetch_all(pool).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Reads the first row of one statement.
    pub(crate) async fn row(&self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>, Fault> {
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => {
                query::<Sqlite>(Dialect::Sqlite, sql, values).fetch_optional(readers).await?.map(Row::Sqlite)
            }
            Pools::Postgres(pool) => query::<Postgres>(Dialect::Postgres, sql, values)
                .fetch_optional(pool)
                .await?
                .map(Row::Postgres),
        })
    }

    /// Writes with one statement, in a transaction of its own. Returns the number of rows it touched.
    pub(crate) async fn execute(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, Fault> {
        let mut transaction = self.begin().await?;
        let n_rows = transaction.execute(sql, values).await?;
        transaction.commit().await?;
        Ok(n_rows)
    }
}

impl Transaction {
    pub(crate) async fn rows(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, Fault> {
        let wrap_sqlite = |rows: Vec<SqliteRow>| rows.into_iter().map(Row::Sqlite).collect();
        let wrap_postgres = |rows: Vec<PgRow>| rows.into_iter().map(Row::Postgres).collect();
        Ok(on_connection!(self, sql, values, |query, on| query.fetch_all(on), wrap_sqlite, wrap_postgres))
    }

    pub(crate) async fn row(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>, Fault> {
        let wrap_sqlite = |row: Option<SqliteRow>| row.map(Row::Sqlite);
        let wrap_postgres = |row: Option<PgRow>| row.map(Row::Postgres);
        Ok(on_connection!(
            self,
            sql,
            values,
            |query, on| query.fetch_optional(on),
            wrap_sqlite,
            wrap_postgres
        ))
    }

    /// Returns the number of rows the statement touched.
    pub(crate) async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, Fault> {
        Ok(on_connection!(
            self,
            sql,
            values,
            |query, on| query.execute(on),
            |done: sqlx::sqlite::SqliteQueryResult| done.rows_affected(),
            |done: sqlx::postgres::PgQueryResult| done.rows_affected()
        ))
    }

    /// Inserts rows of the same columns, many with one statement. `into` is the statement up to its VALUES.
    pub(crate) async fn insert(&mut self, into: &'static str, rows: Vec<Vec<Value>>) -> Result<(), Fault> {
        let mut rows = rows.into_iter();
        loop {
            let some: Vec<Vec<Value>> = rows.by_ref().take(N_ROWS_MAX).collect();
            let Some(n_columns) = some.first().map(Vec::len) else { return Ok(()) };
            let sql = insert_statement(into, n_columns, some.len());
            let values = some.into_iter().flatten();
            match &mut self.connection {
                Connection::Sqlite(transaction) => {
                    // SECURITY: made of the program's own text and of numbers.
                    let query = sqlx::query::<Sqlite>(AssertSqlSafe(sql));
                    bound(query, values).execute(&mut **transaction).await?;
                }
                Connection::Postgres(transaction) => {
                    let query = sqlx::query::<Postgres>(AssertSqlSafe(sql));
                    bound(query, values).execute(&mut **transaction).await?;
                }
            }
        }
    }

    /// Runs several statements without values: a migration of this dialect.
    pub(crate) async fn execute_script(&mut self, script: &'static str) -> Result<(), Fault> {
        match &mut self.connection {
            Connection::Sqlite(transaction) => {
                sqlx::raw_sql(script).execute(&mut **transaction).await?;
            }
            Connection::Postgres(transaction) => {
                sqlx::raw_sql(script).execute(&mut **transaction).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), Fault> {
        match self.connection {
            Connection::Sqlite(transaction) => transaction.commit().await?,
            Connection::Postgres(transaction) => transaction.commit().await?,
        }
        if let Some(appended) = self.audited {
            self.database.note(&appended).await;
        }
        Ok(())
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match &self.connection {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Remembers that the audit log ends there once this is committed.
    pub(crate) fn has_audited(&mut self, appended: Appended) {
        self.audited = Some(match self.audited.take() {
            None => appended,
            Some(before) => Appended {
                head: AuditHead { first_seq: before.head.first_seq, ..appended.head },
                previous: before.previous,
            },
        });
    }
}

impl Row {
    pub(crate) fn int(&self, column: &'static str) -> Result<i64, Fault> {
        self.maybe_int(column)?.ok_or(Fault::ImpossibleValue { column })
    }

    pub(crate) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, Fault> {
        let value = match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| read_fault(error, column))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, Fault> {
        self.maybe_text(column)?.ok_or(Fault::ImpossibleValue { column })
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Fault> {
        let value = match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| read_fault(error, column))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>, Fault> {
        self.maybe_bytes(column)?.ok_or(Fault::ImpossibleValue { column })
    }

    pub(crate) fn maybe_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Fault> {
        let value = match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        };
        value.map_err(|error| read_fault(error, column))
    }

    pub(crate) fn unsigned(&self, column: &'static str) -> Result<u64, Fault> {
        u64::try_from(self.int(column)?).map_err(|_| Fault::ImpossibleValue { column })
    }

    pub(crate) fn flag(&self, column: &'static str) -> Result<bool, Fault> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, Fault> {
        self.int(column).map(Timestamp)
    }

    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, Fault> {
        Ok(self.maybe_int(column)?.map(Timestamp))
    }

    pub(crate) fn user_id(&self, column: &'static str) -> Result<UserId, Fault> {
        self.int(column).map(UserId)
    }

    pub(crate) fn repo_set(&self, column: &'static str) -> Result<RepoSet, Fault> {
        RepoSet::from_bytes(&self.bytes(column)?).map_err(|_| Fault::ImpossibleValue { column })
    }

    pub(crate) fn repo_id(&self, column: &'static str) -> Result<RepoId, Fault> {
        u32::try_from(self.int(column)?).map(RepoId).map_err(|_| Fault::ImpossibleValue { column })
    }
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $into:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        })*
    };
}
value_from! {
    i64 => |value| Value::Int(Some(value));
    Option<i64> => |value| Value::Int(value);
    bool => |value| Value::Int(Some(i64::from(value)));
    RepoId => |value| Value::Int(Some(i64::from(value.0)));
    Option<RepoId> => |value| Value::Int(value.map(|repo| i64::from(repo.0)));
    &RepoSet => |value| Value::Bytes(Some(value.to_bytes()));
    UserId => |value| Value::Int(Some(value.0));
    Timestamp => |value| Value::Int(Some(value.0));
    Option<Timestamp> => |value| Value::Int(value.map(|time| time.0));
    &str => |value| Value::Text(Some(value.to_owned()));
    String => |value| Value::Text(Some(value));
    &String => |value| Value::Text(Some(value.clone()));
    Option<String> => |value| Value::Text(value);
    Option<&str> => |value| Value::Text(value.map(str::to_owned));
    &[u8] => |value| Value::Bytes(Some(value.to_vec()));
    Vec<u8> => |value| Value::Bytes(Some(value));
    Option<Vec<u8>> => |value| Value::Bytes(value);
    Digest => |value| Value::Bytes(Some(value.as_bytes().to_vec()));
}

/// A JSON array of numbers, for `{ints:…}`.
pub(crate) fn int_list(numbers: impl Iterator<Item = i64>) -> String {
    let words: Vec<String> = numbers.map(|number| number.to_string()).collect();
    format!("[{}]", words.join(","))
}

/// A JSON array of texts, for `{texts:…}`.
pub(crate) fn text_list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}

/// The integer column's form of an unsigned number; those past its end, which no file and no count reaches, become the end.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn sqlite_pool(n_connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(n_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        // There is no network between us and the file.
        .test_before_acquire(false)
        // Where the disk fails, SQLite ends the transaction by itself, and the driver takes it for one that goes on: nothing
        // would be written on that connection ever again.
        .before_acquire(|connection, _| Box::pin(std::future::ready(Ok(!connection.is_in_transaction()))))
}

fn query<DB>(dialect: Dialect, sql: &'static str, values: Vec<Value>) -> Query<'static, DB, DB::Arguments>
where
    DB: sqlx::Database,
    Option<i64>: Encode<'static, DB> + Type<DB>,
    Option<String>: Encode<'static, DB> + Type<DB>,
    Option<Vec<u8>>: Encode<'static, DB> + Type<DB>,
{
    let query = match dialect.render(sql) {
        Cow::Borrowed(sql) => sqlx::query::<DB>(sql),
        // SECURITY: rendered from the program's own text and the program's own words, no caller's.
        Cow::Owned(sql) => sqlx::query::<DB>(AssertSqlSafe(sql)),
    };
    bound(query, values.into_iter())
}

fn bound<DB>(
    query: Query<'static, DB, DB::Arguments>,
    values: impl Iterator<Item = Value>,
) -> Query<'static, DB, DB::Arguments>
where
    DB: sqlx::Database,
    Option<i64>: Encode<'static, DB> + Type<DB>,
    Option<String>: Encode<'static, DB> + Type<DB>,
    Option<Vec<u8>>: Encode<'static, DB> + Type<DB>,
{
    values.fold(query, |query, value| match value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

/// `into VALUES ($1, $2), ($3, $4)`.
fn insert_statement(into: &'static str, n_columns: usize, n_rows: usize) -> String {
    let row = |row: usize| {
        let places = (1..=n_columns).map(|column| format!("${}", row * n_columns + column));
        format!("({})", places.collect::<Vec<_>>().join(", "))
    };
    format!("{into} VALUES {}", (0..n_rows).map(row).collect::<Vec<_>>().join(", "))
}

fn read_fault(error: sqlx::Error, column: &'static str) -> Fault {
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Fault::ImpossibleValue { column },
        other => Fault::from(other),
    }
}
