//! `/contexts`: saved search contexts, to look at, to make, to change.

use super::api_contexts::{ContextField, Refusal, remove, save};
use super::search_view::FaultView;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::links::{percent, search_link};
use crate::markup::Html;
use crate::paint::{context_of, query_box, query_text, with_context};
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::RepoName;
use serde::Deserialize;
use store::{Context, ContextContent, ContextName, ContextRepository};

/// How many contexts a page shows.
const N_PAGE: u32 = 500;

/// Which context is to be changed.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    edit: Option<String>,
    after: Option<String>,
    /// Set where a context is chosen for a query.
    choose: Option<String>,
    /// That query.
    #[serde(default)]
    q: String,
}

/// What a context is chosen for.
struct Choice {
    query: Html,
    everywhere: String,
    /// How the query's context is called now.
    now: String,
}

/// The form.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    query: String,
    /// A repository a line, `name` or `name@revisions`.
    #[serde(default)]
    repositories: String,
    public: Option<String>,
    /// Set where the context is there already.
    #[serde(default)]
    exists: bool,
    /// `save` or `delete`.
    #[serde(default)]
    action: String,
}

#[derive(Template)]
#[template(path = "contexts.html")]
struct ContextsPage {
    shell: Shell,
    contexts: Vec<ContextRow>,
    form: ContextForm,
    faults: Faults,
    choice: Option<Choice>,
    /// How the caller's own contexts begin.
    own: String,
    is_administrator: bool,
    next: Option<String>,
}

/// What is wrong with the form, each beside its field.
#[derive(Default)]
struct Faults {
    name: Option<String>,
    description: Option<String>,
    query: Option<FaultView>,
    repositories: Option<String>,
    whole: Option<String>,
}

/// A context as a row.
struct ContextRow {
    name: String,
    description: String,
    /// Its conditions, coloured.
    query: Option<Html>,
    listed: String,
    is_public: bool,
    is_editable: bool,
    search: String,
    edit: Option<String>,
    changed_at: Moment,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let form = match &asked.edit {
        Some(name) => {
            let name: ContextName = name.parse().map_err(|_| Failure::NotFound)?;
            let found = state.store.context(&caller.actor, &caller.access, &name).await?;
            ContextForm::of(found.filter(|context| context.is_editable).ok_or(Failure::NotFound)?)
        }
        None => ContextForm { name: format!("@{}/", caller.actor.name()), ..ContextForm::default() },
    };
    let chosen_for = asked.choose.is_some().then(|| asked.q.trim());
    render(&state, &caller, form, Faults::default(), asked.after.as_deref(), chosen_for).await
}

/// The form.
pub(crate) async fn submit(
    State(state): State<AppState>,
    caller: Caller,
    Form(form): Form<ContextForm>,
) -> Result<Response, Failure> {
    let Err(Refusal { field, failure }) = apply(&state, &caller, &form).await else {
        return Ok(Redirect::to("/contexts").into_response());
    };
    let status = match &failure {
        Failure::BadRequest(_) | Failure::BadQuery(_) => StatusCode::BAD_REQUEST,
        Failure::Conflict(_) => StatusCode::CONFLICT,
        _ => return Err(failure),
    };
    let faults = Faults::of(field, &failure, &form);
    let mut response = render(&state, &caller, form, faults, None, None).await?;
    *response.status_mut() = status;
    Ok(response)
}

async fn apply(state: &AppState, caller: &Caller, form: &ContextForm) -> Result<(), Refusal> {
    let bad = |field, error: String| Refusal {
        field,
        failure: Failure::BadRequest(crate::searching::sentence(&error)),
    };
    let name = form.name.trim().parse::<ContextName>();
    let name = name.map_err(|error| bad(ContextField::Name, error.to_string()))?;
    if form.action == "delete" {
        return Ok(remove(state, caller, &name).await?);
    }
    let lines = form.repositories.lines().map(str::trim).filter(|line| !line.is_empty());
    let repository = |line: &str| {
        let (name, revisions) = line.split_once('@').unwrap_or((line, ""));
        let name = RepoName::new(name).map_err(|error| bad(ContextField::Repositories, error.to_string()))?;
        Ok(ContextRepository { name, revisions: revisions.to_owned() })
    };
    let content = ContextContent {
        description: form.description.clone(),
        query: form.query.clone(),
        repositories: lines.map(repository).collect::<Result<_, Refusal>>()?,
        is_public: form.public.is_some(),
    };
    save(state, caller, &name, content, form.exists).await
}

