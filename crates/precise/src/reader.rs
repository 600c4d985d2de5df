//! An open index: what stands at a place, where a symbol is defined and used, what is said of it.
//!
//! Everything that is read is checked against its bounds, so that a damaged file is a [`LookupError`] and never a panic.

use crate::document::{DEFINITION, DocumentRow, GROUP_LEN, LOCAL};
use crate::information::{self, CHUNK_BYTES_MAX, InfoPlace, SymbolInfo, Ways, text};
use crate::package::Package;
use crate::range::{Columns, Span};
use crate::symbols::PackageUse;
use crate::{LookupError, Summary};
use index::ReadError;
use index::frame::{Cursor, FileKind, FileReader, Paged, SectionKind, Whole, u32_at, u64_at};
use std::path::Path;

mod names;

/// A symbol of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SymbolNo {
    /// One that every document may name, by its number in the order of names.
    Global(u32),
    /// One of a single document: the document, and its number there.
    Local(DocumentNo, u32),
}

/// A document of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentNo(pub u32);

/// An occurrence of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Where, in the document's own columns.
    pub span: Span,
    /// Of what.
    pub symbol: SymbolNo,
    /// `SymbolRole` bits of SCIP.
    pub roles: u32,
    /// The whole of what is defined or called here, where the indexer says.
    pub enclosing: Option<Span>,
}

/// Where a symbol occurs: a document, and the occurrence's number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UseNo {
    /// The document.
    pub document: DocumentNo,
    /// The number of the occurrence, in the order of places.
    pub number: u32,
}

/// What is known of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its path below the index's root.
    pub path: String,
    /// What its columns count.
    pub columns: Columns,
    row: DocumentRow,
    no: DocumentNo,
}

/// How often a symbol occurs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Definitions.
    pub n_definitions: u64,
    /// Other occurrences.
    pub n_references: u64,
}

impl Occurrence {
    /// Whether the symbol is defined here.
    pub fn is_definition(&self) -> bool {
        self.roles & DEFINITION != 0
    }
}

impl Document {
    /// Its number.
    pub fn no(&self) -> DocumentNo {
        self.no
    }

    /// How many occurrences it has.
    pub fn n_occurrences(&self) -> u32 {
        self.row.n_occurrences
    }
}

/// An open index. Cheap to ask from many threads.
#[derive(Debug)]
pub struct Index {
    file: FileReader,
    n_documents: u32,
    n_symbols: u32,
    summary: Summary,
    occurrences: Paged,
    infos: Paged,
    uses: Paged,
    rows: Paged,
    names: Paged,
    blocks: Paged,
    chunks: Paged,
    numbers: Paged,
    documents: Paged,
    paths: Paged,
    order: Paged,
}

fn damaged(section: SectionKind, what: &'static str) -> LookupError {
    LookupError::Damaged { source: ReadError::Damaged { section: section.name(), what } }
}

impl Index {
    /// Maps a file that [`crate::ingest`] wrote.
    pub fn open(path: &Path) -> Result<Index, LookupError> {
        let open_error = |error: index::OpenError| LookupError::Open { what: error.to_string() };
        let file = FileReader::open(path, FileKind::Precise).map_err(open_error)?;
        let paged = |kind| file.paged(kind).ok_or_else(|| damaged(kind, "it is missing"));
        let header = file.header();
        let (n_documents, n_symbols) = (header.numbers[0], header.numbers[1]);
        let indexer: Whole =
            file.whole(SectionKind::Indexer).ok_or_else(|| damaged(SectionKind::Indexer, "it is missing"))?;
        let mut summary = read_summary(indexer.get(&file)?)?;
        summary.size_bytes = file.bytes().len() as u64;
        Ok(Index {
            n_documents,
            n_symbols,
            summary,
            occurrences: paged(SectionKind::Occurrences)?,
            infos: paged(SectionKind::SymbolInfos)?,
            uses: paged(SectionKind::SymbolUses)?,
            rows: paged(SectionKind::SymbolRows)?,
            names: paged(SectionKind::SymbolNames)?,
            blocks: paged(SectionKind::SymbolBlocks)?,
            chunks: paged(SectionKind::InfoChunks)?,
            numbers: paged(SectionKind::DocumentSymbols)?,
            documents: paged(SectionKind::Documents)?,
            paths: paged(SectionKind::DocumentPaths)?,
            order: paged(SectionKind::DocumentOrder)?,
            file,
        })
    }

