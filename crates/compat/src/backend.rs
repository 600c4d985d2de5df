//! The server, as one caller may see it.

use crate::Links;
use crate::sourcegraph::Alert;
use model::{ObjectId, RefName, RepoName};
use query::PatternType;
use search::{Facets, Match, Person, Stats};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

/// An answer on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BackendError>> + Send + 'a>>;

/// Why the server has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// What was asked cannot be answered; the caller is told why.
    #[error("{message}")]
    Refused {
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// Something went wrong inside; the log says what.
    #[error("something went wrong here; it is in the server's log")]
    Internal,
}

/// Everything the schema asks. Implementations answer for one caller: what that caller may not see is not there.
pub trait Backend: Send + Sync + 'static {
    /// Who is asking.
    fn user(&self) -> UserData;
    /// The addresses of pages.
    fn links(&self) -> &dyn Links;
    /// A moment of somebody's clock, RFC 3339.
    fn date(&self, person: &Person) -> String;
    /// Repositories, in order.
    fn repositories(&self, question: RepositoryQuestion) -> Answer<'_, RepositoryPage>;
    /// A repository; none where there is none for this caller.
    fn repository(&self, name: RepoName) -> Answer<'_, Option<RepositoryData>>;
    /// The commit that a revision means.
    fn commit(&self, repo: RepoName, rev: String) -> Answer<'_, Option<CommitData>>;
    /// What stands at a path.
    fn file(&self, repo: RepoName, commit: ObjectId, path: Vec<u8>) -> Answer<'_, Option<FileData>>;
    /// What a folder holds.
    fn folder(&self, repo: RepoName, commit: ObjectId, path: Vec<u8>) -> Answer<'_, Vec<EntryData>>;
    /// A search, run to its end.
    fn search(&self, question: SearchQuestion) -> Answer<'_, SearchData>;
}

/// An account.
#[derive(Clone, Debug)]
pub struct UserData {
    /// Its name.
    pub name: String,
    /// Whether it administers the server.
    pub is_administrator: bool,
}

/// A repository.
#[derive(Clone, Debug)]
pub struct RepositoryData {
    /// Its name.
    pub name: RepoName,
    /// A sentence; empty where nobody wrote one.
    pub description: String,
    /// RFC 3339: when it was added here.
    pub created_at: String,
    /// RFC 3339: when it was last indexed.
    pub updated_at: Option<String>,
    /// Where it comes from.
    pub external: External,
    /// Its default branch.
    pub default_branch: Option<RefName>,
    /// Whether it is a fork.
    pub is_fork: bool,
    /// Whether it is archived.
    pub is_archived: bool,
    /// Whether only some may see it.
    pub is_private: bool,
    /// Whether it can be searched.
    pub is_indexed: bool,
    /// Whether its objects are here.
    pub is_cloned: bool,
    /// Keys, with values where they have one.
    pub metadata: BTreeMap<String, Option<String>>,
    /// Topics.
    pub topics: Vec<String>,
}

/// Where a repository comes from.
#[derive(Clone, Debug)]
pub struct External {
    /// `github`, `gitlab`, `other`.
    pub service_type: &'static str,
    /// The code host's address; empty for a folder of the server.
    pub service_id: String,
    /// The repository's page there, where it has one.
    pub url: Option<String>,
}

/// What is asked of the list of repositories.
#[derive(Clone, Debug)]
pub struct RepositoryQuestion {
    /// How many.
    pub first: usize,
    /// After which one: its opaque id.
    pub after: Option<String>,
    /// Only those whose name holds this text.
    pub query: Option<String>,
    /// Only these.
    pub names: Option<Vec<String>>,
    /// Whether those that are cloned are wanted, and those that are not.
    pub cloned: (bool, bool),
    /// Whether those that are indexed are wanted, and those that are not.
    pub indexed: (bool, bool),
    /// In which order.
    pub order: RepositoryOrder,
    /// Whether the order is turned round.
    pub is_descending: bool,
}

/// An order of repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryOrder {
    /// By name.
    Name,
    /// By when they were added.
    Created,
}

/// Some of the repositories.
#[derive(Clone, Debug)]
pub struct RepositoryPage {
    /// They.
    pub repositories: Vec<RepositoryData>,
    /// How many there are in all.
    pub n_total: usize,
    /// Whether more follow.
    pub has_more: bool,
}

/// A commit.
#[derive(Clone, Debug)]
pub struct CommitData {
    /// Its id.
    pub id: ObjectId,
    /// Its message.
    pub message: String,
    /// Who wrote it.
    pub author: Person,
    /// Who recorded it.
    pub committer: Person,
    /// Its parents.
    pub parents: Vec<ObjectId>,
}

/// A file or folder.
#[derive(Clone, Debug)]
pub struct FileData {
    /// Whether it is a folder.
    pub is_directory: bool,
    /// How large it is.
    pub size_bytes: u64,
    /// Its text, where it is text and not too large.
    pub text: Option<String>,
}

/// An entry of a folder.
#[derive(Clone, Debug)]
pub struct EntryData {
    /// Its name.
    pub name: String,
    /// `file`, `executable`, `symlink`, `tree` or `submodule`.
    pub kind: &'static str,
    /// Whether it is a folder.
    pub is_directory: bool,
}

/// What is searched for.
#[derive(Clone, Debug)]
pub struct SearchQuestion {
    /// The query.
    pub query: String,
    /// How bare terms are read where the query does not say.
    pub pattern_type: PatternType,
    /// How many results are shown where the query has no `count:`.
    pub display: usize,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct SearchData {
    /// The results.
    pub matches: Vec<Match>,
    /// The counts.
    pub stats: Stats,
    /// Ways to narrow it.
    pub facets: Facets,
    /// Whether the query was not run; the alert says why.
    pub is_refused: bool,
    /// Something about the query as a whole.
    pub alert: Option<Alert>,
    /// Repositories that could not be searched because they are not here yet.
    pub cloning: Vec<RepoName>,
}

impl SearchData {
    /// How many results there are, counted so far: occurrences in content, and results of other kinds.
    pub fn n_results(&self) -> u64 {
        let others = self.matches.iter().filter(|found| !matches!(found, Match::Content(_)));
        self.stats.matches + others.count() as u64
    }
}
