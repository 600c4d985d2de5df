//! Golden rankings: real questions over real repositories, asked of the real binary, with recall@10 and MRR recorded so that a
//! change shows.

use crate::run;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many results count.
const N_SHOWN: usize = 10;

/// What `cargo xtask ranking` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// A folder of git repositories, for the questions of `bench/ranking/repositories.toml`.
    #[arg(long)]
    repos: Option<PathBuf>,
    /// The Linux source as a git repository, for those of `bench/ranking/linux.toml`.
    #[arg(long)]
    linux: Option<PathBuf>,
    /// The binary; built in release mode if it is not given.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// A data directory that holds the index already; else one is made and removed again.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where the report is written.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Questions {
    question: Vec<Question>,
}

/// A question with its answers.
#[derive(Deserialize)]
struct Question {
    asks: String,
    query: String,
    /// A part of the repository's name.
    repo: String,
    paths: Vec<String>,
}

/// How a question was answered.
struct Outcome {
    recall: f64,
    reciprocal_rank: f64,
    /// The place of the first right answer, from 1.
    place: Option<usize>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut sources = Vec::new();
    let mut questions = Vec::new();
    for (folder, name) in [(&options.repos, "repositories"), (&options.linux, "linux")] {
        if let Some(folder) = folder {
            sources.push(folder.clone());
            let path = run::root().join("bench/ranking").join(name).with_extension("toml");
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            questions.extend(toml::from_str::<Questions>(&text)?.question);
        }
    }
    if questions.is_empty() {
        bail!("give --repos DIR, --linux DIR, or both");
    }
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => {
            run::run("cargo", &["build", "--release", "-p", "sourcekeep"])?;
            run::target_dir().join("release/sourcekeep")
        }
    };
    let temporary = tempfile::tempdir()?;
    let data = options.data.clone().unwrap_or_else(|| temporary.path().to_path_buf());
    if options.data.is_none() {
        let mut up = Command::new(&binary);
        up.args(["up", "--once", "--quiet", "--data"]).arg(&data).args(&sources);
        run::output(&mut up)?;
    }
    let outcomes: Vec<(Question, Outcome)> = questions
        .into_iter()
        .map(|question| Ok((ask(&binary, &data, &question)?, question)))
        .map(|asked: Result<(Outcome, Question)>| asked.map(|(outcome, question)| (question, outcome)))
        .collect::<Result<_>>()?;
    let report = report(&outcomes);
    println!("{report}");
    if let Some(path) = &options.report {
        std::fs::write(path, report)?;
    }
    Ok(())
}

fn ask(binary: &Path, data: &Path, question: &Question) -> Result<Outcome> {
    let query = format!("{} count:50", question.query);
    let output = Command::new(binary)
        .args(["search", "--json", "--quiet", "--data"])
        .arg(data)
        .arg(&query)
        .output()
        .context("cannot start sourcekeep")?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("'{query}': {}", String::from_utf8_lossy(&output.stderr)))?;
    let found: Vec<(&str, &str)> = answer["matches"]
        .as_array()
        .map(|found| {
            found.iter().filter_map(|one| Some((one["repo"].as_str()?, one["path"].as_str()?))).collect()
        })
        .unwrap_or_default();
    // Several results of one file are one answer.
    let mut files: Vec<(&str, &str)> = Vec::new();
    for file in found {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let is_right = |(repo, path): &(&str, &str)| {
        repo.contains(question.repo.as_str()) && question.paths.iter().any(|right| right == path)
    };
    let place = files.iter().position(is_right).map(|at| at + 1);
    let n_right = files.iter().take(N_SHOWN).filter(|file| is_right(file)).count();
    Ok(Outcome {
        recall: n_right as f64 / question.paths.len() as f64,
        reciprocal_rank: place.map_or(0.0, |place| 1.0 / place as f64),
        place,
    })
}

fn report(outcomes: &[(Question, Outcome)]) -> String {
    let mut text = String::from(
        "# Golden rankings\n\n| question | query | first right answer | recall@10 |\n|---|---|---|---|\n",
    );
    for (question, outcome) in outcomes {
        let place = outcome.place.map_or("–".to_owned(), |place| place.to_string());
        let _ =
            writeln!(text, "| {} | `{}` | {place} | {:.2} |", question.asks, question.query, outcome.recall);
    }
    let n = outcomes.len() as f64;
    let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(|(_, outcome)| of(outcome)).sum::<f64>() / n;
    let _ = writeln!(
        text,
        "\n{} questions: recall@10 {:.3}, MRR {:.3}.",
        outcomes.len(),
        mean(|outcome| outcome.recall),
        mean(|outcome| outcome.reciprocal_rank)
    );
    text
}
