//! Measures the engine on a directory of files: `cargo run --release -p index --example measure -- <directory> <segment> [raw] [threads]`.
//!
//! Reads every file below the directory into memory piece by piece, writes a segment, and times candidate evaluation,
//! verification of the candidates by literal search, and opening.
#![allow(clippy::print_stdout, reason = "printing is this program's purpose")]

use index::{
    BlobIdx, BlockIdx, ChunkIdx, Codec, Content, Granularity, NewBlob, NewSymbols, Segment, SegmentWriter,
    WriterOptions,
};
use model::{BlobFlags, Language, ObjectId, SkipReason};
use ngram::GramQuery;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, path, options @ ..] = &arguments[..] else {
        return Err("give a directory and the path of the segment to write".into());
    };
    let codec = if options.iter().any(|option| option == "raw") { Codec::Raw } else { Codec::Lz4 };
    let threads = options.iter().find_map(|option| option.parse().ok()).unwrap_or(2);
    if !options.iter().any(|option| option == "keep") {
        build(Path::new(directory), Path::new(path), WriterOptions { codec, threads })?;
    }
    search(Path::new(path))
}

fn build(directory: &Path, path: &Path, options: WriterOptions) -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    list(directory, &mut files)?;
    files.sort();
    let mut writer = SegmentWriter::create(path, options)?;
    let (mut adding, mut grams_time, mut n_bytes) = (Duration::ZERO, Duration::ZERO, 0);
    let mut scratch = Vec::new();
    let cpu_start = cpu_time();
    for (number, file) in files.iter().enumerate() {
        let text = std::fs::read(file)?;
        let mut oid = [0; 20];
        oid[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let is_text = text.len() < 8 << 20 && !text.contains(&0);
        let content = if is_text { Content::Text(&text) } else { Content::Skipped(SkipReason::Binary) };
        if is_text && number % 50 == 0 {
            let start = Instant::now();
            let mut sum = 0u64;
            ngram::for_each_window(&text, &mut scratch, |window| sum += u64::from(window.key()));
            std::hint::black_box(sum);
            grams_time += start.elapsed();
            n_bytes += text.len();
        }
        let start = Instant::now();
        writer.add(NewBlob {
            oid: ObjectId(oid),
            size: text.len() as u64,
            content,
            flags: BlobFlags::default(),
            rank: 0,
            language: Language::UNKNOWN,
            symbols: NewSymbols::default(),
        })?;
        adding += start.elapsed();
    }
    let start = Instant::now();
    let info = writer.finish()?;
    let cpu = cpu_time() - cpu_start;
    adding += start.elapsed();
    let text = info.text_bytes as f64;
    println!("{} blobs, {} blocks, {:.1} MB of text", info.n_blobs, info.n_blocks, text / 1e6);
    println!("windows alone: {:.0} MB/s", n_bytes as f64 / 1e6 / grams_time.as_secs_f64());
    println!(
        "written in {:.2} s: {:.0} MB/s of text (reading files not counted)",
        adding.as_secs_f64(),
        text / 1e6 / adding.as_secs_f64()
    );
    println!(
        "processor time {:.2} s (reading files counted): {:.0} MB/s",
        cpu.as_secs_f64(),
        text / 1e6 / cpu.as_secs_f64()
    );
    println!(
        "{:.1} MB, {:.3} of the text; peak memory {}",
        info.size_bytes as f64 / 1e6,
        info.size_bytes as f64 / text,
        peak()
    );
    Ok(())
}

fn search(path: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let segment = Segment::open(path)?;
    println!("opened in {:.0} µs", start.elapsed().as_secs_f64() * 1e6);
    for (name, len) in segment.section_lens() {
        println!(
            "{name:>28}: {:>8.2} MB, {:.4} of the text",
            len as f64 / 1e6,
            len as f64 / segment.text_bytes() as f64
        );
    }
    let start = Instant::now();
    segment.blob_of_block(BlockIdx(0))?;
    segment.prepare(&GramQuery::literal(b"qqq"), Granularity::Block)?;
    println!("first touch of META, BLOCKS, GRAMS in {:.0} µs", start.elapsed().as_secs_f64() * 1e6);
    for literal in [
        "kmalloc(",
        "EXPORT_SYMBOL_GPL",
        "#include <linux/",
        "return -EINVAL",
        "return",
        "spin_lock_irqsave",
        "xyzzy_not_there",
        "if",
        "wl12xx_debug",
    ] {
        let query = GramQuery::literal(literal.as_bytes());
        for round in 0..3 {
            measure(&segment, literal, &query, round == 2)?;
        }
    }
    for pattern in [r"dev_(err|warn)\(.*timeout", r"[a-z]{3}_[0-9]{4}_[a-z]+\(", "(?i)kmalloc"] {
        let query = GramQuery::from_hir(&regex_syntax::parse(pattern)?);
        for round in 0..3 {
            measure(&segment, pattern, &query, round == 2)?;
        }
    }
    let start = Instant::now();
    let mut n_bytes = 0;
    let mut scratch = Vec::new();
    for block in 0..segment.n_blocks() {
        n_bytes += segment.block(BlockIdx(block), &mut scratch)?.len();
    }
    println!("all text decompressed: {:.2} GB/s", n_bytes as f64 / 1e9 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    let sum: u64 =
        (0..segment.n_blobs()).map(|blob| segment.blob(BlobIdx(blob)).map_or(0, |meta| meta.text_len)).sum();
    println!(
        "all {} blobs' metadata ({sum} bytes): {:.1} ms",
        segment.n_blobs(),
        start.elapsed().as_secs_f64() * 1e3
    );
    let start = Instant::now();
    segment.verify()?;
    println!("verified in {:.2} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn measure(segment: &Segment, name: &str, query: &GramQuery, tells: bool) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let prepared = segment.prepare(query, Granularity::Block)?;
    let prepare_time = start.elapsed();
    let mut candidates = Vec::new();
    for chunk in 0..segment.n_chunks() {
        candidates.push(prepared.candidates(ChunkIdx(chunk), None)?);
    }
    let candidates_time = start.elapsed() - prepare_time;
    let finder = memchr::memmem::Finder::new(name);
    let (mut n_candidates, mut n_found, mut n_matches, mut scratch) = (0, 0, 0, Vec::new());
    let start = Instant::now();
    for (chunk, blocks) in candidates.iter().enumerate() {
        let first_block = segment.chunk(ChunkIdx(chunk as u32))?.first_block.0;
        for block in blocks.iter() {
            let text = segment.block(BlockIdx(first_block + block), &mut scratch)?;
            let n = finder.find_iter(text).count();
            n_candidates += 1;
            n_found += u32::from(n > 0);
            n_matches += n;
        }
    }
    if tells {
        println!(
            "{name:>28}: look-up {:>6.1} µs, candidates {:>7.1} µs ({n_candidates} blocks, {n_found} right, {n_matches} matches), verify {:>6.1} ms",
            prepare_time.as_secs_f64() * 1e6,
            candidates_time.as_secs_f64() * 1e6,
            start.elapsed().as_secs_f64() * 1e3,
        );
    }
    Ok(())
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != ".git" {
            list(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Processor time of this process and its threads so far.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The largest resident size of this process so far, as the kernel tells it.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".into(), |size| size.trim().to_string())
}
