//! Sealed values: the right key, rotation while others run, what is lost with a key.

use crate::world::{World, on_both};
use std::path::PathBuf;
use std::sync::Arc;
use store::{Fault, OpenError, Options, RotateKeyError, Store};
use vault::{KeySource, Vault};

fn key(world: &World) -> PathBuf {
    world.folder.path().join("master.key")
}

async fn open(world: &World) -> Result<Store, OpenError> {
    let source = KeySource::OwnFile(key(world));
    let vault = Vault::open_source(source, Arc::new(access::SystemRandomness)).unwrap();
    let audit_head = Some(world.folder.path().join("audit.head"));
    Store::open_with(&world.url, Options { vault, audit_head, ..world.options.clone() }).await
}

on_both! {
    async fn a_lost_key_says_so_and_no_other_is_made(world) {
        open(&world).await.unwrap().close().await;
        let kept = std::fs::read(key(&world)).unwrap();
        std::fs::remove_file(key(&world)).unwrap();
        let error = open(&world).await.unwrap_err();
        assert!(matches!(error, OpenError::Fault(Fault::Unseal(vault::OpenError::UnknownKey { .. }))), "{error:?}");
        assert!(error.to_string().contains("backup"), "{error}");
        assert!(!key(&world).exists(), "a new key would not open what the old one sealed");
        std::fs::write(key(&world), kept).unwrap();
        std::fs::set_permissions(key(&world), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        open(&world).await.unwrap();
    }

    async fn another_key_is_told_from_the_right_one(world) {
        open(&world).await.unwrap().close().await;
        std::fs::write(key(&world), format!("sourcekeep-key:v1:{}\n", "ab".repeat(32))).unwrap();
        let error = open(&world).await.unwrap_err();
        assert!(matches!(error, OpenError::Fault(Fault::Unseal(vault::OpenError::UnknownKey { .. }))), "{error:?}");
    }

    async fn keys_rotate_while_another_process_runs(world) {
        let (server, command) = (open(&world).await.unwrap(), open(&world).await.unwrap());
        server.set_setting("before", "x").await.unwrap();
        let new = command.rotate_key().await.unwrap();
        let refused = command.drop_old_keys().await.unwrap_err();
        assert!(matches!(refused, RotateKeyError::StillUsed { n_left: 1, .. }), "{refused:?}");
        let step = server.reseal_step().await.unwrap();
        assert_eq!((step.n_done, step.n_left), (1, 0));
        assert_eq!(server.vault().newest(), Some(new));
        assert_eq!(command.drop_old_keys().await.unwrap(), 1);
        // The note of the log's head was authenticated with the old key; it still holds.
        server.set_setting("after", "x").await.unwrap();
        let report = open(&world).await.unwrap().verify_audit().await.unwrap();
        assert!(report.is_intact() && report.noted_seq == Some(report.last_seq), "{report:?}");
    }
}

/// A column that holds sealed values and is not in the list would be lost when old keys are dropped.
#[test]
fn no_sealed_column_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sealing = std::fs::read_to_string(folder.join("sealing.rs")).unwrap();
    let list = sealing.split("const COLUMNS").nth(1).unwrap().split("];").next().unwrap().to_owned();
    let mut n_found = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for line in text.lines().filter(|line| line.contains("SealedColumn = sealed_column!(")) {
            let name = line.split("const ").nth(1).unwrap().split(':').next().unwrap();
            assert!(list.contains(name), "{}: {name} is not in COLUMNS of sealing.rs", path.display());
            n_found += 1;
        }
    }
    assert!(n_found >= 1);
}
