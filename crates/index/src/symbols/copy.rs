//! Carries the definitions of a blob from one segment to another.

use super::writer::SymbolsWriter;
use super::{NewSymbol, NewSymbols, SymbolTable};
use crate::segment::{MergeError, Segment};
use crate::{BlobIdx, BlockBitmap};

/// The definitions of one part of a merge.
pub(crate) struct SymbolSource<'a> {
    /// `None` where the part was written by a build that knew none.
    table: Option<SymbolTable<'a>>,
    cut: BlockBitmap,
}

impl<'a> SymbolSource<'a> {
    pub(crate) fn new(segment: &'a Segment) -> Result<Self, MergeError> {
        let table = segment.symbols()?;
        let mut cut = BlockBitmap::empty(segment.n_blobs());
        if let Some(table) = &table {
            for number in 0..table.n_cut() {
                cut.insert(table.cut_blob(number)?.0);
            }
        }
        Ok(SymbolSource { table, cut })
    }

    /// Adds what a blob defines to what is written.
    pub(crate) fn copy(
        &self,
        blob: BlobIdx,
        text_len: u64,
        writer: &mut SymbolsWriter,
    ) -> Result<(), MergeError> {
        let text_len = usize::try_from(text_len).unwrap_or(usize::MAX);
        let Some(table) = &self.table else {
            return Ok(writer.add(NewSymbols::Cut(&[]), text_len)?);
        };
        let mut definitions = Vec::new();
        table.for_each(table.of_blob(blob)?, &mut |_, definition| {
            definitions.push(definition.clone());
            true
        })?;
        let mut names = Vec::with_capacity(definitions.len());
        for definition in &definitions {
            let mut name = Vec::new();
            table.name(definition.name, &mut name)?;
            names.push(name);
        }
        let mut symbols = Vec::with_capacity(definitions.len());
        for (definition, name) in definitions.iter().zip(&names) {
            // A kind that this build does not know is left behind.
            let Some(kind) = definition.kind else { continue };
            symbols.push(NewSymbol {
                name,
                name_start: definition.name_start as u32,
                kind,
                container: table.container(definition.container)?,
                extent: definition.extent.start as u32..definition.extent.end as u32,
            });
        }
        let is_cut = blob.0 < self.cut.n_bits() && self.cut.contains(blob.0);
        let known = if is_cut { NewSymbols::Cut(&symbols) } else { NewSymbols::Known(&symbols) };
        Ok(writer.add(known, text_len)?)
    }
}
