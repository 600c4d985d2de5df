//! Who owns a document, by the rules in its own revision: what `file:has.owner(…)` and `select:file.owners` ask.
//!
//! The rules are files of the repository like any other: they are found through its ref table and read from its segments, in
//! each revision that is searched. Parsed files are kept with the published repository, a bounded number of them.

use crate::RepoIndex;
use index::{DocIdx, DocKind, ReadError, RefTable, RevFilter, RevIdx, RevSetIdx};
use ngram::GramQuery;
use owners::{CodeOwners, Dialect, FILES_MAX, OwnersFile, OwnersTree, Ownership, SIZE_BYTES_MAX, is_owner};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// How many parsed sets of rules are kept with a repository.
const KEPT_MAX: usize = 16;

/// The rules of the searched revisions of one repository.
#[derive(Debug)]
pub(crate) struct OwnersView {
    /// Revisions with the same rules, together. A revision without rules is in none.
    groups: Vec<(RevFilter, Rules)>,
}

/// The rules of a revision.
#[derive(Clone, Debug)]
pub(crate) enum Rules {
    /// One file, at this path.
    Code(&'static str, Arc<CodeOwners>),
    /// A file for each directory.
    Gerrit(Arc<OwnersTree>),
}

/// Parsed rules by the documents they were read from, the last used ones last.
#[derive(Debug, Default)]
pub(crate) struct KeptRules {
    kept: Mutex<Vec<(Vec<DocIdx>, Rules)>>,
}

impl Rules {
    /// The rules that decide who owns a path, each with the path of the file it stands in.
    pub(crate) fn of(&self, path: &[u8]) -> Vec<(String, Ownership)> {
        match self {
            Rules::Code(at, rules) => {
                rules.of(path).into_iter().map(|rule| ((*at).to_owned(), rule)).collect()
            }
            Rules::Gerrit(tree) => tree.of(path),
        }
    }
}

impl KeptRules {
    fn get(&self, docs: &[DocIdx]) -> Option<Rules> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == docs)?;
        let found = kept.remove(place);
        let rules = found.1.clone();
        kept.push(found);
        Some(rules)
    }

    fn keep(&self, docs: Vec<DocIdx>, rules: Rules) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push((docs, rules));
    }
}

impl OwnersView {
    /// Reads the rules of these revisions.
    pub(crate) fn of(
        repo: &RepoIndex,
        kept: &KeptRules,
        revisions: &[RevIdx],
    ) -> Result<OwnersView, ReadError> {
        let table = &repo.ref_table;
        let mut by_docs: BTreeMap<Vec<DocIdx>, Vec<RevIdx>> = BTreeMap::new();
        let mut gerrit = None;
        for revision in revisions {
            let mut docs = Vec::new();
            for at in CodeOwners::PATHS {
                if let Some(doc) = table.find(at.as_bytes(), *revision)?
                    && table.doc(doc)?.kind != DocKind::Symlink
                {
                    docs.push(doc);
                    break;
                }
            }
            if docs.is_empty() {
                let all = match &gerrit {
                    Some(all) => all,
                    None => gerrit.insert(owners_files(table)?),
                };
                for (doc, set) in all {
                    if table.set_contains(*set, *revision)? {
                        docs.push(*doc);
                    }
                }
            }
            if !docs.is_empty() {
                by_docs.entry(docs).or_default().push(*revision);
            }
        }
        let mut groups = Vec::with_capacity(by_docs.len());
        for (docs, revisions) in by_docs {
            let rules = match kept.get(&docs) {
                Some(rules) => rules,
                None => {
                    let rules = read(repo, &docs)?;
                    kept.keep(docs, rules.clone());
                    rules
                }
            };
            groups.push((table.rev_filter(&revisions)?, rules));
        }
        Ok(OwnersView { groups })
    }

    /// Whether a document is owned by somebody, or by whom is asked for, in one of the searched revisions.
    pub(crate) fn owns(&self, path: &[u8], revisions: RevSetIdx, who: Option<&str>) -> bool {
        let is_asked = |owner: &String| who.is_none_or(|who| is_owner(owner, who));
        self.rules(path, revisions).any(|rule| rule.owners.iter().any(is_asked))
    }

    /// Everybody who owns a document in one of the searched revisions, each once.
    pub(crate) fn owners(&self, path: &[u8], revisions: RevSetIdx) -> Vec<String> {
        let mut owners: Vec<String> = self.rules(path, revisions).flat_map(|rule| rule.owners).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    fn rules(&self, path: &[u8], revisions: RevSetIdx) -> impl Iterator<Item = Ownership> {
        let admitting = self.groups.iter().filter(move |(filter, _)| filter.admits(revisions));
        admitting.flat_map(|(_, rules)| rules.of(path)).map(|(_, rule)| rule)
    }
}

/// All files that may hold rules of a directory: `OWNERS`, and those that are written to be included.
fn owners_files(table: &RefTable) -> Result<Vec<(DocIdx, RevSetIdx)>, ReadError> {
    let mut found = Vec::new();
    let grams = GramQuery::literal(OwnersFile::NAME.as_bytes());
    table.for_each_candidate(&grams, &mut |doc_idx, path, doc| {
        let name = &path[memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1)..];
        let is_rules = name == b"OWNERS" || name.ends_with(b"_OWNERS") || name.starts_with(b"OWNERS_");
        if is_rules && doc.blob.is_some() && doc.kind != DocKind::Symlink {
            found.push((doc_idx, doc.revisions));
        }
        true
    })?;
    Ok(found)
}

fn read(repo: &RepoIndex, docs: &[DocIdx]) -> Result<Rules, ReadError> {
    let mut path = Vec::new();
    if let [doc] = docs {
        repo.ref_table.path(*doc, &mut path)?;
        if let Some(at) = CodeOwners::PATHS.into_iter().find(|at| at.as_bytes() == path) {
            let text = text(repo, *doc)?;
            return Ok(Rules::Code(at, Arc::new(CodeOwners::parse(&text, Dialect::of(at, &text)))));
        }
    }
    let mut files = BTreeMap::new();
    let mut others = BTreeMap::new();
    for doc in docs.iter().take(FILES_MAX) {
        repo.ref_table.path(*doc, &mut path)?;
        let at = String::from_utf8_lossy(&path).into_owned();
        let is_directory_rules = at.rsplit('/').next() == Some(OwnersFile::NAME);
        let file = Arc::new(OwnersFile::parse(&text(repo, *doc)?));
        if is_directory_rules { &mut files } else { &mut others }.insert(at, file);
    }
    let included = OwnersTree::new(files).include(|at| Ok::<_, Infallible>(others.get(at).cloned()));
    match included {
        Ok(tree) => Ok(Rules::Gerrit(Arc::new(tree))),
        Err(never) => match never {},
    }
}

/// The text of a document; empty where there is none or it is too large, which says nothing of anybody.
fn text(repo: &RepoIndex, doc: DocIdx) -> Result<String, ReadError> {
    let mut bytes = Vec::new();
    let doc = repo.ref_table.doc(doc)?;
    if let Some((segment, blob)) = doc.blob
        && let Some(segment) = repo.segments.get(usize::from(segment.0))
        && segment.blob(blob)?.text_len <= SIZE_BYTES_MAX as u64
    {
        segment.read_blob(blob, &mut bytes)?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
