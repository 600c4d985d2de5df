//! Where symbols are defined, used and implemented, carried to the commit that is asked about.

use super::{Hit, HitSymbol, Precise, Sources, Upload, joined, lines_between};
use crate::information::Ways;
use crate::package::SymbolParts;
use crate::range::{Columns, Span};
use crate::reader::{DocumentNo, Index, SymbolNo, UseNo};
use crate::{LineMap, LookupError};
use model::{AccessSet, ObjectId, RepoId};
use std::collections::HashMap;
use std::sync::Arc;

/// Symbols that are followed from one, so that an index cannot make an answer endless.
const RELATED_MAX: usize = 1_000;

/// Where a symbol stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The repository.
    pub repo: RepoId,
    /// The commit whose text the place is in: the one asked about, in other repositories the one that was indexed.
    pub commit: ObjectId,
    /// The file.
    pub path: String,
    /// Lines from 0, columns in bytes of UTF-8.
    pub span: Span,
    /// The whole of what is defined here, where it is known and all of it is still there.
    pub enclosing: Option<Span>,
    /// `SymbolRole` bits of SCIP.
    pub roles: u32,
    /// The package's version where it is another one than the symbol names.
    pub other_version: Option<String>,
}

/// Some places of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The places.
    pub places: Vec<Place>,
    /// How many there are in the indexes, those that were changed since included.
    pub n_total: u64,
    /// How many of those that were looked at are in lines that were changed since: they are left out.
    pub n_changed: u64,
    /// Where the next page begins; `None` at the end.
    pub next: Option<u64>,
}

/// The text that is shown, and where the indexed lines are in it.
type CarriedFile = (Arc<str>, LineMap);

/// Carries places of one answer; texts and differences are asked for once a file.
struct Carrier<'a> {
    access: &'a AccessSet,
    sources: &'a dyn Sources,
    /// By upload and path.
    files: HashMap<(String, String), Option<CarriedFile>>,
    may_read: HashMap<(RepoId, String), bool>,
}

impl Precise {
    /// Where what stands there is defined: in the repository itself. Definitions in other packages are for
    /// [`Precise::definitions_elsewhere`].
    pub fn definitions(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        hit: &Hit,
    ) -> Result<Places, LookupError> {
        let mut carrier = Carrier::new(access, sources);
        let mut found = Vec::new();
        for symbol in &hit.symbols {
            for (upload, no) in self.numbers(hit, symbol)? {
                let index = self.index(&upload.id)?;
                let numbers = with_definitions(&index, no)?;
                for no in numbers {
                    found.extend(index.definitions(no)?.into_iter().map(|at| (upload, at)));
                }
            }
        }
        self.page(&mut carrier, hit, &found, 0, usize::MAX)
    }

    /// Where what stands there is used, `limit` from the one numbered `from`. Definitions are not among them.
    pub fn references(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        hit: &Hit,
        from: u64,
        limit: usize,
    ) -> Result<Places, LookupError> {
        let mut carrier = Carrier::new(access, sources);
        let mut found = Vec::new();
        for symbol in &hit.symbols {
            for (upload, no) in self.numbers(hit, symbol)? {
                let index = self.index(&upload.id)?;
                let mut numbers = vec![no];
                if let SymbolNo::Global(number) = no {
                    let related = index.related_to(number, Ways::REFERENCE)?;
                    numbers.extend(related.into_iter().map(|(symbol, _)| symbol).take(RELATED_MAX));
                }
                for no in numbers {
                    found.extend(index.references(no)?.into_iter().map(|at| (upload, at)));
                }
            }
        }
        self.page(&mut carrier, hit, &found, from, limit)
    }

