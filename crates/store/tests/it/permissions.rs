//! What code hosts state: whose accounts, which side was read later, how old it may be.

use crate::world::{Backend, World, block_on, on_both};
use access::{AccountId, HostId, Reader, Role, SystemRandomness};
use model::{RepoId, RepoSet};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::{AccessReason, BOUND_DEFAULT, LinkError, Timestamp, User};

fn host() -> HostId {
    HostId("h1".into())
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn reader(id: &str) -> Reader {
    Reader::Account(account(id))
}

fn set(repos: &[RepoId]) -> RepoSet {
    repos.iter().copied().collect()
}

async fn linked(world: &World, name: &str, id: &str) -> User {
    world.store.set_permission_source(&host(), BOUND_DEFAULT).await.unwrap();
    let user = world.user(name, Role::Member).await;
    world.store.link_identity(&host(), &account(id), user.id, name).await.unwrap();
    user
}

on_both! {
    async fn what_a_host_lists_is_read(world) {
        let (one, two) = (world.add("one").await, world.add("two").await);
        let ada = linked(&world, "ada", "77").await;
        let eve = linked(&world, "eve", "78").await;
        let store = &world.store;
        assert!(store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), world.now()).await.unwrap());
        assert!(world.access(&ada).await.allows(one) && !world.access(&ada).await.allows(two));
        assert_eq!(world.access(&eve).await.n_repos(), 0);
        let epoch = store.epoch().await.unwrap();
        world.pass(60);
        assert!(!store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), world.now()).await.unwrap());
        assert_eq!(store.epoch().await.unwrap(), epoch, "nothing changed but the time");
        world.pass(60);
        store.apply_account_repositories(&host(), &reader("77"), &set(&[two]), world.now()).await.unwrap();
        assert!(!world.access(&ada).await.allows(one) && world.access(&ada).await.allows(two));
        assert!(store.epoch().await.unwrap() > epoch);
    }

    /// P7: stale permission data denies, and comes back with the next reading.
    async fn what_is_too_old_denies(world) {
        let one = world.add("one").await;
        let ada = linked(&world, "ada", "77").await;
        let list = || async {
            world.store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), world.now()).await.unwrap()
        };
        list().await;
        let ends_at = world.now().plus(BOUND_DEFAULT);
        assert_eq!(world.access(&ada).await.ends_at_ms(), Some(ends_at.0));
        world.pass(BOUND_DEFAULT.as_secs() - 1);
        assert!(world.access(&ada).await.allows(one));
        world.pass(1);
        assert!(!world.access(&ada).await.allows(one));
        assert!(list().await, "the same list again is news by now");
        assert!(world.access(&ada).await.allows(one));
        world.pass(BOUND_DEFAULT.as_secs() - 1);
        list().await;
        world.pass(1);
        assert!(world.access(&ada).await.allows(one), "what was remembered for ada had ended meanwhile");
    }

    async fn a_shorter_bound_counts_at_once(world) {
        let one = world.add("one").await;
        let ada = linked(&world, "ada", "77").await;
        world.store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), world.now()).await.unwrap();
        world.pass(120);
        assert!(world.access(&ada).await.allows(one));
        world.store.set_permission_source(&host(), Duration::from_secs(60)).await.unwrap();
        assert!(!world.access(&ada).await.allows(one));
    }

    async fn everyone_there_is_everyone_here(world) {
        let (open, closed) = (world.add("open").await, world.add("closed").await);
        let eve = world.user("eve", Role::Member).await;
        world.store.set_permission_source(&host(), BOUND_DEFAULT).await.unwrap();
        let readings = [(open, BTreeSet::from([Reader::Everyone])), (closed, BTreeSet::from([reader("77")]))];
        world.store.apply_repository_accounts(&host(), &readings, world.now()).await.unwrap();
        let access = world.access(&eve).await;
        assert!(access.allows(open) && !access.allows(closed));
    }

    /// A list that was begun before another one and arrives after it says nothing any more.
    async fn late_readings_are_passed_over(world) {
        let (one, two) = (world.add("one").await, world.add("two").await);
        let ada = linked(&world, "ada", "77").await;
        let before = world.now();
        world.pass(60);
        let store = &world.store;
        store.apply_account_repositories(&host(), &reader("77"), &set(&[two]), world.now()).await.unwrap();
        assert!(!store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), before).await.unwrap());
        let readings = |readers: &[&str]| [(one, readers.iter().map(|id| reader(id)).collect::<BTreeSet<_>>())];
        store.apply_repository_accounts(&host(), &readings(&[]), world.now()).await.unwrap();
        store.apply_repository_accounts(&host(), &readings(&["77"]), before).await.unwrap();
        let access = world.access(&ada).await;
        assert!(!access.allows(one) && access.allows(two));
    }

    async fn accounts_are_one_persons(world) {
        let one = world.add("one").await;
        let ada = linked(&world, "ada", "77").await;
        let eve = world.user("eve", Role::Member).await;
        world.store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), world.now()).await.unwrap();
        let taken = world.store.link_identity(&host(), &account("77"), eve.id, "ada").await;
        assert!(matches!(taken, Err(LinkError::Taken)));
        assert!(!world.access(&eve).await.allows(one));
        assert!(world.store.unlink_identity(&host(), ada.id).await.unwrap());
        assert!(!world.access(&ada).await.allows(one));
        // The same login name under another number is somebody else.
        world.store.link_identity(&host(), &account("99"), eve.id, "ada").await.unwrap();
        assert!(!world.access(&eve).await.allows(one));
        let unknown = world.store.link_identity(&HostId("nowhere".into()), &account("1"), ada.id, "x").await;
        assert!(matches!(unknown, Err(LinkError::Unknown)));
    }

    async fn a_removed_source_states_nothing(world) {
        let one = world.add("one").await;
        let ada = linked(&world, "ada", "77").await;
        world.store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), world.now()).await.unwrap();
        assert!(world.access(&ada).await.allows(one));
        assert!(world.store.remove_permission_source(&host()).await.unwrap());
        assert!(!world.access(&ada).await.allows(one));
        assert!(world.store.identities_of(ada.id).await.unwrap().is_empty());
        let late = world.store.apply_account_repositories(&host(), &reader("77"), &set(&[one]), world.now()).await;
        assert!(!late.unwrap(), "what arrives after its removal is not kept");
    }

    async fn unrestricted_repositories_are_known_everywhere_at_once(world) {
        let eve = world.user("eve", Role::Member).await;
        let (one, two) = (world.add("one").await, world.add("two").await);
        let elsewhere = world.another_process().await;
        elsewhere.set_unrestricted(one, true).await.unwrap();
        assert!(world.access(&eve).await.allows(one));
        elsewhere.set_unrestricted(two, true).await.unwrap();
        elsewhere.set_unrestricted(one, false).await.unwrap();
        let access = world.access(&eve).await;
        assert!(!access.allows(one) && access.allows(two));
        elsewhere.remove_repository(two).await.unwrap();
        assert_eq!(world.access(&eve).await.n_repos(), 0);
    }
}

