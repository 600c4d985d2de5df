//! `query explain` and `segment inspect`: what they print is what is there.

use crate::keep::Keep;
use serde_json::Value;
use std::path::PathBuf;
use testkit::git::GitWorld;

fn world() -> (GitWorld, Keep) {
    let world = GitWorld::new();
    let repo = world.repo("tool");
    let large = "static int alpha;\n".repeat(3000) + "int kmalloc(void);\n";
    repo.commit_files(
        "main",
        &[
            ("src/main.c", large.as_bytes()),
            ("src/b.c", b"kmalloc\n"),
            ("logo.png", b"\x89PNG\r\n\x1a\n\0\0\0"),
            ("README", b"nothing\n"),
        ],
    );
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let keep = Keep::new();
    keep.index(&world.path());
    (world, keep)
}

fn files(keep: &Keep, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for repo in std::fs::read_dir(keep.data().join("index")).unwrap() {
        let files = std::fs::read_dir(repo.unwrap().path()).unwrap().map(|file| file.unwrap().path());
        found.extend(files.filter(|path| path.extension().is_some_and(|found| found == extension)));
    }
    found
}

/// The segment of the files, not one of the history.
fn code_segment(keep: &Keep) -> PathBuf {
    let is_code = |path: &PathBuf| {
        let told = keep.must(&["--json", "segment", "inspect", path.to_str().unwrap()]);
        json(&told)["blobs"].as_u64() == Some(4)
    };
    files(keep, "segment").into_iter().find(is_code).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_explanation_shows_tree_grams_segments_work_and_time() {
    let (_world, keep) = world();
    let told = keep.must(&["query", "explain", "lang:c", "kmalloc", "count:all"]);
    for part in [
        "Query",
        "all of",
        "lang:c",
        "literal \"kmalloc\"",
        "\"kma\"",
        "GRAM",
        "tool #0",
        "text verified",
        "postings",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = json(&keep.must(&["--json", "query", "explain", "lang:c", "kmalloc", "count:all"]));
    assert_eq!((told["lines"].as_u64(), told["files"].as_u64()), (Some(2), Some(2)));
    assert_eq!(told["candidate_blocks"].as_u64(), Some(2));
    assert!(told["bytes_verified"].as_u64().unwrap() < 10_000, "only candidate blocks are read: {told}");
    assert_eq!(told["patterns"][0]["grams"].as_array().unwrap().len(), 5);
    assert!(told["nanoseconds"]["total"].as_u64().unwrap() >= told["nanoseconds"]["plan"].as_u64().unwrap());
}

#[test]
fn an_explanation_of_no_query_points_at_the_fault() {
    let (_world, keep) = world();
    let ran = keep.run(&["query", "explain", "kmalloc", "lang:klingon"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("klingon") && ran.stderr.contains("^^^^^^^"), "{}", ran.stderr);
    assert!(ran.stderr.contains(r"file:\.klingon$"), "{}", ran.stderr);
    let ran = keep.run(&["query", "explain", "(kmalloc"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_segment_is_laid_open() {
    let (_world, keep) = world();
    let segment = code_segment(&keep);
    let segment = segment.to_str().unwrap();
    let told = keep
        .must(&["segment", "inspect", segment, "--blobs", "9", "--gram", "kma", "--gram", "zq", "--verify"]);
    for part in ["CONTENT", "POSTINGS", "Every checksum is right", "binary", "Chunks"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told =
        json(&keep.must(&[
            "--json", "segment", "inspect", segment, "--blobs", "9", "--gram", "kma", "--gram", "zzq",
        ]));
    assert_eq!((told["blobs"].as_u64(), told["listed"].as_array().map(Vec::len)), (Some(4), Some(4)));
    assert_eq!(
        (told["grams"][0]["blocks"].as_u64(), told["grams"][1]["blocks"].as_u64()),
        (Some(2), Some(0))
    );
    let sections: u64 =
        told["sections"].as_array().unwrap().iter().map(|section| section["bytes"].as_u64().unwrap()).sum();
    assert!(sections <= told["size_bytes"].as_u64().unwrap());
    let own: u64 = told["sections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|section| section["name"].as_str().unwrap().starts_with("SYMBOL"))
        .map(|section| section["bytes"].as_u64().unwrap())
        .sum();
    let definitions = &told["definitions"];
    assert_eq!(definitions["count"].as_u64(), Some(3000));
    assert!((own..sections).contains(&definitions["bytes"].as_u64().unwrap()), "{told}");
    let ran = keep.run(&["segment", "inspect", segment, "--gram", "four"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("no gram"), "{}", ran.stderr);
}

#[test]
fn a_ref_table_is_laid_open() {
    let (_world, keep) = world();
    let table = files(&keep, "refs").remove(0);
    let table = table.to_str().unwrap();
    let told = keep.must(&["segment", "inspect", table, "--blobs", "2", "--verify"]);
    for part in ["(default)", "main", "README", "logo.png", "Every checksum is right"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(json(&keep.must(&["--json", "segment", "inspect", table]))["documents"].as_u64(), Some(4));
}

#[test]
fn damaged_and_foreign_files_are_told_so() {
    let (_world, keep) = world();
    let segment = code_segment(&keep);
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let (flipped, short, foreign) =
        (keep.data().join("flipped"), keep.data().join("short"), keep.data().join("foreign"));
    std::fs::write(&flipped, &bytes).unwrap();
    std::fs::write(&short, &bytes[..middle]).unwrap();
    std::fs::write(&foreign, "x".repeat(4096)).unwrap();
    let inspect = |path: &PathBuf| keep.run(&["segment", "inspect", path.to_str().unwrap(), "--verify"]);
    let ran = inspect(&flipped);
    assert!(ran.code == 3 && ran.stderr.contains("damaged"), "{ran:?}");
    let ran = inspect(&short);
    assert!(ran.code == 3 && ran.stderr.contains("damaged"), "{ran:?}");
    let ran = inspect(&foreign);
    assert!(ran.code == 3 && ran.stderr.contains("is not a segment"), "{ran:?}");
    let ran = inspect(&keep.data().join("absent"));
    assert!(ran.code == 3 && ran.stderr.contains("cannot open"), "{ran:?}");
}
