//! Who owns a file at a commit: the repository's own rules, read through git. Shared by the file page and the API.

use crate::browse::Content;
use crate::format::count;
use crate::links::{RepoAddress, line_link, path_link, search_link};
use crate::readable::Readable;
use crate::routes::complete::escape_regex;
use crate::routes::r_blob::N_LINES_WINDOW;
use crate::wire::lossy;
use git::EntryKind;
use model::ObjectId;
use serde::Serialize;
use utoipa::ToSchema;

/// How many files of rules are read for one file: those of its directories, and what they include.
const READS_MAX: usize = 200;
/// How many owners of a repository are listed.
const N_NAMED_MAX: usize = 1_000;
/// How many of them its first page shows.
const N_NAMED_SHOWN: usize = 12;

/// The owners of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnersShape {
    repo: String,
    commit: String,
    path: String,
    /// Everybody, each once; empty where nobody owns it.
    owners: Vec<String>,
    /// The rules that say so.
    rules: Vec<OwnerRuleShape>,
}

/// A rule that decides who owns a file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnerRuleShape {
    /// The file it stands in.
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: u32,
    /// As it is written; empty for a rule that holds for a whole directory.
    pattern: String,
    pub(crate) owners: Vec<String>,
    /// GitLab's section it belongs to.
    section: Option<SectionShape>,
    /// The page of the rule's line.
    pub(crate) url: String,
}

/// A section of GitLab's rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SectionShape {
    name: String,
    optional: bool,
    approvals: u32,
}

/// An owner, as the page shows it.
pub(crate) struct OwnerLink {
    pub(crate) name: String,
    /// What else it owns.
    pub(crate) url: String,
}

/// Everybody whom the rules of a repository name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RollShape {
    repo: String,
    commit: String,
    /// Who stands in the most rules comes first.
    owners: Vec<NamedOwnerShape>,
    /// How many there are in all.
    total: usize,
}

/// Somebody whom rules name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamedOwnerShape {
    owner: String,
    /// How many rules name them.
    rules: u32,
    /// The file of the first of these.
    file: String,
    /// Counted from 1.
    line: u32,
    /// The page of that line.
    url: String,
}

/// What the first page of a repository says of its owners.
pub(crate) struct Roll {
    pub(crate) owners: Vec<OwnerLink>,
    /// How many others there are, in words.
    pub(crate) rest: Option<String>,
    /// The file they stand in, and its page.
    pub(crate) file: String,
    pub(crate) url: String,
}

/// What the page shows of a rule.
pub(crate) struct OwnedBy {
    pub(crate) owners: Vec<OwnerLink>,
    pub(crate) rule: String,
    pub(crate) url: String,
}

/// The rules that decide who owns the file of an address, at a commit. Blocks.
pub(crate) fn rules(repository: &Readable, commit: ObjectId, address: &RepoAddress) -> Vec<OwnerRuleShape> {
    let read = bounded(repository, commit);
    owners::of_file(&address.path, read).into_iter().map(|(file, rule)| shape(address, file, rule)).collect()
}

/// Gives the texts of rules, up to [`READS_MAX`] of them.
fn bounded(repository: &Readable, commit: ObjectId) -> impl FnMut(&str) -> Option<String> {
    let mut n_reads = 0;
    move |path| {
        n_reads += 1;
        if n_reads > READS_MAX {
            return None;
        }
        text(repository, commit, path)
    }
}

fn shape(address: &RepoAddress, file: String, rule: owners::Ownership) -> OwnerRuleShape {
    let (rev, line) = (address.rev.as_deref(), rule.line as usize);
    OwnerRuleShape {
        url: line_link(&address.repo, rev, file.as_bytes(), line, N_LINES_WINDOW),
        file,
        line: rule.line,
        pattern: rule.pattern,
        owners: rule.owners,
        section: rule.section.map(|section| SectionShape {
            name: section.name,
            optional: section.is_optional,
            approvals: section.n_approvals,
        }),
    }
}

fn text(repository: &Readable, commit: ObjectId, path: &str) -> Option<String> {
    let entry = repository.at(commit, path.as_bytes()).ok()?;
    if !matches!(entry.kind, EntryKind::File | EntryKind::Executable) {
        return None;
    }
    match repository.content(entry.id, owners::SIZE_BYTES_MAX as u64) {
        Content::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Content::TooLarge(_) | Content::Unreadable => None,
    }
}

impl OwnersShape {
    /// The answer for the file of an address.
    pub(crate) fn of(repository: &Readable, commit: ObjectId, address: &RepoAddress) -> Self {
        let rules = rules(repository, commit, address);
        let mut owners: Vec<String> = Vec::new();
        for owner in rules.iter().flat_map(|rule| &rule.owners) {
            if !owners.contains(owner) {
                owners.push(owner.clone());
            }
        }
        OwnersShape {
            repo: address.repo.to_string(),
            commit: commit.to_string(),
            path: lossy(&address.path),
            owners,
            rules,
        }
    }
}

impl RollShape {
    /// Everybody whom the rules at a commit name. Blocks.
    pub(crate) fn of(repository: &Readable, commit: ObjectId, address: &RepoAddress) -> Self {
        let named = owners::of_repository(bounded(repository, commit));
        let total = named.len();
        let (rev, line) = (address.rev.as_deref(), |named: &owners::Named| named.line as usize);
        let shape = |named: owners::Named| NamedOwnerShape {
            url: line_link(&address.repo, rev, named.file.as_bytes(), line(&named), N_LINES_WINDOW),
            owner: named.owner,
            rules: named.n_rules,
            file: named.file,
            line: named.line,
        };
        RollShape {
            repo: address.repo.to_string(),
            commit: commit.to_string(),
            owners: named.into_iter().take(N_NAMED_MAX).map(shape).collect(),
            total,
        }
    }
}

impl Roll {
    /// What the first page shows; `None` where no rules name anybody.
    pub(crate) fn of(shape: RollShape, address: &RepoAddress) -> Option<Roll> {
        let file = shape.owners.first()?.file.clone();
        let n_rest = shape.total.saturating_sub(N_NAMED_SHOWN) as u64;
        let here = format!("repo:^{}$", escape_regex(address.repo.as_str()));
        let link = |owner: NamedOwnerShape| OwnerLink {
            url: search_link(&format!("{here} file:has.owner({})", owner.owner)),
            name: owner.owner,
        };
        Some(Roll {
            url: path_link(&address.repo, address.rev.as_deref(), "blob", file.as_bytes()),
            file,
            rest: (n_rest > 0).then(|| format!("and {}", count(n_rest, "other", "others"))),
            owners: shape.owners.into_iter().take(N_NAMED_SHOWN).map(link).collect(),
        })
    }
}

impl OwnedBy {
    /// The rules as the page shows them; those that say that nobody owns the file are left out.
    pub(crate) fn of(rules: Vec<OwnerRuleShape>) -> Vec<OwnedBy> {
        let owned = rules.into_iter().filter(|rule| !rule.owners.is_empty());
        owned
            .map(|rule| OwnedBy {
                owners: rule.owners.into_iter().map(OwnerLink::of).collect(),
                rule: format!("{}, line {}", rule.file, rule.line),
                url: rule.url,
            })
            .collect()
    }
}

impl OwnerLink {
    fn of(name: String) -> Self {
        OwnerLink { url: search_link(&format!("file:has.owner({name})")), name }
    }
}
