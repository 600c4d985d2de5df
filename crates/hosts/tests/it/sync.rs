//! Comparing hosts with the store: who sees what afterwards, on good and on bad days.

use crate::world::{NOON, REMOTE_KINDS, around, settings};
use access::{AccountId, Clock, HostId, ManualClock, PasswordCost, Role, SystemRandomness, UserName};
use hosts::{CredentialBook, HostKind, HostSettings, SyncError, SyncHostError, SyncOptions, SyncWorker};
use model::UserId;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{NewCodeHost, NewUser, Options, SessionLimits, Store, StoreUrl};
use testkit::code_host::{BadDay, HostWorld, StubHost, StubKind, TOKEN, Visibility};
use vault::{KeySource, Vault};

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    worker: SyncWorker,
    stub: StubHost,
    host: HostId,
    kind: HostKind,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(kind: HostKind, stub_kind: StubKind, world: HostWorld) -> World {
        World::with(kind, stub_kind, world, settings()).await
    }

    async fn with(kind: HostKind, stub_kind: StubKind, world: HostWorld, settings: HostSettings) -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let source = KeySource::OwnFile(folder.path().join("keys"));
        let vault = Vault::open_source(source, Arc::new(SystemRandomness)).unwrap();
        let options = Options {
            clock: clock.clone(),
            password_cost: PasswordCost::FOR_TESTS,
            vault,
            ..Options::default()
        };
        let url = StoreUrl::file(folder.path().join("sourcekeep.db"));
        let store = Store::open_with(&url, options).await.unwrap();
        let stub = StubHost::start(stub_kind, world).await;
        let account = (kind == HostKind::Gerrit).then(|| "admin".to_owned());
        let new = NewCodeHost {
            kind: kind.to_string(),
            name: "the host".into(),
            url: stub.url(),
            settings: HostSettings { account, ..settings }.to_json(),
            bound: store::BOUND_DEFAULT,
            token: Some(SecretString::from(TOKEN)),
        };
        let host = store.add_code_host(new).await.unwrap().id;
        let options = SyncOptions {
            store: store.clone(),
            around: around(clock.clone()),
            queue: Arc::new(|_| Box::pin(async { Ok(()) })),
            credentials: CredentialBook::default(),
        };
        World { store, clock, worker: SyncWorker::new(options), stub, host, kind, _folder: folder }
    }

    /// Lets the clock pass a minute, so that later readings are later.
    async fn sync(&self) -> Result<hosts::SyncReport, SyncHostError> {
        self.clock.advance(Duration::from_secs(60));
        self.worker.sync_now(&self.host, false).await
    }

    /// As the schedule does, which goes on where it was.
    async fn sync_by_schedule(&self) -> Result<hosts::SyncReport, SyncError> {
        self.clock.advance(Duration::from_secs(60));
        let host = self.store.code_host(&self.host).await.unwrap().unwrap();
        let connector = self.worker.connector(&host).await.unwrap();
        let manner = hosts::SyncManner { keeps_pages: true, ..hosts::SyncManner::default() };
        hosts::sync(&self.store, &host, &*connector, &*self.clock, manner).await
    }

    /// Somebody here whose account there is this one.
    async fn linked(&self, login: &str, number: u64) -> UserId {
        let name = UserName::new(login).unwrap();
        let user =
            self.store.create_user(NewUser { name, password: None, role: Role::Member }).await.unwrap().id;
        let account = AccountId::new(self.account(number)).unwrap();
        self.store.link_identity(&self.host, &account, user, login).await.unwrap();
        user
    }

    fn account(&self, number: u64) -> String {
        match self.kind {
            HostKind::BitbucketCloud => format!("{{00000000-0000-4000-8000-{number:012}}}"),
            HostKind::AzureDevOps => format!("10000000-0000-4000-8000-{number:012}"),
            _ => number.to_string(),
        }
    }

    /// The last parts of the names of what somebody sees.
    async fn sees(&self, user: UserId) -> BTreeSet<String> {
        let (secret, _) = self.store.start_session(user, SessionLimits::default()).await.unwrap();
        let actor = self.store.actor_by_session(&secret).await.unwrap().unwrap();
        let access = self.store.access_set(&actor).await.unwrap();
        let mut names = BTreeSet::new();
        for repo in access.repos() {
            // Numbers of removed repositories are nobody's and are not given again.
            let Some(row) = self.store.repository(&access, repo).await.unwrap() else { continue };
            let name = row.name.as_str().rsplit('/').next().unwrap().to_owned();
            names.insert(name.trim_start_matches("org-").to_owned());
        }
        names
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn small() -> HostWorld {
    HostWorld::of(
        &["alice", "bob", "carol"],
        &[("org/one", &[1, 2]), ("org/two", &[2]), ("org/none", &[]), ("org/three", &[1, 2, 3])],
    )
}

#[tokio::test]
async fn everybody_sees_what_they_may_there() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let world = World::new(kind, stub_kind, small()).await;
        let (alice, bob) = (world.linked("alice", 1).await, world.linked("bob", 2).await);
        assert_eq!(world.sees(alice).await, set(&[]), "{kind}: nothing before the first reading");
        let report = world.sync().await.unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!((report.n_listed, report.listing.added.len(), report.n_unread), (4, 4, 0), "{kind}");
        assert_eq!(world.sees(alice).await, set(&["one", "three"]), "{kind}");
        assert_eq!(world.sees(bob).await, set(&["one", "two", "three"]), "{kind}");
        world.stub.change(|world| {
            world.repository("org/one").readers.remove(&2);
            world.repository("org/none").readers.insert(1);
        });
        assert!(world.sync().await.unwrap().listing.added.is_empty(), "{kind}");
        assert_eq!(world.sees(alice).await, set(&["one", "three", "none"]), "{kind}");
        assert_eq!(world.sees(bob).await, set(&["two", "three"]), "{kind}");
        world.clock.advance(Duration::from_secs(16 * 60));
        assert_eq!(world.sees(alice).await, set(&[]), "{kind}: too old to be believed");
    }
}

