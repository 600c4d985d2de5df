//! Raw sidecars: within their budget, made again where they are missing or damaged, without any trace in answers.

use crate::instance::Instance;
use access::Actor;
use mirror::{SidecarOptions, Sidecars};
use search::Catalog;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use testkit::git::GitWorld;
use tokio_util::sync::CancellationToken;

const TEXT_BYTES: u64 = 400_000;

async fn two_repositories(world: &GitWorld) -> (Instance, Arc<Catalog>) {
    for name in ["a", "b"] {
        let line = format!("alpha in {name}\n");
        let text = line.repeat(TEXT_BYTES as usize / line.len());
        world.repo(name).commit_files("main", &[("one.txt", text.as_bytes()), ("two.txt", b"beta\n")]);
    }
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    (instance, catalog)
}

async fn keep(instance: &Instance, catalog: &Arc<Catalog>, bytes_max: u64) {
    let options = SidecarOptions {
        store: instance.store.clone(),
        data: instance.data.clone(),
        catalog: Arc::clone(catalog),
        board: instance.board.clone(),
        bytes_max,
        give_way: Arc::new(|| {}),
    };
    Sidecars::new(options).round(&catalog.snapshot(), &CancellationToken::new()).await;
}

/// How many segments have their sidecar attached.
async fn n_attached(instance: &Instance, catalog: &Catalog) -> usize {
    let access = instance.store.access_set(&Actor::LOCAL_OPERATOR).await.unwrap();
    let snapshot = catalog.snapshot();
    let repos = snapshot.repos(&access);
    repos.flat_map(|repo| repo.segments.clone()).filter(|segment| segment.raw().is_some()).count()
}

fn files(instance: &Instance) -> Vec<PathBuf> {
    let below =
        |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = below(instance.data.raw_root()).flat_map(below).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn they_stay_within_their_budget_and_change_no_answer() {
    let world = GitWorld::new();
    let (instance, catalog) = two_repositories(&world).await;
    let before = instance.answer(&catalog, "alpha OR beta").await;
    for (bytes_max, n_expected) in [(1 << 30, 2), (TEXT_BYTES * 3 / 2, 1), (0, 0), (TEXT_BYTES * 3, 2)] {
        keep(&instance, &catalog, bytes_max).await;
        assert_eq!(n_attached(&instance, &catalog).await, n_expected, "{bytes_max}");
        assert_eq!(files(&instance).len(), n_expected);
        let (held, told_max) = instance.board.raw_bytes();
        assert!(held <= bytes_max && told_max == bytes_max);
        assert_eq!(held > 0, n_expected > 0);
        assert_eq!(instance.answer(&catalog, "alpha OR beta").await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_damaged_ones_are_made_again() {
    let world = GitWorld::new();
    let (instance, catalog) = two_repositories(&world).await;
    let before = instance.answer(&catalog, "alpha").await;
    keep(&instance, &catalog, 1 << 30).await;
    let [one, other] = files(&instance).try_into().unwrap();
    let good = [fs::read(&one).unwrap(), fs::read(&other).unwrap()];
    // A new start finds one gone and one altered, and something that is nobody's.
    fs::remove_file(&one).unwrap();
    let mut altered = good[1].clone();
    altered[TEXT_BYTES as usize / 2] ^= 1;
    fs::remove_file(&other).unwrap();
    fs::write(&other, altered).unwrap();
    fs::write(other.with_file_name("nobody.raw"), b"x").unwrap();
    let catalog = instance.round().await.catalog;
    assert_eq!(n_attached(&instance, &catalog).await, 0);
    keep(&instance, &catalog, 1 << 30).await;
    assert_eq!(n_attached(&instance, &catalog).await, 2);
    assert_eq!(files(&instance), [one.clone(), other.clone()]);
    assert_eq!([fs::read(&one).unwrap(), fs::read(&other).unwrap()], good);
    assert_eq!(instance.answer(&catalog, "alpha").await, before);
}
