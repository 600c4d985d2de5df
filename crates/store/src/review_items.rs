//! What a review looks at when it begins: grants, and what code hosts state.

use crate::audience::last_read;
use crate::database::{Row, Transaction, int_list, values};
use crate::repo_reads::{last_opened, last_opened_in_group};
use crate::reviews::N_REVIEW_ITEMS_MAX;
use crate::{Fault, Timestamp};
use access::{RepoReadings, Statement};
use model::{RepoId, RepoSet, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Accounts whose statements are looked at together.
const N_LOOK: i64 = 500;

/// A right that somebody has to decide about.
pub(crate) struct Found {
    kind: &'static str,
    subject_id: i64,
    subject: String,
    repo: RepoId,
    repo_name: String,
    at: Timestamp,
    host: Option<(String, String)>,
}

impl Found {
    pub(crate) fn granted(kind: &'static str, row: &Row) -> Result<Self, Fault> {
        Ok(Found {
            kind,
            subject_id: row.int("subject_id")?,
            subject: row.text("subject")?,
            repo: row.repo_id("repo_id")?,
            repo_name: row.text("repo")?,
            at: row.time("granted_at")?,
            host: None,
        })
    }
}

/// Writes a review's items, each with when its account last asked for code, and for code of that repository.
pub(crate) async fn insert_items(
    transaction: &mut Transaction,
    review: &str,
    found: &[Found],
) -> Result<(), Fault> {
    const INSERT: &str = "INSERT INTO review_items (review_id, item, kind, subject_id, subject, repo_id, repo, \
         granted_at, opened_at, read_at, host, host_account) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    let mut reads: BTreeMap<&str, Option<Timestamp>> = BTreeMap::new();
    for (item, one) in (1i64..).zip(found) {
        let read_at = match (one.kind, reads.get(one.subject.as_str())) {
            ("group", _) => None,
            (_, Some(known)) => *known,
            (_, None) => {
                let read_at = last_read(transaction, &one.subject).await?;
                reads.insert(&one.subject, read_at);
                read_at
            }
        };
        let opened_at = match one.kind {
            "group" => last_opened_in_group(transaction, one.subject_id, one.repo).await?,
            _ => last_opened(transaction, UserId(one.subject_id), one.repo).await?,
        };
        let (host, account) = one.host.clone().unzip();
        let columns = values![
            review,
            item,
            one.kind,
            one.subject_id,
            &one.subject,
            one.repo,
            &one.repo_name,
            one.at,
            opened_at,
            read_at,
            host,
            account
        ];
        transaction.execute(INSERT, columns).await?;
    }
    Ok(())
}

/// What code hosts state now of accounts and is believed, by repository and account; a little more than a review holds at
/// most, where there is more.
pub(crate) async fn stated(
    transaction: &mut Transaction,
    now: Timestamp,
    repos: &str,
    subject: &str,
) -> Result<Vec<Found>, Fault> {
    const WHO: &str = "SELECT users.id AS id FROM users WHERE ($1 = '' OR name = $1) AND id > $2 \
         AND id IN (SELECT user_id FROM host_identities) ORDER BY id LIMIT $3";
    const STATED: &str = "SELECT users.id AS id, users.name AS name, i.account_id AS account_id, i.login AS login, \
         r.host_id AS host_id, code_hosts.name AS host, r.listed AS listed, \
         r.listed_at AS listed_at, r.named AS named, s.bound_ms AS bound_ms \
         FROM host_identities i JOIN users ON users.id = i.user_id \
         JOIN host_readers r ON r.host_id = i.host_id AND r.account_id = i.account_id \
         JOIN permission_sources s ON s.host_id = r.host_id LEFT JOIN code_hosts ON code_hosts.id = r.host_id \
         WHERE i.user_id IN {ints:$1}";
    let within = repos_beginning_with(transaction, repos).await?;
    let mut readings = BTreeMap::new();
    let mut found = Vec::new();
    let mut after = 0;
    loop {
        let who = transaction.rows(WHO, values![subject, after, N_LOOK]).await?;
        let ids = who.iter().map(|row| row.int("id")).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = ids.last() else { break };
        after = *last;
        for row in transaction.rows(STATED, values![int_list(ids.iter().copied())]).await? {
            let host = row.text("host_id")?;
            if !readings.contains_key(&host) {
                readings.insert(host.clone(), Arc::new(all_readings(transaction, &host).await?));
            }
            let known = readings.get(&host).cloned().unwrap_or_default();
            believed(&row, now, known, within.as_ref(), &mut found)?;
        }
        if found.len() as i64 > N_REVIEW_ITEMS_MAX {
            break;
        }
    }
    with_names(transaction, found).await
}

/// What one row says that is believed.
fn believed(
    row: &Row,
    now: Timestamp,
    readings: Arc<RepoReadings>,
    within: Option<&RepoSet>,
    found: &mut Vec<Found>,
) -> Result<(), Fault> {
    let host = row.maybe_text("host")?.map_or_else(|| row.text("host_id"), Ok)?;
    let (login, account) = (row.text("login")?, row.text("account_id")?);
    let account = if login.is_empty() { account } else { format!("{login} ({account})") };
    let statement = Statement {
        listed: row.repo_set("listed")?,
        listed_at: row.maybe_time("listed_at")?,
        named: row.repo_set("named")?,
        readings,
        bound: Duration::from_millis(row.unsigned("bound_ms")?),
    };
    let mut repos = statement.believed(now).repos;
    if let Some(within) = within {
        repos = &repos & within;
    }
    let UserId(subject_id) = row.user_id("id")?;
    let subject = row.text("name")?;
    let n_room = (N_REVIEW_ITEMS_MAX as usize + 1).saturating_sub(found.len());
    found.extend(repos.iter().take(n_room).map(|repo| Found {
        kind: "host",
        subject_id,
        subject: subject.clone(),
        repo,
        repo_name: String::new(),
        at: crate::why_access::stated("", None, &statement, repo, true).read_at,
        host: Some((host.clone(), account.clone())),
    }));
    Ok(())
}

async fn all_readings(transaction: &mut Transaction, host: &str) -> Result<RepoReadings, Fault> {
    let sql = "SELECT read_at, repos FROM host_readings WHERE host_id = $1 ORDER BY read_at";
    let rows = transaction.rows(sql, values![host]).await?;
    let step = |row: &Row| Ok::<_, Fault>((row.time("read_at")?, row.repo_set("repos")?));
    Ok(RepoReadings { steps: rows.iter().map(step).collect::<Result<_, _>>()? })
}

/// `None` for all of them.
async fn repos_beginning_with(transaction: &mut Transaction, begin: &str) -> Result<Option<RepoSet>, Fault> {
    if begin.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT id FROM repositories WHERE substr(name, 1, length($1)) = $1";
    let rows = transaction.rows(sql, values![begin]).await?;
    rows.iter().map(|row| row.repo_id("id")).collect::<Result<RepoSet, _>>().map(Some)
}

/// In the order in which they are shown; what has no name any more is left out.
async fn with_names(transaction: &mut Transaction, mut found: Vec<Found>) -> Result<Vec<Found>, Fault> {
    let numbers: BTreeSet<i64> = found.iter().map(|one| i64::from(one.repo.0)).collect();
    let sql = "SELECT id, name FROM repositories WHERE id IN {ints:$1}";
    let mut names = BTreeMap::new();
    for row in transaction.rows(sql, values![int_list(numbers.into_iter())]).await? {
        names.insert(row.repo_id("id")?, row.text("name")?);
    }
    for one in &mut found {
        one.repo_name = names.get(&one.repo).cloned().unwrap_or_default();
    }
    found.retain(|one| !one.repo_name.is_empty());
    found.sort_by(|one, other| (&one.repo_name, &one.subject).cmp(&(&other.repo_name, &other.subject)));
    Ok(found)
}
