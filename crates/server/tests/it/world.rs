//! A small world: two people, three repositories, one of them only for one of the people, and a server over all of it.

use access::{
    ManualClock, Password, PasswordCost, Role, Scope, SystemRandomness, Timestamp, Token, UserName, Verbs,
};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use export::{ExportLimits, ExportOptions, Exports};
use git::{GitProgramOptions, Schemes};
use http_body_util::BodyExt;
use mirror::{AddOptions, Board, DataDir, SourceArgument, Worker, WorkerOptions};
use model::RepoName;
use search::{Catalog, Searcher};
use server::{Deps, RequestIds, Server, ServerConfig};
use sqlx::Connection as _;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;
use store::{Adder, NewToken, NewUser, SessionLimits, Store, StoreUrl, User, Visibility};
use tempfile::TempDir;
use testkit::git::GitWorld;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use uploads::{UploadLimits, UploadOptions, Uploads};

/// What everybody's password is.
pub(crate) const PASSWORD: &str = "four unrelated words here";
/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_225_600_000);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
/// Kept by the tests that run, so that the last of them takes its folders away.
static SHARED: Mutex<Weak<World>> = Mutex::new(Weak::new());

/// What every request is called, so that whole answers can be compared.
pub(crate) const REQUEST_ID: &str = "0123456789abcdef";

/// Whether the repository that Bob may not read exists at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    Exists,
    DoesNotExist,
}

/// Somebody who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Nobody that is known.
    Stranger,
    /// A member, by session, who may read `app`.
    Bob,
    /// The same by token.
    BobsToken,
    /// The same by a token that does not allow reading.
    BobsWriteToken,
    /// The administrator, by session, who may read everything.
    Ada,
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) exports: Exports,
    pub(crate) uploads: Uploads,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) searcher: Arc<Searcher>,
    catalog: Arc<Catalog>,
    pub(crate) data: DataDir,
    people: Option<People>,
    _dirs: (TempDir, GitWorld),
}

/// Ada, the administrator, who was granted everything; and Bob, who was granted `app` and `odd`.
struct People {
    bob: User,
    ada_cookie: String,
    bob_cookie: String,
    bob_token: Token,
    bob_write_token: Token,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Runs on the runtime that the shared world lives on.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let _kept = shared_or_new();
    RUNTIME.block_on(work)
}

/// The world for tests that change nothing; only within [`run`].
pub(crate) fn shared() -> Arc<World> {
    SHARED.lock().expect("a world").upgrade().expect("a test that runs")
}

fn shared_or_new() -> Arc<World> {
    let mut shared = SHARED.lock().expect("a world");
    shared.upgrade().unwrap_or_else(|| {
        let world = Arc::new(RUNTIME.block_on(World::new(Secret::Exists)));
        *shared = Arc::downgrade(&world);
        world
    })
}

impl World {
    pub(crate) async fn new(secret: Secret) -> World {
        // The first page of a language compiles its queries, which takes its time in a build for tests.
        let highlight_time = Duration::from_secs(600);
        World::with_config(secret, ServerConfig { highlight_time, ..ServerConfig::default() }).await
    }

    /// With another configuration.
    pub(crate) async fn with_config(secret: Secret, config: ServerConfig) -> World {
        let mut world = World::without_people(secret, config).await;
        world.people = Some(People::new(&world.store).await);
        world
    }