/// Something that happens between a host, the store and the clock.
#[derive(Clone, Debug)]
enum Event {
    Listed { account: usize, repos: Vec<usize>, late: u64 },
    Read { repos: Vec<(usize, Vec<usize>)>, late: u64 },
    Passed { steps: u64 },
}

const N_ACCOUNTS: usize = 3;
const N_REPOS: usize = 4;
const STEP_SECONDS: u64 = 30;

fn events() -> impl Strategy<Value = Vec<Event>> {
    let repos = || prop::collection::vec(0..N_REPOS, 0..N_REPOS);
    let accounts = || prop::collection::vec(0..N_ACCOUNTS, 0..N_ACCOUNTS);
    let listed = (0..N_ACCOUNTS, repos(), 0u64..3);
    let listed = listed.prop_map(|(account, repos, late)| Event::Listed { account, repos, late });
    let read = (prop::collection::vec((0..N_REPOS, accounts()), 1..3), 0u64..3);
    let read = read.prop_map(|(repos, late)| Event::Read { repos, late });
    let passed = (1u64..6).prop_map(|steps| Event::Passed { steps });
    prop::collection::vec(prop_oneof![listed, read, passed], 1..14)
}

/// What was said last about each pair, told the plainest way. Readings from both sides at one moment leave the pair in doubt:
/// both must agree.
#[derive(Default)]
struct Plain {
    listed: BTreeMap<usize, (u64, BTreeSet<usize>)>,
    read: BTreeMap<usize, (u64, BTreeSet<usize>)>,
}

