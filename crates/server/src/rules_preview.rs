//! What path rules do: which rule decides about a path, and how many files of a default branch they show.

use crate::caller::Caller;
use crate::failure::Failure;
use crate::git_access;
use crate::state::AppState;
use crate::wire::lossy;
use model::{PathRule, PathRules, RepoName};
use search::PathFilter;

/// Files that are looked at.
const N_FILES_MAX: usize = 200_000;
/// Paths that a page names on each side.
const N_NAMED_MAX: usize = 100;
/// Paths that are tried at once.
const N_TRIES_MAX: usize = 50;

/// Rules as somebody wrote them, one a line.
pub(crate) struct Written {
    lines: Vec<(usize, PathRule)>,
    /// What is wrong, by line, counted from 1.
    pub(crate) faults: Vec<(usize, String)>,
    /// What the rules do to the paths that were written to try them.
    pub(crate) tries: Vec<Try>,
}

/// A path that was tried.
pub(crate) struct Try {
    pub(crate) path: String,
    pub(crate) is_shown: bool,
    /// Which line decides; `None` where none matches.
    pub(crate) line: Option<(usize, String)>,
}

/// What rules do to the files of a default branch.
pub(crate) struct Preview {
    pub(crate) n_shown: u64,
    pub(crate) n_hidden: u64,
    /// There are more files than were looked at.
    pub(crate) is_cut: bool,
    /// About how many files each rule decides, where one list decides alone.
    pub(crate) by_rule: Vec<(String, u64)>,
    /// How many no rule matches.
    pub(crate) n_unmatched: u64,
    /// The first of them.
    pub(crate) shown: Vec<String>,
    pub(crate) hidden: Vec<String>,
}

/// Which rules are looked at.
pub(crate) enum Rules {
    /// One list.
    Written(Vec<PathRule>),
    /// What holds for somebody.
    InForce(PathRules),
    /// None: all is shown.
    None,
}

impl Written {
    pub(crate) fn new(text: &str, tries: &str) -> Self {
        let mut written = Written { lines: Vec::new(), faults: Vec::new(), tries: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_end();
            if line.trim().is_empty() {
                continue;
            }
            match rule_of(line) {
                Ok(rule) => written.lines.push((number, rule)),
                Err(fault) => written.faults.push((number, fault)),
            }
        }
        if let Err(error) = store::check_path_rules(&written.rules())
            && written.faults.is_empty()
        {
            written.faults.push((1, error.to_string()));
        }
        if written.faults.is_empty() {
            written.tries = written.tried(tries);
        }
        written
    }

    /// The rules, in order.
    pub(crate) fn rules(&self) -> Vec<PathRule> {
        self.lines.iter().map(|(_, rule)| rule.clone()).collect()
    }

    fn tried(&self, tries: &str) -> Vec<Try> {
        let filter = PathFilter::new(&PathRules::new([self.rules()]));
        let paths = tries.lines().map(str::trim).filter(|path| !path.is_empty()).take(N_TRIES_MAX);
        let tried = paths.map(|path| {
            let path = path.trim_start_matches('/');
            let line = filter.deciding_rule(path.as_bytes()).and_then(|idx| self.lines.get(idx));
            Try {
                path: path.to_owned(),
                is_shown: filter.allows(path.as_bytes()),
                line: line.map(|(number, rule)| (*number, rule.to_string())),
            }
        });
        tried.collect()
    }
}

/// A line as a rule; the words say how to mend it.
fn rule_of(line: &str) -> Result<PathRule, String> {
    let rule = PathRule::parse(line);
    match () {
        () if line.starts_with(char::is_whitespace) => {
            Err("begins with a space: write the glob first".into())
        }
        () if rule.glob.is_empty() => Err("a '-' needs a glob after it: -secret/".into()),
        () if rule.denies && rule.glob.starts_with(char::is_whitespace) => {
            Err("a space after the '-': write the glob right behind it".into())
        }
        () if line.starts_with('!') => Err("'!' means nothing here: a '-' before a glob hides".into()),
        () if line.starts_with('#') => Err("there are no comments: every line is a rule".into()),
        () => match store::check_path_rules(std::slice::from_ref(&rule)) {
            Ok(()) => Ok(rule),
            Err(store::PathRulesError::BadRule { reason, .. }) => Err(reason),
            Err(error) => Err(error.to_string()),
        },
    }
}

