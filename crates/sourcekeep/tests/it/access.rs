//! Rights from scripts: grants, groups, path rules, and why somebody reads something.

use crate::keep::{Keep, finish};
use serde_json::Value;
use testkit::git::GitWorld;

/// Ada, who added everything, and Eve.
fn keep() -> (Keep, GitWorld) {
    let world = GitWorld::new();
    world.repo("tool").commit_files("main", &[("src/a.txt", b"alpha\n"), ("keys/b.pem", b"alpha\n")]);
    world.repo("other").commit_files("main", &[("o.txt", b"alpha\n")]);
    let keep = Keep::new();
    keep.must(&["repo", "add", world.path().to_str().unwrap()]);
    for (name, role) in [("ada", "--admin"), ("eve", "")] {
        let create =
            format!("printf 'violet tram humming\\n' | \"$@\" user create {name} {role} --password-stdin");
        assert_eq!(finish(&mut keep.shell(&create)).code, 0);
    }
    keep.must(&["index", "run"]);
    (keep, world)
}

fn found(keep: &Keep) -> Vec<String> {
    let ran = keep.run(&["search", "--user", "eve", "alpha"]);
    let mut lines: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn rights_come_and_go() {
    let (keep, _world) = keep();
    assert!(found(&keep).is_empty());
    keep.must(&["access", "grant", "--user", "eve", "tool"]);
    assert_eq!(found(&keep), ["tool/keys/b.pem:1:alpha", "tool/src/a.txt:1:alpha"]);
    keep.must(&["access", "rules", "tool", "--user", "eve", "--", "**", "-*.pem"]);
    assert_eq!(found(&keep), ["tool/src/a.txt:1:alpha"]);
    assert!(keep.must(&["access", "rules", "tool"]).contains("eve  **  -*.pem"));
    let who: Value = serde_json::from_str(&keep.must(&["access", "who", "tool", "--json"])).unwrap();
    assert_eq!(who["readers"][1]["account"], "eve");
    assert_eq!(who["readers"][1]["some_paths_only"], true);
    assert!(keep.must(&["access", "who", "tool"]).contains("eve      some paths  granted in person"));
    keep.must(&["access", "rules", "tool", "--user", "eve", "--clear"]);
    assert_eq!(found(&keep).len(), 2);
    let revoked: Value =
        serde_json::from_str(&keep.must(&["access", "revoke", "--user", "eve", "tool", "--json"])).unwrap();
    assert_eq!((&revoked["changed"], &revoked["settled"]), (&Value::from(1), &Value::Bool(true)));
    assert!(found(&keep).is_empty());
    assert_eq!(keep.run(&["access", "what", "eve"]).code, 1, "nothing");
}

#[test]
fn groups_and_open_repositories() {
    let (keep, _world) = keep();
    keep.must(&["group", "create", "kernel", "--description", "who works on it"]);
    keep.must(&["group", "add", "kernel", "eve"]);
    keep.must(&["access", "grant", "--group", "kernel", "other"]);
    assert_eq!(found(&keep), ["other/o.txt:1:alpha"]);
    assert!(keep.must(&["access", "what", "eve"]).contains("other       yes    member of kernel"));
    assert!(keep.must(&["group", "list"]).contains("kernel  1        1"));
    keep.must(&["access", "open", "tool"]);
    assert_eq!(found(&keep).len(), 3);
    keep.must(&["access", "close", "tool"]);
    keep.must(&["group", "drop", "kernel", "eve"]);
    assert!(found(&keep).is_empty());
    assert_eq!(keep.run(&["group", "remove", "nobody"]).code, 1);
}

#[test]
fn people_without_an_account_wait_for_one() {
    let (keep, _world) = keep();
    let set: Value =
        serde_json::from_str(&keep.must(&["access", "set", "tool", "eve", "new@example.org", "--json"]))
            .unwrap();
    assert_eq!((&set["granted"], &set["waiting"][0]), (&Value::from(1), &Value::from("new@example.org")));
    let who = keep.must(&["access", "who", "tool"]);
    assert!(who.contains("new@example.org") && !who.contains("ada"), "{who}");
    for (arguments, said) in [
        (&["access", "set", "tool", "a b@c"][..], "an address is"),
        (&["access", "set", "tool", "A B"], "A B:"),
        (&["access", "grant", "tool"], "--user"),
        (&["access", "rules", "tool", "x"], "say for whom"),
        (&["access", "who", "nosuch"], "nosuch"),
    ] {
        let ran = keep.run(arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    let bad = keep.run(&["access", "rules", "tool", "--everyone", "--", "[a"]);
    assert!(bad.code != 0 && bad.stderr.contains("rule 1 is no glob"), "{bad:?}");
}
