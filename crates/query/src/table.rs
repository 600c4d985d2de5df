//! The table of filters: the one place where names, aliases, values and documentation stand.

mod rows;

pub use rows::FILTERS;

/// Names a filter inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is a row of FILTERS, which documents it")]
pub enum FilterId {
    Repo,
    Rev,
    Context,
    File,
    Lang,
    Content,
    Type,
    Case,
    Fork,
    Archived,
    Visibility,
    Count,
    Timeout,
    Select,
    Author,
    Committer,
    Before,
    After,
    Message,
    PatternType,
    Index,
}

impl FilterId {
    /// Its row in [`FILTERS`].
    pub fn info(self) -> &'static FilterInfo {
        // The rows stand in the order of the variants; a test holds it.
        &FILTERS[self as usize]
    }

    /// The name that is printed.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Whether it holds for the whole query, instead of being a condition on one document.
    pub fn is_setting(self) -> bool {
        use FilterId::*;
        matches!(
            self,
            Rev | Type | Case | Fork | Archived | Visibility | Count | Timeout | Select | PatternType | Index
        )
    }
}

/// What the values of a filter are: how they are read, coloured and completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A regular expression on repository names, with revisions after an `@`.
    Repository,
    /// A list of revisions.
    Revision,
    /// A regular expression on paths.
    Path,
    /// The name of a language.
    Language,
    /// A pattern, read as the pattern type says.
    Pattern,
    /// One of [`FilterInfo::values`].
    Choice,
    /// A number, or one of [`FilterInfo::values`].
    Number,
    /// A duration.
    Duration,
    /// A date.
    Date,
    /// A regular expression on something else: a person, a message.
    Regex,
    /// A name.
    Name,
}

impl ValueKind {
    /// Whether a value is (or begins with) a regular expression, so that a backslash protects the character after it.
    pub(crate) fn is_regex(self) -> bool {
        matches!(self, ValueKind::Repository | ValueKind::Path | ValueKind::Regex)
    }
}

/// One row of the table.
#[derive(Debug, PartialEq)]
pub struct FilterInfo {
    /// Which filter.
    pub id: FilterId,
    /// The name that is printed.
    pub name: &'static str,
    /// Other names that are read.
    pub aliases: &'static [&'static str],
    /// Whether `-` may stand before it.
    pub negatable: bool,
    /// What its values are, for programs.
    pub kind: ValueKind,
    /// What its values are, in a few words, for people.
    pub value: &'static str,
    /// The values, where they can be listed.
    pub values: &'static [ValueInfo],
    /// The predicates it takes beside its values.
    pub predicates: &'static [PredicateInfo],
    /// One line about it.
    pub doc: &'static str,
    /// A query that uses it.
    pub example: &'static str,
}

impl FilterInfo {
    /// The filter of this name or alias, in any case.
    pub fn find(name: &str) -> Option<&'static FilterInfo> {
        FILTERS.iter().find(|filter| filter.names().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// The name, then the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// A value of a filter.
#[derive(Debug, PartialEq)]
pub struct ValueInfo {
    /// As written in queries.
    pub value: &'static str,
    /// One line about it.
    pub doc: &'static str,
}

/// A predicate of a filter, such as `has.path(RE)`. `contains.` is read as `has.`.
#[derive(Debug, PartialEq)]
pub struct PredicateInfo {
    /// Its name, such as `has.path`.
    pub name: &'static str,
    /// What stands between its parentheses.
    pub arguments: &'static str,
    /// One line about it.
    pub doc: &'static str,
}

/// The table as Markdown: the part of the documentation that is generated.
pub fn filter_table_markdown() -> String {
    let mut out = String::from(
        "| filter | aliases | `-` | values | what it does | example |\n|---|---|---|---|---|---|\n",
    );
    for filter in FILTERS {
        let aliases: Vec<String> = filter.aliases.iter().map(|alias| format!("`{alias}:`")).collect();
        let negatable = if filter.negatable { "yes" } else { "" };
        let cells = [
            format!("`{}:`", filter.name),
            aliases.join(" "),
            negatable.to_string(),
            filter.value.to_string(),
            filter.doc.to_string(),
            format!("`{}`", filter.example),
        ];
        out.push_str(&format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
    out
}

/// The predicates as Markdown, likewise generated.
pub fn predicate_table_markdown() -> String {
    let mut out = String::from("| predicate | what it asks |\n|---|---|\n");
    for filter in FILTERS {
        for predicate in filter.predicates {
            out.push_str(&format!(
                "| `{}:{}({})` | {} |\n",
                filter.name, predicate.name, predicate.arguments, predicate.doc
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, parse, unanswerable};

    #[test]
    fn rows_stand_in_the_order_of_the_ids() {
        for (idx, filter) in FILTERS.iter().enumerate() {
            assert_eq!(filter.id as usize, idx, "{}", filter.name);
        }
    }

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut names: Vec<_> = FILTERS.iter().flat_map(FilterInfo::names).collect();
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase())));
        let n_names = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), n_names);
    }

    #[test]
    fn examples_can_be_asked() {
        for filter in FILTERS {
            let query = parse(filter.example, &Options::default()).expect(filter.example);
            assert_eq!(unanswerable(&query), None, "{}", filter.example);
        }
    }

    #[test]
    fn listed_values_can_be_asked() {
        for filter in FILTERS {
            for value in filter.values {
                let text = format!("{}:{}", filter.name, value.value);
                let query = parse(&text, &Options::default()).expect(&text);
                assert_eq!(unanswerable(&query), None, "{text}");
            }
        }
    }
}
