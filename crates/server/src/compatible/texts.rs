//! The text of found files, for the lines around matches and for offsets in the file.

use crate::browse::{Content, SHOWN_BYTES_MAX};
use crate::caller::Caller;
use crate::git_access;
use crate::state::AppState;
use model::{AccessSet, ObjectId, RepoName};
use search::Snapshot;
use std::sync::Mutex;
use std::sync::PoisonError;
use syntax::{DecodeLimits, Decoded};

/// Reads found files: from the index that found them, or, where it does not hold them, from git.
pub(crate) struct Texts {
    state: AppState,
    access: AccessSet,
    pub(crate) snapshot: Snapshot,
    /// The file read last: its matches often follow each other.
    last: Mutex<Option<(ObjectId, String)>>,
}

impl Texts {
    /// For what was found under this caller's rights.
    pub(crate) fn new(state: &AppState, caller: &Caller) -> Self {
        Texts {
            snapshot: state.catalog.snapshot(),
            state: state.clone(),
            access: caller.access.clone(),
            last: Mutex::default(),
        }
    }

    /// The text of a blob of a repository, decoded; `None` where there is none. Blocks.
    pub(crate) fn get(&self, repo: &RepoName, blob: ObjectId) -> Option<String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, text)) = last.as_ref()
            && *of == blob
            // SECURITY: what was read under another repository's name is not handed out under this one's.
            && self.snapshot.repo(&self.access, repo.as_str()).is_some()
        {
            return Some(text.clone());
        }
        let text = self.read(repo, blob)?;
        *last = Some((blob, text.clone()));
        Some(text)
    }

    fn read(&self, repo: &RepoName, blob: ObjectId) -> Option<String> {
        match self.snapshot.text(&self.access, repo, &blob) {
            Ok(Some(text)) => return Some(text),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a found file cannot be read from the index"),
        }
        tokio::runtime::Handle::current().block_on(self.read_from_git(repo, blob))
    }

    async fn read_from_git(&self, repo: &RepoName, blob: ObjectId) -> Option<String> {
        let row = self.state.store.repository_by_name(&self.access, repo).await.ok()??;
        let read = git_access::read(&self.state, &self.access, &row, move |repository| {
            Ok(repository.content(blob, SHOWN_BYTES_MAX))
        });
        match read.await {
            Ok(Content::Bytes(bytes)) => decoded(&bytes),
            _ => None,
        }
    }
}

/// The text of a file's bytes, if they are text.
pub(crate) fn decoded(bytes: &[u8]) -> Option<String> {
    match syntax::decode(bytes, &DecodeLimits { size_bytes_max: SHOWN_BYTES_MAX as usize }) {
        Decoded::Text { utf8, .. } => Some(utf8.into_owned()),
        Decoded::Skipped(_) => None,
    }
}
