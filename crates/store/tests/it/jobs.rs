//! The queue.

use crate::world::{World, on_both};
use model::RepoId;
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;
use store::{ClaimRequest, ClaimedJob, JobCounts, JobId, LeaseError, NewJob, Outcome, WorkerId};

const LEASE: Duration = Duration::from_secs(60);

fn job(kind: &str) -> NewJob {
    NewJob {
        kind: kind.into(),
        repo: None,
        payload: json!(null),
        priority: 0,
        dedupe_key: None,
        host: None,
        run_after: None,
    }
}

fn request(worker: &WorkerId) -> ClaimRequest {
    ClaimRequest {
        worker: worker.clone(),
        kinds: vec!["index".into(), "fetch".into()],
        lease: LEASE,
        n_per_host_max: 2,
    }
}

async fn enqueue(world: &World, new: NewJob) -> JobId {
    world.store.jobs().enqueue(new).await.unwrap().id
}

async fn claim(world: &World) -> Option<ClaimedJob> {
    world.store.jobs().claim(&request(&WorkerId::draw())).await.unwrap()
}

async fn claimed_ids(world: &World) -> Vec<JobId> {
    let mut ids = Vec::new();
    while let Some(job) = claim(world).await {
        ids.push(job.id);
    }
    ids
}

async fn counts(world: &World) -> (u64, u64, u64) {
    let JobCounts { n_queued, n_running, n_failed } = world.store.jobs().counts().await.unwrap();
    (n_queued, n_running, n_failed)
}

fn is_lost<T: std::fmt::Debug>(result: Result<T, LeaseError>) -> bool {
    matches!(result, Err(LeaseError::Lost))
}

