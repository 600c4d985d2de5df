//! `/admin/hosts`: the code hosts that are connected, and connecting another.

use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::format::count;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use hosts::{Exclusion, HostKind, HostSettings};
use secrecy::SecretString;
use serde::Deserialize;
use std::time::Duration;
use store::{CodeHost, NewCodeHost};

/// Bytes in a mebibyte, as sizes are entered.
const MIB: u64 = 1 << 20;

#[derive(Template)]
#[template(path = "admin_hosts.html")]
struct HostsPage {
    shell: Shell,
    hosts: Vec<HostRow>,
}

#[derive(Template)]
#[template(path = "admin_host_new.html")]
struct NewHostPage {
    shell: Shell,
    kinds: Vec<KindOption>,
    form: HostForm,
    fault: Option<String>,
}

struct KindOption {
    word: &'static str,
    label: &'static str,
    is_chosen: bool,
}

/// A code host as a row.
struct HostRow {
    name: String,
    label: &'static str,
    link: String,
    url: String,
    state: HostState,
    n_repositories: String,
    synced: Option<Moment>,
}

/// How a code host is, in a word and a colour.
pub(super) struct HostState {
    pub(super) word: String,
    pub(super) class: &'static str,
    /// How much of the work is done, of a hundred.
    pub(super) percent: Option<u64>,
}

/// What is said of a code host: when it is connected, and when it is changed.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HostForm {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) token: String,
    pub(super) account: String,
    pub(super) workspace: String,
    pub(super) networks: String,
    pub(super) addresses: String,
    pub(super) bound_minutes: String,
    pub(super) exclude_names: String,
    pub(super) exclude_patterns: String,
    pub(super) exclude_forks: String,
    pub(super) exclude_archived: String,
    pub(super) exclude_size_mib: String,
    pub(super) exclude_stars: String,
}

/// The list.
pub(crate) async fn page(State(state): State<AppState>, by: BySession) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    let mut hosts = Vec::new();
    for host in state.store.code_hosts().await? {
        let known = state.store.host_repositories(&host.id).await?;
        let n_here = known.iter().filter(|known| known.repo.is_some()).count() as u64;
        hosts.push(HostRow {
            label: label(&host),
            link: format!("/admin/hosts/{}", host.id),
            url: host.url.clone(),
            state: HostState::of(&host),
            n_repositories: count(n_here, "repository", "repositories"),
            synced: host.listed_at.map(|at| Moment::new(now_ms, at.0)),
            name: host.name,
        });
    }
    let page = HostsPage { shell: by.caller.shell("Code hosts", "admin-hosts"), hosts };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// The form for another one.
pub(crate) async fn new(SteppedUp(by): SteppedUp) -> Result<Response, Failure> {
    let form = HostForm {
        kind: "github".into(),
        bound_minutes: minutes(store::BOUND_DEFAULT),
        ..HostForm::default()
    };
    render_new(&by, form, None)
}

/// Connects it. The token is not shown again, not even after a mistake in another field.
pub(crate) async fn add(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(form): Form<HostForm>,
) -> Result<Response, Failure> {
    let added = match form.to_new() {
        Ok(new) => by.store.add_code_host(new).await.map_err(|error| error.to_string()),
        Err(reason) => Err(reason),
    };
    match added {
        Ok(host) => {
            hosts::request_sync(&state.store, &host.id, false).await?;
            Ok(Redirect::to(&format!("/admin/hosts/{}", host.id)).into_response())
        }
        Err(reason) => {
            let form = HostForm { token: String::new(), ..form };
            let page = render_new(&by, form, Some(sentence(&reason)))?;
            Ok((StatusCode::BAD_REQUEST, page).into_response())
        }
    }
}

fn render_new(by: &BySession, form: HostForm, fault: Option<String>) -> Result<Response, Failure> {
    let option = |kind: HostKind| KindOption {
        word: kind.as_str(),
        label: kind.label(),
        is_chosen: kind.as_str() == form.kind,
    };
    let kinds = HostKind::ALL.map(option).into();
    let page =
        NewHostPage { shell: by.caller.shell("Connect a code host", "admin-hosts"), kinds, form, fault };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

/// What a kind is called; one of a later version by its word.
pub(super) fn label(host: &CodeHost) -> &'static str {
    host.kind.parse::<HostKind>().map_or("unknown", HostKind::label)
}

