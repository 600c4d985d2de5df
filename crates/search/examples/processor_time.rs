//! What first pages cost in processor time, whatever else the machine does: `processor_time DATA-DIRECTORY/index ROUNDS
//! [QUERY…]`, where a server has indexed repositories. One thread does all the work; text is read from raw sidecars, which are
//! made in a temporary folder, unless the variable RAW is 0. Prints, per query, the mean time of a round, and a number that
//! changes where anything of the answer does. The kernel may count by ticks: only means over many rounds say something.

use index::{RawText, RefTable, Segment};
use model::{AccessSet, Epoch, RepoId, RepoName};
use search::{CancelToken, Catalog, Limits, Match, RepoIndex, Searcher, Sink, Stats, Visibility};
use std::collections::BTreeMap;
use std::error::Error;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A first page as the interface shows it.
const DISPLAY: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rounds, queries @ ..] = arguments.as_slice() else {
        return Err("usage: processor_time DATA-DIRECTORY/index ROUNDS [QUERY…]".into());
    };
    measure(Path::new(folder), rounds.parse()?, queries)
}

#[allow(clippy::print_stdout, reason = "it is a program for a terminal")]
#[allow(clippy::disallowed_methods, reason = "a measurement plays every caller and reads what it was given")]
fn measure(folder: &Path, rounds: usize, queries: &[String]) -> Result<(), Box<dyn Error>> {
    let mut folders = entries(folder)?;
    folders.sort();
    let wants_raw = std::env::var("RAW").map_or(true, |raw| raw != "0");
    let (catalog, mut repos) = (Catalog::new(), Vec::new());
    for (folder, number) in folders.iter().zip(1u32..) {
        repos.push(opened(folder, number, wants_raw)?);
    }
    let ids = (1..=folders.len() as u32).map(RepoId).collect();
    catalog.publish_all(repos);
    let access = AccessSet::assemble(ids, BTreeMap::new(), Epoch(0), None);
    catalog.sketch(&access, &mut || true);
    let searcher = Searcher::new(1)?;
    let limits = Limits { display: DISPLAY, ..Limits::default() };
    for text in queries {
        let (mut sink, mut stats) = (Kept::default(), Stats::default());
        let started = used_ms()?;
        for _ in 0..rounds.max(1) {
            sink.0.clear();
            let query = query::parse(text, &query::Options::default())?;
            let snapshot = catalog.snapshot();
            let cancel = CancelToken::new();
            stats = searcher.search(&snapshot, &access, &query, &limits, &cancel, &mut sink)?.stats;
        }
        let mean = (used_ms()? - started) / rounds.max(1) as f64;
        let mut hasher = DefaultHasher::new();
        format!("{:?} {} {} {}", sink.0, stats.files, stats.lines, stats.matches).hash(&mut hasher);
        println!("{text:<60} {mean:>8.3} ms, {:>6} lines, {:016x}", stats.lines, hasher.finish());
    }
    Ok(())
}

fn opened(folder: &Path, number: u32, wants_raw: bool) -> Result<RepoIndex, Box<dyn Error>> {
    let files = entries(folder)?;
    let with = |extension: &'static str| {
        files.iter().filter(move |file| file.extension().is_some_and(|own| own == extension)).cloned()
    };
    let ref_table = RefTable::open(&with("refs").next().ok_or("a repository without ref table")?)?;
    let mut by_id: Vec<Segment> = Vec::new();
    for path in with("segment") {
        by_id.push(Segment::open(&path)?);
    }
    let mut segments = Vec::new();
    for id in ref_table.segments() {
        let at = by_id.iter().position(|segment| segment.id() == *id).ok_or("a segment is missing")?;
        let segment = by_id.swap_remove(at);
        if wants_raw {
            let path = std::env::temp_dir().join(format!("processor-time-{}.raw", std::process::id()));
            RawText::write(&path, &segment, &|_| true, &mut || true)?;
            segment.set_raw(Some(Arc::new(RawText::open(&path, &segment)?)));
            // It stays mapped.
            std::fs::remove_file(&path)?;
        }
        segments.push(Arc::new(segment));
    }
    Ok(RepoIndex {
        id: RepoId(number),
        name: RepoName::new(format!("measured/{number:05}"))?,
        visibility: Visibility::Public,
        is_fork: false,
        is_archived: false,
        about: Arc::default(),
        objects: Default::default(),
        ref_table: Arc::new(ref_table),
        segments,
        history: None,
    })
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    entries.collect()
}

/// Processor time of this thread so far.
fn used_ms() -> Result<f64, Box<dyn Error>> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = told.split_whitespace().next().ok_or("the kernel tells nothing")?;
    Ok(nanos.parse::<f64>()? / 1e6)
}

#[derive(Default)]
struct Kept(Vec<Match>);

impl Sink for Kept {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        self.0.extend(batch);
        ControlFlow::Continue(())
    }
}
