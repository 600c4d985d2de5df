//! How often a definition found by what the trees show is the one that a compiler's index names.
//!
//! `cargo run --release -p nav --example accuracy -- SOURCES INDEX.scip [--misses N]`: for each reference of the index whose
//! definition stands in the sources, the definitions of that place are asked for, and the first one is compared. References
//! are compared the other way round: of the uses the index has of a definition, how many are found.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it prints what it measured")]

use nav::{Code, CodeError, Defined, Entry, File, Limits, ReferenceLimits, UsedIn, Uses};
use protobuf::Message;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The sources in a folder, and what they define.
struct Folder {
    root: PathBuf,
    files: RefCell<HashMap<Vec<u8>, Option<Arc<File>>>>,
    defined: HashMap<String, Vec<Defined>>,
    paths: Vec<Vec<u8>>,
}

impl Folder {
    fn read(root: &Path) -> Folder {
        let mut defined: HashMap<String, Vec<Defined>> = HashMap::new();
        let mut paths = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).expect("a readable folder");
            for entry in entries.map(|entry| entry.expect("an entry")) {
                let path = entry.path();
                let name = entry.file_name();
                if matches!(name.to_str(), Some(".git" | "node_modules" | "dist" | "__pycache__" | ".venv")) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(text) = std::fs::read_to_string(&path) {
                    paths.push(relative(root, &path));
                    define(&paths[paths.len() - 1], &text, &mut defined);
                }
            }
        }
        paths.sort();
        Folder { root: root.to_path_buf(), files: RefCell::default(), defined, paths }
    }

    fn at(&self, path: &[u8]) -> PathBuf {
        self.root.join(String::from_utf8_lossy(path).as_ref())
    }
}

fn relative(root: &Path, path: &Path) -> Vec<u8> {
    path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned().into_bytes()
}

fn define(path: &[u8], text: &str, defined: &mut HashMap<String, Vec<Defined>>) {
    let language = syntax::detect_language(path, &text.as_bytes()[..text.len().min(syntax::HEAD_BYTES)]);
    let Ok(found) = syntax::symbols(language, text, &syntax::SymbolLimits::default()) else { return };
    for symbol in &found.symbols {
        let line_start = text[..symbol.name.start].rfind('\n').map_or(0, |at| at + 1);
        defined.entry(text[symbol.name.clone()].to_owned()).or_default().push(Defined {
            repo: None,
            path: path.to_vec(),
            language,
            kind: symbol.kind,
            container: found.containers[symbol.container as usize].clone(),
            line: symbol.line,
            in_line: symbol.name.start - line_start..symbol.name.end - line_start,
        });
    }
}

impl Code for Folder {
    fn file(&self, path: &[u8]) -> Result<Option<Arc<File>>, CodeError> {
        if let Some(known) = self.files.borrow().get(path) {
            return Ok(known.clone());
        }
        let text = std::fs::read_to_string(self.at(path)).ok();
        let file = text.map(|text| Arc::new(File::new(path.to_vec(), text, None)));
        self.files.borrow_mut().insert(path.to_vec(), file.clone());
        Ok(file)
    }

    fn is_file(&self, path: &[u8]) -> Result<bool, CodeError> {
        Ok(self.at(path).is_file())
    }

    fn folder(&self, path: &[u8]) -> Result<Vec<Entry>, CodeError> {
        let Ok(entries) = std::fs::read_dir(self.at(path)) else { return Ok(Vec::new()) };
        let entry = |entry: std::fs::DirEntry| Entry {
            name: entry.file_name().to_string_lossy().into_owned().into_bytes(),
            is_folder: entry.path().is_dir(),
        };
        Ok(entries.filter_map(Result::ok).map(entry).collect())
    }

    fn defined(&self, name: &str) -> Result<Vec<Defined>, CodeError> {
        Ok(self.defined.get(name).cloned().unwrap_or_default())
    }

    fn defined_elsewhere(&self, _: &str) -> Result<Vec<Defined>, CodeError> {
        Ok(Vec::new())
    }

