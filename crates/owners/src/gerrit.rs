//! `OWNERS`: Gerrit's rules, a file for a directory and all below it.
//!
//! As the find-owners backend of the code-owners plugin has them:
//! <https://gerrit.googlesource.com/plugins/code-owners/+/refs/heads/master/resources/Documentation/backend-find-owners.md>.
//! Rules of other repositories and branches are not read.

use crate::glob::{Glob, GlobStyle};
use crate::{
    Diagnostic, Diagnostics, Fault, OWNERS_PER_RULE_MAX, Ownership, RULES_MAX, SIZE_BYTES_MAX, is_address,
    shown,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many files one may include, itself counted, directly or through others.
const INCLUDED_MAX: usize = 32;

/// The rules of one directory.
#[derive(Clone, Debug, Default)]
pub struct OwnersFile {
    no_parent: bool,
    owners: Vec<(String, u32)>,
    per_file: Vec<PerFile>,
    includes: Vec<Include>,
    diagnostics: Diagnostics,
}

/// `per-file GLOB,GLOB=…`.
#[derive(Clone, Debug)]
struct PerFile {
    globs: Vec<Glob>,
    pattern: String,
    owners: Vec<String>,
    no_parent: bool,
    includes: Vec<Include>,
    line: u32,
}

#[derive(Clone, Debug)]
struct Include {
    path: String,
    line: u32,
    /// `include`: everything, not only who owns the whole directory.
    is_whole: bool,
}

impl OwnersFile {
    /// What such files are called.
    pub const NAME: &'static str = "OWNERS";

    /// Parses a file. Lines that cannot be used are passed over and told.
    pub fn parse(text: &str) -> OwnersFile {
        let mut file = OwnersFile::default();
        if text.len() > SIZE_BYTES_MAX {
            file.diagnostics.push(0, Fault::FileTooLarge);
            return file;
        }
        let mut n_rules = 0;
        for (line, number) in text.lines().zip(1u32..) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if n_rules >= RULES_MAX {
                file.diagnostics.push(number, Fault::TooManyRules);
                break;
            }
            n_rules += 1;
            file.line(line, number);
        }
        file
    }

    /// What is wrong with the file.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics.0
    }

    /// The paths of the files that it includes, as they are written.
    pub fn included(&self) -> impl Iterator<Item = &str> {
        let in_rules = self.per_file.iter().flat_map(|rule| &rule.includes);
        self.includes.iter().chain(in_rules).map(|include| include.path.as_str())
    }

    fn line(&mut self, line: &str, number: u32) {
        if words_are(line, &["set", "noparent"]) {
            self.no_parent = true;
        } else if let Some(rest) = keyword(line, "per-file") {
            self.per_file_line(rest, number);
        } else if let Some(rest) = keyword(line, "include") {
            self.includes.extend(include(rest, number, true, &mut self.diagnostics));
        } else if let Some(rest) = line.strip_prefix("file:") {
            self.includes.extend(include(rest, number, false, &mut self.diagnostics));
        } else if is_gerrit_owner(line) {
            self.owners.push((line.to_owned(), number));
        } else {
            self.diagnostics.push(number, Fault::UnknownLine);
        }
    }

    fn per_file_line(&mut self, rest: &str, number: u32) {
        let Some((patterns, owners)) = rest.split_once('=') else {
            self.diagnostics.push(number, Fault::UnknownLine);
            return;
        };
        let mut rule = PerFile {
            globs: Vec::new(),
            pattern: patterns.trim().to_owned(),
            owners: Vec::new(),
            no_parent: false,
            includes: Vec::new(),
            line: number,
        };
        for pattern in split_outside_braces(patterns) {
            match Glob::new(pattern.trim(), GlobStyle::Gerrit) {
                Ok(glob) => rule.globs.push(glob),
                Err(error) => self.diagnostics.push(number, Fault::BadPattern(error)),
            }
        }
        for word in owners.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if words_are(word, &["set", "noparent"]) {
                rule.no_parent = true;
            } else if let Some(path) = word.strip_prefix("file:") {
                rule.includes.extend(include(path, number, false, &mut self.diagnostics));
            } else if let Some(path) = keyword(word, "include") {
                rule.includes.extend(include(path, number, false, &mut self.diagnostics));
            } else if !is_gerrit_owner(word) {
                self.diagnostics.push(number, Fault::BadOwner(shown(word)));
            } else if rule.owners.len() >= OWNERS_PER_RULE_MAX {
                self.diagnostics.push(number, Fault::TooManyOwners);
                break;
            } else {
                rule.owners.push(word.to_owned());
            }
        }
        if !rule.globs.is_empty() {
            self.per_file.push(rule);
        }
    }
}

