//! What is read is what was written, and candidates are never fewer than brute force finds.

use crate::corpus::{Blob, Numbers, blobs, oid, text, write, write_and_open};
use index::{BlobIdx, BlockBitmap, BlockIdx, ChunkIdx, Codec, Granularity, Segment};
use model::{BlobFlags, Language, SkipReason};
use ngram::{GramQuery, may_match_newline};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

fn check_reads(segment: &Segment, blobs: &[Blob]) {
    assert_eq!(segment.n_blobs() as usize, blobs.len());
    let mut n_blocks = 0;
    for (idx, blob) in blobs.iter().enumerate() {
        let blob_idx = BlobIdx(idx as u32);
        let meta = segment.blob(blob_idx).expect("sound");
        let text = blob.as_deref().unwrap_or(&[]);
        assert_eq!((meta.oid, meta.size, meta.text_len), (oid(idx), 1000 + idx as u64, text.len() as u64));
        assert_eq!((meta.flags, meta.rank), (BlobFlags(idx as u16 % 8), idx as u8));
        assert_eq!((meta.language, meta.skip), (Language(idx as u32 % 7), blob.as_ref().err().copied()));
        assert_eq!((meta.first_block, meta.n_blocks == 0), (BlockIdx(n_blocks), text.is_empty()));
        assert_eq!(segment.find(&oid(idx)), Ok(Some(blob_idx)));
        let mut read = b"before".to_vec();
        segment.read_blob(blob_idx, &mut read).expect("sound");
        assert_eq!(read, [b"before", text].concat());
        let newlines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(segment.newlines_of_blob(blob_idx), Ok(newlines(text)));
        let mut scratch = b"left over".to_vec();
        for block in n_blocks..n_blocks + meta.n_blocks {
            assert_eq!(segment.blob_of_block(BlockIdx(block)), Ok(blob_idx));
            let range = segment.block_range(BlockIdx(block)).expect("sound");
            let (start, end) = (range.start as usize, range.end as usize);
            assert_eq!(segment.block(BlockIdx(block), &mut scratch), Ok(&text[start..end]));
            assert_eq!(segment.lines_before(BlockIdx(block)), Ok(newlines(&text[..start])));
            assert!(end == text.len() || text[end - 1] == b'\n', "blocks end at line ends");
        }
        n_blocks += meta.n_blocks;
    }
    assert_eq!(segment.n_blocks(), n_blocks);
    assert_eq!(segment.find(&oid(blobs.len())), Ok(None));
    assert!(
        segment.blob(BlobIdx(blobs.len() as u32)).is_err()
            && segment.blob_of_block(BlockIdx(n_blocks)).is_err()
    );
    assert_eq!(segment.verify(), Ok(()));
}

/// Every block (or blob) in which the pattern matches is a candidate, and only admitted ones are.
fn check_candidates(segment: &Segment, pattern: &str) {
    let config = syntax::Config::new().utf8(false);
    let hir = syntax::parse_with(pattern, &config).expect("a valid pattern");
    let regex =
        Regex::builder().configure(Regex::config().utf8_empty(false)).build_from_hir(&hir).expect("small");
    let granularity = if may_match_newline(&hir) { Granularity::Blob } else { Granularity::Block };
    let prepared = segment.prepare(&GramQuery::from_hir(&hir), granularity).expect("sound");
    let mut n_candidates = 0;
    for chunk_idx in (0..segment.n_chunks()).map(ChunkIdx) {
        let chunk = segment.chunk(chunk_idx).expect("sound");
        let candidates = prepared.candidates(chunk_idx, None).expect("sound");
        n_candidates += u64::from(candidates.count());
        let (mut scratch, mut matching, mut last_blob) = (Vec::new(), Vec::new(), None);
        for block in 0..chunk.n_blocks {
            let at = BlockIdx(chunk.first_block.0 + block);
            let matches = match granularity {
                Granularity::Block => regex.is_match(segment.block(at, &mut scratch).expect("sound")),
                Granularity::Blob => {
                    let blob = segment.blob_of_block(at).expect("sound");
                    if last_blob.is_none_or(|(last, _)| last != blob) {
                        scratch.clear();
                        segment.read_blob(blob, &mut scratch).expect("sound");
                        last_blob = Some((blob, regex.is_match(&scratch)));
                    }
                    last_blob.is_some_and(|(_, matches)| matches)
                }
            };
            assert!(!matches || candidates.contains(block), "{pattern}: block {block} of {chunk_idx:?}");
            matching.extend(matches.then_some(block));
        }
        let mut admitted = BlockBitmap::empty(chunk.n_blocks);
        (0..chunk.n_blocks).step_by(3).for_each(|block| admitted.insert(block));
        let restricted = prepared.candidates(chunk_idx, Some(&admitted)).expect("sound");
        assert!(restricted.iter().all(|block| admitted.contains(block)));
        assert!(
            candidates.iter().all(|block| !admitted.contains(block) || restricted.contains(block))
                || granularity == Granularity::Blob
                || restricted.count() <= admitted.count()
        );
    }
    assert!(!prepared.is_nothing() || n_candidates == 0);
}

