//! The raw sidecar: the same text as the segment's, or nothing.

use crate::corpus::{blobs, write_and_open};
use index::{BlobIdx, Codec, RawText, Segment, WriteRawError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn segment(folder: &Path, seed: u64) -> Segment {
    write_and_open(&folder.join(format!("{seed}.segment")), &blobs(seed, 60 + seed as usize), Codec::Lz4, 0)
}

fn sidecar(folder: &Path, segment: &Segment, wants: &dyn Fn(BlobIdx) -> bool) -> PathBuf {
    let path = folder.join("it.raw");
    RawText::write(&path, segment, wants, &mut || true).expect("it can be written");
    path
}

#[test]
fn it_holds_the_text_of_what_was_wanted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let segment = segment(folder.path(), 1);
    let wants = |blob: BlobIdx| blob.0 % 3 != 1;
    let raw = RawText::open(&sidecar(folder.path(), &segment, &wants), &segment).expect("it opens");
    let mut n_bytes = 0;
    for blob in (0..segment.n_blobs()).map(BlobIdx) {
        let mut text = Vec::new();
        segment.read_blob(blob, &mut text).expect("it was written");
        let expected = Some(&text[..]).filter(|text| wants(blob) && !text.is_empty());
        assert_eq!(raw.text(blob), expected, "{blob:?}");
        n_bytes += expected.map_or(0, <[u8]>::len) as u64;
    }
    assert_eq!(raw.text(BlobIdx(segment.n_blobs())), None);
    assert!(n_bytes > 0 && raw.size_bytes() >= n_bytes && raw.size_bytes() < n_bytes + 1024);
}

#[test]
fn one_of_another_segment_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, other) = (segment(folder.path(), 1), segment(folder.path(), 2));
    let path = sidecar(folder.path(), &one, &|_| true);
    assert!(RawText::open(&path, &other).is_err());
    let raw = Arc::new(RawText::open(&path, &one).expect("it opens"));
    assert!(!other.set_raw(Some(Arc::clone(&raw))) && other.raw().is_none());
    assert!(one.set_raw(Some(raw)) && one.raw().is_some());
    assert!(one.set_raw(None) && one.raw().is_none());
}

#[test]
fn whatever_is_damaged_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let segment = segment(folder.path(), 3);
    let path = sidecar(folder.path(), &segment, &|_| true);
    let whole = std::fs::read(&path).expect("it was written");
    let other = folder.path().join("other.raw");
    let check = |bytes: &[u8], what: &str| {
        // Under a name of its own each time: a mapped file is never written again.
        std::fs::remove_file(&other).ok();
        std::fs::write(&other, bytes).expect("it can be written");
        assert!(RawText::open(&other, &segment).is_err(), "{what}");
    };
    for len in [0, 1, 63, 64, 100, whole.len() / 2, whole.len() - 1] {
        check(&whole[..len], "cut off");
    }
    for at in (0..whole.len()).step_by(97).chain([whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        check(&bytes, "altered");
    }
    check(&[&whole[..], b"x"].concat(), "longer");
}

#[test]
fn nothing_is_left_behind_where_it_is_called_off() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let segment = segment(folder.path(), 4);
    let path = folder.path().join("it.raw");
    let mut n_left = 3;
    let outcome = RawText::write(&path, &segment, &|_| true, &mut || {
        n_left -= 1;
        n_left > 0
    });
    assert!(matches!(outcome, Err(WriteRawError::CalledOff)));
    let names: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(names.len(), 1, "only the segment: {names:?}");
}
