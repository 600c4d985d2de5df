//! `sourcekeep serve`, and the serving half of `up`.

use crate::app::{App, Opened};
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::failure::{Outcome, UsageError};
use crate::progress::ProgressView;
use crate::terminal::{self, STRONG};
use crate::{logging, signals};
use ::hub::PingSender;
use access::SystemClock;
use access::audit::Origin;
use anyhow::Context as _;
use egress::Egress;
use export::{ExportLimits, ExportOptions, ExportWorker, Exports};
use hosts::{CredentialBook, QueueRepositories, Surroundings, SyncOptions, SyncWorker};
use mirror::{Board, CredentialSource, DataDir, DataLock, SidecarOptions, Sidecars, Worker, WorkerOptions};
use oidc::Provider;
use search::{Catalog, Searcher};
use server::{Deps, PingMode, Server, ServerConfig};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use store::{CreateSetupError, SessionLimits, Source};
use telemetry::Usage;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uploads::{Keeping, OpenRepository, UploadLimits, UploadOptions, UploadWorker, Uploads};

/// How long the one-time link works: a working day.
const SETUP_LINK_VALID_FOR: Duration = Duration::from_secs(24 * 3600);

/// How long one piece of background work waits for searches to end.
const CALM_PATIENCE: Duration = Duration::from_millis(20);

/// Jobs at the same time: most of the time of a small one is spent waiting for the disk and the database.
const N_JOBS: usize = 4;
/// How often it is looked whether the master key was rotated.
const RESEAL_PAUSE: Duration = Duration::from_secs(60);
/// How often it is looked whether a day of the audit log is over.
const SHORTEN_PAUSE: Duration = Duration::from_secs(3600);
/// How often what was counted is written down.
const USAGE_PAUSE: Duration = Duration::from_secs(10);
/// How often it is looked whether a ping may be sent.
const PING_PAUSE: Duration = Duration::from_secs(60);
/// After how many of these pauses old numbers are let go, and the pings of weeks that are over are made.
const N_PAUSES_A_SWEEP: u32 = 180;

/// A data directory that this process alone works on.
pub(crate) struct Engine {
    pub(crate) opened: Opened,
    pub(crate) catalog: Arc<Catalog>,
    /// What every search of this process goes through, so that the urgent ones go first.
    pub(crate) searcher: Arc<Searcher>,
    pub(crate) board: Board,
    pub(crate) worker: Worker,
    pub(crate) exports: Exports,
    pub(crate) uploads: Uploads,
    pub(crate) hosts: SyncWorker,
    providers: Vec<Arc<Provider>>,
    usage: Arc<Usage>,
    pings: PingMode,
    _lock: DataLock,
}

/// The lock and the store, before the worker starts.
pub(crate) struct Locked {
    pub(crate) opened: Opened,
    lock: DataLock,
}

impl Locked {
    /// Makes the data directory and takes its lock.
    pub(crate) async fn take(app: &App) -> anyhow::Result<Self> {
        // The configuration is checked before anything is made.
        let config = app.load_config()?.config;
        config.egress.policy().map_err(UsageError::new)?;
        app.providers(&config, &Egress::unrecorded())?;
        let header = config.sign_in.trusted_header.header();
        header.map_err(|error| UsageError::new(format!("sign_in.trusted_header: {error}")))?;
        let data = DataDir::create(app.data_root()?)?;
        let lock = DataLock::acquire(&data)?;
        Ok(Locked { opened: app.create().await?, lock })
    }

    /// Starts the worker: leftovers are swept, indexes opened.
    pub(crate) async fn start(self, app: &App, view: &ProgressView) -> anyhow::Result<Engine> {
        let Locked { opened, lock } = self;
        let (config, catalog, board) = (&opened.config, Arc::new(Catalog::new()), Board::new());
        let credentials = CredentialBook::default();
        // What a process before this one had open ended with it.
        opened.ledger.close_interrupted().await?;
        let options = WorkerOptions {
            store: opened.store.by(Origin::system("worker")),
            data: opened.data.clone(),
            catalog: Arc::clone(&catalog),
            board: board.clone(),
            clock: Arc::new(SystemClock),
            git: opened.git(app).await?,
            schemes: config.schemes(),
            credentials: with_hosts(app.credentials(config), credentials.clone()),
            n_threads: config.n_index_threads(),
            n_jobs: N_JOBS,
            file_bytes_max: config.index.file_bytes_max,
            local_poll: Duration::from_secs(u64::from(config.mirror.local_poll_seconds)),
            fetch_seconds: (config.mirror.fetch_seconds_min, config.mirror.fetch_seconds_max),
        };
        let (worker, report) = Worker::start(options).await?;
        let searcher = Arc::new(Searcher::new(config.n_search_threads())?);
        let exports = exports(&opened, &catalog, &searcher);
        let uploads = uploads(&opened);
        let hosts = sync_worker(app, &opened, credentials).await?;
        let providers = app.providers(config, &opened.egress)?;
        let usage = Arc::new(config.usage.usage(&config.pings));
        let pings = config.pings(&app.environment);
        for damaged in &report.damaged {
            view.print(&format!("{damaged}"));
        }
        Ok(Engine {
            opened,
            catalog,
            searcher,
            board,
            worker,
            exports,
            uploads,
            hosts,
            providers,
            usage,
            pings,
            _lock: lock,
        })
    }
}

