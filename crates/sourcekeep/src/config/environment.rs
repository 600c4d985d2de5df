//! The environment, as a value.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The environment variables a process was started with. Passed in, so that tests own it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of this process; variables that are not UTF-8 are left out.
    pub(crate) fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables whose names begin with `prefix`, by name.
    pub(crate) fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let variables = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        variables.filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
    }

    /// The data directory of a user who names none: `$XDG_DATA_HOME/sourcekeep`, or `~/.local/share/sourcekeep`.
    pub(crate) fn default_data_dir(&self) -> Option<PathBuf> {
        let absolute = |name: &str| self.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
        Some(base.join("sourcekeep"))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Environment { variables: variables.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: Option<&str>) {
        let environment: Environment =
            variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        assert_eq!(environment.default_data_dir(), expected.map(PathBuf::from));
    }

    #[test]
    fn data_directory_by_xdg() {
        check(&[("HOME", "/home/a")], Some("/home/a/.local/share/sourcekeep"));
        check(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "/d")], Some("/d/sourcekeep"));
        check(&[("HOME", "/home/a"), ("XDG_DATA_HOME", "relative")], Some("/home/a/.local/share/sourcekeep"));
        check(&[("HOME", "")], None);
    }
}
