//! Packs and loose objects that no git would write: their ids, sizes and references are whatever a test wants.

use model::ObjectId;
use testkit::git::GitRepo;

/// One entry of a forged pack.
pub(crate) enum Entry {
    /// A whole object: type number (1 commit, 2 tree, 3 blob), and its bytes.
    Whole(u8, Vec<u8>),
    /// A delta on the object of this id.
    RefDelta(ObjectId, Vec<u8>),
    /// A whole object whose header tells this size.
    Lying(u8, u64, Vec<u8>),
}

/// An instruction of a delta.
pub(crate) enum Instruction {
    /// Copies this range (start, length up to 0xff_ffff) of the base.
    Copy(u32, u32),
    /// Inserts these bytes, at most 127.
    Insert(Vec<u8>),
}

/// An id for a forged object.
pub(crate) fn id(n: u8) -> ObjectId {
    ObjectId([n; 20])
}

/// A delta that tells these sizes of base and result, whatever its instructions do.
pub(crate) fn delta(base_size: u64, result_size: u64, instructions: &[Instruction]) -> Vec<u8> {
    let mut bytes = [size_varint(base_size), size_varint(result_size)].concat();
    for instruction in instructions {
        match instruction {
            Instruction::Copy(start, length) => {
                bytes.push(0xff);
                bytes.extend_from_slice(&start.to_le_bytes());
                bytes.extend_from_slice(&length.to_le_bytes()[..3]);
            }
            Instruction::Insert(inserted) => {
                bytes.push(inserted.len() as u8);
                bytes.extend_from_slice(inserted);
            }
        }
    }
    bytes
}

/// Writes a pack of these entries, with its index, into the repository.
pub(crate) fn write_pack(repo: &GitRepo, entries: &[(ObjectId, Entry)]) {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend_from_slice(&(entries.len() as u32).to_be_bytes());
    let mut offsets = Vec::new();
    for (id, entry) in entries {
        offsets.push((*id, pack.len() as u32));
        match entry {
            Entry::Whole(kind, content) => {
                pack.extend(entry_header(*kind, content.len() as u64));
                pack.extend(stored_zlib(content));
            }
            Entry::Lying(kind, size, content) => {
                pack.extend(entry_header(*kind, *size));
                pack.extend(stored_zlib(content));
            }
            Entry::RefDelta(base, delta) => {
                pack.extend(entry_header(7, delta.len() as u64));
                pack.extend(base.0);
                pack.extend(stored_zlib(delta));
            }
        }
    }
    pack.extend([0; 20]);
    repo.write_raw("objects/pack/pack-f0.pack", &pack);
    repo.write_raw("objects/pack/pack-f0.idx", &index(offsets));
}

/// Writes a loose object that tells this kind and size, whatever its content is.
pub(crate) fn write_loose(repo: &GitRepo, id: ObjectId, kind: &str, size: u64, content: &[u8]) {
    let bytes = [format!("{kind} {size}\0").as_bytes(), content].concat();
    write_loose_bytes(repo, id, &stored_zlib(&bytes));
}

/// Writes a loose object file of exactly these bytes.
pub(crate) fn write_loose_bytes(repo: &GitRepo, id: ObjectId, bytes: &[u8]) {
    let hex = id.to_string();
    repo.write_raw(&format!("objects/{}/{}", &hex[..2], &hex[2..]), bytes);
}

/// A version 2 index of a pack.
fn index(mut offsets: Vec<(ObjectId, u32)>) -> Vec<u8> {
    offsets.sort();
    let mut bytes = b"\xfftOc\0\0\0\x02".to_vec();
    for first in 0..=255u8 {
        let n_until = offsets.iter().filter(|(id, _)| id.0[0] <= first).count() as u32;
        bytes.extend(n_until.to_be_bytes());
    }
    bytes.extend(offsets.iter().flat_map(|(id, _)| id.0));
    bytes.extend(offsets.iter().flat_map(|_| [0; 4]));
    bytes.extend(offsets.iter().flat_map(|(_, offset)| offset.to_be_bytes()));
    bytes.extend([0; 40]);
    bytes
}

fn entry_header(kind: u8, size: u64) -> Vec<u8> {
    let mut byte = kind << 4 | (size & 15) as u8;
    let mut rest = size >> 4;
    let mut bytes = Vec::new();
    while rest > 0 {
        bytes.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    bytes.push(byte);
    bytes
}

fn size_varint(mut size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while size >= 0x80 {
        bytes.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes
}

/// A zlib stream of stored blocks: valid, and not compressed.
fn stored_zlib(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let mut blocks = content.chunks(0xffff).peekable();
    if content.is_empty() {
        bytes.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let n_bytes = block.len() as u16;
        bytes.push(u8::from(blocks.peek().is_none()));
        bytes.extend(n_bytes.to_le_bytes());
        bytes.extend((!n_bytes).to_le_bytes());
        bytes.extend(block);
    }
    let (mut low, mut high) = (1u32, 0u32);
    for byte in content {
        low = (low + u32::from(*byte)) % 65521;
        high = (high + low) % 65521;
    }
    bytes.extend((high << 16 | low).to_be_bytes());
    bytes
}
