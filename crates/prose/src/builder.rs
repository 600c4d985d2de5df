//! The list of pieces while it grows: what is open, what may stand where, what was too much.
//!
//! SECURITY: elements nest here as browsers would nest them by themselves (a block ends a paragraph, a cell stands in a row), so
//! that what a document opens ends where the list says, and never closes anything of the page around it.

use crate::{DEPTH_MAX, Element, ID_PREFIX, Image, LeftOut, PIECES_MAX, Piece, Prose};
use std::collections::{HashMap, HashSet};

/// What ends a paragraph that is open.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "ul",
    "ol",
    "dl",
    "pre",
    "table",
    "details",
];
/// What holds nothing but its own parts.
const TABLE_PARTS: &[&str] = &["table", "thead", "tbody", "tfoot", "tr"];
/// Longest identifier that a document may give.
const ID_BYTES_MAX: usize = 100;

/// The list of pieces while it grows.
pub(crate) struct Builder {
    prose: Prose,
    /// What is open, and the index of its piece.
    open: Vec<(&'static str, usize)>,
    marks: Vec<Mark>,
    ids: HashSet<String>,
    /// How many headings had the same text.
    n_alike: HashMap<String, usize>,
    /// The active element that is being left out.
    muted: Option<Vec<u8>>,
}

/// An element of Markdown that is open: HTML within it cannot close it.
struct Mark {
    /// How many were open before.
    depth: usize,
    /// How many have to stay open.
    floor: usize,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Builder {
            prose: Prose::default(),
            open: Vec::new(),
            marks: Vec::new(),
            ids: HashSet::new(),
            n_alike: HashMap::new(),
            muted: None,
        }
    }

    /// The list, everything closed.
    pub(crate) fn finish(mut self) -> Prose {
        self.close_to(0);
        self.prose
    }

    pub(crate) fn left_out(&mut self, what: LeftOut) {
        self.prose.left_out.insert(what);
    }

