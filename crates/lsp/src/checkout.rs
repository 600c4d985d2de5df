//! Which repository and commit a file of the editor is of.

use crate::server::{Server, ServerError, escaped};
use git::{OpenOptions, RemoteUrl, Repository, Schemes};
use model::ObjectId;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Commits between the checked out one and the one that the server has, at most.
const N_COMMITS_MAX: usize = 2_000;
/// Work trees that are remembered.
const N_KNOWN_MAX: usize = 200;
/// Largest file that is looked at.
const FILE_BYTES_MAX: u64 = 2 << 20;

/// A work tree, the repository of the server that it is of, and the nearest commit that the server has.
#[derive(Clone)]
pub(crate) struct Checkout {
    pub(crate) root: PathBuf,
    pub(crate) repo: String,
    pub(crate) commit: ObjectId,
    repository: Arc<Repository>,
}

/// What is known of work trees: by root, the commit that was checked out then, and what the server has of it.
pub(crate) struct Checkouts {
    named: Option<String>,
    known: Mutex<HashMap<PathBuf, (ObjectId, OnServer)>>,
}

/// A repository's name and a commit there; nothing where the server has none of it.
type OnServer = Option<(String, ObjectId)>;

impl Checkouts {
    pub(crate) fn new(named: Option<String>) -> Self {
        Checkouts { named, known: Mutex::default() }
    }

    /// The checkout around a file or folder; `None` where there is none, or the server has nothing of it. Looked for once, and
    /// again when something else is checked out.
    pub(crate) async fn around(&self, server: &Server, path: &Path) -> Result<Option<Checkout>, ServerError> {
        let Some((root, repository)) = open(path) else { return Ok(None) };
        let Ok(head) = repository.resolve("HEAD").map(|found| found.commit) else { return Ok(None) };
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&root).cloned();
        let found = match known {
            Some((at, found)) if at == head => found,
            _ => {
                let found = self.look(server, &repository, head).await?;
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= N_KNOWN_MAX {
                    known.clear();
                }
                known.insert(root.clone(), (head, found.clone()));
                found
            }
        };
        let repository = Arc::new(repository);
        Ok(found.map(|(repo, commit)| Checkout { root, repo, commit, repository }))
    }

    async fn look(
        &self,
        server: &Server,
        repository: &Repository,
        head: ObjectId,
    ) -> Result<OnServer, ServerError> {
        let chain = chain(repository, head);
        let names = self.named.clone().map_or_else(|| names(repository), |name| vec![name]);
        for repo in names {
            if let Some(commit) = nearest(server, &repo, &chain).await? {
                return Ok(Some((repo, commit)));
            }
        }
        Ok(None)
    }
}

impl Checkout {
    /// The path of a file in the repository.
    pub(crate) fn path_of(&self, path: &Path) -> Option<String> {
        let below = path.strip_prefix(&self.root).ok()?.to_str()?;
        Some(if std::path::MAIN_SEPARATOR == '/' { below.to_owned() } else { below.replace('\\', "/") })
    }

    /// The address of a file's answers.
    pub(crate) fn resource(&self, what: &str, path: &str) -> String {
        format!("/api/v1/repos/{}@{}/-/{what}/{}", escaped(&self.repo), self.commit, escaped(path))
    }

    /// The text of a file at a commit; `None` where there is none, or it is no text.
    pub(crate) fn committed(&self, commit: ObjectId, path: &str) -> Option<String> {
        let reader = self.repository.reader();
        let entry = reader.entry_at(commit, path.as_bytes()).ok()??;
        if !matches!(entry.kind, git::EntryKind::File | git::EntryKind::Executable) {
            return None;
        }
        let mut bytes = Vec::new();
        reader.read_blob(entry.id, FILE_BYTES_MAX, &mut bytes).ok()?;
        decoded(&bytes)
    }
}

/// The text of a file on the disk.
pub(crate) fn on_disk(path: &Path) -> Option<String> {
    let about =
        std::fs::metadata(path).ok().filter(|about| about.is_file() && about.len() <= FILE_BYTES_MAX)?;
    let bytes = std::fs::read(path).ok().filter(|_| about.is_file())?;
    decoded(&bytes)
}

/// Decoded as the server does it, so that lines and columns are the same.
fn decoded(bytes: &[u8]) -> Option<String> {
    let limits = syntax::DecodeLimits { size_bytes_max: FILE_BYTES_MAX as usize };
    match syntax::decode(bytes, &limits) {
        syntax::Decoded::Text { utf8, .. } => Some(utf8.into_owned()),
        _ => None,
    }
}

fn open(path: &Path) -> Option<(PathBuf, Repository)> {
    let path = path.canonicalize().ok()?;
    let root = path.ancestors().find(|folder| folder.join(".git").exists())?;
    let repository = Repository::open(root, &OpenOptions::default()).ok()?;
    Some((root.to_path_buf(), repository))
}

/// The checked out commit and those before it, always the first parent.
fn chain(repository: &Repository, head: ObjectId) -> Vec<ObjectId> {
    let (mut chain, mut last) = (vec![head], head);
    let reader = repository.reader();
    while chain.len() < N_COMMITS_MAX {
        let parents = reader.commit(last).map(|commit| commit.parents).unwrap_or_default();
        let Some(parent) = parents.first() else { break };
        last = *parent;
        chain.push(last);
    }
    chain
}

/// What the server may call the repository: by its remotes' addresses, `origin` first.
fn names(repository: &Repository) -> Vec<String> {
    let parse =
        |(_, url): (String, String)| RemoteUrl::parse(&url, Schemes::default()).ok()?.default_name().ok();
    repository.remotes().into_iter().filter_map(parse).map(|name| name.to_string()).collect()
}

/// The first commit of a chain that the server has. Whoever has a commit has those before it: few are asked about.
async fn nearest(server: &Server, repo: &str, chain: &[ObjectId]) -> Result<Option<ObjectId>, ServerError> {
    let (mut missing, mut present, mut step) = (0, None, 0);
    while step < chain.len() {
        if has(server, repo, chain[step]).await? {
            present = Some(step);
            break;
        }
        missing = step + 1;
        step = (step * 2).max(1);
        if step >= chain.len() && missing < chain.len() {
            step = chain.len() - 1;
        }
    }
    let Some(mut present) = present else { return Ok(None) };
    while missing < present {
        let middle = missing + (present - missing) / 2;
        match has(server, repo, chain[middle]).await? {
            true => present = middle,
            false => missing = middle + 1,
        }
    }
    Ok(chain.get(present).copied())
}

async fn has(server: &Server, repo: &str, commit: ObjectId) -> Result<bool, ServerError> {
    match server.ask(&format!("/api/v1/repos/{}@{commit}/-/tree/", escaped(repo))).await {
        Ok(_) => Ok(true),
        Err(ServerError::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}
