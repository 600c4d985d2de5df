//! How results look in exports: JSON lines, one result as the API's search answers it on each; and CSV, one matching line a
//! row.
//!
//! The columns of CSV (RFC 4180, `\r\n` ends): `kind, repo, commit, refs, path, language, line, text, matches, name,
//! symbol_kind, container, author, email, date, change, message, url`. A column that a kind of result has not is empty.

use crate::format::rfc3339_at;
use crate::wire::{MatchShape, lossy};
use export::RowFormat;
use model::RefName;
use search::{CommitMatch, ContentMatch, DiffMatch, Match, PathMatch, SymbolMatch};
use std::borrow::Cow;
use std::sync::Arc;

/// Every format, by the word that is also the ending of the file.
pub fn export_formats() -> Vec<(&'static str, Arc<dyn RowFormat>)> {
    vec![("jsonl", Arc::new(JsonLines)), ("csv", Arc::new(Csv))]
}

/// The media type of a format.
pub(crate) fn media_type(format: &str) -> &'static str {
    match format {
        "jsonl" => "application/x-ndjson",
        _ => "text/csv; charset=utf-8",
    }
}

struct JsonLines;

impl RowFormat for JsonLines {
    fn header(&self) -> Vec<u8> {
        Vec::new()
    }

    fn rows(&self, found: &Match, out: &mut Vec<u8>) {
        // Writing to memory fails only where a shape cannot be JSON, and none of ours has such a part.
        if let Err(error) = serde_json::to_writer(&mut *out, &MatchShape::of(found)) {
            tracing::error!(%error, "a result cannot be written as JSON");
        }
        out.push(b'\n');
    }
}

/// The columns of CSV.
const COLUMNS: [&str; 18] = [
    "kind",
    "repo",
    "commit",
    "refs",
    "path",
    "language",
    "line",
    "text",
    "matches",
    "name",
    "symbol_kind",
    "container",
    "author",
    "email",
    "date",
    "change",
    "message",
    "url",
];

struct Csv;

impl RowFormat for Csv {
    fn header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write(&COLUMNS.map(str::to_owned), &mut out);
        out
    }

    fn rows(&self, found: &Match, out: &mut Vec<u8>) {
        match found {
            Match::Content(found) => content(found, out),
            Match::Path(found) => path(found).write(out),
            Match::Repo(found) => {
                let url = crate::links::repo_link(&found.repo, None);
                Row { kind: "repo", repo: found.repo.to_string(), url, ..Row::default() }.write(out);
            }
            Match::Symbol(found) => symbol(found).write(out),
            Match::Commit(found) => commit(found).write(out),
            Match::Diff(found) => diff(found, out),
            Match::Directory(found) => Row {
                kind: "directory",
                repo: found.repo.to_string(),
                commit: found.commit.to_string(),
                refs: refs(&found.refs),
                path: lossy(&found.path),
                ..Row::default()
            }
            .write(out),
            Match::Owner(found) => Row {
                kind: "owner",
                repo: found.repo.to_string(),
                name: found.owner.clone(),
                ..Row::default()
            }
            .write(out),
        }
    }
}

/// One row, by columns.
#[derive(Clone, Debug, Default)]
struct Row {
    kind: &'static str,
    repo: String,
    commit: String,
    refs: String,
    path: String,
    language: &'static str,
    line: String,
    text: String,
    matches: String,
    name: String,
    symbol_kind: &'static str,
    container: String,
    author: String,
    email: String,
    date: String,
    change: &'static str,
    message: String,
    url: String,
}

impl Row {
    fn write(&self, out: &mut Vec<u8>) {
        let cells: [&str; COLUMNS.len()] = [
            self.kind,
            &self.repo,
            &self.commit,
            &self.refs,
            &self.path,
            self.language,
            &self.line,
            &self.text,
            &self.matches,
            &self.name,
            self.symbol_kind,
            &self.container,
            &self.author,
            &self.email,
            &self.date,
            self.change,
            &self.message,
            &self.url,
        ];
        write(&cells.map(harmless), out);
    }
}

fn content(found: &ContentMatch, out: &mut Vec<u8>) {
    let url = crate::links::match_link(&found.repo, &found.refs, found.commit, &found.path);
    let file = Row {
        kind: "content",
        repo: found.repo.to_string(),
        commit: found.commit.to_string(),
        refs: refs(&found.refs),
        path: lossy(&found.path),
        language: syntax::language_name(found.language).unwrap_or_default(),
        ..Row::default()
    };
    for line in &found.lines {
        let row = Row {
            line: line.number.to_string(),
            text: line.text.clone(),
            matches: line.ranges.len().max(1).to_string(),
            url: format!("{url}#L{}", line.number),
            ..file.clone()
        };
        row.write(out);
    }
}

fn path(found: &PathMatch) -> Row {
    Row {
        kind: "path",
        repo: found.repo.to_string(),
        commit: found.commit.to_string(),
        refs: refs(&found.refs),
        path: lossy(&found.path),
        language: syntax::language_name(found.language).unwrap_or_default(),
        change: found.change.map_or("", search::FileChange::as_str),
        url: crate::links::match_link(&found.repo, &found.refs, found.commit, &found.path),
        ..Row::default()
    }
}

