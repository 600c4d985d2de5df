//! Which of a repository's revisions a query is about.

use crate::RepoIndex;
use crate::plan::Plan;
use index::{BlockBitmap, ReadError, RefTable, RevFilter, RevIdx, RevSetIdx, Revision};
use model::{ObjectId, RefName};
use query::{Rev, RevKind};
use std::collections::BTreeSet;

/// The shortest beginning of a commit id that selects: git's own minimum.
const COMMIT_PREFIX_MIN: usize = 4;

/// The selected revisions of one repository.
#[derive(Debug)]
pub(crate) struct Revisions {
    /// The default revision first, then ascending.
    selected: Vec<RevIdx>,
    selected_bits: BlockBitmap,
    filter: RevFilter,
    /// Whether it is the default revision alone.
    pub(crate) is_default: bool,
}

impl Revisions {
    /// The revisions that `rev:`, or the matching `repo:…@…`, or else the default selects, and the commits that were asked
    /// for. `None` where none is.
    pub(crate) fn select(
        plan: &Plan,
        repo: &RepoIndex,
        asked: &BTreeSet<ObjectId>,
        is_matching: impl Fn(usize) -> bool,
    ) -> Result<Option<Revisions>, ReadError> {
        let wanted = wanted(plan, is_matching);
        let table = &repo.ref_table;
        let default = table.default_revision();
        let mut selected =
            if wanted.is_empty() { default.into_iter().collect() } else { named(table, &wanted, asked) };
        selected.sort_by_key(|rev| (Some(*rev) != default, *rev));
        Revisions::of(table, selected)
    }

    /// The default revision of a repository, if it has one.
    pub(crate) fn default_of(repo: &RepoIndex) -> Result<Option<Revisions>, ReadError> {
        Revisions::of(&repo.ref_table, repo.ref_table.default_revision().into_iter().collect())
    }

    /// The revision of this name; the default one where none is called so.
    pub(crate) fn called(repo: &RepoIndex, name: Option<&str>) -> Result<Option<Revisions>, ReadError> {
        let mut revisions = (0..).zip(repo.ref_table.revisions());
        let is_named = |revision: &Revision| name.is_some_and(|name| is_called(revision, name));
        match revisions.find(|(_, revision)| is_named(revision)) {
            Some((number, _)) => Revisions::of(&repo.ref_table, vec![RevIdx(number)]),
            None => Revisions::default_of(repo),
        }
    }

    fn of(table: &RefTable, selected: Vec<RevIdx>) -> Result<Option<Revisions>, ReadError> {
        if selected.is_empty() {
            return Ok(None);
        }
        let default = table.default_revision();
        let filter = table.rev_filter(&selected)?;
        let is_default = selected.len() == 1 && selected.first().copied() == default;
        let mut selected_bits = BlockBitmap::empty(table.revisions().len() as u32);
        selected.iter().for_each(|rev| selected_bits.insert(rev.0));
        Ok(Some(Revisions { selected, selected_bits, filter, is_default }))
    }

    /// The selected revisions, the default one first.
    pub(crate) fn selected(&self) -> &[RevIdx] {
        &self.selected
    }

    /// Whether a document of this set of revisions stands in a selected one.
    pub(crate) fn admits(&self, set: RevSetIdx) -> bool {
        self.filter.admits(set)
    }

    /// The commit of the first selected revision in the set, and the refs of all of them.
    pub(crate) fn describe(
        &self,
        table: &RefTable,
        set: RevSetIdx,
    ) -> Result<(ObjectId, Vec<RefName>), ReadError> {
        let in_set = table.set_revisions(set)?;
        let mut in_set: Vec<RevIdx> =
            in_set.into_iter().filter(|rev| self.selected_bits.contains(rev.0)).collect();
        // As in `selected`: the default revision first.
        if let Some(default) =
            self.selected.first().and_then(|first| in_set.iter().position(|rev| rev == first))
        {
            in_set[..=default].rotate_right(1);
        }
        let mut commit = None;
        let mut refs = Vec::new();
        for revision in in_set.iter().filter_map(|rev| table.revisions().get(rev.0 as usize)) {
            commit.get_or_insert(revision.commit);
            refs.extend(revision.refs.iter().cloned());
        }
        Ok((commit.unwrap_or(ObjectId::NULL), refs))
    }
}

/// What `rev:` and the matching `repo:…@…` ask for.
pub(crate) fn wanted(plan: &Plan, is_matching: impl Fn(usize) -> bool) -> Vec<&Rev> {
    let mut wanted: Vec<&Rev> = plan.settings.revs.iter().collect();
    // What the query itself says comes before what its contexts say.
    for in_context in [false, true] {
        if in_context && !wanted.is_empty() {
            break;
        }
        for (condition_idx, condition) in plan.repos.iter().enumerate() {
            let is_asked = condition.is_positive && condition.in_context == in_context;
            if is_asked && !condition.revs.is_empty() && is_matching(condition_idx) {
                wanted.extend(&condition.revs);
            }
        }
    }
    wanted
}

/// Whether a branch, a tag, or a commit that one leads to is called so.
pub(crate) fn is_in_table(table: &RefTable, name: &str) -> bool {
    match name {
        "HEAD" => table.default_revision().is_some(),
        _ => table.revisions().iter().any(|revision| is_called(revision, name)),
    }
}

fn named(table: &RefTable, wanted: &[&Rev], asked: &BTreeSet<ObjectId>) -> Vec<RevIdx> {
    let selects_all = wanted.iter().all(|rev| matches!(rev.kind, RevKind::ExcludeGlob(_)));
    let is_selected = |rev_idx: RevIdx, revision: &Revision| {
        let by_name = wanted.iter().any(|rev| match &rev.kind {
            RevKind::Name(name) if name == "HEAD" => Some(rev_idx) == table.default_revision(),
            RevKind::Name(name) => is_called(revision, name),
            _ => false,
        });
        let by_glob = revision.refs.iter().any(|ref_name| {
            let matches = |glob: &String| query::glob_matches(glob, ref_name.as_str());
            let included = selects_all
                || wanted.iter().any(|rev| matches!(&rev.kind, RevKind::Glob(glob) if matches(glob)));
            let excluded =
                || wanted.iter().any(|rev| matches!(&rev.kind, RevKind::ExcludeGlob(glob) if matches(glob)));
            included && !excluded()
        });
        by_name || by_glob || asked.contains(&revision.commit)
    };
    let revisions = table.revisions().iter().enumerate();
    let numbered = revisions.map(|(rev_idx, revision)| (RevIdx(rev_idx as u32), revision));
    numbered
        .filter(|(rev_idx, revision)| is_selected(*rev_idx, revision))
        .map(|(rev_idx, _)| rev_idx)
        .collect()
}

pub(crate) fn is_called(revision: &Revision, name: &str) -> bool {
    let by_ref = revision.refs.iter().any(|ref_name| {
        let full = ref_name.as_str();
        full == name || ref_name.short() == name || full.strip_prefix("refs/") == Some(name)
    });
    let is_hex = name.len() >= COMMIT_PREFIX_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    by_ref || (is_hex && revision.commit.to_string().starts_with(&name.to_ascii_lowercase()))
}
