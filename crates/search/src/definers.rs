//! Which documents define what a query names: they are looked at first, and rank first.
//!
//! A definition is worth more than any use of it, but by paths alone it may stand behind thousands of uses. So the names of
//! definitions are asked before the text: what a term names exactly leads to the few blobs that define it, and these are
//! verified like all others, only earlier. Signals are per document: nothing else of the index moves them.

use crate::RepoIndex;
use crate::pattern::{Syntax, as_literal};
use crate::plan::Plan;
use index::{
    BlobIdx, BlockBitmap, NameGroup, NameGroupIdx, ReadError, SegmentOrdinal, SymbolIdx, SymbolTable,
};
use model::SymbolKind;
use std::collections::BTreeMap;

/// How many blobs of a segment are looked at first. A name that is defined more often than this is no name to look for.
const EARLY_BLOBS_MAX: usize = 64;
/// How many definitions of one name are looked at.
const DEFINITIONS_MAX: usize = 512;
/// Names in so many groups begin like the one that is looked for: beyond it the look-up is given up.
const GROUPS_MAX: u32 = 64;

/// The blobs of one repository that define what the query names.
#[derive(Debug, Default)]
pub(crate) struct Definers {
    /// By segment: how surely each blob does, from 0 to 1.
    signals: Vec<BTreeMap<u32, f64>>,
    /// By segment: those that are looked at first.
    early: Vec<Option<BlockBitmap>>,
}

impl Definers {
    /// Looks the names up.
    pub(crate) fn find(plan: &Plan, repo: &RepoIndex) -> Result<Definers, ReadError> {
        let names: Vec<&str> = plan.terms.iter().filter_map(|term| term.defines.as_deref()).collect();
        if names.is_empty() {
            return Ok(Definers::default());
        }
        let mut definers = Definers::default();
        for segment in &repo.segments {
            let mut signals = BTreeMap::new();
            if let Some(table) = segment.symbols()? {
                for name in &names {
                    let share = 1.0 / names.len() as f64;
                    for (blob, signal) in blobs_of(&table, name, plan.settings.case_sensitive.value)? {
                        *signals.entry(blob).or_insert(0.0) += signal * share;
                    }
                }
            }
            definers.early.push(early(&signals, segment.n_blobs()));
            definers.signals.push(signals);
        }
        Ok(definers)
    }

    /// How surely a blob defines what is named.
    pub(crate) fn signal(&self, segment: SegmentOrdinal, blob: BlobIdx) -> f64 {
        let signals = self.signals.get(usize::from(segment.0));
        signals.and_then(|signals| signals.get(&blob.0)).copied().unwrap_or(0.0)
    }

    /// The blobs of a segment that are looked at first, if there are any.
    pub(crate) fn early(&self, segment: SegmentOrdinal) -> Option<&BlockBitmap> {
        self.early.get(usize::from(segment.0)).and_then(Option::as_ref)
    }
}

fn early(signals: &BTreeMap<u32, f64>, n_blobs: u32) -> Option<BlockBitmap> {
    let mut best: Vec<(u32, f64)> = signals.iter().map(|(blob, signal)| (*blob, *signal)).collect();
    // Stable: of equals, the one of the better rank.
    best.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    best.truncate(EARLY_BLOBS_MAX);
    let mut blobs = BlockBitmap::empty(n_blobs);
    best.iter().filter(|(blob, _)| *blob < n_blobs).for_each(|(blob, _)| blobs.insert(*blob));
    (!blobs.is_empty()).then_some(blobs)
}

/// The blobs that define a name, in the given case or any, each with its best signal.
fn blobs_of(
    table: &SymbolTable<'_>,
    name: &str,
    case_sensitive: bool,
) -> Result<BTreeMap<u32, f64>, ReadError> {
    let mut blobs = BTreeMap::new();
    let groups = table.groups_with_prefix(name.as_bytes())?;
    let mut names = NameGroup::default();
    let mut found: Vec<(f64, Vec<SymbolIdx>)> = Vec::new();
    for group in groups.take(GROUPS_MAX as usize) {
        table.read_names(NameGroupIdx(group), &mut names)?;
        let exactness = |known: &[u8]| match known {
            exact if exact == name.as_bytes() => 1.0,
            other if !case_sensitive && other.eq_ignore_ascii_case(name.as_bytes()) => 0.75,
            _ => 0.0,
        };
        let exactnesses: Vec<f64> = names.iter().map(|(_, known)| exactness(known)).collect();
        if exactnesses.iter().all(|exactness| *exactness == 0.0) {
            continue;
        }
        let mut lists = vec![Vec::new(); names.len()];
        names.for_each_definition(names.len(), &mut |at, symbol| {
            if exactnesses[at] > 0.0 && lists[at].len() < DEFINITIONS_MAX {
                lists[at].push(symbol);
            }
        })?;
        found.extend(exactnesses.into_iter().zip(lists).filter(|(exactness, _)| *exactness > 0.0));
    }
    for (exactness, definitions) in found {
        for number in definitions {
            let weight = table.get(number)?.kind.map_or(0.0, weight);
            let signal = blobs.entry(table.blob_of(number)?.0).or_insert(0.0);
            *signal = f64::max(*signal, exactness * weight);
        }
    }
    Ok(blobs)
}

/// How much of a definition it is: what people mean when they ask where something is defined.
fn weight(kind: SymbolKind) -> f64 {
    match kind {
        SymbolKind::Field | SymbolKind::Property | SymbolKind::EnumMember | SymbolKind::Variable => 0.5,
        SymbolKind::Constant | SymbolKind::Package | SymbolKind::Namespace => 0.75,
        SymbolKind::Key | SymbolKind::Section | SymbolKind::Object | SymbolKind::Array => 0.25,
        _ => 1.0,
    }
}

/// The name that a pattern names, if it does: `kmalloc`, `kmalloc(`, `struct kmem_cache`.
pub(crate) fn named_by(text: &str, syntax: Syntax) -> Option<String> {
    const NAME_BYTES_MIN: usize = 2;
    const WORDS: [&str; 18] = [
        "struct",
        "class",
        "enum",
        "union",
        "interface",
        "trait",
        "type",
        "fn",
        "func",
        "function",
        "def",
        "define",
        "#define",
        "module",
        "impl",
        "typedef",
        "void",
        "const",
    ];
    let literal = as_literal(text, syntax)?.trim();
    let (before, name) = literal.rsplit_once(char::is_whitespace).unwrap_or(("", literal));
    if !before.is_empty() && !before.split_whitespace().all(|word| WORDS.contains(&word)) {
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let name = name.trim_matches(|c: char| !is_word(c));
    let is_name = name.len() >= NAME_BYTES_MIN && name.chars().all(is_word);
    is_name.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_what_they_name() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(named_by(text, Syntax::Literal).as_deref(), expected, "{text}");
        };
        check("kmalloc", Some("kmalloc"));
        check("kmalloc(", Some("kmalloc"));
        check("struct kmem_cache {", None);
        check("struct kmem_cache", Some("kmem_cache"));
        check("return value", None);
        check("a", None);
        check("std::vector", None);
        check("->", None);
        assert_eq!(named_by("kmal.*", Syntax::Regex), None);
    }
}
