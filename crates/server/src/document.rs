//! Documents as pages show them: a README below its folder, a Markdown file instead of its lines.
//!
//! SECURITY: what a document may say is what `prose` has pieces for; here each of them is written by hand, its texts escaped. Links and
//! images of the repository lead to pages of the same revision, which ask for the caller's rights themselves, so that nothing
//! here depends on whether they are there. Images of other servers are never loaded: a link stands for them.

use crate::browse::Content;
use crate::links::percent::encode;
use crate::links::{RepoAddress, path_link, with_query};
use crate::markup::{Html, code_line};
use crate::notebook::{self, is_notebook};
use crate::readable::Readable;
use crate::routes::r::{joined, parent};
use crate::wire::lossy;
use git::{EntryKind, Listing};
use model::ObjectId;
use prose::{Align, Element, Image, LeftOut, Piece, Target, Warning};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use syntax::{DecodeLimits, Decoded, HighlightLimits};

/// Longest document that is shown as text, in bytes: ten screens of it.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest README that is read at all, in bytes: what is beyond what is shown is not looked at.
const README_BYTES_MAX: u64 = 4 * prose::SIZE_BYTES_MAX as u64;
/// How much code of one document is coloured, in bytes.
const COLOURED_BYTES_MAX: usize = 256 * 1024;
/// Names of what is shown below a folder, the first of them that is there, whatever their case.
const README_NAMES: &[&str] = &[
    "readme.md",
    "readme.markdown",
    "readme.mdown",
    "readme.mkd",
    "readme.rst",
    "readme.adoc",
    "readme.asciidoc",
    "readme.org",
    "readme.txt",
    "readme",
];

/// A document.
pub(crate) struct Document {
    /// The file's name.
    pub(crate) name: String,
    /// Its page.
    pub(crate) url: String,
    pub(crate) html: Html,
    /// What is not shown, in a sentence each.
    pub(crate) left_out: Vec<String>,
}

/// Whether a file is a document that can be shown rendered.
pub(crate) fn has_rendering(path: &[u8]) -> bool {
    let end = path.rsplit(|byte| *byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
    path.contains(&b'.')
        && matches!(end.as_slice(), b"md" | b"markdown" | b"mdown" | b"mkd" | b"mdx" | b"ipynb")
}

/// The page of a file, rendered where it is a document.
pub(crate) fn page_link(address: &RepoAddress, page: &str, path: &[u8]) -> String {
    let url = path_link(&address.repo, address.rev.as_deref(), page, path);
    match page == "blob" && has_rendering(path) {
        true if url.contains('?') => format!("{url}&view=rendered"),
        true => format!("{url}?view=rendered"),
        false => url,
    }
}

/// The README of a folder, if there is one that the caller may read. Blocks.
pub(crate) fn readme(
    repository: &Readable,
    commit: ObjectId,
    address: &RepoAddress,
    listing: &Listing,
    colour_time: Duration,
) -> Option<Document> {
    let is_file = |kind| !matches!(kind, EntryKind::Tree | EntryKind::Submodule);
    let named = |name: &&str| {
        let is_it =
            |entry: &&git::TreeEntry| is_file(entry.kind) && entry.name.eq_ignore_ascii_case(name.as_bytes());
        listing.entries.iter().find(is_it)
    };
    let entry = README_NAMES.iter().find_map(named)?;
    let path = joined(&address.path, &entry.name);
    let Content::Bytes(bytes) = repository.content(entry.id, README_BYTES_MAX) else { return None };
    if entry.kind != EntryKind::Symlink {
        return Document::of(&bytes, &path, address, colour_time);
    }
    // Many a README is a link to that of a folder below; what it links to is meant from here, as code hosts have it.
    // SECURITY: it is looked for as if it had been asked for.
    let target = linked(&address.path, &bytes)?;
    let is_it = |spot: &crate::browse::Spot| spot.kind != EntryKind::Symlink && is_file(spot.kind);
    let spot = repository.at(commit, &target).ok().filter(is_it)?;
    let Content::Bytes(bytes) = repository.content(spot.id, README_BYTES_MAX) else { return None };
    let document = Document::of(&bytes, &path, address, colour_time)?;
    Some(Document { url: page_link(address, "blob", &target), ..document })
}

/// Where a symbolic link of a folder leads within the repository.
fn linked(folder: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    if target.starts_with(b"/") || target.contains(&0) {
        return None;
    }
    let mut parts: Vec<&[u8]> = folder.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join(&b'/')).filter(|path| !path.is_empty())
}

