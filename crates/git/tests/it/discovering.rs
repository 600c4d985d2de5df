//! Finding repositories below a folder.

use crate::support::NOT_CANCELLED;
use git::{DiscoverError, DiscoverLimits, Discovery, FoundKind, OpenOptions, Repository, discover};
use std::{fs, os::unix::fs::symlink, path::Path, sync::atomic::AtomicBool};
use testkit::git::GitWorld;

fn search(root: &Path, limits: &DiscoverLimits) -> Discovery {
    discover(root, limits, &NOT_CANCELLED, &mut |_, _| ()).unwrap()
}

#[track_caller]
fn check(world: &GitWorld, expected: &[(&str, FoundKind)]) -> Discovery {
    let discovery = search(&world.path(), &DiscoverLimits::default());
    let found: Vec<_> = discovery
        .repositories
        .iter()
        .map(|found| (found.path.strip_prefix(world.path()).unwrap().to_str().unwrap(), found.kind))
        .collect();
    assert_eq!(found, expected);
    for found in &discovery.repositories {
        Repository::open(&found.path, &OpenOptions { within: vec![world.path()], ..OpenOptions::default() })
            .unwrap();
    }
    discovery
}

#[test]
fn every_kind_of_repository_once() {
    let world = GitWorld::new();
    let main = world.repo("code/main");
    main.commit_files("main", &[("a", b"1")]);
    main.git(&["worktree", "add", "-q", "../a-linked", "-b", "linked"]);
    main.git(&["worktree", "add", "-q", "--detach", "inside/linked"]);
    world.repo("code/main/nested/deep");
    world.bare("bare.git");
    world.bare("bare.git/refs/not-found");
    world.repo("code/main/node_modules/dependency");
    world.repo("node_modules/top");
    let library = world.repo("library");
    library.commit_files("main", &[("a", b"1")]);
    let sub = world.repo("super");
    let library = library.path().display().to_string();
    sub.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &library, "sub"]);
    fs::create_dir(world.path().join("empty")).unwrap();
    let discovery = check(
        &world,
        &[
            ("bare.git", FoundKind::Bare),
            ("code/main", FoundKind::WorkTree),
            ("code/main/nested/deep", FoundKind::WorkTree),
            ("library", FoundKind::WorkTree),
            ("node_modules/top", FoundKind::WorkTree),
            ("super", FoundKind::WorkTree),
            ("super/sub", FoundKind::Linked),
        ],
    );
    assert!(discovery.unusable.is_empty() && !discovery.truncated);
}

#[test]
fn a_linked_work_tree_alone_stands_for_its_repository() {
    let world = GitWorld::new();
    let elsewhere = GitWorld::new();
    let main = elsewhere.repo("main");
    main.commit_files("main", &[("a", b"1")]);
    for name in ["one", "two"] {
        let path = world.path().join(name).display().to_string();
        main.git(&["worktree", "add", "-q", "--detach", &path]);
    }
    let discovery = check(&world, &[("one", FoundKind::Linked)]);
    let options = OpenOptions { within: vec![world.path()], ..OpenOptions::default() };
    let opened = Repository::open(&discovery.repositories[0].path, &options).unwrap();
    assert_eq!(opened.refs().unwrap().refs.len(), 1);
}

#[test]
fn the_root_itself_and_links() {
    let world = GitWorld::new();
    let repo = world.repo("repo");
    symlink(world.path(), repo.path().join("loop")).unwrap();
    symlink(repo.path(), world.path().join("alias")).unwrap();
    check(&world, &[("repo", FoundKind::WorkTree)]);
    let through_link = search(&world.path().join("alias"), &DiscoverLimits::default());
    assert_eq!(through_link.repositories[0].path, repo.path());
}

#[test]
fn what_only_looks_like_a_repository_is_told() {
    let world = GitWorld::new();
    for (folder, content) in [("broken", "gitdir: /nowhere\n"), ("nonsense", "hello")] {
        fs::create_dir(world.path().join(folder)).unwrap();
        fs::write(world.path().join(folder).join(".git"), content).unwrap();
    }
    fs::create_dir_all(world.path().join("hollow/.git")).unwrap();
    let discovery = check(&world, &[]);
    let told: Vec<_> =
        discovery.unusable.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(told, ["broken", "hollow", "nonsense"]);
}

#[test]
fn limits_and_cancelling() {
    let world = GitWorld::new();
    world.repo("a/b/c/d/repo");
    let shallow = search(&world.path(), &DiscoverLimits { depth_max: 3, ..DiscoverLimits::default() });
    assert!(shallow.repositories.is_empty() && shallow.truncated);
    let few = search(&world.path(), &DiscoverLimits { n_folders_max: 2, ..DiscoverLimits::default() });
    assert!(few.truncated && few.n_folders == 2);
    let cancelled =
        discover(&world.path(), &DiscoverLimits::default(), &AtomicBool::new(true), &mut |_, _| ());
    assert!(matches!(cancelled, Err(DiscoverError::Cancelled)));
    let missing =
        discover(&world.path().join("x"), &DiscoverLimits::default(), &NOT_CANCELLED, &mut |_, _| ());
    assert!(matches!(missing, Err(DiscoverError::NotReadable { .. })));
}
