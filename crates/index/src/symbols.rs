//! The definitions of a segment: names in order, where each is defined, and what each blob defines.
//!
//! [`writer`] gathers them blob by blob and lays them out; [`reader`] looks them up by name, by grams of names and by blob.
//! SYMBOLS holds, one after the other, the names in groups, the definitions in groups, and the containers; SYMBOL_INDEX says
//! where each begins; SYMBOL_GRAMS is a dictionary of the names' grams, whose lists stand in POSTINGS.

pub(crate) mod copy;
pub(crate) mod interner;
mod letters;
mod names;
pub(crate) mod reader;
pub(crate) mod writer;

use model::SymbolKind;
use std::ops::Range;

pub use letters::Letters;
pub use names::NameGroup;
pub use reader::{Definition, SymbolTable};

/// How many names share a group: the unit of the index of their grams, and of front-coding.
pub(crate) const NAMES_PER_GROUP: u32 = 16;
/// How many definitions share a group: to read one, half of them are decoded on average.
pub(crate) const DEFINITIONS_PER_GROUP: u32 = 64;
/// Names in fewer groups are read through: a dictionary would be larger than they are.
pub(crate) const INDEXED_GROUPS_MIN: u32 = 8;
/// Longest name, and longest container.
pub(crate) const NAME_BYTES_MAX: usize = 1 << 12;

/// The head of a definition: its kind in the low bits.
pub(crate) const KIND_MASK: u8 = 0x1f;
/// Its container follows; otherwise it is that of the definition before.
pub(crate) const HAS_CONTAINER: u8 = 0x20;
/// The start of its name is counted from the beginning of the blob's text, not from the name before.
pub(crate) const IS_ABSOLUTE: u8 = 0x40;
/// As many of its bytes stand before its name as with the definition before.
pub(crate) const SAME_BEFORE: u8 = 0x80;

/// A definition to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSymbol<'a> {
    /// Its name; 1 to 4,096 bytes.
    pub name: &'a [u8],
    /// Where the name begins in the blob's text.
    pub name_start: u32,
    /// What is defined.
    pub kind: SymbolKind,
    /// What holds it, outermost part first, joined as its language joins; empty at the top; at most 4,096 bytes.
    pub container: &'a [u8],
    /// The whole definition in the blob's text; it holds the name.
    pub extent: Range<u32>,
}

/// What is known of a blob's definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewSymbols<'a> {
    /// All of them, ascending by where their names begin.
    Known(&'a [NewSymbol<'a>]),
    /// Those that were found before a limit was hit.
    Cut(&'a [NewSymbol<'a>]),
}

impl Default for NewSymbols<'_> {
    fn default() -> Self {
        NewSymbols::Known(&[])
    }
}
