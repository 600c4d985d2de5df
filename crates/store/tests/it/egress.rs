//! The ledger of what leaves: appended, read, and proven; whatever is changed in it is found.

use crate::audit::{Random, raw};
use crate::world::{Backend, World, block_on, on_both};
use access::{Clock as _, SystemRandomness};
use egress::{Closing, EntryId, Ledger, Opening, Outcome, Purpose, Refusal, Saying};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::{EgressFault, EgressFilter, EgressLedger, Store, Timestamp, Witness};
use tlog::Signed;

fn opening(n: u16) -> Opening {
    Opening {
        purpose: if n.is_multiple_of(2) { Purpose::CodeHost } else { Purpose::GitFetch },
        host: format!("git{}.example.org", n % 3),
        port: 443,
        address: "192.0.2.7".parse().unwrap(),
        initiator: format!("repository {n}"),
        code: "crates/hosts/src/api.rs:88".into(),
    }
}

fn closing(n: u64) -> Closing {
    Closing { outcome: Outcome::Closed, n_sent: 100 + n, n_received: 2000 + n, digest: [n as u8; 32] }
}

fn refusal() -> Refusal {
    Refusal {
        purpose: Purpose::IdentityProvider,
        host: "login.example.org".into(),
        port: 443,
        initiator: "sign-in".into(),
        code: "crates/oidc/src/provider.rs:115".into(),
        reason: "'login.example.org' is not connected to".into(),
    }
}

fn saying() -> Saying {
    Saying {
        purpose: Purpose::Ping,
        host: "hub.example.org".into(),
        port: 443,
        initiator: "weekly ping".into(),
        code: "crates/hub/src/sender.rs:60".into(),
        body: b"{\"fields\":{},\n\"schema\":1}\n".to_vec(),
    }
}

/// Some connections, one after another and into one another, one that is open, and a refusal.
async fn fill(ledger: &EgressLedger, n_connections: u16) {
    let mut before: Option<EntryId> = None;
    for n in 0..n_connections {
        let entry = ledger.open(opening(n)).await.unwrap();
        if let Some(before) = before.replace(entry) {
            ledger.close(before, closing(u64::from(n))).await.unwrap();
        }
    }
    ledger.refuse(refusal()).await.unwrap();
}

async fn is_intact(store: &Store, witnesses: &[Witness]) -> bool {
    store.verify_egress(witnesses, |_| {}).await.is_ok_and(|report| report.is_intact())
}

fn backend_of(world: &World) -> Backend {
    if world.address.starts_with("sqlite") { Backend::Sqlite } else { Backend::Postgres }
}

fn witness(note: &Signed) -> Witness {
    Witness { whose: "the file".into(), note: note.clone() }
}

