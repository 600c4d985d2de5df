//! The shapes of answers about names.

use super::Hierarchy;
use crate::links::line_link;
use crate::navigation::{At, Described, PreciseSaid, url_of};
use crate::routes::r_blob::N_LINES_WINDOW;
use crate::wire::lossy;
use model::{ObjectId, RepoName};
use nav::{Callee, File, Found, Reference, References, Verdict};
use serde::Serialize;
use syntax::{BindingKind, Bindings};
use utoipa::ToSchema;

/// A definition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceShape {
    repo: String,
    path: String,
    /// Counted from 1.
    line: u64,
    /// The name within its line: half-open byte offsets.
    range: [usize; 2],
    /// What is defined, where that is known.
    kind: Option<&'static str>,
    /// `precise`, `scope`, `import`, `receiver` or `name`.
    how: &'static str,
    url: String,
}

impl PlaceShape {
    pub(crate) fn of(found: &Found, repo: &RepoName, rev: Option<&str>) -> Self {
        PlaceShape {
            repo: found.repo.as_ref().unwrap_or(repo).to_string(),
            path: lossy(&found.path),
            line: found.line,
            range: [found.in_line.start, found.in_line.end],
            kind: found.kind.map(model::SymbolKind::as_str),
            how: found.how.as_str(),
            url: url_of(repo, rev, found),
        }
    }
}

/// Which index of a compiler answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreciseAnswerShape {
    indexer: String,
    version: String,
    /// The commit that was indexed.
    commit: String,
    /// Commits between it and the one that is looked at.
    distance: u32,
    /// Whether it lies before the one that is looked at.
    before: bool,
    /// Places in lines that were changed since, which are left out.
    changed: u64,
    /// The same in words.
    says: String,
}

impl PreciseAnswerShape {
    fn of(said: &PreciseSaid) -> Self {
        PreciseAnswerShape {
            indexer: said.indexer.clone(),
            version: said.version.clone(),
            commit: said.commit.to_string(),
            distance: said.distance,
            before: said.is_before,
            changed: said.n_changed,
            says: said.words(),
        }
    }
}

/// What implements a name, as an index of a compiler says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImplementationsShape {
    commit: String,
    implementations: Vec<PlaceShape>,
    cut: bool,
    /// Null where no index knows the name.
    precise: Option<PreciseAnswerShape>,
}

impl ImplementationsShape {
    pub(crate) fn of(
        commit: ObjectId,
        found: Option<&(PreciseSaid, Vec<Found>, bool)>,
        repo: &RepoName,
        rev: Option<&str>,
    ) -> Self {
        let places = found.map(|(_, places, _)| places.as_slice()).unwrap_or_default();
        ImplementationsShape {
            commit: commit.to_string(),
            implementations: places.iter().map(|one| PlaceShape::of(one, repo, rev)).collect(),
            cut: found.is_some_and(|(_, _, is_cut)| *is_cut),
            precise: found.map(|(said, ..)| PreciseAnswerShape::of(said)),
        }
    }
}

/// The definitions of a name, the best first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DefinitionsShape {
    commit: String,
    /// The name at that place; null where there is none.
    name: Option<String>,
    definitions: Vec<PlaceShape>,
    /// Whether a limit cut the answer.
    cut: bool,
    /// Which index answered; null where none did.
    precise: Option<PreciseAnswerShape>,
}

impl DefinitionsShape {
    pub(crate) fn of(at: &At<Described>, repo: &RepoName, rev: Option<&str>) -> Self {
        let found = &at.answer.definitions;
        DefinitionsShape {
            commit: at.commit.to_string(),
            name: found.name.clone(),
            definitions: found.found.iter().map(|one| PlaceShape::of(one, repo, rev)).collect(),
            cut: found.is_cut,
            precise: at.answer.precise.as_ref().map(PreciseAnswerShape::of),
        }
    }
}

/// What is shown of a name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoverShape {
    commit: String,
    name: Option<String>,
    language: Option<&'static str>,
    signature: String,
    documentation: String,
    /// Where it is defined, the likeliest place.
    definition: Option<PlaceShape>,
    /// How many definitions there may be.
    candidates: usize,
    /// Which index answered; null where none did.
    precise: Option<PreciseAnswerShape>,
}

impl HoverShape {
    pub(crate) fn of(at: &At<Described>, repo: &RepoName, rev: Option<&str>) -> Self {
        let Described { definitions, description, language, precise } = &at.answer;
        HoverShape {
            commit: at.commit.to_string(),
            name: definitions.name.clone(),
            language: *language,
            signature: description.signature.clone(),
            documentation: description.documentation.clone(),
            definition: definitions.found.first().map(|one| PlaceShape::of(one, repo, rev)),
            candidates: definitions.found.len(),
            precise: precise.as_ref().map(PreciseAnswerShape::of),
        }
    }
}

/// Where a name is used.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReferencesShape {
    commit: String,
    name: Option<String>,
    definitions: Vec<PlaceShape>,
    references: Vec<ReferenceShape>,
    /// How many lines hold the name; at least so many where `cut`.
    lines: u64,
    /// Whether a limit left some out.
    cut: bool,
    /// Which index answered; null where none did.
    precise: Option<PreciseAnswerShape>,
}

