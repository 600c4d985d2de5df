//! Folding: one spelling for all cases of a character.
//!
//! ASCII letters become lower case; every other character becomes the representative of its class under Unicode's *simple*
//! case folding, the classes that `(?i)` uses in regex-syntax: `K` (U+212A) becomes `k`, `ſ` (U+017F) becomes `s`, `ß` and
//! `ẞ` are one class apart from `s`. Bytes that are not UTF-8 pass unchanged, one by one; because UTF-8 finds its step
//! again at every lead byte, a character is folded the same whatever stands before it.

use crate::fold_table::RUNS;
use std::sync::OnceLock;

/// Appends the folded form of `text` to `folded`. It may be shorter or longer than the text; newlines stay newlines, and
/// nothing else becomes one.
pub fn fold_into(text: &[u8], folded: &mut Vec<u8>) {
    folded.reserve(text.len());
    let table = FoldTable::get();
    let mut rest = text;
    while !rest.is_empty() {
        let n_ascii = rest.iter().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        folded.extend(rest[..n_ascii].iter().map(|byte| fold_ascii(*byte)));
        rest = &rest[n_ascii..];
        let n_other = rest.iter().position(u8::is_ascii).unwrap_or(rest.len());
        for piece in rest[..n_other].utf8_chunks() {
            piece.valid().chars().for_each(|c| {
                let mut buffer = [0; 4];
                folded.extend_from_slice(table.fold(c).encode_utf8(&mut buffer).as_bytes());
            });
            folded.extend_from_slice(piece.invalid());
        }
        rest = &rest[n_other..];
    }
}

/// The representative of a character's class.
pub fn fold_char(c: char) -> char {
    if c.is_ascii() { c.to_ascii_lowercase() } else { FoldTable::get().fold(c) }
}

#[inline(always)]
pub(crate) fn fold_ascii(byte: u8) -> u8 {
    byte.to_ascii_lowercase()
}

/// [`RUNS`] spread out into pages of 256 characters, so that folding is one look-up and not a search. Few pages differ from
/// the identity; each takes 1 KiB.
struct FoldTable {
    page_of: Vec<u8>,
    pages: Vec<[char; 256]>,
}

/// In `page_of`: every character of this page stands for itself.
const IDENTITY: u8 = u8::MAX;

impl FoldTable {
    fn get() -> &'static FoldTable {
        static TABLE: OnceLock<FoldTable> = OnceLock::new();
        TABLE.get_or_init(FoldTable::build)
    }

    fn build() -> FoldTable {
        let mut table = FoldTable { page_of: vec![IDENTITY; 0x1100], pages: Vec::new() };
        for (first, last, step, delta) in RUNS.iter().copied() {
            for code in (first..=last).step_by(step as usize) {
                let Some(representative) = code.checked_add_signed(delta).and_then(char::from_u32) else {
                    continue;
                };
                table.page_mut(code >> 8)[code as usize & 0xff] = representative;
            }
        }
        table
    }

    fn page_mut(&mut self, page: u32) -> &mut [char; 256] {
        let slot = &mut self.page_of[page as usize];
        if *slot == IDENTITY {
            *slot = self.pages.len() as u8;
            let own = |idx: usize| char::from_u32(page << 8 | idx as u32).unwrap_or('\0');
            self.pages.push(std::array::from_fn(own));
        }
        &mut self.pages[*slot as usize]
    }

    fn fold(&self, c: char) -> char {
        match self.page_of[c as usize >> 8] {
            IDENTITY => c,
            page => self.pages[page as usize][c as usize & 0xff],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], expected: &[u8]) {
        let mut folded = Vec::new();
        fold_into(text, &mut folded);
        assert_eq!(folded, expected, "{:?}", text.escape_ascii().to_string());
    }

    #[test]
    fn folds() {
        check(b"Foo_BAR\n9", b"foo_bar\n9");
        check("\u{212a}ELVIN \u{17f}TRASSE".as_bytes(), b"kelvin strasse");
        check("ÉCOLE Straße STRAẞE ΑΣΣ ασ İı".as_bytes(), "école straße straße αςς ας İı".as_bytes());
        check("日本語 Ж".as_bytes(), "日本語 ж".as_bytes());
        check(b"A\xff\xc3B\xe2\x84\xaaC\xe2\x84", b"a\xff\xc3bkc\xe2\x84");
    }
}
