//! What hubs and the servers around them keep, in both databases.

use crate::world::{World, on_both};
use std::time::Duration;
use store::{
    AuditFilter, CountPingError, NewHubServer, PublishFeedError, RegisterError, RegistrationState,
    SignerRole, StoredFeed, Timestamp, UsedChallenge,
};

const VALID_FOR: Duration = Duration::from_secs(1800);

fn server(seed: u8, name: &str) -> NewHubServer {
    let folded = name.to_lowercase();
    NewHubServer { public: [seed; 32], name: name.into(), folded, contact: None }
}

fn challenge(world: &World, nonce: u8) -> UsedChallenge {
    UsedChallenge { nonce: [nonce; 16], issued: world.now(), valid_for: VALID_FOR }
}

fn feed(kind: &str, sequence: u64) -> StoredFeed {
    let body = vec![0, 255, sequence as u8];
    let digest = [sequence as u8; 32];
    let (issued, until) = (Timestamp(10), Timestamp(20));
    StoredFeed {
        kind: kind.into(),
        sequence,
        issued,
        until,
        digest,
        note: format!("note {sequence}\n"),
        body,
    }
}

on_both! {
    async fn servers_come_change_and_go(world) {
        let store = &world.store;
        let used = challenge(&world, 1);
        store.hub_register(server(1, "Code"), used).await.unwrap();
        let again = store.hub_register(server(1, "Code"), used).await;
        assert!(matches!(again, Err(RegisterError::Used)), "{again:?}");
        let taken = store.hub_register(server(2, "CODE"), challenge(&world, 2)).await;
        assert!(matches!(taken, Err(RegisterError::NameTaken)), "{taken:?}");
        // What was refused for another reason did not use its challenge up.
        store.hub_register(server(2, "Other"), challenge(&world, 2)).await.unwrap();
        let gone = store.hub_withdraw([9; 32], challenge(&world, 3)).await;
        assert!(matches!(gone, Err(RegisterError::Unknown)), "{gone:?}");
        store.hub_withdraw([2; 32], challenge(&world, 3)).await.unwrap();
        let left = store.hub_servers().await.unwrap();
        assert_eq!((left.len(), left[0].public, left[0].since), (1, [1; 32], world.now()));
        // Time goes on and back: what was used stays used, and what is forgotten is too old.
        world.pass(3600);
        store.hub_register(server(1, "Code"), challenge(&world, 4)).await.unwrap();
        let latest = world.now();
        world.clock.set(Timestamp(latest.0 - 3_600_000));
        assert_eq!(store.hub_now().await.unwrap(), latest);
        let again = store.hub_register(server(1, "Code"), used).await;
        assert!(matches!(again, Err(RegisterError::Used)), "{again:?}");
    }

    async fn feeds_are_published_and_taken(world) {
        let store = &world.store;
        store.publish_hub_feed(feed("rules", 1), 5, 0).await.unwrap();
        let overtaken = store.publish_hub_feed(feed("rules", 2), 5, 0).await;
        assert!(matches!(overtaken, Err(PublishFeedError::Overtaken)), "{overtaken:?}");
        store.publish_hub_feed(feed("rules", 2), 5, 1).await.unwrap();
        assert_eq!(store.hub_feed("rules").await.unwrap(), Some((feed("rules", 2), 5)));
        assert_eq!(store.hub_feed_numbers().await.unwrap(), [("rules".to_owned(), 2)]);
        store.take_feeds("hub", vec![feed("rules", 2), feed("releases", 7)]).await.unwrap();
        store.take_feeds("hub", vec![feed("rules", 1), feed("releases", 8)]).await.unwrap();
        let numbers: Vec<u64> = store.feeds_taken("hub").await.unwrap().iter().map(|feed| feed.sequence).collect();
        assert_eq!(numbers, [8, 2], "nothing goes back");
        assert!(store.feeds_taken("another").await.unwrap().is_empty());
    }

    async fn pings_are_added_up(world) {
        let store = &world.store;
        for value in 0..5_i64 {
            assert!(store.ping_sums(5).await.unwrap().is_empty());
            store.count_ping(1, "2026-W47", &[("people".into(), value, value.min(1))], 5).await.unwrap();
        }
        store.count_ping(1, "2026-W48", &[("people".into(), 1, 1)], 5).await.unwrap();
        store.count_ping(2, "2026-W47", &[("people".into(), 1, 1)], 5).await.unwrap();
        let sums = store.ping_sums(5).await.unwrap();
        assert_eq!((sums.len(), sums[0].n, sums[0].total, sums[0].buckets.len()), (1, 5, 10, 0));
        let many: Vec<(String, i64, i64)> = (0..1025).map(|n| (format!("a{n}"), 1, 1)).collect();
        let full = store.count_ping(3, "2026-W47", &many, 5).await;
        assert!(matches!(full, Err(CountPingError::Full)), "{full:?}");
    }

    async fn what_was_shown_is_sent_once(world) {
        let store = &world.store;
        store.show_registration("hub", "register", "one", [1; 32]).await.unwrap();
        store.show_registration("hub", "register", "two", [2; 32]).await.unwrap();
        assert_eq!(store.begin_registration([1; 32]).await.unwrap(), None, "what is shown later takes its place");
        let begun = store.begin_registration([2; 32]).await.unwrap().unwrap();
        assert_eq!((begun.statement.as_str(), begun.state), ("two", RegistrationState::Sent));
        assert_eq!(store.begin_registration([2; 32]).await.unwrap(), None);
        store.end_registration(begun.seq, RegistrationState::Taken, "receipt").await.unwrap();
        store.show_registration("hub", "withdraw", "three", [3; 32]).await.unwrap();
        let all = store.registrations().await.unwrap();
        let states: Vec<RegistrationState> = all.iter().map(|one| one.state).collect();
        assert_eq!(states, [RegistrationState::Shown, RegistrationState::Taken]);
        assert_eq!(all[1].answer.as_deref(), Some("receipt"));
        let filter = AuditFilter { act: "hub.registration".into(), ..AuditFilter::default() };
        let sent = store.audit_entries(&filter, None, 10).await.unwrap();
        assert!(sent.len() == 1 && sent[0].details.contains("0202"), "what is sent stands in the audit log: {sent:?}");
    }

    async fn one_key_in_two_roles(world) {
        let as_server = world.store.instance_signer(SignerRole::Registration).await.unwrap().unwrap();
        let as_hub = world.another_process().await.instance_signer(SignerRole::Hub).await.unwrap().unwrap();
        assert_eq!(as_server.public(), as_hub.public());
        assert!(as_server.verifying_key().name().ends_with("/registration"));
        assert!(as_hub.verifying_key().name().ends_with("/hub"));
    }
}