/// S-host-half-a-list
#[tokio::test]
async fn a_bad_day_changes_nothing() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let world = World::new(kind, stub_kind, small()).await;
        let alice = world.linked("alice", 1).await;
        world.sync().await.unwrap();
        let before = world.store.host_repositories(&world.host).await.unwrap();
        // Whatever the host would say now, it does not get to say it.
        world.stub.change(|world| {
            world.repository("org/three").readers.clear();
            world.repository("org/two").readers.insert(1);
            world.repository("org/one").name = "org/moved".into();
        });
        for bad in [
            BadDay::HtmlAfter(0),
            BadDay::FailAfter(0),
            BadDay::HalfAfter(0),
            BadDay::NotModified,
            BadDay::Refused,
            BadDay::Empty,
        ] {
            world.stub.order(bad);
            assert!(world.sync().await.is_err(), "{kind}: {bad:?}");
            let ids = |list: &[store::KnownHostRepository]| {
                list.iter()
                    .map(|one| (one.external_id.clone(), one.repo, one.name.clone()))
                    .collect::<Vec<_>>()
            };
            let now = world.store.host_repositories(&world.host).await.unwrap();
            assert_eq!(ids(&now), ids(&before), "{kind}: {bad:?}");
            assert_eq!(world.sees(alice).await, set(&["one", "three"]), "{kind}: {bad:?}");
            let host = world.store.code_host(&world.host).await.unwrap().unwrap();
            assert!(host.error.is_some_and(|error| !error.contains(TOKEN)), "{kind}: {bad:?}");
        }
        world.stub.order(BadDay::None);
        world.sync().await.unwrap();
        assert_eq!(world.sees(alice).await, set(&["moved", "two"]), "{kind}");
        assert_eq!(world.store.code_host(&world.host).await.unwrap().unwrap().error, None, "{kind}");
    }
}

