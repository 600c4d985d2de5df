//! What is not code: settings, markup, patches, prose. Line by line, or tag by tag.

use super::rules::{ProseStyle, Settings};
use crate::highlight::{Budget, Class, HighlightError, Span, push_span};
use memchr::{memchr, memmem};

/// How many lines are read between looks at the clock.
const LINES_PER_CHECK: usize = 1024;

/// Calls `read` with each line and its offset, within the budget.
fn each_line<'t>(
    text: &'t str,
    budget: &Budget<'_>,
    mut read: impl FnMut(usize, &'t str, &mut Vec<Span>),
) -> Result<Vec<Span>, HighlightError> {
    let mut spans = Vec::new();
    let mut start = 0;
    for (idx, line) in text.split_inclusive('\n').enumerate() {
        read(start, line.trim_end_matches(['\n', '\r']), &mut spans);
        start += line.len();
        if idx % LINES_PER_CHECK == 0 {
            budget.check()?;
            budget.check_n_spans(spans.len())?;
        }
    }
    budget.check_n_spans(spans.len())?;
    Ok(spans)
}

/// `[section]`, `key = value`, comments.
pub(super) fn settings(
    rules: &Settings,
    text: &str,
    budget: &Budget<'_>,
) -> Result<Vec<Span>, HighlightError> {
    each_line(text, budget, |start, line, spans| {
        let indent = line.len() - line.trim_start().len();
        let body = &line[indent..];
        let start = start + indent;
        if rules.comments.iter().any(|mark| body.starts_with(mark)) {
            push_span(spans, start..start + body.len(), Class::Comment);
        } else if body.starts_with('[') {
            push_span(spans, start..start + body.len(), Class::Heading);
        } else if let Some(separator) = body.find(rules.separators) {
            push_span(spans, start..start + body[..separator].trim_end().len(), Class::Property);
            value(start + separator + 1, &body[separator + 1..], spans);
        }
    })
}

/// A setting's value, if its whole shape tells a class.
fn value(start: usize, text: &str, spans: &mut Vec<Span>) {
    let indent = text.len() - text.trim_start().len();
    let word = text.trim();
    let class = if word.starts_with(['"', '\'']) { Some(Class::String) } else { scalar_class(word) };
    let Some(class) = class else { return };
    push_span(spans, start + indent..start + indent + word.len(), class);
}

/// YAML: keys, comments, strings, plain values whose shape tells a class, anchors, tags, block text.
pub(super) fn yaml(text: &str, budget: &Budget<'_>) -> Result<Vec<Span>, HighlightError> {
    // The indentation of the line that opened a block of literal text.
    let mut block_indent: Option<usize> = None;
    each_line(text, budget, |start, line, spans| {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some(outer) = block_indent {
            if line.trim().is_empty() {
                return;
            }
            if indent > outer {
                push_span(spans, start + indent..start + line.len(), Class::String);
                return;
            }
            block_indent = None;
        }
        yaml_line(start, line, indent, spans);
        let opener = line.split(" #").next().unwrap_or_default().trim_end().trim_end_matches(['-', '+']);
        let opener = opener.trim_end_matches(|char: char| char.is_ascii_digit());
        if opener.ends_with([' ', ':']) {
            return;
        }
        if [": |", ": >", "- |", "- >"].iter().any(|end| opener.ends_with(end)) || matches!(opener, "|" | ">")
        {
            block_indent = Some(indent);
        }
    })
}

fn yaml_line(start: usize, line: &str, indent: usize, spans: &mut Vec<Span>) {
    let mut at = indent;
    if line.starts_with("---") || line.starts_with("...") || line.starts_with('%') {
        push_span(spans, start..start + line.len(), Class::Macro);
        return;
    }
    while let Some(rest) = line[at..].strip_prefix("- ").or_else(|| line[at..].strip_prefix("? ")) {
        push_span(spans, start + at..start + at + 1, Class::Punctuation);
        at = line.len() - rest.trim_start_matches(' ').len();
    }
    if let Some(key) = yaml_key_len(&line[at..]) {
        push_span(spans, start + at..start + at + key, Class::Property);
        push_span(spans, start + at + key..start + at + key + 1, Class::Punctuation);
        at += key + 1;
    }
    yaml_value(start, line, at, spans);
}

/// The length of a key: up to the first colon before a blank or the line's end, outside quotes and comments.
fn yaml_key_len(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    let mut at = match bytes.first()? {
        quote @ (b'"' | b'\'') => memchr(*quote, &bytes[1..])? + 2,
        b'#' | b'[' | b'{' | b'|' | b'>' => return None,
        _ => 0,
    };
    loop {
        at += memchr::memchr2(b':', b'#', &bytes[at..])?;
        if bytes[at] == b'#' && bytes[at - 1] == b' ' {
            return None;
        }
        if bytes[at] == b':' && bytes.get(at + 1).is_none_or(|next| matches!(next, b' ' | b'\t')) {
            return (at > 0).then_some(at);
        }
        at += 1;
    }
}

