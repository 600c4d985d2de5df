//! The store's file: who may read it, what else may be in its place, how many may open it.

use crate::world::{Backend, World, block_on, local};
use access::SystemRandomness;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use store::{Adder, Fault, OpenError, Store, StoreUrl};

#[test]
fn nobody_else_can_read_it() {
    block_on(async {
        let world = World::new(Backend::Sqlite, Arc::new(SystemRandomness)).await;
        world.add("tool").await;
        for entry in std::fs::read_dir(world.folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
    });
}

#[test]
fn what_is_no_database_is_left_alone() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        let text = "not a database, and longer than the hundred bytes that its header would need: ".repeat(9);
        std::fs::write(&path, &text).unwrap();
        let error = Store::open(&StoreUrl::file(&path)).await.unwrap_err();
        assert!(matches!(error, OpenError::Fault(Fault::Damaged { .. })), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    });
}

#[test]
fn a_missing_folder_is_named() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let error = Store::open(&StoreUrl::file(folder.path().join("missing/keep.db"))).await.unwrap_err();
        assert!(error.to_string().contains("missing/keep.db"), "{error}");
    });
}

#[test]
fn a_later_format_is_refused_on_both() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        block_on(async {
            let world = World::new(backend, Arc::new(SystemRandomness)).await;
            pretend_later_format(backend, &world).await;
            let error = Store::open_with(&world.url, world.options.clone()).await.unwrap_err();
            assert!(matches!(error, OpenError::TooNew { found: 999, .. }), "{error:?}");
        });
    }
}

async fn pretend_later_format(backend: Backend, world: &World) {
    let later = "INSERT INTO store_format (version) VALUES (999)";
    match backend {
        Backend::Sqlite => {
            let mut connection = SqliteConnection::connect(&world.address).await.unwrap();
            sqlx::query(later).execute(&mut connection).await.unwrap();
        }
        Backend::Postgres => {
            let mut connection = PgConnection::connect(&world.address).await.unwrap();
            sqlx::query(later).execute(&mut connection).await.unwrap();
        }
    }
}

/// Many processes make and open the same store at the same moment.
#[test]
fn all_who_open_it_at_once_get_it() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        block_on(async {
            let url = match backend {
                Backend::Sqlite => None,
                Backend::Postgres => {
                    Some(testkit::postgres::Postgres::shared().create_database().unwrap().parse().unwrap())
                }
            };
            let folder = tempfile::tempdir().unwrap();
            let url = url.unwrap_or_else(|| StoreUrl::file(folder.path().join("keep.db")));
            let mut openers = Vec::new();
            for number in 0..6 {
                let url = url.clone();
                openers.push(tokio::spawn(async move {
                    let store = Store::open(&url).await.unwrap();
                    let added =
                        store.add_repository(local(&format!("tool-{number}")), Adder::LocalOperator).await;
                    assert!(added.unwrap().is_new);
                    store
                }));
            }
            let mut stores = Vec::new();
            for opener in openers {
                stores.push(opener.await.unwrap());
            }
            for store in stores {
                assert_eq!(store.maintenance().repositories().await.unwrap().len(), 6);
                store.close().await;
            }
        });
    }
}