/// Most files of a tree.
pub const FILES_MAX: usize = 10_000;

/// All `OWNERS` files of a revision, by path.
#[derive(Clone, Debug, Default)]
pub struct OwnersTree {
    files: BTreeMap<String, Arc<OwnersFile>>,
}

impl OwnersTree {
    /// A tree of these files, by their full paths.
    pub fn new(files: BTreeMap<String, Arc<OwnersFile>>) -> OwnersTree {
        OwnersTree { files }
    }

    /// Adds the files that those in the tree include, and so on, up to [`FILES_MAX`]. `read` gives the file at a path.
    pub fn include<E>(
        mut self,
        mut read: impl FnMut(&str) -> Result<Option<Arc<OwnersFile>>, E>,
    ) -> Result<OwnersTree, E> {
        let mut wanted: Vec<String> =
            self.files.iter().flat_map(|(at, file)| resolved_all(file, at)).collect();
        let mut asked = BTreeSet::new();
        while let Some(path) = wanted.pop() {
            if self.files.len() >= FILES_MAX || self.files.contains_key(&path) || !asked.insert(path.clone())
            {
                continue;
            }
            if let Some(file) = read(&path)? {
                wanted.extend(resolved_all(&file, &path));
                self.files.insert(path, file);
            }
        }
        Ok(self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The rules that say who owns a path, from its own directory upwards, each with the path of its file. Rules without
    /// owners are left out.
    pub fn of(&self, path: &[u8]) -> Vec<(String, Ownership)> {
        let path = String::from_utf8_lossy(path);
        let mut found = Vec::new();
        let mut directory = path.rfind('/').map_or("", |slash| &path[..slash]);
        loop {
            let at = file_in(directory);
            let below = path[directory.len()..].trim_start_matches('/');
            if let Some(file) = self.files.get(&at) {
                let mut gathered =
                    Gathered { tree: self, path: below.as_bytes(), found: &mut found, n_files: 0 };
                if gathered.directory(file, &at) {
                    break;
                }
            }
            if directory.is_empty() {
                break;
            }
            directory = directory.rfind('/').map_or("", |slash| &directory[..slash]);
        }
        found
    }
}

/// The rules of one directory for one path, gathered through what they include.
struct Gathered<'a> {
    tree: &'a OwnersTree,
    path: &'a [u8],
    found: &'a mut Vec<(String, Ownership)>,
    n_files: usize,
}

impl Gathered<'_> {
    /// Whether the search upwards ends here.
    fn directory(&mut self, file: &Arc<OwnersFile>, at: &str) -> bool {
        let whole = self.whole_files(file, at);
        let mut stops = false;
        let mut is_cut_off = false;
        for (file, at) in &whole {
            for rule in
                file.per_file.iter().filter(|rule| rule.globs.iter().any(|glob| glob.is_match(self.path)))
            {
                is_cut_off |= rule.no_parent;
                self.add(at, rule.owners.clone(), &rule.pattern, rule.line);
                for include in &rule.includes {
                    self.owners_of(&include.path, at, &rule.pattern, include.line);
                }
            }
        }
        if is_cut_off {
            return true;
        }
        for (file, at) in &whole {
            stops |= file.no_parent;
            for (owner, line) in &file.owners {
                self.add(at, vec![owner.clone()], "", *line);
            }
            for include in file.includes.iter().filter(|include| !include.is_whole) {
                self.owners_of(&include.path, at, "", include.line);
            }
        }
        stops
    }

