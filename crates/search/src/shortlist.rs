//! Which of the chosen repositories a search takes up: those that their sketches do not rule out.
//!
//! A repository that is passed over is one of which a search would have found, after looking its grams up, that it has no
//! candidate: it adds to an answer what it would have added then, which is the account of its documents that cannot be
//! searched, and nothing else.

use crate::Snapshot;
use crate::admission::SkippedDocs;
use crate::catalog::Published;
use crate::limits::Watch;
use crate::pattern::ContentPattern;
use crate::plan::Plan;
use crate::sketch::{Sketches, Slot};
use crate::tree::Node;
use model::AccessSet;
use ngram::GramQuery;

/// Queries with more grams are not asked of sketches: reading them would take longer than it may spare.
const LEAVES_MAX: usize = 16 << 10;

/// The repositories that a search looks at.
#[derive(Debug)]
pub(crate) struct Shortlist<'s> {
    /// In the order of the search.
    pub(crate) taken: Vec<Taken<'s>>,
    /// Documents that cannot be searched, by the place of the repository they are in, which is passed over. Ascending.
    pub(crate) passed: Vec<(u32, SkippedDocs)>,
}

/// A repository to take up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken<'s> {
    /// Its place among the chosen ones.
    pub(crate) ordinal: u32,
    pub(crate) published: &'s Published,
    /// Where its sketch stands, where that is to be asked when it is taken up.
    pub(crate) slot: Option<Slot>,
}

impl<'s> Shortlist<'s> {
    /// Asks the sketches of the chosen repositories. What others hold is not looked at.
    pub(crate) fn new(
        plan: &Plan,
        snapshot: &Snapshot,
        access: &AccessSet,
        chosen: &[&'s Published],
        watch: &Watch,
    ) -> Shortlist<'s> {
        let sketches = snapshot.sketches();
        let mut shortlist = Shortlist { taken: Vec::new(), passed: Vec::new() };
        let is_known_before = !plan.reads_for_repos();
        if sketches.n_groups() == 0 || !may_ask_sketches(plan) {
            let take = |(ordinal, published): (u32, &&'s Published)| Taken { ordinal, published, slot: None };
            shortlist.taken.extend((0..).zip(chosen).map(take));
            return shortlist;
        }
        // SECURITY: only the columns of these repositories, which the caller may read, are ever looked at.
        let slots = snapshot.slots(access, chosen);
        let mut bounds = Vec::new();
        if is_known_before {
            let mut asked = vec![0; sketches.n_groups()];
            slots.iter().flatten().for_each(|slot| asked[slot.group as usize] |= slot.bit());
            let bound = |(group, asked)| match watch.stop() {
                None => Bounds::of(plan, &plan.root, sketches, group, asked),
                Some(_) => Bounds { by_path: asked, by_text: asked },
            };
            bounds = (0..).zip(asked).map(bound).collect();
        }
        let asks_paths = asks_paths(plan, &plan.root);
        for ((ordinal, published), slot) in (0..).zip(chosen.iter().copied()).zip(slots) {
            let bound = slot.and_then(|slot| Some(bounds.get(slot.group as usize)?.of_one(slot)));
            match bound.and_then(|bound| bound.passes(published, asks_paths)) {
                None => {
                    let slot = slot.filter(|_| !is_known_before);
                    shortlist.taken.push(Taken { ordinal, published, slot });
                }
                Some(skipped) if skipped == SkippedDocs::default() => {}
                Some(skipped) => shortlist.passed.push((ordinal, skipped)),
            }
        }
        shortlist
    }
}

/// What of its documents cannot be searched, if no document of a repository satisfies the tree, which is what is left of the
/// plan's; `None` where one may.
pub(crate) fn passes(
    plan: &Plan,
    node: &Node,
    sketches: &Sketches,
    taken: &Taken<'_>,
) -> Option<SkippedDocs> {
    let slot = taken.slot.filter(|_| plan.wants_documents && plan.symbols.is_none())?;
    Bounds::of(plan, node, sketches, slot.group, slot.bit()).passes(taken.published, asks_paths(plan, node))
}

/// Whether no document of a repository satisfies a plan, in whatever revision.
pub(crate) fn has_nothing(plan: &Plan, sketches: &Sketches, slot: Slot) -> bool {
    Bounds::of(plan, &plan.root, sketches, slot.group, slot.bit()).by_text == 0
}

/// What sketches say of repositories of one group.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Those that may have a document at an admitted path.
    by_path: u64,
    /// Those of them that may hold what has to be held, wherever it stands.
    by_text: u64,
}

