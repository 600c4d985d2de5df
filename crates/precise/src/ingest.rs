//! Takes a SCIP index in: read as a stream, one document at a time, written as one immutable file.

use crate::document::{DocumentBuilder, DocumentRow};
use crate::information::{InfoWriter, put_text};
use crate::range::Columns;
use crate::sorting::Sorter;
use crate::symbols::{PackageUse, SymbolWriter};
use crate::wire;
use crate::{IngestError, IngestLimits, Stop};
use index::frame::{FileKind, FileWriter, Header, SectionKind, put_varint};
use scip::types;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// The stack of the thread that reads an upload: SCIP nests five deep.
const STACK_BYTES: usize = 4 << 20;
/// Bytes of all paths together.
const PATHS_BYTES_MAX: usize = 256 << 20;

/// What an index is and holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The indexer's name; empty where it did not say.
    pub indexer: String,
    /// The indexer's version; empty where it did not say.
    pub indexer_version: String,
    /// Documents.
    pub n_documents: u64,
    /// Symbols, without those local to a document.
    pub n_symbols: u64,
    /// Occurrences.
    pub n_occurrences: u64,
    /// Definitions of symbols, without those local to a document.
    pub n_definitions: u64,
    /// Occurrences that were left out, because their range is none or their symbol's name is too long.
    pub n_left_out: u64,
    /// Symbols whose documentation or relationships were cut.
    pub n_cut: u64,
    /// Bytes of the index, uncompressed.
    pub input_bytes: u64,
    /// Bytes of the file that was written.
    pub size_bytes: u64,
    /// The packages its symbols belong to, by manager, name and version.
    pub packages: Vec<PackageUse>,
    /// Whether there were more packages than are listed.
    pub has_more_packages: bool,
}

/// Reads an uncompressed SCIP index and writes the file `target`, which appears when it is whole. `id` is random.
///
/// Runs on a thread of its own with a small stack; a panic is an [`IngestError::Fault`]. Memory is bounded by `limits`
/// whatever is sent. Files beside the target have no name: nothing is left behind.
pub fn ingest(
    input: &mut (dyn Read + Send),
    target: &Path,
    id: [u8; 16],
    limits: &IngestLimits,
    stop: Stop<'_>,
) -> Result<Summary, IngestError> {
    let work = || catch_unwind(AssertUnwindSafe(|| run(input, target, id, limits, &stop)));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("precise".into()).stack_size(STACK_BYTES);
        let worker = thread.spawn_scoped(scope, work)?;
        match worker.join() {
            Ok(Ok(outcome)) => outcome,
            _ => Err(IngestError::Fault),
        }
    })
}

fn run(
    input: &mut (dyn Read + Send),
    target: &Path,
    id: [u8; 16],
    limits: &IngestLimits,
    stop: &Stop<'_>,
) -> Result<Summary, IngestError> {
    let folder = target.parent().ok_or(IngestError::Fault)?;
    let mut builder = Builder {
        writer: FileWriter::create(target, FileKind::Precise)?,
        infos: InfoWriter::new(folder)?,
        sorter: Sorter::new(folder, limits.sort_bytes),
        documents: Vec::new(),
        paths: Vec::new(),
        numbers: Vec::new(),
        summary: Summary::default(),
        limits,
    };
    builder.writer.begin_paged(SectionKind::Occurrences)?;
    builder.summary.input_bytes = wire::read_index(input, limits, stop, &mut builder)?;
    builder.finish(id, folder, stop)
}

/// The file as it grows.
pub(crate) struct Builder<'a> {
    writer: FileWriter,
    pub(crate) infos: InfoWriter,
    sorter: Sorter,
    documents: Vec<DocumentRow>,
    paths: Vec<u8>,
    /// For every document's every symbol its number in the dictionary.
    numbers: Vec<u32>,
    pub(crate) summary: Summary,
    pub(crate) limits: &'a IngestLimits,
}

