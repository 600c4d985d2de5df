//! `/api/v1/complete`: what a query box needs to colour and complete what is being typed.

use crate::caller::Caller;
use crate::paint::css_class;
use crate::state::AppState;
use axum::Json;
use axum::extract::{Query, State};
use query::{Completion, Expected, FilterId, PatternType, complete as complete_query, tokenize};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest text that is looked at: what the box takes.
const BYTES_MAX: usize = 64 * 1024;
/// How many suggestions are made.
const N_ITEMS_MAX: usize = 12;
/// How many contexts are looked through.
const N_CONTEXTS: u32 = 1_000;

/// What is being typed.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The text in the box.
    #[serde(default)]
    q: String,
    /// Where the cursor stands, in bytes; at the end if not given.
    cursor: Option<usize>,
}

/// What the text is, and how it may go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CompleteAnswer {
    /// The text's coloured pieces, in order.
    tokens: Vec<TokenShape>,
    /// How it may go on.
    items: Vec<ItemShape>,
}

/// A piece of the text: half-open byte offsets, and what it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenShape {
    start: usize,
    end: usize,
    kind: &'static str,
}

/// A suggestion: how it is called, what it is, and the whole text and cursor once it is taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemShape {
    label: String,
    detail: String,
    text: String,
    cursor: usize,
}

/// Colours and completes.
#[utoipa::path(get, path = "/api/v1/complete", params(Asked),
    responses((status = 200, description = "Colours and suggestions", body = CompleteAnswer)))]
pub(crate) async fn complete(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Json<CompleteAnswer> {
    let text = &asked.q[..asked.q.floor_char_boundary(BYTES_MAX)];
    let cursor = text.floor_char_boundary(asked.cursor.unwrap_or(text.len()));
    let tokens = tokenize(text, PatternType::Keyword).into_iter().filter_map(|token| {
        let kind = css_class(token.kind).strip_prefix("t-")?;
        Some(TokenShape { start: token.span.start, end: token.span.end, kind })
    });
    let completion = complete_query(text, cursor, PatternType::Keyword);
    let mut items = of_language(&completion);
    items.extend(of_server(&state, &caller, &completion));
    items.extend(contexts(&state, &caller, &completion).await);
    items.truncate(N_ITEMS_MAX);
    let items = items.into_iter().map(|item| item.applied(text, &completion)).collect();
    Json(CompleteAnswer { tokens: tokens.collect(), items })
}

/// A suggestion before it is put into the text.
struct Item {
    insert: String,
    label: String,
    detail: String,
}

impl Item {
    fn applied(self, text: &str, completion: &Completion) -> ItemShape {
        let before = text.get(..completion.replace.start).unwrap_or("");
        let after = text.get(completion.replace.end..).unwrap_or("");
        // A filter's name goes on with its value; anything else is finished.
        let space = if self.insert.ends_with(':') || after.starts_with(' ') { "" } else { " " };
        let done = format!("{before}{}{space}", self.insert);
        ItemShape { label: self.label, detail: self.detail, cursor: done.len(), text: done + after }
    }
}

/// What the language itself knows.
fn of_language(completion: &Completion) -> Vec<Item> {
    // An empty word would suggest every filter on every click.
    if matches!(&completion.expected, Expected::Word { prefix, .. } if prefix.is_empty()) {
        return Vec::new();
    }
    let item = |candidate: &query::Candidate| Item {
        label: candidate.insert.clone(),
        insert: candidate.insert.clone(),
        detail: candidate.doc.to_owned(),
    };
    completion.candidates.iter().map(item).collect()
}

/// What only this server knows: repositories, languages, revisions. SECURITY: from what the caller may read alone.
fn of_server(state: &AppState, caller: &Caller, completion: &Completion) -> Vec<Item> {
    let Expected::Value { filter, prefix, revision } = &completion.expected else { return Vec::new() };
    let wanted = prefix.trim_start_matches('^').replace('\\', "").to_lowercase();
    match (filter.id, revision) {
        (_, true) => revisions(state, caller, &wanted),
        (FilterId::Repo, false) => repositories(state, caller, &wanted),
        (FilterId::Lang, false) => languages(&wanted),
        _ => Vec::new(),
    }
}

/// The contexts the caller may use.
async fn contexts(state: &AppState, caller: &Caller, completion: &Completion) -> Vec<Item> {
    let Expected::Value { filter, prefix, .. } = &completion.expected else { return Vec::new() };
    if filter.id != FilterId::Context {
        return Vec::new();
    }
    let Ok(page) = state.store.contexts(&caller.actor, &caller.access, None, N_CONTEXTS).await else {
        return Vec::new();
    };
    let wanted = prefix.to_lowercase();
    let global = Item { insert: "global".into(), label: "global".into(), detail: "everything".into() };
    let saved = page.contexts.into_iter().map(|context| Item {
        insert: context.name.to_string(),
        label: context.name.to_string(),
        detail: if context.description.is_empty() { context.query } else { context.description },
    });
    [global].into_iter().chain(saved).filter(|item| item.label.contains(&wanted)).take(N_ITEMS_MAX).collect()
}

fn repositories(state: &AppState, caller: &Caller, wanted: &str) -> Vec<Item> {
    let snapshot = state.catalog.snapshot();
    let known = leaking(state, &caller.access, "complete-repositories");
    let names = snapshot.repos(&known).map(|repo| repo.name.as_str().to_owned());
    let matching = names.filter(|name| name.to_lowercase().contains(wanted)).take(N_ITEMS_MAX);
    matching
        .map(|name| Item {
            insert: format!("^{}$", escape_regex(&name)),
            label: name,
            detail: "repository".into(),
        })
        .collect()
}

/// The caller's own rights; everybody's where this leak is switched on.
fn leaking(state: &AppState, access: &model::AccessSet, leak: &str) -> model::AccessSet {
    if !model::leaks(leak) {
        return access.clone();
    }
    let operator = access::Actor::LOCAL_OPERATOR;
    let all = state.store.access_set(&operator);
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(all)).unwrap_or(access.clone())
}

