//! The commit table: who, when, after what.
//!
//! Record (52 bytes): `id 20 · author's seconds i64 · committer's seconds i64 · author u32 · committer u32 · author's offset
//! i16 · committer's offset i16 (minutes) · start in PARENTS u32`. PARENTS: per commit its number of parents, then how far
//! below it each is. COMMIT_IDS: the commits of the table (u32) ascending by id. PEOPLE: `name \n address`.

use super::strings::{self, Strings};
use super::{damaged, id_of, section, too_many};
use crate::bytes::{Cursor, put_varint, u32_at, u64_at};
use crate::file::{FileKind, FileReader, FileWriter, Header, SectionKind, Whole};
use crate::{CommitIdx, OpenError, ReadError, SegmentId, WriteError};
use model::ObjectId;
use std::ops::Range;
use std::path::Path;

const RECORD_LEN: usize = 52;

/// Somebody at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    /// The name.
    pub name: &'a str,
    /// The address.
    pub email: &'a str,
    /// Seconds since 1970 (UTC).
    pub seconds: i64,
    /// How far the clock was ahead of UTC, in minutes.
    pub offset_minutes: i16,
}

/// A commit to be written.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    /// Its id.
    pub id: ObjectId,
    /// Its parents, each smaller than itself; those that the repository lacks are left out.
    pub parents: &'a [CommitIdx],
    /// Whether the repository lacks one of its parents.
    pub lacks_parents: bool,
    /// Who wrote it.
    pub author: Signature<'a>,
    /// Who recorded it.
    pub committer: Signature<'a>,
}

/// A commit, without people's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitRow {
    /// Its id.
    pub id: ObjectId,
    /// When it was written.
    pub author_seconds: i64,
    /// When it was recorded.
    pub committer_seconds: i64,
    /// Who wrote it, for [`CommitTable::person`].
    pub author: u32,
    /// Who recorded it.
    pub committer: u32,
    /// The offsets of both clocks in minutes east of UTC.
    pub offset_minutes: (i16, i16),
    parents_at: u32,
}

/// Gathers commits and writes their table.
#[derive(Debug)]
pub struct CommitTableWriter {
    first: CommitIdx,
    records: Vec<u8>,
    ids: Vec<ObjectId>,
    parents: Vec<u8>,
    people: strings::Builder,
    n_lacking: u32,
}

/// An open commit table.
#[derive(Debug)]
pub struct CommitTable {
    file: FileReader,
    records: Whole,
    by_id: Whole,
    parents: Whole,
    people: Whole,
}

impl CommitTableWriter {
    /// Begins with the commit of this number.
    pub fn new(first: CommitIdx) -> Self {
        CommitTableWriter {
            first,
            records: Vec::new(),
            ids: Vec::new(),
            parents: Vec::new(),
            people: strings::Builder::default(),
            n_lacking: 0,
        }
    }

