//! Measures searches over a source tree: `latency INDEX-FOLDER build SOURCE-TREE` once, then
//! `latency INDEX-FOLDER run [QUERY…]`, or `once`, `pages` for a profiler; `keystrokes` asks the finder. The variable
//! REPOSITORIES says under how many names the tree is searched. Prints, per query, what was found and the best and median times.

use index::{
    Codec, Content, DocKind, NewBlob, NewDoc, NewSymbols, RefTable, RefTableWriter, RevIdx, Revision,
    Segment, SegmentOrdinal, SegmentWriter, WriterOptions,
};
use model::{AccessSet, DocFlags, Epoch, ObjectId, RefName, RepoId, RepoName};
use search::{CancelToken, Catalog, GotoAsked, Limits, Match, Needle, RepoIndex, Searcher, Sink, Visibility};
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One query per class.
const QUERIES: [&str; 18] = [
    "vmalloc_to_page",
    "kmalloc_array",
    "\"kmalloc(\"",
    "EXPORT_SYMBOL_GPL",
    "\"return -EINVAL\"",
    "\"return -EINVAL\" case:yes",
    "return",
    "if",
    "/dev_(err|warn)\\(.*timeout/",
    "/[a-z]{3}_[0-9]{4}_[a-z]+\\(/",
    "/[0-9]+us/",
    "/\\w+\\s+\\w+\\s+\\w+\\s+\\w+\\s+\\w+/",
    "/[A-Z]{12}/ case:yes",
    "kmalloc NOT kfree",
    "spin_lock mutex_lock",
    "file:^drivers/net/ kmalloc",
    "file:Makefile$",
    "lang:python import",
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [folder, "build", source] => build(Path::new(folder), Path::new(source)),
        [folder, "run"] => run(Path::new(folder), &QUERIES, (21, 7)),
        [folder, "run", queries @ ..] => run(Path::new(folder), queries, (21, 7)),
        [folder, "keystrokes"] => keystrokes(Path::new(folder)),
        [folder, "once", queries @ ..] => run(Path::new(folder), queries, (1, 1)),
        [folder, "pages", queries @ ..] => run(Path::new(folder), queries, (501, 1)),
        _ => {
            let actions = "build SOURCE-TREE | run [QUERY…] | once QUERY… | pages QUERY… | keystrokes";
            Err(format!("usage: latency INDEX-FOLDER ({actions})").into())
        }
    }
}

