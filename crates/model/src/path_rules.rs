//! Which paths of a repository somebody may read, as data.

/// One rule: a glob, and whether what it matches may be read or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathRule {
    /// What it matches may not be read.
    pub denies: bool,
    /// The glob, without the `-` that a denying rule is written with.
    pub glob: String,
}

impl PathRule {
    /// What the glob matches may be read.
    pub fn allow(glob: impl Into<String>) -> Self {
        PathRule { denies: false, glob: glob.into() }
    }

    /// What the glob matches may not be read.
    pub fn deny(glob: impl Into<String>) -> Self {
        PathRule { denies: true, glob: glob.into() }
    }

    /// As people write it: `src/**`, `-src/secret/**`.
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix('-') {
            Some(glob) => PathRule::deny(glob),
            None => PathRule::allow(text),
        }
    }
}

impl std::fmt::Display for PathRule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}{}", if self.denies { "-" } else { "" }, self.glob)
    }
}

/// Lists of rules, one for each reason somebody reads a part of a repository (their own, that of each of their groups).
///
/// A path may be read if one of the lists allows it; in a list the last rule that matches decides, and a path that none
/// matches is denied. Without a list nothing may be read. Sorted, so that equal rights are equal values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathRules {
    lists: Vec<Vec<PathRule>>,
}

impl PathRules {
    /// These lists, each in its order.
    pub fn new(lists: impl IntoIterator<Item = Vec<PathRule>>) -> Self {
        let mut lists: Vec<_> = lists.into_iter().collect();
        lists.sort();
        lists.dedup();
        PathRules { lists }
    }

    /// The lists.
    pub fn lists(&self) -> &[Vec<PathRule>] {
        &self.lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_back() {
        for text in ["src/**", "-src/secret/**", "-*.pem"] {
            assert_eq!(PathRule::parse(text).to_string(), text);
        }
        assert_eq!(PathRule::parse("-a"), PathRule::deny("a"));
    }

    #[test]
    fn the_order_of_lists_says_nothing() {
        let (one, other) = (vec![PathRule::allow("a")], vec![PathRule::allow("b")]);
        assert_eq!(
            PathRules::new([one.clone(), other.clone()]),
            PathRules::new([other.clone(), one.clone(), other])
        );
        assert_eq!(PathRules::new([one]).lists().len(), 1);
    }
}
