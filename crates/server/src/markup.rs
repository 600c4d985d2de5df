//! Text into HTML. The only place that escapes by hand: everything else goes through the templates, which escape by
//! themselves.
//!
//! SECURITY: text of repositories is hostile. Beside the five characters of HTML, what would make a line *look*
//! different from what it is, is shown as what it is: control characters and bidirectional overrides ("Trojan source").

use askama::filters::HtmlSafe;
use model::ByteRange;
use std::fmt;
use syntax::{Class, Span};

/// HTML that is safe to put into a page as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Html(String);

impl Html {
    /// Escaped text.
    pub(crate) fn text(text: &str) -> Self {
        let mut html = Html::default();
        html.push_text(text);
        html
    }

    /// Text in which what stands between backticks is code.
    pub(crate) fn with_code(text: &str) -> Self {
        let mut html = Html::default();
        let mut pieces = text.split('`').peekable();
        let mut is_code = false;
        while let Some(piece) = pieces.next() {
            // A backtick without its counterpart is one.
            match is_code && pieces.peek().is_some() {
                true => {
                    html.push_tag("<code>");
                    html.push_text(piece);
                    html.push_tag("</code>");
                }
                false if is_code => html.push_text(&format!("`{piece}")),
                false => html.push_text(piece),
            }
            is_code = !is_code;
        }
        html
    }

    /// Text with parts of it marked, as what was searched for. Ranges that do not fit the text are ignored.
    pub(crate) fn marked(text: &str, marks: &[ByteRange]) -> Self {
        let mut html = Html::default();
        let mut at = 0;
        for mark in marks {
            let Some(marked) = text.get(mark.clone()).filter(|_| mark.start >= at) else { continue };
            html.push_text(&text[at..mark.start]);
            html.0.push_str("<mark>");
            html.push_text(marked);
            html.0.push_str("</mark>");
            at = mark.end;
        }
        html.push_text(&text[at..]);
        html
    }

    /// Appends text with a class of the style sheet.
    pub(crate) fn push_classed(&mut self, class: &'static str, text: &str) {
        if class.is_empty() {
            return self.push_text(text);
        }
        self.0.push_str("<span class=");
        self.0.push_str(class);
        self.0.push('>');
        self.push_text(text);
        self.0.push_str("</span>");
    }

    /// Appends escaped text.
    pub(crate) fn push_text(&mut self, text: &str) {
        let mut plain_from = 0;
        for (at, c) in text.char_indices() {
            let escaped: &str = match c {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\t' | '\n' => continue,
                c if is_deceptive(c) => "",
                _ => continue,
            };
            self.0.push_str(&text[plain_from..at]);
            match escaped {
                "" => self.0.push_str(&format!(
                    "<span class=\"m\" title=\"U+{:04X}\">{}</span>",
                    c as u32,
                    stand_in(c)
                )),
                escaped => self.0.push_str(escaped),
            }
            plain_from = at + c.len_utf8();
        }
        self.0.push_str(&text[plain_from..]);
    }

    /// Appends an attribute; what cannot be seen in its value is U+FFFD.
    pub(crate) fn push_attribute(&mut self, name: &'static str, value: &str) {
        self.0.push(' ');
        self.0.push_str(name);
        self.0.push_str("=\"");
        for c in value.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\n' | '\t' => self.0.push(' '),
                c if is_deceptive(c) => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self.0.push('"');
    }

    /// Appends HTML that this crate wrote.
    pub(crate) fn push_tag(&mut self, tag: &str) {
        self.0.push_str(tag);
    }

    /// Appends other safe HTML.
    pub(crate) fn push(&mut self, other: &Html) {
        self.0.push_str(&other.0);
    }

    /// The HTML.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What an askama template of this crate gave: it escaped what it put in.
    pub(crate) fn from_template(rendered: String) -> Self {
        Html(rendered)
    }
}

