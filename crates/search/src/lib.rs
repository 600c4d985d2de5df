//! The engine that answers a query: lowers the tree, chooses repositories and segments, iterates, verifies, ranks,
//! merges and streams.
//!
//! Place in the flow: the caller parses with `query`, asks `access` for the caller's [`model::AccessSet`], takes a
//! [`Snapshot`] from the [`Catalog`], and hands everything to [`Searcher::search`], which pushes [`Match`]es into a
//! [`Sink`] and returns a [`Summary`]. The `mirror` crate publishes into the catalog; searches that run keep the
//! snapshot they began with.
//!
//! Invariants: the `AccessSet` is applied before a name, a count or a posting list is looked at, and nothing that
//! leaves this crate (matches, order, scores, counts, limits, facets, errors) depends on a repository outside it. No
//! HTTP, no SQL, no asynchronous code, no wire shapes: types here are not serializable, the edge converts. Bad input is
//! a [`SearchError`], a damaged segment is a [`Skipped`] entry, and the rest of the search goes on.

mod admission;
mod aggregate;
mod batch;
mod catalog;
mod chunk;
mod collect;
mod deferred;
mod definers;
mod error;
mod explain;
mod facets;
mod fuzzy;
mod goto;
mod history;
mod kept;
mod limits;
mod line_regex;
mod lines;
mod literal;
mod matcher;
mod overview;
mod owners;
mod path_filter;
mod pattern;
mod plan;
mod predicate;
mod probe;
mod rank;
mod recency;
mod repo_run;
mod result;
mod revision_source;
mod revisions;
mod scan;
mod schedule;
mod scope;
mod searcher;
mod select;
mod shortlist;
mod sketch;
mod skipped;
mod skipped_files;
mod stepwise;
mod structural;
mod symbol;
mod text;
mod tree;
mod turnstile;
mod why;
mod window;
mod words;

pub use aggregate::{
    AggregateBy, AggregateCounts, AggregateError, AggregateGroup, AggregateLimits, Aggregation,
};
pub use catalog::{About, Catalog, PendingRepo, PendingState, RepoIndex, RepoSays, Snapshot, Visibility};
pub use error::SearchError;
pub use explain::{Explanation, GramCost, PatternPlan, SegmentUse, StageTime};
pub use fuzzy::{FuzzyScratch, Needle};
pub use goto::{Goto, GotoAsked, GotoFile, GotoFound, GotoRepo, GotoSymbol};
pub use history::{ChangePart, CommitPart, History};
pub use kept::KeptAnswers;
pub use limits::{CancelToken, Limits, Stop, Watch};
pub use overview::{Activity, Contributions, Contributor, LanguageShare, WEEKS};
pub use path_filter::PathFilter;
pub use rank::ScoreParts;
pub use result::{
    CommitMatch, ContentMatch, Damage, DamagedPart, DiffMatch, DirectoryMatch, Facet, Facets, FileChange,
    HunkMatch, LineMatch, Match, OwnerMatch, PathMatch, Person, RepoMatch, Severity, Sink, Skipped,
    SkippedReason, Stats, Summary, SymbolMatch,
};
pub use revision_source::{
    FoundRevisions, RevisionFault, RevisionRequest, RevisionSource, WantedRevision, time_left,
};
pub use searcher::{Searcher, SearcherError};
pub use skipped_files::{SkippedFile, SkippedFiles, SkippedFilesAsked};
pub use why::{Why, WhyAsked, WhyStep, WhySuggestion, WhyWhat};
