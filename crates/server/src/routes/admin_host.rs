//! `/admin/hosts/{id}`: one code host: how it is, trying it, changing it, whose accounts there are whose.

use super::admin_hosts::{HostForm, HostState, label};
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::format::count;
use crate::searching::sentence;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use access::{AccountId, Capability, HostId, UserName};
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use hosts::{HostKind, HostSettings, read_some};
use serde::Deserialize;
use std::time::Duration;
use store::{CodeHost, CodeHostChange};

/// How long trying a connection may take.
const TEST_TIME_MAX: Duration = Duration::from_secs(20);
/// How many repositories a preview of exclusion looks at, and how many it names.
const N_PREVIEW: usize = 1000;
const N_NAMED: usize = 50;

#[derive(Template)]
#[template(path = "admin_host.html")]
struct HostPage {
    shell: Shell,
    id: String,
    name: String,
    label: &'static str,
    /// What identifies an account there.
    identifier: String,
    url: String,
    state: HostState,
    error: Option<(String, Option<Moment>)>,
    n_withheld: u64,
    n_repositories: String,
    n_excluded: u64,
    listed: Option<Moment>,
    permissions: Option<Moment>,
    has_permissions: bool,
    may_link: bool,
    has_token: bool,
    has_webhooks: bool,
    hook_path: String,
    hook_secret: Option<String>,
    n_calls: u64,
    people: Vec<PersonRow>,
    form: HostForm,
    linking: Fields,
    said: Said,
}

struct PersonRow {
    user: String,
    login: String,
    account: String,
}

/// What has just been done or found out.
#[derive(Default)]
struct Said {
    good: Option<String>,
    bad: Option<String>,
    warnings: Vec<String>,
    preview: Option<Preview>,
    hook_secret: Option<String>,
    form: Option<HostForm>,
    /// What was typed to link an account and could not be.
    linking: Option<Fields>,
}

/// What rules of exclusion would leave out.
struct Preview {
    says: String,
    /// Names, each with its rule.
    named: Vec<(String, String)>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let host = known(&state, id).await?;
    render(&state, &by, host, Said::default()).await
}

/// Whoever had to prove again who they are comes back with a GET, and finds the page.
pub(crate) async fn back(Path((id, _act)): Path<(String, String)>) -> Redirect {
    Redirect::to(&format!("/admin/hosts/{}", crate::links::percent::encode(id.as_bytes())))
}

/// Does one thing.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Path((id, act)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, Failure> {
    let host = known(&state, id).await?;
    // SECURITY: whoever links an account to themselves reads what it reads; connecting hosts does not include that.
    if matches!(act.as_str(), "link" | "unlink") && !by.caller.actor.can(Capability::ManagePermissions) {
        return Err(Failure::NotAllowed("Your role does not allow changing who may read what."));
    }
    let said = match act.as_str() {
        "test" => test(&state, &by, &host).await,
        "sync" => ask(&state, &host, false).await?,
        "accept-loss" => ask(&state, &host, true).await?,
        "secret" => secret(&by, &host).await?,
        "change" => change(&by, &host, form_of(pairs)?).await,
        "preview" => preview(&state, &host, form_of(pairs)?).await,
        "link" => link(&by, &host, &fields_of(pairs)?).await,
        "unlink" => unlink(&by, &host, &fields_of(pairs)?).await,
        "remove" if fields_of(pairs)?.confirm == host.name => {
            by.store.remove_code_host(&host.id).await?;
            return Ok(Redirect::to("/admin/hosts").into_response());
        }
        "remove" => Said::bad("write the name of the code host to remove it".into()),
        _ => return Err(Failure::NotFound),
    };
    let status = if said.bad.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let host = known(&state, host.id.0).await?;
    Ok((status, render(&state, &by, host, said).await?).into_response())
}

/// The fields of the small forms.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Fields {
    confirm: String,
    user: String,
    account_id: String,
    login: String,
}

fn fields_of(pairs: Vec<(String, String)>) -> Result<Fields, Failure> {
    from_pairs(pairs)
}

fn form_of(pairs: Vec<(String, String)>) -> Result<HostForm, Failure> {
    from_pairs(pairs)
}

