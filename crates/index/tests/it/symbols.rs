//! Definitions come back as they were written: by name, by gram, by blob, after a merge, and never from damaged bytes.

use index::{
    BlobIdx, BlockBitmap, Codec, Content, MergePart, NameGroupIdx, NewBlob, NewSymbol, NewSymbols, Segment,
    SegmentWriter, SymbolIdx, SymbolTable, WriterOptions, merge,
};
use model::{BlobFlags, Language, ObjectId, SymbolKind};
use ngram::GramQuery;
use std::collections::BTreeMap;
use std::path::Path;

/// Name, kind, container, start of the name, extent.
type Row = (Vec<u8>, SymbolKind, Vec<u8>, u32, std::ops::Range<u32>);

/// A blob's text is its names, each on a line of its own.
fn blob(number: u32) -> (String, Vec<Row>) {
    let (mut text, mut rows) = (String::new(), Vec::new());
    for idx in 0..number % 150 {
        let start = text.len() as u32;
        let name = match idx % 3 {
            0 => format!("Shared_{}", idx % 7),
            1 => format!("read_file_{number}_{idx}"),
            _ => format!("K{}alloc", "m".repeat(idx as usize % 40)),
        };
        text.push_str("  ");
        text.push_str(&name);
        text.push_str(" {}\n");
        let container = if idx % 5 == 4 { format!("Outer{}", idx / 10) } else { String::new() };
        let kind = SymbolKind::ALL[idx as usize % SymbolKind::ALL.len()];
        rows.push((name.into_bytes(), kind, container.into_bytes(), start + 2, start..text.len() as u32));
    }
    (text, rows)
}

fn write(path: &Path, blobs: std::ops::Range<u32>) -> Segment {
    let mut writer =
        SegmentWriter::create(path, WriterOptions { codec: Codec::Lz4, threads: 0 }).expect("created");
    for number in blobs {
        let (text, rows) = blob(number);
        let symbols: Vec<NewSymbol<'_>> = rows
            .iter()
            .map(|(name, kind, container, name_start, extent)| NewSymbol {
                name,
                name_start: *name_start,
                kind: *kind,
                container,
                extent: extent.clone(),
            })
            .collect();
        let symbols = match number % 11 {
            10 => NewSymbols::Cut(&symbols),
            _ => NewSymbols::Known(&symbols),
        };
        let mut oid = [0; 20];
        oid[..4].copy_from_slice(&number.to_be_bytes());
        let new = NewBlob {
            oid: ObjectId(oid),
            size: text.len() as u64,
            content: Content::Text(text.as_bytes()),
            flags: BlobFlags::default(),
            rank: 0,
            language: Language::UNKNOWN,
            symbols,
        };
        writer.add(new).expect("added");
    }
    writer.finish().expect("finished");
    Segment::open(path).expect("opened")
}

fn rows(table: &SymbolTable<'_>, blob: BlobIdx) -> Vec<Row> {
    let mut found = Vec::new();
    table
        .for_each(table.of_blob(blob).expect("sound"), &mut |number, definition| {
            assert_eq!(table.get(number).as_ref(), Ok(definition));
            assert_eq!(table.blob_of(number), Ok(blob));
            let mut name = Vec::new();
            table.name(definition.name, &mut name).expect("sound");
            let container = table.container(definition.container).expect("sound").to_vec();
            let extent = definition.extent.start as u32..definition.extent.end as u32;
            found.push((
                name,
                definition.kind.expect("known"),
                container,
                definition.name_start as u32,
                extent,
            ));
            true
        })
        .expect("sound");
    found
}

