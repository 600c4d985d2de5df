//! What a name in a file means: `/api/v1/repos/<repo>[@rev]/-/{definition,references,implementations,hover,outline,callees,hierarchy}/<path>`,
//! and the page with all of it, `/r/<repo>[@rev]/-/references/<path>`. Pictures of calls and types: [`graph_page`].

mod graph;
pub(crate) mod graph_page;
mod shapes;

use super::r::{Crumb, RefGroup, crumbs, ref_groups, rev_shown};
use crate::caller::Caller;
use crate::failure::Failure;
use crate::format::thousands;
use crate::links::{RepoAddress, path_link, query_number, query_value, with_query};
use crate::markup::Html;
use crate::navigation::{
    At, Described, Place, PreciseSaid, Spot, View, ask, described, implementations, refine, url_of,
};
use crate::shell::Shell;
use crate::state::AppState;
use crate::wire::lossy;
use askama::Template;
use axum::http::header;
use axum::response::{Html as HtmlPage, IntoResponse, Response};
use model::RepoName;
use nav::{Code, CodeError, Found, Limits, NavError, Reference, ReferenceLimits, References, Verdict};
use serde::Serialize;
use shapes::calls_shape;
pub(crate) use shapes::{
    CallShape, DefinitionsShape, HierarchyShape, HoverShape, ImplementationsShape, OutlineShape, PlaceShape,
    ReferencesShape,
};
use store::Repository;

/// How many references are told where nothing is said, and at most.
const N_REFERENCES: (usize, usize) = (50, 1_000);
/// In how much text uses are looked at more closely, for a page of the default size (some tens of milliseconds of parsing) and for
/// a larger one.
const LOOKED_BYTES: (usize, usize) = (400 << 10, 20 << 20);
/// How many files are looked at for types below another.
const N_SUBTYPE_FILES_MAX: usize = 40;

/// The resources of the API.
pub(crate) async fn answer(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let told = told(state, caller, row, address, query).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], told).into_response())
}

/// What a resource of the API says, as JSON.
pub(crate) async fn told(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<String, Failure> {
    let place = if address.page == "outline" { None } else { Some(Place::read(query)?) };
    let (wanted, graph) = (Wanted::read(query), graph::GraphWanted::read(query)?);
    let asked = address.clone();
    ask(state, caller, row, &address, move |view| {
        let (path, rev) = (asked.path.as_slice(), asked.rev.as_deref());
        let question = Question { view, path, repo: &asked.repo, rev };
        let Some(place) = place else { return question.outline() };
        let at = place.spot(view, path)?;
        match asked.page.as_str() {
            "hover" => question.hover(at),
            "references" => question.references(at, wanted),
            "implementations" => question.implementations(at),
            "callees" => question.callees(at),
            "hierarchy" => question.hierarchy(at),
            "graph" => question.graph(at, &graph),
            _ => question.definition(at),
        }
    })
    .await
}

/// What is asked about, and how it is called in addresses.
struct Question<'q> {
    view: &'q View<'q>,
    path: &'q [u8],
    repo: &'q RepoName,
    rev: Option<&'q str>,
}

/// An answer of the API, or why there is none.
type Told = Result<String, NavError>;

fn json(shape: &impl Serialize) -> Told {
    serde_json::to_string(shape).map_err(|error| {
        NavError::Code(CodeError::Unreadable { what: "an answer".to_owned(), source: error.into() })
    })
}

impl Question<'_> {
    fn hover(&self, at: Spot) -> Told {
        let found = At { commit: self.view.commit, answer: described(self.view, self.path, at)? };
        json(&HoverShape::of(&found, self.repo, self.rev))
    }

    fn definition(&self, at: Spot) -> Told {
        let found = At { commit: self.view.commit, answer: described(self.view, self.path, at)? };
        json(&DefinitionsShape::of(&found, self.repo, self.rev))
    }

    fn references(&self, at: Spot, wanted: Wanted) -> Told {
        let (references, precise) = wanted.references(self.view, self.path, at)?;
        let found = At { commit: self.view.commit, answer: references };
        json(&ReferencesShape::of(&found, precise.as_ref(), self.repo, self.rev))
    }

    fn implementations(&self, at: Spot) -> Told {
        self.view.file(self.path)?.ok_or(NavError::NoFile)?;
        let found = implementations(self.view, self.path, at);
        json(&ImplementationsShape::of(self.view.commit, found.as_ref(), self.repo, self.rev))
    }

    fn callees(&self, at: Spot) -> Told {
        let calls = callees(self.view, &described(self.view, self.path, at)?)?;
        json(&calls_shape(&calls, self.repo, self.rev))
    }

    fn hierarchy(&self, at: Spot) -> Told {
        let types = Hierarchy::look(self.view, &described(self.view, self.path, at)?)?;
        json(&HierarchyShape::of(&types, self.repo, self.rev))
    }

    fn graph(&self, at: Spot, wanted: &graph::GraphWanted) -> Told {
        let drawn = graph::Drawn::look(self.view, self.path, at, wanted)?;
        json(&graph::GraphShape::of(&drawn, self.repo, self.rev, self.view.commit))
    }

    fn outline(&self) -> Told {
        let file = self.view.file(self.path)?.ok_or(NavError::NoFile)?;
        json(&OutlineShape::of(&file, self.repo, self.rev, self.view.commit))
    }
}

