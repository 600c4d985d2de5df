//! The few words in which the two databases differ.
//!
//! Every statement of this crate is one text for both, with `$1` placeholders. Where the words must differ, the text
//! holds a name in braces, and this table says what stands there:
//!
//! | in the text | meaning |
//! |---|---|
//! | `{ints:$1}` | the numbers of the JSON array in `$1`, as a sub-select for `IN` |
//! | `{texts:$1}` | the texts of the JSON array in `$1`, likewise |
//! | `{joined:x}` | the values of the expression `x` in all rows, with commas between; NULL where there are none |
//! | `{skip_locked}` | lock the chosen row; pass over rows that others have locked |
//! | `{key_share}` | wait for whoever deletes the chosen rows, and let nobody delete them meanwhile |
//!
//! The other differences are the schema's types (`migrations/`) and how a transaction begins (`database`).

use std::borrow::Cow;

/// Which words to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// Puts the words of this dialect into a statement. The text is the program's own, never a caller's.
    pub(crate) fn render(self, sql: &'static str) -> Cow<'static, str> {
        if !sql.contains('{') {
            return Cow::Borrowed(sql);
        }
        let mut rendered = String::with_capacity(sql.len() + 80);
        let mut rest = sql;
        while let Some((before, braced)) = rest.split_once('{') {
            let (word, after) = braced.split_once('}').unwrap_or((braced, ""));
            rendered.push_str(before);
            self.push_word(&mut rendered, word);
            rest = after;
        }
        rendered.push_str(rest);
        Cow::Owned(rendered)
    }

    fn push_word(self, rendered: &mut String, word: &str) {
        let (name, parameter) = word.split_once(':').unwrap_or((word, ""));
        let words = match (self, name) {
            (Dialect::Sqlite, "ints" | "texts") => ["(SELECT value FROM json_each(", parameter, "))"],
            (Dialect::Postgres, "ints") => {
                ["(SELECT value::bigint FROM json_array_elements_text(", parameter, "::json) AS each(value))"]
            }
            (Dialect::Postgres, "texts") => {
                ["(SELECT value FROM json_array_elements_text(", parameter, "::json) AS each(value))"]
            }
            (Dialect::Sqlite, "joined") => ["group_concat(", parameter, ")"],
            (Dialect::Postgres, "joined") => ["string_agg((", parameter, ")::text, ',')"],
            (Dialect::Sqlite, "skip_locked") => ["", "", ""],
            (Dialect::Postgres, "skip_locked") => ["FOR UPDATE SKIP LOCKED", "", ""],
            (Dialect::Sqlite, "key_share") => ["", "", ""],
            (Dialect::Postgres, "key_share") => ["FOR KEY SHARE", "", ""],
            // A word nobody knows makes a statement no database takes: the first test that runs it fails.
            _ => ["{", word, "}"],
        };
        rendered.extend(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_take_their_places() {
        let sql = "SELECT 1 WHERE a IN {ints:$2} AND b = $1 {skip_locked}";
        assert_eq!(
            Dialect::Sqlite.render(sql),
            "SELECT 1 WHERE a IN (SELECT value FROM json_each($2)) AND b = $1 "
        );
        assert_eq!(
            Dialect::Postgres.render(sql),
            "SELECT 1 WHERE a IN (SELECT value::bigint FROM json_array_elements_text($2::json) AS each(value)) \
             AND b = $1 FOR UPDATE SKIP LOCKED"
        );
        assert!(matches!(Dialect::Postgres.render("SELECT 1"), Cow::Borrowed(_)));
    }
}