    /// The definitions of what implements what stands there.
    pub fn implementations(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        hit: &Hit,
    ) -> Result<Places, LookupError> {
        let mut carrier = Carrier::new(access, sources);
        let mut found = Vec::new();
        for symbol in &hit.symbols {
            for (upload, no) in self.numbers(hit, symbol)? {
                let SymbolNo::Global(number) = no else { continue };
                let index = self.index(&upload.id)?;
                for (no, said_in) in
                    index.related_to(number, Ways::IMPLEMENTATION)?.into_iter().take(RELATED_MAX)
                {
                    if carrier.reads(&index, upload, said_in)? {
                        found.extend(index.definitions(no)?.into_iter().map(|at| (upload, at)));
                    }
                }
            }
        }
        self.page(&mut carrier, hit, &found, 0, usize::MAX)
    }

    /// Where a symbol of a package is defined in indexes that define the package (`candidates`, the best first: with the
    /// version each has). Those of the symbol's own version are asked first. Stops at the first index that knows.
    pub fn definitions_elsewhere(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        symbol: &str,
        candidates: &[(Upload, String)],
    ) -> Result<Vec<Place>, LookupError> {
        let Some(parts) = SymbolParts::parse(symbol) else { return Ok(Vec::new()) };
        let (same, other): (Vec<_>, Vec<_>) =
            candidates.iter().partition(|(_, version)| *version == parts.package.version);
        let mut carrier = Carrier::new(access, sources);
        for (upload, version) in same.into_iter().chain(other) {
            if !access.allows(upload.repo) && !model::leaks("precise-elsewhere") {
                continue;
            }
            let is_other = *version != parts.package.version;
            let index = self.index(&upload.id)?;
            let Some(no) = index.find(&parts.with_version(version))? else { continue };
            let mut places = Vec::new();
            for at in index.definitions(SymbolNo::Global(no))? {
                places.extend(carrier.place(&index, upload, at, upload.commit)?);
            }
            if !places.is_empty() {
                let version = is_other.then(|| version.clone());
                places.iter_mut().for_each(|place| place.other_version.clone_from(&version));
                return Ok(places);
            }
        }
        Ok(Vec::new())
    }

    /// Where a symbol of a package is used, in the indexes of other repositories (`candidates`, with the version that each has
    /// of the package), at the commits that were indexed; at most `limit`. What the caller may not read is not counted.
    pub fn references_elsewhere(
        &self,
        access: &AccessSet,
        sources: &dyn Sources,
        symbol: &str,
        candidates: &[(Upload, String)],
        limit: usize,
    ) -> Result<Places, LookupError> {
        let mut page = Places::default();
        let Some(parts) = SymbolParts::parse(symbol) else { return Ok(page) };
        let mut carrier = Carrier::new(access, sources);
        for (upload, version) in candidates.iter().filter(|(upload, _)| access.allows(upload.repo)) {
            let index = self.index(&upload.id)?;
            let Some(no) = index.find(&parts.with_version(version))? else { continue };
            let other_version = (*version != parts.package.version).then(|| version.clone());
            for at in index.references(SymbolNo::Global(no))? {
                if page.places.len() >= limit {
                    page.next = Some(page.n_total);
                    return Ok(page);
                }
                if let Some(place) = carrier.place(&index, upload, at, upload.commit)? {
                    page.n_total += 1;
                    page.places.push(Place { other_version: other_version.clone(), ..place });
                }
            }
        }
        Ok(page)
    }

    fn page(
        &self,
        carrier: &mut Carrier<'_>,
        hit: &Hit,
        found: &[(&Upload, UseNo)],
        from: u64,
        limit: usize,
    ) -> Result<Places, LookupError> {
        let mut page = Places::default();
        if !carrier.access.allows(hit.repo) {
            return Ok(page);
        }
        let reads_all = carrier.access.path_rules(hit.repo).is_none();
        let mut n_readable = 0u64;
        for (upload, at) in found {
            let index = self.index(&upload.id)?;
            if !reads_all && !carrier.reads(&index, upload, at.document)? {
                continue;
            }
            n_readable += 1;
            if n_readable <= from || page.next.is_some() {
                continue;
            }
            match carrier.place(&index, upload, *at, hit.commit)? {
                Some(place) if page.places.contains(&place) => {}
                Some(place) => page.places.push(place),
                None => page.n_changed += 1,
            }
            if page.places.len() >= limit {
                page.next = Some(n_readable);
                if reads_all {
                    n_readable = found.len() as u64;
                    break;
                }
            }
        }
        page.n_total = n_readable;
        page.next = page.next.filter(|next| *next < n_readable);
        Ok(page)
    }
}

