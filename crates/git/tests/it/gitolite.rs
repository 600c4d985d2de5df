//! A real gitolite (Debian's package), set up in a folder of its own, and asked on this machine and over ssh.

#![allow(clippy::disallowed_methods, reason = "the server that is asked is set up with its own program")]

use crate::support::NOT_CANCELLED;
use git::{GitProgramOptions, Gitolite, GitoliteError, GitolitePlace, GitoliteUser};
use std::os::unix::fs::PermissionsExt;
use testkit::gitolite::GitoliteServer;

const CONF: &str = "
@staff = alice bob
repo secret
    RW+ = alice
repo open/one
    RW = @staff
    R = @all
repo refused
    - = bob
    R = @staff
    option deny-rules = 1
";

fn readable(gitolite: &Gitolite, user: &str) -> Vec<String> {
    let user = GitoliteUser::new(user).unwrap();
    let repos = gitolite.repositories_of(&user, &NOT_CANCELLED).unwrap();
    repos.into_iter().filter(|repo| repo.is_readable).map(|repo| repo.name).collect()
}

fn check(gitolite: &Gitolite) {
    let mut all = gitolite.repositories(&NOT_CANCELLED).unwrap();
    all.sort();
    assert_eq!(all, ["gitolite-admin", "open/one", "refused", "secret"]);
    assert_eq!(readable(gitolite, "alice"), ["open/one", "refused", "secret"]);
    assert_eq!(readable(gitolite, "bob"), ["open/one"], "a denial counts");
    assert_eq!(readable(gitolite, "stranger"), ["open/one"]);
}

#[test]
fn a_server_on_this_machine_is_asked_with_its_own_program() {
    let server = GitoliteServer::new(CONF);
    let place = GitolitePlace::Here { home: server.home().to_owned() };
    check(&Gitolite::new(place, GitProgramOptions::default()).unwrap());
}

/// The transport is a script in the place of ssh; what answers behind it is gitolite's own shell.
#[test]
fn a_server_behind_ssh_is_asked_as_others() {
    let server = GitoliteServer::new(&format!("repo @all\n    R = admin\n{CONF}"));
    let bin = tempfile::tempdir().unwrap();
    let script = format!(
        "#!/bin/sh\nfor last; do :; done\ncase \"$*\" in *'-- git.example.org '*) ;; *) exit 9;; esac\n\
         while [ \"$1\" != git.example.org ]; do shift; done; shift\n\
         HOME='{}' GL_LOGFILE=/dev/null SSH_CONNECTION=x SSH_ORIGINAL_COMMAND=\"$*\" exec /usr/share/gitolite3/gitolite-shell admin\n",
        server.home().display()
    );
    let ssh = bin.path().join("ssh");
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.path().display()).into();
    let options =
        GitProgramOptions { path: Some(path), ssh_dir: Some(server.home().to_owned()), ..Default::default() };
    let place = GitolitePlace::parse("ssh://git@git.example.org").unwrap();
    check(&Gitolite::new(place, options).unwrap());
}

#[test]
fn failures_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let place = GitolitePlace::Here { home: folder.path().to_owned() };
    let gitolite = Gitolite::new(place, GitProgramOptions::default()).unwrap();
    assert!(matches!(gitolite.repositories(&NOT_CANCELLED), Err(GitoliteError::Run(_))));
    let nowhere = GitProgramOptions { path: Some("/nonexistent".into()), ..Default::default() };
    let place = GitolitePlace::Here { home: folder.path().to_owned() };
    assert!(matches!(Gitolite::new(place, nowhere), Err(GitoliteError::NoProgram { program: "gitolite" })));
}
