//! Reading the configuration: defaults, then the file, then the environment.

use super::keys::KeyKind;
use super::{Config, Environment, Key, PingsMode, keys};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Variables that begin like a key's and are not one: options of the command line.
const OTHER_VARIABLES: &[&str] =
    &["SOURCEKEEP_DATA", "SOURCEKEEP_CONFIG", "SOURCEKEEP_SERVER", "SOURCEKEEP_TOKEN"];

/// Largest configuration file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The configuration in force, and where its values come from.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// By key, where the value comes from; keys at their default are absent.
    pub(crate) origins: BTreeMap<String, Origin>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration '{}': {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("the configuration '{}' is wrong: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the line.
        message: String,
    },
    /// A key that does not exist.
    #[error("there is no configuration key '{key}' ({place}){}", hint(nearest))]
    UnknownKey {
        /// The key, or the environment variable.
        key: String,
        /// Where it stands.
        place: String,
        /// The valid key most like it.
        nearest: Option<String>,
    },
    /// A variable whose value has the wrong type.
    #[error("the variable '{variable}' must be {expected}, not '{value}'")]
    BadVariable {
        /// The variable.
        variable: String,
        /// What was expected.
        expected: &'static str,
        /// Its value.
        value: String,
    },
    /// A variable whose value is not accepted.
    #[error("the environment gives a wrong configuration: {message}")]
    InvalidVariables {
        /// What is wrong.
        message: String,
    },
    /// Values that do not fit together.
    #[error("'{key}' {fault}")]
    Refused {
        /// The key.
        key: &'static str,
        /// What is wrong and how to mend it.
        fault: &'static str,
    },
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(
        || "; `sourcekeep config schema` lists the keys".to_string(),
        |nearest| format!("; did you mean '{nearest}'?"),
    )
}

/// Loads the configuration. `file` must exist when `is_required`; otherwise a missing one means defaults.
pub(crate) fn load(file: &Path, is_required: bool, environment: &Environment) -> Result<Loaded, ConfigError> {
    let keys = keys();
    let mut origins = BTreeMap::new();
    let mut table = match read(file, is_required)? {
        Some(text) => parse_file(file, &text, &keys, &mut origins)?,
        None => Table::new(),
    };
    apply_environment(&mut table, &keys, environment, &mut origins)?;
    let config: Config = Value::Table(table)
        .try_into()
        .map_err(|fault: toml::de::Error| ConfigError::InvalidVariables { message: one_line(&fault) })?;
    check(&config)?;
    Ok(Loaded { config, origins })
}

fn read(file: &Path, is_required: bool) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::Unreadable { path: file.to_path_buf(), source };
    match std::fs::metadata(file) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound && !is_required => return Ok(None),
        Err(fault) => return Err(failed(fault)),
        Ok(metadata) if metadata.len() > FILE_BYTES_MAX => {
            return Err(failed(io::Error::other("it is larger than 1 MiB")));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(file).map(Some).map_err(failed)
}

fn parse_file(
    file: &Path,
    text: &str,
    keys: &[Key],
    origins: &mut BTreeMap<String, Origin>,
) -> Result<Table, ConfigError> {
    let invalid = |fault: toml::de::Error| ConfigError::Invalid {
        path: file.to_path_buf(),
        message: located(&fault, text),
    };
    let table: Table = toml::from_str(text).map_err(invalid)?;
    let place = format!("in {}", file.display());
    for name in leaves(&table, keys) {
        let owner = keys.iter().find(|key| {
            key.name == name || (key.kind == KeyKind::Table && name.starts_with(&format!("{}.", key.name)))
        });
        let Some(owner) = owner else {
            let nearest = nearest(&name, keys.iter().map(|key| key.name.clone()));
            return Err(ConfigError::UnknownKey { key: name, place, nearest });
        };
        origins.insert(owner.name.clone(), Origin::File(file.to_path_buf()));
    }
    // Read once more as what it must be, for errors that name the line.
    toml::from_str::<Config>(text).map_err(invalid)?;
    Ok(table)
}

