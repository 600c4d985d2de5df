//! A data directory with a worker, and questions to it.

use access::{Actor, Clock, SystemClock};
use git::{GitProgramOptions, Scheme, Schemes};
use mirror::{
    AddOptions, AddReport, Board, DataDir, Failure, SourceArgument, StartReport, Worker, WorkerOptions,
};
use model::{AccessSet, RepoName};
use search::{CancelToken, Catalog, ContentMatch, Limits, Match, Searcher, Sink, Summary};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Adder, Manifest, Repository, Store, StoreUrl, Visibility};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A data directory and its store.
pub(crate) struct Instance {
    _dir: TempDir,
    pub(crate) data: DataDir,
    pub(crate) store: Store,
    pub(crate) board: Board,
    clock: Arc<dyn Clock>,
}

/// What one start of a worker did.
pub(crate) struct Round {
    pub(crate) report: StartReport,
    pub(crate) failures: Vec<Failure>,
    pub(crate) catalog: Arc<Catalog>,
}

impl Instance {
    pub(crate) async fn new() -> Self {
        Instance::at(Arc::new(SystemClock)).await
    }

    /// One that lives by this clock.
    pub(crate) async fn at(clock: Arc<dyn Clock>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(dir.path().join("data")).unwrap();
        let options = store::Options { clock: Arc::clone(&clock), ..store::Options::default() };
        let store = Store::open_with(&StoreUrl::file(data.database()), options).await.unwrap();
        Instance { _dir: dir, data, store, board: Board::new(), clock }
    }

    pub(crate) async fn try_add(&self, argument: &str) -> Result<AddReport, mirror::AddError> {
        let options = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::LocalOperator };
        let schemes = Schemes::default().with(Scheme::File);
        let argument = SourceArgument::parse(argument, Path::new("/"), schemes)?;
        mirror::add(&self.store, argument, &options).await
    }

    pub(crate) async fn add(&self, path: &Path) -> AddReport {
        self.try_add(path.to_str().unwrap()).await.unwrap()
    }

    pub(crate) fn options(&self) -> WorkerOptions {
        WorkerOptions {
            store: self.store.clone(),
            data: self.data.clone(),
            catalog: Arc::new(Catalog::new()),
            board: self.board.clone(),
            clock: Arc::clone(&self.clock),
            git: GitProgramOptions::default(),
            schemes: Schemes::default().with(Scheme::File),
            credentials: Arc::new(|_| Ok(None)),
            n_threads: 2,
            n_jobs: 2,
            file_bytes_max: 1 << 20,
            local_poll: Duration::from_millis(20),
            fetch_seconds: (45, 8 * 3600),
        }
    }

    /// Starts a worker without letting it work.
    pub(crate) async fn start(&self) -> (Worker, StartReport, Arc<Catalog>) {
        let options = self.options();
        let catalog = Arc::clone(&options.catalog);
        let (worker, report) = Worker::start(options).await.unwrap();
        (worker, report, catalog)
    }

    /// Starts a worker and does all jobs.
    pub(crate) async fn round(&self) -> Round {
        let (worker, report, catalog) = self.start().await;
        let failures = worker.drain(&CancellationToken::new()).await.unwrap();
        Round { report, failures, catalog }
    }

    /// Queues everything, then works; nothing may fail.
    pub(crate) async fn index(&self) -> Arc<Catalog> {
        let rows = self.store.maintenance().repositories().await.unwrap();
        mirror::queue(&self.store, &rows).await.unwrap();
        let round = self.round().await;
        assert!(round.failures.is_empty(), "{:?}", round.failures);
        round.catalog
    }

    pub(crate) async fn row(&self, name: &str) -> Repository {
        let name = RepoName::new(name).unwrap();
        self.store.maintenance().repository_by_name(&name).await.unwrap().unwrap()
    }

    pub(crate) async fn manifest(&self, name: &str) -> Manifest {
        let repo = self.row(name).await.id;
        self.store.maintenance().manifest(repo).await.unwrap().unwrap()
    }

    /// How many files the history has.
    pub(crate) async fn n_history_files(&self, name: &str) -> usize {
        let stored = self.store.maintenance().history(self.row(name).await.id).await.unwrap();
        stored.map_or(0, |stored| stored.history.files.len())
    }

    pub(crate) async fn segment_path(&self, name: &str, idx: usize) -> PathBuf {
        let row = self.row(name).await;
        self.data.index(row.id).join(&self.manifest(name).await.segments[idx].name)
    }

    /// Answers a query as the owner of the data directory: `repo path:line` for content, sorted.
    pub(crate) async fn answer(&self, catalog: &Catalog, text: &str) -> Vec<String> {
        let access = self.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
        let mut found = Found::default();
        search(catalog, &access, &format!("{text} count:all"), &mut found);
        found.0.sort();
        found.0
    }

    /// What is said of a search by the owner of the data directory.
    pub(crate) async fn summary(&self, catalog: &Catalog, text: &str) -> Summary {
        let access = self.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
        self.summary_for(catalog, &access, text)
    }

    pub(crate) fn summary_for(&self, catalog: &Catalog, access: &AccessSet, text: &str) -> Summary {
        search(catalog, access, text, &mut First(None))
    }

    /// The first result, which is in the content of a file.
    pub(crate) async fn first_match(&self, catalog: &Catalog, text: &str) -> ContentMatch {
        let access = self.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
        let mut first = First(None);
        search(catalog, &access, text, &mut first);
        first.0.unwrap()
    }
}

fn search(catalog: &Catalog, access: &AccessSet, text: &str, sink: &mut dyn Sink) -> Summary {
    let query = query::parse(text, &query::Options::default()).unwrap();
    let (limits, cancel) = (Limits::unlimited_display(), CancelToken::new());
    Searcher::new(2).unwrap().search(&catalog.snapshot(), access, &query, &limits, &cancel, sink).unwrap()
}

struct First(Option<ContentMatch>);

impl Sink for First {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for one in batch {
            if let Match::Content(one) = one {
                self.0.get_or_insert(one);
            }
        }
        ControlFlow::Continue(())
    }
}
#[derive(Default)]
struct Found(Vec<String>);

impl Sink for Found {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for one in batch {
            match one {
                Match::Content(one) => {
                    let path = String::from_utf8_lossy(&one.path);
                    self.0
                        .extend(one.lines.iter().map(|line| format!("{} {path}:{}", one.repo, line.number)));
                }
                Match::Path(one) => {
                    self.0.push(format!("{} {}", one.repo, String::from_utf8_lossy(&one.path)))
                }
                Match::Repo(one) => self.0.push(one.repo.to_string()),
                other => panic!("unexpected {other:?}"),
            }
        }
        ControlFlow::Continue(())
    }
}
