//! A commit: who, when, why, and what it changed.

use crate::caller::Caller;
use crate::commit_view::CommitView;
use crate::diff_blocks::{DiffBlocks, DiffPlace};
use crate::diff_view::{self, DiffWanted};
use crate::failure::Failure;
use crate::format::rfc3339_at;
use crate::git_access;
use crate::links::{RepoAddress, commit_link, query_value, repo_link, search_link};
use crate::readable::Readable;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use git::Person;
use model::{ObjectId, RepoName};
use store::Repository;

#[derive(Template)]
#[template(path = "commit.html")]
struct CommitPage {
    shell: Shell,
    repo: String,
    repo_url: String,
    id: String,
    short: String,
    tree_url: String,
    subject: String,
    body: String,
    author: PersonLine,
    committer: Option<PersonLine>,
    parents: Vec<Parent>,
    diff: DiffBlocks,
}

/// Who, and when.
struct PersonLine {
    name: String,
    email: String,
    moment: Moment,
    /// In the offset it was written by.
    exact: String,
    search_url: String,
}

struct Parent {
    short: String,
    url: String,
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let asked = address.path.clone();
    let wanted = super::r_compare::wanted(&state, query);
    let is_split = query_value(query, "view").is_some_and(|view| view == b"split");
    let for_read = wanted.clone();
    let read = move |repository: &Readable, watch: &search::Watch| {
        CommitView::read(repository.whole()?, &asked, &for_read, watch)
    };
    let view = git_access::read_watched(&state, &caller.access, &row, diff_view::TIME_MAX, read).await?;
    let page = render(&caller, &row, &view, &wanted, is_split, state.now_ms());
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

fn render(
    caller: &Caller,
    row: &Repository,
    view: &CommitView,
    wanted: &DiffWanted,
    is_split: bool,
    now_ms: i64,
) -> CommitPage {
    let commit = &view.commit;
    let id = commit.id.to_string();
    let subject = commit.subject().to_owned();
    let body = commit.message.trim_start().split_once('\n').map_or("", |(_, body)| body).trim();
    let title = format!("{} · {}", short(&subject), row.name);
    let mut shell = caller.shell(&title, "repos");
    let text = format!("repo:^{}$ type:diff ", regex_name(&row.name));
    shell.query = Some(crate::paint::query_box(&text));
    let is_same = commit.author.name == commit.committer.name
        && commit.author.email == commit.committer.email
        && commit.author.seconds == commit.committer.seconds;
    let person = |person: &Person| PersonLine::of(person, &row.name, now_ms);
    let here = commit_link(&row.name, commit.id);
    let place = DiffPlace {
        repo: &row.name,
        here: &here,
        is_split,
        ignores_spaces: wanted.ignores_spaces,
        only: wanted.only.as_deref(),
        old: view.parent,
        new: commit.id,
    };
    CommitPage {
        shell,
        repo: row.name.to_string(),
        repo_url: repo_link(&row.name, None),
        short: id.chars().take(10).collect(),
        tree_url: repo_link(&row.name, Some(&id)),
        subject: if subject.is_empty() { "(no message)".to_owned() } else { subject },
        body: body.to_owned(),
        author: person(&commit.author),
        committer: (!is_same).then(|| person(&commit.committer)),
        parents: commit.parents.iter().map(|parent| Parent::of(*parent, &row.name)).collect(),
        diff: DiffBlocks::of(&view.diff, &place),
        id,
    }
}

/// A subject short enough for a title.
fn short(subject: &str) -> String {
    let cut: String = subject.chars().take(72).collect();
    if cut.len() < subject.len() { format!("{cut}…") } else { cut }
}

fn regex_name(name: &RepoName) -> String {
    name.as_str().replace('.', "\\.")
}

impl PersonLine {
    fn of(person: &Person, repo: &RepoName, now_ms: i64) -> Self {
        let query = format!("repo:^{}$ type:commit author:\"{}\"", regex_name(repo), escaped(&person.name));
        PersonLine {
            name: person.name.clone(),
            email: person.email.clone(),
            moment: Moment::new(now_ms, person.seconds.saturating_mul(1000)),
            exact: rfc3339_at(person.seconds, person.offset_seconds / 60),
            search_url: search_link(&query),
        }
    }
}

/// A name as a regular expression inside quotes.
fn escaped(name: &str) -> String {
    name.chars()
        .flat_map(|c| match c {
            '"' | '\\' => vec!['.'],
            c if "()[]{}.*+?|^$".contains(c) => vec!['\\', '\\', c],
            c => vec![c],
        })
        .collect()
}

impl Parent {
    fn of(parent: ObjectId, repo: &RepoName) -> Self {
        Parent { short: parent.to_string().chars().take(10).collect(), url: commit_link(repo, parent) }
    }
}
