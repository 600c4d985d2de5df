//! The results of a stream.

use super::commits::{CommitText, commit_text, diff_text, escaped, subject};
use super::files::{FileText, RangeShape};
use super::request::StreamRequest;
use crate::{Links, Text, repository_number, revision_of};
use model::{ByteRange, RefName, RepoName};
use search::{CommitMatch, ContentMatch, Match, Person, SymbolMatch};
use serde::Serialize;
use std::collections::BTreeMap;

/// One result. Clients fail on any other `type`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum MatchEvent {
    /// A file whose content matches.
    Content(ContentShape),
    /// A file or folder whose path matches.
    Path(PathShape),
    /// Definitions in a file.
    Symbol(SymbolsShape),
    /// A repository.
    Repo(RepoShape),
    /// A commit, or a file's change in one.
    Commit(Box<CommitShape>),
}

/// What every result says.
#[derive(Clone, Debug, Serialize)]
struct Common {
    repository: String,
    #[serde(rename = "repositoryID")]
    repository_id: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    branches: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
}

/// A file whose content matches.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentShape {
    path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path_matches: Vec<RangeShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    #[serde(flatten)]
    common: Common,
    hunks: Option<()>,
    #[serde(flatten)]
    text: FileText,
}

/// A file or folder whose path matches.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathShape {
    path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    path_matches: Vec<RangeShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    #[serde(flatten)]
    common: Common,
}

/// Definitions in a file.
#[derive(Clone, Debug, Serialize)]
pub struct SymbolsShape {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    #[serde(flatten)]
    common: Common,
    symbols: Vec<SymbolShape>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SymbolShape {
    url: String,
    name: String,
    container_name: String,
    kind: String,
    line: u64,
}

/// A repository.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepoShape {
    #[serde(flatten)]
    common: Common,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repository_matches: Vec<RangeShape>,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fork: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    archived: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    private: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, Option<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<String>,
}

/// A commit, or a file's change in one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitShape {
    label: String,
    url: String,
    detail: String,
    #[serde(flatten)]
    common: Common,
    oid: String,
    message: String,
    author_name: String,
    author_date: String,
    committer_name: String,
    committer_date: String,
    content: String,
    ranges: Vec<[usize; 3]>,
}

/// How much of what clients count has gone by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Results of the kinds that are no occurrences in content.
    pub n_other: u64,
    /// Results sent, as `display` counts them.
    pub n_sent: usize,
    /// Whether there was more than `display` allows.
    pub hit_display: bool,
}

/// Turns what the engine found into what a stream sends.
pub struct Shaper<'a> {
    /// What was asked.
    pub request: &'a StreamRequest,
    /// The addresses of pages.
    pub links: &'a dyn Links,
    /// The text of a found file, where it can be had.
    pub text_of: &'a dyn Fn(&ContentMatch) -> Option<String>,
    /// What is said of a repository, where something is.
    pub about: &'a dyn Fn(&RepoName) -> RepoFacts,
    /// The date of a person's clock, RFC 3339.
    pub date: &'a dyn Fn(&Person) -> String,
}

/// What is said of a repository.
#[derive(Clone, Debug, Default)]
pub struct RepoFacts {
    /// A sentence.
    pub description: String,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether it is archived.
    pub archived: bool,
    /// Whether only some may see it.
    pub private: bool,
    /// Keys, with values where they have one.
    pub metadata: BTreeMap<String, Option<String>>,
    /// Topics.
    pub topics: Vec<String>,
}

