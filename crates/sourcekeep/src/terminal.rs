//! What is printed, and how: colour on terminals only, hostile text made harmless.

use crate::cli::ColorWhen;
use anstyle::{AnsiColor, Style};
use std::borrow::Cow;
use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

/// The word before an error.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The word before a warning.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What is worth noticing.
pub(crate) const STRONG: Style = Style::new().bold();
/// Paths, as ripgrep colours them.
pub(crate) const PATH: Style = AnsiColor::Magenta.on_default();
/// Line numbers, as ripgrep colours them.
pub(crate) const LINE_NUMBER: Style = AnsiColor::Green.on_default();
/// Matches, as ripgrep colours them.
pub(crate) const MATCH: Style = AnsiColor::Red.on_default().bold();

/// Decides on colour for the whole process.
pub(crate) fn choose_color(when: ColorWhen) {
    let choice = match when {
        ColorWhen::Auto => anstream::ColorChoice::Auto,
        ColorWhen::Always => anstream::ColorChoice::Always,
        ColorWhen::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

/// Prints an error.
pub(crate) fn error(message: &str) {
    note(ERROR, "error", message);
}

/// Prints a warning.
pub(crate) fn warning(message: &str) {
    note(WARNING, "warning", message);
}

fn note(style: Style, word: &str, message: &str) {
    eprint_line(format_args!("{style}{word}:{style:#} {}", harmless(message)));
}

/// Prints a line to standard output. Nobody listening is no error.
pub(crate) fn print_line(line: impl Display) {
    let _ = writeln!(anstream::stdout(), "{line}");
}

/// Prints a line to standard error.
pub(crate) fn eprint_line(line: impl Display) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Prints a document as JSON.
pub(crate) fn print_json(value: &serde_json::Value) {
    print_line(format_args!("{value:#}"));
}

/// Whether people watch standard error.
pub(crate) fn stderr_is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// The same for several lines.
pub(crate) fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

/// Replaces what could command a terminal or turn the order of text: control characters but tab, and the bidirectional
/// overrides.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| {
        (c.is_control() && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    match text.contains(is_harmful) {
        true => Cow::Owned(text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()),
        false => Cow::Borrowed(text),
    }
}

/// A count as people read it: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 repository`, `2 repositories`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size as people read it: `1.3 GB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if value < 10.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1300, 45_000_000, 1_300_000_000].map(size),
            ["0 B", "999 B", "1.3 kB", "45 MB", "1.3 GB"]
        );
        assert_eq!(size(999_900), "1.0 MB");
        assert_eq!(counted(1, "file", "files"), "1 file");
    }

    #[test]
    fn text_cannot_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\u{9b}c\u{202e}\td"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}\td");
        assert!(matches!(harmless("plain\ttext é"), Cow::Borrowed(_)));
    }
}
