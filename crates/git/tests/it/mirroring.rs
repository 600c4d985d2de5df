//! Mirrors: complete or not there, refreshed, confined, and stopped with everything they started.

use crate::support::{NOT_CANCELLED, local_url, open, program};
use git::{
    ChildLimits, Confinement, FailureKind, GitProgram, GitProgramOptions, Head, Mirror, MirrorError, Phase,
    RemoteUrl, RunError, Schemes,
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use testkit::git::{GitRepo, GitWorld};

fn origin(world: &GitWorld) -> GitRepo {
    let origin = world.bare("origin.git");
    origin.commit_files("main", &[("a", b"1\n")]);
    origin.commit_files("dev", &[("a", b"2\n"), ("b", b"3\n")]);
    origin.git(&["tag", "-a", "-m", "one", "v1", "main"]);
    origin
}

fn clone(origin: &GitRepo, dir: &Path) {
    Mirror::new(program()).clone_mirror(&local_url(origin.path()), dir, &NOT_CANCELLED, &mut |_| ()).unwrap();
}

/// All refs of a repository with what they lead to, and HEAD, as git tells them.
fn refs_of(path: &Path) -> String {
    let world = GitWorld::new();
    let probe = world.bare("probe");
    let git_dir = format!("--git-dir={}", path.display());
    format!(
        "{}\n{}",
        probe.git(&[&git_dir, "show-ref", "-d"]),
        probe.git(&[&git_dir, "symbolic-ref", "HEAD"])
    )
}

#[test]
fn a_clone_has_all_branches_tags_and_the_default_branch() {
    let world = GitWorld::new();
    let origin = origin(&world);
    origin.git(&["update-ref", "refs/pull/1/head", "refs/heads/dev"]);
    origin.git(&["symbolic-ref", "HEAD", "refs/heads/dev"]);
    let dir = world.path().join("mirrors/1.git");
    let mut phases = Vec::new();
    let mirror = Mirror::new(program());
    mirror
        .clone_mirror(&local_url(origin.path()), &dir, &NOT_CANCELLED, &mut |progress| {
            phases.push(progress.phase)
        })
        .unwrap();
    origin.git(&["update-ref", "-d", "refs/pull/1/head"]);
    assert_eq!(refs_of(&dir), refs_of(origin.path()));
    assert!(phases.contains(&Phase::Receiving) && phases.is_sorted(), "{phases:?}");
    assert_eq!(fs::read_dir(dir.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
    let again = mirror.clone_mirror(&local_url(origin.path()), &dir, &NOT_CANCELLED, &mut |_| ());
    assert!(matches!(again, Err(MirrorError::Exists { .. })));
}

#[test]
fn a_fetch_follows_the_remote() {
    let world = GitWorld::new();
    let origin = origin(&world);
    let dir = world.path().join("1.git");
    clone(&origin, &dir);
    let fetch = || {
        let url = local_url(origin.path());
        let outcome = Mirror::new(program()).fetch(&url, &dir, &NOT_CANCELLED, &mut |_| ()).unwrap();
        assert_eq!(refs_of(&dir), refs_of(origin.path()));
        outcome.changed
    };
    assert!(!fetch(), "nothing has changed");
    origin.commit_files("main", &[("a", b"9\n")]);
    origin.git(&["branch", "-D", "dev"]);
    origin.git(&["branch", "dev/next", "main"]);
    origin.git(&["tag", "-f", "v1", "main"]);
    assert!(fetch());
    origin.git(&["symbolic-ref", "HEAD", "refs/heads/dev/next"]);
    assert!(fetch(), "only the default branch has changed");
    // What a killed fetch leaves must not stop the next one.
    fs::write(dir.join("packed-refs.lock"), "").unwrap();
    fs::write(dir.join("objects/pack/tmp_pack_x"), "").unwrap();
    fs::create_dir_all(dir.join("refs/heads")).unwrap();
    fs::write(dir.join("refs/heads/main.lock"), "").unwrap();
    origin.commit_files("main", &[("a", b"10\n")]);
    assert!(fetch());
}

#[test]
fn a_remote_that_seems_emptied_takes_nothing_away() {
    let world = GitWorld::new();
    let origin = origin(&world);
    let dir = world.path().join("1.git");
    clone(&origin, &dir);
    let before = refs_of(&dir);
    let url = local_url(world.bare("empty.git").path());
    let outcome = Mirror::new(program()).fetch(&url, &dir, &NOT_CANCELLED, &mut |_| ());
    assert!(matches!(outcome, Err(MirrorError::RemoteEmpty { .. })), "{outcome:?}");
    assert_eq!(refs_of(&dir), before);
}

#[test]
fn many_packs_are_rolled_up() {
    let world = GitWorld::new();
    let origin = origin(&world);
    let dir = world.path().join("1.git");
    clone(&origin, &dir);
    let pack = fs::read_dir(dir.join("objects/pack")).unwrap().flatten().map(|entry| entry.path());
    let pack = pack.into_iter().find(|path| path.extension().is_some_and(|e| e == "pack")).unwrap();
    for n in 0..50 {
        for extension in ["pack", "idx"] {
            let copy = pack.with_file_name(format!("pack-{n:040x}.{extension}"));
            fs::copy(pack.with_extension(extension), copy).unwrap();
        }
    }
    let url = local_url(origin.path());
    assert!(!Mirror::new(program()).fetch(&url, &dir, &NOT_CANCELLED, &mut |_| ()).unwrap().changed);
    assert!(fs::read_dir(dir.join("objects/pack")).unwrap().count() < 20);
    assert_eq!(refs_of(&dir), refs_of(origin.path()));
}

#[test]
fn an_empty_remote_makes_an_empty_mirror() {
    let world = GitWorld::new();
    let origin = world.bare("origin.git");
    let dir = world.path().join("1.git");
    clone(&origin, &dir);
    let refs = open(&dir).refs().unwrap();
    assert!(refs.refs.is_empty() && matches!(refs.head, Head::Branch { commit: None, .. }), "{refs:?}");
}

#[test]
fn a_cancelled_clone_leaves_nothing() {
    let world = GitWorld::new();
    let origin = origin(&world);
    let parent = world.path().join("mirrors");
    let cancel = AtomicBool::new(false);
    let stop = &mut |_| cancel.store(true, Ordering::Relaxed);
    let url = local_url(origin.path());
    let outcome = Mirror::new(program()).clone_mirror(&url, &parent.join("1.git"), &cancel, stop);
    assert!(outcome.unwrap_err().is_cancelled());
    assert_eq!(fs::read_dir(&parent).unwrap().count(), 0);
}

#[test]
fn what_a_killed_clone_leaves_is_no_mirror_and_is_removed() {
    let world = GitWorld::new();
    let origin = origin(&world);
    let parent = world.path();
    let partial = parent.join(".clone-Xy12");
    fs::create_dir(&partial).unwrap();
    clone(&origin, &partial.join("mirror.git"));
    fs::create_dir(parent.join("clone-not-ours")).unwrap();
    assert_eq!(Mirror::remove_leftovers(&parent).unwrap(), 1);
    assert!(!partial.exists() && parent.join("clone-not-ours").exists() && origin.path().exists());
    assert_eq!(Mirror::remove_leftovers(&parent.join("nowhere")).unwrap(), 0);
}

/// Names the folder that a process of its own clones into, to be killed while it does.
const CLONE_INTO: &str = "SOURCEKEEP_TEST_CLONE_INTO";

#[test]
#[allow(clippy::disallowed_methods, clippy::print_stdout, reason = "this test is its own second process")]
fn killed_in_mid_clone() {
    if let Some(parent) = std::env::var_os(CLONE_INTO).map(PathBuf::from) {
        // The second process: receives for ever, and says when it has begun.
        let script = "i=0; while test $i -lt 600; do printf 'Receiving objects:  1%% (1/100)\\r' >&2; sleep 0.1; i=$((i+1)); done";
        let program = stand_in_at(&parent.join("bin/git"), script, ChildLimits::default());
        let url = RemoteUrl::parse("https://example.org/o/n", Schemes::default()).unwrap();
        let begun = &mut |_| println!("\nbegun");
        Mirror::new(program).clone_mirror(&url, &parent.join("m/1.git"), &NOT_CANCELLED, begun).unwrap();
        return;
    }
    let world = GitWorld::new();
    let mirrors = world.path().join("m");
    let mut process = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "mirroring::killed_in_mid_clone", "--nocapture"])
        .env(CLONE_INTO, world.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "begun"));
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(!mirrors.join("1.git").exists());
    assert_eq!(
        fs::read_dir(&mirrors).unwrap().count(),
        1,
        "the unfinished clone, under a name that is no mirror's"
    );
    assert_eq!(Mirror::remove_leftovers(&mirrors).unwrap(), 1);
    clone(&origin(&world), &mirrors.join("1.git"));
}

