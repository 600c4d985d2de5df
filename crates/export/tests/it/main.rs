//! Exports survive their worker: the file of one that was interrupted is the file of one that was not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use access::{ManualClock, PasswordCost, Role, Scope, SessionId, SystemRandomness, Timestamp, UserName, Via};
use export::{ExportLimits, ExportOptions, ExportWorker, Exports, FileError, RowFormat};
use mirror::{AddOptions, Board, DataDir, SourceArgument, Worker, WorkerOptions};
use model::RepoName;
use search::{Catalog, Match, Searcher};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{Adder, Export, ExportState, NewUser, Store, StoreUrl, User, Visibility};
use testkit::git::GitWorld;
use tokio_util::sync::CancellationToken;

const N_REPOS: usize = 6;

/// Writes `repo path lines`, and does something when so many rows were written.
struct Plain {
    n_rows: AtomicUsize,
    at_row: usize,
    act: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Plain {
    fn new() -> Arc<Plain> {
        Plain::with(usize::MAX, || {})
    }

    fn with(at_row: usize, act: impl FnOnce() + Send + 'static) -> Arc<Plain> {
        Arc::new(Plain { n_rows: AtomicUsize::new(0), at_row, act: Mutex::new(Some(Box::new(act))) })
    }
}

impl RowFormat for Plain {
    fn header(&self) -> Vec<u8> {
        b"repo path lines\n".to_vec()
    }

    fn rows(&self, found: &Match, out: &mut Vec<u8>) {
        if self.n_rows.fetch_add(1, Ordering::SeqCst) + 1 == self.at_row
            && let Some(act) = self.act.lock().expect("nobody panicked").take()
        {
            act();
        }
        let Match::Content(found) = found else { panic!("{found:?}") };
        let path = String::from_utf8_lossy(&found.path);
        out.extend(format!("{} {path} {}\n", found.repo, found.n_lines).bytes());
    }
}

struct World {
    store: Store,
    catalog: Arc<Catalog>,
    clock: Arc<ManualClock>,
    data: DataDir,
    user: User,
    _dirs: (tempfile::TempDir, GitWorld),
}

impl World {
    async fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let code = GitWorld::new();
        for n in 0..N_REPOS {
            let texts: Vec<(String, String)> = (0..20)
                .map(|file| (format!("src/{file}.c"), format!("needle {n}\n").repeat(file + 1)))
                .collect();
            let files: Vec<(&str, &[u8])> =
                texts.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
            code.repo(&format!("repo-{n}")).commit_files("main", &files);
        }
        let clock = Arc::new(ManualClock::at(Timestamp(1_767_225_600_000)));
        let data = DataDir::create(dir.path().join("data")).unwrap();
        let options = store::Options {
            clock: clock.clone(),
            randomness: Arc::new(SystemRandomness),
            password_cost: PasswordCost::FOR_TESTS,
            ..store::Options::default()
        };
        let store = Store::open_with(&StoreUrl::file(data.database()), options).await.unwrap();
        let new = NewUser { name: UserName::new("ada").unwrap(), password: None, role: Role::Member };
        let user = store.create_user(new).await.unwrap();
        let add = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::User(user.id) };
        mirror::add(&store, SourceArgument::Directory(code.path()), &add).await.unwrap();
        let catalog = Arc::new(Catalog::new());
        let options = WorkerOptions {
            store: store.clone(),
            data: data.clone(),
            catalog: Arc::clone(&catalog),
            board: Board::new(),
            clock: clock.clone(),
            git: git::GitProgramOptions::default(),
            schemes: git::Schemes::default(),
            credentials: Arc::new(|_| Ok(None)),
            n_threads: 1,
            n_jobs: 1,
            file_bytes_max: 1 << 20,
            local_poll: Duration::from_secs(3600),
            fetch_seconds: (3600, 3600),
        };
        let (worker, _) = Worker::start(options).await.unwrap();
        assert!(worker.drain(&CancellationToken::new()).await.unwrap().is_empty());
        World { store, catalog, clock, data, user, _dirs: (dir, code) }
    }

    fn exports(&self, format: Arc<Plain>, limits: ExportLimits) -> Exports {
        Exports::new(ExportOptions {
            store: self.store.clone(),
            catalog: Arc::clone(&self.catalog),
            searcher: Arc::new(Searcher::new(1).unwrap()),
            folder: self.data.exports(),
            clock: self.clock.clone(),
            formats: vec![("txt", format as Arc<dyn RowFormat>)],
            limits,
        })
    }

    fn actor(&self) -> access::Actor {
        let via = Via::Session(SessionId("test".into()));
        let (id, name, role) = (self.user.id, self.user.name.clone(), self.user.role);
        access::Actor { caller: access::Caller::User { id, name, role, via }, scope: Scope::FULL }
    }

    async fn ask(&self, exports: &Exports) -> Export {
        exports.create(&self.actor(), "needle", "txt").await.unwrap()
    }

    async fn state(&self, export: &Export) -> Export {
        self.store.export_of(self.user.id, &export.id).await.unwrap().expect("it is there")
    }

    async fn text(&self, exports: &Exports, export: &Export) -> String {
        let access = self.store.access_set(&self.actor()).await.unwrap();
        let mut opened = exports.open(&self.actor(), &access, &export.id).await.expect("a file");
        let mut text = String::new();
        opened.file.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, opened.size_bytes);
        text
    }

    async fn whole(&self) -> String {
        let exports = self.exports(Plain::new(), ExportLimits::default());
        let export = self.ask(&exports).await;
        drain(&exports).await;
        let text = self.text(&exports, &export).await;
        assert_eq!(text.lines().count(), 1 + N_REPOS * 20);
        text
    }

    async fn repo(&self, n: usize) -> model::RepoId {
        let all = self.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
        let name = RepoName::new(format!("repo-{n}")).unwrap();
        self.store.repository_by_name(&all, &name).await.unwrap().expect("a repository").id
    }
}

