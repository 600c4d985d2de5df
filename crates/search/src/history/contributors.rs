//! `file:has.contributor(RE)`: the paths that somebody changed on the default branch.

use super::plan::matches_person;
use super::{COMMITS_PER_LOOK, History};
use crate::limits::Watch;
use crate::matcher::Scratch;
use crate::pattern::NamePattern;
use crate::plan::Plan;
use crate::tree::Node;
use index::{BlockBitmap, CommitChanges, CommitIdx, ReadError};
use std::collections::HashSet;
use std::sync::Arc;

/// The tree with the paths in the place of those who changed them. Where there is no history, nobody changed anything.
/// `None` where the search was called off meanwhile.
pub(crate) fn with_contributors(
    plan: &Plan,
    history: Option<&History>,
    node: Node,
    watch: &Watch,
) -> Result<Option<Node>, ReadError> {
    if plan.contributors.is_empty() {
        return Ok(Some(node));
    }
    let mut sets = Vec::with_capacity(plan.contributors.len());
    for pattern in &plan.contributors {
        let paths = match history {
            Some(history) => match paths_of(history, pattern, watch)? {
                Some(paths) => paths,
                None => return Ok(None),
            },
            None => HashSet::new(),
        };
        sets.push(Arc::new(paths));
    }
    Ok(Some(node.replace(&mut |leaf| match leaf {
        Node::Contributor(contributor) => Some(Node::Paths(Arc::clone(&sets[*contributor]))),
        _ => None,
    })))
}

/// The paths that commits of matching authors changed. `None` where the search was called off meanwhile.
fn paths_of(
    history: &History,
    pattern: &NamePattern,
    watch: &Watch,
) -> Result<Option<HashSet<Vec<u8>>>, ReadError> {
    let mut n_looked = 0u32;
    let mut is_over = || {
        n_looked = n_looked.wrapping_add(1);
        n_looked.is_multiple_of(COMMITS_PER_LOOK) && watch.stop().is_some()
    };
    let scope = history.default_scope()?;
    let mut authors = Vec::with_capacity(history.commit_parts().len());
    for part in history.commit_parts() {
        let mut scratch = Scratch::default();
        let mut people = BlockBitmap::empty(part.table.n_people());
        for person in 0..part.table.n_people() {
            if is_over() {
                return Ok(None);
            }
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
            if is_over() {
                return Ok(None);
            }
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
            if is_over() {
                return Ok(None);
            }
            paths.insert(part.table.path(path)?.to_vec());
        }
    }
    Ok(Some(paths))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{ChangePart, CommitPart};
    use crate::{CancelToken, Limits};
    use index::{
        ChangeKind, ChangeState, ChangeTable, ChangeTableWriter, ChangedFile, Codec, CommitTable,
        CommitTableWriter, Content, NewBlob, NewCommit, Segment, SegmentWriter, Signature, Tips, TipsWriter,
        WriterOptions,
    };
    use model::{BlobFlags, Language, ObjectId, RefName};

    const N_COMMITS: u32 = 3 * COMMITS_PER_LOOK;

    fn id(number: u32) -> ObjectId {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ObjectId(bytes)
    }

    fn empty_texts(path: &std::path::Path) -> Segment {
        let options = WriterOptions { codec: Codec::Lz4, threads: 1 };
        let mut writer = SegmentWriter::create(path, options).expect("a segment");
        for number in (0..N_COMMITS).rev() {
            let blob = NewBlob {
                oid: id(number),
                size: 0,
                content: Content::Text(b""),
                flags: BlobFlags::default(),
                rank: 0,
                language: Language::UNKNOWN,
                symbols: index::NewSymbols::default(),
            };
            writer.add(blob).expect("a text");
        }
        writer.finish().expect("a segment");
        Segment::open(path).expect("a segment")
    }

    /// A line of commits by one person, each of which changes a file of its own.
    fn history(folder: &std::path::Path) -> History {
        let mut commits = CommitTableWriter::new(CommitIdx(0));
        let mut changes = ChangeTableWriter::new(CommitIdx(0));
        let ada = Signature { name: "Ada", email: "ada@example.org", seconds: 0, offset_minutes: 0 };
        for number in 0..N_COMMITS {
            let parents: Vec<CommitIdx> = number.checked_sub(1).map(CommitIdx).into_iter().collect();
            let (author, committer) = (ada, ada);
            let commit =
                NewCommit { id: id(number), parents: &parents, lacks_parents: false, author, committer };
            commits.add(&commit).expect("a commit");
            let name = format!("{number}.txt");
            let path = changes.path(name.as_bytes(), || Language::UNKNOWN).expect("a path");
            let (kind, state) = (ChangeKind::Added, ChangeState::Lines);
            let file = ChangedFile { path, old_path: None, kind, state, hunks: 0..0, lines: 0..0 };
            changes.add(&CommitChanges { files: vec![file], ..CommitChanges::default() }).expect("changes");
        }
        let mut tips = TipsWriter::default();
        tips.add(&RefName::new("refs/heads/main").expect("a name"), CommitIdx(N_COMMITS - 1)).expect("a tip");
        let at = |name: &str| folder.join(name);
        commits.finish(&at("commits")).expect("commits");
        changes.finish(&at("changes")).expect("changes");
        tips.finish(&at("tips"), Some(0), N_COMMITS).expect("tips");
        let table = CommitTable::open(&at("commits")).expect("commits");
        let commits = CommitPart { table, messages: empty_texts(&at("messages")) };
        let table = ChangeTable::open(&at("changes")).expect("changes");
        let changes = ChangePart::new(table, empty_texts(&at("lines")));
        let tips = Tips::open(&at("tips")).expect("tips");
        History::new(tips, vec![Arc::new(commits)], vec![Arc::new(changes)]).expect("a history")
    }

    #[test]
    fn a_search_that_is_called_off_does_not_read_the_history_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = history(folder.path());
        let query = query::parse("file:has.contributor(ada)", &query::Options::default()).expect("a query");
        let plan = Plan::new(&query, &Limits::default()).expect("a plan");
        let token = CancelToken::new();
        let watch = Watch::new(token.clone(), None);
        let ask = || with_contributors(&plan, Some(&history), plan.root.clone(), &watch).expect("readable");
        let Some(Node::Paths(paths)) = ask() else { panic!("the paths") };
        assert_eq!(paths.len(), N_COMMITS as usize);
        token.cancel();
        assert_eq!(ask(), None);
    }

    #[test]
    fn what_is_not_among_the_lines_is_found_out_once_and_can_be_called_off() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = history(folder.path());
        let part = &history.change_parts()[0];
        assert_eq!(part.untold(&|| true).expect("readable"), None);
        assert_eq!(part.untold(&|| false).expect("readable"), Some(&[][..]));
        assert_eq!(part.untold(&|| true).expect("readable"), Some(&[][..]), "known by now");
    }
}
