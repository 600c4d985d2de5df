//! What is said of a repository.

use crate::world::on_both;
use model::RepoId;
use std::collections::BTreeMap;
use store::{AboutChange, ChangeAboutError, Visibility};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

fn keys(keys: &[(&str, Option<&str>)]) -> BTreeMap<String, Option<String>> {
    keys.iter().map(|(key, value)| (key.to_string(), value.map(str::to_owned))).collect()
}

on_both! {
    async fn what_is_not_named_stays(world) {
        let repo = world.add("tool").await;
        let first = AboutChange {
            description: Some(Some(" A  tool\nfor one ".into())),
            topics: Some(words(&["rust", "cli", "rust"])),
            metadata: keys(&[("team", Some("core")), ("flag", Some(""))]),
            ..AboutChange::default()
        };
        let row = world.store.change_about(repo, &first).await.unwrap();
        assert_eq!(row.about.description, "A tool for one");
        assert_eq!(row.about.topics, ["cli", "rust"]);
        let second = AboutChange {
            metadata: keys(&[("team", None), ("tier", Some("1"))]),
            fork: Some(true),
            visibility: Some(Visibility::Public),
            ..AboutChange::default()
        };
        let row = world.store.change_about(repo, &second).await.unwrap();
        let metadata: Vec<(&str, &str)> = row.about.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(metadata, [("flag", ""), ("tier", "1")]);
        assert_eq!((row.about.description.as_str(), row.about.topics.len()), ("A tool for one", 2));
        assert_eq!((row.visibility, row.fork, row.archived), (Visibility::Public, true, false));
        assert_eq!(world.store.maintenance().repository(repo).await.unwrap(), Some(row));
    }

    async fn the_source_describes_what_nobody_else_does(world) {
        let repo = world.add("tool").await;
        let maintenance = world.store.maintenance();
        assert!(maintenance.set_source_description(repo, "from git\n").await.unwrap());
        assert!(!maintenance.set_source_description(repo, "from git").await.unwrap(), "nothing new");
        assert_eq!(maintenance.repository(repo).await.unwrap().unwrap().about.description, "from git");
        let own = |text: Option<&str>| AboutChange {
            description: Some(text.map(str::to_owned)),
            ..AboutChange::default()
        };
        let row = world.store.change_about(repo, &own(Some(""))).await.unwrap();
        assert_eq!(row.about.description, "", "nothing is something that can be said");
        let row = world.store.change_about(repo, &own(None)).await.unwrap();
        assert_eq!(row.about.description, "from git");
    }

    async fn what_cannot_be_asked_for_is_refused(world) {
        let repo = world.add("tool").await;
        let refused = |change: AboutChange| {
            let store = world.store.clone();
            async move { store.change_about(repo, &change).await.unwrap_err() }
        };
        let topics = AboutChange { topics: Some(words(&["a b"])), ..AboutChange::default() };
        assert!(matches!(refused(topics).await, ChangeAboutError::BadWord { what: "topic", .. }));
        let key = AboutChange { metadata: keys(&[("a:b", Some("x"))]), ..AboutChange::default() };
        assert!(matches!(refused(key).await, ChangeAboutError::BadWord { what: "key", .. }));
        let value = AboutChange { metadata: keys(&[("a", Some("x\ny"))]), ..AboutChange::default() };
        assert!(matches!(refused(value).await, ChangeAboutError::BadValue { .. }));
        let many = (0..101).map(|n| format!("t{n}")).collect();
        let many = AboutChange { topics: Some(many), ..AboutChange::default() };
        assert!(matches!(refused(many).await, ChangeAboutError::TooMany { what: "topics", .. }));
        let long = AboutChange { description: Some(Some("x".repeat(2001))), ..AboutChange::default() };
        assert!(matches!(refused(long).await, ChangeAboutError::DescriptionTooLong { .. }));
        let unknown = world.store.change_about(RepoId(999), &AboutChange::default()).await.unwrap_err();
        assert!(matches!(unknown, ChangeAboutError::Unknown));
        assert_eq!(world.store.maintenance().repository(repo).await.unwrap().unwrap().about, Default::default());
    }
}
