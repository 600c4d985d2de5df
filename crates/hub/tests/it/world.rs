//! Stores with a clock of the test's own.

use access::{ManualClock, PasswordCost, SystemRandomness, Timestamp};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Store, StoreUrl};
use vault::{KeySource, Vault};

pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);
pub(crate) const YEAR: Duration = Duration::from_secs(366 * 24 * 3600);

/// A data directory with a clock.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let source = KeySource::OwnFile(folder.path().join("master.key"));
        let vault = Vault::open_source(source, Arc::new(SystemRandomness)).unwrap();
        let options = Options {
            clock: clock.clone(),
            password_cost: PasswordCost::FOR_TESTS,
            vault,
            ..Options::default()
        };
        let url = StoreUrl::file(folder.path().join("sourcekeep.db"));
        World { store: Store::open_with(&url, options).await.unwrap(), clock, _folder: folder }
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
