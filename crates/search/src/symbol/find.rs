//! Finding definitions in one segment.

use super::name_grams;
use super::names::{self, Names};
use crate::batch::{Context, Found, Output, owners_found};
use crate::matcher::Scratch;
use crate::plan::{Plan, Selection};
use crate::rank;
use crate::repo_run::RepoRun;
use crate::scan::Scanner;
use crate::select;
use crate::symbol::show::FoundSymbol;
use crate::tree::Node;
use index::{
    BlobIdx, BlobMeta, BlockBitmap, Definition, Doc, DocIdx, DocKind, NameGroupIdx, ReadError, Segment,
    SegmentOrdinal, SymbolIdx, SymbolTable,
};
use std::ops::Range;
use std::sync::Arc;

/// Blobs in one unit, where definitions are gone through: some ten thousand definitions, a few milliseconds.
const BLOBS_PER_UNIT: u32 = 2048;
/// Where more than one in so many groups of names may match, going from names to definitions is no shorter way.
const GROUPS_DIVISOR: u32 = 4;
/// At least so many results of a segment are ranked together.
const RANKED_MIN: usize = 256;
/// How many definitions are looked at together where filters leave most of them out.
const FILTERED_AT_ONCE: usize = 4 << 10;
/// From so many definitions on, filters are asked of documents before definitions are looked at.
const FILTERED_MIN: usize = 256;
/// How much of the page's measure of work a definition that is looked at counts: a block is some fifty.
const DEFINITIONS_PER_BLOCK: u64 = 64;
/// How often the clock is looked at.
const DEFINITIONS_PER_LOOK: u64 = 256;

/// Blobs whose definitions are gone through.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) segment: SegmentOrdinal,
    pub(crate) blobs: Range<u32>,
    /// Those that filters admit; `None` admits all.
    pub(crate) admitted: Option<Arc<BlockBitmap>>,
}

/// What is left to do in a segment after it was looked into.
pub(crate) enum Outcome {
    Done,
    /// Names do not narrow it down: these are to be gone through.
    Listings(Vec<Listing>),
}

/// Looks for definitions in a segment by the names that may match, or says what else to do.
pub(crate) fn by_name<'s>(
    context: &Context<'_>,
    scanner: &mut Scanner,
    output: &mut Output<'s>,
    run: &Arc<RepoRun<'s>>,
    ordinal: SegmentOrdinal,
) -> Result<Outcome, ReadError> {
    let Some(mut search) = Search::new(context, scanner, output, run, ordinal)? else {
        return Ok(Outcome::Done);
    };
    search.tell_cut()?;
    let groups = search.table.candidate_groups(&name_grams(context.plan, &run.node))?;
    let n_groups = search.table.n_name_groups();
    match groups {
        Some(groups) if groups.len() as u32 <= (n_groups / GROUPS_DIVISOR).max(64) => {
            search.names(groups)?;
            Ok(Outcome::Done)
        }
        _ => Ok(Outcome::Listings(search.listings()?)),
    }
}

/// Goes through the definitions of some blobs.
pub(crate) fn by_blob<'s>(
    context: &Context<'_>,
    scanner: &mut Scanner,
    output: &mut Output<'s>,
    run: &Arc<RepoRun<'s>>,
    listing: &Listing,
) -> Result<(), ReadError> {
    let Some(mut search) = Search::new(context, scanner, output, run, listing.segment)? else {
        return Ok(());
    };
    for blob in listing.blobs.clone() {
        if listing.admitted.as_ref().is_some_and(|admitted| !admitted.contains(blob)) {
            continue;
        }
        let symbols = search.table.of_blob(BlobIdx(blob))?;
        if !search.range(BlobIdx(blob), symbols, None)? {
            break;
        }
    }
    search.end();
    Ok(())
}

/// The documents of a blob that are searched.
struct BlobDocs {
    blob: BlobIdx,
    meta: BlobMeta,
    docs: Vec<(DocIdx, Doc)>,
}