    /// Compares every checksum of the file.
    pub fn verify(&self) -> Result<(), LookupError> {
        for section in [
            &self.occurrences,
            &self.infos,
            &self.uses,
            &self.rows,
            &self.names,
            &self.blocks,
            &self.chunks,
            &self.numbers,
            &self.documents,
            &self.paths,
            &self.order,
        ] {
            section.verify(&self.file)?;
        }
        Ok(())
    }

    /// What the index is and holds.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// How many documents there are, in the order of paths.
    pub fn n_documents(&self) -> u32 {
        (self.order.len() / 4) as u32
    }

    /// The document that stands at this place in the order of paths.
    pub fn document_in_order(&self, place: u32) -> Result<Document, LookupError> {
        let at = u64::from(place) * 4;
        let bytes = self.order.get(&self.file, at..at + 4)?;
        self.document(DocumentNo(u32_at(bytes, 0).unwrap_or(u32::MAX)))
    }

    /// A document by its number; symbols of other packages have one without a path.
    pub fn document(&self, no: DocumentNo) -> Result<Document, LookupError> {
        let outside = || damaged(SectionKind::Documents, "there is no document of this number");
        if no.0 >= self.n_documents {
            return Err(outside());
        }
        let at = u64::from(no.0) * DocumentRow::LEN as u64;
        let bytes = self.documents.get(&self.file, at..at + DocumentRow::LEN as u64)?;
        let row = DocumentRow::get(bytes).ok_or_else(outside)?;
        let from = u64::from(row.path_at);
        let path = self.paths.get(&self.file, from..from + u64::from(row.path_len))?;
        let path = std::str::from_utf8(path)
            .map_err(|_| damaged(SectionKind::DocumentPaths, "a path is not valid UTF-8"))?;
        let columns = Columns::from_number(row.columns)
            .ok_or_else(|| damaged(SectionKind::Documents, "columns are of no known kind"))?;
        Ok(Document { path: path.to_owned(), columns, row, no })
    }

    /// The documents at this path: indexers write several where a file belongs to several targets. At most 64.
    pub fn documents_at(&self, path: &str) -> Result<Vec<Document>, LookupError> {
        const MOST: usize = 64;
        let (mut low, mut high) = (0, self.n_documents());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.document_in_order(middle)?.path.as_str() < path {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut found = Vec::new();
        while low < self.n_documents() && found.len() < MOST {
            let document = self.document_in_order(low)?;
            if document.path != path {
                break;
            }
            found.push(document);
            low += 1;
        }
        Ok(found)
    }

    /// All occurrences of a document, by place.
    pub fn occurrences(&self, document: &Document) -> Result<Vec<Occurrence>, LookupError> {
        let n_groups = document.row.n_occurrences.div_ceil(GROUP_LEN);
        let mut found = Vec::new();
        for group in 0..n_groups {
            found.append(&mut self.group(document, group)?);
        }
        Ok(found)
    }

    /// The occurrences that touch a place, the narrowest first, then definitions before others. Line and column from 0, the
    /// column in the document's own units.
    pub fn occurrences_at(
        &self,
        document: &Document,
        line: u32,
        column: u32,
    ) -> Result<Vec<Occurrence>, LookupError> {
        let first_line = line.saturating_sub(document.row.lines_max);
        let n_groups = document.row.n_occurrences.div_ceil(GROUP_LEN);
        let (mut low, mut high) = (0, n_groups);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.group_line(document, middle)? < first_line { low = middle + 1 } else { high = middle }
        }
        let mut found = Vec::new();
        // The group before may end in the line.
        for group in low.saturating_sub(1)..n_groups {
            if self.group_line(document, group)? > line {
                break;
            }
            found.extend(self.group(document, group)?.into_iter().filter(|at| at.span.touches(line, column)));
        }
        found.sort_by_key(|at| {
            let is_behind = at.span.end() == (line, column);
            let lines = at.span.end_line - at.span.start_line;
            (is_behind, lines, at.span.end_column.abs_diff(at.span.start_column), !at.is_definition())
        });
        Ok(found)
    }

