//! The checked-in table is regex-syntax's simple case folding.

use ngram::fold_char;
use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

#[test]
fn folding_equals_the_classes_of_regex_syntax() {
    for c in '\0'..=char::MAX {
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        class.case_fold_simple();
        let members = || class.iter().flat_map(|range| range.start()..=range.end());
        let representative = fold_char(c);
        assert!(members().any(|member| member == representative), "{c:?} folds out of its class");
        assert!(members().all(|member| fold_char(member) == representative), "{c:?} and its class disagree");
        let has_ascii = members().any(|member| member.is_ascii());
        assert_eq!(has_ascii, representative.is_ascii(), "{c:?}: an ASCII letter stands for its class");
        assert!(!representative.is_ascii_uppercase());
    }
}
