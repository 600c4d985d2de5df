//! What goes wrong, as the caller sees it: an RFC 9457 problem document for programs, a page for people.
//!
//! A handler fails with a [`Failure`]; it travels in the response's extensions to [`render`], which alone knows whether
//! the request came from a program (`/api/…`, or no wish for HTML) or a person. What happened inside is logged once,
//! there, and never shown.

use crate::request_id::RequestId;
use crate::shell::Shell;
use crate::state::AppState;
use askama::Template;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Serialize;
use std::any::Any;
use std::fmt;
use std::time::Duration;

/// Why a request gets no answer of its own kind.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// There is no such thing, or the caller may not know of it: one answer for both.
    NotFound,
    /// The address is known and has no such method.
    WrongMethod,
    /// The caller has not said who they are, or is nobody any more.
    NotSignedIn,
    /// The credential is good and does not allow this.
    NotAllowed(&'static str),
    /// Who is signed in has to prove again who they are before this.
    NotFresh,
    /// A form came from another site.
    ForeignOrigin,
    /// The server is not known under this name.
    WrongHost,
    /// Something about the request is wrong.
    BadRequest(String),
    /// A query is wrong at a place.
    BadQuery(Box<QueryFault>),
    /// It cannot be done as things are.
    Conflict(String),
    /// What was sent cannot be taken: too large, no room, too busy. The status says which.
    NotTaken(StatusCode, String),
    /// Too many attempts.
    TooMany(Duration),
    /// An identity provider did not let anybody in, or could not be asked.
    ProviderFailed {
        /// What happened, for people.
        detail: String,
        /// Whether it is the provider that failed.
        is_outage: bool,
    },
    /// Something here is wrong. The text is for the log.
    Internal(String),
    /// The answer would take too long.
    TimedOut,
}

/// What is wrong with a query, in the words of whoever found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct QueryFault {
    /// A stable word for programs.
    pub(crate) code: String,
    /// What is wrong.
    pub(crate) message: String,
    /// The query's bytes at fault, half-open.
    pub(crate) span: Option<[usize; 2]>,
    /// How to mend it.
    pub(crate) hint: Option<String>,
    /// The whole query, mended as was probably meant.
    pub(crate) suggestion: Option<String>,
}

/// RFC 9457.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Problem {
    /// The kind of problem: `/problems/<word>`.
    r#type: String,
    /// The kind, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened, and how to mend it.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
    /// What the server's log calls this request.
    #[serde(skip_serializing_if = "String::is_empty")]
    request_id: String,
    /// Where a query is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<QueryFault>,
}

impl Failure {
    /// Hides what happened inside from the caller and keeps it for the log.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        Failure::Internal(error.to_string())
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Failure::NotSignedIn => StatusCode::UNAUTHORIZED,
            Failure::NotAllowed(_) | Failure::NotFresh | Failure::ForeignOrigin => StatusCode::FORBIDDEN,
            Failure::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Failure::BadRequest(_) | Failure::BadQuery(_) => StatusCode::BAD_REQUEST,
            Failure::Conflict(_) => StatusCode::CONFLICT,
            Failure::NotTaken(status, _) => *status,
            Failure::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Failure::ProviderFailed { is_outage: true, .. } => StatusCode::BAD_GATEWAY,
            Failure::ProviderFailed { .. } => StatusCode::FORBIDDEN,
            Failure::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Failure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The word for programs, the title, and the detail.
    fn words(&self) -> (&'static str, &'static str, String) {
        match self {
            Failure::NotFound => {
                ("not-found", "Not found", "There is nothing at this address, or nothing you may see.".into())
            }
            Failure::WrongMethod => (
                "wrong-method",
                "Not asked for in this way",
                "This address does something else, or takes what a form sends. Open the page that leads to it.".into(),
            ),
            Failure::NotSignedIn => (
                "not-signed-in",
                "Sign in first",
                "Send a valid token as 'Authorization: Bearer sk_…', or sign in with a browser.".into(),
            ),
            Failure::NotAllowed(why) => ("not-allowed", "Not allowed", (*why).into()),
            Failure::NotFresh => (
                "not-fresh",
                "Prove again who you are",
                "This needs a proof of the last ten minutes. Open the page in a browser and give it.".into(),
            ),
            Failure::ForeignOrigin => (
                "foreign-origin",
                "Refused",
                "This form was not sent from a page of this server. Open the page again and retry.".into(),
            ),
            Failure::WrongHost => (
                "wrong-host",
                "Not known by this name",
                "This server does not answer under this host name. Whoever runs it can allow the name in the \
                 configuration (public_url or hosts_allowed)."
                    .into(),
            ),
            Failure::BadRequest(detail) => ("bad-request", "Bad request", detail.clone()),
            Failure::BadQuery(fault) => ("bad-query", "The query cannot be run", fault.message.clone()),
            Failure::Conflict(detail) => ("conflict", "Not as things are", detail.clone()),
            Failure::NotTaken(_, detail) => ("not-taken", "Not taken", detail.clone()),
            Failure::TooMany(wait) => (
                "too-many-attempts",
                "Too many attempts",
                format!("Wait {} and try again.", crate::format::time_left(wait.as_secs())),
            ),
            Failure::ProviderFailed { detail, .. } => {
                ("provider-failed", "The identity provider did not let you in", detail.clone())
            }
            Failure::Internal(_) => (
                "internal",
                "Something went wrong here",
                "It is in the server's log. Trying again may help.".into(),
            ),
            Failure::TimedOut => ("timed-out", "This took too long", "Try again, or ask for less.".into()),
        }
    }

