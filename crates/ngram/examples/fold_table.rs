//! Prints `src/fold_table.rs` from the case folding classes of regex-syntax:
//! `cargo run -p ngram --example fold_table > crates/ngram/src/fold_table.rs`.
#![allow(clippy::print_stdout, reason = "printing is this program's purpose")]

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

fn main() {
    println!(
        "//! Simple case folding: which character stands for its class. Made by `examples/fold_table.rs`; do not edit."
    );
    println!();
    println!(
        "/// Runs of `(first, last, step, representative of first − first)`: every `step`-th character from `first` to `last`"
    );
    println!(
        "/// is represented by the character that far away. Characters in no run stand for themselves. Ascending."
    );
    println!("pub(crate) const RUNS: &[(u32, u32, u32, i32)] = &[");
    for (first, last, step, delta) in runs() {
        println!("    ({first:#x}, {last:#x}, {step}, {delta}),");
    }
    println!("];");
}

fn runs() -> Vec<(u32, u32, u32, i32)> {
    let mut runs: Vec<(u32, u32, u32, i32)> = Vec::new();
    for c in ('\0'..=char::MAX).filter(|c| representative(*c) != *c) {
        let (code, delta) = (c as u32, representative(c) as i32 - c as i32);
        match runs.last_mut() {
            Some((first, last, step, run_delta))
                if *run_delta == delta && (code - *last == *step || (first == last && code - *last <= 2)) =>
            {
                *step = code - *last;
                *last = code;
            }
            _ => runs.push((code, code, 1, delta)),
        }
    }
    runs
}

/// The ASCII lower-case letter of the class if it has one, else its first lower-case letter, else its first character.
fn representative(c: char) -> char {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
    class.case_fold_simple();
    let members = || class.iter().flat_map(|range| range.start()..=range.end());
    let is_lowercase = |c: &char| c.to_lowercase().eq([*c]);
    members()
        .find(char::is_ascii_lowercase)
        .or_else(|| members().find(is_lowercase))
        .or_else(|| members().next())
        .unwrap_or(c)
}
