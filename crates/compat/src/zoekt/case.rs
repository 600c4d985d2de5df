//! What a regular expression says of itself: whether it is plain text, and whether it holds upper case.

use regex_syntax::ast::{Ast, ClassSetItem, ClassSetRange, Literal, Visitor, parse::Parser, visit};
use std::convert::Infallible;

/// The text that an expression matches and nothing else, where it is plain.
pub(super) fn literal_of(regex: &str) -> Option<String> {
    let ast = Parser::new().parse(regex).ok()?;
    match &ast {
        Ast::Literal(literal) => Some(literal.c.to_string()),
        Ast::Concat(concat) => concat
            .asts
            .iter()
            .map(|ast| match ast {
                Ast::Literal(literal) if literal.byte().is_none() => Some(literal.c),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Whether an expression asks for upper case: what makes `case:auto` sensitive. `\W` and the like do not.
pub(super) fn has_upper_case(regex: &str) -> bool {
    Parser::new().parse(regex).is_ok_and(|ast| match visit(&ast, Upper { found: false }) {
        Ok(found) => found,
        Err(never) => match never {},
    })
}

struct Upper {
    found: bool,
}

impl Upper {
    fn see(&mut self, literal: &Literal) {
        self.found |= literal.c.is_uppercase();
    }
}

impl Visitor for Upper {
    type Output = bool;
    type Err = Infallible;

    fn finish(self) -> Result<bool, Infallible> {
        Ok(self.found)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Infallible> {
        if let Ast::Literal(literal) = ast {
            self.see(literal);
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Infallible> {
        match item {
            ClassSetItem::Literal(literal) => self.see(literal),
            ClassSetItem::Range(ClassSetRange { start, end, .. }) => {
                self.see(start);
                self.see(end);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_and_upper_case() {
        assert_eq!(literal_of(r"a\.b"), Some("a.b".into()));
        assert_eq!(literal_of("é"), Some("é".into()));
        for regex in ["a.b", "a|b", "(a)", "a*", "^a", "[a]"] {
            assert_eq!(literal_of(regex), None, "{regex}");
        }
        for regex in ["Abc", "a[A-Z]", "a[xY]", "(a|B)", "É"] {
            assert!(has_upper_case(regex), "{regex}");
        }
        for regex in ["abc", r"\Wa\B\D", r"\pL", "[a-z]", "."] {
            assert!(!has_upper_case(regex), "{regex}");
        }
    }
}
