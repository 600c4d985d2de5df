//! A disk that says EIO when it is asked to sync: what was not synced is neither published, nor shown, nor done.

use crate::keep::{Keep, finish};
use crate::serving::Running;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::git::GitWorld;

/// Lets syncs fail in the program that is run under [`Disk::line`].
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/failing_sync.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(folder.path().join("disk.so")).arg(source);
        let ran = finish(&mut compiler);
        assert_eq!(ran.code, 0, "{ran:?}");
        Disk { folder }
    }

    fn order(&self) -> PathBuf {
        self.folder.path().join("fails")
    }

    /// The shell's line that runs the program with these arguments on this disk.
    fn line(&self, arguments: &str) -> String {
        let (library, order) = (self.folder.path().join("disk.so"), self.order());
        format!(
            "exec env LD_PRELOAD='{}' FAIL_SYNC='{}' \"$@\" {arguments}",
            library.display(),
            order.display()
        )
    }

    /// From now on below this folder.
    fn fail_below(&self, folder: &Path) {
        std::fs::write(self.order(), folder.as_os_str().as_encoded_bytes()).unwrap();
    }

    fn mend(&self) {
        std::fs::remove_file(self.order()).unwrap();
    }
}

/// Threats S: EIO on fsync. What the new index is made of may not be on the disk, so the old one stays.
#[test]
fn what_was_not_synced_is_not_published() {
    let world = GitWorld::new();
    let repo = world.repo("a");
    repo.commit_files("main", &[("one.txt", b"alpha\n")]);
    let (keep, disk) = (Keep::new(), Disk::new());
    keep.index(&world.path());
    let index = keep.data().join("index");
    let count_files = || std::fs::read_dir(index.join("1")).unwrap().count();
    let n_files = count_files();
    repo.commit_files("main", &[("one.txt", b"alpha again\n")]);
    disk.fail_below(&index);
    let ran = finish(&mut keep.shell(&disk.line(&format!("up --once '{}'", world.path().display()))));
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(keep.run(&["search", "alpha"]).stdout, "a/one.txt:1:alpha\n");
    let status = keep.must(&["repo", "status", "a"]);
    assert!(status.contains("cannot write") && status.contains("Input/output error"), "{status}");
    assert_eq!(count_files(), n_files, "nothing half written is left");
    disk.mend();
    let ran = finish(&mut keep.shell(&disk.line(&format!("up --once '{}'", world.path().display()))));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(keep.must(&["search", "alpha"]), "a/one.txt:1:alpha again\n");
}

/// Threats S and A: EIO on fsync of the database, which holds the audit log: an entry that may not be on the disk is none, so
/// nothing is shown and nothing is done.
#[test]
fn what_was_not_synced_is_neither_shown_nor_done() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha and only alpha\n")]);
    let (keep, disk) = (Keep::new(), Disk::new());
    let create = "printf 'violet tram humming\\n' | \"$@\" user create ada --admin --password-stdin";
    assert_eq!(finish(&mut keep.shell(create)).code, 0);
    keep.index(&world.path());
    let token = ["token", "create", "--user", "ada", "--verbs", "read,write", "--quiet"];
    let token = keep.must(&token).trim().to_owned();
    let server = Running::of(&mut keep.shell(&disk.line("serve --listen 127.0.0.1:0")));
    let asked = "api/v1/search?q=alpha";
    assert!(server.get(asked, &token).1.contains("only alpha"));
    for _ in 0..3 {
        disk.fail_below(&keep.data());
        let (status, body) = server.get(asked, &token);
        assert!(status == 500 && !body.contains("only alpha"), "{status} {body}");
        let (status, body) = server.get("api/v1/repos/a/-/file/one.txt", &token);
        assert!(status == 500 && !body.contains("only alpha"), "{status} {body}");
        let (status, body) = server.post("api/v1/exports", &token, r#"{"query":"alpha","format":"csv"}"#);
        assert_eq!(status, 500, "{body}");
        disk.mend();
        assert!(server.get(asked, &token).1.contains("only alpha"), "the disk is as it was");
    }
    assert!(server.get("api/v1/exports", &token).1.contains("[]"), "none was made");
    drop(server);
    let report: Value = serde_json::from_str(&keep.must(&["verify", "audit", "--json"])).unwrap();
    assert_eq!(report["intact"], true, "{report}");
}
