//! Definitions, references and what is shown of them, for one caller: `nav` asked about a repository at a commit.

mod precise;
mod view;

use crate::caller::Caller;
use crate::failure::Failure;
use crate::git_access;
use crate::kept::Kept;
use crate::links::{RepoAddress, line_link, query_number, query_value};
use crate::readable::Readable;
use crate::routes::r_blob::N_LINES_WINDOW;
use crate::state::AppState;
use model::{ObjectId, RepoName};
use nav::{Code, File, Found, Limits, NavError};
use std::time::Duration;
use store::Repository;

pub(crate) use precise::{KeptCurrent, PreciseSaid, implementations, kept_current, refine, upload_of};
pub(crate) use view::View;

/// How long one question may take.
const TIME_MAX: Duration = Duration::from_secs(10);

/// How much text of files that were taken apart is kept. Taken apart it takes some ten times as much.
const KEPT_TEXT_BYTES_MAX: usize = 16 << 20;

/// Files that were taken apart lately, by blob and path: from both follow the language and so the meaning.
pub(crate) type KeptFiles = Kept<(ObjectId, Vec<u8>), File>;

/// None yet.
pub(crate) fn kept_files() -> KeptFiles {
    Kept::new(KEPT_TEXT_BYTES_MAX, |file| file.text.len())
}

/// A place in a file that something is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// The column in bytes, counted from 0.
    pub(crate) column: usize,
}

/// Longest name that is looked for in a file, in bytes.
const NAME_BYTES_MAX: usize = 1_000;

/// What somebody asks about: a line and a column, or a name, in a line or wherever the file has it first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    line: Option<usize>,
    column: usize,
    name: Option<String>,
}

impl Place {
    /// `?line=&column=`, `?line=&name=` or `?name=`.
    pub(crate) fn read(query: Option<&str>) -> Result<Place, Failure> {
        let line = query_number(query, "line");
        let column = query_number(query, "column");
        let name = query_value(query, "name").filter(|_| column.is_none());
        let name = name.and_then(|name| String::from_utf8(name).ok()).filter(|name| !name.is_empty());
        let is_wrong = line == Some(0) || name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX);
        if is_wrong || (line.is_none() && name.is_none()) {
            return Err(Failure::BadRequest(
                "Say where: line, counted from 1, and column, in bytes from 0, as in ?line=12&column=4; or name=, \
                 alone or with a line."
                    .into(),
            ));
        }
        Ok(Place { line, column: column.unwrap_or(0), name })
    }

    /// Where that is in a file. A name that is not there is at a place that no name has.
    pub(crate) fn spot(&self, view: &View<'_>, path: &[u8]) -> Result<Spot, NavError> {
        let Some(name) = &self.name else {
            return Ok(Spot { line: self.line.unwrap_or(1), column: self.column });
        };
        let file = view.file(path)?.ok_or(NavError::NoFile)?;
        let is_it = |met: &&syntax::Name| {
            file.slice(&met.range) == name
                && self.line.is_none_or(|line| file.line_of(met.range.start) == line)
        };
        let Some(met) = file.bindings.names.iter().find(is_it) else {
            return Ok(Spot { line: self.line.unwrap_or(1), column: usize::MAX });
        };
        let line = file.line_of(met.range.start);
        let start = file.line(line).map_or(0, |range| range.start);
        Ok(Spot { line, column: met.range.start.saturating_sub(start) })
    }
}

/// Asks about a file at the address, beside the asynchronous edge. Not found where there is no such file for the caller.
pub(crate) async fn ask<T: Send + 'static>(
    state: &AppState,
    caller: &Caller,
    row: &Repository,
    address: &RepoAddress,
    question: impl FnOnce(&View<'_>) -> Result<T, NavError> + Send + 'static,
) -> Result<T, Failure> {
    let place = state.search_places.enter(caller.actor.user_id().map(|user| user.0)).await;
    let place = place.map_err(Failure::internal)?;
    // SECURITY: of a repository that the caller may read; what of it they may read is asked for every path.
    let indexes = state.store.precise_ready(&caller.access, row.id).await?;
    let (asked, asked_row, asking, on) = (address.clone(), row.clone(), state.clone(), caller.clone());
    let work = move |repository: &Readable, watch: &search::Watch| {
        let _place = place;
        let spot = repository.locate(&asked_row, &asked)?.ok_or(Failure::NotFound)?;
        let mut view = View::new(&asking, &on, repository, &asked_row, spot.commit, asked.rev.clone(), watch);
        view.precise = precise::Known::new(indexes);
        question(&view).map_err(failure)
    };
    git_access::read_watched(state, &caller.access, row, TIME_MAX, work).await
}

fn failure(error: NavError) -> Failure {
    match error {
        NavError::NoFile => Failure::NotFound,
        NavError::Code(nav::CodeError::CalledOff) => Failure::TimedOut,
        NavError::Code(error) => Failure::internal(error),
    }
}

/// Definitions and what is shown of the first one.
pub(crate) struct Described {
    pub(crate) definitions: nav::Definitions,
    pub(crate) description: nav::Description,
    pub(crate) language: Option<&'static str>,
    /// What a compiler's index said, where one knows the name.
    pub(crate) precise: Option<PreciseSaid>,
}

/// What is shown of the name at a place.
pub(crate) fn described(view: &View<'_>, path: &[u8], at: Spot) -> Result<Described, NavError> {
    let file = view.file(path)?.ok_or(NavError::NoFile)?;
    let language = syntax::language_name(file.language);
    let (mut definitions, mut description) = (nav::Definitions::default(), nav::Description::default());
    let Some(offset) = file.offset(at.line, at.column) else {
        return Ok(Described { definitions, description, language, precise: None });
    };
    if let Some(answer) = precise::defined(view, path, at) {
        definitions = answer.definitions;
        description = answer.description;
        let precise = Some(answer.said);
        if definitions.found.is_empty() {
            // It is defined in what is not here: what has the same name may be it.
            definitions.found = nav::definitions(view, path, offset, &Limits::default())?.found;
        }
        if let Some(first) = definitions.found.first().filter(|_| description.is_empty()) {
            description = view.describe(first)?;
        }
        return Ok(Described { definitions, description, language, precise });
    }
    definitions = nav::definitions(view, path, offset, &Limits::default())?;
    if let Some(first) = definitions.found.first() {
        description = view.describe(first)?;
    }
    Ok(Described { definitions, description, language, precise: None })
}

/// The address of the page that shows a definition.
pub(crate) fn url_of(repo: &RepoName, rev: Option<&str>, found: &Found) -> String {
    let (repo, rev) = match &found.repo {
        Some(other) => (other, None),
        None => (repo, rev),
    };
    let at = found.commit.map(|commit| commit.to_string());
    let rev = at.as_deref().or(rev);
    line_link(repo, rev, &found.path, found.line as usize, N_LINES_WINDOW)
}

/// The commit of an answer, beside it.
pub(crate) struct At<T> {
    pub(crate) commit: ObjectId,
    pub(crate) answer: T,
}
