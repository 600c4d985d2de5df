//! A merged segment is the file that indexing its blobs at once would have written.

use crate::corpus::{Blob, Numbers, blobs, oid, text, write_and_open};
use index::{
    BlobIdx, BlockBitmap, Codec, Content, MergeError, MergePart, Merged, NewBlob, NewSymbols, Segment,
    SegmentWriter, WriterOptions, merge,
};
use model::{BlobFlags, Language};
use proptest::prelude::*;
use std::path::Path;

fn merged(path: &Path, segments: &[Segment], live: &[BlockBitmap]) -> Merged {
    let parts: Vec<MergePart<'_>> =
        segments.iter().zip(live).map(|(segment, live)| MergePart { segment, live }).collect();
    merge(path, &parts, &|| false).expect("sound parts")
}

/// Writes the living blobs of the parts, in the order the merge put them in, as if for the first time.
fn write_anew(path: &Path, segments: &[Segment], merged: &Merged, codec: Codec) {
    let mut order: Vec<(BlobIdx, usize, BlobIdx)> = Vec::new();
    for (part, blobs) in merged.blobs.iter().enumerate() {
        let went = blobs.iter().zip(0..).filter_map(|(new, old)| Some(((*new)?, part, BlobIdx(old))));
        order.extend(went);
    }
    order.sort();
    let mut writer = SegmentWriter::create(path, WriterOptions { codec, threads: 0 }).expect("a folder");
    for (new, part, old) in order {
        let meta = segments[part].blob(old).expect("sound");
        let mut text = Vec::new();
        segments[part].read_blob(old, &mut text).expect("sound");
        let content = match meta.skip {
            Some(reason) => Content::Skipped(reason),
            None => Content::Text(&text),
        };
        let (oid, size, flags, rank) = (meta.oid, meta.size, meta.flags, meta.rank);
        let added = writer.add(NewBlob {
            oid,
            size,
            content,
            flags,
            rank,
            language: meta.language,
            symbols: NewSymbols::default(),
        });
        assert_eq!(added.expect("room"), new);
    }
    writer.finish().expect("room");
}

fn some(n_bits: u32, is_in: impl Fn(u32) -> bool) -> BlockBitmap {
    let mut bits = BlockBitmap::empty(n_bits);
    (0..n_bits).filter(|bit| is_in(*bit)).for_each(|bit| bits.insert(bit));
    bits
}

#[track_caller]
fn check(folder: &Path, segments: &[Segment], live: &[BlockBitmap], codec: Codec) -> Merged {
    let (path, anew) = (folder.join("merged.seg"), folder.join("anew.seg"));
    let merged = merged(&path, segments, live);
    write_anew(&anew, segments, &merged, codec);
    let segment = Segment::open(&path).expect("it was just written");
    assert_eq!(segment.verify(), Ok(()));
    assert_eq!(segment.id(), merged.info.id);
    for ((part, live), went) in segments.iter().zip(live).zip(&merged.blobs) {
        for (old, new) in (0..).zip(went) {
            assert_eq!(new.is_some(), live.contains(old), "the living are copied, the dead are not");
            let oid = |segment: &Segment, blob| segment.blob(blob).expect("sound").oid;
            assert!(new.is_none_or(|new| oid(&segment, new) == oid(part, BlobIdx(old))));
        }
    }
    let [written, expected] = [&path, &anew].map(|path| std::fs::read(path).expect("it was written"));
    assert!(written == expected, "{} bytes, {} when written anew", written.len(), expected.len());
    merged
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_become_what_their_blobs_would_have(
        sizes in prop::collection::vec(0usize..60, 1..6),
        seed in 0u64..1000,
        n_dead_of_ten in 0u64..10,
        is_raw in any::<bool>(),
    ) {
        let codec = if is_raw { Codec::Raw } else { Codec::Lz4 };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let parts = sizes.iter().zip(seed..);
        let segments: Vec<Segment> = parts
            .map(|(n_blobs, seed)| {
                write_and_open(&folder.path().join(format!("{seed}.seg")), &blobs(seed, *n_blobs), codec, 0)
            })
            .collect();
        let lives = |bit: u32| (u64::from(bit) * 7 + seed) % 10 >= n_dead_of_ten;
        let live: Vec<_> = segments.iter().map(|segment| some(segment.n_blobs(), lives)).collect();
        check(folder.path(), &segments, &live, codec);
    }
}

