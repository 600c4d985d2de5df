//! The audit log is kept for so many days: what is left is proved, and what is missing is what retention allowed.

use crate::audit::{backend_of, entry, noted, raw};
use crate::world::{World, on_both};
use access::audit::Origin;
use std::num::NonZeroU32;
use store::{AuditFault, AuditFilter, ShortenError, Store};

const DAY: u64 = 86_400;

fn days(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Twelve days with five entries each, as the server writes them.
async fn twelve_days(world: &World) -> Store {
    let store = noted(world).await.by(Origin::system("retention"));
    for day in 0..12 {
        for number in 0..5 {
            store.record(entry(day * 10 + number)).await.unwrap();
            world.pass(60);
        }
        world.pass(DAY - 300);
    }
    store
}

async fn shorten(store: &Store, keep: u32) -> u64 {
    let mut n_removed = 0;
    loop {
        let step = store.shorten_audit(days(keep)).await.unwrap();
        n_removed += step.n_removed;
        if !step.goes_on {
            return n_removed;
        }
    }
}

on_both! {
    async fn whole_days_are_cut_off_and_the_rest_is_proved(world) {
        let store = twelve_days(&world).await;
        let now = world.now();
        assert_eq!(shorten(&store, 100).await, 0, "nothing is old enough");
        assert_eq!(store.audit_front().await.unwrap(), None);
        assert_eq!(shorten(&store, 7).await % 5, 0, "whole days");
        let front = store.audit_front().await.unwrap().unwrap();
        assert_eq!(front.before.0 % (DAY as i64 * 1000), 0);
        assert!(now.since(front.before).as_secs() >= 7 * DAY && now.since(front.before).as_secs() < 8 * DAY);
        let left = store.audit_entries(&AuditFilter::default(), None, 1000).await.unwrap();
        assert!(left.iter().all(|entry| entry.at >= front.before), "and nothing younger went");
        // It is in the log itself, by whoever did it.
        assert_eq!((left[0].act.as_str(), left[0].via.as_str()), ("audit.shorten", "retention"));
        let report = store.verify_audit().await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.removed.clone(), report.n_entries), (Some(front.clone()), left.len() as u64));
        // Once more on the same day: nothing is left to do. Days later: on from there.
        assert_eq!(shorten(&store, 7).await, 0);
        world.pass(3 * DAY);
        assert_eq!(shorten(&store, 7).await, 15);
        store.record(entry(1)).await.unwrap();
        let report = store.verify_audit().await.unwrap();
        assert!(report.is_intact() && report.removed.unwrap().seq == front.seq + 15, "{:?}", report.faults);
        assert_eq!(report.noted_seq, Some(report.last_seq));
    }

    async fn a_step_is_bounded(world) {
        let store = noted(&world).await;
        let readers: Vec<_> = (0..1200).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.record_read(entry(number)).await })
        }).collect();
        for reader in readers {
            reader.await.unwrap().unwrap();
        }
        world.pass(3 * DAY);
        store.record(entry(1)).await.unwrap();
        let first = store.shorten_audit(days(1)).await.unwrap();
        assert!(first.n_removed == 1000 && first.goes_on, "{first:?}");
        assert!(store.verify_audit().await.unwrap().is_intact(), "between two steps");
        let second = store.shorten_audit(days(1)).await.unwrap();
        assert!(second.n_removed == 200 && !second.goes_on, "{second:?}");
        assert!(store.verify_audit().await.unwrap().is_intact());
    }

    /// Threats A: audit entries deleted, as if retention had done it.
    async fn a_front_that_retention_did_not_make_is_seen(world) {
        let store = twelve_days(&world).await;
        shorten(&store, 7).await;
        let front = store.audit_front().await.unwrap().unwrap();
        let raw = raw(&world, backend_of(&world));
        // The database itself refuses more than retention noted.
        let beyond = format!("DELETE FROM audit_log WHERE seq = {}", front.seq + 1);
        raw.try_run(&beyond).await.unwrap_err();
        raw.try_run("UPDATE audit_front SET seq = 0").await.unwrap_err();
        raw.try_run("DELETE FROM audit_front").await.unwrap_err();
        // Whoever takes that away can move the front, and not the proof of it.
        let (last, before) = (front.seq + 5, front.before.0 + DAY as i64 * 1000);
        let cut = format!(
            "CREATE TABLE kept AS SELECT * FROM audit_log; CREATE TABLE kept_front AS SELECT * FROM audit_front; \
             UPDATE audit_front SET seq = {last}, before_at = {before}, \
             hash = (SELECT hash FROM audit_log WHERE seq = {last}); DELETE FROM audit_log WHERE seq <= {last}"
        );
        raw.run_without_defences(&cut).await;
        let report = store.verify_audit().await.unwrap();
        assert!(report.faults.contains(&AuditFault::Front { seq: last }), "{report:?}");
        assert!(report.faults.contains(&AuditFault::Unsaid { seq: last }), "{report:?}");
        let refused = store.shorten_audit(days(1)).await.unwrap_err();
        assert!(matches!(refused, ShortenError::NotNoted), "{refused:?}");
        // Nor can it be said that nothing was ever removed, nor that it was by no key.
        let beginning = if backend_of(&world) as usize == 0 { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
        for forged in [
            format!("seq = 0, hash = {beginning}, before_at = NULL, mac_key = NULL, mac = NULL"),
            "mac_key = NULL, mac = NULL".to_owned(),
            "before_at = before_at - 1".to_owned(),
        ] {
            let restore = "DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept; \
                           DELETE FROM audit_front; INSERT INTO audit_front SELECT * FROM kept_front";
            raw.try_run(restore).await.unwrap();
            assert!(store.verify_audit().await.unwrap().is_intact());
            raw.try_run(&format!("UPDATE audit_front SET {forged}")).await.unwrap();
            assert!(!store.verify_audit().await.unwrap().is_intact(), "{forged}");
        }
    }

    async fn what_was_meddled_with_is_not_removed(world) {
        let store = twelve_days(&world).await;
        let raw = raw(&world, backend_of(&world));
        raw.run_without_defences("UPDATE audit_log SET actor = 'eve' WHERE seq = 3").await;
        let refused = store.shorten_audit(days(7)).await.unwrap_err();
        assert!(matches!(refused, ShortenError::NotWhole { seq: 3 }), "{refused:?}");
        let report = store.verify_audit().await.unwrap();
        assert_eq!(report.faults, [AuditFault::Changed { seq: 3 }], "the evidence is there");
        std::fs::write(world.folder.path().join("audit.head"), "nonsense").unwrap();
        let refused = store.shorten_audit(days(7)).await.unwrap_err();
        assert!(matches!(refused, ShortenError::NoHead), "{refused:?}");
    }

    /// Another server notes the head in a folder of its own, and may have written nothing for months.
    async fn a_note_that_was_overtaken_goes_on(world) {
        let store = noted(&world).await;
        for number in 0..5 {
            store.record(entry(number)).await.unwrap();
        }
        let head = world.folder.path().join("audit.head");
        let of_other = std::fs::read(&head).unwrap();
        world.pass(10 * DAY);
        for number in 0..5 {
            store.record(entry(number)).await.unwrap();
        }
        assert_eq!(store.shorten_audit(days(3)).await.unwrap().n_removed, 5);
        std::fs::write(&head, of_other).unwrap();
        let report = store.verify_audit().await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        store.record(entry(9)).await.unwrap();
        let report = store.verify_audit().await.unwrap();
        assert!(report.is_intact() && report.noted_seq == Some(report.last_seq), "{report:?}");
    }

    async fn the_note_outlives_its_key(world) {
        let store = twelve_days(&world).await;
        shorten(&store, 7).await;
        store.rotate_key().await.unwrap();
        while store.reseal_step().await.unwrap().n_left > 0 {}
        store.drop_old_keys().await.unwrap();
        let report = store.verify_audit().await.unwrap();
        assert!(report.is_intact() && report.removed.is_some(), "{report:?}");
    }
}