/// What the function that a name means calls, where it is in this repository.
fn callees(view: &View<'_>, described: &Described) -> Result<Vec<nav::Callee>, NavError> {
    let first = described.definitions.found.first().filter(|found| found.repo.is_none());
    let Some(found) = first else { return Ok(Vec::new()) };
    Ok(nav::callees(view, &found.path, found.line, found.in_line.start, &Limits::default())?)
}

/// How many references are asked for, and where.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// How many references are told at most.
    pub(crate) n_max: usize,
    /// Whether those in other repositories are told, too.
    pub(crate) is_everywhere: bool,
}

impl Wanted {
    fn read(query: Option<&str>) -> Wanted {
        let everywhere = query_value(query, "everywhere");
        Wanted {
            n_max: query_number(query, "limit").unwrap_or(N_REFERENCES.0).clamp(1, N_REFERENCES.1),
            is_everywhere: everywhere.is_some_and(|value| value == b"1" || value == b"true"),
        }
    }

    fn references(self, view: &View<'_>, path: &[u8], at: Spot) -> Result<Refined, NavError> {
        let file = view.file(path)?.ok_or(NavError::NoFile)?;
        let Some(offset) = file.offset(at.line, at.column) else { return Ok(Refined::default()) };
        let is_small = self.n_max <= N_REFERENCES.0;
        let wanted = ReferenceLimits {
            n_references_max: self.n_max,
            n_looked_bytes_max: if is_small { LOOKED_BYTES.0 } else { LOOKED_BYTES.1 },
            is_everywhere: self.is_everywhere,
            // The index is asked for all of them at once.
            asks_compiler: false,
        };
        let mut references = nav::references(view, path, offset, &Limits::default(), &wanted)?;
        let precise = refine(view, path, at, self, &mut references);
        Ok((references, precise))
    }
}

/// References, and which index put some of them in front.
type Refined = (References, Option<PreciseSaid>);

/// What a type extends, and what extends it.
#[derive(Default)]
pub(crate) struct Hierarchy {
    pub(crate) target: Option<Found>,
    pub(crate) name: Option<String>,
    pub(crate) above: Vec<Found>,
    pub(crate) below: Vec<(Found, String)>,
    pub(crate) is_cut: bool,
}

impl Hierarchy {
    fn look(view: &View<'_>, described: &Described) -> Result<Hierarchy, NavError> {
        let limits = Limits::default();
        let found = &described.definitions;
        let target = found.found.first().filter(|target| target.repo.is_none()).cloned();
        let (Some(target), Some(name)) = (target, found.name.clone()) else {
            return Ok(Hierarchy::default());
        };
        let above = nav::supertypes(view, &target.path, target.line, target.in_line.start, &limits)?;
        let uses = view.uses(&name, false)?;
        let mut below = Vec::new();
        for used in uses.files.iter().take(N_SUBTYPE_FILES_MAX) {
            for (found, within) in nav::subtypes_in(view, used, &target, &limits)? {
                below.push((found, within.name));
            }
        }
        let is_cut = uses.is_cut || uses.files.len() > N_SUBTYPE_FILES_MAX;
        Ok(Hierarchy { target: Some(target), name: Some(name), above, below, is_cut })
    }
}

#[derive(Template)]
#[template(path = "references.html")]
struct ReferencesPage {
    shell: Shell,
    crumbs: Vec<Crumb>,
    rev_shown: String,
    refs: Vec<RefGroup>,
    path_shown: String,
    permalink: Option<String>,
    raw: Option<String>,
    tools: Vec<super::r::Tool>,
    name: String,
    signature: String,
    documentation: String,
    definitions: Vec<DefinitionRow>,
    groups: Vec<FileGroup>,
    callers: Vec<Step>,
    callees: Vec<Step>,
    above: Vec<Step>,
    below: Vec<Step>,
    says: String,
    /// Which index answered, where one did.
    precise: Option<String>,
    implementations: Vec<DefinitionRow>,
    everywhere_url: Option<String>,
    more_url: Option<String>,
    back_url: String,
    graph_url: String,
}

