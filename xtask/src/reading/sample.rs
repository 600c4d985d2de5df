//! What is asked about: files, places and names of a repository, chosen by chance that is the same each time.

use crate::run;
use anyhow::{Context, Result, ensure};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The languages whose files are opened, by the ends of their names.
const ENDS: [&str; 14] =
    [".c", ".h", ".cc", ".cpp", ".cs", ".go", ".java", ".js", ".py", ".pyi", ".rb", ".rs", ".ts", ".tsx"];
/// Lines of code have about so many bytes: files of other sizes need not be counted.
const LINE_BYTES: Range<u64> = 15..60;

/// A git repository that is measured on.
pub(super) struct Repository {
    pub(super) path: PathBuf,
    pub(super) head: String,
    /// The files of code at HEAD, with their sizes, by path.
    files: Vec<(String, u64)>,
    n_files: usize,
    name: String,
}

/// A name in a file.
pub(super) struct Place {
    pub(super) path: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// In bytes, from 0.
    pub(super) column: usize,
}

/// Numbers that look like chance (Knuth's multiplier).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

impl Repository {
    pub(super) fn open(path: &Path) -> Result<Repository> {
        let path = path.canonicalize().with_context(|| format!("cannot open {}", path.display()))?;
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut repository = Repository { path, head: String::new(), files: Vec::new(), n_files: 0, name };
        repository.head = repository.git(&["rev-parse", "HEAD"])?.trim().to_owned();
        let listing = repository.git(&["ls-tree", "-r", "-l", "-z", "HEAD"])?;
        for entry in listing.split('\0').filter(|entry| !entry.is_empty()) {
            repository.n_files += 1;
            let Some((head, path)) = entry.split_once('\t') else { continue };
            let size = head.split_whitespace().nth(3).and_then(|size| size.parse().ok());
            // Names that have to be written otherwise in addresses are left out.
            let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
            if let Some(size) = size
                && is_plain
                && ENDS.iter().any(|end| path.ends_with(end))
            {
                repository.files.push((path.to_owned(), size));
            }
        }
        Ok(repository)
    }

    /// What it is, for the report.
    pub(super) fn facts(&self) -> Result<String> {
        let commits = self.git(&["rev-list", "--count", "HEAD"])?;
        let bytes: u64 = self.files.iter().map(|(_, size)| size).sum();
        Ok(format!(
            "{}: {} files, {:.0} MB of code, {} commits",
            self.name,
            self.n_files,
            bytes as f64 / 1e6,
            commits.trim()
        ))
    }

    /// Files with about so many lines.
    pub(super) fn files_of_lines(&self, n_lines: Range<usize>, n_max: usize) -> Result<Vec<String>> {
        let bytes = LINE_BYTES.start * n_lines.start as u64..LINE_BYTES.end * n_lines.end as u64;
        let mut chance = Chance(5);
        let (mut found, mut near): (Vec<String>, Vec<_>) =
            (Vec::new(), self.files.iter().filter(|(_, size)| bytes.contains(size)).collect());
        while found.len() < n_max && !near.is_empty() {
            let (path, _) = near.swap_remove(chance.below(near.len()));
            if n_lines.contains(&self.text(path)?.lines().count()) {
                found.push(path.clone());
            }
        }
        Ok(found)
    }

    /// Names at random places below a folder, comments and strings included: pointers rest on them, too.
    pub(super) fn places(&self, n: usize, below: &str) -> Result<Vec<Place>> {
        let files: Vec<_> =
            self.files.iter().filter(|(path, _)| Path::new(path).starts_with(below)).collect();
        ensure!(!files.is_empty(), "there is no code below {below}");
        let mut chance = Chance(7);
        let mut places = Vec::new();
        while places.len() < n {
            let (path, _) = files[chance.below(files.len())];
            let text = self.text(path)?;
            let lines: Vec<&str> = text.lines().collect();
            let line = chance.below(lines.len());
            let words = words(lines.get(line).copied().unwrap_or_default());
            if let Some(column) = words.get(chance.below(words.len())) {
                places.push(Place { path: path.clone(), line: line + 1, column: *column });
            }
        }
        Ok(places)
    }

    /// A file that uses a name.
    pub(super) fn user_of(&self, name: &str) -> Result<Option<String>> {
        let found = self.git(&["grep", "-l", "-w", "-F", name, "HEAD", "--", "*.c"])?;
        let paths: Vec<&str> = found.lines().filter_map(|line| line.strip_prefix("HEAD:")).collect();
        Ok(paths.get(paths.len() / 2).map(|path| (*path).to_owned()))
    }

    /// How many lines hold a name.
    pub(super) fn n_uses(&self, name: &str) -> Result<usize> {
        let found = self.git(&["grep", "-c", "-w", "-F", name, "HEAD"])?;
        let counts = found.lines().filter_map(|line| line.rsplit(':').next()?.parse::<usize>().ok());
        Ok(counts.sum())
    }

    /// The commits that changed a file, renames followed, newest first.
    pub(super) fn commits_of(&self, path: &str) -> Result<Vec<String>> {
        let listed = self.git(&["log", "--follow", "--format=%H", "HEAD", "--", path])?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    fn text(&self, path: &str) -> Result<String> {
        self.git(&["cat-file", "blob", &format!("HEAD:{path}")])
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("git");
        command.args(["-c", "safe.directory=*", "-C"]).arg(&self.path).args(arguments);
        Ok(String::from_utf8_lossy(&run::output(&mut command)?).into_owned())
    }
}

/// Where the words of a line begin that may be names.
fn words(line: &str) -> Vec<usize> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = line.as_bytes();
    let begins = |at: &usize| {
        let at = *at;
        let is_first = is_part(bytes[at]) && (at == 0 || !is_part(bytes[at - 1]));
        is_first
            && !bytes[at].is_ascii_digit()
            && bytes[at..].iter().take_while(|byte| is_part(**byte)).count() > 3
    };
    (0..bytes.len()).filter(begins).collect()
}
