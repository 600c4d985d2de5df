//! One document on its way into the file: its occurrences packed, what it says of each symbol.

use crate::information::{InfoPlace, Ways, put_text};
use crate::limits::SYMBOL_BYTES_MAX;
use crate::range::{Columns, Span};
use index::frame::{put_step, put_varint};
use std::collections::HashMap;
use std::rc::Rc;

/// Occurrences that are packed together; a place is found by the directory of groups.
pub(crate) const GROUP_LEN: u32 = 64;
/// Marks the number of a symbol that is local to its document.
pub(crate) const LOCAL: u32 = 1 << 31;
/// The role of SCIP that makes an occurrence a definition.
pub(crate) const DEFINITION: u32 = 1;

/// What is known of a document beside its occurrences; a row of the section `DOCUMENTS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DocumentRow {
    pub(crate) packed_at: u64,
    pub(crate) packed_len: u32,
    /// Where in what is packed the local symbols begin.
    pub(crate) locals_at: u32,
    pub(crate) n_occurrences: u32,
    pub(crate) symbols_from: u32,
    pub(crate) n_symbols: u32,
    /// Lines that an occurrence spans at most, beyond its first.
    pub(crate) lines_max: u32,
    pub(crate) path_at: u32,
    pub(crate) path_len: u16,
    /// [`Columns::number`]; 0 while nothing was said.
    pub(crate) columns: u8,
    /// 1: it is no document, but symbols of other packages.
    pub(crate) flags: u8,
}

impl DocumentRow {
    pub(crate) const LEN: usize = 40;
    pub(crate) const EXTERNAL: u8 = 1;

    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.packed_at.to_le_bytes());
        for number in [
            self.packed_len,
            self.locals_at,
            self.n_occurrences,
            self.symbols_from,
            self.n_symbols,
            self.lines_max,
            self.path_at,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.path_len.to_le_bytes());
        bytes.extend([self.columns, self.flags]);
    }

    pub(crate) fn get(bytes: &[u8]) -> Option<DocumentRow> {
        use index::frame::{u32_at, u64_at};
        Some(DocumentRow {
            packed_at: u64_at(bytes, 0)?,
            packed_len: u32_at(bytes, 8)?,
            locals_at: u32_at(bytes, 12)?,
            n_occurrences: u32_at(bytes, 16)?,
            symbols_from: u32_at(bytes, 20)?,
            n_symbols: u32_at(bytes, 24)?,
            lines_max: u32_at(bytes, 28)?,
            path_at: u32_at(bytes, 32)?,
            path_len: u16::from_le_bytes(*bytes.get(36..)?.first_chunk()?),
            columns: *bytes.get(38)?,
            flags: *bytes.get(39)?,
        })
    }
}

/// A document as it is read.
#[derive(Default)]
pub(crate) struct DocumentBuilder {
    pub(crate) path: String,
    pub(crate) columns: Option<Columns>,
    numbers: HashMap<Rc<str>, u32>,
    symbols: Vec<SymbolHere>,
    pub(crate) rows: Vec<Row>,
    enclosing: Vec<Span>,
    n_related: u32,
}

struct SymbolHere {
    name: Rc<str>,
    info: Option<InfoPlace>,
    /// Symbols (by their number here) that say they relate to this one.
    related: Vec<(Ways, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) span: Span,
    pub(crate) symbol: u32,
    pub(crate) roles: u32,
    /// Number of its enclosing range plus one, 0 for none.
    pub(crate) enclosing: u32,
}

/// Told of each symbol that others may name what the document says of it.
pub(crate) type OnMention<'a, E> = dyn FnMut(&str, &[u8]) -> Result<(), E> + 'a;

/// A document ready to be written.
pub(crate) struct Packed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) row: DocumentRow,
    /// What becomes of each symbol's number: a local number, or to be told once all symbols are sorted.
    pub(crate) symbols: Vec<u32>,
}

impl DocumentBuilder {
    /// The number of a symbol in this document; `None` for one without a name or with too long a one.
    pub(crate) fn symbol(&mut self, name: &str) -> Option<u32> {
        if name.is_empty() || name.len() > SYMBOL_BYTES_MAX {
            return None;
        }
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = self.symbols.len() as u32;
        let name: Rc<str> = name.into();
        self.numbers.insert(Rc::clone(&name), number);
        self.symbols.push(SymbolHere { name, info: None, related: Vec::new() });
        Some(number)
    }

    pub(crate) fn n_related(&self) -> u32 {
        self.n_related
    }

    pub(crate) fn n_symbols(&self) -> u32 {
        self.symbols.len() as u32
    }

    pub(crate) fn occurrence(&mut self, span: Span, symbol: u32, roles: u32, enclosing: Option<Span>) {
        let enclosing = enclosing.map_or(0, |span| {
            self.enclosing.push(span);
            self.enclosing.len() as u32
        });
        self.rows.push(Row { span, symbol, roles, enclosing });
    }

    pub(crate) fn information(&mut self, symbol: u32, place: InfoPlace) {
        if let Some(symbol) = self.symbols.get_mut(symbol as usize) {
            symbol.info.get_or_insert(place);
        }
    }

