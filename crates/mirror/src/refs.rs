//! From a repository's refs to the revisions of its index.

use git::{Head, Refs};
use index::{RefTable, RevIdx, Revision};
use model::{ObjectId, RefName};
use std::collections::HashMap;

/// The revisions of an index: the distinct commits that branches and tags lead to, the default one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revisions {
    /// The revisions, without commit times.
    pub(crate) revisions: Vec<Revision>,
    /// The one that is searched when none is asked for.
    pub(crate) default: Option<RevIdx>,
    /// The branch HEAD names, where it exists.
    pub(crate) default_branch: Option<RefName>,
    /// Names the state of the refs, and everything else that decides what the index holds.
    pub(crate) digest: [u8; 32],
}

impl Revisions {
    /// Groups the refs by commit. `recipe` names what else decides the index: its format and limits.
    pub(crate) fn new(refs: &Refs, recipe: &str) -> Self {
        let default = default_of(refs);
        let mut revisions: Vec<Revision> = Vec::new();
        let mut by_commit: HashMap<ObjectId, usize> = HashMap::new();
        let first = default.iter().map(|(name, commit)| (name.as_ref(), *commit));
        let others = refs.refs.iter().map(|one| (Some(&one.name), one.commit));
        for (name, commit) in first.chain(others) {
            let idx = *by_commit.entry(commit).or_insert_with(|| {
                revisions.push(Revision { refs: Vec::new(), commit, commit_time: 0 });
                revisions.len() - 1
            });
            // Only the default branch comes twice, and it comes first.
            if let Some(name) = name.filter(|name| idx > 0 || revisions[0].refs.first() != Some(name)) {
                revisions[idx].refs.push(name.clone());
            }
        }
        let default_branch =
            default.as_ref().and_then(|(name, _)| name.clone()).filter(|n| n.as_str() != "HEAD");
        Revisions {
            digest: digest(&revisions, default_branch.as_ref(), recipe),
            default: default.map(|_| RevIdx(0)),
            default_branch,
            revisions,
        }
    }

    /// The revisions of an index that is published. Whether it was made by this recipe its digest tells.
    pub(crate) fn of_table(table: &RefTable, default_branch: Option<&RefName>, recipe: &str) -> Self {
        let revisions = table.revisions().to_vec();
        Revisions {
            digest: digest(&revisions, default_branch, recipe),
            default: table.default_revision(),
            default_branch: default_branch.cloned(),
            revisions,
        }
    }

    /// Puts the revisions in the order of their times, the default one first: histories then are runs of neighbours, and a push
    /// mostly adds at the end. Times must have been read.
    pub(crate) fn order(&mut self) {
        let first = usize::from(self.default.is_some());
        self.revisions[first..].sort_by_key(|revision| (revision.commit_time, revision.commit));
    }

    /// The commits, in the order of the revisions.
    pub(crate) fn commits(&self) -> Vec<ObjectId> {
        self.revisions.iter().map(|revision| revision.commit).collect()
    }
}

/// What HEAD leads to; where it leads nowhere, the branch people most likely mean.
fn default_of(refs: &Refs) -> Option<(Option<RefName>, ObjectId)> {
    match &refs.head {
        Head::Branch { name, commit: Some(commit) } => return Some((Some(name.clone()), *commit)),
        Head::Detached { commit } => return Some((RefName::new("HEAD").ok(), *commit)),
        Head::Branch { commit: None, .. } | Head::Unusable => {}
    }
    let branches = || refs.refs.iter().filter(|one| one.name.as_str().starts_with("refs/heads/"));
    let named = |name: &str| branches().find(|one| one.name.short() == name);
    let usual = ["main", "master", "trunk", "develop"].into_iter().find_map(named);
    let one = usual.or_else(|| branches().next()).or_else(|| refs.refs.first())?;
    Some((Some(one.name.clone()), one.commit))
}

fn digest(revisions: &[Revision], default_branch: Option<&RefName>, recipe: &str) -> [u8; 32] {
    let mut lines: Vec<String> = revisions
        .iter()
        .flat_map(|revision| revision.refs.iter().map(|name| format!("{} {name}\n", revision.commit)))
        .collect();
    lines.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(format!("{recipe}\n").as_bytes());
    hasher.update(format!("{}\n", default_branch.map_or("", RefName::as_str)).as_bytes());
    lines.iter().for_each(|line| {
        hasher.update(line.as_bytes());
    });
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use git::Ref;

    fn commit(byte: u8) -> ObjectId {
        ObjectId([byte; 20])
    }

    fn refs(head: Head, names: &[(&str, u8)]) -> Refs {
        let refs = names
            .iter()
            .map(|(name, byte)| Ref { name: RefName::new(*name).unwrap(), commit: commit(*byte) })
            .collect();
        Refs { head, refs, skipped: Vec::new(), n_skipped: 0 }
    }

    fn on(name: &str, byte: Option<u8>) -> Head {
        Head::Branch { name: RefName::new(name).unwrap(), commit: byte.map(commit) }
    }

    #[test]
    fn commits_are_distinct_and_the_default_is_first() {
        let refs = refs(
            on("refs/heads/main", Some(2)),
            &[("refs/heads/a", 1), ("refs/heads/main", 2), ("refs/tags/v1", 2), ("refs/tags/v0", 1)],
        );
        let revisions = Revisions::new(&refs, "r");
        let shown: Vec<_> = revisions
            .revisions
            .iter()
            .map(|one| (one.commit, one.refs.iter().map(RefName::short).collect::<Vec<_>>()))
            .collect();
        assert_eq!(shown, [(commit(2), vec!["main", "v1"]), (commit(1), vec!["a", "v0"])]);
        assert_eq!(revisions.default, Some(RevIdx(0)));
        assert_eq!(revisions.default_branch.unwrap().short(), "main");
    }

    #[test]
    fn a_head_that_leads_nowhere_is_guessed() {
        let guessed = |head, names: &[(&str, u8)]| {
            let revisions = Revisions::new(&refs(head, names), "r");
            revisions.revisions.first().map(|one| one.refs[0].as_str().to_string())
        };
        let both = [("refs/heads/a", 1), ("refs/heads/master", 2)];
        assert_eq!(guessed(Head::Unusable, &both).unwrap(), "refs/heads/master");
        assert_eq!(guessed(on("refs/heads/x", None), &both[..1]).unwrap(), "refs/heads/a");
        assert_eq!(guessed(Head::Unusable, &[("refs/tags/v1", 1)]).unwrap(), "refs/tags/v1");
        assert_eq!(guessed(Head::Detached { commit: commit(9) }, &both).unwrap(), "HEAD");
        assert_eq!(guessed(Head::Unusable, &[]), None);
    }

    #[test]
    fn the_digest_follows_the_refs() {
        let digest = |head, names: &[(&str, u8)], recipe| Revisions::new(&refs(head, names), recipe).digest;
        let main = || on("refs/heads/main", Some(1));
        let one = digest(main(), &[("refs/heads/main", 1)], "r");
        assert_eq!(one, digest(main(), &[("refs/heads/main", 1)], "r"));
        assert_ne!(one, digest(main(), &[("refs/heads/main", 1)], "other"));
        assert_ne!(one, digest(main(), &[("refs/heads/main", 1), ("refs/tags/t", 1)], "r"));
        assert_ne!(one, digest(on("refs/heads/x", Some(1)), &[("refs/heads/x", 1)], "r"));
    }
}