/// A bound listener and the server behind it.
pub(crate) struct Front {
    listener: TcpListener,
    server: Server,
    /// Where people find it, with its final slash.
    pub(crate) url: String,
}

impl Engine {
    /// Binds the listener, so that a taken address is told before hours of work.
    pub(crate) async fn front(&self, listen: Option<SocketAddr>) -> anyhow::Result<Front> {
        let config = &self.opened.config;
        let address = listen.unwrap_or(config.listen);
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}; choose another address with --listen, such as 127.0.0.1:0")
        })?;
        let bound = listener.local_addr()?;
        self.shut_air_gap()?;
        let public_url = config
            .public_url
            .as_ref()
            .map(|text| {
                text.parse::<url::Url>()
                    .map_err(|error| UsageError::new(format!("public_url '{text}': {error}")))
            })
            .transpose()?;
        let url = match &public_url {
            Some(url) => format!("{}/", url.as_str().trim_end_matches('/')),
            None => format!("http://{}/", reachable(bound)),
        };
        let deps = Deps {
            store: self.opened.store.by(Origin::system("server")),
            exports: self.exports.clone(),
            uploads: self.uploads.clone(),
            catalog: Arc::clone(&self.catalog),
            searcher: Arc::clone(&self.searcher),
            board: self.board.clone(),
            data_dir: self.opened.data.clone(),
            git: git::OpenOptions::default(),
            hosts: self.hosts.clone(),
            clock: Arc::new(SystemClock),
        };
        let keeps_answers = self.opened.config.search.keep_answers;
        let session_limits = session_limits(&self.opened.config);
        let sign_in = &self.opened.config.sign_in;
        let trusted_header = sign_in.trusted_header.header().context("sign_in.trusted_header")?;
        let config = ServerConfig {
            trusted_header,
            providers: self.providers.clone(),
            public_url,
            keeps_answers,
            session_limits,
            second_factor_required: sign_in.second_factor_required,
            audit_keep_days: self.opened.config.audit.keep_days,
            egress: self.opened.egress.policy().clone(),
            usage: Arc::clone(&self.usage),
            usage_keep_days: self.opened.config.usage.keep_days.get(),
            pings: self.pings.clone(),
            trusted_proxies: sign_in.trusted_networks().context("sign_in.trusted_proxies")?,
            ..ServerConfig::default()
        };
        let server = Server::new(config, deps);
        if !bound.ip().is_loopback() {
            terminal::warning(&format!(
                "{bound} can be reached from other machines, without encryption; put a proxy with TLS in front"
            ));
        }
        Ok(Front { listener, server, url })
    }

    /// With `egress.mode = "air-gapped"`: from now on the kernel refuses every new connection, and that was tried.
    pub(crate) fn shut_air_gap(&self) -> anyhow::Result<()> {
        if self.opened.config.egress.is_air_gapped() {
            egress::shut_air_gap()?;
        }
        Ok(())
    }

    /// The lines that tell where the server is, and how its first administrator is made if there is none.
    pub(crate) async fn welcome(&self, url: &str) -> anyhow::Result<Vec<String>> {
        let mut lines = vec![format!("Serving at {STRONG}{url}{STRONG:#}")];
        if self.opened.config.egress.is_air_gapped() {
            lines.push(
                "Air-gapped: the kernel refuses every connection to anywhere; tried and refused.".to_owned(),
            );
        }
        match self.opened.store.create_setup_link(SETUP_LINK_VALID_FOR).await {
            Ok(secret) => {
                lines.push(
                    "Create the administrator with this link; it works once, within 24 hours:".to_string(),
                );
                lines.push(format!("  {STRONG}{url}setup/{}{STRONG:#}", secret.reveal()));
            }
            Err(CreateSetupError::AdministratorExists) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(lines)
    }

    /// Serves and works until `stop`.
    pub(crate) async fn serve(&self, front: Front, stop: &CancellationToken) -> anyhow::Result<()> {
        let shutdown = stop.clone();
        let serving = async {
            let served = front.server.serve(front.listener, shutdown.cancelled_owned()).await;
            // Where the listener failed, the worker has nobody to work for.
            stop.cancel();
            served
        };
        let exporter = ExportWorker::new(&self.exports);
        let taking_in = UploadWorker::new(&self.uploads);
        let sidecars = self.sidecars();
        let resealing = reseal(&self.opened.store, stop);
        let shortening = shorten_audit(&self.opened.store, self.opened.config.audit.keep_days, stop);
        let counting = self.write_usage(stop);
        let pinging = self.send_pings(stop);
        let (served, (), (), (), (), (), (), (), (), ()) = tokio::join!(
            serving,
            self.worker.run(stop),
            exporter.run(stop),
            taking_in.run(stop),
            sidecars.run(stop),
            self.hosts.run(stop),
            resealing,
            shortening,
            counting,
            pinging
        );
        self.opened.settle_egress().await;
        Ok(served?)
    }
}