/// The rest of a line: values of flow collections are apart at commas and brackets.
fn yaml_value(start: usize, line: &str, mut at: usize, spans: &mut Vec<Span>) {
    let bytes = line.as_bytes();
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (len, class) = match rest[0] {
            b' ' | b'\t' => (1, None),
            b'#' if at == 0 || bytes[at - 1].is_ascii_whitespace() => (rest.len(), Some(Class::Comment)),
            b'[' | b']' | b'{' | b'}' | b',' | b'|' | b'>' => (1, Some(Class::Punctuation)),
            quote @ (b'"' | b'\'') => {
                (memchr(quote, &rest[1..]).map_or(rest.len(), |end| end + 2), Some(Class::String))
            }
            b'&' | b'*' => (yaml_word_len(rest), Some(Class::Label)),
            b'!' => (yaml_word_len(rest), Some(Class::Type)),
            _ => {
                let len = yaml_word_len(rest);
                let is_key = line[at..at + len].ends_with(':');
                let len = if is_key { len - 1 } else { len };
                let class = if is_key { Some(Class::Property) } else { scalar_class(&line[at..at + len]) };
                (len.max(1), class)
            }
        };
        if let Some(class) = class {
            push_span(spans, start + at..start + at + len, class);
        }
        at += len;
    }
}

/// Up to a blank or what ends a plain value in a flow collection.
fn yaml_word_len(rest: &[u8]) -> usize {
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b',' | b']' | b'}');
    rest.iter().position(ends).unwrap_or(rest.len()).max(1)
}

/// The class of a plain value, if its shape tells one.
fn scalar_class(word: &str) -> Option<Class> {
    let is_number = word.parse::<f64>().is_ok() && word.bytes().any(|byte| byte.is_ascii_digit());
    if is_number {
        Some(Class::Number)
    } else if ["true", "false", "yes", "no", "on", "off", "null", "~"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
    {
        Some(Class::Constant)
    } else {
        None
    }
}

/// XML and its kin.
pub(super) fn markup(text: &str, budget: &Budget<'_>) -> Result<Vec<Span>, HighlightError> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    let mut at = 0;
    let mut n_tags = 0;
    while let Some(step) = memchr::memchr2(b'<', b'&', &bytes[at..]) {
        at += step;
        at = if bytes[at] == b'&' { entity(bytes, at, &mut spans) } else { tag(bytes, at, &mut spans) };
        n_tags += 1;
        if n_tags % LINES_PER_CHECK == 0 {
            budget.check()?;
            budget.check_n_spans(spans.len())?;
        }
    }
    budget.check_n_spans(spans.len())?;
    Ok(spans)
}

/// Longest entity that is looked for: `&CounterClockwiseContourIntegral;` and no more.
const ENTITY_BYTES_MAX: usize = 34;

fn entity(bytes: &[u8], at: usize, spans: &mut Vec<Span>) -> usize {
    let head = &bytes[at + 1..bytes.len().min(at + ENTITY_BYTES_MAX)];
    let name = head.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#').count();
    if name > 0 && head.get(name) == Some(&b';') {
        push_span(spans, at..at + name + 2, Class::Escape);
        return at + name + 2;
    }
    at + 1
}

/// Colours the tag, comment or section at `at` and tells where it ends.
fn tag(bytes: &[u8], at: usize, spans: &mut Vec<Span>) -> usize {
    let rest = &bytes[at..];
    let until =
        |close: &[u8]| memmem::find(rest, close).map_or(bytes.len(), |place| at + place + close.len());
    let whole = if rest.starts_with(b"<!--") {
        Some((until(b"-->"), Class::Comment))
    } else if rest.starts_with(b"<![CDATA[") {
        Some((until(b"]]>"), Class::String))
    } else if rest.starts_with(b"<?") {
        Some((until(b"?>"), Class::Macro))
    } else if rest.starts_with(b"<!") {
        Some((until(b">"), Class::Macro))
    } else {
        None
    };
    if let Some((end, class)) = whole {
        push_span(spans, at..end, class);
        return end;
    }
    let slash = usize::from(rest.get(1) == Some(&b'/'));
    let name_start = at + 1 + slash;
    let name = name_len(&bytes[name_start..]);
    if name == 0 {
        return at + 1;
    }
    push_span(spans, name_start..name_start + name, Class::Tag);
    attributes(bytes, name_start + name, spans)
}

/// Colours attributes up to the tag's `>` and tells where it ends. A `<` ends an unclosed tag.
fn attributes(bytes: &[u8], mut at: usize, spans: &mut Vec<Span>) -> usize {
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'>' => return at + 1,
            b'<' => return at,
            b'"' | b'\'' => {
                let end = memchr(byte, &bytes[at + 1..]).map_or(bytes.len(), |place| at + 1 + place + 1);
                push_span(spans, at..end, Class::String);
                at = end;
            }
            _ => {
                let name = name_len(&bytes[at..]);
                push_span(spans, at..at + name, Class::Attribute);
                at += name.max(1);
            }
        }
    }
    at
}

