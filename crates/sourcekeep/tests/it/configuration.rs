//! Configuration and usage, from the outside.

use crate::keep::{Keep, finish};
use serde_json::Value;
use std::fs;

#[test]
fn mistakes_are_usage_errors() {
    let keep = Keep::new();
    fs::create_dir_all(keep.data()).unwrap();
    let file = keep.data().join("config.toml");
    fs::write(&file, "[index]\nthread = 2\n").unwrap();
    for arguments in [&["config", "check"][..], &["up", "--once"], &["search", "x"]] {
        let ran = keep.run(arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("did you mean 'index.threads'?"), "{}", ran.stderr);
    }
    fs::write(&file, "[index]\nthreads = 2\n").unwrap();
    assert!(keep.must(&["config", "check"]).contains("is fine"));
    assert!(keep.must(&["config", "show"]).contains(&format!("index.threads = 2  # {}", file.display())));
    let ran = finish(keep.command().args(["config", "show"]).env("SOURCEKEEP_INDEX_THREADS", "5"));
    assert!(ran.stdout.contains("index.threads = 5  # SOURCEKEEP_INDEX_THREADS"), "{}", ran.stdout);
    let ran = finish(keep.command().args(["config", "check"]).env("SOURCEKEEP_LISTN", "x"));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("did you mean 'SOURCEKEEP_LISTEN'?"), "{}", ran.stderr);
    let ran = keep.run(&["--config", "/nowhere/config.toml", "config", "check"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn secrets_stay_references() {
    let keep = Keep::new();
    fs::create_dir_all(keep.data()).unwrap();
    let text = "[mirror.credentials]\n\"h.example.org\" = \"env:TOKEN\"\n";
    fs::write(keep.data().join("config.toml"), text).unwrap();
    let ran = keep.run(&["config", "check"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("'TOKEN'"), "{}", ran.stderr);
    let ran = finish(keep.command().args(["config", "show"]).env("TOKEN", "hunter2"));
    assert!(ran.stdout.contains("env:TOKEN") && !ran.stdout.contains("hunter2"), "{}", ran.stdout);
}

#[test]
fn the_schema_describes_the_file() {
    let keep = Keep::new();
    let schema: Value = serde_json::from_str(&keep.must(&["config", "schema"])).unwrap();
    assert_eq!(schema["properties"]["listen"]["type"], "string");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn usage_is_two_and_help_is_zero() {
    let keep = Keep::new();
    assert_eq!(keep.run(&["nonsense"]).code, 2);
    assert_eq!(keep.run(&["search"]).code, 2);
    assert!(keep.must(&["--help"]).contains("Example: sourcekeep up ~/code"));
    assert!(keep.must(&["version"]).starts_with("sourcekeep "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(keep.must(&["completions", shell]).contains("sourcekeep"));
    }
    let ran = keep.run(&["search", "x"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("run `sourcekeep up` first"), "{}", ran.stderr);
}
