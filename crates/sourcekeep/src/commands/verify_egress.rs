//! `sourcekeep verify egress`

use crate::app::{App, Opened};
use crate::cli::VerifyEgressArgs;
use crate::failure::{Outcome, UsageError};
use crate::terminal;
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::Read as _;
use std::path::Path;
use store::{EgressReport, Witness};
use tlog::Signed;

/// Longest checkpoint that is read from a file; a real one has some 200 bytes.
const CHECKPOINT_BYTES_MAX: u64 = 64 << 10;

pub(super) async fn run(app: &App, args: VerifyEgressArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let mut witnesses = Vec::new();
    for file in &args.against {
        let path = app.current_dir.join(file);
        let note =
            read(&path).map_err(|error| UsageError::new(format!("--against {}: {error}", file.display())))?;
        witnesses.push(Witness { whose: format!("the checkpoint in {}", file.display()), note });
    }
    witnesses.extend(noted(&opened)?);
    let bar = ProgressBar::no_length().with_style(ProgressStyle::with_template("{pos} entries read")?);
    let bar = if app.common.quiet { ProgressBar::hidden() } else { bar };
    let report = opened.store.verify_egress(&witnesses, |n_read| bar.set_position(n_read)).await?;
    bar.finish_and_clear();
    match app.common.json {
        true => print_json(&report),
        false => print(&report, args.against.len()),
    }
    match report.is_intact() {
        true => Ok(Outcome::Done),
        false => anyhow::bail!(
            "the egress ledger is not intact; keep the database, the backups and this report as they are"
        ),
    }
}

/// What the server noted beside the database; nothing where it has not sent anything yet.
fn noted(opened: &Opened) -> anyhow::Result<Option<Witness>> {
    let path = opened.data.egress_checkpoint();
    match read(&path) {
        Ok(note) => Ok(Some(Witness { whose: format!("the checkpoint in {}", path.display()), note })),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn read(path: &Path) -> std::io::Result<Signed> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(CHECKPOINT_BYTES_MAX + 1).read_to_string(&mut text)?;
    Ok(Signed(text))
}

fn print_json(report: &EgressReport) {
    terminal::print_json(&json!({
        "intact": report.is_intact(),
        "entries": report.n_entries,
        "connections": report.n_opened,
        "open": report.n_open,
        "refused": report.n_refused,
        "said": report.n_said,
        "checkpoints_that_agree": report.n_witnesses,
        "checkpoint": report.checkpoint,
        "key": report.key,
        "n_faults": report.n_faults,
        "faults": report.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
}

fn print(report: &EgressReport, n_given: usize) {
    for fault in &report.faults {
        terminal::print_line(format_args!("fault: {fault}"));
    }
    if report.n_faults > report.faults.len() as u64 {
        terminal::print_line(format_args!("{} faults in all", report.n_faults));
    }
    if report.is_intact() {
        terminal::print_line(format_args!(
            "The egress ledger is intact: {} connections, {} of them open or not ended yet, {} refused.",
            terminal::count(report.n_opened),
            terminal::count(report.n_open),
            terminal::count(report.n_refused)
        ));
        let agree = match report.n_witnesses {
            0 => "There is no checkpoint to compare it with".to_owned(),
            1 => "It agrees with 1 checkpoint that was kept".to_owned(),
            n => format!("It agrees with {n} checkpoints that were kept"),
        };
        let without = match n_given {
            0 => {
                "; without one from outside this machine, a ledger written anew by its owner looks the same."
            }
            _ => ".",
        };
        terminal::print_line(format_args!("{agree}{without}"));
    }
    if let Some(checkpoint) = &report.checkpoint {
        terminal::print_line(format_args!("Keep this checkpoint elsewhere:\n\n{}", checkpoint.trim_end()));
    }
    if let Some(key) = &report.key {
        terminal::print_line(format_args!("\nIt is signed with the key {key}"));
    }
}
