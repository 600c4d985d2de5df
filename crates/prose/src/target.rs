//! Where a link of a document leads.
//!
//! SECURITY: schemes are a list of three. Everything else that has a scheme leads nowhere, however it is written: addresses are read as
//! browsers read them, with their white space and line ends taken out.

use url::Url;

/// Longest address that is looked at, in bytes.
const SIZE_BYTES_MAX: usize = 4_096;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To a place of the same document.
    Fragment(String),
    /// To a file or folder of the same revision.
    Path {
        /// Its path from the root, raw bytes; empty for the root itself.
        path: Vec<u8>,
        /// Whether it is written as a folder.
        is_folder: bool,
        /// The place in it.
        fragment: Option<String>,
    },
    /// To another server, by `https`, `http` or `mailto`; ASCII.
    Elsewhere(String),
    /// Nowhere that may be led to.
    Nowhere,
}

/// Where an address leads that stands in a document of a folder.
pub fn resolve(folder: &[u8], written: &str) -> Target {
    let written = written.trim_matches(|c: char| c <= ' ');
    if written.len() > SIZE_BYTES_MAX {
        return Target::Nowhere;
    }
    // As browsers do before anything else.
    let written: String = written.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    if let Some(fragment) = written.strip_prefix('#') {
        return Target::Fragment(text_of(fragment));
    }
    let absolute = if written.starts_with("//") { format!("https:{written}") } else { written.clone() };
    match Url::parse(&absolute) {
        Ok(url) if matches!(url.scheme(), "http" | "https" | "mailto") => Target::Elsewhere(url.into()),
        Err(url::ParseError::RelativeUrlWithoutBase) => within(folder, &written),
        _ => Target::Nowhere,
    }
}

/// A place in the repository; nowhere, where it would be above its root.
fn within(folder: &[u8], written: &str) -> Target {
    let (written, fragment) = match written.split_once('#') {
        Some((written, fragment)) => (written, Some(text_of(fragment)).filter(|text| !text.is_empty())),
        None => (written, None),
    };
    let written = written.split('?').next().unwrap_or_default();
    let begin: &[u8] = if written.starts_with('/') { &[] } else { folder };
    let bytes = decoded(written);
    let mut parts: Vec<&[u8]> = begin.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    for part in bytes.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.pop().is_none() => return Target::Nowhere,
            b".." => {}
            part => parts.push(part),
        }
    }
    let is_folder = written.is_empty() || written.ends_with(['/', '.']) && bytes_end_a_folder(&bytes);
    Target::Path { path: parts.join(&b'/'), is_folder, fragment }
}

fn bytes_end_a_folder(bytes: &[u8]) -> bool {
    matches!(bytes.rsplit(|byte| *byte == b'/').next(), Some(b"" | b"." | b".."))
}

/// The text of a fragment.
fn text_of(fragment: &str) -> String {
    String::from_utf8_lossy(&decoded(fragment)).into_owned()
}

/// With `%41` as what it stands for.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digit = |idx: usize| bytes.get(idx).and_then(|digit| char::from(*digit).to_digit(16));
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}
