//! What the grammars' own scanners, written in C, can hold.
//!
//! A grammar may keep a stack (indentation, open strings, here-documents) and must store it in 1,024 bytes after each
//! token. Some scanners check that wrongly: a hostile text makes them write past the buffer and the parser then ends the
//! whole process. Each function here tells a text that cannot do that, without false comfort; the others are lexed. The
//! bounds are read from the scanners' sources and hold for the versions in `Cargo.lock`; `tests/it/hostile.rs` has texts
//! beyond them.

use memchr::memchr;

/// tree-sitter's `TREE_SITTER_SERIALIZATION_BUFFER_SIZE`.
const BUFFER_BYTES: usize = 1024;

/// Python's scanner stores 2 bytes, one for each open string (at most 255) and 2 for each level of indentation, and
/// checks for room only one byte ahead. It overflows with 384 levels or more.
///
/// Levels are of different widths, so there are no more of them than columns in the widest indentation. A backslash at
/// a line's end continues the count on the next line, so runs of blanks, line ends and backslashes are summed up.
pub(crate) fn python_holds(text: &str) -> bool {
    const COLUMNS_MAX: usize = (BUFFER_BYTES - 2 - 255) / 2 - 1;
    /// As the scanner counts a tab.
    const TAB_COLUMNS: usize = 8;
    let mut columns = 0;
    for byte in text.bytes() {
        match byte {
            b' ' => columns += 1,
            b'\t' => columns += TAB_COLUMNS,
            b'\n' | b'\r' | b'\x0C' | b'\\' => {}
            _ => columns = 0,
        }
        if columns > COLUMNS_MAX {
            return false;
        }
    }
    true
}

/// Ruby's scanner stores 2 bytes, 5 for each open literal and 4 and its word for each open here-document, and checks
/// for 2 of these 4; it stores a word's length in one byte. Without here-documents it is right.
///
/// While it recovers from errors it may take any quotation mark for an opening one, so all marks are counted.
pub(crate) fn ruby_holds(text: &str) -> bool {
    const WORD_BYTES_MAX: usize = 255;
    let bytes = text.as_bytes();
    let mut n_state_bytes = 2;
    let mut has_heredoc = false;
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' | b'\'' | b'`' | b'/' | b'%' => n_state_bytes += 5,
            b'<' if bytes[..place].ends_with(b"<") => {
                let word = heredoc_word_len(&bytes[place + 1..]);
                if word > WORD_BYTES_MAX {
                    return false;
                }
                has_heredoc |= word > 0;
                n_state_bytes += if word > 0 { 4 + word } else { 0 };
            }
            _ => {}
        }
        if has_heredoc && n_state_bytes + 2 >= BUFFER_BYTES {
            return false;
        }
    }
    true
}

/// At least the length of the word that ends a here-document opened before `rest`; 0 if none can be.
fn heredoc_word_len(rest: &[u8]) -> usize {
    let rest = match rest {
        [b'-' | b'~', rest @ ..] => rest,
        _ => rest,
    };
    match rest {
        [quote @ (b'"' | b'\'' | b'`'), inside @ ..] => memchr(*quote, inside).unwrap_or(inside.len()).max(1),
        _ => rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte >= 0x80)
            .count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_code_is_held() {
        assert!(python_holds("def f():\n\tif x:\n        return \\\n  1\n"));
        assert!(ruby_holds("x = <<~EOS\n  \"a\"\nEOS\ny << z\n"));
        assert!(ruby_holds(&"'a' + \"b\"\n".repeat(10_000)));
    }

    #[test]
    fn what_fills_the_buffer_is_not() {
        assert!(!python_holds(&" ".repeat(400)));
        assert!(!python_holds(&" \\\n".repeat(400)));
        assert!(!ruby_holds(&format!("<<{}", "A".repeat(256))));
        assert!(!ruby_holds(&format!("<<A{}", "'".repeat(300))));
        assert!(!ruby_holds(&"<<A,".repeat(300)));
        assert!(!ruby_holds("<<'no end ".repeat(100).as_str()));
    }
}
