//! The house rules that no compiler holds. Each message says how to mend what it found.

mod threats;

use crate::{register, run};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The layer of each crate; an arrow may only point down. `ARCHITECTURE.md` explains the crates in the same order.
const LAYERS: [(&str, u8); 31] = [
    ("model", 0),
    ("ngram", 0),
    ("tlog", 0),
    ("query", 0),
    ("index", 1),
    ("syntax", 1),
    ("owners", 1),
    ("prose", 1),
    ("access", 1),
    ("egress", 1),
    ("vault", 1),
    ("telemetry", 1),
    ("search", 2),
    ("store", 2),
    ("git", 2),
    ("precise", 2),
    ("oidc", 2),
    ("mirror", 3),
    ("hosts", 3),
    ("hub", 3),
    ("export", 3),
    ("uploads", 3),
    ("nav", 3),
    ("compat", 3),
    ("graphql", 4),
    ("mcp", 4),
    ("verify", 4),
    ("lsp", 4),
    ("server", 5),
    ("sourcekeep", 6),
    ("testkit", 7),
];

/// Inside layer 0 everything may use `model`, and `vault` takes its randomness from `access`; nothing else goes sideways.
const SIDEWAYS: [(&str, &str); 3] = [("ngram", "model"), ("query", "model"), ("vault", "access")];

/// Who may open a door that keeps no ledger: programs that have no server's database, and a check that sends nothing.
const UNRECORDED: [&str; 4] = [
    "crates/egress/src/client.rs",
    "crates/sourcekeep/src/commands/lsp.rs",
    "crates/sourcekeep/src/commands/serve.rs",
    "crates/sourcekeep/src/commands/verify.rs",
];

/// A file longer than this has a seam to find; a warning, not a failure.
const FILE_LINES_WARN: usize = 600;

/// Checks the tree and fails with all that it found.
pub(crate) fn run() -> Result<()> {
    let files = tracked_files()?;
    let mut faults = Vec::new();
    layers(&mut faults)?;
    for file in &files {
        check_file(file, &mut faults)?;
    }
    threats::check(&files, &mut faults)?;
    for stale in register::stale()? {
        faults.push(format!("{stale}: is not what the register says; run `cargo xtask register`"));
    }
    if !faults.is_empty() {
        bail!("the house is not tidy:\n  {}", faults.join("\n  "));
    }
    println!("tidy: {} files", files.len());
    Ok(())
}

fn tracked_files() -> Result<Vec<PathBuf>> {
    let mut command = Command::new("git");
    command.current_dir(run::root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listing = run::output(&mut command)?;
    let names = listing.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let paths = names.map(|name| PathBuf::from(String::from_utf8_lossy(name).into_owned()));
    Ok(paths.filter(|path| run::root().join(path).is_file()).collect())
}

fn check_file(path: &Path, faults: &mut Vec<String>) -> Result<()> {
    // Samples of code are what they are.
    let is_sample = path.components().any(|part| part.as_os_str() == "testdata");
    if is_sample || path.extension().is_none_or(|extension| extension != "rs") {
        return Ok(());
    }
    let text = std::fs::read_to_string(run::root().join(path))
        .with_context(|| format!("cannot read {}", path.display()))?;
    let generated = text.lines().take(5).any(|line| line.contains("@generated"));
    if !text.starts_with("//!") {
        faults.push(format!("{}: begin the file with a `//!` line that says what it is", path.display()));
    }
    let n_lines = text.lines().count();
    if n_lines > FILE_LINES_WARN && !generated {
        println!("tidy: warning: {} has {n_lines} lines; look for the seam", path.display());
    }
    if path.starts_with("crates") && path.components().any(|part| part.as_os_str() == "src") {
        for (idx, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("#[ignore")
                || line.contains("todo!(")
                || line.contains("unimplemented!(")
            {
                faults.push(format!("{}:{}: finish it or leave it out", path.display(), idx + 1));
            }
        }
        // What stands below the tests' heading is never run by a server.
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        if product.contains("Egress::unrecorded") && !UNRECORDED.iter().any(|may| path == Path::new(may)) {
            faults.push(format!(
                "{}: goes out without a ledger; take the `Egress` that is given",
                path.display()
            ));
        }
    }
    Ok(())
}

/// Reads every manifest and holds its arrows to [`LAYERS`].
fn layers(faults: &mut Vec<String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(run::root().join("crates"))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(layer) = layer_of(&name) else {
            faults.push(format!(
                "crates/{name}: give it a layer in xtask/src/tidy.rs and a row in ARCHITECTURE.md"
            ));
            continue;
        };
        let manifest: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml"))
            .with_context(|| format!("crates/{name} has no Cargo.toml"))?
            .parse()
            .with_context(|| format!("crates/{name}/Cargo.toml"))?;
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
        for dependency in dependencies.into_iter().flat_map(toml::Table::keys) {
            let Some(below) = layer_of(dependency) else { continue };
            let sideways = SIDEWAYS.contains(&(name.as_str(), dependency.as_str()));
            if name != "testkit" && below >= layer && !sideways {
                faults.push(format!("crates/{name}: depends on `{dependency}`, which is not below it; move what they share down"));
            }
        }
        seen.insert(name);
    }
    let architecture = std::fs::read_to_string(run::root().join("ARCHITECTURE.md")).unwrap_or_default();
    for name in seen {
        if !architecture.contains(&format!("`{name}`")) {
            faults.push(format!("ARCHITECTURE.md: the code map has no row for `{name}`"));
        }
    }
    Ok(())
}

fn layer_of(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}