#[allow(clippy::print_stdout, reason = "it is a program for a terminal")]
fn build(folder: &Path, source: &Path) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    std::fs::create_dir_all(folder)?;
    let mut paths = Vec::new();
    walk(source, &mut paths)?;
    let relative =
        |path: &Path| path.strip_prefix(source).map(|path| path.as_os_str().as_encoded_bytes().to_vec());
    let rank = |path: &[u8]| syntax::static_rank(path, syntax::doc_flags(path), model::BlobFlags::default());
    let mut files: Vec<(u8, Vec<u8>, PathBuf)> = Vec::new();
    for path in paths {
        let name = relative(&path)?;
        files.push((rank(&name), name, path));
    }
    files.sort();
    let segment_path = folder.join("segment");
    let mut writer = SegmentWriter::create(&segment_path, WriterOptions { codec: Codec::Lz4, threads: 2 })?;
    let mut docs = Vec::new();
    for ((rank, name, path), number) in files.iter().zip(0u32..) {
        let bytes = std::fs::read(path)?;
        let mut oid = [0; 20];
        oid[..4].copy_from_slice(&number.to_be_bytes());
        let language = syntax::detect_language(name, &bytes[..bytes.len().min(syntax::HEAD_BYTES)]);
        let decoded = syntax::decode(&bytes, &syntax::DecodeLimits::default());
        let (content, flags) = match &decoded {
            syntax::Decoded::Text { utf8, flags, .. } => (Content::Text(utf8.as_bytes()), *flags),
            syntax::Decoded::Skipped(reason) => (Content::Skipped(*reason), model::BlobFlags::default()),
        };
        let blob = NewBlob {
            oid: ObjectId(oid),
            size: bytes.len() as u64,
            content,
            flags,
            rank: *rank,
            language,
            symbols: NewSymbols::default(),
        };
        docs.push((name, ObjectId(oid), writer.add(blob)?, language));
    }
    let info = writer.finish()?;
    let revision =
        Revision { refs: vec![RefName::new("refs/heads/main")?], commit: ObjectId([1; 20]), commit_time: 0 };
    let table_path = folder.join("refs");
    let mut table = RefTableWriter::create(&table_path, &[info.id], &[revision], Some(RevIdx(0)))?;
    for (path, oid, blob, language) in docs {
        table.add(NewDoc {
            path,
            kind: DocKind::File,
            oid,
            blob: Some((SegmentOrdinal(0), blob)),
            language,
            flags: DocFlags::default(),
            revisions: &[RevIdx(0)],
        })?;
    }
    table.finish()?;
    println!("{} blobs, {} bytes of text, {:?}", info.n_blobs, info.text_bytes, started.elapsed());
    Ok(())
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != ".git" {
            walk(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

#[derive(Default)]
struct Counted {
    n_shown: usize,
}

impl Sink for Counted {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        self.n_shown += batch.len();
        ControlFlow::Continue(())
    }
}

/// The catalog of a folder, with all of it for the caller.
#[allow(clippy::disallowed_methods, reason = "a measurement plays every caller")]
fn opened(folder: &Path) -> Result<(Catalog, AccessSet), Box<dyn Error>> {
    let catalog = Catalog::new();
    let ref_table = Arc::new(RefTable::open(&folder.join("refs"))?);
    let segment = Arc::new(Segment::open(&folder.join("segment"))?);
    // The same files under many names cost a search what many small repositories cost.
    let n_repos: u32 = std::env::var("REPOSITORIES").ok().map_or(Ok(1), |n| n.parse())?;
    let repos: Result<Vec<RepoIndex>, model::IdError> = (1..=n_repos)
        .map(|number| {
            Ok(RepoIndex {
                id: RepoId(number),
                name: RepoName::new(format!("measured/{number}"))?,
                visibility: Visibility::Public,
                is_fork: false,
                is_archived: false,
                about: Arc::default(),
                objects: Default::default(),
                ref_table: Arc::clone(&ref_table),
                segments: vec![Arc::clone(&segment)],
                history: None,
            })
        })
        .collect();
    catalog.publish_all(repos?);
    let access = AccessSet::assemble((1..=n_repos).map(RepoId).collect(), BTreeMap::new(), Epoch(0), None);
    Ok((catalog, access))
}

/// The finder's answers to what people type, letter by letter.
#[allow(clippy::print_stdout, reason = "it is a program for a terminal")]
fn keystrokes(folder: &Path) -> Result<(), Box<dyn Error>> {
    const TYPED: [&str; 8] = [
        "kernel/sched/core.c",
        "vmalloc.c",
        "ext4 inode",
        "makefile",
        "drvnetethintel",
        "kmalloc_array",
        "tcp_v4_rcv",
        "readme",
    ];
    let (catalog, access) = opened(folder)?;
    for (name, files, symbols) in [("files", true, false), ("symbols", false, true), ("all", true, true)] {
        let (mut times, mut n_cut) = (Vec::new(), 0);
        for _ in 0..5 {
            for typed in TYPED {
                for end in 1..=typed.len() {
                    let started = Instant::now();
                    let needle = Needle::new(&typed[..end]);
                    let (repo, rev, repos, n_max) = (Some("measured/1"), None, true, 10);
                    let asked = GotoAsked {
                        needle: &needle,
                        repo,
                        rev,
                        repos,
                        files,
                        symbols,
                        n_max,
                        n_names_max: 1_000_000,
                    };
                    n_cut += usize::from(catalog.snapshot().goto(&access, asked).is_cut);
                    times.push(started.elapsed());
                }
            }
        }
        times.sort_unstable();
        let at = |hundredths: usize| times[(times.len() - 1) * hundredths / 100];
        let n = times.len();
        println!(
            "{name:<8} {n:>5} keystrokes  p50 {:>9.3?}  p95 {:>9.3?}  max {:>9.3?}  cut {n_cut}",
            at(50),
            at(95),
            at(100)
        );
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "it is a program for a terminal")]
#[allow(clippy::disallowed_methods, reason = "it reads nothing but the tree it was given")]
fn run(folder: &Path, queries: &[&str], n_times: (usize, usize)) -> Result<(), Box<dyn Error>> {
    let (catalog, access) = opened(folder)?;
    let n_threads = std::thread::available_parallelism()?.get();
    let searcher = Searcher::new(n_threads)?;
    println!(
        "{:<44} {:>30} {:>40}",
        "query", "first page: files, best, median", "all: lines, matches, best, median"
    );
    for text in queries {
        let page = measure(&searcher, &catalog, &access, text, n_times.0)?;
        let all = measure(&searcher, &catalog, &access, &format!("{text} count:all"), n_times.1)?;
        println!(
            "{text:<44} {:>8} {:>9.3?} {:>9.3?}   {:>9} {:>9} {:>9.3?} {:>9.3?}",
            page.0.files, page.1, page.2, all.0.lines, all.0.matches, all.1, all.2
        );
    }
    Ok(())
}

fn measure(
    searcher: &Searcher,
    catalog: &Catalog,
    access: &AccessSet,
    text: &str,
    n_times: usize,
) -> Result<(search::Stats, Duration, Duration), Box<dyn Error>> {
    let limits = Limits { display_max: 500, ..Limits::default() };
    let mut times = Vec::new();
    let mut stats = search::Stats::default();
    for _ in 0..n_times {
        let started = Instant::now();
        let query = query::parse(text, &query::Options::default())?;
        let mut sink = Counted::default();
        let summary =
            searcher.search(&catalog.snapshot(), access, &query, &limits, &CancelToken::new(), &mut sink)?;
        times.push(started.elapsed());
        stats = summary.stats;
    }
    times.sort();
    Ok((stats, times[0], times[times.len() / 2]))
}