async fn render(
    state: &AppState,
    caller: &Caller,
    form: ContextForm,
    faults: Faults,
    after: Option<&str>,
    chosen_for: Option<&str>,
) -> Result<Response, Failure> {
    let after: Option<ContextName> = after.map(str::parse).transpose().map_err(|_| Failure::NotFound)?;
    let page = state.store.contexts(&caller.actor, &caller.access, after.as_ref(), N_PAGE).await?;
    let last = page.contexts.last().filter(|_| page.goes_on);
    let rest = chosen_for.map_or(String::new(), |q| {
        format!("&choose=context&q={}", percent::encode(q.as_bytes()).replace('&', "%26"))
    });
    let next = last
        .map(|last| format!("/contexts?after={}{rest}", percent::encode(last.name.to_string().as_bytes())));
    let now_ms = state.now_ms();
    let mut shell = caller.shell("Search contexts", "contexts");
    shell.query = Some(query_box(chosen_for.unwrap_or_default()));
    let row = |context: &Context| ContextRow::of(context, chosen_for.unwrap_or_default(), now_ms);
    let page = ContextsPage {
        shell,
        choice: chosen_for.map(|text| Choice {
            query: query_text(text),
            everywhere: match with_context(text, "global") {
                alone if alone.is_empty() => "/".into(),
                alone => search_link(&alone),
            },
            now: context_of(text).unwrap_or("global").to_owned(),
        }),
        contexts: page.contexts.iter().map(row).collect(),
        form,
        faults,
        own: format!("@{}/", caller.actor.name()),
        is_administrator: caller.actor.is_administrator(),
        next,
    };
    Ok(axum::response::Html(page.render().map_err(Failure::internal)?).into_response())
}

impl Faults {
    fn of(field: ContextField, failure: &Failure, form: &ContextForm) -> Self {
        let says = failure.detail();
        match (field, failure) {
            (ContextField::Query, Failure::BadQuery(fault)) => {
                Faults { query: Some(FaultView::of(form.query.trim(), fault)), ..Faults::default() }
            }
            (ContextField::Name, _) => Faults { name: Some(says), ..Faults::default() },
            (ContextField::Description, _) => Faults { description: Some(says), ..Faults::default() },
            (ContextField::Repositories, _) => Faults { repositories: Some(says), ..Faults::default() },
            (ContextField::Query | ContextField::Whole, _) => {
                Faults { whole: Some(says), ..Faults::default() }
            }
        }
    }
}

impl ContextForm {
    fn of(context: Context) -> Self {
        let line = |listed: &ContextRepository| match listed.revisions.as_str() {
            "" => listed.name.to_string(),
            revisions => format!("{}@{revisions}", listed.name),
        };
        let lines: Vec<String> = context.repositories.iter().map(line).collect();
        ContextForm {
            name: context.name.to_string(),
            description: context.description,
            query: context.query,
            repositories: lines.join("\n"),
            public: context.is_public.then(|| "yes".to_owned()),
            exists: true,
            action: String::new(),
        }
    }
}

impl ContextRow {
    fn of(context: &Context, chosen_for: &str, now_ms: i64) -> Self {
        let name = context.name.to_string();
        let n_listed = context.repositories.len() as u64;
        ContextRow {
            description: context.description.clone(),
            query: (!context.query.is_empty()).then(|| query_text(&context.query)),
            listed: match n_listed {
                0 => String::new(),
                n => crate::format::count(n, "repository", "repositories"),
            },
            is_public: context.is_public,
            is_editable: context.is_editable,
            search: search_link(&with_context(chosen_for, &name)),
            edit: context
                .is_editable
                .then(|| format!("/contexts?edit={}#form", percent::encode(name.as_bytes()))),
            changed_at: Moment::new(now_ms, context.changed_at.0),
            name,
        }
    }
}
