//! Why a file is, or is not, in an answer: step by step, from the repository to the last word of the query.
//!
//! The conditions of a query are not judged by a second engine: each is asked of the engine itself, over this one file. What
//! is said is therefore what a search does.

use crate::limits::{Stop, Watch};
use crate::revisions::is_called;
use crate::words::{counted, listed};
use crate::{
    CancelToken, Limits, Match, PendingState, RepoIndex, SearchError, Searcher, Sink, Snapshot, Stats,
    Summary,
};
use index::{Doc, DocIdx, DocKind, ReadError, RevIdx};
use model::{AccessSet, RepoName, SkipReason};
use ngram::GramQuery;
use query::{
    Count, Expr, Filter, FilterKind, Inclusion, Query, Regex, RepoFilter, ResultType, Rev, RevKind, Setting,
    Settings, Visibility,
};
use std::ops::ControlFlow;
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

    fn no_repo(&mut self) {
        let name = self.asked.repo.as_str();
        let pending = self.snapshot.pending(self.access).find(|repo| repo.name.as_str() == name);
        if let Some(pending) = pending {
            let says = match pending.state {
                PendingState::Cloning => {
                    "is being fetched for the first time; it is searched when that is done"
                }
                PendingState::Indexing => {
                    "is being indexed for the first time; it is searched when that is done"
                }
                PendingState::Failed => "could not be fetched or indexed; its page says why",
            };
            self.say(WhyWhat::Repository, Some(true), "The repository is here, and you may read it.".into());
            return self.say(WhyWhat::Index, Some(false), format!("It {says}."));
        }
        let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
        let names = self.snapshot.repos(self.access).map(|repo| repo.name.clone());
        let alike =
            names.filter(|known| !wanted.is_empty() && known.as_str().to_lowercase().contains(&wanted));
        let suggestions = alike.take(N_SUGGESTED).map(WhySuggestion::Repo).collect();
        self.steps.push(WhyStep {
            what: WhyWhat::Repository,
            holds: Some(false),
            depth: 0,
            text: "There is no such repository, or you may not read it.".into(),
            suggestions,
        });
    }

    /// Looks into the index. Whether the file is there.
    fn look(&mut self, repo: &RepoIndex) -> Result<bool, ReadError> {
        let table = &repo.ref_table;
        let revision = match self.asked.rev {
            None | Some("HEAD") => table.default_revision(),
            Some(rev) => {
                let mut numbered = table.revisions().iter().zip(0u32..);
                numbered.find(|(revision, _)| is_called(revision, rev)).map(|(_, idx)| RevIdx(idx))
            }
        };
        let Some(revision) = revision else {
            self.no_revision(repo);
            return Ok(false);
        };
        let of = &table.revisions()[revision.0 as usize];
        let names: Vec<&str> = of.refs.iter().map(|name| name.short()).collect();
        let commit: String = of.commit.to_string().chars().take(10).collect();
        let says = match &names[..] {
            [] => "The revision is".to_owned(),
            [only] => format!("{only} is"),
            several => format!("{} are", listed(several, N_REFS_NAMED)),
        };
        self.say(WhyWhat::Revision, Some(true), format!("{says} indexed, at commit {commit}."));
        match table.find(self.asked.path, revision)? {
            Some(doc) => {
                self.say(WhyWhat::Path, Some(true), "The path is there.".into());
                let doc = table.doc(doc)?;
                self.content(repo, &doc)?;
                Ok(true)
            }
            None => {
                self.no_path(repo, revision)?;
                Ok(false)
            }
        }
    }

    fn no_revision(&mut self, repo: &RepoIndex) {
        let (text, suggestions) = match self.asked.rev {
            None => ("The repository has no commit on its default branch.".to_owned(), Vec::new()),
            Some(rev) => {
                let wanted = rev.to_lowercase();
                let refs = repo.ref_table.revisions().iter().flat_map(|revision| &revision.refs);
                let alike = refs.filter(|name| {
                    let short = name.short().to_lowercase();
                    short.contains(&wanted) || (short.len() > 2 && wanted.contains(&short))
                });
                let alike = alike.map(|name| WhySuggestion::Rev(name.short().to_owned()));
                (
                    "No branch or tag that is indexed is called so.".to_owned(),
                    alike.take(N_SUGGESTED).collect(),
                )
            }
        };
        self.steps.push(WhyStep { what: WhyWhat::Revision, holds: Some(false), depth: 0, text, suggestions });
    }

    /// What stands near: the same path elsewhere, in other letters, the same name in other folders.
    fn no_path(&mut self, repo: &RepoIndex, revision: RevIdx) -> Result<(), ReadError> {
        let table = &repo.ref_table;
        let wanted = self.asked.path;
        let name = wanted.rsplit(|byte| *byte == b'/').next().unwrap_or(wanted);
        let (lower, mut folder_exists) = (wanted.to_ascii_lowercase(), false);
        let mut folder = wanted.to_vec();
        folder.push(b'/');
        let (mut in_other_case, mut same_name, mut other_revs) = (Vec::new(), Vec::new(), None);
        let mut fault = None;
        let mut n_looked = 0u64;
        table.for_each_candidate(&GramQuery::All, &mut |_: DocIdx, path: &[u8], doc: &Doc| {
            n_looked += 1;
            if n_looked.is_multiple_of(4096) && self.watch.stop().is_some() {
                return false;
            }
            if path == wanted {
                other_revs.get_or_insert(doc.revisions);
                return true;
            }
            let is_here = match table.set_contains(doc.revisions, revision) {
                Ok(is_here) => is_here,
                Err(error) => {
                    fault = Some(error);
                    return false;
                }
            };
            if is_here {
                folder_exists |= path.starts_with(&folder);
                if path.len() == wanted.len() && path.to_ascii_lowercase() == lower {
                    in_other_case.push(path.to_vec());
                } else if same_name.len() < N_SUGGESTED
                    && (path == name || path.ends_with(&[b"/", name].concat()))
                {
                    same_name.push(path.to_vec());
                }
            }
            true
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let mut suggestions: Vec<WhySuggestion> = Vec::new();
        let mut text = "No file stands at this path in this revision.".to_owned();
        if folder_exists {
            text = "This is a folder: searches find the files in it.".into();
        } else if !in_other_case.is_empty() {
            text = "No file stands at this path; one does in other letters.".into();
        }
        if let Some(set) = other_revs {
            let revisions = table.set_revisions(set)?;
            let refs = revisions.iter().filter_map(|idx| table.revisions().get(idx.0 as usize));
            let names = refs.flat_map(|revision| &revision.refs).map(|name| name.short().to_owned());
            suggestions.extend(names.take(N_SUGGESTED).map(WhySuggestion::Rev));
            text.push_str(" It stands there in other revisions.");
        }
        suggestions.extend(in_other_case.into_iter().chain(same_name).map(WhySuggestion::Path));
        self.steps.push(WhyStep { what: WhyWhat::Path, holds: Some(false), depth: 0, text, suggestions });
        Ok(())
    }

    fn content(&mut self, repo: &RepoIndex, doc: &Doc) -> Result<(), ReadError> {
        let Some((segment, blob)) = doc.blob else {
            let text =
                "It is a submodule: its files stand in another repository, which is searched if it is here.";
            self.say(WhyWhat::Content, Some(false), text.into());
            return Ok(());
        };
        if doc.kind == DocKind::Symlink {
            let text = "It is a symbolic link: found by its path; its text is the name of another file.";
            self.say(WhyWhat::Content, Some(false), text.into());
            return Ok(());
        }
        let Some(segment) = repo.segments.get(usize::from(segment.0)) else { return Ok(()) };
        let meta = segment.blob(blob)?;
        let (holds, text) = match meta.skip {
            Some(SkipReason::Binary) => (false, "It is not text: found by its path only.".into()),
            Some(SkipReason::TooLarge) => (
                false,
                format!(
                    "It has {}, more than is indexed of one file: found by its path only. The administrator \
                     can raise index.file_bytes_max.",
                    counted(meta.size, "byte", "bytes")
                ),
            ),
            Some(SkipReason::Unreadable) => {
                (false, "git could not produce its content: found by its path only.".into())
            }
            None => {
                let language = syntax::language_name(doc.language);
                let language = language.map_or("no known language".to_owned(), |name| name.to_owned());
                let text_len = counted(meta.text_len, "byte", "bytes");
                (true, format!("Its content is indexed: {text_len} of text, {language}."))
            }
        };
        self.say(WhyWhat::Content, Some(holds), text);
        Ok(())
    }

    /// Asks the query's conditions of this one file. Whether the query finds and shows it.
    fn query(&mut self, repo: &RepoIndex, query: &Query) -> Result<bool, SearchError> {
        if !self.settings(repo, query) {
            return Ok(false);
        }
        let mut neutral = self.neutral(query);
        let holds = self.tree(&query.expr, &neutral, 0)?;
        neutral.expr = self.restricted(query.expr.clone());
        let (by_tree, _) = self.ask(&neutral)?;
        if !by_tree || holds == Some(false) {
            return Ok(false);
        }
        // The query as it was written, over this file alone: its revisions may be others.
        let mut written = query.clone();
        written.settings.count = Setting::default_of(Count::All);
        written.expr = self.restricted(query.expr.clone());
        if !self.ask(&written)?.0 {
            let settings = &query.settings;
            let text = match self.asked.rev {
                Some(rev) if settings.revs.is_empty() => {
                    format!("The query looks at the default branch only; add rev:{rev} to look there.")
                }
                _ => "The file matches, and the query's rev:, fork:, archived: or visibility: leaves it out."
                    .into(),
            };
            let mut with_rev = query.clone();
            let mut suggestions = Vec::new();
            if let (Some(rev), true) = (self.asked.rev, settings.revs.is_empty()) {
                with_rev.settings.revs = vec![named(rev)];
                suggestions.push(WhySuggestion::Query(with_rev.to_string()));
            }
            self.steps.push(WhyStep {
                what: WhyWhat::Setting,
                holds: Some(false),
                depth: 0,
                text,
                suggestions,
            });
            return Ok(false);
        }
        self.page(query)
    }

    /// What the query says about which files are looked at at all. `false` where no file of the repository can be found.
    fn settings(&mut self, repo: &RepoIndex, query: &Query) -> bool {
        let settings = &query.settings;
        let mut may = true;
        let finds = |result_type| settings.wants(result_type);
        if !finds(ResultType::File) && !finds(ResultType::Path) && !finds(ResultType::Symbol) {
            let types: Vec<&str> = settings.types.iter().map(|given| given.value.as_str()).collect();
            let text = format!("The query finds {}, no files (type:).", types.join(" and "));
            self.say(WhyWhat::Setting, Some(false), text);
            may = false;
        }
        if !settings.fork.value.admits(repo.is_fork) {
            let (word, lifted) =
                if repo.is_fork { ("is a fork", "fork:yes") } else { ("is no fork", "fork:yes") };
            self.excluded(
                query,
                &format!("The repository {word}, and the query leaves such out"),
                lifted,
                |query| {
                    query.settings.fork = Setting::default_of(Inclusion::Yes);
                },
            );
            may = false;
        }
        if !settings.archived.value.admits(repo.is_archived) {
            let word = if repo.is_archived { "is archived" } else { "is not archived" };
            let says = format!("The repository {word}, and the query leaves such out");
            self.excluded(query, &says, "archived:yes", |query| {
                query.settings.archived = Setting::default_of(Inclusion::Yes);
            });
            may = false;
        }
        let visible = match settings.visibility.value {
            Visibility::Any => true,
            Visibility::Public => repo.visibility == crate::Visibility::Public,
            Visibility::Private => repo.visibility == crate::Visibility::Private,
        };
        if !visible {
            let says = "The repository has another visibility than the query asks for";
            self.excluded(query, says, "visibility:any", |query| {
                query.settings.visibility = Setting::default_of(Visibility::Any);
            });
            may = false;
        }
        may
    }

    fn excluded(&mut self, query: &Query, says: &str, lifted: &str, change: impl FnOnce(&mut Query)) {
        let mut other = query.clone();
        change(&mut other);
        self.steps.push(WhyStep {
            what: WhyWhat::Setting,
            holds: Some(false),
            depth: 0,
            text: format!("{says}; {lifted} lifts that."),
            suggestions: vec![WhySuggestion::Query(other.to_string())],
        });
    }

    /// The query without what could leave the file out for another reason than its conditions.
    fn neutral(&self, query: &Query) -> Query {
        let settings = &query.settings;
        let types = settings.types.iter().filter(|given| given.value != ResultType::Repo);
        let neutral = Settings {
            count: Setting::default_of(Count::All),
            select: Setting::default_of(None),
            timeout: Setting::default_of(None),
            fork: Setting::default_of(Inclusion::Yes),
            archived: Setting::default_of(Inclusion::Yes),
            visibility: Setting::default_of(Visibility::Any),
            types: types.cloned().collect(),
            revs: self.asked.rev.map_or_else(|| settings.revs.clone(), |rev| vec![named(rev)]),
            ..settings.clone()
        };
        Query { expr: query.expr.clone(), settings: neutral }
    }

    /// Asks every condition, outermost first. `None` where there are more than are asked.
    fn tree(&mut self, expr: &Expr, neutral: &Query, depth: u8) -> Result<Option<bool>, SearchError> {
        let deeper = depth.saturating_add(1);
        match expr {
            Expr::And { operands, .. } | Expr::Or { operands, .. } => {
                let is_and = matches!(expr, Expr::And { .. });
                // The conjunction of the whole query needs no line of its own.
                let is_told = depth > 0 || !is_and;
                let at = self.steps.len();
                let below = if is_told { deeper } else { depth };
                if is_told {
                    self.condition(None, depth, String::new());
                }
                let mut outcomes = Vec::with_capacity(operands.len());
                for operand in operands {
                    outcomes.push(self.tree(operand, neutral, below)?);
                }
                let decides = outcomes.contains(&Some(!is_and));
                let all_known = outcomes.iter().all(Option::is_some);
                let holds = if decides { Some(!is_and) } else { all_known.then_some(is_and) };
                if is_told && let Some(step) = self.steps.get_mut(at) {
                    step.holds = holds;
                    step.text = match (is_and, holds) {
                        (true, Some(false)) => "All of these must hold; not all do.",
                        (true, _) => "All of these must hold.",
                        (false, Some(false)) => "One of these must hold; none does.",
                        (false, _) => "One of these must hold.",
                    }
                    .into();
                }
                Ok(holds)
            }
            Expr::Not { operand, .. } => {
                let at = self.steps.len();
                self.condition(None, depth, String::new());
                let holds = self.tree(operand, neutral, deeper)?.map(|holds| !holds);
                if let Some(step) = self.steps.get_mut(at) {
                    step.holds = holds;
                    let says = if holds == Some(false) {
                        "This must not hold, and it does."
                    } else {
                        "This must not hold."
                    };
                    step.text = says.into();
                }
                Ok(holds)
            }
            leaf => self.leaf(leaf, neutral, depth),
        }
    }

    fn leaf(&mut self, leaf: &Expr, neutral: &Query, depth: u8) -> Result<Option<bool>, SearchError> {
        let written = Query { expr: leaf.clone(), settings: Settings::default() }.to_string();
        self.n_conditions += 1;
        if self.n_conditions > CONDITIONS_MAX || self.watch.stop().is_some() {
            let cause =
                if self.watch.stop() == Some(Stop::TimedOut) { "time is up" } else { "there are too many" };
            self.condition(None, depth, format!("`{written}`: not looked at, {cause}."));
            return Ok(None);
        }
        let alone = Query { expr: self.restricted(leaf.clone()), settings: neutral.settings.clone() };
        let (holds, summary) = self.ask(&alone)?;
        let mut suggestions = Vec::new();
        let text = match leaf {
            Expr::Pattern(_) => {
                let n_matches = summary.stats.matches;
                if !holds && neutral.settings.case_sensitive.value {
                    let mut folded = alone.clone();
                    folded.settings.case_sensitive = Setting::default_of(false);
                    let (found, summary) = self.ask(&folded)?;
                    if found {
                        let mut query = self.asked.query.cloned().unwrap_or(folded);
                        query.settings.case_sensitive = Setting::default_of(false);
                        suggestions.push(WhySuggestion::Query(query.to_string()));
                        let times = counted(summary.stats.matches.max(1), "time", "times");
                        format!("occurs 0 times; with case ignored {times}")
                    } else {
                        "occurs 0 times".into()
                    }
                } else {
                    match (holds, n_matches) {
                        (true, 0) => "yes, by the path".into(),
                        (true, 1) => "occurs once".into(),
                        (_, n) => format!("occurs {n} times"),
                    }
                }
            }
            Expr::Filter(Filter { kind: FilterKind::Language(_), .. }) if !holds => {
                format!("no, this file is {}", self.language())
            }
            _ if holds => "yes".into(),
            _ => "no".into(),
        };
        let text = format!("`{written}`: {text}.");
        self.steps.push(WhyStep { what: WhyWhat::Condition, holds: Some(holds), depth, text, suggestions });
        Ok(Some(holds))
    }

    /// Whether the file is among what the page shows.
    fn page(&mut self, query: &Query) -> Result<bool, SearchError> {
        let mut place = Place { asked: self.asked, n_before: 0, is_seen: false };
        let access = self.access;
        let summary =
            self.searcher.search(self.snapshot, access, query, self.limits, self.cancel, &mut place)?;
        if place.is_seen {
            let text = format!("The query finds it; it is result {} of those shown.", place.n_before + 1);
            self.say(WhyWhat::Page, Some(true), text);
            return Ok(true);
        }
        let mut all = query.clone();
        all.settings.count = Setting::default_of(Count::All);
        let limits = Limits { lines_per_file: 0, display_max: usize::MAX, ..self.limits.clone() };
        let mut deep = Place { asked: self.asked, n_before: 0, is_seen: false };
        self.searcher.search(self.snapshot, access, &all, &limits, self.cancel, &mut deep)?;
        let text = match deep.is_seen {
            true => format!(
                "It matches, and stands at place {} of all results: the page is full before ({}). A narrower query \
                 or count:all shows it.",
                deep.n_before + 1,
                counted(place.n_before, "result", "results")
            ),
            false if query.settings.select.value.is_some() => {
                "It matches; select: turns files into something else.".into()
            }
            false if !summary.stats.complete => "It matches; the search ended before it came to it.".into(),
            false => "It matches this query alone, and is not shown as a file of its own.".into(),
        };
        let suggestions = vec![WhySuggestion::Query(all.to_string())];
        self.steps.push(WhyStep { what: WhyWhat::Page, holds: Some(false), depth: 0, text, suggestions });
        Ok(false)
    }

    /// A condition over this one file.
    fn restricted(&self, expr: Expr) -> Expr {
        let filter =
            |kind| Expr::Filter(Filter { span: Default::default(), value_span: Default::default(), kind });
        let limits = query::Limits::default();
        let exactly = |bytes: &[u8]| {
            let text = format!("(?-i:^{}$)", escaped(bytes));
            Regex::new(&text, &limits).unwrap_or_else(|_| Regex::escaped(&String::from_utf8_lossy(bytes)))
        };
        let name = RepoFilter { name: exactly(self.asked.repo.as_str().as_bytes()), revs: Vec::new() };
        Expr::and(vec![
            filter(FilterKind::Repo(name)),
            filter(FilterKind::File(exactly(self.asked.path))),
            expr,
        ])
    }

    /// Whether a query over this one file finds it.
    fn ask(&self, query: &Query) -> Result<(bool, Summary), SearchError> {
        let mut ignored = Ignored;
        let limits = Limits { timeout: TIME_MAX, ..self.limits.clone() };
        let repo = self.snapshot.repo(self.access, self.asked.repo.as_str()).map(|repo| repo.id);
        let access = repo.map_or_else(|| self.access.clone(), |repo| self.access.only(repo));
        let summary =
            self.searcher.search(self.snapshot, &access, query, &limits, self.cancel, &mut ignored)?;
        Ok((summary.stats.files > 0, summary))
    }

    fn language(&self) -> String {
        let look = || -> Result<Option<&'static str>, ReadError> {
            let Some(repo) = self.snapshot.repo(self.access, self.asked.repo.as_str()) else {
                return Ok(None);
            };
            let table = &repo.ref_table;
            let Some(revision) = table.default_revision() else { return Ok(None) };
            match table.find(self.asked.path, revision)? {
                Some(doc) => Ok(syntax::language_name(table.doc(doc)?.language)),
                None => Ok(None),
            }
        };
        look().ok().flatten().unwrap_or("of another language, or of none").to_owned()
    }

    fn condition(&mut self, holds: Option<bool>, depth: u8, text: String) {
        self.steps.push(WhyStep { what: WhyWhat::Condition, holds, depth, text, suggestions: Vec::new() });
    }

    fn say(&mut self, what: WhyWhat, holds: Option<bool>, text: String) {
        self.steps.push(WhyStep { what, holds, depth: 0, text, suggestions: Vec::new() });
    }
}

