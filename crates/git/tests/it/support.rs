//! What several tests share.

use git::{
    EntryKind, GitProgram, GitProgramOptions, OpenOptions, RemoteUrl, Repository, Scheme, Schemes,
    WalkLimits, WalkSummary,
};
use model::ObjectId;
use std::{ops::ControlFlow, path::Path, sync::atomic::AtomicBool};

pub(crate) static NOT_CANCELLED: AtomicBool = AtomicBool::new(false);

/// What one walk yielded: path, kind, id, positions of revisions.
pub(crate) type Yielded = Vec<(Vec<u8>, EntryKind, ObjectId, Vec<u32>)>;

pub(crate) fn open(path: &Path) -> Repository {
    Repository::open(path, &OpenOptions::default()).unwrap()
}

pub(crate) fn walk(
    repository: &Repository,
    commits: &[ObjectId],
    limits: &WalkLimits,
) -> (Yielded, WalkSummary) {
    let mut yielded = Yielded::new();
    let summary = repository
        .walk(commits, limits, &NOT_CANCELLED, &mut |entry| {
            let revisions = entry.revisions.iter().collect();
            yielded.push((entry.path.to_vec(), entry.kind, entry.id, revisions));
            ControlFlow::Continue(())
        })
        .unwrap();
    (yielded, summary)
}

pub(crate) fn paths(yielded: &Yielded) -> Vec<String> {
    yielded.iter().map(|(path, ..)| String::from_utf8_lossy(path).into_owned()).collect()
}

pub(crate) fn program() -> GitProgram {
    GitProgram::find(GitProgramOptions::from_environment(|name| std::env::var_os(name))).unwrap()
}

pub(crate) fn local_url(path: &Path) -> RemoteUrl {
    RemoteUrl::parse(path.to_str().unwrap(), Schemes::NONE.with(Scheme::File)).unwrap()
}
