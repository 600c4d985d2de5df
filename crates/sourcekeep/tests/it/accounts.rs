//! Accounts, tokens and repositories from scripts.

use crate::keep::{Keep, finish};
use serde_json::Value;
use testkit::git::GitWorld;

#[test]
fn a_machine_is_set_up_by_script() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let keep = Keep::new();
    keep.must(&["repo", "add", world.path().to_str().unwrap()]);
    let create = "printf 'violet tram humming\\n' | \"$@\" user create ada --admin --password-stdin";
    let ran = finish(&mut keep.shell(create));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, "Created ada (administrator)\n"));
    let again = finish(&mut keep.shell(create));
    assert_eq!(again.code, 3);
    assert!(again.stderr.contains("choose another name"), "{}", again.stderr);
    let weak = finish(&mut keep.shell("printf 'short' | \"$@\" user create bob --password-stdin"));
    assert_eq!(weak.code, 3);
    assert!(weak.stderr.contains("at least 15 characters"), "{}", weak.stderr);
    assert!(keep.must(&["user", "list"]).contains("ada   administrator  active"));

    keep.must(&["index", "run"]);
    // What the owner of the data directory added before there was an administrator is theirs now.
    assert_eq!(keep.must(&["search", "--user", "ada", "alpha"]), "a/one.txt:1:alpha\n");

    let token = keep.must(&["token", "create", "--user", "ada", "--expires", "2h", "--quiet"]);
    assert!(token.starts_with("sk_") && token.lines().count() == 1, "{token}");
    let listed: Value = serde_json::from_str(&keep.must(&["token", "list", "--json"])).unwrap();
    assert_eq!(listed["tokens"][0]["state"], "valid");
    assert_eq!(listed["tokens"][0]["verbs"], "read");
    let id = listed["tokens"][0]["id"].as_str().unwrap().to_string();
    keep.must(&["token", "revoke", &id]);
    assert!(keep.must(&["token", "list"]).contains("revoked"));
    assert_eq!(keep.run(&["token", "revoke", &id]).code, 2);
    for (arguments, said) in [
        (&["token", "create", "--user", "nobody"][..], "there is no account 'nobody'"),
        (&["token", "create", "--user", "ada", "--expires", "soon"], "'soon' is not a time"),
        (&["token", "create", "--user", "ada", "--verbs", "fly"], "'fly' is not a verb"),
        (&["token", "create", "--user", "ada", "--repos", "nosuch"], "there is no repository 'nosuch'"),
    ] {
        let ran = keep.run(arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn people_come_and_go() {
    let keep = Keep::new();
    let link = keep.must(&["user", "invite", "ada", "--admin", "--quiet"]);
    assert!(link.starts_with("http://127.0.0.1:") && link.contains("/link/ski_"), "{link}");
    assert!(keep.must(&["user", "list"]).contains("ada   administrator  active"));
    assert_eq!(keep.run(&["user", "invite", "ada"]).code, 3, "the name is taken");
    let again: Value = serde_json::from_str(&keep.must(&["user", "reset-link", "ada", "--json"])).unwrap();
    assert_eq!(again["name"], "ada");
    assert_ne!(again["link"].as_str().unwrap(), link.trim());
    let ran = keep.run(&["user", "disable", "ada"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("last administrator"), "{}", ran.stderr);
    keep.must(&["user", "invite", "bob"]);
    keep.must(&["user", "disable", "bob"]);
    assert!(keep.must(&["user", "list"]).contains("disabled"));
    keep.must(&["user", "enable", "bob"]);
    keep.must(&["user", "reset-factors", "bob"]);
    keep.must(&["user", "sign-out", "bob"]);
    for command in ["reset-link", "reset-factors", "disable", "enable", "sign-out"] {
        assert_eq!(keep.run(&["user", command, "nobody"]).code, 2, "{command}");
    }
}

#[test]
fn accounts_are_linked_with_identity_providers() {
    let keep = Keep::new();
    for name in ["ada", "bob"] {
        let create =
            format!("printf 'violet tram humming' | \"$@\" user create {name} --admin --password-stdin");
        assert_eq!(finish(&mut keep.shell(&create)).code, 0);
    }
    let provider = "[sign_in.providers.work]\nissuer = \"https://login.example.org\"\nclient_id = \"keep\"\n";
    std::fs::write(keep.data().join("config.toml"), provider).unwrap();
    let link =
        |name: &str, at: &str| keep.run(&["user", "link", name, "--provider", at, "--subject", "4711"]);
    let linked = link("ada", "work");
    assert_eq!(linked.code, 0, "{linked:?}");
    assert!(linked.stderr.contains("'4711' at https://login.example.org"), "{linked:?}");
    // The provider's id and its issuer are the same, and a person there is one account's here.
    let taken = link("bob", "https://login.example.org");
    assert_eq!(taken.code, 3, "{taken:?}");
    assert_eq!(link("nobody", "work").code, 2);
    keep.must(&["admin", "passwords", "refuse"]);
    keep.must(&["admin", "passwords", "allow"]);
    keep.must(&["user", "unlink", "ada", "--provider", "work"]);
    assert_ne!(keep.run(&["user", "unlink", "ada", "--provider", "work"]).code, 0, "there is none any more");
    assert_eq!(link("bob", "work").code, 0, "it is nobody's again");
}

#[test]
fn repositories_come_and_go() {
    let world = GitWorld::new();
    world.repo("code/a").commit_files("main", &[("one.txt", b"alpha\n")]);
    world.repo("code/b").commit_files("main", &[("two.txt", b"alpha\n")]);
    let keep = Keep::new();
    let path = world.path().join("code");
    let ran = keep.run(&["repo", "add", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.contains("2 repositories") && ran.stderr.contains("No server is running"),
        "{}",
        ran.stderr
    );
    assert!(keep.must(&["repo", "list"]).contains("pending"));
    keep.must(&["index", "run"]);
    let listed: Value = serde_json::from_str(&keep.must(&["repo", "list", "--json"])).unwrap();
    assert_eq!(listed["repos"][0]["name"], "a");
    assert_eq!(listed["repos"][0]["status"], "ready");
    assert_eq!(listed["repos"][0]["default_branch"], "main");
    assert_eq!(keep.must(&["index", "verify"]), "a: sound\nb: sound\n");
    assert!(keep.must(&["repo", "status", "a"]).contains("1 segment"));
    keep.must(&["repo", "remove", "a"]);
    assert_eq!(keep.must(&["search", "alpha"]), "b/two.txt:1:alpha\n");
    assert_eq!(keep.run(&["repo", "remove", "a"]).code, 2);
    keep.must(&["index", "rebuild", "b"]);
    assert_eq!(keep.must(&["search", "alpha"]), "b/two.txt:1:alpha\n");
    assert!(path.join("a/.git").is_dir(), "the repository itself stays");
    let ran = keep.run(&["repo", "add", "--name", "x y", path.join("a").to_str().unwrap()]);
    assert_eq!(ran.code, 2, "{ran:?}");
    keep.must(&["repo", "add", "--name", "group/renamed", path.join("a").to_str().unwrap()]);
    assert!(keep.must(&["repo", "list", "renamed"]).contains("group/renamed"));
}
