//! `/setup/<secret>`: the one-time link that makes the first administrator.

use crate::caller::theme_of;
use crate::failure::Failure;
use crate::searching::sentence;
use crate::shell::Shell;
use crate::signing_in::go_on;
use crate::state::AppState;
use crate::visitor::Visitor;
use access::{Password, SetupSecret, UserName};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use store::ConsumeSetupError;

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupPage {
    shell: Shell,
    action: String,
    name: String,
    fault: Option<String>,
}

/// The form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    name: String,
    password: String,
    again: String,
}

/// The page, as long as the link is valid. Afterwards it is an address like any other that leads nowhere.
pub(crate) async fn page(
    State(state): State<AppState>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let secret = SetupSecret::parse(&secret).map_err(|_| Failure::NotFound)?;
    match state.store.setup_link_is_valid(&secret).await? {
        true => render(&headers, &secret, "admin".into(), None),
        false => Err(Failure::NotFound),
    }
}

/// The form. What is wrong with it leaves the link valid.
pub(crate) async fn submit(
    State(state): State<AppState>,
    visitor: Visitor,
    Path(secret): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Setup>,
) -> Result<Response, Failure> {
    let state = visitor.acting(&state);
    let secret = SetupSecret::parse(&secret).map_err(|_| Failure::NotFound)?;
    if !state.store.setup_link_is_valid(&secret).await? {
        return Err(Failure::NotFound);
    }
    let fault = match create(&state, &secret, &form).await? {
        Ok(user) => return go_on(&state, &visitor, &headers, &user, "/").await,
        Err(fault) => fault,
    };
    let mut page = render(&headers, &secret, form.name, Some(sentence(&fault)))?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

async fn create(
    state: &AppState,
    secret: &SetupSecret,
    form: &Setup,
) -> Result<Result<store::User, String>, Failure> {
    if form.password != form.again {
        return Ok(Err("the two passwords are not the same".into()));
    }
    let name = match UserName::new(form.name.trim()) {
        Ok(name) => name,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let password = Password::new(form.password.as_str());
    match state.store.consume_setup_link(secret, name, &password).await {
        Ok(user) => Ok(Ok(user)),
        Err(ConsumeSetupError::Invalid) => Err(Failure::NotFound),
        Err(ConsumeSetupError::Fault(fault)) => Err(fault.into()),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn render(
    headers: &HeaderMap,
    secret: &SetupSecret,
    name: String,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let shell = Shell { title: "Set up · Sourcekeep".into(), theme: theme_of(headers), ..Shell::default() };
    let action = format!("/setup/{}", secret.reveal());
    let page = SetupPage { shell, action, name, fault };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