#[test]
fn definitions_come_back_by_blob_and_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let segment = write(&folder.path().join("a.seg"), 0..200);
    assert_eq!(segment.verify(), Ok(()));
    let table = segment.symbols().expect("sound").expect("written");
    let mut by_name: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
    let mut number = 0;
    for blob_number in 0..200 {
        let (_, expected) = blob(blob_number);
        assert_eq!(rows(&table, BlobIdx(blob_number)), expected);
        for row in expected {
            by_name.entry(row.0).or_default().push(number);
            number += 1;
        }
    }
    assert_eq!((table.n_symbols(), table.n_names()), (number, by_name.len() as u32));
    let cut: Vec<u32> = (0..table.n_cut()).map(|at| table.cut_blob(at).expect("sound").0).collect();
    assert_eq!(cut, (0..200).filter(|number| number % 11 == 10).collect::<Vec<_>>());
    for literal in ["read_file_77", "SHARED_3", "kalloc", "mmmalloc", "nowhere", "al", ""] {
        let groups = table.candidate_groups(&GramQuery::literal(literal.as_bytes())).expect("sound");
        let groups = groups.unwrap_or_else(|| (0..table.n_name_groups()).map(NameGroupIdx).collect());
        let holds = |name: &[u8]| {
            String::from_utf8_lossy(name).to_ascii_lowercase().contains(&literal.to_ascii_lowercase())
        };
        let mut found = BTreeMap::new();
        for group in groups {
            table
                .for_each_name(group, &mut |_, name, definitions| {
                    if holds(name) {
                        found.insert(name.to_vec(), definitions.to_vec());
                    }
                    true
                })
                .expect("sound");
        }
        let expected: BTreeMap<_, _> = by_name
            .iter()
            .filter(|(name, _)| holds(name))
            .map(|(name, at)| (name.clone(), at.clone()))
            .collect();
        assert_eq!(found, expected, "{literal}");
    }
    for prefix in ["read_file_1", "SHARED", "k", "zzz", ""] {
        let mut found = Vec::new();
        for group in table.groups_with_prefix(prefix.as_bytes()).expect("sound") {
            table
                .for_each_name(NameGroupIdx(group), &mut |_, name, _| {
                    if name.to_ascii_lowercase().starts_with(prefix.to_ascii_lowercase().as_bytes()) {
                        found.push(name.to_vec());
                    }
                    true
                })
                .expect("sound");
        }
        found.sort();
        let starts =
            |name: &&Vec<u8>| name.to_ascii_lowercase().starts_with(prefix.to_ascii_lowercase().as_bytes());
        assert_eq!(found, by_name.keys().filter(starts).cloned().collect::<Vec<_>>(), "{prefix}");
    }
    assert!(table.get(SymbolIdx(table.n_symbols())).is_err());
}

#[test]
fn merging_keeps_definitions() {
    let folder = tempfile::tempdir().expect("a folder");
    let (left, right) =
        (write(&folder.path().join("a.seg"), 0..60), write(&folder.path().join("b.seg"), 60..150));
    let (mut live_left, live_right) = (BlockBitmap::full(60), BlockBitmap::full(90));
    (0..60).step_by(3).for_each(|dead| live_left.remove(dead));
    let path = folder.path().join("c.seg");
    let parts =
        [MergePart { segment: &left, live: &live_left }, MergePart { segment: &right, live: &live_right }];
    let merged = merge(&path, &parts, &|| false).expect("merged");
    let segment = Segment::open(&path).expect("opened");
    assert_eq!(segment.verify(), Ok(()));
    let table = segment.symbols().expect("sound").expect("written");
    let first = [0, 60];
    for (part, places) in merged.blobs.iter().enumerate() {
        for (number, place) in (first[part]..).zip(places) {
            if let Some(place) = place {
                assert_eq!(rows(&table, *place), blob(number).1);
            }
        }
    }
    let n_cut = (0..150).filter(|number| number % 11 == 10 && (*number >= 60 || number % 3 != 0)).count();
    assert_eq!(table.n_cut() as usize, n_cut);
}

#[test]
fn damaged_definitions_are_an_error_and_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.seg");
    let size = write(&path, 0..40).size_bytes() as usize;
    let whole = std::fs::read(&path).expect("read");
    let mut n_faults = 0;
    for at in (64..size).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let damaged = folder.path().join("b.seg");
        std::fs::write(&damaged, &bytes).expect("written");
        let Ok(segment) = Segment::open(&damaged) else {
            n_faults += 1;
            continue;
        };
        if let Ok(Some(table)) = segment.symbols() {
            for group in 0..table.n_name_groups() {
                drop(table.for_each_name(NameGroupIdx(group), &mut |_, _, _| true));
            }
            drop(table.for_each(SymbolIdx(0)..SymbolIdx(u32::MAX), &mut |number, definition| {
                drop((table.blob_of(number), table.container(definition.container)));
                true
            }));
        }
        n_faults += usize::from(segment.verify().is_err());
        std::fs::remove_file(&damaged).expect("removed");
    }
    assert!(n_faults > (size - 64) / 97 / 2, "{n_faults}");
}

#[test]
fn definitions_outside_their_text_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.seg");
    let mut writer =
        SegmentWriter::create(&path, WriterOptions { codec: Codec::Lz4, threads: 0 }).expect("created");
    let symbol =
        NewSymbol { name: b"far", name_start: 9, kind: SymbolKind::Class, container: b"", extent: 9..12 };
    let refused = writer.add(NewBlob {
        oid: ObjectId([1; 20]),
        size: 3,
        content: Content::Text(b"far"),
        flags: BlobFlags::default(),
        rank: 0,
        language: Language::UNKNOWN,
        symbols: NewSymbols::Known(&[symbol]),
    });
    assert!(refused.is_err());
}
