//! Notebooks of Jupyter (`nbformat` 4) taken apart into cells: texts, code, what the code gave.
//!
//! SECURITY: nothing in a notebook runs, and nothing of it is passed on as HTML: an output is plain text or an image by its first bytes.
//! The JSON is read in two steps, cells and outputs being passed over as they stand before each is read by itself: what is
//! wrong or too deep in one costs that one, and what is not wanted is never held.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Most cells that are told: ten times the longest notebook that people read.
const CELLS_MAX: usize = 1_000;
/// Most outputs of one cell.
const OUTPUTS_MAX: usize = 50;
/// Longest text of one cell or output, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest text of all cells and outputs, in bytes.
const ALL_BYTES_MAX: usize = 1 << 20;
/// Largest image, in bytes.
const IMAGE_BYTES_MAX: usize = 8 << 20;

/// A notebook, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notebook {
    /// The language of its code, as it calls it.
    pub language: Option<String>,
    /// The first of its cells.
    pub cells: Vec<Cell>,
    /// How many there are in all.
    pub n_cells: usize,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Markdown.
    Markdown(CellText),
    /// Text for other programs.
    Raw(CellText),
    /// Code, and what it gave.
    Code {
        /// When it ran, counted from the start of the session.
        count: Option<u64>,
        /// The code.
        source: CellText,
        /// What it gave, the first of it.
        outputs: Vec<Output>,
        /// How much there is in all.
        n_outputs: usize,
    },
    /// One that cannot be read.
    Unreadable,
}

/// What code gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// What is shown of it.
    pub shown: Shown,
    /// Whether it is an error, or was written where errors are.
    pub is_error: bool,
    /// Forms of it that are not shown, such as HTML.
    pub hidden: Vec<&'static str>,
}

/// What is shown of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// Text.
    Text(CellText),
    /// The source of something that is not shown as what it is, and what that is.
    Source(&'static str, CellText),
    /// An image; [`notebook_image`] has its bytes.
    Image(OutputImage),
    /// Nothing of it.
    #[default]
    Nothing,
}

/// Text of a notebook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellText {
    /// The beginning of it.
    pub text: String,
    /// How many bytes there are behind it.
    pub n_bytes_more: usize,
}

/// An image that code gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputImage {
    /// What it is.
    pub kind: ImageKind,
    /// How wide and high it is, in pixels, where it says so.
    pub extent: Option<(u32, u32)>,
}

/// A kind of image, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
}

/// Why a file is not shown as a notebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotANotebook {
    /// It is not JSON, or ends too early.
    Broken,
    /// It has no list of cells: another version of the format, or something else.
    NoCells,
}

/// The file as far as it is wanted.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    cells: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    language_info: Option<&'a RawValue>,
    #[serde(borrow)]
    kernelspec: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Names {
    name: Option<String>,
    language: Option<String>,
}

#[derive(Deserialize)]
struct FileCell<'a> {
    cell_type: String,
    #[serde(default)]
    source: Joined,
    execution_count: Option<serde_json::Number>,
    #[serde(borrow)]
    outputs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct FileOutput<'a> {
    output_type: String,
    name: Option<String>,
    #[serde(default)]
    text: Joined,
    #[serde(borrow)]
    traceback: Option<&'a RawValue>,
    #[serde(default)]
    ename: Joined,
    #[serde(default)]
    evalue: Joined,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The forms of an output that are known.
#[derive(Deserialize)]
struct Forms<'a> {
    #[serde(rename = "image/png", borrow)]
    png: Option<&'a RawValue>,
    #[serde(rename = "image/jpeg", borrow)]
    jpeg: Option<&'a RawValue>,
    #[serde(rename = "text/plain", borrow)]
    plain: Option<&'a RawValue>,
    #[serde(rename = "text/markdown", borrow)]
    markdown: Option<&'a RawValue>,
    #[serde(rename = "text/latex", borrow)]
    latex: Option<&'a RawValue>,
    #[serde(rename = "text/html", borrow)]
    html: Option<&'a RawValue>,
    #[serde(rename = "image/svg+xml", borrow)]
    svg: Option<&'a RawValue>,
    #[serde(rename = "application/javascript", borrow)]
    javascript: Option<&'a RawValue>,
    #[serde(rename = "application/json", borrow)]
    json: Option<&'a RawValue>,
}

