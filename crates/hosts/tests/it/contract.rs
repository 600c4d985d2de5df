//! What every kind must do on a good day.

use crate::world::{REMOTE_KINDS, connect, readers, repositories, stub};
use hosts::{HostKind, Openness};
use std::collections::BTreeSet;
use testkit::code_host::{HostWorld, Visibility};

fn small() -> HostWorld {
    HostWorld::of(
        &["alice", "bob", "carol"],
        &[("org/one", &[1, 2]), ("org/two", &[2]), ("org/none", &[]), ("team/three", &[1, 2, 3])],
    )
}

/// Azure DevOps has projects in the place of folders; the stub has one.
fn name(kind: HostKind, name: &str) -> String {
    match kind {
        HostKind::AzureDevOps => format!("acme/{}", name.replace('/', "-")),
        _ => name.to_owned(),
    }
}

#[tokio::test]
async fn all_repositories_and_their_readers_are_found() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let stub = stub(stub_kind, small()).await;
        let host = connect(kind, &stub);
        assert!(!host.whoami().await.unwrap().login.is_empty(), "{kind}");
        let found = readers(&*host).await.unwrap_or_else(|error| panic!("{kind}: {error}"));
        let expected = [
            ("org/one", vec![1, 2]),
            ("org/two", vec![2]),
            ("org/none", vec![]),
            ("team/three", vec![1, 2, 3]),
        ];
        assert_eq!(found.len(), expected.len(), "{kind}");
        for (repository, people) in expected {
            let people: BTreeSet<u64> = people.into_iter().collect();
            assert_eq!(found.get(&name(kind, repository)), Some(&people), "{kind}: {repository}");
        }
    }
}

#[tokio::test]
async fn what_is_said_of_a_repository_is_read() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let mut world = small();
        let one = world.repository("org/one");
        (one.visibility, one.fork, one.archived, one.n_stars) = (Visibility::Public, true, true, 7);
        let stub = stub(stub_kind, world).await;
        let found = repositories(&*connect(kind, &stub)).await.unwrap();
        let one = found.iter().find(|repository| repository.name == name(kind, "org/one")).unwrap();
        let two = found.iter().find(|repository| repository.name == name(kind, "org/two")).unwrap();
        // Gerrit tells nobody what is open to all; its accounts are asked.
        let openness = if kind == HostKind::Gerrit { Openness::Private } else { Openness::Public };
        // With the other repositories of the one project of the stub.
        assert!(one.openness == openness, "{kind}");
        assert_eq!(two.openness, Openness::Private, "{kind}");
        assert_eq!(one.fork, kind != HostKind::Gerrit, "{kind}");
        let has_rest = !matches!(kind, HostKind::BitbucketCloud | HostKind::AzureDevOps);
        assert_eq!(one.archived, has_rest, "{kind}");
        let stars = matches!(kind, HostKind::GitHub | HostKind::GitLab | HostKind::Gitea).then_some(7);
        assert_eq!(one.n_stars, stars, "{kind}");
        assert!(one.clone_from.starts_with("http://127.0.0.1:") && !one.clone_from.contains('@'), "{kind}");
    }
}

#[tokio::test]
async fn many_pages_are_followed_to_their_end() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let people: Vec<String> = (0..230).map(|idx| format!("person-{idx}")).collect();
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        let everybody: Vec<u64> = (1..=230).collect();
        let names: Vec<String> = (0..120).map(|idx| format!("org/repo-{idx:03}")).collect();
        let repositories: Vec<(&str, &[u64])> = names
            .iter()
            .enumerate()
            .map(|(idx, name)| (name.as_str(), if idx == 0 { &everybody[..] } else { &everybody[..1] }))
            .collect();
        let stub = stub(stub_kind, HostWorld::of(&people, &repositories)).await;
        let found = readers(&*connect(kind, &stub)).await.unwrap();
        assert_eq!(found.len(), 120, "{kind}");
        assert_eq!(found[&name(kind, "org/repo-000")].len(), 230, "{kind}");
        assert_eq!(found[&name(kind, "org/repo-119")], BTreeSet::from([1]), "{kind}");
    }
}

#[tokio::test]
async fn closed_accounts_read_nothing() {
    for (kind, stub_kind) in REMOTE_KINDS {
        let mut world = small();
        world.person("alice").is_active = false;
        let stub = stub(stub_kind, world).await;
        let found = readers(&*connect(kind, &stub)).await.unwrap();
        // GitHub and Bitbucket Cloud take closed accounts out of their lists themselves.
        if !matches!(kind, HostKind::GitHub | HostKind::BitbucketCloud) {
            assert_eq!(found[&name(kind, "org/one")], BTreeSet::from([2]), "{kind}");
        }
    }
}

/// The account behind a login name changes; the identifier decides.
#[tokio::test]
async fn a_renamed_repository_keeps_its_identifier_and_a_new_one_has_another() {
    for (kind, stub_kind) in REMOTE_KINDS {
        if kind == HostKind::Gerrit {
            continue; // Its names are all it has.
        }
        let stub = stub(stub_kind, small()).await;
        let host = connect(kind, &stub);
        let id_of = async |wanted: &str| {
            let wanted = name(kind, wanted);
            let found = repositories(&*host).await.unwrap();
            found.into_iter().find(|repository| repository.name == wanted).unwrap().id
        };
        let before = id_of("org/two").await;
        stub.change(|world| world.repository("org/two").name = "org/moved".into());
        assert_eq!(id_of("org/moved").await, before, "{kind}");
        stub.change(|world| {
            let again = world.repository("org/one");
            (again.id, again.name) = (9999, "org/two".into());
        });
        assert_ne!(id_of("org/two").await, before, "{kind}");
    }
}