    pub(crate) fn related(&mut self, target: u32, ways: Ways, source: u32) {
        if let Some(symbol) = self.symbols.get_mut(target as usize) {
            symbol.related.push((ways, source));
            self.n_related += 1;
        }
    }

    /// Packs the occurrences, and gives for each symbol that others may name what is said of it.
    pub(crate) fn finish<E>(mut self, mention: &mut OnMention<'_, E>) -> Result<Packed, E> {
        self.rows.sort_unstable();
        self.rows.dedup_by_key(|row| (row.span, row.symbol, row.roles));
        let (mut bytes, lines_max) = self.pack();
        let locals_at = bytes.len() as u32;
        let symbols = self.put_locals(&mut bytes);
        self.mentions(mention)?;
        let row = DocumentRow {
            packed_len: bytes.len() as u32,
            locals_at,
            n_occurrences: self.rows.len() as u32,
            n_symbols: symbols.len() as u32,
            lines_max,
            columns: self.columns.map_or(0, Columns::number),
            ..DocumentRow::default()
        };
        Ok(Packed { bytes, row, symbols })
    }

    /// A directory of groups (first line, offset behind the directory), then the groups.
    fn pack(&self) -> (Vec<u8>, u32) {
        let (mut directory, mut groups, mut lines_max) = (Vec::new(), Vec::new(), 0);
        for group in self.rows.chunks(GROUP_LEN as usize) {
            let mut line = group.first().map_or(0, |row| row.span.start_line);
            directory.extend(line.to_le_bytes());
            directory.extend((groups.len() as u32).to_le_bytes());
            for row in group {
                let span = row.span;
                let n_lines = span.end_line - span.start_line;
                lines_max = lines_max.max(n_lines);
                put_varint(&mut groups, u64::from(span.start_line - line));
                line = span.start_line;
                put_tail(&mut groups, span);
                put_varint(&mut groups, u64::from(row.symbol));
                put_varint(&mut groups, u64::from(row.roles) << 1 | u64::from(row.enclosing > 0));
                if let Some(span) =
                    row.enclosing.checked_sub(1).and_then(|at| self.enclosing.get(at as usize))
                {
                    put_step(&mut groups, line, span.start_line);
                    put_tail(&mut groups, *span);
                }
            }
        }
        directory.append(&mut groups);
        (directory, lines_max)
    }

    fn put_locals(&self, bytes: &mut Vec<u8>) -> Vec<u32> {
        let (mut table, mut n_locals) = (Vec::new(), 0);
        let mut numbers = Vec::with_capacity(self.symbols.len());
        for symbol in &self.symbols {
            if !symbol.name.starts_with("local ") {
                numbers.push(0);
                continue;
            }
            numbers.push(LOCAL | n_locals);
            n_locals += 1;
            put_text(&mut table, &symbol.name);
            put_info(&mut table, symbol.info);
        }
        put_varint(bytes, u64::from(n_locals));
        bytes.append(&mut table);
        numbers
    }

    fn mentions<E>(&self, mention: &mut OnMention<'_, E>) -> Result<(), E> {
        let mut by_symbol: Vec<u32> = (0..self.rows.len() as u32).collect();
        by_symbol.sort_by_key(|idx| self.rows[*idx as usize].symbol);
        let mut rest = &by_symbol[..];
        let mut payload = Vec::new();
        for (number, symbol) in self.symbols.iter().enumerate() {
            let n_rows = rest.partition_point(|idx| self.rows[*idx as usize].symbol as usize <= number);
            let (rows, others) = rest.split_at(n_rows);
            rest = others;
            if symbol.name.starts_with("local ") {
                continue;
            }
            payload.clear();
            put_varint(&mut payload, number as u64);
            put_info(&mut payload, symbol.info);
            for wanted in [DEFINITION, 0] {
                let rows: Vec<u32> = rows
                    .iter()
                    .copied()
                    .filter(|idx| self.rows[*idx as usize].roles & DEFINITION == wanted)
                    .collect();
                put_varint(&mut payload, rows.len() as u64);
                let mut before = 0;
                for row in rows {
                    put_varint(&mut payload, u64::from(row - before));
                    before = row;
                }
            }
            put_varint(&mut payload, symbol.related.len() as u64);
            for (ways, source) in &symbol.related {
                payload.push(ways.0);
                put_varint(&mut payload, u64::from(*source));
            }
            mention(&symbol.name, &payload)?;
        }
        Ok(())
    }
}

/// All of a span but its first line.
fn put_tail(bytes: &mut Vec<u8>, span: Span) {
    put_varint(bytes, u64::from(span.start_column));
    let n_lines = span.end_line - span.start_line;
    put_varint(bytes, u64::from(n_lines));
    let from = if n_lines == 0 { span.start_column } else { 0 };
    put_varint(bytes, u64::from(span.end_column - from));
}

pub(crate) fn put_info(bytes: &mut Vec<u8>, info: Option<InfoPlace>) {
    match info {
        None => put_varint(bytes, 0),
        Some(place) => {
            put_varint(bytes, u64::from(place.chunk) + 1);
            put_varint(bytes, u64::from(place.at));
        }
    }
}
