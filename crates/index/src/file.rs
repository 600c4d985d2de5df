//! The frame both file formats share: header, checksummed sections, footer.
//!
//! `header (64 bytes) · sections, each at a multiple of 8 · section table · trailer (32 bytes)`. Sections after the first
//! *hot* one are contiguous with the footer, so that one ranged read of the end of the file brings all a search needs but
//! postings and text. See `docs/format/segment-v1.md`.

mod reader;
mod writer;

pub(crate) use reader::{FileReader, Paged, Whole};
pub(crate) use writer::FileWriter;

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
pub(crate) enum FileKind {
    Segment,
    RefTable,
    Commits,
    Changes,
    Tips,
}

impl FileKind {
    pub(crate) fn magic(self) -> [u8; 8] {
        match self {
            FileKind::Segment => *b"SKsegmt\n",
            FileKind::RefTable => *b"SKrefts\n",
            FileKind::Commits => *b"SKcommt\n",
            FileKind::Changes => *b"SKchang\n",
            FileKind::Tips => *b"SKtips0\n",
        }
    }

    pub(crate) fn noun(self) -> &'static str {
        match self {
            FileKind::Segment => "segment",
            FileKind::RefTable => "ref table",
            FileKind::Commits => "commit table",
            FileKind::Changes => "change table",
            FileKind::Tips => "table of tips",
        }
    }
}

/// The sections by number. A number is never used again for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum SectionKind {
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
}

impl SectionKind {
    const ALL: [SectionKind; 24] = [
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
    ];

    /// The name of a section by its number, `UNKNOWN` for one of a later version.
    pub(crate) fn name_of(number: u32) -> &'static str {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number).map_or("UNKNOWN", SectionKind::name)
    }

    pub(crate) const fn name(self) -> &'static str {
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
        }
    }
}

/// What the header says beside magic, version and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) id: [u8; 16],
    /// Six numbers whose meaning the kind of file decides.
    pub(crate) numbers: [u32; 6],
}
