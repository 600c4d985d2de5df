//! What is counted of use: summed, rolled up, let go; the pings made from it, and what may become of them.

use crate::world::on_both;
use access::Role;
use std::time::Duration;
use store::{DecidePingError, PingState, Posted, Store, StoredPing, Timestamp};
use telemetry::{Batch, Counter, Ending, Ping, Route, Usage, Week};

const DAY: u64 = 24 * 3600;
const HUB: &str = "https://hub.example.org/pings";

/// So many searches by each of these people.
fn searches(people: &[i64], n_each: u32) -> Batch {
    let usage = Usage::new(true, true);
    for person in people {
        for _ in 0..n_each {
            usage.count(Some(*person), &[Counter::Searches]);
            usage.request(Route::of("/search", None), Ending::Well, Duration::from_micros(1_500));
        }
    }
    usage.take()
}

async fn only_ping(store: &Store) -> StoredPing {
    let mut pings = store.pings().await.unwrap();
    assert_eq!(pings.len(), 1);
    pings.remove(0)
}

on_both! {
    async fn hours_are_summed_and_become_days(world) {
        let store = &world.store;
        store.add_usage(&searches(&[], 0)).await.unwrap();
        let user = world.user("ada", Role::Member).await;
        let begun = world.now();
        for _ in 0..30 {
            store.add_usage(&searches(&[user.id.0], 3)).await.unwrap();
            world.pass(3600);
        }
        let all = store.usage_by_route(Timestamp(0)).await.unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].route.name().as_str(), all[0].n_well, all[0].n_failed), ("/search", 90, 0));
        let p50 = telemetry::histogram::quantile_us(&all[0].buckets, 0.5).unwrap();
        assert!((1_400..=1_600).contains(&p50), "{p50}");
        let by_hour = store.usage_over_time(begun, 1, None).await.unwrap();
        assert_eq!((by_hour.len(), by_hour[0].n), (30, 3));
        let recent = store.usage_by_route(world.now().minus(Duration::from_secs(2 * 3600))).await.unwrap();
        assert_eq!(recent[0].n_well, 6);
        // Two weeks later the hours of a day are one; nothing is lost by it.
        world.pass(16 * DAY);
        while store.shorten_usage(365).await.unwrap() > 0 {}
        let by_hour = store.usage_over_time(Timestamp(0), 1, None).await.unwrap();
        assert!(by_hour.len() <= 3, "{by_hour:?}");
        assert_eq!(by_hour.iter().map(|part| part.n).sum::<u64>(), 90);
        let counts = store.usage_counters(Timestamp(0), 24).await.unwrap();
        assert_eq!(counts.iter().map(|count| count.n).sum::<u64>(), 90);
        // And after the time that was configured all of it is gone.
        world.pass(20 * DAY);
        store.shorten_usage(30).await.unwrap();
        assert_eq!(store.usage_by_route(Timestamp(0)).await.unwrap(), []);
        assert_eq!(store.usage_counters(Timestamp(0), 24).await.unwrap(), []);
    }

    async fn people_are_forgotten_with_their_week(world) {
        let store = &world.store;
        let mut people = Vec::new();
        for name in ["ada", "ben", "cleo", "dora", "emil", "fay"] {
            people.push(world.user(name, Role::Member).await.id);
        }
        let numbers: Vec<i64> = people.iter().map(|id| id.0).collect();
        store.add_usage(&searches(&numbers, 10)).await.unwrap();
        // An account that is not there any more is nobody.
        store.add_usage(&searches(&[999_999], 10)).await.unwrap();
        assert_eq!(store.make_pings(None).await.unwrap(), 0, "the week is not over");
        world.pass(7 * DAY);
        assert_eq!(store.make_pings(None).await.unwrap(), 1);
        let ping = only_ping(store).await;
        let shown = Ping::from_bytes(&ping.bytes).unwrap();
        assert_eq!((shown.week(), ping.state), (Week::of_ms(1_750_000_000_000), PingState::Local));
        assert!(shown.values().any(|(field, _)| field == telemetry::Field::People));
        // Made once: asking again draws no other noise, and there is nobody left to draw it from.
        assert_eq!(store.make_pings(None).await.unwrap(), 0);
        assert_eq!(only_ping(store).await.bytes, ping.bytes);
    }

    async fn who_leaves_the_counting_is_forgotten_at_once(world) {
        let store = &world.store;
        let mut numbers = Vec::new();
        for name in ["ada", "ben", "cleo", "dora", "emil"] {
            numbers.push(world.user(name, Role::Member).await.id);
        }
        let all: Vec<i64> = numbers.iter().map(|id| id.0).collect();
        store.add_usage(&searches(&all, 10)).await.unwrap();
        store.set_counted(numbers[0], false).await.unwrap();
        assert_eq!(store.opted_out_of_usage().await.unwrap().into_iter().collect::<Vec<_>>(), [numbers[0].0]);
        // Counted before it was known on this machine: not written down either.
        store.add_usage(&searches(&all[..1], 10)).await.unwrap();
        world.pass(7 * DAY);
        store.make_pings(None).await.unwrap();
        let ping = Ping::from_bytes(&only_ping(store).await.bytes).unwrap();
        assert!(ping.values().all(|(field, _)| field != telemetry::Field::People), "four are too few: {ping:?}");
        store.set_counted(numbers[0], true).await.unwrap();
        assert!(store.opted_out_of_usage().await.unwrap().is_empty());
    }

    /// Pings were turned off: what was counted by person for them goes, whatever week it is of.
    async fn nobody_is_kept_for_pings_that_are_not_made(world) {
        let store = &world.store;
        let ada = world.user("ada", Role::Member).await;
        store.add_usage(&searches(&[ada.id.0], 3)).await.unwrap();
        world.pass(7 * DAY);
        store.add_usage(&searches(&[ada.id.0], 3)).await.unwrap();
        assert_eq!(store.forget_counted_people().await.unwrap(), 2);
        world.pass(7 * DAY);
        assert_eq!(store.make_pings(None).await.unwrap(), 0);
        // How the server was used stays, for it is nobody's.
        let counts = store.usage_counters(Timestamp(0), 24).await.unwrap();
        assert_eq!(counts.iter().map(|count| count.n).sum::<u64>(), 6);
    }

    async fn nothing_is_sent_that_was_not_seen(world) {
        let store = &world.store;
        let ada = world.user("ada", Role::Administrator).await;
        store.add_usage(&searches(&[ada.id.0], 10)).await.unwrap();
        world.pass(7 * DAY);
        store.make_pings(Some(HUB)).await.unwrap();
        let ping = only_ping(store).await;
        assert_eq!(ping.state, PingState::Waiting);
        assert_eq!(store.take_ping(HUB).await.unwrap(), None);
        let refused = store.approve_ping(ping.id, [0; 32], HUB).await.unwrap_err();
        assert!(matches!(refused, DecidePingError::OtherBytes), "{refused}");
        store.approve_ping(ping.id, ping.digest(), HUB).await.unwrap();
        // To the place that was named, and to no other.
        assert_eq!(store.take_ping("https://elsewhere.example.org/").await.unwrap(), None);
        let taken = store.take_ping(HUB).await.unwrap().unwrap();
        assert_eq!(taken.bytes, ping.bytes);
        assert_eq!(store.take_ping(HUB).await.unwrap(), None, "taken once");
        let received = Posted::Received { status: 202, reply: b"receipt".to_vec() };
        store.ping_posted(ping.id, HUB, &received).await.unwrap();
        let sent = only_ping(store).await;
        assert_eq!((sent.state, sent.reply), (PingState::Sent, Some((202, b"receipt".to_vec()))));
        let over = store.deny_ping(ping.id).await.unwrap_err();
        assert!(matches!(over, DecidePingError::Over("sent")), "{over}");
        // The next one of the same schema needs no second look, until the approval is withdrawn.
        store.add_usage(&searches(&[ada.id.0], 10)).await.unwrap();
        world.pass(7 * DAY);
        store.make_pings(Some(HUB)).await.unwrap();
        assert_eq!(store.pings().await.unwrap()[0].state, PingState::Approved);
        store.withdraw_ping_approval(HUB).await.unwrap();
        assert_eq!(store.take_ping(HUB).await.unwrap(), None);
        assert_eq!(store.pings().await.unwrap()[0].state, PingState::Waiting);
        store.deny_ping(store.pings().await.unwrap()[0].id).await.unwrap();
        assert_eq!(store.pings().await.unwrap()[0].state, PingState::Denied);
    }

    async fn what_cannot_be_sent_is_tried_again_and_given_up(world) {
        let store = &world.store;
        let ada = world.user("ada", Role::Administrator).await;
        store.add_usage(&searches(&[ada.id.0], 1)).await.unwrap();
        world.pass(7 * DAY);
        store.make_pings(Some(HUB)).await.unwrap();
        let ping = only_ping(store).await;
        store.approve_ping(ping.id, ping.digest(), HUB).await.unwrap();
        let mut n_tries = 0;
        while only_ping(store).await.state != PingState::Failed {
            if let Some(taken) = store.take_ping(HUB).await.unwrap() {
                n_tries += 1;
                let reason = Posted::NotReceived { reason: "no route to the host".into() };
                store.ping_posted(taken.id, HUB, &reason).await.unwrap();
                assert_eq!(store.take_ping(HUB).await.unwrap(), None, "not at once");
            }
            world.pass(3600);
            assert!(n_tries < 20);
        }
        assert_eq!(n_tries, 8);
        assert_eq!(only_ping(store).await.error.as_deref(), Some("no route to the host"));
        // A process that ended in the middle of sending does not keep it.
        store.approve_ping(ping.id, ping.digest(), HUB).await.unwrap();
        store.take_ping(HUB).await.unwrap().unwrap();
        world.pass(3600);
        assert!(store.take_ping(HUB).await.unwrap().is_some());
    }
}
