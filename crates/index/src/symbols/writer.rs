//! Gathers the definitions of all blobs and writes their sections.

use super::interner::Interner;
use super::{
    DEFINITIONS_PER_GROUP, HAS_CONTAINER, INDEXED_GROUPS_MIN, IS_ABSOLUTE, KIND_MASK, NAME_BYTES_MAX,
    NAMES_PER_GROUP, NewSymbol, NewSymbols, SAME_BEFORE,
};
use crate::bytes::{Cursor, put_step, put_varint};
use crate::file::{FileWriter, SectionKind};
use crate::reftable::index_groups;
use crate::{WriteError, elias_fano};
use std::cmp::Ordering;

/// Definitions as they are given, in the form they will be stored in but for the numbers of their names.
#[derive(Debug)]
pub(crate) struct SymbolsWriter {
    names: Interner,
    containers: Interner,
    /// Per definition: head, name, container if the head says so, start, bytes of the extent before the name, and after
    /// its start.
    stream: Vec<u8>,
    /// The first definition of each blob.
    first_definitions: Vec<u64>,
    cut_blobs: Vec<u64>,
    n_definitions: u32,
}

impl SymbolsWriter {
    pub(crate) fn new() -> Result<Self, WriteError> {
        let mut containers = Interner::default();
        containers.intern(b"")?;
        Ok(SymbolsWriter {
            names: Interner::default(),
            containers,
            stream: Vec::new(),
            first_definitions: Vec::new(),
            cut_blobs: Vec::new(),
            n_definitions: 0,
        })
    }

    /// Adds the next blob.
    pub(crate) fn add(&mut self, symbols: NewSymbols<'_>, text_len: usize) -> Result<(), WriteError> {
        let blob = self.first_definitions.len() as u64;
        self.first_definitions.push(self.n_definitions.into());
        let symbols = match symbols {
            NewSymbols::Known(symbols) => symbols,
            NewSymbols::Cut(symbols) => {
                self.cut_blobs.push(blob);
                symbols
            }
        };
        let (mut name_start, mut container) = (0, 0);
        for (idx, symbol) in symbols.iter().enumerate() {
            check(symbol, name_start, text_len)?;
            let name = self.names.intern(symbol.name)?;
            let own_container = self.containers.intern(symbol.container)?;
            let mut head = symbol.kind.number() & KIND_MASK;
            if own_container != container {
                head |= HAS_CONTAINER;
            }
            if idx == 0 {
                head |= IS_ABSOLUTE;
            }
            self.stream.push(head);
            put_varint(&mut self.stream, name.into());
            if own_container != container {
                put_varint(&mut self.stream, own_container.into());
            }
            put_varint(&mut self.stream, u64::from(symbol.name_start - name_start));
            put_varint(&mut self.stream, u64::from(symbol.name_start - symbol.extent.start));
            put_varint(&mut self.stream, u64::from(symbol.extent.end - symbol.name_start));
            (name_start, container) = (symbol.name_start, own_container);
        }
        let n_definitions = u32::try_from(self.n_definitions as u64 + symbols.len() as u64);
        self.n_definitions = n_definitions
            .map_err(|_| WriteError::TooMany { what: "the number of definitions", limit: u32::MAX.into() })?;
        Ok(())
    }

    /// Writes the lists of the names' grams into the open section POSTINGS and returns the dictionary, where there are
    /// enough names for one. The rest waits for [`Sorted::write`].
    pub(crate) fn sort(self, file: &mut FileWriter) -> Result<Sorted, WriteError> {
        let order = sorted(&self.names);
        let mut ranks = vec![0; order.len()];
        for (rank, number) in (0..).zip(&order) {
            ranks[*number as usize] = rank;
        }
        let n_groups = order.len().div_ceil(NAMES_PER_GROUP as usize);
        let is_indexed = n_groups >= INDEXED_GROUPS_MIN as usize;
        let names = order.iter().map(|number| self.names.get(*number));
        let grams = is_indexed.then(|| index_groups(names, file)).transpose()?;
        Ok(Sorted { writer: self, order, ranks, grams })
    }
}

