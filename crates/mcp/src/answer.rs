//! Answers of bounded length.

use compat::BackendError;
use serde_json::Value;

/// How long the text of an answer may become, in bytes: some 10,000 tokens.
pub(crate) const TEXT_BYTES_MAX: usize = 40_000;

/// What a tool answers: text, and the same for programs; without the latter it failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) structured: Option<Value>,
}

impl Answer {
    pub(crate) fn new(text: String, structured: Value) -> Self {
        Answer { text, structured: Some(structured) }
    }

    /// What went wrong, and how to ask better.
    pub(crate) fn failure(message: impl Into<String>) -> Self {
        Answer { text: message.into(), structured: None }
    }
}

impl From<BackendError> for Answer {
    fn from(error: BackendError) -> Self {
        Answer::failure(error.to_string())
    }
}

/// A line cut at a length in bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{} […]", &text[..end])
}
