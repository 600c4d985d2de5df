//! Uploads and files that mean harm, or met it: a typed error, and nothing left behind.

use crate::made::{Taken, document, information, occurrence, scip_index};
use precise::{Index, IngestError, IngestLimits, Stop, SymbolNo, Ways, ingest};
use proptest::prelude::*;
use protobuf::Message;
use scip::types;
use std::sync::atomic::AtomicBool;

fn small() -> types::Index {
    let mut first = document(
        "src/a.ts",
        vec![occurrence(&[0, 0, 3], "s npm p 1 a#", 1), occurrence(&[1, 2, 5], "local 1", 1)],
    );
    first.symbols.push(information("s npm p 1 a#", "documented"));
    scip_index(vec![first, document("src/b.ts", vec![occurrence(&[7, 0, 3], "s npm p 1 a#", 0)])])
}

fn refused(bytes: &[u8], limits: &IngestLimits) -> IngestError {
    let taken = Taken::new();
    let error = taken.bytes("i", bytes, limits).expect_err("it is refused");
    assert_eq!(taken.files(), [""; 0], "{error}");
    error
}

#[test]
fn every_truncation_is_refused_or_whole() {
    let bytes = small().write_to_bytes().expect("it can be written");
    let mut n_whole = 0;
    for len in 0..bytes.len() {
        let taken = Taken::new();
        match taken.bytes("i", &bytes[..len], &IngestLimits::default()) {
            // Cut between two documents it is an index of the first.
            Ok(_) => {
                taken.open("i");
                n_whole += 1;
            }
            Err(error) => {
                assert!(matches!(error, IngestError::Malformed { .. } | IngestError::Empty), "{error}");
                assert_eq!(taken.files(), [""; 0]);
            }
        }
    }
    assert_eq!(n_whole, 1, "between the first document and the second");
}

#[test]
fn paths_outside_of_the_repository() {
    for path in [
        "",
        "/etc/passwd",
        "../a",
        "a/../../b",
        "a//b",
        "./a",
        "a/",
        "a\\b",
        "a\nb",
        "a\0b",
        ".git/config",
        "x/.GIT/y",
    ] {
        let bytes = scip_index(vec![document(path, Vec::new())]).write_to_bytes().expect("ok");
        let error = refused(&bytes, &IngestLimits::default());
        assert!(matches!(error, IngestError::OutsideRepository { .. }), "{path:?}: {error}");
    }
    let long = scip_index(vec![document(&"a".repeat(5_000), Vec::new())]).write_to_bytes().expect("ok");
    assert!(matches!(refused(&long, &IngestLimits::default()), IngestError::TooMuch { .. }));
}

#[test]
fn what_is_no_range_is_left_out_and_counted() {
    let ranges: [&[i32]; 6] = [&[], &[1], &[1, 5, 2], &[2, 0, 1, 0], &[-1, 0, 1], &[1, 2, 3, 4, 5]];
    let mut occurrences: Vec<_> = ranges.iter().map(|range| occurrence(range, "s . . . a#", 0)).collect();
    occurrences.push(occurrence(&[i32::MAX, 0, i32::MAX], "s . . . a#", 0));
    occurrences.push(occurrence(&[0, 0, 1], &"x".repeat(9_000), 0));
    let taken = Taken::new();
    let summary = taken.take("i", &scip_index(vec![document("a", occurrences)]), &IngestLimits::default());
    assert_eq!((summary.n_occurrences, summary.n_left_out), (1, 7));
    let index = taken.open("i");
    let document = index.document_in_order(0).expect("ok");
    assert!(index.occurrences_at(&document, u32::MAX, u32::MAX).expect("ok").is_empty());
}

#[test]
fn relationships_in_a_circle_end() {
    let mut circle = document("a", Vec::new());
    for (source, target) in
        [("s . . . a#", "s . . . b#"), ("s . . . b#", "s . . . a#"), ("s . . . a#", "s . . . a#")]
    {
        let mut said = information(source, "");
        let relationship = types::Relationship {
            symbol: target.into(),
            is_implementation: true,
            is_reference: true,
            is_definition: true,
            ..Default::default()
        };
        said.relationships.push(relationship);
        said.enclosing_symbol = target.into();
        circle.symbols.push(said);
    }
    let taken = Taken::new();
    taken.take("i", &scip_index(vec![circle]), &IngestLimits::default());
    let index = taken.open("i");
    let number = index.find("s . . . a#").expect("ok").expect("it is there");
    let related = index.related_to(number, Ways::IMPLEMENTATION).expect("ok");
    assert_eq!(related.len(), 1, "itself is not among them");
    assert!(index.info(SymbolNo::Global(number)).expect("ok").is_some());
}