/// Tiny blobs are a block each: many chunks with little text. All of one rank.
fn tiny(folder: &Path, name: &str, first: usize, n_blobs: usize) -> Segment {
    let path = folder.join(name);
    let mut numbers = Numbers(first as u64);
    let mut writer =
        SegmentWriter::create(&path, WriterOptions { codec: Codec::Lz4, threads: 0 }).expect("a folder");
    for idx in first..first + n_blobs {
        let len = numbers.below(60);
        let text = text(&mut numbers, len);
        let (content, flags) = (Content::Text(&text[..]), BlobFlags::default());
        let language = Language::UNKNOWN;
        writer
            .add(NewBlob {
                oid: oid(idx),
                size: 1,
                content,
                flags,
                rank: 3,
                language,
                symbols: NewSymbols::default(),
            })
            .expect("room");
    }
    writer.finish().expect("room");
    Segment::open(&path).expect("it was just written")
}

#[test]
fn large_chunks_that_live_are_copied_as_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let large = tiny(folder.path(), "a.seg", 0, 16_384 + 300);
    let small = tiny(folder.path(), "b.seg", 20_000, 500);
    let live = [BlockBitmap::full(large.n_blobs()), BlockBitmap::full(small.n_blobs())];
    let merged = check(folder.path(), &[large, small], &live, Codec::Lz4);
    assert_eq!(merged.n_whole_chunks, 1);
    let segment = Segment::open(&merged.info.path).expect("it was just written");
    assert_eq!(segment.n_chunks(), 2, "what was left over is one chunk");
    // A dead blob in it: the chunk is put together anew.
    let live = [some(segment.n_blobs(), |blob| blob != 77)];
    let merged = check(folder.path(), &[segment], &live, Codec::Lz4);
    assert_eq!((merged.n_whole_chunks, merged.info.n_blobs), (0, 16_384 + 300 + 500 - 1));
}

#[test]
fn nothing_left_is_an_empty_segment_and_damage_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let blobs: Vec<Blob> = blobs(3, 20);
    let path = folder.path().join("a.seg");
    let segment = write_and_open(&path, &blobs, Codec::Lz4, 0);
    let dead = BlockBitmap::empty(segment.n_blobs());
    check(folder.path(), &[segment], &[dead], Codec::Lz4);
    let segment = Segment::open(&path).expect("still there");
    let other = write_and_open(&folder.path().join("b.seg"), &blobs, Codec::Raw, 0);
    let all = BlockBitmap::full(segment.n_blobs());
    let out = folder.path().join("out.seg");
    let parts = [&segment, &other].map(|segment| MergePart { segment, live: &all });
    assert!(matches!(merge(&out, &parts, &|| false), Err(MergeError::Write(_))), "codecs do not mix");
    assert!(matches!(merge(&out, &parts[..1], &|| true), Err(MergeError::CalledOff)));
    let mut bytes = std::fs::read(&path).expect("it was written");
    bytes[200] ^= 0xff;
    std::fs::write(&path, bytes).expect("room");
    drop(segment);
    let segment = Segment::open(&path).expect("the frame is sound");
    let parts = [MergePart { segment: &segment, live: &all }];
    assert!(matches!(merge(&out, &parts, &|| false), Err(MergeError::Read(_))));
    assert!(!out.exists() && !out.with_extension("seg.tmp").exists(), "nothing is left behind");
}
