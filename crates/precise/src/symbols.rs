//! Writes the sections that are ordered by symbol, from sorted mentions.

use crate::IngestError;
use crate::document::{DocumentRow, put_info};
use crate::information::InfoPlace;
use crate::limits::PACKAGES_MAX;
use crate::package::{Package, SymbolParts};
use crate::side::Side;
use crate::sorting::Mention;
use index::ReadError;
use index::frame::{Cursor, FileWriter, SectionKind, put_varint};
use std::path::Path;

/// Names that share a block of the dictionary: the first whole, the others by what differs from the one before.
pub(crate) const BLOCK_LEN: u32 = 16;

/// A package and how many of its symbols are defined in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageUse {
    /// The package.
    pub package: Package,
    /// Symbols of it that the index defines: 0 for a package that is only used.
    pub n_defined: u64,
}

/// Takes mentions in the order of their symbols.
pub(crate) struct SymbolWriter {
    uses: Side,
    rows: Side,
    names: Side,
    blocks: Side,
    pub(crate) n_symbols: u32,
    pub(crate) n_definitions: u64,
    pub(crate) packages: Vec<PackageUse>,
    pub(crate) has_more_packages: bool,
    /// The beginning of all symbols of the last package, empty where the last symbol has none.
    prefix: Vec<u8>,
    last_name: Vec<u8>,
    open: Option<Open>,
}

/// What was gathered of the symbol that is being read.
#[derive(Default)]
struct Open {
    symbol: Vec<u8>,
    info: Option<(InfoPlace, u32)>,
    definitions: Places,
    references: Places,
    related: Vec<u8>,
    n_related: u64,
}

#[derive(Default)]
struct Places {
    bytes: Vec<u8>,
    n: u64,
    document: u32,
}

impl Places {
    /// Copies the rows of one document.
    fn take(&mut self, document: u32, cursor: &mut Cursor<'_>) -> Result<(), ReadError> {
        let n_rows = cursor.varint()?;
        if n_rows == 0 {
            return Ok(());
        }
        put_varint(&mut self.bytes, u64::from(document - self.document));
        put_varint(&mut self.bytes, n_rows);
        for _ in 0..n_rows {
            put_varint(&mut self.bytes, cursor.varint()?);
        }
        self.document = document;
        self.n += n_rows;
        Ok(())
    }
}

impl SymbolWriter {
    pub(crate) fn new(folder: &Path) -> std::io::Result<SymbolWriter> {
        Ok(SymbolWriter {
            uses: Side::new(folder)?,
            rows: Side::new(folder)?,
            names: Side::new(folder)?,
            blocks: Side::new(folder)?,
            n_symbols: 0,
            n_definitions: 0,
            packages: Vec::new(),
            has_more_packages: false,
            prefix: Vec::new(),
            last_name: Vec::new(),
            open: None,
        })
    }

    /// Takes the next mention, and notes in `numbers` (of all documents' symbols) which symbol it was.
    pub(crate) fn take(
        &mut self,
        mention: &Mention,
        documents: &[DocumentRow],
        numbers: &mut [u32],
    ) -> Result<(), IngestError> {
        if self.open.as_ref().is_none_or(|open| open.symbol != mention.symbol) {
            self.close()?;
            self.open = Some(Open { symbol: mention.symbol.clone(), ..Open::default() });
        }
        let Some(open) = self.open.as_mut() else { return Err(IngestError::Fault) };
        let here = open.take(mention).map_err(|_| IngestError::Fault)?;
        let document = documents.get(mention.document as usize).ok_or(IngestError::Fault)?;
        let slot = numbers.get_mut((document.symbols_from + here) as usize).ok_or(IngestError::Fault)?;
        *slot = self.n_symbols;
        Ok(())
    }

