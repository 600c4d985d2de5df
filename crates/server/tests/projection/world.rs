//! A server over a [`Spec`], and what the asker hears from it.

use crate::spec::{Kind, Reads, Spec};
use access::audit::Origin;
use access::{
    AccountId, HostId, ManualClock, Password, PasswordCost, Randomness, RandomnessError, Reader, RepoScope,
    Role, Scope, Timestamp, UserName, Verbs,
};
use axum::body::Body;
use axum::http::{Request, header};
use export::{ExportLimits, ExportOptions, Exports};
use git::{GitProgramOptions, Schemes};
use http_body_util::BodyExt;
use mirror::{AddOptions, Board, DataDir, SourceArgument, Worker, WorkerOptions};
use model::{RepoId, RepoName, UserId};
use oidc::{Provider, ProviderOptions};
use search::{Catalog, PendingRepo, PendingState, Searcher};
use server::{Deps, RequestIds, Server, ServerConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{
    AboutChange, Adder, BOUND_DEFAULT, ContextContent, ContextName, ExportUse, GroupName, NewExport,
    NewToken, NewUser, RulesFor, SessionLimits, Store, StoreUrl, User, Visibility,
};
use tempfile::TempDir;
use testkit::git::GitWorld;
use tower::ServiceExt;

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000);
/// Everybody's password.
pub(crate) const PASSWORD: &str = "four unrelated words here";
/// How many times the same worlds can be asked.
pub(crate) const N_ROUNDS_MAX: usize = 60;

/// Randomness that two worlds can draw alike from some moment on.
#[derive(Debug, Default)]
struct Dealt(AtomicU64);

impl Dealt {
    fn deal(&self, round: u64) {
        self.0.store(round << 40, Ordering::SeqCst);
    }
}

impl Randomness for Dealt {
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

/// A question, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) body: String,
    pub(crate) content_type: &'static str,
    /// As a browser asks, with a cookie; or as a program, with a token.
    pub(crate) in_browser: bool,
}

/// What he hears: everything, but names for what is made of hidden contents (the identifiers of commits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

pub(crate) struct World {
    deps: Deps,
    randomness: Arc<Dealt>,
    provider: Arc<Provider>,
    account: UserId,
    credentials: Credentials,
    /// Sessions of others, who ask things, too.
    others: Vec<String>,
    /// The public name of an export of Ada's.
    pub(crate) export_of_ada: Option<String>,
    /// How often it was asked.
    n_asked: AtomicU64,
    /// What commits of visible repositories are called.
    commits: Vec<(String, String)>,
    _dirs: (TempDir, GitWorld),
}

/// How the asker says who they are.
enum Credentials {
    None,
    Member { cookie: String, token: String },
    Program { token: String },
}

pub(crate) fn name(text: &str) -> RepoName {
    RepoName::new(text).unwrap()
}