fn languages(wanted: &str) -> Vec<Item> {
    let has_prefix = |name: &str| name.to_lowercase().starts_with(wanted);
    let known = syntax::languages().iter().filter(|language| {
        has_prefix(language.name) || language.aliases.iter().any(|alias| has_prefix(alias))
    });
    let item = |language: &syntax::LanguageInfo| Item {
        insert: quoted(language.name),
        label: language.name.to_owned(),
        detail: language.aliases.join(", "),
    };
    let mut items: Vec<Item> = known.map(item).collect();
    items.sort_by_key(|item| (!has_prefix(&item.label), item.label.len()));
    items.truncate(N_ITEMS_MAX);
    items
}

fn revisions(state: &AppState, caller: &Caller, wanted: &str) -> Vec<Item> {
    let snapshot = state.catalog.snapshot();
    let mut names = std::collections::BTreeSet::new();
    let known = leaking(state, &caller.access, "complete-revisions");
    for repo in snapshot.repos(&known) {
        let refs = repo.ref_table.revisions().iter().flat_map(|revision| &revision.refs);
        let matching = refs.filter(|name| name.short().to_lowercase().contains(wanted));
        names.extend(matching.take(N_ITEMS_MAX).map(|name| name.short().to_owned()));
        if names.len() >= N_ITEMS_MAX {
            break;
        }
    }
    let item = |name: String| Item { insert: name.clone(), label: name, detail: "branch or tag".into() };
    names.into_iter().map(item).collect()
}

/// A name as a regular expression that matches it alone.
pub(crate) fn escape_regex(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if matches!(c, '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn quoted(name: &str) -> String {
    if name.contains(' ') { format!("\"{name}\"") } else { name.to_owned() }
}
