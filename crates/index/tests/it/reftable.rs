//! Ref tables against a plain list of the same documents.

use crate::corpus::Numbers;
use index::{
    BlobIdx, Child, DocIdx, DocKind, NewDoc, RefTable, RefTableWriter, RevIdx, Revision, SegmentId,
    SegmentOrdinal,
};
use model::{DocFlags, Language, ObjectId, RefName};
use ngram::GramQuery;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Own {
    path: Vec<u8>,
    blob: Option<(SegmentOrdinal, BlobIdx)>,
    revisions: Vec<RevIdx>,
}

const N_REVISIONS: u32 = 70;

/// Documents without two at one path in one revision, and without a file that is also a folder.
fn docs(n_docs: usize) -> Vec<Own> {
    let mut numbers = Numbers(n_docs as u64);
    let folders: &[&[u8]] =
        &[b"", b"src/", b"src/deep/er/", b"src-old/", b"src.d/", "日本/".as_bytes(), b"x\ny/", b"\xff\xfe/"];
    let mut docs = Vec::new();
    for idx in 0..n_docs {
        let folder = folders[numbers.below(folders.len())];
        let path = [folder, format!("Main{idx}.rs").as_bytes()].concat();
        let split = numbers.below(N_REVISIONS as usize) as u32;
        let halves = if idx % 5 == 0 {
            vec![0..split, split..N_REVISIONS]
        } else {
            vec![split / 2..N_REVISIONS, 0..0]
        };
        for (half, revisions) in halves.into_iter().enumerate().filter(|(_, revisions)| !revisions.is_empty())
        {
            let blob = (idx % 11 != 3)
                .then(|| (SegmentOrdinal(half as u16), BlobIdx(numbers.below(n_docs) as u32 / 2)));
            let step = if idx % 3 == 0 { 2 } else { 1 };
            docs.push(Own {
                path: path.clone(),
                blob,
                revisions: revisions.step_by(step).map(RevIdx).collect(),
            });
        }
    }
    docs
}

pub(crate) fn write_table(path: &Path, n_docs: usize) {
    write(path, &docs(n_docs));
}

fn revisions() -> Vec<Revision> {
    let revision = |number: u32| Revision {
        refs: (0..number % 3)
            .map(|n| RefName::new(format!("refs/heads/é{number}-{n}")).expect("valid"))
            .collect(),
        commit: ObjectId([number as u8; 20]),
        commit_time: -5 + i64::from(number),
    };
    (0..N_REVISIONS).map(revision).collect()
}

fn write(path: &Path, docs: &[Own]) {
    let segments = [SegmentId([1; 16]), SegmentId([2; 16])];
    let mut writer =
        RefTableWriter::create(path, &segments, &revisions(), Some(RevIdx(69))).expect("the folder exists");
    for doc in docs {
        let added = writer.add(NewDoc {
            path: &doc.path,
            kind: if doc.blob.is_some() { DocKind::Executable } else { DocKind::Submodule },
            oid: ObjectId([doc.path.len() as u8; 20]),
            blob: doc.blob,
            language: Language(doc.path.len() as u32),
            flags: DocFlags::TEST,
            revisions: &doc.revisions,
        });
        added.expect("a valid document");
    }
    let info = writer.finish().expect("the disk has room");
    assert_eq!(info.n_docs as usize, docs.len());
}

fn read_all(table: &RefTable) -> Vec<Own> {
    let mut docs = Vec::new();
    let read = table.for_each_candidate(&GramQuery::All, &mut |idx, path, doc| {
        assert_eq!(idx, DocIdx(docs.len() as u32));
        assert_eq!(table.doc(idx).as_ref(), Ok(doc));
        let mut own_path = b"left over".to_vec();
        table.path(idx, &mut own_path).expect("sound");
        assert_eq!(own_path, path);
        assert_eq!(doc.submodule, doc.blob.is_none().then_some(ObjectId([path.len() as u8; 20])));
        assert_eq!((doc.language, doc.flags), (Language(path.len() as u32), DocFlags::TEST));
        let revisions = table.set_revisions(doc.revisions).expect("sound");
        docs.push(Own { path: path.to_vec(), blob: doc.blob, revisions });
        true
    });
    read.expect("sound");
    docs
}

fn children_by_hand(docs: &[Own], folder: &[u8], revision: RevIdx) -> BTreeMap<Vec<u8>, bool> {
    let prefix = if folder.is_empty() { Vec::new() } else { [folder, b"/"].concat() };
    let own = docs.iter().filter(|doc| doc.revisions.contains(&revision));
    let rest = own.filter_map(|doc| doc.path.strip_prefix(&prefix[..]));
    let name = |rest: &[u8]| rest.split(|byte| *byte == b'/').next().map(<[u8]>::to_vec).unwrap_or_default();
    rest.map(|rest| (name(rest), rest.contains(&b'/'))).collect()
}

