//! The configuration: one TOML file, every key overridable by the environment, unknown keys refused.
//!
//! The struct is the single source: the JSON schema, the list of valid keys and the names of the environment variables
//! are derived from it. A secret is never written into the file; a [`SecretRef`] says where it is.

mod egress;
mod environment;
mod hub;
mod keys;
mod load;
mod providers;
mod secret;
mod trusted_header;

pub(crate) use self::egress::EgressConfig;
pub(crate) use self::hub::HubConfig;
pub(crate) use environment::Environment;
pub(crate) use keys::{Key, keys, schema};
pub(crate) use load::{Loaded, Origin, load};
pub(crate) use providers::{ProviderConfig, networks, providers};
pub(crate) use secret::SecretRef;
pub(crate) use trusted_header::TrustedHeaderConfig;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// The configuration of a Sourcekeep server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The address the web page and the API are served on.
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
    /// The address people use to reach the server, where it differs from `listen` (behind a proxy, say).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// How people sign in, and for how long.
    pub(crate) sign_in: SignInConfig,
    /// Where metadata is kept.
    pub(crate) database: DatabaseConfig,
    /// What secrets in the database are sealed with.
    pub(crate) vault: VaultConfig,
    /// How repositories are kept up to date.
    pub(crate) mirror: MirrorConfig,
    /// What may leave the server.
    pub(crate) egress: EgressConfig,
    /// The hub that the server may make itself known to, and takes feeds from.
    pub(crate) hub: HubConfig,
    /// How the index is built.
    pub(crate) index: IndexConfig,
    /// How searches run.
    pub(crate) search: SearchConfig,
    /// What exports may take.
    pub(crate) export: ExportConfig,
    /// What precise indexes may take.
    pub(crate) precise: PreciseConfig,
    /// How long the audit log is kept.
    pub(crate) audit: AuditConfig,
    /// What is counted of how the server is used.
    pub(crate) usage: UsageConfig,
    /// The weekly pings.
    pub(crate) pings: PingsConfig,
    /// What is logged.
    pub(crate) log: LogConfig,
}

/// How people sign in, and for how long.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SignInConfig {
    /// Whether everybody who signs in with a password needs a second factor. Administrators can decide it on a page, too;
    /// `true` here cannot be taken back there.
    pub(crate) second_factor_required: bool,
    /// Networks of proxies in front of the server, such as `127.0.0.1/32`: only from there `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<String>,
    /// A session ends when it was not used for so many hours.
    #[schemars(range(min = 1))]
    pub(crate) session_idle_hours: u32,
    /// A session ends so many hours after signing in, used or not.
    #[schemars(range(min = 1))]
    pub(crate) session_hours_max: u32,
    /// Identity providers that people may sign in at (OpenID Connect), by an id of small letters, digits and `-`, which stands
    /// in the address that they send people back to: `<public_url>/sign-in/provider/<id>/back`.
    pub(crate) providers: BTreeMap<String, ProviderConfig>,
    /// A proxy in front that signs people in and names them in a header.
    pub(crate) trusted_header: TrustedHeaderConfig,
}

/// Where metadata is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DatabaseConfig {
    /// Reference to a PostgreSQL address (`file:/path` or `env:NAME`; the address may hold a password). Without it, a
    /// SQLite file in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<SecretRef>,
}

/// What secrets in the database are sealed with.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VaultConfig {
    /// Reference to the master keys (`file:/path`, readable by its owner only, or `env:NAME`), one `sourcekeep-key:v1:` and
    /// 64 hexadecimal digits a line; the last one seals. Without it, the file `master.key` in the data directory, which is
    /// made on the first run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<SecretRef>,
}

