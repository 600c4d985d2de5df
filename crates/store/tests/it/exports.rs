//! Exports from asking to forgetting.

use crate::world::{World, on_both};
use access::{RepoScope, Role};
use model::RepoId;
use store::{CreateExportError, Export, ExportId, ExportProgress, ExportState, ExportUse, NewExport, User};

const MOST: ExportUse = ExportUse { n_exports: 3, n_unfinished: 2, size_bytes: 1000 };

fn asked(user: &User, scope: RepoScope) -> NewExport {
    NewExport { user: user.id, scope, query: "née OR \"x\"".to_owned(), format: "jsonl".to_owned() }
}

async fn create(world: &World, user: &User) -> Result<Export, CreateExportError> {
    world.store.create_export(asked(user, RepoScope::All), MOST).await
}

on_both! {
    async fn an_export_is_written_step_by_step(world) {
        let (b, a) = (world.add("b").await, world.add("a").await);
        let hidden = world.add("hidden").await;
        let ada = world.user("ada", Role::Member).await;
        let scope = RepoScope::Only([a, b].into_iter().collect());
        let export = world.store.create_export(asked(&ada, scope), MOST).await.unwrap();
        assert_eq!(export.state, ExportState::Queued);
        assert_eq!(world.store.export_of(ada.id, &export.id).await.unwrap(), Some(export.clone()));
        let keeper = world.store.maintenance();
        assert_eq!(keeper.export_ids().await.unwrap(), std::slice::from_ref(&export.id));
        let access = world.full_access().await;
        assert!(keeper.begin_export(&export.id, &access).await.unwrap());
        let repos = |from, limit| keeper.export_repos(&export.id, from, limit);
        let order: Vec<RepoId> = repos(0, 10).await.unwrap().iter().map(|one| one.repo).collect();
        assert_eq!(order, [a, b, hidden], "in the order of their names");
        assert_eq!(repos(1, 1).await.unwrap().iter().map(|one| one.position).collect::<Vec<_>>(), [1]);
        let progress = ExportProgress {
            n_repos_done: 2,
            n_results: 7,
            n_lines: 9,
            size_bytes: 1 << 40,
            rights_changed: true,
            skipped: "[{\"é\":1}]".to_owned(),
        };
        world.pass(5);
        assert!(keeper.record_export(&export.id, &progress, &[0, 1]).await.unwrap());
        assert_eq!(world.store.export_repos_held(&export.id).await.unwrap(), [a, b]);
        // It is tried again: what was planned and written stays.
        keeper.delay_export(&export.id, Some("the disk is full")).await.unwrap();
        let delayed = keeper.export(&export.id).await.unwrap().unwrap();
        assert_eq!((delayed.state, delayed.error.as_deref()), (ExportState::Queued, Some("the disk is full")));
        world.add("later").await;
        assert!(keeper.begin_export(&export.id, &world.full_access().await).await.unwrap());
        let running = keeper.export(&export.id).await.unwrap().unwrap();
        assert_eq!((running.state, running.n_repos_total, running.error), (ExportState::Running, Some(3), None));
        assert_eq!(running.progress, progress);
        assert!(keeper.finish_export(&export.id, ExportState::Done, None).await.unwrap());
        assert!(!keeper.finish_export(&export.id, ExportState::Failed, Some("no")).await.unwrap(), "once");
        assert!(!keeper.begin_export(&export.id, &access).await.unwrap());
        assert!(!keeper.record_export(&export.id, &progress, &[]).await.unwrap());
        let done = world.store.export_of(ada.id, &export.id).await.unwrap().unwrap();
        assert_eq!((done.state, done.finished_at), (ExportState::Done, Some(world.now())));
        assert_eq!(keeper.forget_exports(world.now()).await.unwrap(), 0);
        world.pass(1);
        assert_eq!(keeper.forget_exports(world.now()).await.unwrap(), 1);
        assert_eq!(world.store.export_repos_held(&export.id).await.unwrap(), []);
    }

    async fn an_export_is_its_owners(world) {
        let (ada, bob) = (world.user("ada", Role::Member).await, world.user("bob", Role::Member).await);
        let export = create(&world, &ada).await.unwrap();
        let none = ExportId::parse("abcdefgh12345678").unwrap();
        for (user, id) in [(&bob, &export.id), (&ada, &none)] {
            assert_eq!(world.store.export_of(user.id, id).await.unwrap(), None);
            assert!(!world.store.cancel_export(user.id, id).await.unwrap());
            assert!(!world.store.delete_export(user.id, id).await.unwrap());
        }
        assert_eq!(world.store.exports_of(bob.id).await.unwrap(), []);
        assert!(world.store.cancel_export(ada.id, &export.id).await.unwrap());
        assert!(!world.store.cancel_export(ada.id, &export.id).await.unwrap(), "it is over");
        let keeper = world.store.maintenance();
        assert!(!keeper.begin_export(&export.id, &world.full_access().await).await.unwrap());
        assert!(world.store.delete_export(ada.id, &export.id).await.unwrap());
        assert_eq!(world.store.exports_of(ada.id).await.unwrap(), []);
    }

    async fn an_account_has_so_many(world) {
        let (ada, bob) = (world.user("ada", Role::Member).await, world.user("bob", Role::Member).await);
        let keeper = world.store.maintenance();
        let first = create(&world, &ada).await.unwrap();
        world.pass(1);
        let second = create(&world, &ada).await.unwrap();
        let newest_first = world.store.exports_of(ada.id).await.unwrap();
        assert_eq!(newest_first.iter().map(|one| &one.id).collect::<Vec<_>>(), [&second.id, &first.id]);
        assert!(matches!(create(&world, &ada).await, Err(CreateExportError::TooManyUnfinished { n_unfinished: 2 })));
        assert!(create(&world, &bob).await.is_ok(), "others have their own");
        for export in [&first, &second] {
            assert!(keeper.finish_export(&export.id, ExportState::Failed, Some("why")).await.unwrap());
        }
        let third = create(&world, &ada).await.unwrap();
        assert!(matches!(create(&world, &ada).await, Err(CreateExportError::TooMany { n_exports: 3 })));
        assert!(world.store.delete_export(ada.id, &first.id).await.unwrap());
        keeper.begin_export(&third.id, &world.full_access().await).await.unwrap();
        let progress = ExportProgress { size_bytes: 1000, skipped: "[]".to_owned(), ..ExportProgress::default() };
        assert!(keeper.record_export(&third.id, &progress, &[]).await.unwrap());
        assert!(matches!(create(&world, &ada).await, Err(CreateExportError::TooLarge { size_bytes: 1000 })));
    }
}