impl fmt::Display for Html {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// One line of code: its text from `line.start` to `line.end` of `text`, coloured by the spans that lie in it, cut at
/// `n_bytes_max`.
pub(crate) fn code_line(text: &str, line: ByteRange, spans: &[Span], n_bytes_max: usize) -> Html {
    let mut html = Html::default();
    let end = floor_boundary(text, line.end.min(line.start + n_bytes_max));
    let mut at = line.start;
    for span in spans {
        let (from, to) = (span.range.start.max(at), span.range.end.min(end));
        if from >= to {
            continue;
        }
        html.push_text(&text[at..from]);
        html.push_classed(css_class(span.class), &text[from..to]);
        at = to;
    }
    html.push_text(&text[at..end.max(at)]);
    if end < line.end {
        html.push_classed(
            "m",
            &format!(" ⋯ {} more in this line", crate::format::size((line.end - end) as u64)),
        );
    }
    html
}

/// Likewise, with parts of the line marked: ranges are offsets in the line.
pub(crate) fn code_line_marked(
    text: &str,
    line: ByteRange,
    spans: &[Span],
    marks: &[ByteRange],
    n_bytes_max: usize,
) -> Html {
    if marks.is_empty() {
        return code_line(text, line, spans, n_bytes_max);
    }
    let mut html = Html::default();
    let mut at = line.start;
    for mark in marks {
        let (from, to) = (line.start + mark.start, (line.start + mark.end).min(line.end));
        if from < at || from >= to || !text.is_char_boundary(from) || !text.is_char_boundary(to) {
            continue;
        }
        html.push(&code_line(text, at..from, spans, n_bytes_max));
        html.push_tag("<b>");
        html.push(&code_line(text, from..to, spans, n_bytes_max));
        html.push_tag("</b>");
        at = to;
    }
    html.push(&code_line(text, at..line.end, spans, n_bytes_max));
    html
}

/// The style sheet's class for a class of code: few colours, so that they can be told apart.
fn css_class(class: Class) -> &'static str {
    match class {
        Class::Comment => "m",
        Class::String | Class::Link | Class::Inserted => "s",
        Class::Escape | Class::Number | Class::Constant => "i",
        Class::Keyword | Class::Macro => "k",
        Class::Function | Class::Heading => "f",
        Class::Type | Class::Module => "t",
        Class::Property | Class::Attribute | Class::Label => "p",
        Class::Tag | Class::Deleted => "g",
        Class::Operator | Class::Punctuation | Class::Variable | Class::Emphasis | Class::Strong => "",
    }
}

/// The last character border at or before an offset.
pub(crate) fn floor_boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

/// Whether a character would change how others look, or cannot be seen at all.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// What is shown for a deceptive character: the pictures Unicode has for controls, U+FFFD for others.
fn stand_in(c: char) -> char {
    match c as u32 {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        _ => '\u{fffd}',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            Html::text("<script>alert('&\"')</script>").as_str(),
            "&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"
        );
    }

    #[test]
    fn deceptive_characters_are_shown() {
        let html = Html::text("a\u{202e}b\u{1b}[0m\t");
        assert_eq!(
            html.as_str(),
            "a<span class=\"m\" title=\"U+202E\">\u{fffd}</span>b<span class=\"m\" title=\"U+001B\">␛</span>[0m\t"
        );
    }

    #[test]
    fn attributes_end_where_they_should() {
        let mut html = Html::default();
        html.push_attribute("alt", "a\" onload='x'>\u{202e}<b>\n&");
        assert_eq!(html.as_str(), " alt=\"a&quot; onload='x'&gt;\u{fffd}&lt;b&gt; &amp;\"");
    }

    #[test]
    fn marks() {
        assert_eq!(Html::marked("a<b>c", &[1..3, 4..5]).as_str(), "a<mark>&lt;b</mark>&gt;<mark>c</mark>");
        for bad in [[3..99, 0..0], [2..4, 0..1], [0..1, 1..2]] {
            assert!(Html::marked("é", &bad).as_str().contains('é'), "{bad:?}");
        }
    }

    #[test]
    fn code_is_coloured_and_cut() {
        let spans =
            [Span { range: 0..2, class: Class::Keyword }, Span { range: 3..4, class: Class::Function }];
        assert_eq!(
            code_line("fn <x", 0..5, &spans, 99).as_str(),
            "<span class=k>fn</span> <span class=f>&lt;</span>x"
        );
        assert_eq!(
            code_line("ééé", 0..6, &[], 3).as_str(),
            "é<span class=m> ⋯ 4 bytes more in this line</span>"
        );
    }
}