#[test]
fn failures_are_told_in_kinds() {
    let world = GitWorld::new();
    let missing = local_url(&world.path().join("missing.git"));
    let outcome =
        Mirror::new(program()).clone_mirror(&missing, &world.path().join("1"), &NOT_CANCELLED, &mut |_| ());
    match outcome {
        Err(MirrorError::Run { source: RunError::Failed { kind: FailureKind::NotFound, .. }, .. }) => (),
        other => panic!("{other:?}"),
    }
    let not_a_repository = world.path();
    fs::create_dir(not_a_repository.join("plain")).unwrap();
    let url = local_url(&not_a_repository.join("plain"));
    assert!(
        Mirror::new(program()).fetch(&url, &world.path().join("2"), &NOT_CANCELLED, &mut |_| ()).is_err()
    );
}

#[test]
fn a_pack_larger_than_the_limit_is_stopped() {
    let world = GitWorld::new();
    let origin = world.bare("origin.git");
    let noise: Vec<u8> =
        (0u64..40_000).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).collect();
    origin.commit_files("main", &[("noise", &noise)]);
    let limits = ChildLimits { file_bytes_max: 64 * 1024, ..ChildLimits::default() };
    let program = GitProgram::find(GitProgramOptions { limits, ..GitProgramOptions::default() }).unwrap();
    let dir = world.path().join("m/1.git");
    let outcome =
        Mirror::new(program).clone_mirror(&local_url(origin.path()), &dir, &NOT_CANCELLED, &mut |_| ());
    match outcome {
        Err(MirrorError::Run { source: RunError::TooLarge { .. }, .. }) => (),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_dir(dir.parent().unwrap()).unwrap().count(), 0);
}