/// A definition, and how it was found.
struct DefinitionRow {
    place: String,
    url: String,
    how: &'static str,
}

/// The references in one file.
struct FileGroup {
    place: String,
    url: String,
    rows: Vec<ReferenceRow>,
}

/// One reference.
struct ReferenceRow {
    line: u64,
    url: String,
    code: Html,
    kind: &'static str,
    how: &'static str,
    within: String,
}

/// Something that calls, is called, extends or is extended.
struct Step {
    name: String,
    url: Option<String>,
}

/// Everything the page shows.
struct Seen {
    at: Spot,
    described: Described,
    references: References,
    precise: Option<PreciseSaid>,
    implementations: Vec<Found>,
    callees: Vec<nav::Callee>,
    hierarchy: Hierarchy,
}

/// The page: complete without a script; with one, the panel beside the code says the same.
pub(crate) async fn page(
    state: AppState,
    caller: Caller,
    row: Repository,
    address: RepoAddress,
    query: Option<&str>,
) -> Result<Response, Failure> {
    let (place, wanted) = (Place::read(query)?, Wanted::read(query));
    let path = address.path.clone();
    let seen = ask(&state, &caller, &row, &address, move |view| {
        let at = place.spot(view, &path)?;
        let described = described(view, &path, at)?;
        let callees = callees(view, &described)?;
        let (references, precise) = wanted.references(view, &path, at)?;
        let implementations = implementations(view, &path, at).map(|(_, found, _)| found).unwrap_or_default();
        let hierarchy = Hierarchy::look(view, &described)?;
        Ok(Seen { at, described, references, precise, implementations, callees, hierarchy })
    });
    let seen = seen.await?;
    let page = ReferencesPage::new(&state, &caller, &row, &address, wanted, &seen);
    Ok(HtmlPage(page.render().map_err(Failure::internal)?).into_response())
}

impl ReferencesPage {
    fn new(
        state: &AppState,
        caller: &Caller,
        row: &Repository,
        address: &RepoAddress,
        wanted: Wanted,
        seen: &Seen,
    ) -> Self {
        let at = seen.at;
        let rev = address.rev.as_deref();
        let name = seen.described.definitions.name.clone().unwrap_or_default();
        let path_shown = lossy(&address.path);
        let title = if name.is_empty() { "References".to_owned() } else { format!("{name} · references") };
        let here = path_link(&address.repo, rev, "references", &address.path);
        let again = |limit: usize, everywhere: bool| {
            let everywhere = if everywhere { "&everywhere=1" } else { "" };
            let asked = format!("line={}&column={}&limit={limit}{everywhere}", at.line, at.column);
            with_query(&here, &asked)
        };
        let mut shell = caller.shell(&title, "repos");
        shell.query = Some(super::r_blob::box_for(row, address));
        ReferencesPage {
            shell,
            crumbs: crumbs(address),
            rev_shown: rev_shown(row, address),
            refs: ref_groups(state, caller, row, address),
            permalink: None,
            raw: None,
            tools: super::r::tools(caller, row, address, true),
            signature: seen.described.description.signature.clone(),
            documentation: seen.described.description.documentation.clone(),
            definitions: definition_rows(row, rev, &seen.described.definitions.found),
            groups: groups(row, rev, &seen.references.references),
            callers: callers(row, rev, &seen.references.references),
            callees: seen.callees.iter().map(|call| step(row, rev, &call.name, call.found.first())).collect(),
            above: seen
                .hierarchy
                .above
                .iter()
                .map(|found| Step { name: place_of(found), url: Some(url_of(&row.name, rev, found)) })
                .collect(),
            below: seen
                .hierarchy
                .below
                .iter()
                .map(|(found, name)| step(row, rev, name, Some(found)))
                .collect(),
            says: says(&seen.references, seen.precise.as_ref()),
            precise: seen.precise.as_ref().or(seen.described.precise.as_ref()).map(PreciseSaid::words),
            implementations: definition_rows(row, rev, &seen.implementations),
            everywhere_url: (!wanted.is_everywhere).then(|| again(wanted.n_max, true)),
            more_url: (seen.references.is_cut && wanted.n_max < N_REFERENCES.1)
                .then(|| again(N_REFERENCES.1, wanted.is_everywhere)),
            back_url: crate::links::line_link(
                &address.repo,
                rev,
                &address.path,
                at.line,
                super::r_blob::N_LINES_WINDOW,
            ),
            graph_url: graph_page::link(&address.repo, rev, &address.path, at),
            path_shown,
            name,
        }
    }
}

