//! Measures walking and reading every blob of a repository: `read_all <repository> [threads]`.

use git::{EntryKind, OpenOptions, Repository, WalkLimits};
use std::{ops::ControlFlow, path::Path, sync::atomic::AtomicBool, time::Instant};

#[allow(clippy::print_stdout, reason = "it is a program that prints what it measured")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the path of a repository")?;
    let n_threads: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let pack_cache_bytes = arguments.next().map_or(Ok(64 << 20), |text| text.parse())?;
    let options = OpenOptions { pack_cache_bytes, ..OpenOptions::default() };
    let started = Instant::now();
    let repository = Repository::open(Path::new(&path), &options)?;
    let refs = repository.refs()?;
    let commits: Vec<_> = refs.refs.iter().map(|r| r.commit).collect();
    let refs_done = started.elapsed();
    let mut blobs = Vec::new();
    let summary =
        repository.walk(&commits, &WalkLimits::default(), &AtomicBool::new(false), &mut |entry| {
            if entry.kind != EntryKind::Submodule {
                blobs.push(entry.id);
            }
            ControlFlow::Continue(())
        })?;
    let walked = started.elapsed();
    println!(
        "{} refs in {refs_done:?}; {} entries, {} trees, {} refused",
        commits.len(),
        summary.n_entries,
        summary.n_trees,
        summary.n_refused
    );
    println!("walk: {:?}", walked - refs_done);
    let n_per_thread = blobs.len().div_ceil(n_threads).max(1);
    let n_bytes: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = blobs
            .chunks(n_per_thread)
            .map(|part| {
                let reader = repository.reader();
                scope.spawn(move || {
                    let mut content = Vec::new();
                    let read =
                        |id| reader.read_blob(id, 8 << 20, &mut content).map(|()| content.len() as u64);
                    part.iter().copied().map(read).map(Result::unwrap_or_default).sum::<u64>()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum()
    });
    let took = started.elapsed() - walked;
    println!("{} blobs, {n_bytes} bytes with {n_threads} threads: {took:?}", blobs.len());
    Ok(())
}
