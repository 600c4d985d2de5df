//! What an indexer says of a symbol, in chunks that are compressed together.

use crate::limits::{DOCUMENTATION_BYTES_MAX, RELATIONSHIPS_MAX};
use crate::side::Side;
use index::ReadError;
use index::frame::{Cursor, put_varint};
use scip::types;
use std::io;
use std::path::Path;

const SECTION: &str = "SYMBOL_INFOS";
/// A chunk is closed once it has this many bytes.
const CHUNK_BYTES: usize = 32 << 10;
/// Most bytes a chunk may claim to have.
pub(crate) const CHUNK_BYTES_MAX: u32 = 4 << 20;
/// zstd's own default.
const LEVEL: i32 = 3;

/// What an indexer says of a symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolInfo {
    /// Which kind of thing it is, as SCIP numbers them (`SymbolInformation.Kind`); 0 where it does not say.
    pub kind: u32,
    /// The name to show; empty where it does not say.
    pub display_name: String,
    /// The language of the signature.
    pub signature_language: String,
    /// The signature; empty where there is none.
    pub signature: String,
    /// Paragraphs of documentation in Markdown. Some indexers put the signature first, in a code fence.
    pub documentation: Vec<String>,
    /// Whether documentation or relationships were cut at the limits.
    pub is_cut: bool,
    /// The symbol it stands in; empty where it does not say.
    pub enclosing_symbol: String,
    /// How it relates to other symbols.
    pub relationships: Vec<Relationship>,
}

/// How a symbol relates to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// The other symbol.
    pub symbol: String,
    /// In which ways.
    pub ways: Ways,
}

/// In which ways a symbol relates to another one (bits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways(pub u8);

impl Ways {
    /// It implements the other one.
    pub const IMPLEMENTATION: Ways = Ways(1);
    /// References to it are references to the other one, too.
    pub const REFERENCE: Ways = Ways(2);
    /// The other one is its type.
    pub const TYPE_DEFINITION: Ways = Ways(4);
    /// It has no definition of its own: the other one's is its.
    pub const DEFINITION: Ways = Ways(8);

    /// Whether all of `ways` are among these.
    pub fn has(self, ways: Ways) -> bool {
        self.0 & ways.0 == ways.0
    }

    pub(crate) fn of(relationship: &types::Relationship) -> Ways {
        let bit = |is: bool, ways: Ways| if is { ways.0 } else { 0 };
        Ways(
            bit(relationship.is_implementation, Ways::IMPLEMENTATION)
                | bit(relationship.is_reference, Ways::REFERENCE)
                | bit(relationship.is_type_definition, Ways::TYPE_DEFINITION)
                | bit(relationship.is_definition, Ways::DEFINITION),
        )
    }
}

/// Where an information stands: the number of its chunk and the byte in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InfoPlace {
    pub(crate) chunk: u32,
    pub(crate) at: u32,
}

/// Collects informations into chunks, in a file of their own.
pub(crate) struct InfoWriter {
    chunk: Vec<u8>,
    pub(crate) compressed: Side,
    /// Rows of offset (u64), length and uncompressed length (u32 each).
    pub(crate) rows: Vec<u8>,
    n_chunks: u32,
}

impl InfoWriter {
    pub(crate) fn new(folder: &Path) -> io::Result<InfoWriter> {
        let compressed = Side::new(folder)?;
        Ok(InfoWriter { chunk: Vec::new(), compressed, rows: Vec::new(), n_chunks: 0 })
    }

    pub(crate) fn push(&mut self, information: &types::SymbolInformation) -> io::Result<(InfoPlace, bool)> {
        let place = InfoPlace { chunk: self.n_chunks, at: self.chunk.len() as u32 };
        let is_cut = encode(information, &mut self.chunk);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok((place, is_cut))
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let compressed = zstd::bulk::compress(&self.chunk, LEVEL)?;
        self.rows.extend(self.compressed.len().to_le_bytes());
        self.rows.extend((compressed.len() as u32).to_le_bytes());
        self.rows.extend((self.chunk.len() as u32).to_le_bytes());
        self.compressed.write(&compressed)?;
        self.chunk.clear();
        self.n_chunks += 1;
        Ok(())
    }
}

pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_varint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Cuts at a character, and says whether it did.
fn cut<'a>(text: &'a str, room: &mut usize, is_cut: &mut bool) -> &'a str {
    let end = text.floor_char_boundary(*room);
    *is_cut |= end < text.len();
    *room -= end;
    &text[..end]
}

fn encode(information: &types::SymbolInformation, bytes: &mut Vec<u8>) -> bool {
    let (mut room, mut is_cut) = (DOCUMENTATION_BYTES_MAX, false);
    let mut body = Vec::new();
    put_text(&mut body, cut(&information.display_name, &mut room, &mut is_cut));
    let signature = information.signature_documentation.as_ref();
    let (language, text) = signature.map_or(("", ""), |signature| (&signature.language, &signature.text));
    put_text(&mut body, cut(language, &mut room, &mut is_cut));
    put_text(&mut body, cut(text, &mut room, &mut is_cut));
    let n_paragraphs = information.documentation.len().min(1_000);
    is_cut |= n_paragraphs < information.documentation.len();
    put_varint(&mut body, n_paragraphs as u64);
    for paragraph in &information.documentation[..n_paragraphs] {
        put_text(&mut body, cut(paragraph, &mut room, &mut is_cut));
    }
    put_text(&mut body, &information.enclosing_symbol);
    let n_relationships = information.relationships.len().min(RELATIONSHIPS_MAX);
    is_cut |= n_relationships < information.relationships.len();
    put_varint(&mut body, n_relationships as u64);
    for relationship in &information.relationships[..n_relationships] {
        body.push(Ways::of(relationship).0);
        put_text(&mut body, &relationship.symbol);
    }
    put_varint(bytes, u64::from(information.kind.value().max(0) as u32) << 1 | u64::from(is_cut));
    bytes.append(&mut body);
    is_cut
}

/// The information at a byte of an uncompressed chunk.
pub(crate) fn decode(chunk: &[u8], at: u32) -> Result<SymbolInfo, ReadError> {
    let damaged = |what| ReadError::Damaged { section: SECTION, what };
    let bytes = chunk.get(at as usize..).ok_or_else(|| damaged("a place lies outside of its chunk"))?;
    let mut cursor = Cursor::new(bytes, SECTION);
    let head = cursor.varint()?;
    let mut info = SymbolInfo { kind: (head >> 1) as u32, is_cut: head & 1 == 1, ..SymbolInfo::default() };
    info.display_name = text(&mut cursor)?;
    info.signature_language = text(&mut cursor)?;
    info.signature = text(&mut cursor)?;
    for _ in 0..cursor.varint()? {
        info.documentation.push(text(&mut cursor)?);
    }
    info.enclosing_symbol = text(&mut cursor)?;
    for _ in 0..cursor.varint()? {
        let ways = Ways(cursor.take(1)?.first().copied().unwrap_or_default());
        info.relationships.push(Relationship { symbol: text(&mut cursor)?, ways });
    }
    Ok(info)
}

/// A text with its length before it.
pub(crate) fn text(cursor: &mut Cursor<'_>) -> Result<String, ReadError> {
    let len = cursor.varint32()? as usize;
    let bytes = cursor.take(len)?.to_vec();
    String::from_utf8(bytes)
        .map_err(|_| ReadError::Damaged { section: SECTION, what: "a text is not valid UTF-8" })
}
