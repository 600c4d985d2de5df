//! What every command begins with: the data directory, the configuration, the store.

use crate::cli::{Command, CommonArgs, HubCommand, VerifyCommand};
use crate::config::{self, Config, Environment, Loaded};
use crate::failure::UsageError;
use access::audit::Origin;
use access::{Actor, Caller, Clock, Scope, SessionId, SystemClock, SystemRandomness, UserName, Via};
use anyhow::Context as _;
use egress::{Door, Egress, Landlocked, SystemResolver};
use git::{GitProgramOptions, Scheme, Schemes, Secret};
use mirror::{CredentialSource, DataDir, DataDirError};
use model::{AccessSet, RepoName};
use secrecy::ExposeSecret as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{EgressLedger, Store, StoreUrl};
use tokio::sync::OnceCell;
use vault::{KeySource, Vault};

/// How long a stopping process waits for the ends of connections to be written down.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a command is given: options, environment, current directory.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) common: CommonArgs,
    pub(crate) environment: Environment,
    pub(crate) current_dir: PathBuf,
}

/// A data directory, opened.
pub(crate) struct Opened {
    pub(crate) data: DataDir,
    pub(crate) config: Config,
    pub(crate) store: Store,
    /// The way out of this server: what it opens is in the ledger.
    pub(crate) egress: Egress,
    /// The ledger.
    pub(crate) ledger: EgressLedger,
    /// The way out for git, opened when it is first needed.
    door: OnceCell<Door>,
}

impl App {
    pub(crate) fn new(common: CommonArgs, environment: Environment, current_dir: PathBuf) -> Self {
        App { common, environment, current_dir }
    }

    /// Where the data directory is or will be.
    pub(crate) fn data_root(&self) -> anyhow::Result<PathBuf> {
        let chosen = self.common.data.clone().filter(|path| !path.as_os_str().is_empty());
        let root = chosen.or_else(|| self.environment.default_data_dir()).ok_or_else(|| {
            UsageError::new("no data directory: HOME is not set; name one with --data or SOURCEKEEP_DATA")
        })?;
        Ok(self.current_dir.join(root))
    }

    /// Where the configuration file is, and whether it was named.
    pub(crate) fn config_file(&self) -> anyhow::Result<(PathBuf, bool)> {
        match &self.common.config {
            Some(file) => Ok((self.current_dir.join(file), true)),
            None => Ok((self.data_root()?.join("config.toml"), false)),
        }
    }

    /// With `egress.mode = "air-gapped"`, takes from this process and all it starts what connections need. A server does the
    /// rest once its listener is bound. A configuration that cannot be read is told by the command itself.
    pub(crate) fn begin_air_gap(&self, command: &Command) -> anyhow::Result<()> {
        // These two speak to the owner's own server, from wherever they run.
        let speaks_to_server =
            matches!(command, Command::Verify(VerifyCommand::Permissions(_)) | Command::Lsp(_));
        let is_hub = matches!(command, Command::Hub(HubCommand::Serve(_)));
        let is_shut = |config: &Config| {
            if is_hub { self.is_hub_shut(config) } else { config.egress.is_air_gapped() }
        };
        if speaks_to_server || !self.load_config().is_ok_and(|loaded| is_shut(&loaded.config)) {
            return Ok(());
        }
        if egress::forbid_connections() == Landlocked::NotHere {
            tracing::warn!(
                "this kernel cannot refuse TCP connections by Landlock; the air gap stands by seccomp alone"
            );
        }
        if !is_hub && !matches!(command, Command::Serve(_) | Command::Up(_)) {
            egress::shut_air_gap()?;
        }
        Ok(())
    }

    /// Whether a hub serves behind the air gap: it opens no connection, so that is taken from it unless its database is elsewhere.
    pub(crate) fn is_hub_shut(&self, config: &Config) -> bool {
        config.egress.is_air_gapped() || config.database.url.is_none()
    }

    pub(crate) fn load_config(&self) -> anyhow::Result<Loaded> {
        let (file, is_named) = self.config_file()?;
        config::load(&file, is_named, &self.environment)
            .map_err(|error| UsageError::new(error.to_string()).into())
    }

