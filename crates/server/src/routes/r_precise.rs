//! `/r/<repository>/-/precise`: the precise indexes of a repository, how far each is, and how to make one.

use super::api_precise::{Indexes, indexes, remove};
use super::r::{Crumb, RefGroup, crumbs, rev_shown, tools};
use crate::browse;
use crate::caller::Caller;
use crate::failure::Failure;
use crate::fields::Fields;
use crate::format::{count, size, thousands};
use crate::links::{RepoAddress, commit_link, query_value, repo_link};
use crate::shell::{Moment, Shell};
use crate::state::AppState;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{Html as HtmlPage, IntoResponse, Redirect, Response};
use model::RepoName;
use store::{PreciseId, PreciseIndex, PreciseState, Repository};

#[derive(Template)]
#[template(path = "precise.html")]
struct PrecisePage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<RefGroup>,
    path_shown: String,
    permalink: Option<String>,
    raw: Option<String>,
    tools: Vec<super::r::Tool>,
    here: String,
    says: String,
    busy: bool,
    rows: Vec<Row>,
    /// The one that is about to be removed.
    removing: Option<Removing>,
    may_upload: bool,
    recipes: Vec<Recipe>,
    upload_url: String,
    repo: String,
    keeps: String,
}

struct Row {
    indexer: String,
    root: String,
    commit: String,
    commit_url: String,
    distance: String,
    state: &'static str,
    state_class: &'static str,
    error: Option<String>,
    holds: String,
    left_out: Option<String>,
    size: String,
    by: String,
    created: Moment,
    remove_url: String,
}

struct Removing {
    id: String,
    what: String,
}

/// How an index is made for a language.
struct Recipe {
    language: &'static str,
    lines: &'static str,
}

/// Indexers by the files that lie at the top of a repository with such code, in the order of how many people have some.
const RECIPES: &[(&[&str], &str, &str)] = &[
    (
        &["package.json", "tsconfig.json"],
        "TypeScript and JavaScript",
        "npm ci\nnpx --yes @sourcegraph/scip-typescript index",
    ),
    (
        &["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"],
        "Python",
        "npx --yes @sourcegraph/scip-python index . --project-name=NAME",
    ),
    (&["Cargo.toml"], "Rust", "rust-analyzer scip ."),
    (&["go.mod"], "Go", "go install github.com/sourcegraph/scip-go/cmd/scip-go@latest\nscip-go"),
    (
        &["pom.xml", "build.gradle", "build.gradle.kts", "build.sbt"],
        "Java, Kotlin and Scala",
        "scip-java index",
    ),
    (
        &["CMakeLists.txt", "Makefile", "meson.build", "configure.ac"],
        "C and C++",
        "scip-clang --compdb-path=compile_commands.json",
    ),
    (&["Gemfile"], "Ruby", "scip-ruby"),
    (&["Directory.Build.props", "global.json"], "C#", "scip-dotnet index"),
];

/// The page.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    if !address.path.is_empty() {
        return Err(Failure::NotFound);
    }
    let found = indexes(&state, &caller, &row).await?;
    let asked = query_value(query, "remove").and_then(|id| PreciseId::parse(std::str::from_utf8(&id).ok()?));
    let page = PrecisePage::new(&state, &caller, &row, &address, &found, asked);
    Ok(HtmlPage(page.render().map_err(Failure::internal)?).into_response())
}

/// The form that removes one.
pub(crate) async fn submit(
    State(state): State<AppState>,
    caller: Caller,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let rest = uri.path().strip_prefix("/r/").unwrap_or("");
    let address = RepoAddress::parse(rest, uri.query()).ok_or(Failure::NotFound)?;
    let row = browse::row(&state, &caller, &address).await?;
    if address.page != "precise" || !address.path.is_empty() {
        return Err(Failure::NotFound);
    }
    let fields = fields.only(&["remove"], &[])?;
    let id = PreciseId::parse(fields.one("remove")).ok_or(Failure::NotFound)?;
    remove(&state, &caller, &row, id).await?;
    Ok(Redirect::to(&link(&row.name)).into_response())
}

/// The address of the page.
pub(crate) fn link(repo: &RepoName) -> String {
    format!("{}/-/precise", repo_link(repo, None))
}