    fn close(&mut self) -> Result<(), IngestError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        self.name(&open.symbol)?;
        self.package(&open);
        self.rows.write(&self.uses.len().to_le_bytes())?;
        let mut head = Vec::new();
        for places in [&open.definitions, &open.references] {
            put_varint(&mut head, places.n);
            put_varint(&mut head, places.bytes.len() as u64);
        }
        put_varint(&mut head, open.n_related);
        put_info(&mut head, open.info.map(|(place, _)| place));
        if let Some((_, document)) = open.info {
            put_varint(&mut head, u64::from(document));
        }
        self.uses.write(&head)?;
        self.uses.write(&open.definitions.bytes)?;
        self.uses.write(&open.references.bytes)?;
        self.uses.write(&open.related)?;
        self.n_definitions += open.definitions.n;
        self.n_symbols += 1;
        Ok(())
    }

    fn name(&mut self, name: &[u8]) -> Result<(), IngestError> {
        let mut bytes = Vec::new();
        let mut common = 0;
        if self.n_symbols.is_multiple_of(BLOCK_LEN) {
            self.blocks.write(&self.names.len().to_le_bytes())?;
        } else {
            common = name.iter().zip(&self.last_name).take_while(|(a, b)| a == b).count();
            put_varint(&mut bytes, common as u64);
        }
        put_varint(&mut bytes, (name.len() - common) as u64);
        bytes.extend_from_slice(&name[common..]);
        self.last_name.clear();
        self.last_name.extend_from_slice(name);
        Ok(self.names.write(&bytes)?)
    }

    fn package(&mut self, open: &Open) {
        let is_defined = u64::from(open.definitions.n > 0);
        if !self.prefix.is_empty() && open.symbol.starts_with(&self.prefix) {
            if let Some(last) = self.packages.last_mut() {
                last.n_defined += is_defined;
            }
            return;
        }
        self.prefix.clear();
        let Some(parts) = std::str::from_utf8(&open.symbol).ok().and_then(SymbolParts::parse) else { return };
        if parts.package.name.is_empty() {
            return;
        }
        if self.packages.len() >= PACKAGES_MAX {
            self.has_more_packages = true;
            return;
        }
        let len = open.symbol.len() - parts.descriptors.len();
        self.prefix.extend_from_slice(&open.symbol[..len]);
        self.packages.push(PackageUse { package: parts.package, n_defined: is_defined });
    }

    /// Writes the sections.
    pub(crate) fn finish(mut self, writer: &mut FileWriter) -> Result<Vec<PackageUse>, IngestError> {
        self.uses.into_section(writer, SectionKind::SymbolUses)?;
        self.rows.into_section(writer, SectionKind::SymbolRows)?;
        self.names.into_section(writer, SectionKind::SymbolNames)?;
        self.blocks.into_section(writer, SectionKind::SymbolBlocks)?;
        // Two schemes may name the same package.
        self.packages.sort_by(|a, b| a.package.cmp(&b.package));
        self.packages.dedup_by(|a, b| {
            let is_same = a.package == b.package;
            if is_same {
                b.n_defined += a.n_defined;
            }
            is_same
        });
        Ok(self.packages)
    }

    /// Closes the last symbol.
    pub(crate) fn end(&mut self) -> Result<(), IngestError> {
        self.close()
    }
}

impl Open {
    /// Returns the number that the symbol has in the document.
    fn take(&mut self, mention: &Mention) -> Result<u32, ReadError> {
        let mut cursor = Cursor::new(&mention.payload, "MENTIONS");
        let here = cursor.varint32()?;
        if let Some(chunk) = cursor.varint32()?.checked_sub(1) {
            let place = InfoPlace { chunk, at: cursor.varint32()? };
            self.info.get_or_insert((place, mention.document));
        }
        self.definitions.take(mention.document, &mut cursor)?;
        self.references.take(mention.document, &mut cursor)?;
        for _ in 0..cursor.varint()? {
            self.related.extend_from_slice(cursor.take(1)?);
            put_varint(&mut self.related, u64::from(mention.document));
            put_varint(&mut self.related, cursor.varint()?);
            self.n_related += 1;
        }
        Ok(here)
    }
}
