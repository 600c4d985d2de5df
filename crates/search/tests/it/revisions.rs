//! Revisions that the index does not hold: what is asked of the source, for whom, and what is said when it fails.

use crate::world::{Answer, Repo, World, access};
use search::{
    FoundRevisions, Limits, RevisionFault, RevisionRequest, RevisionSource, SkippedReason, WantedRevision,
};
use std::sync::{Arc, Mutex};

/// Answers names that begin with `old`, and the second of January 1970, by the commit of the default branch; notes what it
/// is asked.
#[derive(Debug, Default)]
struct Source {
    asked: Mutex<Vec<(String, Vec<WantedRevision>)>>,
    fault: Option<RevisionFault>,
}

impl RevisionSource for Source {
    fn find(&self, request: &RevisionRequest<'_>) -> Result<FoundRevisions, RevisionFault> {
        self.asked
            .lock()
            .expect("nobody panicked")
            .push((request.repo.name.to_string(), request.wanted.to_vec()));
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let default = request.repo.ref_table.revisions()[0].commit;
        let commits = request.wanted.iter().map(|wanted| match wanted {
            WantedRevision::Name(name) if name.starts_with("old") => vec![default],
            WantedRevision::AtTime { seconds: 86_400, base: None } => vec![default],
            _ => Vec::new(),
        });
        Ok(FoundRevisions { commits: commits.collect(), index: None })
    }
}

fn world(fault: Option<RevisionFault>) -> (World, Arc<Source>) {
    let repo = |id: u32, name: &str| Repo::new(id, name, &[("a.c", "int needle;\n")]);
    let world = World::new(vec![repo(1, "o/a"), repo(2, "o/b"), repo(3, "o/hidden")]);
    let source = Arc::new(Source { fault, ..Source::default() });
    world.catalog.set_revision_source(Arc::clone(&source) as Arc<dyn RevisionSource>);
    (world, source)
}

fn search(world: &World, query: &str) -> Answer {
    world.search_as(&access([1, 2]), query, &Limits::default())
}

#[test]
fn only_what_the_index_lacks_is_asked_and_only_of_what_the_caller_may_read() {
    let (world, source) = world(None);
    let name = |name: &str| WantedRevision::Name(name.to_owned());
    let check = |query: &str, n_files: u64, expected: &[(&str, &[WantedRevision])]| {
        let answer = search(&world, query);
        assert_eq!(answer.summary.stats.files, n_files, "{query}");
        let asked = std::mem::take(&mut *source.asked.lock().expect("nobody panicked"));
        let expected: Vec<_> =
            expected.iter().map(|(repo, revs)| ((*repo).to_owned(), revs.to_vec())).collect();
        assert_eq!(asked, expected, "{query}");
    };
    check("needle", 2, &[]);
    check("rev:main needle", 2, &[]);
    check("rev:* needle", 2, &[]);
    check("rev:old needle", 2, &[("o/a", &[name("old")]), ("o/b", &[name("old")])]);
    check("repo:a@old~2:main needle", 1, &[("o/a", &[name("old~2")])]);
    check("repo:hidden rev:old needle", 0, &[]);
    check("rev:nowhere needle", 0, &[("o/a", &[name("nowhere")]), ("o/b", &[name("nowhere")])]);
    let at = WantedRevision::AtTime { seconds: 86_400, base: None };
    check("repo:b rev:at.time(1970-01-02) needle", 1, &[("o/b", &[at])]);
    let glob = WantedRevision::Glob("refs/remotes/*".to_owned());
    check("repo:b rev:*refs/remotes/* needle", 0, &[("o/b", &[glob])]);
}

#[test]
fn what_was_not_covered_is_told() {
    let (world, _) = world(Some(RevisionFault::TimedOut));
    let answer = search(&world, "rev:old:main needle");
    let stats = &answer.summary.stats;
    assert_eq!((stats.files, stats.complete), (2, false), "branches are searched all the same");
    assert_eq!(stats.skipped[0].reason, SkippedReason::RevisionUncovered);
    assert!(stats.skipped[0].message.starts_with("o/a: reading the revision"), "{:?}", stats.skipped);
    assert_eq!(answer.summary.alert, None);
}
