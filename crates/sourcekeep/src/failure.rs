//! How a command ends: exit codes and error messages.

use crate::terminal;
use std::process::ExitCode;

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// A search found nothing.
    NothingFound,
    /// Wrong usage; the message is printed.
    Usage,
    /// Something failed; the message is printed.
    Failed,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        ExitCode::from(match outcome {
            Outcome::Done => 0,
            Outcome::NothingFound => 1,
            Outcome::Usage => 2,
            Outcome::Failed => 3,
        })
    }
}

/// What was typed makes no sense; clap could not know.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageError {
    message: String,
}

impl UsageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        UsageError { message: message.into() }
    }
}

/// Prints an error with its causes, and says how the command ends.
pub(crate) fn report(error: &anyhow::Error) -> Outcome {
    terminal::error(&chain(error));
    match error.downcast_ref::<UsageError>() {
        Some(_) => Outcome::Usage,
        None => Outcome::Failed,
    }
}

/// The messages of an error and its causes, without those that repeat what was said.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let message = cause.to_string();
        if text.is_empty() {
            text = message;
        } else if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let error =
            anyhow::anyhow!("the disk is full").context("cannot index: the disk is full").context("no");
        assert_eq!(chain(&error), "no: cannot index: the disk is full");
    }
}
