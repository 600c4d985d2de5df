//! Opening the store.

use crate::Fault;
use crate::audit_anchor::Anchor;
use crate::audit_reads::ReadLog;
use crate::database::Database;
use crate::facts_cache::FactsCache;
use crate::schema::{self, SchemaError};
use access::audit::Origin;
use access::{
    Clock, PasswordCost, PasswordFault, PasswordKeeper, Randomness, SystemClock, SystemRandomness, Timestamp,
};
use sqlx::postgres::PgConnectOptions;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tlog::SigningKey;
use tokio::sync::{Notify, OnceCell, Semaphore};
use vault::Vault;

/// Sign-ins under way at once: some seconds of hashing on one core.
const N_SIGN_INS_MAX: usize = 64;

/// Where the data is: `sqlite:///absolute/path`, or `postgres://user@host/database`. Prints without user information.
#[derive(Clone)]
pub struct StoreUrl(Place);

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Server { options: Box<PgConnectOptions>, shown: String },
}

/// A text is not the address of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreUrlError {
    /// Another scheme, or none.
    #[error("the database address must begin with 'sqlite:///' or 'postgres://'")]
    Scheme,
    /// The path is missing or relative.
    #[error(
        "the path in 'sqlite://…' must be absolute: write three slashes, as in sqlite:///var/lib/sourcekeep/sourcekeep.db"
    )]
    RelativePath,
    /// The rest cannot be read. Says nothing of the text, which may hold a password.
    #[error("the database address cannot be read: write postgres://user@host:port/database")]
    Malformed,
}

impl StoreUrl {
    /// The address of a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        StoreUrl(Place::File(path.into()))
    }

    /// Whether the database is reached over the network: neither a file nor a server's Unix socket.
    pub fn needs_network(&self) -> bool {
        match &self.0 {
            Place::File(_) => false,
            Place::Server { options, .. } => {
                options.get_socket().is_none() && !options.get_host().starts_with('/')
            }
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match Path::new(path).is_absolute() {
                true => Ok(StoreUrl::file(path)),
                false => Err(StoreUrlError::RelativePath),
            };
        }
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(StoreUrlError::Scheme)?;
        let options = PgConnectOptions::from_str(text).map_err(|_| StoreUrlError::Malformed)?;
        let bare = rest.split(['?', '#']).next().unwrap_or_default();
        let bare = bare.rsplit_once('@').map_or(bare, |(_, host)| host);
        Ok(StoreUrl(Place::Server { options: Box::new(options), shown: format!("postgres://{bare}") }))
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => write!(formatter, "sqlite://{}", path.display()),
            Place::Server { shown, .. } => formatter.write_str(shown),
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StoreUrl({self})")
    }
}

/// What the store is given rather than takes.
#[derive(Clone)]
pub struct Options {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives secrets.
    pub randomness: Arc<dyn Randomness>,
    /// How much work a password guess costs.
    pub password_cost: PasswordCost,
    /// Seals secrets that must be read again.
    pub vault: Vault,
    /// The file, outside the database, in which the head of the audit log is noted; needs a vault with a key.
    pub audit_head: Option<PathBuf>,
}

impl Default for Options {
    /// The machine's clock and generator, the standard cost, and no master key.
    fn default() -> Self {
        Options {
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            password_cost: PasswordCost::STANDARD,
            vault: Vault::absent(),
            audit_head: None,
        }
    }
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made or read.
    #[error("the database file '{}' cannot be opened: check that its folder exists and is yours", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database is of a later version of the program.
    #[error("the database has format {found}, this program knows up to {known}: use the newer program")]
    TooNew {
        /// What it has.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// The password cost is not possible.
    #[error(transparent)]
    PasswordCost(#[from] PasswordFault),
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The open store, acting for somebody: for the server itself as long as [`Store::by`] says nothing else. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    pub(crate) origin: Arc<Origin>,
}

pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    pub(crate) passwords: PasswordKeeper,
    /// Keeps a flood of sign-ins from taking all memory and cores: each guess needs its share of both.
    pub(crate) hashing: Arc<Semaphore>,
    /// How many sign-ins may wait for that; more are asked to come back.
    pub(crate) sign_ins: Semaphore,
    pub(crate) facts: FactsCache,
    pub(crate) vault: Vault,
    pub(crate) reads: ReadLog,
    /// Opened when it is first needed.
    pub(crate) egress_signer: OnceCell<Option<Arc<SigningKey>>>,
    /// Rung when a job was put into the queue or made room for another.
    pub(crate) job_bell: Notify,
}

impl Store {
    /// Opens the store with the machine's clock and generator, making or migrating its tables as needed.
    pub async fn open(url: &StoreUrl) -> Result<Self, OpenError> {
        Self::open_with(url, Options::default()).await
    }