impl Plain {
    fn reads(&self, account: usize, repo: usize, now: u64, bound: u64) -> bool {
        let listed = self.listed.get(&account).filter(|(at, _)| at + bound > now);
        let read = self.read.get(&repo).filter(|(at, _)| at + bound > now);
        let says_listed = listed.map(|(at, repos)| (*at, repos.contains(&repo)));
        let says_read = read.map(|(at, accounts)| (*at, accounts.contains(&account)));
        match (says_listed, says_read) {
            (None, None) => false,
            (Some((_, says)), None) | (None, Some((_, says))) => says,
            (Some((at, says)), Some((read_at, read_says))) => match at.cmp(&read_at) {
                std::cmp::Ordering::Less => read_says,
                std::cmp::Ordering::Greater => says,
                std::cmp::Ordering::Equal => says && read_says,
            },
        }
    }
}

async fn follow(backend: Backend, events: Vec<Event>) {
    let world = World::new(backend, Arc::new(SystemRandomness)).await;
    let bound = Duration::from_secs(5 * STEP_SECONDS);
    world.store.set_permission_source(&host(), bound).await.unwrap();
    let mut users = Vec::new();
    for (id, name) in ["ada", "bob", "eve"].iter().enumerate() {
        users.push(linked(&world, name, &id.to_string()).await);
    }
    world.store.set_permission_source(&host(), bound).await.unwrap();
    let mut repos = Vec::new();
    for idx in 0..N_REPOS {
        repos.push(world.add(&format!("r{idx}")).await);
    }
    let (mut plain, mut steps) = (Plain::default(), 10);
    // The steps of times and those of this test fall together.
    let begin = Timestamp(world.now().0 / 30_000 * 30_000 - 10 * 30_000);
    let at = |step: u64| begin.plus(Duration::from_secs(step * STEP_SECONDS));
    for event in events {
        match event {
            Event::Listed { account, repos: listed, late } => {
                let step = steps - late;
                let set = listed.iter().map(|idx| repos[*idx]).collect();
                let reader = reader(&account.to_string());
                world.store.apply_account_repositories(&host(), &reader, &set, at(step)).await.unwrap();
                if plain.listed.get(&account).is_none_or(|(known, _)| *known <= step) {
                    plain.listed.insert(account, (step, listed.into_iter().collect()));
                }
            }
            Event::Read { repos: read, late } => {
                let step = steps - late;
                let read: BTreeMap<usize, Vec<usize>> = read.into_iter().collect();
                let name = |id: &usize| reader(&id.to_string());
                let readings: Vec<_> =
                    read.iter().map(|(idx, ids)| (repos[*idx], ids.iter().map(name).collect())).collect();
                world.store.apply_repository_accounts(&host(), &readings, at(step)).await.unwrap();
                for (repo, accounts) in read {
                    if plain.read.get(&repo).is_none_or(|(known, _)| *known <= step) {
                        plain.read.insert(repo, (step, accounts.into_iter().collect()));
                    }
                }
            }
            Event::Passed { steps: n } => {
                steps += n;
                world.pass(n * STEP_SECONDS);
            }
        }
        // The clock stands at noon, which is inside a step.
        for (account, user) in users.iter().enumerate() {
            let access = world.access(user).await;
            let readable = world.store.readable_by(user.id).await.unwrap();
            let counting = readable.iter().filter(|one| one.reasons.iter().any(AccessReason::counts));
            let counting: BTreeSet<RepoId> = counting.map(|one| one.repo).collect();
            assert_eq!(counting, access.repos().collect(), "account {account}: reasons are those of the set");
            for (idx, repo) in repos.iter().enumerate() {
                let expected = plain.reads(account, idx, steps, 5);
                assert_eq!(
                    access.allows(*repo),
                    expected,
                    "account {account}, repository {idx}, step {steps}"
                );
            }
        }
    }
    world.store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_follows_what_was_said_last(events in events()) {
        block_on(follow(Backend::Sqlite, events));
    }
}

#[test]
fn what_is_read_follows_what_was_said_last_on_postgres() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..6 {
        let events = proptest::strategy::Strategy::new_tree(&events(), &mut runner).unwrap();
        block_on(follow(Backend::Postgres, proptest::strategy::ValueTree::current(&events)));
    }
}
