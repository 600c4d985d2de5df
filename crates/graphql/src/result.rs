//! A search and its results.

use crate::commit::CommitSearchResult;
use crate::file::{GitBlob, Location, Position, Range};
use crate::ordered::Ordered;
use crate::repository::Repository;
use crate::root::backend;
use async_graphql::{Context, Object, Result, SimpleObject, Union};
use compat::SearchData;
use compat::sourcegraph::line_matches;
use model::{ByteRange, RefName, RepoName};
use search::{ContentMatch, Facet, Match, SkippedReason, SymbolMatch};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A search.
pub(crate) struct Search {
    pub(crate) data: Arc<SearchData>,
}

/// What it found.
struct SearchResults {
    data: Arc<SearchData>,
}

/// A result.
#[derive(Union)]
enum SearchResult {
    FileMatch(FileMatch),
    CommitSearchResult(CommitSearchResult),
    Repository(Repository),
}

/// A found file.
struct FileMatch {
    repo: RepoName,
    file: GitBlob,
    content: Option<ContentMatch>,
    symbols: Vec<SymbolMatch>,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct LineMatch {
    /// The line.
    preview: String,
    /// From 0.
    line_number: i32,
    /// In code points.
    offset_and_lengths: Vec<Vec<i32>>,
    limit_hit: bool,
}

/// A definition.
struct Symbol {
    file: GitBlob,
    found: SymbolMatch,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct ProposedQuery {
    description: Option<String>,
    query: String,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct SearchAlert {
    title: String,
    description: Option<String>,
    proposed_queries: Option<Vec<ProposedQuery>>,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct SearchFilter {
    value: String,
    label: String,
    count: i32,
    limit_hit: bool,
    kind: String,
}

#[derive(SimpleObject)]
#[graphql(serial)]
struct SearchStats {
    approximate_result_count: String,
}

fn number(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[Object(serial)]
impl Search {
    async fn results(&self) -> SearchResults {
        SearchResults { data: Arc::clone(&self.data) }
    }

    async fn stats(&self) -> SearchStats {
        SearchStats { approximate_result_count: self.data.n_results().to_string() }
    }
}

#[Object(serial)]
impl SearchResults {
    async fn results(&self) -> Vec<Ordered<SearchResult>> {
        let mut results: Vec<SearchResult> = Vec::new();
        for found in &self.data.matches {
            if let (Match::Symbol(symbol), Some(SearchResult::FileMatch(last))) = (found, results.last_mut())
                && last.symbols.first().is_some_and(|first| {
                    (&first.repo, first.commit, &first.path) == (&symbol.repo, symbol.commit, &symbol.path)
                })
            {
                last.symbols.push(symbol.clone());
                continue;
            }
            results.extend(result(found));
        }
        results.into_iter().map(Ordered).collect()
    }

    async fn match_count(&self) -> i32 {
        number(self.data.n_results())
    }

    async fn result_count(&self) -> i32 {
        number(self.data.n_results())
    }

    async fn approximate_result_count(&self) -> String {
        match self.data.stats.complete {
            true => self.data.n_results().to_string(),
            false => format!("{}+", self.data.n_results()),
        }
    }

    async fn limit_hit(&self) -> bool {
        !self.data.stats.complete
    }

    async fn repositories_count(&self) -> i32 {
        number(self.data.stats.repos)
    }

    async fn repositories(&self) -> Vec<Repository> {
        let names: BTreeSet<&RepoName> = self.data.matches.iter().map(repo_of).collect();
        names.into_iter().map(Repository::named).collect()
    }

    async fn cloning(&self) -> Vec<Repository> {
        self.data.cloning.iter().map(Repository::named).collect()
    }

    async fn missing(&self) -> Vec<Repository> {
        Vec::new()
    }

    async fn timedout(&self) -> Vec<Repository> {
        let timed_out =
            self.data.stats.skipped.iter().any(|skipped| skipped.reason == SkippedReason::Timeout);
        // Which of them were not searched is not known; those with results were searched in part.
        let names: BTreeSet<&RepoName> =
            self.data.matches.iter().filter(|_| timed_out).map(repo_of).collect();
        names.into_iter().map(Repository::named).collect()
    }

    async fn index_unavailable(&self) -> bool {
        false
    }

    async fn elapsed_milliseconds(&self) -> i32 {
        number(u64::try_from(self.data.stats.duration.as_millis()).unwrap_or(u64::MAX))
    }

    async fn alert(&self) -> Option<SearchAlert> {
        let alert = self.data.alert.as_ref()?;
        let proposed = alert.proposed_queries.iter().map(|proposed| ProposedQuery {
            description: Some(proposed.description.clone()),
            query: proposed.query.clone(),
        });
        Some(SearchAlert {
            title: alert.title.clone(),
            description: Some(alert.description.clone()),
            proposed_queries: Some(proposed.collect()),
        })
    }

    async fn dynamic_filters(&self) -> Vec<SearchFilter> {
        let limit_hit = !self.data.stats.complete;
        let of = |kind: &'static str, facets: &[Facet]| -> Vec<SearchFilter> {
            let shape = |facet: &Facet| SearchFilter {
                value: facet.filter.clone(),
                label: facet.value.clone(),
                count: number(facet.n_files),
                limit_hit,
                kind: kind.to_owned(),
            };
            facets.iter().map(shape).collect()
        };
        let mut all = of("repo", &self.data.facets.repos);
        all.extend(of("lang", &self.data.facets.languages));
        all.extend(of("file", &self.data.facets.paths));
        all
    }
}

fn repo_of(found: &Match) -> &RepoName {
    match found {
        Match::Content(found) => &found.repo,
        Match::Path(found) => &found.repo,
        Match::Repo(found) => &found.repo,
        Match::Symbol(found) => &found.repo,
        Match::Commit(found) => &found.repo,
        Match::Diff(found) => &found.of.repo,
        Match::Directory(found) => &found.repo,
        Match::Owner(found) => &found.repo,
    }
}

/// A result, if this interface has one of its kind.
fn result(found: &Match) -> Option<SearchResult> {
    let file = |repo: &RepoName, refs: &[RefName], commit, path: &[u8]| FileMatch {
        repo: repo.clone(),
        file: GitBlob::found(repo, refs, commit, path),
        content: None,
        symbols: Vec::new(),
    };
    Some(match found {
        Match::Content(found) => SearchResult::FileMatch(FileMatch {
            content: Some(found.clone()),
            ..file(&found.repo, &found.refs, found.commit, &found.path)
        }),
        Match::Path(found) => {
            SearchResult::FileMatch(file(&found.repo, &found.refs, found.commit, &found.path))
        }
        Match::Directory(found) => {
            SearchResult::FileMatch(file(&found.repo, &found.refs, found.commit, &found.path))
        }
        Match::Symbol(found) => SearchResult::FileMatch(FileMatch {
            symbols: vec![found.clone()],
            ..file(&found.repo, &found.refs, found.commit, &found.path)
        }),
        Match::Repo(found) => SearchResult::Repository(Repository::named(&found.repo)),
        Match::Commit(found) => SearchResult::CommitSearchResult(CommitSearchResult::of_commit(found)),
        Match::Diff(found) => SearchResult::CommitSearchResult(CommitSearchResult::of_diff(found)),
        // Such a query is refused before it runs.
        Match::Owner(_) => return None,
    })
}

#[Object(serial)]
impl FileMatch {
    async fn repository(&self) -> Repository {
        Repository::named(&self.repo)
    }

    async fn file(&self) -> GitBlob {
        self.file.clone()
    }

    async fn resource(&self, context: &Context<'_>) -> Result<String> {
        self.file.page(context)
    }

    async fn limit_hit(&self) -> bool {
        self.content.as_ref().is_some_and(|found| found.n_lines > found.lines.len() as u64)
    }

    async fn line_matches(&self) -> Vec<LineMatch> {
        let Some(found) = &self.content else { return Vec::new() };
        let limit_hit = found.n_lines > found.lines.len() as u64;
        let shape = |line: compat::sourcegraph::LineShape| LineMatch {
            preview: line.line,
            line_number: number(line.line_number as u64),
            offset_and_lengths: line
                .offset_and_lengths
                .iter()
                .map(|[offset, len]| vec![number(*offset as u64), number(*len as u64)])
                .collect(),
            limit_hit,
        };
        line_matches(found).into_iter().map(shape).collect()
    }

    async fn symbols(&self) -> Vec<Symbol> {
        let symbol = |found: &SymbolMatch| Symbol { file: self.file.clone(), found: found.clone() };
        self.symbols.iter().map(symbol).collect()
    }
}

#[Object(serial)]
impl Symbol {
    async fn name(&self) -> &str {
        &self.found.name
    }

    async fn container_name(&self) -> Option<&str> {
        Some(self.found.container.as_str()).filter(|name| !name.is_empty())
    }

    async fn kind(&self) -> String {
        compat::sourcegraph::symbol_kind(self.found.symbol_kind)
    }

    async fn language(&self) -> String {
        compat::language_name(self.found.language).to_owned()
    }

    async fn url(&self, context: &Context<'_>) -> Result<String> {
        Ok(backend(context)?.links().file(
            &self.found.repo,
            &self.found.refs,
            self.found.commit,
            &self.found.path,
        ) + &format!("#L{}", self.found.line))
    }

    async fn location(&self, context: &Context<'_>) -> Result<Location> {
        let line = number(self.found.line.saturating_sub(1));
        let at = |range: &ByteRange| {
            let before = self.found.text.get(..range.start).map_or(0, |text| text.chars().count() as u64);
            let len = self.found.text.get(range.clone()).map_or(0, |text| text.chars().count() as u64);
            (number(before), number(before + len))
        };
        let (start, end) = at(&self.found.name_range);
        Ok(Location {
            resource: self.file.clone(),
            range: Some(Range {
                start: Position { line, character: start },
                end: Position { line, character: end },
            }),
            url: self.file.page(context)?,
        })
    }
}