    fn is_over(&self) -> bool {
        false
    }

    fn uses(&self, word: &str, _: bool) -> Result<Uses, CodeError> {
        let mut uses = Uses::default();
        for path in &self.paths {
            let Some(file) = self.file(path)? else { continue };
            let lines = used_lines(&file, word);
            if !lines.is_empty() {
                uses.n_lines += lines.len() as u64;
                uses.files.push(UsedIn { repo: None, path: path.clone(), lines });
            }
        }
        Ok(uses)
    }
}

/// The lines of a file in which a word stands by itself.
fn used_lines(file: &File, word: &str) -> Vec<(u64, Vec<std::ops::Range<usize>>, String)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut lines = Vec::new();
    for (number, line) in file.text.lines().enumerate() {
        let stands_alone =
            |at: &usize| !line[..*at].ends_with(is_word) && !line[*at + word.len()..].starts_with(is_word);
        let found: Vec<_> = line
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(stands_alone)
            .map(|at| at..at + word.len())
            .collect();
        if !found.is_empty() {
            lines.push((number as u64 + 1, found, line.to_owned()));
        }
    }
    lines
}

/// A place: file, line from 0, byte column.
type Place = (String, usize, usize);

/// The byte column of a position, by the encoding the document says it has.
fn column(file: &File, line: usize, at: usize, is_utf16: bool) -> Option<usize> {
    let range = file.line(line + 1)?;
    let text = file.text.get(range)?;
    if !is_utf16 {
        return Some(at);
    }
    let mut units = 0;
    for (offset, c) in text.char_indices() {
        if units >= at {
            return Some(offset);
        }
        units += c.len_utf16();
    }
    Some(text.len())
}

/// A symbol, and the file it is local to.
type Key = (String, String);