    /// One occurrence.
    pub fn occurrence(&self, document: &Document, number: u32) -> Result<Occurrence, LookupError> {
        let group = self.group(document, number / GROUP_LEN)?;
        let outside = || damaged(SectionKind::Occurrences, "there is no occurrence of this number");
        group.get((number % GROUP_LEN) as usize).copied().ok_or_else(outside)
    }

    fn packed(&self, document: &Document) -> Result<&[u8], LookupError> {
        let at = document.row.packed_at;
        let end = at.saturating_add(u64::from(document.row.packed_len));
        Ok(self.occurrences.get(&self.file, at..end)?)
    }

    fn directory(&self, document: &Document, group: u32) -> Result<(u32, u32), LookupError> {
        let at = document.row.packed_at.saturating_add(u64::from(group) * 8);
        let bytes = self.occurrences.get(&self.file, at..at.saturating_add(8))?;
        Ok((u32_at(bytes, 0).unwrap_or(0), u32_at(bytes, 4).unwrap_or(0)))
    }

    fn group_line(&self, document: &Document, group: u32) -> Result<u32, LookupError> {
        Ok(self.directory(document, group)?.0)
    }

    fn group(&self, document: &Document, group: u32) -> Result<Vec<Occurrence>, LookupError> {
        let row = &document.row;
        let outside = || damaged(SectionKind::Occurrences, "a group lies outside of its document");
        let n_groups = row.n_occurrences.div_ceil(GROUP_LEN);
        let n_rows = row.n_occurrences.checked_sub(group * GROUP_LEN).ok_or_else(outside)?.min(GROUP_LEN);
        let (mut line, offset) = self.directory(document, group)?;
        let data_at = u64::from(n_groups) * 8;
        let end = if group + 1 < n_groups {
            data_at + u64::from(self.directory(document, group + 1)?.1)
        } else {
            u64::from(row.locals_at)
        };
        let from = row.packed_at.saturating_add(data_at + u64::from(offset));
        let bytes = self.occurrences.get(&self.file, from..row.packed_at.saturating_add(end))?;
        let mut cursor = Cursor::new(bytes, SectionKind::Occurrences.name());
        let mut found = Vec::with_capacity(n_rows as usize);
        for _ in 0..n_rows {
            line = cursor.varint32()?.checked_add(line).ok_or_else(outside)?;
            let span = read_tail(&mut cursor, line)?;
            let symbol = self.symbol_of(document, cursor.varint32()?)?;
            let roles = cursor.varint()?;
            let enclosing = match roles & 1 {
                0 => None,
                _ => {
                    let line = cursor.step(line)?;
                    Some(read_tail(&mut cursor, line)?)
                }
            };
            found.push(Occurrence { span, symbol, roles: (roles >> 1) as u32, enclosing });
        }
        Ok(found)
    }

    fn symbol_of(&self, document: &Document, here: u32) -> Result<SymbolNo, LookupError> {
        if here >= document.row.n_symbols {
            return Err(damaged(SectionKind::Occurrences, "a symbol is none of its document"));
        }
        let at = (u64::from(document.row.symbols_from) + u64::from(here)) * 4;
        let number = u32_at(self.numbers.get(&self.file, at..at + 4)?, 0).unwrap_or(u32::MAX);
        match number & LOCAL {
            0 if number < self.n_symbols => Ok(SymbolNo::Global(number)),
            0 => Err(damaged(SectionKind::DocumentSymbols, "there is no symbol of this number")),
            _ => Ok(SymbolNo::Local(document.no, number & !LOCAL)),
        }
    }

    fn local(&self, document: DocumentNo, number: u32) -> Result<(String, Option<InfoPlace>), LookupError> {
        let document = self.document(document)?;
        let outside = || damaged(SectionKind::Occurrences, "there is no local symbol of this number");
        let packed = self.packed(&document)?;
        let table = packed.get(document.row.locals_at as usize..).ok_or_else(outside)?;
        let mut cursor = Cursor::new(table, SectionKind::Occurrences.name());
        if u64::from(number) >= cursor.varint()? {
            return Err(outside());
        }
        for _ in 0..number {
            let len = cursor.varint32()? as usize;
            cursor.take(len)?;
            read_info(&mut cursor)?;
        }
        Ok((text(&mut cursor)?, read_info(&mut cursor)?))
    }

