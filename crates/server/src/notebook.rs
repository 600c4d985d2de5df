//! Notebooks as pages show them: cells one below the other, what code gave below the code.
//!
//! SECURITY: nothing of a notebook runs or is HTML of its own. Texts are escaped; images are sent one by one by the route of raw files, in
//! the sandbox that all images of repositories are in.

use crate::document::{Writer, says};
use crate::format::{count, size};
use crate::links::{RepoAddress, path_link, with_query};
use crate::markup::Html;
use prose::{Cell, CellText, NotANotebook, Output, OutputImage, Shown};
use std::collections::BTreeSet;
use std::time::Duration;

/// Whether a file is one.
pub(crate) fn is_notebook(path: &[u8]) -> bool {
    path.to_ascii_lowercase().ends_with(b".ipynb")
}

/// A notebook as HTML, and what is not in it.
pub(crate) fn rendered(
    text: &str,
    path: &[u8],
    address: &RepoAddress,
    colour_time: Duration,
) -> (Html, Vec<String>) {
    let notebook = match prose::notebook(text) {
        Ok(notebook) => notebook,
        Err(error) => return (not_shown(error), Vec::new()),
    };
    let mut page = Page {
        writer: Writer::new(address, colour_time),
        path,
        language: notebook.language.as_deref().unwrap_or("python"),
        n_pieces_left: prose::PIECES_MAX,
        left_out: BTreeSet::new(),
    };
    let mut n_shown = 0;
    for (idx, cell) in notebook.cells.iter().enumerate() {
        if page.n_pieces_left == 0 {
            break;
        }
        page.cell(idx, cell);
        n_shown += 1;
    }
    let mut left_out = Vec::new();
    if n_shown < notebook.n_cells {
        let all = count(notebook.n_cells as u64, "cell", "cells");
        left_out.push(format!("The first {n_shown} of {all} are shown: see its source for the others."));
    }
    if notebook.n_cells == 0 {
        left_out.push("It has no cells.".to_owned());
    }
    left_out.extend(page.left_out.into_iter().map(str::to_owned));
    (page.writer.into_html(), left_out)
}

fn not_shown(error: NotANotebook) -> Html {
    let why = match error {
        NotANotebook::Broken => "it is not JSON, or it ends too early",
        NotANotebook::NoCells => "it has no list of cells, as notebooks of format 4 have",
    };
    let mut html = Html::default();
    html.push_tag("<p>");
    html.push_text(&format!(
        "This file cannot be shown as a notebook: {why}. Its source can be read as text."
    ));
    html.push_tag("</p>");
    html
}

struct Page<'a> {
    writer: Writer<'a>,
    path: &'a [u8],
    language: &'a str,
    n_pieces_left: usize,
    left_out: BTreeSet<&'static str>,
}

impl Page<'_> {
    fn cell(&mut self, idx: usize, cell: &Cell) {
        match cell {
            Cell::Markdown(text) => {
                self.tag("<div class=cell>");
                let read = prose::read(&text.text, crate::routes::r::parent(self.path));
                self.n_pieces_left = self.n_pieces_left.saturating_sub(read.pieces.len());
                for piece in &read.pieces {
                    self.writer.piece(piece);
                }
                self.left_out.extend(read.left_out.into_iter().map(says));
                self.more(text);
            }
            Cell::Raw(text) => {
                self.tag("<div class=cell>");
                self.pre("raw", text);
            }
            Cell::Code { count, source, outputs, n_outputs } => {
                self.tag("<div class=\"cell ran\"><div class=count>");
                let number = count.map(|count| count.to_string()).unwrap_or_else(|| " ".into());
                self.writer.html.push_text(&format!("[{number}]"));
                self.tag("</div>");
                self.writer.block(Some(self.language), &source.text);
                self.more(source);
                for (output_idx, output) in outputs.iter().enumerate() {
                    self.output(idx, output_idx, output);
                }
                if outputs.len() < *n_outputs {
                    let n_more = (n_outputs - outputs.len()) as u64;
                    self.note(&format!(
                        "{} not shown.",
                        crate::format::count(n_more, "more output is", "more outputs are")
                    ));
                }
            }
            Cell::Unreadable => {
                self.tag("<div class=cell>");
                self.note("This cell cannot be read: see the source.");
            }
        }
        self.tag("</div>");
    }

    fn output(&mut self, cell: usize, idx: usize, output: &Output) {
        match &output.shown {
            Shown::Text(text) => self.pre(if output.is_error { "out bad" } else { "out" }, text),
            Shown::Source(name, text) => {
                self.note(&format!("{name}, shown as its source:"));
                self.pre("out", text);
            }
            Shown::Image(image) => self.image(cell, idx, *image),
            Shown::Nothing => self.note("This output cannot be shown."),
        }
        if !output.hidden.is_empty() {
            self.note(&format!("It is there as {} too, which is not shown.", output.hidden.join(" and ")));
        }
    }

    fn image(&mut self, cell: usize, idx: usize, image: OutputImage) {
        let address = self.writer.address;
        let url = path_link(&address.repo, address.rev.as_deref(), "raw", self.path);
        let html = &mut self.writer.html;
        html.push_tag("<img class=out loading=lazy");
        html.push_attribute("src", &with_query(&url, &format!("as=image&cell={cell}&output={idx}")));
        html.push_attribute("alt", &format!("Output {} of cell {}", idx + 1, cell + 1));
        if let Some((width, height)) = image.extent {
            html.push_attribute("width", &width.to_string());
            html.push_attribute("height", &height.to_string());
        }
        html.push_tag(">");
    }

    fn pre(&mut self, class: &'static str, text: &CellText) {
        self.tag(&format!("<pre class=\"{class}\" tabindex=0>"));
        self.writer.html.push_text(&text.text);
        self.tag("</pre>");
        self.more(text);
    }

    fn more(&mut self, text: &CellText) {
        if text.n_bytes_more > 0 {
            self.note(&format!("{} more of it is not shown.", size(text.n_bytes_more as u64)));
        }
    }

    fn note(&mut self, says: &str) {
        self.tag("<p class=note>");
        self.writer.html.push_text(says);
        self.tag("</p>");
    }

    fn tag(&mut self, tag: &str) {
        self.writer.html.push_tag(tag);
    }
}
