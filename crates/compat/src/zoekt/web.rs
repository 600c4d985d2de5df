//! `GET /search?format=json`: what zoekt's page shows, as JSON with plain text.

use super::StatsShape;
use super::list::{BranchShape, RepoStats};
use crate::Text;
use model::ByteRange;
use serde::Serialize;
use url::form_urlencoded;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebRequest {
    /// The query, never empty.
    pub query: String,
    /// How many files are shown.
    pub num: usize,
    /// How many lines around a match are shown.
    pub context_lines: usize,
}

/// The answer: results, or repositories.
#[derive(Clone, Debug, Serialize)]
pub struct WebAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repos: Option<ReposShape>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LastShape {
    query: String,
    num: usize,
    ctx: usize,
    auto_focus: bool,
    debug: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultShape {
    last: LastShape,
    query_str: String,
    query: String,
    stats: StatsShape,
    /// Nanoseconds.
    duration: u64,
    file_matches: Vec<WebMatch>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReposShape {
    last: LastShape,
    stats: RepoStats,
    repos: Vec<WebRepo>,
}

/// A repository.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WebRepo {
    /// Its name.
    pub name: String,
    /// Its page.
    #[serde(rename = "URL")]
    pub url: String,
    /// RFC 3339.
    pub index_time: String,
    /// Its branches.
    pub branches: Vec<WebBranch>,
    /// How many documents.
    pub files: u64,
    /// Bytes of text.
    pub size: u64,
    /// What zoekt needs of memory for it; nothing here.
    pub memory_size: u64,
    /// Its numbers.
    #[serde(skip)]
    pub stats: RepoStats,
}

/// A branch, with its page.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WebBranch {
    name: String,
    version: String,
    #[serde(rename = "URL")]
    url: String,
}

