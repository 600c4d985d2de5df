//! Everybody whom the rules of a repository name.

use crate::{CodeOwners, Dialect, Ownership, of_file};
use std::collections::BTreeMap;

/// Somebody whom rules name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As the rules write it.
    pub owner: String,
    /// How many rules name them.
    pub n_rules: u32,
    /// The file of the first of these rules.
    pub file: String,
    /// Its line, counted from 1.
    pub line: u32,
}

/// Everybody whom the first `CODEOWNERS` there is names, otherwise those whom the `OWNERS` of the root and what it includes
/// name for all files. Who stands in the most rules comes first, then who stands further up. `read` gives the text at a path.
pub fn of_repository(mut read: impl FnMut(&str) -> Option<String>) -> Vec<Named> {
    for at in CodeOwners::PATHS {
        if let Some(text) = read(at) {
            let rules = CodeOwners::parse(&text, Dialect::of(at, &text));
            return counted(rules.named().map(|(owner, line)| (owner, at, line)));
        }
    }
    // A path without a name: only rules for everything below the root match it.
    let rules: Vec<(String, Ownership)> = of_file(b"", read);
    let each = |(file, rule): &'_ (String, Ownership)| {
        let (file, line) = (file.clone(), rule.line);
        rule.owners.clone().into_iter().map(move |owner| (owner, file.clone(), line)).collect::<Vec<_>>()
    };
    let all: Vec<(String, String, u32)> = rules.iter().flat_map(each).collect();
    counted(all.iter().map(|(owner, file, line)| (owner.as_str(), file.as_str(), *line)))
}

fn counted<'a>(named: impl Iterator<Item = (&'a str, &'a str, u32)>) -> Vec<Named> {
    let mut by_owner = BTreeMap::<&str, (usize, Named)>::new();
    for (place, (owner, file, line)) in named.enumerate() {
        let first = || Named { owner: owner.to_owned(), n_rules: 0, file: file.to_owned(), line };
        by_owner.entry(owner).or_insert_with(|| (place, first())).1.n_rules += 1;
    }
    let mut all: Vec<(usize, Named)> = by_owner.into_values().collect();
    all.sort_by_key(|(place, named)| (std::cmp::Reverse(named.n_rules), *place));
    all.into_iter().map(|(_, named)| named).collect()
}
