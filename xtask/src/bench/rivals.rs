//! The tools people use today, asked the same question on the same files, with the page cache warm.

use super::corpus::Corpus;
use super::queries::Query;
use super::report::Rival;
use crate::run;
use anyhow::Result;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Each tool is run this often, and the fastest run counts: the best that can be said for it.
const ROUNDS: usize = 3;

/// Times every tool that is installed and can be asked.
pub(crate) fn measure(query: &Query, corpus: &Corpus, scratch: &Path) -> Result<Vec<Rival>> {
    let mut rivals = Vec::new();
    if let Some(arguments) = query.rg.as_ref().filter(|_| run::exists("rg")) {
        let fixed = ["--hidden", "--no-ignore", "--glob=!.git", "--count", "--no-messages"];
        rivals.push(time("ripgrep", "rg", &fixed, arguments, &corpus.work_tree, None)?);
    }
    if let Some(arguments) = &query.git {
        let git_dir = |path: &Path| format!("--git-dir={}", path.display());
        let fixed = match &corpus.repositories[..] {
            [only] if *only == corpus.work_tree => vec![git_dir(Path::new(".git")), "--work-tree=.".into()],
            [only] => vec![git_dir(only), "--work-tree=.".into()],
            _ => Vec::new(),
        };
        let no_index = if fixed.is_empty() { &["--no-index"][..] } else { &[] };
        let fixed: Vec<&str> = fixed
            .iter()
            .map(String::as_str)
            .chain(["grep", "-I", "--count"])
            .chain(no_index.iter().copied())
            .collect();
        rivals.push(time("git grep", "git", &fixed, arguments, &corpus.work_tree, None)?);
    }
    if let Some(arguments) =
        query.csearch.as_ref().filter(|_| run::exists("csearch") && run::exists("cindex"))
    {
        let index = scratch.join(format!("csearchindex-{}", corpus.name));
        if !index.exists() {
            let mut build = Command::new("cindex");
            run::output(build.env("CSEARCHINDEX", &index).arg(&corpus.work_tree))?;
        }
        rivals.push(time("csearch", "csearch", &["-c"], arguments, &corpus.work_tree, Some(&index))?);
    }
    Ok(rivals)
}

fn time(
    tool: &'static str,
    program: &str,
    fixed: &[&str],
    arguments: &[String],
    folder: &Path,
    index: Option<&Path>,
) -> Result<Rival> {
    let mut best_ms = f64::INFINITY;
    let mut lines = 0;
    for _ in 0..ROUNDS {
        let mut command = Command::new(program);
        command.args(fixed).args(arguments).current_dir(folder).stdin(Stdio::null()).stderr(Stdio::null());
        if let Some(index) = index {
            command.env("CSEARCHINDEX", index);
        }
        let start = Instant::now();
        let output = command.output()?;
        best_ms = best_ms.min(start.elapsed().as_secs_f64() * 1e3);
        lines = String::from_utf8_lossy(&output.stdout).lines().filter_map(count_of).sum();
    }
    Ok(Rival { tool, best_ms, lines })
}

/// The number after the last colon of `path:count`.
fn count_of(line: &str) -> Option<u64> {
    line.rsplit(':').next()?.trim().parse().ok()
}
