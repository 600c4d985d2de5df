//! Files made to hurt: limits are kept and told.

use owners::{
    CodeOwners, DIAGNOSTICS_MAX, Dialect, Fault, OwnersFile, OwnersTree, RULES_MAX, SIZE_BYTES_MAX,
};
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn files_of_ten_megabytes_are_not_read() {
    let text = "* @a\n".repeat(2 << 20);
    assert!(text.len() > SIZE_BYTES_MAX);
    for dialect in [Dialect::GitHub, Dialect::GitLab] {
        let rules = CodeOwners::parse(&text, dialect);
        assert_eq!(rules.diagnostics()[0].fault, Fault::FileTooLarge);
        assert!(rules.of(b"a").is_empty());
    }
    assert_eq!(OwnersFile::parse(&text).diagnostics()[0].fault, Fault::FileTooLarge);
}

#[test]
fn counts_are_limited_and_told() {
    let rules = CodeOwners::parse(&"* @a\n".repeat(RULES_MAX + 10), Dialect::GitHub);
    assert_eq!(rules.diagnostics()[0].fault, Fault::TooManyRules);
    let owners: String = (0..1_000).map(|n| format!(" @a{n}")).collect();
    let rules = CodeOwners::parse(&format!("*{owners}\n"), Dialect::GitHub);
    assert_eq!((rules.of(b"x")[0].owners.len(), &rules.diagnostics()[0].fault), (200, &Fault::TooManyOwners));
    let rules = CodeOwners::parse(&"x nobody\n".repeat(1_000), Dialect::GitHub);
    assert_eq!(rules.diagnostics().len(), DIAGNOSTICS_MAX);
}

#[test]
fn files_that_include_each_other_end() {
    let files = (0..500).map(|n| {
        let text: String = (0..500).map(|m| format!("include /d{m}/OWNERS\nfile:/d{m}/OWNERS\n")).collect();
        (format!("d{n}/OWNERS"), Arc::new(OwnersFile::parse(&format!("{text}a{n}@b\n"))))
    });
    let tree = OwnersTree::new(files.collect());
    let found = tree.of(b"d0/x");
    assert!(!found.is_empty() && found.len() < 3_000, "{}", found.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in "[-#!^\\[\\]*/?{}\\\\ @=,.:a-c\n]{0,200}", path in "[a-c/.]{0,20}") {
        for dialect in [Dialect::GitHub, Dialect::GitLab] {
            let _ = CodeOwners::parse(&text, dialect).of(path.as_bytes());
        }
        let file = Arc::new(OwnersFile::parse(&text));
        let tree = OwnersTree::new([("OWNERS".to_owned(), file)].into());
        let _ = tree.of(path.as_bytes());
    }
}
