//! Looks definitions up: by grams of their names, by prefix, by blob, by number.

use super::letters::Letters;
use super::names::{NameGroup, next_name};
use super::writer::compare_folded;
use super::{
    DEFINITIONS_PER_GROUP, HAS_CONTAINER, IS_ABSOLUTE, KIND_MASK, NAME_BYTES_MAX, NAMES_PER_GROUP,
    SAME_BEFORE,
};
use crate::bytes::{Cursor, u32_at};
use crate::elias_fano::EliasFano;
use crate::file::{FileReader, Paged, SectionKind, Whole};
use crate::postings::evaluate::Postings;
use crate::reftable::first_groups;
use crate::{BlobIdx, BlockBitmap, NameGroupIdx, NameIdx, ReadError, SymbolIdx};
use model::SymbolKind;
use ngram::GramQuery;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::OnceLock;

const NAME: &str = SectionKind::Symbols.name();
const INDEX_NAME: &str = SectionKind::SymbolIndex.name();

/// The sections of a segment.
#[derive(Debug)]
pub(crate) struct Sections {
    symbols: Paged,
    index: Whole,
    postings: Option<Postings>,
    parsed: OnceLock<Result<Index, ReadError>>,
    /// Worked out when it is first asked for.
    letters: OnceLock<Result<Box<[Letters]>, ReadError>>,
}

/// SYMBOL_INDEX, taken apart once.
#[derive(Debug)]
struct Index {
    n_names: u32,
    n_definitions: u32,
    /// Where each group of names begins in SYMBOLS, and where the last ends.
    name_groups: EliasFano,
    definition_groups: EliasFano,
    containers: EliasFano,
    /// Every blob's first definition, and the number of definitions.
    first_definitions: EliasFano,
    cut_blobs: EliasFano,
    /// Chunks of the index of grams, in groups.
    first_groups: Vec<u32>,
}

impl Sections {
    /// Finds the sections, if the file has them.
    pub(crate) fn open(file: &FileReader) -> Option<Sections> {
        Some(Sections {
            symbols: file.paged(SectionKind::Symbols)?,
            index: file.whole(SectionKind::SymbolIndex)?,
            postings: Postings::of_symbols(file),
            parsed: OnceLock::new(),
            letters: OnceLock::new(),
        })
    }

    /// The table, once its index was found to be sound.
    pub(crate) fn table<'a>(
        &'a self,
        file: &'a FileReader,
        n_blobs: u32,
    ) -> Result<SymbolTable<'a>, ReadError> {
        let bytes = self.index.get(file)?;
        let parsed = self.parsed.get_or_init(|| Index::parse(bytes, n_blobs, self.symbols.len()));
        Ok(SymbolTable { file, sections: self, index: parsed.as_ref().map_err(Clone::clone)?, bytes })
    }

    /// Reads everything and compares all checksums.
    pub(crate) fn verify(&self, file: &FileReader, n_blobs: u32) -> Result<(), ReadError> {
        self.symbols.verify(file)?;
        self.postings.as_ref().map(|postings| postings.verify(file)).transpose()?;
        let table = self.table(file, n_blobs)?;
        let (mut names, mut n_listed) = (NameGroup::default(), 0);
        for group in 0..table.n_name_groups() {
            table.read_names(NameGroupIdx(group), &mut names)?;
            names.for_each_definition(names.len(), &mut |_, _| n_listed += 1)?;
        }
        let mut container = Ok(());
        table.for_each(SymbolIdx(0)..SymbolIdx(table.n_symbols()), &mut |_, definition| {
            container = table.container(definition.container).map(drop);
            container.is_ok()
        })?;
        container?;
        match n_listed == table.n_symbols() as usize {
            true => Ok(()),
            false => Err(damaged("names and definitions disagree")),
        }
    }
}