/// The full names of all values in a table; a table that is itself the value of a key counts as one.
fn leaves(table: &Table, keys: &[Key]) -> Vec<String> {
    fn collect(table: &Table, prefix: &str, keys: &[Key], names: &mut Vec<String>) {
        for (part, value) in table {
            let name = if prefix.is_empty() { part.clone() } else { format!("{prefix}.{part}") };
            let is_section = keys.iter().any(|key| key.name.starts_with(&format!("{name}.")));
            match value {
                Value::Table(below) if is_section => collect(below, &name, keys, names),
                _ => names.push(name),
            }
        }
    }
    let mut names = Vec::new();
    collect(table, "", keys, &mut names);
    names
}

fn apply_environment(
    table: &mut Table,
    keys: &[Key],
    environment: &Environment,
    origins: &mut BTreeMap<String, Origin>,
) -> Result<(), ConfigError> {
    for (variable, text) in environment.with_prefix("SOURCEKEEP_") {
        if OTHER_VARIABLES.contains(&variable) {
            continue;
        }
        let Some(key) = keys.iter().find(|key| key.variable().as_deref() == Some(variable)) else {
            let valid =
                keys.iter().filter_map(Key::variable).chain(OTHER_VARIABLES.iter().map(|v| v.to_string()));
            return Err(ConfigError::UnknownKey {
                key: variable.to_string(),
                place: "in the environment".to_string(),
                nearest: nearest(variable, valid),
            });
        };
        insert(table, key, typed(variable, text, key.kind)?);
        origins.insert(key.name.clone(), Origin::Variable(variable.to_string()));
    }
    Ok(())
}

fn typed(variable: &str, text: &str, kind: KeyKind) -> Result<Value, ConfigError> {
    let refused = |expected| ConfigError::BadVariable {
        variable: variable.to_string(),
        expected,
        value: text.chars().filter(|c| !c.is_control()).take(80).collect(),
    };
    match kind {
        KeyKind::Boolean => text.parse().map(Value::Boolean).map_err(|_| refused("true or false")),
        KeyKind::Integer => text.parse().map(Value::Integer).map_err(|_| refused("a whole number")),
        KeyKind::Text | KeyKind::Table => Ok(Value::String(text.to_string())),
    }
}

fn insert(table: &mut Table, key: &Key, value: Value) {
    let parts: Vec<&str> = key.path().collect();
    let Some((last, sections)) = parts.split_last() else { return };
    let mut table = table;
    for section in sections {
        let entry = table.entry(*section).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(below) = entry else { return };
        table = below;
    }
    table.insert(last.to_string(), value);
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let refused = |key, fault| Err(ConfigError::Refused { key, fault });
    match config {
        _ if config.mirror.local_poll_seconds == 0 => {
            refused("mirror.local_poll_seconds", "must be at least 1")
        }
        _ if config.sign_in.trusted_networks().is_err() => {
            refused("sign_in.trusted_proxies", "must be networks such as 127.0.0.1/32 or 10.0.0.0/8")
        }
        _ if config.sign_in.session_idle_hours == 0 => {
            refused("sign_in.session_idle_hours", "must be at least 1")
        }
        _ if config.sign_in.session_hours_max == 0 => {
            refused("sign_in.session_hours_max", "must be at least 1")
        }
        _ if config.mirror.fetch_seconds_min < 10 => {
            refused("mirror.fetch_seconds_min", "must be at least 10")
        }
        _ if config.mirror.fetch_seconds_max < config.mirror.fetch_seconds_min => {
            refused("mirror.fetch_seconds_max", "must not be less than mirror.fetch_seconds_min")
        }
        _ if let Err(fault) = config.hub.address() => refused("hub", fault),
        _ if config.pings.mode == PingsMode::On && config.hub.url.is_none() => {
            refused("pings.mode", "'on' needs hub.url and hub.key: where pings are sent")
        }
        _ if config.index.file_bytes_max == 0 => refused("index.file_bytes_max", "must be at least 1"),
        _ if config.search.timeout_seconds_max == 0 => {
            refused("search.timeout_seconds_max", "must be at least 1")
        }
        _ => Ok(()),
    }
}

