//! Gerrit.
//!
//! Each account is asked for the projects that it sees, by acting for it (`X-Gerrit-RunAs`, capability "Run As"): access
//! sections, inheritance, blocks and groups are Gerrit's to apply. A project is its name: Gerrit has no other identifier.
//! <https://gerrit-review.googlesource.com/Documentation/rest-api.html>, `rest-api-projects.html#list-projects`,
//! `rest-api-accounts.html#query-account`

use crate::api::{Api, encode};
use crate::connector::{Cursor, HostAccount, Page, Reply, Strategy, Whoami};
use crate::{Connector, HostError, HostKind, HostRepository, Openness, Readers};
use access::AccountId;
use http::HeaderName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What stands before every answer, so that no browser runs it.
const PREFIX: &[u8] = b")]}'\n";
/// Gerrit gives as many projects as are asked for.
const N_PROJECTS_PER_PAGE: usize = 5000;
/// Its own limit of queries.
const N_ACCOUNTS_PER_PAGE: usize = 500;

pub(crate) struct Gerrit {
    api: Api,
    /// Where git fetches from, without a slash at its end.
    clone_base: String,
}

impl Gerrit {
    /// `api` is the base of the interface for those who sign in (`/a`).
    pub(crate) fn new(api: Api, clone_base: String) -> Self {
        Gerrit { api, clone_base }
    }

    async fn projects(
        &self,
        what: &'static str,
        after: Option<Cursor>,
        account: Option<&HostAccount>,
    ) -> Result<(BTreeMap<String, Project>, Option<Cursor>), HostError> {
        let skipped = after.as_deref().map_or(Ok(0), str::parse::<usize>);
        let skipped = skipped.map_err(|_| HostError::PageLoop)?;
        let url = self.api.url(&format!("/projects/?type=CODE&d&n={N_PROJECTS_PER_PAGE}&S={skipped}"));
        let acting_as = account
            .map(|account| (HeaderName::from_static("x-gerrit-runas"), account.id.as_str().to_owned()));
        let answer = self.api.get(what, &url, acting_as.as_ref()).await?;
        let projects: BTreeMap<String, Project> = answer.parse_after_prefix(PREFIX)?;
        let is_full = projects.len() >= N_PROJECTS_PER_PAGE || projects.values().any(|one| one.more);
        let next = is_full.then(|| (skipped + projects.len()).to_string());
        Ok((projects, next))
    }
}

impl Connector for Gerrit {
    fn kind(&self) -> HostKind {
        HostKind::Gerrit
    }

    fn strategy(&self) -> Reply<'_, Strategy> {
        Box::pin(async { Ok(Strategy::ByAccount) })
    }

    fn whoami(&self) -> Reply<'_, Whoami> {
        Box::pin(async {
            let answer = self.api.get("the token's account", &self.api.url("/accounts/self"), None).await?;
            let me: Account = answer.parse_after_prefix(PREFIX)?;
            let url = self.api.url("/accounts/self/capabilities?q=runAs");
            let answer = self.api.get("the account's capabilities", &url, None).await?;
            let capabilities: BTreeMap<String, serde_json::Value> = answer.parse_after_prefix(PREFIX)?;
            let runs_as = capabilities.get("runAs") == Some(&serde_json::Value::Bool(true));
            let warning =
                "the account lacks the global capability 'Run As': permissions cannot be read with it";
            let warnings = if runs_as { Vec::new() } else { vec![warning.to_owned()] };
            Ok(Whoami { login: me.username.unwrap_or_else(|| me.id.to_string()), warnings })
        })
    }

    fn repositories(&self, after: Option<Cursor>) -> Reply<'_, Page<HostRepository>> {
        Box::pin(async move {
            let (projects, next) = self.projects("projects", after, None).await?;
            let shown =
                projects.into_iter().filter(|(_, project)| project.state.as_deref() != Some("HIDDEN"));
            let items = shown.filter_map(|(name, project)| project.into_repository(name, &self.clone_base));
            Ok(Page { items: items.collect(), next, total: None })
        })
    }

    fn accounts(&self, after: Option<Cursor>) -> Reply<'_, Page<HostAccount>> {
        Box::pin(async move {
            let skipped = after.as_deref().map_or(Ok(0), str::parse::<usize>);
            let skipped = skipped.map_err(|_| HostError::PageLoop)?;
            let path = format!("/accounts/?q=is:active&o=DETAILS&n={N_ACCOUNTS_PER_PAGE}&S={skipped}");
            let answer = self.api.get("accounts", &self.api.url(&path), None).await?;
            let accounts: Vec<Account> = answer.parse_after_prefix(PREFIX)?;
            let goes_on = accounts.last().is_some_and(|account| account.more);
            let next = goes_on.then(|| (skipped + accounts.len()).to_string());
            let items: Option<Vec<_>> = accounts.into_iter().map(Account::into_account).collect();
            let items = items.ok_or_else(|| answer.shape("an account is incomplete"))?;
            Ok(Page { items, next, total: None })
        })
    }

    fn repositories_of<'a>(
        &'a self,
        account: &'a HostAccount,
        after: Option<Cursor>,
    ) -> Reply<'a, Page<String>> {
        Box::pin(async move {
            let (projects, next) = self.projects("an account's projects", after, Some(account)).await?;
            Ok(Page { items: projects.into_keys().collect(), next, total: None })
        })
    }

    fn n_calls(&self) -> u64 {
        self.api.n_calls()
    }
}

#[derive(Deserialize)]
struct Project {
    state: Option<String>,
    description: Option<String>,
    #[serde(default, rename = "_more_projects")]
    more: bool,
}

impl Project {
    fn into_repository(self, name: String, clone_base: &str) -> Option<HostRepository> {
        let path: Vec<String> = name.split('/').map(encode).collect();
        HostRepository {
            id: name.clone(),
            handle: String::new(),
            clone_from: format!("{clone_base}/{}", path.join("/")),
            name,
            // What is open to everybody is not told; each account is asked.
            openness: Openness::Private,
            fork: false,
            archived: self.state.as_deref() == Some("READ_ONLY"),
            size_bytes: None,
            n_stars: None,
            description: self.description.unwrap_or_default(),
            readers: Readers::Unknown,
        }
        .checked()
    }
}

#[derive(Deserialize)]
struct Account {
    #[serde(rename = "_account_id")]
    id: u64,
    username: Option<String>,
    #[serde(default)]
    inactive: bool,
    #[serde(default, rename = "_more_accounts")]
    more: bool,
}

impl Account {
    fn into_account(self) -> Option<HostAccount> {
        Some(HostAccount {
            id: AccountId::new(self.id.to_string())?,
            login: self.username.unwrap_or_else(|| self.id.to_string()),
            is_active: !self.inactive,
            reads_internal: true,
        })
    }
}
