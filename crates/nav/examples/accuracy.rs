//! How often a definition found by what the trees show is the one that a compiler's index names.
//!
//! `cargo run --release -p nav --example accuracy -- SOURCES INDEX.scip [--misses N]`: for each reference of the index whose
//! definition stands in the sources, the definitions of that place are asked for, and the first one is compared. References
//! are compared the other way round: of the uses the index has of a definition, how many are found.

use nav::{Code, CodeError, Defined, Entry, File, Limits};
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
}

impl Folder {
    fn read(root: &Path) -> Folder {
        let mut defined: HashMap<String, Vec<Defined>> = HashMap::new();
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
                    define(root, &path, &text, &mut defined);
                }
            }
        }
        Folder { root: root.to_path_buf(), files: RefCell::default(), defined }
    }

    fn at(&self, path: &[u8]) -> PathBuf {
        self.root.join(String::from_utf8_lossy(path).as_ref())
    }
}

fn define(root: &Path, path: &Path, text: &str, defined: &mut HashMap<String, Vec<Defined>>) {
    let relative =
        path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned().into_bytes();
    let language = syntax::detect_language(&relative, &text.as_bytes()[..text.len().min(syntax::HEAD_BYTES)]);
    let Ok(found) = syntax::symbols(language, text, &syntax::SymbolLimits::default()) else { return };
    for symbol in &found.symbols {
        let line_start = text[..symbol.name.start].rfind('\n').map_or(0, |at| at + 1);
        defined.entry(text[symbol.name.clone()].to_owned()).or_default().push(Defined {
            repo: None,
            path: relative.clone(),
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
