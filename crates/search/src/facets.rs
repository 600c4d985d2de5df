//! Counting what was found by repository, language and top directory.

use crate::result::quoted;
use crate::{Facet, Facets};
use model::Language;
use std::collections::HashMap;
use std::hash::Hash;

/// Counts of found documents, added up batch by batch.
#[derive(Debug, Default)]
pub(crate) struct FacetCounts {
    repos: HashMap<String, u64>,
    languages: HashMap<Language, u64>,
    paths: HashMap<Vec<u8>, u64>,
}

impl FacetCounts {
    /// Counts one document.
    pub(crate) fn add(&mut self, language: Language, path: &[u8]) {
        *self.languages.entry(language).or_default() += 1;
        if let Some(slash) = memchr::memchr(b'/', path) {
            bump(&mut self.paths, &path[..=slash], 1);
        }
    }

    /// Counts documents of a repository.
    pub(crate) fn add_repo(&mut self, name: &str, n_files: u64) {
        if n_files > 0 {
            bump(&mut self.repos, name, n_files);
        }
    }

    /// Adds another batch's counts.
    pub(crate) fn merge(&mut self, other: FacetCounts) {
        other.repos.into_iter().for_each(|(name, n)| *self.repos.entry(name).or_default() += n);
        other
            .languages
            .into_iter()
            .for_each(|(language, n)| *self.languages.entry(language).or_default() += n);
        other.paths.into_iter().for_each(|(path, n)| *self.paths.entry(path).or_default() += n);
    }

    /// The facets to show.
    pub(crate) fn finish(self) -> Facets {
        let repos = self.repos.into_iter().map(|(name, n_files)| Facet {
            filter: format!("repo:{}", quoted(&format!("^{}$", regex_syntax::escape(&name)))),
            value: name,
            n_files,
        });
        let languages = self.languages.into_iter().filter_map(|(language, n_files)| {
            let name = syntax::language_name(language)?;
            Some(Facet { filter: format!("lang:{}", quoted(name)), value: name.to_owned(), n_files })
        });
        // A directory whose name is not text cannot be written into a query.
        let paths = self.paths.into_iter().filter_map(|(path, n_files)| {
            let value = String::from_utf8(path).ok()?;
            let filter = format!("file:{}", quoted(&format!("^{}", regex_syntax::escape(&value))));
            Some(Facet { filter, value, n_files })
        });
        Facets { repos: best(repos), languages: best(languages), paths: best(paths) }
    }
}

/// Counts without copying the key where it is known.
fn bump<K, Q>(counts: &mut HashMap<K, u64>, key: &Q, n: u64)
where
    K: Hash + Eq + std::borrow::Borrow<Q>,
    Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
{
    match counts.get_mut(key) {
        Some(count) => *count += n,
        None => {
            counts.insert(key.to_owned(), n);
        }
    }
}

fn best(facets: impl Iterator<Item = Facet>) -> Vec<Facet> {
    let mut facets: Vec<Facet> = facets.collect();
    facets.sort_by(|a, b| b.n_files.cmp(&a.n_files).then_with(|| a.value.cmp(&b.value)));
    facets.truncate(Facets::PER_KIND_MAX);
    facets
}
