//! `sourcekeep config …`

use crate::app::App;
use crate::cli::ConfigCommand;
use crate::config::{self, Key, Origin};
use crate::failure::Outcome;
use crate::terminal;
use serde_json::{Value, json};

pub(super) fn run(app: &App, command: ConfigCommand) -> anyhow::Result<Outcome> {
    match command {
        ConfigCommand::Check => check(app),
        ConfigCommand::Schema => schema(),
        ConfigCommand::Show => show(app),
    }
}

fn check(app: &App) -> anyhow::Result<Outcome> {
    let loaded = app.load_config()?;
    let config = &loaded.config;
    let references = config.mirror.credentials.values().chain(&config.database.url);
    let mut has_failed = false;
    for reference in references {
        // Whether the secret is there, not what it is.
        if let Err(error) = reference.resolve(&app.environment) {
            has_failed = true;
            terminal::error(&error.to_string());
        }
    }
    if !app.common.quiet && !has_failed {
        let (file, _) = app.config_file()?;
        terminal::print_line(match file.exists() {
            true => format!("{} is fine", file.display()),
            false => format!("there is no {}; the defaults are in force", file.display()),
        });
    }
    Ok(if has_failed { Outcome::Failed } else { Outcome::Done })
}

fn schema() -> anyhow::Result<Outcome> {
    terminal::print_json(&config::schema().to_value());
    Ok(Outcome::Done)
}

fn show(app: &App) -> anyhow::Result<Outcome> {
    let loaded = app.load_config()?;
    let values = serde_json::to_value(&loaded.config)?;
    let keys = config::keys();
    if app.common.json {
        let shapes: Vec<Value> = keys
            .iter()
            .map(|key| {
                let origin = origin(loaded.origins.get(&key.name));
                json!({"key": key.name, "value": value_of(&values, key), "origin": origin})
            })
            .collect();
        terminal::print_json(&json!({ "keys": shapes }));
        return Ok(Outcome::Done);
    }
    for key in &keys {
        let value = match value_of(&values, key) {
            Value::Null => "(not set)".to_string(),
            value => value.to_string(),
        };
        let origin = origin(loaded.origins.get(&key.name));
        terminal::print_line(format_args!("{} = {}  # {origin}", key.name, terminal::harmless(&value)));
    }
    Ok(Outcome::Done)
}

fn value_of(values: &Value, key: &Key) -> Value {
    key.path().try_fold(values, |value, part| value.get(part)).cloned().unwrap_or(Value::Null)
}

fn origin(origin: Option<&Origin>) -> String {
    match origin {
        None => "default".to_string(),
        Some(Origin::File(path)) => path.display().to_string(),
        Some(Origin::Variable(name)) => name.clone(),
    }
}
