//! Which blobs of a repository a query may find at all, decided from paths and metadata before any posting is read.

use crate::RepoIndex;
use crate::batch::shown_ranges;
use crate::matcher::Scratch;
use crate::owners::OwnersView;
use crate::pattern::NamePattern;
use crate::plan::Plan;
use crate::repo_run::RepoRun;
use crate::revisions::Revisions;
use crate::tree::Node;
use crate::window::Window;
use index::{BlobIdx, BlockBitmap, Doc, DocIdx, DocKind, GroupIdx, ReadError, RefTable, SegmentOrdinal};
use model::{ByteRange, SkipReason};
use ngram::GramQuery;
use std::ops::ControlFlow;

/// How many bytes of paths are looked at together.
const PATHS_BYTES: usize = 16 << 10;

/// The admitted blobs of one repository.
#[derive(Debug)]
pub(crate) struct Admission {
    /// By segment ordinal.
    pub(crate) segments: Vec<BlobSet>,
    /// Documents that are admitted and cannot be searched for content.
    pub(crate) skipped: SkippedDocs,
}

/// Some of a segment's blobs.
#[derive(Debug)]
pub(crate) enum BlobSet {
    All,
    Some(BlockBitmap),
}

/// How many documents have no searchable content, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SkippedDocs {
    pub(crate) n_binary: u64,
    pub(crate) n_too_large: u64,
    pub(crate) n_unreadable: u64,
    /// Documents whose definitions are not all known.
    pub(crate) n_without_symbols: u64,
    pub(crate) n_symlinks: u64,
    pub(crate) n_submodules: u64,
    /// Texts whose syntax tree was not, or not wholly, searched.
    pub(crate) n_unparsed: u64,
    /// Changed files whose lines are not in the history: more than the limits, no text, not produced by git.
    pub(crate) n_changes_too_large: u64,
    pub(crate) n_changes_binary: u64,
    pub(crate) n_changes_unreadable: u64,
    /// Changed files beyond those that are read of one commit.
    pub(crate) n_changes_left_out: u64,
}

/// Where a term occurs in paths: documents, and their blobs by segment.
#[derive(Debug)]
pub(crate) struct PathHits {
    docs: BlockBitmap,
    blobs: Vec<BlockBitmap>,
    is_empty: bool,
}

/// Paths to look at together: all in one with a newline behind each, where each ends, and their documents.
struct Paths<'p> {
    name: &'p NamePattern,
    scratch: &'p mut Scratch,
    text: Vec<u8>,
    ends: Vec<usize>,
    docs: Vec<DocIdx>,
}

impl Paths<'_> {
    fn add(&mut self, table: &RefTable, group: GroupIdx) -> Result<(), ReadError> {
        table.read_paths(group, &mut self.text, &mut self.ends)?;
        let n_new = self.ends.len() - self.docs.len();
        self.docs.extend((RefTable::first_doc(group).0..).take(n_new).map(DocIdx));
        Ok(())
    }

    /// Appends the documents whose paths match to `found`, and forgets all of them.
    fn look(&mut self, found: &mut Vec<DocIdx>) {
        match &self.name.window {
            // No occurrence reaches from one path into another.
            None if self.name.matcher.is_literal_without(b'\n') => self.look_for_literal(found),
            Some(window) => self.look_for_window(window, found),
            None => self.look_at_each(found),
        }
        self.docs.clear();
        self.ends.clear();
        self.text.clear();
    }

    fn look_for_literal(&mut self, found: &mut Vec<DocIdx>) {
        let mut paths = self.docs.iter().zip(&self.ends);
        let mut found_end = 0;
        self.name.matcher.for_each(self.scratch, &self.text, |start, _| {
            // Not where this path was found already.
            if start >= found_end
                && let Some((doc_idx, end)) = paths.find(|(_, end)| start < **end)
            {
                found_end = *end;
                found.push(*doc_idx);
            }
            ControlFlow::Continue(())
        });
    }

    fn look_for_window(&mut self, window: &Window, found: &mut Vec<DocIdx>) {
        let mut next = 0;
        while let Some(at) = window.find(&self.text, next) {
            // The path that it stands in, or the next one where it stands at a newline.
            let path = self.ends.partition_point(|end| *end <= at);
            let (Some(doc_idx), Some(end)) = (self.docs.get(path), self.ends.get(path)) else { break };
            let start = if path == 0 { 0 } else { self.ends[path - 1] + 1 };
            if self.name.matcher.is_match(self.scratch, &self.text[start..*end]) {
                found.push(*doc_idx);
            }
            next = end + 1;
        }
    }

    fn look_at_each(&mut self, found: &mut Vec<DocIdx>) {
        let mut start = 0;
        for (doc_idx, end) in self.docs.iter().zip(&self.ends) {
            if self.name.matcher.is_match(self.scratch, &self.text[start..*end]) {
                found.push(*doc_idx);
            }
            start = end + 1;
        }
    }
}