/// The symbol itself, or those whose definition is said to be its.
fn with_definitions(index: &Index, no: SymbolNo) -> Result<Vec<SymbolNo>, LookupError> {
    let mut numbers = vec![no];
    if let Some((info, _)) = index.info(no)? {
        for other in info.relationships.iter().filter(|other| other.ways.has(Ways::DEFINITION)) {
            numbers.extend(index.find(&other.symbol)?.map(SymbolNo::Global));
        }
    }
    Ok(numbers)
}

impl<'a> Carrier<'a> {
    fn new(access: &'a AccessSet, sources: &'a dyn Sources) -> Carrier<'a> {
        Carrier { access, sources, files: HashMap::new(), may_read: HashMap::new() }
    }

    fn may_read(&mut self, repo: RepoId, path: &str) -> bool {
        let sources = self.sources;
        let key = (repo, path.to_owned());
        *self.may_read.entry(key).or_insert_with(|| sources.may_read(repo, path))
    }

    fn reads(&mut self, index: &Index, upload: &Upload, document: DocumentNo) -> Result<bool, LookupError> {
        let document = index.document(document)?;
        Ok(document.path.is_empty() || self.may_read(upload.repo, &joined(&upload.root, &document.path)))
    }

    /// An occurrence as a place at a commit; `None` where its line was changed, or the caller may not read it.
    fn place(
        &mut self,
        index: &Index,
        upload: &Upload,
        at: UseNo,
        commit: ObjectId,
    ) -> Result<Option<Place>, LookupError> {
        let document = index.document(at.document)?;
        let path = joined(&upload.root, &document.path);
        let is_allowed = self.access.allows(upload.repo) || model::leaks("precise-elsewhere");
        if !is_allowed || !self.may_read(upload.repo, &path) {
            return Ok(None);
        }
        let sources = self.sources;
        let file = self.files.entry((upload.id.clone(), path.clone())).or_insert_with(|| {
            let lines = lines_between(sources, upload, &path, commit)?;
            Some((sources.text(upload.repo, commit, &path)?, lines))
        });
        let Some((text, lines)) = file else { return Ok(None) };
        let occurrence = index.occurrence(&document, at.number)?;
        let carry = |span: Span| carry(span, lines, text, document.columns);
        let Some(span) = carry(occurrence.span) else { return Ok(None) };
        let enclosing = occurrence.enclosing.and_then(carry);
        let (repo, roles) = (upload.repo, occurrence.roles);
        Ok(Some(Place { repo, commit, path, span, enclosing, roles, other_version: None }))
    }
}

fn carry(span: Span, lines: &LineMap, text: &str, columns: Columns) -> Option<Span> {
    let start_line = lines.to_new(span.start_line)?;
    let end_line = lines.to_new(span.end_line)?;
    // Lines were put in or taken out in between: it is not the same any more.
    if end_line.checked_sub(start_line)? != span.end_line - span.start_line {
        return None;
    }
    let start_column = columns.to_bytes(super::line_of(text, start_line)?, span.start_column)?;
    let end_column = columns.to_bytes(super::line_of(text, end_line)?, span.end_column)?;
    Some(Span { start_line, start_column, end_line, end_column })
}

impl HitSymbol {
    /// The package the symbol belongs to; `None` for a local one.
    pub fn package(&self) -> Option<crate::Package> {
        SymbolParts::parse(&self.name).map(|parts| parts.package)
    }
}