impl World {
    /// A world in which people may sign in at this provider.
    pub(crate) async fn new(spec: &Spec, provider: &ProviderOptions) -> World {
        let dir = tempfile::tempdir().unwrap();
        let (code, commits, heads) = repositories(spec);
        let clock = Arc::new(ManualClock::at(NOW));
        let randomness = Arc::new(Dealt::default());
        randomness.deal(if spec.has_others { 900_000 } else { 900_001 });
        let data = DataDir::create(dir.path().join("data")).unwrap();
        let options = store::Options {
            clock: clock.clone(),
            randomness: randomness.clone(),
            password_cost: PasswordCost::FOR_TESTS,
            ..store::Options::default()
        };
        let store = Store::open_with(&StoreUrl::file(data.database()), options).await.unwrap();
        if !spec.repos.is_empty() {
            let add = AddOptions { name: None, visibility: Visibility::Private, adder: Adder::LocalOperator };
            mirror::add(&store, SourceArgument::Directory(code.path()), &add).await.unwrap();
        }
        let (catalog, board) = (Arc::new(Catalog::new()), Board::new());
        index(&store, &data, &catalog, &clock).await;
        let searcher = Arc::new(Searcher::new(1).unwrap());
        let exports = Exports::new(ExportOptions {
            store: store.clone(),
            catalog: Arc::clone(&catalog),
            searcher: Arc::clone(&searcher),
            folder: data.exports(),
            clock: clock.clone(),
            formats: server::export_formats(),
            limits: ExportLimits::default(),
        });
        let git = git::OpenOptions::default();
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
        let uploads = uploads::Uploads::new(uploads::UploadOptions {
            store: store.clone(),
            folder: data.precise(),
            open: Arc::new(|_| None),
            clock: clock.clone(),
            limits: uploads::UploadLimits::default(),
        });
        let deps =
            Deps { uploads, store, exports, catalog, searcher, board, data_dir: data, git, clock, hosts };
        let provider =
            Provider::new(provider.clone(), &egress::Egress::unrecorded(), deps.clock.clone()).unwrap();
        // People are called the same in worlds that both have them.
        randomness.deal(900_003);
        let (others, export_of_ada) = match spec.has_others {
            true => others(&deps, spec).await,
            false => (Vec::new(), None),
        };
        let all = deps.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
        for (repo, head) in spec.repos.iter().zip(heads) {
            // An index has the same number wherever its repository is.
            let number = repo.name.bytes().fold(1, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(byte));
            randomness.deal(910_000 + number % 1_000_000);
            crate::precise::upload(&deps, &all, repo, head).await;
        }
        // What the asker has of their own is called the same wherever they are.
        randomness.deal(900_002);
        let account = account(&deps.store, spec.asker).await;
        let n_asked = AtomicU64::default();
        let mut world = World {
            n_asked,
            deps,
            randomness,
            provider: Arc::new(provider),
            account,
            credentials: Credentials::None,
            others,
            export_of_ada,
            commits,
            _dirs: (dir, code),
        };
        world.give_rights(spec).await;
        world.credentials = world.make_credentials(spec).await;
        // How many files a repository has is seen by those who may read all of them.
        for repo in spec.repos.iter().filter(|repo| repo.reads == Reads::Part) {
            let task = world.deps.board.begin(
                world.repo(&repo.name).await,
                name(&repo.name),
                mirror::Phase::Indexing,
            );
            task.expect(repo.files.len() as u64, 1000);
            std::mem::forget(task);
        }
        world
    }

    async fn repo(&self, repo: &str) -> RepoId {
        let all = self.deps.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
        self.deps.store.repository_by_name(&all, &name(repo)).await.unwrap().unwrap().id
    }

    async fn make_credentials(&self, spec: &Spec) -> Credentials {
        match spec.asker {
            Kind::Visitor => Credentials::None,
            Kind::Service => {
                let mut repos = BTreeSet::new();
                for repo in spec.repos.iter().filter(|repo| spec.is_of_token(repo)) {
                    repos.insert(self.repo(&repo.name).await);
                }
                let scope = Scope { repos: RepoScope::Only(repos), verbs: Verbs::READ, ..Scope::FULL };
                Credentials::Program { token: self.token(scope).await }
            }
            _ => Credentials::Member {
                cookie: cookie(&self.deps.store, self.account).await,
                token: self.token(Scope::FULL).await,
            },
        }
    }

    async fn token(&self, scope: Scope) -> String {
        let new = NewToken { user: self.account, label: "test".into(), scope };
        self.deps.store.create_token(new).await.unwrap().0.reveal().to_owned()
    }

