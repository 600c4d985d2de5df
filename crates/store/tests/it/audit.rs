//! The audit log: one transaction with the act, append-only, and no change to it goes unseen.

use crate::world::{Backend, World, block_on, on_both, repo_name};
use access::audit::{Act, Entry, Object, Origin, Outcome};
use access::{ClientAddress, Password, Role};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use store::{AuditFault, AuditFilter, Options, Store};
use vault::{KeySource, Vault};

/// The same world with a vault and a note of the head beside the database.
pub(crate) async fn noted(world: &World) -> Store {
    let source = KeySource::OwnFile(world.folder.path().join("master.key"));
    let vault = Vault::open_source(source, Arc::new(access::SystemRandomness)).unwrap();
    let audit_head = Some(world.folder.path().join("audit.head"));
    Store::open_with(&world.url, Options { vault, audit_head, ..world.options.clone() }).await.unwrap()
}

pub(crate) fn entry(number: usize) -> Entry {
    let object = Object::new("repository", number, &format!("tool-{number}"));
    Entry::new(Act::ReadFile, object).detail("path", format!("src/{number}.rs"))
}

async fn acts(store: &Store) -> Vec<String> {
    let entries = store.audit_entries(&AuditFilter::default(), None, 1000).await.unwrap();
    entries
        .into_iter()
        .rev()
        .map(|entry| format!("{} {} {}", entry.actor, entry.act, entry.outcome))
        .collect()
}

/// A connection beside the store's own, as somebody who holds the database has it.
pub(crate) struct Raw(Backend, String);

impl Raw {
    pub(crate) async fn try_run(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.0 {
            Backend::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.1).await?;
                connection.execute(sqlx::raw_sql(sql)).await.map(|done| done.rows_affected())
            }
            Backend::Postgres => {
                let mut connection = PgConnection::connect(&self.1).await?;
                connection.execute(sqlx::raw_sql(sql)).await.map(|done| done.rows_affected())
            }
        }
    }

    /// What only the owner of the database can do: taking the defences away first.
    pub(crate) async fn run_without_defences(&self, sql: &str) -> u64 {
        const TRIGGERS: [&str; 7] = [
            "audit_front_moves_on",
            "audit_front_stays",
            "audit_log_is_not_changed",
            "audit_log_is_not_shortened",
            "audit_log_is_not_replaced",
            "audit_head_moves_on",
            "audit_head_stays",
        ];
        match self.0 {
            Backend::Sqlite => {
                for trigger in TRIGGERS {
                    self.try_run(&format!("DROP TRIGGER IF EXISTS {trigger}")).await.unwrap();
                }
            }
            Backend::Postgres => {
                self.try_run(
                    "ALTER TABLE audit_log DISABLE TRIGGER ALL; ALTER TABLE audit_head DISABLE TRIGGER ALL; \
                     ALTER TABLE audit_front DISABLE TRIGGER ALL",
                )
                .await
                .unwrap();
            }
        }
        self.try_run(sql).await.unwrap()
    }
}

pub(crate) fn raw(world: &World, backend: Backend) -> Raw {
    Raw(backend, world.address.clone())
}

pub(crate) fn backend_of(world: &World) -> Backend {
    if world.address.starts_with("sqlite") { Backend::Sqlite } else { Backend::Postgres }
}