/// A-repository-recreated
#[tokio::test]
async fn a_renamed_repository_stays_itself_and_a_new_one_under_its_name_is_another() {
    for (kind, stub_kind) in REMOTE_KINDS.into_iter().filter(|(kind, _)| *kind != HostKind::Gerrit) {
        let world = World::new(kind, stub_kind, small()).await;
        let bob = world.linked("bob", 2).await;
        world.sync().await.unwrap();
        let repo_of = async |name: &str| {
            let known = world.store.host_repositories(&world.host).await.unwrap();
            known.into_iter().find(|known| known.name.ends_with(name)).and_then(|known| known.repo)
        };
        let two = repo_of("two").await.unwrap();
        world.stub.change(|world| world.repository("org/two").name = "org/renamed".into());
        world.sync().await.unwrap();
        assert_eq!(repo_of("renamed").await, Some(two), "{kind}");
        assert!(world.sees(bob).await.contains("renamed"), "{kind}");
        // An explicit grant of the old one must not be the new one's.
        world.store.grant(two, bob).await.unwrap();
        world.stub.change(|world| {
            let old = world.repository("org/renamed");
            (old.id, old.readers) = (7777, [3].into());
        });
        let report = world.sync().await.unwrap();
        assert_eq!((report.listing.added.len(), report.listing.n_retired), (1, 1), "{kind}");
        let new = repo_of("renamed").await.unwrap();
        assert_ne!(new, two, "{kind}");
        assert_eq!(world.sees(bob).await, set(&["one", "three"]), "{kind}: nobody inherits rights");
    }
}

#[tokio::test]
async fn names_that_go_round_in_a_circle() {
    let world = World::new(HostKind::GitLab, StubKind::GitLab, small()).await;
    let bob = world.linked("bob", 2).await;
    world.sync().await.unwrap();
    let before = world.store.host_repositories(&world.host).await.unwrap();
    world.stub.change(|world| {
        world.repository("org/one").name = "org/x".into();
        world.repository("org/two").name = "org/one".into();
        world.repository("org/x").name = "org/two".into();
    });
    let report = world.sync().await.unwrap();
    assert_eq!(report.listing.n_moved, 2);
    let after = world.store.host_repositories(&world.host).await.unwrap();
    for one in &after {
        let was = before.iter().find(|was| was.external_id == one.external_id).unwrap();
        assert_eq!(was.repo, one.repo);
    }
    assert_eq!(world.sees(bob).await, set(&["one", "two", "three"]));
}

#[tokio::test]
async fn what_is_missing_once_stays_and_what_is_missing_twice_goes() {
    let world = World::new(HostKind::GitLab, StubKind::GitLab, small()).await;
    world.linked("bob", 2).await;
    world.sync().await.unwrap();
    world.stub.change(|world| world.repositories.retain(|repository| repository.name != "org/two"));
    let report = world.sync().await.unwrap();
    assert_eq!((report.listing.n_missing, report.listing.n_retired), (1, 0));
    assert_eq!(world.store.host_repositories(&world.host).await.unwrap().len(), 4);
    let report = world.sync().await.unwrap();
    assert_eq!((report.listing.n_missing, report.listing.n_retired), (0, 1));
    assert_eq!(world.store.host_repositories(&world.host).await.unwrap().len(), 3);
}

