//! Who owns a file, as the rules in its repository say it: `CODEOWNERS` of GitHub and GitLab, `OWNERS` of Gerrit.
//!
//! Layer 1. Place in the flow: `search` reads the files of one revision from the index, has them parsed here, and asks for
//! each path who owns it. In reading order: [`Glob`] matches paths, [`CodeOwners`] is one file of rules for a whole
//! repository, [`OwnersFile`] one directory's and [`OwnersTree`] all of them; [`of_repository`] names everybody.
//!
//! Invariants: no I/O; every answer depends on the arguments alone. Files are hostile: bad lines are skipped and told
//! ([`Diagnostic`]), sizes and counts have limits, a glob is matched in time linear in pattern times path, and nothing
//! recurses by what a file says.

mod codeowners;
mod gerrit;
mod glob;
mod roll;

pub use codeowners::{CodeOwners, Dialect};
pub use gerrit::{FILES_MAX, OwnersFile, OwnersTree};
pub use glob::{Glob, GlobError, GlobStyle};
pub use roll::{Named, of_repository};

/// Largest file that is read, in bytes: GitHub's own limit.
pub const SIZE_BYTES_MAX: usize = 3 << 20;
/// Most rules of one file.
pub const RULES_MAX: usize = 20_000;
/// Most owners of one rule.
pub const OWNERS_PER_RULE_MAX: usize = 200;
/// Most diagnostics that are kept of one file.
pub const DIAGNOSTICS_MAX: usize = 100;

/// The rule that says who owns a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// As the rule writes them: `@name`, `@organisation/team`, `@@role`, an address, `*` for everybody. Empty where the rule
    /// says that nobody does.
    pub owners: Vec<String>,
    /// The pattern that matched, as it is written; empty for a rule that holds for a whole directory.
    pub pattern: String,
    /// Where the rule stands, counted from 1.
    pub line: u32,
    /// The section it belongs to, where it belongs to one.
    pub section: Option<Section>,
}

/// A section of GitLab's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Whether an approval by its owners is not required.
    pub is_optional: bool,
    /// How many approvals are required.
    pub n_approvals: u32,
}

/// A line that could not be used, or not as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Counted from 1; 0 for the whole file.
    pub line: u32,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file is larger than [`SIZE_BYTES_MAX`]: none of it was read.
    FileTooLarge,
    /// There are more than [`RULES_MAX`] rules: the rest was not read.
    TooManyRules,
    /// The rule has more than [`OWNERS_PER_RULE_MAX`] owners: the rest was not read.
    TooManyOwners,
    /// The pattern is not one.
    BadPattern(GlobError),
    /// Not a name with an `@`, nor an address: the word was passed over.
    BadOwner(String),
    /// The heading of a section is not one.
    BadSection,
    /// The line says nothing that is known.
    UnknownLine,
    /// The rules of another repository, which cannot be read here.
    OtherRepository(String),
    /// The file to include is not there, or includes this one.
    NotIncluded(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Fault::FileTooLarge => {
                write!(f, "the file is larger than {SIZE_BYTES_MAX} bytes and was not read")
            }
            Fault::TooManyRules => write!(f, "there are more than {RULES_MAX} rules; the rest was not read"),
            Fault::TooManyOwners => {
                write!(f, "there are more than {OWNERS_PER_RULE_MAX} owners; the rest was not read")
            }
            Fault::BadPattern(error) => write!(f, "{error}"),
            Fault::BadOwner(word) => {
                write!(f, "'{word}' is neither a name with an @ nor an address")
            }
            Fault::BadSection => {
                f.write_str("the heading of a section is '[Name]', '^[Name]' or '[Name][2]'")
            }
            Fault::UnknownLine => f.write_str("the line is neither an owner nor a directive that is known"),
            Fault::OtherRepository(name) => {
                write!(f, "'{name}' is in another repository, which is not read")
            }
            Fault::NotIncluded(path) => write!(f, "'{path}' is not there, or includes this file"),
        }
    }
}

/// The rules that decide who owns one file, each with the path of the file it stands in: those of the first `CODEOWNERS`
/// there is, otherwise those of the `OWNERS` from the file's directory upwards. `read` gives the text at a path.
pub fn of_file(path: &[u8], mut read: impl FnMut(&str) -> Option<String>) -> Vec<(String, Ownership)> {
    for at in CodeOwners::PATHS {
        if let Some(text) = read(at) {
            let rules = CodeOwners::parse(&text, Dialect::of(at, &text));
            return rules.of(path).into_iter().map(|rule| (at.to_owned(), rule)).collect();
        }
    }
    let shown = String::from_utf8_lossy(path);
    let mut files = std::collections::BTreeMap::new();
    let mut directory = shown.rfind('/').map_or("", |slash| &shown[..slash]);
    loop {
        let at = gerrit::file_in(directory);
        if let Some(text) = read(&at) {
            files.insert(at, std::sync::Arc::new(OwnersFile::parse(&text)));
        }
        if directory.is_empty() {
            break;
        }
        directory = directory.rfind('/').map_or("", |slash| &directory[..slash]);
    }
    let parsed =
        |at: &str| Ok::<_, std::convert::Infallible>(read(at).map(|text| OwnersFile::parse(&text).into()));
    match OwnersTree::new(files).include(parsed) {
        Ok(tree) => tree.of(path),
        Err(never) => match never {},
    }
}

/// Whether an owner as a rule writes it is who is asked for: with or without `@`, in any case. `*` is everybody.
pub fn is_owner(written: &str, asked: &str) -> bool {
    let bare = |text: &str| text.trim_start_matches('@').to_lowercase();
    written == "*" || bare(written) == bare(asked)
}

/// Keeps what is wrong with a file, up to a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    fn push(&mut self, line: u32, fault: Fault) {
        if self.0.len() < DIAGNOSTICS_MAX {
            self.0.push(Diagnostic { line, fault });
        }
    }
}

/// A word cut for a message.
fn shown(word: &str) -> String {
    word.chars().take(80).collect()
}

/// Whether a word is an address: something before and after one `@`.
fn is_address(word: &str) -> bool {
    let parts = word.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}
