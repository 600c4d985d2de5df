//! Which repositories of a host are left out.

use crate::HostRepository;
use serde::{Deserialize, Serialize};
use std::fmt;

const N_RULES_MAX: usize = 200;
const RULE_BYTES_MAX: usize = 500;

/// Rules of exclusion: a repository that meets one of them is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exclusion {
    /// Names, with `*` for any text within a folder and `**` for any text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Regular expressions, found anywhere in a name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// Forks.
    #[serde(skip_serializing_if = "is_false")]
    pub forks: bool,
    /// Repositories that were set to rest.
    #[serde(skip_serializing_if = "is_false")]
    pub archived: bool,
    /// Repositories larger than this, in bytes, where the host tells their size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes_above: Option<u64>,
    /// Repositories with fewer stars than this, where the host counts stars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stars_below: Option<u64>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The rule that a repository met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExclusionRule {
    /// A name.
    Name(String),
    /// A regular expression.
    Pattern(String),
    /// It is a fork.
    Fork,
    /// It was set to rest.
    Archived,
    /// It is larger than this.
    Size(u64),
    /// It has fewer stars than this.
    Stars(u64),
}

impl fmt::Display for ExclusionRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExclusionRule::Name(name) => write!(formatter, "name {name}"),
            ExclusionRule::Pattern(pattern) => write!(formatter, "pattern {pattern}"),
            ExclusionRule::Fork => formatter.write_str("fork"),
            ExclusionRule::Archived => formatter.write_str("archived"),
            ExclusionRule::Size(size) => write!(formatter, "larger than {size} bytes"),
            ExclusionRule::Stars(n_stars) => write!(formatter, "fewer than {n_stars} stars"),
        }
    }
}

/// A rule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    /// A pattern is no regular expression, or one too large.
    #[error("'{pattern}' is no regular expression that can be used: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// Too many rules, or too long ones.
    #[error("at most {N_RULES_MAX} rules of at most {RULE_BYTES_MAX} bytes can be given")]
    TooMany,
}

/// Rules that were read.
pub(crate) struct Compiled<'a> {
    exclusion: &'a Exclusion,
    patterns: Vec<regex_automata::meta::Regex>,
}

impl Exclusion {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Exclusion::default()
    }

    /// Reads the rules.
    pub(crate) fn compile(&self) -> Result<Compiled<'_>, ExclusionError> {
        let texts = || self.names.iter().chain(&self.patterns);
        if texts().count() > N_RULES_MAX || texts().any(|text| text.len() > RULE_BYTES_MAX) {
            return Err(ExclusionError::TooMany);
        }
        let config = regex_automata::meta::Config::new().nfa_size_limit(Some(1 << 20));
        let build = |pattern: &String| {
            let built = regex_automata::meta::Regex::builder().configure(config.clone()).build(pattern);
            built.map_err(|error| ExclusionError::Pattern {
                pattern: pattern.clone(),
                reason: error.to_string(),
            })
        };
        Ok(Compiled { exclusion: self, patterns: self.patterns.iter().map(build).collect::<Result<_, _>>()? })
    }

    /// The rule by which each repository is left out, for a preview.
    pub fn preview(
        &self,
        repositories: &[HostRepository],
    ) -> Result<Vec<Option<ExclusionRule>>, ExclusionError> {
        let compiled = self.compile()?;
        Ok(repositories.iter().map(|repository| compiled.rule_of(repository)).collect())
    }
}

impl Compiled<'_> {
    /// The first rule that a repository meets.
    pub(crate) fn rule_of(&self, repository: &HostRepository) -> Option<ExclusionRule> {
        let rules = self.exclusion;
        let name = &repository.name;
        if let Some(glob) = rules.names.iter().find(|glob| matches_glob(glob, name)) {
            return Some(ExclusionRule::Name(glob.clone()));
        }
        let matching = self.patterns.iter().position(|pattern| pattern.is_match(name));
        if let Some(idx) = matching {
            return Some(ExclusionRule::Pattern(rules.patterns[idx].clone()));
        }
        if rules.forks && repository.fork {
            return Some(ExclusionRule::Fork);
        }
        if rules.archived && repository.archived {
            return Some(ExclusionRule::Archived);
        }
        let too_large =
            rules.size_bytes_above.filter(|max| repository.size_bytes.is_some_and(|size| size > *max));
        let too_few = rules.stars_below.filter(|min| repository.n_stars.is_some_and(|stars| stars < *min));
        too_large.map(ExclusionRule::Size).or(too_few.map(ExclusionRule::Stars))
    }
}