fn check(symbol: &NewSymbol<'_>, last_start: u32, text_len: usize) -> Result<(), WriteError> {
    let NewSymbol { name, name_start, container, extent, .. } = symbol;
    let name_end = *name_start as usize + name.len();
    let is_sound = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && container.len() <= NAME_BYTES_MAX
        && *name_start >= last_start
        && extent.start <= *name_start
        && name_end <= extent.end as usize
        && extent.end as usize <= text_len;
    match is_sound {
        true => Ok(()),
        false => {
            Err(WriteError::Invalid { what: "a definition that lies outside its text, or out of order" })
        }
    }
}

/// The numbers of the names in the order of their folded bytes, then of their bytes.
fn sorted(names: &Interner) -> Vec<u32> {
    let mut keyed: Vec<(u64, u32)> =
        (0..names.len() as u32).map(|number| (folded_prefix(names.get(number)), number)).collect();
    keyed.sort_unstable_by(|left, right| {
        left.0.cmp(&right.0).then_with(|| compare_folded(names.get(left.1), names.get(right.1)))
    });
    keyed.into_iter().map(|(_, number)| number).collect()
}

fn folded_prefix(name: &[u8]) -> u64 {
    let mut prefix = [0; 8];
    prefix.iter_mut().zip(name).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    u64::from_be_bytes(prefix)
}

/// Compares names as they are ordered: ASCII letters in lower case first, then as they are.
pub(crate) fn compare_folded(left: &[u8], right: &[u8]) -> Ordering {
    let fold = |name: &[u8]| -> Vec<u8> { name.to_ascii_lowercase() };
    let by_folded = left.iter().map(u8::to_ascii_lowercase).cmp(right.iter().map(u8::to_ascii_lowercase));
    debug_assert_eq!(by_folded, fold(left).cmp(&fold(right)));
    by_folded.then_with(|| left.cmp(right))
}

/// Definitions whose names are in order.
#[derive(Debug)]
pub(crate) struct Sorted {
    writer: SymbolsWriter,
    order: Vec<u32>,
    ranks: Vec<u32>,
    grams: Option<Vec<u8>>,
}

/// The sections that are hot.
#[derive(Debug)]
pub(crate) struct HotSections {
    index: Vec<u8>,
    grams: Option<Vec<u8>>,
}

impl Sorted {
    /// Writes SYMBOLS.
    pub(crate) fn write(self, file: &mut FileWriter) -> Result<HotSections, WriteError> {
        file.begin_paged(SectionKind::Symbols)?;
        let name_groups = self.write_names(file)?;
        let definition_groups = self.write_definitions(file)?;
        let containers = self.write_containers(file)?;
        file.end()?;
        let writer = self.writer;
        let mut first_definitions = writer.first_definitions;
        first_definitions.push(writer.n_definitions.into());
        let mut index = Vec::new();
        index.extend((writer.names.len() as u32).to_le_bytes());
        index.extend(writer.n_definitions.to_le_bytes());
        for values in [&name_groups, &definition_groups, &containers, &first_definitions, &writer.cut_blobs] {
            elias_fano::write(values, &mut index);
        }
        Ok(HotSections { index, grams: self.grams })
    }

    fn write_names(&self, file: &mut FileWriter) -> Result<Vec<u64>, WriteError> {
        let (starts, definitions) = self.definitions_by_name()?;
        let mut groups = vec![file.section_len()];
        let mut bytes = Vec::new();
        let bounds: Vec<(u32, u32)> = starts.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let size = NAMES_PER_GROUP as usize;
        for (numbers, bounds) in self.order.chunks(size).zip(bounds.chunks(size)) {
            bytes.clear();
            let mut before: &[u8] = &[];
            for number in numbers {
                let name = self.writer.names.get(*number);
                let n_shared = name.iter().zip(before).take_while(|(left, right)| left == right).count();
                put_varint(&mut bytes, n_shared as u64);
                put_varint(&mut bytes, (name.len() - n_shared) as u64);
                bytes.extend_from_slice(&name[n_shared..]);
                before = name;
            }
            let mut first_before = 0;
            for (start, end) in bounds {
                let own = &definitions[*start as usize..*end as usize];
                put_varint(&mut bytes, own.len() as u64);
                let Some(first) = own.first() else { continue };
                put_step(&mut bytes, first_before, *first);
                own.windows(2).for_each(|pair| put_varint(&mut bytes, u64::from(pair[1] - pair[0])));
                first_before = *first;
            }
            file.write(&bytes)?;
            groups.push(file.section_len());
        }
        Ok(groups)
    }

