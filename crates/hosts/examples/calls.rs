//! Counts the requests of a cold comparing: so many repositories and people, for each kind of code host, against the stubs.
//!
//! `cargo xtask bench-hosts` runs it and keeps its report. The time is told as well; it is mostly the stub's and the database's.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on ends"
)]

use access::{AccountId, PasswordCost, Role, SystemClock, SystemRandomness, UserName};
use egress::Egress;
use hosts::{HostKind, HostSettings, Surroundings, open, sync};
use model::UserId;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{NewCodeHost, NewUser, Options, Store, StoreUrl};
use testkit::code_host::{HostWorld, StubHost, StubKind, TOKEN};
use vault::{KeySource, Vault};

const KINDS: [(HostKind, StubKind); 7] = [
    (HostKind::GitHub, StubKind::GitHub),
    (HostKind::GitLab, StubKind::GitLab),
    (HostKind::Gitea, StubKind::Gitea),
    (HostKind::BitbucketCloud, StubKind::BitbucketCloud),
    (HostKind::BitbucketServer, StubKind::BitbucketServer),
    (HostKind::Gerrit, StubKind::Gerrit),
    (HostKind::AzureDevOps, StubKind::AzureDevOps),
];

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let [n_repositories, n_people, n_per_person] = numbers[..] else {
        panic!("say how many repositories, people, and repositories a person");
    };
    let folder = tempfile::tempdir_in(if cfg!(target_os = "linux") { "/dev/shm" } else { "." }).unwrap();
    let source = KeySource::OwnFile(folder.path().join("keys"));
    let vault = Vault::open_source(source, Arc::new(SystemRandomness)).unwrap();
    let options = Options { vault, password_cost: PasswordCost::FOR_TESTS, ..Options::default() };
    let store = Store::open_with(&StoreUrl::file(folder.path().join("db")), options).await.unwrap();
    let mut people = Vec::new();
    for number in 1..=n_people {
        let name = UserName::new(&format!("person-{number}")).unwrap();
        people
            .push(store.create_user(NewUser { name, password: None, role: Role::Member }).await.unwrap().id);
    }
    let world = HostWorld::large(n_people, n_repositories, n_per_person);
    println!("{n_repositories} repositories, {n_people} people, up to {n_per_person} repositories each\n");
    println!("| kind | requests | of them | seconds |\n|---|---:|---|---:|");
    for (kind, stub_kind) in KINDS {
        measure(&store, &people, kind, stub_kind, &world).await;
    }
}

async fn measure(store: &Store, people: &[UserId], kind: HostKind, stub_kind: StubKind, world: &HostWorld) {
    let stub = StubHost::start(stub_kind, world.clone()).await;
    let settings = HostSettings {
        networks: vec!["127.0.0.0/8".into()],
        workspace: Some("acme".into()),
        account: (kind == HostKind::Gerrit).then(|| "admin".into()),
        ..HostSettings::default()
    };
    let new = NewCodeHost {
        kind: kind.to_string(),
        name: kind.to_string(),
        url: stub.url(),
        settings: settings.to_json(),
        bound: Duration::from_secs(24 * 3600),
        token: Some(SecretString::from(TOKEN)),
    };
    let host = store.add_code_host(new).await.unwrap();
    for (number, user) in (1..).zip(people) {
        let account = AccountId::new(account(kind, number)).unwrap();
        store.link_identity(&host.id, &account, *user, "").await.unwrap();
    }
    let around = Surroundings {
        egress: Egress::unrecorded(),
        clock: Arc::new(SystemClock),
        git: git::GitProgramOptions::default(),
        schemes: git::Schemes::default(),
    };
    let token = SecretString::from(TOKEN);
    let connector = open(kind, &host.url, &settings, Some(&token), &around).unwrap();
    let begun = Instant::now();
    let report = sync(store, &host, &*connector, &SystemClock, hosts::SyncManner::default()).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(report.n_listed as usize, world.repositories.len());
    let calls = stub.take_calls();
    assert_eq!(report.n_calls, calls.values().sum::<u64>(), "what is counted here is what arrived there");
    let parts: Vec<String> = calls.iter().map(|(endpoint, n)| format!("`{endpoint}` {n}")).collect();
    println!("| {} | {} | {} | {seconds:.0} |", kind.label(), report.n_calls, parts.join(", "));
    store.remove_code_host(&host.id).await.unwrap();
}

fn account(kind: HostKind, number: u64) -> String {
    match kind {
        HostKind::BitbucketCloud => format!("{{00000000-0000-4000-8000-{number:012}}}"),
        HostKind::AzureDevOps => format!("10000000-0000-4000-8000-{number:012}"),
        _ => number.to_string(),
    }
}
