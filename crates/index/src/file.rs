//! The frame both file formats share: header, checksummed sections, footer.
//!
//! `header (64 bytes) · sections, each at a multiple of 8 · section table · trailer (32 bytes)`. Sections after the first
//! *hot* one are contiguous with the footer, so that one ranged read of the end of the file brings all a search needs but
//! postings and text. See `docs/format/segment-v1.md`.

mod reader;
mod writer;

pub use reader::{FileReader, Paged, Whole};
pub use writer::FileWriter;

/// Bytes of the header.
pub(crate) const HEADER_LEN: usize = 64;
/// Bytes of one entry of the section table.
pub(crate) const ENTRY_LEN: usize = 32;
/// Bytes of the trailer.
pub(crate) const TRAILER_LEN: usize = 32;
/// Log₂ of the bytes under one checksum in paged sections. 16 KiB: a first touch costs a few microseconds at most, and the
/// checksums are 0.02 % of the file.
pub(crate) const PAGE_BITS: u32 = 14;
/// Most sections in a file; readers skip kinds they do not know.
pub(crate) const N_SECTIONS_MAX: usize = 64;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Blobs of a repository.
    Segment,
    /// Which blob stands at which path in which revision.
    RefTable,
    /// The commits of a history.
    Commits,
    /// What commits changed.
    Changes,
    /// The tips of branches and tags.
    Tips,
    /// What an indexer knows of a repository's symbols at one commit.
    Precise,
}

impl FileKind {
    /// The bytes it begins and ends with.
    pub fn magic(self) -> [u8; 8] {
        match self {
            FileKind::Segment => *b"SKsegmt\n",
            FileKind::RefTable => *b"SKrefts\n",
            FileKind::Commits => *b"SKcommt\n",
            FileKind::Changes => *b"SKchang\n",
            FileKind::Tips => *b"SKtips0\n",
            FileKind::Precise => *b"SKprecs\n",
        }
    }

    /// What it is called in messages.
    pub fn noun(self) -> &'static str {
        match self {
            FileKind::Segment => "segment",
            FileKind::RefTable => "ref table",
            FileKind::Commits => "commit table",
            FileKind::Changes => "change table",
            FileKind::Tips => "table of tips",
            FileKind::Precise => "precise index",
        }
    }
}

/// The sections by number. A number is never used again for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs, reason = "docs/format says what stands in each")]
pub enum SectionKind {
    Content = 1,
    Postings = 2,
    Sums = 3,
    Meta = 4,
    Blocks = 5,
    Grams = 6,
    Bigrams = 7,
    Symbols = 8,
    SymbolIndex = 9,
    SymbolGrams = 10,
    Revisions = 16,
    RevisionSets = 17,
    Paths = 18,
    Docs = 19,
    Segments = 20,
    Commits = 32,
    CommitIds = 33,
    Parents = 34,
    People = 35,
    ChangedPaths = 36,
    Headings = 37,
    ChangeStarts = 38,
    Changes = 39,
    Tips = 40,
    Occurrences = 48,
    SymbolInfos = 49,
    SymbolUses = 50,
    SymbolRows = 51,
    SymbolNames = 52,
    SymbolBlocks = 53,
    InfoChunks = 54,
    DocumentSymbols = 55,
    Documents = 56,
    DocumentPaths = 57,
    DocumentOrder = 58,
    Indexer = 59,
}

impl SectionKind {
    const ALL: [SectionKind; 36] = [
        SectionKind::Content,
        SectionKind::Postings,
        SectionKind::Sums,
        SectionKind::Meta,
        SectionKind::Blocks,
        SectionKind::Grams,
        SectionKind::Bigrams,
        SectionKind::Symbols,
        SectionKind::SymbolIndex,
        SectionKind::SymbolGrams,
        SectionKind::Revisions,
        SectionKind::RevisionSets,
        SectionKind::Paths,
        SectionKind::Docs,
        SectionKind::Segments,
        SectionKind::Commits,
        SectionKind::CommitIds,
        SectionKind::Parents,
        SectionKind::People,
        SectionKind::ChangedPaths,
        SectionKind::Headings,
        SectionKind::ChangeStarts,
        SectionKind::Changes,
        SectionKind::Tips,
        SectionKind::Occurrences,
        SectionKind::SymbolInfos,
        SectionKind::SymbolUses,
        SectionKind::SymbolRows,
        SectionKind::SymbolNames,
        SectionKind::SymbolBlocks,
        SectionKind::InfoChunks,
        SectionKind::DocumentSymbols,
        SectionKind::Documents,
        SectionKind::DocumentPaths,
        SectionKind::DocumentOrder,
        SectionKind::Indexer,
    ];

    /// The name of a section by its number, `UNKNOWN` for one of a later version.
    pub fn name_of(number: u32) -> &'static str {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number).map_or("UNKNOWN", SectionKind::name)
    }

    /// Its name in messages and listings.
    pub const fn name(self) -> &'static str {
        match self {
            SectionKind::Content => "CONTENT",
            SectionKind::Postings => "POSTINGS",
            SectionKind::Sums => "SUMS",
            SectionKind::Meta => "META",
            SectionKind::Blocks => "BLOCKS",
            SectionKind::Grams => "GRAMS",
            SectionKind::Bigrams => "BIGRAMS",
            SectionKind::Symbols => "SYMBOLS",
            SectionKind::SymbolIndex => "SYMBOL_INDEX",
            SectionKind::SymbolGrams => "SYMBOL_GRAMS",
            SectionKind::Revisions => "REVISIONS",
            SectionKind::RevisionSets => "REVISION_SETS",
            SectionKind::Paths => "PATHS",
            SectionKind::Docs => "DOCS",
            SectionKind::Segments => "SEGMENTS",
            SectionKind::Commits => "COMMITS",
            SectionKind::CommitIds => "COMMIT_IDS",
            SectionKind::Parents => "PARENTS",
            SectionKind::People => "PEOPLE",
            SectionKind::ChangedPaths => "CHANGED_PATHS",
            SectionKind::Headings => "HEADINGS",
            SectionKind::ChangeStarts => "CHANGE_STARTS",
            SectionKind::Changes => "CHANGES",
            SectionKind::Tips => "TIPS",
            SectionKind::Occurrences => "OCCURRENCES",
            SectionKind::SymbolInfos => "SYMBOL_INFOS",
            SectionKind::SymbolUses => "SYMBOL_USES",
            SectionKind::SymbolRows => "SYMBOL_ROWS",
            SectionKind::SymbolNames => "SYMBOL_NAMES",
            SectionKind::SymbolBlocks => "SYMBOL_BLOCKS",
            SectionKind::InfoChunks => "INFO_CHUNKS",
            SectionKind::DocumentSymbols => "DOCUMENT_SYMBOLS",
            SectionKind::Documents => "DOCUMENTS",
            SectionKind::DocumentPaths => "DOCUMENT_PATHS",
            SectionKind::DocumentOrder => "DOCUMENT_ORDER",
            SectionKind::Indexer => "INDEXER",
        }
    }
}

/// What the header says beside magic, version and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What tells this file from every other.
    pub id: [u8; 16],
    /// Six numbers whose meaning the kind of file decides.
    pub numbers: [u32; 6],
}
