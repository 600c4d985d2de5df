//! The languages there are: names, aliases, colours. Sorted constant tables, so that nothing is built at start.

use model::Language;

#[rustfmt::skip]
mod table;

pub(crate) use table::{EXTENSIONS, FILENAMES, INTERPRETERS};

/// What kind of language it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LanguageKind {
    /// A programming language.
    Programming,
    /// A data format.
    Data,
    /// A markup or style language.
    Markup,
    /// Prose.
    Prose,
}

/// A language's entry in the table.
#[derive(Debug, PartialEq, Eq)]
pub struct LanguageInfo {
    /// Its number.
    pub id: Language,
    /// Its name as people write it: `C++`.
    pub name: &'static str,
    /// Other names: `cpp`.
    pub aliases: &'static [&'static str],
    /// What kind it is.
    pub kind: LanguageKind,
    /// Its colour as `0xRRGGBB`, where it has one.
    pub color: Option<u32>,
    /// The language it is a variety of (TypeScript for TSX); itself where it is none.
    pub group: Language,
}

/// Every language, ordered by id.
pub fn languages() -> &'static [LanguageInfo] {
    table::LANGUAGES
}

/// The entry of a language; `None` for [`Language::UNKNOWN`] and for a number this build does not know.
pub fn language_info(language: Language) -> Option<&'static LanguageInfo> {
    let place = table::LANGUAGES.binary_search_by_key(&language, |info| info.id).ok()?;
    table::LANGUAGES.get(place)
}

/// The name of a language; `None` as for [`language_info`].
pub fn language_name(language: Language) -> Option<&'static str> {
    language_info(language).map(|info| info.name)
}

/// Finds a language by name or alias, ignoring ASCII case; space, hyphen and underscore count as the same.
pub fn language_by_name(name: &str) -> Option<Language> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let folded = fold(name);
    let place = table::NAMES.binary_search_by(|(known, _)| (*known).cmp(folded.as_str())).ok()?;
    table::NAMES.get(place).map(|(_, id)| Language(*id))
}

/// The name of the language that was probably meant by an unknown name, if one is close: one or two letters off, or
/// the start of a name.
pub fn suggest_language(name: &str) -> Option<&'static str> {
    let folded = fold(name);
    if folded.len() < 2 || folded.len() > NAME_BYTES_MAX {
        return None;
    }
    let id = nearest(&folded, 1)
        .or_else(|| {
            let is_start = |known: &str| folded.len() >= 3 && known.starts_with(&folded);
            let begun = table::NAMES.iter().filter(|(known, _)| is_start(known));
            begun.min_by_key(|(known, id)| (is_rare(*id), known.len())).map(|(_, id)| *id)
        })
        .or_else(|| if folded.len() >= 5 { nearest(&folded, 2) } else { None })?;
    language_name(Language(id))
}

/// The id of the nearest known name within a distance. Among equally near ones a common language, a name before an alias
/// (`pyton` is Python, not the `pycon` of its console), then the same length: letters are swapped more often than left out.
fn nearest(folded: &str, distance_max: usize) -> Option<u32> {
    table::NAMES
        .iter()
        .filter(|(known, _)| known.len().abs_diff(folded.len()) <= distance_max)
        .map(|(known, id)| {
            let distance = edit_distance(known.as_bytes(), folded.as_bytes());
            let is_alias = language_name(Language(*id)).is_none_or(|name| fold(name) != *known);
            (distance, is_rare(*id), is_alias, known.len().abs_diff(folded.len()), *known, *id)
        })
        .filter(|(distance, ..)| *distance <= distance_max)
        .min()
        .map(|(.., id)| id)
}

/// Whether a language is none of those whose definitions are found: the ones that people write.
fn is_rare(id: u32) -> bool {
    !crate::has_symbols(Language(id))
}

/// Longest name that is looked up; the longest in the table is far shorter (held by a test).
const NAME_BYTES_MAX: usize = 64;

/// Names compare without case and without the difference of space, hyphen and underscore.
fn fold(name: &str) -> String {
    let fold_char = |char: char| match char {
        ' ' | '_' => '-',
        other => other.to_ascii_lowercase(),
    };
    name.trim().chars().map(fold_char).collect()
}

/// The edit distance where a swap of neighbours counts as one (optimal string alignment).
fn edit_distance(left: &[u8], right: &[u8]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, left_byte) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right_byte) in right.iter().enumerate() {
            let substituted = last[j] + usize::from(left_byte != right_byte);
            let mut best = substituted.min(last[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && left[i - 1] == *right_byte && *left_byte == right[j - 1];
            if swapped {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(language_by_name(name).and_then(language_name), Some(expected), "{name}");
    }

    #[test]
    fn names_and_aliases_in_any_case() {
        check("C++", "C++");
        check("cpp", "C++");
        check("golang", "Go");
        check("JS", "JavaScript");
        check("c#", "C#");
        check("objective c", "Objective-C");
        check("Common_Lisp", "Common Lisp");
        check("ts", "TypeScript");
        check("yml", "YAML");
        check("bash", "Shell");
        check("vim script", "Vim script");
        assert_eq!(language_by_name("no such"), None);
        assert_eq!(language_by_name(&"x".repeat(1 << 20)), None);
    }

    #[test]
    fn suggestions() {
        assert_eq!(suggest_language("pyhton"), Some("Python"));
        assert_eq!(suggest_language("javascirpt"), Some("JavaScript"));
        assert_eq!(suggest_language("rsut"), Some("Rust"));
        assert_eq!(suggest_language("pyton"), Some("Python"));
        assert_eq!(suggest_language("typesc"), Some("TypeScript"));
        assert_eq!(suggest_language("rubi"), Some("Ruby"));
        assert_eq!(suggest_language("haske"), Some("Haskell"));
        assert_eq!(suggest_language("qqqqqqqqq"), None);
    }

    #[test]
    fn every_language_is_found_by_its_names() {
        for info in languages() {
            assert_eq!(language_by_name(info.name), Some(info.id), "{}", info.name);
            assert_eq!(language_info(info.id), Some(info));
            assert!(info.aliases.iter().all(|alias| language_by_name(alias).is_some()), "{}", info.name);
            assert!(info.name.len() <= NAME_BYTES_MAX);
            assert!(language_info(info.group).is_some());
        }
        assert_eq!(language_name(Language::UNKNOWN), None);
    }

    #[test]
    fn tables_are_sorted_and_folded() {
        assert!(languages().is_sorted_by_key(|info| info.id));
        assert!(table::NAMES.is_sorted_by(|left, right| left.0 < right.0));
        assert!(table::NAMES.iter().all(|(name, _)| fold(name) == *name));
        for table in [EXTENSIONS, FILENAMES, INTERPRETERS] {
            assert!(table.is_sorted_by(|left, right| left.0 < right.0));
            assert!(table.iter().all(|(_, ids)| !ids.is_empty()));
            let known = |id: &u32| language_info(Language(*id)).is_some();
            assert!(table.iter().all(|(_, ids)| ids.iter().all(known)));
        }
        assert!(EXTENSIONS.iter().all(|(extension, _)| extension.to_ascii_lowercase() == *extension));
    }
}