impl Index {
    fn parse(bytes: &[u8], n_blobs: u32, symbols_len: u64) -> Result<Index, ReadError> {
        let number = |at| u32_at(bytes, at).ok_or_else(|| index_damaged("it ends early"));
        let (n_names, n_definitions) = (number(0)?, number(4)?);
        let mut at = 8;
        let mut next = || -> Result<EliasFano, ReadError> {
            let (sequence, end) = EliasFano::parse(bytes, at, INDEX_NAME)?;
            at = end;
            Ok(sequence)
        };
        let (name_groups, definition_groups, containers) = (next()?, next()?, next()?);
        let (first_definitions, cut_blobs) = (next()?, next()?);
        let n_name_groups = n_names.div_ceil(NAMES_PER_GROUP) as usize;
        let n_definition_groups = n_definitions.div_ceil(DEFINITIONS_PER_GROUP) as usize;
        let fits = name_groups.len() == n_name_groups + 1
            && definition_groups.len() == n_definition_groups + 1
            && first_definitions.len() == n_blobs as usize + 1
            && first_definitions.universe() == u64::from(n_definitions)
            && containers.len() >= 1
            && containers.universe() <= symbols_len
            && cut_blobs.len() <= n_blobs as usize;
        if !fits {
            return Err(index_damaged("its counts disagree"));
        }
        let first_groups = first_groups(n_name_groups as u32);
        Ok(Index {
            n_names,
            n_definitions,
            name_groups,
            definition_groups,
            containers,
            first_definitions,
            cut_blobs,
            first_groups,
        })
    }
}

/// The definitions of one segment.
#[derive(Clone, Copy, Debug)]
pub struct SymbolTable<'a> {
    file: &'a FileReader,
    sections: &'a Sections,
    index: &'a Index,
    bytes: &'a [u8],
}

/// One definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name; see [`SymbolTable::name`].
    pub name: NameIdx,
    /// Where the name begins in the blob's text.
    pub name_start: u64,
    /// What is defined; `None` for a kind of a later version.
    pub kind: Option<SymbolKind>,
    /// What holds it; see [`SymbolTable::container`].
    pub container: u32,
    /// The whole definition in the blob's text.
    pub extent: Range<u64>,
}

/// Sees one name after the other with its definitions, ascending; `false` ends it.
type VisitName<'v> = &'v mut dyn FnMut(NameIdx, &[u8], &[u32]) -> bool;

impl<'a> SymbolTable<'a> {
    /// How many bytes of the segment's file there are because of definitions, posting lists of names included.
    pub fn size_bytes(&self) -> Result<u64, ReadError> {
        let lists = match &self.sections.postings {
            Some(postings) => {
                postings.lists_len(SectionKind::SymbolGrams, self.file, &self.index.first_groups)?
            }
            None => 0,
        };
        let is_own = |number: u32| {
            [SectionKind::Symbols, SectionKind::SymbolIndex, SectionKind::SymbolGrams]
                .iter()
                .any(|kind| *kind as u32 == number)
        };
        let sections = self.file.section_lens().filter(|(number, _)| is_own(*number));
        Ok(lists + sections.map(|(_, len)| len).sum::<u64>())
    }

    /// How many different names.
    pub fn n_names(&self) -> u32 {
        self.index.n_names
    }

    /// How many definitions.
    pub fn n_symbols(&self) -> u32 {
        self.index.n_definitions
    }

    /// How many groups of names.
    pub fn n_name_groups(&self) -> u32 {
        self.index.n_names.div_ceil(NAMES_PER_GROUP)
    }

    /// The groups that may hold a name that satisfies the query, ascending; `None` where that may be any.
    pub fn candidate_groups(&self, query: &GramQuery) -> Result<Option<Vec<NameGroupIdx>>, ReadError> {
        if *query == GramQuery::None {
            return Ok(Some(Vec::new()));
        }
        let Some(postings) = &self.sections.postings else { return Ok(None) };
        let plan = postings.prepare(self.file, &self.index.first_groups, query)?;
        if plan.is_anything() {
            return Ok(None);
        }
        let mut groups = Vec::new();
        for (chunk, bounds) in self.index.first_groups.windows(2).enumerate() {
            let mut set = BlockBitmap::full(bounds[1].saturating_sub(bounds[0]));
            plan.restrict(chunk as u32, &mut set, None)?;
            groups.extend(set.iter().map(|group| NameGroupIdx(bounds[0] + group)));
        }
        Ok(Some(groups))
    }

    /// The groups that hold names that begin so, in any ASCII case.
    pub fn groups_with_prefix(&self, prefix: &[u8]) -> Result<Range<u32>, ReadError> {
        let folded = prefix.to_ascii_lowercase();
        let first =
            self.partition(|name| compare_folded(&name.to_ascii_lowercase(), &folded) == Ordering::Less)?;
        let end = self.partition(|name| {
            let name = &name[..name.len().min(folded.len())];
            name.to_ascii_lowercase() <= folded
        })?;
        Ok(first.saturating_sub(1)..end)
    }

