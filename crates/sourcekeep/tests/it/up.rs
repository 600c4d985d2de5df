//! `up --once`: what it finds, and what it says of what it cannot use.

use crate::keep::Keep;
use testkit::git::GitWorld;

#[test]
fn only_the_change_is_indexed() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n"), ("two.txt", b"beta\n")]);
    let keep = Keep::new();
    assert!(keep.index(&world.path()).stderr.contains("2 files indexed"));
    assert!(!keep.index(&world.path()).stderr.contains("indexed"));
    repo.commit_files("main", &[("one.txt", b"alpha\n"), ("two.txt", b"beta beta\n")]);
    assert!(keep.index(&world.path()).stderr.contains("1 file indexed"));
    assert_eq!(keep.must(&["search", "beta"]), "a/two.txt:1:beta beta\n");
}

#[test]
fn without_argument_it_is_the_current_directory() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let keep = Keep::new();
    let ran = crate::keep::finish(keep.command().args(["up", "--once"]).current_dir(world.path().join("a")));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(keep.must(&["search", "alpha"]), "a/one.txt:1:alpha\n");
}

#[test]
fn bad_arguments_are_told_and_the_others_proceed() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let empty = tempfile::tempdir().unwrap();
    let keep = Keep::new();
    let good = world.path();
    let ran = keep.run(&[
        "up",
        "--once",
        "/nowhere/at/all",
        empty.path().to_str().unwrap(),
        "ext::sh",
        "https://ada:hunter2@example.org/a.git",
        good.to_str().unwrap(),
    ]);
    assert_eq!(ran.code, 3);
    for said in [
        "'/nowhere/at/all' cannot be searched",
        "there is no git repository at or below",
        "the transport 'ext' is not supported",
        "mirror.credentials.\"example.org\"",
        "1 repository up to date",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("hunter2"));
    assert_eq!(keep.must(&["search", "alpha"]), "a/one.txt:1:alpha\n");
    let nothing = Keep::new().run(&["up", "--once", "/nowhere/at/all"]);
    assert_eq!(nothing.code, 3);
}

#[test]
fn a_remote_that_does_not_answer_is_an_error_of_its_own() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let keep = Keep::new();
    // Nobody listens on the discard port of the loopback address.
    let ran =
        keep.run(&["up", "--once", "git://127.0.0.1:9/nobody/home.git", world.path().to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("error: 127.0.0.1/nobody/home: "), "{}", ran.stderr);
    assert_eq!(keep.run(&["search", "alpha"]).stdout, "a/one.txt:1:alpha\n");
    let listed = keep.run(&["repo", "list"]);
    assert!(listed.stdout.contains("error"), "{listed:?}");
}
