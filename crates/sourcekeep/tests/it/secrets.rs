//! The master key and the audit log, from the command line.

use crate::keep::{Keep, finish};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;

fn with_ada() -> Keep {
    let keep = Keep::new();
    let create = "printf 'violet tram humming\\n' | \"$@\" user create ada --admin --password-stdin";
    assert_eq!(finish(&mut keep.shell(create)).code, 0);
    keep
}

#[test]
fn the_audit_log_is_proved_and_a_cut_is_seen() {
    let keep = with_ada();
    keep.must(&["token", "create", "--user", "ada", "--quiet"]);
    let report: Value = serde_json::from_str(&keep.must(&["verify", "audit", "--json"])).unwrap();
    assert_eq!((&report["intact"], &report["entries"]), (&Value::Bool(true), &Value::from(2)), "{report}");
    assert_eq!(report["noted_entry"], report["last_entry"]);
    // The note says that there was more than an earlier database has.
    let earlier = keep.copy();
    keep.must(&["token", "create", "--user", "ada", "--quiet"]);
    std::fs::copy(keep.data().join("audit.head"), earlier.data().join("audit.head")).unwrap();
    let ran = earlier.run(&["verify", "audit"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stdout.contains("its end was cut off"), "{}", ran.stdout);
}

#[test]
fn keys_are_made_kept_and_rotated() {
    let keep = with_ada();
    let key = keep.data().join("master.key");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&key), 0o600);
    let before = std::fs::read_to_string(&key).unwrap();
    keep.must(&["admin", "rotate-key"]);
    let after = std::fs::read_to_string(&key).unwrap();
    assert!(after.starts_with(before.trim_end()) && after.lines().count() == before.lines().count() + 1);
    keep.must(&["admin", "rotate-key", "--drop-old"]);
    assert_eq!(std::fs::read_to_string(&key).unwrap().lines().count(), before.lines().count());
    assert_eq!(mode(&key), 0o600);
    let report: Value = serde_json::from_str(&keep.must(&["verify", "audit", "--json"])).unwrap();
    assert_eq!(report["intact"], true, "{report}");
    // Others may not read it; without it nothing is opened, and no other is made.
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let lax = keep.run(&["user", "list"]);
    assert!(lax.code == 3 && lax.stderr.contains("chmod 600"), "{lax:?}");
    std::fs::remove_file(&key).unwrap();
    let lost = keep.run(&["user", "list"]);
    assert!(lost.code == 3 && lost.stderr.contains("backup"), "{lost:?}");
    assert!(!key.exists());
}

#[test]
fn a_key_may_come_from_elsewhere() {
    let keep = Keep::new();
    let file = keep.data().with_file_name("elsewhere.key");
    std::fs::write(&file, format!("{}\n", "ab".repeat(32))).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = keep.command();
    let from_file = format!("file:{}", file.display());
    let ran = finish(command.env("SOURCEKEEP_VAULT_KEY", &from_file).args(["repo", "add", "."]));
    assert!(!keep.data().join("master.key").exists(), "{ran:?}");
    let mut command = keep.command();
    let other = finish(
        command.env("SOURCEKEEP_VAULT_KEY", "env:KEY").env("KEY", "cd".repeat(32)).args(["user", "list"]),
    );
    assert!(other.code == 3 && other.stderr.contains("env:KEY"), "{other:?}");
    let mut command = keep.command();
    let rotated = finish(command.env("SOURCEKEEP_VAULT_KEY", &from_file).args(["admin", "rotate-key"]));
    assert!(rotated.code == 3 && rotated.stderr.contains("not the server's to change"), "{rotated:?}");
}
