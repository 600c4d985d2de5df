//! `/admin/rules`: which paths of a repository somebody may read: the lists of rules, edited as text, and what they do.
//!
//! SECURITY: paths are content. What rules do to the default branch is shown to those who read the repository themselves, of
//! the paths that they read; others try rules on paths they write.

use super::admin_permissions::{Listed, Said, access_link, acknowledged, encoded, repo_named, user_named};
use crate::caller::{BySession, SteppedUp};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::rules_preview::{self, Preview, Rules, Written};
use crate::searching::sentence;
use crate::shell::Shell;
use crate::state::AppState;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use model::PathRule;
use serde::Deserialize;
use store::{GroupName, PathRulesError, RulesFor, SharedRepo};

/// Lists that a page names.
const N_LISTS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "admin_rules.html")]
struct RulesPage {
    shell: Shell,
    repo: String,
    access_url: String,
    lists: Vec<ListRow>,
    n_lists_more: usize,
    /// Whose list is in the form: `everyone`, `account` or `group`, and the name.
    whom: &'static str,
    name: String,
    is_known: bool,
    text: String,
    tries: String,
    written: Option<Written>,
    preview: Option<Preview>,
    /// A preview was asked for; where there is none, whoever asks does not read the repository.
    asked_for_more: bool,
    /// Whose view the preview is, where it is not that of the text.
    seen_by: Option<String>,
    said: Option<Said>,
    fault: Option<String>,
}

/// A list of rules as a row.
struct ListRow {
    says: String,
    url: String,
    rules: Vec<String>,
    is_this: bool,
}

/// What the address says.
#[derive(Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    repo: String,
    /// Whose list is edited.
    #[serde(default, rename = "for")]
    whom: String,
    #[serde(default)]
    name: String,
    /// Whose view is shown.
    #[serde(default, rename = "as")]
    seen_by: String,
    #[serde(default)]
    done: String,
}

/// Whose list, as a form says it.
#[derive(Clone)]
struct Whom {
    word: &'static str,
    name: String,
}

impl Whom {
    fn new(word: &str, name: &str) -> Self {
        let word = match word {
            "account" => "account",
            "group" => "group",
            _ => "everyone",
        };
        Whom { word, name: if word == "everyone" { String::new() } else { name.trim().to_owned() } }
    }

    /// The list's subject; the words say what is wrong.
    async fn find(&self, state: &AppState) -> Result<RulesFor, String> {
        match self.word {
            "account" => match user_named(state, &self.name).await {
                Ok(user) => Ok(RulesFor::User(user.id)),
                Err(_) => Err(format!("There is no account called '{}'.", self.name)),
            },
            "group" => match GroupName::new(&self.name) {
                Ok(name) => Ok(RulesFor::Group(name)),
                Err(error) => Err(sentence(&error.to_string())),
            },
            _ => Ok(RulesFor::Everyone),
        }
    }

    fn url(&self, repo: &str) -> String {
        format!("/admin/rules?repo={}&for={}&name={}", encoded(repo), self.word, encoded(&self.name))
    }
}

/// What is in the form, and what is said of it.
#[derive(Default)]
struct Shown {
    text: Option<String>,
    tries: String,
    written: Option<Written>,
    preview: Option<Preview>,
    seen_by: Option<String>,
    done: String,
    fault: Option<String>,
}

/// The page.
pub(crate) async fn page(
    State(state): State<AppState>,
    by: BySession,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    if asked.repo.is_empty() {
        return Ok(Redirect::to("/admin/access").into_response());
    }
    let repo = repo_named(&state, &asked.repo).await?;
    let mut shown = Shown { done: asked.done, ..Shown::default() };
    if !asked.seen_by.is_empty() {
        let user = user_named(&state, &asked.seen_by).await?;
        let rules = state.store.rules_over(user.id, repo.repo).await?;
        shown.preview = rules_preview::of_person(&state, &by.caller, &repo.name, rules).await?;
        shown.seen_by = Some(user.name.to_string());
    }
    render(&state, &by, &repo, &Whom::new(&asked.whom, &asked.name), shown).await
}