fn name_len(bytes: &[u8]) -> usize {
    let is_name = |byte: &&u8| {
        byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-' | b':' | b'.') || **byte >= 0x80
    };
    bytes.iter().take_while(is_name).count()
}

/// Unified and context diffs.
pub(super) fn patch(text: &str, budget: &Budget<'_>) -> Result<Vec<Span>, HighlightError> {
    const HEADERS: [&str; 8] =
        ["diff ", "index ", "--- ", "+++ ", "Index: ", "Only in ", "new file", "deleted file"];
    each_line(text, budget, |start, line, spans| {
        let class = if HEADERS.iter().any(|header| line.starts_with(header)) {
            Class::Heading
        } else if line.starts_with("@@") {
            Class::Macro
        } else if line.starts_with(['+', '>']) {
            Class::Inserted
        } else if line.starts_with(['-', '<']) && line != "--" && line != "-- " {
            Class::Deleted
        } else {
            return;
        };
        push_span(spans, start..start + line.len(), class);
    })
}

/// Markdown, reStructuredText, AsciiDoc: headings, code, links, lists, emphasis.
pub(super) fn prose(style: ProseStyle, text: &str, budget: &Budget<'_>) -> Result<Vec<Span>, HighlightError> {
    let mut fence: Option<&str> = None;
    each_line(text, budget, |start, line, spans| {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        let mark = style.fences().iter().copied().find(|mark| body.starts_with(mark));
        if let Some(open) = fence {
            push_span(spans, start + indent..start + line.len(), Class::String);
            if body.trim_end().starts_with(open) && body.trim_end().trim_start_matches(open).len() < 2 {
                fence = None;
            }
        } else if let Some(mark) = mark {
            push_span(spans, start + indent..start + line.len(), Class::String);
            fence = Some(mark);
        } else if style.is_heading(body) {
            push_span(spans, start..start + line.len(), Class::Heading);
        } else if style.is_comment(body) {
            push_span(spans, start + indent..start + line.len(), Class::Comment);
        } else {
            if body.starts_with(['-', '*', '+', '>']) && body[1..].starts_with(' ') {
                push_span(spans, start + indent..start + indent + 1, Class::Punctuation);
            }
            inline(start, line, spans);
        }
    })
}

/// Code, strong and emphasised text, links within a line. Each closing mark is searched once, so a line costs its length.
fn inline(start: usize, line: &str, spans: &mut Vec<Span>) {
    let bytes = line.as_bytes();
    let mut at = 0;
    // Marks whose close was searched for in vain to the line's end need no second search.
    let mut hopeless: [bool; 4] = [false; 4];
    while at < bytes.len() {
        let rest = &bytes[at..];
        let found = match rest[0] {
            b'`' => enclosed(rest, b"`", b"`", &mut hopeless[0]).map(|len| (len, Class::String)),
            b'*' if rest.starts_with(b"**") => {
                enclosed(rest, b"**", b"**", &mut hopeless[1]).map(|len| (len, Class::Strong))
            }
            b'*' if rest.get(1).is_some_and(|byte| !byte.is_ascii_whitespace()) => {
                enclosed(rest, b"*", b"*", &mut hopeless[2]).map(|len| (len, Class::Emphasis))
            }
            b']' if rest.starts_with(b"](") => {
                enclosed(rest, b"](", b")", &mut hopeless[3]).map(|len| (len, Class::Link))
            }
            b'h' if rest.starts_with(b"http://") || rest.starts_with(b"https://") => {
                let is_inside = |byte: &&u8| {
                    !byte.is_ascii_whitespace() && !matches!(**byte, b')' | b'>' | b'<' | b'"' | b'`')
                };
                Some((rest.iter().take_while(is_inside).count(), Class::Link))
            }
            _ => None,
        };
        match found {
            Some((len, class)) => {
                push_span(spans, start + at..start + at + len, class);
                at += len;
            }
            None => at += 1,
        }
    }
}

/// The length of what a pair of marks encloses, marks included.
fn enclosed(rest: &[u8], open: &[u8], close: &[u8], hopeless: &mut bool) -> Option<usize> {
    if *hopeless {
        return None;
    }
    let place = memmem::find(&rest[open.len()..], close);
    *hopeless = place.is_none();
    let inside = place.filter(|place| *place > 0)?;
    Some(open.len() + inside + close.len())
}
