//! A connector to a stub, and all that it says in one piece.

use access::{AccountId, Clock, ManualClock, Timestamp};
use egress::Egress;
use git::{GitProgramOptions, Schemes};
use hosts::{
    Connector, HostAccount, HostError, HostKind, HostRepository, HostSettings, Readers, Strategy,
    Surroundings, open, read_all,
};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use testkit::code_host::{HostWorld, StubHost, StubKind, TOKEN};

pub(crate) const REMOTE_KINDS: [(HostKind, StubKind); 7] = [
    (HostKind::GitHub, StubKind::GitHub),
    (HostKind::GitLab, StubKind::GitLab),
    (HostKind::Gitea, StubKind::Gitea),
    (HostKind::BitbucketCloud, StubKind::BitbucketCloud),
    (HostKind::BitbucketServer, StubKind::BitbucketServer),
    (HostKind::Gerrit, StubKind::Gerrit),
    (HostKind::AzureDevOps, StubKind::AzureDevOps),
];

pub(crate) const NOON: Timestamp = Timestamp(1_750_000_000_000);

pub(crate) fn around(clock: Arc<dyn Clock>) -> Surroundings {
    let git = GitProgramOptions::default();
    Surroundings { egress: Egress::unrecorded(), clock, git, schemes: Schemes::default() }
}

pub(crate) fn settings() -> HostSettings {
    HostSettings {
        networks: vec!["127.0.0.0/8".into()],
        workspace: Some("acme".into()),
        ..HostSettings::default()
    }
}

pub(crate) fn connect(kind: HostKind, stub: &StubHost) -> Box<dyn Connector> {
    let account = (kind == HostKind::Gerrit).then(|| "admin".to_owned());
    let settings = HostSettings { account, ..settings() };
    let token = SecretString::from(TOKEN);
    open(kind, &stub.url(), &settings, Some(&token), &around(Arc::new(ManualClock::at(NOON)))).unwrap()
}

pub(crate) async fn stub(kind: StubKind, world: HostWorld) -> StubHost {
    StubHost::start(kind, world).await
}

pub(crate) async fn repositories(host: &dyn Connector) -> Result<Vec<HostRepository>, HostError> {
    read_all(|after| host.repositories(after)).await
}

/// By the repository's name: who reads it by name, as numbers of the stub's people.
pub(crate) async fn readers(host: &dyn Connector) -> Result<BTreeMap<String, BTreeSet<u64>>, HostError> {
    let repositories = repositories(host).await?;
    let mut by_id: BTreeMap<String, BTreeSet<AccountId>> =
        repositories.iter().map(|repository| (repository.id.clone(), BTreeSet::new())).collect();
    match host.strategy().await? {
        Strategy::Nothing => {}
        Strategy::WithListing => {
            for repository in &repositories {
                let (known, next) = match &repository.readers {
                    Readers::Unknown => continue,
                    Readers::All(known) => (known.clone(), None),
                    Readers::Some(known, next) => (known.clone(), Some(next.clone())),
                };
                let all = by_id.get_mut(&repository.id).unwrap();
                all.extend(known.iter().map(|id| AccountId::new(id.as_str()).unwrap()));
                if next.is_some() {
                    all.extend(read_all(|after| host.accounts_of(repository, after.or(next.clone()))).await?);
                }
            }
        }
        Strategy::ByAccount => {
            let accounts: Vec<HostAccount> = read_all(|after| host.accounts(after)).await?;
            for account in accounts.iter().filter(|account| account.is_active) {
                for id in read_all(|after| host.repositories_of(account, after)).await? {
                    by_id.get_mut(&id).unwrap().insert(account.id.clone());
                }
            }
        }
        Strategy::ByRepository => {
            for repository in &repositories {
                let accounts = read_all(|after| host.accounts_of(repository, after)).await?;
                by_id.get_mut(&repository.id).unwrap().extend(accounts);
            }
        }
        Strategy::Grants => {
            for grant in read_all(|after| host.grants(after)).await? {
                by_id.get_mut(&grant.repository).unwrap().insert(grant.account);
            }
        }
    }
    let name = |id: &str| repositories.iter().find(|repository| repository.id == id).unwrap().name.clone();
    let numbers = |accounts: BTreeSet<AccountId>| accounts.iter().map(number).collect();
    Ok(by_id.into_iter().map(|(id, accounts)| (name(&id), numbers(accounts))).collect())
}

/// The number behind an identifier: they are numbers, or UUIDs that end with them.
fn number(account: &AccountId) -> u64 {
    let text = account.as_str().trim_end_matches('}');
    text.rsplit('-').next().unwrap().parse().unwrap()
}
