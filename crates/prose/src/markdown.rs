//! From the events of the parser to pieces.

use crate::builder::Builder;
use crate::target::resolve;
use crate::{Align, Element, Image, LeftOut, Piece, Prose, SIZE_BYTES_MAX, Warning, raw};
use pulldown_cmark::{
    Alignment, BlockQuoteKind, CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream,
};
use std::collections::HashMap;

/// What closes a sentence rather than an address.
const NOT_AT_THE_END: &[char] = &['.', ',', ':', ';', '!', '?', '\'', '"', '*', '_', '~', ')', ']', '>'];

/// Longest address that is made a link where it stands in text.
const ADDRESS_BYTES_MAX: usize = 2_000;

/// See [`crate::read`].
pub(crate) fn read(text: &str, folder: &[u8]) -> Prose {
    let mut reading = Reading::new(folder);
    if text.len() > SIZE_BYTES_MAX {
        reading.builder.left_out(LeftOut::Length);
    }
    let text = &text[..text.floor_char_boundary(SIZE_BYTES_MAX)];
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    for event in TextMergeStream::new(Parser::new_ext(text, options)) {
        if reading.builder.is_full() {
            reading.builder.left_out(LeftOut::Length);
            break;
        }
        reading.event(event);
    }
    reading.flush_html();
    reading.builder.finish()
}

/// A document while it is read.
struct Reading<'a> {
    builder: Builder,
    folder: &'a [u8],
    /// HTML that goes on.
    html: String,
    /// A block of code or an image whose text is being gathered.
    gathered: Option<Gathered>,
    /// Where the columns of the table stand, and the next one.
    columns: (Vec<Alignment>, usize),
    is_head: bool,
    /// The numbers of footnotes by their names, and whether each was marked.
    notes: HashMap<String, (usize, bool)>,
}

/// What is being gathered.
struct Gathered {
    text: String,
    /// How many images stand in each other: what stands for them is text.
    depth: usize,
    what: What,
}

enum What {
    Block(Option<String>),
    Image(String),
}

