//! Asking for exports, listing, fetching, calling off and deleting them.

use crate::RowFormat;
use crate::Rows;
use crate::skipped::{self, LeftOut};
use access::audit::Origin;
use access::{Actor, Clock, RepoScope, Timestamp};
use model::{AccessSet, UserId};
use search::{Catalog, Searcher};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::{CreateExportError, Export, ExportId, ExportState, ExportUse, Fault, NewExport, NewJob, Store};
use tokio::sync::Notify;

/// The kind of the jobs of exports.
pub(crate) const JOB_KIND: &str = "export";
/// Exports come after whatever else waits.
const JOB_PRIORITY: i32 = -100;

/// What exports may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportLimits {
    /// Most bytes of one file; an export that reaches it ends there and says so.
    pub file_bytes_max: u64,
    /// For how long a finished export is kept.
    pub keep_for: Duration,
    /// Most exports that one account may have.
    pub n_per_user_max: u64,
    /// Most of them that may wait or run.
    pub n_unfinished_max: u64,
    /// Most bytes of one account's files; the last one may go beyond by its own size.
    pub user_bytes_max: u64,
    /// Most repositories between two records of what is safely written.
    pub record_every_repos: usize,
}

impl Default for ExportLimits {
    fn default() -> Self {
        ExportLimits {
            file_bytes_max: 2 << 30,
            keep_for: Duration::from_secs(7 * 24 * 3600),
            n_per_user_max: 50,
            n_unfinished_max: 5,
            user_bytes_max: 8 << 30,
            record_every_repos: 256,
        }
    }
}

/// What exports work with.
#[derive(Clone)]
pub struct ExportOptions {
    /// Rows and jobs.
    pub store: Store,
    /// What is searched.
    pub catalog: Arc<Catalog>,
    /// What searches it: one of few threads of its own, so that people's searches come first.
    pub searcher: Arc<Searcher>,
    /// Where the files are; made where it is missing.
    pub folder: PathBuf,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The formats, by the word that is also the ending of the file.
    pub formats: Vec<(&'static str, Arc<dyn RowFormat>)>,
    /// What they may take.
    pub limits: ExportLimits,
}

/// The exports of an instance. Cloning shares them.
#[derive(Clone)]
pub struct Exports {
    pub(crate) shared: Arc<Shared>,
    /// The store, acting for whoever asks.
    store: Store,
}

pub(crate) struct Shared {
    pub(crate) options: ExportOptions,
    /// What running exports have written, beyond what is recorded.
    pub(crate) live: Mutex<HashMap<ExportId, Rows>>,
    /// Rung when there is a new export. Its own, so that the indexing worker's bell is never taken.
    pub(crate) bell: Notify,
}

/// An export as its owner may see it.
#[derive(Clone, Debug)]
pub struct ExportView {
    /// The export. Its counts are zero where `is_withheld`.
    pub export: Export,
    /// What was left out, graver reasons first.
    pub left_out: Vec<LeftOut>,
    /// Whether it is done and nothing that the query asks for is missing.
    pub is_complete: bool,
    /// Whether the file holds what its owner may no longer read: it is not handed out, and can be made again.
    pub is_withheld: bool,
    /// When it will be deleted.
    pub expires_at: Option<Timestamp>,
}

/// Why an export cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Only accounts have exports.
    #[error("exports belong to accounts; sign in with one")]
    NoAccount,
    /// No format has this name.
    #[error("there is no export format of this name; use {known}")]
    UnknownFormat {
        /// Those there are.
        known: String,
    },
    /// The account has as many as it may have, or the database failed.
    #[error(transparent)]
    Create(#[from] CreateExportError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

/// Why a file is not handed out.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such export, or it is somebody else's.
    #[error("there is no such export")]
    NotFound,
    /// It is not whole yet, or never will be.
    #[error("this export is {}; its file can be fetched when it is done", state.as_str())]
    NotDone {
        /// How far it is.
        state: ExportState,
    },
    /// It holds something its owner may no longer read.
    #[error("your rights changed since: the file holds something you may no longer read; export again")]
    Withheld,
    /// The file cannot be read.
    #[error("the file cannot be read: {source}")]
    Io {
        /// What the operating system said.
        source: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Fault),
}

/// A file that may be handed out now.
#[derive(Debug)]
pub struct OpenedFile {
    /// The export.
    pub export: Export,
    /// The file, at its beginning.
    pub file: File,
    /// Its length.
    pub size_bytes: u64,
}

impl Exports {
    /// The exports of an instance. Nothing runs until an [`crate::ExportWorker`] does.
    pub fn new(options: ExportOptions) -> Self {
        let store = options.store.clone();
        let shared = Shared { options, live: Mutex::default(), bell: Notify::new() };
        Exports { shared: Arc::new(shared), store }
    }