on_both! {
    async fn what_left_is_read_again_and_proven(world) {
        let ledger = EgressLedger::new(world.store.clone(), None);
        assert!(is_intact(&world.store, &[]).await, "an empty ledger is one");
        fill(&ledger, 5).await;
        let first = world.store.egress_checkpoint().await.unwrap().unwrap();
        world.clock.advance(Duration::from_secs(3600));
        let later = world.clock.now();
        ledger.open(opening(9)).await.unwrap();

        let entries = world.store.egress_entries(&EgressFilter::default(), 100).await.unwrap();
        assert_eq!(entries.len(), 7);
        assert_eq!((entries[0].initiator.as_str(), &entries[0].end), ("repository 9", &None));
        assert_eq!(entries[1].reason.as_deref(), Some("'login.example.org' is not connected to"));
        let oldest = &entries[6];
        let end = oldest.end.as_ref().unwrap();
        assert_eq!((end.n_sent, end.n_received, end.outcome.as_str()), (101, 2001, "closed"));
        assert_eq!((oldest.port, oldest.address.unwrap().to_string().as_str()), (443, "192.0.2.7"));
        let only = EgressFilter { purpose: Some("git fetch".into()), ..EgressFilter::default() };
        assert_eq!(world.store.egress_entries(&only, 100).await.unwrap().len(), 3);
        let next = EgressFilter { before: Some(entries[1].seq), ..EgressFilter::default() };
        assert_eq!(world.store.egress_entries(&next, 2).await.unwrap(), entries[2..4]);

        let sums = world.store.egress_sums(Timestamp(0)).await.unwrap();
        assert_eq!(sums.iter().map(|sum| sum.n_opened).sum::<u64>(), 6);
        assert_eq!(sums.iter().map(|sum| sum.n_refused).sum::<u64>(), 1);
        assert_eq!(sums.iter().map(|sum| sum.n_sent).sum::<u64>(), 101 + 102 + 103 + 104);
        assert_eq!(world.store.egress_sums(later).await.unwrap().len(), 1);

        let days = world.store.egress_days(Timestamp(0)).await.unwrap();
        assert_eq!(days.iter().map(|day| (day.n_opened, day.n_sent)).collect::<Vec<_>>(), [(6, 410)]);
        assert_eq!(days[0].day, later.0 / 86_400_000);

        let report = world.store.verify_egress(&[witness(&first)], |_| {}).await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.n_entries, report.n_opened, report.n_open, report.n_refused), (11, 6, 2, 1));
        assert_eq!(report.n_witnesses, 1);
        assert_ne!(report.checkpoint, Some(first.0));
        // What was said stands there word by word, and opens nothing.
        ledger.say(saying()).await.unwrap();
        let said = world.store.egress_entries(&EgressFilter::default(), 1).await.unwrap().remove(0);
        assert_eq!((said.body, said.purpose.as_str(), said.address), (Some(saying().body), "ping", None));
        let report = world.store.verify_egress(&[], |_| {}).await.unwrap();
        assert!(report.is_intact() && report.n_said == 1 && report.n_opened == 6, "{report:?}");
        // A process that ended without saying so is told by the next one.
        assert_eq!(ledger.close_interrupted().await.unwrap(), 2);
        let report = world.store.verify_egress(&[], |_| {}).await.unwrap();
        assert!(report.is_intact() && report.n_open == 0, "{report:?}");
        let entries = world.store.egress_entries(&EgressFilter::default(), 2).await.unwrap();
        assert_eq!(entries[1].end.as_ref().unwrap().outcome, "interrupted");
    }

    /// Each gets a number of its own, in one unbroken row.
    async fn many_append_at_once(world) {
        let ledger = EgressLedger::new(world.store.clone(), None);
        let tasks: Vec<_> = (0..40).map(|n| tokio::spawn(ledger.open(opening(n)))).collect();
        let mut seqs = BTreeSet::new();
        for task in tasks {
            seqs.insert(task.await.unwrap().unwrap());
        }
        assert_eq!(seqs, (0..40).map(EntryId).collect());
        assert!(is_intact(&world.store, &[]).await);
    }

    /// S-ledger-rewritten
    async fn what_was_kept_outside_shows_a_cut_and_a_ledger_written_anew(world) {
        let ledger = EgressLedger::new(world.store.clone(), None);
        fill(&ledger, 3).await;
        let raw = raw(&world, backend_of(&world));
        raw.try_run("CREATE TABLE head_then AS SELECT * FROM egress_head").await.unwrap();
        let size = world.store.verify_egress(&[], |_| {}).await.unwrap().n_entries;
        fill(&ledger, 3).await;
        let kept = world.store.egress_checkpoint().await.unwrap().unwrap();
        // Back to what it was: the head, its signature and the rows agree with one another.
        raw.try_run(&format!("DELETE FROM egress_ledger WHERE seq >= {size}")).await.unwrap();
        raw.try_run("DELETE FROM egress_head").await.unwrap();
        raw.try_run("INSERT INTO egress_head SELECT * FROM head_then").await.unwrap();
        assert!(is_intact(&world.store, &[]).await, "this cannot be seen from within");
        let report = world.store.verify_egress(&[witness(&kept)], |_| {}).await.unwrap();
        assert!(matches!(&report.faults[..], [EgressFault::Against { size: 12, .. }]), "{report:?}");
        // It grows again, to the same size: another history.
        fill(&ledger, 3).await;
        world.clock.advance(Duration::from_secs(1));
        let report = world.store.verify_egress(&[witness(&kept)], |_| {}).await.unwrap();
        assert!(report.is_intact(), "the same things at the same times are the same");
        raw.try_run(&format!("DELETE FROM egress_ledger WHERE seq >= {size}")).await.unwrap();
        raw.try_run("DELETE FROM egress_head").await.unwrap();
        raw.try_run("INSERT INTO egress_head SELECT * FROM head_then").await.unwrap();
        fill(&ledger, 4).await;
        let report = world.store.verify_egress(&[witness(&kept)], |_| {}).await.unwrap();
        assert!(matches!(&report.faults[..], [EgressFault::Against { size: 12, .. }]), "{report:?}");
        // Another server's checkpoint is none.
        let other = tlog::SigningKey::new("sourcekeep-0/egress", &[1; 32]).unwrap().checkpoint(0, tlog::empty_root());
        let report = world.store.verify_egress(&[witness(&other)], |_| {}).await.unwrap();
        assert!(matches!(&report.faults[..], [EgressFault::BadCheckpoint { .. }]), "{report:?}");
    }
}

#[test]
fn the_checkpoint_is_noted_outside() {
    block_on(async {
        let world = World::new(Backend::Sqlite, Arc::new(SystemRandomness)).await;
        let file = world.folder.path().join("egress.checkpoint");
        let ledger = EgressLedger::new(world.store.clone(), Some(file.clone()));
        fill(&ledger, 3).await;
        let noted = Signed(std::fs::read_to_string(&file).unwrap());
        assert!(is_intact(&world.store, &[witness(&noted)]).await);
        ledger.write_note().await.unwrap();
        let newest = Signed(std::fs::read_to_string(&file).unwrap());
        assert_eq!(Some(newest), world.store.egress_checkpoint().await.unwrap());
    });
}

