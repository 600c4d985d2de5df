//! Documents taken apart: Markdown that a repository holds → a flat list of [`Piece`]s that whoever shows it turns into a page; a notebook
//! of Jupyter → its cells.
//!
//! Layer 1. Place in the flow: `server` reads a README or another document, has it taken apart here, and writes HTML from the pieces. In
//! reading order: [`read`], the pieces, where links lead ([`Target`]), [`Notebook`].
//!
//! Invariants: a document is hostile. What cannot be said by a [`Piece`] does not get out: there is no piece for a script, a style, a
//! handler, a frame or a form, and no HTML of the document is passed on as text of HTML. Every element that is opened is closed, in
//! order. Nothing depends on more than the arguments; length and nesting have limits, and what was left out is told
//! ([`LeftOut`]).

mod builder;
mod markdown;
mod notebook;
mod raw;
mod target;

pub use notebook::{
    Cell, CellText, ImageKind, NotANotebook, Notebook, Output, OutputImage, Shown, notebook, notebook_image,
};
pub use target::{Target, resolve};

use std::collections::BTreeSet;

/// Longest document that is taken apart, in bytes: ten times the longest README among the thousand most starred repositories of GitHub.
pub const SIZE_BYTES_MAX: usize = 1 << 20;
/// How deep elements may stand in each other: more than a reader can tell apart.
pub const DEPTH_MAX: usize = 40;
/// Most pieces of a document.
pub const PIECES_MAX: usize = 100_000;
/// What every identifier begins with, so that none can be taken for one of the page around the document.
pub const ID_PREFIX: &str = "md-";

/// A document, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose {
    /// In the order of the text; every [`Piece::Open`] has its [`Piece::Close`].
    pub pieces: Vec<Piece>,
    /// What is not among them.
    pub left_out: BTreeSet<LeftOut>,
}

/// A part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// An element begins.
    Open(Element),
    /// The last one that is open ends.
    Close,
    /// Text, not escaped.
    Text(String),
    /// Code within a line.
    Code(String),
    /// A block of code.
    Block {
        /// As the document calls its language.
        language: Option<String>,
        /// Its lines.
        text: String,
    },
    /// An image.
    Image(Image),
    /// The line ends.
    Break,
    /// A line across.
    Rule,
    /// The box of a task.
    Task {
        /// Whether it is ticked.
        done: bool,
    },
    /// The mark of a footnote.
    Note {
        /// Its number, from 1.
        number: usize,
        /// Whether it is the first mark of this footnote.
        is_first: bool,
    },
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Where it is.
    pub target: Target,
    /// What stands for it.
    pub alt: String,
    /// In pixels, or in hundredths with `%` at its end: digits either way.
    pub width: Option<String>,
    /// In pixels.
    pub height: Option<String>,
}

/// What holds other pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Element {
    /// One that is nothing but its name, which is HTML's: `em`, `blockquote`, `tr` and so on.
    Plain(&'static str),
    /// A paragraph (`p`) or a division (`div`) that stands to one side.
    Aligned(&'static str, Align),
    /// A heading.
    Heading {
        /// From 1 to 6, as the document has it.
        level: u8,
        /// What leads to it: letters, digits, `-` and `_` behind [`ID_PREFIX`].
        id: Option<String>,
        /// Where it stands.
        align: Option<Align>,
    },
    /// A quotation that warns.
    Warning(Warning),
    /// A numbered list, and its first number.
    Numbered(u64),
    /// A cell of a table.
    Cell {
        /// Whether it heads a column or row.
        is_head: bool,
        /// Where its text stands.
        align: Option<Align>,
        /// Over how many columns it goes.
        n_columns: u16,
        /// Over how many rows it goes.
        n_rows: u16,
    },
    /// What can be folded.
    Details {
        /// Whether it is not.
        is_open: bool,
    },
    /// A link.
    Link(Target),
    /// A place that is led to: see [`Element::Heading`].
    Anchor(String),
    /// A footnote.
    Footnote(usize),
}

impl Element {
    /// The name that HTML has for it.
    pub fn tag(&self) -> &'static str {
        match self {
            Element::Plain(tag) | Element::Aligned(tag, _) => tag,
            Element::Heading { level, .. } => match level {
                ..=1 => "h1",
                2 => "h2",
                3 => "h3",
                4 => "h4",
                5 => "h5",
                6.. => "h6",
            },
            Element::Warning(_) => "blockquote",
            Element::Numbered(_) => "ol",
            Element::Cell { is_head: true, .. } => "th",
            Element::Cell { .. } => "td",
            Element::Details { .. } => "details",
            Element::Link(_) => "a",
            Element::Anchor(_) => "span",
            Element::Footnote(_) => "div",
        }
    }
}

/// Where text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At the left.
    Left,
    /// In the middle.
    Center,
    /// At the right.
    Right,
}

/// How urgent a quotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Worth knowing.
    Note,
    /// Of help.
    Tip,
    /// Needed.
    Important,
    /// Of danger.
    Warning,
    /// Of harm.
    Caution,
}

/// What a document has that is not among its pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// What comes after the longest text that is read.
    Length,
    /// Elements that stand deeper than [`DEPTH_MAX`]; their text is there.
    Depth,
    /// Scripts, styles, frames, drawings and the like.
    Active,
}

/// Takes a document apart that stands in the folder `folder` of a repository.
pub fn read(text: &str, folder: &[u8]) -> Prose {
    markdown::read(text, folder)
}
