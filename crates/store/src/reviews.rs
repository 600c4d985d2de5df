//! Access reviews: every grant is looked at by somebody, and kept or taken back.

use crate::access_facts::{keep_epoch, raise_epoch};
use crate::database::{Row, Transaction, values};
use crate::review_items::{Found, insert_items, stated};
use crate::{Fault, Store, Timestamp};
use access::TokenId;
use access::audit::{Act, Entry, Object};
use model::{RepoId, UserId};
use std::time::Duration;

/// Most grants of one review: larger ones are for nobody to look through.
pub const N_REVIEW_ITEMS_MAX: i64 = 5000;
/// Longest title.
const TITLE_CHARS_MAX: usize = 100;
/// Longest time a review may take.
const DUE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// An access review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Its public name.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Who began it.
    pub started_by: String,
    /// When.
    pub started_at: Timestamp,
    /// By when it should be closed.
    pub due_at: Timestamp,
    /// Who closed it, where it is closed.
    pub closed_by: Option<String>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Grants in it.
    pub n_items: u64,
    /// Grants nobody has decided about.
    pub n_open: u64,
}

/// One grant in a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewItem {
    /// Its number in the review.
    pub item: i64,
    /// `account` or `group`: in whose name the grant is; `host` where a code host states it of an account.
    pub kind: String,
    /// Their name then.
    pub subject: String,
    /// The repository's name then.
    pub repo: String,
    /// Since when; of a statement, when it was read.
    pub granted_at: Timestamp,
    /// The code host that states it, and the account there: only there it can be taken back.
    pub host: Option<(String, String)>,
    /// When the account last opened this repository, to the hour; of a group's grant, when any member did.
    pub opened_at: Option<Timestamp>,
    /// When the account last read code, whichever.
    pub read_at: Option<Timestamp>,
    /// What was decided: whether it was certified (or revoked), by whom, when.
    pub decision: Option<(bool, String, Timestamp)>,
}

/// What a review looks at: names or beginnings of names; empty for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewScope {
    /// What the repositories' names begin with.
    pub repos: String,
    /// The account's or group's name, exactly.
    pub subject: String,
    /// Whether what code hosts state of accounts is in it, too. What a host shows to everyone is not.
    pub with_hosts: bool,
}

/// A review could not be begun or carried on.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The title is missing, too long, or does not print.
    #[error("a review needs a title of at most {n_chars_max} characters")]
    BadTitle {
        /// The most.
        n_chars_max: usize,
    },
    /// It should be closed too late.
    #[error("a review lasts between one day and a year")]
    BadDue,
    /// There is nothing to look at.
    #[error("there is no grant to look at")]
    Nothing,
    /// There is too much to look at.
    #[error("there are more than {n_max} grants: review a part of the repositories at a time")]
    TooMany {
        /// The most.
        n_max: i64,
    },
    /// There is no such review or item, or it is closed or decided.
    #[error("there is no such review, or it is closed")]
    Unknown,
    /// Some grants are still open.
    #[error("{n_open} grants are still open: certify or revoke each first")]
    Open {
        /// How many.
        n_open: u64,
    },
    /// It is one's own grant.
    #[error("nobody certifies what they were granted themselves")]
    Own,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A statement that reads reviews.
macro_rules! select_reviews {
    ($rest:literal) => {
        concat!(
            "SELECT id, title, started_by, started_at, due_at, closed_by, closed_at, \
             (SELECT COUNT(*) FROM review_items WHERE review_id = reviews.id) AS n_items, \
             (SELECT COUNT(*) FROM review_items WHERE review_id = reviews.id AND decision IS NULL) AS n_open \
             FROM reviews ",
            $rest
        )
    };
}

