//! Answers a gram query chunk by chunk: looked up once per file, then evaluated into a bitmap of the chunk's blocks,
//! rarest list first, leaving lists out where decoding them would cost more than they can save.

mod walk;

pub(crate) use walk::{GONE, Keys};

use super::codec;
use super::dictionary::{self, Found, Lens};
use crate::bytes::Cursor;
use crate::file::{FileReader, Paged, SectionKind, Whole};
use crate::{BlockBitmap, ReadError};
use ngram::GramQuery;

/// What decoding one posting costs, and a list beside its postings, in tenths of a nanosecond. On Linux 6.1 a gram in 50,342
/// blocks of 20 chunks takes 82 µs, one in 7,104 takes 24 µs: 1.35 ns a posting, and 0.7 µs a chunk for everything else.
const DECODE_POSTING: u64 = 15;
const DECODE_LIST: u64 = 1_500;
/// What it costs to decompress and search one block that turns out not to match: 2 µs, in tenths of a nanosecond.
const VERIFY_BLOCK: u64 = 20_000;
/// Grams of one pattern occur together, so a list takes out fewer blocks than its share of the chunk suggests: a quarter.
const CORRELATION_DIVISOR: u64 = 4;

/// The sections of a file that answer gram queries.
#[derive(Debug)]
pub(crate) struct Postings {
    lists: Paged,
    grams: Whole,
    bigrams: Option<Whole>,
}

/// A query looked up in one file.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    file: &'a FileReader,
    postings: &'a Postings,
    /// Every chunk's first block, and after them the number of blocks.
    first_blocks: &'a [u32],
    root: Node,
}

#[derive(Debug)]
enum Node {
    All,
    None,
    List(List),
    And(Vec<Node>),
    Or(Vec<Node>),
}

/// A list, as numbers of blocks or as places to decode.
#[derive(Debug)]
enum List {
    Inline { first: u32, second: Option<u32> },
    Parts { n_blocks: u64, parts: Vec<Part> },
}

/// The part of a list that lies in one chunk; ascending by chunk.
#[derive(Clone, Copy, Debug)]
struct Part {
    chunk: u32,
    count: u32,
    offset: u64,
}

/// What widens a set of blocks to whole blobs, where the query is asked of blobs.
pub(crate) type Spread<'a> = Option<&'a dyn Fn(&mut BlockBitmap) -> Result<(), ReadError>>;

impl Postings {
    /// Finds the sections; `None` if lists or grams are missing.
    pub(crate) fn open(file: &FileReader) -> Option<Postings> {
        Some(Postings {
            lists: file.paged(SectionKind::Postings)?,
            grams: file.whole(SectionKind::Grams)?,
            bigrams: file.whole(SectionKind::Bigrams),
        })
    }

    /// Finds the lists of the grams of names; `None` where there are too few names for a dictionary.
    pub(crate) fn of_symbols(file: &FileReader) -> Option<Postings> {
        let (lists, grams) = (file.paged(SectionKind::Postings)?, file.whole(SectionKind::SymbolGrams)?);
        Some(Postings { lists, grams, bigrams: None })
    }

    pub(crate) fn prepare<'a>(
        &'a self,
        file: &'a FileReader,
        first_blocks: &'a [u32],
        query: &GramQuery,
    ) -> Result<Plan<'a>, ReadError> {
        let mut plan = Plan { file, postings: self, first_blocks, root: Node::None };
        let lens = (first_blocks.len() == 2).then(|| Lens::new(plan.n_blocks()));
        plan.root = plan.look_up(query, lens.as_ref())?;
        Ok(plan)
    }

    /// Compares all checksums.
    pub(crate) fn verify(&self, file: &FileReader) -> Result<(), ReadError> {
        self.grams.get(file)?;
        self.bigrams.as_ref().map(|bigrams| bigrams.get(file)).transpose()?;
        self.lists.verify(file)
    }
}

