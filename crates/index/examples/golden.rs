//! Writes the files that `tests/it/golden.rs` reads: `cargo run -p index --example golden`. Once a version is published its
//! files are kept as they are; run this for a new version only.

use index::{
    BlobIdx, Codec, Content, DocKind, NewBlob, NewDoc, NewSymbols, RefTableWriter, RevIdx, Revision,
    SegmentId, SegmentOrdinal, SegmentWriter, WriterOptions,
};
use model::{BlobFlags, DocFlags, Language, ObjectId, RefName, SkipReason};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/segments/v1");
    write_segment(&folder.join("small-lz4.seg"), Codec::Lz4)?;
    let id = write_segment(&folder.join("small-raw.seg"), Codec::Raw)?;
    write_table(&folder.join("small.refs"), id)
}

fn write_segment(path: &Path, codec: Codec) -> Result<SegmentId, Box<dyn Error>> {
    let mut writer = SegmentWriter::create(path, WriterOptions { codec, threads: 0 })?;
    for number in 0..122u8 {
        let lines = |n: usize| format!("{} lines of blob {number}\n", number.saturating_sub(2)).repeat(n);
        let text = match number {
            0 => "fn main() { println!(\"Grüße, \u{212a}elvin 日本\"); }\n".to_string(),
            121 => lines(300) + "zq the end",
            _ => lines(1 + number as usize % 5),
        };
        writer.add(NewBlob {
            oid: ObjectId([number; 20]),
            size: 1000 + u64::from(number),
            content: if number == 1 {
                Content::Skipped(SkipReason::Binary)
            } else {
                Content::Text(text.as_bytes())
            },
            flags: if number == 0 { BlobFlags::GENERATED } else { BlobFlags::default() },
            rank: number,
            language: Language(282),
            symbols: NewSymbols::default(),
        })?;
    }
    Ok(writer.finish()?.id)
}

fn write_table(path: &Path, segment: SegmentId) -> Result<(), Box<dyn Error>> {
    let names = |names: &[&str]| names.iter().map(|name| RefName::new(*name)).collect::<Result<Vec<_>, _>>();
    let revisions = [
        Revision { refs: names(&["refs/tags/v1"])?, commit: ObjectId([1; 20]), commit_time: 1_600_000_000 },
        Revision {
            refs: names(&["HEAD", "refs/heads/main"])?,
            commit: ObjectId([2; 20]),
            commit_time: 1_700_000_000,
        },
    ];
    let mut writer = RefTableWriter::create(path, &[segment], &revisions, Some(RevIdx(1)))?;
    for number in 0..300u32 {
        let path = format!("src/file-{number:03}.rs");
        let revisions = if number % 7 == 0 { &[RevIdx(1)][..] } else { &[RevIdx(0), RevIdx(1)] };
        writer.add(doc(path.as_bytes(), Some(number % 122), revisions))?;
    }
    writer.add(doc(b"vendor/module", None, &[RevIdx(0)]))?;
    writer.finish()?;
    Ok(())
}

fn doc<'a>(path: &'a [u8], blob: Option<u32>, revisions: &'a [RevIdx]) -> NewDoc<'a> {
    NewDoc {
        path,
        kind: if blob.is_some() { DocKind::File } else { DocKind::Submodule },
        oid: ObjectId([9; 20]),
        blob: blob.map(|blob| (SegmentOrdinal(0), BlobIdx(blob))),
        language: Language(327),
        flags: DocFlags::default(),
        revisions,
    }
}
