//! `cargo xtask register`: from the reviewed data-collection register to the types that count and send, and to PRIVACY.md.

use crate::run;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

const REGISTER: &str = "crates/telemetry/register.toml";
const TYPES: &str = "crates/telemetry/src/register.rs";
const PAPER: &str = "PRIVACY.md";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    schema: u32,
    counter: Vec<Counter>,
    field: Vec<Field>,
    requests: Requests,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    number: u16,
    name: String,
    what: String,
    why: String,
    since: String,
    per_person_max: u32,
    file: String,
    function: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Noised,
    Plain,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    kind: Kind,
    counter: Option<String>,
    per_person_max: Option<u32>,
    max: Option<u32>,
    what: String,
    why: String,
    since: String,
    file: String,
    function: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requests {
    what: String,
    why: String,
    since: String,
    file: String,
    function: String,
    routes: Vec<Route>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Route {
    number: u16,
    template: String,
    page: Option<String>,
    #[serde(default)]
    counts: Vec<String>,
}

/// Writes what is made from the register.
pub(crate) fn write() -> Result<()> {
    for (path, text) in made()? {
        std::fs::write(run::root().join(path), text).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// What is made from the register and is not what stands there.
pub(crate) fn stale() -> Result<Vec<&'static str>> {
    let is_there = |path: &str, text: &str| {
        std::fs::read_to_string(run::root().join(path)).is_ok_and(|there| there == text)
    };
    Ok(made()?.into_iter().filter(|(path, text)| !is_there(path, text)).map(|(path, _)| path).collect())
}

fn made() -> Result<[(&'static str, String); 2]> {
    let text = std::fs::read_to_string(run::root().join(REGISTER))
        .with_context(|| format!("cannot read {REGISTER}"))?;
    let register: Register = toml::from_str(&text).with_context(|| format!("in {REGISTER}"))?;
    register.check().with_context(|| format!("in {REGISTER}"))?;
    Ok([(TYPES, formatted(&register.types())?), (PAPER, register.paper())])
}

/// As the formatter of the house writes it.
fn formatted(code: &str) -> Result<String> {
    let mut formatter = Command::new("rustfmt")
        .current_dir(run::root())
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start rustfmt")?;
    let mut input = formatter.stdin.take().context("rustfmt takes no input")?;
    let code = code.to_owned();
    let writing = std::thread::spawn(move || input.write_all(code.as_bytes()));
    let output = formatter.wait_with_output()?;
    let _ = writing.join();
    ensure!(output.status.success(), "rustfmt refuses what is made from the register");
    Ok(String::from_utf8(output.stdout)?)
}

/// `searches_empty` as `SearchesEmpty`.
fn camel(name: &str) -> String {
    name.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect()
}

impl Register {
    /// Holds the register to its own rules: nothing without a reason, no name and no number twice, every bound there.
    fn check(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for counter in &self.counter {
            check_words(&counter.name, [&counter.what, &counter.why, &counter.since])?;
            check_code(&counter.name, &counter.file, &counter.function)?;
            ensure!(names.insert(&counter.name), "counter '{}' is there twice", counter.name);
            ensure!(numbers.insert(counter.number), "number {} is given twice", counter.number);
            ensure!(
                (1..=10_000).contains(&counter.per_person_max),
                "counter '{}': per_person_max is 1 to 10,000",
                counter.name
            );
        }
        let mut fields = BTreeSet::new();
        for field in &self.field {
            check_words(&field.name, [&field.what, &field.why, &field.since])?;
            check_code(&field.name, &field.file, &field.function)?;
            ensure!(fields.insert(&field.name), "field '{}' is there twice", field.name);
            match (&field.kind, &field.counter, field.per_person_max, field.max) {
                (Kind::Noised, Some(counter), None, None) => {
                    ensure!(
                        names.contains(counter),
                        "field '{}': there is no counter '{counter}'",
                        field.name
                    );
                }
                (Kind::Noised, None, Some(1), None) | (Kind::Plain, None, None, Some(1..=999_999_999)) => {}
                _ => bail!(
                    "field '{}': a noised field names its counter (or people, once each); a plain one its max",
                    field.name
                ),
            }
        }
        let (mut kinds, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        check_words("requests", [&self.requests.what, &self.requests.why, &self.requests.since])?;
        check_code("requests", &self.requests.file, &self.requests.function)?;
        for route in &self.requests.routes {
            ensure!(kinds.insert((&route.template, &route.page)), "'{}' is there twice", route.template);
            ensure!(numbers.insert(route.number), "number {} of a request is given twice", route.number);
            for counter in &route.counts {
                ensure!(names.contains(counter), "'{}': there is no counter '{counter}'", route.template);
            }
        }
        Ok(())
    }

    fn types(&self) -> String {
        let mut out = format!(
            "//! What may be counted and sent, as types. @generated by `cargo xtask register` from register.toml.\n\n\
             use crate::entry::{{Entry, FieldKind, RouteEntry}};\n\n\
             /// The version of what a ping holds.\npub const SCHEMA: u32 = {};\n",
            self.schema
        );
        self.sources(&mut out);
        self.counters(&mut out);
        self.fields(&mut out);
        self.routes(&mut out);
        out
    }

    /// The text of each file that makes a number, once.
    fn sources(&self, out: &mut String) {
        let counters = self.counter.iter().map(|counter| &counter.file);
        let fields = self.field.iter().map(|field| &field.file);
        let files: BTreeSet<&String> = counters.chain(fields).chain([&self.requests.file]).collect();
        for file in files {
            let (name, path) = (source_of(file), format!("../../../{file}"));
            let _ = write!(out, "\nconst {name}: &str = include_str!({path:?});\n");
        }
    }

    fn counters(&self, out: &mut String) {
        let _ = write!(
            out,
            "\n/// How many counters there are.\npub const N_COUNTERS: usize = {};\n",
            self.counter.len()
        );
        out.push_str("\n/// What is counted.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum Counter {\n");
        for counter in &self.counter {
            let _ = writeln!(out, "/// {}\n{},", counter.what, camel(&counter.name));
        }
        out.push_str("}\n\nimpl Counter {\n/// All of them, in the order of the register.\npub const ALL: [Counter; N_COUNTERS] = [");
        for counter in &self.counter {
            let _ = write!(out, "Counter::{},", camel(&counter.name));
        }
        out.push_str("];\n\n/// Its number, which never changes.\npub fn number(self) -> u16 { match self {");
        for counter in &self.counter {
            let _ = write!(out, "Counter::{} => {},", camel(&counter.name), counter.number);
        }
        out.push_str("}}\n\n/// How far one person moves the count of a week.\npub fn per_person_max(self) -> u32 { match self {");
        for counter in &self.counter {
            let _ = write!(out, "Counter::{} => {},", camel(&counter.name), counter.per_person_max);
        }
        out.push_str(
            "}}\n\n/// What the register says of it.\npub fn entry(self) -> &'static Entry { match self {",
        );
        for counter in &self.counter {
            let entry = entry(
                &counter.name,
                &counter.what,
                &counter.why,
                &counter.since,
                &counter.file,
                &counter.function,
            );
            let _ = write!(out, "Counter::{} => &{entry},", camel(&counter.name));
        }
        out.push_str("}}\n}\n");
    }

    fn fields(&self, out: &mut String) {
        let _ = write!(
            out,
            "\n/// How many fields a ping has.\npub const N_FIELDS: usize = {};\n",
            self.field.len()
        );
        out.push_str("\n/// What a ping may hold.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum Field {\n");
        for field in &self.field {
            let _ = writeln!(out, "/// {}\n{},", field.what, camel(&field.name));
        }
        out.push_str("}\n\nimpl Field {\n/// All of them, in the order of the register.\npub const ALL: [Field; N_FIELDS] = [");
        for field in &self.field {
            let _ = write!(out, "Field::{},", camel(&field.name));
        }
        out.push_str(
            "];\n\n/// How it is made, and its bounds.\npub fn kind(self) -> FieldKind { match self {",
        );
        for field in &self.field {
            let kind = match (&field.kind, &field.counter) {
                (Kind::Noised, Some(counter)) => format!("FieldKind::Noised(Counter::{})", camel(counter)),
                (Kind::Noised, None) => "FieldKind::People".to_owned(),
                (Kind::Plain, _) => format!("FieldKind::Plain {{ max: {} }}", field.max.unwrap_or(0)),
            };
            let _ = write!(out, "Field::{} => {kind},", camel(&field.name));
        }
        out.push_str(
            "}}\n\n/// What the register says of it.\npub fn entry(self) -> &'static Entry { match self {",
        );
        for field in &self.field {
            let entry =
                entry(&field.name, &field.what, &field.why, &field.since, &field.file, &field.function);
            let _ = write!(out, "Field::{} => &{entry},", camel(&field.name));
        }
        out.push_str("}}\n}\n");
    }

    fn routes(&self, out: &mut String) {
        let requests = &self.requests;
        let entry = entry(
            "requests",
            &requests.what,
            &requests.why,
            &requests.since,
            &requests.file,
            &requests.function,
        );
        let _ =
            write!(out, "\n/// What the register says of requests.\npub static REQUESTS: Entry = {entry};\n");
        let _ = write!(
            out,
            "\n/// Every kind of request, in the order of the register.\npub static ROUTES: [RouteEntry; {}] = [\n",
            requests.routes.len()
        );
        for route in &requests.routes {
            let page = route.page.as_ref().map_or("None".to_owned(), |page| format!("Some({page:?})"));
            let counts: String =
                route.counts.iter().map(|name| format!("Counter::{},", camel(name))).collect();
            let _ = writeln!(
                out,
                "RouteEntry {{ number: {}, template: {:?}, page: {page}, counts: &[{counts}] }},",
                route.number, route.template
            );
        }
        out.push_str("];\n");
    }

    fn paper(&self) -> String {
        let mut out = String::from(
            "# What Sourcekeep counts, and what may leave\n\n\
             <!-- Made by `cargo xtask register` from crates/telemetry/register.toml. Change that file. -->\n\n\
             Nothing of this leaves: this release makes a weekly ping to be looked at, and has nothing that sends one. A server counts how\n\
             it is used, for its owner, in its own database; `[usage] count = false` turns that off, and everybody can take themselves out\n\
             of it under *Account*. Refusing disables nothing.\n\n\
             No text exists in what is counted or sent: a field is a bounded number. So no code, name, path, query, address or URL can\n\
             be in it.\n\n## Counted here, never sent as it is\n\n\
             | what | why | since | one person moves a week's count by at most |\n|---|---|---|---|\n",
        );
        for counter in &self.counter {
            let _ = writeln!(
                out,
                "| **{}** – {} | {} | {} | {} |",
                counter.name, counter.what, counter.why, counter.since, counter.per_person_max
            );
        }
        let _ = writeln!(
            out,
            "| **requests** – {} There are {} kinds, all named in the register. | {} | {} | – |",
            self.requests.what,
            self.requests.routes.len(),
            self.requests.why,
            self.requests.since
        );
        let _ = write!(
            out,
            "\nWho did what is kept only where pings are not off, as one number for each person, counter and week, and is deleted as soon\n\
             as the week's ping was made.\n\n## What a weekly ping holds (schema {})\n\n\
             | field | what | why | how |\n|---|---|---|---|\n",
            self.schema
        );
        for field in &self.field {
            let how = match field.kind {
                Kind::Noised => "noised, as a power of two; left out for fewer than five people",
                Kind::Plain => "as it is",
            };
            let _ = writeln!(out, "| **{}** | {} | {} | {how} |", field.name, field.what, field.why);
        }
        out.push_str(
            "\nA ping is canonical JSON of at most 4 KiB, without an id, an address or a URL. The noise is two-sided geometric with a total\n\
             of ε = 1 for each person and week, drawn once and kept, so that asking again says nothing more.\n",
        );
        out
    }
}

fn check_words(name: &str, words: [&String; 3]) -> Result<()> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    ensure!(is_name, "'{name}' is no name: small letters and '_'");
    ensure!(
        words.iter().all(|word| !word.trim().is_empty() && !word.contains(['|', '\n'])),
        "'{name}': say what, why and since when"
    );
    Ok(())
}

/// The code that makes it has to be there.
fn check_code(name: &str, file: &str, function: &str) -> Result<()> {
    let text = std::fs::read_to_string(run::root().join(file))
        .with_context(|| format!("'{name}': cannot read {file}"))?;
    let is_there = ['(', '<'].iter().any(|next| text.contains(&format!("fn {function}{next}")));
    ensure!(is_there, "'{name}': {file} has no function {function}");
    Ok(())
}

/// The constant that holds the text of a file.
fn source_of(file: &str) -> String {
    file.to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

fn entry(name: &str, what: &str, why: &str, since: &str, file: &str, function: &str) -> String {
    format!(
        "Entry {{ name: {name:?}, what: {what:?}, why: {why:?}, since: {since:?}, file: {file:?}, function: {function:?}, \
         source: {} }}",
        source_of(file)
    )
}
