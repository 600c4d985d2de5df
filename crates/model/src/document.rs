//! What is known of a document: its language, its flags, and why it may have been left out of the index.

use std::fmt;

/// A language, by the number GitHub's linguist gives it (`language_id`): stable over time, so it may be stored. The
/// names, aliases and extensions live in the `syntax` crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(pub u32);

impl Language {
    /// No language was recognised. linguist numbers no language 2³²−1.
    pub const UNKNOWN: Language = Language(u32::MAX);
}

/// What a blob's bytes alone say about it: a bit set, stored per blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BlobFlags(pub u16);

impl BlobFlags {
    /// Written by a program, by a marker in the first lines.
    pub const GENERATED: BlobFlags = BlobFlags(1);
    /// Very long lines: minified or data.
    pub const MINIFIED: BlobFlags = BlobFlags(2);
    /// The stored text was decoded from another encoding than UTF-8.
    pub const TRANSCODED: BlobFlags = BlobFlags(4);

    /// Whether every flag of `other` is set.
    pub fn contains(self, other: BlobFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of flags together.
    pub fn with(self, other: BlobFlags) -> BlobFlags {
        BlobFlags(self.0 | other.0)
    }
}

/// What a document's path says about it: a bit set, stored per path, because one blob may stand at several paths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DocFlags(pub u8);

impl DocFlags {
    /// Somebody else's code kept in the repository (`vendor/`, `node_modules/`, …).
    pub const VENDORED: DocFlags = DocFlags(1);
    /// A test, by its path.
    pub const TEST: DocFlags = DocFlags(2);
    /// A symbolic link; its content is the target's name.
    pub const SYMLINK: DocFlags = DocFlags(4);
    /// Written by a program, by its path (lock files, `*.pb.go`, …).
    pub const GENERATED: DocFlags = DocFlags(8);

    /// Whether every flag of `other` is set.
    pub fn contains(self, other: DocFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of flags together.
    pub fn with(self, other: DocFlags) -> DocFlags {
        DocFlags(self.0 | other.0)
    }
}

/// Why the content of a blob is not searchable. Its path is, always. The numbers are stored in segments: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SkipReason {
    /// It is not text in any encoding we decode.
    Binary = 1,
    /// It is larger than the limit (by default 32 MiB).
    TooLarge = 2,
    /// git could not produce it: missing, corrupt, or beyond a limit of ours.
    Unreadable = 3,
}

impl SkipReason {
    /// The reason stored as this number, if there is one.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(SkipReason::Binary),
            2 => Some(SkipReason::TooLarge),
            3 => Some(SkipReason::Unreadable),
            _ => None,
        }
    }

    /// The word that stands in answers: `binary`, `too-large`, `unreadable`.
    pub fn as_str(self) -> &'static str {
        match self {
            SkipReason::Binary => "binary",
            SkipReason::TooLarge => "too-large",
            SkipReason::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skip_reasons_survive_their_codes() {
        for reason in [SkipReason::Binary, SkipReason::TooLarge, SkipReason::Unreadable] {
            assert_eq!(SkipReason::from_code(reason as u8), Some(reason));
        }
        assert_eq!(SkipReason::from_code(0), None);
    }

    #[test]
    fn flags_combine() {
        let flags = DocFlags::TEST.with(DocFlags::SYMLINK);
        assert!(flags.contains(DocFlags::TEST) && !flags.contains(DocFlags::VENDORED));
    }
}