#[tokio::test]
async fn losing_most_of_them_waits_for_somebody_to_say_that_it_is_right() {
    let world = World::new(HostKind::GitLab, StubKind::GitLab, small()).await;
    world.sync().await.unwrap();
    world.stub.order(BadDay::Empty);
    let error = world.sync().await.unwrap_err();
    assert!(matches!(error, SyncHostError::Sync(SyncError::Withheld { n_lacking: 4 })), "{error}");
    assert_eq!(world.store.code_host(&world.host).await.unwrap().unwrap().n_withheld, 4);
    world.worker.sync_now(&world.host, true).await.unwrap();
    assert!(world.store.host_repositories(&world.host).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_open_is_open_to_whom_it_is() {
    for (kind, stub_kind) in [(HostKind::GitLab, StubKind::GitLab), (HostKind::Gitea, StubKind::Gitea)] {
        let mut stub = small();
        stub.repository("org/none").visibility = Visibility::Public;
        stub.repository("org/two").visibility = Visibility::Internal;
        stub.person("carol").is_external = true;
        let world = World::new(kind, stub_kind, stub).await;
        let (alice, carol) = (world.linked("alice", 1).await, world.linked("carol", 3).await);
        let name = UserName::new("nobody").unwrap();
        let nobody =
            world.store.create_user(NewUser { name, password: None, role: Role::Member }).await.unwrap().id;
        world.sync().await.unwrap();
        assert_eq!(world.sees(alice).await, set(&["one", "two", "three", "none"]), "{kind}");
        assert_eq!(world.sees(carol).await, set(&["three", "none"]), "{kind}: no internal ones");
        assert_eq!(world.sees(nobody).await, set(&["none"]), "{kind}: without an account there");
        world.stub.change(|world| world.repository("org/none").visibility = Visibility::Private);
        world.sync().await.unwrap();
        assert_eq!(world.sees(nobody).await, set(&[]), "{kind}");
    }
}

#[tokio::test]
async fn what_is_public_is_everybodys_however_a_host_tells_who_reads_what() {
    for (kind, stub_kind) in REMOTE_KINDS {
        if kind == HostKind::Gerrit {
            continue; // It calls nothing public.
        }
        let mut stub = small();
        stub.repository("org/none").visibility = Visibility::Public;
        let world = World::new(kind, stub_kind, stub).await;
        let (alice, carol) = (world.linked("alice", 1).await, world.linked("carol", 3).await);
        for round in 0..3 {
            world.sync().await.unwrap();
            world.clock.advance(Duration::from_secs(round * 7));
            assert_eq!(world.sees(alice).await, set(&["one", "three", "none"]), "{kind}, {round}");
            assert_eq!(world.sees(carol).await, set(&["three", "none"]), "{kind}, {round}");
        }
        world.stub.change(|world| world.repository("org/none").visibility = Visibility::Private);
        world.sync().await.unwrap();
        assert_eq!(world.sees(carol).await, set(&["three"]), "{kind}: closed again");
    }
}

/// A-account-name-reused
#[tokio::test]
async fn an_account_is_its_identifier_and_not_its_name() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let world = World::new(kind, stub_kind, small()).await;
        let alice = world.linked("alice", 1).await;
        world.sync().await.unwrap();
        // Somebody else takes her name there.
        world.stub.change(|world| {
            world.person("alice").login = "alice-old".into();
            world.person("bob").login = "alice".into();
        });
        world.sync().await.unwrap();
        assert_eq!(world.sees(alice).await, set(&["one", "three"]), "{kind}");
    }
}

#[tokio::test]
async fn a_closed_account_sees_nothing() {
    for (kind, stub_kind) in REMOTE_KINDS {
        if matches!(kind, HostKind::GitHub | HostKind::BitbucketCloud) {
            continue; // They take closed accounts out of their lists.
        }
        let world = World::new(kind, stub_kind, small()).await;
        let alice = world.linked("alice", 1).await;
        world.sync().await.unwrap();
        world.stub.change(|world| world.person("alice").is_active = false);
        world.sync().await.unwrap();
        assert_eq!(world.sees(alice).await, set(&[]), "{kind}");
    }
}

#[tokio::test]
async fn a_list_goes_on_where_the_host_asked_to_wait() {
    let names: Vec<String> = (0..450).map(|idx| format!("org/repo-{idx}")).collect();
    let repositories: Vec<(&str, &[u64])> = names.iter().map(|name| (name.as_str(), &[1][..])).collect();
    let world =
        World::new(HostKind::GitLab, StubKind::GitLab, HostWorld::of(&["alice"], &repositories)).await;
    world.stub.order(BadDay::LimitedAfter(3, 0));
    let error = world.sync_by_schedule().await.unwrap_err();
    assert!(error.retry_at().is_some(), "{error}");
    assert!(world.store.host_repositories(&world.host).await.unwrap().is_empty());
    world.stub.order(BadDay::None);
    world.stub.take_calls();
    assert_eq!(world.sync_by_schedule().await.unwrap().n_listed, 450);
    let calls = world.stub.take_calls();
    assert_eq!(calls.get("GET /projects"), Some(&3), "two of five pages were kept: {calls:?}");
}

