//! The honest account: what was left out, why, and which query lifts it.

use crate::admission::SkippedDocs;
use crate::catalog::Published;
use crate::history::HistoryGaps;
use crate::limits::Stop;
use crate::plan::Plan;
use crate::repo_run::{could_match_pending, could_match_repo};
use crate::words::{counted, listed};
use crate::{
    Damage, DamagedPart, Limits, PendingRepo, PendingState, RepoIndex, RevisionFault, Skipped, SkippedReason,
    Stats,
};
use query::{Count, Inclusion, Query, Setting, Settings};

/// How many repositories a message names; the rest are a number.
const NAMED_REPOS: usize = 3;

/// Collects what was left out.
pub(crate) struct Account<'a> {
    query: &'a Query,
    plan: &'a Plan,
    limits: &'a Limits,
    skipped: Vec<Skipped>,
    /// How far the search came where it was called off, if that can be told.
    pub(crate) coverage: Option<String>,
}

impl<'a> Account<'a> {
    pub(crate) fn new(query: &'a Query, plan: &'a Plan, limits: &'a Limits) -> Self {
        Account { query, plan, limits, skipped: Vec::new(), coverage: None }
    }

    /// Notes why the search ended before its end.
    pub(crate) fn ending(&mut self, stop: Option<Stop>, hit_limit: bool, stats: &Stats) {
        if hit_limit {
            let message = format!(
                "The page holds {}; more may be found. count:all finds and counts all.",
                counted(self.plan.display as u64, "result", "results")
            );
            let suggestion = self.suggest(|settings| settings.count = Setting::default_of(Count::All));
            self.push(SkippedReason::DisplayLimit, "result limit reached", message, 0, suggestion);
        }
        match stop {
            Some(Stop::TimedOut) => {
                let timeout = self.plan.timeout;
                let found = counted(stats.files, "file", "files");
                let mut message = format!("The search stopped after {timeout:?}, having found {found}.");
                if let Some(coverage) = &self.coverage {
                    message.push(' ');
                    message.push_str(coverage);
                }
                let longer = (timeout * 4).min(self.limits.timeout_max);
                let suggestion = (longer > timeout)
                    .then(|| self.suggest(|settings| settings.timeout = Setting::default_of(Some(longer))));
                self.push(SkippedReason::Timeout, "time limit reached", message, 0, suggestion.flatten());
            }
            Some(Stop::Cancelled) => {
                let message = "The search was stopped before its end.".to_owned();
                self.push(SkippedReason::Cancelled, "stopped", message, 0, None);
            }
            None => {}
        }
    }

    /// Notes that results were not all told apart.
    pub(crate) fn count(&mut self, is_cut: bool, stats: &Stats) {
        if is_cut {
            let message =
                format!("There are at least {} different results; more are not told apart.", stats.matches);
            self.push(SkippedReason::CountLimit, "count limit reached", message, 0, None);
        }
    }