impl SkippedDocs {
    pub(crate) fn add(&mut self, reason: SkipReason) {
        match reason {
            SkipReason::Binary => self.n_binary += 1,
            SkipReason::TooLarge => self.n_too_large += 1,
            SkipReason::Unreadable => self.n_unreadable += 1,
        }
    }

    pub(crate) fn merge(&mut self, other: SkippedDocs) {
        self.n_binary += other.n_binary;
        self.n_too_large += other.n_too_large;
        self.n_unreadable += other.n_unreadable;
        self.n_without_symbols += other.n_without_symbols;
        self.n_symlinks += other.n_symlinks;
        self.n_submodules += other.n_submodules;
        self.n_unparsed += other.n_unparsed;
        self.n_changes_too_large += other.n_changes_too_large;
        self.n_changes_binary += other.n_changes_binary;
        self.n_changes_unreadable += other.n_changes_unreadable;
        self.n_changes_left_out += other.n_changes_left_out;
    }
}

impl BlobSet {
    pub(crate) fn contains(&self, blob: BlobIdx) -> bool {
        match self {
            BlobSet::All => true,
            BlobSet::Some(blobs) => blobs.contains(blob.0),
        }
    }

    pub(crate) fn is_all(&self) -> bool {
        matches!(self, BlobSet::All)
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, BlobSet::Some(blobs) if blobs.is_empty())
    }
}

impl PathHits {
    /// Looks for a term in the paths of the selected revisions.
    pub(crate) fn find(
        plan: &Plan,
        term: usize,
        repo: &RepoIndex,
        revisions: &Revisions,
    ) -> Result<Option<PathHits>, ReadError> {
        let term = &plan.terms[term];
        let Some(name) = term.name.as_ref().filter(|_| term.in_paths) else { return Ok(None) };
        let mut hits = PathHits {
            docs: BlockBitmap::empty(repo.ref_table.n_docs()),
            blobs: repo.segments.iter().map(|segment| BlockBitmap::empty(segment.n_blobs())).collect(),
            is_empty: true,
        };
        let table = &repo.ref_table;
        for doc_idx in name.with_scratch(|scratch| docs_at(name, scratch, table))? {
            let doc = table.doc(doc_idx)?;
            if revisions.admits(doc.revisions) {
                hits.insert(doc_idx, &doc);
            }
        }
        Ok((!hits.is_empty).then_some(hits))
    }

    fn insert(&mut self, doc_idx: DocIdx, doc: &Doc) {
        let Some((segment, blob)) = doc.blob else { return };
        self.is_empty = false;
        self.docs.insert(doc_idx.0);
        if let Some(blobs) = self.blobs.get_mut(usize::from(segment.0)) {
            blobs.insert(blob.0);
        }
    }

