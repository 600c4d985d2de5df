//! `repo:has.…(…)`: conditions on one repository, decided before its documents are looked at.
//!
//! What is said of a repository costs nothing. What asks for a file is a small search of its own through the same index,
//! in the revisions that the query selects, and ends at the first file. Only predicates on which the rest of the tree still
//! depends are asked, the cheaper ones first.

use crate::admission::path_grams;
use crate::batch::Context;
use crate::catalog::Published;
use crate::chunk::candidates;
use crate::matcher::Scratch;
use crate::pattern::NamePattern;
use crate::plan::{Compiler, FileCondition, Plan};
use crate::repo_run::RepoRun;
use crate::revisions::Revisions;
use crate::scan::Scanner;
use crate::shortlist::has_nothing;
use crate::sketch::Slot;
use crate::structural::Coverage;
use crate::tree::Node;
use crate::{RepoIndex, SearchError};
use index::{ChunkIdx, GroupIdx, ReadError, SegmentOrdinal};
use model::ByteRange;
use query::{Filter, RepoPredicate};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How often the clock is looked at while paths are listed.
const GROUPS_PER_LOOK: usize = 64;

/// A predicate, compiled.
#[derive(Debug)]
pub(crate) struct RepoHas {
    /// As the query has it.
    pub(crate) text: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Description(NamePattern),
    Topic(String),
    Meta {
        key: String,
        value: Option<String>,
    },
    /// Whether something was committed after this, in seconds since 1970.
    CommitAfter(i64),
    /// Whether some document satisfies a tree of its own.
    SomeFile(Box<Plan>),
}

impl RepoHas {
    /// Whether it takes more than what is said of the repository.
    pub(crate) fn is_costly(&self) -> bool {
        matches!(self.kind, Kind::SomeFile(_))
    }

    /// What to ask first: words, then paths, then content.
    fn cost(&self) -> u32 {
        match &self.kind {
            Kind::Description(_) | Kind::Topic(_) | Kind::Meta { .. } | Kind::CommitAfter(_) => 0,
            Kind::SomeFile(plan) if plan.terms.is_empty() => 1,
            Kind::SomeFile(plan) if !plan.files.is_empty() => 2,
            Kind::SomeFile(_) => 3,
        }
    }

    /// The answer where what is known of the repository decides.
    pub(crate) fn of_repo(&self, repo: &RepoIndex) -> Option<bool> {
        let about = &repo.about;
        match &self.kind {
            Kind::Description(pattern) => {
                let text = about.description.as_bytes();
                let is_match = |scratch: &mut Scratch| pattern.matcher.is_match(scratch, text);
                Some(!text.is_empty() && pattern.with_scratch(is_match))
            }
            Kind::Topic(topic) => Some(about.topics.iter().any(|known| same_word(known, topic))),
            Kind::Meta { key, value: None } => Some(about.metadata.contains_key(key)),
            Kind::Meta { key, value: Some(value) } => {
                let known = about.metadata.get(key);
                Some(known.is_some_and(|known| known.as_deref().unwrap_or_default() == value))
            }
            Kind::CommitAfter(seconds) => Some(repo.youngest_seconds().is_some_and(|at| at > *seconds)),
            Kind::SomeFile(_) => None,
        }
    }
}

/// Topics are words: no host tells upper from lower case in them.
fn same_word(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || left.to_lowercase() == right.to_lowercase()
}

impl Compiler<'_> {
    /// Compiles a predicate.
    pub(crate) fn repo_has(
        &mut self,
        predicate: &RepoPredicate,
        filter: &Filter,
    ) -> Result<RepoHas, SearchError> {
        let span: ByteRange = filter.value_span.into();
        let kind = match predicate {
            RepoPredicate::Path(path) => self.some_file(Some(path.as_str()), None, &span)?,
            RepoPredicate::Content(content) => self.some_file(None, Some(content.as_str()), &span)?,
            RepoPredicate::File { path, content } => {
                let (path, content) = (path.as_ref(), content.as_ref());
                self.some_file(path.map(query::Regex::as_str), content.map(query::Regex::as_str), &span)?
            }
            RepoPredicate::Description(regex) => {
                self.n_inner += 1;
                Kind::Description(self.name_condition(regex.as_str(), &span)?)
            }
            RepoPredicate::Topic(topic) => Kind::Topic(topic.clone()),
            RepoPredicate::Meta { key, value } => Kind::Meta { key: key.clone(), value: value.clone() },
            RepoPredicate::CommitAfter(date) => Kind::CommitAfter(date.resolve(self.now_seconds)),
        };
        Ok(RepoHas { text: filter.to_string(), kind })
    }

    fn some_file(
        &mut self,
        path: Option<&str>,
        content: Option<&str>,
        span: &ByteRange,
    ) -> Result<Kind, SearchError> {
        let (mut nodes, mut files, mut terms) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(path) = path {
            let text = path.to_owned();
            files.push(FileCondition { text, path: self.name_condition(path, span)?, is_positive: false });
            nodes.push(Node::File(0));
        }
        if let Some(content) = content {
            terms.push(self.condition(content, span)?);
            nodes.push(Node::Term(0));
        }
        self.n_inner += nodes.len();
        Ok(Kind::SomeFile(Box::new(Plan::asking(Node::and(nodes), terms, files))))
    }
}

/// The memory that a thread reuses from repository to repository, by predicate.
pub(crate) type FileScanners = Vec<Option<Box<Scanner>>>;