    async fn give_rights(&self, spec: &Spec) {
        let store = &self.deps.store;
        let (host, account) = (HostId("host".into()), AccountId::new("7").unwrap());
        store.set_permission_source(&host, BOUND_DEFAULT).await.unwrap();
        let group = GroupName::new("team").unwrap();
        store.create_group(&group, "").await.unwrap();
        if spec.asker != Kind::Service {
            store.link_identity(&host, &account, self.account, spec.asker.name()).await.unwrap();
            store.add_member(&group, self.account).await.unwrap();
        }
        let mut listed = model::RepoSet::new();
        for repo in &spec.repos {
            let id = self.repo(&repo.name).await;
            match repo.reads {
                Reads::Granted => drop(store.grant(id, self.account).await.unwrap()),
                Reads::AsMember => drop(store.grant_to_group(&group, id).await.unwrap()),
                Reads::AtHost => drop(listed.insert(id)),
                Reads::Unrestricted => drop(store.set_unrestricted(id, true).await.unwrap()),
                Reads::Part => {
                    let whose = match spec.asker {
                        Kind::OfGroup => {
                            store.grant_to_group(&group, id).await.unwrap();
                            RulesFor::Group(group.clone())
                        }
                        _ => {
                            store.grant(id, self.account).await.unwrap();
                            RulesFor::User(self.account)
                        }
                    };
                    store.set_path_rules(id, &whose, Some(&spec.asker.rules())).await.unwrap();
                }
                Reads::Not => {}
            }
            if repo.is_archived {
                let change = AboutChange { archived: Some(true), ..AboutChange::default() };
                store.change_about(id, &change).await.unwrap();
            }
        }
        store.apply_account_repositories(&host, &Reader::Account(account), &listed, NOW).await.unwrap();
        if spec.asker == Kind::EmergencyOver {
            self.look_in_an_emergency(spec).await;
        }
    }

    /// Looks into two hidden repositories as an emergency; neither goes on.
    async fn look_in_an_emergency(&self, spec: &Spec) {
        let as_asker = UserName::new(spec.asker.name()).unwrap();
        let store = self.deps.store.by(Origin::proved(self.account, &as_asker, "session"));
        for repo in spec.repos.iter().filter(|repo| repo.reads == Reads::Not).take(2) {
            let begun =
                store.break_glass(&name(&repo.name), "the pager rang twice", Duration::from_secs(60)).await;
            assert!(store.end_break_glass(&begun.unwrap().id).await.unwrap());
        }
    }

    fn server(&self) -> Server {
        let config = ServerConfig {
            request_ids: RequestIds::Fixed("0123456789abcdef"),
            highlight_time: Duration::from_secs(600),
            page_patience: Duration::from_secs(60),
            tells_durations: false,
            providers: vec![Arc::clone(&self.provider)],
            ..ServerConfig::default()
        };
        Server::new(config, self.deps.clone())
    }

    /// Both worlds are asked as often, and draw the same from here on.
    fn deal(&self) {
        self.randomness.deal(self.n_asked.fetch_add(1, Ordering::SeqCst) + 1);
    }

    /// Everything that is heard to these questions. Others have searched for the same just before, where there are any.
    pub(crate) async fn answers(&self, questions: &[Question]) -> Vec<Answer> {
        let server = self.server();
        // What is kept of one's answers may not reach the other.
        let is_kept = |question: &&Question| {
            question.target.starts_with("/search?") || question.target.starts_with("/api/v1/search?q=")
        };
        for question in questions.iter().filter(is_kept) {
            for cookie in &self.others {
                send(&server, question, &[(header::COOKIE, cookie)]).await;
            }
        }
        self.deal();
        let mut answers = Vec::new();
        for question in questions {
            let own = match &self.credentials {
                Credentials::None => None,
                Credentials::Member { cookie, .. } if question.in_browser => {
                    Some((header::COOKIE, cookie.clone()))
                }
                Credentials::Member { token, .. } | Credentials::Program { token } => {
                    Some((header::AUTHORIZATION, format!("Bearer {token}")))
                }
            };
            answers.push(self.heard(&server, question, own).await);
        }
        answers
    }

