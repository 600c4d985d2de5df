//! Which words of a changed line changed.

use model::ByteRange;

/// Longest line that is looked into, and most words of it.
const LINE_BYTES_MAX: usize = 2_000;
const WORDS_MAX: usize = 300;

/// The parts of two lines that are not in the other one. Nothing where the lines have little in common: then all of them
/// changed.
pub(crate) fn changed_words(old: &str, new: &str) -> (Vec<ByteRange>, Vec<ByteRange>) {
    let nothing = (Vec::new(), Vec::new());
    if old.len().max(new.len()) > LINE_BYTES_MAX {
        return nothing;
    }
    let (a, b) = (words(old), words(new));
    if a.len().max(b.len()) > WORDS_MAX {
        return nothing;
    }
    let text_a = |idx: usize| &old[a[idx].clone()];
    let text_b = |idx: usize| &new[b[idx].clone()];
    // Lengths of the longest common subsequences of what is left (Wagner and Fischer), from the end.
    let width = b.len() + 1;
    let mut lengths = vec![0u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i * width + j] = match text_a(i) == text_b(j) {
                true => lengths[(i + 1) * width + j + 1] + 1,
                false => lengths[(i + 1) * width + j].max(lengths[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut n_same) = (0, 0, 0);
    let (mut gone, mut added) = (Vec::new(), Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && text_a(i) == text_b(j) {
            n_same += if text_a(i).trim().is_empty() { 0 } else { text_a(i).len() };
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])
        {
            push(&mut gone, &a[i]);
            i += 1;
        } else {
            push(&mut added, &b[j]);
            j += 1;
        }
    }
    let n_longer = old.trim().len().max(new.trim().len());
    if n_same * 4 < n_longer { nothing } else { (gone, added) }
}

fn push(ranges: &mut Vec<ByteRange>, range: &ByteRange) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range.clone()),
    }
}

/// Names and numbers, runs of spaces, and every other character for itself.
fn words(line: &str) -> Vec<ByteRange> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 1,
        c if c.is_whitespace() => 2,
        _ => 0,
    };
    let mut words: Vec<ByteRange> = Vec::new();
    let mut last = 0;
    for (at, c) in line.char_indices() {
        let (now, end) = (kind(c), at + c.len_utf8());
        match words.last_mut() {
            Some(word) if now != 0 && now == last => word.end = end,
            _ => words.push(at..end),
        }
        last = now;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &str, new: &str, gone: &[&str], added: &[&str]) {
        let (a, b) = changed_words(old, new);
        assert_eq!(a.into_iter().map(|range| &old[range]).collect::<Vec<_>>(), gone, "{old} → {new}");
        assert_eq!(b.into_iter().map(|range| &new[range]).collect::<Vec<_>>(), added, "{old} → {new}");
    }

    #[test]
    fn words_that_changed_are_told() {
        check("let a = 1;", "let b = 1;", &["a"], &["b"]);
        check("call(x)", "call(x, y)", &[], &[", y"]);
        check("größe = alt", "größe = neu", &["alt"], &["neu"]);
        check("nothing in common", "(1 + 2) * 3", &[], &[]);
        check("", "", &[], &[]);
        check(&"x ".repeat(2_000), "x", &[], &[]);
    }
}
