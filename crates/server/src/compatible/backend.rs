//! The server as the GraphQL schema may ask it, for one caller.

use super::pages::Pages;
use super::repositories::{all, data_of};
use super::texts::decoded;
use crate::browse::{self, Content, SHOWN_BYTES_MAX};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::git_access;
use crate::links::RepoAddress;
use crate::routes::stream_alert;
use crate::searching;
use crate::state::AppState;
use compat::sourcegraph::Alert;
use compat::{
    Answer, Backend, BackendError, CommitData, EntryData, FileData, Links, RepositoryData, RepositoryOrder,
    RepositoryPage, RepositoryQuestion, SearchData, SearchQuestion, UserData,
};
use git::EntryKind;
use model::{ObjectId, RepoName};
use query::Select;
use search::{Limits, Person, SkippedReason, Stats};
use store::Repository;

/// Longest revision text that is looked up, in bytes.
const REV_BYTES_MAX: usize = 1100;
/// Longest path that is looked up, in bytes.
const PATH_BYTES_MAX: usize = 8 << 10;

/// The server, for one caller.
pub(crate) struct CallerBackend {
    pub(crate) state: AppState,
    pub(crate) caller: Caller,
}

/// Failures that say nothing of what is inside.
pub(super) fn told(failure: Failure) -> BackendError {
    match failure {
        Failure::BadRequest(message) => BackendError::Refused { message },
        Failure::Internal(reason) => {
            tracing::error!(reason, "a field could not be answered");
            BackendError::Internal
        }
        other => {
            tracing::error!(failure = ?other, "a field could not be answered");
            BackendError::Internal
        }
    }
}

impl CallerBackend {
    async fn row(&self, name: &RepoName) -> Result<Option<Repository>, BackendError> {
        let row = self.state.store.repository_by_name(&self.caller.access, name).await;
        row.map_err(|fault| told(fault.into()))
    }

    async fn page(&self, question: RepositoryQuestion) -> Result<RepositoryPage, Failure> {
        let snapshot = self.state.catalog.snapshot();
        let rows = all(&self.state, &self.caller).await?;
        let mut found: Vec<RepositoryData> = rows
            .iter()
            .filter(|row| is_asked_for(row, &question))
            .map(|row| data_of(row, &self.caller, &snapshot))
            .filter(|data| wants(question.cloned, data.is_cloned) && wants(question.indexed, data.is_indexed))
            .collect();
        if question.order == RepositoryOrder::Created {
            found.sort_by(|a, b| a.created_at.cmp(&b.created_at));
        }
        if question.is_descending {
            found.reverse();
        }
        let mut n_total = found.len();
        if model::leaks("graphql-total") {
            let everything = self.state.store.access_set(&access::Actor::LOCAL_OPERATOR).await?;
            n_total = everything.n_repos() as usize;
        }
        if let Some(after) = question.after.as_deref().and_then(compat::repository_of_id) {
            let place = found.iter().position(|data| data.name == after);
            found.drain(..place.map_or(0, |place| place + 1));
        }
        let has_more = found.len() > question.first;
        found.truncate(question.first);
        Ok(RepositoryPage { repositories: found, n_total, has_more })
    }

    async fn read_commit(&self, name: RepoName, rev: String) -> Result<Option<CommitData>, BackendError> {
        self.caller.notes.add("commit", format!("{name}@{rev}"));
        let Some(row) = self.row(&name).await? else { return Ok(None) };
        self.caller.notes.open(&row.name);
        let rev = if rev.is_empty() { "HEAD".to_owned() } else { rev };
        if rev.len() > REV_BYTES_MAX {
            return Ok(None);
        }
        let read = git_access::read(&self.state, &self.caller.access, &row, move |repository| {
            let Ok(repository) = repository.whole() else { return Ok(None) };
            let Ok(found) = repository.resolve(&rev) else { return Ok(None) };
            repository.reader().commit(found.commit).map(Some).map_err(Failure::internal)
        });
        let commit = read.await.map_err(told)?;
        Ok(commit.map(|commit| CommitData {
            id: commit.id,
            author: person_of(&commit.author),
            committer: person_of(&commit.committer),
            message: commit.message,
            parents: commit.parents,
        }))
    }

    async fn read_file(
        &self,
        name: RepoName,
        commit: ObjectId,
        path: Vec<u8>,
    ) -> Result<Option<FileData>, BackendError> {
        self.caller.notes.add("file", format!("{name}@{commit}:{}", String::from_utf8_lossy(&path)));
        let Some(row) = self.row(&name).await? else { return Ok(None) };
        self.caller.notes.open(&row.name);
        if path.len() > PATH_BYTES_MAX {
            return Ok(None);
        }
        let asked = row.clone();
        let read = git_access::read(&self.state, &self.caller.access, &row, move |repository| {
            let page = "file".to_owned();
            let address = RepoAddress { repo: name, rev: Some(commit.to_string()), page, path };
            let spot = match repository.locate(&asked, &address) {
                Ok(Some(spot)) => spot,
                Ok(None) | Err(Failure::NotFound) => return Ok(None),
                Err(failure) => return Err(failure),
            };
            let size_bytes = repository.size_of(spot.kind, spot.id).unwrap_or(0);
            let is_directory = matches!(spot.kind, EntryKind::Tree | EntryKind::Submodule);
            let text = match is_directory {
                true => None,
                false => match repository.content(spot.id, SHOWN_BYTES_MAX) {
                    Content::Bytes(bytes) => decoded(&bytes),
                    Content::TooLarge(_) | Content::Unreadable => None,
                },
            };
            Ok(Some(FileData { is_directory, size_bytes, text }))
        });
        read.await.map_err(told)
    }