    /// The first group whose first name is not `before`.
    fn partition(&self, before: impl Fn(&[u8]) -> bool) -> Result<u32, ReadError> {
        let (mut low, mut high) = (0, self.n_name_groups());
        while low < high {
            let middle = low + (high - low) / 2;
            let mut cursor = self.name_group(NameGroupIdx(middle))?;
            let _shared = cursor.varint32()?;
            let len = cursor.varint32()?;
            if before(cursor.take(len as usize)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Reads the names of a group into `names`, whose old content is lost.
    pub fn read_names(&self, group: NameGroupIdx, names: &mut NameGroup<'a>) -> Result<(), ReadError> {
        let cursor = self.name_group(group)?;
        let first = group.0 * NAMES_PER_GROUP;
        let end = (first + NAMES_PER_GROUP).min(self.index.n_names);
        names.read(cursor, first..end, self.index.n_definitions)
    }

    /// The groups of names of which one has all these letters, ascending. Reads all names the first time, and keeps four bytes a name
    /// from then on as long as the segment is open.
    pub fn groups_with_letters(
        &self,
        letters: Letters,
    ) -> Result<impl Iterator<Item = NameGroupIdx> + use<'a>, ReadError> {
        let groups = self.letters()?.chunks(NAMES_PER_GROUP as usize);
        let has_it = move |(_, group): &(u32, &[Letters])| group.iter().any(|name| name.holds(letters));
        Ok((0..).zip(groups).filter(has_it).map(|(group, _)| NameGroupIdx(group)))
    }

    fn letters(&self) -> Result<&'a [Letters], ReadError> {
        let read = || {
            let mut letters = Vec::new();
            let mut names = NameGroup::default();
            for group in 0..self.n_name_groups() {
                self.read_names(NameGroupIdx(group), &mut names)?;
                letters.extend(names.iter().map(|(_, name)| Letters::of(name)));
            }
            Ok(letters.into_boxed_slice())
        };
        self.sections.letters.get_or_init(read).as_deref().map_err(Clone::clone)
    }

    /// Calls `visit` with every name of a group until it says `false`. Returns whether it never did.
    pub fn for_each_name(&self, group: NameGroupIdx, visit: VisitName<'_>) -> Result<bool, ReadError> {
        let mut names = NameGroup::default();
        self.read_names(group, &mut names)?;
        let mut lists = vec![Vec::new(); names.len()];
        names.for_each_definition(names.len(), &mut |at, definition| lists[at].push(definition.0))?;
        Ok(names.iter().zip(&lists).all(|((number, name), definitions)| visit(number, name, definitions)))
    }

    /// Writes a name to `name`, whose old content is lost.
    pub fn name(&self, number: NameIdx, name: &mut Vec<u8>) -> Result<(), ReadError> {
        if number.0 >= self.index.n_names {
            let (number, count) = (number.0.into(), self.index.n_names.into());
            return Err(ReadError::OutOfRange { noun: "name", number, count });
        }
        name.clear();
        let mut cursor = self.name_group(NameGroupIdx(number.0 / NAMES_PER_GROUP))?;
        for _ in 0..=number.0 % NAMES_PER_GROUP {
            next_name(&mut cursor, name)?;
        }
        Ok(())
    }

    /// A container, outermost part first; empty at the top.
    pub fn container(&self, number: u32) -> Result<&'a [u8], ReadError> {
        let bound = |idx| self.index.containers.get(self.bytes, idx);
        let range = bound(number as usize)?..bound(number as usize + 1)?;
        if range.end.saturating_sub(range.start) > NAME_BYTES_MAX as u64 {
            return Err(damaged("a container is impossibly long"));
        }
        self.sections.symbols.get(self.file, range)
    }

    /// What a blob defines, ascending by where the names begin.
    pub fn of_blob(&self, blob: BlobIdx) -> Result<Range<SymbolIdx>, ReadError> {
        let bound =
            |idx| self.index.first_definitions.get(self.bytes, idx).map(|number| SymbolIdx(number as u32));
        Ok(bound(blob.0 as usize)?..bound(blob.0 as usize + 1)?)
    }

    /// The blob that holds a definition.
    pub fn blob_of(&self, symbol: SymbolIdx) -> Result<BlobIdx, ReadError> {
        self.blob_from(BlobIdx(0), symbol)
    }