on_both! {
    async fn acts_stand_in_the_log_as_whose_they_are(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let by_ada = world.store.by(Origin::proved(ada.id, &ada.name, "session")
            .from_request(Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), Some("r1")));
        let bob = world.user("bob", Role::Member).await;
        let repo = world.add("tool").await;
        by_ada.grant(repo, bob.id).await.unwrap();
        by_ada.grant(repo, bob.id).await.unwrap();
        by_ada.set_role(bob.id, Role::Administrator).await.unwrap();
        by_ada.revoke(repo, bob.id).await.unwrap();
        by_ada.revoke(repo, bob.id).await.unwrap();
        assert_eq!(acts(&world.store).await, [
            "sourcekeep user.create done",
            "sourcekeep user.create done",
            "sourcekeep repository.add done",
            // What changed nothing is no act.
            "ada grant.add done",
            "ada user.role done",
            "ada grant.remove done",
        ]);
        let last = &world.store.audit_entries(&AuditFilter::default(), None, 1).await.unwrap()[0];
        assert_eq!((last.object.as_str(), last.address.as_deref()), ("tool", Some("127.0.0.1")));
        assert_eq!(last.request_id.as_deref(), Some("r1"));
        assert_eq!(last.details().collect::<Vec<_>>(), [("account", "bob")]);
        assert!(world.store.verify_audit().await.unwrap().is_intact());
    }

    async fn failed_sign_ins_are_the_same_for_all_names(world) {
        world.user("ada", Role::Member).await;
        let from = ClientAddress::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for name in ["ada", "eve", "eve\n2026-01-01 ada signed in"] {
            world.store.authenticate(name, &Password::new("wrong"), from).await.unwrap_err();
        }
        let filter = AuditFilter { act: "session".into(), ..AuditFilter::default() };
        let entries = world.store.audit_entries(&filter, None, 10).await.unwrap();
        let shown: Vec<_> = entries.iter().map(|entry| (entry.object.as_str(), entry.outcome.as_str())).collect();
        assert_eq!(shown, [("eve\\u{a}2026-01-01 ada signed in", "refused"), ("eve", "refused"), ("ada", "refused")]);
    }

    async fn filters_find_what_they_name(world) {
        for number in 0..30 {
            world.store.record(entry(number)).await.unwrap();
        }
        let ada = world.user("ada", Role::Member).await;
        let by_ada = world.store.by(Origin::proved(ada.id, &ada.name, "session"));
        world.pass(60);
        by_ada.record(entry(7).outcome(Outcome::Refused)).await.unwrap();
        let find = async |filter: AuditFilter| {
            let entries = world.store.audit_entries(&filter, None, 100).await.unwrap();
            entries.into_iter().map(|entry| entry.object).collect::<Vec<_>>()
        };
        let all = AuditFilter::default;
        assert_eq!(find(AuditFilter { actor: "ada".into(), ..all() }).await, ["tool-7"]);
        assert_eq!(find(AuditFilter { outcome: "refused".into(), ..all() }).await, ["tool-7"]);
        assert_eq!(find(AuditFilter { object: "ool-2".into(), ..all() }).await.len(), 11);
        assert_eq!(find(AuditFilter { object: "t%-_".into(), ..all() }).await.len(), 0);
        assert_eq!(find(AuditFilter { act: "code".into(), ..all() }).await.len(), 31);
        assert_eq!(find(AuditFilter { act: "cod".into(), ..all() }).await.len(), 0);
        let minute_ago = world.now().minus(std::time::Duration::from_secs(1));
        assert_eq!(find(AuditFilter { from: Some(minute_ago), ..all() }).await, ["tool-7"]);
        assert_eq!(find(AuditFilter { to: Some(minute_ago), act: "code".into(), ..all() }).await.len(), 30);
        // Pages: the newest first, going on before the last one seen.
        let page = world.store.audit_entries(&all(), None, 5).await.unwrap();
        let next = world.store.audit_entries(&all(), Some(page[4].seq), 5).await.unwrap();
        assert_eq!(page[4].seq - 1, next[0].seq);
    }

    async fn entries_are_neither_changed_nor_deleted(world) {
        world.store.record(entry(1)).await.unwrap();
        world.store.record(entry(2)).await.unwrap();
        let raw = raw(&world, backend_of(&world));
        let columns = "seq, at, actor_kind, actor, via, act, object_kind, object, outcome, details, hash";
        let truncate = if backend_of(&world) as usize == 0 { "DELETE FROM audit_log" } else { "TRUNCATE audit_log" };
        for sql in [
            "UPDATE audit_log SET actor = 'eve'",
            "UPDATE audit_log SET seq = 9 WHERE seq = 2",
            "DELETE FROM audit_log WHERE seq = 2",
            "DELETE FROM audit_head",
            "UPDATE audit_head SET seq = 1",
            truncate,
            &format!("INSERT INTO audit_log ({columns}) SELECT {columns} FROM audit_log WHERE seq = 2"),
        ] {
            assert!(raw.try_run(sql).await.is_err(), "{sql}");
        }
        if let Backend::Sqlite = backend_of(&world) {
            let sql = format!("INSERT OR REPLACE INTO audit_log ({columns}) SELECT {columns} FROM audit_log WHERE seq = 2");
            assert!(raw.try_run(&sql).await.is_err());
        }
        let report = world.store.verify_audit().await.unwrap();
        assert!(report.is_intact() && report.n_entries == 2, "{report:?}");
    }

    async fn what_cannot_be_recorded_does_not_happen(world) {
        let ada = world.user("ada", Role::Member).await;
        let repo = world.add("tool").await;
        let epoch = world.store.epoch().await.unwrap();
        // As with a full disk, for this table alone.
        raw(&world, backend_of(&world)).run_without_defences("ALTER TABLE audit_log RENAME TO elsewhere").await;
        world.store.grant(repo, ada.id).await.unwrap_err();
        world.store.set_role(ada.id, Role::Administrator).await.unwrap_err();
        world.store.set_unrestricted(repo, true).await.unwrap_err();
        world.store.remove_repository(repo).await.unwrap_err();
        world.store.start_session(ada.id, store::SessionLimits::default()).await.unwrap_err();
        world.store.record_read(entry(1)).await.unwrap_err();
        world.store.begin_read(entry(1)).await.unwrap().settled().await.unwrap_err();
        let by_ada = world.store.by(Origin::proved(ada.id, &ada.name, "session"));
        by_ada.record_read_of(entry(1), vec![repo_name("tool")]).await.unwrap_err();
        raw(&world, backend_of(&world)).try_run("ALTER TABLE elsewhere RENAME TO audit_log").await.unwrap();
        assert_eq!(world.store.user(ada.id).await.unwrap().unwrap().role, Role::Member);
        assert!(world.access(&ada).await.repos().next().is_none());
        assert!(world.full_access().await.allows(repo));
        assert_eq!(world.store.epoch().await.unwrap(), epoch);
        // Nor does the note that somebody opened it; and it is written when that can be recorded again.
        world.store.grant(repo, ada.id).await.unwrap();
        let opened = async || world.store.readers_of(repo).await.unwrap()[0].last_opened_at;
        assert_eq!(opened().await, None);
        by_ada.record_read_of(entry(1), vec![repo_name("tool")]).await.unwrap();
        assert_eq!(opened().await, Some(world.now()));
        assert_eq!(world.store.sessions_of(ada.id).await.unwrap().len(), 1, "the one of the look above");
        assert!(world.store.verify_audit().await.unwrap().is_intact());
    }

    async fn reads_are_written_in_batches_and_in_one_chain(world) {
        let store = noted(&world).await;
        let readers: Vec<_> = (0..200).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.record_read(entry(number)).await })
        }).collect();
        for (number, reader) in readers.into_iter().enumerate() {
            reader.await.unwrap().unwrap();
            if number % 50 == 0 {
                store.record(entry(1000 + number)).await.unwrap();
            }
        }
        let report = store.verify_audit().await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.n_entries, report.noted_seq), (204, Some(204)));
    }

    async fn a_read_is_written_whether_anybody_waits_for_it_or_not(world) {
        let store = noted(&world).await;
        // Of several under way one waits: the others' are written with it, and settle without another word.
        let mut under_way = Vec::new();
        for number in 0..20 {
            under_way.push(store.begin_read(entry(number)).await.unwrap());
        }
        for read in under_way.into_iter().rev() {
            read.settled().await.unwrap();
        }
        // Whoever hung up asked all the same.
        drop((store.begin_read(entry(20)).await.unwrap(), store.begin_read(entry(21)).await.unwrap()));
        let n_entries = || async { store.verify_audit().await.unwrap().n_entries };
        while n_entries().await < 22 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let report = store.verify_audit().await.unwrap();
        assert!(report.is_intact(), "{report:?}");
        let seen = store.audit_entries(&AuditFilter::default(), None, 30).await.unwrap();
        let seqs: Vec<i64> = seen.iter().map(|record| record.seq).collect();
        assert_eq!(seqs, (1..=22).rev().collect::<Vec<_>>());
    }

    /// Threats A: an end that was cut off, with everything in the database made to fit.
    async fn an_end_that_was_cut_off_is_seen(world) {
        let store = noted(&world).await;
        for number in 0..10 {
            store.record(entry(number)).await.unwrap();
        }
        let raw = raw(&world, backend_of(&world));
        raw.run_without_defences(
            "DELETE FROM audit_log WHERE seq > 7; \
             UPDATE audit_head SET seq = 7, hash = (SELECT hash FROM audit_log WHERE seq = 7)",
        ).await;
        let report = store.verify_audit().await.unwrap();
        assert_eq!(report.faults, [AuditFault::CutOff { noted: 10, found: 7 }]);
        // Going on writing does not hide it: the eighth is another one.
        for number in 0..5 {
            store.record(entry(number)).await.unwrap();
        }
        let report = store.verify_audit().await.unwrap();
        assert!(!report.is_intact(), "{report:?}");
        // Without the note, the whole log written anew would fit.
        std::fs::remove_file(world.folder.path().join("audit.head")).unwrap();
        let report = store.verify_audit().await.unwrap();
        assert!(matches!(report.faults[..], [AuditFault::NoNote { .. }]), "{report:?}");
    }
}

