//! `read_file` and `list_files`.

use crate::answer::{Answer, TEXT_BYTES_MAX, cut};
use crate::arguments::{self, ListFilesArguments, ReadFileArguments};
use compat::{Backend, CommitData, FileData};
use model::{LineIndex, RepoName};
use rmcp::model::JsonObject;
use serde_json::json;

/// How many lines are read where nothing is said, and at most.
const LINES: (usize, usize) = (200, 800);
/// How much of one line is shown, in bytes.
const LINE_BYTES_MAX: usize = 2_000;
/// How many entries of a folder are listed.
const ENTRIES_MAX: usize = 1_000;

/// Something at a path of a revision.
struct Spot {
    repo: RepoName,
    commit: CommitData,
    path: String,
    file: FileData,
}

/// Finds what stands at a path; what is missing is told with what to do about it.
async fn spot(
    backend: &dyn Backend,
    repository: &str,
    revision: Option<String>,
    path: &str,
) -> Result<Spot, Answer> {
    let repo = arguments::repository(repository)?;
    // SECURITY: the backend answers alike for repositories that are not there and those that are not for this caller.
    if backend.repository(repo.clone()).await?.is_none() {
        return Err(arguments::unknown_repository(repository));
    }
    let rev = revision.unwrap_or_default();
    let Some(commit) = backend.commit(repo.clone(), rev.clone()).await? else {
        let rev = cut(&rev, 100);
        return Err(Answer::failure(format!(
            "{repo} has no revision '{rev}'. Leave it out for the default branch, or give a branch, tag or commit id."
        )));
    };
    let path = path.trim_matches('/').to_owned();
    match backend.file(repo.clone(), commit.id, path.clone().into_bytes()).await? {
        Some(file) => Ok(Spot { repo, commit, path, file }),
        None => Err(Answer::failure(format!(
            "There is no '{}' in {repo} at {}. list_files shows what a folder holds; search with type:path finds files \
             by name.",
            cut(&path, 200),
            commit.id
        ))),
    }
}

/// Reads a window of a file.
pub(crate) async fn read_file(backend: &dyn Backend, arguments: JsonObject) -> Answer {
    let asked: ReadFileArguments = match arguments::read(arguments) {
        Ok(asked) => asked,
        Err(failure) => return failure,
    };
    let spot = match spot(backend, &asked.repository, asked.revision, &asked.path).await {
        Ok(spot) => spot,
        Err(failure) => return failure,
    };
    if spot.file.is_directory {
        return Answer::failure(format!("'{}' is a folder: use list_files.", spot.path));
    }
    let Some(text) = &spot.file.text else {
        return Answer::failure(format!(
            "'{}' ({} bytes) is not text, or too large to show.",
            spot.path, spot.file.size_bytes
        ));
    };
    let first = asked.start_line.unwrap_or(1).max(1);
    let last = asked.end_line.unwrap_or(first.saturating_add(LINES.0 - 1));
    window(&spot, text, first, last.max(first).min(first.saturating_add(LINES.1 - 1)))
}

fn window(spot: &Spot, text: &str, first: usize, last: usize) -> Answer {
    let lines = LineIndex::new(text.as_bytes());
    let n_lines = lines.n_lines();
    if first > n_lines && n_lines > 0 {
        return Answer::failure(format!("'{}' ends at line {n_lines}; start_line is {first}.", spot.path));
    }
    let mut shown = String::new();
    let mut end = first.saturating_sub(1);
    for number in first..=last.min(n_lines) {
        let Some(range) = lines.range(number) else { break };
        let line = cut(text[range].trim_end_matches(['\n', '\r']), LINE_BYTES_MAX);
        if shown.len() + line.len() > TEXT_BYTES_MAX {
            break;
        }
        shown.push_str(&format!("{number:>6}\t{line}\n"));
        end = number;
    }
    let left_out = match end < n_lines {
        true => Some(format!("{n_lines} lines in all; go on with start_line {}.", end + 1)),
        false => None,
    };
    let head =
        format!("{} {} at {}, lines {first} to {end} of {n_lines}\n", spot.repo, spot.path, spot.commit.id);
    let tail = left_out.as_ref().map(|left| format!("Left out: {left}\n")).unwrap_or_default();
    let structured = json!({
        "repository": spot.repo.as_str(),
        "path": spot.path,
        "commit": spot.commit.id.to_string(),
        "start_line": first,
        "end_line": end,
        "lines": n_lines,
        "text": shown,
        "left_out": left_out,
    });
    Answer::new(format!("{head}{shown}{tail}"), structured)
}

/// Lists a folder.
pub(crate) async fn list_files(backend: &dyn Backend, arguments: JsonObject) -> Answer {
    let asked: ListFilesArguments = match arguments::read(arguments) {
        Ok(asked) => asked,
        Err(failure) => return failure,
    };
    let path = asked.path.unwrap_or_default();
    let spot = match spot(backend, &asked.repository, asked.revision, &path).await {
        Ok(spot) => spot,
        Err(failure) => return failure,
    };
    if !spot.file.is_directory {
        return Answer::failure(format!("'{}' is a file: use read_file.", spot.path));
    }
    let path = spot.path.clone().into_bytes();
    let entries = match backend.folder(spot.repo.clone(), spot.commit.id, path).await {
        Ok(entries) => entries,
        Err(error) => return error.into(),
    };
    let n_entries = entries.len();
    let mut text = format!("{} {}/ at {}\n", spot.repo, spot.path, spot.commit.id);
    let mut shapes = Vec::new();
    for entry in entries.iter().take(ENTRIES_MAX) {
        let slash = if entry.is_directory { "/" } else { "" };
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
        text.push_str(&format!("{}{slash}\n", entry.name));
        shapes.push(json!({"name": entry.name, "kind": entry.kind}));
    }
    let n_left = n_entries - shapes.len();
    let left_out = (n_left > 0).then(|| {
        format!("{n_left} further entries; search with type:path and file:^{} to find among them.", spot.path)
    });
    if let Some(left) = &left_out {
        text.push_str(&format!("Left out: {left}\n"));
    }
    let structured = json!({
        "repository": spot.repo.as_str(),
        "path": spot.path,
        "commit": spot.commit.id.to_string(),
        "entries": shapes,
        "left_out": left_out,
    });
    Answer::new(text, structured)
}