impl Document {
    /// A file of the address' repository and revision, rendered; `None` where it is not text.
    pub(crate) fn of(
        bytes: &[u8],
        path: &[u8],
        address: &RepoAddress,
        colour_time: Duration,
    ) -> Option<Self> {
        let limits = DecodeLimits { size_bytes_max: crate::browse::SHOWN_BYTES_MAX as usize };
        let Decoded::Text { utf8, .. } = syntax::decode(bytes, &limits) else { return None };
        if let Some(document) = Document::rendered(&utf8, path, address, colour_time) {
            return Some(document);
        }
        let shown = &utf8[..utf8.floor_char_boundary(TEXT_BYTES_MAX)];
        let mut html = Html::default();
        html.push_tag("<pre class=plain tabindex=0>");
        html.push_text(shown);
        html.push_tag("</pre>");
        let left_out =
            if shown.len() < utf8.len() { vec![says(LeftOut::Length).to_owned()] } else { Vec::new() };
        Some(Document { name: name_of(path), url: page_link(address, "blob", path), html, left_out })
    }

    /// A text, rendered; `None` where nothing says how.
    pub(crate) fn rendered(
        text: &str,
        path: &[u8],
        address: &RepoAddress,
        colour_time: Duration,
    ) -> Option<Self> {
        if !has_rendering(path) {
            return None;
        }
        let (html, left_out) = match is_notebook(path) {
            true => notebook::rendered(text, path, address, colour_time),
            false => {
                let read = prose::read(text, parent(path));
                let mut writer = Writer::new(address, colour_time);
                for piece in &read.pieces {
                    writer.piece(piece);
                }
                (writer.html, read.left_out.into_iter().map(|what| says(what).to_owned()).collect())
            }
        };
        Some(Document { name: name_of(path), url: page_link(address, "blob", path), html, left_out })
    }
}

fn name_of(path: &[u8]) -> String {
    lossy(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default())
}

/// A sentence about what is not shown.
pub(crate) fn says(left_out: LeftOut) -> &'static str {
    match left_out {
        LeftOut::Length => "It is longer than what is shown here: see its source.",
        LeftOut::Depth => "Some of it stands too deep in itself: its text is here, its form is not.",
        LeftOut::Active => "Scripts, drawings or frames in it are not shown.",
    }
}

