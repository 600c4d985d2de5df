//! What left, as the page and the files tell it.

use crate::world::{Secret, Who, World, run};
use egress::{Closing, Ledger as _, Opening, Outcome, Purpose, Refusal};
use store::EgressLedger;

fn opening(host: &str, initiator: &str) -> Opening {
    Opening {
        purpose: Purpose::GitFetch,
        host: host.into(),
        port: 443,
        address: "192.0.2.7".parse().expect("an address"),
        initiator: initiator.into(),
        code: "crates/git/src/command.rs:186".into(),
    }
}

async fn world_with_entries() -> World {
    let world = World::new(Secret::Exists).await;
    let ledger = EgressLedger::new(world.store.clone(), None);
    for n in 0..105_u8 {
        let entry = ledger.open(opening("git.example.org", "git fetch https://git.example.org/a.git")).await;
        let outcome = if n == 3 { Outcome::Failed } else { Outcome::Closed };
        let closing = Closing { outcome, n_sent: 1000, n_received: 2_000_000, digest: [n; 32] };
        ledger.close(entry.expect("an entry"), closing).await.expect("an end");
    }
    let nasty = "=cmd|' /C calc'!A1\n<script>alert(1)</script>\u{202e}\u{1b}[2J";
    ledger.open(opening("other.example.org", nasty)).await.expect("an entry");
    let refusal = Refusal {
        purpose: Purpose::CodeHost,
        host: "api.example.org".into(),
        port: 443,
        initiator: "github interface".into(),
        code: "crates/hosts/src/open.rs:140".into(),
        reason: "'api.example.org' is not connected to".into(),
    };
    ledger.refuse(refusal).await.expect("a refusal");
    world
}

#[test]
fn the_page_tells_what_left_to_whom_and_why() {
    run(async {
        let world = world_with_entries().await;
        let page = world.get(Who::Ada, "/admin/egress").await;
        assert_eq!(page.status, 200);
        let text = page.text();
        assert_eq!(text.matches("<tr id=\"e").count(), 100);
        for expected in [
            "<dd>106</dd>",
            "git.example.org",
            "crates/git/src/command.rs:186",
            "api.example.org&#39; is not connected to",
            "/egress\n",
            "verify egress --against",
            "Bytes sent on each of",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("<script>alert") && !text.contains('\u{202e}') && !text.contains('\u{1b}'));
        let older = text.split("class=\"button\" href=\"").nth(1).expect("a link").split('"').next();
        let older = older.expect("its end").replace("&#38;", "&");
        let rest = world.get(Who::Ada, &older).await.text();
        assert_eq!(rest.matches("<tr id=\"e").count(), 7);
        assert!(rest.contains("failed"));
        let only = world.get(Who::Ada, "/admin/egress?host=api.example.org&purpose=code+host").await.text();
        assert_eq!(only.matches("<tr id=\"e").count(), 1);
        let none = world.get(Who::Ada, "/admin/egress?host=nowhere").await.text();
        assert!(none.contains("No entry"));
    });
}

#[test]
fn a_server_that_sent_nothing_says_so() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let text = world.get(Who::Ada, "/admin/egress?days=7").await.text();
        assert!(text.contains("Nothing left") && text.contains("There is no checkpoint yet"), "{text}");
    });
}

#[test]
fn the_files_hold_everything_that_fits() {
    run(async {
        let world = world_with_entries().await;
        let csv = world.get(Who::Ada, "/admin/egress/file?format=csv").await.text();
        assert_eq!(csv.matches("crates/git/src/command.rs:186").count(), 106);
        let line = csv.lines().find(|line| line.contains("calc")).expect("the entry");
        assert!(line.contains("'=cmd|") && line.contains("\\u{1b}"), "{line}");
        let lines = world.get(Who::Ada, "/admin/egress/file?format=jsonl&host=api.example.org").await.text();
        let entry: serde_json::Value = serde_json::from_str(lines.trim()).expect("one line");
        assert_eq!((&entry["outcome"], &entry["purpose"]), (&"refused".into(), &"code host".into()));
        assert_eq!(world.get(Who::Ada, "/admin/egress/file?format=xml").await.status, 400);
    });
}