/// The predicates of one query, asked of one repository. Remembers what it was told.
pub(crate) struct Predicates<'a, 'q, 's> {
    context: &'a Context<'q>,
    published: &'s Published,
    slot: Option<Slot>,
    /// The searched revisions; `None` where the repository has none of them: then it has no file.
    revisions: Option<&'a Arc<Revisions>>,
    scanners: &'a mut FileScanners,
    answers: Vec<Option<bool>>,
    /// How many blocks were read for it.
    pub(crate) n_blocks: u64,
}

impl<'a, 'q, 's> Predicates<'a, 'q, 's> {
    pub(crate) fn new(
        context: &'a Context<'q>,
        published: &'s Published,
        slot: Option<Slot>,
        revisions: Option<&'a Arc<Revisions>>,
        scanners: &'a mut FileScanners,
    ) -> Self {
        let answers = vec![None; context.plan.repo_has.len()];
        scanners.resize_with(answers.len(), || None);
        Predicates { context, published, slot, revisions, scanners, answers, n_blocks: 0 }
    }

    /// The tree with every predicate answered that it depends on. `None` where the search was called off meanwhile.
    pub(crate) fn decide(&mut self, mut node: Node) -> Result<Option<Node>, ReadError> {
        loop {
            let mut next: Option<(u32, usize)> = None;
            node.each_leaf(false, &mut |leaf, _| {
                if let Node::RepoHas(predicate) = leaf {
                    let candidate = (self.context.plan.repo_has[*predicate].cost(), *predicate);
                    next = Some(next.map_or(candidate, |known| known.min(candidate)));
                }
            });
            let Some((_, predicate)) = next else { return Ok(Some(node)) };
            let Some(answer) = self.answer(predicate)? else { return Ok(None) };
            node = node.fold(&mut |leaf| (*leaf == Node::RepoHas(predicate)).then_some(answer));
        }
    }

    fn answer(&mut self, predicate: usize) -> Result<Option<bool>, ReadError> {
        if let Some(answer) = self.answers[predicate] {
            return Ok(Some(answer));
        }
        let answer = match &self.context.plan.repo_has[predicate].kind {
            Kind::SomeFile(asking) => self.some_file(predicate, asking)?,
            _ => self.context.plan.repo_has[predicate].of_repo(&self.published.repo),
        };
        self.answers[predicate] = answer;
        Ok(answer)
    }

    /// Whether some document satisfies the plan. `None` where the search was called off meanwhile.
    fn some_file(&mut self, predicate: usize, plan: &'a Plan) -> Result<Option<bool>, ReadError> {
        let Some(revisions) = self.revisions else { return Ok(Some(false)) };
        if self.slot.is_some_and(|slot| has_nothing(plan, self.context.sketches, slot)) {
            return Ok(Some(false));
        }
        let context = Context {
            plan,
            limits: self.context.limits,
            watch: self.context.watch.clone(),
            is_display_full: AtomicBool::new(true),
            probe: self.context.probe,
            coverage: Coverage::default(),
            sketches: self.context.sketches,
        };
        let run = RepoRun::of(plan, self.published, 0, plan.root.clone(), Arc::clone(revisions))?;
        let scanner = self.scanners[predicate].get_or_insert_with(|| Box::new(Scanner::new(plan)));
        if run.is_listing() {
            return some_path(&context, &run, scanner);
        }
        let (answer, n_blocks) = some_content(&context, &run, scanner)?;
        self.n_blocks += n_blocks;
        Ok(answer)
    }
}

/// Whether some path of the selected revisions satisfies the tree.
fn some_path(
    context: &Context<'_>,
    run: &RepoRun<'_>,
    scanner: &mut Scanner,
) -> Result<Option<bool>, ReadError> {
    let groups: Vec<GroupIdx> = run.repo.ref_table.candidate_groups(&path_grams(context.plan, &run.node))?;
    let mut found = false;
    for (group_idx, group) in groups.into_iter().enumerate() {
        if group_idx.is_multiple_of(GROUPS_PER_LOOK) && context.watch.stop().is_some() {
            return Ok(None);
        }
        run.repo.ref_table.for_each_in_group(group, &mut |_, path, doc| {
            if doc.blob.is_some() && run.revisions.admits(doc.revisions) {
                let holds = run.node.eval::<std::convert::Infallible>(&mut |leaf| {
                    Ok(Some(scanner.paths.decides(context.plan, None, leaf, path, doc)))
                });
                found |= holds == Ok(Some(true));
            }
            !found
        })?;
        if found {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

/// Whether some document of the selected revisions satisfies the tree, which asks for content, and how many blocks were
/// read to know it.
fn some_content(
    context: &Context<'_>,
    run: &RepoRun<'_>,
    scanner: &mut Scanner,
) -> Result<(Option<bool>, u64), ReadError> {
    let mut n_blocks = 0;
    for (segment_idx, segment) in run.repo.segments.iter().enumerate() {
        if run.admission.segments.get(segment_idx).is_none_or(|blobs| blobs.is_empty()) {
            continue;
        }
        let ordinal = SegmentOrdinal(segment_idx as u16);
        for chunk in 0..segment.n_chunks() {
            if context.watch.stop().is_some() {
                return Ok((None, n_blocks));
            }
            let found = candidates(context.plan, run, ordinal, ChunkIdx(chunk))?;
            for candidate in &found.blobs {
                if context.watch.stop().is_some() {
                    return Ok((None, n_blocks));
                }
                n_blocks += u64::from(candidate.n_blocks);
                let verified = scanner.verify(context, run, &found, candidate.blob, None)?;
                if scanner.is_called_off {
                    return Ok((None, n_blocks));
                }
                if verified.is_some() {
                    return Ok((Some(true), n_blocks));
                }
            }
        }
    }
    Ok((Some(false), n_blocks))
}