/// Whoever compares by hand does so beside the schedule.
#[tokio::test]
async fn two_comparings_at_once_do_not_mix_their_pages() {
    let names: Vec<String> = (0..250).map(|number| format!("org/repo-{number}")).collect();
    let repositories: Vec<(&str, &[u64])> = names.iter().map(|name| (name.as_str(), &[1u64][..])).collect();
    let world =
        World::new(HostKind::GitLab, StubKind::GitLab, HostWorld::of(&["alice"], &repositories)).await;
    let (by_hand, again, scheduled) = tokio::join!(world.sync(), world.sync(), world.sync_by_schedule());
    assert_eq!(by_hand.unwrap().n_listed, 250);
    assert_eq!(again.unwrap().n_listed, 250);
    assert_eq!(scheduled.unwrap().n_listed, 250);
    assert_eq!(world.store.host_repositories(&world.host).await.unwrap().len(), 250);
}

#[tokio::test]
async fn what_is_excluded_is_not_here_and_goes_when_it_comes_to_be() {
    let exclude = hosts::Exclusion { names: vec!["org/t*".into()], ..Default::default() };
    let settings = HostSettings { exclude, ..settings() };
    let world = World::with(HostKind::GitLab, StubKind::GitLab, small(), settings.clone()).await;
    let bob = world.linked("bob", 2).await;
    let report = world.sync().await.unwrap();
    assert_eq!((report.n_excluded, report.listing.added.len()), (2, 2));
    assert_eq!(world.sees(bob).await, set(&["one"]));
    let exclude = hosts::Exclusion { names: vec!["org/o*".into()], ..Default::default() };
    let change = store::CodeHostChange {
        settings: Some(HostSettings { exclude, ..settings }.to_json()),
        ..Default::default()
    };
    world.store.change_code_host(&world.host, change).await.unwrap();
    world.sync().await.unwrap();
    assert_eq!(world.sees(bob).await, set(&["two", "three"]));
}

#[tokio::test]
async fn a_removed_host_takes_everything_along() {
    let world = World::new(HostKind::GitLab, StubKind::GitLab, small()).await;
    let bob = world.linked("bob", 2).await;
    world.sync().await.unwrap();
    let epoch = world.store.epoch().await.unwrap();
    assert!(world.store.remove_code_host(&world.host).await.unwrap());
    assert!(!world.store.remove_code_host(&world.host).await.unwrap());
    assert!(world.store.epoch().await.unwrap() > epoch);
    assert_eq!(world.sees(bob).await, set(&[]));
    assert!(world.store.maintenance().repositories().await.unwrap().is_empty());
    assert!(world.store.identities_of(bob).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_token_is_sealed_and_its_jobs_come_back() {
    let world = World::new(HostKind::GitLab, StubKind::GitLab, small()).await;
    let bytes = std::fs::read(world._folder.path().join("sourcekeep.db")).unwrap();
    let wal = std::fs::read(world._folder.path().join("sourcekeep.db-wal")).unwrap_or_default();
    let holds = |bytes: &[u8]| bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
    assert!(!holds(&bytes) && !holds(&wal));
    hosts::request_sync(&world.store, &world.host, false).await.unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    world.worker.drain(&stop).await.unwrap();
    assert_eq!(world.store.host_repositories(&world.host).await.unwrap().len(), 4);
    assert_eq!(world.store.jobs().counts().await.unwrap().n_queued, 1, "the next one waits");
    assert!(world.clock.now() >= NOON);
}