    /// The blob that holds a definition, which is `from` or a later one. The nearer it is, the sooner it is found.
    pub fn blob_from(&self, from: BlobIdx, symbol: SymbolIdx) -> Result<BlobIdx, ReadError> {
        let firsts = &self.index.first_definitions;
        let last = firsts.len().saturating_sub(1);
        let is_before = |blob: usize| Ok(firsts.get(self.bytes, blob + 1)? <= u64::from(symbol.0));
        // By steps twice as long each time, then by halving. Blobs without definitions begin where the next one does.
        let (mut low, mut step) = (from.0 as usize, 1);
        let mut high = loop {
            let at = low + step - 1;
            if at >= last {
                break last;
            }
            if !is_before(at)? {
                break at;
            }
            (low, step) = (at + 1, step * 2);
        };
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(BlobIdx(low as u32))
    }

    /// One definition.
    pub fn get(&self, symbol: SymbolIdx) -> Result<Definition, ReadError> {
        let mut found = None;
        self.for_each(symbol..SymbolIdx(symbol.0.saturating_add(1)), &mut |_, definition| {
            found = Some(definition.clone());
            false
        })?;
        let (number, count) = (symbol.0.into(), self.index.n_definitions.into());
        found.ok_or(ReadError::OutOfRange { noun: "definition", number, count })
    }

    /// Calls `visit` with every definition in a range until it says `false`. Returns whether it never did.
    pub fn for_each(
        &self,
        range: Range<SymbolIdx>,
        visit: &mut dyn FnMut(SymbolIdx, &Definition) -> bool,
    ) -> Result<bool, ReadError> {
        let end = range.end.0.min(self.index.n_definitions);
        let mut number = range.start.0 / DEFINITIONS_PER_GROUP * DEFINITIONS_PER_GROUP;
        let blank = Definition { name: NameIdx(0), name_start: 0, kind: None, container: 0, extent: 0..0 };
        while number < end {
            let group = (number / DEFINITIONS_PER_GROUP) as usize;
            let bound = |idx| self.index.definition_groups.get(self.bytes, idx);
            let bytes = self.sections.symbols.get(self.file, bound(group)?..bound(group + 1)?)?;
            let mut cursor = Cursor::new(bytes, NAME);
            let mut definition = blank.clone();
            let group_end = (number + DEFINITIONS_PER_GROUP).min(end);
            while number < group_end {
                read_definition(&mut cursor, &mut definition)?;
                if number >= range.start.0 && !visit(SymbolIdx(number), &definition) {
                    return Ok(false);
                }
                number += 1;
            }
        }
        Ok(true)
    }

    /// How many blobs have definitions that a limit kept out.
    pub fn n_cut(&self) -> u32 {
        self.index.cut_blobs.len() as u32
    }

    /// The blobs that have definitions that a limit kept out, ascending, by number.
    pub fn cut_blob(&self, number: u32) -> Result<BlobIdx, ReadError> {
        self.index.cut_blobs.get(self.bytes, number as usize).map(|blob| BlobIdx(blob as u32))
    }

    fn name_group(&self, group: NameGroupIdx) -> Result<Cursor<'a>, ReadError> {
        let n_groups = self.n_name_groups();
        if group.0 >= n_groups {
            let (number, count) = (group.0.into(), n_groups.into());
            return Err(ReadError::OutOfRange { noun: "group of names", number, count });
        }
        let bound = |idx| self.index.name_groups.get(self.bytes, idx);
        let range = bound(group.0 as usize)?..bound(group.0 as usize + 1)?;
        Ok(Cursor::new(self.sections.symbols.get(self.file, range)?, NAME))
    }
}

/// Reads the definition that follows the one in `last`.
fn read_definition(cursor: &mut Cursor<'_>, last: &mut Definition) -> Result<(), ReadError> {
    let head = cursor.take(1)?.first().copied().unwrap_or(0);
    last.kind = SymbolKind::from_number(head & KIND_MASK);
    let n_before = last.name_start.saturating_sub(last.extent.start);
    last.name = NameIdx(cursor.step(last.name.0)?);
    if head & HAS_CONTAINER != 0 {
        last.container = cursor.varint32()?;
    }
    let start = u64::from(cursor.varint32()?);
    last.name_start = if head & IS_ABSOLUTE != 0 { start } else { last.name_start + start };
    let before = if head & SAME_BEFORE != 0 { n_before } else { u64::from(cursor.varint32()?) };
    let after = u64::from(cursor.varint32()?);
    let extent_start = last.name_start.checked_sub(before);
    last.extent =
        extent_start.ok_or_else(|| damaged("a definition begins before its text"))?..last.name_start + after;
    Ok(())
}

fn damaged(what: &'static str) -> ReadError {
    ReadError::Damaged { section: NAME, what }
}

fn index_damaged(what: &'static str) -> ReadError {
    ReadError::Damaged { section: INDEX_NAME, what }
}