    /// What is heard to acts after which a session is over or proves itself in another way: each in a session of its own, and
    /// what that one is good for afterwards.
    pub(crate) async fn last_answers(&self, questions: &[Question]) -> Vec<Answer> {
        let server = self.server();
        let after = crate::requests::get("/account");
        let mut answers = Vec::new();
        for question in questions {
            self.deal();
            let own = match &self.credentials {
                Credentials::None => None,
                Credentials::Program { token } => Some((header::AUTHORIZATION, format!("Bearer {token}"))),
                Credentials::Member { .. } => {
                    Some((header::COOKIE, cookie(&self.deps.store, self.account).await))
                }
            };
            answers.push(self.heard(&server, question, own.clone()).await);
            answers.push(self.heard(&server, &after, own).await);
        }
        answers
    }

    async fn heard(
        &self,
        server: &Server,
        question: &Question,
        own: Option<(header::HeaderName, String)>,
    ) -> Answer {
        let own: Vec<_> = own.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
        let mut answer = send(server, question, &own).await;
        for (id, called) in &self.commits {
            for n_chars in [40, 12, 10, 8, 7] {
                answer.body = answer.body.replace(&id[..n_chars], called);
            }
            answer.headers.iter_mut().for_each(|header| *header = header.replace(id, called));
        }
        // It is that of what is compared, but where commits were named.
        answer.headers.retain(|header| !header.starts_with("content-length"));
        if question.target == "/metrics" && answer.status == 200 {
            answer.body = series(&answer.body);
        }
        answer
    }
}

/// Which series there are: what they count is partly time, and their order is that of a map.
fn series(metrics: &str) -> String {
    let names = metrics.lines().map(|line| line.rsplit_once(' ').map_or(line, |(series, _)| series));
    names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("\n")
}

async fn send(server: &Server, question: &Question, own: &[(header::HeaderName, &str)]) -> Answer {
    let accept = if question.in_browser { "text/html" } else { "application/json, text/event-stream" };
    let mut request = Request::builder()
        .method(question.method)
        .uri(&question.target)
        .header(header::HOST, "127.0.0.1:7080")
        .header("origin", "http://127.0.0.1:7080")
        .header(header::ACCEPT, accept)
        .header(header::CONTENT_TYPE, question.content_type);
    for (header, value) in own {
        request = request.header(header, *value);
    }
    let request = request.body(Body::from(question.body.clone())).unwrap();
    let response = server.router().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header =
        |(name, value): (&header::HeaderName, &axum::http::HeaderValue)| format!("{name}: {value:?}");
    let mut headers: Vec<String> = parts.headers.iter().map(header).collect();
    headers.sort();
    Answer { status: parts.status.as_u16(), headers, body: String::from_utf8_lossy(&body).into_owned() }
}

/// Git's own repositories; what the commits of those that the asker may read are called; and the head of each repository's
/// default branch.
fn repositories(spec: &Spec) -> (GitWorld, Vec<(String, String)>, Vec<model::ObjectId>) {
    let code = GitWorld::new();
    let (mut commits, mut default_heads) = (Vec::new(), Vec::new());
    for repo in &spec.repos {
        let made = code.repo(&repo.name);
        let files: Vec<(&str, &[u8])> =
            repo.files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        let mut heads = vec![("main", made.commit_files("main", &files))];
        default_heads.push(heads[0].1);
        if let Some(branch) = &repo.branch {
            heads.push(("branch", made.commit_files(branch, &files)));
        }
        // All that is there of such a repository has the same identifiers in every world but these.
        if repo.reads == Reads::Part {
            let called =
                |(head, id): (&str, model::ObjectId)| (id.to_string(), format!("<{head} of {}>", repo.name));
            commits.extend(heads.into_iter().map(called));
        }
    }
    (code, commits, default_heads)
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
        n_threads: 1,
        n_jobs: 1,
        file_bytes_max: 1 << 20,
        local_poll: Duration::from_secs(3600),
        fetch_seconds: (3600, 3600),
    };
    let (worker, _) = Worker::start(options).await.unwrap();
    let failures = worker.drain(&tokio_util::sync::CancellationToken::new()).await.unwrap();
    assert!(failures.is_empty(), "{failures:?}");
}

