//! What the code hosts say now.

use super::{Setup, VerifyError, age, counted};
use crate::Watch;
use crate::report::{Check, Part};
use access::AccountId;
use hosts::{Survey, SurveyedReaders, survey};
use model::{RepoId, UserId};
use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;
use store::CodeHost;

/// Before a host that could not be compared is compared once more.
const PAUSE: Duration = Duration::from_secs(1);

/// What a host says of the repositories that are here.
pub(super) struct HostSays {
    pub(super) host: CodeHost,
    /// Whether it could be asked; if not, nothing of it can be compared.
    pub(super) is_known: bool,
    /// Who reads each of its repositories; none where the host does not say who reads what.
    pub(super) by_repo: HashMap<RepoId, SurveyedReaders>,
    /// Whose its accounts are.
    pub(super) linked: HashMap<AccountId, UserId>,
}

/// Has every host compared, then asks it again by itself.
pub(super) async fn look(setup: &Setup<'_>, watch: Watch<'_>) -> Result<(Part, Vec<HostSays>), VerifyError> {
    let all = setup.store.code_hosts().await?;
    let (mut checks, mut said) = (Vec::new(), Vec::new());
    for (idx, host) in all.iter().enumerate() {
        watch(&format!("asking {}", host.name), idx as u64, all.len() as u64);
        let (mut of_host, says) = look_at(setup, host).await?;
        checks.append(&mut of_host);
        said.push(says);
    }
    let part = Part {
        title: "What the code hosts say".to_owned(),
        method: "Each host is compared as on its schedule, and then asked a second time, apart from that: which repositories it \
                 has, and who may read them."
            .to_owned(),
        checks,
    };
    Ok((part, said))
}

async fn look_at(setup: &Setup<'_>, host: &CodeHost) -> Result<(Vec<Check>, HostSays), VerifyError> {
    let id = |what: &str| format!("host.{}.{what}", host.name);
    let mut compared =
        Check::new(id("compared"), format!("{} ({}) was compared without an error.", host.name, host.kind));
    let mut done = setup.hosts.sync_now(&host.id, false).await;
    if done.is_err() {
        // The server compares it, too, and may have been in the way.
        tokio::time::sleep(PAUSE).await;
        done = setup.hosts.sync_now(&host.id, false).await;
    }
    match done {
        Ok(report) => {
            compared = compared.measured(format!(
                "{}, {}, {}; its statements are believed for {}",
                counted(report.n_listed, "repository", "repositories"),
                counted(report.n_read, "list of readers", "lists of readers"),
                counted(report.n_calls, "request", "requests"),
                age(
                    access::Timestamp(i64::try_from(host.bound.as_millis()).unwrap_or(i64::MAX)),
                    access::Timestamp(0)
                ),
            ));
        }
        Err(error) => compared.leave_open(causes(&error)),
    }
    let identities = setup.store.identities_at(&host.id).await?;
    let accounts: Vec<_> = identities.iter().map(|one| (one.account.clone(), one.login.clone())).collect();
    let linked = identities.into_iter().map(|one| (one.account, one.user)).collect();
    let mut listed = Check::new(
        id("repositories"),
        format!("Every repository that is here from {} is there still.", host.name),
    );
    let asked = match setup.hosts.connector(host).await {
        Ok(connector) => survey(&*connector, &accounts).await.map_err(|error| causes(&error)),
        Err(error) => Err(causes(&error)),
    };
    let survey = match asked {
        Ok(survey) => survey,
        Err(reason) => {
            listed.leave_open(reason);
            let says = HostSays { host: host.clone(), is_known: false, by_repo: HashMap::new(), linked };
            return Ok((vec![compared, listed], says));
        }
    };
    let by_repo = compare(setup, host, &survey, &mut listed).await?;
    let says = HostSays { host: host.clone(), is_known: true, by_repo, linked };
    Ok((vec![compared, listed], says))
}

async fn compare(
    setup: &Setup<'_>,
    host: &CodeHost,
    survey: &Survey,
    listed: &mut Check,
) -> Result<HashMap<RepoId, SurveyedReaders>, VerifyError> {
    let known = setup.store.host_repositories(&host.id).await?;
    let (mut by_repo, mut n_here) = (HashMap::new(), 0u64);
    for one in known {
        let Some(repo) = one.repo else { continue };
        n_here += 1;
        match survey.repositories.get(&one.external_id) {
            Some(surveyed) if survey.says_who_reads => drop(by_repo.insert(repo, surveyed.readers.clone())),
            Some(_) => {}
            None if one.missing_since.is_some() => {
                // Gone from there, and kept for now in case its list was not whole: nobody reads it by the host's word.
                drop(by_repo.insert(repo, SurveyedReaders::These(Default::default())));
            }
            None => listed.fail(format!("'{}' is not there any more", one.name)),
        }
    }
    let says =
        if survey.says_who_reads { "" } else { "; it does not say who reads what: that is granted here" };
    listed.measured = format!(
        "{}, {}{says}",
        counted(n_here, "repository", "repositories"),
        counted(survey.n_calls, "request", "requests")
    );
    Ok(by_repo)
}

/// An error with what led to it.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
