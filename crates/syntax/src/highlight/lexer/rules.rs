//! What the generic lexer needs to know of each language.

use super::table::RULES;
use crate::highlight::Class;
use crate::languages::language_by_name;
use model::Language;
use std::collections::HashMap;
use std::sync::LazyLock;

/// How a language is read.
pub(in crate::highlight) enum Rules {
    /// Tokens.
    Code(Code),
    /// Keys and values, line by line.
    Settings(Settings),
    /// Tags.
    Markup,
    /// Added and removed lines.
    Patch,
    /// Text with headings.
    Prose(ProseStyle),
    /// YAML.
    Yaml,
}

/// How code is read.
#[derive(Clone, Copy)]
pub(in crate::highlight) struct Code {
    pub(super) line_comments: &'static [&'static str],
    /// Comments only where nothing but blanks stands before them.
    pub(super) first_on_line_comments: &'static [&'static str],
    /// Words that make the rest of their line a comment, in any case: `REM`.
    pub(super) comment_words: &'static [&'static str],
    pub(super) block_comments: &'static [(&'static str, &'static str)],
    /// Tried in order: longer openings first.
    pub(super) strings: &'static [StringRule],
    pub(super) words: Words,
    pub(super) ignores_case: bool,
    /// Bytes besides letters, digits and `_` that a word may hold.
    pub(super) word_bytes: &'static [u8],
    pub(super) variable_marks: &'static [u8],
    /// A byte that makes the word behind it a directive, its class, and whether it may stand anywhere on a line.
    pub(super) directive: Option<(u8, Class, bool)>,
    /// Whether a word followed by `(` is a function.
    pub(super) calls: bool,
    /// Whether a capitalised word is a type.
    pub(super) capital_types: bool,
    /// Whether a first word followed by `:` is a label.
    pub(super) has_labels: bool,
}

/// How a string literal is read.
pub(in crate::highlight) struct StringRule {
    pub(super) open: &'static str,
    pub(super) close: &'static str,
    pub(super) escapes: bool,
    pub(super) many_lines: bool,
}

/// A language's words, apart by class, blank between them.
#[derive(Clone, Copy)]
pub(in crate::highlight) struct Words {
    keywords: &'static str,
    types: &'static str,
    constants: &'static str,
}

/// The same for looking up; built for each text, which costs some microseconds.
pub(super) struct WordTable(HashMap<&'static [u8], Class>);

/// Longest word in a list (held by a test).
const WORD_BYTES_MAX: usize = 32;

impl Words {
    pub(super) const fn new(keywords: &'static str, types: &'static str, constants: &'static str) -> Self {
        Words { keywords, types, constants }
    }

    pub(super) fn table(self) -> WordTable {
        let lists =
            [(self.types, Class::Type), (self.constants, Class::Constant), (self.keywords, Class::Keyword)];
        let words = |(list, class): (&'static str, Class)| {
            list.split_ascii_whitespace().map(move |word| (word.as_bytes(), class))
        };
        WordTable(lists.into_iter().flat_map(words).collect())
    }
}

impl WordTable {
    /// The class of a word, if it is in a list. Lists of languages that ignore case are in lower case.
    pub(super) fn class_of(&self, word: &[u8], ignores_case: bool) -> Option<Class> {
        let mut buffer = [0u8; WORD_BYTES_MAX];
        let lowered = buffer.get_mut(..word.len())?;
        lowered.copy_from_slice(word);
        if ignores_case {
            lowered.make_ascii_lowercase();
        }
        self.0.get(&*lowered).copied()
    }
}

/// How settings are read.
pub(in crate::highlight) struct Settings {
    pub(super) comments: &'static [&'static str],
    pub(super) separators: &'static [char],
}

/// Which marks prose uses.
#[derive(Clone, Copy)]
pub(in crate::highlight) enum ProseStyle {
    /// `#` headings, fences of backquotes or tildes.
    Markdown,
    /// Underlined headings, `..` comments.
    ReStructuredText,
    /// `=` headings, `----` fences, `//` comments.
    AsciiDoc,
}

impl ProseStyle {
    pub(super) fn fences(self) -> &'static [&'static str] {
        match self {
            ProseStyle::Markdown => &["```", "~~~"],
            ProseStyle::ReStructuredText => &[],
            ProseStyle::AsciiDoc => &["----", "...."],
        }
    }

    pub(super) fn is_heading(self, line: &str) -> bool {
        let is_rule =
            |marks: &[char]| line.len() >= 3 && line.trim_end().chars().all(|char| marks.contains(&char));
        match self {
            ProseStyle::Markdown => {
                let n_marks = line.bytes().take_while(|byte| *byte == b'#').count();
                (1..=6).contains(&n_marks) && line[n_marks..].starts_with([' ', '\t']) || is_rule(&['='])
            }
            ProseStyle::ReStructuredText => is_rule(&['=', '-', '~', '^', '"', '#', '*', '+']),
            ProseStyle::AsciiDoc => line.starts_with('=') && line.trim_start_matches('=').starts_with(' '),
        }
    }

    pub(super) fn is_comment(self, line: &str) -> bool {
        match self {
            ProseStyle::Markdown => line.starts_with("<!--") && line.trim_end().ends_with("-->"),
            ProseStyle::ReStructuredText => line.starts_with(".. "),
            ProseStyle::AsciiDoc => line.starts_with("//"),
        }
    }
}

/// The rules for a language, if there are any.
pub(super) fn rules_of(language: Language) -> Option<&'static Rules> {
    let place = BY_LANGUAGE.binary_search_by_key(&language, |(served, _)| *served).ok()?;
    BY_LANGUAGE.get(place).map(|(_, rules)| *rules)
}

/// All rules by each language they serve, sorted. Of two entries for a language the first counts.
static BY_LANGUAGE: LazyLock<Vec<(Language, &'static Rules)>> = LazyLock::new(|| {
    let serves = |(names, rules): &'static (&'static str, Rules)| {
        names.split('|').filter_map(move |name| Some((language_by_name(name.trim())?, rules)))
    };
    let mut all: Vec<_> = RULES.iter().flat_map(serves).collect();
    all.sort_by_key(|(language, _)| *language);
    all
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_and_have_one_case() {
        for (names, rules) in &RULES {
            let Rules::Code(code) = rules else { continue };
            for word in code.words.table().0.keys() {
                assert!(word.len() <= WORD_BYTES_MAX, "{names}");
                let is_lower = word.to_ascii_lowercase() == *word;
                assert!(!code.ignores_case || is_lower, "{names}: {}", String::from_utf8_lossy(word));
            }
            assert!(code.strings.iter().all(|rule| !rule.open.is_empty() && !rule.close.is_empty()));
            assert!(code.block_comments.iter().all(|(open, close)| !open.is_empty() && !close.is_empty()));
        }
    }
}
