//! `search` and `symbols`.

use crate::answer::{Answer, TEXT_BYTES_MAX, cut};
use crate::arguments::{self, SearchArguments, SymbolsArguments};
use compat::{Backend, SearchData, SearchQuestion, revision_of};
use model::{ObjectId, RefName, RepoName};
use query::PatternType;
use rmcp::model::JsonObject;
use search::Match;
use serde_json::{Value, json};

/// How many results are shown where nothing is said, and at most.
const RESULTS: (usize, usize) = (30, 200);
/// How much of one line is shown, in bytes.
const LINE_BYTES_MAX: usize = 400;

/// Searches.
pub(crate) async fn search(backend: &dyn Backend, arguments: JsonObject) -> Answer {
    let asked: SearchArguments = match arguments::read(arguments) {
        Ok(asked) => asked,
        Err(failure) => return failure,
    };
    run(backend, asked.query, asked.limit).await
}

/// Finds definitions.
pub(crate) async fn symbols(backend: &dyn Backend, arguments: JsonObject) -> Answer {
    let asked: SymbolsArguments = match arguments::read(arguments) {
        Ok(asked) => asked,
        Err(failure) => return failure,
    };
    if asked.name.trim().is_empty() {
        return Answer::failure("name must not be empty: give a name or a part of one.");
    }
    let mut query = format!("type:symbol {}", quoted(&asked.name));
    if let Some(name) = &asked.repository {
        match arguments::repository(name) {
            Ok(name) => {
                query.push_str(&format!(
                    " repo:{}",
                    quoted(&format!("^{}$", regex_syntax::escape(name.as_str())))
                ));
            }
            Err(failure) => return failure,
        }
    }
    if let Some(language) = &asked.language {
        query.push_str(&format!(" lang:{}", quoted(language)));
    }
    if let Some(kind) = &asked.kind {
        query.push_str(&format!(" select:symbol.{}", quoted(kind).trim_matches('"')));
    }
    run(backend, query, asked.limit).await
}

async fn run(backend: &dyn Backend, query: String, limit: Option<usize>) -> Answer {
    let display = limit.unwrap_or(RESULTS.0).clamp(1, RESULTS.1);
    let question = SearchQuestion { query: query.clone(), pattern_type: PatternType::Keyword, display };
    match backend.search(question).await {
        Ok(data) if data.is_refused => refused(&data),
        Ok(data) => shown(&query, &data),
        Err(error) => error.into(),
    }
}

/// A value that the query language takes as one.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn refused(data: &SearchData) -> Answer {
    let Some(alert) = &data.alert else { return Answer::failure("This query cannot be run.") };
    let mut text = alert.description.clone();
    for proposed in &alert.proposed_queries {
        text.push_str(&format!("\nDid you mean: {}", proposed.query));
    }
    Answer::failure(text)
}

