//! A process that is killed in the middle of publishing.

use crate::world::{Backend, World, block_on, manifest};
use access::SystemRandomness;
use model::RepoId;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use store::{Generation, Manifest, Store};

/// So many that a publication is under way nearly all the time.
const N_SEGMENTS: usize = 300;
const URL: &str = "KEEP_TEST_PUBLISHER_URL";

/// Every name tells its generation: a mixture of two would show.
fn names(generation: u64) -> (String, Vec<String>) {
    let segments = (0..N_SEGMENTS).map(|number| format!("s-{generation}-{number}")).collect();
    (format!("r-{generation}"), segments)
}

async fn publish_next(store: &Store, repo: RepoId) -> Generation {
    let maintenance = store.maintenance();
    let generation =
        maintenance.manifest(repo).await.unwrap().map_or(Generation(0), |manifest| manifest.generation);
    let (ref_table, segments) = names(generation.0 + 1);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let published =
        maintenance.publish_manifest(repo, generation, manifest(&ref_table, &segments)).await.unwrap();
    published.generation
}

fn assert_whole(read: &Manifest) {
    let (ref_table, segments) = names(read.generation.0);
    assert_eq!(read.ref_table.name, ref_table);
    assert_eq!(read.segments.iter().map(|file| file.name.clone()).collect::<Vec<_>>(), segments);
}

/// On its own: publishes thrice. Started by the cases below: publishes until it is killed.
#[test]
fn publisher() {
    block_on(async {
        if let Ok(url) = std::env::var(URL) {
            let store = Store::open(&url.parse().unwrap()).await.unwrap();
            let repo = store.maintenance().repositories().await.unwrap()[0].id;
            loop {
                println!("published {}", publish_next(&store, repo).await.0);
            }
        }
        let world = World::new(Backend::Sqlite, Arc::new(SystemRandomness)).await;
        let repo = world.add("tool").await;
        for generation in 1..=3 {
            assert_eq!(publish_next(&world.store, repo).await, Generation(generation));
        }
        assert_whole(&world.store.maintenance().manifest(repo).await.unwrap().unwrap());
    });
}

fn the_old_manifest_serves(url: &str) {
    block_on(async {
        let store = Store::open(&url.parse().unwrap()).await.unwrap();
        let repo =
            store.add_repository(crate::world::local("tool"), store::Adder::LocalOperator).await.unwrap();
        let repo = repo.repository.id;
        let mut last = Generation(0);
        for _ in 0..4 {
            let told = kill_after_second_publication(url);
            let read = store.maintenance().manifest(repo).await.unwrap().unwrap();
            assert_whole(&read);
            assert!(read.generation > last && read.generation.0 >= told, "what was acknowledged is kept");
            last = read.generation;
        }
        // The dead one's lock died with it.
        assert_eq!(publish_next(&store, repo).await, Generation(last.0 + 1));
        store.close().await;
    });
}

/// Returns the last generation the process was heard to have published.
fn kill_after_second_publication(url: &str) -> u64 {
    #[allow(clippy::disallowed_methods, reason = "the test kills a copy of itself")]
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::publisher", "--nocapture"])
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let published = lines.filter_map(|line| line.split_once("published ")?.1.parse().ok());
    let told = published.take(2).last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    told
}

#[test]
fn in_the_middle_of_a_publication_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    the_old_manifest_serves(&format!("sqlite://{}", folder.path().join("keep.db").display()));
}

#[test]
fn in_the_middle_of_a_publication_postgres() {
    the_old_manifest_serves(&testkit::postgres::Postgres::shared().create_database().unwrap());
}
