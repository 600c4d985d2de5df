//! Repositories whose refs, configuration and links are hostile.

use crate::{
    forged,
    support::{NOT_CANCELLED, local_url, open, program, walk},
};
use git::{Head, Mirror, OpenError, OpenOptions, RefSkip, Repository, ResolveError, WalkLimits};
use model::ObjectId;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::Path,
};
use testkit::git::{GitRepo, GitWorld};

fn small(world: &GitWorld, name: &str) -> (GitRepo, ObjectId) {
    let repo = world.bare(name);
    let commit = repo.commit_files("main", &[("a", b"x\n")]);
    (repo, commit)
}

fn names(repository: &Repository) -> Vec<String> {
    repository.refs().unwrap().refs.iter().map(|r| r.name.to_string()).collect()
}

fn pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
}

#[test]
fn ref_names() {
    // T-ref-names
    let world = GitWorld::new();
    let (repo, commit) = small(&world, "r.git");
    for name in ["heads/-h", "heads/--upload-pack=x", "heads/<script>", "heads/HEAD", "tags/é"] {
        repo.write_raw(&format!("refs/{name}"), format!("{commit}\n").as_bytes());
    }
    let good = [
        "refs/heads/--upload-pack=x",
        "refs/heads/-h",
        "refs/heads/<script>",
        "refs/heads/HEAD",
        "refs/heads/main",
        "refs/tags/é",
    ];
    assert_eq!(names(&open(repo.path())), good);
    for name in [
        "heads/HEAD.lock",
        "heads/a@{1}",
        "heads/a b",
        "heads/x\u{1b}[31m",
        "heads/a..b",
        "heads/.hidden",
        "heads/end.",
        "heads/tilde~1",
    ] {
        repo.write_raw(&format!("refs/{name}"), format!("{commit}\n").as_bytes());
    }
    assert_eq!(names(&open(repo.path())), good);
    let packed = "# pack-refs with: peeled fully-peeled sorted \n";
    for line in [
        "refs/heads/../../x",
        "refs/heads/a@{1}",
        "refs/heads/x\u{1b}[31m",
        "../../etc/passwd",
        "refs/heads/p.lock",
    ] {
        repo.write_raw("packed-refs", format!("{packed}{commit} {line}\n").as_bytes());
        let repository = open(repo.path());
        // A library that refuses the whole file is as good: nothing of it is believed.
        if let Ok(refs) = repository.refs() {
            assert_eq!(refs.refs.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), good, "{line}");
        }
        let short = line.strip_prefix("refs/heads/").unwrap_or(line);
        assert!(repository.resolve(short).is_err() && repository.resolve(line).is_err(), "{line}");
    }
    repo.write_raw(
        "packed-refs",
        &[packed.as_bytes(), commit.to_string().as_bytes(), b" refs/heads/\xff\xfe\n"].concat(),
    );
    if let Ok(refs) = open(repo.path()).refs() {
        assert_eq!(refs.refs.len(), good.len());
    }
}

#[test]
fn ref_targets() {
    // T-ref-targets
    let world = GitWorld::new();
    let (repo, commit) = small(&world, "r.git");
    let tree = repo.git(&["rev-parse", "main^{tree}"]);
    let blob = repo.git(&["rev-parse", "main:a"]);
    repo.git(&["tag", "-a", "-m", "x", "of-tree", &tree]);
    repo.git(&["tag", "light-blob", &blob]);
    let mut tag = commit;
    for n in 0..100 {
        let kind = if n == 0 { "commit" } else { "tag" };
        tag = repo.object(
            "tag",
            format!("object {tag}\ntype {kind}\ntag t\ntagger A <a@b> 1 +0000\n\nx\n").as_bytes(),
        );
    }
    for (name, content) in [
        ("tags/chain", format!("{tag}\n")),
        ("tags/damaged", format!("{}\n", repo.object("tag", b"nonsense"))),
        ("heads/missing", format!("{}\n", forged::id(9))),
        ("heads/loop-a", "ref: refs/heads/loop-b\n".to_owned()),
        ("heads/loop-b", "ref: refs/heads/loop-a\n".to_owned()),
        ("heads/nonsense", "hello\n".to_owned()),
        ("heads/out", "ref: ../../../../etc/passwd\n".to_owned()),
        ("heads/symbolic", "ref: refs/heads/main\n".to_owned()),
    ] {
        repo.write_raw(&format!("refs/{name}"), content.as_bytes());
    }
    pipe(&repo.path().join("refs/heads/pipe"));
    symlink("/etc/passwd", repo.path().join("refs/heads/link")).unwrap();
    symlink("/dev/zero", repo.path().join("refs/heads/zero")).unwrap();
    let repository = open(repo.path());
    assert_eq!(names(&repository), ["refs/heads/main", "refs/heads/symbolic"]);
    let skipped: Vec<_> =
        repository.refs().unwrap().skipped.into_iter().map(|s| (s.name, s.reason)).collect();
    for (name, reason) in [
        ("refs/tags/of-tree", RefSkip::Tree),
        ("refs/tags/light-blob", RefSkip::Blob),
        ("refs/tags/chain", RefSkip::Damaged),
        ("refs/tags/damaged", RefSkip::Damaged),
        ("refs/heads/missing", RefSkip::Missing),
        ("refs/heads/loop-a", RefSkip::Damaged),
    ] {
        assert!(skipped.contains(&(name.to_owned(), reason)), "{name} in {skipped:?}");
    }
    for name in ["pipe", "link", "zero", "out", "nonsense", "loop-b", "chain", "of-tree", "missing"] {
        assert!(repository.resolve(name).is_err(), "{name}");
    }
}