/// A program in git's place that tells a good version, makes empty repositories, and otherwise runs this script.
fn stand_in(world: &GitWorld, script: &str, limits: ChildLimits) -> GitProgram {
    stand_in_at(&world.path().join("bin/git"), script, limits)
}

fn stand_in_at(path: &Path, script: &str, limits: ChildLimits) -> GitProgram {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!(
        "#!/bin/sh\ninit=; for a; do last=$a; case $a in version) echo git version 2.99.0; exit 0;; init) init=1;; ls-remote) exit 0;; esac; done\n\
         if test $init; then mkdir -p \"$last/objects\" \"$last/refs\"; exit 0; fi\n{script}\n"
    );
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    GitProgram::find(GitProgramOptions {
        program: Some(path.to_owned()),
        limits,
        ..GitProgramOptions::default()
    })
    .unwrap()
}

fn clone_with(program: GitProgram, world: &GitWorld) -> RunError {
    let url = RemoteUrl::parse("https://me:hunter2@example.org/o/n", Schemes::default()).unwrap();
    let dir = world.path().join("m/1.git");
    match Mirror::new(program).clone_mirror(&url, &dir, &NOT_CANCELLED, &mut |_| ()) {
        Err(MirrorError::Run { source, url }) => {
            assert_eq!(url, "https://example.org/o/n");
            source
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_child_that_never_ends_is_killed_with_all_it_started() {
    let world = GitWorld::new();
    let limits = ChildLimits { timeout: Duration::from_millis(300), ..ChildLimits::default() };
    // The grandchild holds the pipes open; only the end of the whole group lets the run end.
    let error = clone_with(stand_in(&world, "sleep 1000 & sleep 1000", limits), &world);
    assert!(matches!(error, RunError::TimedOut { .. }), "{error}");
}

#[test]
fn a_child_that_leaves_others_behind_is_not_waited_for() {
    let world = GitWorld::new();
    let error = clone_with(stand_in(&world, "sleep 1000 & exit 3", ChildLimits::default()), &world);
    assert!(matches!(error, RunError::Failed { kind: FailureKind::Other, .. }), "{error}");
}

#[test]
fn what_git_says_is_cut_and_cleaned() {
    let world = GitWorld::new();
    let script = "i=0; while test $i -lt 3000; do echo line $i >&2; i=$((i+1)); done\n\
                  printf 'fatal: https://me:hunter2@h/ \\033[31mhunter2 me\\n' >&2; exit 1";
    let text = clone_with(stand_in(&world, script, ChildLimits::default()), &world).to_string();
    assert!(!text.contains("hunter2") && !text.contains('\u{1b}') && text.len() < 1200, "{text}");
    assert!(text.contains("fatal: https://"), "{text}");
}

#[test]
fn too_much_received_is_stopped() {
    let world = GitWorld::new();
    let limits = ChildLimits { received_bytes_max: 1 << 20, ..ChildLimits::default() };
    let script = "printf 'Receiving objects:  1%% (1/100), 3.00 MiB | 1 MiB/s\\r' >&2; sleep 1000";
    let error = clone_with(stand_in(&world, script, limits), &world);
    assert!(matches!(error, RunError::TooLarge { limit_bytes: 1_048_576 }), "{error}");
}

#[test]
fn a_child_reads_and_writes_only_what_it_must() {
    if Confinement::of_this_kernel() == Confinement::None {
        return; // Nothing to hold it with; the server warns of it.
    }
    let world = GitWorld::new();
    let secret = world.path().join("secret");
    fs::write(&secret, "hunter2").unwrap();
    let target = world.path().join("written");
    let script = format!(
        "cat {} >&2; cat /etc/shadow >&2; echo x > {}; (echo > /dev/tcp/127.0.0.1/1) 2>/dev/null; cat /etc/hosts >/dev/null && echo readable >&2; exit 1",
        secret.display(),
        target.display()
    );
    let text = clone_with(stand_in(&world, &script, ChildLimits::default()), &world).to_string();
    assert!(
        text.contains("Permission denied") && text.contains("readable") && !text.contains("root:"),
        "{text}"
    );
    assert!(!target.exists());
    assert_eq!(fs::read_to_string(&secret).unwrap(), "hunter2", "we ourselves are not confined");
}

#[test]
fn a_git_that_is_missing_old_or_something_else_is_told() {
    let world = GitWorld::new();
    let find = |program: PathBuf| {
        GitProgram::find(GitProgramOptions { program: Some(program), ..GitProgramOptions::default() })
    };
    let text = find(world.path().join("nothing")).unwrap_err().to_string();
    assert!(text.contains("install git 2.39 or newer"), "{text}");
    for (script, expected) in
        [("echo git version 2.20.1", "too old"), ("echo hello", "does not seem to be git")]
    {
        let path = world.path().join("old");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let text = find(path).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}

/// A web server that asks for a credential and then redirects to the same port of another host name. It returns, for each
/// request, the host asked for and whether a credential came along.
fn redirecting_server(listener: TcpListener, requests: std::sync::mpsc::Sender<(String, bool)>) {
    let port = listener.local_addr().unwrap().port();
    for stream in listener.incoming().take(8) {
        let Ok(mut stream) = stream else { return };
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let (mut host, mut authorized, mut is_empty) = (String::new(), false, true);
        while let Some(Ok(line)) =
            lines.next().filter(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
        {
            is_empty = false;
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("host: ") {
                host = value.split(':').next().unwrap_or_default().to_owned();
            }
            authorized |= lower.starts_with("authorization:");
        }
        if is_empty || requests.send((host.clone(), authorized)).is_err() {
            return;
        }
        let answer = if host == "127.0.0.1" && authorized {
            format!("302 Found\r\nLocation: http://localhost:{port}/x/info/refs?service=git-upload-pack")
        } else {
            "401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"".to_owned()
        };
        write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok();
    }
}

#[test]
fn credentials_do_not_follow_a_redirect() {
    // G-redirect-credential
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || redirecting_server(listener, sender));
    let world = GitWorld::new();
    let url = RemoteUrl::parse(&format!("http://me:hunter2@{address}/x"), Schemes::default()).unwrap();
    let outcome =
        Mirror::new(program()).clone_mirror(&url, &world.path().join("1.git"), &NOT_CANCELLED, &mut |_| ());
    let text = outcome.unwrap_err().to_string();
    assert!(!text.contains("hunter2"), "{text}");
    let requests: Vec<(String, bool)> = requests.try_iter().collect();
    assert!(
        requests.contains(&("127.0.0.1".to_owned(), true)),
        "the credential reached its host: {requests:?} {text}"
    );
    assert!(requests.iter().all(|(host, authorized)| host == "127.0.0.1" || !authorized), "{requests:?}");
    drop(server);
}

#[test]
fn hooks_and_configuration_of_a_mirror_do_not_run() {
    // G-hooks
    let world = GitWorld::new();
    let origin = origin(&world);
    let dir = world.path().join("1.git");
    clone(&origin, &dir);
    let marker = dir.join("marker");
    for hook in ["reference-transaction", "post-update", "pre-auto-gc"] {
        let path = dir.join("hooks").join(hook);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#!/bin/sh\ntouch {}\n", marker.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    origin.commit_files("main", &[("a", b"5\n")]);
    let url = local_url(origin.path());
    assert!(Mirror::new(program()).fetch(&url, &dir, &NOT_CANCELLED, &mut |_| ()).unwrap().changed);
    assert!(!marker.exists());
}

#[test]
fn forbidden_objects_are_refused_and_harmless_faults_are_not() {
    // T-clone-dot-git T-clone-old-faults
    let world = GitWorld::new();
    let blob = |repo: &GitRepo| repo.blob(b"x\n");
    let hostile = world.bare("hostile.git");
    let tree = hostile.tree(&[("100644", b".git", blob(&hostile))]);
    hostile.set_ref("refs/heads/main", hostile.commit_tree(tree, &[], "x"));
    let url = local_url(hostile.path());
    let outcome =
        Mirror::new(program()).clone_mirror(&url, &world.path().join("1.git"), &NOT_CANCELLED, &mut |_| ());
    match outcome {
        Err(MirrorError::Run { source: RunError::Failed { kind: FailureKind::BadObjects, .. }, .. }) => (),
        other => panic!("{other:?}"),
    }
    let old = world.bare("old.git");
    let tree = old.tree(&[("0100644", b"a", blob(&old)), ("100664", b"b", blob(&old))]);
    let commit =
        format!("tree {tree}\nauthor A<a@x> 1 +1\ncommitter <> 99999999999999999999 +051800\n\nx\0y\n");
    old.set_ref("refs/heads/main", old.object("commit", commit.as_bytes()));
    clone(&old, &world.path().join("2.git"));
    assert_eq!(open(&world.path().join("2.git")).refs().unwrap().refs.len(), 1);
}
