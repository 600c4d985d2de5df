//! Definitions by a few letters of their names.
//!
//! A dictionary may hold a million names. Those that begin with what was typed come first, then those that hold it, which
//! the index of names leads to; only where these do not fill the page are the others looked at that have all letters, as far as the bound
//! goes. Which letters a name has is worked out once for a segment.

use super::{Best, Finder, GotoFile, GotoFound, GotoSymbol, shown_rev};
use crate::RepoIndex;
use crate::revisions::Revisions;
use crate::symbol::show::line_of;
use index::{DocKind, NameGroup, NameGroupIdx, ReadError, Segment, SegmentOrdinal, SymbolIdx, SymbolTable};
use model::SymbolKind;
use ngram::GramQuery;
use std::sync::Arc;

/// How many definitions of one name are shown.
const N_PER_NAME_MAX: usize = 3;
/// Groups of names that begin with, or hold, what was typed: so many are looked at.
const GROUPS_MAX: usize = 2048;
/// So many names whose letters alone are looked at count as one that is read: it takes a fiftieth of the time, and all of it the first time.
const PASSED_OVER_PER_LOOK: usize = 16;

/// A definition that may be shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    repo: usize,
    name: Vec<u8>,
    path: Vec<u8>,
    segment: u16,
    symbol: u32,
}

/// Where it is looked: a segment of a repository in a revision.
struct Ground<'g> {
    number: usize,
    repo: &'g RepoIndex,
    revisions: &'g Revisions,
    ordinal: SegmentOrdinal,
    table: SymbolTable<'g>,
}

impl Finder<'_> {
    pub(super) fn symbols(
        &mut self,
        repos: &[Arc<RepoIndex>],
        rev: Option<&str>,
        n_max: usize,
    ) -> Vec<GotoFound<GotoSymbol>> {
        let mut best = Best::new(n_max);
        if self.asked.symbols && n_max > 0 {
            for (number, repo) in repos.iter().enumerate() {
                if self.is_cut {
                    break;
                }
                self.is_cut |= self.symbols_of(number, repo, rev, &mut best).is_err();
            }
        }
        let mut found = Vec::with_capacity(best.found.len());
        for (score, _, place) in best.found {
            match told(&repos[place.repo], rev, &place) {
                Ok(item) => {
                    let ranges = self.asked.needle.ranges(item.name.as_bytes(), &mut self.scratch);
                    found.push(GotoFound { score, ranges, item });
                }
                Err(_) => self.is_cut = true,
            }
        }
        found
    }

    fn symbols_of(
        &mut self,
        number: usize,
        repo: &RepoIndex,
        rev: Option<&str>,
        best: &mut Best<Place>,
    ) -> Result<(), ReadError> {
        let Some(revisions) = Revisions::called(repo, rev)? else { return Ok(()) };
        let mut grounds = Vec::new();
        for (ordinal, segment) in repo.segments.iter().enumerate() {
            if let Some(table) = segment.symbols()? {
                let ordinal = SegmentOrdinal(ordinal as u16);
                grounds.push(Ground { number, repo, revisions: &revisions, ordinal, table });
            }
        }
        let mut near = Vec::with_capacity(grounds.len());
        for ground in &grounds {
            let groups = near_groups(&ground.table, self.asked.needle.longest())?;
            self.names(ground, groups.iter().copied(), best)?;
            near.push(groups);
        }
        for (ground, near) in grounds.iter().zip(near) {
            if best.is_full() || self.is_cut {
                break;
            }
            let others = self.with_letters(ground)?;
            let others = others.into_iter().filter(|group| near.binary_search(group).is_err());
            self.names(ground, others, best)?;
        }
        Ok(())
    }

    /// The groups of names of which one has all letters that were typed.
    fn with_letters(&mut self, ground: &Ground<'_>) -> Result<Vec<u32>, ReadError> {
        self.n_looked += ground.table.n_names() as usize / PASSED_OVER_PER_LOOK;
        let groups = ground.table.groups_with_letters(self.asked.needle.letters())?;
        Ok(groups.map(|group| group.0).collect())
    }

    fn names(
        &mut self,
        ground: &Ground<'_>,
        groups: impl Iterator<Item = u32>,
        best: &mut Best<Place>,
    ) -> Result<(), ReadError> {
        let mut names = NameGroup::default();
        let mut taken: Vec<Option<i32>> = Vec::new();
        for group in groups {
            ground.table.read_names(NameGroupIdx(group), &mut names)?;
            taken.clear();
            for (_, name) in names.iter() {
                // No kind of definition is worth more than its name.
                let takes = |score: i32| best.takes(score, name.len());
                let score = self.asked.needle.score_where(name, &mut self.scratch, takes);
                taken.push(score.filter(|score| takes(*score)));
                if self.stops() {
                    break;
                }
            }
            let n_names = taken.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
            let mut definitions: Vec<(usize, SymbolIdx)> = Vec::new();
            names.for_each_definition(n_names, &mut |at, symbol| {
                if taken[at].is_some() {
                    definitions.push((at, symbol));
                }
            })?;
            let mut rest = definitions.as_slice();
            while let Some((at, _)) = rest.first() {
                let len = rest.partition_point(|(other, _)| other <= at);
                let (own, others) = rest.split_at(len);
                rest = others;
                let name = names.iter().nth(*at).map(|(_, name)| name).unwrap_or_default();
                self.define(ground, name, taken[*at].unwrap_or(0), own, best)?;
            }
            if self.is_cut {
                break;
            }
        }
        Ok(())
    }

    /// Adds the first definitions of a name that may be read.
    fn define(
        &mut self,
        ground: &Ground<'_>,
        name: &[u8],
        score: i32,
        definitions: &[(usize, SymbolIdx)],
        best: &mut Best<Place>,
    ) -> Result<(), ReadError> {
        let mut n_shown = 0;
        for (_, symbol) in definitions {
            if n_shown == N_PER_NAME_MAX || self.stops() {
                break;
            }
            let definition = ground.table.get(*symbol)?;
            let Some(kind) = definition.kind else { continue };
            let blob = ground.table.blob_of(*symbol)?;
            let table = &ground.repo.ref_table;
            // SECURITY: the ref table is what the caller may read; a definition without a document in it is not there.
            for doc_idx in table.docs_of_blob(ground.ordinal, blob)? {
                let doc = table.doc(doc_idx)?;
                if doc.kind == DocKind::Symlink || !ground.revisions.admits(doc.revisions) {
                    continue;
                }
                let score = score + weight(kind);
                if best.takes(score, name.len()) {
                    let mut path = Vec::new();
                    table.path(doc_idx, &mut path)?;
                    let (name_bytes, segment) = (name.to_vec(), ground.ordinal.0);
                    let place =
                        Place { repo: ground.number, name: name_bytes, path, segment, symbol: symbol.0 };
                    best.add(score, name.len(), place);
                }
                n_shown += 1;
                break;
            }
        }
        Ok(())
    }
}

