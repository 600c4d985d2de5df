//! Thousands of small repositories, made of the corpus's own files: what a search costs that has to look at each.

use super::instance::{self, Instance};
use super::report::Latency;
use crate::run;
use anyhow::{Context, Result};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How many repositories there are, and how many of them the steps of the growth search.
const N_REPOS: usize = 5_000;
const STEPS: [(usize, &str); 3] = [(500, "repo:r0[0-4]"), (1_500, "repo:r(0|1[0-4])"), (5_000, "")];
/// Files of one repository.
const N_FILES: usize = 15;

/// A query over so many repositories.
#[derive(Serialize)]
pub(crate) struct SmallRow {
    pub(crate) text: String,
    pub(crate) n_repos: usize,
    pub(crate) first_page: Latency,
}

/// Makes the repositories in `scratch` where they are not there yet, indexes them and asks.
pub(crate) fn measure(
    binary: &Path,
    work_tree: &Path,
    scratch: &Path,
    rounds: usize,
) -> Result<Vec<SmallRow>> {
    let folder = scratch.join("small");
    let data = scratch.join("small-data");
    if !data.join("index").is_dir() {
        make(work_tree, &folder)?;
        instance::index_all(binary, &data, &folder)?;
    }
    let instance = Instance::start(binary, &data, None, false)?;
    instance.wait_for_calm()?;
    let mut rows = Vec::new();
    for query in [
        "case:yes kmalloc_array",
        "serial8250_register_8250_port",
        "no_such_identifier_anywhere",
        "/dev_(err|warn)\\(.*timeout/",
    ] {
        for (n_repos, filter) in STEPS {
            let text = format!("{filter} {query}");
            rows.push(SmallRow {
                n_repos,
                first_page: instance.first_page(text.trim(), rounds)?,
                text: query.to_owned(),
            });
        }
    }
    Ok(rows)
}

fn make(work_tree: &Path, folder: &Path) -> Result<()> {
    let mut listing = Command::new("git");
    listing.arg("-C").arg(work_tree).args(["ls-files", "-z"]);
    let listing = run::output(&mut listing)?;
    let names = listing.split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    let files: Vec<PathBuf> =
        names.filter(|name| !name.is_empty() && !name.contains(['"', '\n'])).map(PathBuf::from).collect();
    let n_files = N_FILES.min((files.len() / N_REPOS).max(1));
    for (number, files) in files.chunks(n_files).take(N_REPOS).enumerate() {
        make_one(work_tree, &folder.join(format!("r{number:04}.git")), files)?;
    }
    Ok(())
}

/// One bare repository with one commit, through `git fast-import`: two processes, no work tree.
fn make_one(work_tree: &Path, repository: &Path, files: &[PathBuf]) -> Result<()> {
    let mut init = Command::new("git");
    run::output(init.args(["init", "--quiet", "--bare", "--initial-branch=main"]).arg(repository))?;
    let mut stream =
        b"commit refs/heads/main\ncommitter bench <bench@example.invalid> 1700000000 +0000\ndata 0\n"
            .to_vec();
    for file in files {
        let path = work_tree.join(file);
        // Links and folders (submodules) are left out.
        if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        write!(stream, "M 100644 inline {}\ndata {}\n", file.display(), content.len())?;
        stream.extend(content);
        stream.push(b'\n');
    }
    let mut import = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start git fast-import")?;
    import.stdin.take().context("git fast-import has no input")?.write_all(&stream)?;
    anyhow::ensure!(import.wait()?.success(), "git fast-import failed for {}", repository.display());
    Ok(())
}
