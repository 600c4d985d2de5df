//! Damaged files: cut off anywhere, altered anywhere. Always an error or a right answer, never a panic.

use crate::corpus::{Numbers, blobs, write};
use crate::reftable::write_table;
use index::{
    BlobIdx, BlockIdx, ChunkIdx, Codec, DocIdx, Granularity, GroupIdx, RefTable, RevIdx, RevSetIdx, Segment,
    SegmentOrdinal,
};
use ngram::GramQuery;
use std::path::Path;

/// Reads everything a segment offers, whatever comes of it.
fn exercise_segment(path: &Path) {
    let Ok(segment) = Segment::open(path) else { return };
    let mut text = Vec::new();
    for blob in (0..segment.n_blobs().min(300) + 1).map(BlobIdx) {
        let _ = (segment.blob(blob), segment.newlines_of_blob(blob), segment.read_blob(blob, &mut text));
        text.clear();
    }
    for block in (0..segment.n_blocks().min(300) + 1).map(BlockIdx) {
        let _ = (segment.blob_of_block(block), segment.lines_before(block), segment.block_range(block));
        let _ = segment.block(block, &mut text);
    }
    let _ = segment.find(&crate::corpus::oid(3));
    for (query, granularity) in
        [("alpha", Granularity::Block), ("foo_bar zz", Granularity::Blob), ("if", Granularity::Block)]
    {
        let Ok(prepared) = segment.prepare(&GramQuery::literal(query.as_bytes()), granularity) else {
            continue;
        };
        (0..segment.n_chunks().min(100) + 1)
            .for_each(|chunk| drop(prepared.candidates(ChunkIdx(chunk), None)));
    }
    let _ = segment.verify();
}

fn exercise_table(path: &Path) {
    let Ok(table) = RefTable::open(path) else { return };
    let mut text = Vec::new();
    for doc in (0..table.n_docs().min(300) + 1).map(DocIdx) {
        let _ = (table.doc(doc), table.path(doc, &mut text));
    }
    for set in (0..table.n_sets().min(100) + 1).map(RevSetIdx) {
        let _ = (table.set_contains(set, RevIdx(1)), table.set_revisions(set));
    }
    let _ = (table.find(b"src/main.rs", RevIdx(0)), table.children(b"src", RevIdx(1)));
    let _ = (table.docs_of_blob(SegmentOrdinal(0), BlobIdx(5)), table.rev_filter(&[RevIdx(0)]));
    let _ = table.for_each_candidate(&GramQuery::literal(b"main"), &mut |_, _, _| true);
    let _ = table.for_each_in_group(GroupIdx(0), &mut |_, _, _| true);
    let _ = table.verify();
}

/// Where the section table says that each section lies, from the file's own words.
fn sections(file: &[u8]) -> Vec<(usize, usize, usize)> {
    let number = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().expect("eight bytes")) as usize;
    let trailer = file.len() - 32;
    let n_sections = number(trailer + 16) & 0xffff_ffff;
    let entry = |idx: usize| trailer - (n_sections - idx) * 32;
    (0..n_sections).map(|idx| (entry(idx), number(entry(idx) + 8), number(entry(idx) + 16))).collect()
}

/// Makes all checksums right again, so that damage reaches the code behind them.
fn repair_checksums(file: &mut [u8], sections: &[(usize, usize, usize)]) {
    let number = |file: &[u8], at: usize| {
        u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize
    };
    let sums =
        sections.iter().find(|(entry, _, _)| number(file, *entry) == 3).map_or(0, |(_, offset, _)| *offset);
    for (entry, offset, len) in sections {
        if number(file, entry + 4) == 0 || sums == 0 {
            continue;
        }
        let mut at = sums + number(file, entry + 28) * 4;
        if at > file.len() - len {
            continue;
        }
        for start in (*offset..offset + len).step_by(1 << 14) {
            let sum = crc32fast::hash(&file[start..(start + (1 << 14)).min(offset + len)]);
            file[at..at + 4].copy_from_slice(&sum.to_le_bytes());
            at += 4;
        }
    }
    for (entry, offset, len) in sections {
        let sum = crc32fast::hash(&file[*offset..offset + len]);
        if number(file, entry + 4) == 0 {
            file[entry + 24..entry + 28].copy_from_slice(&sum.to_le_bytes());
        }
    }
    let sum = crc32fast::hash(&file[..60]);
    file[60..64].copy_from_slice(&sum.to_le_bytes());
    let (table, trailer) = (sections.first().map_or(0, |(entry, _, _)| *entry), file.len() - 32);
    let sum = crc32fast::hash(&file[table..trailer + 20]);
    file[trailer + 20..trailer + 24].copy_from_slice(&sum.to_le_bytes());
}

/// Damages `sound` in many ways and calls `exercise` on each.
fn damage(sound: &[u8], path: &Path, exercise: fn(&Path)) {
    let mut numbers = Numbers(sound.len() as u64);
    let try_bytes = |bytes: &[u8]| {
        std::fs::write(path, bytes).expect("the disk has room");
        exercise(path);
    };
    for len in (0..sound.len()).step_by(1 + sound.len() / 60) {
        try_bytes(&sound[..len]);
    }
    for round in 0..400 {
        let mut bytes = sound.to_vec();
        let sections = sections(sound);
        let (_, offset, len) = sections[numbers.below(sections.len())];
        for _ in 0..=numbers.below(4) {
            // Anywhere, or near the start of a section, where the lengths are.
            let at = if round % 2 == 0 {
                numbers.below(sound.len() - 96)
            } else {
                offset + numbers.below(len.clamp(1, 64))
            };
            bytes[at] = [0, 0xff, 0x80, bytes[at] ^ 1, bytes[at].wrapping_add(1)][numbers.below(5)];
        }
        try_bytes(&bytes);
        repair_checksums(&mut bytes, &sections);
        try_bytes(&bytes);
    }
}

#[test]
fn damaged_segments_do_no_harm() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sound, damaged) = (folder.path().join("sound.seg"), folder.path().join("damaged.seg"));
    for (seed, n_blobs) in [(5, 12), (6, 120)] {
        write(&sound, &blobs(seed, n_blobs), Codec::Lz4, 0);
        let bytes = std::fs::read(&sound).expect("it was written");
        let mut repaired = bytes.clone();
        repair_checksums(&mut repaired, &sections(&bytes));
        assert!(repaired == bytes, "the test knows where checksums are");
        damage(&bytes, &damaged, exercise_segment);
    }
}

#[test]
fn damaged_ref_tables_do_no_harm() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sound, damaged) = (folder.path().join("sound.refs"), folder.path().join("damaged.refs"));
    for n_docs in [20, 400] {
        write_table(&sound, n_docs);
        let bytes = std::fs::read(&sound).expect("it was written");
        damage(&bytes, &damaged, exercise_table);
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.seg");
    write(&path, &blobs(7, 8), Codec::Lz4, 0);
    let sound = std::fs::read(&path).expect("it was written");
    let covered = sections(&sound);
    let is_covered = |at: usize| {
        at < 64
            || at >= sound.len() - 32
            || covered.iter().any(|(entry, offset, len)| {
                (*offset..offset + len).contains(&at) || (*entry..entry + 32).contains(&at)
            })
    };
    for at in (0..sound.len()).step_by(7).filter(|at| is_covered(*at)) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).expect("the disk has room");
        let noticed = Segment::open(&path).map_or(true, |segment| segment.verify().is_err());
        // The offset of the hot range is for readers of object storage; nothing here depends on it, but its sum does.
        assert!(noticed, "byte {at} of {}", sound.len());
    }
}