    /// Opens the data directory, making it where it is missing: for commands that put something there.
    pub(crate) async fn create(&self) -> anyhow::Result<Opened> {
        let config = self.load_config()?.config;
        let data = DataDir::create(self.data_root()?)?;
        self.open_store(data, config).await
    }

    /// Opens a data directory that must be there: for commands that look at it or change what is there.
    pub(crate) async fn open(&self) -> anyhow::Result<Opened> {
        let config = self.load_config()?.config;
        let data = DataDir::open(self.data_root()?)?;
        if config.database.url.is_none() && !data.database().exists() {
            // Some other folder: nothing is made in it.
            return Err(DataDirError::Missing { path: data.root().to_path_buf() }.into());
        }
        self.open_store(data, config).await
    }

    async fn open_store(&self, data: DataDir, config: Config) -> anyhow::Result<Opened> {
        let url = match &config.database.url {
            None => StoreUrl::file(data.database()),
            Some(reference) => {
                let text = reference.resolve(&self.environment)?;
                text.expose_secret().parse::<StoreUrl>().context("database.url")?
            }
        };
        if config.egress.is_air_gapped() && url.needs_network() {
            return Err(UsageError::new(
                "egress.mode = \"air-gapped\" and a database over the network exclude each other: reach it by a Unix socket \
                 (postgres://user@localhost/database?host=/var/run/postgresql), or leave database.url out",
            )
            .into());
        }
        let vault = Vault::open_source(self.key_source(&data, &config), Arc::new(SystemRandomness))?;
        let audit_head = Some(data.audit_head());
        let options = store::Options { vault, audit_head, ..store::Options::default() };
        let store = Store::open_with(&url, options).await?.by(Origin::local_operator());
        let ledger = EgressLedger::new(store.by(Origin::system("egress")), Some(data.egress_checkpoint()));
        let policy = config.egress.policy().map_err(UsageError::new)?;
        let egress = Egress::new(Arc::new(SystemResolver), policy, Arc::new(ledger.clone()));
        Ok(Opened { data, config, store, egress, ledger, door: OnceCell::new() })
    }

    /// Where the master keys are.
    fn key_source(&self, data: &DataDir, config: &Config) -> KeySource {
        let Some(reference) = config.vault.key.clone() else { return KeySource::OwnFile(data.master_key()) };
        let environment = self.environment.clone();
        let name = reference.to_string();
        let fetch =
            Arc::new(move || reference.resolve_private(&environment).map_err(|error| error.to_string()));
        KeySource::Given { name, fetch }
    }

    /// The identity providers, as configured; none is asked yet.
    pub(crate) fn providers(
        &self,
        config: &Config,
        egress: &Egress,
    ) -> anyhow::Result<Vec<Arc<oidc::Provider>>> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        config::providers(&config.sign_in.providers, &self.environment, egress, &clock)
            .map_err(|error| UsageError::new(format!("sign_in.providers: {error}")).into())
    }

    /// Finds secrets for remotes as configured. They are fetched when they are needed, so that a rotated one is used.
    pub(crate) fn credentials(&self, config: &Config) -> CredentialSource {
        let (references, environment) = (config.mirror.credentials.clone(), self.environment.clone());
        Arc::new(move |host| {
            let Some(reference) = references.get(host) else { return Ok(None) };
            let secret = reference.resolve(&environment).map_err(|error| error.to_string())?;
            let (user, password) =
                secret.expose_secret().split_once(':').unwrap_or(("x-access-token", secret.expose_secret()));
            Secret::new(user, password).map(Some).map_err(|error| error.to_string())
        })
    }
}

impl Opened {
    /// How git is run: with what this user's ssh and certificates need, what the configuration names, and the way out.
    pub(crate) async fn git(&self, app: &App) -> anyhow::Result<GitProgramOptions> {
        let proxy = self.config.mirror.http_proxy.as_deref();
        let door = self.door.get_or_try_init(|| Door::open(&self.egress, proxy)).await?;
        let environment = &app.environment;
        Ok(GitProgramOptions {
            program: self.config.mirror.git.clone(),
            door: Some(door.clone()),
            relay: std::env::current_exe().ok(),
            ..GitProgramOptions::from_environment(|name| environment.get(name).map(Into::into))
        })
    }

