//! What is shown of a definition: how it is declared, and what is written about it.

use crate::code::File;
use model::ByteRange;
use syntax::{Binding, BindingKind};

/// Longest declaration that is shown, in bytes.
const SIGNATURE_BYTES_MAX: usize = 800;
/// Longest documentation that is shown, in bytes.
const DOCUMENTATION_BYTES_MAX: usize = 4_000;
/// How many lines above a definition are looked at for what is written about it.
const N_LINES_ABOVE_MAX: usize = 120;

/// What is shown of a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The declaration without its body.
    pub signature: String,
    /// The comment above it, or the string that begins its body, without the signs of a comment.
    pub documentation: String,
}

impl Description {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.signature.is_empty() && self.documentation.is_empty()
    }
}

/// Describes what is defined at a byte of a file; where nothing is known of it, its line.
pub fn describe(file: &File, name_start: usize) -> Description {
    let binding =
        file.bindings.all().find(|(_, binding)| binding.name.start == name_start).map(|(_, binding)| binding);
    let Some(binding) = binding else {
        let line = file.line(file.line_of(name_start)).unwrap_or(0..0);
        return Description {
            signature: cut(file.slice(&line).trim(), SIGNATURE_BYTES_MAX),
            ..Description::default()
        };
    };
    let extent = extent_of(file, binding);
    let end = signature_end(file, binding, &extent);
    let signature = dedented(file.slice(&(extent.start..end)).trim_end());
    let inside = docstring(file, end, &extent);
    let documentation = if inside.is_empty() { comment_above(file, extent.start) } else { inside };
    Description {
        signature: cut(&signature, SIGNATURE_BYTES_MAX),
        documentation: cut(documentation.trim(), DOCUMENTATION_BYTES_MAX),
    }
}

/// The definition with what stands before it on its line: `export`, `pub`, a type.
fn extent_of(file: &File, binding: &Binding) -> ByteRange {
    let line = file.line(file.line_of(binding.extent.start)).unwrap_or(binding.extent.clone());
    let before = file.slice(&(line.start..binding.extent.start));
    let is_modifier = before.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "()_:".contains(c));
    let is_whole =
        matches!(binding.kind, BindingKind::Parameter | BindingKind::Variable | BindingKind::Field);
    match binding.kind {
        BindingKind::Parameter => binding.extent.clone(),
        _ if is_modifier || is_whole && before.trim().is_empty() => {
            line.start + before.len() - before.trim_start().len()..binding.extent.end
        }
        _ => binding.extent.clone(),
    }
}

/// Where the body begins.
fn signature_end(file: &File, binding: &Binding, extent: &ByteRange) -> usize {
    let text = file.slice(extent);
    let has_colons = matches!(syntax::language_name(file.language), Some("Python" | "Starlark"));
    let name_at = binding.name.end.saturating_sub(extent.start);
    let is_data = matches!(binding.kind, BindingKind::Variable | BindingKind::Field | BindingKind::Parameter);
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(open) = quote {
            if byte == open || byte == b'\n' {
                quote = None;
            }
            continue;
        }
        match byte {
            b'"' | b'`' => quote = Some(byte),
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'{' if depth == 0 && at >= name_at => return extent.start + at,
            b':' if has_colons && depth == 0 && at >= name_at && !is_data => return extent.start + at,
            b';' if depth == 0 && at >= name_at => return extent.start + at,
            b'\n' if depth == 0 && at >= name_at && (is_data || has_colons || ends_here(text, at)) => {
                return extent.start + at;
            }
            b'=' if depth == 0 && at >= name_at && text[at..].starts_with("=>") => return extent.start + at,
            _ => {}
        }
    }
    extent.end
}

/// Whether a declaration ends with a line: the next one does not go on with it.
fn ends_here(text: &str, newline: usize) -> bool {
    let before = text[..newline].trim_end();
    if before.ends_with([',', '(']) || before.ends_with("where") {
        return false;
    }
    let next = text[newline..].trim_start();
    !next.starts_with(['{', ')', ':', '-', '='])
        && !next.starts_with("where")
        && !next.starts_with("extends")
        && !next.starts_with("implements")
}

/// The string that begins a body.
fn docstring(file: &File, end: usize, extent: &ByteRange) -> String {
    let body = file.slice(&(end..extent.end)).trim_start_matches([':', ' ', '\t', '\n', '\r']);
    let body = body.trim_start_matches(['r', 'R', 'u', 'U']);
    for quotes in ["\"\"\"", "'''"] {
        if let Some(inner) = body.strip_prefix(quotes)
            && let Some(len) = inner.find(quotes)
        {
            return dedented(&inner[..len]);
        }
    }
    String::new()
}

/// The comment that ends right above a line, attributes and decorators passed over.
fn comment_above(file: &File, offset: usize) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let first = file.line_of(offset);
    let mut is_block = false;
    for number in (1..first).rev().take(N_LINES_ABOVE_MAX) {
        let Some(range) = file.line(number) else { break };
        let line = file.slice(&range).trim();
        if is_block || line.ends_with("*/") {
            lines.push(line);
            is_block = !line.starts_with("/*");
        } else if is_comment(file, line) {
            lines.push(line);
        } else if !(lines.is_empty() && is_attribute(line)) {
            break;
        }
    }
    lines.reverse();
    let plain = lines.into_iter().map(|line| {
        let line = line.strip_suffix("*/").unwrap_or(line);
        let line = line.trim_start_matches(['/', '#', '*', '!', ';', ':']);
        line.strip_prefix("--").unwrap_or(line).trim()
    });
    plain.collect::<Vec<_>>().join("\n")
}

fn is_comment(file: &File, line: &str) -> bool {
    let has_hashes = matches!(
        syntax::language_name(file.language),
        Some("Python" | "Starlark" | "Ruby" | "Shell" | "Elixir" | "YAML" | "TOML" | "HCL" | "Perl" | "R")
    );
    let has_dashes = matches!(syntax::language_name(file.language), Some("Lua" | "Luau" | "Haskell" | "SQL"));
    line.starts_with("//") || (has_hashes && line.starts_with('#')) || (has_dashes && line.starts_with("--"))
}

fn is_attribute(line: &str) -> bool {
    line.starts_with('@') || line.starts_with("#[") || line.starts_with("template") || line.starts_with('[')
}

/// A text without the blanks that all of its lines but the first begin with.
fn dedented(text: &str) -> String {
    let indents = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let indent = indents.map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines = text
        .lines()
        .enumerate()
        .map(|(n, line)| if n == 0 { line } else { line.get(indent..).unwrap_or("") });
    lines.collect::<Vec<_>>().join("\n")
}

/// A text of at most so many bytes, on a character's border.
fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &text[..end])
}