/// What rules do to a repository; `None` where the caller does not read it.
pub(crate) async fn of_rules(
    state: &AppState,
    caller: &Caller,
    name: &RepoName,
    rules: Rules,
) -> Result<Option<Preview>, Failure> {
    let Some(row) = state.store.repository_by_name(&caller.access, name).await? else { return Ok(None) };
    let files = row.clone();
    let (files, is_cut) = git_access::read(state, &caller.access, &row, move |repository| {
        repository.files(&files, N_FILES_MAX)
    })
    .await?;
    let preview = tokio::task::spawn_blocking(move || Preview::new(&rules, &files, is_cut));
    preview.await.map(Some).map_err(Failure::internal)
}

/// What somebody sees of a repository by the rules that hold for them.
pub(crate) async fn of_person(
    state: &AppState,
    caller: &Caller,
    name: &RepoName,
    rules: Option<PathRules>,
) -> Result<Option<Preview>, Failure> {
    of_rules(state, caller, name, rules.map_or(Rules::None, Rules::InForce)).await
}

impl Preview {
    fn new(rules: &Rules, files: &[Vec<u8>], is_cut: bool) -> Self {
        let (filter, listed) = match rules {
            Rules::Written(list) => (Some(PathFilter::new(&PathRules::new([list.clone()]))), list.as_slice()),
            Rules::InForce(rules) => {
                let only = if rules.lists().len() == 1 { rules.lists()[0].as_slice() } else { &[] };
                (Some(PathFilter::new(rules)), only)
            }
            Rules::None => (None, [].as_slice()),
        };
        let mut preview = Preview {
            n_shown: 0,
            n_hidden: 0,
            is_cut,
            by_rule: listed.iter().map(|rule| (rule.to_string(), 0)).collect(),
            n_unmatched: 0,
            shown: Vec::new(),
            hidden: Vec::new(),
        };
        for path in files {
            let is_shown = filter.as_ref().is_none_or(|filter| filter.allows(path));
            let (n, named) = match is_shown {
                true => (&mut preview.n_shown, &mut preview.shown),
                false => (&mut preview.n_hidden, &mut preview.hidden),
            };
            *n += 1;
            if named.len() < N_NAMED_MAX {
                named.push(lossy(path));
            }
            if let (Some(filter), false) = (&filter, listed.is_empty()) {
                match filter.deciding_rule(path).and_then(|idx| preview.by_rule.get_mut(idx)) {
                    Some((_, n)) => *n += 1,
                    None => preview.n_unmatched += 1,
                }
            }
        }
        preview
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_which_line() {
        let written = Written::new("src/\n\n- a\n-\n!x\n# y\n-*.pem\n[a-", "");
        let lines: Vec<usize> = written.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5, 6, 8], "{:?}", written.faults);
        assert_eq!(written.rules().len(), 2);
    }

    #[test]
    fn tries_say_which_line_decides() {
        let written = Written::new("**\n\n-keys/\nkeys/README.md", "/keys/a\nkeys/README.md\n\nsrc/x\n");
        let told: Vec<_> = written
            .tries
            .iter()
            .map(|one| (one.path.as_str(), one.is_shown, one.line.as_ref().map(|(line, _)| *line)))
            .collect();
        assert_eq!(
            told,
            [("keys/a", false, Some(3)), ("keys/README.md", true, Some(4)), ("src/x", true, Some(1))]
        );
        assert_eq!(Written::new("src/", "docs/x").tries[0].line, None);
        assert!(!Written::new("", "docs/x").tries[0].is_shown, "no match denies");
    }

    #[test]
    fn files_are_counted_by_the_rule_that_decides() {
        let files: Vec<Vec<u8>> =
            ["docs/x", "keys/README.md", "keys/a", "src/a"].map(|path| path.as_bytes().to_vec()).to_vec();
        let rules = ["src/", "keys/", "-keys/a"].map(PathRule::parse).to_vec();
        let preview = Preview::new(&Rules::Written(rules), &files, false);
        assert_eq!((preview.n_shown, preview.n_hidden, preview.n_unmatched), (2, 2, 1));
        assert_eq!(preview.hidden, ["docs/x", "keys/a"]);
        assert_eq!(preview.by_rule.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 1, 1]);
        let all = Preview::new(&Rules::None, &files, false);
        assert_eq!((all.n_shown, all.n_hidden), (4, 0));
    }
}