    /// Adds the commit of the next number.
    pub fn add(&mut self, commit: &NewCommit<'_>) -> Result<(), WriteError> {
        let number = u32::try_from(self.ids.len()).ok().and_then(|n| self.first.0.checked_add(n));
        let number = number.ok_or_else(|| too_many("the number of commits"))?;
        let parents_at = u32::try_from(self.parents.len()).map_err(|_| too_many("the parents of commits"))?;
        put_varint(&mut self.parents, commit.parents.len() as u64);
        for parent in commit.parents {
            let distance = number.checked_sub(parent.0).filter(|distance| *distance > 0);
            let distance =
                distance.ok_or(WriteError::Invalid { what: "a commit before one of its parents" })?;
            put_varint(&mut self.parents, distance.into());
        }
        let mut person = |of: &Signature<'_>| {
            let clean = |text: &str| text.replace('\n', " ");
            self.people.intern(format!("{}\n{}", clean(of.name), clean(of.email)).as_bytes())
        };
        let (author, committer) = (person(&commit.author)?, person(&commit.committer)?);
        self.ids.push(commit.id);
        self.n_lacking += u32::from(commit.lacks_parents);
        let records = &mut self.records;
        records.extend(commit.id.0);
        records.extend(commit.author.seconds.to_le_bytes());
        records.extend(commit.committer.seconds.to_le_bytes());
        records.extend(author.to_le_bytes());
        records.extend(committer.to_le_bytes());
        records.extend(commit.author.offset_minutes.to_le_bytes());
        records.extend(commit.committer.offset_minutes.to_le_bytes());
        records.extend(parents_at.to_le_bytes());
        Ok(())
    }

    /// Writes the table, syncs it and gives it its name. Returns its size.
    pub fn finish(self, path: &Path) -> Result<u64, WriteError> {
        let mut by_id: Vec<u32> = (0..self.ids.len() as u32).collect();
        by_id.sort_unstable_by_key(|number| self.ids[*number as usize]);
        let by_id: Vec<u8> = by_id.iter().flat_map(|number| number.to_le_bytes()).collect();
        let people = self.people.finish();
        let mut file = FileWriter::create(path, FileKind::Commits)?;
        file.begin_hot()?;
        file.section(SectionKind::Commits, &self.records)?;
        file.section(SectionKind::CommitIds, &by_id)?;
        file.section(SectionKind::Parents, &self.parents)?;
        file.section(SectionKind::People, &people)?;
        let id = id_of(&[&self.first.0.to_le_bytes(), &self.records, &self.parents, &people]);
        let numbers = [self.first.0, self.ids.len() as u32, self.people.len(), self.n_lacking, 0, 0];
        file.finish(&Header { id, numbers })
    }
}

impl CommitTable {
    /// Maps a table and checks its frame.
    pub fn open(path: &Path) -> Result<CommitTable, OpenError> {
        let file = FileReader::open(path, FileKind::Commits)?;
        let records = section(&file, SectionKind::Commits, path)?;
        let by_id = section(&file, SectionKind::CommitIds, path)?;
        let parents = section(&file, SectionKind::Parents, path)?;
        let people = section(&file, SectionKind::People, path)?;
        let [first, len, ..] = file.header().numbers;
        let fits = records.len() as u64 == u64::from(len) * RECORD_LEN as u64
            && by_id.len() as u64 == u64::from(len) * 4
            && first.checked_add(len).is_some();
        match fits {
            true => Ok(CommitTable { file, records, by_id, parents, people }),
            false => Err(OpenError::Damaged { path: path.to_path_buf(), what: "COMMITS has another length" }),
        }
    }

    /// Its identity: what it holds.
    pub fn id(&self) -> SegmentId {
        SegmentId(self.file.header().id)
    }

    /// The numbers of its commits.
    pub fn range(&self) -> Range<u32> {
        let [first, len, ..] = self.file.header().numbers;
        first..first + len
    }

    /// How many of its commits have a parent that the repository lacked.
    pub fn n_lacking(&self) -> u32 {
        self.file.header().numbers[3]
    }

    /// The file's size.
    pub fn size_bytes(&self) -> u64 {
        self.file.bytes().len() as u64
    }