/// One thousand random changes to the log, each seen. Each is made in a copy of the same log, by somebody who has taken the
/// database's own defences away.
#[test]
fn a_thousand_random_changes_are_all_seen() {
    block_on(async {
        let world = World::new(Backend::Sqlite, Arc::new(access::SystemRandomness)).await;
        let store = noted(&world).await;
        for number in 0..40 {
            let entry = entry(number);
            store.record(if number % 3 == 0 { entry.reason("because") } else { entry }).await.unwrap();
        }
        assert!(store.verify_audit().await.unwrap().is_intact());
        let raw = raw(&world, Backend::Sqlite);
        raw.run_without_defences("CREATE TABLE kept AS SELECT * FROM audit_log; CREATE TABLE kept_head AS SELECT * FROM audit_head")
            .await;
        let mut connection = SqliteConnection::connect(&world.address).await.unwrap();
        let mut random = Random(7);
        for n in 0..1000 {
            let change = change(&mut random);
            connection.execute(sqlx::raw_sql(AssertSqlSafe(change.clone()))).await.unwrap();
            let is_same: i64 = sqlx::query_scalar(
                "SELECT (SELECT COUNT(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM audit_log)) + \
                 (SELECT COUNT(*) FROM (SELECT * FROM audit_log EXCEPT SELECT * FROM kept)) + \
                 (SELECT COUNT(*) FROM (SELECT * FROM kept_head EXCEPT SELECT * FROM audit_head))",
            )
            .fetch_one(&mut connection)
            .await
            .unwrap();
            assert_ne!(is_same, 0, "change {n} changed nothing: {change}");
            let report = store.verify_audit().await;
            assert!(
                report.is_err() || !report.as_ref().unwrap().is_intact(),
                "change {n} went unseen: {change}"
            );
            connection
                .execute(
                    "DELETE FROM audit_log; INSERT INTO audit_log SELECT * FROM kept; \
                     DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head",
                )
                .await
                .unwrap();
        }
        assert!(store.verify_audit().await.unwrap().is_intact(), "the log itself is intact again");
    });
}