/// Writes pieces.
pub(crate) struct Writer<'a> {
    pub(crate) address: &'a RepoAddress,
    pub(crate) html: Html,
    /// Identifiers that are taken: cells of a notebook know nothing of each other's.
    ids: HashSet<String>,
    /// The ends of what is open.
    ends: Vec<String>,
    n_links: usize,
    /// The level that the last heading has in the page.
    level: u8,
    n_bytes_to_colour: usize,
    deadline: Instant,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(address: &'a RepoAddress, colour_time: Duration) -> Self {
        Writer {
            address,
            html: Html::default(),
            ids: HashSet::new(),
            ends: Vec::new(),
            n_links: 0,
            level: 1,
            n_bytes_to_colour: COLOURED_BYTES_MAX,
            deadline: Instant::now() + colour_time,
        }
    }

    /// What was written.
    pub(crate) fn into_html(self) -> Html {
        self.html
    }

    /// Writes an identifier that is not there yet.
    fn id(&mut self, id: &str) {
        if self.ids.insert(id.to_owned()) {
            self.html.push_attribute("id", id);
        }
    }

    pub(crate) fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Open(element) => self.open(element),
            Piece::Close => {
                let end = self.ends.pop().unwrap_or_default();
                self.n_links -= usize::from(end == "</a>");
                self.html.push_tag(&end);
            }
            Piece::Text(text) => self.html.push_text(text),
            Piece::Code(text) => {
                self.html.push_tag("<code>");
                self.html.push_text(text);
                self.html.push_tag("</code>");
            }
            Piece::Block { language, text } => self.block(language.as_deref(), text),
            Piece::Image(image) => self.image(image),
            Piece::Break => self.html.push_tag("<br>"),
            Piece::Rule => self.html.push_tag("<hr>"),
            Piece::Task { done } => self.html.push_tag(match done {
                true => "<span class=task role=img aria-label=done>☑</span> ",
                false => "<span class=task role=img aria-label=\"to do\">☐</span> ",
            }),
            Piece::Note { number, is_first } => {
                self.html.push_tag("<sup");
                if *is_first {
                    self.id(&format!("md-note-{number}-mark"));
                }
                self.html.push_tag(&format!("><a href=\"#md-note-{number}\">{number}</a></sup>"));
            }
        }
    }

    fn open(&mut self, element: &Element) {
        let tag = element.tag();
        let mut end = format!("</{tag}>");
        match element {
            Element::Plain("table") => {
                self.html.push_tag("<div class=wide tabindex=0><table>");
                end = "</table></div>".to_owned();
            }
            Element::Plain(_) => self.html.push_tag(&format!("<{tag}>")),
            Element::Aligned(_, align) => {
                self.html.push_tag(&format!("<{tag} class={}>", class_of(Some(*align))))
            }
            Element::Heading { level, id, align } => end = self.heading(*level, id.as_deref(), *align),
            Element::Warning(warning) => {
                let (class, title) = words_of(*warning);
                self.html.push_tag(&format!(
                    "<blockquote class=\"warning {class}\"><p><strong>{title}</strong></p>"
                ));
            }
            Element::Numbered(first) => self.html.push_tag(&format!("<ol start={first}>")),
            Element::Cell { align, n_columns, n_rows, .. } => {
                let class = class_of(*align);
                self.html
                    .push_tag(&format!("<{tag} class=\"{class}\" colspan={n_columns} rowspan={n_rows}>"));
            }
            Element::Details { is_open } => {
                self.html.push_tag(if *is_open { "<details open>" } else { "<details>" });
            }
            Element::Link(target) => end = self.link(target),
            Element::Anchor(id) => {
                self.html.push_tag("<span");
                self.id(id);
                self.html.push_tag(">");
            }
            Element::Footnote(number) => {
                self.html.push_tag("<div class=footnote");
                self.id(&format!("md-note-{number}"));
                self.html.push_tag(&format!("><a href=\"#md-note-{number}-mark\">{number}</a>"));
            }
        }
        self.ends.push(end);
    }

    /// A heading, below the page's own and never more than one level below the last: its look says what it was.
    fn heading(&mut self, level: u8, id: Option<&str>, align: Option<Align>) -> String {
        self.level = (level + 1).min(self.level + 1).min(6);
        self.html.push_tag(&format!("<h{} class=\"l{level} {}\"", self.level, class_of(align)));
        if let Some(id) = id {
            self.id(id);
        }
        self.html.push_tag(">");
        if let Some(id) = id {
            self.html.push_tag("<a class=anchor aria-hidden=true tabindex=-1");
            self.html.push_attribute("href", &format!("#{}", encode(id.as_bytes())));
            self.html.push_tag(">#</a>");
        }
        format!("</h{}>", self.level)
    }

    fn link(&mut self, target: &Target) -> String {
        let Some(url) = self.url(target) else {
            self.html.push_tag("<span title=\"This leads out of the repository, or nowhere.\">");
            return "</span>".to_owned();
        };
        self.html.push_tag("<a");
        self.html.push_attribute("href", &url);
        if matches!(target, Target::Elsewhere(_)) {
            self.html.push_tag(" rel=\"noopener noreferrer nofollow\"");
        }
        self.html.push_tag(">");
        self.n_links += 1;
        "</a>".to_owned()
    }

    /// Where a link leads in this server, or outside.
    fn url(&self, target: &Target) -> Option<String> {
        let place = |text: &str| match text.strip_prefix('L') {
            Some(line) if line.starts_with(|c: char| c.is_ascii_digit()) => encode(text.as_bytes()),
            _ => format!("{}{}", prose::ID_PREFIX, encode(text.as_bytes())),
        };
        Some(match target {
            Target::Fragment(text) => format!("#{}", place(text)),
            Target::Path { path, is_folder, fragment } => {
                let page = if *is_folder || path.is_empty() { "tree" } else { "blob" };
                let url = page_link(self.address, page, path);
                fragment.as_ref().map(|text| format!("{url}#{}", place(text))).unwrap_or(url)
            }
            Target::Elsewhere(url) => url.clone(),
            Target::Nowhere => return None,
        })
    }

    fn image(&mut self, image: &Image) {
        match &image.target {
            Target::Path { path, .. } if !path.is_empty() => {
                let url = path_link(&self.address.repo, self.address.rev.as_deref(), "raw", path);
                self.html.push_tag("<img loading=lazy");
                self.html.push_attribute("src", &with_query(&url, "as=image"));
                self.html.push_attribute("alt", &image.alt);
                for (name, length) in [("width", &image.width), ("height", &image.height)] {
                    if let Some(length) = length {
                        self.html.push_attribute(name, length);
                    }
                }
                self.html.push_tag(">");
            }
            target => {
                let is_link = self.n_links == 0;
                let url = self.url(target).filter(|_| is_link);
                let end = if url.is_some() { "</a>" } else { "</span>" };
                self.html.push_tag(if url.is_some() { "<a class=away" } else { "<span class=away" });
                self.html
                    .push_attribute("title", "An image that is not of this repository: it is not loaded");
                if let Some(url) = url {
                    self.html.push_tag(" rel=\"noopener noreferrer nofollow\"");
                    self.html.push_attribute("href", &url);
                }
                self.html.push_tag(">");
                self.html.push_text(if image.alt.trim().is_empty() { "image" } else { &image.alt });
                self.html.push_tag(end);
            }
        }
    }

    pub(crate) fn block(&mut self, language: Option<&str>, text: &str) {
        let language = language.and_then(syntax::language_by_name);
        let limits = HighlightLimits {
            size_bytes_max: self.n_bytes_to_colour,
            deadline: Some(self.deadline),
            ..HighlightLimits::default()
        };
        let spans =
            language.and_then(|language| syntax::highlight(language, text, &limits).ok()).unwrap_or_default();
        if !spans.is_empty() {
            self.n_bytes_to_colour = self.n_bytes_to_colour.saturating_sub(text.len());
        }
        self.html.push_tag("<pre tabindex=0><code>");
        self.html.push(&code_line(text, 0..text.len(), &spans, usize::MAX / 2));
        self.html.push_tag("</code></pre>");
    }
}

fn class_of(align: Option<Align>) -> &'static str {
    match align {
        None => "start",
        Some(Align::Left) => "left",
        Some(Align::Center) => "middle",
        Some(Align::Right) => "right",
    }
}

fn words_of(warning: Warning) -> (&'static str, &'static str) {
    match warning {
        Warning::Note => ("note", "Note"),
        Warning::Tip => ("tip", "Tip"),
        Warning::Important => ("important", "Important"),
        Warning::Warning => ("hot", "Warning"),
        Warning::Caution => ("hot", "Caution"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_folders_stay_in_the_repository() {
        let led = |folder: &str, target: &str| linked(folder.as_bytes(), target.as_bytes());
        assert_eq!(led("", "packages/zod/README.md"), Some(b"packages/zod/README.md".to_vec()));
        assert_eq!(led("a/b", "../c/./d"), Some(b"a/c/d".to_vec()));
        for out in ["/etc/passwd", "../../x", "..", "a\0b"] {
            assert_eq!(led("a", out), None, "{out}");
        }
    }
}