    /// Where each name's definitions begin in the list of all, and that list.
    fn definitions_by_name(&self) -> Result<(Vec<u32>, Vec<u32>), WriteError> {
        let mut starts = vec![0u32; self.order.len() + 1];
        self.for_each(&mut |_, entry| {
            starts[self.ranks[entry.name as usize] as usize + 1] += 1;
            Ok(())
        })?;
        for rank in 1..starts.len() {
            starts[rank] += starts[rank - 1];
        }
        let mut next = starts.clone();
        let mut definitions = vec![0u32; self.writer.n_definitions as usize];
        self.for_each(&mut |number, entry| {
            let slot = &mut next[self.ranks[entry.name as usize] as usize];
            definitions[*slot as usize] = number;
            *slot += 1;
            Ok(())
        })?;
        Ok((starts, definitions))
    }

    fn write_definitions(&self, file: &mut FileWriter) -> Result<Vec<u64>, WriteError> {
        let mut groups = vec![file.section_len()];
        let mut bytes = Vec::new();
        let (mut name_before, mut n_before) = (0, 0);
        self.for_each(&mut |number, entry| {
            let is_first = number.is_multiple_of(DEFINITIONS_PER_GROUP);
            if is_first && number > 0 {
                file.write(&bytes)?;
                bytes.clear();
                groups.push(file.section_len());
            }
            let mut head = entry.head;
            if is_first {
                head |= IS_ABSOLUTE | HAS_CONTAINER;
                (name_before, n_before) = (0, 0);
            }
            if entry.before == n_before {
                head |= SAME_BEFORE;
            }
            bytes.push(head);
            let name = self.ranks[entry.name as usize];
            put_step(&mut bytes, name_before, name);
            if head & HAS_CONTAINER != 0 {
                put_varint(&mut bytes, entry.container.into());
            }
            let start = if head & IS_ABSOLUTE != 0 { entry.name_start } else { entry.step };
            put_varint(&mut bytes, start);
            if head & SAME_BEFORE == 0 {
                put_varint(&mut bytes, entry.before);
            }
            put_varint(&mut bytes, entry.after);
            (name_before, n_before) = (name, entry.before);
            Ok(())
        })?;
        if !bytes.is_empty() {
            file.write(&bytes)?;
            groups.push(file.section_len());
        }
        Ok(groups)
    }

    fn write_containers(&self, file: &mut FileWriter) -> Result<Vec<u64>, WriteError> {
        let mut starts = vec![file.section_len()];
        for number in 0..self.writer.containers.len() as u32 {
            file.write(self.writer.containers.get(number))?;
            starts.push(file.section_len());
        }
        Ok(starts)
    }

    /// Reads back what was gathered.
    fn for_each(&self, take: &mut dyn FnMut(u32, Entry) -> Result<(), WriteError>) -> Result<(), WriteError> {
        let lost = |_| WriteError::Invalid { what: "definitions that were gathered and cannot be read back" };
        let mut cursor = Cursor::new(&self.writer.stream, SectionKind::Symbols.name());
        let (mut name_start, mut container) = (0, 0);
        for number in 0..self.writer.n_definitions {
            let head = cursor.take(1).map_err(lost)?[0];
            let name = cursor.varint32().map_err(lost)?;
            if head & IS_ABSOLUTE != 0 {
                (name_start, container) = (0, 0);
            }
            if head & HAS_CONTAINER != 0 {
                container = cursor.varint32().map_err(lost)?;
            }
            let step = cursor.varint().map_err(lost)?;
            name_start += step;
            let (before, after) = (cursor.varint().map_err(lost)?, cursor.varint().map_err(lost)?);
            // The reader takes the container of the definition before, also where another blob begins.
            let head = if head & IS_ABSOLUTE != 0 { head | HAS_CONTAINER } else { head };
            take(number, Entry { head, name, container, step, name_start, before, after })?;
        }
        Ok(())
    }
}

/// A definition as it is gathered.
struct Entry {
    head: u8,
    name: u32,
    container: u32,
    step: u64,
    name_start: u64,
    before: u64,
    after: u64,
}

impl HotSections {
    /// Writes SYMBOL_GRAMS and SYMBOL_INDEX.
    pub(crate) fn write(self, file: &mut FileWriter) -> Result<(), WriteError> {
        self.grams.map(|grams| file.section(SectionKind::SymbolGrams, &grams)).transpose()?;
        file.section(SectionKind::SymbolIndex, &self.index)
    }
}
