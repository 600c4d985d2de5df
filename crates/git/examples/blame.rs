//! Measures blame: `blame <repository> <path> [commit]`; three times, each with empty caches.

use git::{BlameAsked, BlameLimits, OpenOptions, Repository};
use model::ObjectId;
use std::{collections::HashSet, path::Path, time::Instant};

#[allow(clippy::print_stdout, reason = "it is a program that prints what it measured")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (repository, path) = arguments.next().zip(arguments.next()).ok_or("give a repository and a path")?;
    let revision = arguments.next().unwrap_or_else(|| "HEAD".to_owned());
    let ignored: HashSet<ObjectId> = HashSet::new();
    for _ in 0..3 {
        let started = Instant::now();
        let repository = Repository::open(Path::new(&repository), &OpenOptions::default())?;
        let tip = repository.resolve(&revision)?.commit;
        let limits = BlameLimits::default();
        let asked =
            BlameAsked { tip, path: path.as_bytes(), size_bytes_max: 8 << 20, ignored: &ignored, limits };
        let blame = repository.reader().blame(&asked, &|bytes| Some(bytes.to_vec()), &|| false)?;
        let n_commits = blame.runs.iter().map(|run| run.commit).collect::<HashSet<_>>().len();
        println!(
            "{} lines, {} runs of {n_commits} commits: {:?}",
            blame.n_lines,
            blame.runs.len(),
            started.elapsed()
        );
    }
    Ok(())
}
