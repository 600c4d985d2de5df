//! Going to anything by a few letters of its name: repositories, files, definitions, at every keystroke.
//!
//! Nothing is searched in content: names of repositories come from the snapshot, paths from ref tables, names of
//! definitions from the dictionaries of segments. The repository that is being read comes first; the others are looked
//! through while there is room.
//!
//! SECURITY: a dictionary of definitions is that of the whole segment. A name takes part only once a document that the
//! caller may read was found to define it, before it can push another one out of what is shown.

mod symbols;

use crate::catalog::Seen;
use crate::fuzzy::{FuzzyScratch, Needle};
use crate::revisions::Revisions;
use crate::{RepoIndex, Snapshot};
use index::{GroupIdx, ReadError, RefTable};
use model::{AccessSet, ByteRange, RepoName, SymbolKind};
use std::sync::Arc;

/// Most results of a kind.
const N_MAX: usize = 100;
/// How many bytes of paths are looked at together.
const PATHS_BYTES: usize = 16 << 10;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct GotoAsked<'a> {
    /// What was typed.
    pub needle: &'a Needle,
    /// The repository that is being read.
    pub repo: Option<&'a str>,
    /// Its branch, tag or commit; another one than the indexed ones is taken for the default.
    pub rev: Option<&'a str>,
    /// Whether repositories are looked for.
    pub repos: bool,
    /// Whether files are.
    pub files: bool,
    /// Whether definitions are.
    pub symbols: bool,
    /// How many of each kind, at most 100.
    pub n_max: usize,
    /// How many names are looked at in all. Not a time: the same question has the same answer.
    pub n_names_max: usize,
}

/// A result with how good a match it is.
#[derive(Clone, Debug)]
pub struct GotoFound<T> {
    /// More is better; of different kinds, too.
    pub score: i32,
    /// What of its name matches, ascending.
    pub ranges: Vec<ByteRange>,
    /// What it is.
    pub item: T,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GotoRepo {
    /// Its name.
    pub name: RepoName,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GotoFile {
    /// Where.
    pub repo: RepoName,
    /// The revision that was asked for, where it is the one looked at.
    pub rev: Option<String>,
    /// Its path.
    pub path: Vec<u8>,
}

/// A definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GotoSymbol {
    /// Its name.
    pub name: String,
    /// What is defined.
    pub kind: SymbolKind,
    /// What holds it; empty at the top.
    pub container: String,
    /// Where.
    pub file: GotoFile,
    /// The line its name stands on, from 1.
    pub line: u64,
}

/// What was found, each kind best first.
#[derive(Clone, Debug, Default)]
pub struct Goto {
    /// Repositories.
    pub repos: Vec<GotoFound<GotoRepo>>,
    /// Files.
    pub files: Vec<GotoFound<GotoFile>>,
    /// Definitions.
    pub symbols: Vec<GotoFound<GotoSymbol>>,
    /// Whether there were too many names, or an index could not be read, to look at everything.
    pub is_cut: bool,
}

/// The best so far. Of equals the shorter name is better, then the one that comes first.
#[derive(Debug)]
struct Best<K> {
    n_max: usize,
    found: Vec<(i32, usize, K)>,
}

impl<K: Ord> Best<K> {
    fn new(n_max: usize) -> Self {
        Best { n_max, found: Vec::with_capacity(n_max + 1) }
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.n_max
    }

    /// Whether one of this score and length may be among them.
    fn takes(&self, score: i32, len: usize) -> bool {
        let beats = |(worst, worst_len, _): &(i32, usize, K)| {
            score > *worst || (score == *worst && len <= *worst_len)
        };
        self.n_max > 0 && (!self.is_full() || self.found.last().is_some_and(beats))
    }

    fn add(&mut self, score: i32, len: usize, key: K) {
        let is_better = |other: &(i32, usize, K)| (-other.0, other.1, &other.2) <= (-score, len, &key);
        let at = self.found.partition_point(is_better);
        self.found.insert(at, (score, len, key));
        self.found.truncate(self.n_max);
    }
}

/// A search for one keystroke.
struct Finder<'a> {
    asked: GotoAsked<'a>,
    scratch: FuzzyScratch,
    n_looked: usize,
    is_cut: bool,
}

