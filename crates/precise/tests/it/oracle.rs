//! Whatever an index says, the file says the same: compared with the message itself, with and without spilling.

use crate::made::{Taken, document, information, occurrence, scip_index};
use precise::{IngestLimits, SymbolNo, Ways};
use proptest::prelude::*;
use scip::types;
use std::collections::{BTreeMap, BTreeSet};

const SYMBOLS: [&str; 8] = [
    "s npm p 1 a#",
    "s npm p 1 a#f().",
    "s npm p 1 b#",
    "s npm other 2 x#",
    "s npm other 2 y#",
    "s . . . z#",
    "local 0",
    "local 11",
];

fn documents() -> impl Strategy<Value = Vec<types::Document>> {
    let one = (0..40i32, 0..20i32, 0..6i32, 0..3i32, 0..SYMBOLS.len(), 0..2i32);
    let occurrences = proptest::collection::vec(one, 0..200);
    let related = proptest::collection::vec((0..6usize, 0..6usize), 0..4);
    proptest::collection::vec((0..6u32, occurrences, related), 1..6).prop_map(|documents| {
        let make = |(path, occurrences, related): (u32, Vec<_>, Vec<(usize, usize)>)| {
            let at = |(line, column, len, lines, symbol, roles): (i32, i32, i32, i32, usize, i32)| {
                let end = if lines == 0 { column + len } else { len };
                occurrence(&[line, column, line + lines, end], SYMBOLS[symbol], roles)
            };
            let mut document = document(&format!("d/{path}.ts"), occurrences.into_iter().map(at).collect());
            for (source, target) in related {
                let mut said = information(SYMBOLS[source], &format!("about {source}"));
                said.relationships.push(types::Relationship {
                    symbol: SYMBOLS[target].into(),
                    is_implementation: true,
                    ..Default::default()
                });
                document.symbols.push(said);
            }
            document
        };
        documents.into_iter().map(make).collect()
    })
}

type At = (String, (u32, u32), (u32, u32), String, u32);

fn at(path: &str, occurrence: &types::Occurrence) -> At {
    let range: Vec<u32> = occurrence.range.iter().map(|number| *number as u32).collect();
    let (start, end) = ((range[0], range[1]), (range[2], range[3]));
    (path.to_owned(), start, end, occurrence.symbol.clone(), occurrence.symbol_roles as u32)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_file_says_what_the_index_said(documents in documents(), spills in any::<bool>()) {
        let expected: BTreeSet<At> = documents
            .iter()
            .flat_map(|document| document.occurrences.iter().map(|occurrence| at(&document.relative_path, occurrence)))
            .collect();
        let taken = Taken::new();
        let limits = IngestLimits { sort_bytes: if spills { 100 } else { 1 << 20 }, ..IngestLimits::default() };
        taken.take("i", &scip_index(documents.clone()), &limits);
        prop_assert_eq!(taken.files(), ["i.precise"]);
        let index = taken.open("i");

        let mut found = BTreeSet::new();
        let mut uses: BTreeMap<String, BTreeSet<At>> = BTreeMap::new();
        for place in 0..index.n_documents() {
            let document = index.document_in_order(place).expect("it is there");
            for (number, at) in index.occurrences(&document).expect("they are there").into_iter().enumerate() {
                prop_assert_eq!(index.occurrence(&document, number as u32).expect("it is there"), at);
                let name = index.name(at.symbol).expect("it has one");
                let said = (document.path.clone(), at.span.start(), at.span.end(), name.clone(), at.roles);
                let touched = index.occurrences_at(&document, at.span.end_line, at.span.end_column);
                prop_assert!(touched.expect("it can be asked").contains(&at));
                if !name.starts_with("local") {
                    uses.entry(name).or_default().insert(said.clone());
                }
                found.insert(said);
            }
        }
        prop_assert_eq!(&found, &expected);

        for symbol in SYMBOLS.iter().filter(|symbol| !symbol.starts_with("local")) {
            let Some(number) = index.find(symbol).expect("it can be asked") else {
                prop_assert!(!uses.contains_key(*symbol));
                continue;
            };
            let no = SymbolNo::Global(number);
            prop_assert_eq!(&index.name(no).expect("it has one"), symbol);
            let (definitions, references) = (index.definitions(no).expect("ok"), index.references(no).expect("ok"));
            let counts = index.counts(no).expect("ok");
            prop_assert_eq!(counts.n_definitions, definitions.len() as u64);
            prop_assert_eq!(counts.n_references, references.len() as u64);
            let told: BTreeSet<At> = definitions.into_iter().chain(references).map(|place| {
                let document = index.document(place.document).expect("it is there");
                let at = index.occurrence(&document, place.number).expect("it is there");
                (document.path, at.span.start(), at.span.end(), index.name(at.symbol).expect("one"), at.roles)
            }).collect();
            prop_assert_eq!(told, uses.remove(*symbol).unwrap_or_default());

            let sources: BTreeSet<String> = documents.iter().flat_map(|document| &document.symbols)
                .filter(|said| said.symbol != *symbol && said.relationships.iter().any(|to| to.symbol == *symbol))
                .map(|said| said.symbol.clone()).collect();
            let told: BTreeSet<String> = index.related_to(number, Ways::IMPLEMENTATION).expect("ok").into_iter()
                .map(|(source, _)| index.name(source).expect("one")).collect();
            prop_assert_eq!(told, sources);
            let is_said = documents.iter().flat_map(|document| &document.symbols).any(|said| said.symbol == *symbol);
            prop_assert_eq!(index.info(no).expect("ok").is_some(), is_said);
        }
        prop_assert!(uses.is_empty());
        prop_assert_eq!(index.find("s npm p 1 zz#").expect("ok"), None);
    }
}

#[test]
fn packages_are_defined_or_used() {
    let taken = Taken::new();
    let documents = vec![document(
        "a.ts",
        vec![
            occurrence(&[0, 0, 1], "s npm p 1 a#", 1),
            occurrence(&[1, 0, 1], "t npm p 1 b#", 1),
            occurrence(&[2, 0, 1], "s npm q 2 a#", 0),
        ],
    )];
    let mut index = scip_index(documents);
    index.external_symbols.push(information("s npm q 2 a#", "of q"));
    let summary = taken.take("i", &index, &IngestLimits::default());
    let told = |summary: &precise::Summary| {
        summary
            .packages
            .iter()
            .map(|used| format!("{}@{} {}", used.package.name, used.package.version, used.n_defined))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&summary), ["p@1 2", "q@2 0"]);
    let opened = taken.open("i");
    assert_eq!(opened.summary(), &summary);
    let number = opened.find("s npm q 2 a#").expect("ok").expect("it is there");
    let (info, document) = opened.info(SymbolNo::Global(number)).expect("ok").expect("it is said");
    assert_eq!(info.documentation, ["of q"]);
    assert_eq!(opened.document(document).expect("ok").path, "");
    assert_eq!(opened.n_documents(), 1);
}
