//! Emergency access: a grant with a reason and an end, shown to everybody who looks after the instance.

use crate::access_facts::raise_epoch;
use crate::database::{Row, Transaction, values};
use crate::{Fault, Store, Timestamp};
use access::audit::{Act, Entry, Object};
use access::{Capability, TokenId, UserName};
use model::{RepoId, RepoName, RepoSet, UserId};
use std::time::Duration;

/// Longest emergency.
pub const BREAK_GLASS_MAX: Duration = Duration::from_secs(8 * 60 * 60);
/// Shortest reason, in characters: a word or two say nothing.
pub const REASON_CHARS_MIN: usize = 10;
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 500;
/// Most emergencies of one account at once.
const N_ACTIVE_MAX: i64 = 5;

/// Emergency access to one repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakGlass {
    /// Its public name.
    pub id: String,
    /// Who took it.
    pub user: UserId,
    /// Their name.
    pub name: UserName,
    /// The repository's name.
    pub repo: RepoName,
    /// Why.
    pub reason: String,
    /// Since when.
    pub begun_at: Timestamp,
    /// When it ends, or ended.
    pub ends_at: Timestamp,
    /// Who ended it before its time.
    pub ended_by: Option<String>,
}

/// Emergency access was not given.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// The role does not allow it.
    #[error("your role does not allow emergency access")]
    NotAllowed,
    /// The reason says too little, too much, or does not print.
    #[error("write a reason of {n_chars_min} to {n_chars_max} characters: others will read it")]
    BadReason {
        /// The fewest.
        n_chars_min: usize,
        /// The most.
        n_chars_max: usize,
    },
    /// It would last too long.
    #[error("emergency access lasts at least one minute and at most {} hours", .most.as_secs() / 3600)]
    TooLong {
        /// The longest.
        most: Duration,
    },
    /// There is no such repository.
    #[error("there is no repository of this name")]
    Unknown,
    /// There are enough.
    #[error("you have emergency access to {n_max} repositories already: end one first")]
    TooMany {
        /// The most.
        n_max: i64,
    },
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A statement that reads emergencies.
macro_rules! select_break_glass {
    ($rest:literal) => {
        concat!(
            "SELECT break_glass.id AS id, user_id, users.name AS name, repositories.name AS repo, reason, begun_at, \
             ends_at, ended_by FROM break_glass JOIN users ON users.id = user_id \
             JOIN repositories ON repositories.id = repo_id ",
            $rest
        )
    };
}

impl Store {
    /// Gives whoever this store acts for access to one repository for a while. Raises the epoch.
    pub async fn break_glass(
        &self,
        repo: &RepoName,
        reason: &str,
        lasts: Duration,
    ) -> Result<BreakGlass, BreakGlassError> {
        const REPO: &str = "SELECT id FROM repositories WHERE name = $1";
        const COUNT: &str = "SELECT COUNT(*) AS n FROM break_glass WHERE user_id = $1 AND ends_at > $2";
        const INSERT: &str = "INSERT INTO break_glass (id, user_id, repo_id, reason, begun_at, ends_at) \
             VALUES ($1, $2, $3, $4, $5, $6)";
        const READ: &str = select_break_glass!("WHERE break_glass.id = $1");
        let reason = checked_reason(reason)?;
        if lasts < Duration::from_secs(60) || lasts > BREAK_GLASS_MAX {
            return Err(BreakGlassError::TooLong { most: BREAK_GLASS_MAX });
        }
        let user = self.origin().user_id().ok_or(BreakGlassError::NotAllowed)?;
        let (id, now) = (TokenId::draw(self.randomness()).map_err(Fault::from)?.0, self.now());
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        // SECURITY: the role as it is now, under the lock; not as it was when the request came.
        let role = self.own_role(&mut transaction).await?.map(|(role, _)| role);
        if !role.is_some_and(|role| role.capabilities().contains(Capability::BreakGlass)) {
            return Err(BreakGlassError::NotAllowed);
        }
        let row = transaction.row(REPO, values![repo.as_str()]).await?.ok_or(BreakGlassError::Unknown)?;
        let repo_id = row.repo_id("id")?;
        let active = transaction.row(COUNT, values![user, now]).await?;
        if active.map_or(Ok(0), |row| row.int("n"))? >= N_ACTIVE_MAX {
            return Err(BreakGlassError::TooMany { n_max: N_ACTIVE_MAX });
        }
        let ends_at = now.plus(lasts);
        transaction.execute(INSERT, values![&id, user, repo_id, &reason, now, ends_at]).await?;
        let entry = Entry::new(Act::BreakGlass, Object::new("repository", repo_id.0, repo.as_str()));
        let entry = entry.reason(&reason).detail("minutes", lasts.as_secs() / 60).detail("id", &id);
        self.record_in(&mut transaction, entry).await?;
        let row = transaction.row(READ, values![&id]).await?.ok_or(BreakGlassError::Unknown)?;
        let begun = BreakGlass::from_row(&row)?;
        transaction.commit().await?;
        Ok(begun)
    }

