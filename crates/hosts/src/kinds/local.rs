//! Hosts without an interface: a directory of repositories, and addresses that git can fetch.

use crate::connector::{Cursor, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostError, HostKind, HostRepository, Openness, Readers};
use git::{DiscoverLimits, RemoteUrl, Schemes};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A directory of repositories on this machine, read in place. A repository is its path.
pub(crate) struct Directory {
    root: PathBuf,
}

/// Repositories by address. A repository is its address.
pub(crate) struct GitAddresses {
    addresses: Vec<RemoteUrl>,
}

impl Directory {
    pub(crate) fn new(root: PathBuf) -> Self {
        Directory { root }
    }

    async fn find(&self) -> Result<Vec<HostRepository>, HostError> {
        let root = self.root.clone();
        let look = move || {
            let root = root.canonicalize().map_err(|error| error.to_string())?;
            let found =
                git::discover(&root, &DiscoverLimits::default(), &AtomicBool::new(false), &mut |_, _| {});
            let found = found.map_err(|error| error.to_string())?;
            // Half a directory must not look like one from which half was removed.
            if found.truncated {
                return Err("the directory holds more folders than are searched".to_owned());
            }
            let paths = found.repositories.into_iter().map(|repository| repository.path);
            Ok(paths.filter_map(|path| described(&root, &path)).collect())
        };
        let found = tokio::task::spawn_blocking(look).await;
        found.unwrap_or_else(|_| Err("the search was stopped".to_owned())).map_err(HostError::Local)
    }
}

impl GitAddresses {
    /// Reads addresses; they were checked when they were stored.
    pub(crate) fn new(addresses: &[String], schemes: Schemes) -> Result<Self, git::UrlError> {
        let addresses = addresses.iter().map(|text| RemoteUrl::parse(text, schemes));
        Ok(GitAddresses { addresses: addresses.collect::<Result<_, _>>()? })
    }
}

fn described(root: &Path, path: &Path) -> Option<HostRepository> {
    let text = path.to_str()?.to_owned();
    let below = path.strip_prefix(root).ok().filter(|below| !below.as_os_str().is_empty());
    let name = below.or_else(|| path.file_name().map(Path::new))?.to_str()?;
    plain(text.clone(), name.strip_suffix(".git").unwrap_or(name).to_owned(), text)
}

fn plain(id: String, name: String, clone_from: String) -> Option<HostRepository> {
    let (handle, description) = (String::new(), String::new());
    HostRepository {
        id,
        handle,
        name,
        clone_from,
        openness: Openness::Private,
        fork: false,
        archived: false,
        size_bytes: None,
        n_stars: None,
        description,
        readers: Readers::Unknown,
    }
    .checked()
}

impl Connector for Directory {
    fn kind(&self) -> HostKind {
        HostKind::Directory
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::Nothing) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            let n_found = self.find().await?.len();
            Ok(Whoami { login: format!("{n_found} repositories"), warnings: Vec::new() })
        })
    }

    fn repositories(&self, _after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async { Ok(Page { items: self.find().await?, next: None, total: None }) })
    }
}

impl Connector for GitAddresses {
    fn kind(&self) -> HostKind {
        HostKind::Git
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::Nothing) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        let login = format!("{} addresses", self.addresses.len());
        Box::pin(async { Ok(Whoami { login, warnings: Vec::new() }) })
    }

    fn repositories(&self, _after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        let repository = |url: &RemoteUrl| {
            let address = url.without_credential().to_owned();
            let name = url.default_name().ok()?.as_str().to_owned();
            plain(address.clone(), name, address)
        };
        let items = self.addresses.iter().filter_map(repository).collect();
        Box::pin(async { Ok(Page { items, next: None, total: None }) })
    }
}
