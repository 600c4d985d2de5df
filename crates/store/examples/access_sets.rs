//! How long building an access set takes, cold and remembered, in a store of many repositories and people.
//!
//! `cargo run --release -p store --example access_sets [repositories] [people]`; 100,000 and 10,000 where nothing is said.
#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use access::{AccountId, Actor, HostId, Reader, Role, UserName};
use model::{RepoId, RepoName, RepoSet};
use std::error::Error;
use std::time::{Duration, Instant};
use store::{
    Adder, BOUND_DEFAULT, NewRepository, NewUser, SessionLimits, Source, Store, StoreUrl, User, Visibility,
};

/// How often each figure is measured.
const N_MEASURED: usize = 300;
/// Of how many repositories a host tells for a person.
const N_LISTED: u64 = 2_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let n_repos = arguments.next().transpose()?.unwrap_or(100_000);
    let n_people = arguments.next().transpose()?.unwrap_or(10_000);
    let folder = std::env::temp_dir().join(format!("sourcekeep-access-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder, n_repos, n_people).await;
    std::fs::remove_dir_all(&folder)?;
    measured
}

async fn measure(folder: &std::path::Path, n_repos: usize, n_people: usize) -> Result<(), Box<dyn Error>> {
    let store = Store::open(&StoreUrl::file(folder.join("sourcekeep.db"))).await?;
    let begun = Instant::now();
    let ids = repositories(&store, n_repos).await?;
    let host = HostId("host".into());
    store.set_permission_source(&host, 96 * BOUND_DEFAULT).await?;
    let people = people(&store, &host, &ids, n_people).await?;
    println!("{n_repos} repositories, {n_people} people, filled in {:.0} s", begun.elapsed().as_secs_f64());
    for (what, user) in [("2,000 of a host and 10,000 open ones", &people[1]), ("all of them", &people[0])] {
        let (secret, _) = store.start_session(user.id, SessionLimits::default()).await?;
        let actor = store.actor_by_session(&secret).await?.ok_or("a session that was just begun")?;
        let n = store.access_set(&actor).await?.n_repos();
        let cold = times(&store, &actor, Some((ids[0], people[2].id))).await?;
        let warm = times(&store, &actor, None).await?;
        println!("{what} ({n}): built {} · remembered {}", shown(cold), shown(warm));
    }
    Ok(())
}

async fn repositories(store: &Store, n_repos: usize) -> Result<Vec<RepoId>, Box<dyn Error>> {
    let mut ids = Vec::with_capacity(n_repos);
    let numbers: Vec<usize> = (0..n_repos).collect();
    for numbers in numbers.chunks(5_000) {
        let new = |number: &usize| {
            let name = RepoName::new(format!("group-{}/repository-{number}", number % 500));
            Ok::<_, Box<dyn Error>>(NewRepository {
                names: vec![name?],
                source: Source::Local(format!("/src/{number}").into()),
                visibility: Visibility::Private,
                unrestricted: number.is_multiple_of(10),
                fork: false,
                archived: false,
            })
        };
        let new = numbers.iter().map(new).collect::<Result<Vec<_>, _>>()?;
        for added in store.add_repositories(new, Adder::LocalOperator).await? {
            ids.push(added?.repository.id);
        }
    }
    Ok(ids)
}

async fn people(
    store: &Store,
    host: &HostId,
    ids: &[RepoId],
    n_people: usize,
) -> Result<Vec<User>, Box<dyn Error>> {
    let mut people = Vec::with_capacity(n_people);
    let mut state = 1u64;
    for number in 0..n_people {
        let name = UserName::new(&format!("person{number}"))?;
        let user = store.create_user(NewUser { name, password: None, role: Role::Member }).await?;
        let account = AccountId::new(number.to_string()).ok_or("a number is an identifier")?;
        store.link_identity(host, &account, user.id, "login").await?;
        let listed: RepoSet = match number {
            0 => ids.iter().copied().collect(),
            _ => (0..N_LISTED)
                .map(|_| {
                    // An LCG of Knuth's (MMIX): spread out, the same each time.
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ids[(state >> 33) as usize % ids.len()]
                })
                .collect(),
        };
        let now = access::Clock::now(&access::SystemClock);
        store.apply_account_repositories(host, &Reader::Account(account), &listed, now).await?;
        people.push(user);
    }
    Ok(people)
}

/// Sorted times; where `changing` is given, somebody else's rights change before each.
async fn times(
    store: &Store,
    actor: &Actor,
    changing: Option<(RepoId, model::UserId)>,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut times = Vec::with_capacity(N_MEASURED);
    for number in 0..N_MEASURED {
        match changing {
            Some((repo, user)) if number.is_multiple_of(2) => drop(store.grant(repo, user).await?),
            Some((repo, user)) => drop(store.revoke(repo, user).await?),
            None => {}
        }
        let begun = Instant::now();
        store.access_set(actor).await?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times)
}

fn shown(times: Vec<Duration>) -> String {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.95), at(0.99))
}
