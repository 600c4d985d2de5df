//! How deep a document is nested, before anything recurses over it: the executor's grammar does as deep as the text goes,
//! and a stack that is used up ends the whole process.

/// The deepest nesting of `{`, `[` and `(` outside of strings and comments (GraphQL specification, October 2021, section
/// 2.1). Behind a place where the text is no document the count may be wrong: no parser gets there.
pub(crate) fn depth(document: &str) -> usize {
    let bytes = document.as_bytes();
    let (mut depth, mut deepest, mut at) = (0usize, 0usize, 0usize);
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'{' | b'[' | b'(' => {
                depth += 1;
                deepest = deepest.max(depth);
                at + 1
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            b'#' => end_of_line(bytes, at),
            b'"' if bytes[at..].starts_with(b"\"\"\"") => end_of_block(bytes, at + 3),
            b'"' => end_of_string(bytes, at + 1),
            _ => at + 1,
        };
    }
    deepest
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(bytes.len(), |len| from + len)
}

fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            // No string goes on over a line: this is where the parser stops.
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_block(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if bytes[at..].starts_with(b"\"\"\"") {
            return at + 3;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_and_what_does_not() {
        assert_eq!(depth("{a(b:[1,{c:2}]){d}}"), 4);
        assert_eq!(depth("{a(q:\"((((\\\"((((\")}"), 2);
        assert_eq!(depth("{a(q:\"\"\"((( \\\"\"\" (((\"\"\")}"), 2);
        assert_eq!(depth("{a # }}}}\n{b # }}}\r{c}}}"), 3);
        assert_eq!(depth("{a(q:\"}}}}\"){b(q:\"}}}}\"){c}}}"), 3);
        assert_eq!(depth(&"{a".repeat(100_000)), 100_000);
        for broken in ["\"", "\"\\", "\"\"\"", "\"\"\"\\", "#", "}}}", ""] {
            assert_eq!(depth(broken), 0, "{broken}");
        }
    }
}
