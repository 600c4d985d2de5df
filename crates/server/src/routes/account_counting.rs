//! `/account/counting`: leaving the counting of use, and coming back.

use crate::caller::BySession;
use crate::failure::Failure;
use crate::state::AppState;
use axum::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// Whether to be counted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    counted: String,
}

/// Sets it. From now on on this process; others follow within seconds.
pub(crate) async fn submit(
    State(state): State<AppState>,
    by: BySession,
    Form(choice): Form<Choice>,
) -> Result<Response, Failure> {
    let is_counted = match choice.counted.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Failure::BadRequest("counted is yes or no.".into())),
    };
    state.config.usage.opt_out(by.user.0, !is_counted);
    by.store.set_counted(by.user, is_counted).await?;
    let done = if is_counted { "/account?done=counted" } else { "/account?done=not-counted" };
    Ok(Redirect::to(done).into_response())
}
