//! Tests of the crate as those see it who use it.

mod documents;
mod hostile;
mod notebooks;

use prose::{Element, Piece, Target};

/// The pieces of a document as one line of text: elements by their names, links with where they lead.
fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut open = Vec::new();
    for piece in prose::read(text, b"docs/guide").pieces {
        match piece {
            Piece::Open(element) => {
                out.push_str(&match &element {
                    Element::Link(target) => format!("<a {}>", led(target)),
                    Element::Heading { id, .. } => {
                        format!("<{} {}>", element.tag(), id.as_deref().unwrap_or_default())
                    }
                    Element::Anchor(id) => format!("<span {id}>"),
                    Element::Warning(warning) => format!("<blockquote {warning:?}>"),
                    Element::Aligned(tag, align) => format!("<{tag} {align:?}>"),
                    element => format!("<{}>", element.tag()),
                });
                open.push(element.tag());
            }
            Piece::Close => {
                out.push_str(&format!("</{}>", open.pop().expect("because every close has its open")))
            }
            Piece::Text(text) => out.push_str(&text),
            Piece::Code(text) => out.push_str(&format!("`{text}`")),
            Piece::Block { language, text } => {
                out.push_str(&format!("[{}:{text}]", language.unwrap_or_default()));
            }
            Piece::Image(image) => out.push_str(&format!("[{} {}]", led(&image.target), image.alt)),
            Piece::Break => out.push_str("[br]"),
            Piece::Rule => out.push_str("[hr]"),
            Piece::Task { done } => out.push_str(if done { "[x]" } else { "[ ]" }),
            Piece::Note { number, .. } => out.push_str(&format!("[^{number}]")),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    out
}

fn led(target: &Target) -> String {
    match target {
        Target::Fragment(id) => format!("#{id}"),
        Target::Path { path, is_folder, fragment } => format!(
            "/{}{}{}",
            String::from_utf8_lossy(path),
            if *is_folder { "/" } else { "" },
            fragment.as_ref().map(|id| format!("#{id}")).unwrap_or_default()
        ),
        Target::Elsewhere(url) => url.clone(),
        Target::Nowhere => "nowhere".into(),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(shown(text), expected, "{text}");
}
