//! A real gitolite, through the connector.

use crate::world::{NOON, around, repositories};
use access::{AccountId, ManualClock};
use hosts::{HostAccount, HostKind, HostSettings, open, read_all};
use std::sync::Arc;
use testkit::gitolite::GitoliteServer;

#[tokio::test]
async fn repositories_and_rights_are_gitolites_own() {
    let server = GitoliteServer::new("repo one\n    RW = alice\n    R = bob\nrepo deep/two\n    R = alice\n");
    let around = around(Arc::new(ManualClock::at(NOON)));
    let url = server.home().to_str().unwrap();
    let host = open(HostKind::Gitolite, url, &HostSettings::default(), None, &around).unwrap();
    assert!(host.whoami().await.unwrap().warnings.is_empty());
    let mut found = repositories(&*host).await.unwrap();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<_> = found.iter().map(|repository| repository.name.as_str()).collect();
    assert_eq!(names, ["deep/two", "one"]);
    assert_eq!(found[0].clone_from, server.repository("deep/two").to_str().unwrap());
    let list = async |login: &str| {
        let account = HostAccount {
            id: AccountId::new(login).unwrap(),
            login: login.into(),
            is_active: true,
            reads_internal: true,
        };
        read_all(|after| host.repositories_of(&account, after)).await
    };
    assert_eq!(list("alice").await.unwrap(), ["deep/two", "one"]);
    assert_eq!(list("bob").await.unwrap(), ["one"]);
    assert!(list("--help").await.is_err() && list("a b").await.is_err());
    server.set_rules("repo one\n    RW = alice\nrepo deep/two\n    R = alice\n");
    assert!(list("bob").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_directory_is_a_host_too() {
    let world = testkit::git::GitWorld::new();
    world.bare("a/one.git");
    world.repo("two");
    let around = around(Arc::new(ManualClock::at(NOON)));
    let url = world.path();
    let host =
        open(HostKind::Directory, url.to_str().unwrap(), &HostSettings::default(), None, &around).unwrap();
    let names: Vec<_> =
        repositories(&*host).await.unwrap().into_iter().map(|repository| repository.name).collect();
    assert_eq!(names, ["a/one", "two"]);
}
