//! What is known of a repository.

use crate::database::Row;
use crate::{About, Fault};
use access::Timestamp;
use model::{ObjectId, RefName, RepoId, RepoName};
use std::fmt;
use std::path::PathBuf;

/// Where a repository's objects come from. Two repositories never have the same source.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// A directory on this machine, absolute, read in place and never written to.
    Local(PathBuf),
    /// A URL, mirrored. It should hold no credential; what prints it hides user information all the same.
    Remote(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Local(path) => write!(formatter, "{}", path.display()),
            Source::Remote(url) => formatter.write_str(&without_user_information(url)),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Local(path) => write!(formatter, "Local({path:?})"),
            Source::Remote(url) => write!(formatter, "Remote({:?})", without_user_information(url)),
        }
    }
}

/// Cuts `user:password@` (and a lone `user@`) out of a URL's authority.
fn without_user_information(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// What its host says of who may see a repository; it decides the `visibility:` filter and nobody's rights here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Anybody.
    Public,
    /// Those whom its host lets.
    Private,
}

/// How far a repository has come on its way to being searchable. An error does not take the old index away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RepoStatus {
    /// Nothing has been done yet.
    Pending,
    /// Its first copy is on its way.
    Cloning,
    /// It is being indexed.
    Indexing,
    /// Its index is up to date as far as is known.
    Ready,
    /// The last attempt failed; [`Repository::error`] says why.
    Error,
}

impl RepoStatus {
    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            RepoStatus::Pending => "pending",
            RepoStatus::Cloning => "cloning",
            RepoStatus::Indexing => "indexing",
            RepoStatus::Ready => "ready",
            RepoStatus::Error => "error",
        }
    }
}

/// How much of the current step is done, in a unit of the step's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// To do in all; 0 while unknown.
    pub total: u64,
}

/// A repository's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its number: never reused, never shown.
    pub id: RepoId,
    /// Its name, unique.
    pub name: RepoName,
    /// Where its objects come from.
    pub source: Source,
    /// What its host says of who may see it.
    pub visibility: Visibility,
    /// Whether every signed-in account may read it.
    pub unrestricted: bool,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether its owner set it to rest.
    pub archived: bool,
    /// How far it has come.
    pub status: RepoStatus,
    /// How much of the current step is done, as last told.
    pub progress: Option<Progress>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// The branch its HEAD names, as of the last index.
    pub default_branch: Option<RefName>,
    /// The commit of the default branch, as of the last index.
    pub indexed_commit: Option<ObjectId>,
    /// When the last index was published.
    pub indexed_at: Option<Timestamp>,
    /// When it was added.
    pub added_at: Timestamp,
    /// What is said of it.
    pub about: About,
}

/// A statement that reads whole rows of repositories.
macro_rules! select_repositories {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, source_kind, source, visibility, unrestricted, fork, archived, status, progress_done, \
             progress_total, error, default_branch, indexed_commit, indexed_at, added_at, description, \
             source_description, topics, metadata FROM repositories ",
            $rest
        )
    };
}
pub(crate) use select_repositories;

impl Source {
    /// The columns `source_kind` and `source`; `None` where the path is not text or not absolute.
    pub(crate) fn to_columns(&self) -> Option<(&'static str, &str)> {
        match self {
            Source::Local(path) if !path.is_absolute() => None,
            Source::Local(path) => path.to_str().map(|path| ("local", path)),
            Source::Remote(url) => Some(("remote", url)),
        }
    }

    fn from_columns(kind: &str, text: String) -> Option<Source> {
        match kind {
            "local" => Some(Source::Local(PathBuf::from(text))),
            "remote" => Some(Source::Remote(text)),
            _ => None,
        }
    }
}

impl Visibility {
    pub(crate) fn as_stored(self) -> &'static str {
        match self {
            Visibility::Public => "public",
            Visibility::Private => "private",
        }
    }

    fn from_stored(word: &str) -> Option<Self> {
        [Visibility::Public, Visibility::Private]
            .into_iter()
            .find(|visibility| visibility.as_stored() == word)
    }
}

impl RepoStatus {
    fn from_stored(word: &str) -> Option<Self> {
        use RepoStatus::{Cloning, Error, Indexing, Pending, Ready};
        [Pending, Cloning, Indexing, Ready, Error].into_iter().find(|status| status.as_str() == word)
    }
}

impl Repository {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Fault> {
        let impossible = |column| Fault::ImpossibleValue { column };
        let commit = row.maybe_bytes("indexed_commit")?.map(<[u8; 20]>::try_from).transpose();
        let branch = row.maybe_text("default_branch")?.map(RefName::new).transpose();
        let progress = match (row.maybe_int("progress_done")?, row.maybe_int("progress_total")?) {
            (Some(done), Some(total)) => {
                Some(Progress { done: done.max(0) as u64, total: total.max(0) as u64 })
            }
            _ => None,
        };
        let source = Source::from_columns(&row.text("source_kind")?, row.text("source")?);
        Ok(Repository {
            id: row.repo_id("id")?,
            name: RepoName::new(row.text("name")?).map_err(|_| impossible("name"))?,
            source: source.ok_or(impossible("source_kind"))?,
            visibility: Visibility::from_stored(&row.text("visibility")?).ok_or(impossible("visibility"))?,
            unrestricted: row.flag("unrestricted")?,
            fork: row.flag("fork")?,
            archived: row.flag("archived")?,
            status: RepoStatus::from_stored(&row.text("status")?).ok_or(impossible("status"))?,
            progress,
            error: row.maybe_text("error")?,
            default_branch: branch.map_err(|_| impossible("default_branch"))?,
            indexed_commit: commit.map_err(|_| impossible("indexed_commit"))?.map(ObjectId),
            indexed_at: row.maybe_time("indexed_at")?,
            added_at: row.time("added_at")?,
            about: About::from_row(row)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_hide_user_information() {
        let check = |url: &str, shown: &str| assert_eq!(Source::Remote(url.into()).to_string(), shown);
        check("https://ada:hunter2@example.org/a/b.git", "https://example.org/a/b.git");
        check("https://token@example.org:8443?x=@", "https://example.org:8443?x=@");
        check("https://example.org/a@b", "https://example.org/a@b");
        check("https://a@b@example.org/x", "https://example.org/x");
        let printed = format!("{:?}", Source::Remote("https://ada:hunter2@example.org/x".into()));
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
