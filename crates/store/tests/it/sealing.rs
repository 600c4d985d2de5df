//! Sealed values: the right key, rotation while others run, what is lost with a key.

use crate::world::{Backend, World, block_on, on_both, user_name};
use std::path::PathBuf;
use std::sync::Arc;
use store::{
    Enrolling, Fault, NewCodeHost, NewToken, NewUser, OpenError, Options, RotateKeyError, SessionLimits,
    Store,
};
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

/// Every secret that a store is given, then every file of the data directory, byte by byte: none is in it, neither as it is
/// nor in the usual spellings.
#[test]
fn a_byte_scan_of_the_data_directory_finds_no_planted_secret() {
    block_on(async {
        let world = World::new(Backend::Sqlite, Arc::new(access::SystemRandomness)).await;
        let store = open(&world).await.unwrap();
        let planted = plant(&world, &store).await;
        store.rotate_key().await.unwrap();
        store.reseal_step().await.unwrap();
        scan(world.folder.path(), &planted);
        store.close().await;
        scan(world.folder.path(), &planted);
    });
}

async fn plant(world: &World, store: &Store) -> Vec<(&'static str, Vec<u8>)> {
    const HOST_TOKEN: &str = "glpat-PlantedHostToken0123456789";
    const PASSWORD: &str = "planted violet tram humming";
    let ada = store
        .create_user(NewUser {
            name: user_name("ada"),
            password: Some(access::Password::new(PASSWORD)),
            role: access::Role::Administrator,
        })
        .await
        .unwrap();
    let (session, begun) = store.start_session(ada.id, SessionLimits::default()).await.unwrap();
    let seed = store.draw_totp(ada.id, Enrolling::Session(&begun.id)).await.unwrap();
    let new = NewToken { user: ada.id, label: "x".into(), scope: access::Scope::FULL };
    let (token, _) = store.create_token(new).await.unwrap();
    let host = NewCodeHost {
        kind: "gitlab".into(),
        name: "lab".into(),
        url: "https://git.example.org".into(),
        settings: "{}".into(),
        bound: std::time::Duration::from_secs(900),
        token: Some(HOST_TOKEN.to_owned().into()),
    };
    let host = store.add_code_host(host).await.unwrap();
    // It can be read again, so it is there.
    let kept = store.code_host_token(&host.id).await.unwrap().unwrap();
    assert_eq!(kept.expose_text(), Some(HOST_TOKEN));
    let wrong = access::Password::new("planted wrong password");
    let from = access::ClientAddress::from(std::net::IpAddr::from([127, 0, 0, 1]));
    store.authenticate("ada", &wrong, from).await.unwrap_err();
    let key = std::fs::read_to_string(key(world)).unwrap();
    let key = key.lines().last().unwrap().rsplit(':').next().unwrap().to_owned();
    let mut planted = vec![
        ("a host's token", HOST_TOKEN.as_bytes().to_vec()),
        ("a password", PASSWORD.as_bytes().to_vec()),
        ("a wrong password", b"planted wrong password".to_vec()),
        ("a session's secret", session.reveal().as_bytes().to_vec()),
        ("a token", token.reveal().as_bytes().to_vec()),
        ("a seed", seed.expose().to_vec()),
        ("a master key", key.into_bytes()),
    ];
    if let Some(secret) = store.code_host_hook_secret(&host.id).await.unwrap() {
        planted.push(("a webhook's secret", secret.expose().to_vec()));
    }
    planted
}

fn scan(folder: &std::path::Path, planted: &[(&'static str, Vec<u8>)]) {
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            scan(&path, planted);
            continue;
        }
        n_files += 1;
        let bytes = std::fs::read(&path).unwrap();
        for (what, secret) in planted {
            assert!(secret.len() >= 16, "{what} is too short to look for");
            // The master keys are in their own file and nowhere else.
            if *what == "a master key" && path.ends_with("master.key") {
                continue;
            }
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            for form in [secret.as_slice(), hex.as_bytes()] {
                let is_in = bytes.windows(form.len()).any(|window| window == form);
                assert!(!is_in, "{what} stands in {}", path.display());
            }
        }
    }
    assert!(n_files > 0);
}
