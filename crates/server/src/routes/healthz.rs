//! `/healthz`, `/readyz`, `/metrics`: for whoever watches over the process.

use crate::state::AppState;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers too.
pub(crate) async fn readyz(State(state): State<AppState>) -> Response {
    match state.store.epoch().await {
        Ok(_) => "ready\n".into_response(),
        Err(fault) => {
            tracing::error!(%fault, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain")], "not ready\n")
                .into_response()
        }
    }
}

/// Numbers for Prometheus. They are about everybody's work together, so only roles that allow it see them.
pub(crate) async fn metrics(State(state): State<AppState>) -> Response {
    let totals = state.board.totals();
    state.metrics.set("sourcekeep_indexed_repositories", totals.repos_done as f64);
    state.metrics.set("sourcekeep_indexing_failures", totals.repos_failed as f64);
    state.metrics.set("sourcekeep_indexed_files", totals.files as f64);
    state.metrics.set("sourcekeep_indexed_bytes", totals.bytes as f64);
    state.metrics.set("sourcekeep_search_places_free", state.search_places.n_free() as f64);
    if let Ok(counts) = state.store.jobs().counts().await {
        state.metrics.set("sourcekeep_jobs_queued", counts.n_queued as f64);
        state.metrics.set("sourcekeep_jobs_running", counts.n_running as f64);
        state.metrics.set("sourcekeep_jobs_failed", counts.n_failed as f64);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render())
        .into_response()
}