fn says(references: &References, precise: Option<&PreciseSaid>) -> String {
    let n_sure = references.references.iter().filter(|one| matches!(one.verdict, Verdict::Leads(_))).count();
    let n_named = references.references.len() - n_sure;
    let mut says = format!("{} lead here", thousands(n_sure as u64));
    if let Some(precise) = precise {
        let are = if precise.n_references == 1 { "is" } else { "are" };
        says.push_str(&format!(" ({} {are} precise", thousands(precise.n_references)));
        if precise.n_changed > 0 {
            says.push_str(&format!(
                ", {} of them in lines that were changed since",
                thousands(precise.n_changed)
            ));
        }
        says.push(')');
    }
    if n_named > 0 {
        says.push_str(&format!(", {} have the same name", thousands(n_named as u64)));
    }
    if references.is_cut {
        says.push_str(&format!(
            "; the name stands in at least {} lines, not all of them are shown",
            thousands(references.n_lines)
        ));
    }
    says
}

fn definition_rows(row: &Repository, rev: Option<&str>, found: &[Found]) -> Vec<DefinitionRow> {
    let one = |found: &Found| DefinitionRow {
        place: place_of(found),
        url: url_of(&row.name, rev, found),
        how: how_told(found.how),
    };
    found.iter().take(10).map(one).collect()
}

fn place_of(found: &Found) -> String {
    let repo = found.repo.as_ref().map(|repo| format!("{repo} · ")).unwrap_or_default();
    format!("{repo}{}:{}", lossy(&found.path), found.line)
}

/// How sure something is, in words.
fn how_told(how: nav::How) -> &'static str {
    match how {
        nav::How::Precise => "precise",
        nav::How::Scope => "in scope",
        nav::How::Import => "by import",
        nav::How::Receiver => "by type of the receiver",
        nav::How::Name => "by name",
    }
}

fn verdict_told(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leads(how) => how_told(how),
        Verdict::SameName => "by name",
        Verdict::NotLooked => "by name, not looked at",
    }
}

fn groups(row: &Repository, rev: Option<&str>, references: &[Reference]) -> Vec<FileGroup> {
    let mut groups: Vec<(Option<&RepoName>, &[u8], FileGroup)> = Vec::new();
    for one in references {
        let at_commit = one.commit.map(|commit| commit.to_string());
        let (repo, at_rev) = match &one.repo {
            Some(repo) => (repo, at_commit.as_deref()),
            None => (&row.name, rev),
        };
        let url = crate::links::line_link(
            repo,
            at_rev,
            &one.path,
            one.line as usize,
            super::r_blob::N_LINES_WINDOW,
        );
        let reference = ReferenceRow {
            line: one.line,
            url,
            code: Html::marked(&one.text, std::slice::from_ref(&one.in_line)),
            kind: one.kind.as_str(),
            how: verdict_told(one.verdict),
            within: one.within.as_ref().map(|within| within.name.clone()).unwrap_or_default(),
        };
        match groups.iter_mut().find(|(of, path, _)| *of == one.repo.as_ref() && *path == one.path) {
            Some((_, _, group)) => group.rows.push(reference),
            None => {
                let prefix = one.repo.as_ref().map(|repo| format!("{repo} · ")).unwrap_or_default();
                let group = FileGroup {
                    place: format!("{prefix}{}", lossy(&one.path)),
                    url: path_link(repo, at_rev, "blob", &one.path),
                    rows: vec![reference],
                };
                groups.push((one.repo.as_ref(), &one.path, group));
            }
        }
    }
    groups.into_iter().map(|(_, _, group)| group).collect()
}

/// The functions that call, each once.
fn callers(row: &Repository, rev: Option<&str>, references: &[Reference]) -> Vec<Step> {
    let mut seen = std::collections::HashSet::new();
    let calls = references.iter().filter(|one| one.kind == nav::ReferenceKind::Call && one.repo.is_none());
    let calls = calls.filter_map(|one| Some((one, one.within.as_ref()?)));
    calls
        .filter(|(one, within)| seen.insert((one.path.clone(), within.line)))
        .map(|(one, within)| Step {
            name: within.name.clone(),
            url: Some(crate::links::line_link(
                &row.name,
                rev,
                &one.path,
                within.line as usize,
                super::r_blob::N_LINES_WINDOW,
            )),
        })
        .collect()
}

fn step(row: &Repository, rev: Option<&str>, name: &str, found: Option<&Found>) -> Step {
    Step { name: name.to_owned(), url: found.map(|found| url_of(&row.name, rev, found)) }
}
