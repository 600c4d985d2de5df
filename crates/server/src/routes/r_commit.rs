//! A commit: who, when, why, and what it changed.

use crate::caller::Caller;
use crate::commit_view::{self, CommitView, FileView, LineView};
use crate::failure::Failure;
use crate::format::rfc3339_at;
use crate::git_access;
use crate::links::{RepoAddress, commit_link, path_link, repo_link, search_link};
use crate::readable::Readable;
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use crate::wire::lossy;
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
    totals: String,
    left_out: Vec<String>,
    files: Vec<FileBlock>,
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

struct FileBlock {
    anchor: String,
    path: String,
    old_path: Option<String>,
    change: &'static str,
    url: Option<String>,
    n_added: usize,
    n_removed: usize,
    says: Option<&'static str>,
    hunks: Vec<HunkBlock>,
}

struct HunkBlock {
    header: String,
    lines: Vec<LineRow>,
}

struct LineRow {
    class: &'static str,
    old: String,
    new: String,
    sign: char,
    text: String,
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
) -> Result<Response, Failure> {
    let asked = address.path.clone();
    let read = move |repository: &Readable, watch: &search::Watch| {
        CommitView::read(repository.whole()?, &asked, watch)
    };
    let view = git_access::read_watched(&state, &caller.access, &row, commit_view::TIME_MAX, read).await?;
    let page = render(&caller, &row, &view, state.now_ms());
    Ok(Html(page.render().map_err(Failure::internal)?).into_response())
}

fn render(caller: &Caller, row: &Repository, view: &CommitView, now_ms: i64) -> CommitPage {
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
    let n_files = view.files.len();
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
        totals: format!(
            "{n_files} {}, +{} −{}",
            if n_files == 1 { "file" } else { "files" },
            view.n_added(),
            view.n_removed()
        ),
        left_out: view.left_out.clone(),
        files: view.files.iter().zip(1..).map(|(file, n)| FileBlock::of(file, n, &row.name, &id)).collect(),
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

impl FileBlock {
    fn of(file: &FileView, number: usize, repo: &RepoName, commit: &str) -> Self {
        let url = (file.change != "deleted").then(|| path_link(repo, Some(commit), "blob", &file.path));
        FileBlock {
            anchor: format!("file-{number}"),
            path: lossy(&file.path),
            old_path: file.old_path.as_deref().map(lossy),
            change: file.change,
            url,
            n_added: file.n_added,
            n_removed: file.n_removed,
            says: file.says,
            hunks: file
                .hunks
                .iter()
                .map(|hunk| HunkBlock {
                    header: hunk.header.clone(),
                    lines: hunk.lines.iter().map(LineRow::of).collect(),
                })
                .collect(),
        }
    }
}

impl LineRow {
    fn of(line: &LineView) -> Self {
        let number = |number: Option<usize>| number.map_or(String::new(), |number| number.to_string());
        let sign = line.sign();
        LineRow {
            class: match sign {
                '+' => "add",
                '-' => "del",
                _ => "",
            },
            old: number(line.old),
            new: number(line.new),
            sign,
            text: line.text.clone(),
        }
    }
}