fn symbol(found: &SymbolMatch) -> Row {
    let file = crate::links::match_link(&found.repo, &found.refs, found.commit, &found.path);
    Row {
        kind: "symbol",
        repo: found.repo.to_string(),
        commit: found.commit.to_string(),
        refs: refs(&found.refs),
        path: lossy(&found.path),
        language: syntax::language_name(found.language).unwrap_or_default(),
        line: found.line.to_string(),
        text: found.text.clone(),
        name: found.name.clone(),
        symbol_kind: found.symbol_kind.as_str(),
        container: found.container.clone(),
        url: format!("{file}#L{}", found.line),
        ..Row::default()
    }
}

fn commit(found: &CommitMatch) -> Row {
    Row {
        kind: "commit",
        repo: found.repo.to_string(),
        commit: found.commit.to_string(),
        refs: refs(&found.refs),
        author: found.author.name.clone(),
        email: found.author.email.clone(),
        date: rfc3339_at(found.committer.seconds, found.committer.offset_minutes),
        message: found.message.clone(),
        url: crate::links::commit_link(&found.repo, found.commit),
        ..Row::default()
    }
}

/// One row for each matching line of the diff, or one for the file where only the commit matches.
fn diff(found: &DiffMatch, out: &mut Vec<u8>) {
    let file = Row {
        kind: "diff",
        path: lossy(&found.path),
        language: syntax::language_name(found.language).unwrap_or_default(),
        change: found.change.as_str(),
        ..commit(&found.of)
    };
    let mut n_rows = 0;
    for hunk in &found.hunks {
        for (text, number) in hunk.lines.iter().zip(0u32..) {
            let n_matches = hunk.ranges.iter().filter(|(line, _)| *line == number).count();
            if n_matches > 0 {
                n_rows += 1;
                Row { text: text.clone(), matches: n_matches.to_string(), ..file.clone() }.write(out);
            }
        }
    }
    if n_rows == 0 {
        file.write(out);
    }
}

fn refs(refs: &[RefName]) -> String {
    refs.iter().map(RefName::as_str).collect::<Vec<_>>().join(" ")
}

/// SECURITY: what a spreadsheet would run as a formula is made text by the apostrophe that spreadsheets take for that: cells
/// that begin, after blanks, with one of these signs. NUL, which no CSV reader takes, is replaced.
pub(crate) fn harmless(cell: &str) -> String {
    let cell: Cow<'_, str> =
        if cell.contains('\0') { cell.replace('\0', "\u{fffd}").into() } else { cell.into() };
    let begins_with_sign = cell
        .trim_start_matches([' ', '\t', '\r', '\n', '\u{a0}'])
        .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '|', '%']);
    if begins_with_sign || cell.starts_with(['\t', '\r', '\n']) {
        format!("'{cell}")
    } else {
        cell.into_owned()
    }
}

pub(crate) fn write(cells: &[String], out: &mut Vec<u8>) {
    let terminator = csv::Terminator::CRLF;
    let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(out);
    if let Err(error) = writer.write_record(cells).and_then(|()| Ok(writer.flush()?)) {
        tracing::error!(%error, "a row cannot be written as CSV");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Language, ObjectId, RepoId, RepoName};
    use search::LineMatch;

    fn found(path: &[u8], text: &str) -> Match {
        Match::Content(ContentMatch {
            repo_id: RepoId(1),
            repo: RepoName::new("a/b").unwrap(),
            commit: ObjectId([1; 20]),
            refs: vec![RefName::new("refs/heads/main").unwrap()],
            path: path.to_vec(),
            path_ranges: vec![],
            language: Language::UNKNOWN,
            blob: ObjectId([2; 20]),
            score: 1.0,
            score_parts: search::ScoreParts::default(),
            lines: vec![LineMatch {
                number: 3,
                text: text.into(),
                ranges: vec![],
                is_cut: false,
                goes_on: false,
            }],
            n_lines: 1,
            n_matches: 1,
        })
    }

    fn cells(found: &Match) -> Vec<String> {
        let mut text = Csv.header();
        Csv.rows(found, &mut text);
        let mut reader = csv::Reader::from_reader(&text[..]);
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), COLUMNS);
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!(rows.len(), 1);
        rows[0].iter().map(str::to_owned).collect()
    }

    #[test]
    fn hostile_text_stays_in_its_cell() {
        for text in ["a,b\"c\r\nd", "\"", ",,,", "a\nkind,repo", "\u{202e}x", "é\0"] {
            let cells = cells(&found(b"x\n\"y\",z", text));
            assert_eq!((cells[4].as_str(), cells[6].as_str()), ("x\n\"y\",z", "3"));
            assert_eq!(cells[7], text.replace('\0', "\u{fffd}"));
        }
    }

    #[test]
    fn formulas_become_text() {
        for text in
            ["=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\t=1", "  =1", "\r@x", "＝1", "\u{a0}=1"]
        {
            assert_eq!(cells(&found(b"=x", text))[7], format!("'{text}"));
            assert_eq!(cells(&found(b"=x", text))[4], "'=x");
        }
        for text in ["a=1", "x", "", "  x", "1-2"] {
            assert_eq!(cells(&found(b"x", text))[7], text);
        }
    }

    #[test]
    fn a_json_line_is_one_line() {
        let mut out = Vec::new();
        JsonLines.rows(&found(b"a\nb\xff", "x\ny\u{2028}"), &mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(json["path"], "a\nb\u{fffd}");
        assert_eq!(json["lines"][0]["text"], "x\ny\u{2028}");
    }
}