/// A use of a name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReferenceShape {
    repo: String,
    path: String,
    line: u64,
    range: [usize; 2],
    text: String,
    /// `definition`, `call`, `import` or `use`.
    kind: &'static str,
    /// `precise`, `scope`, `import`, `receiver`, `same-name` or `not-looked`.
    how: &'static str,
    /// The function or type it stands in.
    within: Option<String>,
    url: String,
}

impl ReferencesShape {
    pub(crate) fn of(
        at: &At<References>,
        precise: Option<&PreciseSaid>,
        repo: &RepoName,
        rev: Option<&str>,
    ) -> Self {
        let found = &at.answer;
        ReferencesShape {
            commit: at.commit.to_string(),
            name: found.definitions.name.clone(),
            definitions: found.definitions.found.iter().map(|one| PlaceShape::of(one, repo, rev)).collect(),
            references: found.references.iter().map(|one| ReferenceShape::of(one, repo, rev)).collect(),
            lines: found.n_lines,
            cut: found.is_cut,
            precise: precise.map(PreciseAnswerShape::of),
        }
    }
}

impl ReferenceShape {
    fn of(one: &Reference, repo: &RepoName, rev: Option<&str>) -> Self {
        let at_commit = one.commit.map(|commit| commit.to_string());
        let (repo, rev) = match &one.repo {
            Some(other) => (other, at_commit.as_deref()),
            None => (repo, rev),
        };
        ReferenceShape {
            repo: repo.to_string(),
            path: lossy(&one.path),
            line: one.line,
            range: [one.in_line.start, one.in_line.end],
            text: one.text.clone(),
            kind: one.kind.as_str(),
            how: match one.verdict {
                Verdict::Leads(how) => how.as_str(),
                Verdict::SameName => "same-name",
                Verdict::NotLooked => "not-looked",
            },
            within: one.within.as_ref().map(|within| within.name.clone()),
            url: line_link(repo, rev, &one.path, one.line as usize, N_LINES_WINDOW),
        }
    }
}

/// What a function calls.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallShape {
    name: String,
    /// The line of the first call, counted from 1.
    line: u64,
    definition: Option<PlaceShape>,
}

/// The calls of a function.
pub(crate) fn calls_shape(calls: &[Callee], repo: &RepoName, rev: Option<&str>) -> Vec<CallShape> {
    let one = |call: &Callee| CallShape {
        name: call.name.clone(),
        line: call.line,
        definition: call.found.first().map(|found| PlaceShape::of(found, repo, rev)),
    };
    calls.iter().map(one).collect()
}

/// What a type extends and what extends it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HierarchyShape {
    name: Option<String>,
    definition: Option<PlaceShape>,
    supertypes: Vec<PlaceShape>,
    subtypes: Vec<PlaceShape>,
    cut: bool,
}

impl HierarchyShape {
    pub(crate) fn of(types: &Hierarchy, repo: &RepoName, rev: Option<&str>) -> Self {
        HierarchyShape {
            name: types.name.clone(),
            definition: types.target.as_ref().map(|found| PlaceShape::of(found, repo, rev)),
            supertypes: types.above.iter().map(|found| PlaceShape::of(found, repo, rev)).collect(),
            subtypes: types.below.iter().map(|(found, _)| PlaceShape::of(found, repo, rev)).collect(),
            cut: types.is_cut,
        }
    }
}

/// What a file defines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutlineShape {
    commit: String,
    path: String,
    language: Option<&'static str>,
    symbols: Vec<OutlineRow>,
}

/// A definition of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutlineRow {
    name: String,
    /// What holds it; null at the top.
    container: Option<String>,
    kind: &'static str,
    line: usize,
    /// Where it ends.
    end_line: usize,
    url: String,
}

impl OutlineShape {
    pub(crate) fn of(file: &File, repo: &RepoName, rev: Option<&str>, commit: ObjectId) -> Self {
        let bindings: &Bindings = &file.bindings;
        let shown = bindings.bindings.iter().filter(|binding| {
            binding.is_top
                && !binding.name.is_empty()
                && !matches!(
                    binding.kind,
                    BindingKind::Import(_) | BindingKind::Alias | BindingKind::Parameter
                )
        });
        let row = |binding: &syntax::Binding| {
            let line = file.line_of(binding.name.start);
            OutlineRow {
                name: file.name_of(binding).to_owned(),
                container: binding
                    .container
                    .and_then(|owner| bindings.binding(owner))
                    .map(|owner| file.name_of(owner).to_owned()),
                kind: kind_word(binding.kind),
                line,
                end_line: file.line_of(binding.extent.end.saturating_sub(1)),
                url: line_link(repo, rev, &file.path, line, N_LINES_WINDOW),
            }
        };
        OutlineShape {
            commit: commit.to_string(),
            path: lossy(&file.path),
            language: syntax::language_name(file.language),
            symbols: shown.map(row).collect(),
        }
    }
}

fn kind_word(kind: BindingKind) -> &'static str {
    match kind {
        BindingKind::Parameter => "parameter",
        BindingKind::Variable => "variable",
        BindingKind::Function => "function",
        BindingKind::Type => "type",
        BindingKind::Field => "field",
        BindingKind::Module => "module",
        BindingKind::Macro => "macro",
        BindingKind::Import(_) => "import",
        BindingKind::Alias => "alias",
    }
}