async fn user(store: &Store, name: &str, role: Role) -> User {
    let name = UserName::new(name).unwrap();
    store.create_user(NewUser { name, password: Some(Password::new(PASSWORD)), role }).await.unwrap()
}

/// The account of whoever asks. A visitor has none; somebody else's shows that the instance is set up.
async fn account(store: &Store, asker: Kind) -> UserId {
    let role = match asker {
        Kind::Administrator | Kind::EmergencyOver => Role::Administrator,
        Kind::Auditor => Role::Auditor,
        Kind::Service => {
            return store.create_service_account(&UserName::new(asker.name()).unwrap()).await.unwrap();
        }
        Kind::Member | Kind::Visitor | Kind::PartReader | Kind::OfGroup => Role::Member,
    };
    user(store, asker.name(), role).await.id
}

async fn cookie(store: &Store, user: UserId) -> String {
    let (secret, _) = store.start_session(user, SessionLimits::default()).await.unwrap();
    format!("sourcekeep={}", secret.reveal())
}

/// Ada, who reads everything, and Eve, who reads what the asker may not; with all that people leave behind.
async fn others(deps: &Deps, spec: &Spec) -> (Vec<String>, Option<String>) {
    let store = &deps.store;
    let ada = user(store, "ada", Role::Administrator).await;
    let eve = user(store, "eve", Role::Member).await;
    let group = GroupName::new("hidden").unwrap();
    store.create_group(&group, "who may read the vault").await.unwrap();
    store.add_member(&group, eve.id).await.unwrap();
    let all = store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
    for repo in &spec.repos {
        let id = store.repository_by_name(&all, &name(&repo.name)).await.unwrap().unwrap().id;
        store.grant(id, ada.id).await.unwrap();
        if repo.reads == Reads::Not {
            store.grant_to_group(&group, id).await.unwrap();
            let change = AboutChange {
                description: Some(Some(spec.hidden_text.into())),
                topics: Some(vec!["hidden".into()]),
                metadata: BTreeMap::from([("hidden".to_owned(), Some("yes".to_owned()))]),
                ..AboutChange::default()
            };
            store.change_about(id, &change).await.unwrap();
            // Somebody works on it just now.
            let task = deps.board.begin(id, name(&repo.name), mirror::Phase::Indexing);
            task.expect(1000, 1000);
            std::mem::forget(task);
        }
    }
    let pending = PendingRepo { id: RepoId(4_000_000), name: name("bbb/new"), state: PendingState::Cloning };
    deps.catalog.set_pending(pending);
    let (ada_cookie, eve_cookie) = (cookie(store, ada.id).await, cookie(store, eve.id).await);
    let export = contexts_and_exports(store, &ada).await;
    (vec![ada_cookie, eve_cookie], Some(export))
}

async fn contexts_and_exports(store: &Store, ada: &User) -> String {
    let (secret, _) = store.start_session(ada.id, SessionLimits::default()).await.unwrap();
    let actor = store.actor_by_session(&secret).await.unwrap().unwrap();
    let access = store.access_set(&actor).await.unwrap();
    for round in 0..N_ROUNDS_MAX {
        let context = ContextName::of_user(ada.name.clone(), &format!("mine-{round}")).unwrap();
        let content = ContextContent {
            description: "hidden".into(),
            query: "repo:vault".into(),
            repositories: Vec::new(),
            is_public: false,
        };
        store.create_context(&actor, &access, &context, &content).await.unwrap();
    }
    let new = NewExport {
        user: ada.id,
        scope: access::RepoScope::All,
        query: "hidden needle".into(),
        format: "csv".into(),
    };
    let most = ExportUse { n_exports: 9, n_unfinished: 9, size_bytes: 1 << 20 };
    store.create_export(new, most).await.unwrap().id.as_str().to_owned()
}
