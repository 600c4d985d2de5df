//! Code: comments, strings, numbers, words.

use super::rules::{Code, StringRule, WordTable};
use crate::highlight::{Budget, Class, HighlightError, Span, push_span};
use memchr::memmem;

/// How many tokens are read between looks at the clock.
const TOKENS_PER_CHECK: usize = 1024;

/// Lexes code.
pub(super) fn spans(rules: &Code, text: &str, budget: &Budget<'_>) -> Result<Vec<Span>, HighlightError> {
    let mut lexer =
        Lexer { rules, words: rules.words.table(), text: text.as_bytes(), at: 0, line_is_blank: true };
    let mut spans = Vec::new();
    let mut n_tokens = 0;
    while lexer.at < text.len() {
        let start = lexer.at;
        let class = lexer.token();
        // Every token is at least one byte long, so the loop ends.
        lexer.at = next_boundary(text, lexer.at.max(start + 1));
        if let Some(class) = class {
            push_span(&mut spans, start..lexer.at, class);
        }
        n_tokens += 1;
        if n_tokens % TOKENS_PER_CHECK == 0 {
            budget.check()?;
            budget.check_n_spans(spans.len())?;
        }
    }
    budget.check_n_spans(spans.len())?;
    Ok(spans)
}

/// The first character border at or after an offset.
fn next_boundary(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset += 1;
    }
    offset.min(text.len())
}

struct Lexer<'a> {
    rules: &'a Code,
    words: WordTable,
    text: &'a [u8],
    at: usize,
    /// Whether only blanks stand before `at` on its line.
    line_is_blank: bool,
}