    /// One commit.
    pub fn row(&self, commit: CommitIdx) -> Result<CommitRow, ReadError> {
        let at = self.local(commit)? as usize * RECORD_LEN;
        let bytes = self.records.get(&self.file)?.get(at..at + RECORD_LEN);
        let bytes = bytes.ok_or_else(|| damaged(SectionKind::Commits, "it ends early"))?;
        let parse = || {
            let i16_at = |at: usize| Some(i16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
            Some(CommitRow {
                id: ObjectId(*bytes.first_chunk()?),
                author_seconds: u64_at(bytes, 20)? as i64,
                committer_seconds: u64_at(bytes, 28)? as i64,
                author: u32_at(bytes, 36)?,
                committer: u32_at(bytes, 40)?,
                offset_minutes: (i16_at(44)?, i16_at(46)?),
                parents_at: u32_at(bytes, 48)?,
            })
        };
        parse().ok_or_else(|| damaged(SectionKind::Commits, "it ends early"))
    }

    /// The numbers of a commit's parents, in their order.
    pub fn parents(&self, commit: CommitIdx, visit: &mut dyn FnMut(CommitIdx)) -> Result<(), ReadError> {
        let row = self.row(commit)?;
        let bytes = self.parents.get(&self.file)?.get(row.parents_at as usize..);
        let bytes = bytes.ok_or_else(|| damaged(SectionKind::Parents, "a commit's lie outside"))?;
        let mut cursor = Cursor::new(bytes, SectionKind::Parents.name());
        for _ in 0..cursor.varint()? {
            let distance = cursor.varint32()?;
            let parent = commit.0.checked_sub(distance).filter(|_| distance > 0);
            visit(CommitIdx(parent.ok_or_else(|| damaged(SectionKind::Parents, "a parent is no elder"))?));
        }
        Ok(())
    }

    /// The commit of this id.
    pub fn find(&self, id: &ObjectId) -> Result<Option<CommitIdx>, ReadError> {
        let range = self.with_prefix(&id.0, 40)?;
        Ok(range.into_iter().next())
    }

    /// The commits whose ids begin with so many hexadecimal digits of `id`; two at most.
    pub fn with_prefix(&self, id: &[u8; 20], n_digits: usize) -> Result<Vec<CommitIdx>, ReadError> {
        let (records, by_id) = (self.records.get(&self.file)?, self.by_id.get(&self.file)?);
        let wrong = || damaged(SectionKind::CommitIds, "a commit lies outside");
        let id_at = |place: usize| -> Result<(u32, &[u8]), ReadError> {
            let number = u32_at(by_id, place * 4).ok_or_else(wrong)?;
            let at = number as usize * RECORD_LEN;
            Ok((number, records.get(at..at + 20).ok_or_else(wrong)?))
        };
        let (mut low, mut high) = (0, by_id.len() / 4);
        while low < high {
            let middle = low + (high - low) / 2;
            if id_at(middle)?.1 < &id[..] { low = middle + 1 } else { high = middle }
        }
        let begins = |other: &[u8]| {
            let n_bytes = (n_digits / 2).min(20);
            other[..n_bytes] == id[..n_bytes]
                && (n_digits.is_multiple_of(2) || n_bytes == 20 || other[n_bytes] >> 4 == id[n_bytes] >> 4)
        };
        let mut found = Vec::new();
        for place in low..(low + 2).min(by_id.len() / 4) {
            let (number, other) = id_at(place)?;
            if begins(other) {
                found.push(CommitIdx(self.range().start + number));
            }
        }
        Ok(found)
    }

    /// How many people there are.
    pub fn n_people(&self) -> u32 {
        self.file.header().numbers[2]
    }

    /// A person's name and address.
    pub fn person(&self, person: u32) -> Result<(&str, &str), ReadError> {
        let wrong = || damaged(SectionKind::People, "a name is not one");
        let text = Strings::new(self.people.get(&self.file)?, SectionKind::People).get(person)?;
        std::str::from_utf8(text).ok().and_then(|text| text.split_once('\n')).ok_or_else(wrong)
    }

    /// Reads everything and compares all checksums.
    pub fn verify(&self) -> Result<(), ReadError> {
        self.by_id.get(&self.file)?;
        for number in self.range() {
            let row = self.row(CommitIdx(number))?;
            self.parents(CommitIdx(number), &mut |_| ())?;
            self.person(row.author)?;
            self.person(row.committer)?;
        }
        Ok(())
    }

    fn local(&self, commit: CommitIdx) -> Result<u32, ReadError> {
        let range = self.range();
        if !range.contains(&commit.0) {
            let (number, count) = (commit.0.into(), range.len() as u64);
            return Err(ReadError::OutOfRange { noun: "commit", number, count });
        }
        Ok(commit.0 - range.start)
    }
}
