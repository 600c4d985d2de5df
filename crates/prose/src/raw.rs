//! HTML that stands in a document: the few elements that are known are begun and ended, the others are passed over.
//!
//! SECURITY: an element, an attribute or a value that is not named here is not there. What could be active is left out with all that
//! stands in it.

use crate::builder::Builder;
use crate::target::resolve;
use crate::{Align, Element, Image, LeftOut, Piece};
use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};

/// Left out with all that stands in them.
const ACTIVE: &[&str] = &[
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "applet",
    "svg",
    "math",
    "template",
    "noscript",
    "textarea",
    "title",
    "xmp",
    "plaintext",
    "noembed",
    "noframes",
    "select",
    "frameset",
    "audio",
    "video",
    "canvas",
    "dialog",
];
/// Of these, what never has an end.
const ACTIVE_AND_EMPTY: &[&str] = &["embed"];

/// Adds the pieces of HTML, which may begin or end in the middle of anything.
pub(crate) fn add(builder: &mut Builder, html: &str, folder: &[u8]) {
    let mut emitter = DefaultEmitter::default();
    // What stands in a script or a title is not taken for elements.
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(html, emitter) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) if builder.muted().is_none() => {
                if let Some(active) = ACTIVE.iter().find(|active| active.as_bytes() == tag.name.as_slice()) {
                    builder.left_out(LeftOut::Active);
                    let ends = !ACTIVE_AND_EMPTY.contains(active) && !tag.self_closing;
                    if ends {
                        builder.mute(&tag.name);
                    }
                    continue;
                }
                start(builder, &tag, folder);
            }
            Token::EndTag(tag) if builder.muted().is_none() => {
                if let Some(name) = std::str::from_utf8(&tag.name).ok().and_then(known) {
                    builder.close(name);
                } else if tag.name.as_slice() == b"center" {
                    builder.close("div");
                } else if tag.name.len() == 2 && matches!(tag.name.as_slice(), [b'h', b'1'..=b'6']) {
                    builder.close(std::str::from_utf8(&tag.name).unwrap_or_default());
                }
            }
            Token::EndTag(tag) if builder.muted() == Some(tag.name.as_slice()) => builder.unmute(),
            Token::String(text) if builder.muted().is_none() => builder.text(&String::from_utf8_lossy(&text)),
            _ => {}
        }
    }
}

/// The name that is written for a known element other than headings, `None` for the others.
fn known(name: &str) -> Option<&'static str> {
    Some(match name {
        "p" => "p",
        "div" => "div",
        "a" => "a",
        "b" | "strong" => "strong",
        "i" | "em" | "cite" | "dfn" | "var" => "em",
        "u" | "ins" => "u",
        "s" | "del" | "strike" => "del",
        "code" | "tt" | "samp" => "code",
        "kbd" => "kbd",
        "sub" => "sub",
        "sup" => "sup",
        "small" => "small",
        "mark" => "mark",
        "q" => "q",
        "blockquote" => "blockquote",
        "pre" => "pre",
        "ul" => "ul",
        "ol" => "ol",
        "li" => "li",
        "dl" => "dl",
        "dt" => "dt",
        "dd" => "dd",
        "table" => "table",
        "caption" => "caption",
        "thead" => "thead",
        "tbody" => "tbody",
        "tfoot" => "tfoot",
        "tr" => "tr",
        "td" => "td",
        "th" => "th",
        "details" => "details",
        "summary" => "summary",
        _ => return None,
    })
}

fn start(builder: &mut Builder, tag: &StartTag<()>, folder: &[u8]) {
    let Ok(name) = std::str::from_utf8(&tag.name) else { return };
    match name {
        "br" => builder.leaf(Piece::Break),
        "hr" => builder.leaf(Piece::Rule),
        "img" => {
            if let Some(src) = attribute(tag, "src") {
                let alt = attribute(tag, "alt").unwrap_or_default();
                let (width, height) = (length(tag, "width"), length(tag, "height"));
                let image = Image { target: resolve(folder, &src), alt, width, height };
                builder.leaf(Piece::Image(image));
            }
        }
        "input" if attribute(tag, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("checkbox")) => {
            builder.leaf(Piece::Task { done: attribute(tag, "checked").is_some() });
        }
        _ => {
            if let Some(element) = element(tag, name, folder) {
                builder.open(element);
            }
            let is_led_to = |key| attribute(tag, key).filter(|_| key == "id" || name == "a");
            if let Some(id) = is_led_to("id").or_else(|| is_led_to("name")) {
                builder.anchor(&id);
            }
        }
    }
}

fn element(tag: &StartTag<()>, name: &str, folder: &[u8]) -> Option<Element> {
    let align = || attribute(tag, "align").and_then(|align| align_of(&align));
    let number = |key| attribute(tag, key).and_then(|value| value.parse::<u16>().ok()).unwrap_or(1);
    Some(match name {
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
            Element::Heading { level: name.as_bytes()[1] - b'0', id: None, align: align() }
        }
        "center" => Element::Aligned("div", Align::Center),
        "a" => Element::Link(resolve(folder, &attribute(tag, "href")?)),
        "td" | "th" => Element::Cell {
            is_head: name == "th",
            align: align(),
            n_columns: number("colspan").clamp(1, 100),
            n_rows: number("rowspan").clamp(1, 1_000),
        },
        "ol" => Element::Numbered(u64::from(number("start"))),
        "details" => Element::Details { is_open: attribute(tag, "open").is_some() },
        _ => match (known(name)?, align()) {
            (name @ ("p" | "div"), Some(align)) => Element::Aligned(name, align),
            (name, _) => Element::Plain(name),
        },
    })
}

fn attribute(tag: &StartTag<()>, key: &str) -> Option<String> {
    let value = tag.attributes.iter().find(|(name, _)| name.as_slice() == key.as_bytes())?.1;
    Some(String::from_utf8_lossy(&value.value).into_owned())
}

fn align_of(word: &str) -> Option<Align> {
    match word.to_ascii_lowercase().as_str() {
        "left" => Some(Align::Left),
        "center" | "middle" => Some(Align::Center),
        "right" => Some(Align::Right),
        _ => None,
    }
}

/// A length in pixels or hundredths: nothing but digits, at most four.
fn length(tag: &StartTag<()>, key: &str) -> Option<String> {
    let written = attribute(tag, key)?;
    let (digits, unit) = match written.trim() {
        text if text.ends_with('%') => (text.trim_end_matches('%'), "%"),
        text => (text.trim_end_matches("px"), ""),
    };
    let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{digits}{unit}"))
}
