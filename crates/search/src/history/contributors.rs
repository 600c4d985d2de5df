//! `file:has.contributor(RE)`: the paths that somebody changed on the default branch.

use super::History;
use super::plan::matches_person;
use crate::matcher::Scratch;
use crate::pattern::NamePattern;
use crate::plan::Plan;
use crate::tree::Node;
use index::{BlockBitmap, CommitChanges, CommitIdx, ReadError};
use std::collections::HashSet;
use std::sync::Arc;

/// The tree with the paths in the place of those who changed them. Where there is no history, nobody changed anything.
pub(crate) fn with_contributors(
    plan: &Plan,
    history: Option<&History>,
    node: Node,
) -> Result<Node, ReadError> {
    if plan.contributors.is_empty() {
        return Ok(node);
    }
    let mut sets = Vec::with_capacity(plan.contributors.len());
    for pattern in &plan.contributors {
        let paths = history.map(|history| paths_of(history, pattern)).transpose()?;
        sets.push(Arc::new(paths.unwrap_or_default()));
    }
    Ok(node.replace(&mut |leaf| match leaf {
        Node::Contributor(contributor) => Some(Node::Paths(Arc::clone(&sets[*contributor]))),
        _ => None,
    }))
}

/// The paths that commits of matching authors changed.
fn paths_of(history: &History, pattern: &NamePattern) -> Result<HashSet<Vec<u8>>, ReadError> {
    let scope = history.default_scope()?;
    let mut authors = Vec::with_capacity(history.commit_parts().len());
    for part in history.commit_parts() {
        let mut scratch = Scratch::default();
        let mut people = BlockBitmap::empty(part.table.n_people());
        for person in 0..part.table.n_people() {
            if matches_person(&pattern.matcher, &mut scratch, part.table.person(person)?) {
                people.insert(person);
            }
        }
        authors.push(people);
    }
    let mut paths = HashSet::new();
    let mut changes = CommitChanges::default();
    for part in history.change_parts() {
        let mut seen = BlockBitmap::empty(part.table.n_paths());
        for number in part.table.range().filter(|number| scope.contains(*number)) {
            let commits = history.commit_parts();
            let place = commits.partition_point(|part| part.table.range().end <= number);
            let Some(commit_part) = commits.get(place) else { continue };
            if !authors[place].contains(commit_part.table.row(CommitIdx(number))?.author) {
                continue;
            }
            part.table.changes(CommitIdx(number), &mut changes)?;
            changes.files.iter().for_each(|file| seen.insert(file.path));
        }
        for path in seen.iter() {
            paths.insert(part.table.path(path)?.to_vec());
        }
    }
    Ok(paths)
}