    /// Whether there is no room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.prose.pieces.len() >= PIECES_MAX
    }

    /// Leaves everything out until [`Builder::unmute`].
    pub(crate) fn mute(&mut self, name: &[u8]) {
        self.muted = Some(name.to_vec());
    }

    /// Goes on after an active element, or after the block that it stood in.
    pub(crate) fn unmute(&mut self) {
        self.muted = None;
    }

    /// The active element that is being left out.
    pub(crate) fn muted(&self) -> Option<&[u8]> {
        self.muted.as_deref()
    }

    /// An element of Markdown begins; it has its [`Builder::end`] whatever comes of it.
    pub(crate) fn begin(&mut self, element: Element) {
        let fits = self.muted.is_none() && self.make_room(element.tag());
        let depth = self.open.len();
        if fits {
            self.push_open(element);
        }
        self.marks.push(Mark { depth, floor: self.open.len() });
    }

    /// The last element of Markdown ends, with everything that was opened in it.
    pub(crate) fn end(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.close_to(mark.depth);
        }
    }

    /// An element of HTML begins.
    pub(crate) fn open(&mut self, element: Element) {
        if self.make_room(element.tag()) {
            self.push_open(element);
        }
    }

    /// An element of HTML ends, if one of this name is open.
    pub(crate) fn close(&mut self, tag: &str) {
        if let Some(at) = self.reach(&[tag]).filter(|at| *at >= self.floor()) {
            self.close_to(at);
        }
    }

    /// Adds what holds nothing.
    pub(crate) fn leaf(&mut self, piece: Piece) {
        let is_block = matches!(piece, Piece::Block { .. } | Piece::Rule);
        if self.muted.is_some() {
            return;
        }
        if (!is_block || self.make_room("pre")) && !self.is_between_cells() {
            self.prose.pieces.push(piece);
        }
    }

    /// Adds text.
    pub(crate) fn text(&mut self, text: &str) {
        if self.muted.is_some() {
            return;
        }
        if let Some(Piece::Text(before)) = self.prose.pieces.last_mut() {
            before.push_str(text);
        } else if !self.is_between_cells() {
            self.prose.pieces.push(Piece::Text(text.to_owned()));
        }
    }

    pub(crate) fn is_in(&self, tag: &str) -> bool {
        self.open.iter().any(|(open, _)| *open == tag)
    }

    /// A place that the document names, if the name is one and nobody had it.
    pub(crate) fn anchor(&mut self, name: &str) {
        let is_fine = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        let is_name = !name.is_empty() && name.len() <= ID_BYTES_MAX && name.chars().all(is_fine);
        let id = format!("{ID_PREFIX}{name}");
        if is_name && !self.is_between_cells() && self.ids.insert(id.clone()) {
            self.prose.pieces.extend([Piece::Open(Element::Anchor(id)), Piece::Close]);
        }
    }

    fn floor(&self) -> usize {
        self.marks.last().map_or(0, |mark| mark.floor)
    }

    /// The index of the last open one of these; those that stand outside a cell cannot be reached from within.
    fn reach(&self, tags: &[&str]) -> Option<usize> {
        let is_of_table =
            tags.iter().any(|tag| TABLE_PARTS.contains(tag) || matches!(*tag, "td" | "th" | "caption"));
        for (at, (open, _)) in self.open.iter().enumerate().rev() {
            if tags.contains(open) {
                return Some(at);
            }
            if *open == "table" || !is_of_table && matches!(*open, "td" | "th" | "caption") {
                return None;
            }
        }
        None
    }

    /// Closes what an element of this name would close; `false` where it cannot stand.
    fn make_room(&mut self, tag: &'static str) -> bool {
        let holders: &[&str] = match tag {
            "li" => &["ul", "ol"],
            "dt" | "dd" => &["dl"],
            "tr" => &["table", "thead", "tbody", "tfoot"],
            "td" | "th" => &["tr"],
            "thead" | "tbody" | "tfoot" | "caption" => &["table"],
            "summary" => &["details"],
            _ => &[],
        };
        if !holders.is_empty() {
            let Some(at) = self.reach(holders).filter(|at| at + 1 >= self.floor()) else { return false };
            self.close_to(at + 1);
        } else if self.is_between_cells() || tag == "a" && self.is_in("a") {
            return false;
        } else if BLOCKS.contains(&tag)
            && let Some(at) = self.reach(&["p"])
        {
            if at < self.floor() {
                return false;
            }
            self.close_to(at);
        }
        if self.open.len() >= DEPTH_MAX {
            self.left_out(LeftOut::Depth);
            return false;
        }
        true
    }

    fn is_between_cells(&self) -> bool {
        self.open.last().is_some_and(|(tag, _)| TABLE_PARTS.contains(tag))
    }

    fn push_open(&mut self, element: Element) {
        self.open.push((element.tag(), self.prose.pieces.len()));
        self.prose.pieces.push(Piece::Open(element));
    }

    fn close_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            let Some((_, at)) = self.open.pop() else { return };
            self.name_heading(at);
            self.prose.pieces.push(Piece::Close);
        }
    }

    /// Gives a heading its identifier, as code hosts make them of its text.
    fn name_heading(&mut self, at: usize) {
        if !matches!(self.prose.pieces.get(at), Some(Piece::Open(Element::Heading { .. }))) {
            return;
        }
        let mut slug = String::new();
        for piece in &self.prose.pieces[at + 1..] {
            let (Piece::Text(text) | Piece::Code(text) | Piece::Image(Image { alt: text, .. })) = piece
            else {
                continue;
            };
            slug.extend(text.chars().flat_map(char::to_lowercase).take(ID_BYTES_MAX).filter_map(
                |c| match c {
                    ' ' => Some('-'),
                    c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
                    _ => None,
                },
            ));
            if slug.len() > ID_BYTES_MAX {
                break;
            }
        }
        let slug = slug.trim_matches('-');
        if slug.is_empty() {
            return;
        }
        let n_before = self.n_alike.entry(slug.to_owned()).or_default();
        let found = match *n_before {
            0 => format!("{ID_PREFIX}{slug}"),
            n => format!("{ID_PREFIX}{slug}-{n}"),
        };
        *n_before += 1;
        if self.ids.insert(found.clone())
            && let Some(Piece::Open(Element::Heading { id, .. })) = self.prose.pieces.get_mut(at)
        {
            *id = Some(found);
        }
    }
}