#[test]
fn too_much_of_anything() {
    let bytes = small().write_to_bytes().expect("ok");
    let most = IngestLimits::default();
    for limits in [
        IngestLimits { input_bytes_max: bytes.len() as u64 - 1, ..most },
        IngestLimits { document_bytes_max: 10, ..most },
        IngestLimits { n_documents_max: 1, ..most },
        IngestLimits { n_document_occurrences_max: 1, ..most },
        IngestLimits { n_occurrences_max: 2, ..most },
        IngestLimits { n_mentions_max: 2, ..most },
    ] {
        let error = refused(&bytes, &limits);
        assert!(matches!(error, IngestError::TooMuch { .. }), "{limits:?}: {error}");
    }
}

#[test]
fn what_is_no_index() {
    assert!(matches!(refused(b"", &IngestLimits::default()), IngestError::Empty));
    for bytes in [
        &b"{\"metaData\": 1}"[..],
        b"\x00\x01",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x12\xff\xff\xff\xff\x0f",
    ] {
        let error = refused(bytes, &IngestLimits::default());
        assert!(matches!(error, IngestError::Malformed { .. } | IngestError::TooMuch { .. }), "{error}");
    }
    let mut bad_text = small().write_to_bytes().expect("ok");
    let at = bad_text.windows(8).position(|window| window == b"src/a.ts").expect("it is there");
    bad_text[at] = 0xff;
    assert!(matches!(refused(&bad_text, &IngestLimits::default()), IngestError::Malformed { .. }));
}

#[test]
fn it_stops_when_called_off() {
    let index = scip_index((0..6_000).map(|number| document(&format!("{number}"), Vec::new())).collect());
    let bytes = index.write_to_bytes().expect("ok");
    let taken = Taken::new();
    let run = |is_cancelled: bool, deadline| {
        let cancel = AtomicBool::new(is_cancelled);
        let stop = Stop { cancel: &cancel, deadline };
        ingest(&mut &bytes[..], &taken.path("i"), [0; 16], &IngestLimits::default(), stop)
    };
    assert!(matches!(run(true, None), Err(IngestError::Cancelled)));
    assert!(matches!(run(false, Some(std::time::Instant::now())), Err(IngestError::OutOfTime)));
    assert_eq!(taken.files(), [""; 0]);
}

#[test]
fn a_source_that_panics_is_an_error() {
    struct Panics;
    impl std::io::Read for Panics {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("as a parser might")
        }
    }
    let (taken, cancel) = (Taken::new(), AtomicBool::new(false));
    let stop = Stop { cancel: &cancel, deadline: None };
    let outcome = ingest(&mut Panics, &taken.path("i"), [0; 16], &IngestLimits::default(), stop);
    assert!(matches!(outcome, Err(IngestError::Fault)));
    assert_eq!(taken.files(), [""; 0]);
}

/// Asks everything there is to ask; errors are fine, panics are not.
fn ask(index: &Index) {
    let _ = index.verify();
    for place in 0..index.n_documents().min(50) {
        let Ok(document) = index.document_in_order(place) else { continue };
        let _ = index.documents_at(&document.path);
        let _ = index.occurrences_at(&document, 1, 3);
        for at in index.occurrences(&document).unwrap_or_default() {
            let _ = (index.name(at.symbol), index.info(at.symbol), index.counts(at.symbol));
            let _ = (index.definitions(at.symbol), index.references(at.symbol));
        }
    }
    for number in 0..6 {
        let _ = index.related_to(number, Ways(15));
        let _ = index.name(SymbolNo::Global(number));
    }
    let _ = index.find("s npm p 1 a#");
}

#[test]
fn flipped_bits_are_errors() {
    let taken = Taken::new();
    taken.take("i", &small(), &IngestLimits::default());
    let sound = std::fs::read(taken.path("i")).expect("it is there");
    let mut n_noticed = 0;
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(taken.path("j"), &bytes).expect("it can be written");
        match Index::open(&taken.path("j")) {
            Ok(index) => {
                n_noticed += usize::from(index.verify().is_err());
                ask(&index);
            }
            Err(_) => n_noticed += 1,
        }
    }
    assert!(
        n_noticed * 100 > sound.len() * 90,
        "{n_noticed} of {}: padding alone is not summed",
        sound.len()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn altered_uploads_never_panic(changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6)) {
        let mut bytes = small().write_to_bytes().expect("ok");
        for (at, value) in changes {
            let at = usize::from(at) % bytes.len();
            bytes[at] = value;
        }
        let taken = Taken::new();
        match taken.bytes("i", &bytes, &IngestLimits::default()) {
            Ok(_) => ask(&taken.open("i")),
            Err(error) => {
                prop_assert!(!matches!(error, IngestError::Fault), "{}", error);
                prop_assert!(taken.files().is_empty());
            }
        }
    }
}