    /// What is wrong, in a sentence for people.
    pub(crate) fn detail(&self) -> String {
        self.words().2
    }

    fn problem(&self, request_id: &RequestId) -> Problem {
        let (word, title, detail) = self.words();
        let query = match self {
            Failure::BadQuery(fault) => Some((**fault).clone()),
            _ => None,
        };
        Problem {
            r#type: format!("/problems/{word}"),
            title,
            status: self.status().as_u16(),
            detail,
            request_id: request_id.0.clone(),
            query,
        }
    }
}

impl From<store::Fault> for Failure {
    fn from(fault: store::Fault) -> Self {
        Failure::internal(fault)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Shell,
    title: &'static str,
    detail: String,
    request_id: String,
    /// Where to go from here, and what that is called.
    onward: (&'static str, &'static str),
}

/// Turns failures into what the caller can read.
pub(crate) async fn render(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let is_program = wants_problem(request.uri().path(), request.headers());
    let target = way_back(&request);
    let theme = crate::caller::theme_of(request.headers());
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_default();
    let time = crate::routes::time_for(request.uri().path(), &state.config);
    let response = tokio::time::timeout(time, next.run(request)).await;
    let mut response = response.unwrap_or_else(|_| Failure::TimedOut.into_response());
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        let allowed = response.headers_mut().remove(header::ALLOW);
        let mut response = answer(failure, is_program, &target, theme, &id);
        response.headers_mut().extend(allowed.map(|allowed| (header::ALLOW, allowed)));
        return response;
    }
    if let Some(failure) = of_library(&response) {
        return answer(failure, is_program, &target, theme, &id);
    }
    response
}

/// Where a person goes on after signing in: to the page they asked for; after a form, to the page it stood on.
fn way_back(request: &Request) -> String {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return target.to_owned();
    }
    let referer = request.headers().get(header::REFERER).and_then(|referer| referer.to_str().ok());
    // The same-origin check stands before every form, so that this is a page of ours; its path alone is taken.
    let page = referer.and_then(|referer| url::Url::parse(referer).ok());
    page.map_or_else(
        || target.to_owned(),
        |page| page[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
    )
}

/// The library's own refusals (a body too large, a method not there) in our words.
fn of_library(response: &Response) -> Option<Failure> {
    if response.headers().contains_key(header::CONTENT_TYPE)
        && !response.headers()[header::CONTENT_TYPE].as_bytes().starts_with(b"text/plain")
    {
        return None;
    }
    match response.status() {
        StatusCode::NOT_FOUND => Some(Failure::NotFound),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Failure::BadRequest("The request is too large.".into())),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Some(Failure::BadRequest("The request is not of the expected form.".into()))
        }
        _ => None,
    }
}

fn answer(
    failure: Failure,
    is_program: bool,
    target: &str,
    theme: Option<&'static str>,
    id: &RequestId,
) -> Response {
    if let Failure::Internal(reason) = &failure {
        tracing::error!(request_id = %id.0, reason, "request failed");
    }
    let mut response = match (&failure, is_program) {
        (Failure::NotSignedIn, false) => return to_page("/sign-in", target),
        (Failure::NotFresh, false) => return to_page("/step-up", target),
        (_, true) => problem_response(&failure, id),
        (_, false) => page_response(&failure, theme, id),
    };
    *response.status_mut() = failure.status();
    if let Failure::TooMany(wait) = &failure {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    if matches!(failure, Failure::NotSignedIn) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Sends a person to a page that lets them in, and back to where they wanted to go.
fn to_page(page: &str, target: &str) -> Response {
    let encoded = crate::links::percent::encode(target.as_bytes());
    match target {
        "/" => Redirect::to(page).into_response(),
        _ => Redirect::to(&format!("{page}?return_to={encoded}")).into_response(),
    }
}

fn problem_response(failure: &Failure, id: &RequestId) -> Response {
    let mut response = Json(failure.problem(id)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

fn page_response(failure: &Failure, theme: Option<&'static str>, id: &RequestId) -> Response {
    let (_, title, detail) = failure.words();
    let shell = Shell { title: format!("{title} · Sourcekeep"), theme, ..Shell::default() };
    // Who has to wait before signing in is not let into a search.
    let onward = match failure {
        Failure::TooMany(_) => ("/sign-in", "Go to the sign-in page"),
        _ => ("/", "Go to the search page"),
    };
    match (ErrorPage { shell, title, detail, request_id: id.0.clone(), onward }).render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the error page cannot be rendered");
            title.into_response()
        }
    }
}

/// Programs get problem documents: whoever asks the API, and whoever does not ask for HTML.
fn wants_problem(path: &str, headers: &HeaderMap) -> bool {
    let accepts_html = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    path.starts_with("/api/") || !accepts_html
}

/// What a handler that panicked answers: the message goes to the log, the rest goes on.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let reason = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message");
    Failure::Internal(format!("a handler panicked: {reason}")).into_response()
}
