//! Which commits a query is about: what the selected refs reach, less what the excluded ones do.

use super::History;
use crate::catalog::Published;
use crate::plan::Plan;
use crate::revisions;
use index::{BlockBitmap, CommitIdx, ReadError, Tip};
use model::RefName;
use query::{Rev, RevKind};
use std::sync::Arc;

/// The shortest beginning of a commit id that selects: git's own minimum.
const COMMIT_PREFIX_MIN: usize = 4;
/// Of so many selected refs it is told whether they reach a found commit; of more, nothing is told.
const TOLD_REFS_MAX: usize = 8;

/// The commits that are searched.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) commits: Arc<BlockBitmap>,
    /// The selected refs, with what each reaches.
    refs: Vec<(RefName, Arc<BlockBitmap>)>,
}

impl Scope {
    /// `None` where the repository has none of the revisions.
    pub(crate) fn new(
        plan: &Plan,
        published: &Published,
        history: &History,
        is_matching: impl Fn(usize) -> bool,
    ) -> Result<Option<Scope>, ReadError> {
        let wanted = revisions::wanted(plan, is_matching);
        let positive: Vec<&Rev> =
            wanted.iter().copied().filter(|rev| !matches!(rev.kind, RevKind::Exclude(_))).collect();
        let mut scope = match positive.is_empty() {
            true => Scope::of_default(history)?,
            false => match Scope::of_revs(history, &positive, published)? {
                Some(scope) => scope,
                None => return Ok(None),
            },
        };
        let excluded = wanted.iter().filter_map(|rev| match &rev.kind {
            RevKind::Exclude(name) => Some(name),
            _ => None,
        });
        let mut tips = Vec::new();
        for name in excluded {
            tips.extend(named(history, name)?.into_iter().map(|(_, commit)| commit));
        }
        if !tips.is_empty() {
            let mut commits = BlockBitmap::clone(&scope.commits);
            commits.and_not(&history.reached_from(tips.into_iter())?);
            scope.commits = Arc::new(commits);
        }
        Ok(Some(scope))
    }

    /// The selected refs that reach a commit.
    pub(crate) fn refs_of(&self, commit: CommitIdx) -> Vec<RefName> {
        let reaching = self.refs.iter().filter(|(_, reached)| reached.contains(commit.0));
        reaching.map(|(name, _)| name.clone()).collect()
    }

    fn of_default(history: &History) -> Result<Scope, ReadError> {
        let commits = history.default_scope()?;
        let tip = history.tips().default().map(|place| history.tips().get(place)).transpose()?;
        let refs = tip.into_iter().map(|tip| (tip.name, Arc::clone(&commits))).collect();
        Ok(Scope { commits, refs })
    }

    fn of_revs(
        history: &History,
        wanted: &[&Rev],
        published: &Published,
    ) -> Result<Option<Scope>, ReadError> {
        let mut tips: Vec<(Option<RefName>, CommitIdx)> = Vec::new();
        for rev in wanted {
            if let RevKind::Name(name) = &rev.kind {
                tips.extend(named(history, name)?);
            }
        }
        let selects_all = wanted.iter().all(|rev| matches!(rev.kind, RevKind::ExcludeGlob(_)));
        let has_globs = selects_all || wanted.iter().any(|rev| matches!(rev.kind, RevKind::Glob(_)));
        if has_globs {
            for tip in history.tips().iter() {
                let Tip { name, commit } = tip?;
                let matches = |glob: &String| query::glob_matches(glob, name.as_str());
                let is_in = selects_all
                    || wanted.iter().any(|rev| matches!(&rev.kind, RevKind::Glob(glob) if matches(glob)));
                let is_out =
                    wanted.iter().any(|rev| matches!(&rev.kind, RevKind::ExcludeGlob(glob) if matches(glob)));
                if is_in && !is_out {
                    tips.push((Some(name), commit));
                }
            }
        }
        // What the revision source resolved: steps such as `main~3`, moments.
        let whole = history.whole_scope()?;
        for commit in &published.asked {
            let found = history.find(commit)?.filter(|found| whole.contains(found.0));
            tips.extend(found.map(|commit| (None, commit)));
        }
        if tips.is_empty() {
            return Ok(None);
        }
        let commits = Arc::new(history.reached_from(tips.iter().map(|(_, commit)| *commit))?);
        let mut refs = Vec::new();
        let n_refs = tips.iter().filter(|(name, _)| name.is_some()).count();
        for (name, commit) in tips {
            if let Some(name) = name.filter(|_| n_refs <= TOLD_REFS_MAX) {
                refs.push((name, Arc::new(history.reached_from(std::iter::once(commit))?)));
            }
        }
        Ok(Some(Scope { commits, refs }))
    }
}

/// The refs of this name, or the one commit whose id begins so. SECURITY: a commit that no ref reaches any more is unknown.
fn named(history: &History, name: &str) -> Result<Vec<(Option<RefName>, CommitIdx)>, ReadError> {
    if name == "HEAD" {
        let tip = history.tips().default().map(|place| history.tips().get(place)).transpose()?;
        return Ok(tip.into_iter().map(|tip| (Some(tip.name), tip.commit)).collect());
    }
    let mut found = Vec::new();
    for tip in history.tips().iter() {
        let tip = tip?;
        let full = tip.name.as_str();
        if full == name || tip.name.short() == name || full.strip_prefix("refs/") == Some(name) {
            found.push((Some(tip.name), tip.commit));
        }
    }
    let is_id = (COMMIT_PREFIX_MIN..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_hexdigit());
    if !found.is_empty() || !is_id {
        return Ok(found);
    }
    let Ok(first) = model::ObjectId::from_hex(&format!("{name:0<40}")) else { return Ok(found) };
    let whole = history.whole_scope()?;
    let mut commits = Vec::new();
    for part in history.commit_parts() {
        commits.extend(part.table.with_prefix(&first.0, name.len())?);
    }
    commits.retain(|commit| whole.contains(commit.0));
    if let [commit] = commits[..] {
        found.push((None, commit));
    }
    Ok(found)
}
