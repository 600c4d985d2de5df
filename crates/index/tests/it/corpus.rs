//! Small made-up blobs and segments of them.

use index::{
    BlobIdx, Codec, Content, NewBlob, NewSymbols, Segment, SegmentInfo, SegmentWriter, WriterOptions,
};
use model::{BlobFlags, Language, ObjectId, SkipReason};
use std::path::Path;

/// A blob's text, or why it has none.
pub(crate) type Blob = Result<Vec<u8>, SkipReason>;

/// A generator of numbers: the same for the same seed.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        // Constants of Knuth's MMIX generator.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

const WORDS: &[&str] = &[
    "alpha",
    "beta",
    "Gamma",
    "kmalloc(",
    "return",
    "if",
    "\u{212a}elvin",
    "straße",
    "日本語",
    "x",
    "//",
    "foo_bar",
    "\t",
    "0x7f",
    "éclair",
    "zz",
];

/// Lines of words, about `len` bytes.
pub(crate) fn text(numbers: &mut Numbers, len: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < len {
        let n_words = 1 + numbers.below(10);
        for _ in 0..n_words {
            text.extend(WORDS[numbers.below(WORDS.len())].as_bytes());
            text.push(b' ');
        }
        if numbers.below(20) == 0 {
            text.extend(format!("unique{}", numbers.below(100_000)).as_bytes());
        }
        text.push(b'\n');
    }
    text
}

/// Blobs of all sorts: empty, skipped, tiny, of several blocks, with a long line, without a final newline, not UTF-8.
pub(crate) fn blobs(seed: u64, n_blobs: usize) -> Vec<Blob> {
    let mut numbers = Numbers(seed);
    let blob = |idx: usize| match (idx + seed as usize) % 9 {
        0 => Ok(Vec::new()),
        1 => Err(SkipReason::Binary),
        2 => Ok(b"no newline".to_vec()),
        3 => Ok([&text(&mut numbers, 300)[..], &[b'l'; 9000], b"\n", &text(&mut numbers, 5000)].concat()),
        4 => Ok([&text(&mut numbers, 100)[..], b"\xff\xfe\x80 raw \xc3"].concat()),
        5 => Ok(b"\n\n\n".to_vec()),
        _ => {
            let len = 1 + numbers.below(20_000);
            Ok(text(&mut numbers, len))
        }
    };
    (0..n_blobs).map(blob).collect()
}

pub(crate) fn oid(idx: usize) -> ObjectId {
    let mut bytes = [7; 20];
    bytes[..8].copy_from_slice(&(idx as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    ObjectId(bytes)
}

pub(crate) fn write(path: &Path, blobs: &[Blob], codec: Codec, threads: usize) -> SegmentInfo {
    let mut writer =
        SegmentWriter::create(path, WriterOptions { codec, threads }).expect("the folder exists");
    for (idx, blob) in blobs.iter().enumerate() {
        let content = match blob {
            Ok(text) => Content::Text(text),
            Err(reason) => Content::Skipped(*reason),
        };
        let number = writer.add(NewBlob {
            oid: oid(idx),
            size: 1000 + idx as u64,
            content,
            flags: BlobFlags(idx as u16 % 8),
            rank: idx as u8,
            language: Language(idx as u32 % 7),
            symbols: NewSymbols::default(),
        });
        assert_eq!(number.expect("the disk has room"), BlobIdx(idx as u32));
    }
    writer.finish().expect("the disk has room")
}

pub(crate) fn write_and_open(path: &Path, blobs: &[Blob], codec: Codec, threads: usize) -> Segment {
    write(path, blobs, codec, threads);
    Segment::open(path).expect("it was just written")
}
