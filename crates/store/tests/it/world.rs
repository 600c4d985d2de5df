//! A fresh store per case, with a clock and cheap passwords of the test's own.

use access::{
    Actor, ManualClock, Password, PasswordCost, Randomness, RandomnessError, Role, SystemRandomness, UserName,
};
use model::{AccessSet, RepoId, RepoName};
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{
    Added, Adder, FileChecksum, ListRepositories, NewManifest, NewRepository, NewUser, Options,
    SessionLimits, Source, Store, StoreUrl, StoredFile, Timestamp, User, Visibility,
};
use testkit::postgres::Postgres;
use vault::{KeySource, Vault};

pub(crate) const PASSWORD: &str = "violet tram humming";
const NOON: Timestamp = Timestamp(1_750_000_000_000);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

/// Turns each function into two tests, `name::sqlite` and `name::postgres`.
macro_rules! on_both {
    ($($(#[doc = $doc:literal])* async fn $name:ident($world:ident) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports, reason = "not every case needs everything")]
            use super::*;

            $(#[doc = $doc])*
            async fn case($world: $crate::world::World) $body

            #[test]
            fn sqlite() {
                $crate::world::run($crate::world::Backend::Sqlite, case);
            }

            #[test]
            fn postgres() {
                $crate::world::run($crate::world::Backend::Postgres, case);
            }
        })*
    };
}
pub(crate) use on_both;

/// Runs a case in a store of its own.
pub(crate) fn run<F: Future<Output = ()>>(backend: Backend, case: impl FnOnce(World) -> F) {
    block_on(async {
        let world = World::new(backend, Arc::new(SystemRandomness)).await;
        let store = world.store.clone();
        case(world).await;
        store.close().await;
    });
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) url: StoreUrl,
    /// The same as text.
    pub(crate) address: String,
    pub(crate) options: Options,
    /// Holds the file until the case is over.
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new(backend: Backend, randomness: Arc<dyn Randomness>) -> World {
        let folder = tempfile::tempdir().unwrap();
        let address = match backend {
            Backend::Sqlite => format!("sqlite://{}", folder.path().join("sourcekeep.db").display()),
            Backend::Postgres => Postgres::shared().create_database().unwrap(),
        };
        let url: StoreUrl = address.parse().unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let options = Options {
            clock: clock.clone(),
            randomness,
            password_cost: PasswordCost::FOR_TESTS,
            vault: vault(&folder),
            ..Options::default()
        };
        let store = Store::open_with(&url, options.clone()).await.unwrap();
        World { store, clock, url, address, options, folder }
    }

    /// The same data opened once more, as another process would.
    pub(crate) async fn another_process(&self) -> Store {
        Store::open_with(&self.url, self.options.clone()).await.unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn add(&self, name: &str) -> RepoId {
        self.add_as(name, Adder::LocalOperator).await.repository.id
    }

    pub(crate) async fn add_as(&self, name: &str, adder: Adder) -> Added {
        self.store.add_repository(local(name), adder).await.unwrap()
    }

    pub(crate) async fn user(&self, name: &str, role: Role) -> User {
        let new = NewUser { name: user_name(name), password: Some(Password::new(PASSWORD)), role };
        self.store.create_user(new).await.unwrap()
    }

    pub(crate) async fn actor(&self, user: &User) -> Actor {
        self.actor_if_usable(user).await.unwrap()
    }

    /// `None` for an account that is shut.
    pub(crate) async fn actor_if_usable(&self, user: &User) -> Option<Actor> {
        let (secret, _) = self.store.start_session(user.id, SessionLimits::default()).await.unwrap();
        self.store.actor_by_session(&secret).await.unwrap()
    }

    pub(crate) async fn access(&self, user: &User) -> AccessSet {
        self.store.access_set(&self.actor(user).await).await.unwrap()
    }

    /// The access set of the person at the data directory: everything.
    pub(crate) async fn full_access(&self) -> AccessSet {
        self.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap()
    }

    pub(crate) async fn visible_names(&self, access: &AccessSet) -> Vec<String> {
        let list = ListRepositories { after: None, limit: 1000 };
        let page = self.store.repositories(access, &list).await.unwrap();
        page.repositories.iter().map(|repository| repository.name.to_string()).collect()
    }
}

/// A vault with a key of its own.
pub(crate) fn vault(folder: &tempfile::TempDir) -> Vault {
    let source = KeySource::OwnFile(folder.path().join("master.key"));
    Vault::open_source(source, Arc::new(SystemRandomness)).unwrap()
}

pub(crate) fn user_name(name: &str) -> UserName {
    UserName::new(name).unwrap()
}

pub(crate) fn repo_name(name: &str) -> RepoName {
    RepoName::new(name).unwrap()
}

/// A local repository at `/src/<name>`.
pub(crate) fn local(name: &str) -> NewRepository {
    NewRepository {
        names: vec![repo_name(name)],
        source: Source::Local(PathBuf::from(format!("/src/{name}"))),
        visibility: Visibility::Private,
        unrestricted: false,
        fork: false,
        archived: false,
    }
}

pub(crate) fn file(name: &str) -> StoredFile {
    StoredFile { name: name.to_owned(), size_bytes: name.len() as u64, checksum: FileChecksum(name.into()) }
}

pub(crate) fn manifest(ref_table: &str, segments: &[&str]) -> NewManifest {
    NewManifest {
        segments: segments.iter().map(|name| file(name)).collect(),
        ref_table: file(ref_table),
        default_branch: None,
        indexed_commit: None,
        refs_digest: None,
    }
}

/// The same bytes in every run, different ones with every call: two worlds made with it draw the same secrets.
#[derive(Debug, Default)]
pub(crate) struct Repeatable(AtomicU64);

impl Randomness for Repeatable {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessError> {
        for byte in bytes {
            // splitmix64 (Steele, Lea, Flood 2014).
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb).to_be_bytes()[0];
        }
        Ok(())
    }
}
