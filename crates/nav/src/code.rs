//! What questions are asked of: files of one repository at one commit, as one caller may read them.

use crate::definition::Found;
use crate::references::Uses;
use model::{ByteRange, Language, LineIndex, RepoName, SymbolKind};
use std::sync::Arc;
use std::time::Instant;
use syntax::{Binding, BindingLimits, Bindings};

/// One caller's view of one repository at one commit. What the caller may not read is not there.
pub trait Code {
    /// A file, read and taken apart; none where there is none, or none that is text.
    fn file(&self, path: &[u8]) -> Result<Option<Arc<File>>, CodeError>;
    /// Whether there is a file.
    fn is_file(&self, path: &[u8]) -> Result<bool, CodeError>;
    /// What a folder holds; nothing where there is none.
    fn folder(&self, path: &[u8]) -> Result<Vec<Entry>, CodeError>;
    /// What is defined by exactly this name in this repository, at most some hundred.
    fn defined(&self, name: &str) -> Result<Vec<Defined>, CodeError>;
    /// Likewise, in the other repositories that the caller may read.
    fn defined_elsewhere(&self, name: &str) -> Result<Vec<Defined>, CodeError>;
    /// Whether nobody waits for the answer any more, or its time is over. Asked between steps.
    fn is_over(&self) -> bool;
    /// Where a word stands in this repository, or in the others that the caller may read.
    fn uses(&self, word: &str, is_elsewhere: bool) -> Result<Uses, CodeError>;
    /// Where the name at a line (counted from 1) and a column (in bytes) leads, as an index of a compiler says: nowhere that may be
    /// read, where the list is empty. `None` where no index knows the name, or what it knew was changed since.
    fn leads(&self, _path: &[u8], _line: u64, _column: usize) -> Result<Option<Vec<Found>>, CodeError> {
        Ok(None)
    }
}

/// Why a view could not answer.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// Nobody waits for the answer any more, or its time is over.
    #[error("the question was called off")]
    CalledOff,
    /// Something could not be read.
    #[error("cannot read {what}: {source}")]
    Unreadable {
        /// What was read.
        what: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// Whether it is a folder itself.
    pub is_folder: bool,
}

/// A definition that the index knows by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// The repository, where it is another one.
    pub repo: Option<RepoName>,
    /// The file.
    pub path: Vec<u8>,
    /// The language of the file.
    pub language: Language,
    /// What is defined.
    pub kind: SymbolKind,
    /// What holds it, as its language writes it; empty at the top.
    pub container: String,
    /// The line of the name, counted from 1.
    pub line: u64,
    /// The name within that line, in bytes.
    pub in_line: ByteRange,
}

/// A file, taken apart.
#[derive(Debug)]
pub struct File {
    /// Where it stands.
    pub path: Vec<u8>,
    /// Its text, decoded.
    pub text: String,
    /// The language it is read as.
    pub language: Language,
    /// What its names mean. Empty where its language has no grammar, or the text was too much for it.
    pub bindings: Bindings,
    lines: LineIndex,
}

impl File {
    /// Takes a text apart.
    pub fn new(path: Vec<u8>, text: String, deadline: Option<Instant>) -> File {
        let head = &text.as_bytes()[..text.len().min(syntax::HEAD_BYTES)];
        let language = syntax::detect_language(&path, head);
        let limits = BindingLimits { deadline, ..BindingLimits::default() };
        let bindings = syntax::bindings(language, &text, &limits).unwrap_or_default();
        let lines = LineIndex::new(text.as_bytes());
        File { path, text, language, bindings, lines }
    }

    /// The line of a byte, counted from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        self.lines.line_of(offset)
    }

    /// Where a line begins and ends, without its end; none beyond the last.
    pub fn line(&self, number: usize) -> Option<ByteRange> {
        let range = self.lines.range(number)?;
        let line = self.text.get(range.clone())?;
        let line = line.strip_suffix('\n').unwrap_or(line);
        Some(range.start..range.start + line.strip_suffix('\r').unwrap_or(line).len())
    }

    /// The byte at a line (counted from 1) and a column in bytes; none outside of the text.
    pub fn offset(&self, line: usize, column: usize) -> Option<usize> {
        let range = self.line(line)?;
        (column <= range.len()).then_some(range.start + column)
    }

    /// The text of a range; empty where there is none.
    pub fn slice(&self, range: &ByteRange) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// The name of a binding.
    pub fn name_of(&self, binding: &Binding) -> &str {
        self.slice(&binding.name)
    }
}

/// What one question may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many files are taken apart.
    pub n_files_max: usize,
    /// How many steps are gone from name to name.
    pub n_steps_max: usize,
    /// How many definitions are told.
    pub n_found_max: usize,
}

impl Default for Limits {
    /// 48 files, 2,000 steps, 50 definitions: far beyond what code that people wrote needs.
    fn default() -> Self {
        Limits { n_files_max: 48, n_steps_max: 2_000, n_found_max: 50 }
    }
}
