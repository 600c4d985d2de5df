//! `/api/v1/repos/<repository>/-/precise[/<id>]`: the precise indexes of a repository, uploading one and removing one.
//!
//! SECURITY: an index speaks of the whole repository. For whoever may read a part of it these addresses are not there; who
//! may upload is asked after that, so that nobody learns of a repository by being refused.

use crate::browse;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::git_access;
use crate::links::{RepoAddress, query_value, repo_link};
use crate::navigation::upload_of;
use crate::state::AppState;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use model::{ObjectId, RepoId};
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;
use store::{NewPrecise, PreciseId, PreciseIndex, Repository};
use uploads::{Part, UploadError};
use utoipa::ToSchema;

/// How long a sender may be silent in the middle of an upload.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How far from the default branch's head the distance of an index is looked for.
const DISTANCE_MAX: u32 = 100;
/// Longest folder that an upload may name.
const ROOT_BYTES_MAX: usize = 1_000;
/// Longest name of an indexer that an upload may name.
const INDEXER_BYTES_MAX: usize = 100;

/// The precise indexes of a repository, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreciseList {
    repo: String,
    /// The head of the default branch, from which `distance` is counted.
    commit: Option<String>,
    indexes: Vec<PreciseShape>,
    /// Whether the caller may upload and remove indexes of this repository.
    may_upload: bool,
}

/// A precise index, or an upload on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreciseShape {
    id: String,
    commit: String,
    /// The folder that its paths are below; empty for the whole repository.
    root: String,
    indexer: String,
    indexer_version: String,
    /// `receiving`, `queued`, `processing`, `ready` or `failed`.
    state: &'static str,
    /// Why it failed, and how to mend it.
    error: Option<String>,
    /// Commits between it and the head of the default branch; null where it is further away than 100, or nowhere near.
    distance: Option<u32>,
    documents: u64,
    symbols: u64,
    occurrences: u64,
    /// Occurrences that were left out, because their range is none.
    left_out: u64,
    size_bytes: u64,
    upload_bytes: u64,
    uploaded_by: Option<String>,
    /// RFC 3339.
    created_at: String,
    finished_at: Option<String>,
}

/// An upload that was received.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreciseUploaded {
    id: String,
    state: &'static str,
    /// The page that shows how far it is.
    url: String,
}

/// What is known of a repository's indexes.
pub(crate) struct Indexes {
    pub(crate) head: Option<ObjectId>,
    pub(crate) rows: Vec<PreciseIndex>,
    /// By commit.
    pub(crate) distances: HashMap<ObjectId, u32>,
    /// What lies at the top of the repository.
    files: Vec<Vec<u8>>,
}

impl Indexes {
    /// Whether a file or folder of this name lies at the top.
    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.files.iter().any(|file| file == name.as_bytes())
    }
}

/// The indexes of a repository that the caller may read as a whole.
pub(crate) async fn indexes(state: &AppState, caller: &Caller, row: &Repository) -> Result<Indexes, Failure> {
    must_read_all(caller, row.id)?;
    let rows = state.store.precise_indexes(&caller.access, row.id).await?;
    let commits: Vec<ObjectId> = rows.iter().map(|index| upload_of(index).commit).collect();
    let asked = row.clone();
    let found = git_access::read(state, &caller.access, row, move |repository| {
        let Some(head) = repository.commit_of(&asked, None)? else { return Ok(Default::default()) };
        let reader = repository.whole()?.reader();
        let mut known: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        let mut parents = |id: ObjectId| {
            let read = || reader.commit(id).map(|commit| commit.parents).unwrap_or_default();
            known.entry(id).or_insert_with(read).clone()
        };
        let mut distances = HashMap::new();
        for commit in commits {
            let near = precise::nearest(head, &[commit], &mut parents, DISTANCE_MAX);
            distances.extend(near.map(|near| (commit, near.distance)));
        }
        let listing = repository.list(&repository.at(head, b"")?, b"")?;
        Ok((Some(head), distances, listing.entries.into_iter().map(|entry| entry.name).collect()))
    });
    let (head, distances, files) = found.await?;
    Ok(Indexes { head, rows, distances, files })
}

