//! What a vault promises: places are not interchangeable, keys rotate, files that others may read are refused.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use access::SystemRandomness;
use proptest::prelude::*;
use secrecy::SecretString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vault::{KeySource, OpenError, Place, RotateError, SECRET_BYTES_MAX, SealError, Vault, VaultError};

const TOKEN: Place = Place { table: "hosts", column: "token" };
const SEED: Place = Place { table: "totp", column: "seed" };

fn own_file(path: &Path) -> Vault {
    let vault = open(path).unwrap();
    vault.ensure_key().unwrap();
    vault
}

fn open(path: &Path) -> Result<Vault, VaultError> {
    Vault::open_source(KeySource::OwnFile(path.to_path_buf()), Arc::new(SystemRandomness))
}

fn given(text: &str) -> Result<Vault, VaultError> {
    let text = text.to_owned();
    let fetch = Arc::new(move || Ok(SecretString::from(text.clone())));
    Vault::open_source(KeySource::Given { name: "env:KEY".into(), fetch }, Arc::new(SystemRandomness))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("master.key")
    }
}

#[test]
fn what_was_sealed_is_opened_in_its_place() {
    let folder = Folder::new();
    let vault = own_file(&folder.key());
    let sealed = vault.seal(TOKEN, "7", b"hunter2").unwrap();
    assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
    assert_eq!(vault.open(TOKEN, "7", &sealed).unwrap().expose_text(), Some("hunter2"));
    assert_ne!(vault.seal(TOKEN, "7", b"hunter2").unwrap(), sealed, "every sealing has a nonce of its own");
    // Another process finds the same key.
    assert_eq!(own_file(&folder.key()).open(TOKEN, "7", &sealed).unwrap().expose(), b"hunter2");
}

#[test]
fn a_value_moved_to_another_row_column_or_table_does_not_open() {
    let folder = Folder::new();
    let vault = own_file(&folder.key());
    let sealed = vault.seal(TOKEN, "7", b"hunter2").unwrap();
    let elsewhere = Place { table: "hostst", column: "oken" };
    for (place, row) in [(TOKEN, "8"), (SEED, "7"), (TOKEN, ""), (elsewhere, "7")] {
        let error = vault.open(place, row, &sealed).unwrap_err();
        assert!(matches!(error, OpenError::Tampered { .. }), "{place:?} {row}: {error}");
    }
}

#[test]
fn keys_rotate_while_others_use_them() {
    let folder = Folder::new();
    let (server, command) = (own_file(&folder.key()), own_file(&folder.key()));
    let before = server.seal(TOKEN, "1", b"one").unwrap();
    let new = command.rotate().unwrap();
    let after = command.seal(TOKEN, "2", b"two").unwrap();
    assert_eq!(Vault::key_of(&after), Some(new));
    assert_ne!(Vault::key_of(&before), Some(new));
    // The running server meets the new key and seals with it from then on.
    assert_eq!(server.open(TOKEN, "2", &after).unwrap().expose(), b"two");
    assert_eq!(server.newest(), Some(new));
    assert_eq!(server.open(TOKEN, "1", &before).unwrap().expose(), b"one");
    assert_eq!(command.drop_old().unwrap(), 1);
    let error = command.open(TOKEN, "1", &before).unwrap_err();
    assert!(matches!(error, OpenError::UnknownKey { .. }), "{error}");
}

#[test]
fn rotations_at_once_lose_no_key() {
    let folder = Folder::new();
    own_file(&folder.key());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| own_file(&folder.key()).rotate().unwrap());
        }
    });
    assert_eq!(own_file(&folder.key()).ids().len(), 9);
}

#[test]
fn all_who_start_at_once_get_one_key() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        let starting: Vec<_> = (0..8).map(|_| scope.spawn(|| own_file(&folder.key()).ids())).collect();
        let ids: Vec<_> = starting.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(ids.iter().all(|one| one.len() == 1 && *one == ids[0]), "{ids:?}");
    });
    let names: Vec<_> =
        std::fs::read_dir(folder.0.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(names, ["master.key"]);
}

