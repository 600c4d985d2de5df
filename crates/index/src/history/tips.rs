//! Where the refs stood when a history was built: the commits that each of them reaches are found from here.

use super::strings::{self, Strings};
use super::{damaged, id_of, section};
use crate::bytes::u32_at;
use crate::file::{FileKind, FileReader, FileWriter, Header, SectionKind, Whole};
use crate::{CommitIdx, OpenError, ReadError, SegmentId, WriteError};
use model::RefName;
use std::path::Path;

/// A ref and its commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The full name.
    pub name: RefName,
    /// The commit it leads to.
    pub commit: CommitIdx,
}

/// Gathers tips and writes them.
#[derive(Debug, Default)]
pub struct TipsWriter {
    names: strings::Builder,
    commits: Vec<u8>,
}

/// An open table of tips.
#[derive(Debug)]
pub struct Tips {
    file: FileReader,
    section: Whole,
}

impl TipsWriter {
    /// Adds a ref; each name once.
    pub fn add(&mut self, name: &RefName, commit: CommitIdx) -> Result<(), WriteError> {
        let number = self.names.intern(name.as_str().as_bytes())?;
        if number as usize * 4 != self.commits.len() {
            return Err(WriteError::Invalid { what: "a ref twice" });
        }
        self.commits.extend(commit.0.to_le_bytes());
        Ok(())
    }

    /// Writes the table, syncs it and gives it its name. `default` is the place of the default ref among those added,
    /// `n_commits` how many commits the history has. Returns the file's size.
    pub fn finish(self, path: &Path, default: Option<u32>, n_commits: u32) -> Result<u64, WriteError> {
        let mut bytes = self.commits;
        bytes.extend(self.names.finish());
        let default = default.map_or(0, |place| place.saturating_add(1));
        let mut file = FileWriter::create(path, FileKind::Tips)?;
        file.begin_hot()?;
        file.section(SectionKind::Tips, &bytes)?;
        let numbers = [self.names.len(), default, n_commits, 0, 0, 0];
        let id = id_of(&[&bytes, &default.to_le_bytes(), &n_commits.to_le_bytes()]);
        file.finish(&Header { id, numbers })
    }
}

impl Tips {
    /// Maps a table and checks its frame.
    pub fn open(path: &Path) -> Result<Tips, OpenError> {
        let file = FileReader::open(path, FileKind::Tips)?;
        let section = section(&file, SectionKind::Tips, path)?;
        if (section.len() as u64) < u64::from(file.header().numbers[0]) * 8 + 8 {
            return Err(OpenError::Damaged { path: path.to_path_buf(), what: "TIPS has another length" });
        }
        Ok(Tips { file, section })
    }

    /// Its identity: what it holds.
    pub fn id(&self) -> SegmentId {
        SegmentId(self.file.header().id)
    }

    /// How many refs there are.
    pub fn len(&self) -> u32 {
        self.file.header().numbers[0]
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of the default ref.
    pub fn default(&self) -> Option<u32> {
        self.file.header().numbers[1].checked_sub(1).filter(|place| *place < self.len())
    }

    /// How many commits the history had.
    pub fn n_commits(&self) -> u32 {
        self.file.header().numbers[2]
    }

    /// A ref by its place.
    pub fn get(&self, place: u32) -> Result<Tip, ReadError> {
        let wrong = || damaged(SectionKind::Tips, "a ref is not one");
        let bytes = self.section.get(&self.file)?;
        let names = bytes.get(self.len() as usize * 4..).ok_or_else(wrong)?;
        let name = Strings::new(names, SectionKind::Tips).get(place)?;
        let name = std::str::from_utf8(name).ok().and_then(|name| RefName::new(name).ok());
        let commit = u32_at(bytes, place as usize * 4).filter(|commit| *commit < self.n_commits());
        Ok(Tip { name: name.ok_or_else(wrong)?, commit: CommitIdx(commit.ok_or_else(wrong)?) })
    }

    /// All refs.
    pub fn iter(&self) -> impl Iterator<Item = Result<Tip, ReadError>> + '_ {
        (0..self.len()).map(|place| self.get(place))
    }
}