impl Shaper<'_> {
    /// Shapes a batch of results, as far as `display` lets them be sent.
    pub fn shape(&self, batch: &[Match], counted: &mut Counted) -> Vec<MatchEvent> {
        let mut events: Vec<MatchEvent> = Vec::new();
        for found in batch {
            counted.n_other += u64::from(!matches!(found, Match::Content(_)));
            let left =
                self.request.display.map_or(usize::MAX, |display| display - counted.n_sent.min(display));
            if left == 0 {
                counted.hit_display = true;
                continue;
            }
            counted.n_sent += self.one(found, left, counted, &mut events);
        }
        events
    }

    /// Shapes one result; returns what it counts.
    fn one(&self, found: &Match, left: usize, counted: &mut Counted, events: &mut Vec<MatchEvent>) -> usize {
        let shape = match found {
            Match::Content(found) => {
                let mut shape = self.content(found);
                if shape.text.n_matches() > left {
                    counted.hit_display = true;
                    shape.text.truncate(left);
                }
                let n_matches = shape.text.n_matches();
                events.push(MatchEvent::Content(shape));
                return n_matches;
            }
            Match::Path(found) => MatchEvent::Path(PathShape {
                path: lossy(&found.path),
                path_matches: path_ranges(&found.path, &found.ranges),
                language: syntax::language_name(found.language),
                common: Common::of(&found.repo, &found.refs, found.commit),
            }),
            Match::Directory(found) => MatchEvent::Path(PathShape {
                path: format!("{}/", lossy(&found.path)),
                path_matches: Vec::new(),
                language: None,
                common: Common::of(&found.repo, &found.refs, found.commit),
            }),
            Match::Repo(found) => MatchEvent::Repo(self.repo(&found.repo, &found.ranges)),
            Match::Symbol(found) => {
                self.symbol(found, events);
                return 1;
            }
            Match::Commit(found) => self.commit(found, commit_text(found)),
            Match::Diff(found) => self.commit(&found.of, diff_text(found)),
            // Clients fail on results of another type; such a query is refused before it runs.
            Match::Owner(_) => return 0,
        };
        events.push(shape);
        1
    }

    fn content(&self, found: &ContentMatch) -> ContentShape {
        let text = if self.request.wants_chunks {
            let text = match (self.text_of)(found) {
                Some(text) => Text::new(text),
                None => Text::of_lines(&found.lines),
            };
            FileText::chunks(found, &text, self.request.context_lines, self.request.line_bytes_max)
        } else {
            FileText::lines(found)
        };
        let path = lossy(&found.path);
        ContentShape {
            path_matches: path_ranges(&found.path, &found.path_ranges),
            path,
            language: syntax::language_name(found.language),
            common: Common::of(&found.repo, &found.refs, found.commit),
            hunks: None,
            text,
        }
    }

    /// Definitions of one file that follow each other are one result.
    fn symbol(&self, found: &SymbolMatch, events: &mut Vec<MatchEvent>) {
        let page = self.links.file(&found.repo, &found.refs, found.commit, &found.path);
        let (column, len) = code_points_of_name(found);
        let separator = if page.contains('?') { '&' } else { '?' };
        let (line, start, end) = (found.line, column + 1, column + len + 1);
        let symbol = SymbolShape {
            url: format!("{page}{separator}L{line}:{start}-{line}:{end}"),
            name: found.name.clone(),
            container_name: found.container.clone(),
            kind: symbol_kind(found.symbol_kind),
            line,
        };
        let (path, common) = (lossy(&found.path), Common::of(&found.repo, &found.refs, found.commit));
        match events.last_mut() {
            Some(MatchEvent::Symbol(of)) if of.path == path && of.common.is_same(&common) => {
                of.symbols.push(symbol);
            }
            _ => {
                let language = syntax::language_name(found.language);
                events.push(MatchEvent::Symbol(SymbolsShape {
                    path,
                    language,
                    common,
                    symbols: vec![symbol],
                }));
            }
        }
    }

    fn repo(&self, name: &RepoName, found: &[ByteRange]) -> RepoShape {
        let facts = (self.about)(name);
        RepoShape {
            common: Common::repo(name),
            repository_matches: ranges(name.as_str(), found),
            description: facts.description,
            fork: facts.fork,
            archived: facts.archived,
            private: facts.private,
            metadata: facts.metadata,
            topics: facts.topics,
        }
    }

    fn commit(&self, found: &CommitMatch, text: CommitText) -> MatchEvent {
        let url = self.links.commit(&found.repo, found.commit);
        let (content, ranges) = text.fenced();
        let (oid, repo) = (found.commit.to_string(), escaped(found.repo.as_str()));
        let (author, subject) = (escaped(&found.author.name), escaped(subject(&found.message)));
        let date = (self.date)(&found.author);
        MatchEvent::Commit(Box::new(CommitShape {
            label: format!(
                "[{repo}]({}) › [{author}]({url}): [{subject}]({url})",
                self.links.repo(&found.repo)
            ),
            detail: format!("[`{}` {date}]({url})", &oid[..7]),
            url,
            common: Common::repo(&found.repo),
            oid,
            message: found.message.clone(),
            author_name: found.author.name.clone(),
            author_date: date,
            committer_name: found.committer.name.clone(),
            committer_date: (self.date)(&found.committer),
            content,
            ranges,
        }))
    }
}

impl Common {
    fn of(repo: &RepoName, refs: &[RefName], commit: model::ObjectId) -> Self {
        Common {
            branches: revision_of(refs, commit).into_iter().collect(),
            commit: Some(commit.to_string()),
            ..Common::repo(repo)
        }
    }

    fn repo(repo: &RepoName) -> Self {
        Common {
            repository: repo.to_string(),
            repository_id: repository_number(repo),
            branches: Vec::new(),
            commit: None,
        }
    }

    fn is_same(&self, other: &Common) -> bool {
        (&self.repository, &self.commit) == (&other.repository, &other.commit)
    }
}

/// The name within its line, in code points.
fn code_points_of_name(found: &SymbolMatch) -> (usize, usize) {
    crate::text::code_points(&found.text, &found.name_range)
}

/// The kind of a definition as the Language Server Protocol calls it; `UNKNOWN` for those it does not have.
pub fn symbol_kind(kind: model::SymbolKind) -> String {
    use model::SymbolKind as Kind;
    match kind {
        Kind::Macro => "FUNCTION".into(),
        Kind::Trait => "INTERFACE".into(),
        Kind::Union => "STRUCT".into(),
        Kind::Type => "CLASS".into(),
        Kind::Section => "UNKNOWN".into(),
        kind => kind.as_str().replace('-', "").to_ascii_uppercase(),
    }
}

fn ranges(text: &str, found: &[ByteRange]) -> Vec<RangeShape> {
    found.iter().map(|range| RangeShape::in_line(text, range)).collect()
}

/// Places in a path; none where it is not text, because what is sent is another one then.
fn path_ranges(path: &[u8], found: &[ByteRange]) -> Vec<RangeShape> {
    std::str::from_utf8(path).map_or_else(|_| Vec::new(), |path| ranges(path, found))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