/// SECURITY: a field that the form does not have, or one that comes twice, is a refusal.
fn from_pairs<T: serde::de::DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, Failure> {
    let bad = || Failure::BadRequest("The request is not of the expected form.".into());
    let n_pairs = pairs.len();
    let pairs = pairs.into_iter().map(|(key, value)| (key, serde_json::Value::from(value)));
    let object: serde_json::Map<_, _> = pairs.collect();
    if object.len() != n_pairs {
        return Err(bad());
    }
    serde_json::from_value(serde_json::Value::Object(object)).map_err(|_| bad())
}

async fn known(state: &AppState, id: String) -> Result<CodeHost, Failure> {
    state.store.code_host(&HostId(id)).await?.ok_or(Failure::NotFound)
}

async fn test(state: &AppState, by: &BySession, host: &CodeHost) -> Said {
    let tried = async {
        let connector = state.hosts_worker.connector(host).await.map_err(|error| error.to_string())?;
        let answer = tokio::time::timeout(TEST_TIME_MAX, connector.whoami()).await;
        let answer = answer.map_err(|_| "the code host did not answer in time".to_owned())?;
        answer.map_err(|error| error.to_string())
    };
    let tried: Result<hosts::Whoami, String> = tried.await;
    let noted = by.store.note_host_test(host, tried.as_ref().err().map(String::as_str)).await;
    match (tried, noted) {
        (_, Err(fault)) => Said::bad(fault.to_string()),
        (Err(reason), _) => Said::bad(reason),
        (Ok(who), _) => {
            let warnings = who.warnings.iter().map(|warning| sentence(warning)).collect();
            Said { good: Some(format!("It works. Asked as: {}.", who.login)), warnings, ..Said::default() }
        }
    }
}

async fn ask(state: &AppState, host: &CodeHost, accept_loss: bool) -> Result<Said, Failure> {
    hosts::request_sync(&state.store, &host.id, accept_loss).await?;
    Ok(Said::good("It is being compared now; look again in a moment."))
}

async fn secret(by: &BySession, host: &CodeHost) -> Result<Said, Failure> {
    let secret = by.store.code_host_hook_secret(&host.id).await?;
    let text = secret.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
    Ok(Said { hook_secret: text, ..Said::default() })
}

async fn change(by: &BySession, host: &CodeHost, form: HostForm) -> Said {
    let changed = async {
        let kind: HostKind = host.kind.parse().map_err(|error: hosts::UnknownKind| error.to_string())?;
        let settings = form.to_settings()?;
        settings.check(kind, &host.url).map_err(|error| error.to_string())?;
        hosts::check_address(kind, &host.url, &settings).map_err(|error| error.to_string())?;
        let change = CodeHostChange {
            name: Some(form.name.trim().to_owned()),
            settings: Some(settings.to_json()),
            bound: Some(form.to_bound()?),
            token: form.to_token(),
        };
        by.store.change_code_host(&host.id, change).await.map_err(|error| error.to_string())
    };
    match changed.await {
        Ok(_) => {
            Said::good("It is changed. What is left out and what is not changes with the next comparing.")
        }
        Err(reason) => Said { form: Some(form), ..Said::bad(reason) },
    }
}

async fn preview(state: &AppState, host: &CodeHost, form: HostForm) -> Said {
    let looked = async {
        let settings = form.to_settings()?;
        let connector = state.hosts_worker.connector(host).await.map_err(|error| error.to_string())?;
        let reading = read_some(|after| connector.repositories(after), N_PREVIEW);
        let found = tokio::time::timeout(TEST_TIME_MAX, reading).await;
        let found = found.map_err(|_| "the code host did not answer in time".to_owned())?;
        let found = found.map_err(|error| error.to_string())?;
        let rules = settings.exclude.preview(&found).map_err(|error| error.to_string())?;
        let out = found.iter().zip(&rules).filter_map(|(one, rule)| Some((one, rule.as_ref()?)));
        let named: Vec<_> = out.map(|(one, rule)| (one.name.clone(), rule.to_string())).collect();
        Ok::<_, String>((found.len() as u64, named))
    };
    match looked.await {
        Ok((n_looked, mut named)) => {
            let n_out = named.len();
            named.truncate(N_NAMED);
            let says = format!(
                "Of {} looked at, {n_out} would be left out.",
                count(n_looked, "repository", "repositories")
            );
            Said { preview: Some(Preview { says, named }), form: Some(form), ..Said::default() }
        }
        Err(reason) => Said { form: Some(form), ..Said::bad(reason) },
    }
}

