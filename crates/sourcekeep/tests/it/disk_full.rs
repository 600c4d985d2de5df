//! No room for the index: the old one keeps serving, the job is tried again.

use crate::keep::{Keep, finish};
use testkit::git::GitWorld;

/// Text that does not compress: hexadecimal digits of a linear congruential generator.
fn noise(n_lines: usize) -> String {
    let mut state = 42u64;
    let mut text = String::new();
    for _ in 0..n_lines {
        for _ in 0..4 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(&format!("{state:016x}"));
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_old_index_serves_until_there_is_room() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n")]);
    let keep = Keep::new();
    keep.index(&world.path());
    let row_folder = keep.data().join("index/1");
    let count_files = || std::fs::read_dir(&row_folder).unwrap().count();
    let n_files = count_files();
    repo.commit_files("main", &[("one.txt", b"alpha again\n"), ("noise.txt", noise(60_000).as_bytes())]);
    // Files end at 1 MiB, as they do where a quota is reached; the new segment needs more.
    let path = world.path();
    let line = format!("trap '' XFSZ; ulimit -f 2048; exec \"$@\" up --once '{}'", path.display());
    let ran = finish(&mut keep.shell(&line));
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("no space is left for the index"), "{}", ran.stderr);
    assert_eq!(keep.run(&["search", "alpha"]).stdout, "a/one.txt:1:alpha\n");
    assert!(keep.must(&["repo", "status", "a"]).contains("the old index keeps serving"));
    assert_eq!(count_files(), n_files, "nothing half written is left");
    keep.index(&world.path());
    assert_eq!(keep.must(&["search", "alpha"]), "a/one.txt:1:alpha again\n");
}