/// How repositories are kept up to date.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MirrorConfig {
    /// The git program; `git` from PATH where not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) git: Option<PathBuf>,
    /// An HTTP proxy to reach remotes through, such as `http://127.0.0.1:3128`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_proxy: Option<String>,
    /// Whether `file://` addresses may be mirrored. Local directories need no mirror and are not meant.
    pub(crate) allow_file_urls: bool,
    /// Seconds between looks at the refs of local repositories.
    #[schemars(range(min = 1))]
    pub(crate) local_poll_seconds: u32,
    /// Fewest seconds between fetches of one remote; the actual time adapts to how often it changes.
    #[schemars(range(min = 10))]
    pub(crate) fetch_seconds_min: u32,
    /// Most seconds between fetches of one remote.
    #[schemars(range(min = 10))]
    pub(crate) fetch_seconds_max: u32,
    /// References to passwords or tokens for remotes, by host: `"git.example.org" = "file:/etc/sourcekeep/token"`.
    pub(crate) credentials: BTreeMap<String, SecretRef>,
}

/// How the index is built.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IndexConfig {
    /// Threads that read from git, and as many that build the index; 0 for half as many as there are cores.
    pub(crate) threads: u32,
    /// Largest file whose content is indexed, in bytes; larger ones are found by path and reported as skipped.
    #[schemars(range(min = 1))]
    pub(crate) file_bytes_max: u64,
}

/// How searches run.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SearchConfig {
    /// Threads that search; 0 for one per core.
    pub(crate) threads: u32,
    /// Memory for text that is kept uncompressed, so that exhaustive searches need not decompress it, in bytes; 0 for none.
    /// A quarter of the machine's memory where not given. As much is used on disk, below `raw` in the data directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw_text_bytes_max: Option<u64>,
    /// Whether a person's answers of the last five minutes are kept, for going back to them: 1 MiB a person at most.
    pub(crate) keep_answers: bool,
    /// Longest time of one search, in seconds; `timeout:` can only shorten it.
    #[schemars(range(min = 1))]
    pub(crate) timeout_seconds_max: u32,
}

/// What exports may take: files with whole answers, made in the background.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExportConfig {
    /// Most bytes of one file; an export that reaches it ends there and says so.
    #[schemars(range(min = 1))]
    pub(crate) file_bytes_max: u64,
    /// For how many days a finished export is kept.
    #[schemars(range(min = 1))]
    pub(crate) keep_days: u32,
    /// Most exports that one account may have.
    pub(crate) per_user_max: u32,
}

/// What precise indexes may take: what compilers know of names, uploaded as SCIP.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PreciseConfig {
    /// Most bytes of one upload, as it is sent.
    #[schemars(range(min = 1))]
    pub(crate) upload_bytes_max: u64,
    /// Most bytes of all uploads that are not taken in yet.
    #[schemars(range(min = 1))]
    pub(crate) waiting_bytes_max: u64,
    /// For how many days an index is kept, whatever commit it is of.
    pub(crate) keep_days: u32,
    /// How many indexes of each indexer and root are kept longer on each branch: those nearest to its head. Those of tags stay.
    pub(crate) keep_per_branch: u32,
}

/// How long the audit log is kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditConfig {
    /// Entries are removed so many days after they were written, a whole day at a time. Without it they are kept for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keep_days: Option<NonZeroU32>,
}

/// What is counted of how the server is used: numbers of the data-collection register, for its owner. None of them leaves.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UsageConfig {
    /// Whether anything is counted.
    pub(crate) count: bool,
    /// For how many days it is kept.
    pub(crate) keep_days: NonZeroU32,
}

impl Default for UsageConfig {
    fn default() -> Self {
        UsageConfig { count: true, keep_days: NonZeroU32::new(400).unwrap_or(NonZeroU32::MIN) }
    }
}

/// The weekly pings.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PingsConfig {
    /// Whether they are made.
    pub(crate) mode: PingsMode,
}

/// Whether pings are made, and sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PingsMode {
    /// None, and nothing is counted by person.
    Off,
    /// One each week, to be looked at in the outbox.
    #[default]
    Local,
    /// Likewise, and sent to the hub once an administrator has seen its bytes and approved them. With `DO_NOT_TRACK` set where
    /// the server runs none is sent.
    On,
}

