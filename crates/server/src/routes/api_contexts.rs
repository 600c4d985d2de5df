//! `/api/v1/contexts`: saved search contexts.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::rfc3339;
use crate::searching::{of_parser, sentence};
use crate::state::AppState;
use access::Verb;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use model::RepoName;
use serde::{Deserialize, Serialize};
use store::{Context, ContextContent, ContextError, ContextName, ContextRepository};
use utoipa::ToSchema;

/// How many contexts a page holds where nothing is said.
const N_PAGE: u32 = 100;

/// A page of contexts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContextList {
    contexts: Vec<ContextShape>,
    /// What to send as `cursor` for the next page; null on the last one.
    next: Option<String>,
}

/// A search context, as far as the caller may know it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContextShape {
    /// `name`, or `@owner/name`.
    name: String,
    description: String,
    /// Conditions on repositories and files; may be empty.
    query: String,
    /// The repositories it lists; only those that the caller may read.
    repositories: Vec<ListedShape>,
    /// Whether every signed-in account may use it.
    public: bool,
    /// Whether the caller may change it.
    editable: bool,
    /// RFC 3339, UTC.
    changed_at: String,
}

/// A repository that a context lists.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub(crate) struct ListedShape {
    name: String,
    /// As after an `@` in a query; empty for the default branch.
    #[serde(default)]
    revisions: String,
}

/// A context to make, or what one is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextInput {
    /// `name` (administrators), or `@owner/name`. Only where one is made.
    name: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    repositories: Vec<ListedShape>,
    #[serde(default)]
    public: bool,
}

/// Which page is wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// `next` of the page before.
    cursor: Option<String>,
    /// 1 to 1,000; 100 if not given.
    limit: Option<u32>,
}

/// Lists the contexts the caller may use: those of the instance, then others by owner and name.
#[utoipa::path(get, path = "/api/v1/contexts", params(Asked),
    responses((status = 200, description = "A page of contexts", body = ContextList)))]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<ContextList>, Failure> {
    let after = asked.cursor.map(|cursor| read_name(&cursor)).transpose()?;
    let limit = asked.limit.unwrap_or(N_PAGE);
    let page = state.store.contexts(&caller.actor, &caller.access, after.as_ref(), limit).await?;
    let next = page.contexts.last().filter(|_| page.goes_on).map(|last| last.name.to_string());
    Ok(Json(ContextList { contexts: page.contexts.into_iter().map(ContextShape::of).collect(), next }))
}

/// Makes a context.
#[utoipa::path(post, path = "/api/v1/contexts", request_body = ContextInput,
    responses((status = 201, description = "The context", body = ContextShape),
        (status = 400, description = "It cannot be one", body = crate::failure::Problem),
        (status = 409, description = "There is one of this name", body = crate::failure::Problem)))]
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    Json(input): Json<ContextInput>,
) -> Result<(StatusCode, Json<ContextShape>), Failure> {
    let name = read_name(input.name.as_deref().unwrap_or_default())?;
    save(&state, &caller, &name, input.into_content()?, false).await?;
    Ok((StatusCode::CREATED, one(&state, &caller, &name).await?))
}

/// Tells one context: `/api/v1/contexts/name` or `/api/v1/contexts/@owner/name`.
#[utoipa::path(get, path = "/api/v1/contexts/{name}", params(("name" = String, Path, description = "`name` or `@owner/name`")),
    responses((status = 200, description = "The context", body = ContextShape),
        (status = 404, description = "Not there, or not for the caller", body = crate::failure::Problem)))]
pub(crate) async fn get(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ContextShape>, Failure> {
    let name = name.parse().map_err(|_| Failure::NotFound)?;
    one(&state, &caller, &name).await
}

/// Changes a context: what is sent takes the place of all of it.
#[utoipa::path(put, path = "/api/v1/contexts/{name}", request_body = ContextInput,
    params(("name" = String, Path, description = "`name` or `@owner/name`")),
    responses((status = 200, description = "The context", body = ContextShape),
        (status = 404, description = "Not there, or not for the caller", body = crate::failure::Problem)))]
pub(crate) async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Json(input): Json<ContextInput>,
) -> Result<Json<ContextShape>, Failure> {
    let name = name.parse().map_err(|_| Failure::NotFound)?;
    save(&state, &caller, &name, input.into_content()?, true).await?;
    one(&state, &caller, &name).await
}

/// Removes a context.
#[utoipa::path(delete, path = "/api/v1/contexts/{name}",
    params(("name" = String, Path, description = "`name` or `@owner/name`")),
    responses((status = 204, description = "It is gone"),
        (status = 404, description = "Not there, or not for the caller", body = crate::failure::Problem)))]
