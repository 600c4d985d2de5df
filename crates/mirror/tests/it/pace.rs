//! How often a remote is fetched: from every 45 seconds to every 8 hours, by its own activity.

use crate::instance::Instance;
use access::{ManualClock, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{ClaimRequest, WorkerId};
use testkit::git::GitWorld;

struct Paced {
    instance: Instance,
    clock: Arc<ManualClock>,
}

impl Paced {
    /// Whether a fetch is due at this moment.
    async fn is_due(&self) -> bool {
        let request = ClaimRequest {
            worker: WorkerId::draw(),
            kinds: vec!["index".to_owned()],
            lease: Duration::from_secs(60),
            n_per_host_max: 4,
        };
        let jobs = self.instance.store.jobs();
        let Some(job) = jobs.claim(&request).await.unwrap() else { return false };
        jobs.release(&job).await.unwrap();
        true
    }

    /// Holds that the next fetch is due after so many seconds and not one earlier, then lets it be done.
    async fn expect_next_after(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds - 1));
        assert!(!self.is_due().await, "due before {seconds} s");
        self.clock.advance(Duration::from_secs(1));
        assert!(self.is_due().await, "not due after {seconds} s");
        let round = self.instance.round().await;
        assert!(round.failures.is_empty(), "{:?}", round.failures);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_remotes_are_fetched_less_and_less_often_and_busy_ones_more() {
    let world = GitWorld::new();
    let upstream = world.bare("up/stream.git");
    upstream.commit_files("main", &[("one.txt", b"alpha\n")]);
    upstream.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    let clock = Arc::new(ManualClock::at(Timestamp(1_800_000_000_000)));
    let paced = Paced { instance: Instance::at(clock.clone()).await, clock };
    paced.instance.try_add(&format!("file://{}", upstream.path().display())).await.unwrap();
    paced.instance.index().await;
    // Nothing new: half as long again each time, at most eight hours.
    let mut seconds = 45;
    let mut n_fetches = 0;
    while seconds < 8 * 3600 {
        paced.expect_next_after(seconds).await;
        seconds = (seconds + seconds / 2 + 1).min(8 * 3600);
        n_fetches += 1;
    }
    assert_eq!(n_fetches, 16, "from 45 seconds to eight hours");
    paced.expect_next_after(8 * 3600).await;
    // Something new is found by the fetch that is due, and the next comes after half the time.
    let mut seconds = 8 * 3600;
    for number in 0..12 {
        let path = format!("new-{number}.txt");
        upstream.commit_files("main", &[(path.as_str(), b"beta\n")]);
        paced.expect_next_after(seconds).await;
        seconds = (seconds / 2).max(45);
    }
    assert_eq!(seconds, 45, "and not more often than every 45 seconds");
    paced.expect_next_after(45).await;
}