impl Plan<'_> {
    /// Whether no block can match.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self.root, Node::None)
    }

    /// Whether every block may match.
    pub(crate) fn is_anything(&self) -> bool {
        matches!(self.root, Node::All)
    }

    /// Upper bound of the blocks that may match.
    pub(crate) fn n_blocks_max(&self) -> u64 {
        self.root.n_blocks_max(u64::from(self.n_blocks()))
    }

    /// Takes out of `set`, a set of blocks of the chunk, those that cannot match.
    pub(crate) fn restrict(
        &self,
        chunk: u32,
        set: &mut BlockBitmap,
        spread: Spread<'_>,
    ) -> Result<(), ReadError> {
        let mut evaluation =
            Evaluation { plan: self, chunk, universe: set.n_bits(), spread, spare: Vec::new() };
        evaluation.restrict(&self.root, set)
    }

    fn n_blocks(&self) -> u32 {
        self.first_blocks.last().copied().unwrap_or(0)
    }

    fn universe(&self, chunk: u32) -> Option<u32> {
        let (start, end) =
            (self.first_blocks.get(chunk as usize)?, self.first_blocks.get(chunk as usize + 1)?);
        end.checked_sub(*start)
    }

    fn look_up(&self, query: &GramQuery, lens: Option<&Lens>) -> Result<Node, ReadError> {
        Ok(match query {
            GramQuery::All => Node::All,
            GramQuery::None => Node::None,
            GramQuery::Gram(gram) => {
                self.look_up_key(&self.postings.grams, SectionKind::Grams, gram.key(), lens)?
            }
            GramQuery::Bigram(bigram) => match &self.postings.bigrams {
                Some(bigrams) => self.look_up_key(bigrams, SectionKind::Bigrams, bigram.key(), lens)?,
                None => Node::All,
            },
            GramQuery::And(members) => self.look_up_all(members, lens)?,
            GramQuery::Or(members) => self.look_up_any(members, lens)?,
        })
    }

    /// Plain grams before disjunctions: the first that occurs nowhere spares the other look-ups.
    fn look_up_all(&self, members: &[GramQuery], lens: Option<&Lens>) -> Result<Node, ReadError> {
        let is_leaf = |query: &&GramQuery| matches!(query, GramQuery::Gram(_) | GramQuery::Bigram(_));
        let mut nodes = Vec::with_capacity(members.len());
        for member in members.iter().filter(is_leaf).chain(members.iter().filter(|query| !is_leaf(query))) {
            match self.look_up(member, lens)? {
                Node::None => return Ok(Node::None),
                Node::All => {}
                node => nodes.push(node),
            }
        }
        Ok(if nodes.is_empty() { Node::All } else { Node::And(nodes) })
    }

    fn look_up_any(&self, members: &[GramQuery], lens: Option<&Lens>) -> Result<Node, ReadError> {
        let mut nodes = Vec::with_capacity(members.len());
        for member in members {
            match self.look_up(member, lens)? {
                Node::All => return Ok(Node::All),
                Node::None => {}
                node => nodes.push(node),
            }
        }
        Ok(if nodes.is_empty() { Node::None } else { Node::Or(nodes) })
    }

    fn look_up_key(
        &self,
        dictionary: &Whole,
        kind: SectionKind,
        key: u32,
        lens: Option<&Lens>,
    ) -> Result<Node, ReadError> {
        let section = dictionary.get(self.file)?;
        let list = match dictionary::find(section, kind.name(), key, lens)? {
            Found::Nowhere => return Ok(Node::None),
            Found::Anywhere => return Ok(Node::All),
            Found::Inline { first, second } => List::Inline { first, second },
            Found::List { n_blocks, offset, .. } if lens.is_some() => {
                let count = n_blocks.min(u64::from(u32::MAX)) as u32;
                List::Parts { n_blocks, parts: vec![Part { chunk: 0, count, offset }] }
            }
            Found::List { n_blocks, offset, len } => {
                List::Parts { n_blocks, parts: self.read_directory(offset, len)? }
            }
        };
        Ok(Node::List(list))
    }

    fn read_directory(&self, offset: u64, len: u64) -> Result<Vec<Part>, ReadError> {
        let damaged = |what| ReadError::Damaged { section: SectionKind::Postings.name(), what };
        let n_chunks = self.first_blocks.len().saturating_sub(1);
        // Longest directory: two numbers of at most five bytes a chunk.
        let directory_len_max = len.min(10 + 10 * n_chunks as u64);
        let end =
            offset.checked_add(directory_len_max).ok_or_else(|| damaged("a list is impossibly long"))?;
        let directory = self.postings.lists.get(self.file, offset..end)?;
        let mut cursor = Cursor::new(directory, SectionKind::Postings.name());
        let n_parts = cursor.varint()?;
        if n_parts > n_chunks as u64 {
            return Err(damaged("a list has more parts than there are chunks"));
        }
        let is_dense = n_parts == n_chunks as u64;
        let mut parts = Vec::with_capacity(n_parts as usize);
        let (mut next_chunk, mut part_at) = (0u32, 0u64);
        for _ in 0..n_parts {
            let distance = if is_dense { 0 } else { cursor.varint32()? };
            let chunk = next_chunk.saturating_add(distance);
            let count = cursor.varint32()?;
            let universe =
                self.universe(chunk).ok_or_else(|| damaged("a list names a chunk there is not"))?;
            parts.push(Part { chunk, count, offset: part_at });
            part_at += codec::encoded_len(count.min(universe), universe) as u64;
            next_chunk = chunk.saturating_add(1);
        }
        let lists_at = offset + (directory.len() - cursor.rest().len()) as u64;
        parts.iter_mut().for_each(|part| part.offset += lists_at);
        Ok(parts)
    }
}

