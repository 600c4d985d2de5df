//! Adding repositories: from what a person typed to rows and jobs.

use crate::job;
use crate::naming::{NameError, local_names, remote_names};
use git::{DiscoverError, DiscoverLimits, OpenError, RemoteUrl, Schemes, UrlError};
use model::{IdError, RepoName};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use store::{AddRepositoryError, Added, Adder, NewRepository, Source, Store, Visibility};

/// What a person wants added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceArgument {
    /// Every git repository at or below a directory.
    Directory(PathBuf),
    /// A remote repository.
    Remote(RemoteUrl),
}

/// How to add it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOptions {
    /// The name, where just one repository is added.
    pub name: Option<RepoName>,
    /// What `visibility:` finds it under.
    pub visibility: Visibility,
    /// Who adds it.
    pub adder: Adder,
}

/// What was found and added for one argument.
#[derive(Debug, Default)]
pub struct AddReport {
    /// The repositories that are there now, new or known before.
    pub added: Vec<Added>,
    /// Repositories that could not be added.
    pub refused: Vec<AddError>,
    /// Folders that look like repositories and cannot be used, and why.
    pub unusable: Vec<(PathBuf, OpenError)>,
    /// Whether the search for repositories ended at a limit.
    pub truncated: bool,
}

/// Why something could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The address is not one that is used here.
    #[error("'{argument}': {source}")]
    Url {
        /// What was given, without a credential.
        argument: String,
        /// Why.
        source: UrlError,
    },
    /// The address holds a password or token.
    #[error(
        "the address of '{host}' holds a password or token, and those are not kept; leave it out and set mirror.credentials.\"{host}\" in the configuration to 'file:/path' or 'env:NAME'"
    )]
    CredentialInUrl {
        /// The host.
        host: String,
    },
    /// The directory does not exist or cannot be searched.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// There is no repository there.
    #[error(
        "there is no git repository at or below '{}'; run `git init` and commit there, or name another directory",
        path.display()
    )]
    NothingFound {
        /// The directory.
        path: PathBuf,
    },
    /// A name was given for several repositories.
    #[error("--name fits one repository, and there are {n_found} at or below '{}'", path.display())]
    NameForMany {
        /// The directory.
        path: PathBuf,
        /// How many were found.
        n_found: usize,
    },
    /// No name can be made.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The row could not be made.
    #[error("'{subject}': {source}")]
    Add {
        /// The path or address.
        subject: String,
        /// Why.
        source: AddRepositoryError,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Fault),
    /// The work was called off.
    #[error("adding was interrupted")]
    Cancelled,
}

impl SourceArgument {
    /// Tells addresses from directories. A directory is made absolute from `current`.
    pub fn parse(text: &str, current: &Path, schemes: Schemes) -> Result<Self, AddError> {
        if !RemoteUrl::looks_like_url(text) {
            return Ok(SourceArgument::Directory(current.join(text)));
        }
        let url = RemoteUrl::parse(text, schemes)
            .map_err(|source| AddError::Url { argument: printable(text), source })?;
        match url.credential() {
            Some(_) => Err(AddError::CredentialInUrl { host: url.host().to_string() }),
            None => Ok(SourceArgument::Remote(url)),
        }
    }
}

/// What a refused address looks like in a message: without what may be a credential.
fn printable(text: &str) -> String {
    let text: String = text.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => format!("{}…{}", &text[..scheme + 3], &text[at..]),
        _ => text,
    }
}

/// Adds one argument: rows, grants and jobs. Known repositories are queued as well, so that news is looked for.
pub async fn add(
    store: &Store,
    argument: SourceArgument,
    options: &AddOptions,
) -> Result<AddReport, AddError> {
    let mut report = AddReport::default();
    let new = match argument {
        SourceArgument::Remote(url) => vec![new_remote(&url, options)?],
        SourceArgument::Directory(path) => new_locals(path, options, &mut report).await?,
    };
    let subjects: Vec<String> = new.iter().map(|one| one.source.to_string()).collect();
    let outcomes = store.add_repositories(new, options.adder).await?;
    for (subject, outcome) in subjects.into_iter().zip(outcomes) {
        match outcome {
            Ok(added) => report.added.push(added),
            Err(source) => report.refused.push(AddError::Add { subject, source }),
        }
    }
    let jobs = report.added.iter().map(|added| job::soon(&added.repository));
    store.jobs().enqueue_all(jobs.collect()).await?;
    Ok(report)
}

fn new_remote(url: &RemoteUrl, options: &AddOptions) -> Result<NewRepository, AddError> {
    let best = match &options.name {
        Some(name) => name.clone(),
        None => url
            .default_name()
            .map_err(|source| AddError::Url { argument: url.without_credential().to_string(), source })?,
    };
    let names = if options.name.is_some() { vec![best] } else { remote_names(best) };
    Ok(new_repository(names, Source::Remote(url.without_credential().to_string()), options))
}

async fn new_locals(
    path: PathBuf,
    options: &AddOptions,
    report: &mut AddReport,
) -> Result<Vec<NewRepository>, AddError> {
    let searched = path.clone();
    let search =
        move || git::discover(&searched, &DiscoverLimits::default(), &AtomicBool::new(false), &mut |_, _| {});
    let discovery = tokio::task::spawn_blocking(search).await.map_err(|_| AddError::Cancelled)??;
    report.unusable = discovery.unusable;
    report.truncated = discovery.truncated;
    let n_found = discovery.repositories.len();
    match (n_found, &options.name) {
        // A folder that is like a repository and cannot be used is told as just that.
        (0, _) if report.unusable.is_empty() => return Err(AddError::NothingFound { path }),
        (2.., Some(_)) => return Err(AddError::NameForMany { path, n_found }),
        _ => {}
    }
    let root = std::fs::canonicalize(&path).unwrap_or(path);
    let mut new = Vec::with_capacity(n_found);
    for found in discovery.repositories {
        let names = match &options.name {
            Some(name) => Ok(vec![name.clone()]),
            None => local_names(&root, &found.path),
        };
        match names {
            Ok(names) => new.push(new_repository(names, Source::Local(found.path), options)),
            Err(error) => report.refused.push(error.into()),
        }
    }
    Ok(new)
}

fn new_repository(names: Vec<RepoName>, source: Source, options: &AddOptions) -> NewRepository {
    NewRepository {
        names,
        source,
        visibility: options.visibility,
        unrestricted: false,
        fork: false,
        archived: false,
    }
}

impl From<IdError> for AddError {
    fn from(error: IdError) -> Self {
        AddError::Name(NameError::Invalid(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_addresses_do_not_show_credentials() {
        assert_eq!(printable("https://ada:hunter2@h/x y"), "https://…@h/x y");
        assert_eq!(printable("ext::sh -c x"), "ext::sh -c x");
        assert_eq!(printable("a\nb"), "a\u{fffd}b");
    }
}
