//! Why a search costs what it costs: the plan, the grams with the sizes of their posting lists, the segments that were
//! opened, what was read, and where the time went.

use crate::catalog::{Published, Seen};
use crate::pattern::Scope;
use crate::plan::{Plan, Term};
use crate::probe::{Probe, Stage};
use crate::searcher::{Asked, choose};
use crate::tree::Node;
use crate::{CancelToken, Limits, Match, SearchError, Searcher, Sink, Snapshot, Summary};
use index::{Granularity, ReadError};
use model::{AccessSet, RepoName};
use ngram::GramQuery;
use query::Query;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How many segments are asked for the sizes of posting lists, and listed: the largest first.
const SEGMENTS_MAX: usize = 200;
/// How many different grams of one pattern are listed.
const GRAMS_MAX: usize = 200;

/// What a search did.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The boolean tree that is asked of every document, by rising cost, one node a line.
    pub tree: String,
    /// The patterns, in the order of the query.
    pub patterns: Vec<PatternPlan>,
    /// How many repositories the caller may read.
    pub n_repos_visible: usize,
    /// How many of them the query's filters leave.
    pub n_repos_searched: usize,
    /// The segments of those, largest first, at most 200.
    pub segments: Vec<SegmentUse>,
    /// How many segments there are in all.
    pub n_segments: usize,
    /// How many chunks there are in all.
    pub n_chunks: u64,
    /// How many chunks were asked for candidates.
    pub n_chunks_asked: u64,
    /// How many blobs no posting list ruled out.
    pub n_candidates: u64,
    /// How many of their blocks might match.
    pub n_candidate_blocks: u64,
    /// How many bytes of text patterns were run over.
    pub n_bytes_verified: u64,
    /// Where the time went; that of the stages inside the search is added up over all threads.
    pub stages: Vec<StageTime>,
    /// How the search ended.
    pub summary: Summary,
}

/// One pattern and what the index makes of it.
#[derive(Clone, Debug)]
pub struct PatternPlan {
    /// As the query has it.
    pub text: String,
    /// Whether it must be found (`false`: it must not).
    pub is_positive: bool,
    /// Whether it is looked for in content.
    pub in_content: bool,
    /// Whether it is looked for in paths.
    pub in_paths: bool,
    /// Whether a match may cross lines, so that documents are read as a whole.
    pub crosses_lines: bool,
    /// The gram query, such as `"kma" "mal" ("oc(" | "oc ")`; `anything` where the index cannot help, `nothing` where
    /// nothing can match. Empty for a pattern that is not looked for in content.
    pub gram_query: String,
    /// Its grams, rarest first, at most 200.
    pub grams: Vec<GramCost>,
    /// An upper bound of the blocks that satisfy the gram query.
    pub n_blocks_max: u64,
}

/// A gram and the size of its posting lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GramCost {
    /// Its bytes, folded, escaped where they are not printable.
    pub gram: String,
    /// How many blocks hold it, over the listed segments; `None` where it stands in so many that no list is kept.
    pub n_blocks: Option<u64>,
}

/// A segment that was searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentUse {
    /// The repository.
    pub repo: RepoName,
    /// Its place among the repository's segments.
    pub ordinal: usize,
    /// Bytes of text.
    pub text_bytes: u64,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// How many blobs.
    pub n_blobs: u32,
    /// How many blocks of about 4 KiB.
    pub n_blocks: u32,
    /// How many chunks of at most 16,384 blocks.
    pub n_chunks: u32,
}

/// How long a part took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageTime {
    /// `plan`, `admission`, `postings`, `verification`, `total`.
    pub stage: &'static str,
    /// How long.
    pub duration: Duration,
}