/// Tries the rules that are written, or sets or lifts them.
pub(crate) async fn act(
    State(state): State<AppState>,
    SteppedUp(by): SteppedUp,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let fields = fields.only(&["repo", "act", "for", "name", "rules", "tries"], &[])?;
    let repo = repo_named(&state, fields.one("repo")).await?;
    let whom = Whom::new(fields.one("for"), fields.one("name"));
    let written = Written::new(fields.one("rules"), fields.one("tries"));
    let set = match fields.one("act") {
        "clear" => None,
        _ if !written.faults.is_empty() => {
            return refuse(&state, &by, &repo, &whom, &fields, written, None).await;
        }
        "preview" => return preview(&state, &by, &repo, &whom, &fields, written).await,
        "save" => Some(written.rules()),
        _ => return Err(Failure::NotFound),
    };
    match change(&state, &by, &repo, &whom, set.as_deref()).await? {
        Ok(()) => acknowledged(&state, &whom.url(repo.name.as_str()), "changed").await,
        Err(fault) => refuse(&state, &by, &repo, &whom, &fields, written, Some(fault)).await,
    }
}

async fn change(
    state: &AppState,
    by: &BySession,
    repo: &SharedRepo,
    whom: &Whom,
    rules: Option<&[PathRule]>,
) -> Result<Result<(), String>, Failure> {
    let who = match whom.find(state).await {
        Ok(who) => who,
        Err(fault) => return Ok(Err(fault)),
    };
    match by.store.set_path_rules(repo.repo, &who, rules).await {
        Ok(_) => Ok(Ok(())),
        Err(PathRulesError::Fault(fault)) => Err(fault.into()),
        Err(error) => Ok(Err(sentence(&error.to_string()))),
    }
}

async fn preview(
    state: &AppState,
    by: &BySession,
    repo: &SharedRepo,
    whom: &Whom,
    fields: &Fields,
    written: Written,
) -> Result<Response, Failure> {
    let rules = Rules::Written(written.rules());
    let shown = Shown {
        text: Some(fields.one("rules").to_owned()),
        tries: fields.one("tries").to_owned(),
        preview: rules_preview::of_rules(state, &by.caller, &repo.name, rules).await?,
        written: Some(written),
        ..Shown::default()
    };
    render(state, by, repo, whom, shown).await
}

async fn refuse(
    state: &AppState,
    by: &BySession,
    repo: &SharedRepo,
    whom: &Whom,
    fields: &Fields,
    written: Written,
    fault: Option<String>,
) -> Result<Response, Failure> {
    let shown = Shown {
        text: Some(fields.one("rules").to_owned()),
        tries: fields.one("tries").to_owned(),
        written: Some(written),
        fault,
        ..Shown::default()
    };
    let mut page = render(state, by, repo, whom, shown).await?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

async fn render(
    state: &AppState,
    by: &BySession,
    repo: &SharedRepo,
    whom: &Whom,
    shown: Shown,
) -> Result<Response, Failure> {
    let name = repo.name.to_string();
    by.caller.notes.add("repository", name.clone());
    let known = match whom.find(state).await {
        Ok(who) => match state.store.path_rules_for(repo.repo, &who).await {
            // A list that cannot be read must not look like none, to be saved over.
            Err(PathRulesError::Fault(fault)) => return Err(fault.into()),
            known => known.unwrap_or_default(),
        },
        Err(_) => None,
    };
    let all = state.store.path_rules(repo.repo).await?;
    let n_lists_more = all.len().saturating_sub(N_LISTS_MAX);
    let mut lists = Vec::new();
    for (who, rules) in all.into_iter().take(N_LISTS_MAX) {
        let one = match who {
            RulesFor::User(user) => match state.store.user(user).await? {
                Some(user) => Whom::new("account", user.name.as_str()),
                None => continue,
            },
            RulesFor::Group(group) => Whom::new("group", group.as_str()),
            RulesFor::Everyone => Whom::new("everyone", ""),
        };
        lists.push(ListRow {
            says: match one.word {
                "account" => one.name.clone(),
                "group" => format!("group {}", one.name),
                _ => "everyone else".into(),
            },
            is_this: one.word == whom.word && one.name == whom.name,
            url: one.url(&name),
            rules: rules.iter().map(ToString::to_string).collect(),
        });
    }
    let listed = Listed { done: shown.done, ..Listed::default() };
    let stored = known
        .as_ref()
        .map_or(String::new(), |rules| rules.iter().map(PathRule::to_string).collect::<Vec<_>>().join("\n"));
    let page = RulesPage {
        shell: by.caller.shell(&format!("Path rules of {name}"), "access"),
        access_url: access_link(&repo.name),
        repo: name,
        lists,
        n_lists_more,
        whom: whom.word,
        name: whom.name.clone(),
        is_known: known.is_some(),
        text: shown.text.unwrap_or(stored),
        tries: shown.tries,
        asked_for_more: shown.seen_by.is_some()
            || shown.written.as_ref().is_some_and(|one| one.faults.is_empty()),
        written: shown.written,
        preview: shown.preview,
        seen_by: shown.seen_by,
        said: listed.said(),
        fault: shown.fault,
    };
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}