pub(super) fn minutes(bound: Duration) -> String {
    (bound.as_secs() / 60).to_string()
}

impl HostState {
    pub(super) fn of(host: &CodeHost) -> Self {
        let percent = (host.n_total > 0).then(|| (host.n_done * 100 / host.n_total).min(100));
        match (&host.phase, &host.error) {
            (Some(phase), _) => {
                let word = match host.n_total {
                    0 => format!("reading {phase}: {}", host.n_done),
                    n_total => format!("reading {phase}: {} of {n_total}", host.n_done),
                };
                HostState { word, class: "indexing", percent: Some(percent.unwrap_or(0)) }
            }
            (None, Some(_)) => HostState { word: "error".into(), class: "error", percent: None },
            (None, None) if host.listed_at.is_none() => {
                HostState { word: "waiting".into(), class: "pending", percent: None }
            }
            (None, None) => HostState { word: "in step".into(), class: "ready", percent: None },
        }
    }
}

impl HostForm {
    fn to_new(&self) -> Result<NewCodeHost, String> {
        let kind: HostKind = self.kind.parse().map_err(|error: hosts::UnknownKind| error.to_string())?;
        let settings = self.to_settings()?;
        let url = self.url.trim().trim_end_matches('/').to_owned();
        let url = if kind == HostKind::Git && url.is_empty() { "git".to_owned() } else { url };
        settings.check(kind, &url).map_err(|error| error.to_string())?;
        hosts::check_address(kind, &url, &settings).map_err(|error| error.to_string())?;
        if kind.has_token() && self.token.trim().is_empty() {
            return Err(format!("{} needs a token", kind.label()));
        }
        Ok(NewCodeHost {
            kind: kind.to_string(),
            name: if self.name.trim().is_empty() {
                kind.label().to_owned()
            } else {
                self.name.trim().to_owned()
            },
            url,
            settings: settings.to_json(),
            bound: self.to_bound()?,
            token: self.to_token(),
        })
    }

    pub(super) fn to_token(&self) -> Option<SecretString> {
        let token = self.token.trim();
        (!token.is_empty()).then(|| SecretString::from(token))
    }

    pub(super) fn to_bound(&self) -> Result<Duration, String> {
        match number("the age of permissions in minutes", &self.bound_minutes)? {
            None => Ok(store::BOUND_DEFAULT),
            Some(minutes @ 1..=10_080) => Ok(Duration::from_secs(minutes * 60)),
            Some(_) => Err("permissions may be between a minute and a week old".into()),
        }
    }

    pub(super) fn to_settings(&self) -> Result<HostSettings, String> {
        let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let size_mib = number("the size in MiB", &self.exclude_size_mib)?;
        let settings = HostSettings {
            networks: words(&self.networks),
            workspace: some(&self.workspace),
            account: some(&self.account),
            addresses: words(&self.addresses),
            exclude: Exclusion {
                names: words(&self.exclude_names),
                patterns: self.exclude_patterns.lines().filter_map(some).collect(),
                forks: self.exclude_forks == "yes",
                archived: self.exclude_archived == "yes",
                size_bytes_above: size_mib.map(|mib| mib.saturating_mul(MIB)),
                stars_below: number("the number of stars", &self.exclude_stars)?,
            },
        };
        Ok(settings)
    }

    pub(super) fn of(host: &CodeHost, settings: &HostSettings) -> Self {
        let exclude = &settings.exclude;
        let yes = |flag: bool| if flag { "yes".to_owned() } else { String::new() };
        let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        HostForm {
            kind: host.kind.clone(),
            name: host.name.clone(),
            url: host.url.clone(),
            token: String::new(),
            account: settings.account.clone().unwrap_or_default(),
            workspace: settings.workspace.clone().unwrap_or_default(),
            networks: settings.networks.join("\n"),
            addresses: settings.addresses.join("\n"),
            bound_minutes: minutes(host.bound),
            exclude_names: exclude.names.join("\n"),
            exclude_patterns: exclude.patterns.join("\n"),
            exclude_forks: yes(exclude.forks),
            exclude_archived: yes(exclude.archived),
            exclude_size_mib: text(exclude.size_bytes_above.map(|bytes| bytes / MIB)),
            exclude_stars: text(exclude.stars_below),
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn number(what: &str, text: &str) -> Result<Option<u64>, String> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| format!("{what} is a whole number, not '{}'", cut(text))),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(30).collect()
}