    async fn read_folder(
        &self,
        name: RepoName,
        commit: ObjectId,
        path: Vec<u8>,
    ) -> Result<Vec<EntryData>, BackendError> {
        self.caller.notes.add("file", format!("{name}@{commit}:{}", String::from_utf8_lossy(&path)));
        let Some(row) = self.row(&name).await? else { return Ok(Vec::new()) };
        self.caller.notes.open(&row.name);
        let asked = row.clone();
        let read = git_access::read(&self.state, &self.caller.access, &row, move |repository| {
            let page = "tree".to_owned();
            let address = RepoAddress { repo: name, rev: Some(commit.to_string()), page, path };
            let spot = match repository.locate(&asked, &address) {
                Ok(Some(spot)) if spot.kind == EntryKind::Tree => spot,
                Ok(_) | Err(Failure::NotFound) => return Ok(Vec::new()),
                Err(failure) => return Err(failure),
            };
            let listing = repository.list(&spot, &address.path)?;
            let entry = |entry: &git::TreeEntry| EntryData {
                name: crate::wire::lossy(&entry.name),
                kind: browse::kind_word(entry.kind),
                is_directory: entry.kind == EntryKind::Tree,
            };
            Ok(listing.entries.iter().map(entry).collect())
        });
        read.await.map_err(told)
    }

    async fn run_search(&self, question: SearchQuestion) -> Result<SearchData, BackendError> {
        let query = match searching::parse_as(&question.query, question.pattern_type) {
            Ok(query) => query,
            Err(fault) => return Ok(refused(stream_alert(fault))),
        };
        if query.settings.select.value == Some(Select::FileOwners) {
            let why =
                "select:file.owners gives people, which this interface cannot carry; ask /api/v1/search.";
            return Ok(refused(Alert::new("Not served here", why)));
        }
        let alert = searching::alert_of(&question.query, &query);
        let limits = Limits { display: question.display, lines_per_file: 500, ..Limits::default() };
        let found = match searching::find(&self.state, &self.caller, query, limits).await {
            Ok(Ok(found)) => found,
            Ok(Err(fault)) => return Ok(refused(stream_alert(fault))),
            // A search context that is not there, or not for the caller.
            Err(Failure::BadQuery(fault)) => return Ok(refused(stream_alert(*fault))),
            Err(failure) => return Err(told(failure)),
        };
        let waits = |reason| matches!(reason, SkippedReason::RepoCloning | SkippedReason::RepoIndexing);
        let has_pending = found.stats.skipped.iter().any(|skipped| waits(skipped.reason));
        let snapshot = self.state.catalog.snapshot();
        let pending = snapshot.pending(&self.caller.access).filter(|_| has_pending);
        Ok(SearchData {
            is_refused: false,
            cloning: pending.map(|repo| repo.name.clone()).collect(),
            matches: found.matches,
            stats: found.stats,
            facets: found.facets,
            alert: alert.or(found.alert).map(|text| Alert::new("About this query", text)),
        })
    }
}

fn refused(alert: Alert) -> SearchData {
    // Nothing was left out: nothing was asked that could be answered.
    let stats = Stats { complete: true, ..Stats::default() };
    SearchData { is_refused: true, alert: Some(alert), stats, ..SearchData::default() }
}

fn wants((yes, no): (bool, bool), is: bool) -> bool {
    if is { yes } else { no }
}

fn is_asked_for(row: &Repository, question: &RepositoryQuestion) -> bool {
    let name = row.name.as_str();
    let is_named = question.names.as_ref().is_none_or(|names| names.iter().any(|asked| asked == name));
    let holds = |text: &String| name.to_lowercase().contains(&text.to_lowercase());
    is_named && question.query.as_ref().is_none_or(holds)
}

fn person_of(person: &git::Person) -> Person {
    Person {
        name: person.name.clone(),
        email: person.email.clone(),
        seconds: person.seconds,
        offset_minutes: person.offset_seconds / 60,
    }
}

impl Backend for CallerBackend {
    fn user(&self) -> UserData {
        UserData {
            name: self.caller.actor.name().to_owned(),
            is_administrator: self.caller.actor.is_administrator(),
        }
    }

    fn links(&self) -> &dyn Links {
        &Pages
    }

    fn date(&self, person: &Person) -> String {
        crate::format::rfc3339_at(person.seconds, person.offset_minutes)
    }

    fn repositories(&self, question: RepositoryQuestion) -> Answer<'_, RepositoryPage> {
        Box::pin(async move { self.page(question).await.map_err(told) })
    }

    fn repository(&self, name: RepoName) -> Answer<'_, Option<RepositoryData>> {
        Box::pin(async move {
            let row = self.row(&name).await?;
            let snapshot = self.state.catalog.snapshot();
            Ok(row.map(|row| data_of(&row, &self.caller, &snapshot)))
        })
    }

    fn commit(&self, repo: RepoName, rev: String) -> Answer<'_, Option<CommitData>> {
        Box::pin(self.read_commit(repo, rev))
    }

    fn file(&self, repo: RepoName, commit: ObjectId, path: Vec<u8>) -> Answer<'_, Option<FileData>> {
        Box::pin(self.read_file(repo, commit, path))
    }

    fn folder(&self, repo: RepoName, commit: ObjectId, path: Vec<u8>) -> Answer<'_, Vec<EntryData>> {
        Box::pin(self.read_folder(repo, commit, path))
    }

    fn search(&self, question: SearchQuestion) -> Answer<'_, SearchData> {
        Box::pin(self.run_search(question))
    }
}
