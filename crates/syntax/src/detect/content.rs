//! What the text says about its language: modeline, shebang, unmistakable beginnings.

use crate::languages::{INTERPRETERS, language_by_name};
use model::Language;

/// How many lines at either end are searched for a modeline; editors look at five.
const N_MODELINE_LINES: usize = 5;
/// Longest line that is taken for a modeline or shebang.
const LINE_BYTES_MAX: usize = 500;

/// Finds the language an Emacs (`-*- mode: c++ -*-`) or Vim (`vim: set ft=cpp:`) modeline names.
pub(super) fn modeline(head: &[u8]) -> Option<Language> {
    let first = head.split(|byte| *byte == b'\n').take(N_MODELINE_LINES);
    // A longer text's last lines are not in the head; there are too few such files to read them for it.
    let last = head.rsplit(|byte| *byte == b'\n').take(N_MODELINE_LINES + 1);
    let last = if head.len() < super::HEAD_BYTES { Some(last) } else { None };
    first
        .chain(last.into_iter().flatten())
        .filter(|line| line.len() <= LINE_BYTES_MAX)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .find_map(|line| emacs_mode(line).or_else(|| vim_filetype(line)).and_then(language_by_mode))
}

/// Finds the languages a `#!` line's interpreter runs, the likeliest first.
pub(super) fn shebang(head: &[u8]) -> Vec<Language> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let interpreter = line
        .strip_prefix(b"#!")
        .filter(|rest| rest.len() <= LINE_BYTES_MAX)
        .and_then(|rest| std::str::from_utf8(rest).ok())
        .and_then(interpreter);
    interpreter.map(languages_of_interpreter).unwrap_or_default()
}

/// Recognises a few beginnings that need no path.
pub(super) fn beginning(head: &[u8]) -> Option<Language> {
    let text = head.trim_ascii_start();
    let starts =
        |prefix: &[u8]| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let name = if starts(b"<?xml") {
        "XML"
    } else if starts(b"<!doctype html") || starts(b"<html") {
        "HTML"
    } else if starts(b"<?php") {
        "PHP"
    } else if starts(b"%!ps") {
        "PostScript"
    } else if starts(b"diff --git ") {
        "Diff"
    } else {
        return None;
    };
    language_by_name(name)
}

fn emacs_mode(line: &str) -> Option<&str> {
    let inside = line.split_once("-*-")?.1.split_once("-*-")?.0.trim();
    if !inside.contains([':', ';']) {
        return Some(inside);
    }
    inside.split(';').find_map(|setting| {
        let (name, value) = setting.split_once(':')?;
        name.trim().eq_ignore_ascii_case("mode").then_some(value.trim())
    })
}

fn vim_filetype(line: &str) -> Option<&str> {
    let marks = ["vim:", "vi:", "ex:"];
    let settings = marks.iter().find_map(|mark| {
        let (before, after) = line.split_once(mark)?;
        let stands_alone = before.is_empty() || before.ends_with([' ', '\t']);
        stands_alone.then_some(after)
    })?;
    let mut options = settings.split([' ', '\t', ':']);
    options.find_map(|option| {
        let (name, value) = option.split_once('=')?;
        matches!(name, "ft" | "filetype" | "syntax" | "syn").then_some(value)
    })
}

/// Editors' names for their modes that linguist does not list as aliases.
fn language_by_mode(mode: &str) -> Option<Language> {
    let name = match mode.to_ascii_lowercase().as_str() {
        "nroff" | "man" => "Roff Manpage",
        "sh" | "shell-script" => "Shell",
        "cperl" => "Perl",
        "js2" => "JavaScript",
        "make" | "makefile-gmake" => "Makefile",
        "help" => "Vim Help File",
        "asm" => "Assembly",
        "" | "text" | "fundamental" | "conf" => return None,
        _ => return language_by_name(mode),
    };
    language_by_name(name)
}

/// The program's base name: of the path, or of what `env` is asked to run.
fn interpreter(rest: &str) -> Option<&str> {
    let mut words = rest.split_ascii_whitespace();
    let first = base_name(words.next()?);
    if first != "env" {
        return Some(first);
    }
    words.find(|word| !word.starts_with('-') && !word.contains('=')).map(base_name)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Looks an interpreter up by its name, then without its version: `python3.11`, `python3`, `python`.
fn languages_of_interpreter(name: &str) -> Vec<Language> {
    let unversioned = name.trim_end_matches(|char: char| char.is_ascii_digit() || matches!(char, '.' | '-'));
    let major = name.split('.').next().unwrap_or(name);
    let find = |name: &str| INTERPRETERS.binary_search_by(|entry| entry.0.cmp(name)).ok();
    let place = [name, major, unversioned].into_iter().find_map(find);
    place.map(|place| INTERPRETERS[place].1.iter().map(|id| Language(*id)).collect()).unwrap_or_default()
}
