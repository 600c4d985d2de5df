//! What reading code costs: pages of files, blame, hover, definitions, references and the finder's keystrokes, asked of the real binary over HTTP, one request
//! after the other, and held against what was aimed at.

mod report;
mod sample;

use crate::bench::{
    corpus,
    instance::{self, Instance},
};
use crate::run;
use anyhow::{Context, Result, ensure};
use report::{Aim, Report, Row};
use sample::Repository;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How many places are hovered over.
const N_PLACES: usize = 300;
/// How many files of 5,000 lines are opened, and how often each.
const N_PAGES: (usize, usize) = (12, 10);
/// At how many commits each file is blamed, and how often again.
const N_BLAMES: (usize, usize) = (5, 10);
/// How often references are asked for after the first time.
const N_AGAIN: usize = 25;
/// What is typed into the finder, letter by letter.
const TYPED: [&str; 12] = [
    "kernel/sched/core.c",
    "vmalloc.c",
    "ext4 inode",
    "makefile",
    "drvnetethintel",
    "kmalloc_array",
    "tcp_v4_rcv",
    "readme",
    "Documentation/admin",
    "i915gem",
    "usb hub",
    "schedfair",
];

/// What to measure.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A git repository of a large source tree, such as Linux: all but blame is measured there.
    #[arg(long)]
    corpus: PathBuf,
    /// A git repository with a long history, bare or not, such as that of redis: blame is measured there.
    #[arg(long)]
    history: PathBuf,
    /// The files that are blamed. May be given more than once.
    #[arg(long, default_values = ["src/networking.c", "src/server.c"])]
    blame: Vec<String>,
    /// The names whose references are asked for. May be given more than once.
    #[arg(long, default_values = ["kfree", "dev_set_name", "mutex_unlock", "dev_err"])]
    name: Vec<String>,
    /// `REPOSITORY=INDEX[=ROOT]`: a git repository, the SCIP index of its HEAD, and the folder whose files it is about, for hover by a compiler's
    /// word. May be given more than once.
    #[arg(long)]
    precise: Vec<String>,
    /// The binary; built in release mode if it is not given.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Keep the indexes in this folder and use those that are there.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the report goes, as `<out>/<date>-reading.md`.
    #[arg(long, default_value = "bench/runs")]
    out: PathBuf,
}

/// Runs all of it and writes its report.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => {
            run::run("cargo", &["build", "--release", "--quiet", "--package", "sourcekeep"])?;
            run::target_dir().join("release/sourcekeep")
        }
    };
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let data = options.data.as_deref().unwrap_or(scratch.path());
    let mut report = Report::begin()?;
    let large = Subject::start(&binary, data, "corpus", &options.corpus)?;
    report.corpus = large.repository.facts()?;
    pages(&large, &mut report)?;
    hover(&large, &mut report)?;
    references(&large, &options.name, &mut report)?;
    keystrokes(&large, &mut report)?;
    drop(large);
    let history = Subject::start(&binary, data, "history", &options.history)?;
    report.history = history.repository.facts()?;
    blame(&history, &options.blame, &mut report)?;
    drop(history);
    for (number, asked) in options.precise.iter().enumerate() {
        let (path, index) = asked.split_once('=').context("--precise takes REPOSITORY=INDEX[=ROOT]")?;
        let (index, root) = index.split_once('=').unwrap_or((index, ""));
        let subject = Subject::start(&binary, data, &format!("precise-{number}"), Path::new(path))?;
        precise(&subject, Path::new(index), root, &mut report)?;
    }
    report.write(&run::root().join(&options.out))
}

/// A running server with one repository.
struct Subject {
    instance: Instance,
    repository: Repository,
    /// What the server calls the repository.
    name: String,
}

impl Subject {
    fn start(binary: &Path, data: &Path, what: &str, path: &Path) -> Result<Subject> {
        let repository = Repository::open(path)?;
        let data = data.join(format!("reading-{what}"));
        if !data.join("index").is_dir() {
            let corpus = corpus::Corpus::alone(&repository.path);
            let indexing = instance::index(binary, &data, &corpus)?;
            eprintln!("{what}: {}", indexing.line());
        }
        let instance = Instance::start(binary, &data, None, true)?;
        instance.wait_for_calm()?;
        let listed = instance.get("/api/v1/repos", &[])?;
        let name = listed["repos"][0]["name"].as_str().context("the server has no repository")?.to_owned();
        Ok(Subject { instance, repository, name })
    }

    /// Asks a resource of a file.
    fn ask(&self, resource: &str, path: &str, parameters: &[(&str, String)]) -> Result<Timed> {
        let address = format!("/api/v1/repos/{}/-/{resource}/{path}", self.name);
        self.timed(&address, parameters)
    }

    fn timed(&self, address: &str, parameters: &[(&str, String)]) -> Result<Timed> {
        let start = Instant::now();
        let body = self.instance.bytes(address, parameters).with_context(|| format!("asking {address}"))?;
        Ok(Timed { ms: start.elapsed().as_secs_f64() * 1e3, body })
    }
}

/// An answer, and how long it took from the request to its last byte.
struct Timed {
    ms: f64,
    body: Vec<u8>,
}

