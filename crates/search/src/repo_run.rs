//! One repository as one query sees it: the tree simplified, revisions chosen, admission decided, grams looked up.

use crate::admission::{Admission, PathHits};
use crate::catalog::Published;
use crate::matcher::Scratch;
use crate::pattern::Scope;
use crate::plan::Plan;
use crate::revisions::Revisions;
use crate::tree::Node;
use crate::{RepoIndex, lines};
use index::{Granularity, Prepared, RawText, ReadError, SegmentOrdinal};
use model::{ByteRange, RepoName};
use std::sync::Arc;

/// A repository's part of a search. Lives as long as the snapshot it was taken from.
#[derive(Debug)]
pub(crate) struct RepoRun<'s> {
    /// Its place in the order of the search.
    pub(crate) ordinal: u32,
    pub(crate) repo: &'s RepoIndex,
    /// What is left to ask of documents.
    pub(crate) node: Node,
    pub(crate) revisions: Revisions,
    pub(crate) admission: Arc<Admission>,
    /// By term; `None` where no path holds it.
    pub(crate) path_hits: Vec<Option<PathHits>>,
    /// The terms that are looked for in content, ascending: those that decide, and those that are shown wherever a
    /// document matches. Empty where paths and metadata decide alone.
    pub(crate) content_terms: Vec<usize>,
    /// By segment, then by term.
    pub(crate) prepared: Vec<Vec<Option<Prepared<'s>>>>,
    /// By segment: the raw sidecar, where there was one when the search came by.
    pub(crate) raw: Vec<Option<Arc<RawText>>>,
}

impl<'s> RepoRun<'s> {
    /// Prepares a repository. `None` where nothing in it can be found.
    pub(crate) fn new(
        plan: &Plan,
        published: &'s Published,
        ordinal: u32,
    ) -> Result<Option<RepoRun<'s>>, ReadError> {
        let repo: &'s RepoIndex = &published.repo;
        let conditions = conditions_of(plan, &repo.name);
        let node = plan.root.fold(&mut |leaf| match leaf {
            Node::Repo(condition) => Some(conditions[*condition]),
            _ => None,
        });
        if node == Node::Const(false) {
            return Ok(None);
        }
        let Some(revisions) =
            Revisions::select(plan, repo, &published.asked, |condition| conditions[condition])?
        else {
            return Ok(None);
        };
        let content_terms = content_terms(plan, &node);
        let mut run = RepoRun {
            ordinal,
            repo,
            node,
            revisions,
            admission: Arc::new(Admission::nothing()),
            path_hits: plan.terms.iter().map(|_| None).collect(),
            content_terms,
            prepared: Vec::new(),
            raw: repo.segments.iter().map(|segment| segment.raw()).collect(),
        };
        if !run.content_terms.is_empty() {
            run.prepare_content(plan, published)?;
        }
        Ok(Some(run))
    }

    /// Whether paths and metadata decide alone: then documents are listed, not searched.
    pub(crate) fn is_listing(&self) -> bool {
        self.content_terms.is_empty()
    }

    fn prepare_content(&mut self, plan: &Plan, published: &'s Published) -> Result<(), ReadError> {
        let mut terms = Vec::new();
        let mut asks_paths = false;
        self.node.each_leaf(false, &mut |leaf, _| match leaf {
            Node::Term(term) => {
                asks_paths |= plan.terms[*term].content.is_none();
                terms.push(*term);
            }
            Node::Const(_) => {}
            _ => asks_paths = true,
        });
        for term in terms {
            self.path_hits[term] = PathHits::find(plan, term, self.repo, &self.revisions)?;
        }
        self.admission = if asks_paths {
            Arc::new(Admission::of_tree(plan, &self.node, self.repo, &self.revisions, &self.path_hits)?)
        } else if self.revisions.is_default {
            match published.default_blobs.get() {
                Some(admission) => Arc::clone(admission),
                None => {
                    let admission = Arc::new(Admission::of_revisions(self.repo, &self.revisions)?);
                    Arc::clone(published.default_blobs.get_or_init(|| admission))
                }
            }
        } else {
            Arc::new(Admission::of_revisions(self.repo, &self.revisions)?)
        };
        for (segment, admitted) in self.repo.segments.iter().zip(&self.admission.segments) {
            let mut by_term: Vec<Option<Prepared<'s>>> = plan.terms.iter().map(|_| None).collect();
            if !admitted.is_empty() {
                for term in &self.content_terms {
                    if let Some(content) = &plan.terms[*term].content {
                        let granularity = match content.scope {
                            Scope::Line => Granularity::Block,
                            Scope::Document => Granularity::Blob,
                        };
                        by_term[*term] = Some(segment.prepare(&content.grams, granularity)?);
                    }
                }
            }
            self.prepared.push(by_term);
        }
        Ok(())
    }

    /// Whether a path of some blob in this segment holds the term.
    pub(crate) fn path_blobs(&self, term: usize, segment: SegmentOrdinal) -> Option<&index::BlockBitmap> {
        self.path_hits[term].as_ref().and_then(|hits| hits.blobs(segment))
    }
}

