//! Going to anything by a few letters: `/goto`, and `/api/v1/goto` at every keystroke.

use super::r_blob::N_LINES_WINDOW;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::links::{line_link, path_link, repo_link};
use crate::markup::Html;
use crate::shell::Shell;
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::Html as HtmlPage;
use model::ByteRange;
use search::{FuzzyScratch, Goto, GotoAsked, GotoFile, GotoFound, GotoSymbol, Needle};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest text that is looked at, in bytes.
const TYPED_BYTES_MAX: usize = 256;
/// How many names are looked at for one keystroke.
const WORK: usize = 1_000_000;
/// The page is asked once, not at every keystroke.
const WORK_PAGE: usize = 10_000_000;
/// How many of each kind are given if nobody says, and at most.
const N_ITEMS: usize = 10;
const N_ITEMS_MAX: usize = 50;
const KINDS: [&str; 4] = ["files", "symbols", "repos", "commands"];

/// What is being typed, and where.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// A few letters, in their order; parts that are divided by spaces in any. Capitals ask for capitals. At most 64 bytes count.
    #[serde(default)]
    q: String,
    /// The repository that is being read: what is in it comes first.
    #[serde(default)]
    repo: String,
    /// Its branch, tag or commit. One that is not indexed is taken for the default branch.
    #[serde(default)]
    rev: String,
    /// Some of `files,symbols,repos,commands`; all if not given.
    #[serde(default)]
    kinds: String,
    /// How many of each kind: 10 if not given, at most 50.
    limit: Option<usize>,
}

/// Where one may go, by kind, the kind with the best match first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GotoAnswer {
    groups: Vec<GroupShape>,
    /// Whether there were too many names to look at all of them: more letters find more.
    is_cut: bool,
}

/// What is of one kind, best first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupShape {
    /// `files`, `symbols`, `repos` or `commands`.
    kind: &'static str,
    items: Vec<ItemShape>,
}

/// Somewhere to go.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemShape {
    /// What it is called: a path, a name.
    label: String,
    /// Where it is, or what.
    detail: String,
    /// What of the label matches: half-open offsets in characters (Unicode scalar values), ascending.
    ranges: Vec<(usize, usize)>,
    /// Its address on this server.
    url: String,
    /// How good a match it is; more is better.
    score: i32,
}

#[derive(Template)]
#[template(path = "goto.html")]
struct GotoPage {
    shell: Shell,
    q: String,
    repo: String,
    rev: String,
    groups: Vec<GroupView>,
    is_cut: bool,
}

struct GroupView {
    title: &'static str,
    items: Vec<ItemView>,
}

struct ItemView {
    label: Html,
    detail: String,
    url: String,
}

/// At a keystroke.
#[utoipa::path(get, path = "/api/v1/goto", params(Asked),
    responses((status = 200, description = "Where one may go", body = GotoAnswer),
        (status = 400, description = "A kind that there is not", body = crate::failure::Problem)))]