    /// Opens the store, making or migrating its tables as needed. Several processes may do so at once.
    pub async fn open_with(url: &StoreUrl, options: Options) -> Result<Self, OpenError> {
        let passwords = PasswordKeeper::new(options.password_cost)?;
        let anchor = options.audit_head.map(|path| Arc::new(Anchor::new(path, options.vault.clone())));
        let database = open_database(&url.0).await?.with_anchor(anchor);
        schema::migrate(&database).await.map_err(|error| match error {
            SchemaError::TooNew { found, known } => OpenError::TooNew { found, known },
            SchemaError::Fault(fault) => OpenError::Fault(fault),
        })?;
        let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
        let store = Store {
            inner: Arc::new(Inner {
                reads: ReadLog::start(database.clone()),
                database,
                clock: options.clock,
                randomness: options.randomness,
                passwords,
                hashing: Arc::new(Semaphore::new(n_cores.clamp(1, 4))),
                sign_ins: Semaphore::new(N_SIGN_INS_MAX),
                facts: FactsCache::default(),
                vault: options.vault,
                egress_signer: OnceCell::new(),
                job_bell: Notify::new(),
            }),
            origin: Arc::new(Origin::system("server")),
        };
        store.check_vault().await?;
        Ok(store)
    }

    /// Closes every connection, after what is under way has ended.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// What secrets are drawn from: the machine's randomness, but in tests that compare whole answers.
    pub fn randomness(&self) -> &dyn Randomness {
        &*self.inner.randomness
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Store")
    }
}

async fn open_database(place: &Place) -> Result<Database, OpenError> {
    match place {
        Place::Server { options, .. } => Ok(Database::open_postgres((**options).clone()).await?),
        Place::File(path) => {
            create_private(path).map_err(|source| OpenError::File { path: path.clone(), source })?;
            open_file(path).await
        }
    }
}

/// Changing a new file to its write-ahead log takes a lock that cannot be waited for: two processes that make the same
/// file at the same moment get in each other's way once or twice.
async fn open_file(path: &Path) -> Result<Database, OpenError> {
    const N_ATTEMPTS: u32 = 40;
    for _ in 1..N_ATTEMPTS {
        match Database::open_sqlite(path).await {
            Err(Fault::Busy { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            other => return Ok(other?),
        }
    }
    Ok(Database::open_sqlite(path).await?)
}

/// SECURITY: the file holds digests and hashes of secrets; nobody but its owner may read it. SQLite gives its companion
/// files the same permissions.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let shown = |text: &str| StoreUrl::from_str(text).map(|url| url.to_string());
        assert_eq!(shown("sqlite:///tmp/x y.db").unwrap(), "sqlite:///tmp/x y.db");
        assert_eq!(shown("postgres://ada:hunter2@db/keep?sslmode=disable").unwrap(), "postgres://db/keep");
        assert_eq!(shown("postgresql://db:5433/keep").unwrap(), "postgres://db:5433/keep");
        let needs_network = |text: &str| StoreUrl::from_str(text).unwrap().needs_network();
        assert!(needs_network("postgres://db/keep") && needs_network("postgres://a@localhost:5433/keep"));
        assert!(!needs_network("postgres://a@localhost/keep?host=/var/run/postgresql"));
        assert!(!needs_network("sqlite:///tmp/x"));
        assert!(matches!(shown("sqlite://x.db"), Err(StoreUrlError::RelativePath)));
        assert!(matches!(shown("mysql://x"), Err(StoreUrlError::Scheme)));
        assert!(matches!(shown("postgres://a:hunter2@:bad:/"), Err(StoreUrlError::Malformed)));
    }
}
