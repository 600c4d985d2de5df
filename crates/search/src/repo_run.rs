//! One repository as one query sees it: the tree simplified, revisions chosen, admission decided, grams looked up.

use crate::admission::{Admission, PathHits};
use crate::catalog::Published;
use crate::definers::Definers;
use crate::owners::OwnersView;
use crate::pattern::{ContentPattern, NamePattern, Scope};
use crate::plan::Plan;
use crate::recency::Recency;
use crate::revisions::Revisions;
use crate::tree::Node;
use crate::{RepoIndex, lines};
use index::{Granularity, Prepared, RawText, ReadError, RevSetIdx, SegmentOrdinal};
use model::{ByteRange, RepoName};
use std::sync::{Arc, OnceLock};

/// A repository's part of a search. Lives as long as the snapshot it was taken from.
#[derive(Debug)]
pub(crate) struct RepoRun<'s> {
    /// Its place in the order of the search.
    pub(crate) ordinal: u32,
    pub(crate) repo: &'s RepoIndex,
    /// What is left to ask of documents.
    pub(crate) node: Node,
    pub(crate) revisions: Arc<Revisions>,
    /// Who owns what, where the query asks for it.
    pub(crate) owners: Option<OwnersView>,
    pub(crate) admission: Arc<Admission>,
    /// By term; `None` where no path holds it.
    pub(crate) path_hits: Vec<Option<PathHits>>,
    /// By term: whether it was looked for in all paths and is in none.
    pub(crate) is_in_no_path: Vec<bool>,
    /// The terms that are looked for in content, ascending: those that decide, and those that are shown wherever a
    /// document matches. Empty where paths and metadata decide alone.
    pub(crate) content_terms: Vec<usize>,
    /// By segment, then by term.
    pub(crate) prepared: Vec<Vec<Option<Prepared<'s>>>>,
    /// By segment: the raw sidecar, where there was one when the search came by.
    pub(crate) raw: Vec<Option<Arc<RawText>>>,
    /// What defines what the query names.
    pub(crate) definers: Definers,
    /// How young documents are; found out when the first is shown.
    recency: OnceLock<Recency>,
}

impl<'s> RepoRun<'s> {
    /// Prepares a repository of which only conditions on documents are left to ask.
    pub(crate) fn of(
        plan: &Plan,
        published: &'s Published,
        ordinal: u32,
        node: Node,
        revisions: Arc<Revisions>,
    ) -> Result<RepoRun<'s>, ReadError> {
        let repo: &'s RepoIndex = &published.repo;
        let content_terms = content_terms(plan, &node);
        let owners = owners_of(plan, published, &revisions)?;
        let mut run = RepoRun {
            ordinal,
            repo,
            node,
            revisions,
            owners,
            admission: Arc::new(Admission::nothing()),
            path_hits: plan.terms.iter().map(|_| None).collect(),
            is_in_no_path: vec![false; plan.terms.len()],
            content_terms,
            prepared: Vec::new(),
            raw: repo.segments.iter().map(|segment| segment.raw()).collect(),
            definers: Definers::default(),
            recency: OnceLock::new(),
        };
        if !run.content_terms.is_empty() {
            run.prepare_content(plan, published)?;
            if run.has_candidates() {
                run.definers = Definers::find(plan, repo)?;
            }
        }
        Ok(run)
    }

    /// A repository of which only definitions are looked at: no posting list of the text is asked.
    pub(crate) fn bare(
        plan: &Plan,
        published: &'s Published,
        ordinal: u32,
        node: Node,
        revisions: Arc<Revisions>,
    ) -> Result<RepoRun<'s>, ReadError> {
        let owners = owners_of(plan, published, &revisions)?;
        Ok(RepoRun {
            ordinal,
            repo: &published.repo,
            node,
            revisions,
            owners,
            admission: Arc::new(Admission::nothing()),
            path_hits: plan.terms.iter().map(|_| None).collect(),
            is_in_no_path: vec![false; plan.terms.len()],
            content_terms: Vec::new(),
            prepared: Vec::new(),
            raw: Vec::new(),
            definers: Definers::default(),
            recency: OnceLock::new(),
        })
    }

    /// How young a document of these revisions is, from 0 to 1; see [`crate::recency`].
    pub(crate) fn recency(&self, set: RevSetIdx, now_seconds: i64) -> Result<f64, ReadError> {
        if let Some(recency) = self.recency.get() {
            return Ok(recency.signal(set));
        }
        let recency = Recency::of(&self.repo.ref_table, &self.revisions, now_seconds)?;
        Ok(self.recency.get_or_init(|| recency).signal(set))
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
                // The language, which a structural pattern depends on, stands with the path.
                asks_paths |= plan.terms[*term].content.as_ref().is_none_or(ContentPattern::is_structural);
                terms.push(*term);
            }
            Node::Const(_) => {}
            _ => asks_paths = true,
        });
        for term in terms {
            self.path_hits[term] = PathHits::find(plan, term, self.repo, &self.revisions)?;
            self.is_in_no_path[term] = self.path_hits[term].is_none();
        }
        self.admission = if asks_paths {
            Arc::new(Admission::of_tree(plan, self)?)
        } else if self.revisions.is_default {
            published.admit_default(&self.revisions)?
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

    /// Whether a term may occur anywhere, or the tree may hold without one.
    fn has_candidates(&self) -> bool {
        let may_hold = |term: usize| {
            let prepared = self.prepared.iter().filter_map(|by_term| by_term[term].as_ref());
            self.path_hits[term].is_some() || prepared.clone().any(|prepared| !prepared.is_nothing())
        };
        !matches!(
            self.node.eval::<std::convert::Infallible>(&mut |leaf| {
                Ok(match leaf {
                    Node::Term(term) if !may_hold(*term) => Some(false),
                    _ => None,
                })
            }),
            Ok(Some(false))
        )
    }

    /// Whether a path of some blob in this segment holds the term.
    pub(crate) fn path_blobs(&self, term: usize, segment: SegmentOrdinal) -> Option<&index::BlockBitmap> {
        self.path_hits[term].as_ref().and_then(|hits| hits.blobs(segment))
    }
}