#[test]
fn heads() {
    // T-head
    let world = GitWorld::new();
    let (repo, _) = small(&world, "r.git");
    for content in
        ["ref: refs/tags/x\n", "ref: refs/heads/../../x\n", "ref: ../../etc/passwd\n", "hello\n", "", "ref:"]
    {
        repo.write_raw("HEAD", content.as_bytes());
        match Repository::open(repo.path(), &OpenOptions::default()) {
            Ok(repository) => assert_eq!(repository.refs().unwrap().head, Head::Unusable, "{content}"),
            Err(OpenError::Damaged { .. }) => (),
            Err(other) => panic!("{content}: {other}"),
        }
    }
    fs::remove_file(repo.path().join("HEAD")).unwrap();
    pipe(&repo.path().join("HEAD"));
    let opened = Repository::open(repo.path(), &OpenOptions::default());
    assert!(matches!(opened, Err(OpenError::OddFile { .. })), "{opened:?}");
}

#[test]
fn revisions_that_are_something_else() {
    // G-revision-options
    let world = GitWorld::new();
    let (repo, commit) = small(&world, "r.git");
    let repository = open(repo.path());
    let long = "a".repeat(100_000);
    let id = commit.to_string();
    for text in [
        "--upload-pack=id",
        "--output=/tmp/x",
        "-h",
        "-d",
        "--exec=id",
        "--",
        "HEAD~1",
        "main^",
        "@",
        "@{0}",
        "main@{1}",
        "main:a",
        ":/x",
        "main..main",
        "refs/heads/../heads/main",
        "../HEAD",
        "/etc/passwd",
        "main\n",
        " main",
        "main\0",
        "\u{1b}[31m",
        "",
        "refs/",
        "refs/heads/",
        "config",
        "packed-refs",
        "objects",
        &long,
        &id[..3],
        &format!("{id}0"),
    ] {
        match repository.resolve(text) {
            Err(ResolveError::NotFound { revision }) => {
                assert!(revision.len() <= 800 && !revision.chars().any(char::is_control), "{revision:?}");
            }
            other => panic!("{text:?}: {other:?}"),
        }
    }
}