/// Of the uses that the index has of each tenth definition, how many are told.
fn recall(folder: &Folder, definitions: &HashMap<Key, HashSet<Place>>, uses: &[(Place, String, String)]) {
    let mut by_symbol: BTreeMap<Key, HashSet<Place>> = BTreeMap::new();
    for (place, scope, symbol) in uses {
        by_symbol.entry((scope.clone(), symbol.clone())).or_default().insert(place.clone());
    }
    let limits = Limits::default();
    let wanted = ReferenceLimits {
        n_references_max: 100_000,
        n_looked_bytes_max: usize::MAX,
        is_everywhere: false,
        asks_compiler: false,
    };
    let (mut n_told, mut n_meant, mut n_right) = (0, 0, 0);
    for (key, places) in by_symbol.iter().step_by(10) {
        let Some((path, line, column)) = definitions.get(key).and_then(|places| places.iter().min()) else {
            continue;
        };
        let file = folder.file(path.as_bytes()).expect("no error").expect("a file");
        let Some(offset) = file.offset(line + 1, *column) else { continue };
        let Some(name) = file.bindings.name_at(offset) else { continue };
        let name = file.slice(&file.bindings.names[name.0 as usize].range).to_owned();
        let answer = nav::references(folder, path.as_bytes(), offset, &limits, &wanted).expect("an answer");
        let told: HashSet<Place> = answer
            .references
            .iter()
            .map(|one| {
                (String::from_utf8_lossy(&one.path).into_owned(), one.line as usize - 1, one.in_line.start)
            })
            .collect();
        // Uses under another name (an alias of an import, a module) are no uses of the name.
        let is_so_called = |place: &&Place| {
            let file = folder.file(place.0.as_bytes()).expect("no error").expect("a file");
            let start = file.offset(place.1 + 1, place.2);
            start.is_some_and(|start| file.text[start..].starts_with(&name))
        };
        let meant: Vec<&Place> = places.iter().filter(is_so_called).collect();
        n_meant += meant.len();
        n_right += meant.iter().filter(|place| told.contains(**place)).count();
        n_told += told.len();
    }
    println!(
        "references of every tenth definition: {n_right} of {n_meant} told = {:.1} %; {n_told} told in all",
        100.0 * n_right as f64 / n_meant.max(1) as f64
    );
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(root), Some(index)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: accuracy SOURCES INDEX.scip [--misses N]");
        std::process::exit(2);
    };
    let n_misses: usize = arguments.nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let folder = Folder::read(Path::new(&root));
    let bytes = std::fs::read(&index).expect("a readable index");
    let index = scip::types::Index::parse_from_bytes(&bytes).expect("an index");
    let mut definitions: HashMap<(String, String), HashSet<Place>> = HashMap::new();
    let mut uses: Vec<(Place, String, String)> = Vec::new();
    for document in &index.documents {
        let Ok(Some(file)) = folder.file(document.relative_path.as_bytes()) else { continue };
        let is_utf16 = document.position_encoding.value() != 1;
        for occurrence in &document.occurrences {
            let [line, start, ..] = occurrence.range[..] else { continue };
            let (line, start) = (line as usize, start as usize);
            let Some(start) = column(&file, line, start, is_utf16) else { continue };
            let place = (document.relative_path.clone(), line, start);
            let scope = if occurrence.symbol.starts_with("local ") {
                document.relative_path.clone()
            } else {
                String::new()
            };
            let key = (scope, occurrence.symbol.clone());
            if occurrence.symbol_roles & 1 != 0 {
                definitions.entry(key).or_default().insert(place);
            } else {
                uses.push((place, key.0, key.1));
            }
        }
    }
    let mut asked = 0;
    let mut right = 0;
    let mut anywhere = 0;
    let mut by_how: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut shown = 0;
    let mut times = Vec::new();
    let mut named: HashSet<Place> = HashSet::new();
    for ((path, line, start), scope, symbol) in &uses {
        let Some(places) = definitions.get(&(scope.clone(), symbol.clone())) else { continue };
        // A module's definition stands at the top of its file: any way into that file is right.
        let is_module = symbol.ends_with("/__init__:") || symbol.ends_with('/');
        let file = folder.file(path.as_bytes()).expect("no error").expect("a file");
        let Some(offset) = file.offset(line + 1, *start) else { continue };
        if !named.insert((path.clone(), *line, *start)) {
            continue;
        }
        asked += 1;
        let begun = Instant::now();
        let answer =
            nav::definitions(&folder, path.as_bytes(), offset, &Limits::default()).expect("an answer");
        times.push(begun.elapsed());
        let is_it = |found: &nav::Found| {
            places.iter().any(|(at, on, column)| {
                at.as_bytes() == found.path
                    && (is_module
                        || (*on as u64 + 1 == found.line
                            && found.in_line.start <= *column
                            && *column <= found.in_line.end.max(found.in_line.start)))
            })
        };
        let how = answer.found.first().map_or("nothing", |found| found.how.as_str());
        let row = by_how.entry(how).or_default();
        row.1 += 1;
        if answer.found.first().is_some_and(&is_it) {
            right += 1;
            row.0 += 1;
        } else if shown < n_misses {
            shown += 1;
            let text =
                file.line(line + 1).map(|range| file.slice(&range).trim().to_owned()).unwrap_or_default();
            let said = answer
                .found
                .first()
                .map(|found| format!("{}:{}", String::from_utf8_lossy(&found.path), found.line));
            println!(
                "{path}:{}:{start} {:?} [{how}] said {said:?} of {}, meant {:?} {symbol}\n    {text}",
                line + 1,
                answer.name,
                answer.found.len(),
                places.iter().next()
            );
        }
        anywhere += usize::from(answer.found.iter().any(is_it));
    }
    recall(&folder, &definitions, &uses);
    times.sort_unstable();
    let share = |n: usize| 100.0 * n as f64 / asked.max(1) as f64;
    println!(
        "{asked} references; first answer right {right} = {:.1} %, among the answers {anywhere} = {:.1} %",
        share(right),
        share(anywhere)
    );
    for (how, (right, all)) in by_how {
        println!("  {how}: {right} of {all} right");
    }
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    println!("time: p50 {:?}, p95 {:?}, p99 {:?}", at(0.5), at(0.95), at(0.99));
}