/// Who owns what in these revisions, where the query asks for it.
fn owners_of(
    plan: &Plan,
    published: &Published,
    revisions: &Revisions,
) -> Result<Option<OwnersView>, ReadError> {
    let read = || OwnersView::of(&published.repo, &published.owners, revisions.selected());
    plan.reads_owners().then(read).transpose()
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

/// What is known of a repository without reading its index.
#[derive(Debug)]
pub(crate) struct RepoFacts<'n> {
    name: &'n RepoName,
    conditions: Vec<bool>,
}

impl<'n> RepoFacts<'n> {
    pub(crate) fn of(plan: &Plan, name: &'n RepoName) -> Self {
        RepoFacts { name, conditions: conditions_of(plan, name) }
    }

    /// The revisions of the repository that the query selects; `None` where it has none of them.
    pub(crate) fn revisions(
        &self,
        plan: &Plan,
        published: &Published,
    ) -> Result<Option<Arc<Revisions>>, ReadError> {
        if !plan.asks_revisions() {
            return published.default_revisions();
        }
        let is_matching = |condition: usize| self.conditions[condition];
        let selected = Revisions::select(plan, &published.repo, &published.asked, is_matching)?;
        Ok(selected.map(Arc::new))
    }

    /// The tree, with the answers of what is decided for all documents of the repository. Of one that is not searchable
    /// yet only the name is known.
    pub(crate) fn fold(&self, plan: &Plan, repo: Option<&RepoIndex>) -> Node {
        plan.root.fold(&mut |leaf| self.answer(plan, repo, leaf))
    }

    fn answer(&self, plan: &Plan, repo: Option<&RepoIndex>, leaf: &Node) -> Option<bool> {
        match leaf {
            Node::Repo(condition) => Some(self.conditions[*condition]),
            Node::RepoHas(predicate) => plan.repo_has[*predicate].of_repo(repo?),
            Node::Listed(list) => Some(plan.lists[*list].contains(self.name.as_str())),
            Node::Trait(asked) => Some(asked.holds(repo?)),
            _ => None,
        }
    }
}

/// Whether the conditions on repositories leave anything to find in this one.
pub(crate) fn could_match_repo(plan: &Plan, repo: &RepoIndex) -> bool {
    if !plan.has_repo_conditions() {
        return true;
    }
    RepoFacts::of(plan, &repo.name).fold(plan, Some(repo)) != Node::Const(false)
}

/// Likewise for one that is not searchable yet.
pub(crate) fn could_match_pending(plan: &Plan, name: &RepoName) -> bool {
    !plan.has_repo_conditions() || RepoFacts::of(plan, name).fold(plan, None) != Node::Const(false)
}

/// The answers of the `repo:` filters for one repository.
pub(crate) fn conditions_of(plan: &Plan, name: &RepoName) -> Vec<bool> {
    let name = name.as_str().as_bytes();
    plan.repos
        .iter()
        .map(|condition| {
            condition.name.with_scratch(|scratch| condition.name.matcher.is_match(scratch, name))
        })
        .collect()
}

/// How a repository's name matches.
#[derive(Debug)]
pub(crate) struct NameHit {
    /// What it depends on still: predicates alone.
    pub(crate) node: Node,
    /// What is shown in the name.
    pub(crate) ranges: Vec<ByteRange>,
}

/// Whether the repository itself may be a result: its name matches the tree, and a term occurs in it where the query
/// has terms.
pub(crate) fn match_repo_name(plan: &Plan, repo: &RepoIndex) -> Option<NameHit> {
    let name = repo.name.as_str().as_bytes();
    let mut hits = Vec::new();
    for term in &plan.terms {
        if let Some(pattern) = term.name.as_ref().filter(|one| term.is_positive && one.may_match(name)) {
            let ranges = pattern.with_scratch(|scratch| pattern.matcher.ranges(scratch, name));
            hits.extend(ranges.into_iter().map(|range| (range.start, range.end)));
        }
    }
    if hits.is_empty() && !plan.terms.is_empty() {
        return None;
    }
    let facts = RepoFacts::of(plan, &repo.name);
    let node = plan.root.fold(&mut |leaf| match leaf {
        Node::Term(term) => {
            let pattern = plan.terms[*term].name.as_ref();
            let is_match = |pattern: &NamePattern| {
                pattern.may_match(name)
                    && pattern.with_scratch(|scratch| pattern.matcher.is_match(scratch, name))
            };
            Some(pattern.is_some_and(is_match))
        }
        Node::Const(value) => Some(*value),
        Node::RepoHas(_) => facts.answer(plan, Some(repo), leaf),
        leaf => Some(facts.answer(plan, Some(repo), leaf).unwrap_or(false)),
    });
    if node == Node::Const(false) {
        return None;
    }
    if plan.terms.is_empty() {
        for condition in plan.repos.iter().filter(|condition| condition.is_positive && !condition.in_context)
        {
            let pattern = &condition.name;
            let ranges = pattern.with_scratch(|scratch| pattern.matcher.ranges(scratch, name));
            hits.extend(ranges.into_iter().map(|range| (range.start, range.end)));
        }
    }
    lines::merge(&mut hits);
    let ranges = hits.into_iter().filter(|(start, end)| start < end).map(|(start, end)| start..end).collect();
    Some(NameHit { node, ranges })
}
