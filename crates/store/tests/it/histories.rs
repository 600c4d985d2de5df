//! Histories are published like manifests: by generation, as a whole.

use crate::world::{file, on_both};
use model::RepoId;
use store::{Generation, History, HistoryFileKind, PublishError};

fn history(names: &[&str], n_done: u64) -> History {
    let kinds = [HistoryFileKind::Tips, HistoryFileKind::Commits, HistoryFileKind::Messages];
    let files = kinds.into_iter().zip(names).map(|(kind, name)| (kind, file(name))).collect();
    History { refs_digest: vec![0, 255, 7], files, n_commits: 5_000_000_000, n_done }
}

on_both! {
    async fn who_came_first_is_in_force(world) {
        let (one, other) = (world.add("one").await, world.add("other").await);
        let keeper = world.store.maintenance();
        assert_eq!(keeper.history(one).await.unwrap(), None);
        let first = history(&["t1", "c1", "m1"], 1);
        assert_eq!(keeper.publish_history(one, Generation(0), &first).await.unwrap(), Generation(1));
        let stored = keeper.history(one).await.unwrap().unwrap();
        assert_eq!((stored.generation, &stored.history), (Generation(1), &first));
        let second = history(&["t2", "c1", "m1"], 2);
        for late in [Generation(0), Generation(7)] {
            let outcome = keeper.publish_history(one, late, &second).await;
            assert!(matches!(outcome, Err(PublishError::Superseded)), "{outcome:?}");
        }
        assert_eq!(keeper.publish_history(one, Generation(1), &second).await.unwrap(), Generation(2));
        assert_eq!(keeper.publish_history(other, Generation(0), &first).await.unwrap(), Generation(1));
        let all: Vec<_> = keeper.histories().await.unwrap().into_iter().map(|one| (one.repo, one.history)).collect();
        let mut expected = vec![(one, second), (other, first.clone())];
        expected.sort_by_key(|(repo, _)| *repo);
        assert_eq!(all, expected);
        let nobody = keeper.publish_history(RepoId(4_000_000_000), Generation(0), &first).await;
        assert!(matches!(nobody, Err(PublishError::Superseded)), "{nobody:?}");
    }
}
