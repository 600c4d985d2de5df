//! The files of one revision that are not, or not wholly, searched, each with its reason: page by page, in the order of paths.

use crate::revisions::is_called;
use crate::{RepoIndex, SkippedReason, Snapshot};
use index::{Doc, DocKind, ReadError, RevIdx};
use model::{AccessSet, Language, ObjectId, SkipReason};
use std::collections::{BTreeMap, HashSet};

/// Which of them are asked for.
#[derive(Clone, Copy, Debug)]
pub struct SkippedFilesAsked<'a> {
    /// The repository.
    pub repo: &'a str,
    /// The revision, as a branch or tag is called; none means the default branch.
    pub rev: Option<&'a str>,
    /// Only those left out for this reason.
    pub reason: Option<SkippedReason>,
    /// Only those behind this path.
    pub after: Option<&'a [u8]>,
    /// How many are listed.
    pub n_files_max: usize,
}

/// A page of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFiles {
    /// The commit that is indexed.
    pub commit: ObjectId,
    /// How many there are in all, by reason. Those without a content are all counted, whatever page is asked for.
    pub counts: BTreeMap<SkippedReason, u64>,
    /// The files, in the order of their paths.
    pub files: Vec<SkippedFile>,
    /// Whether there are more behind the last one.
    pub has_more: bool,
}

/// A file that is not, or not wholly, searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedFile {
    /// Its path, raw bytes.
    pub path: Vec<u8>,
    /// Why.
    pub reason: SkippedReason,
    /// Its size in bytes; none where it has no content of its own.
    pub size_bytes: Option<u64>,
    /// Its language, as far as its name tells.
    pub language: Language,
}

impl SkippedReason {
    /// The reasons for which a file is not, or not wholly, searched, whatever the query.
    pub const OF_FILES: [SkippedReason; 6] = [
        SkippedReason::FileTooLarge,
        SkippedReason::FileUnreadable,
        SkippedReason::SymbolsMissing,
        SkippedReason::FileBinary,
        SkippedReason::FileSymlink,
        SkippedReason::Submodule,
    ];

    /// What a reason of [`SkippedReason::OF_FILES`] means for one file, in a few words.
    pub fn of_file(self) -> &'static str {
        match self {
            SkippedReason::FileTooLarge => "too large to be indexed: found by its path only",
            SkippedReason::FileUnreadable => "git could not produce it: found by its path only",
            SkippedReason::SymbolsMissing => {
                "too large or too hard to parse: definitions in it may be missing"
            }
            SkippedReason::FileBinary => "not text: found by its path only",
            SkippedReason::FileSymlink => "a symbolic link: found by its path only",
            SkippedReason::Submodule => "a submodule: its files stand in another repository",
            _ => "not searched",
        }
    }
}

impl Snapshot {
    /// Lists files that are not, or not wholly, searched. `None` where there is no such repository or no such revision in its
    /// index. Looks at every document of the repository; blocks for some milliseconds per 100,000 of them.
    ///
    /// SECURITY: a repository that the caller may not read is answered like one that does not exist.
    pub fn skipped_files(
        &self,
        access: &AccessSet,
        asked: SkippedFilesAsked<'_>,
    ) -> Result<Option<SkippedFiles>, ReadError> {
        let Some(repo) = self.repo(access, asked.repo) else { return Ok(None) };
        let table = &repo.ref_table;
        let revision = match asked.rev {
            None | Some("HEAD") => table.default_revision(),
            Some(rev) => {
                let mut numbered = table.revisions().iter().zip(0u32..);
                numbered.find(|(revision, _)| is_called(revision, rev)).map(|(_, idx)| RevIdx(idx))
            }
        };
        let Some(revision) = revision else { return Ok(None) };
        let Some(commit) = table.revisions().get(revision.0 as usize).map(|revision| revision.commit) else {
            return Ok(None);
        };
        let mut files = SkippedFiles { commit, counts: BTreeMap::new(), files: Vec::new(), has_more: false };
        let reasons = Reasons::new(&repo)?;
        let mut outcome = Ok(());
        table.for_each_doc(&mut |_, path, doc| {
            outcome = table.set_contains(doc.revisions, revision).and_then(|is_here| match is_here {
                true => files.look(&asked, &reasons, path, doc),
                false => Ok(()),
            });
            outcome.is_ok()
        })?;
        outcome?;
        Ok(Some(files))
    }
}

impl SkippedFiles {
    fn look(
        &mut self,
        asked: &SkippedFilesAsked<'_>,
        reasons: &Reasons<'_>,
        path: &[u8],
        doc: &Doc,
    ) -> Result<(), ReadError> {
        let Some((reason, size_bytes)) = reasons.of(doc)? else { return Ok(()) };
        *self.counts.entry(reason).or_default() += 1;
        let is_asked = asked.reason.is_none_or(|wanted| wanted == reason)
            && asked.after.is_none_or(|after| path > after);
        if is_asked && self.files.len() < asked.n_files_max {
            self.files.push(SkippedFile { path: path.to_vec(), reason, size_bytes, language: doc.language });
        } else {
            self.has_more |= is_asked;
        }
        Ok(())
    }
}

/// Tells why documents of one repository are left out.
struct Reasons<'a> {
    repo: &'a RepoIndex,
    /// By segment: the blobs of which not all definitions are known.
    cut: Vec<HashSet<u32>>,
}

impl<'a> Reasons<'a> {
    fn new(repo: &'a RepoIndex) -> Result<Self, ReadError> {
        let mut cut = Vec::with_capacity(repo.segments.len());
        for segment in &repo.segments {
            let mut blobs = HashSet::new();
            if let Some(table) = segment.symbols()? {
                for number in 0..table.n_cut() {
                    blobs.insert(table.cut_blob(number)?.0);
                }
            }
            cut.push(blobs);
        }
        Ok(Reasons { repo, cut })
    }

    /// Why a document is left out, with its size; `None` where it is searched.
    fn of(&self, doc: &Doc) -> Result<Option<(SkippedReason, Option<u64>)>, ReadError> {
        let Some((ordinal, blob)) = doc.blob else { return Ok(Some((SkippedReason::Submodule, None))) };
        let Some(segment) = self.repo.segments.get(usize::from(ordinal.0)) else { return Ok(None) };
        let meta = segment.blob(blob)?;
        let is_cut = || self.cut.get(usize::from(ordinal.0)).is_some_and(|cut| cut.contains(&blob.0));
        let reason = match meta.skip {
            _ if doc.kind == DocKind::Symlink => SkippedReason::FileSymlink,
            Some(SkipReason::TooLarge) => SkippedReason::FileTooLarge,
            Some(SkipReason::Unreadable) => SkippedReason::FileUnreadable,
            Some(SkipReason::Binary) => SkippedReason::FileBinary,
            None if is_cut() => SkippedReason::SymbolsMissing,
            None => return Ok(None),
        };
        Ok(Some((reason, Some(meta.size))))
    }
}
