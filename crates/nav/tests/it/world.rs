//! Files in memory.

use nav::{Code, CodeError, Defined, Entry, File, Found, UsedIn, Uses};
use std::collections::BTreeMap;
use std::sync::Arc;
use syntax::SymbolLimits;

/// Files of one repository; paths that begin with `@name/` are another one's.
pub(crate) struct World {
    files: BTreeMap<String, String>,
    /// Whether nobody waits any more.
    pub(crate) is_over: bool,
    /// What an index of a compiler says: of a name at a path and byte, where it leads.
    pub(crate) compiled: Vec<(&'static str, usize, Vec<Found>)>,
}

impl World {
    pub(crate) fn new(files: &[(&str, &str)]) -> World {
        World {
            files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
            is_over: false,
            compiled: Vec::new(),
        }
    }

    /// The byte that a place means: a part of a file's text, `|` before the name in question.
    pub(crate) fn at(&self, path: &str, place: &str) -> usize {
        let needle = place.replacen('|', "", 1);
        let start = self.files[path].find(&needle).unwrap_or_else(|| panic!("{needle} is not in {path}"));
        start + place.find('|').expect("a place has a mark")
    }

    fn own(&self) -> impl Iterator<Item = (&String, &String)> {
        self.files.iter().filter(|(path, _)| !path.starts_with('@'))
    }

    fn defined_in(&self, name: &str, is_elsewhere: bool) -> Vec<Defined> {
        let mut defined = Vec::new();
        for (path, text) in self.files.iter().filter(|(path, _)| path.starts_with('@') == is_elsewhere) {
            let language = syntax::detect_language(path.as_bytes(), text.as_bytes());
            let Ok(found) = syntax::symbols(language, text, &SymbolLimits::default()) else { continue };
            for symbol in found.symbols.iter().filter(|symbol| &text[symbol.name.clone()] == name) {
                let (repo, path) = split(path);
                let start = text[..symbol.name.start].rfind('\n').map_or(0, |at| at + 1);
                defined.push(Defined {
                    repo: repo.map(|repo| model::RepoName::new(repo).expect("a name")),
                    path: path.as_bytes().to_vec(),
                    language,
                    kind: symbol.kind,
                    container: found.containers[symbol.container as usize].clone(),
                    line: symbol.line,
                    in_line: symbol.name.start - start..symbol.name.end - start,
                });
            }
        }
        defined
    }
}

fn split(path: &str) -> (Option<&str>, &str) {
    match path.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((repo, path)) => (Some(repo), path),
        None => (None, path),
    }
}

impl Code for World {
    fn file(&self, path: &[u8]) -> Result<Option<Arc<File>>, CodeError> {
        let text = std::str::from_utf8(path).ok().and_then(|path| self.files.get(path));
        Ok(text.map(|text| Arc::new(File::new(path.to_vec(), text.clone(), None))))
    }

    fn is_file(&self, path: &[u8]) -> Result<bool, CodeError> {
        Ok(std::str::from_utf8(path).is_ok_and(|path| self.files.contains_key(path)))
    }

    fn folder(&self, path: &[u8]) -> Result<Vec<Entry>, CodeError> {
        let prefix = match path {
            b"" => String::new(),
            path => format!("{}/", String::from_utf8_lossy(path)),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for rest in self.own().filter_map(|(path, _)| path.strip_prefix(&prefix)) {
            let (name, is_folder) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            let entry = Entry { name: name.as_bytes().to_vec(), is_folder };
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        Ok(entries)
    }

    fn defined(&self, name: &str) -> Result<Vec<Defined>, CodeError> {
        Ok(self.defined_in(name, false))
    }

    fn defined_elsewhere(&self, name: &str) -> Result<Vec<Defined>, CodeError> {
        Ok(self.defined_in(name, true))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn leads(&self, path: &[u8], line: u64, column: usize) -> Result<Option<Vec<Found>>, CodeError> {
        let offset = self.file(path)?.and_then(|file| file.offset(line as usize, column));
        let known = self.compiled.iter().find(|(at, byte, _)| at.as_bytes() == path && Some(*byte) == offset);
        Ok(known.map(|(_, _, leads)| leads.clone()))
    }

    fn uses(&self, word: &str, is_elsewhere: bool) -> Result<Uses, CodeError> {
        let mut uses = Uses::default();
        for (path, text) in self.files.iter().filter(|(path, _)| path.starts_with('@') == is_elsewhere) {
            let (repo, path) = split(path);
            let found = |line: &str| -> Vec<_> {
                line.match_indices(word).map(|(at, _)| at..at + word.len()).collect()
            };
            let lines =
                text.lines().enumerate().map(|(n, line)| (n as u64 + 1, found(line), line.to_owned()));
            let lines: Vec<_> = lines.filter(|(_, found, _)| !found.is_empty()).collect();
            if !lines.is_empty() {
                uses.n_lines += lines.len() as u64;
                let repo = repo.map(|repo| model::RepoName::new(repo).expect("a name"));
                uses.files.push(UsedIn { repo, path: path.as_bytes().to_vec(), lines });
            }
        }
        Ok(uses)
    }
}

/// A definition in one line.
pub(crate) fn told(found: &Found) -> String {
    let repo = found.repo.as_ref().map(|repo| format!("@{repo}/")).unwrap_or_default();
    format!(
        "{} {repo}{}:{}:{}",
        found.how.as_str(),
        String::from_utf8_lossy(&found.path),
        found.line,
        found.in_line.start + 1
    )
}