/// splitmix64 (Steele, Lea, Flood 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

fn change(random: &mut Random) -> String {
    const TEXTS: [&str; 10] = [
        "actor_kind",
        "actor",
        "via",
        "act",
        "object_kind",
        "object_id",
        "object",
        "outcome",
        "details",
        "reason",
    ];
    let seq = 1 + random.below(40);
    let column = TEXTS[random.below(TEXTS.len() as u64) as usize];
    let head = "UPDATE audit_head SET seq = (SELECT MAX(seq) FROM audit_log), \
         hash = (SELECT hash FROM audit_log ORDER BY seq DESC LIMIT 1)";
    match random.below(10) {
        0 => format!("UPDATE audit_log SET {column} = COALESCE({column}, '') || 'x' WHERE seq = {seq}"),
        1 => format!("UPDATE audit_log SET at = at + {} WHERE seq = {seq}", 1 + random.below(9)),
        2 => format!("UPDATE audit_log SET hash = randomblob(32) WHERE seq = {seq}"),
        3 => format!("UPDATE audit_log SET actor_id = COALESCE(actor_id, 0) + 1 WHERE seq = {seq}"),
        // Deleted, with and without closing the gap.
        4 => format!("DELETE FROM audit_log WHERE seq = {seq}; {head}"),
        5 => format!(
            "DELETE FROM audit_log WHERE seq = {seq}; UPDATE audit_log SET seq = seq + 1000 WHERE seq > {seq}; \
             UPDATE audit_log SET seq = seq - 1001 WHERE seq > 1000; {head}"
        ),
        // Cut off.
        6 => format!("DELETE FROM audit_log WHERE seq >= {}; {head}", 2 + random.below(39)),
        // Two change places.
        7 => {
            let other = 1 + (seq + random.below(38)) % 40;
            let other = if other == seq { seq % 40 + 1 } else { other };
            format!(
                "UPDATE audit_log SET seq = 1000 WHERE seq = {seq}; UPDATE audit_log SET seq = {seq} WHERE seq = {other}; \
                 UPDATE audit_log SET seq = {other} WHERE seq = 1000"
            )
        }
        // Put in: between two, or at the end.
        8 => format!(
            "UPDATE audit_log SET seq = seq + 1000 WHERE seq >= {seq}; \
             UPDATE audit_log SET seq = seq - 999 WHERE seq > 1000; \
             INSERT INTO audit_log SELECT {seq}, at, actor_kind, actor_id, 'eve', via, via_id, act, object_kind, object_id, \
             object, outcome, reason, address, request_id, details, hash FROM audit_log WHERE seq = {} LIMIT 1; {head}",
            if seq == 1 { 2 } else { seq - 1 }
        ),
        _ => format!(
            "INSERT INTO audit_log SELECT 41, at, actor_kind, actor_id, 'eve', via, via_id, act, object_kind, object_id, \
             object, outcome, reason, address, request_id, details, randomblob(32) FROM audit_log WHERE seq = {seq}; {head}"
        ),
    }
}