/// Matches without regard to case; in linear time for each star (greedy with one point to return to per kind).
fn matches_glob(glob: &str, name: &str) -> bool {
    let (glob, name) = (glob.to_lowercase(), name.to_lowercase());
    // What matches from each place of the name, for the pieces of the glob from its end.
    let (pattern, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    let mut idx = 0;
    while idx < pattern.len() {
        let mut next = vec![false; text.len() + 1];
        match pattern[idx] {
            '*' => {
                let is_double = pattern.get(idx + 1) == Some(&'*');
                idx += usize::from(is_double);
                let mut open = false;
                for at in 0..=text.len() {
                    open |= reachable[at];
                    next[at] = open;
                    open &= is_double || text.get(at).is_none_or(|c| *c != '/');
                }
            }
            '?' => (0..text.len())
                .filter(|at| reachable[*at] && text[*at] != '/')
                .for_each(|at| next[at + 1] = true),
            c => (0..text.len())
                .filter(|at| reachable[*at] && text[*at] == c)
                .for_each(|at| next[at + 1] = true),
        }
        reachable = next;
        idx += 1;
    }
    reachable[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Openness, Readers};

    fn repository(name: &str) -> HostRepository {
        HostRepository {
            id: "1".into(),
            handle: String::new(),
            name: name.into(),
            clone_from: "https://h/x".into(),
            openness: Openness::Private,
            fork: false,
            archived: false,
            size_bytes: Some(1000),
            n_stars: Some(5),
            description: String::new(),
            readers: Readers::Unknown,
        }
    }

    #[test]
    fn globs() {
        for (glob, name, expected) in [
            ("org/repo", "org/repo", true),
            ("ORG/*", "org/Repo", true),
            ("org/*", "org/a/b", false),
            ("org/**", "org/a/b", true),
            ("*", "org/a", false),
            ("**", "org/a", true),
            ("*/a?c", "org/abc", true),
            ("*/a?c", "org/ac", false),
            ("**-archive", "x/y-archive", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches_glob(glob, name), expected, "{glob} {name}");
        }
        let stars = "*a".repeat(250);
        assert!(!matches_glob(&stars, &"a".repeat(249)));
    }

    #[test]
    fn each_rule_leaves_out_its_own() {
        let rule = |exclusion: Exclusion, repository: &HostRepository| {
            exclusion.preview(std::slice::from_ref(repository)).unwrap().remove(0)
        };
        let plain = repository("org/repo");
        assert_eq!(rule(Exclusion::default(), &plain), None);
        let names = Exclusion { names: vec!["org/*".into()], ..Default::default() };
        assert_eq!(rule(names, &plain), Some(ExclusionRule::Name("org/*".into())));
        let patterns = Exclusion { patterns: vec!["^org/r".into()], ..Default::default() };
        assert_eq!(rule(patterns, &plain), Some(ExclusionRule::Pattern("^org/r".into())));
        let forks = Exclusion { forks: true, archived: true, ..Default::default() };
        assert_eq!(rule(forks.clone(), &plain), None);
        assert_eq!(
            rule(forks.clone(), &HostRepository { fork: true, ..plain.clone() }),
            Some(ExclusionRule::Fork)
        );
        let rested = HostRepository { archived: true, ..plain.clone() };
        assert_eq!(rule(forks, &rested), Some(ExclusionRule::Archived));
        let size = Exclusion { size_bytes_above: Some(999), ..Default::default() };
        assert_eq!(rule(size.clone(), &plain), Some(ExclusionRule::Size(999)));
        assert_eq!(
            rule(size, &HostRepository { size_bytes: None, ..plain.clone() }),
            None,
            "not told, not left out"
        );
        let stars = Exclusion { stars_below: Some(6), ..Default::default() };
        assert_eq!(rule(stars, &plain), Some(ExclusionRule::Stars(6)));
    }

    #[test]
    fn hostile_patterns_are_refused() {
        for pattern in ["(", "(a{1000}){1000}{1000}"] {
            let exclusion = Exclusion { patterns: vec![pattern.into()], ..Default::default() };
            assert!(exclusion.compile().is_err(), "{pattern}");
        }
        let many = Exclusion { names: vec!["a".into(); 201], ..Default::default() };
        assert!(matches!(many.compile(), Err(ExclusionError::TooMany)));
    }
}