pub(crate) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let name = name.parse().map_err(|_| Failure::NotFound)?;
    remove(&state, &caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(state: &AppState, caller: &Caller, name: &ContextName) -> Result<Json<ContextShape>, Failure> {
    let found = state.store.context(&caller.actor, &caller.access, name).await?;
    found.map(|context| Json(ContextShape::of(context))).ok_or(Failure::NotFound)
}

/// Which part of a context is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContextField {
    Name,
    Description,
    Query,
    Repositories,
    /// No part alone.
    Whole,
}

/// Why a context is not saved.
pub(crate) struct Refusal {
    pub(crate) field: ContextField,
    pub(crate) failure: Failure,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Refusal { field: ContextField::Whole, failure }
    }
}

/// Checks and writes a context.
pub(crate) async fn save(
    state: &AppState,
    caller: &Caller,
    name: &ContextName,
    content: ContextContent,
    exists: bool,
) -> Result<(), Refusal> {
    may_write(caller)?;
    if !content.query.trim().is_empty() {
        let refuse = |error| Refusal {
            field: ContextField::Query,
            failure: Failure::BadQuery(Box::new(of_parser(error))),
        };
        query::parse_context(content.query.trim()).map_err(refuse)?;
    }
    for listed in &content.repositories {
        let refuse = |error: query::ParseError| Refusal {
            field: ContextField::Repositories,
            failure: Failure::BadRequest(sentence(&error.to_string())),
        };
        query::parse_revisions(&listed.revisions).map_err(refuse)?;
    }
    let (actor, access) = (&caller.actor, &caller.access);
    let saved = match exists {
        true => caller.acting(state).store.change_context(actor, access, name, &content).await,
        false => caller.acting(state).store.create_context(actor, access, name, &content).await,
    };
    saved.map_err(|error| Refusal { field: field_of(&error), failure: refused(error) })?;
    tracing::info!(context = %name, user = caller.actor.name(), "a search context was saved");
    Ok(())
}

/// Removes a context.
pub(crate) async fn remove(state: &AppState, caller: &Caller, name: &ContextName) -> Result<(), Failure> {
    may_write(caller)?;
    caller.acting(state).store.delete_context(&caller.actor, name).await.map_err(refused)?;
    tracing::info!(context = %name, user = caller.actor.name(), "a search context was removed");
    Ok(())
}

fn may_write(caller: &Caller) -> Result<(), Failure> {
    match caller.actor.may(Verb::Write) {
        true => Ok(()),
        false => Err(Failure::NotAllowed("This token does not allow writing.")),
    }
}

fn field_of(error: &ContextError) -> ContextField {
    match error {
        ContextError::NameTaken { .. } => ContextField::Name,
        ContextError::BadText { what: "description", .. } => ContextField::Description,
        ContextError::BadText { what: "query", .. } => ContextField::Query,
        ContextError::BadText { .. } | ContextError::UnknownRepository { .. } => ContextField::Repositories,
        _ => ContextField::Whole,
    }
}

fn refused(error: ContextError) -> Failure {
    match error {
        ContextError::Unknown { .. } => Failure::NotFound,
        ContextError::NotYours { .. } => Failure::NotAllowed(
            "A search context is changed by its owner; one of the instance by administrators.",
        ),
        ContextError::Fault(fault) => fault.into(),
        taken @ ContextError::NameTaken { .. } => Failure::Conflict(sentence(&taken.to_string())),
        other => Failure::BadRequest(sentence(&other.to_string())),
    }
}

fn read_name(text: &str) -> Result<ContextName, Failure> {
    text.parse().map_err(|error: store::ContextNameError| Failure::BadRequest(sentence(&error.to_string())))
}

impl ContextInput {
    fn into_content(self) -> Result<ContextContent, Failure> {
        let listed = |listed: ListedShape| {
            let name = RepoName::new(listed.name);
            let name = name.map_err(|error| Failure::BadRequest(sentence(&error.to_string())))?;
            Ok(ContextRepository { name, revisions: listed.revisions })
        };
        Ok(ContextContent {
            description: self.description,
            query: self.query,
            repositories: self.repositories.into_iter().map(listed).collect::<Result<_, Failure>>()?,
            is_public: self.public,
        })
    }
}

impl ContextShape {
    fn of(context: Context) -> Self {
        let listed = |listed: ContextRepository| ListedShape {
            name: listed.name.to_string(),
            revisions: listed.revisions,
        };
        ContextShape {
            name: context.name.to_string(),
            description: context.description,
            query: context.query,
            repositories: context.repositories.into_iter().map(listed).collect(),
            public: context.is_public,
            editable: context.is_editable,
            changed_at: rfc3339(context.changed_at.0),
        }
    }
}