const PATTERNS: &[&str] = &[
    "alpha",
    "kmalloc\\(",
    "(?i)GAMMA",
    "(?i)kelvin",
    "unique1",
    "unique[0-9]{3}",
    "foo_bar.*zz",
    "(alpha|straße)",
    "日本",
    "zz",
    "if",
    "x",
    ".*",
    "nowhere_at_all",
    "éc",
    "(?i)ÉCLAIR",
    "STRASSE",
    "a+b",
    "alpha \n",
    "zz \nx",
    "\\n\\n",
    "l{500}",
    "raw",
    "(?-u)\\xff\\xfe",
    "[a-z]{3}_[a-z]{3}",
    "no newline$",
    "q|zz\\s+alpha",
];

#[test]
fn small_segments() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (seed, n_blobs) in [(0, 0), (1, 1), (0, 1), (2, 1), (3, 30), (4, 200)] {
        for codec in [Codec::Raw, Codec::Lz4] {
            let blobs = blobs(seed, n_blobs);
            let segment = write_and_open(&folder.path().join("a.seg"), &blobs, codec, 2);
            check_reads(&segment, &blobs);
            PATTERNS.iter().for_each(|pattern| check_candidates(&segment, pattern));
        }
    }
}

#[test]
fn several_chunks_written_by_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut numbers = Numbers(9);
    // Tiny blobs are a block each, so this is three chunks with little text.
    let mut blobs: Vec<Blob> = (0..33_500)
        .map(|_| {
            let len = numbers.below(60);
            Ok(text(&mut numbers, len))
        })
        .collect();
    blobs.insert(20_000, Ok(text(&mut numbers, 9 << 20)));
    blobs.insert(20_001, Err(SkipReason::TooLarge));
    let (first, second) = (folder.path().join("a.seg"), folder.path().join("b.seg"));
    let segment = write_and_open(&first, &blobs, Codec::Lz4, 2);
    assert!(segment.n_chunks() >= 3);
    check_reads(&segment, &blobs);
    let patterns = ["unique[0-9]{3}", "zz \nx", "foo_bar.*zz", "(?i)kelvin", "if"];
    patterns.iter().for_each(|pattern| check_candidates(&segment, pattern));
    let info = write(&second, &blobs, Codec::Lz4, 0);
    assert_eq!(info.id, segment.id());
    let [first, second] = [first, second].map(|path| std::fs::read(path).expect("it was written"));
    assert!(first == second, "threads do not change the file");
}

#[test]
fn a_small_segment_has_little_fixed_cost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let info = write(&folder.path().join("a.seg"), &[], Codec::Lz4, 2);
    assert!(info.size_bytes < 1024, "{}", info.size_bytes);
    let one = write(&folder.path().join("a.seg"), &[Ok(b"x\n".to_vec())], Codec::Lz4, 2);
    assert!(one.size_bytes < 1024, "{}", one.size_bytes);
}

#[test]
fn an_unfinished_writer_leaves_nothing_and_a_finished_one_replaces() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.seg");
    write(&path, &[Ok(b"old".to_vec())], Codec::Lz4, 0);
    let options = index::WriterOptions { codec: Codec::Lz4, threads: 2 };
    drop(index::SegmentWriter::create(&path, options).expect("the folder exists"));
    assert_eq!(std::fs::read_dir(folder.path()).expect("it exists").count(), 1);
    let old = Segment::open(&path).expect("still there");
    let new = write_and_open(&path, &[Ok(b"new".to_vec())], Codec::Lz4, 0);
    let mut texts = (Vec::new(), Vec::new());
    old.read_blob(BlobIdx(0), &mut texts.0).expect("mapped files outlive their names");
    new.read_blob(BlobIdx(0), &mut texts.1).expect("sound");
    assert_eq!(texts, (b"old".to_vec(), b"new".to_vec()));
    assert!(index::SegmentWriter::create(&folder.path().join("no/such/folder"), options).is_err());
}