struct Search<'x, 's> {
    context: &'x Context<'x>,
    plan: &'x Plan,
    scanner: &'x mut Scanner,
    output: &'x mut Output<'s>,
    run: &'x Arc<RepoRun<'s>>,
    ordinal: SegmentOrdinal,
    segment: &'s Segment,
    table: SymbolTable<'s>,
    current: Option<BlobDocs>,
    /// Which documents had a definition already.
    counted: BlockBitmap,
    /// The answers of conditions on the content of the current blob, by term.
    conditions: Vec<Option<bool>>,
    n_definitions: u64,
}

impl<'x, 's> Search<'x, 's> {
    fn new(
        context: &'x Context<'_>,
        scanner: &'x mut Scanner,
        output: &'x mut Output<'s>,
        run: &'x Arc<RepoRun<'s>>,
        ordinal: SegmentOrdinal,
    ) -> Result<Option<Search<'x, 's>>, ReadError> {
        let repo: &'s crate::RepoIndex = run.repo;
        let Some(segment) = repo.segments.get(usize::from(ordinal.0)) else { return Ok(None) };
        let Some(table) = segment.symbols()? else {
            output.skipped.n_without_symbols += u64::from(segment.n_blobs());
            return Ok(None);
        };
        Ok(Some(Search {
            context,
            plan: context.plan,
            scanner,
            output,
            run,
            ordinal,
            segment,
            table,
            current: None,
            counted: BlockBitmap::empty(run.repo.ref_table.n_docs()),
            conditions: vec![None; context.plan.terms.len()],
            n_definitions: 0,
        }))
    }

    /// Counts the admitted documents of which a limit kept definitions out.
    fn tell_cut(&mut self) -> Result<(), ReadError> {
        for number in 0..self.table.n_cut() {
            let blob = self.table.cut_blob(number)?;
            self.enter(blob)?;
            let n_docs = self.current.as_ref().map_or(0, |current| current.docs.len());
            let mut n_admitted = 0;
            for at in 0..n_docs {
                n_admitted += u64::from(self.verdict(at, None)? != Some(false));
            }
            self.output.skipped.n_without_symbols += n_admitted;
        }
        Ok(())
    }

    /// From names to definitions: the best names first, until there is more than a page.
    fn names(&mut self, groups: Vec<NameGroupIdx>) -> Result<(), ReadError> {
        let n_ranked = RANKED_MIN.max(self.plan.display.saturating_mul(2));
        let mut admitted = None;
        for groups in names::rounds(self.plan, &self.table, groups)? {
            let (node, scratches) = (&self.run.node, &mut self.scanner.symbols);
            let Some(mut names) = Names::matching(self.context, &self.table, node, scratches, &groups)?
            else {
                self.output.is_partial = true;
                break;
            };
            names.list.sort_by(|left, right| right.signal.total_cmp(&left.signal));
            if admitted.is_none() && names.definitions.len() >= FILTERED_MIN {
                admitted = Some(self.admitted()?);
            }
            let filter = admitted.as_ref().and_then(Option::as_deref);
            if !self.definitions(&names, filter, n_ranked)? || self.has_enough(n_ranked) {
                break;
            }
        }
        self.end();
        Ok(())
    }

    fn has_enough(&self, n_ranked: usize) -> bool {
        !self.plan.is_exhaustive && self.output.found.len() >= n_ranked
    }

