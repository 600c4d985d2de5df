//! Files of format version 1 that earlier builds wrote are still read, and say what they said.
//!
//! A change of the format makes a new version with files of its own; these stay. They were written by
//! `cargo run -p index --example golden`.

use index::{BlobIdx, BlockIdx, ChunkIdx, Codec, DocKind, Granularity, RefTable, RevIdx, Segment};
use model::{BlobFlags, Language, SkipReason};
use ngram::GramQuery;
use std::path::PathBuf;

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/segments/v1").join(name)
}

#[test]
fn segment_of_version_1() {
    for (name, codec) in [("small-lz4.seg", Codec::Lz4), ("small-raw.seg", Codec::Raw)] {
        let segment = Segment::open(&golden(name)).expect("this build reads version 1");
        assert_eq!((segment.codec(), segment.verify()), (codec, Ok(())));
        assert_eq!((segment.n_blobs(), segment.n_chunks()), (122, 1));
        // Written before there were definitions.
        assert_eq!(segment.symbols().map(|symbols| symbols.is_none()), Ok(true));
        let meta = segment.blob(BlobIdx(0)).expect("sound");
        assert_eq!(meta.oid.to_string(), "0000000000000000000000000000000000000000");
        assert_eq!((meta.size, meta.language, meta.flags), (1000, Language(282), BlobFlags::GENERATED));
        assert_eq!(segment.blob(BlobIdx(1)).expect("sound").skip, Some(SkipReason::Binary));
        let mut text = Vec::new();
        segment.read_blob(BlobIdx(0), &mut text).expect("sound");
        assert_eq!(text, "fn main() { println!(\"Grüße, \u{212a}elvin 日本\"); }\n".as_bytes());
        text.clear();
        segment.read_blob(BlobIdx(121), &mut text).expect("sound");
        assert!(text.starts_with(b"119 lines of blob 121\n") && text.ends_with(b"the end"));
        assert_eq!(segment.newlines_of_blob(BlobIdx(121)), Ok(300));
        let find = |literal: &str| {
            let prepared =
                segment.prepare(&GramQuery::literal(literal.as_bytes()), Granularity::Block).expect("sound");
            let blocks = prepared.candidates(ChunkIdx(0), None).expect("sound");
            blocks
                .iter()
                .map(|block| segment.blob_of_block(BlockIdx(block)).expect("sound").0)
                .collect::<Vec<_>>()
        };
        assert_eq!(find("KELVIN"), [0]);
        assert_eq!(find("lines of blob 77\n"), [77]);
        assert_eq!(find("zq"), [121]);
        assert_eq!(find("nowhere"), [0; 0]);
        assert_eq!(find("lines of blob").len(), segment.n_blocks() as usize - 1);
    }
}

#[test]
fn ref_table_of_version_1() {
    let table = RefTable::open(&golden("small.refs")).expect("this build reads version 1");
    assert_eq!(table.verify(), Ok(()));
    assert_eq!((table.n_docs(), table.default_revision()), (301, Some(RevIdx(1))));
    let names: Vec<&str> = table.revisions()[1].refs.iter().map(|name| name.as_str()).collect();
    assert_eq!(names, ["HEAD", "refs/heads/main"]);
    let doc = table.find(b"src/file-077.rs", RevIdx(1)).expect("sound").expect("there");
    assert_eq!(table.doc(doc).expect("sound").kind, DocKind::File);
    assert_eq!(table.find(b"src/file-077.rs", RevIdx(0)), Ok(None));
    let submodule = table.find(b"vendor/module", RevIdx(0)).expect("sound").expect("there");
    assert_eq!(table.doc(submodule).expect("sound").submodule, Some(model::ObjectId([9; 20])));
    let root: Vec<Vec<u8>> =
        table.children(b"", RevIdx(0)).expect("sound").into_iter().map(|child| child.name).collect();
    assert_eq!(root, [&b"src"[..], b"vendor"]);
    let mut n_found = 0;
    let query = GramQuery::literal(b"FILE-012");
    table
        .for_each_candidate(&query, &mut |_, path, _| {
            n_found += usize::from(path.ends_with(b"file-012.rs"));
            true
        })
        .expect("sound");
    assert_eq!(n_found, 1);
}
