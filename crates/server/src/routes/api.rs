//! `/api/v1/status`: how the server is, as far as the caller may know.

use super::api_repos::ProgressShape;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    version: &'static str,
    /// Who is asking.
    user: String,
    administrator: bool,
    /// What is being worked on.
    working_on: Vec<Work>,
    /// The queue; only for roles that allow numbers about the whole server.
    jobs: Option<JobsShape>,
    /// The raw sidecars; likewise.
    raw_sidecars: Option<RawShape>,
}

/// A repository that is being worked on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Work {
    repo: String,
    progress: ProgressShape,
}

/// How many jobs there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobsShape {
    queued: u64,
    running: u64,
    failed: u64,
}

/// What the text takes that is kept uncompressed for exhaustive searches; it is not part of the durable index.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RawShape {
    bytes: u64,
    /// What it may take.
    bytes_max: u64,
}

/// Tells how the server is. SECURITY: the queue's numbers are about everybody's repositories, so only roles that allow
/// it see them.
#[utoipa::path(get, path = "/api/v1/status",
    responses((status = 200, description = "How the server is", body = Status)))]
pub(crate) async fn status(State(state): State<AppState>, caller: Caller) -> Result<Json<Status>, Failure> {
    let mut visible = state.board.visible(&caller.access);
    if model::leaks("status-of-all") {
        visible = state.board.for_operator();
    }
    let work = |progress: &mirror::Progress| Work {
        repo: progress.name.to_string(),
        progress: ProgressShape::of(progress),
    };
    let jobs = match caller.actor.can(access::Capability::ReadMetrics) {
        true => {
            let counts = state.store.jobs().counts().await?;
            Some(JobsShape { queued: counts.n_queued, running: counts.n_running, failed: counts.n_failed })
        }
        false => None,
    };
    let (bytes, bytes_max) = state.board.raw_bytes();
    let raw_sidecars =
        caller.actor.can(access::Capability::ReadMetrics).then_some(RawShape { bytes, bytes_max });
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        user: caller.actor.name().to_owned(),
        administrator: caller.actor.is_administrator(),
        working_on: visible.iter().map(work).collect(),
        jobs,
        raw_sidecars,
    }))
}