impl Lexer<'_> {
    /// Reads one token at `at`, moves past it and tells its class; `None` for what stays plain.
    fn token(&mut self) -> Option<Class> {
        let byte = self.text[self.at];
        if byte == b'\n' {
            self.line_is_blank = true;
            // Perl's documentation begins at the start of a line, so its mark has the line end in it.
            if self.comment(false) {
                return Some(Class::Comment);
            }
            self.at += 1;
            return None;
        }
        if byte == b' ' || byte == b'\t' {
            self.at += 1;
            return None;
        }
        let at_line_start = std::mem::replace(&mut self.line_is_blank, false);
        if self.comment(at_line_start) {
            return Some(Class::Comment);
        }
        if let Some(class) = self.directive(at_line_start) {
            return Some(class);
        }
        if self.string() {
            return Some(Class::String);
        }
        if byte.is_ascii_digit() {
            self.number();
            return Some(Class::Number);
        }
        if let Some(class) = self.variable(byte) {
            return Some(class);
        }
        if self.is_word_start(byte) {
            return self.word(at_line_start);
        }
        self.at += 1;
        None
    }

    fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    fn starts_with(&self, mark: &str) -> bool {
        !mark.is_empty() && self.rest().starts_with(mark.as_bytes())
    }

    fn skip_line(&mut self) {
        let rest = self.rest();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn comment(&mut self, at_line_start: bool) -> bool {
        for (open, close) in self.rules.block_comments {
            if self.starts_with(open) {
                self.at += open.len();
                let rest = self.rest();
                self.at +=
                    memmem::find(rest, close.as_bytes()).map_or(rest.len(), |place| place + close.len());
                return true;
            }
        }
        let is_line_comment = self.rules.line_comments.iter().any(|mark| self.starts_with(mark))
            || at_line_start && self.rules.first_on_line_comments.iter().any(|mark| self.starts_with(mark));
        // A word such as REM ends where the word does.
        let is_word = |lexer: &Self, mark: &&&str| {
            let after = lexer.rest().get(mark.len()).copied();
            lexer.starts_with_word(mark) && !after.is_some_and(|byte| byte.is_ascii_alphanumeric())
        };
        if is_line_comment
            || at_line_start && self.rules.comment_words.iter().any(|mark| is_word(self, &mark))
        {
            self.skip_line();
            return true;
        }
        false
    }

    fn starts_with_word(&self, word: &str) -> bool {
        self.rest().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// `#include`, `` `define ``, `@attribute`, `%macro`: a mark and a word.
    fn directive(&mut self, at_line_start: bool) -> Option<Class> {
        let (mark, class, anywhere) = self.rules.directive?;
        if self.text[self.at] != mark || !(anywhere || at_line_start) {
            return None;
        }
        let blanks = self.rest()[1..].iter().take_while(|byte| **byte == b' ' && !anywhere).count();
        let word = self.word_len(self.at + 1 + blanks);
        if word == 0 {
            return None;
        }
        self.at += 1 + blanks + word;
        Some(class)
    }

    fn string(&mut self) -> bool {
        let Some(rule) = self.rules.strings.iter().find(|rule| self.starts_with(rule.open)) else {
            return false;
        };
        let start = self.at + rule.open.len();
        let Some(end) = string_end(rule, self.text, start) else { return false };
        self.at = end;
        true
    }

    fn number(&mut self) {
        let mut before = 0;
        while let Some(byte) = self.text.get(self.at).copied() {
            let is_exponent_sign = matches!(byte, b'+' | b'-') && matches!(before, b'e' | b'E');
            let is_range = byte == b'.' && !self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit);
            let is_inside = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || is_exponent_sign;
            if !is_inside || is_range {
                break;
            }
            before = byte;
            self.at += 1;
        }
    }

    /// `$name`, `$(name)`, `${name}`, `@name`: whatever marks the language's variables.
    fn variable(&mut self, byte: u8) -> Option<Class> {
        if !self.rules.variable_marks.contains(&byte) {
            return None;
        }
        let close = match self.text.get(self.at + 1)? {
            b'(' => b')',
            b'{' => b'}',
            _ => {
                let word = self.word_len(self.at + 1);
                self.at += 1 + word;
                return (word > 0).then_some(Class::Variable);
            }
        };
        // Up to the close on the same line; without one only the mark is taken.
        let rest = self.rest();
        let end = memchr::memchr2(close, b'\n', rest).filter(|end| rest[*end] == close);
        self.at += end.map_or(1, |end| end + 1);
        end.map(|_| Class::Variable)
    }

    fn is_word_start(&self, byte: u8) -> bool {
        byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 || self.rules.word_bytes.contains(&byte)
    }

    fn word_len(&self, start: usize) -> usize {
        let is_inside = |byte: &&u8| byte.is_ascii_digit() || self.is_word_start(**byte);
        self.text.get(start..).unwrap_or_default().iter().take_while(is_inside).count()
    }

    fn word(&mut self, at_line_start: bool) -> Option<Class> {
        let start = self.at;
        self.at += self.word_len(start);
        let word = &self.text[start..self.at];
        if let Some(class) = self.words.class_of(word, self.rules.ignores_case) {
            return Some(class);
        }
        let next = self.text.get(self.at).copied();
        if at_line_start && self.rules.has_labels && next == Some(b':') {
            return Some(Class::Label);
        }
        if self.rules.calls && next == Some(b'(') {
            return Some(Class::Function);
        }
        let is_type = self.rules.capital_types
            && word[0].is_ascii_uppercase()
            && word.iter().any(u8::is_ascii_lowercase);
        is_type.then_some(Class::Type)
    }
}

/// Where a string that was opened before `start` ends; `None` if a one-line string is not closed on its line: then it was
/// an apostrophe.
fn string_end(rule: &StringRule, text: &[u8], start: usize) -> Option<usize> {
    let close = rule.close.as_bytes();
    let first = *close.first()?;
    let mut at = start;
    loop {
        let rest = text.get(at..)?;
        let Some(step) = memchr::memchr3(first, b'\\', b'\n', rest) else {
            return if rule.many_lines { Some(text.len()) } else { None };
        };
        at += step;
        match text[at] {
            b'\n' if !rule.many_lines => return None,
            b'\\' if rule.escapes => at += 2,
            _ if text[at..].starts_with(close) => return Some(at + close.len()),
            _ => at += 1,
        }
        if at > text.len() {
            return if rule.many_lines { Some(text.len()) } else { None };
        }
    }
}