fn named(rev: &str) -> Rev {
    Rev { span: Default::default(), kind: RevKind::Name(rev.to_owned()) }
}

/// The bytes of a name as a regular expression that matches nothing else.
fn escaped(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => regex_syntax::escape(text),
        Err(_) => bytes.iter().map(|byte| format!("(?-u:\\x{byte:02x})")).collect(),
    }
}

struct Ignored;

impl Sink for Ignored {
    fn matches(&mut self, _batch: Vec<Match>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn progress(&mut self, _stats: &Stats) {}
}

/// Looks for one file among results.
struct Place<'a> {
    asked: WhyAsked<'a>,
    n_before: u64,
    is_seen: bool,
}

impl Sink for Place<'_> {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for found in &batch {
            let (repo, path) = match found {
                Match::Content(found) => (&found.repo, &found.path),
                Match::Path(found) => (&found.repo, &found.path),
                Match::Symbol(found) => (&found.repo, &found.path),
                _ => {
                    self.n_before += 1;
                    continue;
                }
            };
            if repo == self.asked.repo && path == self.asked.path {
                self.is_seen = true;
                return ControlFlow::Break(());
            }
            self.n_before += 1;
        }
        ControlFlow::Continue(())
    }

    fn progress(&mut self, _stats: &Stats) {}
}