impl<'a> Reading<'a> {
    fn new(folder: &'a [u8]) -> Self {
        Reading {
            builder: Builder::new(),
            folder,
            html: String::new(),
            gathered: None,
            columns: (Vec::new(), 0),
            is_head: false,
            notes: HashMap::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        if let Event::Html(html) = &event
            && self.gathered.is_none()
        {
            return self.html.push_str(html);
        }
        if self.gathered.is_some() {
            return self.gather(event);
        }
        self.flush_html();
        if let Event::End(
            TagEnd::HtmlBlock | TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell,
        ) = event
        {
            self.builder.unmute();
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(TagEnd::HtmlBlock) => {}
            Event::End(TagEnd::TableHead) => {
                // The row, then the head.
                self.builder.end();
                self.builder.end();
                self.builder.begin(Element::Plain("tbody"));
                self.is_head = false;
            }
            Event::End(TagEnd::Table) => {
                self.builder.end();
                self.builder.end();
            }
            Event::End(_) => self.builder.end(),
            Event::Text(text) => self.text(&text),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.builder.leaf(Piece::Code(text.into_string()));
            }
            Event::InlineHtml(html) => raw::add(&mut self.builder, &html, self.folder),
            Event::Html(_) => {}
            Event::FootnoteReference(name) => {
                let (number, is_marked) = self.note(&name);
                self.builder.leaf(Piece::Note { number, is_first: !is_marked });
                self.notes.insert(name.into_string(), (number, true));
            }
            Event::SoftBreak => self.builder.text("\n"),
            Event::HardBreak => self.builder.leaf(Piece::Break),
            Event::Rule => self.builder.leaf(Piece::Rule),
            Event::TaskListMarker(done) => self.builder.leaf(Piece::Task { done }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let element = match tag {
            Tag::Paragraph => Element::Plain("p"),
            Tag::Heading { level, .. } => Element::Heading { level: level as u8, id: None, align: None },
            Tag::BlockQuote(None) => Element::Plain("blockquote"),
            Tag::BlockQuote(Some(kind)) => Element::Warning(warning_of(kind)),
            Tag::CodeBlock(CodeBlockKind::Indented) => return self.begin_gathering(What::Block(None)),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                let is_end = |c: char| c.is_whitespace() || matches!(c, ',' | '{');
                let language = info.split(is_end).next().filter(|word| !word.is_empty()).map(str::to_owned);
                return self.begin_gathering(What::Block(language));
            }
            Tag::MetadataBlock(_) => return self.begin_gathering(What::Block(Some("yaml".to_owned()))),
            Tag::Image { dest_url, .. } => return self.begin_gathering(What::Image(dest_url.into_string())),
            Tag::HtmlBlock => return,
            Tag::List(None) => Element::Plain("ul"),
            Tag::List(Some(first)) => Element::Numbered(first),
            Tag::Item => Element::Plain("li"),
            Tag::FootnoteDefinition(name) => Element::Footnote(self.note(&name).0),
            Tag::Table(columns) => {
                self.columns = (columns, 0);
                Element::Plain("table")
            }
            Tag::TableHead => {
                self.is_head = true;
                self.columns.1 = 0;
                self.builder.begin(Element::Plain("thead"));
                Element::Plain("tr")
            }
            Tag::TableRow => {
                self.columns.1 = 0;
                Element::Plain("tr")
            }
            Tag::TableCell => self.cell(),
            Tag::Emphasis => Element::Plain("em"),
            Tag::Strong => Element::Plain("strong"),
            Tag::Strikethrough => Element::Plain("del"),
            Tag::Superscript => Element::Plain("sup"),
            Tag::Subscript => Element::Plain("sub"),
            Tag::Link { link_type: LinkType::Email, dest_url, .. } => {
                Element::Link(resolve(self.folder, &format!("mailto:{dest_url}")))
            }
            Tag::Link { dest_url, .. } => Element::Link(resolve(self.folder, &dest_url)),
            Tag::DefinitionList => Element::Plain("dl"),
            Tag::DefinitionListTitle => Element::Plain("dt"),
            Tag::DefinitionListDefinition => Element::Plain("dd"),
        };
        self.builder.begin(element);
    }

    fn cell(&mut self) -> Element {
        let align = match self.columns.0.get(self.columns.1) {
            Some(Alignment::Left) => Some(Align::Left),
            Some(Alignment::Center) => Some(Align::Center),
            Some(Alignment::Right) => Some(Align::Right),
            _ => None,
        };
        self.columns.1 += 1;
        Element::Cell { is_head: self.is_head, align, n_columns: 1, n_rows: 1 }
    }

    /// A footnote's number, and whether it was marked already.
    fn note(&mut self, name: &str) -> (usize, bool) {
        let number = self.notes.len() + 1;
        *self.notes.entry(name.to_owned()).or_insert((number, false))
    }

    fn begin_gathering(&mut self, what: What) {
        self.gathered = Some(Gathered { text: String::new(), depth: 0, what });
    }

    fn gather(&mut self, event: Event<'_>) {
        let Some(gathered) = &mut self.gathered else { return };
        match event {
            Event::Text(text) | Event::Code(text) => gathered.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => gathered.text.push(' '),
            Event::Start(Tag::Image { .. }) => gathered.depth += 1,
            Event::End(TagEnd::Image) if gathered.depth > 0 => gathered.depth -= 1,
            Event::End(TagEnd::Image | TagEnd::CodeBlock | TagEnd::MetadataBlock(_)) => self.end_gathering(),
            _ => {}
        }
    }

    fn end_gathering(&mut self) {
        let Some(gathered) = self.gathered.take() else { return };
        self.builder.leaf(match gathered.what {
            What::Block(language) => Piece::Block { language, text: gathered.text },
            What::Image(written) => Piece::Image(Image {
                target: resolve(self.folder, &written),
                alt: gathered.text,
                width: None,
                height: None,
            }),
        });
    }

    fn flush_html(&mut self) {
        if !self.html.is_empty() {
            let html = std::mem::take(&mut self.html);
            raw::add(&mut self.builder, &html, self.folder);
        }
    }

    /// Text, in which addresses are links.
    fn text(&mut self, text: &str) {
        let mut rest = text;
        while !self.builder.is_in("a")
            && let Some((before, address, after)) = address_in(rest)
        {
            self.builder.text(before);
            self.builder.begin(Element::Link(resolve(self.folder, address)));
            self.builder.text(address);
            self.builder.end();
            rest = after;
        }
        self.builder.text(rest);
    }
}

/// The first address that stands in a text, with what is before and behind it.
fn address_in(text: &str) -> Option<(&str, &str, &str)> {
    let begins = |at: &usize| {
        let is_alone = !text[..*at].ends_with(|c: char| c.is_alphanumeric());
        is_alone && (text[*at..].starts_with("https://") || text[*at..].starts_with("http://"))
    };
    let start = text.match_indices("http").map(|(at, _)| at).find(begins)?;
    let long = &text[start..text.floor_char_boundary(start + ADDRESS_BYTES_MAX)];
    let mut address = long.split(|c: char| c.is_whitespace() || c == '<').next().unwrap_or_default();
    while let Some(c) = address.chars().next_back().filter(|c| NOT_AT_THE_END.contains(c)) {
        // A parenthesis that was opened within belongs to the address.
        if c == ')' && address.matches('(').count() >= address.matches(')').count() {
            break;
        }
        address = &address[..address.len() - c.len_utf8()];
    }
    let end = start + address.len();
    Some((&text[..start], address, &text[end..]))
}

fn warning_of(kind: BlockQuoteKind) -> Warning {
    match kind {
        BlockQuoteKind::Note => Warning::Note,
        BlockQuoteKind::Tip => Warning::Tip,
        BlockQuoteKind::Important => Warning::Important,
        BlockQuoteKind::Warning => Warning::Warning,
        BlockQuoteKind::Caution => Warning::Caution,
    }
}