impl Searcher {
    /// Runs a search and tells how, instead of what it found. Like [`Searcher::search`] it looks at nothing outside the
    /// access set, and what it tells depends on nothing outside it.
    pub fn explain(
        &self,
        snapshot: &Snapshot,
        access: &AccessSet,
        query: &Query,
        limits: &Limits,
        cancel: &CancelToken,
    ) -> Result<Explanation, SearchError> {
        let started = Instant::now();
        let plan = Plan::new(query, limits)?;
        let planned = started.elapsed();
        let probe = Probe::default();
        let asked = Asked { snapshot, access, query, limits, cancel, probe: Some(&probe) };
        let summary = self.run(&asked, &plan, started, &mut Nowhere);
        let total = started.elapsed();
        // SECURITY: as in a search, forbidden repositories end here.
        let seen: Vec<Seen<'_>> = snapshot.seen(access).collect();
        let visible: Vec<&Published> = seen.iter().map(|seen| &**seen).collect();
        let chosen = choose(&plan, &visible, limits.now_seconds);
        let mut segments = segments(&chosen);
        let n_segments = segments.len();
        let n_chunks = segments.iter().map(|(segment, _)| u64::from(segment.n_chunks)).sum();
        segments.sort_by_key(|(segment, _)| std::cmp::Reverse(segment.text_bytes));
        segments.truncate(SEGMENTS_MAX);
        let readers: Vec<&index::Segment> = segments.iter().map(|(_, reader)| *reader).collect();
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Explanation {
            tree: tree(&plan),
            patterns: plan.terms.iter().map(|term| PatternPlan::of(term, &readers)).collect(),
            n_repos_visible: visible.len(),
            n_repos_searched: chosen.len(),
            segments: segments.into_iter().map(|(segment, _)| segment).collect(),
            n_segments,
            n_chunks,
            n_chunks_asked: load(&probe.n_chunks),
            n_candidates: load(&probe.n_candidates),
            n_candidate_blocks: load(&probe.n_candidate_blocks),
            n_bytes_verified: load(&probe.n_bytes),
            stages: vec![
                StageTime { stage: "plan", duration: planned },
                StageTime { stage: "admission", duration: probe.taken(Stage::Admission) },
                StageTime { stage: "postings", duration: probe.taken(Stage::Postings) },
                StageTime { stage: "verification", duration: probe.taken(Stage::Verification) },
                StageTime { stage: "total", duration: total },
            ],
            summary,
        })
    }
}

/// Takes results and forgets them.
struct Nowhere;

impl Sink for Nowhere {
    fn matches(&mut self, _: Vec<Match>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

fn segments<'s>(chosen: &[&'s Published]) -> Vec<(SegmentUse, &'s index::Segment)> {
    let mut segments = Vec::new();
    for published in chosen {
        let repo = &published.repo;
        for (ordinal, segment) in repo.segments.iter().enumerate() {
            let segment_use = SegmentUse {
                repo: repo.name.clone(),
                ordinal,
                text_bytes: segment.text_bytes(),
                size_bytes: segment.size_bytes(),
                n_blobs: segment.n_blobs(),
                n_blocks: segment.n_blocks(),
                n_chunks: segment.n_chunks(),
            };
            segments.push((segment_use, &**segment));
        }
    }
    segments
}

impl PatternPlan {
    fn of(term: &Term, segments: &[&index::Segment]) -> PatternPlan {
        let mut plan = PatternPlan {
            text: term.text.clone(),
            is_positive: term.is_positive,
            in_content: term.content.is_some(),
            in_paths: term.in_paths,
            crosses_lines: false,
            gram_query: String::new(),
            grams: Vec::new(),
            n_blocks_max: 0,
        };
        if let Some(content) = &term.content {
            plan.crosses_lines = content.scope == Scope::Document;
            plan.gram_query = said(&content.grams, false);
            plan.grams = gram_costs(&content.grams, segments);
            plan.n_blocks_max =
                segments.iter().filter_map(|segment| n_blocks_max(segment, &content.grams).ok()).sum();
        }
        plan
    }
}