    /// Looks at the definitions of names, the best names first. `false` as for [`Search::range`].
    fn definitions(
        &mut self,
        names: &Names,
        admitted: Option<&BlockBitmap>,
        n_ranked: usize,
    ) -> Result<bool, ReadError> {
        let mut rest = &names.list[..];
        while !rest.is_empty() && !self.has_enough(n_ranked) {
            // As many names as may fill what is ranked, then in the order of the segment.
            let n_wanted = match (self.plan.is_exhaustive, admitted) {
                (true, _) => usize::MAX,
                (false, Some(_)) => FILTERED_AT_ONCE,
                (false, None) => n_ranked.saturating_sub(self.output.found.len()).max(64),
            };
            let mut symbols: Vec<(SymbolIdx, u32)> = Vec::new();
            while let Some((name, others)) = rest.split_first()
                && symbols.len() < n_wanted
            {
                let own = &names.definitions[name.definitions.clone()];
                symbols.extend(own.iter().map(|symbol| (*symbol, name.at)));
                rest = others;
            }
            symbols.sort_unstable();
            if !self.symbols(&symbols, names, admitted)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks at definitions, ascending, each with the number of its name. `false` as for [`Search::range`].
    fn symbols(
        &mut self,
        symbols: &[(SymbolIdx, u32)],
        names: &Names,
        admitted: Option<&BlockBitmap>,
    ) -> Result<bool, ReadError> {
        let table = self.table;
        let Some(admitted) = admitted else {
            let mut blob = BlobIdx(0);
            for (symbol, name) in symbols {
                blob = table.blob_from(blob, *symbol)?;
                if !self.one(blob, *symbol, names.name(*name))? {
                    return Ok(false);
                }
            }
            return Ok(true);
        };
        // From blob to blob that filters leave, over what lies between.
        let mut rest = symbols;
        let mut next = 0;
        while let Some((first, _)) = rest.first()
            && let Some(number) = admitted.first_at_or_after(next)
        {
            let of_blob = table.of_blob(BlobIdx(number))?;
            if of_blob.end <= *first {
                // Many blobs that filters leave may lie before the next definition.
                next = (number + 1).max(table.blob_from(BlobIdx(number), *first)?.0);
                continue;
            }
            rest = &rest[rest.partition_point(|(symbol, _)| *symbol < of_blob.start)..];
            let n_own = rest.partition_point(|(symbol, _)| *symbol < of_blob.end);
            let (own, others) = rest.split_at(n_own);
            for (symbol, name) in own {
                if !self.one(BlobIdx(number), *symbol, names.name(*name))? {
                    return Ok(false);
                }
            }
            (rest, next) = (others, number + 1);
        }
        Ok(true)
    }

    fn one(&mut self, blob: BlobIdx, symbol: SymbolIdx, name: &[u8]) -> Result<bool, ReadError> {
        self.range(blob, symbol..SymbolIdx(symbol.0 + 1), Some(name))
    }

    /// What to go through where names do not decide: the blobs that paths and languages admit.
    fn listings(&mut self) -> Result<Vec<Listing>, ReadError> {
        let n_blobs = self.segment.n_blobs();
        let admitted = self.admitted()?;
        let starts = (0..n_blobs).step_by(BLOBS_PER_UNIT as usize);
        Ok(starts
            .map(|start| Listing {
                segment: self.ordinal,
                blobs: start..(start + BLOBS_PER_UNIT).min(n_blobs),
                admitted: admitted.clone(),
            })
            .collect())
    }

    /// The blobs with a document that filters do not leave out; `None` where there are no filters.
    fn admitted(&mut self) -> Result<Option<Arc<BlockBitmap>>, ReadError> {
        let n_blobs = self.segment.n_blobs();
        let mut asks_documents = !self.run.revisions.is_default;
        self.run.node.each_leaf(false, &mut |leaf, _| {
            asks_documents |=
                matches!(leaf, Node::File(_) | Node::Language(_) | Node::Owner(_) | Node::Paths(_));
        });
        if !asks_documents {
            return Ok(None);
        }
        let (plan, node, paths) = (self.plan, &self.run.node, &mut self.scanner.paths);
        let owners = self.run.owners.as_ref();
        let mut blobs = BlockBitmap::empty(n_blobs);
        let grams = crate::admission::path_grams(plan, node);
        self.run.repo.ref_table.for_each_candidate(&grams, &mut |_, path, doc| {
            if let Some((segment, blob)) = doc.blob
                && segment == self.ordinal
                && blob.0 < n_blobs
                && self.run.revisions.admits(doc.revisions)
            {
                let verdict = node.eval::<std::convert::Infallible>(&mut |leaf| {
                    Ok(match leaf {
                        Node::Term(_) => None,
                        other => Some(paths.decides(plan, owners, other, path, doc)),
                    })
                });
                if !matches!(verdict, Ok(Some(false))) {
                    blobs.insert(blob.0);
                }
            }
            true
        })?;
        Ok(Some(Arc::new(blobs)))
    }

    /// Looks at definitions of one blob, which have this name where it is given. `false` when the search was called off,
    /// or the page is full.
    fn range(
        &mut self,
        blob: BlobIdx,
        symbols: Range<SymbolIdx>,
        name: Option<&[u8]>,
    ) -> Result<bool, ReadError> {
        if symbols.is_empty() {
            return Ok(true);
        }
        self.enter(blob)?;
        if self.current.as_ref().is_none_or(|current| current.docs.is_empty()) {
            return Ok(true);
        }
        let table = self.table;
        let mut outcome = Ok(true);
        table.for_each(symbols, &mut |_, definition| {
            outcome = self.definition(definition, name);
            matches!(outcome, Ok(true))
        })?;
        outcome
    }

    /// Makes a blob the current one: its documents in the selected revisions.
    fn enter(&mut self, blob: BlobIdx) -> Result<(), ReadError> {
        if self.current.as_ref().is_some_and(|current| current.blob == blob) {
            return Ok(());
        }
        let table = &self.run.repo.ref_table;
        let mut docs = Vec::new();
        for doc_idx in table.docs_of_blob(self.ordinal, blob)? {
            let doc = table.doc(doc_idx)?;
            if self.run.revisions.admits(doc.revisions) && doc.kind != DocKind::Symlink {
                docs.push((doc_idx, doc));
            }
        }
        self.conditions.iter_mut().for_each(|answer| *answer = None);
        self.current = Some(BlobDocs { blob, meta: self.segment.blob(blob)?, docs });
        Ok(())
    }

    fn definition(&mut self, definition: &Definition, known_name: Option<&[u8]>) -> Result<bool, ReadError> {
        self.n_definitions += 1;
        if self.n_definitions.is_multiple_of(DEFINITIONS_PER_LOOK) && self.context.watch.stop().is_some() {
            self.output.is_partial = true;
            return Ok(false);
        }
        let Some(kind) = definition.kind else { return Ok(true) };
        if self.plan.symbols.and_then(|symbols| symbols.kind).is_some_and(|wanted| wanted != kind) {
            return Ok(true);
        }
        let mut name = std::mem::take(&mut self.scanner.symbols.name);
        match known_name {
            Some(known) => {
                name.clear();
                name.extend_from_slice(known);
            }
            None => self.table.name(definition.name, &mut name)?,
        }
        let container = self.table.container(definition.container)?;
        let n_docs = self.current.as_ref().map_or(0, |current| current.docs.len());
        let mut found = false;
        for at in 0..n_docs {
            let language = self.current.as_ref().map(|current| current.docs[at].1.language);
            let separator =
                language.map_or(".", |language| syntax::symbol_separator(language, kind)).as_bytes();
            let mut qualified = std::mem::take(&mut self.scanner.symbols.qualified);
            qualified.clear();
            if !container.is_empty() {
                qualified.extend_from_slice(container);
                qualified.extend_from_slice(separator);
            }
            qualified.extend_from_slice(&name);
            let verdict = self.verdict(at, Some((&name, &qualified)))?;
            if verdict == Some(true) {
                found = true;
                self.take(at, definition, kind, &name, &qualified, container)?;
            }
            self.scanner.symbols.qualified = qualified;
        }
        self.scanner.symbols.name = name;
        let is_full = !self.plan.is_exhaustive && self.context.is_display_full();
        Ok(!(found && is_full))
    }

    /// Whether the tree holds for a definition in one of the current blob's documents; without a definition, what is
    /// decided without one.
    fn verdict(&mut self, at: usize, names: Option<(&[u8], &[u8])>) -> Result<Option<bool>, ReadError> {
        let Some(current) = &self.current else { return Ok(Some(false)) };
        let (doc_idx, doc) = current.docs[at];
        let blob = current.blob;
        let (plan, run, segment) = (self.plan, self.run, self.segment);
        let mut path = std::mem::take(&mut self.scanner.symbols.path);
        let (mut has_path, scanner, conditions) = (false, &mut *self.scanner, &mut self.conditions);
        let verdict = run.node.eval::<ReadError>(&mut |leaf| {
            Ok(match leaf {
                Node::Term(term) if plan.terms[*term].is_condition => {
                    Some(condition(plan, segment, blob, *term, conditions)?)
                }
                Node::Term(term) => match names {
                    Some((name, qualified)) => {
                        Some(scanner.symbols.holds(plan, *term, name, Some(qualified)).unwrap_or(false))
                    }
                    None => None,
                },
                other => {
                    if !has_path && matches!(other, Node::File(_) | Node::Owner(_) | Node::Paths(_)) {
                        run.repo.ref_table.path(doc_idx, &mut path)?;
                        has_path = true;
                    }
                    Some(scanner.paths.decides(plan, run.owners.as_ref(), other, &path, &doc))
                }
            })
        });
        self.scanner.symbols.path = path;
        verdict
    }

    fn take(
        &mut self,
        at: usize,
        definition: &Definition,
        kind: model::SymbolKind,
        name: &[u8],
        qualified: &[u8],
        container: &[u8],
    ) -> Result<(), ReadError> {
        let Some(current) = &self.current else { return Ok(()) };
        let (doc_idx, doc) = current.docs[at];
        let mut path = Vec::new();
        self.run.repo.ref_table.path(doc_idx, &mut path)?;
        self.output.counts.n_lines += 1;
        self.output.counts.n_matches += 1;
        if !self.counted.contains(doc_idx.0) {
            self.counted.insert(doc_idx.0);
            self.output.n_files += 1;
            self.output.facets.add(doc.language, &path);
            select::note(self.plan, self.run.owners.as_ref(), &doc, &path, &mut self.output.selected);
        }
        if self.context.is_display_full() {
            return Ok(());
        }
        let ranges = self.scanner.symbols.ranges(self.plan, name, qualified);
        let rank = syntax::static_rank(&path, doc.flags, current.meta.flags);
        let recency = self.run.recency(doc.revisions, self.context.limits.now_seconds)?;
        let parts = rank::symbol(self.plan, name, &ranges, kind, &path, rank, recency);
        if self.plan.selection == Selection::Owners {
            self.output.found.extend(owners_found(self.run, &doc, &path, parts.total()));
            return Ok(());
        }
        self.output.found.push(Found::Symbol(Box::new(FoundSymbol {
            run: Arc::clone(self.run),
            doc,
            path,
            segment: self.ordinal,
            meta: current.meta,
            kind,
            name: String::from_utf8_lossy(name).into_owned(),
            container: String::from_utf8_lossy(container).into_owned(),
            name_start: definition.name_start,
            ranges,
            parts,
        })));
        Ok(())
    }

    /// Counts the work that was done.
    fn end(&mut self) {
        self.output.n_blocks += self.n_definitions / DEFINITIONS_PER_BLOCK;
    }
}

/// Whether a condition on the content holds for a blob; its text is read once for all its definitions.
fn condition(
    plan: &Plan,
    segment: &Segment,
    blob: BlobIdx,
    term: usize,
    answers: &mut [Option<bool>],
) -> Result<bool, ReadError> {
    if let Some(answer) = answers[term] {
        return Ok(answer);
    }
    let mut text = Vec::new();
    segment.read_blob(blob, &mut text)?;
    let content = plan.terms[term].content.as_ref();
    let answer = content.is_some_and(|content| {
        let mut is_found = false;
        content.matcher.for_each(&mut Scratch::default(), &text, |start, _| {
            is_found = crate::lines::is_in_a_line(&text, start);
            if is_found { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        });
        is_found
    });
    answers[term] = Some(answer);
    Ok(answer)
}