    pub(crate) fn has_doc(&self, doc: DocIdx) -> bool {
        self.docs.contains(doc.0)
    }

    pub(crate) fn blobs(&self, segment: SegmentOrdinal) -> Option<&BlockBitmap> {
        self.blobs.get(usize::from(segment.0))
    }
}

/// The documents at whose paths a pattern matches, in whatever revision.
fn docs_at(name: &NamePattern, scratch: &mut Scratch, table: &RefTable) -> Result<Vec<DocIdx>, ReadError> {
    let mut paths = Paths { name, scratch, text: Vec::new(), ends: Vec::new(), docs: Vec::new() };
    let groups = table.candidate_groups(&name.grams)?;
    let mut groups = groups.iter().peekable();
    let mut found = Vec::new();
    while let Some(group) = groups.next() {
        paths.add(table, *group)?;
        if paths.text.len() >= PATHS_BYTES || groups.peek().is_none() {
            paths.look(&mut found);
        }
    }
    Ok(found)
}

impl Admission {
    /// Nothing, for a repository whose content is not looked at.
    pub(crate) fn nothing() -> Admission {
        Admission { segments: Vec::new(), skipped: SkippedDocs::default() }
    }

    /// Everything in the selected revisions.
    pub(crate) fn of_revisions(repo: &RepoIndex, revisions: &Revisions) -> Result<Admission, ReadError> {
        Admission::build(repo, revisions, &GramQuery::All, |_, _, _| Verdict::Unknown)
    }

    /// What the tree does not rule out by path, language and path terms.
    pub(crate) fn of_tree(plan: &Plan, run: &RepoRun<'_>) -> Result<Admission, ReadError> {
        let RepoRun { node, repo, revisions, path_hits, owners, .. } = run;
        let mut scratches = Scratches::new(plan);
        Admission::build(repo, revisions, &path_grams(plan, node), |doc_idx, path, doc| {
            let verdict = node.eval::<std::convert::Infallible>(&mut |leaf| {
                Ok(match leaf {
                    Node::Term(term) => {
                        let in_path = path_hits[*term].as_ref().is_some_and(|hits| hits.has_doc(doc_idx));
                        let content = plan.terms[*term].content.as_ref();
                        let may_be_in_content = content.is_some_and(|content| content.reads(doc.language));
                        if in_path || !may_be_in_content { Some(in_path) } else { None }
                    }
                    other => Some(scratches.decides(plan, owners.as_ref(), other, path, doc)),
                })
            });
            match verdict {
                Ok(Some(false)) => Verdict::No,
                Ok(Some(true)) => Verdict::Yes,
                Ok(None) => Verdict::Unknown,
                Err(never) => match never {},
            }
        })
    }

    fn build(
        repo: &RepoIndex,
        revisions: &Revisions,
        grams: &GramQuery,
        mut judge: impl FnMut(DocIdx, &[u8], &Doc) -> Verdict,
    ) -> Result<Admission, ReadError> {
        let mut sets: Vec<BlockBitmap> =
            repo.segments.iter().map(|segment| BlockBitmap::empty(segment.n_blobs())).collect();
        let mut skipped = SkippedDocs::default();
        let mut fault = None;
        repo.ref_table.for_each_candidate(grams, &mut |doc_idx, path, doc| {
            if !revisions.admits(doc.revisions) {
                return true;
            }
            let verdict = judge(doc_idx, path, doc);
            if verdict == Verdict::Unknown {
                skipped.n_symlinks += u64::from(doc.kind == DocKind::Symlink);
                skipped.n_submodules += u64::from(doc.kind == DocKind::Submodule);
            }
            let Some((ordinal, blob)) = doc.blob else { return true };
            let (Some(set), Some(segment)) =
                (sets.get_mut(usize::from(ordinal.0)), repo.segments.get(usize::from(ordinal.0)))
            else {
                return true;
            };
            if verdict == Verdict::No {
                return true;
            }
            set.insert(blob.0);
            if verdict == Verdict::Unknown && doc.kind != DocKind::Symlink {
                match segment.blob(blob) {
                    Ok(meta) => meta.skip.into_iter().for_each(|reason| skipped.add(reason)),
                    Err(error) => fault = Some(error),
                }
            }
            fault.is_none()
        })?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        let segments = sets
            .into_iter()
            .map(|set| if set.count() == set.n_bits() { BlobSet::All } else { BlobSet::Some(set) });
        Ok(Admission { segments: segments.collect(), skipped })
    }
}