impl PrecisePage {
    fn new(
        state: &AppState,
        caller: &Caller,
        row: &Repository,
        address: &RepoAddress,
        found: &Indexes,
        asked: Option<PreciseId>,
    ) -> Self {
        let may_upload = caller.actor.may_upload_precise();
        let here = link(&row.name);
        let now_ms = state.now_ms();
        let removing = found.rows.iter().find(|index| may_upload && asked == Some(index.id));
        let is_busy =
            |index: &PreciseIndex| !matches!(index.state, PreciseState::Ready | PreciseState::Failed);
        let keeping = state.uploads.limits().keeping;
        PrecisePage {
            shell: caller.shell(&format!("Precise indexes · {}", row.name), "repos"),
            crumbs: crumbs(address),
            rev_shown: rev_shown(row, address),
            refs: Vec::new(),
            path_shown: row.name.to_string(),
            permalink: None,
            raw: None,
            tools: tools(caller, row, address, false),
            says: says(&found.rows),
            busy: found.rows.iter().any(is_busy),
            rows: found.rows.iter().map(|index| Row::of(index, row, found, &here, now_ms)).collect(),
            removing: removing.map(|index| Removing { id: index.id.to_string(), what: what(index) }),
            may_upload,
            recipes: recipes(found),
            upload_url: link(&row.name).replacen("/r/", "/api/v1/repos/", 1),
            repo: row.name.to_string(),
            keeps: format!(
                "An index stays for {}, and longer while it is one of the {} nearest to the head of a branch or belongs to a tag.",
                count(keeping.young_for.as_secs() / (24 * 3600), "day", "days"),
                keeping.n_per_branch
            ),
            here,
        }
    }
}

impl Row {
    fn of(index: &PreciseIndex, row: &Repository, found: &Indexes, here: &str, now_ms: i64) -> Self {
        let (state, state_class) = match index.state {
            PreciseState::Receiving => ("being sent", "busy"),
            PreciseState::Queued => ("waiting", "busy"),
            PreciseState::Processing => ("being taken in", "busy"),
            PreciseState::Ready => ("ready", "ready"),
            PreciseState::Failed => ("failed", "error"),
        };
        let distance = match found.distances.get(&index.commit) {
            Some(0) => "the head".to_owned(),
            Some(n) => format!("{} from the head", count(u64::from(*n), "commit", "commits")),
            None => "not within 100 commits of the head".to_owned(),
        };
        let counts = &index.counts;
        let holds = match index.state {
            PreciseState::Ready => format!(
                "{}, {}",
                count(counts.n_documents, "file", "files"),
                count(counts.n_symbols, "symbol", "symbols")
            ),
            _ => String::new(),
        };
        Row {
            indexer: what(index),
            root: index.root.clone(),
            commit: index.commit.to_string()[..10].to_owned(),
            commit_url: commit_link(&row.name, index.commit),
            distance,
            state,
            state_class,
            error: index.error.as_deref().map(crate::searching::sentence),
            holds,
            left_out: (counts.n_left_out > 0)
                .then(|| format!("{} places left out: their ranges are none", thousands(counts.n_left_out))),
            size: size(if counts.size_bytes > 0 { counts.size_bytes } else { counts.upload_bytes }),
            by: index.uploaded_by.clone().unwrap_or_default(),
            created: Moment::new(now_ms, index.created_at.0),
            remove_url: format!("{here}?remove={}", index.id),
        }
    }
}

fn what(index: &PreciseIndex) -> String {
    match (index.indexer.as_str(), index.indexer_version.as_str()) {
        ("", _) => "unnamed indexer".to_owned(),
        (indexer, version) => format!("{indexer} {version}").trim_end().to_owned(),
    }
}

fn says(rows: &[PreciseIndex]) -> String {
    let n_ready = rows.iter().filter(|index| index.state == PreciseState::Ready).count();
    format!(
        "{}: definitions and references as the compiler knows them",
        count(n_ready as u64, "index", "indexes")
    )
}

/// How to make an index of what lies in the repository; of the commonest languages where that does not tell.
fn recipes(found: &Indexes) -> Vec<Recipe> {
    let recipe = |(_, language, lines): &(&[&str], &'static str, &'static str)| Recipe { language, lines };
    let fits = |(names, ..): &&(&[&str], &str, &str)| names.iter().any(|name| found.has_file(name));
    let fitting: Vec<Recipe> = RECIPES.iter().filter(fits).map(recipe).collect();
    match fitting.is_empty() {
        true => RECIPES.iter().take(4).map(recipe).collect(),
        false => fitting,
    }
}
