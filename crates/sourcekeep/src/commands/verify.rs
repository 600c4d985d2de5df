//! `sourcekeep verify …`

use super::serve::sync_worker;
use crate::app::App;
use crate::cli::{VerifyCommand, VerifyPermissionsArgs};
use crate::failure::{Outcome, UsageError};
use crate::terminal;
use access::{SystemClock, SystemRandomness};
use anyhow::Context as _;
use egress::Egress;
use hosts::CredentialBook;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use store::AuditReport;
use url::Url;
use verify::permissions::Setup;
use verify::{LiveServer, Report, Verdict};

pub(super) async fn run(app: &App, command: VerifyCommand) -> anyhow::Result<Outcome> {
    match command {
        VerifyCommand::Audit => audit(app).await,
        VerifyCommand::Egress(args) => super::verify_egress::run(app, args).await,
        VerifyCommand::Permissions(args) => permissions(app, args).await,
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
            "removed_to": report.removed.as_ref().map(|front| front.seq),
            "removed_before_ms": report.removed.as_ref().map(|front| front.before.0),
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
    if let Some(front) = &report.removed {
        terminal::print_line(format_args!(
            "Entries 1 to {} were removed by retention: those from before {}.",
            front.seq,
            server::day(front.before.0)
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

async fn permissions(app: &App, args: VerifyPermissionsArgs) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let address = match &args.url {
        Some(url) => url.clone(),
        None => address_of(opened.config.listen),
    };
    let address =
        Url::parse(&address).map_err(|error| UsageError::new(format!("--url {address}: {error}")))?;
    let _alone = alone(&opened.data.root().join("verify.lock"))?;
    let server = LiveServer::new(&Egress::unrecorded(), &address)?;
    let hosts = sync_worker(app, &opened, CredentialBook::default()).await?;
    let setup = Setup {
        store: &opened.store,
        hosts: &hosts,
        server: &server,
        scratch: opened.data.root().join("verify"),
        n_people: args.people,
        clock: &SystemClock,
        randomness: &SystemRandomness,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    // Before the work, so that it is not done for nothing.
    let report_file =
        args.report.as_ref().map(|file| create_report(&app.current_dir.join(file))).transpose()?;
    let bar = progress(app.common.quiet);
    let watch = |what: &str, n_done: u64, n_all: u64| match n_all {
        0 if n_done == 0 => bar.set_message(what.to_owned()),
        0 => bar.set_message(format!("{what} ({n_done})")),
        n_all => bar.set_message(format!("{what} ({n_done} of {n_all})")),
    };
    let made = verify::permissions::run(&setup, &watch).await;
    bar.finish_and_clear();
    let report = made?;
    match app.common.json {
        true => terminal::print_json(&serde_json::to_value(&report)?),
        false => print_report(&report),
    }
    if let (Some(mut file), Some(path)) = (report_file, &args.report) {
        write_report(&mut file, path, &report)?;
    }
    Ok(match report.verdict {
        Verdict::Held => Outcome::Done,
        Verdict::Failed | Verdict::NotProven => Outcome::Failed,
    })
}

/// Where a server that listens here is asked from the same machine.
fn address_of(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}

/// Two proofs at a time would take away each other's accounts.
fn alone(path: &Path) -> anyhow::Result<File> {
    let file = File::create(path).with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => anyhow::bail!(
            "another proof of permissions is being made on this data directory: wait for its end"
        ),
    }
}

fn progress(quiet: bool) -> ProgressBar {
    if quiet || !terminal::stderr_is_watched() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn create_report(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("cannot write the report to {}", path.display()))
}

fn write_report(file: &mut File, path: &Path, report: &Report) -> anyhow::Result<()> {
    let text = match path.extension().is_some_and(|extension| extension == "json") {
        true => serde_json::to_string_pretty(report)?,
        false => report.to_html(),
    };
    file.write_all(text.as_bytes())
        .with_context(|| format!("cannot write the report to {}", path.display()))?;
    terminal::eprint_line(format_args!("The report is in {}", path.display()));
    Ok(())
}

fn print_report(report: &Report) {
    for part in &report.parts {
        terminal::print_line(format_args!("{}", part.title));
        for check in &part.checks {
            let measured =
                if check.measured.is_empty() { String::new() } else { format!(" ({})", check.measured) };
            terminal::print_line(format_args!("  {:<10}  {}{measured}", check.verdict.as_str(), check.claim));
            for finding in &check.findings {
                terminal::print_line(format_args!("              - {finding}"));
            }
            if check.n_findings > check.findings.len() as u64 {
                terminal::print_line(format_args!("              - {} in all", check.n_findings));
            }
        }
    }
    terminal::print_line(format_args!(
        "{} held, {} failed, {} not proven: permissions are {}.",
        report.count(Verdict::Held),
        report.count(Verdict::Failed),
        report.count(Verdict::NotProven),
        match report.verdict {
            Verdict::Held => "what they should be",
            Verdict::Failed => "NOT what they should be",
            Verdict::NotProven => "not proven",
        }
    ));
}
