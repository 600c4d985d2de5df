//! Thousands of branches and tags cost little more than their distinct blobs: counted, not timed.

use crate::instance::Instance;
use index::RevSetIdx;
use std::fmt::Write as _;
use testkit::git::GitWorld;

const N_REFS: usize = 5_000;
const N_FILES: usize = 100;

/// A history of so many commits over a hundred files, each changing one of them, every one a tag or a branch. Names do not
/// ascend with time.
fn stream() -> String {
    let mut stream = String::new();
    for commit in 0..N_REFS {
        let name = match commit % 2 {
            0 => format!("refs/heads/topic-{}", commit * 7919 % N_REFS),
            _ => format!("refs/tags/v{}", commit * 7919 % N_REFS),
        };
        let (mark, time) = (commit + 1, 1_700_000_000 + commit * 60);
        let _ =
            write!(stream, "commit {name}\nmark :{mark}\ncommitter A <a@example.org> {time} +0000\ndata 0\n");
        let first = if commit == 0 { 0..N_FILES } else { commit % N_FILES..commit % N_FILES + 1 };
        if commit > 0 {
            let _ = writeln!(stream, "from :{commit}");
        }
        for file in first {
            let text = format!("common {file} state {commit}\n");
            let _ =
                writeln!(stream, "M 100644 inline d{}/f{file}.txt\ndata {}\n{text}", file % 10, text.len());
        }
        stream.push('\n');
    }
    let _ = writeln!(stream, "reset refs/heads/main\nfrom :{N_REFS}\n");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_refs_cost_their_distinct_blobs() {
    let world = GitWorld::new();
    let repo = world.bare("a.git");
    repo.git_bytes(&["fast-import", "--quiet"], stream().as_bytes());
    let instance = Instance::new().await;
    instance.add(&world.path()).await;
    let catalog = instance.index().await;
    let access = instance.store.access_set(&access::Actor::LOCAL_OPERATOR).await.unwrap();
    let index = catalog.snapshot().repos(&access).next().unwrap();
    let table = &index.ref_table;
    let n_blobs = N_FILES + N_REFS - 1;
    assert_eq!(table.revisions().len(), N_REFS);
    assert_eq!(index.segments.iter().map(|segment| segment.n_blobs() as usize).sum::<usize>(), n_blobs);
    assert_eq!(table.n_docs() as usize, n_blobs, "a document for each blob, however many refs hold it");
    // A file's states follow one another, so the refs that hold one are neighbours: a run or two, not a list.
    let n_listed: usize =
        (0..table.n_sets()).map(|set| table.set_revisions(RevSetIdx(set)).unwrap().len()).sum();
    assert!(n_listed > 80 * n_blobs, "{n_listed} memberships");
    let per_ref = table.size_bytes() / N_REFS as u64;
    assert!(per_ref < 200, "{per_ref} bytes a ref, paths and records included");
    assert_eq!(instance.board.totals().files as usize, n_blobs, "each is read once");

    let summary = instance.summary(&catalog, "rev:* common count:all").await;
    assert_eq!(summary.stats.files as usize, n_blobs);
    let one = instance.first_match(&catalog, "rev:* \"common 7 state 4907\"").await;
    // Until the file changed again: a hundred commits, or up to the last one, which main is, too.
    assert_eq!(one.refs.len(), N_REFS - 4907 + 1);

    // One more branch reads one blob, and the rest of the table is taken over.
    repo.git_bytes(
        &["fast-import", "--quiet"],
        b"commit refs/heads/new\ncommitter A <a@example.org> 1800000000 +0000\ndata 0\nfrom refs/heads/main\n\
          M 100644 inline d0/new.txt\ndata 11\ncommon new\n\n\n",
    );
    let catalog = instance.index().await;
    assert_eq!(instance.board.totals().files as usize, n_blobs + 1);
    let summary = instance.summary(&catalog, "rev:new common count:all").await;
    assert_eq!(summary.stats.files as usize, N_FILES + 1);
}