impl Engine {
    /// Writes down what was counted, lets go of what is too old, and makes the pings of weeks that are over.
    async fn write_usage(&self, stop: &CancellationToken) {
        let store = self.opened.store.by(Origin::system("usage"));
        let config = &self.opened.config;
        let makes_pings = config.usage.count && self.pings != PingMode::Off;
        let mut n_pauses = 0;
        loop {
            match store.opted_out_of_usage().await {
                Ok(people) => self.usage.set_opted_out(people),
                Err(error) => tracing::error!(%error, "who is not to be counted cannot be read"),
            }
            if n_pauses % N_PAUSES_A_SWEEP == 0 {
                if let Err(error) = store.shorten_usage(config.usage.keep_days.get()).await {
                    tracing::error!(%error, "old numbers of use cannot be let go");
                }
                let made = match makes_pings {
                    true => store.make_pings(self.pings.destination()).await.map(drop),
                    // What was counted while they were made is not kept for the day they are made again.
                    false => store.forget_counted_people().await.map(drop),
                };
                if let Err(error) = made {
                    tracing::error!(%error, "the people of a week cannot be made into a ping, or be forgotten");
                }
            }
            n_pauses = n_pauses.wrapping_add(1);
            tokio::select! {
                () = tokio::time::sleep(USAGE_PAUSE) => write_down(&store, &self.usage).await,
                () = stop.cancelled() => return write_down(&store, &self.usage).await,
            }
        }
    }

