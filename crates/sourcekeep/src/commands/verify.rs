//! `sourcekeep verify …`

use crate::app::App;
use crate::cli::VerifyCommand;
use crate::failure::Outcome;
use crate::terminal;
use serde_json::json;
use store::AuditReport;

pub(super) async fn run(app: &App, command: VerifyCommand) -> anyhow::Result<Outcome> {
    match command {
        VerifyCommand::Audit => audit(app).await,
    }
}

async fn audit(app: &App) -> anyhow::Result<Outcome> {
    let report = app.open().await?.store.verify_audit().await?;
    match app.common.json {
        true => terminal::print_json(&json!({
            "intact": report.is_intact(),
            "entries": report.n_entries,
            "last_entry": report.last_seq,
            "last_hash": report.last_hash,
            "noted_since": report.noted_since,
            "noted_entry": report.noted_seq,
            "n_faults": report.n_faults,
            "faults": report.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
        false => print(&report),
    }
    match report.is_intact() {
        true => Ok(Outcome::Done),
        false => anyhow::bail!(
            "the audit log is not intact; keep the database, the backups and this report as they are"
        ),
    }
}

fn print(report: &AuditReport) {
    for fault in &report.faults {
        terminal::print_line(format_args!("fault: {fault}"));
    }
    if report.n_faults > report.faults.len() as u64 {
        terminal::print_line(format_args!("{} faults in all", report.n_faults));
    }
    if report.is_intact() {
        terminal::print_line(format_args!(
            "The audit log is intact: {} entries, the last one {} with the hash {}.",
            report.n_entries, report.last_seq, report.last_hash
        ));
    }
    match (report.noted_since, report.noted_seq) {
        (Some(since), Some(noted)) if since > 1 => terminal::print_line(format_args!(
            "Its end is noted outside the database up to entry {noted}. The note was begun at entry {since}: what stands before is held by its hashes alone."
        )),
        (Some(_), Some(noted)) => {
            terminal::print_line(format_args!("Its end is noted outside the database up to entry {noted}."))
        }
        _ => {}
    }
}