impl Store {
    /// Begins a review of the grants there are now, and of what code hosts state, if the scope says so.
    pub async fn start_review(
        &self,
        title: &str,
        scope: &ReviewScope,
        lasts: Duration,
    ) -> Result<String, ReviewError> {
        const INSERT: &str =
            "INSERT INTO reviews (id, title, started_by, started_at, due_at) VALUES ($1, $2, $3, $4, $5)";
        const ACCOUNTS: &str = "SELECT 'account' AS kind, users.id AS subject_id, users.name AS subject, \
             repositories.id AS repo_id, repositories.name AS repo, granted_at FROM grants JOIN users ON users.id = user_id JOIN repositories ON repositories.id = repo_id \
             WHERE substr(repositories.name, 1, length($1)) = $1 AND ($2 = '' OR users.name = $2) \
             ORDER BY repositories.name, users.name LIMIT $3";
        const GROUPS: &str = "SELECT 'group' AS kind, user_groups.id AS subject_id, user_groups.name AS subject, \
             repositories.id AS repo_id, repositories.name AS repo, granted_at FROM group_grants JOIN user_groups ON user_groups.id = group_id \
             JOIN repositories ON repositories.id = repo_id \
             WHERE substr(repositories.name, 1, length($1)) = $1 AND ($2 = '' OR user_groups.name = $2) \
             ORDER BY repositories.name, user_groups.name LIMIT $3";
        let title = title.trim();
        if title.is_empty() || title.chars().count() > TITLE_CHARS_MAX || title.chars().any(char::is_control)
        {
            return Err(ReviewError::BadTitle { n_chars_max: TITLE_CHARS_MAX });
        }
        if lasts < Duration::from_secs(24 * 60 * 60) || lasts > DUE_MAX {
            return Err(ReviewError::BadDue);
        }
        let clean = |text: &str| text.trim().replace('\0', "");
        let (id, now) = (TokenId::draw(self.randomness()).map_err(Fault::from)?.0, self.now());
        let mut transaction = self.database().begin().await?;
        // The same moment for all of it.
        raise_epoch(&mut transaction).await?;
        let (repos, subject) = (clean(&scope.repos), clean(&scope.subject));
        let values = values![&repos, &subject, N_REVIEW_ITEMS_MAX + 1];
        let mut found = Vec::new();
        for (kind, sql) in [("account", ACCOUNTS), ("group", GROUPS)] {
            for row in transaction.rows(sql, values.clone()).await? {
                found.push(Found::granted(kind, &row)?);
            }
        }
        if scope.with_hosts {
            found.extend(stated(&mut transaction, now, &repos, &subject).await?);
        }
        match found.len() as i64 {
            0 => return Err(ReviewError::Nothing),
            n_found if n_found > N_REVIEW_ITEMS_MAX => {
                return Err(ReviewError::TooMany { n_max: N_REVIEW_ITEMS_MAX });
            }
            _ => {}
        }
        let by = self.reviewer(&mut transaction).await?;
        transaction.execute(INSERT, values![&id, title, by, now, now.plus(lasts)]).await?;
        insert_items(&mut transaction, &id, &found).await?;
        let entry = Entry::new(Act::StartReview, Object::new("review", &id, title));
        self.record_in(&mut transaction, entry.detail("grants", found.len())).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// All reviews, the newest first; at most 200.
    pub async fn reviews(&self) -> Result<Vec<Review>, Fault> {
        const LIST: &str = select_reviews!("ORDER BY started_at DESC, id LIMIT 200");
        self.database().rows(LIST, values![]).await?.iter().map(Review::from_row).collect()
    }

    /// One review and its grants, in order.
    pub async fn review(&self, id: &str) -> Result<Option<(Review, Vec<ReviewItem>)>, Fault> {
        const FIND: &str = select_reviews!("WHERE id = $1");
        const ITEMS: &str = "SELECT item, kind, subject, repo, granted_at, opened_at, read_at, host, host_account, decision, decided_by, \
             decided_at \
             FROM review_items WHERE review_id = $1 ORDER BY item";
        let id = id.replace('\0', "");
        let mut snapshot = self.database().snapshot().await?;
        let Some(row) = snapshot.row(FIND, values![&id]).await? else { return Ok(None) };
        let items = snapshot.rows(ITEMS, values![&id]).await?;
        let items = items.iter().map(ReviewItem::from_row).collect::<Result<_, _>>()?;
        Ok(Some((Review::from_row(&row)?, items)))
    }

    /// Certifies a grant, or takes it back at once; raises the epoch then. What a code host states is only marked: it is taken
    /// back there. Once decided, it stays so in this review.
    pub async fn decide_review(&self, id: &str, item: i64, certify: bool) -> Result<(), ReviewError> {
        const FIND: &str = "SELECT kind, subject_id, subject, repo_id, repo FROM review_items \
             JOIN reviews ON reviews.id = review_id \
             WHERE review_id = $1 AND item = $2 AND decision IS NULL AND closed_at IS NULL";
        const DECIDE: &str = "UPDATE review_items SET decision = $3, decided_by = $4, decided_at = $5 \
             WHERE review_id = $1 AND item = $2";
        const OF_ACCOUNT: &str = "DELETE FROM grants WHERE user_id = $1 AND repo_id = $2";
        const OF_GROUP: &str = "DELETE FROM group_grants WHERE group_id = $1 AND repo_id = $2";
        let id = id.replace('\0', "");
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        let row = transaction.row(FIND, values![&id, item]).await?.ok_or(ReviewError::Unknown)?;
        let (kind, subject, repo): (_, _, RepoId) =
            (row.text("kind")?, row.int("subject_id")?, row.repo_id("repo_id")?);
        if certify && kind != "group" && self.origin().user_id() == Some(UserId(subject)) {
            return Err(ReviewError::Own);
        }
        match kind.as_str() {
            "group" if !certify => drop(transaction.execute(OF_GROUP, values![subject, repo]).await?),
            "account" if !certify => drop(transaction.execute(OF_ACCOUNT, values![subject, repo]).await?),
            _ => keep_epoch(&mut transaction).await?,
        }
        let by = self.reviewer(&mut transaction).await?;
        let decision = if certify { "certified" } else { "revoked" };
        transaction.execute(DECIDE, values![&id, item, decision, by, self.now()]).await?;
        let act = if certify { Act::Certify } else { Act::RevokeInReview };
        let entry = Entry::new(act, Object::new("repository", repo.0, &row.text("repo")?));
        let entry = entry.detail("kind", kind).detail("subject", row.text("subject")?).detail("review", &id);
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Closes a review of which every grant is decided.
    pub async fn close_review(&self, id: &str) -> Result<(), ReviewError> {
        const FIND: &str = select_reviews!("WHERE id = $1 AND closed_at IS NULL");
        const CLOSE: &str = "UPDATE reviews SET closed_by = $2, closed_at = $3 WHERE id = $1";
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        let row = transaction.row(FIND, values![id.replace('\0', "")]).await?;
        let review = Review::from_row(&row.ok_or(ReviewError::Unknown)?)?;
        if review.n_open > 0 {
            return Err(ReviewError::Open { n_open: review.n_open });
        }
        let by = self.reviewer(&mut transaction).await?;
        transaction.execute(CLOSE, values![&review.id, by, self.now()]).await?;
        let entry = Entry::new(Act::CloseReview, Object::new("review", &review.id, &review.title));
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    async fn reviewer(&self, transaction: &mut Transaction) -> Result<String, Fault> {
        match self.origin().user_id() {
            Some(user) => crate::audit_objects::user_name(transaction, user).await,
            None => Ok("local operator".to_owned()),
        }
    }
}

impl Review {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(Review {
            id: row.text("id")?,
            title: row.text("title")?,
            started_by: row.text("started_by")?,
            started_at: row.time("started_at")?,
            due_at: row.time("due_at")?,
            closed_by: row.maybe_text("closed_by")?,
            closed_at: row.maybe_time("closed_at")?,
            n_items: row.unsigned("n_items")?,
            n_open: row.unsigned("n_open")?,
        })
    }
}

impl ReviewItem {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        let decision = match row.maybe_text("decision")? {
            None => None,
            Some(word) => Some((word == "certified", row.text("decided_by")?, row.time("decided_at")?)),
        };
        Ok(ReviewItem {
            item: row.int("item")?,
            kind: row.text("kind")?,
            subject: row.text("subject")?,
            repo: row.text("repo")?,
            granted_at: row.time("granted_at")?,
            host: row.maybe_text("host")?.zip(row.maybe_text("host_account")?),
            opened_at: row.maybe_time("opened_at")?,
            read_at: row.maybe_time("read_at")?,
            decision,
        })
    }
}