    /// Notes visible repositories that the query asks for and that were not searched.
    pub(crate) fn visible<'s>(
        &mut self,
        pending: impl Iterator<Item = &'s PendingRepo>,
        visible: &[&Published],
    ) {
        let pending: Vec<&PendingRepo> =
            pending.filter(|repo| could_match_pending(self.plan, &repo.name)).collect();
        let states = [
            (PendingState::Failed, SkippedReason::RepoFailed, "could not be fetched or indexed"),
            (PendingState::Cloning, SkippedReason::RepoCloning, "being fetched"),
            (PendingState::Indexing, SkippedReason::RepoIndexing, "being indexed"),
        ];
        for (state, reason, words) in states {
            let in_state = pending.iter().filter(|repo| repo.state == state);
            let names: Vec<&str> = in_state.map(|repo| repo.name.as_str()).collect();
            self.push_repos(reason, words, &names, None);
        }
        let (mut forks, mut archived) = (Vec::new(), Vec::new());
        for repo in visible.iter().map(|published| &published.repo) {
            let names = if self.plan.settings.fork.span.is_none() && self.plan.excludes_fork(repo) {
                &mut forks
            } else if self.plan.settings.archived.span.is_none() && self.plan.excludes_archived(repo) {
                &mut archived
            } else {
                continue;
            };
            if could_match_repo(self.plan, repo) {
                names.push(repo.name.as_str());
            }
        }
        let suggestion = self.suggest(|settings| settings.fork = Setting::default_of(Inclusion::Yes));
        self.push_repos(SkippedReason::ExcludedFork, "left out as forks", &forks, suggestion);
        let suggestion = self.suggest(|settings| settings.archived = Setting::default_of(Inclusion::Yes));
        self.push_repos(SkippedReason::ExcludedArchived, "left out as archived", &archived, suggestion);
    }

    /// Notes documents whose content could not be searched.
    pub(crate) fn documents(&mut self, skipped: SkippedDocs) {
        let (parsed, rest_of_symbols) = (("file", "files"), "what they define may be missing here");
        let n_missing = skipped.n_without_symbols;
        let words = "too large or too hard to parse";
        self.push_documents(SkippedReason::SymbolsMissing, n_missing, parsed, words, rest_of_symbols);
        self.changes(skipped);
        if !self.plan.reads_content() {
            return;
        }
        let rest = "only their paths were searched";
        let kinds = [
            (SkippedReason::FileTooLarge, skipped.n_too_large, "too large to be indexed"),
            (SkippedReason::FileUnreadable, skipped.n_unreadable, "that git could not produce"),
        ];
        for (reason, n_files, words) in kinds {
            self.push_documents(reason, n_files, ("file", "files"), words, rest);
        }
        let (words, part) =
            ("too large or too complex for structural search", "they were searched in part or not at all");
        self.push_documents(SkippedReason::FileUnparsed, skipped.n_unparsed, ("file", "files"), words, part);
        let binary = ("file that is not text", "files that are not text");
        self.push_documents(SkippedReason::FileBinary, skipped.n_binary, binary, "", rest);
        let links = ("symbolic link", "symbolic links");
        self.push_documents(SkippedReason::FileSymlink, skipped.n_symlinks, links, "", rest);
        let (modules, rest) = (("submodule", "submodules"), "their files stand in other repositories");
        self.push_documents(SkippedReason::Submodule, skipped.n_submodules, modules, "", rest);
    }

    /// Notes changed files whose lines could not be searched.
    fn changes(&mut self, skipped: SkippedDocs) {
        let rest = "what was changed in them was not searched";
        let beyond = "beyond what is read of one commit";
        let kinds = [
            (SkippedReason::ChangesLeftOut, skipped.n_changes_left_out, beyond),
            (SkippedReason::ChangeTooLarge, skipped.n_changes_too_large, "too large to be compared"),
            (SkippedReason::ChangeUnreadable, skipped.n_changes_unreadable, "that git could not produce"),
            (SkippedReason::ChangeBinary, skipped.n_changes_binary, "that are not text"),
        ];
        for (reason, n_changes, words) in kinds {
            let noun = ("change of a file", "changes of files");
            let words =
                if n_changes == 1 && words == "that are not text" { "that is not text" } else { words };
            self.push_documents(reason, n_changes, noun, words, rest);
        }
    }

    fn push_documents(
        &mut self,
        reason: SkippedReason,
        n_documents: u64,
        (one, many): (&str, &str),
        words: &str,
        rest: &str,
    ) {
        if n_documents == 0 {
            return;
        }
        let title = format!("{} {words}", counted(n_documents, one, many));
        let title = title.trim_end();
        self.push(reason, title, format!("{title}: {rest}."), n_documents, None);
    }

    /// Notes revisions that could not be made searchable.
    pub(crate) fn revisions(&mut self, chosen: &[&Published], faults: &[(usize, RevisionFault)]) {
        let named = faults.iter().filter_map(|(place, fault)| Some((&chosen.get(*place)?.repo.name, fault)));
        let mut messages: Vec<String> =
            named.take(NAMED_REPOS).map(|(name, fault)| format!("{name}: {fault}.")).collect();
        if faults.len() > messages.len() {
            messages.push(format!("And {} more.", faults.len() - messages.len()));
        }
        if !messages.is_empty() {
            let n_repos = faults.len() as u64;
            let title =
                format!("revisions of {} not searched", counted(n_repos, "repository", "repositories"));
            self.push(SkippedReason::RevisionUncovered, &title, messages.join(" "), n_repos, None);
        }
    }

    /// Counts what its reader may not know of, for a leak that somebody could make.
    pub(crate) fn count_if_leaking(&mut self, n_repos: usize) {
        if n_repos > 0 {
            let title = format!("{} excluded", counted(n_repos as u64, "repository", "repositories"));
            self.push(SkippedReason::ExcludedArchived, &title, String::new(), n_repos as u64, None);
        }
    }

    /// Notes what commit and diff search could not look at.
    pub(crate) fn history(&mut self, gaps: &HistoryGaps) {
        let missing: Vec<&str> = gaps.missing.iter().map(String::as_str).collect();
        self.push_repos(SkippedReason::HistoryMissing, "whose history is not read yet", &missing, None);
        let of_parts: Vec<&str> = gaps.of_parts.iter().map(String::as_str).collect();
        let says = "of which you may read some paths only, and no history";
        self.push_repos(SkippedReason::HistoryMissing, says, &of_parts, None);
        let behind: Vec<&str> = gaps.behind.iter().map(String::as_str).collect();
        self.push_repos(SkippedReason::HistoryBehind, "whose newest commits are being read", &behind, None);
        let told = gaps.unfinished.iter().take(NAMED_REPOS).map(|(name, n_done, n_commits, since)| {
            let since = since.and_then(|since| jiff::Timestamp::from_second(since).ok());
            let since =
                since.map_or(String::new(), |since| format!(", back to {}", since.strftime("%Y-%m-%d")));
            format!(
                "{name}: changes of {n_done} of {}{since}.",
                counted((*n_commits).into(), "commit", "commits")
            )
        });
        let mut messages: Vec<String> = told.collect();
        let n_repos = gaps.unfinished.len();
        if n_repos > messages.len() {
            messages.push(format!("And {} more.", n_repos - messages.len()));
        }
        if n_repos > 0 {
            let title = format!(
                "{} whose history is being read",
                counted(n_repos as u64, "repository", "repositories")
            );
            self.push(SkippedReason::HistoryUnfinished, &title, messages.join(" "), n_repos as u64, None);
        }
    }

    /// Notes repositories whose index or history could not be read.
    pub(crate) fn damaged(&mut self, damaged: &[(&RepoIndex, Damage)]) {
        let parts = [
            (DamagedPart::Index, SkippedReason::RepoDamaged, "with a damaged index"),
            (DamagedPart::History, SkippedReason::HistoryDamaged, "with a damaged history"),
        ];
        for (part, reason, words) in parts {
            let in_part = damaged.iter().filter(|(_, damage)| damage.part == part);
            let names: Vec<&str> = in_part.map(|(repo, _)| repo.name.as_str()).collect();
            self.push_repos(reason, words, &names, None);
        }
    }

    /// The account, graver things first.
    pub(crate) fn finish(mut self) -> Vec<Skipped> {
        self.skipped.sort_by_key(|skipped| (skipped.severity, skipped.reason));
        self.skipped
    }

    /// The query with another setting. `None` where a setting could not be put in without changing what is asked.
    fn suggest(&self, change: impl FnOnce(&mut Settings)) -> Option<String> {
        let mut query = self.query.clone();
        change(&mut query.settings);
        Some(query.to_string())
    }

    fn push_repos(&mut self, reason: SkippedReason, words: &str, names: &[&str], suggestion: Option<String>) {
        if names.is_empty() {
            return;
        }
        let n_repos = names.len() as u64;
        let title = format!("{} {words}", counted(n_repos, "repository", "repositories"));
        let message = format!("{title}: {}.", listed(names, NAMED_REPOS));
        self.push(reason, &title, message, n_repos, suggestion);
    }

    fn push(
        &mut self,
        reason: SkippedReason,
        title: &str,
        message: String,
        count: u64,
        suggestion: Option<String>,
    ) {
        self.skipped.push(Skipped {
            reason,
            title: title.to_owned(),
            message,
            severity: reason.severity(),
            count,
            suggested_query: suggestion,
        });
    }
}