#[test]
fn configuration_is_not_obeyed() {
    // G-config
    let world = GitWorld::new();
    let repo = world.repo("r");
    let commit = repo.commit_files("main", &[("a", b"x\n"), (".gitattributes", b"* filter=x diff=x\n")]);
    let marker = world.path().join("marker");
    let run = format!("touch {}", marker.display());
    let secret = world.path().join("included");
    fs::write(&secret, format!("[core]\n\tfsmonitor = {run}\n")).unwrap();
    repo.write_raw(
        "config",
        format!(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = {run}\n\tsshCommand = {run}\n\thooksPath = .\n\t\
             worktree = /etc\n\tpager = {run}\n\teditor = {run}\n\tgitProxy = {run}\n\talternateRefsCommand = {run}\n\
             [filter \"x\"]\n\tsmudge = {run}\n\tclean = {run}\n\tprocess = {run}\n\trequired\n[diff \"x\"]\n\ttextconv = {run}\n\
             [include]\n\tpath = {}\n[credential]\n\thelper = !{run}\n[gitoxide \"objects\"]\n\tallocLimit = 1\n\
             [uploadpack]\n\tpackObjectsHook = {run}\n[remote \"origin\"]\n\turl = ext::{run}\n\tpromisor = true\n",
            secret.display()
        )
        .as_bytes(),
    );
    for hook in ["post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"] {
        repo.write_raw(&format!("hooks/{hook}"), format!("#!/bin/sh\n{run}\n").as_bytes());
        let path = repo.git_dir().join("hooks").join(hook);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let repository = open(repo.path());
    assert_eq!(names(&repository), ["refs/heads/main"]);
    let (yielded, _) = walk(&repository, &[commit], &WalkLimits::default());
    let mut content = Vec::new();
    for (_, _, id, _) in &yielded {
        repository.reader().read_blob(*id, 1000, &mut content).unwrap();
    }
    // A partial clone's missing objects are not fetched.
    assert!(repository.reader().header(forged::id(7)).is_err());
    assert!(!marker.exists());
    // And as a remote it runs nothing either. Whether the clone succeeds depends on the kernel: a confined git may not even
    // read the included file.
    let (url, dir) = (local_url(repo.path()), world.path().join("m.git"));
    Mirror::new(program()).clone_mirror(&url, &dir, &NOT_CANCELLED, &mut |_| ()).ok();
    assert!(!marker.exists());
}

#[test]
fn damaged_configuration_is_told() {
    let world = GitWorld::new();
    let (repo, _) = small(&world, "r.git");
    for content in
        [b"[core".as_slice(), b"\xff\xfe\0\0", &[b'['; 100_000], b"[core]\n\trepositoryformatversion = x\n"]
    {
        repo.write_raw("config", content);
        if let Err(error) = Repository::open(repo.path(), &OpenOptions::default()) {
            assert!(matches!(error, OpenError::Damaged { .. } | OpenError::Unsupported { .. }), "{error}");
        }
    }
    repo.write_raw("config", &vec![b'#'; 5 << 20]);
    let opened = Repository::open(repo.path(), &OpenOptions::default());
    assert!(matches!(opened, Err(OpenError::OddFile { .. })), "{opened:?}");
}

fn open_error(path: &Path, within: &[&Path]) -> Option<OpenError> {
    let within = within.iter().map(|path| (*path).to_owned()).collect();
    Repository::open(path, &OpenOptions { within, ..OpenOptions::default() }).err()
}

#[track_caller]
fn leads_elsewhere(path: &Path, secret: &Path) {
    let error = open_error(path, &[]);
    assert!(matches!(error, Some(OpenError::LeadsElsewhere { .. })), "{error:?}");
    assert!(open_error(path, &[secret]).is_none(), "the operator named it");
}

#[test]
fn git_files_that_lead_elsewhere() {
    // G-git-file
    let (world, elsewhere) = (GitWorld::new(), GitWorld::new());
    let secret = elsewhere.repo("secret");
    secret.commit_files("main", &[("password", b"hunter2")]);
    let dir = |name: &str| {
        let dir = world.path().join(name);
        fs::create_dir(&dir).unwrap();
        dir
    };
    let by_file = dir("by-file");
    fs::write(by_file.join(".git"), format!("gitdir: {}\n", secret.git_dir().display())).unwrap();
    leads_elsewhere(&by_file, secret.path());
    let by_link = dir("by-link");
    symlink(secret.git_dir(), by_link.join(".git")).unwrap();
    leads_elsewhere(&by_link, secret.path());
    let by_common = world.bare("by-common");
    by_common.write_raw("commondir", format!("{}\n", secret.git_dir().display()).as_bytes());
    leads_elsewhere(by_common.path(), secret.path());
    for folder in ["objects", "refs"] {
        let part = world.bare(&format!("part-{folder}"));
        fs::remove_dir_all(part.path().join(folder)).unwrap();
        symlink(secret.git_dir().join(folder), part.path().join(folder)).unwrap();
        leads_elsewhere(part.path(), secret.path());
    }
    let own = elsewhere.path().join("work-tree");
    secret.git(&["worktree", "add", "-q", "--detach", &own.display().to_string()]);
    assert!(open_error(&own, &[]).is_none(), "it is named back");
    let stolen = dir("stolen");
    fs::copy(own.join(".git"), stolen.join(".git")).unwrap();
    leads_elsewhere(&stolen, secret.path());
    let endless = dir("endless");
    pipe(&endless.join(".git"));
    assert!(open_error(&endless, &[]).is_some());
}

#[test]
fn alternates_to_another_repository() {
    // G-alternates
    let (world, elsewhere) = (GitWorld::new(), GitWorld::new());
    let (secret, commit) = small(&elsewhere, "secret.git");
    let (repo, _) = small(&world, "r.git");
    repo.write_raw("objects/info/alternates", format!("{}/objects\n", secret.path().display()).as_bytes());
    leads_elsewhere(repo.path(), secret.path());
    let options = OpenOptions { within: vec![elsewhere.path()], ..OpenOptions::default() };
    assert_eq!(Repository::open(repo.path(), &options).unwrap().reader().commit(commit).unwrap().id, commit);
    let (chained, _) = small(&world, "chained.git");
    chained.write_raw("objects/info/alternates", b"../../r.git/objects\n");
    let error = open_error(chained.path(), &[&world.path()]);
    assert!(matches!(error, Some(OpenError::LeadsElsewhere { .. })), "{error:?}");
    let (circle, _) = small(&world, "circle.git");
    circle.write_raw("objects/info/alternates", b"../objects\n../../circle.git/objects\n");
    if let Some(error) = open_error(circle.path(), &[]) {
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
    let (linked, _) = small(&world, "linked.git");
    secret.git(&["repack", "-a", "-d", "-q"]);
    for entry in fs::read_dir(secret.path().join("objects/pack")).unwrap().flatten() {
        symlink(entry.path(), linked.path().join("objects/pack").join(entry.file_name())).unwrap();
    }
    leads_elsewhere(linked.path(), secret.path());
}

#[test]
fn foreign_owners() {
    // G-foreign-owner
    let world = GitWorld::new();
    let repo = world.repo("r");
    let commit = repo.commit_files("main", &[("a", b"x\n")]);
    for path in [repo.path().to_owned(), repo.git_dir(), repo.git_dir().join("config")] {
        // Only root can give files away; for others this is one more ordinary repository.
        chown(path, Some(12345), Some(12345)).ok();
    }
    let repository = open(repo.path());
    assert_eq!(repository.resolve("main").unwrap().commit, commit);
    assert_eq!(walk(&repository, &[commit], &WalkLimits::default()).0.len(), 1);
}

#[test]
fn unsupported_formats_are_named() {
    // G-unsupported-formats
    let world = GitWorld::new();
    let (repo, _) = small(&world, "sha256.git");
    repo.git(&["init", "-q", "--bare", "--object-format=sha256", "../fresh.git"]);
    let error = open_error(&world.path().join("fresh.git"), &[]);
    assert!(matches!(error, Some(OpenError::Unsupported { .. })), "{error:?}");
    let (reftable, _) = small(&world, "reftable.git");
    reftable.write_raw(
        "config",
        b"[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\trefStorage = reftable\n",
    );
    let error = open_error(reftable.path(), &[]);
    assert!(matches!(error, Some(OpenError::Unsupported { .. })), "{error:?}");
    let (future, _) = small(&world, "future.git");
    future.write_raw("config", b"[core]\n\trepositoryformatversion = 7\n");
    let error = open_error(future.path(), &[]);
    assert!(matches!(error, Some(OpenError::Unsupported { .. } | OpenError::Damaged { .. })), "{error:?}");
}

#[test]
fn replaced_objects_are_not_shown() {
    // G-replace-refs
    let world = GitWorld::new();
    let (repo, commit) = small(&world, "r.git");
    let other = repo.blob(b"other\n");
    let original = repo.git(&["rev-parse", "main:a"]);
    repo.git(&["update-ref", &format!("refs/replace/{original}"), &other.to_string()]);
    let repository = open(repo.path());
    let entry = repository.reader().entry_at(commit, b"a").unwrap().unwrap();
    let mut content = Vec::new();
    repository.reader().read_blob(entry.id, 1000, &mut content).unwrap();
    assert_eq!(content, b"x\n");
}

#[test]
fn many_refs() {
    // G-many-refs G-unadvertised
    let world = GitWorld::new();
    let (repo, commit) = small(&world, "r.git");
    let other = repo.commit_files("other", &[("a", b"y\n"), ("b", b"z\n")]);
    let lines: String = (0..4000)
        .map(|n| {
            let kind = if n % 2 == 0 { "heads" } else { "pull" };
            format!("create refs/{kind}/b{n} {}\n", if n % 4 == 0 { commit } else { other })
        })
        .collect();
    repo.git_bytes(&["update-ref", "--stdin"], lines.as_bytes());
    repo.git(&["pack-refs", "--all"]);
    let dir = world.path().join("m.git");
    Mirror::new(program()).clone_mirror(&local_url(repo.path()), &dir, &NOT_CANCELLED, &mut |_| ()).unwrap();
    let mirror = open(&dir);
    let commits: Vec<_> = mirror.refs().unwrap().refs.iter().map(|r| r.commit).collect();
    assert_eq!(commits.len(), 2002);
    let (yielded, summary) = walk(&mirror, &commits, &WalkLimits::default());
    assert_eq!((yielded.len(), summary.n_trees), (3, 2));
    assert!(mirror.resolve("refs/pull/1").is_err());
}
