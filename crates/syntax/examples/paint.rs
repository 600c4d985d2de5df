//! Shows what this crate makes of files: `cargo run --release -p syntax --example paint -- FILE…` prints them in colour,
//! `… -- --time DIR…` reads trees and tells the speed of each step, `--detect` the same without highlighting.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use syntax::{Class, DecodeLimits, Decoded, HighlightLimits};

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, folders)) if first == "--time" => time(folders, true),
        Some((first, folders)) if first == "--detect" => time(folders, false),
        _ => arguments.iter().try_for_each(|file| show(Path::new(file))),
    }
}

fn show(file: &Path) -> std::io::Result<()> {
    let bytes = std::fs::read(file)?;
    let Decoded::Text { utf8, flags, encoding } = syntax::decode(&bytes, &DecodeLimits::default()) else {
        println!("{}: not text", file.display());
        return Ok(());
    };
    let language = syntax::detect_language(file.as_os_str().as_encoded_bytes(), utf8.as_bytes());
    let started = Instant::now();
    let spans = syntax::highlight(language, &utf8, &HighlightLimits::default());
    let name = syntax::language_name(language).unwrap_or("unknown");
    eprintln!("{}: {name}, {encoding}, {flags:?}, {:?}", file.display(), started.elapsed());
    let spans = spans.unwrap_or_else(|error| {
        eprintln!("{error}");
        Vec::new()
    });
    for line in syntax::lines(&utf8, &spans) {
        let mut at = line.range.start;
        for span in &line.spans {
            let (start, end) = (span.range.start, span.range.end);
            print!("{}\x1b[{}m{}\x1b[0m", &utf8[at..start], ansi(span.class), &utf8[start..end]);
            at = end;
        }
        println!("{}", &utf8[at..line.range.end]);
    }
    Ok(())
}

fn ansi(class: Class) -> &'static str {
    match class {
        Class::Comment => "90",
        Class::String => "32",
        Class::Escape | Class::Inserted => "92",
        Class::Number | Class::Constant => "36",
        Class::Keyword => "1;34",
        Class::Operator | Class::Punctuation => "37",
        Class::Function => "33",
        Class::Macro | Class::Attribute | Class::Label => "35",
        Class::Type | Class::Module => "96",
        Class::Variable | Class::Property => "94",
        Class::Tag | Class::Deleted => "31",
        Class::Heading | Class::Strong => "1",
        Class::Link | Class::Emphasis => "4",
    }
}

fn time(folders: &[String], with_highlight: bool) -> std::io::Result<()> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut pending: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    while let Some(path) = pending.pop() {
        let kind = std::fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                pending.push(entry?.path());
            }
        } else if kind.is_file() {
            files.push(path);
        }
    }
    let mut took = [Duration::ZERO; 4];
    let (mut n_bytes, mut n_highlighted) = (0usize, 0usize);
    let mut n_by_language: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut errors: BTreeMap<String, usize> = BTreeMap::new();
    for file in &files {
        let bytes = std::fs::read(file)?;
        let path = file.as_os_str().as_encoded_bytes();
        n_bytes += bytes.len();
        let mut clock = Instant::now();
        let mut lap = |place: usize| {
            took[place] += clock.elapsed();
            clock = Instant::now();
        };
        let decoded = syntax::decode(&bytes, &DecodeLimits::default());
        lap(0);
        let doc_flags = syntax::doc_flags(path);
        let Decoded::Text { utf8, flags, encoding } = decoded else { continue };
        syntax::static_rank(path, doc_flags, flags);
        lap(1);
        let language = syntax::detect_language(path, utf8.as_bytes());
        lap(2);
        let slot = n_by_language.entry(syntax::language_name(language).unwrap_or("unknown")).or_default();
        *slot = (slot.0 + 1, slot.1 + utf8.len());
        if encoding != "UTF-8" {
            *errors.entry(format!("encoding {encoding}")).or_default() += 1;
        }
        if !with_highlight {
            continue;
        }
        let limits =
            HighlightLimits { deadline: Some(Instant::now() + Duration::from_secs(2)), ..Default::default() };
        match syntax::highlight(language, &utf8, &limits) {
            Ok(_) => n_highlighted += utf8.len(),
            Err(error) => *errors.entry(error.to_string()).or_default() += 1,
        }
        lap(3);
    }
    let speed = |bytes: usize, took: Duration| bytes as f64 / 1e6 / took.as_secs_f64();
    println!("{} files, {:.1} MB", files.len(), n_bytes as f64 / 1e6);
    for (step, took) in ["decode", "flags and rank", "detect"].iter().zip(took) {
        println!("{step}: {took:?}, {:.0} MB/s", speed(n_bytes, took));
    }
    println!("highlight: {:?}, {:.1} MB/s", took[3], speed(n_highlighted, took[3]));
    for (name, (n_files, n_bytes)) in &n_by_language {
        println!("  {name}: {n_files} files, {n_bytes} bytes");
    }
    for (error, count) in &errors {
        println!("  {count} × {error}");
    }
    Ok(())
}
