//! Who last changed each line of a file: `/r/<repo>[@rev]/-/blame/<path>`, and the same below `/api/v1/repos/`.

use super::r::{
    Crumb, Notice, RefGroup, Tool, crumbs, not_there, permalink, redirect, ref_groups, rev_shown, tools,
};
use super::r_blob::{self, N_LINES_WINDOW, Wanted, Window};
use crate::blame_view::{BlameFound, BlameView, BlamedCommit, KeptBlame, age};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::{count, rfc3339_at};
use crate::git_access;
use crate::links::{NameLinks, RepoAddress, commit_link, line_link, query_number};
use crate::markup::Html;
use crate::readable::Readable;
use crate::shell::{LanguageLabel, Moment, Shell};
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::Json;
use axum::response::{Html as HtmlPage, IntoResponse, Response};
use git::BlameRun;
use model::RepoName;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use store::Repository;
use utoipa::ToSchema;

/// Where the lines of a file come from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlameShape {
    repo: String,
    commit: String,
    path: String,
    lines: usize,
    /// In the order of the file; they cover it.
    runs: Vec<BlameRunShape>,
    /// The commits that runs name.
    commits: Vec<BlamedCommitShape>,
    /// What is not told, in sentences.
    left_out: Vec<String>,
}

/// Lines that came with one commit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlameRunShape {
    /// First line, counted from 1.
    start: usize,
    /// Last line.
    end: usize,
    commit: String,
    /// Where the first line stood in that commit, counted from 1.
    start_there: usize,
    /// The path the file had there.
    path_there: String,
    /// The commit that had the version before; null where the file began.
    before: Option<String>,
    /// The path it had there.
    path_before: Option<String>,
    /// Whether a commit of `.git-blame-ignore-revs` was looked through.
    through: bool,
    /// Whether the search ended before it was known.
    unsure: bool,
}

/// A commit that lines came with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlamedCommitShape {
    commit: String,
    subject: String,
    author: String,
    email: String,
    /// RFC 3339, in the offset it was written with.
    date: String,
    url: String,
}

#[derive(Template)]
#[template(path = "blame.html")]
struct BlamePage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<RefGroup>,
    path_shown: String,
    tools: Vec<Tool>,
    permalink: Option<String>,
    raw: Option<String>,
    language: Option<LanguageLabel>,
    facts: Vec<String>,
    left_out: Vec<String>,
    state: Option<Notice>,
    window: Option<Window>,
    names: NameLinks,
    code: Html,
    first_line: usize,
    last_line: usize,
    n_lines_window: usize,
}

/// The resource of the API.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: RepoAddress,
) -> Result<Response, Failure> {
    let BlameFound::Lines(view) = look(state, caller, row, &address).await? else {
        return Err(Failure::NotFound);
    };
    let kept = &view.kept;
    let mut ids: Vec<_> = kept.commits.keys().copied().collect();
    ids.sort_unstable();
    let commit = |id: model::ObjectId| {
        kept.commits.get(&id).map(|commit| BlamedCommitShape {
            commit: id.to_string(),
            subject: commit.subject.clone(),
            author: commit.author.clone(),
            email: commit.email.clone(),
            date: rfc3339_at(commit.seconds, commit.offset_seconds / 60),
            url: commit_link(&row.name, id),
        })
    };
    Ok(Json(BlameShape {
        repo: row.name.to_string(),
        commit: view.commit.to_string(),
        path: lossy(&address.path),
        lines: kept.blame.n_lines,
        runs: kept.blame.runs.iter().map(|run| BlameRunShape::of(run, kept)).collect(),
        commits: ids.into_iter().filter_map(commit).collect(),
        left_out: left_out(kept),
    })
    .into_response())
}

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let line = query_number(query, "line").unwrap_or(1);
    let found = look(&state, &caller, &row, &address).await?;
    let mut page = frame(&state, &caller, &row, &address);
    match found {
        BlameFound::Folder => return Ok(redirect(&address, "log")),
        BlameFound::Nothing => page.state = Some(not_there(&row)),
        BlameFound::NotText => page.says("Not text", "Only lines of text can be attributed."),
        BlameFound::TooLarge => {
            page.says(
                "Too large",
                "Files of more than 8 MiB or 200,000 lines are not attributed line by line.",
            );
        }
        BlameFound::Lines(view) => {
            let wanted =
                Wanted { line, rendered: false, outline: false, highlight_time: state.config.highlight_time };
            page.fill(&view, &address, wanted, state.now_ms());
        }
    }
    Ok(HtmlPage(page.render().map_err(Failure::internal)?).into_response())
}

async fn look(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
) -> Result<BlameFound, Failure> {
    let (asked, asked_row) = (address.clone(), row.clone());
    let cache = Arc::clone(&state.blames);
    let read = move |repository: &Readable, watch: &search::Watch| {
        BlameView::read(repository, &asked_row, &asked, &cache, watch)
    };
    git_access::read_while_wanted(state, &caller.access, row, read).await
}

fn left_out(kept: &KeptBlame) -> Vec<String> {
    let mut left_out = Vec::new();
    if kept.blame.is_cut {
        left_out.push("The history is too long to look at all of it: lines marked “or older” may be.".into());
    }
    left_out
}

fn frame(state: &AppState, caller: &Caller, row: &Repository, address: &RepoAddress) -> BlamePage {
    let path_shown = lossy(&address.path);
    let mut shell = caller.shell(&format!("Blame of {path_shown} · {}", row.name), "repos");
    shell.query = Some(r_blob::box_for(row, address));
    BlamePage {
        shell,
        crumbs: crumbs(address),
        rev_shown: rev_shown(row, address),
        refs: ref_groups(state, caller, row, address),
        path_shown,
        tools: tools(caller, row, address, true),
        permalink: None,
        raw: None,
        language: None,
        facts: Vec::new(),
        left_out: Vec::new(),
        state: None,
        window: None,
        names: NameLinks::of(&address.repo, address.rev.as_deref(), &address.path),
        code: Html::default(),
        first_line: 0,
        last_line: 0,
        n_lines_window: N_LINES_WINDOW,
    }
}

