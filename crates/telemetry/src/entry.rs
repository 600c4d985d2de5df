//! What the register says of a counter or a field, and the code that makes it.

use crate::register::{Counter, ROUTES};
use std::collections::HashMap;
use std::sync::LazyLock;

/// [`ROUTES`] by pattern and word: every request is looked up.
static KINDS: LazyLock<HashMap<(&str, Option<&str>), Route>> = LazyLock::new(|| {
    Route::all().map(|route| ((route.entry().template, route.entry().page), route)).collect()
});

/// A row of the register.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it is, as a sentence.
    pub what: &'static str,
    /// Why it is counted or sent.
    pub why: &'static str,
    /// Since which release.
    pub since: &'static str,
    /// The file of the source in which it is made.
    pub file: &'static str,
    /// The function there.
    pub function: &'static str,
    /// The text of that file as this program was built from it.
    pub source: &'static str,
}

/// A piece of the source of this very program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The number of its first line, from 1.
    pub first_line: usize,
    /// Its lines, documentation first.
    pub text: String,
}

/// How a field is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// How many people there were, with noise.
    People,
    /// The sum of a counter over people, with noise.
    Noised(Counter),
    /// A number that says nothing of people or code, up to `max`.
    Plain {
        /// The largest value.
        max: u32,
    },
}

/// A kind of request.
#[derive(Debug)]
pub struct RouteEntry {
    /// Its number, which never changes.
    pub number: u16,
    /// The pattern of its address.
    pub template: &'static str,
    /// The word after `/-/`, where the pattern alone says too little.
    pub page: Option<&'static str>,
    /// What it counts for.
    pub counts: &'static [Counter],
}

/// A kind of request: an index into [`ROUTES`], so that nothing else can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(u16);

impl Route {
    /// Requests that no pattern fits.
    pub const NONE: Route = Route(0);

    /// The kind with this pattern and, behind a wildcard, this word; a word that is none of the register's counts as none.
    pub fn of(template: &str, page: Option<&str>) -> Route {
        // Old clients write two slashes.
        let template = if template.starts_with("//") { &template[1..] } else { template };
        let found = page.and_then(|page| KINDS.get(&(template, Some(page))));
        found.or_else(|| KINDS.get(&(template, None))).copied().unwrap_or(Route::NONE)
    }

    /// The kind that was written down under this number; `None` where the register has it no more.
    pub fn numbered(number: i64) -> Option<Route> {
        let found = ROUTES.iter().position(|route| i64::from(route.number) == number)?;
        u16::try_from(found).ok().map(Route)
    }

    /// What the register says of it.
    pub fn entry(self) -> &'static RouteEntry {
        &ROUTES[usize::from(self.0)]
    }

    /// Its place in [`ROUTES`].
    pub fn idx(self) -> usize {
        usize::from(self.0)
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Route> {
        (0..ROUTES.len()).filter_map(|idx| u16::try_from(idx).ok().map(Route))
    }

    /// As people read it: `/r/…/-/blob`.
    pub fn name(self) -> String {
        let RouteEntry { template, page, .. } = self.entry();
        match page {
            Some(page) => format!("{}…/-/{page}", template.split('{').next().unwrap_or(template)),
            None => (*template).to_owned(),
        }
    }
}

impl Entry {
    /// The function that makes it, as this program was built, with its documentation.
    pub fn snippet(&self) -> Option<Snippet> {
        let lines: Vec<&str> = self.source.lines().collect();
        let is_head = |line: &&str| {
            let behind = line.split_once("fn ").and_then(|(_, rest)| rest.strip_prefix(self.function));
            behind.is_some_and(|rest| rest.starts_with(['(', '<'])) && !line.trim_start().starts_with("//")
        };
        let head = lines.iter().position(is_head)?;
        let indent = lines[head].len() - lines[head].trim_start().len();
        let is_above =
            |line: &&str| line.trim_start().starts_with("///") || line.trim_start().starts_with("#[");
        let first = head - lines[..head].iter().rev().take_while(|line| is_above(line)).count();
        let is_end = |line: &&str| line.trim() == "}" && line.len() - line.trim_start().len() == indent;
        let last = head + lines[head..].iter().position(is_end)?;
        let text: Vec<&str> =
            lines[first..=last].iter().map(|line| line.get(indent..).unwrap_or(line.trim_start())).collect();
        Some(Snippet { first_line: first + 1, text: text.join("\n") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::register::{Field, REQUESTS};

    #[test]
    fn every_entry_shows_the_code_that_makes_it() {
        let counters = Counter::ALL.iter().map(|counter| counter.entry());
        let fields = Field::ALL.iter().map(|field| field.entry());
        for entry in counters.chain(fields).chain([&REQUESTS]) {
            let snippet = entry.snippet().unwrap_or_else(|| panic!("{}: {}", entry.file, entry.function));
            assert!(snippet.text.contains(&format!("fn {}", entry.function)), "{}", snippet.text);
            assert!(snippet.text.starts_with("///") && snippet.text.ends_with('}'), "{}", snippet.text);
        }
    }

    #[test]
    fn kinds_of_requests_are_found() {
        let name = |template: &str, page: Option<&str>| Route::of(template, page).name();
        assert_eq!(name("/search", None), "/search");
        assert_eq!(name("//.api/graphql", None), "/.api/graphql");
        assert_eq!(name("/r/{*address}", Some("blob")), "/r/…/-/blob");
        assert_eq!(name("/r/{*address}", Some("a secret word")), "/r/{*address}");
        assert_eq!(name("/r/{*address}", None), "/r/{*address}");
        assert_eq!(Route::of("/secret", None), Route::NONE);
        for route in Route::all() {
            assert_eq!(Route::numbered(i64::from(route.entry().number)), Some(route));
            assert_eq!(Route::of(route.entry().template, route.entry().page), route);
        }
    }
}
