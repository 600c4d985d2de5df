//! What answers of the API are in the protocol's words.

use serde_json::Value;

/// The number of a kind of symbol (`SymbolKind` of the protocol).
pub(crate) fn symbol_kind(word: &str) -> u8 {
    match word {
        "module" | "namespace" | "package" => 2,
        "class" | "type" | "union" => 5,
        "method" => 6,
        "property" => 7,
        "field" | "member" => 8,
        "constructor" => 9,
        "enum" => 10,
        "interface" | "trait" | "protocol" => 11,
        "function" | "macro" => 12,
        "constant" => 14,
        "struct" => 23,
        "enumerator" | "enum-member" | "variant" => 22,
        _ => 13,
    }
}

/// A word of an answer.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A number of an answer, as lines and columns are.
pub(crate) fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// A list of an answer.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Text as Markdown that shows just that text: it is somebody else's, and no link, image or command of theirs is passed on.
pub(crate) fn as_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            // A line break of the text is one.
            '\n' => escaped.push_str("  \n"),
            ':' => escaped.push_str("&#58;"),
            '@' => escaped.push_str("&#64;"),
            c if c.is_ascii_punctuation() => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Code in a fence that the code itself cannot end.
pub(crate) fn in_fence(code: &str, language: &str) -> String {
    let (mut longest, mut run) = (2, 0);
    for character in code.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    let language: String =
        language.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    format!("{fence}{language}\n{code}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_stay_text() {
        let hostile = "![x](https://evil/x.png) <img> [a](command:b) `c` http://x";
        let shown = as_markdown(hostile);
        assert_eq!(
            shown,
            "\\!\\[x\\]\\(https&#58;\\/\\/evil\\/x\\.png\\) &lt;img\\> \\[a\\]\\(command&#58;b\\) \\`c\\` http&#58;\\/\\/x"
        );
        assert_eq!(in_fence("a ``` b", "C++ x"), "````cx\na ``` b\n````");
    }
}