/// The candidate most like a word, if any is like it at all.
fn nearest(word: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let scored = candidates.map(|candidate| (strsim::jaro_winkler(word, &candidate), candidate));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score > 0.7).map(|(_, candidate)| candidate)
}

/// The message of a TOML error with its line, without the excerpt (which could show a secret).
fn located(fault: &toml::de::Error, text: &str) -> String {
    let line =
        fault.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("line {line}: {}", fault.message()),
        None => one_line(fault),
    }
}

fn one_line(fault: &toml::de::Error) -> String {
    fault.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        load(&file, true, &variables.collect())
    }

    #[track_caller]
    fn check_error(text: &str, variables: &[(&str, &str)], expected: &str) {
        let message = load_text(text, variables).unwrap_err().to_string();
        assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let text = "listen = \"127.0.0.1:1\"\n[index]\nthreads = 3\n";
        let loaded =
            load_text(text, &[("SOURCEKEEP_INDEX_THREADS", "5"), ("SOURCEKEEP_DATA", "/d")]).unwrap();
        assert_eq!((loaded.config.listen.port(), loaded.config.index.threads), (1, 5));
        assert_eq!(
            loaded.origins.get("index.threads"),
            Some(&Origin::Variable("SOURCEKEEP_INDEX_THREADS".to_string()))
        );
        assert!(matches!(loaded.origins.get("listen"), Some(Origin::File(_))));
        assert_eq!(loaded.origins.get("log.filter"), None);
    }

    #[test]
    fn every_kind_of_value_comes_from_the_environment() {
        let variables = [
            ("SOURCEKEEP_MIRROR_ALLOW_FILE_URLS", "true"),
            ("SOURCEKEEP_MIRROR_GIT", "/usr/bin/git"),
            ("SOURCEKEEP_DATABASE_URL", "env:DB"),
            ("SOURCEKEEP_LOG_FORMAT", "json"),
        ];
        let config = load_text("", &variables).unwrap().config;
        assert!(config.mirror.allow_file_urls);
        assert_eq!(config.mirror.git, Some(PathBuf::from("/usr/bin/git")));
        assert_eq!(config.database.url.map(|url| url.to_string()), Some("env:DB".into()));
        assert_eq!(config.log.format, super::super::LogFormat::Json);
    }

    #[test]
    fn credentials_are_a_table_of_references() {
        let text = "[mirror.credentials]\n\"git.example.org\" = \"env:TOKEN\"\n";
        assert_eq!(load_text(text, &[]).unwrap().config.mirror.credentials.len(), 1);
        let message = load_text("[mirror.credentials]\n\"h\" = \"hunter2\"\n", &[]).unwrap_err().to_string();
        assert!(message.contains("by reference") && !message.contains("hunter2"), "{message}");
    }

    #[test]
    fn mistakes_are_named_and_mended() {
        check_error("lisen = 1", &[], "no configuration key 'lisen'");
        check_error("lisen = 1", &[], "did you mean 'listen'?");
        check_error("[index]\nthread = 1", &[], "did you mean 'index.threads'?");
        check_error("[indx]\nthreads = 1", &[], "did you mean 'index.threads'?");
        check_error("", &[("SOURCEKEEP_LISTN", "x")], "did you mean 'SOURCEKEEP_LISTEN'?");
        check_error("", &[("SOURCEKEEP_INDEX_THREADS", "many")], "must be a whole number, not 'many'");
        check_error("", &[("SOURCEKEEP_LISTEN", "nonsense")], "socket address");
        check_error("\nlisten = 7", &[], "line 2");
        check_error("listen = ", &[], "line 1");
        check_error("index = 3", &[], "index");
        check_error("[index]\nthreads = -1", &[], "line 2");
        check_error("[mirror]\nfetch_seconds_max = 20", &[], "must not be less than");
    }

    #[test]
    fn a_missing_file_means_defaults_unless_it_was_asked_for() {
        let nowhere = Path::new("/nowhere/config.toml");
        assert!(load(nowhere, false, &Environment::default()).is_ok());
        assert!(matches!(load(nowhere, true, &Environment::default()), Err(ConfigError::Unreadable { .. })));
    }
}