/// Takes a notebook apart.
pub fn notebook(text: &str) -> Result<Notebook, NotANotebook> {
    let file: File<'_> = serde_json::from_str(text).map_err(|_| NotANotebook::Broken)?;
    let cells = firsts::<CELLS_MAX>(file.cells).ok_or(NotANotebook::NoCells)?;
    let mut n_bytes_left = ALL_BYTES_MAX;
    let mut read = Vec::new();
    for cell in &cells.kept {
        if n_bytes_left == 0 {
            break;
        }
        read.push(Cell::read(cell, &mut n_bytes_left));
    }
    Ok(Notebook { language: file.metadata.and_then(language), cells: read, n_cells: cells.n })
}

/// The image that an output is, and what it is; cells and outputs are counted from 0.
pub fn notebook_image(text: &str, cell: usize, output: usize) -> Option<(ImageKind, Vec<u8>)> {
    let file: File<'_> = serde_json::from_str(text).ok()?;
    let cells = firsts::<CELLS_MAX>(file.cells)?;
    let cell: FileCell<'_> = serde_json::from_str(cells.kept.get(cell)?.get()).ok()?;
    let outputs = firsts::<OUTPUTS_MAX>(cell.outputs)?;
    let output: FileOutput<'_> = serde_json::from_str(outputs.kept.get(output)?.get()).ok()?;
    let forms: Forms<'_> = serde_json::from_str(output.data?.get()).ok()?;
    [forms.png, forms.jpeg].into_iter().flatten().find_map(decoded)
}

impl Cell {
    fn read(cell: &RawValue, n_bytes_left: &mut usize) -> Self {
        let Ok(cell) = serde_json::from_str::<FileCell<'_>>(cell.get()) else { return Cell::Unreadable };
        let source = cell.source.cut(n_bytes_left);
        match cell.cell_type.as_str() {
            "markdown" => Cell::Markdown(source),
            "raw" => Cell::Raw(source),
            "code" => {
                let outputs = firsts::<OUTPUTS_MAX>(cell.outputs).unwrap_or_default();
                let read = |output: &&RawValue| Output::read(output, n_bytes_left);
                Cell::Code {
                    count: cell.execution_count.and_then(|count| count.as_u64()),
                    source,
                    n_outputs: outputs.n,
                    outputs: outputs.kept.iter().map(read).collect(),
                }
            }
            _ => Cell::Unreadable,
        }
    }
}

impl Output {
    fn read(output: &RawValue, n_bytes_left: &mut usize) -> Self {
        let Ok(output) = serde_json::from_str::<FileOutput<'_>>(output.get()) else {
            return Output::default();
        };
        let text =
            |text: CellText, is_error| Output { shown: Shown::Text(text), is_error, ..Output::default() };
        match output.output_type.as_str() {
            "stream" => text(output.text.cut(n_bytes_left), output.name.is_some_and(|name| name == "stderr")),
            "error" => {
                let lines =
                    output.traceback.and_then(|lines| serde_json::from_str::<Vec<String>>(lines.get()).ok());
                let says = match lines.filter(|lines| !lines.is_empty()) {
                    // They come without their ends.
                    Some(lines) => lines.join("\n"),
                    None => format!("{}: {}", output.ename.0, output.evalue.0),
                };
                text(Joined(says).cut(n_bytes_left), true)
            }
            _ => {
                let forms = output.data.and_then(|data| serde_json::from_str::<Forms<'_>>(data.get()).ok());
                forms.map(|forms| Output::of(&forms, n_bytes_left)).unwrap_or_default()
            }
        }
    }

    /// The best form that can do no harm.
    fn of(forms: &Forms<'_>, n_bytes_left: &mut usize) -> Self {
        let rich = [
            ("Markdown", forms.markdown),
            ("LaTeX", forms.latex),
            ("HTML", forms.html),
            ("SVG", forms.svg),
            ("JavaScript", forms.javascript),
            ("JSON", forms.json),
        ];
        let rich = rich.into_iter().filter_map(|(name, form)| Some((name, form?)));
        let mut hidden: Vec<&'static str> = rich.clone().map(|(name, _)| name).collect();
        let image = [forms.png, forms.jpeg].into_iter().flatten().find_map(|form| {
            let (kind, bytes) = decoded(form)?;
            Some(Shown::Image(OutputImage { kind, extent: extent(kind, &bytes) }))
        });
        let plain = forms.plain.and_then(|form| Some(Shown::Text(Joined::read(form)?.cut(n_bytes_left))));
        let shown = image.or(plain).unwrap_or_else(|| {
            let mut rich = rich;
            let source = |(name, form): (&'static str, &RawValue)| {
                // What is JSON itself is shown as it stands.
                let text = Joined::read(form).filter(|text| !text.0.is_empty());
                let text = text.unwrap_or_else(|| Joined(form.get().to_owned()));
                Shown::Source(name, text.cut(n_bytes_left))
            };
            hidden = hidden.split_off(hidden.len().min(1));
            rich.next().map(source).unwrap_or_default()
        });
        Output { shown, is_error: false, hidden }
    }
}