/// A found file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct WebMatch {
    file_name: String,
    repo: String,
    #[serde(rename = "ResultID")]
    result_id: String,
    language: String,
    #[serde(rename = "DuplicateID")]
    duplicate_id: String,
    branches: Vec<String>,
    matches: Vec<LineShape>,
    #[serde(rename = "URL")]
    url: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct LineShape {
    #[serde(rename = "URL")]
    url: String,
    file_name: String,
    line_num: usize,
    fragments: Vec<FragmentShape>,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    after: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct FragmentShape {
    pre: String,
    r#match: String,
    post: String,
}

/// How many files are shown where nothing is said, and at most.
const NUM: (usize, usize) = (50, 10_000);
/// Most lines of context.
const CONTEXT_LINES_MAX: usize = 10;

impl WebRequest {
    /// Reads a query string; `Err` tells what is wrong.
    pub fn parse(query_string: &str) -> Result<Self, String> {
        let get = |name: &str| {
            let mut pairs = form_urlencoded::parse(query_string.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let number = |name: &str| match get(name).filter(|value| !value.is_empty()) {
            Some(text) => match text.parse::<usize>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("{name} must be a number")),
            },
            None => Ok(None),
        };
        let query = get("q").filter(|query| !query.is_empty()).ok_or("no query found")?;
        let num = number("num")?.unwrap_or(NUM.0).clamp(1, NUM.1);
        let context_lines = number("ctx")?.unwrap_or(0);
        if context_lines > CONTEXT_LINES_MAX {
            return Err(format!("number of context lines must be at most {CONTEXT_LINES_MAX}"));
        }
        Ok(WebRequest { query, num, context_lines })
    }
}

impl WebAnswer {
    /// Found files.
    pub fn results(
        request: &WebRequest,
        stats: StatsShape,
        duration_ns: u64,
        file_matches: Vec<WebMatch>,
    ) -> Self {
        let result = ResultShape {
            last: LastShape::of(request),
            query_str: request.query.clone(),
            query: request.query.clone(),
            stats,
            duration: duration_ns,
            file_matches,
        };
        WebAnswer { result: Some(result), repos: None }
    }

    /// Repositories.
    pub fn repos(request: &WebRequest, repos: Vec<WebRepo>) -> Self {
        let mut stats = RepoStats::default();
        repos.iter().for_each(|repo| stats.add(&repo.stats));
        let repos = ReposShape { last: LastShape::of(request), stats, repos };
        WebAnswer { result: None, repos: Some(repos) }
    }
}

impl LastShape {
    fn of(request: &WebRequest) -> Self {
        LastShape {
            query: request.query.clone(),
            num: request.num,
            ctx: request.context_lines,
            auto_focus: true,
            debug: false,
        }
    }
}

impl WebRepo {
    /// The page's shape of an entry of the list.
    pub fn of(entry: super::RepoEntry) -> Self {
        let branch = |branch: BranchShape| WebBranch {
            url: format!("{}@{}", entry.url, branch.name),
            name: branch.name,
            version: branch.version,
        };
        WebRepo {
            name: entry.name.to_string(),
            branches: entry.branches.into_iter().map(branch).collect(),
            url: entry.url,
            index_time: entry.index_time,
            files: entry.stats.documents,
            size: entry.stats.content_bytes,
            memory_size: 0,
            stats: entry.stats,
        }
    }
}

impl WebMatch {
    /// A file with matches in it. `url` is its page.
    pub fn content(request: &WebRequest, found: &search::ContentMatch, text: &Text, url: String) -> Self {
        let hits = text.hits(&found.lines);
        let chunks = text.chunks(&hits, 0);
        let lines = chunks.iter().flat_map(|chunk| {
            chunk.lines.clone().filter_map(|line| LineShape::of(request, line, &chunk.hits, text, &url))
        });
        let matches = lines.collect();
        WebMatch { matches, ..WebMatch::base(&found.repo, &found.path, &found.refs, found.language, url) }
    }

    /// A file that is found by its name.
    pub fn path(found: &search::PathMatch, url: String) -> Self {
        let path = String::from_utf8_lossy(&found.path).into_owned();
        let ranges = if path.as_bytes() == found.path { found.ranges.as_slice() } else { &[] };
        let line = LineShape {
            url: url.clone(),
            file_name: path.clone(),
            line_num: 0,
            fragments: fragments(&path, ranges),
            before: String::new(),
            after: String::new(),
        };
        WebMatch {
            matches: vec![line],
            ..WebMatch::base(&found.repo, &found.path, &found.refs, found.language, url)
        }
    }

    fn base(
        repo: &model::RepoName,
        path: &[u8],
        refs: &[model::RefName],
        language: model::Language,
        url: String,
    ) -> Self {
        let file_name = String::from_utf8_lossy(path).into_owned();
        WebMatch {
            result_id: format!("{repo}:{file_name}"),
            repo: repo.to_string(),
            file_name,
            language: syntax::language_name(language).unwrap_or("").to_owned(),
            duplicate_id: String::new(),
            branches: super::files::branches(refs),
            matches: Vec::new(),
            url,
        }
    }
}

impl LineShape {
    fn of(request: &WebRequest, line: usize, hits: &[ByteRange], text: &Text, url: &str) -> Option<Self> {
        let body = text.without_last_newline(&(line..line + 1));
        let within = hits.iter().filter(|hit| hit.start < body.end && hit.end > body.start);
        let ranges: Vec<ByteRange> = within
            .map(|hit| hit.start.max(body.start) - body.start..hit.end.min(body.end) - body.start)
            .collect();
        if ranges.is_empty() {
            return None;
        }
        let n_around = request.context_lines;
        let after = line + 1..(line + 1 + n_around).min(text.n_lines()).max(line + 1);
        let part =
            |lines: std::ops::Range<usize>| text.as_str()[text.without_last_newline(&lines)].to_owned();
        Some(LineShape {
            url: format!("{url}#L{}", line + 1),
            file_name: String::new(),
            line_num: line + 1,
            fragments: fragments(&text.as_str()[body], &ranges),
            before: part(line.saturating_sub(n_around)..line),
            after: part(after),
        })
    }
}

/// A line cut at its matches: what is before each, the match, and, behind the last, the rest.
fn fragments(line: &str, ranges: &[ByteRange]) -> Vec<FragmentShape> {
    let mut done = 0;
    let mut out: Vec<FragmentShape> = Vec::new();
    for range in ranges {
        let (Some(pre), Some(found)) = (line.get(done..range.start), line.get(range.clone())) else {
            continue;
        };
        out.push(FragmentShape { pre: pre.to_owned(), r#match: found.to_owned(), post: String::new() });
        done = range.end;
    }
    let rest = line.get(done..).unwrap_or_default().to_owned();
    match out.last_mut() {
        Some(last) => last.post = rest,
        None => out.push(FragmentShape { pre: rest, r#match: String::new(), post: String::new() }),
    }
    out
}
