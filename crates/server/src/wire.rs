//! The JSON shapes of the API. Engine types stay out of JSON; this is the border they are converted at.

mod aggregate;
mod commit;
mod group;
mod symbol;
mod why;

pub(crate) use aggregate::AggregationShape;
pub use aggregate::aggregation_json;
pub use why::why_json;
pub(crate) use why::{WhyShape, WhySuggestionShape};

use crate::links;
use commit::{CommitShape, DiffShape};
use group::{DirectoryShape, OwnerShape};
use model::ByteRange;
use search::{ContentMatch, Facet, Facets, Match, PathMatch, RepoMatch, Stats};
use serde::Serialize;
use symbol::SymbolShape;
use utoipa::ToSchema;

/// The answer to a search.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchAnswer {
    /// The query as it was understood to be typed.
    pub(crate) query: String,
    /// The results, best first.
    pub(crate) matches: Vec<MatchShape>,
    /// The counts, over everything found.
    pub(crate) stats: StatsShape,
    /// Ways to narrow the answer.
    pub(crate) filters: Vec<FilterShape>,
    /// Something about the query as a whole.
    pub(crate) alert: Option<String>,
}

/// One result.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum MatchShape {
    /// A file whose content matches.
    Content(ContentShape),
    /// A file whose path matches.
    Path(PathShape),
    /// A repository whose name matches.
    Repo(RepoShape),
    /// A definition.
    Symbol(SymbolShape),
    /// A commit.
    Commit(CommitShape),
    /// A file's change in a commit.
    Diff(DiffShape),
    /// A directory.
    Directory(DirectoryShape),
    /// A person or team.
    Owner(OwnerShape),
}

/// A file whose content matches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ContentShape {
    repo: String,
    /// 40 hexadecimal digits.
    commit: String,
    /// Every selected ref that holds this very file.
    refs: Vec<String>,
    /// The path; bytes that are not UTF-8 are replaced. `url` is exact.
    path: String,
    language: Option<&'static str>,
    score: f64,
    /// What the score is made of, where `explain=1` asks for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    score_parts: Vec<ScorePartShape>,
    lines: Vec<LineShape>,
    /// How many lines match in all, shown or not.
    line_count: u64,
    /// The path of its page on this server.
    url: String,
}

/// A matching line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineShape {
    /// From 1.
    number: u64,
    text: String,
    /// Half-open byte offsets in `text`.
    ranges: Vec<[usize; 2]>,
    /// Whether `text` is only a piece of the line.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// A file whose path matches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PathShape {
    repo: String,
    commit: String,
    refs: Vec<String>,
    path: String,
    language: Option<&'static str>,
    score: f64,
    /// What the score is made of, where `explain=1` asks for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    score_parts: Vec<ScorePartShape>,
    /// Half-open byte offsets in `path`.
    ranges: Vec<[usize; 2]>,
    /// What a commit did to the file, where it was selected from changes: `added`, `modified`, `deleted`, `renamed`. `commit` of a
    /// deleted file is the commit before, in which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    url: String,
}

/// A repository whose name matches.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepoShape {
    repo: String,
    score: f64,
    /// Half-open byte offsets in `repo`.
    ranges: Vec<[usize; 2]>,
    url: String,
}

/// The counts of a search.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsShape {
    /// Occurrences, as `rg --count-matches` counts them.
    matches: u64,
    /// Matching lines, as `rg -c` counts them.
    lines: u64,
    files: u64,
    repos: u64,
    duration_us: u64,
    /// Whether everything the query asks for was looked at.
    complete: bool,
    skipped: Vec<SkippedShape>,
}

/// Something a search left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SkippedShape {
    reason: &'static str,
    title: String,
    message: String,
    /// `warn` where results may be missing, otherwise `info`.
    severity: &'static str,
    /// How many files or repositories it is about; 0 where it is about the search as a whole.
    count: u64,
    /// A query that lifts it.
    suggested_query: Option<String>,
}

/// A way to narrow an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FilterShape {
    /// `repo`, `lang` or `path`.
    kind: &'static str,
    /// What a person reads.
    value: String,
    /// What is appended to the query.
    filter: String,
    /// How many of the found files it holds.
    files: u64,
}

/// One part of a score.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScorePartShape {
    /// `definition`, `word`, `exact case`, `file name`, `kind`, `document`, `recency`.
    part: &'static str,
    value: f64,
}