/// The list.
pub(crate) async fn list(state: &AppState, caller: &Caller, row: &Repository) -> Result<Response, Failure> {
    let found = indexes(state, caller, row).await?;
    let list = PreciseList {
        repo: row.name.to_string(),
        commit: found.head.map(|head| head.to_string()),
        indexes: found.rows.iter().map(|index| PreciseShape::of(index, &found.distances)).collect(),
        may_upload: caller.actor.may_upload_precise(),
    };
    Ok(Json(list).into_response())
}

/// `PUT` or `POST …/-/precise?commit=<40 hex>[&root=][&indexer=][&version=]`, the index (gzip or not) as the body.
pub(crate) async fn upload(
    State(state): State<AppState>,
    caller: Caller,
    uri: Uri,
    body: Body,
) -> Result<Response, Failure> {
    let address = address(&uri)?;
    let row = browse::row(&state, &caller, &address).await?;
    if address.page != "precise" || !address.path.is_empty() {
        return Err(Failure::NotFound);
    }
    must_upload(&state, &caller, &row).await?;
    let new = new_upload(&caller, row.id, |key| text_of(&uri, key))?;
    let acting = caller.acting(&state);
    let part = receive(&acting, None, body).await?;
    let id = acting.uploads.whole(new, part).await.map_err(not_taken)?;
    let url = format!("{}/-/precise", repo_link(&row.name, None));
    let answer = PreciseUploaded { id: id.to_string(), state: "queued", url };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

/// `DELETE …/-/precise/<id>`.
pub(crate) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Failure> {
    let address = address(&uri)?;
    let row = browse::row(&state, &caller, &address).await?;
    let id = std::str::from_utf8(&address.path).ok().and_then(PreciseId::parse);
    let id = id.filter(|_| address.page == "precise").ok_or(Failure::NotFound)?;
    remove(&state, &caller, &row, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes an index, for whoever may.
pub(crate) async fn remove(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    id: PreciseId,
) -> Result<(), Failure> {
    must_upload(state, caller, row).await?;
    match caller.acting(state).uploads.remove(row.id, id).await? {
        true => Ok(()),
        false => Err(Failure::NotFound),
    }
}

/// SECURITY: not found where the caller may read some paths only.
fn must_read_all(caller: &Caller, repo: RepoId) -> Result<(), Failure> {
    match caller.access.path_rules(repo) {
        None => Ok(()),
        Some(_) => Err(Failure::NotFound),
    }
}

/// Whether the caller may upload indexes of a repository that they may know of. A refusal is written down.
pub(crate) async fn must_upload(state: &AppState, caller: &Caller, row: &Repository) -> Result<(), Failure> {
    const WHY: &str =
        "Uploading needs a role with the capability upload_precise, and of a token the verb write.";
    must_read_all(caller, row.id)?;
    if caller.actor.may_upload_precise() {
        return Ok(());
    }
    caller.acting(state).store.refuse_precise(row.id, &row.name, WHY).await?;
    Err(Failure::NotAllowed(WHY))
}

/// What an upload says of itself, by the names of the native route.
pub(crate) fn new_upload(
    caller: &Caller,
    repo: RepoId,
    value: impl Fn(&str) -> Option<String>,
) -> Result<NewPrecise, Failure> {
    let bad = |what: &str| Failure::BadRequest(what.to_owned());
    let commit = value("commit").as_deref().and_then(commit_of);
    let commit = commit.ok_or_else(|| {
        bad("Say which commit was indexed: commit=, 40 hexadecimal digits (git rev-parse HEAD).")
    })?;
    let root = value("root").unwrap_or_default();
    let root = root.trim_start_matches("./").trim_matches('/');
    let root = if root == "." { "" } else { root };
    let is_inside = root.is_empty() || root.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !is_inside || root.len() > ROOT_BYTES_MAX || root.contains(['\0', '\\']) {
        return Err(bad("root= is a folder inside the repository, such as packages/web."));
    }
    let short = |key| -> String {
        let text = value(key).unwrap_or_default();
        text.chars().filter(|c| !c.is_control()).take(INDEXER_BYTES_MAX / 4).collect()
    };
    Ok(NewPrecise {
        repo,
        commit,
        root: root.to_owned(),
        indexer: short("indexer"),
        indexer_version: short("version"),
        n_parts: 1,
        uploaded_by: caller.actor.user_id(),
    })
}

fn commit_of(text: &str) -> Option<ObjectId> {
    let is_id = text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut id = [0; 20];
    for (n, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    is_id.then_some(ObjectId(id))
}

/// Takes a body in, within limits; dropped half way, nothing stays behind.
pub(crate) async fn receive(
    state: &AppState,
    part_of: Option<&PreciseIndex>,
    body: Body,
) -> Result<Part, Failure> {
    let mut part = state.uploads.receive(part_of).await.map_err(not_taken)?;
    let mut stream = body.into_data_stream();
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, stream.next()).await;
        match next
            .map_err(|_| Failure::BadRequest("The upload stopped in its middle: send it again.".into()))?
        {
            None => return Ok(part),
            Some(Ok(bytes)) => part.write(&bytes).await.map_err(not_taken)?,
            Some(Err(_)) => {
                return Err(Failure::BadRequest(
                    "The upload was cut off before its end: send it again.".into(),
                ));
            }
        }
    }
}

/// An upload's error as an answer.
pub(crate) fn not_taken(error: UploadError) -> Failure {
    let said = crate::searching::sentence(&error.to_string());
    match error {
        UploadError::TooLarge { .. } => Failure::NotTaken(StatusCode::PAYLOAD_TOO_LARGE, said),
        UploadError::Busy => Failure::NotTaken(StatusCode::SERVICE_UNAVAILABLE, said),
        UploadError::Create(store::CreatePreciseError::TooMany { .. }) => {
            Failure::NotTaken(StatusCode::TOO_MANY_REQUESTS, said)
        }
        UploadError::DiskFull => Failure::NotTaken(StatusCode::INSUFFICIENT_STORAGE, said),
        UploadError::Parts { .. } => Failure::BadRequest(said),
        UploadError::NotReceiving => Failure::Conflict(said),
        UploadError::Io { .. } | UploadError::Store(_) | UploadError::Create(_) => Failure::internal(error),
    }
}

fn address(uri: &Uri) -> Result<RepoAddress, Failure> {
    let rest = uri.path().strip_prefix("/api/v1/repos/").unwrap_or("");
    RepoAddress::parse(rest, uri.query()).ok_or(Failure::NotFound)
}

/// A value of the address, as text.
pub(crate) fn text_of(uri: &Uri, key: &str) -> Option<String> {
    query_value(uri.query(), key).and_then(|value| String::from_utf8(value).ok())
}

impl PreciseShape {
    fn of(index: &PreciseIndex, distances: &HashMap<ObjectId, u32>) -> Self {
        PreciseShape {
            id: index.id.to_string(),
            commit: index.commit.to_string(),
            root: index.root.clone(),
            indexer: index.indexer.clone(),
            indexer_version: index.indexer_version.clone(),
            state: index.state.as_str(),
            error: index.error.clone(),
            distance: distances.get(&index.commit).copied(),
            documents: index.counts.n_documents,
            symbols: index.counts.n_symbols,
            occurrences: index.counts.n_occurrences,
            left_out: index.counts.n_left_out,
            size_bytes: index.counts.size_bytes,
            upload_bytes: index.counts.upload_bytes,
            uploaded_by: index.uploaded_by.clone(),
            created_at: crate::format::rfc3339(index.created_at.0),
            finished_at: index.finished_at.map(|at| crate::format::rfc3339(at.0)),
        }
    }
}