    fn uses(&self, symbol: u32) -> Result<Uses<'_>, LookupError> {
        if symbol >= self.n_symbols {
            return Err(damaged(SectionKind::SymbolRows, "there is no symbol of this number"));
        }
        let at = u64::from(symbol) * 8;
        let from = u64_at(self.rows.get(&self.file, at..at + 8)?, 0).unwrap_or(u64::MAX);
        let end = if symbol + 1 < self.n_symbols {
            u64_at(self.rows.get(&self.file, at + 8..at + 16)?, 0).unwrap_or(0)
        } else {
            self.uses.len()
        };
        let mut cursor = Cursor::new(self.uses.get(&self.file, from..end)?, SectionKind::SymbolUses.name());
        let (n_definitions, definitions_len) = (cursor.varint()?, cursor.varint32()?);
        let (n_references, references_len) = (cursor.varint()?, cursor.varint32()?);
        let n_related = cursor.varint()?;
        let info = match read_info(&mut cursor)? {
            None => None,
            Some(place) => Some((place, DocumentNo(cursor.varint32()?))),
        };
        Ok(Uses {
            counts: Counts { n_definitions, n_references },
            info,
            definitions: cursor.take(definitions_len as usize)?,
            references: cursor.take(references_len as usize)?,
            n_related,
            related: cursor.rest(),
        })
    }

    /// How often a symbol occurs. Cheap for a symbol that documents share; a local one's document is gone through.
    pub fn counts(&self, symbol: SymbolNo) -> Result<Counts, LookupError> {
        match symbol {
            SymbolNo::Global(number) => Ok(self.uses(number)?.counts),
            SymbolNo::Local(..) => Ok(Counts {
                n_definitions: self.definitions(symbol)?.len() as u64,
                n_references: self.references(symbol)?.len() as u64,
            }),
        }
    }

    /// Where a symbol is defined, by document and place.
    pub fn definitions(&self, symbol: SymbolNo) -> Result<Vec<UseNo>, LookupError> {
        match symbol {
            SymbolNo::Global(number) => read_places(self.uses(number)?.definitions),
            SymbolNo::Local(document, _) => self.uses_in(document, symbol, true),
        }
    }

    /// Where a symbol occurs otherwise, by document and place.
    pub fn references(&self, symbol: SymbolNo) -> Result<Vec<UseNo>, LookupError> {
        match symbol {
            SymbolNo::Global(number) => read_places(self.uses(number)?.references),
            SymbolNo::Local(document, _) => self.uses_in(document, symbol, false),
        }
    }

    fn uses_in(
        &self,
        document: DocumentNo,
        symbol: SymbolNo,
        are_definitions: bool,
    ) -> Result<Vec<UseNo>, LookupError> {
        let all = self.occurrences(&self.document(document)?)?;
        let is_wanted = |at: &Occurrence| at.symbol == symbol && at.is_definition() == are_definitions;
        let wanted = all.iter().enumerate().filter(|(_, at)| is_wanted(at));
        Ok(wanted.map(|(number, _)| UseNo { document, number: number as u32 }).collect())
    }

    /// The symbols that say they relate to this one in one of these ways, with the documents that say so.
    pub fn related_to(&self, symbol: u32, ways: Ways) -> Result<Vec<(SymbolNo, DocumentNo)>, LookupError> {
        let uses = self.uses(symbol)?;
        let mut cursor = Cursor::new(uses.related, SectionKind::SymbolUses.name());
        let mut found = Vec::new();
        for _ in 0..uses.n_related {
            let said = Ways(cursor.take(1)?.first().copied().unwrap_or_default());
            let (document, here) = (DocumentNo(cursor.varint32()?), cursor.varint32()?);
            if said.0 & ways.0 != 0 {
                let source = self.symbol_of(&self.document(document)?, here)?;
                if source != SymbolNo::Global(symbol) {
                    found.push((source, document));
                }
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// What is said of a symbol, and in which document (one without a path: it is of another package).
    pub fn info(&self, symbol: SymbolNo) -> Result<Option<(SymbolInfo, DocumentNo)>, LookupError> {
        let place = match symbol {
            SymbolNo::Global(number) => self.uses(number)?.info,
            SymbolNo::Local(document, number) => self.local(document, number)?.1.map(|at| (at, document)),
        };
        let Some((place, document)) = place else { return Ok(None) };
        Ok(Some((information::decode(&self.chunk(place.chunk)?, place.at)?, document)))
    }

    fn chunk(&self, chunk: u32) -> Result<Vec<u8>, LookupError> {
        let kind = SectionKind::InfoChunks;
        let at = u64::from(chunk) * 16;
        let row = self.chunks.get(&self.file, at..at + 16)?;
        let early = || damaged(kind, "it ends early");
        let from = u64_at(row, 0).ok_or_else(early)?;
        let (len, full_len) = (u32_at(row, 8).ok_or_else(early)?, u32_at(row, 12).ok_or_else(early)?);
        if full_len > CHUNK_BYTES_MAX {
            return Err(damaged(kind, "a chunk is too large"));
        }
        let compressed = self.infos.get(&self.file, from..from.saturating_add(u64::from(len)))?;
        zstd::bulk::decompress(compressed, full_len as usize)
            .map_err(|_| damaged(SectionKind::SymbolInfos, "a chunk cannot be decompressed"))
    }
}

struct Uses<'a> {
    counts: Counts,
    info: Option<(InfoPlace, DocumentNo)>,
    definitions: &'a [u8],
    references: &'a [u8],
    n_related: u64,
    related: &'a [u8],
}

fn read_info(cursor: &mut Cursor<'_>) -> Result<Option<InfoPlace>, LookupError> {
    Ok(match cursor.varint32()?.checked_sub(1) {
        None => None,
        Some(chunk) => Some(InfoPlace { chunk, at: cursor.varint32()? }),
    })
}

fn read_tail(cursor: &mut Cursor<'_>, start_line: u32) -> Result<Span, LookupError> {
    let far = || damaged(SectionKind::Occurrences, "a place is beyond 32 bits");
    let start_column = cursor.varint32()?;
    let n_lines = cursor.varint32()?;
    let from = if n_lines == 0 { start_column } else { 0 };
    let end_line = start_line.checked_add(n_lines).ok_or_else(far)?;
    let end_column = cursor.varint32()?.checked_add(from).ok_or_else(far)?;
    Ok(Span { start_line, start_column, end_line, end_column })
}

fn read_places(bytes: &[u8]) -> Result<Vec<UseNo>, LookupError> {
    let far = || damaged(SectionKind::SymbolUses, "a use is beyond 32 bits");
    let mut cursor = Cursor::new(bytes, SectionKind::SymbolUses.name());
    let (mut found, mut document) = (Vec::new(), 0u32);
    while !cursor.is_at_end() {
        document = cursor.varint32()?.checked_add(document).ok_or_else(far)?;
        let n_rows = cursor.varint()?;
        let mut number = 0u32;
        for _ in 0..n_rows {
            number = cursor.varint32()?.checked_add(number).ok_or_else(far)?;
            found.push(UseNo { document: DocumentNo(document), number });
        }
    }
    Ok(found)
}

fn read_summary(bytes: &[u8]) -> Result<Summary, LookupError> {
    let mut cursor = Cursor::new(bytes, SectionKind::Indexer.name());
    let mut summary = Summary { indexer: text(&mut cursor)?, ..Summary::default() };
    summary.indexer_version = text(&mut cursor)?;
    for number in [
        &mut summary.n_documents,
        &mut summary.n_symbols,
        &mut summary.n_occurrences,
        &mut summary.n_definitions,
        &mut summary.n_left_out,
        &mut summary.n_cut,
        &mut summary.input_bytes,
    ] {
        *number = cursor.varint()?;
    }
    summary.has_more_packages = cursor.varint()? != 0;
    for _ in 0..cursor.varint()? {
        let (manager, name, version) = (text(&mut cursor)?, text(&mut cursor)?, text(&mut cursor)?);
        let package = Package { manager, name, version };
        summary.packages.push(PackageUse { package, n_defined: cursor.varint()? });
    }
    Ok(summary)
}