    /// The same, acting for somebody: what is changed through it stands in the audit log as theirs.
    pub fn by(&self, origin: Origin) -> Self {
        Exports { shared: Arc::clone(&self.shared), store: self.store.by(origin) }
    }

    /// What they may take.
    pub fn limits(&self) -> &ExportLimits {
        &self.shared.options.limits
    }

    /// The words of the formats.
    pub fn formats(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.shared.options.formats.iter().map(|(word, _)| *word)
    }

    /// Asks for an export. The caller has checked that the query can be run.
    pub async fn create(&self, actor: &Actor, query: &str, format: &str) -> Result<Export, RequestError> {
        let options = &self.shared.options;
        let user = actor.user_id().ok_or(RequestError::NoAccount)?;
        if !self.formats().any(|known| known == format) {
            return Err(RequestError::UnknownFormat {
                known: self.formats().collect::<Vec<_>>().join(" or "),
            });
        }
        let scope = actor.scope.repos.clone();
        let new = NewExport { user, scope, query: query.to_owned(), format: format.to_owned() };
        let most = ExportUse {
            n_exports: options.limits.n_per_user_max,
            n_unfinished: options.limits.n_unfinished_max,
            size_bytes: options.limits.user_bytes_max,
        };
        let export = self.store.create_export(new, most).await?;
        if let Err(fault) = options.store.jobs().enqueue(job(&export.id)).await {
            self.store.delete_export(user, &export.id).await?;
            return Err(fault.into());
        }
        self.shared.bell.notify_one();
        Ok(export)
    }

    /// The caller's exports, the newest first.
    pub async fn list(&self, actor: &Actor, access: &AccessSet) -> Result<Vec<ExportView>, Fault> {
        let Some(user) = actor.user_id() else { return Ok(Vec::new()) };
        let mut views = Vec::new();
        for export in self.shared.options.store.exports_of(user).await? {
            if is_within(actor, &export) {
                views.push(self.view(access, export).await?);
            }
        }
        Ok(views)
    }

    /// One of the caller's exports.
    pub async fn get(
        &self,
        actor: &Actor,
        access: &AccessSet,
        id: &ExportId,
    ) -> Result<Option<ExportView>, Fault> {
        match self.own(actor, id).await? {
            Some((_, export)) => Ok(Some(self.view(access, export).await?)),
            None => Ok(None),
        }
    }

    /// Calls an export off. False where there is none that is not over.
    pub async fn cancel(&self, actor: &Actor, id: &ExportId) -> Result<bool, Fault> {
        let Some((user, export)) = self.own(actor, id).await? else { return Ok(false) };
        let is_cancelled = self.store.cancel_export(user, id).await?;
        if is_cancelled {
            self.remove_file(&export);
        }
        Ok(is_cancelled)
    }

    /// Deletes an export and its file. False where there is none.
    pub async fn delete(&self, actor: &Actor, id: &ExportId) -> Result<bool, Fault> {
        let Some((user, export)) = self.own(actor, id).await? else { return Ok(false) };
        let is_deleted = self.store.delete_export(user, id).await?;
        self.remove_file(&export);
        Ok(is_deleted)
    }

