//! Looks for a structural pattern in trees of files, without an index:
//! `cargo run --release -p syntax --example shape -- LANGUAGE PATTERN DIR…` prints the first line of each match, and how many
//! there are and how long it took.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::path::PathBuf;
use std::time::{Duration, Instant};
use syntax::{DecodeLimits, Decoded, StructuralLimits, StructuralPattern};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [language, pattern, folders @ ..] = arguments.as_slice() else {
        eprintln!("give a language, a pattern and folders");
        return Ok(());
    };
    let languages: Vec<_> = syntax::language_by_name(language).into_iter().collect();
    let compiled = match StructuralPattern::compile(pattern, &languages) {
        Ok(compiled) => compiled,
        Err(error) => {
            eprintln!("{error} {:?}", error.span());
            return Ok(());
        }
    };
    eprintln!("read as {}", compiled.languages().join(", "));
    let mut paths: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    let (mut n_files, mut n_matches, mut n_bytes, mut spent) = (0, 0, 0, Duration::ZERO);
    while let Some(path) = paths.pop() {
        if path.is_dir() && !path.is_symlink() {
            for entry in std::fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
            continue;
        }
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Decoded::Text { utf8, .. } = syntax::decode(&bytes, &DecodeLimits::default()) else { continue };
        let language = syntax::detect_language(path.as_os_str().as_encoded_bytes(), utf8.as_bytes());
        if !compiled.reads(language) {
            continue;
        }
        let started = Instant::now();
        match compiled.find(language, &utf8, &StructuralLimits::default()) {
            Ok(found) => {
                spent += started.elapsed();
                n_files += 1;
                n_bytes += utf8.len();
                n_matches += found.ranges.len() as u64 + found.n_nested;
                for range in &found.ranges {
                    let line = utf8[..range.start].matches('\n').count() + 1;
                    let first = utf8[range.clone()].lines().next().unwrap_or_default();
                    println!("{}:{line}:{first}", path.display());
                }
            }
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
    }
    eprintln!("{n_matches} matches in {n_files} files of {} MB, {spent:?}", n_bytes >> 20);
    Ok(())
}