impl Bounds {
    fn of(plan: &Plan, node: &Node, sketches: &Sketches, group: u32, asked: u64) -> Bounds {
        let by_path = Asking { plan, sketches, group, what: What::Paths }.bound(node, asked);
        let by_text = Asking { plan, sketches, group, what: What::Texts }.bound(node, by_path);
        Bounds { by_path, by_text }
    }

    fn of_one(self, slot: Slot) -> Bounds {
        Bounds { by_path: self.by_path & slot.bit(), by_text: self.by_text & slot.bit() }
    }

    /// As [`passes`], of bounds of one repository.
    fn passes(self, published: &Published, asks_paths: bool) -> Option<SkippedDocs> {
        match (self.by_path, self.by_text) {
            // No document is admitted.
            (0, _) => Some(SkippedDocs::default()),
            // Which documents are admitted is only known without reading paths where these are not asked about.
            (_, 0) => {
                let skipped = published.default_blobs.get()?.skipped;
                (!asks_paths || skipped == SkippedDocs::default()).then_some(skipped)
            }
            _ => None,
        }
    }
}

/// Which leaves are asked, all others being taken to hold. The two are not asked together: where a document is ruled out by
/// its path in one branch of a disjunction and by its text in another, blocks would be read before it is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Paths,
    Texts,
}

struct Asking<'a> {
    plan: &'a Plan,
    sketches: &'a Sketches,
    group: u32,
    what: What,
}

impl Asking<'_> {
    /// An upper bound of those of the asked repositories in which the tree may hold for a document.
    fn bound(&self, node: &Node, asked: u64) -> u64 {
        match node {
            Node::Const(value) => {
                if *value {
                    asked
                } else {
                    0
                }
            }
            Node::Term(term) => self.term(*term, asked),
            Node::File(file) if self.what == What::Paths => {
                self.holding(&self.plan.files[*file].path.grams, asked)
            }
            Node::And(inner) => inner.iter().fold(asked, |left, node| match left {
                0 => 0,
                left => self.bound(node, left),
            }),
            Node::Or(inner) => inner.iter().fold(0, |found, node| match asked & !found {
                0 => found,
                left => found | self.bound(node, left),
            }),
            // A negation holds where something is not there, which sketches do not tell.
            _ => asked,
        }
    }

    fn term(&self, term: usize, asked: u64) -> u64 {
        let term = &self.plan.terms[term];
        let name = term.name.as_ref().filter(|_| term.in_paths);
        match (&term.content, name) {
            (Some(_), _) if self.what == What::Paths => asked,
            (Some(content), name) => {
                let found = self.holding(&content.grams, asked);
                name.map_or(found, |name| found | self.holding(&name.grams, asked & !found))
            }
            (None, Some(name)) => self.holding(&name.grams, asked),
            (None, None) => asked,
        }
    }

    fn holding(&self, query: &GramQuery, asked: u64) -> u64 {
        self.sketches.holding(self.group, query, asked)
    }
}

/// Whether sketches may decide anything of this search, and all of what a repository without a candidate adds is known
/// without taking it up.
fn may_ask_sketches(plan: &Plan) -> bool {
    let terms = plan.terms.iter();
    let content =
        terms.clone().filter_map(|term| term.content.as_ref()).map(|content| content.grams.n_leaves());
    let names = terms.filter_map(|term| term.name.as_ref()).map(|name| name.grams.n_leaves());
    let files = plan.files.iter().map(|file| file.path.grams.n_leaves());
    let n_leaves: usize = content.chain(names).chain(files).sum();
    // Those that lack a revision are told, and those that lack what is asked of a repository: either they were not chosen,
    // or nothing is asked.
    let is_plain = !plan.asks_revisions()
        && plan.contributors.is_empty()
        && (plan.has_repo_conditions() || !asks_repos(&plan.root))
        && n_leaves <= LEAVES_MAX;
    // Definitions are counted as work where they are gone through.
    is_plain && ((n_leaves > 0 && plan.wants_documents && plan.symbols.is_none()) || plan.reads_for_repos())
}

/// Whether anything is asked that a repository answers for all its documents.
fn asks_repos(root: &Node) -> bool {
    let mut asks = false;
    root.each_leaf(false, &mut |leaf, _| {
        asks |= matches!(leaf, Node::Repo(_) | Node::RepoHas(_) | Node::Listed(_) | Node::Trait(_));
    });
    asks
}

/// Whether paths or languages may decide which documents are admitted.
fn asks_paths(plan: &Plan, node: &Node) -> bool {
    let mut asks = false;
    node.each_leaf(false, &mut |leaf, _| {
        asks |= match leaf {
            Node::Term(term) => plan.terms[*term].content.as_ref().is_none_or(ContentPattern::is_structural),
            Node::Const(_) | Node::Repo(_) | Node::RepoHas(_) | Node::Listed(_) | Node::Trait(_) => false,
            _ => true,
        };
    });
    asks
}
