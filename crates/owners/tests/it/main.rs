//! Rules of owners: the examples of their documentation, property tests of globs against a plain matcher, hostile files.

mod globs;
mod golden;
mod hostile;