    /// Waits a moment for what is still to be written down of connections that are over.
    pub(crate) async fn settle_egress(&self) {
        if tokio::time::timeout(SETTLE_TIMEOUT, self.egress.settled()).await.is_err() {
            tracing::warn!("connections were open at the end; the ledger will call them interrupted");
        }
        if let Err(error) = self.ledger.write_note().await {
            tracing::error!(%error, "the checkpoint of the egress ledger cannot be noted");
        }
    }

    /// What may be searched: everything for the owner of the data directory, or what an account may read.
    pub(crate) async fn access_set(&self, user: Option<&str>) -> anyhow::Result<AccessSet> {
        Ok(self.store.access_set(&self.caller(user).await?).await?)
    }

    /// Puts what contexts hold in a query, as far as this account (or the owner of the data directory) may know it.
    pub(crate) async fn expand_contexts(
        &self,
        user: Option<&str>,
        query: query::Query,
    ) -> anyhow::Result<Result<query::Query, query::ParseError>> {
        let actor = self.caller(user).await?;
        let access = self.store.access_set(&actor).await?;
        Ok(self.store.expand_contexts(&actor, &access, query).await?)
    }

    async fn caller(&self, user: Option<&str>) -> anyhow::Result<Actor> {
        match user {
            None => Ok(Actor::LOCAL_OPERATOR),
            Some(name) => self.actor(name).await,
        }
    }

    async fn actor(&self, name: &str) -> anyhow::Result<Actor> {
        let user = self.user(name).await?;
        // The owner of the data directory looks through the account's eyes; the account itself did not sign in.
        let via = Via::Session(SessionId("command line".to_string()));
        let caller = Caller::User { id: user.id, name: user.name, role: user.role, via };
        Ok(Actor { caller, scope: Scope::FULL })
    }

    /// The account of this name.
    pub(crate) async fn user(&self, name: &str) -> anyhow::Result<store::User> {
        let unknown =
            || UsageError::new(format!("there is no account '{name}'; `sourcekeep user list` shows all"));
        let name = UserName::new(name).map_err(|_| unknown())?;
        Ok(self.store.user_by_name(&name).await?.ok_or_else(unknown)?)
    }

    /// The repositories of these names; all where none is named.
    pub(crate) async fn repositories(&self, names: &[String]) -> anyhow::Result<Vec<store::Repository>> {
        let maintenance = self.store.maintenance();
        if names.is_empty() {
            let mut rows = maintenance.repositories().await?;
            rows.sort_by(|a, b| a.name.cmp(&b.name));
            return Ok(rows);
        }
        let mut rows = Vec::new();
        for name in names {
            let row = match RepoName::new(name.as_str()) {
                Ok(name) => maintenance.repository_by_name(&name).await?,
                Err(_) => None,
            };
            rows.push(row.ok_or_else(|| {
                UsageError::new(format!("there is no repository '{name}'; `sourcekeep repo list` shows all"))
            })?);
        }
        Ok(rows)
    }
}

impl Config {
    /// Transports that may be used.
    pub(crate) fn schemes(&self) -> Schemes {
        match self.mirror.allow_file_urls {
            true => Schemes::default().with(Scheme::File),
            false => Schemes::default(),
        }
    }

    /// Threads that read for an index, and as many that build it. Measured on the Linux source with two cores: one of
    /// each, beside the thread between them, takes 25 s and 0.82 GiB; two of each take 29 s and 1.13 GiB.
    pub(crate) fn n_index_threads(&self) -> usize {
        match self.index.threads {
            0 => (n_threads(0) / 2).max(1),
            configured => configured as usize,
        }
    }

    /// Threads that search.
    pub(crate) fn n_search_threads(&self) -> usize {
        n_threads(self.search.threads)
    }
}

fn n_threads(configured: u32) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, NonZero::get),
        configured => configured as usize,
    }
}

/// A path as it is shown: with `~` for the home directory.
pub(crate) fn shown(path: &Path, environment: &Environment) -> String {
    let home = environment.get("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) if below.as_os_str().is_empty() => "~".to_string(),
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    }
}