impl Snapshot {
    /// Looks for what the caller may go to. Damaged indexes are passed over.
    pub fn goto(&self, access: &AccessSet, asked: GotoAsked<'_>) -> Goto {
        let asked = GotoAsked { n_max: asked.n_max.min(N_MAX), ..asked };
        let mut goto = Goto::default();
        if asked.needle.is_empty() {
            return goto;
        }
        let scratch = FuzzyScratch::default();
        let mut finder = Finder { asked, scratch, n_looked: 0, is_cut: false };
        if asked.repos {
            goto.repos = finder.repos(self.seen(access));
        }
        if asked.files || asked.symbols {
            let is_own = |seen: &Seen<'_>| asked.repo.is_some_and(|name| seen.repo.name.as_str() == name);
            let own = self.seen(access).find(is_own);
            if let Some(own) = own {
                let own = [Arc::clone(&own.repo)];
                goto.files = finder.files(&own, asked.rev, asked.n_max);
                goto.symbols = finder.symbols(&own, asked.rev, asked.n_max);
            }
            let others = self.seen(access).filter(|seen| !is_own(seen));
            let others: Vec<Arc<RepoIndex>> = others.map(|seen| Arc::clone(&seen.repo)).collect();
            let (files_left, symbols_left) =
                (asked.n_max - goto.files.len(), asked.n_max - goto.symbols.len());
            goto.files.extend(finder.files(&others, None, files_left));
            goto.symbols.extend(finder.symbols(&others, None, symbols_left));
        }
        goto.is_cut = finder.is_cut;
        goto
    }
}

impl Finder<'_> {
    /// Counts a name that is looked at. Whether to stop.
    fn stops(&mut self) -> bool {
        self.n_looked += 1;
        self.is_cut |= self.n_looked > self.asked.n_names_max;
        self.is_cut
    }

    fn repos<'s>(&mut self, repos: impl Iterator<Item = Seen<'s>>) -> Vec<GotoFound<GotoRepo>> {
        let mut best = Best::new(self.asked.n_max);
        for seen in repos {
            let name = seen.repo.name.as_str();
            let takes = |score: i32| best.takes(score, name.len());
            if let Some(score) = self.asked.needle.score_where(name.as_bytes(), &mut self.scratch, takes)
                && takes(score)
            {
                best.add(score, name.len(), seen.repo.name.clone());
            }
            if self.stops() {
                break;
            }
        }
        let found = |(score, _, name): (i32, usize, RepoName)| GotoFound {
            score,
            ranges: self.asked.needle.ranges(name.as_str().as_bytes(), &mut self.scratch),
            item: GotoRepo { name },
        };
        best.found.into_iter().map(found).collect()
    }

    fn files(
        &mut self,
        repos: &[Arc<RepoIndex>],
        rev: Option<&str>,
        n_max: usize,
    ) -> Vec<GotoFound<GotoFile>> {
        let mut best = Best::new(n_max);
        if self.asked.files && n_max > 0 {
            for (number, repo) in repos.iter().enumerate() {
                // A damaged index was told of already, by those who look after it.
                self.is_cut |= self.files_of(number, repo, rev, &mut best).is_err();
                if self.is_cut {
                    break;
                }
            }
        }
        let found = |(score, _, (number, path)): (i32, usize, (usize, Vec<u8>))| GotoFound {
            score,
            ranges: self.asked.needle.ranges(&path, &mut self.scratch),
            item: GotoFile { repo: repos[number].name.clone(), rev: shown_rev(&repos[number], rev), path },
        };
        best.found.into_iter().map(found).collect()
    }

    fn files_of(
        &mut self,
        number: usize,
        repo: &RepoIndex,
        rev: Option<&str>,
        best: &mut Best<(usize, Vec<u8>)>,
    ) -> Result<(), ReadError> {
        let Some(revisions) = Revisions::called(repo, rev)? else { return Ok(()) };
        let table = &repo.ref_table;
        let (mut text, mut ends) = (Vec::with_capacity(PATHS_BYTES), Vec::new());
        for group in (0..table.n_groups()).map(GroupIdx) {
            text.clear();
            ends.clear();
            table.read_paths(group, &mut text, &mut ends)?;
            let mut start = 0;
            for (doc_idx, end) in (RefTable::first_doc(group).0..).zip(&ends) {
                let path = &text[start..*end];
                start = end + 1;
                let takes = |score: i32| best.takes(score, path.len());
                if let Some(score) = self.asked.needle.score_where(path, &mut self.scratch, takes)
                    && takes(score)
                    && revisions.admits(table.doc(index::DocIdx(doc_idx))?.revisions)
                {
                    best.add(score, path.len(), (number, path.to_vec()));
                }
                if self.stops() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// The revision a link has to name.
fn shown_rev(repo: &RepoIndex, rev: Option<&str>) -> Option<String> {
    let is_indexed = |rev: &&str| crate::revisions::is_in_table(&repo.ref_table, rev);
    rev.filter(is_indexed).filter(|rev| *rev != "HEAD").map(str::to_owned)
}
