//! Why a file is, or is not, in an answer: step by step, from the repository to the last word of the query.
//!
//! The conditions of a query are not judged by a second engine: each is asked of the engine itself, over this one file. What
//! is said is therefore what a search does.

mod conditions;
mod looking;
mod page;

use crate::limits::Watch;
use crate::{CancelToken, Limits, SearchError, Searcher, Snapshot};
use model::{AccessSet, RepoName};
use query::{Query, Rev, RevKind};
use std::time::{Duration, Instant};

/// How many conditions of a query are asked one by one.
const CONDITIONS_MAX: usize = 100;
/// How long all of it may take.
const TIME_MAX: Duration = Duration::from_secs(15);
/// How many paths, names or revisions are suggested.
const N_SUGGESTED: usize = 5;
/// How many branches and tags of one commit are named.
const N_REFS_NAMED: usize = 3;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct WhyAsked<'a> {
    /// The repository.
    pub repo: &'a RepoName,
    /// The path, raw bytes.
    pub path: &'a [u8],
    /// The revision; none means the default branch.
    pub rev: Option<&'a str>,
    /// The query that does not find it, if there is one.
    pub query: Option<&'a Query>,
}

/// The answer, in the order in which things were looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The steps; those after one that says no were looked at only where that makes sense.
    pub steps: Vec<WhyStep>,
    /// Whether the file is in the index (and, where a query is given, whether the query finds and shows it).
    pub is_found: bool,
    /// Whether the repository is indexed and the revision or the path is not in the index: git may know more.
    pub is_missing: bool,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyStep {
    /// What was looked at.
    pub what: WhyWhat,
    /// Whether it holds; none where it is only told.
    pub holds: Option<bool>,
    /// How deep in the query's tree.
    pub depth: u8,
    /// The answer, in a sentence.
    pub text: String,
    /// What might have been meant.
    pub suggestions: Vec<WhySuggestion>,
}

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhyWhat {
    /// Whether there is such a repository, for the caller.
    Repository,
    /// Whether it can be searched, and how fresh its index is.
    Index,
    /// Whether it has the revision.
    Revision,
    /// Whether the path is there.
    Path,
    /// Whether the content can be searched.
    Content,
    /// What the query says about which files are looked at at all.
    Setting,
    /// A condition of the query.
    Condition,
    /// Whether it is on the page.
    Page,
}

impl WhyWhat {
    /// The word that stands in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            WhyWhat::Repository => "repository",
            WhyWhat::Index => "index",
            WhyWhat::Revision => "revision",
            WhyWhat::Path => "path",
            WhyWhat::Content => "content",
            WhyWhat::Setting => "setting",
            WhyWhat::Condition => "condition",
            WhyWhat::Page => "page",
        }
    }
}

/// What might have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhySuggestion {
    /// Another repository.
    Repo(RepoName),
    /// Another revision.
    Rev(String),
    /// Another path.
    Path(Vec<u8>),
    /// Another query.
    Query(String),
}

impl Searcher {
    /// Tells why a file is, or is not, found. Bounded in time; blocks.
    ///
    /// SECURITY: a repository that the caller may not read is answered like one that does not exist, and suggestions come
    /// from what the caller may read.
    pub fn why_not(
        &self,
        snapshot: &Snapshot,
        access: &AccessSet,
        asked: WhyAsked<'_>,
        limits: &Limits,
        cancel: &CancelToken,
    ) -> Result<Why, SearchError> {
        if let Some(query) = asked.query {
            Searcher::check(query, limits)?;
        }
        let watch = Watch::new(cancel.clone(), Instant::now().checked_add(TIME_MAX));
        let mut asking = Asking {
            searcher: self,
            snapshot,
            access,
            asked,
            limits,
            cancel,
            watch,
            steps: Vec::new(),
            n_conditions: 0,
        };
        let (is_found, is_missing) = asking.answer()?;
        Ok(Why { steps: asking.steps, is_found, is_missing })
    }
}

struct Asking<'a> {
    searcher: &'a Searcher,
    snapshot: &'a Snapshot,
    access: &'a AccessSet,
    asked: WhyAsked<'a>,
    limits: &'a Limits,
    cancel: &'a CancelToken,
    watch: Watch,
    steps: Vec<WhyStep>,
    n_conditions: usize,
}

impl Asking<'_> {
    /// Whether it is found, and whether git may know more.
    fn answer(&mut self) -> Result<(bool, bool), SearchError> {
        let Some(repo) = self.snapshot.repo(self.access, self.asked.repo.as_str()) else {
            self.no_repo();
            return Ok((false, false));
        };
        self.say(WhyWhat::Repository, Some(true), "The repository is here, and you may read it.".into());
        let looked = self.look(&repo);
        let is_there = match looked {
            Ok(is_there) => is_there,
            Err(error) => {
                let text =
                    format!("The index cannot be read ({error}); it is rebuilt when a search meets this.");
                self.say(WhyWhat::Index, Some(false), text);
                return Ok((false, false));
            }
        };
        let Some(query) = self.asked.query else { return Ok((is_there, !is_there)) };
        if !is_there && self.asked.rev.is_none() {
            return Ok((false, true));
        }
        Ok((self.query(&repo, query)?, !is_there))
    }

    fn say(&mut self, what: WhyWhat, holds: Option<bool>, text: String) {
        self.steps.push(WhyStep { what, holds, depth: 0, text, suggestions: Vec::new() });
    }
}

fn named(rev: &str) -> Rev {
    Rev { span: Default::default(), kind: RevKind::Name(rev.to_owned()) }
}