/// What path and metadata say of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    No,
    Yes,
    /// Its content decides.
    Unknown,
}

/// The reusable memory of the `file:` patterns of a plan.
#[derive(Debug)]
pub(crate) struct Scratches {
    files: Vec<Scratch>,
    terms: Vec<Scratch>,
}

impl Scratches {
    pub(crate) fn new(plan: &Plan) -> Self {
        Scratches {
            files: plan.files.iter().map(|_| Scratch::default()).collect(),
            terms: plan.terms.iter().map(|_| Scratch::default()).collect(),
        }
    }

    /// The answer of a leaf that path and metadata decide; `false` for any other.
    pub(crate) fn decides(
        &mut self,
        plan: &Plan,
        owners: Option<&OwnersView>,
        leaf: &Node,
        path: &[u8],
        doc: &Doc,
    ) -> bool {
        match leaf {
            Node::Language(language) => doc.language == *language,
            Node::Owner(who) => {
                owners.is_some_and(|view| view.owns(path, doc.revisions, plan.owners[*who].as_deref()))
            }
            Node::Paths(paths) => paths.contains(path),
            Node::File(file) => plan.files[*file].path.matcher.is_match(&mut self.files[*file], path),
            _ => false,
        }
    }

    /// What is shown in a path: where terms occur, or, where none does, what `file:` asked for. `is_in_none` says by term whether
    /// it is known to be in no path of the repository.
    pub(crate) fn ranges_in_path(&mut self, plan: &Plan, is_in_none: &[bool], path: &[u8]) -> Vec<ByteRange> {
        let mut ranges = Vec::new();
        for ((term, is_in_none), scratch) in plan.terms.iter().zip(is_in_none).zip(&mut self.terms) {
            let is_asked = term.in_paths && term.is_positive && !is_in_none;
            if let Some(name) = term.name.as_ref().filter(|_| is_asked) {
                ranges.extend(name.matcher.ranges(scratch, path));
            }
        }
        if ranges.is_empty() {
            for (file, scratch) in plan.files.iter().zip(&mut self.files).filter(|(file, _)| file.is_positive)
            {
                ranges.extend(file.path.matcher.ranges(scratch, path));
            }
        }
        shown_ranges(ranges)
    }

    /// Whether a term occurs in a path.
    pub(crate) fn term_in_path(&mut self, plan: &Plan, term: usize, path: &[u8]) -> bool {
        let scratch = &mut self.terms[term];
        let name = plan.terms[term].name.as_ref().filter(|_| plan.terms[term].in_paths);
        name.is_some_and(|name| name.matcher.is_match(scratch, path))
    }
}

/// What every admitted path must hold.
pub(crate) fn path_grams(plan: &Plan, node: &Node) -> GramQuery {
    match node {
        Node::Const(false) => GramQuery::None,
        Node::File(file) => plan.files[*file].path.grams.clone(),
        Node::Term(term) => match (&plan.terms[*term].content, &plan.terms[*term].name) {
            (None, Some(name)) => name.grams.clone(),
            _ => GramQuery::All,
        },
        Node::And(inner) => GramQuery::and(inner.iter().map(|node| path_grams(plan, node))),
        Node::Or(inner) => GramQuery::or(inner.iter().map(|node| path_grams(plan, node))),
        _ => GramQuery::All,
    }
}