    /// Opens a file for its owner, if they may read all that is in it.
    pub async fn open(
        &self,
        actor: &Actor,
        access: &AccessSet,
        id: &ExportId,
    ) -> Result<OpenedFile, FileError> {
        let (_, export) = self.own(actor, id).await?.ok_or(FileError::NotFound)?;
        if export.state != ExportState::Done {
            return Err(FileError::NotDone { state: export.state });
        }
        if !self.may_have(access, &export).await? {
            return Err(FileError::Withheld);
        }
        let file = File::open(self.shared.path_of(&export)).map_err(|source| FileError::Io { source })?;
        let size_bytes = export.progress.size_bytes;
        Ok(OpenedFile { export, file, size_bytes })
    }

    async fn own(&self, actor: &Actor, id: &ExportId) -> Result<Option<(UserId, Export)>, Fault> {
        let Some(user) = actor.user_id() else { return Ok(None) };
        let export = self.shared.options.store.export_of(user, id).await?;
        Ok(export.filter(|export| is_within(actor, export)).map(|export| (user, export)))
    }

    /// SECURITY: whether every repository that is in the file may be read, all of it: nobody knows under which rules of paths
    /// the file was made. A removed one may not.
    async fn may_have(&self, access: &AccessSet, export: &Export) -> Result<bool, Fault> {
        let held = self.shared.options.store.export_repos_held(&export.id).await?;
        Ok(held.into_iter().all(|repo| access.allows(repo) && access.path_rules(repo).is_none()))
    }

    async fn view(&self, access: &AccessSet, mut export: Export) -> Result<ExportView, Fault> {
        let is_withheld = !self.may_have(access, &export).await?;
        if is_withheld {
            // Counts are about what may no longer be known.
            (export.progress.n_results, export.progress.n_lines, export.progress.size_bytes) = (0, 0, 0);
            export.progress.skipped.clear();
        } else if export.state == ExportState::Running {
            let live = self.shared.live.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(rows) = live.get(&export.id) {
                export.progress.n_results = export.progress.n_results.max(rows.n_results);
                export.progress.n_lines = export.progress.n_lines.max(rows.n_lines);
                export.progress.size_bytes = export.progress.size_bytes.max(rows.n_bytes);
            }
        }
        let left_out = skipped::parse(&export.progress.skipped);
        let is_complete = export.state == ExportState::Done
            && !is_withheld
            && !export.progress.rights_changed
            && !left_out.iter().any(|left_out| left_out.is_grave);
        let keep_for = self.shared.options.limits.keep_for;
        let expires_at = export.finished_at.map(|finished_at| finished_at.plus(keep_for));
        Ok(ExportView { export, left_out, is_complete, is_withheld, expires_at })
    }

    fn remove_file(&self, export: &Export) {
        self.shared.remove_file(&self.shared.path_of(export));
    }
}

impl Shared {
    pub(crate) fn path_of(&self, export: &Export) -> PathBuf {
        // Both parts are words of ours: letters and digits.
        self.options.folder.join(format!("{}.{}", export.id, export.format))
    }

    pub(crate) fn format_of(&self, export: &Export) -> Option<Arc<dyn RowFormat>> {
        let formats = self.options.formats.iter();
        formats.into_iter().find(|(word, _)| *word == export.format).map(|(_, format)| Arc::clone(format))
    }

    pub(crate) fn remove_file(&self, path: &Path) {
        if let Err(error) = std::fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "an export's file cannot be deleted; the next sweep tries again");
        }
    }
}

/// The job of an export.
pub(crate) fn job(id: &ExportId) -> NewJob {
    NewJob {
        kind: JOB_KIND.to_owned(),
        repo: None,
        payload: serde_json::json!({ "export": id.as_str() }),
        priority: JOB_PRIORITY,
        dedupe_key: Some(format!("export:{id}")),
        host: None,
        run_after: None,
    }
}

/// SECURITY: a token that is narrowed to some repositories knows only of exports narrowed at least as much.
fn is_within(actor: &Actor, export: &Export) -> bool {
    match (&actor.scope.repos, &export.scope) {
        (RepoScope::All, _) => true,
        (RepoScope::Only(_), RepoScope::All) => false,
        (RepoScope::Only(mine), RepoScope::Only(its)) => its.is_subset(mine),
    }
}
