//! The keys of the configuration, derived from its schema.

use super::Config;
use schemars::Schema;
use serde_json::Value;

/// The kind of value a key takes, as far as an environment variable must know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// Text.
    Text,
    /// A table with keys of the user's own; not settable by the environment.
    Table,
}

/// One key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// Its full name, such as `mirror.git`.
    pub(crate) name: String,
    /// The kind of its value.
    pub(crate) kind: KeyKind,
}

impl Key {
    /// The environment variable that overrides it, such as `SOURCEKEEP_MIRROR_GIT`.
    pub(crate) fn variable(&self) -> Option<String> {
        let is_settable = self.kind != KeyKind::Table;
        is_settable.then(|| format!("SOURCEKEEP_{}", self.name.replace('.', "_").to_ascii_uppercase()))
    }

    /// The parts of its name.
    pub(crate) fn path(&self) -> impl Iterator<Item = &str> {
        self.name.split('.')
    }
}

/// The JSON schema of the configuration file.
pub(crate) fn schema() -> Schema {
    schemars::schema_for!(Config)
}

/// Every key, in the order of the schema.
pub(crate) fn keys() -> Vec<Key> {
    let schema = schema().to_value();
    let mut keys = Vec::new();
    collect(&schema, &schema, "", &mut keys);
    keys
}

fn collect(root: &Value, node: &Value, prefix: &str, keys: &mut Vec<Key>) {
    let Some(properties) = resolve(root, node).get("properties").and_then(Value::as_object) else { return };
    for (part, property) in properties {
        let name = if prefix.is_empty() { part.clone() } else { format!("{prefix}.{part}") };
        let target = resolve(root, property);
        if target.get("properties").is_some() {
            collect(root, target, &name, keys);
        } else {
            keys.push(Key { name, kind: kind_of(root, target) });
        }
    }
}

/// Follows a `$ref`, also the one inside an `anyOf` with null that an optional value becomes.
fn resolve<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let node = match node.get("anyOf").and_then(Value::as_array) {
        Some(options) => {
            options.iter().find(|option| option.get("type") != Some(&"null".into())).unwrap_or(node)
        }
        None => node,
    };
    let target = node.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(node)
}

fn kind_of(root: &Value, node: &Value) -> KeyKind {
    let node = resolve(root, node);
    let is = |word: &str| match node.get("type") {
        Some(Value::String(one)) => one == word,
        Some(Value::Array(several)) => several.iter().any(|one| one == word),
        _ => false,
    };
    match () {
        () if is("boolean") => KeyKind::Boolean,
        () if is("integer") => KeyKind::Integer,
        () if is("object") => KeyKind::Table,
        () => KeyKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_the_struct() {
        let keys = keys();
        let kind = |name: &str| keys.iter().find(|key| key.name == name).map(|key| key.kind);
        assert_eq!(kind("listen"), Some(KeyKind::Text));
        assert_eq!(kind("public_url"), Some(KeyKind::Text));
        assert_eq!(kind("database.url"), Some(KeyKind::Text));
        assert_eq!(kind("mirror.git"), Some(KeyKind::Text));
        assert_eq!(kind("mirror.allow_file_urls"), Some(KeyKind::Boolean));
        assert_eq!(kind("mirror.credentials"), Some(KeyKind::Table));
        assert_eq!(kind("index.threads"), Some(KeyKind::Integer));
        assert_eq!(kind("log.format"), Some(KeyKind::Text));
        assert_eq!(kind("mirror"), None);
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut variables: Vec<_> = keys().iter().filter_map(Key::variable).collect();
        let n_variables = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), n_variables);
        assert!(variables.contains(&"SOURCEKEEP_INDEX_FILE_BYTES_MAX".to_string()));
    }
}