impl BlamePage {
    fn says(&mut self, title: &str, detail: &str) {
        self.state = Some(Notice { title: title.into(), detail: detail.into() });
    }

    fn fill(&mut self, view: &BlameView, address: &RepoAddress, wanted: Wanted, now_ms: i64) {
        let kept = &view.kept;
        let beside = |line: usize, first: usize, last: usize, html: &mut Html| {
            beside(kept, &address.repo, now_ms, line, first..last + 1, html);
        };
        let code = r_blob::code(&view.text, Vec::new(), &address.path, wanted, Some(&beside));
        self.permalink = Some(permalink(address, view.commit));
        self.window = (code.n_lines > N_LINES_WINDOW).then(|| Window::of(&code, address));
        self.language = LanguageLabel::of(code.language);
        self.facts = code.facts;
        let authors: HashSet<&str> = kept.commits.values().map(|commit| commit.email.as_str()).collect();
        self.facts.push(count(kept.commits.len() as u64, "commit", "commits"));
        self.facts.push(count(authors.len() as u64, "author", "authors"));
        if kept.n_ignored > 0 {
            let commits = count(kept.n_ignored as u64, "commit", "commits");
            self.facts.push(format!("looks through {commits} of .git-blame-ignore-revs"));
        }
        self.left_out = left_out(kept);
        self.code = code.html;
        (self.first_line, self.last_line) = (code.first_line, code.last_line);
    }
}

/// The cell beside a run of lines: how old, which commit, whose, and the way to what was before.
fn beside(
    kept: &KeptBlame,
    repo: &RepoName,
    now_ms: i64,
    line: usize,
    window: std::ops::Range<usize>,
    html: &mut Html,
) {
    let runs = &kept.blame.runs;
    let at = runs.partition_point(|run| run.lines.end < line);
    let Some(run) = runs.get(at).filter(|run| run.lines.contains(&(line - 1))) else {
        return html.push_tag("<td class=\"b\"></td>");
    };
    // A run that began before the window begins with it.
    let first = (run.lines.start + 1).max(window.start);
    if line != first {
        return;
    }
    let n_rows = run.lines.end.min(window.end - 1) + 1 - first;
    let commit = kept.commits.get(&run.commit);
    let age = commit.map_or(9, |commit| age(now_ms / 1000, commit.seconds));
    html.push_tag(&format!("<td class=\"b a{age}\" rowspan={n_rows}><div>"));
    push_origin(run, commit, kept, repo, now_ms, html);
    html.push_tag("</div></td>");
}

fn push_origin(
    run: &BlameRun,
    commit: Option<&BlamedCommit>,
    kept: &KeptBlame,
    repo: &RepoName,
    now_ms: i64,
    html: &mut Html,
) {
    let (subject, author, seconds) = match commit {
        Some(commit) => (commit.subject.as_str(), commit.author.as_str(), commit.seconds),
        None => ("(unreadable)", "", 0),
    };
    let subject = if subject.is_empty() { "(no message)" } else { subject };
    let moment = Moment::new(now_ms, seconds.saturating_mul(1000));
    let mut title = Html::default();
    title.push_text(&plain(&format!("{subject} · {author} · {}", moment.exact)));
    html.push_tag(&format!(
        "<a class=\"s\" data-step href=\"{}\" title=\"{}\">",
        Html::text(&commit_link(repo, run.commit)).as_str(),
        title.as_str()
    ));
    html.push_text(subject);
    html.push_tag("</a><span class=\"w\">");
    let through = if run.is_through { "nearly, " } else { "" };
    let unsure = if run.is_unsure { " or older" } else { "" };
    html.push_text(&format!("{through}{}{unsure}", moment.ago));
    html.push_tag("</span><span class=\"w u\">");
    html.push_text(author);
    html.push_tag("</span>");
    if let Some((parent, path)) = run.before {
        let path = kept.blame.paths.get(path).map_or(&[][..], Vec::as_slice);
        let rev = parent.to_string();
        let before = line_link(repo, Some(&rev), path, run.line_there + 1, N_LINES_WINDOW);
        let before = before.replacen("/-/blob", "/-/blame", 1);
        html.push_tag(&format!(
            "<a class=\"p\" data-before href=\"{}\" title=\"Blame before this change\">",
            Html::text(&before).as_str()
        ));
        html.push_tag("<span aria-hidden=\"true\">↶</span><span class=\"visually-hidden\">Before this change</span></a>");
    }
}

/// Text for an attribute: what [`Html::push_text`] would mark with a tag is left out.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii() && !c.is_control() || c.is_alphanumeric() || "·…–—’“”".contains(c) {
                c
            } else {
                '\u{fffd}'
            }
        })
        .collect()
}

impl BlameRunShape {
    fn of(run: &BlameRun, kept: &KeptBlame) -> Self {
        let path = |idx: usize| kept.blame.paths.get(idx).map(|path| lossy(path));
        BlameRunShape {
            start: run.lines.start + 1,
            end: run.lines.end,
            commit: run.commit.to_string(),
            start_there: run.line_there + 1,
            path_there: path(run.path).unwrap_or_default(),
            before: run.before.map(|(commit, _)| commit.to_string()),
            path_before: run.before.and_then(|(_, idx)| path(idx)),
            through: run.is_through,
            unsure: run.is_unsure,
        }
    }
}