impl Node {
    fn n_blocks_max(&self, n_blocks: u64) -> u64 {
        match self {
            Node::All => n_blocks,
            Node::None => 0,
            Node::List(List::Inline { second, .. }) => 1 + u64::from(second.is_some()),
            Node::List(List::Parts { n_blocks, .. }) => *n_blocks,
            Node::And(members) => {
                members.iter().map(|member| member.n_blocks_max(n_blocks)).min().unwrap_or(n_blocks)
            }
            Node::Or(members) => {
                members.iter().map(|member| member.n_blocks_max(n_blocks)).sum::<u64>().min(n_blocks)
            }
        }
    }
}

/// One evaluation in one chunk.
struct Evaluation<'a> {
    plan: &'a Plan<'a>,
    chunk: u32,
    universe: u32,
    spread: Spread<'a>,
    /// Bitmaps to use again.
    spare: Vec<BlockBitmap>,
}

/// What evaluating a node would yield and cost.
#[derive(Clone, Copy)]
struct Estimate {
    /// Upper bound of the blocks of the chunk that remain.
    count: u32,
    /// In tenths of a nanosecond.
    cost: u64,
}

impl Evaluation<'_> {
    fn restrict(&mut self, node: &Node, set: &mut BlockBitmap) -> Result<(), ReadError> {
        match node {
            Node::All => Ok(()),
            Node::None => {
                set.clear();
                Ok(())
            }
            Node::List(list) if self.count_of(list) == 0 => {
                set.clear();
                Ok(())
            }
            Node::List(list) => {
                let mut found = self.take_bitmap();
                self.add_list(list, &mut found)?;
                self.keep(set, found)
            }
            Node::And(members) => self.restrict_all(members, set),
            Node::Or(members) => {
                let mut found = self.take_bitmap();
                for member in members {
                    self.add_member(member, set, &mut found)?;
                }
                set.and(&found);
                self.spare.push(found);
                Ok(())
            }
        }
    }

    /// Rarest first; a member that cannot pay for itself is left out, which only leaves more to verify.
    fn restrict_all(&mut self, members: &[Node], set: &mut BlockBitmap) -> Result<(), ReadError> {
        let mut order: Vec<(Estimate, &Node)> =
            members.iter().map(|member| (self.estimate(member), member)).collect();
        if order.iter().any(|(estimate, _)| estimate.count == 0) {
            set.clear();
            return Ok(());
        }
        order.sort_by_key(|(estimate, _)| (estimate.count, estimate.cost));
        for (estimate, member) in order {
            let n_left = u64::from(set.count());
            if n_left == 0 {
                return Ok(());
            }
            let n_spared = n_left * u64::from(self.universe - estimate.count.min(self.universe))
                / u64::from(self.universe.max(1));
            if n_spared * VERIFY_BLOCK / CORRELATION_DIVISOR >= estimate.cost {
                self.restrict(member, set)?;
            }
        }
        Ok(())
    }

    /// Adds what a member of a disjunction holds, within `set`.
    fn add_member(
        &mut self,
        member: &Node,
        set: &BlockBitmap,
        found: &mut BlockBitmap,
    ) -> Result<(), ReadError> {
        match member {
            Node::None => Ok(()),
            Node::List(list) if self.spread.is_none() => self.add_list(list, found),
            member => {
                let mut part = self.take_bitmap();
                part.or(set);
                self.restrict(member, &mut part)?;
                found.or(&part);
                self.spare.push(part);
                Ok(())
            }
        }
    }

    fn keep(&mut self, set: &mut BlockBitmap, mut found: BlockBitmap) -> Result<(), ReadError> {
        if let Some(spread) = self.spread {
            spread(&mut found)?;
        }
        set.and(&found);
        self.spare.push(found);
        Ok(())
    }

    fn add_list(&self, list: &List, found: &mut BlockBitmap) -> Result<(), ReadError> {
        let damaged = |what| ReadError::Damaged { section: SectionKind::Postings.name(), what };
        match list {
            List::Inline { first, second } => {
                let own = self.own_blocks();
                [Some(*first), *second]
                    .into_iter()
                    .flatten()
                    .filter(|block| own.contains(block))
                    .for_each(|block| found.insert(block - own.start));
            }
            List::Parts { parts, .. } => {
                let Some(part) = self.part_of(parts) else { return Ok(()) };
                if part.count > self.universe {
                    return Err(damaged("a list has more blocks than its chunk"));
                }
                let len = codec::encoded_len(part.count, self.universe) as u64;
                let end = part.offset.checked_add(len).ok_or_else(|| damaged("a list is impossibly long"))?;
                let bytes = self.plan.postings.lists.get(self.plan.file, part.offset..end)?;
                codec::decode_into(bytes, part.count, self.universe, found.words_mut())
                    .ok_or_else(|| damaged("a list does not hold what it says"))?;
            }
        }
        Ok(())
    }

    fn estimate(&self, node: &Node) -> Estimate {
        match node {
            Node::All => Estimate { count: self.universe, cost: 0 },
            Node::None => Estimate { count: 0, cost: 0 },
            Node::List(list) => {
                let count = self.count_of(list);
                Estimate {
                    count,
                    cost: DECODE_LIST + DECODE_POSTING * u64::from(count.min(self.universe / 4)),
                }
            }
            Node::And(members) => members
                .iter()
                .map(|member| self.estimate(member))
                .min_by_key(|estimate| estimate.count)
                .unwrap_or(Estimate { count: self.universe, cost: 0 }),
            Node::Or(members) => {
                let sum = members.iter().map(|member| self.estimate(member)).fold(
                    Estimate { count: 0, cost: 0 },
                    |sum, one| Estimate {
                        count: sum.count.saturating_add(one.count),
                        cost: sum.cost + one.cost,
                    },
                );
                Estimate { count: sum.count.min(self.universe), cost: sum.cost }
            }
        }
    }

    /// How many blocks of the chunk a list has.
    fn count_of(&self, list: &List) -> u32 {
        match list {
            List::Inline { first, second } => {
                let own = self.own_blocks();
                u32::from(own.contains(first)) + second.map_or(0, |second| u32::from(own.contains(&second)))
            }
            List::Parts { parts, .. } => self.part_of(parts).map_or(0, |part| part.count),
        }
    }

    fn part_of(&self, parts: &[Part]) -> Option<Part> {
        let idx = parts.binary_search_by_key(&self.chunk, |part| part.chunk).ok()?;
        parts.get(idx).copied()
    }

    fn own_blocks(&self) -> std::ops::Range<u32> {
        let start = self.plan.first_blocks.get(self.chunk as usize).copied().unwrap_or(0);
        start..start.saturating_add(self.universe)
    }

    fn take_bitmap(&mut self) -> BlockBitmap {
        let spare = self.spare.pop().map(|mut bitmap| {
            bitmap.clear();
            bitmap
        });
        spare.unwrap_or_else(|| BlockBitmap::empty(self.universe))
    }
}
