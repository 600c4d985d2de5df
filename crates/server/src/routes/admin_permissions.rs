//! What the pages of permissions have in common: reasons in words, finding what they are about, and waiting until a change is
//! seen by everything under way.
//!
//! SECURITY: behind [`access::Capability::ManagePermissions`], which shows names of accounts, groups and repositories, and
//! never what is in a repository.

use crate::failure::Failure;
use crate::format::rfc3339;
use crate::links::percent;
use crate::shell::Moment;
use crate::state::AppState;
use access::{Timestamp, UserName};
use axum::response::{IntoResponse, Redirect, Response};
use model::RepoName;
use serde::Deserialize;
use std::time::Duration;
use store::{AccessReason, GroupName, SharedRepo, Stated, User};

/// Rows of a page.
pub(crate) const N_ROWS: usize = 50;
/// How long a page waits until everything under way has seen a change.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// What the address of a list says.
#[derive(Default, Deserialize)]
pub(crate) struct Listed {
    /// The repository, where the page is about one.
    #[serde(default)]
    pub(crate) repo: String,
    /// What names hold.
    #[serde(default)]
    pub(crate) filter: String,
    /// After which name the list goes on.
    #[serde(default)]
    pub(crate) after: String,
    /// What has just been done.
    #[serde(default)]
    pub(crate) done: String,
}

impl Listed {
    /// What has just been done, in words.
    pub(crate) fn said(&self) -> Option<Said> {
        let (class, words) = match self.done.as_str() {
            "granted" => ("good", "Granted. It can be read from now on."),
            "waits" => {
                ("good", "Nobody has this name or address here yet. Who will, will read the repository.")
            }
            "revoked" => ("good", "Taken back. Nothing that was under way shows it any more."),
            "opened" => ("good", "Every account may read it from now on."),
            "changed" => ("good", "Changed. Everything under way goes by it."),
            "saved" => ("good", "Saved."),
            "late" => (
                "warn",
                "It is done. A serving process has not said yet that nothing older is under way; it will within seconds.",
            ),
            _ => return None,
        };
        Some(Said { class, words })
    }

    /// The address of the next page of a list.
    pub(crate) fn next(&self, base: &str, last: &str) -> String {
        let mut url = format!("{base}?filter={}", encoded(&self.filter));
        if !self.repo.is_empty() {
            url.push_str(&format!("&repo={}", encoded(&self.repo)));
        }
        format!("{url}&after={}", encoded(last))
    }
}

/// What has just been done.
pub(crate) struct Said {
    pub(crate) class: &'static str,
    pub(crate) words: &'static str,
}

/// A reason as a page tells it.
pub(crate) struct ReasonView {
    /// `granted in person`, `member of kernel`.
    pub(crate) says: String,
    /// Where it is looked after.
    pub(crate) url: Option<String>,
    /// Since when, or when it was read.
    pub(crate) moment: Option<Moment>,
    /// `granted`, `read`.
    pub(crate) verb: &'static str,
    /// What else there is to say; of what does not count, why.
    pub(crate) note: String,
    pub(crate) counts: bool,
}

impl ReasonView {
    /// In the words of the administration.
    pub(crate) fn new(reason: &AccessReason, now_ms: i64) -> Self {
        let mut view = ReasonView::own(reason, now_ms);
        view.url = match reason {
            AccessReason::Group { group, .. } => Some(format!("/admin/groups/{group}")),
            AccessReason::Emergency { .. } => Some("/admin/break-glass".into()),
            AccessReason::Stated(stated) => Some(format!("/admin/hosts/{}", stated.host)),
            AccessReason::Granted { .. } | AccessReason::Unrestricted => None,
        };
        view
    }

    /// Without links, for somebody who looks at what is theirs.
    pub(crate) fn own(reason: &AccessReason, now_ms: i64) -> Self {
        let moment = |at: Timestamp| Some(Moment::new(now_ms, at.0));
        let (says, moment, verb, note) = match reason {
            AccessReason::Granted { at } => {
                ("granted in person".into(), moment(*at), "granted", String::new())
            }
            AccessReason::Group { group, at } => {
                (format!("member of {group}"), moment(*at), "granted", String::new())
            }
            AccessReason::Unrestricted => ("open to every account".into(), None, "", String::new()),
            AccessReason::Emergency { ends_at, .. } => {
                ("emergency access".into(), None, "", format!("ends at {}", rfc3339(ends_at.0)))
            }
            AccessReason::Stated(stated) => (
                format!("code host {}", stated.name),
                moment(stated.read_at),
                "read",
                note_of(stated, Timestamp(now_ms)),
            ),
        };
        ReasonView { says, url: None, moment, verb, note, counts: reason.counts() }
    }

    pub(crate) fn all(reasons: &[AccessReason], now_ms: i64) -> Vec<Self> {
        reasons.iter().map(|reason| ReasonView::new(reason, now_ms)).collect()
    }
}

/// How far a statement counts: it is believed for a while, and the newest one is.
fn note_of(stated: &Stated, now: Timestamp) -> String {
    let minutes = stated.bound.as_secs().div_ceil(60);
    match (stated.is_believed, stated.is_too_old(now)) {
        (true, _) => format!("believed for {minutes} min"),
        (false, true) => format!("too old: it is believed for {minutes} min, so it shows nothing now"),
        (false, false) => "what was read there since does not say so any more".into(),
    }
}

/// The word for whether somebody reads, and its class.
pub(crate) fn reads_word(reads: bool, has_path_rules: bool) -> (&'static str, &'static str) {
    match (reads, has_path_rules) {
        (true, false) => ("all of it", "ready"),
        (true, true) => ("some paths", "busy"),
        (false, _) => ("nothing", "error"),
    }
}

/// A text as a part of an address.
pub(crate) fn encoded(text: &str) -> String {
    percent::encode(text.as_bytes())
}

/// The address of a repository's page of readers.
pub(crate) fn access_link(repo: &RepoName) -> String {
    format!("/admin/access?repo={}", encoded(repo.as_str()))
}

/// The repository of a name.
pub(crate) async fn repo_named(state: &AppState, name: &str) -> Result<SharedRepo, Failure> {
    let name = RepoName::new(name).map_err(|_| Failure::NotFound)?;
    state.store.shared_repo(&name).await?.ok_or(Failure::NotFound)
}

/// The account of a name.
pub(crate) async fn user_named(state: &AppState, name: &str) -> Result<User, Failure> {
    let name = UserName::new(name).map_err(|_| Failure::NotFound)?;
    state.store.user_by_name(&name).await?.ok_or(Failure::NotFound)
}

/// The name of a group, where it is one.
pub(crate) fn group_named(name: &str) -> Result<GroupName, Failure> {
    GroupName::new(name).map_err(|_| Failure::NotFound)
}

/// Back to a page, which says what was done: when nothing that was begun under the rights before is under way any more, or
/// that this takes longer.
pub(crate) async fn acknowledged(state: &AppState, url: &str, done: &str) -> Result<Response, Failure> {
    let epoch = state.store.epoch().await?;
    let done = if state.store.settled(epoch, SETTLE_TIMEOUT).await? { done } else { "late" };
    let (page, place) =
        url.split_once('#').map_or((url, String::new()), |(page, at)| (page, format!("#{at}")));
    let joint = if page.contains('?') { '&' } else { '?' };
    Ok(Redirect::to(&format!("{page}{joint}done={done}{place}")).into_response())
}