fn shown(query: &str, data: &SearchData) -> Answer {
    let mut text = String::new();
    let mut results = Vec::new();
    let mut n_dropped = 0usize;
    for found in &data.matches {
        let (block, shape) = one(found);
        if text.len() + block.len() > TEXT_BYTES_MAX {
            n_dropped += 1;
            continue;
        }
        text.push_str(&block);
        results.push(shape);
    }
    let stats = &data.stats;
    let left_out: Vec<String> = left_out(data, n_dropped);
    let head = match results.is_empty() {
        true => "Nothing found.\n".to_owned(),
        false => format!(
            "{} shown; found {} in {} of {}{}.\n",
            count(results.len() as u64, "result", "results"),
            count(stats.matches, "match", "matches"),
            count(stats.files, "file", "files"),
            count(stats.repos, "repository", "repositories"),
            if stats.complete { "" } else { " so far" },
        ),
    };
    let mut text = format!("{head}{text}");
    if let Some(alert) = &data.alert {
        text.push_str(&format!("\nNote: {}\n", alert.description));
    }
    if !left_out.is_empty() {
        text.push_str(&format!("\nLeft out: {}\n", left_out.join(" ")));
    }
    let structured = json!({
        "query": query,
        "results": results,
        "matches": stats.matches,
        "files": stats.files,
        "repositories": stats.repos,
        "complete": stats.complete && n_dropped == 0,
        "left_out": left_out,
        "note": data.alert.as_ref().map(|alert| alert.description.clone()),
    });
    Answer::new(text, structured)
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn left_out(data: &SearchData, n_dropped: usize) -> Vec<String> {
    let told = data.stats.skipped.iter().map(|skipped| match &skipped.suggested_query {
        Some(query) => format!("{} Ask: {query}", skipped.message),
        None => skipped.message.clone(),
    });
    let mut left_out: Vec<String> = told.collect();
    if n_dropped > 0 {
        left_out.push(format!(
            "{n_dropped} of the results, which would make this answer too long; ask more narrowly."
        ));
    }
    left_out
}

/// Where a file is, as the other tools take it.
fn place(repo: &RepoName, refs: &[RefName], commit: ObjectId, path: &[u8]) -> (String, Value) {
    let path = String::from_utf8_lossy(path).into_owned();
    let revision = revision_of(refs, commit);
    let at = revision.as_ref().map(|revision| format!("@{revision}")).unwrap_or_default();
    let shape = json!({
        "repository": repo.as_str(), "path": path, "revision": revision, "commit": commit.to_string()
    });
    (format!("\n{repo}{at} {path}"), shape)
}

fn with(mut shape: Value, more: Value) -> Value {
    if let (Value::Object(shape), Value::Object(more)) = (&mut shape, more) {
        shape.extend(more);
    }
    shape
}

/// A result as text and as JSON.
fn one(found: &Match) -> (String, Value) {
    match found {
        Match::Content(found) => {
            let (mut text, shape) = place(&found.repo, &found.refs, found.commit, &found.path);
            text.push('\n');
            let mut lines = Vec::new();
            for line in &found.lines {
                let shown = cut(&line.text, LINE_BYTES_MAX);
                text.push_str(&format!("{:>6}: {shown}\n", line.number));
                lines.push(json!({"number": line.number, "text": shown}));
            }
            let n_more = found.n_lines.saturating_sub(found.lines.len() as u64);
            if n_more > 0 {
                text.push_str(&format!("        and {n_more} more matching lines in this file\n"));
            }
            (text, with(shape, json!({"kind": "content", "lines": lines, "matching_lines": found.n_lines})))
        }
        Match::Path(found) => {
            let (text, shape) = place(&found.repo, &found.refs, found.commit, &found.path);
            (format!("{text}\n"), with(shape, json!({"kind": "path"})))
        }
        Match::Directory(found) => {
            let (text, shape) = place(&found.repo, &found.refs, found.commit, &found.path);
            (format!("{text}/\n"), with(shape, json!({"kind": "directory"})))
        }
        Match::Repo(found) => {
            (format!("\n{}\n", found.repo), json!({"kind": "repository", "repository": found.repo.as_str()}))
        }
        Match::Symbol(found) => {
            let (text, shape) = place(&found.repo, &found.refs, found.commit, &found.path);
            let kind = found.symbol_kind.as_str();
            let line = cut(found.text.trim(), LINE_BYTES_MAX);
            let more = json!({
                "kind": "symbol", "name": found.name, "symbol_kind": kind, "container": found.container,
                "line": found.line, "text": line
            });
            (format!("{text}:{} {kind} {}\n        {line}\n", found.line, found.name), with(shape, more))
        }
        Match::Commit(found) => commit(found, "commit"),
        Match::Diff(found) => {
            let (mut text, shape) = commit(&found.of, "diff");
            let path = String::from_utf8_lossy(&found.path).into_owned();
            text.push_str(&format!("  {} {path}\n", found.change.as_str()));
            let mut hunks = Vec::new();
            for hunk in &found.hunks {
                let lines: Vec<String> = hunk.lines.iter().map(|line| cut(line, LINE_BYTES_MAX)).collect();
                text.push_str(&format!("{}\n{}\n", hunk.header, lines.join("\n")));
                hunks.push(json!({"header": hunk.header, "lines": lines}));
            }
            (text, with(shape, json!({"path": path, "change": found.change.as_str(), "hunks": hunks})))
        }
        Match::Owner(found) => (
            format!("\n{} (owns files in {})\n", found.owner, found.repo),
            json!({"kind": "owner", "owner": found.owner, "repository": found.repo.as_str()}),
        ),
    }
}

fn commit(found: &search::CommitMatch, kind: &str) -> (String, Value) {
    let (id, author) = (found.commit.to_string(), &found.author);
    let message = cut(&found.message, 2_000);
    let text =
        format!("\n{} commit {id}\nAuthor: {} <{}>\n{message}\n", found.repo, author.name, author.email);
    let shape = json!({
        "kind": kind, "repository": found.repo.as_str(), "commit": id, "message": message,
        "author": {"name": author.name, "email": author.email, "seconds": author.seconds}
    });
    (text, shape)
}
