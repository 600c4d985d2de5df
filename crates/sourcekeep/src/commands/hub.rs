//! `sourcekeep hub …`

use super::serve::reachable;
use crate::app::{App, Opened};
use crate::cli::{FeedName, HubBundleArgs, HubCommand, HubPublishArgs, HubServeArgs};
use crate::failure::{Outcome, UsageError};
use crate::progress::ProgressView;
use crate::terminal::{self, STRONG};
use crate::{logging, signals, table};
use ::hub::{Desk, FEED_BYTES_MAX, FeedKind, Fingerprint};
use access::SystemClock;
use access::audit::Origin;
use anyhow::Context as _;
use mirror::{DataDir, DataLock};
use serde_json::{Value, json};
use server::{HubFront, ServerConfig};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::HubServer;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often it is looked whether a feed is to be signed anew.
const RENEW_PAUSE: Duration = Duration::from_secs(3600);

pub(super) async fn run(app: &App, command: HubCommand) -> anyhow::Result<Outcome> {
    match command {
        HubCommand::Serve(args) => serve(app, args).await,
        HubCommand::Publish(args) => publish(app, args).await,
        HubCommand::Bundle(args) => bundle(app, args).await,
        HubCommand::Key => key(app).await,
        HubCommand::Servers => servers(app).await,
        HubCommand::Token => token(app).await,
    }
}

impl From<FeedName> for FeedKind {
    fn from(name: FeedName) -> Self {
        match name {
            FeedName::Advisories => FeedKind::Advisories,
            FeedName::Releases => FeedKind::Releases,
            FeedName::Rules => FeedKind::Rules,
        }
    }
}

/// The hub of a data directory that is made where it is missing.
async fn desk(app: &App) -> anyhow::Result<(Opened, Desk)> {
    let opened = app.create().await?;
    let desk = Desk::open(opened.store.clone(), Arc::new(SystemClock)).await?;
    Ok((opened, desk))
}

async fn serve(app: &App, args: HubServeArgs) -> anyhow::Result<Outcome> {
    let lock = DataLock::acquire(&DataDir::create(app.data_root()?)?)?;
    let opened = app.create().await?;
    let desk = Desk::open(opened.store.by(Origin::system("hub")), Arc::new(SystemClock)).await?;
    logging::start(&opened.config.log, ProgressView::new(app.common.quiet))?;
    let stop = signals::stop_token()?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!("cannot listen on {}; choose another address with --listen, such as 127.0.0.1:0", args.listen)
    })?;
    let bound = listener.local_addr()?;
    if app.is_hub_shut(&opened.config) {
        egress::shut_air_gap()?;
    }
    if !bound.ip().is_loopback() {
        terminal::warning(&format!(
            "{bound} can be reached from other machines, without encryption; put a proxy with TLS in front"
        ));
    }
    // Results: they are printed even where quiet is asked for.
    terminal::print_line(format_args!("Serving at {STRONG}http://{}/{STRONG:#}", reachable(bound)));
    terminal::print_line(format_args!("The hub's key: {}", desk.key().to_text()));
    if let Some(token) = desk.make_admin_token(true).await? {
        terminal::print_line("The page of servers opens with this token, which is not shown again:");
        terminal::print_line(format_args!("  {STRONG}{token}{STRONG:#}"));
    }
    let trusted_proxies = opened.config.sign_in.trusted_networks().context("sign_in.trusted_proxies")?;
    let config = ServerConfig { trusted_proxies, ..ServerConfig::default() };
    let front = HubFront::new(config, desk.clone());
    let (ended, shutdown) = (stop.clone(), stop.clone());
    let serving = async {
        let served = front.serve(listener, shutdown.cancelled_owned()).await;
        ended.cancel();
        served
    };
    let (served, ()) = tokio::join!(serving, renew(&desk, &stop));
    drop(lock);
    served?;
    Ok(Outcome::Done)
}

