//! `/admin/reviews`: access reviews, from their beginning to their report.

use crate::caller::{BySession, Caller, SteppedUp};
use crate::export_rows::{harmless, write};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::format::{rfc3339, time_left};
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use std::time::Duration;
use store::{Review, ReviewError, ReviewItem, ReviewScope};

/// How long a decision waits until everything under way has seen it.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Template)]
#[template(path = "admin_reviews.html")]
struct ReviewsPage {
    shell: Shell,
    reviews: Vec<ReviewRow>,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "admin_review.html")]
struct ReviewPage {
    shell: Shell,
    review: ReviewRow,
    items: Vec<ItemRow>,
    fault: Option<String>,
}

struct ReviewRow {
    id: String,
    title: String,
    started_by: String,
    started: Moment,
    /// `due in 5 d`, `overdue`, `closed by ada`.
    says: String,
    is_overdue: bool,
    is_closed: bool,
    n_items: u64,
    n_open: u64,
}

struct ItemRow {
    item: i64,
    kind: String,
    subject: String,
    repo: String,
    granted: Moment,
    /// The code host that states it, and the account there.
    host: Option<(String, String)>,
    opened: Option<Moment>,
    read: Option<Moment>,
    decision: Option<(&'static str, String, Moment)>,
}

impl ReviewRow {
    fn new(review: Review, now_ms: i64) -> Self {
        let left_ms = review.due_at.0.saturating_sub(now_ms);
        let is_overdue = review.closed_at.is_none() && left_ms <= 0;
        let says = match &review.closed_by {
            Some(by) => format!("closed by {by}"),
            None if is_overdue => "overdue".into(),
            None => format!("due in {}", time_left(u64::try_from(left_ms / 1000).unwrap_or(0))),
        };
        ReviewRow {
            started: Moment::new(now_ms, review.started_at.0),
            is_closed: review.closed_at.is_some(),
            id: review.id,
            title: review.title,
            started_by: review.started_by,
            says,
            is_overdue,
            n_items: review.n_items,
            n_open: review.n_open,
        }
    }
}

impl ItemRow {
    fn new(item: ReviewItem, now_ms: i64) -> Self {
        let no = not_kept(&item);
        ItemRow {
            item: item.item,
            kind: item.kind,
            subject: item.subject,
            repo: item.repo,
            granted: Moment::new(now_ms, item.granted_at.0),
            host: item.host,
            opened: item.opened_at.map(|at| Moment::new(now_ms, at.0)),
            read: item.read_at.map(|at| Moment::new(now_ms, at.0)),
            decision: item.decision.map(|(is_certified, by, at)| {
                (if is_certified { "certified" } else { no }, by, Moment::new(now_ms, at.0))
            }),
        }
    }
}

/// The word for what is not kept: what a code host states is its own to take back.
fn not_kept(item: &ReviewItem) -> &'static str {
    if item.host.is_some() { "to be revoked there" } else { "revoked" }
}

/// The page of all reviews.
pub(crate) async fn page(State(state): State<AppState>, by: BySession) -> Result<Response, Failure> {
    render(&state, &by, None).await
}

/// Begins a review.
pub(crate) async fn start(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["title", "repos", "subject", "days", "hosts"], &[])?;
    let scope = ReviewScope {
        repos: fields.one("repos").to_owned(),
        subject: fields.one("subject").to_owned(),
        with_hosts: fields.one("hosts") == "yes",
    };
    let days = fields.one("days").parse::<u64>().unwrap_or(0).min(1000);
    let lasts = Duration::from_secs(days * 24 * 60 * 60);
    match by.caller.acting(&state).store.start_review(fields.one("title"), &scope, lasts).await {
        Ok(id) => Ok(Redirect::to(&format!("/admin/reviews/{id}")).into_response()),
        Err(ReviewError::Fault(fault)) => Err(fault.into()),
        Err(error) => {
            let mut page = render(&state, &by, Some(sentence(&error.to_string()))).await?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
    }
}

/// One review: what is open, what was decided; when it is closed, its report.
pub(crate) async fn one(
    State(state): State<AppState>,
    by: BySession,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    render_one(&state, &by, &id, None).await
}

/// Certifies or revokes grants of a review, or closes it.
pub(crate) async fn decide(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path(id): Path<String>,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["act", "item"], &[])?;
    let store = by.caller.acting(&state).store;
    let item = fields.one("item").parse::<i64>().unwrap_or(0);
    let decided = match fields.one("act") {
        "certify" => store.decide_review(&id, item, true).await,
        "revoke" => store.decide_review(&id, item, false).await,
        "close" => store.close_review(&id).await,
        _ => Err(ReviewError::Unknown),
    };
    match decided {
        Ok(()) => {
            // Acknowledged when nothing under way shows what was taken back.
            let epoch = store.epoch().await?;
            store.settled(epoch, SETTLE_TIMEOUT).await?;
            Ok(Redirect::to(&format!("/admin/reviews/{id}#i{item}")).into_response())
        }
        Err(ReviewError::Fault(fault)) => Err(fault.into()),
        Err(ReviewError::Unknown) => Err(Failure::NotFound),
        Err(error) => {
            let mut page = render_one(&state, &by, &id, Some(sentence(&error.to_string()))).await?;
            *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(page)
        }
    }
}

/// The report as CSV.
pub(crate) async fn file(
    State(state): State<AppState>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let (_, items) = state.store.review(&id).await?.ok_or(Failure::NotFound)?;
    let mut csv = Vec::new();
    let head = [
        "repository",
        "kind",
        "subject",
        "code_host",
        "account_there",
        "granted_or_stated",
        "last_opened",
        "last_read_code",
        "decision",
        "decided_by",
        "decided",
    ];
    write(&head.map(str::to_owned), &mut csv);
    for item in items {
        let no = not_kept(&item);
        let (decision, by, at) = item.decision.map_or(Default::default(), |(is_certified, by, at)| {
            (if is_certified { "certified" } else { no }, by, rfc3339(at.0))
        });
        let opened = item.opened_at.map_or(String::new(), |at| rfc3339(at.0));
        let read = item.read_at.map_or(String::new(), |at| rfc3339(at.0));
        let granted = rfc3339(item.granted_at.0);
        let (host, account) = item.host.unwrap_or_default();
        let decision = decision.to_owned();
        let whose = [item.repo, item.kind, item.subject, host, account];
        let cells = whose.into_iter().chain([granted, opened, read, decision, by, at]);
        write(&cells.map(|cell| harmless(&cell)).collect::<Vec<_>>(), &mut csv);
    }
    let name = "attachment; filename=\"review.csv\"";
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name)], csv)
        .into_response())
}

async fn render(state: &AppState, by: &BySession, fault: Option<String>) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    let reviews = state.store.reviews().await?;
    let reviews = reviews.into_iter().map(|review| ReviewRow::new(review, now_ms)).collect();
    let page = ReviewsPage { shell: by.caller.shell("Access reviews", "reviews"), reviews, fault };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

async fn render_one(
    state: &AppState,
    by: &BySession,
    id: &str,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    let (review, items) = state.store.review(id).await?.ok_or(Failure::NotFound)?;
    let page = ReviewPage {
        shell: by.caller.shell(&review.title, "reviews"),
        review: ReviewRow::new(review, now_ms),
        items: items.into_iter().map(|item| ItemRow::new(item, now_ms)).collect(),
        fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