impl Timed {
    fn json(&self) -> Result<serde_json::Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

fn pages(subject: &Subject, report: &mut Report) -> Result<()> {
    let files = subject.repository.files_of_lines(4_500..5_500, N_PAGES.0)?;
    ensure!(!files.is_empty(), "no file has about 5,000 lines");
    let (mut first, mut again, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    for path in &files {
        let address = format!("/r/{}/-/blob/{path}", subject.name);
        for round in 0..=N_PAGES.1 {
            let timed = subject.timed(&address, &[])?;
            bytes.push(timed.body.len());
            if round == 0 { first.push(timed.ms) } else { again.push(timed.ms) }
        }
    }
    let largest = bytes.into_iter().max().unwrap_or(0);
    let note = format!("at most {} kB compressed, of 200", largest.div_ceil(1000));
    report.add(
        Row::of("page of a file of 5,000 lines, the first time", Aim::P95(100.0), first).noted(note.clone()),
    );
    report.add(Row::of("the same, again", Aim::P95(100.0), again).noted(note));
    Ok(())
}

fn hover(subject: &Subject, report: &mut Report) -> Result<()> {
    let places = subject.repository.places(N_PLACES, "")?;
    let (mut hovers, mut definitions, mut n_known) = (Vec::new(), Vec::new(), 0);
    for place in &places {
        let at = [("line", place.line.to_string()), ("column", place.column.to_string())];
        hovers.push(subject.ask("hover", &place.path, &at)?.ms);
        let definition = subject.ask("definition", &place.path, &at)?;
        n_known +=
            usize::from(definition.json()?["definitions"].as_array().is_some_and(|all| !all.is_empty()));
        definitions.push(definition.ms);
    }
    let note = format!("{n_known} of {} names have a definition", places.len());
    report.add(
        Row::of("hover at random names, their files for the first time", Aim::P95(30.0), hovers).noted(note),
    );
    report.add(Row::of("definition of the same right after", Aim::P95(30.0), definitions));
    Ok(())
}

fn references(subject: &Subject, names: &[String], report: &mut Report) -> Result<()> {
    for name in names {
        let Some(path) = subject.repository.user_of(name)? else { continue };
        let asked = [("name", name.clone()), ("limit", "50".to_owned())];
        let first = subject.ask("references", &path, &asked)?;
        let told = first.json()?;
        let n = told["references"].as_array().map_or(0, Vec::len);
        let mut again = Vec::new();
        for _ in 0..N_AGAIN {
            again.push(subject.ask("references", &path, &asked)?.ms);
        }
        let note = format!("{n} of {} lines", subject.repository.n_uses(name)?);
        let what = format!("references of `{name}`, first 50");
        report.add(Row::of(format!("{what}, the first time"), Aim::P95(50.0), vec![first.ms]).noted(note));
        report.add(Row::of(format!("{what}, again"), Aim::P95(50.0), again));
    }
    Ok(())
}

fn keystrokes(subject: &Subject, report: &mut Report) -> Result<()> {
    for (what, kinds, repo) in [
        ("keystroke in the finder, files", "files", true),
        ("keystroke, files of all repositories", "files", false),
        ("keystroke, definitions", "symbols", true),
        ("keystroke, everything", "", true),
    ] {
        let (mut times, mut n_cut) = (Vec::new(), 0);
        for typed in TYPED {
            for end in 1..=typed.len() {
                let mut asked = vec![("q", typed[..end].to_owned()), ("kinds", kinds.to_owned())];
                if repo {
                    asked.push(("repo", subject.name.clone()));
                }
                let timed = subject.timed("/api/v1/goto", &asked)?;
                n_cut += usize::from(timed.json()?["is_cut"].as_bool().unwrap_or(false));
                times.push(timed.ms);
            }
        }
        report.add(
            Row::of(what, Aim::P95(20.0), times).noted(format!("{n_cut} answers say that they were cut")),
        );
    }
    Ok(())
}

fn blame(subject: &Subject, files: &[String], report: &mut Report) -> Result<()> {
    for path in files {
        let commits = subject.repository.commits_of(path)?;
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for commit in commits.iter().take(N_BLAMES.0) {
            let address = format!("/api/v1/repos/{}@{commit}/-/blame/{path}", subject.name);
            cold.push(subject.timed(&address, &[])?.ms);
            for _ in 0..N_BLAMES.1 {
                warm.push(subject.timed(&address, &[])?.ms);
            }
        }
        let note = format!("{} commits through renames", commits.len());
        report.add(Row::of(format!("blame of `{path}`, cold"), Aim::Max(1000.0), cold).noted(note));
        report.add(Row::of(format!("blame of `{path}`, warm"), Aim::P95(50.0), warm));
        let page = format!("/r/{}/-/blame/{path}", subject.name);
        let times: Result<Vec<f64>> =
            (0..=N_BLAMES.1).map(|_| Ok(subject.timed(&page, &[])?.ms)).skip(1).collect();
        report.add(Row::of("page of that blame, warm", Aim::P95(50.0), times?));
    }
    Ok(())
}

fn precise(subject: &Subject, index: &Path, root: &str, report: &mut Report) -> Result<()> {
    subject.instance.upload_index(&subject.name, &subject.repository.head, root, index)?;
    let places = subject.repository.places(N_PLACES, root)?;
    let mut n_precise = 0;
    for what in ["the first time", "again"] {
        let mut times = Vec::new();
        n_precise = 0;
        for place in &places {
            let at = [("line", place.line.to_string()), ("column", place.column.to_string())];
            let timed = subject.ask("hover", &place.path, &at)?;
            n_precise += usize::from(!timed.json()?["precise"].is_null());
            times.push(timed.ms);
        }
        let megabytes = std::fs::metadata(index)?.len() as f64 / 1e6;
        let what = format!("hover with a compiler's index of {megabytes:.1} MB, {what}");
        report.add(Row::of(what, Aim::P95(30.0), times));
    }
    report.note_last(format!("{n_precise} of {} answered precisely", places.len()));
    Ok(())
}