    /// Ends emergency access at once, whosever it is. Raises the epoch. False where there is none that goes on.
    pub async fn end_break_glass(&self, id: &str) -> Result<bool, Fault> {
        const END: &str = "UPDATE break_glass SET ends_at = $2, ended_by = $3 WHERE id = $1 AND ends_at > $2";
        const READ: &str = select_break_glass!("WHERE break_glass.id = $1");
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        let Some(row) = transaction.row(READ, values![id.replace('\0', "")]).await? else { return Ok(false) };
        let ended = BreakGlass::from_row(&row)?;
        let by = match self.origin().user_id() {
            Some(user) => crate::audit_objects::user_name(&mut transaction, user).await?,
            None => "local operator".to_owned(),
        };
        if transaction.execute(END, values![&ended.id, self.now(), by]).await? == 0 {
            return Ok(false);
        }
        let entry = Entry::new(Act::EndBreakGlass, Object::named("repository", ended.repo.as_str()));
        let entry = entry.detail("account", &ended.name).detail("id", &ended.id);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Emergency access that goes on, the newest first.
    pub async fn active_break_glass(&self) -> Result<Vec<BreakGlass>, Fault> {
        const LIST: &str = select_break_glass!("WHERE ends_at > $1 ORDER BY begun_at DESC, id LIMIT 100");
        self.database().rows(LIST, values![self.now()]).await?.iter().map(BreakGlass::from_row).collect()
    }

    /// Emergency access that is over, the newest first; at most 200.
    pub async fn past_break_glass(&self) -> Result<Vec<BreakGlass>, Fault> {
        const LIST: &str = select_break_glass!("WHERE ends_at <= $1 ORDER BY ends_at DESC, id LIMIT 200");
        self.database().rows(LIST, values![self.now()]).await?.iter().map(BreakGlass::from_row).collect()
    }
}

impl BreakGlass {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let impossible = |column| Fault::ImpossibleValue { column };
        Ok(BreakGlass {
            id: row.text("id")?,
            user: row.user_id("user_id")?,
            name: UserName::new(&row.text("name")?).map_err(|_| impossible("name"))?,
            repo: RepoName::new(row.text("repo")?).map_err(|_| impossible("repo"))?,
            reason: row.text("reason")?,
            begun_at: row.time("begun_at")?,
            ends_at: row.time("ends_at")?,
            ended_by: row.maybe_text("ended_by")?,
        })
    }
}

/// Adds to an account's grants what it may read in an emergency; returns when the first of these ends. A shut door of the
/// role counts at once: whoever may not take emergency access any more has none.
pub(crate) async fn add_to_grants(
    transaction: &mut Transaction,
    user: UserId,
    now: Timestamp,
    granted: &mut RepoSet,
) -> Result<Option<Timestamp>, Fault> {
    const ACTIVE: &str = "SELECT repo_id, ends_at FROM break_glass WHERE user_id = $1 AND ends_at > $2";
    let mut until: Option<Timestamp> = None;
    let is_leaking = model::leaks("emergency-never-ends");
    let after = if is_leaking { Timestamp(0) } else { now };
    for row in transaction.rows(ACTIVE, values![user, after]).await? {
        let (repo, mut ends_at): (RepoId, _) = (row.repo_id("repo_id")?, row.time("ends_at")?);
        if is_leaking {
            ends_at = now.plus(BREAK_GLASS_MAX);
        }
        granted.extend_with(&[repo].into_iter().collect());
        until = Some(until.map_or(ends_at, |until| until.min(ends_at)));
    }
    Ok(until)
}

fn checked_reason(reason: &str) -> Result<String, BreakGlassError> {
    let reason = reason.trim();
    let n_chars = reason.chars().count();
    match (REASON_CHARS_MIN..=REASON_CHARS_MAX).contains(&n_chars) && !reason.chars().any(char::is_control) {
        true => Ok(reason.to_owned()),
        false => {
            Err(BreakGlassError::BadReason { n_chars_min: REASON_CHARS_MIN, n_chars_max: REASON_CHARS_MAX })
        }
    }
}
