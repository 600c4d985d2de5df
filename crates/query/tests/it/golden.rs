//! Golden tests: text in, text out, in `testdata/*.toml`. Each case quotes the line of the language page it shows.
//!
//! With `QUERY_BLESS=1` in the environment the expectations are written anew; read the difference before committing it.

use query::{Options, PatternType, TokenKind, alerts, complete, explain, parse, tokenize, unanswerable};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Golden {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    /// The line of the language page, or what else is shown.
    page: String,
    query: String,
    /// The default pattern type.
    mode: Option<String>,
    expect: String,
}

/// Runs a file of cases through `show`; in queries `¦` marks a place (a cursor) and `⏎` a line end.
fn check(file: &str, show: fn(&str, PatternType) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
    let text = std::fs::read_to_string(&path).expect("the cases can be read");
    let golden: Golden = toml::from_str(&text).expect("the cases are TOML");
    let blessing = std::env::var_os("QUERY_BLESS").is_some();
    let mut written =
        text.lines().take_while(|line| line.starts_with('#')).fold(String::new(), |out, l| out + l + "\n");
    let mut wrong = Vec::new();
    for case in &golden.case {
        let mode = case.mode.as_deref().map_or(PatternType::Keyword, mode_named);
        let shown = show(&case.query.replace('⏎', "\n"), mode);
        if shown != case.expect {
            wrong.push(format!("{}\n--- expected\n{}--- is\n{shown}", case.query, case.expect));
        }
        write_case(&mut written, case, &shown);
    }
    if blessing {
        std::fs::write(&path, written).expect("the cases can be written");
    } else {
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), file, wrong.join("\n"));
    }
}

fn mode_named(name: &str) -> PatternType {
    PatternType::ALL.into_iter().find(|mode| mode.as_str() == name).expect("a pattern type")
}

fn write_case(out: &mut String, case: &Case, shown: &str) {
    let string = |text: &str| toml::Value::String(text.to_string()).to_string();
    let _ = write!(out, "\n[[case]]\npage = {}\nquery = {}\n", string(&case.page), string(&case.query));
    if let Some(mode) = &case.mode {
        let _ = writeln!(out, "mode = {}", string(mode));
    }
    assert!(!shown.contains("'''"), "a TOML literal cannot hold this: {shown}");
    let _ = write!(out, "expect = '''\n{shown}'''\n");
}

fn show_parsed(text: &str, mode: PatternType) -> String {
    let options = Options { default_pattern_type: mode, ..Options::default() };
    let mut out = String::new();
    let query = match parse(text, &options) {
        Ok(query) => query,
        Err(error) => {
            let _ = writeln!(out, "error {}: {error}", error.kind.code());
            let _ = writeln!(out, "  at {}..{} {:?}", error.span.start, error.span.end, error.span.of(text));
            if let Some(hint) = &error.hint {
                let _ = writeln!(out, "  hint: {hint}");
            }
            if let Some(mended) = &error.suggestion {
                let _ = writeln!(out, "  mended: {mended}");
                if let Err(second) = parse(mended, &options) {
                    let _ = writeln!(out, "  mended has: {second}");
                }
            }
            return out;
        }
    };
    out.push_str(&explain(&query));
    let printed = query.to_string();
    if printed != text {
        let _ = writeln!(out, "printed: {printed}");
    }
    if let Some(error) = unanswerable(&query) {
        let _ = writeln!(out, "but: {error} at {:?}", error.span.of(text));
        if let Some(mended) = &error.suggestion {
            let _ = writeln!(out, "  mended: {mended}");
        }
    }
    let same_language = |left: &str, right: &str| Some(left.eq_ignore_ascii_case(right));
    for alert in alerts(text, &query, &same_language) {
        let _ = writeln!(out, "alert: {}; {}", alert.message, alert.hint);
        if let Some(mended) = &alert.suggestion {
            let _ = writeln!(out, "  mended: {mended}");
        }
    }
    out
}

fn show_tokens(text: &str, mode: PatternType) -> String {
    let tokens = tokenize(text, mode);
    let shown = tokens.iter().filter(|token| token.kind != TokenKind::Space);
    shown.fold(String::new(), |out, token| out + token.kind.as_str() + " " + token.span.of(text) + "\n")
}

fn show_completion(text: &str, mode: PatternType) -> String {
    let cursor = text.find('¦').expect("a cursor");
    let text = text.replacen('¦', "", 1);
    let completion = complete(&text, cursor, mode);
    let mut out = match completion.expected {
        query::Expected::Word { prefix, negated } => format!("word {prefix:?} negated {negated}\n"),
        query::Expected::Value { filter, prefix, revision } => {
            format!("value of {}: {prefix:?} revision {revision}\n", filter.name)
        }
        query::Expected::Nothing => "nothing\n".to_string(),
    };
    let _ = writeln!(out, "replaces {:?}", completion.replace.of(&text));
    for candidate in completion.candidates {
        let _ = writeln!(out, "  {}  {}", candidate.insert, candidate.doc);
    }
    out
}

#[test]
fn the_language() {
    check("language.toml", show_parsed);
}

#[test]
fn errors() {
    check("errors.toml", show_parsed);
}

#[test]
fn colours() {
    check("tokens.toml", show_tokens);
}

#[test]
fn completions() {
    check("completion.toml", show_completion);
}

#[test]
fn every_file_of_cases_is_run() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    assert_eq!(names, ["completion.toml", "errors.toml", "language.toml", "tokens.toml"]);
}