fn language(metadata: &RawValue) -> Option<String> {
    let metadata: Metadata<'_> = serde_json::from_str(metadata.get()).ok()?;
    let names = |raw: Option<&RawValue>| serde_json::from_str::<Names>(raw?.get()).ok();
    let info = names(metadata.language_info).and_then(|names| names.name);
    info.or_else(|| names(metadata.kernelspec).and_then(|names| names.language))
}

/// The bytes of an image that is one.
fn decoded(form: &RawValue) -> Option<(ImageKind, Vec<u8>)> {
    if form.get().len() > IMAGE_BYTES_MAX / 3 * 4 {
        return None;
    }
    let mut text = Joined::read(form)?.0;
    text.retain(|c| !c.is_ascii_whitespace());
    let bytes = STANDARD.decode(text).ok()?;
    let kind = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => ImageKind::Png,
        [0xff, 0xd8, 0xff, ..] => ImageKind::Jpeg,
        _ => return None,
    };
    Some((kind, bytes))
}

/// How wide and high an image says it is.
fn extent(kind: ImageKind, bytes: &[u8]) -> Option<(u32, u32)> {
    let (width, height) = match kind {
        ImageKind::Png => {
            let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
            (number(16)?, number(20)?)
        }
        ImageKind::Jpeg => {
            let number = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
            let mut at = 2;
            loop {
                let (0xff, marker) = (*bytes.get(at)?, *bytes.get(at + 1)?) else { return None };
                // A frame begins; C4, C8 and CC are something else.
                if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                    break (number(at + 7)?.into(), number(at + 5)?.into());
                }
                at += 2 + usize::from(number(at + 2)?);
            }
        }
    };
    (width > 0 && height > 0).then_some((width, height))
}

/// The first values of a list, as they stand, and how many there are.
#[derive(Default)]
struct Firsts<'a, const MAX: usize> {
    kept: Vec<&'a RawValue>,
    n: usize,
}

fn firsts<const MAX: usize>(list: Option<&RawValue>) -> Option<Firsts<'_, MAX>> {
    serde_json::from_str(list?.get()).ok()
}

impl<'de, const MAX: usize> Deserialize<'de> for Firsts<'de, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<const MAX: usize>;
        impl<'de, const MAX: usize> Visitor<'de> for List<MAX> {
            type Value = Firsts<'de, MAX>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MAX {
                    match list.next_element::<&RawValue>()? {
                        Some(value) => kept.push(value),
                        None => return Ok(Firsts { n: kept.len(), kept }),
                    }
                }
                let mut n = kept.len();
                while list.next_element::<IgnoredAny>()?.is_some() {
                    n += 1;
                }
                Ok(Firsts { kept, n })
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// A text, or a list of texts that follow each other; anything else is none.
#[derive(Default)]
struct Joined(String);

impl Joined {
    fn read(form: &RawValue) -> Option<Self> {
        serde_json::from_str(form.get()).ok()
    }

    /// As much as there is room for, without what colours it in a terminal.
    fn cut(self, n_bytes_left: &mut usize) -> CellText {
        let mut text = plain(&self.0);
        let end = text.floor_char_boundary(TEXT_BYTES_MAX.min(*n_bytes_left));
        let n_bytes_more = text.len() - end;
        text.truncate(end);
        // A text that does not fit ends the notebook.
        *n_bytes_left = match n_bytes_more > 0 && end < TEXT_BYTES_MAX - 4 {
            true => 0,
            false => *n_bytes_left - end,
        };
        CellText { text, n_bytes_more }
    }
}

impl<'de> Deserialize<'de> for Joined {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Joined;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Joined, E> {
                Ok(Joined(text.to_owned()))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Joined, E> {
                Ok(Joined(text))
            }

            fn visit_unit<E: Error>(self) -> Result<Joined, E> {
                Ok(Joined::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Joined, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Joined::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Joined, A::Error> {
                let mut joined = String::new();
                while let Some(text) = list.next_element::<String>()? {
                    joined.push_str(&text);
                }
                Ok(Joined(joined))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A text without the sequences that colour it in a terminal (ECMA-48, 5.4).
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut parts = text.split("\u{1b}[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !matches!(c, '\u{20}'..='\u{3f}'));
        let last = end.and_then(|end| part[end..].chars().next());
        plain.push_str(match (end, last) {
            (Some(end), Some('\u{40}'..='\u{7e}')) => &part[end + 1..],
            _ => part,
        });
    }
    plain
}