async fn run(raw: &mut SqliteConnection, sql: &str) -> Result<(), sqlx::Error> {
    raw.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.map(drop)
}

async fn is_as_it_was(raw: &mut SqliteConnection) -> bool {
    const DIFFERENCES: &str = "SELECT (SELECT COUNT(*) FROM (SELECT * FROM egress_ledger EXCEPT SELECT * FROM ledger_then)) \
         + (SELECT COUNT(*) FROM (SELECT * FROM ledger_then EXCEPT SELECT * FROM egress_ledger)) \
         + (SELECT COUNT(*) FROM (SELECT * FROM egress_head EXCEPT SELECT * FROM head_then))";
    let n_differences: i64 = sqlx::query_scalar(DIFFERENCES).fetch_one(raw).await.unwrap();
    n_differences == 0
}

/// S-ledger-mutations
#[test]
fn ten_thousand_changes_are_all_found() {
    const N_CHANGES: usize = 10_000;
    const TEXTS: [&str; 7] = ["purpose", "host", "address", "initiator", "code", "reason", "outcome"];
    const NUMBERS: [&str; 6] = ["at", "kind", "port", "about", "sent", "received"];
    block_on(async {
        let world = World::new(Backend::Sqlite, Arc::new(SystemRandomness)).await;
        let ledger = EgressLedger::new(world.store.clone(), None);
        fill(&ledger, 4).await;
        ledger.say(saying()).await.unwrap();
        let mut raw = SqliteConnection::connect(&world.address).await.unwrap();
        run(
            &mut raw,
            "PRAGMA synchronous = OFF; CREATE TABLE ledger_then AS SELECT * FROM egress_ledger; \
             CREATE TABLE head_then AS SELECT * FROM egress_head",
        )
        .await
        .unwrap();
        let n_rows = world.store.verify_egress(&[], |_| {}).await.unwrap().n_entries as usize;
        let mut random = Random(7);
        let mut below = |n: usize| random.below(n as u64) as usize;
        let (mut n_done, mut n_void) = (0, 0);
        while n_done < N_CHANGES {
            let (row, other) = (below(n_rows), below(n_rows));
            let (text, number) = (TEXTS[below(TEXTS.len())], NUMBERS[below(NUMBERS.len())]);
            let n = below(1 << 20);
            let change = match below(14) {
                0 => format!("UPDATE egress_ledger SET {text} = {text} || 'x' WHERE seq = {row}"),
                1 => format!("UPDATE egress_ledger SET {text} = substr({text}, 2) WHERE seq = {row}"),
                2 => format!("UPDATE egress_ledger SET {text} = NULL WHERE seq = {row}"),
                3 => format!("UPDATE egress_ledger SET {text} = 'y{n}' WHERE seq = {row}"),
                4 => format!("UPDATE egress_ledger SET {number} = {number} + 1 + {n} WHERE seq = {row}"),
                5 => format!("UPDATE egress_ledger SET {number} = -{number} - 1 WHERE seq = {row}"),
                6 => format!("UPDATE egress_ledger SET {number} = {n} WHERE seq = {row}"),
                7 => {
                    let bytes = if n.is_multiple_of(2) { "digest" } else { "body" };
                    format!("UPDATE egress_ledger SET {bytes} = randomblob({}) WHERE seq = {row}", n % 64)
                }
                8 => format!("UPDATE egress_ledger SET leaf = randomblob(8) WHERE seq = {row}"),
                9 => format!("DELETE FROM egress_ledger WHERE seq = {row}"),
                10 => format!("DELETE FROM egress_ledger WHERE seq >= {row}"),
                11 => format!(
                    "UPDATE egress_ledger SET seq = 1000 WHERE seq = {row}; UPDATE egress_ledger SET seq = {row} WHERE \
                     seq = {other}; UPDATE egress_ledger SET seq = {other} WHERE seq = 1000"
                ),
                12 => format!("UPDATE egress_head SET size = {n} % 20"),
                _ => format!(
                    "UPDATE egress_head SET frontier = randomblob(length(frontier) - 32 * ({n} % 2)), checkpoint = \
                     substr(checkpoint, 1 + {n} % 3)"
                ),
            };
            // A rule of the table refuses some; some change nothing.
            if run(&mut raw, &change).await.is_err() || is_as_it_was(&mut raw).await {
                n_void += 1;
                assert!(n_void < 10 * N_CHANGES, "most changes change nothing: {change}");
            } else {
                n_done += 1;
                assert!(!is_intact(&world.store, &[]).await, "not found: {change}");
            }
            run(
                &mut raw,
                "DELETE FROM egress_ledger; INSERT INTO egress_ledger SELECT * FROM ledger_then; \
                 DELETE FROM egress_head; INSERT INTO egress_head SELECT * FROM head_then",
            )
            .await
            .unwrap();
        }
        assert!(is_intact(&world.store, &[]).await);
    });
}