async fn link(by: &BySession, host: &CodeHost, fields: &Fields) -> Said {
    let linked = async {
        let name = UserName::new(fields.user.trim()).map_err(|error| error.to_string())?;
        let user = by.store.user_by_name(&name).await.map_err(|error| error.to_string())?;
        let user = user.ok_or_else(|| format!("there is no account called '{name}' here"))?;
        let account = AccountId::new(fields.account_id.trim());
        let account = account.ok_or("write the account's identifier there, a number mostly")?;
        let login = fields.login.trim();
        by.store.link_identity(&host.id, &account, user.id, login).await.map_err(|error| error.to_string())
    };
    match linked.await {
        Ok(()) => Said::good("It is linked. What the account reads there is read with the next comparing."),
        Err(reason) => Said { linking: Some(fields.clone()), ..Said::bad(reason) },
    }
}

async fn unlink(by: &BySession, host: &CodeHost, fields: &Fields) -> Said {
    let unlinked = async {
        let name = UserName::new(&fields.user).map_err(|error| error.to_string())?;
        let user = by.store.user_by_name(&name).await.map_err(|error| error.to_string())?;
        let user = user.ok_or_else(|| format!("there is no account called '{name}' here"))?;
        by.store.unlink_identity(&host.id, user.id).await.map_err(|error| error.to_string())
    };
    match unlinked.await {
        Ok(_) => Said::good("It is not linked any more."),
        Err(reason) => Said::bad(reason),
    }
}

async fn render(state: &AppState, by: &BySession, host: CodeHost, said: Said) -> Result<Response, Failure> {
    let now_ms = state.now_ms();
    let moment = |at: Option<store::Timestamp>| at.map(|at| Moment::new(now_ms, at.0));
    let known = state.store.host_repositories(&host.id).await?;
    let kind: Option<HostKind> = host.kind.parse().ok();
    let settings = HostSettings::from_json(&host.settings).unwrap_or_default();
    let base = state.config.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let page = HostPage {
        shell: by.caller.shell(&host.name, "admin-hosts"),
        id: host.id.0.clone(),
        label: label(&host),
        identifier: sentence(kind.map_or("", HostKind::identifier)),
        url: host.url.clone(),
        state: HostState::of(&host),
        error: host.error.as_deref().map(|error| (sentence(error), moment(host.error_at))),
        n_withheld: host.n_withheld,
        n_repositories: count(
            known.iter().filter(|known| known.repo.is_some()).count() as u64,
            "repository",
            "repositories",
        ),
        n_excluded: known.iter().filter(|known| known.excluded_by.is_some()).count() as u64,
        listed: moment(host.listed_at),
        permissions: moment(host.permissions_at),
        has_permissions: kind.is_some_and(HostKind::has_permissions),
        may_link: by.caller.actor.can(Capability::ManagePermissions),
        has_token: kind.is_some_and(HostKind::has_token),
        has_webhooks: kind.is_some_and(HostKind::has_webhooks),
        hook_path: format!("{}/hooks/{}", base.unwrap_or_default(), host.hook_id),
        hook_secret: said.hook_secret.clone(),
        n_calls: host.n_calls,
        people: people(state, &host).await?,
        form: said.form.clone().unwrap_or_else(|| HostForm::of(&host, &settings)),
        name: host.name,
        linking: said.linking.clone().unwrap_or_default(),
        said,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

async fn people(state: &AppState, host: &CodeHost) -> Result<Vec<PersonRow>, Failure> {
    let mut people = Vec::new();
    for identity in state.store.identities_at(&host.id).await? {
        let user = state.store.user(identity.user).await?;
        let user = user.map_or_else(String::new, |user| user.name.to_string());
        people.push(PersonRow { user, login: identity.login, account: identity.account.as_str().to_owned() });
    }
    people.sort_by(|a, b| a.user.cmp(&b.user));
    Ok(people)
}

impl Said {
    fn good(text: &str) -> Self {
        Said { good: Some(text.to_owned()), ..Said::default() }
    }

    fn bad(reason: String) -> Self {
        Said { bad: Some(sentence(&reason)), ..Said::default() }
    }
}
