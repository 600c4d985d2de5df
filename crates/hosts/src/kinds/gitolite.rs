//! gitolite, on this machine or over ssh.
//!
//! Its names are its identifiers: a person is the name of a key, a repository its path. Each linked person is asked for, one
//! run of `info` each, and gitolite evaluates its own rules.

use crate::connector::{Cursor, HostAccount, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostError, HostKind, HostRepository, Openness, Readers};
use git::{GitoliteError, GitoliteUser};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) struct Gitolite {
    server: Arc<git::Gitolite>,
    n_calls: AtomicU64,
}

impl Gitolite {
    pub(crate) fn new(server: git::Gitolite) -> Self {
        Gitolite { server: Arc::new(server), n_calls: AtomicU64::new(0) }
    }

    /// Runs a question on a thread that may wait, and stops it when nobody waits for the answer any more.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&git::Gitolite, &AtomicBool) -> Result<T, GitoliteError> + Send + 'static,
    ) -> Result<T, HostError> {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        let cancelled = CancelOnDrop(Arc::new(AtomicBool::new(false)));
        let (server, cancel) = (Arc::clone(&self.server), Arc::clone(&cancelled.0));
        let asked = tokio::task::spawn_blocking(move || question(&server, &cancel)).await;
        let answer =
            asked.map_err(|_| HostError::Local("the question to gitolite was stopped".to_owned()))?;
        answer.map_err(|error| HostError::Local(error.to_string()))
    }

    async fn list(&self) -> Result<Vec<String>, HostError> {
        self.ask(|server, cancel| server.repositories(cancel)).await
    }
}

struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Connector for Gitolite {
    fn kind(&self) -> HostKind {
        HostKind::Gitolite
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::ByAccount) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            let n_found = self.list().await?.len();
            // Nobody has this name: the question alone shows whether others can be asked for.
            let probe = GitoliteUser::new("sourcekeep-probe");
            let may_ask = match probe {
                Some(user) => self.ask(move |server, cancel| server.repositories_of(&user, cancel)).await,
                None => Ok(Vec::new()),
            };
            let warn = |error: HostError| {
                format!(
                    "permissions cannot be read ({error}): enable 'sudo' in .gitolite.rc, and use a key that may write to gitolite-admin"
                )
            };
            let warnings = may_ask.err().map(warn).into_iter().collect();
            Ok(Whoami { login: format!("{n_found} repositories"), warnings })
        })
    }

    fn repositories(&self, _after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async {
            let repository = |name: String| {
                HostRepository {
                    id: name.clone(),
                    handle: String::new(),
                    clone_from: self.server.place().clone_from(&name),
                    name,
                    openness: Openness::Private,
                    fork: false,
                    archived: false,
                    size_bytes: None,
                    n_stars: None,
                    description: String::new(),
                    readers: Readers::Unknown,
                }
                .checked()
            };
            // The rules and keys of gitolite itself are nobody's code.
            let names = self.list().await?.into_iter().filter(|name| name != "gitolite-admin");
            Ok(Page { items: names.filter_map(repository).collect(), next: None, total: None })
        })
    }

    fn repositories_of<'a>(
        &'a self,
        account: &'a HostAccount,
        _after: Option<Cursor>,
    ) -> Reply<'a, Page<String>> {
        Box::pin(async {
            let user = GitoliteUser::new(account.id.as_str());
            let user = user.ok_or(HostError::NotFound { what: "a person of this name" })?;
            let found = self.ask(move |server, cancel| server.repositories_of(&user, cancel)).await?;
            let readable = found.into_iter().filter(|repo| repo.is_readable).map(|repo| repo.name);
            Ok(Page { items: readable.collect(), next: None, total: None })
        })
    }

    fn n_calls(&self) -> u64 {
        self.n_calls.load(Ordering::Relaxed)
    }
}