on_both! {
    async fn a_job_is_done_once(world) {
        let repo = world.add("tool").await;
        let payload = json!({"why": "push", "refs": ["é", 1, null]});
        let id = enqueue(&world, NewJob { repo: Some(repo), payload: payload.clone(), ..job("index") }).await;
        assert_eq!(counts(&world).await, (1, 0, 0));
        let claimed = claim(&world).await.unwrap();
        assert_eq!((claimed.id, claimed.kind.as_str(), claimed.repo, &claimed.payload), (id, "index", Some(repo), &payload));
        assert_eq!((claimed.n_failures, claimed.lease_until), (0, world.now().plus(LEASE)));
        assert_eq!(counts(&world).await, (0, 1, 0));
        assert_eq!(claim(&world).await, None);
        world.store.jobs().complete(&claimed).await.unwrap();
        assert_eq!(counts(&world).await, (0, 0, 0));
        assert!(is_lost(world.store.jobs().complete(&claimed).await));
    }

    async fn kinds_nobody_asks_for_wait(world) {
        enqueue(&world, job("mail")).await;
        assert_eq!(claim(&world).await, None);
        let nothing = ClaimRequest { kinds: vec![], ..request(&WorkerId::draw()) };
        assert_eq!(world.store.jobs().claim(&nothing).await.unwrap(), None);
        assert_eq!(counts(&world).await, (1, 0, 0));
    }

    async fn higher_priority_first_then_the_longest_waiting(world) {
        let low = enqueue(&world, NewJob { priority: -5, ..job("index") }).await;
        let one = enqueue(&world, job("index")).await;
        let two = enqueue(&world, job("fetch")).await;
        let high = enqueue(&world, NewJob { priority: 5, ..job("index") }).await;
        assert_eq!(claimed_ids(&world).await, [high, one, two, low]);
    }

    async fn not_before_its_time(world) {
        let run_after = Some(world.now().plus(Duration::from_secs(10)));
        let later = enqueue(&world, NewJob { run_after, priority: 9, ..job("index") }).await;
        assert_eq!(claim(&world).await, None);
        world.pass(10);
        assert_eq!(claimed_ids(&world).await, [later]);
    }

    async fn the_same_key_waits_once(world) {
        let keyed = |priority| NewJob { dedupe_key: Some("index:1".into()), priority, ..job("index") };
        let run_after = Some(world.now().plus(Duration::from_secs(10)));
        let first = world.store.jobs().enqueue(NewJob { run_after, ..keyed(1) }).await.unwrap();
        let second = world.store.jobs().enqueue(keyed(0)).await.unwrap();
        assert!(first.is_new && !second.is_new);
        assert_eq!(first.id, second.id);
        let running = claim(&world).await.expect("the earlier of both moments");
        // What comes while it runs may have come after it looked: it runs once more, afterwards.
        let third = world.store.jobs().enqueue(keyed(0)).await.unwrap();
        assert!(third.is_new);
        assert_eq!(claim(&world).await, None, "not both at once");
        world.store.jobs().complete(&running).await.unwrap();
        assert_eq!(claimed_ids(&world).await, [third.id]);
    }

    async fn one_job_per_repository_at_a_time(world) {
        let (one, two) = (world.add("one").await, world.add("two").await);
        let fetch = enqueue(&world, NewJob { repo: Some(one), ..job("fetch") }).await;
        let index = enqueue(&world, NewJob { repo: Some(one), ..job("index") }).await;
        let other = enqueue(&world, NewJob { repo: Some(two), ..job("index") }).await;
        let running = claim(&world).await.unwrap();
        assert_eq!(running.id, fetch);
        assert_eq!(claimed_ids(&world).await, [other]);
        world.store.jobs().complete(&running).await.unwrap();
        assert_eq!(claimed_ids(&world).await, [index]);
    }

    async fn a_host_is_not_flooded(world) {
        let on = |host: &str| NewJob { host: Some(host.into()), ..job("fetch") };
        let mut at_a = Vec::new();
        for _ in 0..3 {
            at_a.push(enqueue(&world, on("a.example")).await);
        }
        let at_b = enqueue(&world, on("b.example")).await;
        let (first, second) = (claim(&world).await.unwrap(), claim(&world).await.unwrap());
        assert_eq!([first.id, second.id], at_a[..2]);
        assert_eq!(claimed_ids(&world).await, [at_b]);
        world.store.jobs().complete(&first).await.unwrap();
        assert_eq!(claimed_ids(&world).await, [at_a[2]]);
    }

    async fn a_failure_is_tried_again_later_and_ten_are_enough(world) {
        enqueue(&world, job("index")).await;
        let mut last_wait = Duration::ZERO;
        for n_failures in 0..9 {
            let claimed = claim(&world).await.unwrap();
            assert_eq!(claimed.n_failures, n_failures);
            let Outcome::Retry { at } = world.store.jobs().fail(&claimed, "no route").await.unwrap() else { panic!() };
            let wait = at.since(world.now());
            assert!(wait > last_wait, "{wait:?} after {last_wait:?}");
            assert_eq!(claim(&world).await, None);
            world.clock.advance(wait);
            last_wait = wait;
        }
        let claimed = claim(&world).await.unwrap();
        assert_eq!(world.store.jobs().fail(&claimed, "no route").await.unwrap(), Outcome::GaveUp);
        world.pass(100_000);
        assert_eq!((claim(&world).await, counts(&world).await), (None, (0, 0, 1)));
        assert_eq!(world.store.jobs().forget_failed(world.now()).await.unwrap(), 1);
        assert_eq!(counts(&world).await, (0, 0, 0));
    }

    async fn giving_up_is_at_once_and_success_clears_it(world) {
        let keyed = || NewJob { dedupe_key: Some("k".into()), ..job("index") };
        enqueue(&world, keyed()).await;
        world.store.jobs().give_up(&claim(&world).await.unwrap(), "not a repository").await.unwrap();
        assert_eq!(counts(&world).await, (0, 0, 1));
        enqueue(&world, keyed()).await;
        world.store.jobs().complete(&claim(&world).await.unwrap()).await.unwrap();
        assert_eq!(counts(&world).await, (0, 0, 0));
    }

    /// The one that waits goes on for the one that failed, and remembers for it.
    async fn a_failed_job_and_its_waiting_twin_become_one(world) {
        let keyed = || NewJob { dedupe_key: Some("k".into()), ..job("index") };
        enqueue(&world, keyed()).await;
        let running = claim(&world).await.unwrap();
        let twin = enqueue(&world, keyed()).await;
        let outcome = world.store.jobs().fail(&running, "no route").await.unwrap();
        assert_eq!(outcome, Outcome::Retry { at: world.now() });
        assert_eq!(counts(&world).await, (1, 0, 0));
        let next = claim(&world).await.unwrap();
        assert_eq!((next.id, next.n_failures), (twin, 1));
        // The same when the lease runs out, and when the job is put back.
        enqueue(&world, keyed()).await;
        world.pass(60);
        let next = claim(&world).await.unwrap();
        assert_eq!(counts(&world).await, (0, 1, 0));
        enqueue(&world, keyed()).await;
        world.store.jobs().release(&next).await.unwrap();
        assert_eq!(counts(&world).await, (1, 0, 0));
    }

    async fn a_lease_that_ran_out_is_claimed_again_and_lost_to_the_first(world) {
        let id = enqueue(&world, job("index")).await;
        let (first_worker, second_worker) = (WorkerId::draw(), WorkerId::draw());
        let jobs = world.store.jobs();
        let first = jobs.claim(&request(&first_worker)).await.unwrap().unwrap();
        world.pass(59);
        assert_eq!(jobs.claim(&request(&second_worker)).await.unwrap(), None);
        assert_eq!(jobs.heartbeat(&first, LEASE).await.unwrap(), world.now().plus(LEASE));
        world.pass(59);
        assert_eq!(jobs.claim(&request(&second_worker)).await.unwrap(), None);
        world.pass(1);
        let second = jobs.claim(&request(&second_worker)).await.unwrap().unwrap();
        assert_eq!((second.id, second.n_failures), (id, 0), "an interruption is no failure");
        assert!(is_lost(jobs.heartbeat(&first, LEASE).await));
        assert!(is_lost(jobs.complete(&first).await));
        assert!(is_lost(jobs.fail(&first, "late").await));
        assert!(is_lost(jobs.give_up(&first, "late").await));
        assert!(is_lost(jobs.release(&first).await));
        jobs.complete(&second).await.unwrap();
    }

    /// Not even the same worker may end a later claim with an earlier one.
    async fn an_old_claim_of_the_same_worker_is_lost_too(world) {
        enqueue(&world, job("index")).await;
        let (jobs, worker) = (world.store.jobs(), WorkerId::draw());
        let first = jobs.claim(&request(&worker)).await.unwrap().unwrap();
        world.pass(60);
        let second = jobs.claim(&request(&worker)).await.unwrap().unwrap();
        assert!(is_lost(jobs.complete(&first).await));
        jobs.complete(&second).await.unwrap();
    }

    async fn an_unclaimed_late_end_still_counts(world) {
        enqueue(&world, job("index")).await;
        let claimed = claim(&world).await.unwrap();
        world.pass(1000);
        world.store.jobs().complete(&claimed).await.unwrap();
        assert_eq!(counts(&world).await, (0, 0, 0));
    }

    /// After `kill -9`, the next process need not wait for the leases of the dead one.
    async fn the_only_process_takes_everything_back_at_its_start(world) {
        let dead = world.another_process().await;
        for _ in 0..3 {
            enqueue(&world, job("index")).await;
        }
        let (dead_worker, worker) = (WorkerId::draw(), WorkerId::draw());
        for _ in 0..2 {
            dead.jobs().claim(&request(&dead_worker)).await.unwrap().unwrap();
        }
        let own = world.store.jobs().claim(&request(&worker)).await.unwrap().unwrap();
        assert_eq!(world.store.jobs().release_others(&worker).await.unwrap(), 2);
        assert_eq!(counts(&world).await, (2, 1, 0));
        world.store.jobs().complete(&own).await.unwrap();
        assert_eq!(claimed_ids(&world).await.len(), 2);
    }

    /// A machine may be switched off often; but what kills its process every time waits in between.
    async fn interruptions_are_no_failures_but_slow_down(world) {
        enqueue(&world, job("index")).await;
        let mut waits = Vec::new();
        for _ in 0..13 {
            let mut n_seconds = 0;
            let claimed = loop {
                match claim(&world).await {
                    Some(claimed) => break claimed,
                    None => world.pass(1),
                }
                n_seconds += 1;
            };
            assert_eq!(claimed.n_failures, 0);
            waits.push(n_seconds);
            world.store.jobs().release_others(&WorkerId::draw()).await.unwrap();
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]);
    }

    async fn a_job_put_back_is_claimed_at_once(world) {
        let id = enqueue(&world, job("index")).await;
        for _ in 0..20 {
            let claimed = claim(&world).await.unwrap();
            assert_eq!((claimed.id, claimed.n_failures), (id, 0));
            world.store.jobs().release(&claimed).await.unwrap();
        }
    }

    async fn jobs_go_with_their_repository(world) {
        let repo = world.add("tool").await;
        enqueue(&world, NewJob { repo: Some(repo), ..job("fetch") }).await;
        enqueue(&world, NewJob { repo: Some(repo), ..job("index") }).await;
        let running = claim(&world).await.unwrap();
        world.store.remove_repository(repo).await.unwrap();
        assert_eq!(counts(&world).await, (0, 0, 0));
        assert!(is_lost(world.store.jobs().heartbeat(&running, LEASE).await));
        assert!(world.store.jobs().enqueue(NewJob { repo: Some(RepoId(999)), ..job("index") }).await.is_err());
    }

    async fn what_cannot_be_stored_is_refused(world) {
        let payload = json!("x".repeat(64 * 1024));
        let too_much = [
            NewJob { payload, ..job("index") },
            job(&"x".repeat(65)),
            NewJob { dedupe_key: Some("x".repeat(201)), ..job("index") },
            NewJob { host: Some("a\0b".into()), ..job("index") },
        ];
        for new in too_much {
            assert!(world.store.jobs().enqueue_all(vec![job("index"), new]).await.is_err());
        }
        assert_eq!(counts(&world).await, (0, 0, 0), "all or none");
    }

    async fn whoever_waits_is_woken(world) {
        let jobs = world.store.jobs();
        let (waiting, enqueueing) = (jobs.clone(), jobs.clone());
        let waiter = tokio::spawn(async move { waiting.wait(Duration::from_secs(100_000)).await });
        enqueueing.enqueue(job("index")).await.unwrap();
        tokio::time::timeout(Duration::from_secs(60), waiter).await.expect("woken").unwrap();
        // Nobody waited: the bell is not lost.
        enqueueing.enqueue(job("index")).await.unwrap();
        tokio::time::timeout(Duration::from_secs(60), jobs.wait(Duration::from_secs(100_000))).await.expect("woken");
    }

    /// Two processes, many workers, one queue: every job once, never two of a host beyond its limit or of one repository.
    async fn many_claimers_never_get_the_same_job(world) {
        let mut repos = Vec::new();
        for number in 0..5 {
            repos.push(world.add(&format!("tool-{number}")).await);
        }
        let new = |number: usize| NewJob {
            repo: number.is_multiple_of(3).then(|| repos[number % 5]),
            host: number.is_multiple_of(2).then(|| format!("host-{}", number % 4)),
            dedupe_key: number.is_multiple_of(7).then(|| format!("key-{number}")),
            ..job("index")
        };
        let enqueued = world.store.jobs().enqueue_all((0..60).map(new).collect()).await.unwrap();
        let other = world.another_process().await;
        let mut workers = Vec::new();
        for number in 0..8 {
            let jobs = if number % 2 == 0 { world.store.jobs() } else { other.jobs() };
            workers.push(tokio::spawn(async move {
                let request = request(&WorkerId::draw());
                let mut done = Vec::new();
                while jobs.counts().await.unwrap() != JobCounts::default() {
                    match jobs.claim(&request).await.unwrap() {
                        Some(claimed) => {
                            done.push(claimed.id);
                            jobs.complete(&claimed).await.unwrap();
                        }
                        None => tokio::task::yield_now().await,
                    }
                }
                done
            }));
        }
        let mut done = Vec::new();
        for worker in workers {
            done.extend(worker.await.unwrap());
        }
        assert_eq!(done.len(), enqueued.len());
        assert_eq!(done.into_iter().collect::<HashSet<_>>().len(), enqueued.len());
    }

    /// The limits hold for claims at the same moment too.
    async fn simultaneous_claims_keep_the_limits(world) {
        let repo = world.add("tool").await;
        let mut new = vec![NewJob { host: Some("a.example".into()), ..job("fetch") }; 8];
        new.extend(vec![NewJob { repo: Some(repo), ..job("index") }; 8]);
        world.store.jobs().enqueue_all(new).await.unwrap();
        let other = world.another_process().await;
        let mut claimers = Vec::new();
        for number in 0..12 {
            let jobs = if number % 2 == 0 { world.store.jobs() } else { other.jobs() };
            claimers.push(tokio::spawn(async move { jobs.claim(&request(&WorkerId::draw())).await.unwrap() }));
        }
        let (mut n_of_host, mut n_of_repo) = (0, 0);
        for claimer in claimers {
            if let Some(claimed) = claimer.await.unwrap() {
                *if claimed.repo.is_some() { &mut n_of_repo } else { &mut n_of_host } += 1;
            }
        }
        assert!(n_of_host <= 2 && n_of_repo <= 1, "{n_of_host} of the host, {n_of_repo} of the repository");
        assert!(n_of_host + n_of_repo > 0, "somebody must win");
    }
}
