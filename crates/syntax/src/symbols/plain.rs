//! Markdown and YAML, read line by line: headings, and keys of the first two levels.

use super::Collector;
use crate::languages::language_by_name;
use model::{Language, SymbolKind};
use std::sync::LazyLock;

/// Reads a whole text.
pub(super) type Reader = fn(&mut Collector<'_>);

/// The reader of a language, if it has one.
pub(super) fn reader_of(language: Language) -> Option<Reader> {
    READERS.iter().find(|(served, _)| *served == language).map(|(_, reader)| *reader)
}

static READERS: LazyLock<Vec<(Language, Reader)>> = LazyLock::new(|| {
    let readers: [(&str, Reader); 3] = [("Markdown", markdown), ("MDX", markdown), ("YAML", yaml)];
    readers.into_iter().filter_map(|(name, reader)| Some((language_by_name(name)?, reader))).collect()
});

/// A line with where it begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches(['\n', '\r']))
    })
}

/// A heading with its level, not yet closed.
struct Heading {
    level: usize,
    symbol: usize,
    container: u32,
}

/// CommonMark's headings, both kinds, outside fenced code. A section goes on to the next heading of its level.
fn markdown(found: &mut Collector<'_>) {
    let text = found.text;
    let mut open: Vec<Heading> = Vec::new();
    let mut fence: Option<(u8, usize)> = None;
    let mut paragraph: Option<(usize, &str)> = None;
    for (start, line) in lines(text) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let bare = line.trim();
        let marker = bare.bytes().next().unwrap_or(0);
        let n_marks = bare.bytes().take_while(|byte| *byte == marker).count();
        if indent < 4 && matches!(marker, b'`' | b'~') && n_marks >= 3 {
            let closes = |(open, len): (u8, usize)| open == marker && n_marks >= len && bare.len() == n_marks;
            fence = match fence {
                Some(open) if closes(open) => None,
                Some(open) => Some(open),
                None => Some((marker, n_marks)),
            };
            paragraph = None;
            continue;
        }
        if fence.is_some() || (indent >= 4 && paragraph.is_none()) {
            continue;
        }
        let after = bare.as_bytes().get(n_marks).copied();
        if marker == b'#' && n_marks <= 6 && after.is_none_or(|byte| byte == b' ' || byte == b'\t') {
            let title = bare[n_marks..].trim_start();
            let title_start = start + indent + (bare.len() - title.len());
            let title = without_closing(title);
            heading(
                found,
                &mut open,
                n_marks,
                start,
                title_start..title_start + title.len(),
                start + line.len(),
            );
            paragraph = None;
        } else if let Some((title_start, title)) = paragraph.filter(|_| {
            matches!(marker, b'=' | b'-') && n_marks == bare.len() && indent < 4 && !bare.is_empty()
        }) {
            let level = if marker == b'=' { 1 } else { 2 };
            heading(
                found,
                &mut open,
                level,
                title_start,
                title_start..title_start + title.len(),
                start + line.len(),
            );
            paragraph = None;
        } else {
            let is_text =
                !bare.is_empty() && !matches!(marker, b'|' | b'>' | b'<') && !bare.starts_with("- ");
            paragraph = is_text.then_some((start + indent, bare));
        }
    }
    close(found, &mut open, 0, text.len());
}

/// A title without the marks that may close it.
fn without_closing(title: &str) -> &str {
    let bare = title.trim_end_matches('#');
    if bare.len() < title.len() && (bare.is_empty() || bare.ends_with(' ')) { bare.trim_end() } else { title }
}

fn heading(
    found: &mut Collector<'_>,
    open: &mut Vec<Heading>,
    level: usize,
    start: usize,
    title: std::ops::Range<usize>,
    end: usize,
) {
    close(found, open, level, start);
    let outer = open.last().map_or(0, |heading| heading.container);
    let name = found.text.get(title.clone()).unwrap_or_default().to_owned();
    let symbol = found.symbols.len();
    found.push(SymbolKind::Section, title, start..end, outer);
    if found.symbols.len() > symbol {
        let container = found.container(outer, &name, " › ");
        open.push(Heading { level, symbol, container });
    }
}

/// Ends the sections of this level and below.
fn close(found: &mut Collector<'_>, open: &mut Vec<Heading>, level: usize, end: usize) {
    while let Some(last) = open.pop_if(|heading| heading.level >= level.max(1)) {
        if let Some(symbol) = found.symbols.get_mut(last.symbol) {
            symbol.extent.end = symbol.extent.end.max(end);
        }
    }
}

/// Keys that begin a line, and those of the level below. Block scalars are more indented than that, so that what looks
/// like a key in them is none.
fn yaml(found: &mut Collector<'_>) {
    const LEVELS: usize = 2;
    let text = found.text;
    // The indentation of each open level, with its key's container and symbol.
    let mut open: Vec<(usize, u32, usize)> = Vec::new();
    let mut scalar_indent: Option<usize> = None;
    for (start, line) in lines(text) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let bare = &line[indent..];
        if bare.trim().is_empty() {
            continue;
        }
        if scalar_indent.is_some_and(|of_key| indent > of_key) {
            continue;
        }
        scalar_indent = None;
        if bare.starts_with("---") || bare.starts_with("...") {
            open.clear();
            continue;
        }
        if bare.starts_with(['#', '-', '{', '[', '%', '?', ':', '&', '*', '|', '>', '!', '\t']) {
            continue;
        }
        let Some((name, value)) = key_of(bare) else { continue };
        let value = value.trim();
        if value.starts_with(['|', '>']) {
            scalar_indent = Some(indent);
        }
        while let Some((_, _, symbol)) = open.pop_if(|(of_level, ..)| *of_level >= indent) {
            if let Some(symbol) = found.symbols.get_mut(symbol) {
                symbol.extent.end = symbol.extent.end.max(start.saturating_sub(1));
            }
        }
        if open.len() >= LEVELS || (open.is_empty() && indent > 0) {
            continue;
        }
        let outer = open.last().map_or(0, |(_, container, _)| *container);
        let quote = usize::from(name.starts_with(['"', '\'']) && name.len() > 2);
        let name_range = start + indent + quote..start + indent + name.len() - quote;
        let symbol = found.symbols.len();
        let name = name[quote..name.len() - quote].to_owned();
        found.push(SymbolKind::Key, name_range, start..start + line.len(), outer);
        let container = found.container(outer, &name, ".");
        open.push((indent, container, symbol));
    }
    let end = text.len();
    for (_, _, symbol) in open {
        if let Some(symbol) = found.symbols.get_mut(symbol) {
            symbol.extent.end = symbol.extent.end.max(end);
        }
    }
}

/// `key` and what follows of `key: value`.
fn key_of(line: &str) -> Option<(&str, &str)> {
    let end = match line.as_bytes().first()? {
        quote @ (b'"' | b'\'') => {
            let close = line.bytes().skip(1).position(|byte| byte == *quote)? + 2;
            line.get(close..)?.starts_with(':').then_some(close)?
        }
        _ => line.find(": ").or_else(|| line.ends_with(':').then(|| line.len() - 1))?,
    };
    let (name, rest) = (line.get(..end)?, line.get(end + 1..)?);
    let name = name.trim_end();
    let is_plain = !name.is_empty() && !name.contains(" #") && name.len() <= 100;
    is_plain.then_some((name, rest))
}