impl UsageConfig {
    /// What counts, by this and by the mode of pings.
    pub(crate) fn usage(&self, pings: &PingsConfig) -> telemetry::Usage {
        telemetry::Usage::new(self.count, pings.mode != PingsMode::Off)
    }
}

impl Config {
    /// What becomes of pings, by the configuration and by `DO_NOT_TRACK` (consoledonottrack.com): set to anything but `0` and
    /// `false`, it keeps them here.
    pub(crate) fn pings(&self, environment: &Environment) -> server::PingMode {
        let is_not_to_track =
            environment.get("DO_NOT_TRACK").is_some_and(|value| !matches!(value, "0" | "false"));
        match (self.pings.mode, &self.hub.url) {
            (PingsMode::Off, _) => server::PingMode::Off,
            (PingsMode::On, _) if is_not_to_track => server::PingMode::DoNotTrack,
            (PingsMode::On, Some(hub)) => server::PingMode::On {
                destination: ::hub::PingSender::address_of(hub),
                is_let_out: self
                    .egress
                    .policy()
                    .is_ok_and(|policy| policy.mode.allows(::egress::Purpose::Ping)),
            },
            (PingsMode::Local | PingsMode::On, _) => server::PingMode::Local,
        }
    }
}

/// What is logged, on standard error.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogConfig {
    /// Which messages: `error`, `warn`, `info`, `debug`, `trace`, or per module as in `warn,mirror=debug`.
    pub(crate) filter: String,
    /// Their form.
    pub(crate) format: LogFormat,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7080)),
            public_url: None,
            sign_in: SignInConfig::default(),
            database: DatabaseConfig::default(),
            vault: VaultConfig::default(),
            mirror: MirrorConfig::default(),
            egress: EgressConfig::default(),
            hub: HubConfig::default(),
            index: IndexConfig::default(),
            search: SearchConfig::default(),
            export: ExportConfig::default(),
            precise: PreciseConfig::default(),
            audit: AuditConfig::default(),
            usage: UsageConfig::default(),
            pings: PingsConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl SignInConfig {
    /// The networks of the proxies; an address alone is a network of one.
    pub(crate) fn trusted_networks(&self) -> Result<Vec<IpNet>, ipnet::AddrParseError> {
        networks(&self.trusted_proxies)
    }
}

impl Default for SignInConfig {
    fn default() -> Self {
        SignInConfig {
            second_factor_required: false,
            trusted_proxies: Vec::new(),
            session_idle_hours: 7 * 24,
            session_hours_max: 30 * 24,
            providers: BTreeMap::new(),
            trusted_header: TrustedHeaderConfig::default(),
        }
    }
}

impl Default for MirrorConfig {
    fn default() -> Self {
        MirrorConfig {
            git: None,
            http_proxy: None,
            allow_file_urls: false,
            local_poll_seconds: 3,
            fetch_seconds_min: 45,
            fetch_seconds_max: 8 * 3600,
            credentials: BTreeMap::new(),
        }
    }
}

impl Default for IndexConfig {
    fn default() -> Self {
        IndexConfig { threads: 0, file_bytes_max: 32 << 20 }
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        SearchConfig { threads: 0, raw_text_bytes_max: None, keep_answers: true, timeout_seconds_max: 60 }
    }
}

impl Default for PreciseConfig {
    fn default() -> Self {
        PreciseConfig {
            upload_bytes_max: 4 << 30,
            waiting_bytes_max: 16 << 30,
            keep_days: 30,
            keep_per_branch: 2,
        }
    }
}

impl Default for ExportConfig {
    fn default() -> Self {
        ExportConfig { file_bytes_max: 2 << 30, keep_days: 7, per_user_max: 50 }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { filter: "warn,sqlx=error".to_string(), format: LogFormat::Text }
    }
}