fn gram_costs(grams: &GramQuery, segments: &[&index::Segment]) -> Vec<GramCost> {
    let mut leaves = BTreeSet::new();
    gather(grams, &mut leaves);
    let mut costs: Vec<GramCost> = leaves
        .into_iter()
        .map(|leaf| {
            let mut n_blocks = Some(0);
            for segment in segments {
                let more = segment.prepare(leaf, Granularity::Block).ok();
                let more = more.filter(|prepared| !prepared.is_anything()).map(|found| found.n_blocks_max());
                n_blocks = n_blocks.zip(more).map(|(sum, more)| sum + more);
            }
            GramCost { gram: said(leaf, true), n_blocks }
        })
        .collect();
    costs.sort_by_key(|cost| cost.n_blocks.unwrap_or(u64::MAX));
    costs.truncate(GRAMS_MAX);
    costs
}

fn n_blocks_max(segment: &index::Segment, grams: &GramQuery) -> Result<u64, ReadError> {
    let prepared = segment.prepare(grams, Granularity::Block)?;
    Ok(if prepared.is_nothing() { 0 } else { prepared.n_blocks_max() })
}

fn gather<'g>(grams: &'g GramQuery, leaves: &mut BTreeSet<&'g GramQuery>) {
    match grams {
        GramQuery::And(members) | GramQuery::Or(members) => {
            members.iter().for_each(|member| gather(member, leaves));
        }
        GramQuery::Gram(_) | GramQuery::Bigram(_) => {
            leaves.insert(grams);
        }
        GramQuery::All | GramQuery::None => {}
    }
}

/// A gram query in words; `is_inner` puts parentheses around what would be read otherwise.
fn said(grams: &GramQuery, is_inner: bool) -> String {
    let quoted = |bytes: &[u8]| format!("\"{}\"", bytes.escape_ascii());
    let joined = |members: &[GramQuery], by: &str| {
        let members: Vec<String> = members.iter().map(|member| said(member, true)).collect();
        if is_inner { format!("({})", members.join(by)) } else { members.join(by) }
    };
    match grams {
        GramQuery::All => "anything".to_owned(),
        GramQuery::None => "nothing".to_owned(),
        GramQuery::Gram(gram) => quoted(&gram.bytes()),
        GramQuery::Bigram(bigram) => quoted(&bigram.bytes()),
        GramQuery::And(members) => joined(members, " "),
        GramQuery::Or(members) => joined(members, " | "),
    }
}

/// The tree with the leaves in words, two spaces a level.
fn tree(plan: &Plan) -> String {
    let mut text = String::new();
    draw(plan, &plan.root, 0, &mut text);
    text
}

fn draw(plan: &Plan, node: &Node, depth: usize, text: &mut String) {
    let mut line = |words: &str| {
        let _ = writeln!(text, "{:width$}{words}", "", width = depth * 2);
    };
    match node {
        Node::And(inner) | Node::Or(inner) => {
            line(if matches!(node, Node::And(_)) { "all of" } else { "any of" });
            inner.iter().for_each(|below| draw(plan, below, depth + 1, text));
        }
        Node::Not(inner) => {
            line("not");
            draw(plan, inner, depth + 1, text);
        }
        Node::Const(true) => line("everything"),
        Node::Const(false) => line("nothing"),
        Node::Term(term) => {
            let term = &plan.terms[*term];
            line(&format!("{} {}", if term.is_condition { "content has" } else { "pattern" }, term.text));
        }
        Node::Listed(list) => line(&format!("one of {} listed repositories", plan.lists[*list].len())),
        Node::Trait(asked) => line(&asked.text()),
        Node::RepoHas(predicate) => line(&plan.repo_has[*predicate].text),
        Node::Language(language) => {
            line(&format!("lang {}", syntax::language_name(*language).unwrap_or("unknown")));
        }
        Node::Repo(repo) => line(&format!("repo {}", plan.repos[*repo].text)),
        Node::Contributor(_) | Node::Paths(_) => line("file has contributor"),
        Node::Commit(condition) => line(plan.history.conditions[*condition].describe()),
        Node::File(file) => line(&format!("file {}", plan.files[*file].text)),
        Node::Owner(who) => {
            line(&format!("owned by {}", plan.owners[*who].as_deref().unwrap_or("anybody")));
        }
    }
}
