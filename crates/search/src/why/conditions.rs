//! The query's settings and conditions, each asked of one file.

use super::{Asking, CONDITIONS_MAX, TIME_MAX, WhyStep, WhySuggestion, WhyWhat, named};
use crate::limits::Stop;
use crate::scope::is_in_contexts;
use crate::words::counted;
use crate::{Limits, Match, RepoIndex, SearchError, Sink, Stats, Summary};
use index::ReadError;
use query::{
    Count, Expr, Filter, FilterKind, Inclusion, Query, Regex, RepoFilter, ResultType, Setting, Settings,
    Visibility,
};
use std::ops::ControlFlow;

impl Asking<'_> {
    /// Asks the query's conditions of this one file. Whether the query finds and shows it.
    pub(super) fn query(&mut self, repo: &RepoIndex, query: &Query) -> Result<bool, SearchError> {
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
            // What is left out by default is told as such, where a context of the query kept that open until here.
            if self.tell_left_out(repo, query, |_| true) {
                return Ok(false);
            }
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
        // What saved contexts hold is not left out by default: there the whole query decides.
        let has_contexts = is_in_contexts(&query.expr);
        may &= !self.tell_left_out(repo, query, |is_given| is_given || !has_contexts);
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

    /// Tells whether `fork:` and `archived:` leave the repository out, as given or by default; only those are looked at
    /// that `counts` takes, by whether the query gives them.
    fn tell_left_out(&mut self, repo: &RepoIndex, query: &Query, counts: impl Fn(bool) -> bool) -> bool {
        let settings = &query.settings;
        let mut is_left_out = false;
        if !settings.fork.value.admits(repo.is_fork) && counts(settings.fork.span.is_some()) {
            let word = if repo.is_fork { "is a fork" } else { "is no fork" };
            let says = format!("The repository {word}, and the query leaves such out");
            self.excluded(query, &says, "fork:yes", |query| {
                query.settings.fork = Setting::default_of(Inclusion::Yes);
            });
            is_left_out = true;
        }
        if !settings.archived.value.admits(repo.is_archived) && counts(settings.archived.span.is_some()) {
            let word = if repo.is_archived { "is archived" } else { "is not archived" };
            let says = format!("The repository {word}, and the query leaves such out");
            self.excluded(query, &says, "archived:yes", |query| {
                query.settings.archived = Setting::default_of(Inclusion::Yes);
            });
            is_left_out = true;
        }
        is_left_out
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