#[test]
fn tables_come_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.refs");
    for n_docs in [0, 1, 15, 16, 17, 130, 2000] {
        let docs = docs(n_docs);
        write(&path, &docs);
        let table = RefTable::open(&path).expect("it was just written");
        assert_eq!(table.verify(), Ok(()));
        assert_eq!((table.revisions(), table.default_revision()), (&revisions()[..], Some(RevIdx(69))));
        assert_eq!(table.segments(), [SegmentId([1; 16]), SegmentId([2; 16])]);
        let read = read_all(&table);
        assert!(read.is_sorted_by_key(|doc| doc.path.clone()));
        assert_eq!(read.iter().collect::<BTreeSet<_>>(), docs.iter().collect::<BTreeSet<_>>());
        assert_eq!(read.len(), docs.len());
        for revision in [0, 1, 40, 69].map(RevIdx) {
            check_revision(&table, &read, revision);
        }
        for (segment, blob) in read.iter().filter_map(|doc| doc.blob).take(50) {
            let found = table.docs_of_blob(segment, blob).expect("sound");
            let expected = (0..read.len()).filter(|idx| read[*idx].blob == Some((segment, blob)));
            assert_eq!(found, expected.map(|idx| DocIdx(idx as u32)).collect::<Vec<_>>());
        }
        assert_eq!(table.docs_of_blob(SegmentOrdinal(7), BlobIdx(0)), Ok(Vec::new()));
    }
}

fn check_revision(table: &RefTable, read: &[Own], revision: RevIdx) {
    let filter = table.rev_filter(&[revision]).expect("sound");
    for (idx, own) in read.iter().enumerate() {
        let doc = table.doc(DocIdx(idx as u32)).expect("sound");
        let holds = own.revisions.contains(&revision);
        assert_eq!(filter.admits(doc.revisions), holds);
        assert_eq!(table.set_contains(doc.revisions, revision), Ok(holds));
        let found = table.find(&own.path, revision).expect("sound");
        let expected =
            read.iter().position(|other| other.path == own.path && other.revisions.contains(&revision));
        assert_eq!(found, expected.map(|idx| DocIdx(idx as u32)));
    }
    assert_eq!(table.find(b"src", revision), Ok(None));
    for folder in
        [&b""[..], b"src", b"src/deep", b"src/deep/er", b"src-old", b"sr", b"nowhere", b"\xff\xfe", b"x\ny"]
    {
        let children = table.children(folder, revision).expect("sound");
        let found = children.iter().map(|Child { name, doc }| (name.clone(), doc.is_none()));
        assert_eq!(found.collect::<BTreeMap<_, _>>(), children_by_hand(read, folder, revision));
        assert!(children.is_sorted_by(|left, right| left.name < right.name));
    }
}

#[test]
fn path_queries_find_what_brute_force_finds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.refs");
    let docs = docs(2000);
    write(&path, &docs);
    let table = RefTable::open(&path).expect("it was just written");
    for literal in ["Main17", "main1999.rs", "deep/er/MAIN5", "日本", "src-", "x\ny/", "nowhere", "1.", "n"]
    {
        let lower = |bytes: &[u8]| bytes.to_ascii_lowercase();
        let holds =
            |path: &[u8]| lower(path).windows(literal.len()).any(|part| part == lower(literal.as_bytes()));
        let (mut found, mut n_seen) = (0, 0);
        let read = table.for_each_candidate(&GramQuery::literal(literal.as_bytes()), &mut |_, path, _| {
            found += usize::from(holds(path));
            n_seen += 1;
            true
        });
        read.expect("sound");
        assert_eq!(found, docs.iter().filter(|doc| holds(&doc.path)).count(), "{literal}");
        assert!(literal != "Main17" || n_seen < docs.len() / 2, "the index narrows: {n_seen}");
    }
}

#[test]
fn contradictions_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.refs");
    assert!(RefTableWriter::create(&path, &[], &revisions(), Some(RevIdx(N_REVISIONS))).is_err());
    let mut writer = RefTableWriter::create(&path, &[], &revisions(), None).expect("the folder exists");
    let doc = NewDoc {
        path: b"a",
        kind: DocKind::Submodule,
        oid: ObjectId::NULL,
        blob: None,
        language: Language::UNKNOWN,
        flags: DocFlags::default(),
        revisions: &[RevIdx(0)],
    };
    assert!(writer.add(doc).is_ok());
    assert!(writer.add(NewDoc { path: b"", ..doc }).is_err());
    assert!(writer.add(NewDoc { path: &[b'a'; 70_000], ..doc }).is_err());
    assert!(writer.add(NewDoc { kind: DocKind::File, ..doc }).is_err());
    assert!(
        writer
            .add(NewDoc { blob: Some((SegmentOrdinal(0), BlobIdx(0))), kind: DocKind::File, ..doc })
            .is_err()
    );
    for revisions in [&[][..], &[RevIdx(1), RevIdx(0)], &[RevIdx(0), RevIdx(0)], &[RevIdx(N_REVISIONS)]] {
        assert!(writer.add(NewDoc { revisions, ..doc }).is_err());
    }
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).expect("it exists").count(), 0);
}
