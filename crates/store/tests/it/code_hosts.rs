//! Code hosts: kept with sealed secrets, their lists taken over whole.

use crate::world::{World, on_both, repo_name};
use access::HostId;
use secrecy::SecretString;
use std::time::Duration;
use store::{
    CodeHost, CodeHostChange, CodeHostError, HostListPage, ListedRepository, NewCodeHost, Source, Timestamp,
};

async fn add(world: &World, name: &str) -> Result<CodeHost, CodeHostError> {
    let new = NewCodeHost {
        kind: "gitlab".into(),
        name: name.into(),
        url: "https://git.example.org".into(),
        settings: "{}".into(),
        bound: Duration::from_secs(900),
        token: Some(SecretString::from("first token")),
    };
    world.store.add_code_host(new).await
}

fn listed(id: &str, name: &str) -> ListedRepository {
    ListedRepository {
        external_id: id.into(),
        name: name.into(),
        names: vec![repo_name(&format!("h/{name}")), repo_name(&format!("h/{name}~2"))],
        source: Source::Remote(format!("https://git.example.org/{name}.git")),
        openness: "private",
        fork: false,
        archived: false,
        excluded_by: None,
    }
}

async fn token(world: &World, id: &HostId) -> String {
    let token = world.store.code_host_token(id).await.unwrap().unwrap();
    String::from_utf8(token.expose().to_vec()).unwrap()
}

on_both! {
    async fn a_host_is_kept_and_changed(world) {
        let host = add(&world, "ours").await.unwrap();
        assert!(host.has_token && host.hook_id.len() == 32 && host.hook_id != host.id.0);
        assert_eq!(token(&world, &host.id).await, "first token");
        assert!(matches!(add(&world, "ours").await, Err(CodeHostError::NameTaken { .. })));
        assert!(matches!(add(&world, " ").await, Err(CodeHostError::BadName)));
        assert!(matches!(add(&world, "a\u{1b}").await, Err(CodeHostError::BadName)));
        let other = add(&world, "theirs").await.unwrap();
        let rename = CodeHostChange { name: Some("ours".into()), ..Default::default() };
        let refused = world.store.change_code_host(&other.id, rename).await;
        assert!(matches!(refused, Err(CodeHostError::NameTaken { .. })));
        let change = CodeHostChange {
            bound: Some(Duration::from_secs(60)),
            token: Some(SecretString::from("second token")),
            ..Default::default()
        };
        let changed = world.store.change_code_host(&host.id, change).await.unwrap();
        assert_eq!((changed.bound, changed.name.as_str()), (Duration::from_secs(60), "ours"));
        assert_eq!(token(&world, &host.id).await, "second token");
        let found = world.store.code_host_by_hook(&host.hook_id).await.unwrap().unwrap();
        assert_eq!(found.id, host.id);
        assert_eq!(world.store.code_host_by_hook("nonsense").await.unwrap(), None);
        let secret = world.store.code_host_hook_secret(&host.id).await.unwrap().unwrap();
        assert_eq!(secret.expose().len(), 64);
        let unknown = HostId("nonsense".into());
        let refused = world.store.change_code_host(&unknown, CodeHostChange::default()).await;
        assert!(matches!(refused, Err(CodeHostError::Unknown)));
        assert_eq!(world.store.code_hosts().await.unwrap().len(), 2);
    }

    async fn a_list_is_taken_over(world) {
        let host = add(&world, "ours").await.unwrap();
        let apply = async |list: &[ListedRepository]| {
            world.store.apply_host_listing(&host, list, world.now(), false).await.unwrap()
        };
        let outcome = apply(&[listed("1", "a"), listed("2", "b"), listed("2", "b")]).await;
        assert_eq!(outcome.added.len(), 2);
        let epoch = world.store.epoch().await.unwrap();
        assert!(apply(&[listed("1", "a"), listed("2", "b")]).await.added.is_empty());
        assert_eq!(world.store.epoch().await.unwrap(), epoch, "nothing changed");
        let first = outcome.added[0].id;
        // They change places.
        let outcome = apply(&[listed("1", "b"), listed("2", "a")]).await;
        assert_eq!(outcome.n_moved, 2);
        let row = world.store.repository_of_host(&host.id, "1").await.unwrap().unwrap();
        assert_eq!((row.id, row.name.as_str()), (first, "h/b"));
        // Another one under the name of one that is gone.
        let outcome = apply(&[listed("1", "b"), listed("3", "a")]).await;
        assert_eq!((outcome.added.len(), outcome.n_retired), (1, 1));
        assert_eq!(world.store.repository_of_host(&host.id, "2").await.unwrap(), None);
        let excluded = ListedRepository { excluded_by: Some("fork".into()), ..listed("1", "b") };
        assert_eq!(apply(&[excluded, listed("3", "a")]).await.n_retired, 1);
        let known = world.store.host_repositories(&host.id).await.unwrap();
        let known: Vec<_> = known.iter().map(|one| (one.external_id.as_str(), one.repo.is_some())).collect();
        assert_eq!(known, [("3", true), ("1", false)]);
    }

    async fn a_name_that_is_taken_gets_a_number(world) {
        let (one, two) = (add(&world, "one").await.unwrap(), add(&world, "two").await.unwrap());
        world.store.apply_host_listing(&one, &[listed("1", "a")], world.now(), false).await.unwrap();
        let other = Source::Remote("https://elsewhere.example.org/a.git".into());
        let second = ListedRepository { source: other, ..listed("1", "a") };
        let outcome = world.store.apply_host_listing(&two, &[second], world.now(), false).await.unwrap();
        assert_eq!(outcome.added[0].name.as_str(), "h/a~2");
        // The same address under two hosts is one repository, and the first one's.
        let same = world.store.apply_host_listing(&two, &[listed("9", "a")], world.now(), false).await.unwrap();
        assert_eq!(same.refused.len(), 1);
    }

    async fn pages_and_deliveries_are_remembered(world) {
        let host = add(&world, "ours").await.unwrap();
        let page = HostListPage { items: "[1]".into(), next: Some("x".into()), read_at: Timestamp(5) };
        world.store.put_host_page(&host.id, "list", 0, &page).await.unwrap();
        assert_eq!(world.store.host_pages(&host.id, "list").await.unwrap(), [page]);
        world.store.drop_host_pages(&host.id, "list").await.unwrap();
        assert!(world.store.host_pages(&host.id, "list").await.unwrap().is_empty());
        let elsewhere = world.another_process().await;
        assert!(elsewhere.remember_delivery(&host.id, "d", Timestamp(0)).await.unwrap());
        assert!(!world.store.remember_delivery(&host.id, "d", Timestamp(0)).await.unwrap());
        let later = world.now().plus(Duration::from_secs(1));
        assert!(world.store.remember_delivery(&host.id, "d", later).await.unwrap(), "forgotten");
    }

    async fn secrets_are_sealed_anew_with_a_new_key(world) {
        let host = add(&world, "ours").await.unwrap();
        world.store.rotate_key().await.unwrap();
        while world.store.reseal_step().await.unwrap().n_left > 0 {}
        world.store.drop_old_keys().await.unwrap();
        assert_eq!(token(&world, &host.id).await, "first token");
    }
}
