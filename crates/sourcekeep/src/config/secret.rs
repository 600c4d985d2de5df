//! Secrets by reference: the configuration says where a secret is, never what it is.

use super::Environment;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a secret is: `file:/path` or `env:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^(file:/|env:[A-Za-z_])"))]
pub(crate) struct SecretRef(String);

/// Why a reference is not one, or leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretError {
    /// It does not begin with a known kind. The text is not repeated: it may be the secret itself.
    #[error(
        "a secret is given by reference, 'file:/path' or 'env:NAME', and not as it is; put it into a file that only you can read"
    )]
    NotAReference,
    /// It would start a program.
    #[error(
        "'exec:' references are not supported, because only git is ever spawned; write the secret to a file and use 'file:/path', or set a variable and use 'env:NAME'"
    )]
    Exec,
    /// A path that is not absolute.
    #[error("'file:{path}' is not an absolute path; write 'file:/…'")]
    RelativePath {
        /// The path.
        path: String,
    },
    /// The variable is not set, or empty.
    #[error("the variable '{name}' that a secret is taken from is not set")]
    Unset {
        /// Its name.
        name: String,
    },
    /// Others may use the file.
    #[error("others may use the file '{}': run `chmod 600` on it", path.display())]
    LaxMode {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the file '{}' that a secret is taken from cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl SecretRef {
    /// Fetches the secret as [`SecretRef::resolve`] does, but not from a file that others than its owner may use.
    pub(crate) fn resolve_private(&self, environment: &Environment) -> Result<SecretString, SecretError> {
        #[cfg(unix)]
        if let Some(path) = self.0.strip_prefix("file:").map(PathBuf::from) {
            let metadata = std::fs::metadata(&path);
            let metadata =
                metadata.map_err(|source| SecretError::Unreadable { path: path.clone(), source })?;
            if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
                return Err(SecretError::LaxMode { path });
            }
        }
        self.resolve(environment)
    }

    /// Fetches the secret; one newline at the end of a file is dropped.
    pub(crate) fn resolve(&self, environment: &Environment) -> Result<SecretString, SecretError> {
        if let Some(name) = self.0.strip_prefix("env:") {
            let value = environment.get(name).ok_or_else(|| SecretError::Unset { name: name.to_string() })?;
            return Ok(SecretString::from(value));
        }
        let path = PathBuf::from(self.0.strip_prefix("file:").unwrap_or(&self.0));
        let text = std::fs::read_to_string(&path)
            .map_err(|source| SecretError::Unreadable { path: path.clone(), source })?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok(SecretString::from(text.strip_suffix('\r').unwrap_or(text)))
    }
}

impl TryFrom<String> for SecretRef {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.split_once(':') {
            Some(("exec", _)) => Err(SecretError::Exec),
            Some(("file", path)) if !path.starts_with('/') => {
                Err(SecretError::RelativePath { path: path.to_string() })
            }
            Some(("file", _)) => Ok(SecretRef(text)),
            Some(("env", name)) if !name.is_empty() => Ok(SecretRef(text)),
            _ => Err(SecretError::NotAReference),
        }
    }
}

impl From<SecretRef> for String {
    fn from(reference: SecretRef) -> Self {
        reference.0
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn references_lead_to_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        let environment = Environment::from_iter([("TOKEN".to_string(), "other".to_string())]);
        let read = |text: String| SecretRef::try_from(text)?.resolve(&environment);
        assert_eq!(read(format!("file:{}", path.display())).unwrap().expose_secret(), "s3cret");
        assert_eq!(read("env:TOKEN".into()).unwrap().expose_secret(), "other");
        assert!(matches!(read("env:MISSING".into()), Err(SecretError::Unset { .. })));
        assert!(matches!(read("file:/nowhere/at/all".into()), Err(SecretError::Unreadable { .. })));
    }

    #[test]
    fn what_is_no_reference_is_refused_and_not_repeated() {
        let refusal = |text: &str| SecretRef::try_from(text.to_string()).unwrap_err();
        assert!(matches!(refusal("file:relative"), SecretError::RelativePath { .. }));
        assert!(matches!(refusal("exec:pass show x"), SecretError::Exec));
        assert!(!refusal("hunter2").to_string().contains("hunter2"));
        assert!(!refusal("postgres://u:hunter2@h/d").to_string().contains("hunter2"));
    }
}
