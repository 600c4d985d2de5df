//! Text of somebody else's in the log: escaped and cut when it is taken, so that no reader of the log has to be careful.

use std::fmt;

/// Longest text of one column, in bytes after escaping.
const BYTES_MAX: usize = 1024;

/// One line of printable text. Whatever could break a line, move a cursor, reverse or hide what stands beside it is
/// written as `\u{…}`; a backslash is doubled, so that nobody can pretend an escape. Longer texts are cut and end in `…`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditText(String);

impl AuditText {
    /// No text.
    pub const EMPTY: AuditText = AuditText(String::new());

    /// Takes any text.
    pub fn new(text: &str) -> Self {
        let mut escaped = String::with_capacity(text.len().min(BYTES_MAX));
        for c in text.chars() {
            let length = escaped.len();
            match c {
                '\\' => escaped.push_str("\\\\"),
                _ if is_plain(c) => escaped.push(c),
                _ => escaped.extend(c.escape_unicode()),
            }
            if escaped.len() > BYTES_MAX {
                escaped.truncate(length);
                escaped.push('…');
                break;
            }
        }
        AuditText(escaped)
    }

    /// The escaped text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AuditText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Whether a character stands for itself: no control character, nothing that changes the direction of text, takes no room,
/// or ends a line for somebody (Unicode TR36, 3.2 and TR9).
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_lie_is_escaped() {
        let check = |text: &str, expected: &str| assert_eq!(AuditText::new(text).as_str(), expected);
        check("ada löscht 漢字", "ada löscht 漢字");
        check("a\nb\r\u{1b}[2J\0", "a\\u{a}b\\u{d}\\u{1b}[2J\\u{0}");
        check("ada\u{202e}nimda", "ada\\u{202e}nimda");
        check("a\u{200b}\u{feff}\u{2028}b", "a\\u{200b}\\u{feff}\\u{2028}b");
        check("\\u{a}", "\\\\u{a}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = AuditText::new(&"é".repeat(5000));
        assert!(text.as_str().ends_with("é…") && text.as_str().len() <= BYTES_MAX + 3);
        assert!(!AuditText::new(&"\u{1b}".repeat(5000)).as_str().trim_end_matches('…').ends_with("{1"));
    }

    proptest! {
        #[test]
        fn one_line_and_nothing_hidden(text in any::<String>()) {
            let escaped = AuditText::new(&text);
            prop_assert_eq!(escaped.as_str().lines().count().max(1), 1);
            prop_assert!(escaped.as_str().chars().all(is_plain));
        }

        #[test]
        fn different_texts_stay_different(one in ".{0,50}", other in ".{0,50}") {
            prop_assert_eq!(one == other, AuditText::new(&one) == AuditText::new(&other));
        }
    }
}