/// Signs feeds anew before they end.
async fn renew(desk: &Desk, stop: &CancellationToken) {
    loop {
        match desk.renew().await {
            Ok(kinds) if !kinds.is_empty() => tracing::info!(?kinds, "feeds were signed anew"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "feeds cannot be signed anew"),
        }
        tokio::select! {
            () = tokio::time::sleep(RENEW_PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn publish(app: &App, args: HubPublishArgs) -> anyhow::Result<Outcome> {
    let body = read(&app.current_dir.join(&args.file), FEED_BYTES_MAX)
        .map_err(|error| UsageError::new(format!("{}: {error}", args.file.display())))?;
    let (_opened, desk) = desk(app).await?;
    let valid_for = Duration::from_secs(args.valid_days.saturating_mul(24 * 3600));
    let head = desk.publish(args.feed.into(), body, valid_for).await;
    let head = head.map_err(|error| UsageError::new(format!("{}: {error}", args.file.display())))?;
    match app.common.json {
        true => terminal::print_json(&json!({
            "feed": head.kind.word(), "sequence": head.sequence, "issued_ms": head.issued.0,
            "expires_ms": head.expires.0, "bytes": head.n_bytes,
        })),
        false if !app.common.quiet => terminal::print_line(format_args!(
            "Published the {} as number {}; they hold until {}.",
            head.kind,
            head.sequence,
            server::moment(head.expires.0)
        )),
        false => {}
    }
    Ok(Outcome::Done)
}

/// Reads a file of at most so many bytes.
pub(super) fn read(path: &Path, n_bytes_max: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(n_bytes_max).unwrap_or(u64::MAX);
    std::fs::File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() > n_bytes_max {
        true => Err(std::io::Error::other(format!("it is longer than {n_bytes_max} bytes"))),
        false => Ok(bytes),
    }
}

async fn bundle(app: &App, args: HubBundleArgs) -> anyhow::Result<Outcome> {
    let (_opened, desk) = desk(app).await?;
    if desk.feed_numbers().await?.is_empty() {
        return Err(UsageError::new("nothing is published; `sourcekeep hub publish` does that").into());
    }
    let bytes = desk.bundle().await?;
    let path = app.current_dir.join(&args.out);
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&bytes)?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", args.out.display()))?;
    if !app.common.quiet {
        terminal::eprint_line(format_args!("{} written.", terminal::size(bytes.len() as u64)));
    }
    Ok(Outcome::Done)
}

async fn key(app: &App) -> anyhow::Result<Outcome> {
    let (_opened, desk) = desk(app).await?;
    terminal::print_line(desk.key().to_text());
    Ok(Outcome::Done)
}

async fn token(app: &App) -> anyhow::Result<Outcome> {
    let (_opened, desk) = desk(app).await?;
    if let Some(token) = desk.make_admin_token(false).await? {
        terminal::print_line(token);
    }
    Ok(Outcome::Done)
}

async fn servers(app: &App) -> anyhow::Result<Outcome> {
    let (_opened, desk) = desk(app).await?;
    let servers = desk.servers().await?;
    match app.common.json {
        true => terminal::print_json(&servers.iter().map(shape).collect::<Value>()),
        false => {
            let rows: Vec<Vec<String>> = servers.iter().map(row).collect();
            table::print(&["NAME", "CONTACT", "SINCE", "HEARD OF", "ID"], &rows);
        }
    }
    Ok(if servers.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

fn row(server: &HubServer) -> Vec<String> {
    vec![
        server.name.clone(),
        server.contact.clone().unwrap_or_default(),
        server::moment(server.since.0),
        server::moment(server.seen_at.0),
        Fingerprint::of(&server.public).to_string(),
    ]
}

fn shape(server: &HubServer) -> Value {
    json!({
        "name": server.name, "contact": server.contact, "since_ms": server.since.0, "heard_of_ms": server.seen_at.0,
        "key_id": Fingerprint::of(&server.public).to_string(),
    })
}