    /// A file and all that it includes as a whole, without recursion: each once, a bounded number of them.
    fn whole_files(&mut self, file: &Arc<OwnersFile>, at: &str) -> Vec<(Arc<OwnersFile>, String)> {
        let mut files = vec![(Arc::clone(file), at.to_owned())];
        let mut next = 0;
        while let Some((file, at)) = files.get(next).cloned() {
            next += 1;
            for include in file.includes.iter().filter(|include| include.is_whole) {
                let path = resolved(&include.path, &at);
                let is_known = files.iter().any(|(_, known)| *known == path);
                if let Some(included) =
                    self.tree.files.get(&path).filter(|_| !is_known && files.len() < INCLUDED_MAX)
                {
                    files.push((Arc::clone(included), path));
                }
            }
        }
        files
    }

    /// The owners of the whole directory in another file, and in those it takes owners from.
    fn owners_of(&mut self, path: &str, from: &str, pattern: &str, line: u32) {
        let mut paths = vec![resolved(path, from)];
        let mut next = 0;
        while let Some(path) = paths.get(next).cloned() {
            next += 1;
            self.n_files += 1;
            let Some(file) = self.tree.files.get(&path).cloned().filter(|_| self.n_files <= INCLUDED_MAX)
            else {
                continue;
            };
            let owners = file.owners.iter().map(|(owner, _)| owner.clone()).collect();
            self.add(from, owners, pattern, line);
            for include in &file.includes {
                let included = resolved(&include.path, &path);
                if !paths.contains(&included) {
                    paths.push(included);
                }
            }
        }
    }

    fn add(&mut self, at: &str, owners: Vec<String>, pattern: &str, line: u32) {
        if !owners.is_empty() {
            let ownership = Ownership { owners, pattern: pattern.to_owned(), line, section: None };
            self.found.push((at.to_owned(), ownership));
        }
    }
}

/// The path of the file of a directory.
pub(crate) fn file_in(directory: &str) -> String {
    match directory {
        "" => OwnersFile::NAME.to_owned(),
        directory => format!("{directory}/{}", OwnersFile::NAME),
    }
}

fn resolved_all(file: &OwnersFile, at: &str) -> Vec<String> {
    file.included().map(|path| resolved(path, at)).collect()
}

/// The path of an included file: from the root with a slash before it, otherwise from the including file's directory.
fn resolved(path: &str, from: &str) -> String {
    if let Some(rooted) = path.strip_prefix('/') {
        return rooted.to_owned();
    }
    let directory = from.rfind('/').map_or("", |slash| &from[..slash]);
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn include(path: &str, line: u32, is_whole: bool, diagnostics: &mut Diagnostics) -> Option<Include> {
    let path = path.trim();
    if path.contains(':') {
        diagnostics.push(line, Fault::OtherRepository(shown(path)));
        return None;
    }
    if path.is_empty() {
        diagnostics.push(line, Fault::UnknownLine);
        return None;
    }
    Some(Include { path: path.to_owned(), line, is_whole })
}

fn is_gerrit_owner(word: &str) -> bool {
    word == "*" || (is_address(word) && !word.contains(char::is_whitespace))
}

fn keyword<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    line.strip_prefix(word).filter(|rest| rest.starts_with(char::is_whitespace)).map(str::trim)
}

fn words_are(line: &str, words: &[&str]) -> bool {
    line.split_whitespace().eq(words.iter().copied())
}

/// Cuts a list at its commas, but for those in braces.
fn split_outside_braces(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}