pub(crate) async fn answer(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Json<GotoAnswer>, Failure> {
    find(&state, &caller, asked, WORK).await.map(Json)
}

/// The same as a page.
pub(crate) async fn page(
    State(state): State<AppState>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<HtmlPage<String>, Failure> {
    let (q, repo, rev) = (asked.q.clone(), asked.repo.clone(), asked.rev.clone());
    let answer = find(&state, &caller, asked, WORK_PAGE).await?;
    let groups = answer.groups.into_iter().filter(|group| !group.items.is_empty()).map(GroupView::of);
    let (shell, groups) = (caller.shell("Go to", "goto"), groups.collect());
    let page = GotoPage { shell, q, repo, rev, groups, is_cut: answer.is_cut };
    Ok(HtmlPage(page.render().map_err(Failure::internal)?))
}

async fn find(
    state: &AppState,
    caller: &Caller,
    asked: Asked,
    n_names_max: usize,
) -> Result<GotoAnswer, Failure> {
    let kinds: Vec<&str> = asked.kinds.split(',').map(str::trim).filter(|kind| !kind.is_empty()).collect();
    if !kinds.iter().all(|kind| KINDS.contains(kind)) {
        return Err(Failure::BadRequest("kinds must be some of files, symbols, repos and commands.".into()));
    }
    let kinds: Vec<&str> = if kinds.is_empty() { KINDS.to_vec() } else { kinds };
    let n_max = asked.limit.unwrap_or(N_ITEMS).min(N_ITEMS_MAX);
    let needle = Needle::new(&asked.q[..asked.q.floor_char_boundary(TYPED_BYTES_MAX)]);
    let commands = if kinds.contains(&"commands") { commands(caller, &needle, n_max) } else { Vec::new() };
    let (repos, files, symbols) =
        (kinds.contains(&"repos"), kinds.contains(&"files"), kinds.contains(&"symbols"));
    let place = state
        .search_places
        .enter(caller.actor.user_id().map(|user| user.0))
        .await
        .map_err(Failure::internal)?;
    let (snapshot, access) = (state.catalog.snapshot(), caller.access.clone());
    let looking = tokio::task::spawn_blocking(move || {
        let _place = place;
        let (repo, rev) = (given(&asked.repo), given(&asked.rev));
        let asked = GotoAsked { needle: &needle, repo, rev, repos, files, symbols, n_max, n_names_max };
        snapshot.goto(&access, asked)
    });
    Ok(GotoAnswer::of(looking.await.map_err(Failure::internal)?, commands))
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The pages of this server that the caller may open; all of them where nothing was typed.
fn commands(caller: &Caller, needle: &Needle, n_max: usize) -> Vec<ItemShape> {
    const PAGES: [(&str, &str); 10] = [
        ("Search", "/"),
        ("Repositories", "/repos"),
        ("Search contexts", "/contexts"),
        ("Exports", "/exports"),
        ("Why is a file not found?", "/why"),
        ("Your account", "/account"),
        ("Your tokens", "/account/tokens"),
        ("Your sessions", "/account/sessions"),
        ("What you may read", "/account/access"),
        ("API description", "/api/v1/openapi.json"),
    ];
    let administration = caller.shell("", "").admin_pages.into_iter();
    let administration = administration.map(|page| (page.label, "Administration", page.url));
    let pages = PAGES.into_iter().map(|(label, url)| (label, "", url)).chain(administration);
    let mut scratch = FuzzyScratch::default();
    let item = |(label, detail, url): (&str, &str, &str)| {
        let score = if needle.is_empty() { 0 } else { needle.score(label.as_bytes(), &mut scratch)? };
        let ranges = needle.ranges(label.as_bytes(), &mut scratch);
        Some(ItemShape::of(score, &ranges, label, detail.to_owned(), url.to_owned()))
    };
    let mut items: Vec<ItemShape> = pages.filter_map(item).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.score));
    items.truncate(n_max);
    items
}

impl GotoAnswer {
    fn of(goto: Goto, commands: Vec<ItemShape>) -> GotoAnswer {
        let repos = goto.repos.into_iter().map(|found| {
            let (name, url) = (found.item.name.as_str(), repo_link(&found.item.name, None));
            ItemShape::of(found.score, &found.ranges, name, String::new(), url)
        });
        let groups = [
            ("files", goto.files.iter().map(of_file).collect()),
            ("symbols", goto.symbols.iter().map(of_symbol).collect()),
            ("repos", repos.collect::<Vec<_>>()),
            ("commands", commands),
        ];
        let mut groups: Vec<GroupShape> =
            groups.into_iter().map(|(kind, items)| GroupShape { kind, items }).collect();
        // Stable: of equals, files before definitions before repositories.
        groups.sort_by_key(|group| std::cmp::Reverse(group.items.first().map(|item| item.score)));
        GotoAnswer { groups, is_cut: goto.is_cut }
    }
}

fn of_file(found: &GotoFound<GotoFile>) -> ItemShape {
    let GotoFile { repo, rev, path } = &found.item;
    let url = path_link(repo, rev.as_deref(), "blob", path);
    match std::str::from_utf8(path) {
        Ok(path) => ItemShape::of(found.score, &found.ranges, path, repo.to_string(), url),
        // Offsets of bytes that are no text lead nowhere in what is shown for them.
        Err(_) => ItemShape::of(found.score, &[], &lossy(path), repo.to_string(), url),
    }
}

fn of_symbol(found: &GotoFound<GotoSymbol>) -> ItemShape {
    let GotoSymbol { name, kind, container, file, line } = &found.item;
    let holder = if container.is_empty() { String::new() } else { format!(" in {container}") };
    let detail = format!("{kind}{holder} · {} {}:{line}", file.repo, lossy(&file.path));
    let line = usize::try_from(*line).unwrap_or(1);
    let url = line_link(&file.repo, file.rev.as_deref(), &file.path, line, N_LINES_WINDOW);
    ItemShape::of(found.score, &found.ranges, name, detail, url)
}

impl ItemShape {
    fn of(score: i32, ranges: &[ByteRange], label: &str, detail: String, url: String) -> ItemShape {
        let at = |byte: usize| label.get(..byte).map(|before| before.chars().count());
        let range = |range: &ByteRange| Some((at(range.start)?, at(range.end)?));
        ItemShape {
            ranges: ranges.iter().filter_map(range).collect(),
            label: label.to_owned(),
            detail,
            url,
            score,
        }
    }

    fn marked(&self) -> Html {
        let mut html = Html::default();
        let chars: Vec<char> = self.label.chars().collect();
        let text =
            |range: std::ops::Range<usize>| chars.get(range).unwrap_or_default().iter().collect::<String>();
        let mut from = 0;
        for (start, end) in &self.ranges {
            html.push_text(&text(from..*start));
            html.push_tag("<mark>");
            html.push_text(&text(*start..*end));
            html.push_tag("</mark>");
            from = *end;
        }
        html.push_text(&text(from..chars.len()));
        html
    }
}

impl GroupView {
    fn of(group: GroupShape) -> GroupView {
        let title = match group.kind {
            "files" => "Files",
            "symbols" => "Symbols",
            "repos" => "Repositories",
            _ => "Commands",
        };
        let item = |item: ItemShape| ItemView { label: item.marked(), detail: item.detail, url: item.url };
        GroupView { title, items: group.items.into_iter().map(item).collect() }
    }
}
