//! The hub's end: what is taken once, from whom, and what is shown of pings.

use crate::world::{DAY, NOW, World, YEAR, block_on};
use hub::{
    Act, AnyPing, CHALLENGE_VALID_FOR, Contact, CountError, Desk, FeedHead, FeedKind, K, PingRefusal,
    PublishError, Receipt, Refusal, ServerName, Statement, TakeError, unbundle,
};
use std::sync::Arc;
use std::time::Duration;
use tlog::{Signed, SigningKey};

fn server(seed: u8) -> SigningKey {
    SigningKey::new("sourcekeep", &[seed; 32]).unwrap()
}

fn register(name: &str) -> Act {
    Act::Register { name: ServerName::new(name).unwrap(), contact: None }
}

async fn statement(desk: &Desk, act: &Act, server: &SigningKey) -> Signed {
    let challenge = desk.challenge().await.unwrap();
    Statement::sign(act, server, desk.key(), &challenge).unwrap()
}

async fn refusal(desk: &Desk, note: &Signed) -> Refusal {
    match desk.take(note).await {
        Err(TakeError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn names(desk: &Desk) -> Vec<String> {
    desk.servers().await.unwrap().into_iter().map(|server| server.name).collect()
}

#[test]
fn a_server_is_registered_changed_and_forgotten() {
    block_on(async {
        let world = World::new().await;
        let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
        let ada = server(1);
        let contact = Some(Contact::new("ops@example.org").unwrap());
        let act = Act::Register { name: ServerName::new("Code").unwrap(), contact };
        let sent = statement(&desk, &act, &ada).await;
        let receipt = desk.take(&sent).await.unwrap();
        assert!(Receipt::open(desk.key(), &receipt, &ada.public(), "register", &sent).is_ok());
        let listed = desk.servers().await.unwrap();
        assert_eq!((listed.len(), listed[0].public, listed[0].since), (1, ada.public(), NOW));
        assert_eq!(listed[0].contact.as_deref(), Some("ops@example.org"));

        world.clock.advance(DAY);
        desk.take(&statement(&desk, &register("Code of the East"), &ada).await).await.unwrap();
        let listed = desk.servers().await.unwrap();
        assert_eq!((listed[0].name.as_str(), &listed[0].contact), ("Code of the East", &None));
        assert_eq!((listed[0].since, listed[0].seen_at), (NOW, NOW.plus(DAY)));

        desk.take(&statement(&desk, &Act::Withdraw, &ada).await).await.unwrap();
        assert!(names(&desk).await.is_empty());
        assert_eq!(refusal(&desk, &statement(&desk, &Act::Withdraw, &ada).await).await, Refusal::Unknown);
        // The key of a hub stays what it is.
        assert_eq!(Desk::open(world.store.clone(), world.clock.clone()).await.unwrap().key(), desk.key());
    });
}

/// H-registration-replayed
#[test]
fn a_registration_counts_once() {
    block_on(async {
        let world = World::new().await;
        let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
        let ada = server(1);
        let sent = statement(&desk, &register("Code"), &ada).await;
        desk.take(&sent).await.unwrap();
        assert_eq!(refusal(&desk, &sent).await, Refusal::Replayed);
        // Another statement with the same challenge.
        desk.take(&statement(&desk, &Act::Withdraw, &ada).await).await.unwrap();
        assert_eq!(refusal(&desk, &sent).await, Refusal::Replayed, "withdrawn is withdrawn");
        world.clock.advance(CHALLENGE_VALID_FOR + Duration::from_millis(1));
        assert_eq!(refusal(&desk, &sent).await, Refusal::NotFresh);
        // The hub forgets challenges that are over. Its clock jumps a year ahead, something is registered, and back.
        world.clock.set(NOW.plus(YEAR));
        desk.take(&statement(&desk, &register("Later"), &server(2)).await).await.unwrap();
        world.clock.set(NOW);
        assert_eq!(refusal(&desk, &sent).await, Refusal::NotFresh, "the hub's time does not go back");
        world.clock.set(NOW.minus(YEAR));
        assert_eq!(refusal(&desk, &sent).await, Refusal::NotFresh);
        // And it still takes new ones, each once.
        let anew = statement(&desk, &register("Code"), &ada).await;
        desk.take(&anew).await.unwrap();
        assert_eq!(refusal(&desk, &anew).await, Refusal::Replayed);
        assert_eq!(names(&desk).await, ["Code", "Later"]);
    });
}

#[test]
fn of_two_at_once_one_counts() {
    block_on(async {
        let world = World::new().await;
        let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
        let sent = statement(&desk, &register("Code"), &server(1)).await;
        let tries = (0..8).map(|_| {
            let (desk, sent) = (desk.clone(), sent.clone());
            tokio::spawn(async move { desk.take(&sent).await.is_ok() })
        });
        let mut n_taken = 0;
        for attempt in tries.collect::<Vec<_>>() {
            n_taken += usize::from(attempt.await.unwrap());
        }
        assert_eq!(n_taken, 1);
    });
}

/// H-registration-stolen
#[test]
fn nobody_takes_the_name_or_the_key_of_another() {
    block_on(async {
        let world = World::new().await;
        let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
        let (ada, eve) = (server(1), server(2));
        desk.take(&statement(&desk, &register("Code"), &ada).await).await.unwrap();
        for name in ["Code", "code", "CODE"] {
            let stolen = statement(&desk, &register(name), &eve).await;
            assert_eq!(refusal(&desk, &stolen).await, Refusal::NameTaken, "{name}");
        }
        // Eve signs, with her key, what names Ada's.
        let asked = desk.challenge().await.unwrap();
        let hers = Statement::sign(&register("Mine"), &ada, desk.key(), &asked).unwrap();
        let text = hers.0.split_once("\n\n").unwrap().0;
        let forged = eve.under(&signer_of(&hers)).unwrap().sign(&format!("{text}\n"));
        assert_eq!(refusal(&desk, &forged).await, Refusal::NotTheServer);
        assert_eq!(names(&desk).await, ["Code"]);
        // A name that was given up is free.
        desk.take(&statement(&desk, &register("Renamed"), &ada).await).await.unwrap();
        desk.take(&statement(&desk, &register("Code"), &eve).await).await.unwrap();
        assert_eq!(names(&desk).await, ["Code", "Renamed"]);
    });
}

fn signer_of(note: &Signed) -> String {
    note.0.lines().last().unwrap().split(' ').nth(1).unwrap().to_owned()
}

/// H-registration-clock
#[test]
fn a_clock_that_jumps_costs_one_more_challenge() {
    block_on(async {
        for jump in [NOW.plus(YEAR), NOW.minus(YEAR)] {
            let world = World::new().await;
            let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
            let ada = server(1);
            let sent = statement(&desk, &register("Code"), &ada).await;
            world.clock.set(jump);
            assert_eq!(refusal(&desk, &sent).await, Refusal::NotFresh);
            desk.take(&statement(&desk, &register("Code"), &ada).await).await.unwrap();
            world.clock.set(NOW);
            desk.take(&statement(&desk, &register("Code"), &ada).await).await.unwrap();
        }
    });
}

#[test]
fn feeds_are_published_numbered_and_renewed() {
    block_on(async {
        let world = World::new().await;
        let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
        let (kind, body) = (FeedKind::Advisories, br#"{"advisories":[]}"#);
        assert!(desk.feed(kind).await.unwrap().is_none());
        let bad = desk.publish(kind, b"{}".to_vec(), 30 * DAY).await;
        assert!(matches!(bad, Err(PublishError::Content(_))), "{bad:?}");
        for days in [0, 401] {
            let bad = desk.publish(kind, body.to_vec(), days * DAY).await;
            assert!(matches!(bad, Err(PublishError::ValidFor)), "{bad:?}");
        }
        let first = desk.publish(kind, body.to_vec(), 30 * DAY).await.unwrap();
        let feed = desk.feed(kind).await.unwrap().unwrap();
        assert_eq!(FeedHead::open(desk.key(), kind, &feed.note), Ok(first.clone()));
        assert_eq!((first.sequence, first.expires, feed.body), (1, NOW.plus(30 * DAY), body.to_vec()));
        // Before the half of its time nothing is done; after it, the same file gets another number.
        world.clock.set(NOW.plus(14 * DAY));
        assert!(desk.renew().await.unwrap().is_empty());
        world.clock.set(NOW.plus(16 * DAY));
        assert_eq!(desk.renew().await.unwrap(), [kind]);
        let renewed =
            FeedHead::open(desk.key(), kind, &desk.feed(kind).await.unwrap().unwrap().note).unwrap();
        assert_eq!(
            (renewed.sequence, renewed.digest, renewed.expires),
            (2, first.digest, NOW.plus(46 * DAY))
        );
        // Signed while the clock was a year ahead: nobody would take it, so it is signed anew once the clock is right.
        world.clock.set(NOW.plus(YEAR));
        desk.publish(kind, br#"{"advisories":[ ]}"#.to_vec(), 30 * DAY).await.unwrap();
        world.clock.set(NOW.plus(17 * DAY));
        assert_eq!(desk.renew().await.unwrap(), [kind]);
        let third = FeedHead::open(desk.key(), kind, &desk.feed(kind).await.unwrap().unwrap().note).unwrap();
        assert_eq!((third.sequence, third.issued), (4, NOW.plus(17 * DAY)));
        let bundled = unbundle(&desk.bundle().await.unwrap()).unwrap();
        assert_eq!(FeedHead::open(desk.key(), kind, &bundled[0].note), Ok(third));
    });
}

fn ping(values: &[(&str, i64)]) -> Vec<u8> {
    let fields: Vec<String> = values.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!(r#"{{"fields":{{{}}},"schema":1,"week":"2026-W47"}}"#, fields.join(",")).into_bytes()
}

/// A hub that counts every name, so that a test can make some up.
async fn counting_anything(world: &World) -> Desk {
    let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
    desk.counting(Arc::new(AnyPing))
}

/// H-ping-few
#[test]
fn what_fewer_than_five_hold_is_not_shown() {
    block_on(async {
        let world = World::new().await;
        let desk = counting_anything(&world).await;
        let shown = || async { desk.sums().await.unwrap() };
        for n in 1..K as i64 {
            desk.count(&ping(&[("people", n), ("searches", 100)])).await.unwrap();
            assert!(shown().await.is_empty(), "{n}");
        }
        desk.count(&ping(&[("people", 5), ("rare", 1)])).await.unwrap();
        let sums = shown().await;
        assert_eq!(sums.len(), 1, "only what five hold: {sums:?}");
        assert_eq!((sums[0].field.as_str(), sums[0].n, sums[0].total), ("people", 5, 15));
        // 1 | 2, 3 | 4, 5: none of the three places is held by five.
        assert!(sums[0].buckets.is_empty());
        // One more changes nothing that is shown: the difference would be one server's. Five more do.
        for n in 0..K {
            assert_eq!(shown().await[0].n, 5, "{n}");
            desk.count(&ping(&[("people", 4)])).await.unwrap();
        }
        let sums = shown().await;
        assert_eq!((sums[0].n, sums[0].total), (10, 35));
        assert_eq!(sums[0].buckets.iter().collect::<Vec<_>>(), [(&3, &7)]);
    });
}

/// H-ping-week
#[test]
fn pings_of_other_times_are_refused() {
    block_on(async {
        let world = World::new().await;
        let desk = counting_anything(&world).await;
        for now in [NOW.plus(YEAR), NOW.minus(YEAR), NOW.plus(40 * DAY)] {
            world.clock.set(now);
            let counted = desk.count(&ping(&[("people", 1)])).await;
            assert!(matches!(counted, Err(CountError::Refused(PingRefusal::Week))), "{counted:?}");
        }
        world.clock.set(NOW);
        desk.count(&ping(&[("people", 1)])).await.unwrap();
        // A flood of names ends.
        let mut refused = false;
        for n in 0..20 {
            let names: Vec<String> = (0..100).map(|m| format!("a{n}.{m:03}")).collect();
            let fields: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
            refused |=
                matches!(desk.count(&ping(&fields)).await, Err(CountError::Refused(PingRefusal::Full)));
        }
        assert!(refused);
        desk.count(&ping(&[("people", 1)])).await.unwrap();
    });
}

/// H-ping-words
#[test]
fn words_of_others_are_not_shown_however_often_they_are_sent() {
    block_on(async {
        let world = World::new().await;
        let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
        for _ in 0..2 * K {
            let counted = desk.count(&ping(&[("visit.evil.example", 1)])).await;
            assert!(matches!(counted, Err(CountError::Refused(PingRefusal::Bounds))), "{counted:?}");
            desk.count(&ping(&[("people", 3)])).await.unwrap();
        }
        let names: Vec<String> = desk.sums().await.unwrap().into_iter().map(|sum| sum.field).collect();
        assert_eq!(names, ["people"]);
    });
}

#[test]
fn the_token_of_the_administrator() {
    block_on(async {
        let world = World::new().await;
        let desk = Desk::open(world.store.clone(), world.clock.clone()).await.unwrap();
        assert!(!desk.is_admin("").await.unwrap());
        let first = desk.make_admin_token(true).await.unwrap().unwrap();
        assert!(desk.is_admin(&first).await.unwrap() && !desk.is_admin("skh_").await.unwrap());
        assert_eq!(desk.make_admin_token(true).await.unwrap(), None);
        let second = desk.make_admin_token(false).await.unwrap().unwrap();
        assert!(desk.is_admin(&second).await.unwrap() && !desk.is_admin(&first).await.unwrap());
    });
}
