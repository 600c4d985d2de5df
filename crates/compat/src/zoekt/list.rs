//! The answer of `POST /api/list`.

use crate::repository_number;
use model::RepoName;
use serde::Serialize;
use std::collections::BTreeMap;

/// `{"List": …}`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAnswer {
    list: ListShape,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListShape {
    repos: Vec<EntryShape>,
    repos_map: BTreeMap<String, MinimalShape>,
    crashes: u64,
    stats: RepoStats,
}

/// What is known of a repository.
#[derive(Clone, Debug)]
pub struct RepoEntry {
    /// Its name.
    pub name: RepoName,
    /// Its page here.
    pub url: String,
    /// Where it comes from, without credentials; empty for a folder of this machine.
    pub source: String,
    /// Its branches, the default one first.
    pub branches: Vec<BranchShape>,
    /// Whether definitions can be asked for.
    pub has_symbols: bool,
    /// RFC 3339: the newest commit.
    pub latest_commit_date: String,
    /// RFC 3339: when it was indexed.
    pub index_time: String,
    /// The same in seconds.
    pub index_time_unix: i64,
    /// Its size.
    pub stats: RepoStats,
}

/// A branch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct BranchShape {
    /// Its short name.
    pub name: String,
    /// Its commit.
    pub version: String,
}

/// Sizes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RepoStats {
    /// Repositories.
    pub repos: u64,
    /// Segments.
    pub shards: u64,
    /// Documents.
    pub documents: u64,
    /// Bytes on disk.
    pub index_bytes: u64,
    /// Bytes of text.
    pub content_bytes: u64,
    /// Lines.
    pub new_lines_count: u64,
    /// Lines on the default branch.
    pub default_branch_new_lines_count: u64,
    /// Lines elsewhere.
    pub other_branches_new_lines_count: u64,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EntryShape {
    repository: RepositoryShape,
    index_metadata: IndexShape,
    stats: RepoStats,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RepositoryShape {
    #[serde(rename = "TenantID")]
    tenant_id: u64,
    #[serde(rename = "ID")]
    id: u32,
    name: String,
    #[serde(rename = "URL")]
    url: String,
    metadata: BTreeMap<String, String>,
    source: String,
    branches: Vec<BranchShape>,
    sub_repo_map: BTreeMap<String, String>,
    #[serde(rename = "CommitURLTemplate")]
    commit_url_template: String,
    #[serde(rename = "FileURLTemplate")]
    file_url_template: String,
    line_fragment_template: String,
    raw_config: BTreeMap<String, String>,
    rank: u16,
    index_options: String,
    has_symbols: bool,
    tombstone: bool,
    latest_commit_date: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct IndexShape {
    index_format_version: u32,
    index_feature_version: u32,
    index_min_reader_version: u32,
    index_time: String,
    #[serde(rename = "PlainASCII")]
    plain_ascii: bool,
    language_map: BTreeMap<String, u16>,
    zoekt_version: String,
    #[serde(rename = "ID")]
    id: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct MinimalShape {
    has_symbols: bool,
    branches: Vec<BranchShape>,
    index_time_unix: i64,
}

impl RepoStats {
    /// Adds another repository's.
    pub fn add(&mut self, other: &RepoStats) {
        self.repos += other.repos;
        self.shards += other.shards;
        self.documents += other.documents;
        self.index_bytes += other.index_bytes;
        self.content_bytes += other.content_bytes;
        self.new_lines_count += other.new_lines_count;
        self.default_branch_new_lines_count += other.default_branch_new_lines_count;
        self.other_branches_new_lines_count += other.other_branches_new_lines_count;
    }
}

impl ListAnswer {
    /// Puts an answer together: repositories as a list, or as a map by number.
    pub fn new(entries: Vec<RepoEntry>, wants_map: bool) -> Self {
        let mut stats = RepoStats::default();
        entries.iter().for_each(|entry| stats.add(&entry.stats));
        let mut list = ListShape { repos: Vec::new(), repos_map: BTreeMap::new(), crashes: 0, stats };
        for entry in entries {
            if wants_map {
                let number = repository_number(&entry.name).to_string();
                list.repos_map.insert(number, MinimalShape::of(entry));
            } else {
                list.repos.push(EntryShape::of(entry));
            }
        }
        ListAnswer { list }
    }
}

impl MinimalShape {
    fn of(entry: RepoEntry) -> Self {
        MinimalShape {
            has_symbols: entry.has_symbols,
            branches: entry.branches,
            index_time_unix: entry.index_time_unix,
        }
    }
}

impl EntryShape {
    fn of(entry: RepoEntry) -> Self {
        let url = &entry.url;
        EntryShape {
            repository: RepositoryShape {
                tenant_id: 1,
                id: repository_number(&entry.name),
                name: entry.name.to_string(),
                metadata: BTreeMap::new(),
                source: entry.source,
                branches: entry.branches,
                sub_repo_map: BTreeMap::new(),
                commit_url_template: format!("{url}/-/commit/{{{{.Version}}}}"),
                file_url_template: format!("{url}@{{{{.Version}}}}/-/blob/{{{{.Path}}}}"),
                line_fragment_template: "#L{{.LineNumber}}".into(),
                raw_config: BTreeMap::new(),
                rank: 0,
                index_options: String::new(),
                has_symbols: entry.has_symbols,
                tombstone: false,
                latest_commit_date: entry.latest_commit_date,
                url: entry.url,
            },
            index_metadata: IndexShape {
                // Of the zoekt release whose interface this is.
                index_format_version: 16,
                index_feature_version: 12,
                index_min_reader_version: 12,
                index_time: entry.index_time,
                plain_ascii: false,
                language_map: BTreeMap::new(),
                zoekt_version: String::new(),
                id: crate::opaque_id("Repository", entry.name.as_str()),
            },
            stats: entry.stats,
        }
    }
}