async fn drain(exports: &Exports) {
    ExportWorker::new(exports).drain(&CancellationToken::new()).await.unwrap();
}

fn every_repo() -> ExportLimits {
    ExportLimits { record_every_repos: 1, ..ExportLimits::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_anywhere_and_gone_on_with_the_file_is_the_same() {
    let world = World::new().await;
    let whole = world.whole().await;
    for at_row in [1, 20, 21, 50, 119] {
        for limits in [every_repo(), ExportLimits::default()] {
            let stop = CancellationToken::new();
            let token = stop.clone();
            let first = world.exports(Plain::with(at_row, move || token.cancel()), limits);
            let export = world.ask(&first).await;
            ExportWorker::new(&first).drain(&stop).await.unwrap();
            let state = world.state(&export).await;
            if at_row < 101 {
                assert_eq!(state.state, ExportState::Queued, "{at_row}");
                assert!(matches!(
                    first
                        .open(
                            &world.actor(),
                            &world.store.access_set(&world.actor()).await.unwrap(),
                            &export.id
                        )
                        .await,
                    Err(FileError::NotDone { .. })
                ));
            }
            let second = world.exports(Plain::new(), limits);
            drain(&second).await;
            assert_eq!(world.text(&second, &export).await, whole, "{at_row}");
            second.delete(&world.actor(), &export.id).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_the_file_is_the_same() {
    let world = World::new().await;
    let whole = world.whole().await;
    let (told, hear) = std::sync::mpsc::channel();
    let (_never, wait) = std::sync::mpsc::channel::<()>();
    let act = move || {
        told.send(()).expect("the test listens");
        // The searching thread stands here while the worker is gone, as after a kill.
        let _ = wait.recv();
    };
    let first = world.exports(Plain::with(70, act), every_repo());
    let export = world.ask(&first).await;
    let worker = ExportWorker::new(&first);
    let running = tokio::spawn(async move { worker.drain(&CancellationToken::new()).await });
    tokio::task::spawn_blocking(move || hear.recv().expect("it gets there")).await.unwrap();
    running.abort();
    let state = world.state(&export).await;
    assert_eq!((state.state, state.progress.n_repos_done), (ExportState::Running, 3));
    // What was written and never recorded is still in the file, half a row of it.
    let path = world.data.exports().join(format!("{}.txt", export.id));
    let mut torn = std::fs::read(&path).unwrap();
    torn.truncate(state.progress.size_bytes as usize);
    torn.extend(b"repo-3 src/0.c 1\nrepo-3 src/1");
    std::fs::write(&path, torn).unwrap();
    world.store.jobs().release_others(&store::WorkerId::draw()).await.unwrap();
    let second = world.exports(Plain::new(), every_repo());
    drain(&second).await;
    assert_eq!(world.text(&second, &export).await, whole);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_while_it_is_written_is_left_out() {
    let world = World::new().await;
    let whole = world.whole().await;
    // Row 50 is of repo-2: the grant for it ends while it is written, that for repo-4 before its turn.
    let (two, four, store, user) =
        (world.repo(2).await, world.repo(4).await, world.store.clone(), world.user.id);
    let handle = tokio::runtime::Handle::current();
    let act = move || {
        handle.block_on(async {
            store.revoke(two, user).await.unwrap();
            store.revoke(four, user).await.unwrap();
        });
    };
    let exports = world.exports(Plain::with(50, act), every_repo());
    let export = world.ask(&exports).await;
    drain(&exports).await;
    let expected: String = whole
        .split_inclusive('\n')
        .filter(|row| !row.starts_with("repo-2") && !row.starts_with("repo-4"))
        .collect();
    assert_eq!(world.text(&exports, &export).await, expected);
    let access = world.store.access_set(&world.actor()).await.unwrap();
    let view = exports.get(&world.actor(), &access, &export.id).await.unwrap().expect("a view");
    assert!(view.export.progress.rights_changed && !view.is_complete && !view.is_withheld);
    assert!(view.left_out.is_empty(), "nothing is named: {:?}", view.left_out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_exports_nothing() {
    let world = World::new().await;
    let exports = world.exports(Plain::new(), ExportLimits::default());
    let export = world.ask(&exports).await;
    world.store.set_disabled(world.user.id, true).await.unwrap();
    drain(&exports).await;
    let state = world.state(&export).await;
    assert_eq!((state.state, state.error.as_deref()), (ExportState::Failed, Some("the account is disabled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_grows_to_its_limit_and_says_so() {
    let world = World::new().await;
    let whole = world.whole().await;
    let limits = ExportLimits { file_bytes_max: 1000, ..every_repo() };
    let exports = world.exports(Plain::new(), limits);
    let export = world.ask(&exports).await;
    drain(&exports).await;
    let text = world.text(&exports, &export).await;
    assert!(text.len() <= 1000 && text.ends_with('\n') && whole.starts_with(&text));
    let access = world.store.access_set(&world.actor()).await.unwrap();
    let view = exports.get(&world.actor(), &access, &export.id).await.unwrap().expect("a view");
    assert!(!view.is_complete);
    assert_eq!(view.left_out[0].reason, "export-size-limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_export_stops_and_leaves_nothing() {
    let world = World::new().await;
    let (store, user) = (world.store.clone(), world.user.id);
    let wanted = Arc::new(Mutex::new(None));
    let id = Arc::clone(&wanted);
    let handle = tokio::runtime::Handle::current();
    let act = move || {
        let id = id.lock().unwrap().clone().expect("an export");
        handle.block_on(store.cancel_export(user, &id)).unwrap();
    };
    let exports = world.exports(Plain::with(30, act), every_repo());
    let export = world.ask(&exports).await;
    *wanted.lock().unwrap() = Some(export.id.clone());
    drain(&exports).await;
    assert_eq!(world.state(&export).await.state, ExportState::Cancelled);
    assert_eq!(std::fs::read_dir(world.data.exports()).unwrap().count(), 0);
    assert_eq!(world.store.jobs().counts().await.unwrap().n_running, 0);
}
