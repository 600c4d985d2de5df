//! Path rules, compiled.

use model::{PathRule, PathRules};
use owners::{Glob, GlobStyle};

/// Decides which paths of a repository somebody may read.
///
/// Globs mean what they mean in a gitignore file, without `!` and `[ ]`: one with a slash in it or before it is tied to the
/// root of the repository, any other matches at every depth; what matches a directory matches all that is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFilter {
    lists: Vec<Vec<(bool, Glob)>>,
}

impl PathFilter {
    /// Compiles rules. SECURITY: a list with a glob that cannot be compiled allows nothing.
    pub fn new(rules: &PathRules) -> Self {
        let compiled = |rule: &PathRule| Some((rule.denies, Glob::new(&rule.glob, GlobStyle::GitHub).ok()?));
        let list = |list: &Vec<PathRule>| list.iter().map(compiled).collect::<Option<Vec<_>>>();
        PathFilter { lists: rules.lists().iter().filter_map(list).collect() }
    }

    /// Whether a file at this path may be read: relative to the root, without a slash before it.
    pub fn allows(&self, path: &[u8]) -> bool {
        let allowed_by = |list: &Vec<(bool, Glob)>| {
            let last = list.iter().rev().find(|(_, glob)| glob.is_match(path));
            last.is_some_and(|(denies, _)| !denies)
        };
        self.lists.iter().any(allowed_by)
    }

    /// Which rule of the first list decides about a path, counted from 0; `None` where none matches, which denies.
    pub fn deciding_rule(&self, path: &[u8]) -> Option<usize> {
        self.lists.first()?.iter().rposition(|(_, glob)| glob.is_match(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lists: &[&[&str]], path: &str, expected: bool) {
        let list = |list: &&[&str]| list.iter().map(|rule| PathRule::parse(rule)).collect();
        let filter = PathFilter::new(&PathRules::new(lists.iter().map(list)));
        assert_eq!(filter.allows(path.as_bytes()), expected, "{lists:?} {path}");
    }

    #[test]
    fn the_last_match_wins_and_no_match_denies() {
        check(&[&["**"]], "a/b.c", true);
        check(&[&["**", "-*.pem"]], "keys/server.pem", false);
        check(&[&["-*.pem", "**"]], "keys/server.pem", true);
        check(&[&["src/", "-src/secret/", "src/secret/README.md"]], "src/secret/x.c", false);
        check(&[&["src/", "-src/secret/", "src/secret/README.md"]], "src/secret/README.md", true);
        check(&[&["src/"]], "docs/x.md", false);
        check(&[&["/src/**"]], "lib/src/x.c", false);
        check(&[&[]], "x", false);
        check(&[], "x", false);
    }

    #[test]
    fn the_rule_that_decides_is_told() {
        let rules = ["src/", "-src/secret/", "src/secret/README.md"].map(PathRule::parse).to_vec();
        let filter = PathFilter::new(&PathRules::new([rules]));
        let decides = |path: &str| filter.deciding_rule(path.as_bytes());
        assert_eq!(decides("src/a.c"), Some(0));
        assert_eq!(decides("src/secret/key"), Some(1));
        assert_eq!(decides("src/secret/README.md"), Some(2));
        assert_eq!(decides("docs/x"), None);
    }

    #[test]
    fn one_list_that_allows_is_enough() {
        check(&[&["src/"], &["**", "-src/"]], "src/x.c", true);
        check(&[&["src/"], &["**", "-docs/"]], "docs/x.md", false);
    }

    #[test]
    fn a_glob_that_is_none_closes_its_list() {
        check(&[&["**", "-[a-"]], "x", false);
        check(&[&["**", "-[a-"], &["x"]], "x", true);
    }
}
