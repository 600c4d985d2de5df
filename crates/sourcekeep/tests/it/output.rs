//! What `search` prints.

use crate::keep::{Keep, finish};
use std::process::Stdio;
use testkit::git::GitWorld;

fn world() -> (GitWorld, Keep) {
    let world = GitWorld::new();
    let repo = world.repo("tool");
    repo.commit_files(
        "main",
        &[
            ("src/main.c", b"int main(void)\n{\n\treturn kmalloc(1) + kmalloc(2);\n}\n"),
            ("odd\x1b[31m.txt", b"escape \x1b[2J kmalloc\x0c\n"),
            ("README", b"nothing here\n"),
        ],
    );
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let keep = Keep::new();
    keep.index(&world.path());
    (world, keep)
}

#[test]
fn piped_output_is_one_line_per_matching_line() {
    let (_world, keep) = world();
    let ran = keep.run(&["search", "kmalloc"]);
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "tool/odd\u{fffd}[31m.txt:1:escape \u{fffd}[2J kmalloc\u{fffd}",
            "tool/src/main.c:3:\treturn kmalloc(1) + kmalloc(2);",
        ]
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn colour_when_asked_for() {
    let (_world, keep) = world();
    let ran = keep.run(&["search", "--color", "always", "kmalloc", "file:main"]);
    assert_eq!(
        ran.stdout,
        "\u{1b}[35mtool/src/main.c\u{1b}[0m:\u{1b}[32m3\u{1b}[0m:\treturn \u{1b}[1m\u{1b}[31mkmalloc\u{1b}[0m(1) + \
         \u{1b}[1m\u{1b}[31mkmalloc\u{1b}[0m(2);\n"
    );
}

#[test]
fn paths_and_repositories() {
    let (_world, keep) = world();
    assert_eq!(keep.must(&["search", "type:path", "README"]), "tool/README\n");
    assert_eq!(keep.must(&["search", "type:repo", "tool"]), "tool\n");
}

#[test]
fn json_is_the_document_of_the_api() {
    let (_world, keep) = world();
    let text = keep.must(&["search", "--json", "kmalloc", "file:main"]);
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["query"], "kmalloc file:main");
    assert_eq!(answer["matches"][0]["kind"], "content");
    assert_eq!(answer["matches"][0]["lines"][0]["number"], 3);
    assert_eq!(answer["matches"][0]["lines"][0]["ranges"], serde_json::json!([[8, 15], [21, 28]]));
    assert_eq!(answer["stats"]["lines"], 1);
    assert_eq!(answer["stats"]["matches"], 2);
    assert_eq!(answer["stats"]["complete"], true);
    let nothing = keep.run(&["search", "--json", "nosuchword"]);
    let answer: serde_json::Value = serde_json::from_str(&nothing.stdout).unwrap();
    assert_eq!((nothing.code, &answer["matches"]), (1, &serde_json::json!([])));
}

#[test]
fn nothing_found_is_one_and_a_bad_query_two() {
    let (_world, keep) = world();
    let ran = keep.run(&["search", "nosuchword"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (1, "", ""));
    let ran = keep.run(&["search", "/(/"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains('^'), "{}", ran.stderr);
    let ran = keep.run(&["search", "kmalloc", "lang:nosuchlanguage"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let (_world, keep) = world();
    let mut child = keep.command().args(["search", "e", "count:all"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn nobody_sees_more_than_they_may() {
    let (_world, keep) = world();
    let mut create = keep.shell("printf 'violet tram humming' | \"$@\" user create ada --password-stdin");
    assert_eq!(finish(&mut create).code, 0);
    let ran = keep.run(&["search", "--user", "ada", "kmalloc"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "no grant, no answer");
    let ran = keep.run(&["search", "--user", "bob", "kmalloc"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("there is no account 'bob'"), "{}", ran.stderr);
}