fn content_terms(plan: &Plan, node: &Node) -> Vec<usize> {
    let mut is_asked = vec![false; plan.terms.len()];
    node.each_leaf(false, &mut |leaf, _| {
        if let Node::Term(term) = leaf {
            is_asked[*term] = true;
        }
    });
    let of_content = |term: &usize| {
        let plan_term = &plan.terms[*term];
        plan_term.content.is_some() && (plan_term.is_positive || is_asked[*term])
    };
    (0..plan.terms.len()).filter(of_content).collect()
}

/// Whether the `repo:` filters leave anything to find in a repository of this name.
pub(crate) fn could_match_repo(plan: &Plan, name: &RepoName) -> bool {
    if plan.repos.is_empty() {
        return true;
    }
    let conditions = conditions_of(plan, name);
    let rest = plan.root.fold(&mut |leaf| match leaf {
        Node::Repo(condition) => Some(conditions[*condition]),
        _ => None,
    });
    rest != Node::Const(false)
}

/// The answers of the `repo:` filters for one repository.
pub(crate) fn conditions_of(plan: &Plan, name: &RepoName) -> Vec<bool> {
    let name = name.as_str().as_bytes();
    plan.repos
        .iter()
        .map(|condition| condition.name.matcher.is_match(&mut Scratch::default(), name))
        .collect()
}

/// Whether the repository itself is a result: its name matches the tree, and a term occurs in it where the query has
/// terms. Gives the ranges to show.
pub(crate) fn match_repo_name(plan: &Plan, repo: &RepoIndex) -> Option<Vec<ByteRange>> {
    let name = repo.name.as_str().as_bytes();
    let conditions = conditions_of(plan, &repo.name);
    let mut scratch: Vec<Scratch> = plan.terms.iter().map(|_| Scratch::default()).collect();
    let mut hits = Vec::new();
    for (term, scratch) in plan.terms.iter().zip(&mut scratch) {
        if let Some(pattern) = term.name.as_ref().filter(|_| term.is_positive) {
            hits.extend(
                pattern.matcher.ranges(scratch, name).into_iter().map(|range| (range.start, range.end)),
            );
        }
    }
    if hits.is_empty() && !plan.terms.is_empty() {
        return None;
    }
    let verdict = plan.root.fold(&mut |leaf| match leaf {
        Node::Repo(condition) => Some(conditions[*condition]),
        Node::Term(term) => {
            let pattern = plan.terms[*term].name.as_ref();
            Some(pattern.is_some_and(|pattern| pattern.matcher.is_match(&mut scratch[*term], name)))
        }
        _ => Some(false),
    });
    if verdict != Node::Const(true) {
        return None;
    }
    if plan.terms.is_empty() {
        for condition in plan.repos.iter().filter(|condition| condition.is_positive) {
            let ranges = condition.name.matcher.ranges(&mut Scratch::default(), name);
            hits.extend(ranges.into_iter().map(|range| (range.start, range.end)));
        }
    }
    lines::merge(&mut hits);
    Some(hits.into_iter().filter(|(start, end)| start < end).map(|(start, end)| start..end).collect())
}