/// The groups whose names may begin with or hold a text, ascending.
fn near_groups(table: &SymbolTable<'_>, text: &[u8]) -> Result<Vec<u32>, ReadError> {
    let mut groups: Vec<u32> = table.groups_with_prefix(text)?.take(GROUPS_MAX).collect();
    if let Some(holding) = table.candidate_groups(&GramQuery::literal(text))? {
        groups.extend(holding.into_iter().take(GROUPS_MAX).map(|group| group.0));
    }
    groups.sort_unstable();
    groups.dedup();
    groups.retain(|group| *group < table.n_name_groups());
    Ok(groups)
}

/// What people mean when they go to a definition is seldom a field or a local.
fn weight(kind: SymbolKind) -> i32 {
    match kind {
        SymbolKind::Field | SymbolKind::Property | SymbolKind::EnumMember | SymbolKind::Variable => -8,
        SymbolKind::Key | SymbolKind::Section | SymbolKind::Object | SymbolKind::Array => -16,
        _ => 0,
    }
}

fn told(repo: &RepoIndex, rev: Option<&str>, place: &Place) -> Result<GotoSymbol, ReadError> {
    let unknown = ReadError::OutOfRange {
        noun: "segment",
        number: place.segment.into(),
        count: repo.segments.len() as u64,
    };
    let segment: &Segment = repo.segments.get(usize::from(place.segment)).ok_or_else(|| unknown.clone())?;
    let table = segment.symbols()?.ok_or(unknown)?;
    let definition = table.get(SymbolIdx(place.symbol))?;
    let meta = segment.blob(table.blob_of(SymbolIdx(place.symbol))?)?;
    let name = definition.name_start..definition.name_start + place.name.len() as u64;
    let line = line_of(segment, &meta, name, 1)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(GotoSymbol {
        name: text(&place.name),
        kind: definition.kind.unwrap_or(SymbolKind::Variable),
        container: text(table.container(definition.container)?),
        file: GotoFile { repo: repo.name.clone(), rev: shown_rev(repo, rev), path: place.path.clone() },
        line: line.map_or(1, |line| line.number),
    })
}