#[test]
fn the_file_is_for_its_owner_alone() {
    let folder = Folder::new();
    let vault = own_file(&folder.key());
    vault.rotate().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.key()), 0o600);
    for lax in [0o640, 0o604, 0o660, 0o601, 0o666] {
        std::fs::set_permissions(folder.key(), std::fs::Permissions::from_mode(lax)).unwrap();
        let error = open(&folder.key()).unwrap_err();
        assert!(matches!(error, VaultError::LaxMode { mode, .. } if mode == lax), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    std::fs::set_permissions(folder.key(), std::fs::Permissions::from_mode(0o400)).unwrap();
    assert!(open(&folder.key()).is_ok());
}

#[test]
fn what_is_no_key_file_is_left_alone() {
    let folder = Folder::new();
    std::fs::create_dir(folder.key()).unwrap();
    std::fs::set_permissions(folder.key(), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(open(&folder.key()).unwrap_err(), VaultError::NotAFile { .. }));
    let notes = folder.0.path().join("notes");
    std::fs::write(&notes, "hunter2\n").unwrap();
    std::fs::set_permissions(&notes, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = open(&notes).unwrap_err().to_string();
    assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "hunter2\n");
}

#[test]
fn a_given_key_is_not_ours_to_change() {
    let key = "ab".repeat(32);
    let vault = given(&key).unwrap();
    let sealed = vault.seal(TOKEN, "1", b"x").unwrap();
    assert!(matches!(vault.rotate().unwrap_err(), RotateError::NotOurs { .. }));
    // The operator adds a line.
    let grown = given(&format!("{key}\n{}", "cd".repeat(32))).unwrap();
    assert_eq!(grown.open(TOKEN, "1", &sealed).unwrap().expose(), b"x");
    assert_ne!(Vault::key_of(&grown.seal(TOKEN, "1", b"x").unwrap()), Vault::key_of(&sealed));
}

#[test]
fn a_wrong_key_says_which_one_is_missing() {
    let sealed = given(&"ab".repeat(32)).unwrap().seal(TOKEN, "1", b"x").unwrap();
    let other = given(&"cd".repeat(32)).unwrap();
    let missing = Vault::key_of(&sealed).unwrap().to_string();
    let error = other.open(TOKEN, "1", &sealed).unwrap_err().to_string();
    assert!(error.contains(&missing) && error.contains("env:KEY") && error.contains("backup"), "{error}");
}

#[test]
fn without_a_key_nothing_is_sealed() {
    assert!(matches!(Vault::absent().seal(TOKEN, "1", b"x"), Err(SealError::NoKey)));
    assert!(Vault::absent().mac("test", b"x").is_none());
    let vault = given(&"ab".repeat(32)).unwrap();
    let long = vec![0; SECRET_BYTES_MAX + 1];
    assert!(matches!(vault.seal(TOKEN, "1", &long), Err(SealError::TooLong { .. })));
}

#[test]
fn macs_are_of_one_use_and_one_key() {
    let vault = given(&"ab".repeat(32)).unwrap();
    let mac = vault.mac("head", b"bytes").unwrap();
    assert!(vault.mac_is_ours("head", b"bytes", &mac).unwrap());
    assert!(!vault.mac_is_ours("head", b"byte", &mac).unwrap());
    assert!(!vault.mac_is_ours("hea", b"dbytes", &mac).unwrap());
    assert!(given(&"cd".repeat(32)).unwrap().mac_is_ours("head", b"bytes", &mac).is_err());
}

#[test]
fn nothing_of_it_prints() {
    let vault = given(&"ab".repeat(32)).unwrap();
    let sealed = vault.seal(TOKEN, "1", b"hunter2").unwrap();
    let printed = format!("{vault:?} {:?}", vault.open(TOKEN, "1", &sealed).unwrap());
    assert_eq!(printed, "Vault(env:KEY) SecretBytes(…)");
}

proptest! {
    #[test]
    fn every_flipped_bit_is_noticed(position in 0usize..100, bit in 0u8..8) {
        let vault = given(&"ab".repeat(32)).unwrap();
        let mut sealed = vault.seal(TOKEN, "7", b"a secret of some length").unwrap();
        let position = position % sealed.len();
        sealed[position] ^= 1 << bit;
        prop_assert!(vault.open(TOKEN, "7", &sealed).is_err());
    }

    #[test]
    fn hostile_bytes_do_not_open(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let vault = given(&"ab".repeat(32)).unwrap();
        prop_assert!(vault.open(TOKEN, "7", &bytes).is_err());
    }
}