    /// A server that nobody has set up yet.
    pub(crate) async fn without_people(secret: Secret, config: ServerConfig) -> World {
        let dir = tempfile::tempdir().expect("a folder");
        let code = repositories(secret);
        let clock = Arc::new(ManualClock::at(NOW));
        let data = DataDir::create(dir.path().join("data")).expect("a data directory");
        let options = store::Options {
            clock: clock.clone(),
            randomness: Arc::new(SystemRandomness),
            password_cost: PasswordCost::FOR_TESTS,
            vault: vault::Vault::open_source(
                vault::KeySource::OwnFile(dir.path().join("master.key")),
                Arc::new(SystemRandomness),
            )
            .expect("a vault"),
            ..store::Options::default()
        };
        let store = Store::open_with(&StoreUrl::file(data.database()), options).await.expect("a store");
        let add = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::LocalOperator };
        mirror::add(&store, SourceArgument::Directory(code.path()), &add).await.expect("repositories");
        let catalog = Arc::new(Catalog::new());
        index(&store, &data, &catalog, &clock).await;
        let searcher = Arc::new(Searcher::new(2).expect("threads"));
        let exports = Exports::new(ExportOptions {
            store: store.clone(),
            catalog: Arc::clone(&catalog),
            searcher: Arc::clone(&searcher),
            folder: data.exports(),
            clock: clock.clone(),
            formats: server::export_formats(),
            limits: ExportLimits { n_unfinished_max: 2, n_per_user_max: 3, ..ExportLimits::default() },
        });
        let hosts = hosts::SyncWorker::new(hosts::SyncOptions {
            store: store.clone(),
            around: hosts::Surroundings {
                egress: egress::Egress::unrecorded(),
                clock: clock.clone(),
                git: git::GitProgramOptions::default(),
                schemes: git::Schemes::default(),
            },
            queue: Arc::new(|_| Box::pin(async { Ok(()) })),
            credentials: hosts::CredentialBook::default(),
        });
        let uploads = Uploads::new(UploadOptions {
            store: store.clone(),
            folder: data.precise(),
            open: Arc::new(|_| None),
            clock: clock.clone(),
            limits: UploadLimits::default(),
        });
        let deps = Deps {
            uploads: uploads.clone(),
            hosts: hosts.clone(),
            store: store.clone(),
            exports: exports.clone(),
            catalog: Arc::clone(&catalog),
            searcher: Arc::clone(&searcher),
            board: Board::new(),
            data_dir: data.clone(),
            git: git::OpenOptions::default(),
            clock: clock.clone(),
        };
        let config = ServerConfig { request_ids: RequestIds::Fixed(REQUEST_ID), ..config };
        let server = Server::new(config, deps);
        World {
            server,
            store,
            exports,
            uploads,
            clock,
            searcher,
            catalog,
            data,
            people: None,
            _dirs: (dir, code),
        }
    }

    /// Takes the audit log away, as a full disk would for everything that is written to it.
    pub(crate) async fn break_audit_log(&self) {
        self.sql("ALTER TABLE audit_log RENAME TO elsewhere").await;
    }

    /// Does something to the database behind the server's back.
    pub(crate) async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.database().await).await.expect("a statement");
    }

    /// Every row of every table but the audit log's, to see whether anything was changed.
    pub(crate) async fn contents(&self) -> Vec<String> {
        let mut connection = self.database().await;
        let tables =
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'audit_%' ORDER BY name";
        let tables: Vec<(String,)> = sqlx::query_as(tables).fetch_all(&mut connection).await.expect("tables");
        let mut contents = Vec::new();
        for (table,) in tables {
            let columns = "SELECT 'quote(\"' || name || '\")' FROM pragma_table_info(?)";
            let columns: Vec<(String,)> =
                sqlx::query_as(columns).bind(&table).fetch_all(&mut connection).await.expect("columns");
            let columns: Vec<String> = columns.into_iter().map(|(column,)| column).collect();
            let rows = format!("SELECT {} AS row FROM \"{table}\" ORDER BY row", columns.join(" || '|' || "));
            let rows: Vec<(String,)> =
                sqlx::query_as(sqlx::AssertSqlSafe(rows)).fetch_all(&mut connection).await.expect("rows");
            contents.extend(rows.into_iter().map(|(row,)| format!("{table}: {row}")));
        }
        contents
    }

    async fn database(&self) -> sqlx::SqliteConnection {
        let path = self._dirs.0.path().join("data/sourcekeep.db");
        let address = format!("sqlite://{}", path.display());
        sqlx::SqliteConnection::connect(&address).await.expect("the database")
    }

    /// Takes up the repositories that were added to the source meanwhile, and grants Bob this one.
    pub(crate) async fn take_up(&self, name: &str) {
        let add = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::LocalOperator };
        mirror::add(&self.store, SourceArgument::Directory(self.code().path()), &add)
            .await
            .expect("a repository");
        index(&self.store, &self.data, &self.catalog, &self.clock).await;
        self.store.grant(self.repo(name).await, self.bob().id).await.expect("a grant");
    }

    /// Where the files of exports are.
    pub(crate) fn exports_folder(&self) -> std::path::PathBuf {
        self._dirs.0.path().join("data/exports")
    }

    /// The repositories' source.
    pub(crate) fn code(&self) -> &GitWorld {
        &self._dirs.1
    }

    /// Bob's account.
    pub(crate) fn bob(&self) -> &User {
        &self.people().bob
    }

    /// A repository by its name.
    pub(crate) async fn repo(&self, name: &str) -> model::RepoId {
        let all = self.store.access_set(&access::Actor::LOCAL_OPERATOR).await.expect("an access set");
        let name = RepoName::new(name).expect("a name");
        self.store.repository_by_name(&all, &name).await.expect("a store").expect("a repository").id
    }

    fn people(&self) -> &People {
        self.people.as_ref().expect("a world with people")
    }

    /// The headers that say who asks.
    pub(crate) fn credentials(&self, who: Who) -> Option<(header::HeaderName, String)> {
        let bearer = |token: &Token| (header::AUTHORIZATION, format!("Bearer {}", token.reveal()));
        match who {
            Who::Stranger => None,
            Who::Ada => Some((header::COOKIE, self.people().ada_cookie.clone())),
            Who::Bob => Some((header::COOKIE, self.people().bob_cookie.clone())),
            Who::BobsToken => Some(bearer(&self.people().bob_token)),
            Who::BobsWriteToken => Some(bearer(&self.people().bob_write_token)),
        }
    }

    /// Asks as a browser would.
    pub(crate) async fn get(&self, who: Who, target: &str) -> Answer {
        self.ask(who, "GET", target, &[("accept", "text/html")], Body::empty()).await
    }

    /// Asks as a program would.
    pub(crate) async fn api(&self, who: Who, target: &str) -> Answer {
        self.ask(who, "GET", target, &[("accept", "application/json")], Body::empty()).await
    }

    /// Sends a form as a browser would from a page of ours.
    pub(crate) async fn post(&self, who: Who, target: &str, form: &str) -> Answer {
        let headers = [
            ("accept", "text/html"),
            ("origin", "http://127.0.0.1:7080"),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.ask(who, "POST", target, &headers, Body::from(form.to_owned())).await
    }

    pub(crate) async fn ask(
        &self,
        who: Who,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, "127.0.0.1:7080");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((name, value)) = self.credentials(who) {
            request = request.header(name, value);
        }
        let request = request.body(body).expect("a request");
        let response = self.server.router().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// `app` (two branches, a tag), `odd` (hostile names), and perhaps `vault`.
fn repositories(secret: Secret) -> GitWorld {
    let world = GitWorld::new();
    let app = world.repo("app");
    app.commit_files(
        "feature/-/x",
        &[
            ("only-here.txt", b"needle on a branch\n"),
            (
                "calls.py",
                b"def first():\n    second()\n\ndef second():\n    third()\n\ndef third():\n    pass\n",
            ),
            ("CODEOWNERS", b"# rules\n*.txt @docs-team me@example.com\n"),
        ],
    );
    let many: String = (1..=4500).map(|n| format!("line {n}\n")).collect();
    let main = app.commit_files(
        "main",
        &[
            ("README.md", b"# App\n\nA needle in the docs.\n"),
            ("src/main.rs", b"fn main() {\n    // needle <b>bold</b> & more\n    println!(\"hi\");\n}\n"),
            ("src/lib/deep.c", b"int needle(void) { return 1; }\n"),
            ("docs/sjis.txt", b"\x83\x65\x83\x58\x83\x67\x82\xcc\x95\xb6\x8f\x91\x82\xc5\x82\xb7\x0a"),
            ("image.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dneedle"),
            ("page.html", b"<html><script>alert('needle')</script></html>\n"),
            ("many.txt", many.as_bytes()),
            ("empty.txt", b""),
        ],
    );
    app.set_ref("refs/tags/v1.0", main);
    let odd = world.repo("odd");
    let blob = odd.blob(b"needle with a hostile name\n");
    let script: &[u8] = b"<script>alert(1)<x>.txt";
    let names: [&[u8]; 6] =
        [b"\"><img src=x onerror=alert(1)>", script, b"a\nb.txt", b"latin-\xe9.txt", b"per%cent#?.txt", b"-"];
    let mut entries: Vec<(&str, &[u8], model::ObjectId)> =
        names.iter().map(|name| ("100644", *name, blob)).collect();
    entries.sort_by_key(|(_, name, _)| name.to_vec());
    let tree = odd.tree(&entries);
    let commit = odd.commit_tree(tree, &[], "<script>alert(2)</script>");
    odd.set_ref("refs/heads/main", commit);
    if secret == Secret::Exists {
        let vault = world.repo("vault");
        vault.commit_files(
            "main",
            &[("secret.txt", b"needle of the vault, Zanzibar\n"), ("only.zig", b"const needle = 1;\n")],
        );
    }
    world
}

async fn index(store: &Store, data: &DataDir, catalog: &Arc<Catalog>, clock: &Arc<ManualClock>) {
    let options = WorkerOptions {
        store: store.clone(),
        data: data.clone(),
        catalog: Arc::clone(catalog),
        board: Board::new(),
        clock: clock.clone(),
        git: GitProgramOptions::default(),
        schemes: Schemes::default(),
        credentials: Arc::new(|_| Ok(None)),
        n_threads: 2,
        n_jobs: 1,
        file_bytes_max: 1 << 20,
        local_poll: Duration::from_secs(3600),
        fetch_seconds: (3600, 3600),
    };
    let (worker, _) = Worker::start(options).await.expect("a worker");
    let failures = worker.drain(&tokio_util::sync::CancellationToken::new()).await.expect("jobs");
    assert!(failures.is_empty(), "{failures:?}");
}

impl People {
    async fn new(store: &Store) -> People {
        let new = |name: &str, role| NewUser {
            name: UserName::new(name).expect("a name"),
            password: Some(Password::new(PASSWORD)),
            role,
        };
        let ada = store.create_user(new("ada", Role::Administrator)).await.expect("ada");
        let bob = store.create_user(new("bob", Role::Member)).await.expect("bob");
        let all = store.access_set(&access::Actor::LOCAL_OPERATOR).await.expect("an access set");
        for name in ["app", "odd"] {
            let name = RepoName::new(name).expect("a name");
            let row = store.repository_by_name(&all, &name).await.expect("a store").expect("a repository");
            store.grant(row.id, bob.id).await.expect("a grant");
        }
        People {
            ada_cookie: cookie(store, &ada).await,
            bob_cookie: cookie(store, &bob).await,
            bob_token: token(store, &bob, Verbs::ALL).await,
            bob_write_token: token(store, &bob, Verbs::of([access::Verb::Write])).await,
            bob,
        }
    }
}

async fn cookie(store: &Store, user: &User) -> String {
    let (secret, _) = store.start_session(user.id, SessionLimits::default()).await.expect("a session");
    format!("sourcekeep={}", secret.reveal())
}

async fn token(store: &Store, user: &User, verbs: Verbs) -> Token {
    let new = NewToken { user: user.id, label: "test".into(), scope: Scope { verbs, ..Scope::FULL } };
    store.create_token(new).await.expect("a token").0
}