impl Builder<'_> {
    pub(crate) fn metadata(&mut self, metadata: &types::Metadata) {
        if let Some(tool) = metadata.tool_info.as_ref() {
            let cut =
                |text: &str| text.chars().filter(|character| !character.is_control()).take(100).collect();
            self.summary.indexer = cut(&tool.name);
            self.summary.indexer_version = cut(&tool.version);
        }
    }

    /// Writes a document; symbols of other packages are one without a path.
    pub(crate) fn document(&mut self, document: DocumentBuilder) -> Result<(), IngestError> {
        let limits = self.limits;
        let too_much = |what, limit| Err(IngestError::TooMuch { what, limit });
        let number = self.documents.len() as u32;
        if number >= limits.n_documents_max {
            return too_much("documents", u64::from(limits.n_documents_max));
        }
        if self.numbers.len() as u64 + u64::from(document.n_symbols()) > u64::from(limits.n_mentions_max) {
            return too_much("symbols named in its documents", u64::from(limits.n_mentions_max));
        }
        let path = document.path.clone();
        if self.paths.len() + path.len() > PATHS_BYTES_MAX {
            return too_much("bytes of paths", PATHS_BYTES_MAX as u64);
        }
        let sorter = &mut self.sorter;
        let mut packed =
            document.finish(&mut |symbol, payload| sorter.push(symbol.as_bytes(), number, payload))?;
        self.summary.n_occurrences += u64::from(packed.row.n_occurrences);
        if self.summary.n_occurrences > limits.n_occurrences_max {
            return too_much("occurrences", limits.n_occurrences_max);
        }
        packed.row.packed_at = self.writer.section_len();
        self.writer.write(&packed.bytes)?;
        packed.row.symbols_from = self.numbers.len() as u32;
        self.numbers.append(&mut packed.symbols);
        packed.row.path_at = self.paths.len() as u32;
        packed.row.path_len = path.len() as u16;
        self.paths.extend_from_slice(path.as_bytes());
        if path.is_empty() {
            packed.row.flags |= DocumentRow::EXTERNAL;
        } else {
            self.summary.n_documents += 1;
        }
        self.documents.push(packed.row);
        Ok(())
    }

    fn finish(mut self, id: [u8; 16], folder: &Path, stop: &Stop<'_>) -> Result<Summary, IngestError> {
        if self.summary.n_documents == 0 {
            return Err(IngestError::Empty);
        }
        let columns = Columns::of_indexer(&self.summary.indexer).number();
        self.documents.iter_mut().filter(|row| row.columns == 0).for_each(|row| row.columns = columns);
        let mut writer = self.writer;
        writer.end()?;
        self.infos.flush()?;
        self.infos.compressed.into_section(&mut writer, SectionKind::SymbolInfos)?;
        let mut symbols = SymbolWriter::new(folder)?;
        let (documents, numbers) = (&self.documents, &mut self.numbers);
        self.sorter.merge(stop, &mut |mention| symbols.take(mention, documents, numbers))?;
        symbols.end()?;
        self.summary.n_symbols = u64::from(symbols.n_symbols);
        self.summary.n_definitions = symbols.n_definitions;
        self.summary.has_more_packages = symbols.has_more_packages;
        self.summary.packages = symbols.finish(&mut writer)?;
        paged(&mut writer, SectionKind::InfoChunks, self.infos.rows.iter().copied())?;
        let numbers = self.numbers.iter().flat_map(|number| number.to_le_bytes());
        paged(&mut writer, SectionKind::DocumentSymbols, numbers)?;
        write_documents(&mut writer, &self.documents, &self.paths)?;
        writer.begin_hot()?;
        writer.section(SectionKind::Indexer, &put_summary(&self.summary))?;
        let numbers = [self.documents.len() as u32, self.summary.n_symbols as u32, 0, 0, 0, 0];
        self.summary.size_bytes = writer.finish(&Header { id, numbers })?;
        Ok(self.summary)
    }
}

fn write_documents(
    writer: &mut FileWriter,
    documents: &[DocumentRow],
    paths: &[u8],
) -> Result<(), IngestError> {
    writer.begin_paged(SectionKind::Documents)?;
    let mut bytes = Vec::new();
    for document in documents {
        bytes.clear();
        document.put(&mut bytes);
        writer.write(&bytes)?;
    }
    writer.end()?;
    writer.begin_paged(SectionKind::DocumentPaths)?;
    writer.write(paths)?;
    writer.end()?;
    let path = |idx: &u32| {
        let row = &documents[*idx as usize];
        &paths[row.path_at as usize..][..usize::from(row.path_len)]
    };
    let is_document = |idx: &u32| documents[*idx as usize].flags & DocumentRow::EXTERNAL == 0;
    let mut order: Vec<u32> = (0..documents.len() as u32).filter(is_document).collect();
    order.sort_by(|a, b| path(a).cmp(path(b)));
    paged(writer, SectionKind::DocumentOrder, order.iter().flat_map(|idx| idx.to_le_bytes()))
}

fn paged(
    writer: &mut FileWriter,
    kind: SectionKind,
    bytes: impl Iterator<Item = u8>,
) -> Result<(), IngestError> {
    writer.begin_paged(kind)?;
    let mut buffer = Vec::with_capacity(1 << 16);
    for byte in bytes {
        buffer.push(byte);
        if buffer.len() == 1 << 16 {
            writer.write(&buffer)?;
            buffer.clear();
        }
    }
    writer.write(&buffer)?;
    Ok(writer.end()?)
}

fn put_summary(summary: &Summary) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_text(&mut bytes, &summary.indexer);
    put_text(&mut bytes, &summary.indexer_version);
    for number in [
        summary.n_documents,
        summary.n_symbols,
        summary.n_occurrences,
        summary.n_definitions,
        summary.n_left_out,
        summary.n_cut,
        summary.input_bytes,
        u64::from(summary.has_more_packages),
        summary.packages.len() as u64,
    ] {
        put_varint(&mut bytes, number);
    }
    for used in &summary.packages {
        put_text(&mut bytes, &used.package.manager);
        put_text(&mut bytes, &used.package.name);
        put_text(&mut bytes, &used.package.version);
        put_varint(&mut bytes, used.n_defined);
    }
    bytes
}