impl MatchShape {
    /// The result, with the parts of its score if they are asked for.
    pub(crate) fn explained(found: &Match, is_asked: bool) -> Self {
        let mut shape = MatchShape::of(found);
        let parts = found.score_parts().filter(|_| is_asked);
        if let Some(parts) = parts {
            let parts = parts.named().map(|(part, value)| ScorePartShape { part, value }).collect();
            match &mut shape {
                MatchShape::Content(shape) => shape.score_parts = parts,
                MatchShape::Path(shape) => shape.score_parts = parts,
                MatchShape::Symbol(shape) => shape.score_parts = parts,
                _ => {}
            }
        }
        shape
    }

    pub(crate) fn of(found: &Match) -> Self {
        match found {
            Match::Content(found) => MatchShape::Content(ContentShape::of(found)),
            Match::Path(found) => MatchShape::Path(PathShape::of(found)),
            Match::Repo(found) => MatchShape::Repo(RepoShape::of(found)),
            Match::Symbol(found) => MatchShape::Symbol(SymbolShape::of(found)),
            Match::Commit(found) => MatchShape::Commit(CommitShape::of(found)),
            Match::Diff(found) => MatchShape::Diff(DiffShape::of(found)),
            Match::Directory(found) => MatchShape::Directory(DirectoryShape::of(found)),
            Match::Owner(found) => MatchShape::Owner(OwnerShape::of(found)),
        }
    }
}

impl ContentShape {
    fn of(found: &ContentMatch) -> Self {
        let lines = found.lines.iter().map(|line| LineShape {
            number: line.number,
            text: line.text.clone(),
            ranges: pairs(&line.ranges),
            cut: line.is_cut,
        });
        ContentShape {
            repo: found.repo.to_string(),
            commit: found.commit.to_string(),
            refs: found.refs.iter().map(ToString::to_string).collect(),
            path: lossy(&found.path),
            language: syntax::language_name(found.language),
            score: found.score,
            score_parts: Vec::new(),
            lines: lines.collect(),
            line_count: found.n_lines,
            url: links::match_link(&found.repo, &found.refs, found.commit, &found.path),
        }
    }
}

impl PathShape {
    fn of(found: &PathMatch) -> Self {
        PathShape {
            repo: found.repo.to_string(),
            commit: found.commit.to_string(),
            refs: found.refs.iter().map(ToString::to_string).collect(),
            path: lossy(&found.path),
            language: syntax::language_name(found.language),
            score: found.score,
            score_parts: Vec::new(),
            ranges: pairs(&found.ranges),
            change: found.change.map(search::FileChange::as_str),
            url: links::match_link(&found.repo, &found.refs, found.commit, &found.path),
        }
    }
}

impl RepoShape {
    fn of(found: &RepoMatch) -> Self {
        RepoShape {
            repo: found.repo.to_string(),
            score: found.score,
            ranges: pairs(&found.ranges),
            url: links::repo_link(&found.repo, None),
        }
    }
}

impl StatsShape {
    pub(crate) fn of(stats: &Stats) -> Self {
        let skipped = stats.skipped.iter().map(|skipped| SkippedShape {
            reason: skipped.reason.as_str(),
            title: skipped.title.clone(),
            message: skipped.message.clone(),
            severity: skipped.severity.as_str(),
            count: skipped.count,
            suggested_query: skipped.suggested_query.clone(),
        });
        StatsShape {
            matches: stats.matches,
            lines: stats.lines,
            files: stats.files,
            repos: stats.repos,
            duration_us: u64::try_from(stats.duration.as_micros()).unwrap_or(u64::MAX),
            complete: stats.complete,
            skipped: skipped.collect(),
        }
    }
}

/// All ways to narrow an answer.
pub(crate) fn filters(facets: &Facets) -> Vec<FilterShape> {
    let of = |kind, facets: &[Facet]| -> Vec<FilterShape> {
        let shape = |facet: &Facet| FilterShape {
            kind,
            value: facet.value.clone(),
            filter: facet.filter.clone(),
            files: facet.n_files,
        };
        facets.iter().map(shape).collect()
    };
    let mut filters = of("repo", &facets.repos);
    filters.extend(of("lang", &facets.languages));
    filters.extend(of("path", &facets.paths));
    filters
}

/// Bytes as text, what is not UTF-8 replaced.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn pairs(ranges: &[ByteRange]) -> Vec<[usize; 2]> {
    ranges.iter().map(|range| [range.start, range.end]).collect()
}
