//! Texts that the editor shows, and places carried between them and the text of a commit.

use precise::{Columns, Hunk, LineMap};

/// A text that the editor shows or the disk has, beside what the commit has of the same file.
pub(crate) struct Carried {
    shown: String,
    committed: String,
    lines: LineMap,
}

impl Carried {
    pub(crate) fn new(shown: String, committed: String) -> Carried {
        let lines = match shown == committed {
            true => LineMap::same(),
            false => difference(&committed, &shown),
        };
        Carried { shown, committed, lines }
    }

    /// A place of the shown text (line from 0, column as the editor counts) in the commit's: line from 0 and byte. `None` in a
    /// line that differs.
    pub(crate) fn to_commit(&self, line: u32, column: u32, columns: Columns) -> Option<(u32, u32)> {
        let text = line_of(&self.shown, line)?;
        // Editors may point behind the end of a line: that is its end.
        let byte = columns.to_bytes(text, column).unwrap_or(text.len() as u32);
        Some((self.lines.to_old(line)?, byte))
    }

    /// A place of the commit's text as the editor counts it in what it shows.
    pub(crate) fn to_shown(&self, line: u32, byte: u32, columns: Columns) -> Option<(u32, u32)> {
        let text = line_of(&self.committed, line)?;
        let line = self.lines.to_new(line)?;
        Some((line, columns.from_bytes(text, byte.min(text.len() as u32))?))
    }

    /// Where a name stands in a line of the commit, in bytes.
    pub(crate) fn find(&self, line: u32, name: &str) -> Option<(u32, u32)> {
        let start = line_of(&self.committed, line)?.find(name).filter(|_| !name.is_empty())?;
        Some((start as u32, (start + name.len()) as u32))
    }

    /// The length of a line of the commit, in bytes.
    pub(crate) fn length(&self, line: u32) -> Option<u32> {
        line_of(&self.committed, line).map(|text| text.len() as u32)
    }
}

fn difference(old: &str, new: &str) -> LineMap {
    let diff = git::TextDiff::new(old.as_bytes().to_vec(), new.as_bytes().to_vec());
    let range = |lines: &std::ops::Range<usize>| lines.start as u32..lines.end as u32;
    LineMap::new(
        diff.hunks.iter().map(|hunk| Hunk { old: range(&hunk.old), new: range(&hunk.new) }).collect(),
    )
}

/// A line without its end.
pub(crate) fn line_of(text: &str, line: u32) -> Option<&str> {
    text.split('\n').nth(line as usize).map(|line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_lines_that_are_the_same() {
        let carried = Carried::new("new\na 𝄞 b\nchanged\nlast".into(), "a 𝄞 b\nold\nlast".into());
        assert_eq!(carried.to_commit(1, 5, Columns::Utf16), Some((0, 7)));
        assert_eq!(carried.to_shown(0, 7, Columns::Utf16), Some((1, 5)));
        assert_eq!(carried.to_shown(0, 7, Columns::Utf8), Some((1, 7)));
        assert_eq!(carried.to_commit(2, 0, Columns::Utf16), None, "it was changed");
        assert_eq!(carried.to_shown(1, 0, Columns::Utf16), None);
        assert_eq!(carried.to_commit(3, 99, Columns::Utf16), Some((2, 4)), "behind its end");
        assert_eq!(carried.to_commit(99, 0, Columns::Utf16), None);
        assert_eq!(carried.find(2, "st"), Some((2, 4)));
    }
}