    /// Sends the pings that were approved, where pings are on.
    async fn send_pings(&self, stop: &CancellationToken) {
        let hub = &self.opened.config.hub;
        let (PingMode::On { .. }, Some(url)) = (&self.pings, &hub.url) else { return };
        let networks = hub.address().ok().flatten().map(|hub| hub.networks).unwrap_or_default();
        let store = self.opened.store.by(Origin::system("pings"));
        let sender = match PingSender::new(store, self.opened.egress.clone(), url, networks) {
            Ok(sender) => sender,
            Err(error) => return tracing::error!(%error, "hub.url: pings cannot be sent there"),
        };
        loop {
            if let Err(error) = sender.send_due().await {
                tracing::error!(%error, "pings cannot be sent");
            }
            tokio::select! {
                () = tokio::time::sleep(PING_PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// What keeps uncompressed text beside the index, for searches in this process.
    fn sidecars(&self) -> Sidecars {
        let searcher = Arc::clone(&self.searcher);
        let configured = self.opened.config.search.raw_text_bytes_max;
        Sidecars::new(SidecarOptions {
            store: self.opened.store.by(Origin::system("worker")),
            data: self.opened.data.clone(),
            catalog: Arc::clone(&self.catalog),
            board: self.board.clone(),
            bytes_max: configured.unwrap_or_else(mirror::default_sidecar_bytes),
            give_way: Arc::new(move || searcher.wait_for_calm(CALM_PATIENCE)),
        })
    }
}

/// What compares code hosts; it acts for the server itself.
pub(super) async fn sync_worker(
    app: &App,
    opened: &Opened,
    credentials: CredentialBook,
) -> anyhow::Result<SyncWorker> {
    let store = opened.store.by(Origin::system("hosts"));
    let queueing = store.clone();
    let around = Surroundings {
        egress: opened.egress.clone(),
        clock: Arc::new(SystemClock),
        git: opened.git(app).await?,
        schemes: opened.config.schemes(),
    };
    let queue: QueueRepositories = Arc::new(move |repositories| {
        let store = queueing.clone();
        Box::pin(async move { mirror::queue(&store, &repositories).await })
    });
    Ok(SyncWorker::new(SyncOptions { store, around, queue, credentials }))
}

/// What is configured by hand comes before the tokens of code hosts.
fn with_hosts(configured: CredentialSource, book: CredentialBook) -> CredentialSource {
    Arc::new(move |machine| Ok(configured(machine)?.or_else(|| book.get(machine))))
}

/// Exports of this data directory. They search as background work, so that people's searches come first.
fn exports(opened: &Opened, catalog: &Arc<Catalog>, searcher: &Arc<Searcher>) -> Exports {
    let limits = ExportLimits {
        file_bytes_max: opened.config.export.file_bytes_max,
        keep_for: Duration::from_secs(u64::from(opened.config.export.keep_days) * 24 * 3600),
        n_per_user_max: u64::from(opened.config.export.per_user_max),
        ..ExportLimits::default()
    };
    Exports::new(ExportOptions {
        store: opened.store.by(Origin::system("exports")),
        catalog: Arc::clone(catalog),
        searcher: Arc::clone(searcher),
        folder: opened.data.exports(),
        clock: Arc::new(SystemClock),
        formats: server::export_formats(),
        limits,
    })
}

/// Precise indexes of this data directory.
fn uploads(opened: &Opened) -> Uploads {
    let configured = &opened.config.precise;
    let limits = UploadLimits {
        upload_bytes_max: configured.upload_bytes_max,
        waiting_bytes_max: configured.waiting_bytes_max,
        keeping: Keeping {
            young_for: Duration::from_secs(u64::from(configured.keep_days) * 24 * 3600),
            n_per_branch: configured.keep_per_branch as usize,
        },
        ..UploadLimits::default()
    };
    let data = opened.data.clone();
    let open: OpenRepository = Arc::new(move |row| {
        let path = match &row.source {
            Source::Local(path) => path.clone(),
            Source::Remote(_) => data.mirror(row.id),
        };
        git::Repository::open(&path, &git::OpenOptions::default()).ok()
    });
    Uploads::new(UploadOptions {
        store: opened.store.by(Origin::system("precise")),
        folder: opened.data.precise(),
        open,
        clock: Arc::new(SystemClock),
        limits,
    })
}

/// The address as one types it: a server on all addresses is reached by the loopback one.
pub(super) fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// How long people stay signed in, as configured.
fn session_limits(config: &Config) -> SessionLimits {
    let hours = |hours: u32| Duration::from_secs(u64::from(hours) * 3600);
    SessionLimits {
        idle: hours(config.sign_in.session_idle_hours),
        absolute: hours(config.sign_in.session_hours_max),
    }
}

pub(super) async fn run(app: &App, args: ServeArgs) -> anyhow::Result<Outcome> {
    let view = ProgressView::new(app.common.quiet);
    let locked = Locked::take(app).await?;
    logging::start(&locked.opened.config.log, view.clone())?;
    let stop = signals::stop_token()?;
    let engine = locked.start(app, &view).await?;
    let front = engine.front(args.listen).await?;
    // The address and the link are results: they are printed even where quiet is asked for.
    for line in engine.welcome(&front.url).await? {
        terminal::print_line(line);
    }
    engine.serve(front, &stop).await?;
    Ok(Outcome::Done)
}

/// Writes down what was counted since the last time; what cannot be written is kept for the next.
async fn write_down(store: &store::Store, usage: &Usage) {
    let batch = usage.take();
    if batch.is_empty() {
        return;
    }
    if let Err(error) = store.add_usage(&batch).await {
        tracing::error!(%error, "numbers of use cannot be written down");
        usage.put_back(batch);
    }
}

/// Removes entries of the audit log that are older than configured.
async fn shorten_audit(store: &store::Store, keep_days: Option<NonZeroU32>, stop: &CancellationToken) {
    let Some(keep_days) = keep_days else { return };
    let store = store.by(Origin::system("retention"));
    loop {
        let pause = match store.shorten_audit(keep_days).await {
            Ok(step) if step.goes_on => Duration::from_millis(100),
            Ok(_) => SHORTEN_PAUSE,
            Err(error) => {
                tracing::error!(%error, "the audit log is not shortened");
                SHORTEN_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Seals secrets anew that are sealed with an old master key: after a rotation, whoever began it.
async fn reseal(store: &store::Store, stop: &CancellationToken) {
    let store = store.by(Origin::system("sealing"));
    loop {
        let pause = match store.reseal_step().await {
            Ok(step) if step.n_done > 0 => Duration::from_millis(100),
            Ok(_) => RESEAL_PAUSE,
            Err(error) => {
                tracing::warn!(%error, "secrets cannot be sealed anew");
                RESEAL_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_one_can_type() {
        let shown = |text: &str| reachable(text.parse().unwrap()).to_string();
        assert_eq!(shown("0.0.0.0:7080"), "127.0.0.1:7080");
        assert_eq!(shown("[::]:7080"), "[::1]:7080");
        assert_eq!(shown("192.0.2.1:80"), "192.0.2.1:80");
    }
}
