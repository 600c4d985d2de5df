//! Counts and lists, as sentences say them.

/// A count with its noun: `1 file`, `2 files`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Names in a row: `a`, `a and b`, `a, b and c`; beyond the first few, how many more.
pub(crate) fn listed(names: &[&str], n_named: usize) -> String {
    let (named, n_more) = (names.len().min(n_named), names.len().saturating_sub(n_named));
    match (&names[..named], n_more) {
        ([], _) => String::new(),
        ([only], 0) => (*only).to_owned(),
        ([all @ .., last], 0) => format!("{} and {last}", all.join(", ")),
        (named, n_more) => format!("{} and {n_more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_names() {
        let check = |names: &[&str], expected: &str| assert_eq!(listed(names, 3), expected);
        check(&[], "");
        check(&["a"], "a");
        check(&["a", "b"], "a and b");
        check(&["a", "b", "c"], "a, b and c");
        check(&["a", "b", "c", "d"], "a, b, c and 1 more");
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "file", "files")), ["0 files", "1 file", "2 files"]);
    }
}
