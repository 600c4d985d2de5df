//! What request handlers share.

use crate::ServerConfig;
use crate::git_access::GitAccess;
use crate::host::AllowedHosts;
use crate::in_flight::InFlight;
use crate::places::Places;
use access::Clock;
use access::audit::Origin;
use mirror::{Board, DataDir};
use search::{Catalog, KeptAnswers, Searcher};
use std::sync::Arc;
use store::Store;

/// What a server is made from: everything it reads, and the clock it reads it by.
#[derive(Clone)]
pub struct Deps {
    /// Accounts, sessions, tokens, repositories, grants.
    pub store: Store,
    /// What can be searched.
    pub catalog: Arc<Catalog>,
    /// What searches it.
    pub searcher: Arc<Searcher>,
    /// What is being mirrored and indexed.
    pub board: Board,
    /// Whole answers as files.
    pub exports: export::Exports,
    /// Precise indexes, and uploads of them.
    pub uploads: uploads::Uploads,
    /// Where the mirrors are.
    pub data_dir: DataDir,
    /// How repositories are opened for reading.
    pub git: git::OpenOptions,
    /// What compares code hosts.
    pub hosts: hosts::SyncWorker,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What request handlers share, and for whom what is theirs to change acts: for the server itself as long as
/// [`AppState::acting`] says nothing else. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState {
    shared: Arc<Shared>,
    pub(crate) store: Store,
    pub(crate) exports: export::Exports,
    pub(crate) uploads: uploads::Uploads,
}

/// The fields of [`AppState`].
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) hosts: AllowedHosts,
    pub(crate) hosts_worker: hosts::SyncWorker,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) searcher: Arc<Searcher>,
    pub(crate) board: Board,
    pub(crate) git: GitAccess,
    /// Where lines come from, for the next look at the same file.
    pub(crate) blames: Arc<crate::blame_view::BlameCache>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Places for searches: each runs on a thread of its own.
    pub(crate) search_places: Places,
    /// Answers of the last minutes.
    pub(crate) kept_answers: KeptAnswers,
    /// Files taken apart for navigation.
    pub(crate) kept_files: crate::navigation::KeptFiles,
    pub(crate) kept_current: crate::navigation::KeptCurrent,
    /// Answers under way.
    pub(crate) in_flight: InFlight,
    pub(crate) metrics: crate::metrics::Metrics,
    pub(crate) mcp: mcp::Service,
}

impl AppState {
    pub(crate) fn new(config: ServerConfig, deps: Deps) -> Self {
        let search_places = Places::new(config.n_searches_max);
        AppState {
            store: deps.store,
            exports: deps.exports,
            uploads: deps.uploads,
            shared: Arc::new(Shared {
                hosts: AllowedHosts::new(&config),
                hosts_worker: deps.hosts,
                git: GitAccess::new(deps.data_dir, deps.git),
                blames: Arc::new(crate::blame_view::kept_blames()),
                catalog: deps.catalog,
                searcher: deps.searcher,
                board: deps.board,
                clock: deps.clock,
                kept_files: crate::navigation::kept_files(),
                kept_current: crate::navigation::kept_current(),
                search_places,
                kept_answers: KeptAnswers::new(config.keeps_answers),
                in_flight: InFlight::default(),
                metrics: crate::metrics::Metrics::default(),
                mcp: mcp::service(),
                config,
            }),
        }
    }

    /// The same for somebody: what is changed through it stands in the audit log as theirs. Handlers that change something
    /// begin with this.
    pub(crate) fn acting(&self, origin: &Origin) -> AppState {
        AppState {
            shared: Arc::clone(&self.shared),
            store: self.store.by(origin.clone()),
            exports: self.exports.by(origin.clone()),
            uploads: self.uploads.by(origin.clone()),
        }
    }

    /// Now, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.shared.clock.now().0
    }
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
