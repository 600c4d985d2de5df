//! Rules that leave only some paths of a repository readable.

use crate::access_facts::raise_epoch;
use crate::audit_objects;
use crate::database::{Transaction, values};
use crate::groups::{GroupName, group_id};
use crate::{Fault, Store};
use access::audit::{Act, Entry};
use model::{PathRule, PathRules, RepoId, UserId};
use owners::{Glob, GlobStyle};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most rules of one list.
const N_RULES_MAX: usize = 1000;

/// Whom a list of rules is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesFor {
    /// One account. Where it has a list of its own, no other one counts for it.
    User(UserId),
    /// The members of a group; who is in several may read what any of their lists allows.
    Group(GroupName),
    /// Whoever has neither.
    Everyone,
}

/// A list of rules could not be set.
#[derive(Debug, thiserror::Error)]
pub enum PathRulesError {
    /// Too many.
    #[error("a list holds at most {n_max} rules: join some with wider globs")]
    TooMany {
        /// The most.
        n_max: usize,
    },
    /// A glob that cannot be stored.
    #[error("rule {number} is no glob: {reason}")]
    BadRule {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The repository, account or group does not exist.
    #[error("there is no such repository, account or group")]
    Unknown,
    /// One would read more by it, and there is somebody else to ask.
    #[error(
        "nobody changes the rules that hold for themselves: ask somebody else who looks after permissions"
    )]
    Own,
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Replaces the list that somebody's reading of a repository is narrowed by; `None` lifts it. Raises the epoch if
    /// something changed.
    pub async fn set_path_rules(
        &self,
        repo: RepoId,
        who: &RulesFor,
        rules: Option<&[PathRule]>,
    ) -> Result<bool, PathRulesError> {
        rules.map_or(Ok(()), check_path_rules)?;
        let mut transaction = self.database().begin().await?;
        raise_epoch(&mut transaction).await?;
        let (user, group) = columns_of(&mut transaction, who).await?;
        if self.changes_own_rules(&mut transaction, user, group).await? {
            return Err(PathRulesError::Own);
        }
        let text = rules
            .map(|rules| serde_json::Value::from_iter(rules.iter().map(PathRule::to_string)).to_string());
        let before = "SELECT rules FROM path_rules WHERE repo_id = $1 AND COALESCE(user_id, 0) = $2 \
             AND COALESCE(group_id, 0) = $3";
        let key = values![repo, user.unwrap_or(0), group.unwrap_or(0)];
        let known = transaction.row(before, key.clone()).await?.map(|row| row.text("rules")).transpose()?;
        if known == text {
            return Ok(false);
        }
        let delete = "DELETE FROM path_rules WHERE repo_id = $1 AND COALESCE(user_id, 0) = $2 \
             AND COALESCE(group_id, 0) = $3";
        transaction.execute(delete, key).await?;
        let shown = text.clone().unwrap_or_default();
        if let Some(text) = text {
            const INSERT: &str = "INSERT INTO path_rules (repo_id, user_id, group_id, rules, changed_at) \
                 VALUES ($1, $2, $3, $4, $5)";
            match transaction.execute(INSERT, values![repo, user, group, text, self.now()]).await {
                Err(fault) if fault.is_dangling_reference() => return Err(PathRulesError::Unknown),
                done => done?,
            };
        }
        let entry = Entry::new(Act::ChangeRules, audit_objects::repository(&mut transaction, repo).await?);
        let for_whom = match (user, who) {
            (Some(user), _) => audit_objects::user_name(&mut transaction, UserId(user)).await?,
            (None, who) => format!("{who:?}"),
        };
        let entry = entry.detail("for", for_whom).detail("rules", shown);
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await.map_err(|fault| match fault.is_dangling_reference() {
            true => PathRulesError::Unknown,
            false => fault.into(),
        })?;
        Ok(true)
    }

    /// Whether a list holds, or may hold, for whoever changes it, although they could ask somebody else.
    async fn changes_own_rules(
        &self,
        transaction: &mut Transaction,
        user: Option<i64>,
        group: Option<i64>,
    ) -> Result<bool, Fault> {
        const IN_IT: &str = "SELECT 1 AS one FROM group_members WHERE group_id = $1 AND user_id = $2";
        let Some(own) = self.origin().user_id() else { return Ok(false) };
        let is_own = match (user, group) {
            (Some(user), _) => user == own.0,
            (None, Some(group)) => transaction.row(IN_IT, values![group, own]).await?.is_some(),
            (None, None) => true,
        };
        Ok(is_own && self.is_own_and_others_could(transaction, own).await?)
    }

    /// The list that holds for somebody and a repository, if one is set for exactly them.
    pub async fn path_rules_for(
        &self,
        repo: RepoId,
        who: &RulesFor,
    ) -> Result<Option<Vec<PathRule>>, PathRulesError> {
        const FIND: &str = "SELECT rules FROM path_rules WHERE repo_id = $1 AND COALESCE(user_id, 0) = $2 \
             AND COALESCE(group_id, 0) = $3";
        let mut snapshot = self.database().snapshot().await?;
        let (user, group) = columns_of(&mut snapshot, who).await?;
        let row = snapshot.row(FIND, values![repo, user.unwrap_or(0), group.unwrap_or(0)]).await?;
        Ok(row.map(|row| parse(&row.text("rules")?)).transpose()?)
    }

    /// The lists that narrow what an account reads of a repository, with whom each is for; none where it reads all of it.
    pub async fn rules_over(&self, user: UserId, repo: RepoId) -> Result<Option<PathRules>, Fault> {
        let mut snapshot = self.database().snapshot().await?;
        let rules = of_user(&mut snapshot, user).await?.remove(&repo);
        Ok(rules.map(|rules| (*rules).clone()))
    }

    /// The lists of a repository. SECURITY: for those who look after permissions; they tell names of accounts and groups.
    pub async fn path_rules(&self, repo: RepoId) -> Result<Vec<(RulesFor, Vec<PathRule>)>, Fault> {
        const LISTS: &str = "SELECT user_id, user_groups.name AS group_name, rules FROM path_rules \
             LEFT JOIN user_groups ON user_groups.id = group_id WHERE repo_id = $1 ORDER BY user_id, group_name";
        let rows = self.database().rows(LISTS, values![repo]).await?;
        let list = |row: &crate::database::Row| {
            let who = match (row.maybe_int("user_id")?, row.maybe_text("group_name")?) {
                (Some(user), _) => RulesFor::User(UserId(user)),
                (None, Some(group)) => RulesFor::Group(GroupName::of_stored(group)),
                (None, None) => RulesFor::Everyone,
            };
            Ok((who, parse(&row.text("rules")?)?))
        };
        rows.iter().map(list).collect()
    }
}

/// The rules that narrow what an account reads, by repository.
pub(crate) async fn of_user(
    snapshot: &mut Transaction,
    user: UserId,
) -> Result<BTreeMap<RepoId, Arc<PathRules>>, Fault> {
    const RULES: &str = "SELECT repo_id, CAST(1 AS BIGINT) AS rank, rules FROM path_rules WHERE user_id = $1 \
         UNION ALL SELECT repo_id, CAST(2 AS BIGINT) AS rank, rules FROM group_members \
         JOIN path_rules ON path_rules.group_id = group_members.group_id WHERE group_members.user_id = $1 \
         UNION ALL SELECT repo_id, CAST(3 AS BIGINT) AS rank, rules FROM path_rules \
         WHERE user_id IS NULL AND group_id IS NULL";
    let mut nearest: BTreeMap<RepoId, (i64, Vec<Vec<PathRule>>)> = BTreeMap::new();
    for row in snapshot.rows(RULES, values![user]).await? {
        let (rank, rules) = (row.int("rank")?, parse(&row.text("rules")?)?);
        let known = nearest.entry(row.repo_id("repo_id")?).or_insert((rank, Vec::new()));
        if rank < known.0 {
            *known = (rank, Vec::new());
        }
        if rank == known.0 {
            known.1.push(rules);
        }
    }
    Ok(nearest.into_iter().map(|(repo, (_, lists))| (repo, Arc::new(PathRules::new(lists)))).collect())
}

/// Whether these rules can be set: how many they are, and that each is a glob.
pub fn check_path_rules(rules: &[PathRule]) -> Result<(), PathRulesError> {
    if rules.len() > N_RULES_MAX {
        return Err(PathRulesError::TooMany { n_max: N_RULES_MAX });
    }
    for (rule, number) in rules.iter().zip(1..) {
        let reason = match Glob::new(&rule.glob, GlobStyle::GitHub) {
            Err(error) => error.to_string(),
            Ok(_) if rule.glob.contains('\0') => "it holds a NUL".to_owned(),
            Ok(_) => continue,
        };
        return Err(PathRulesError::BadRule { number, reason });
    }
    Ok(())
}

fn parse(text: &str) -> Result<Vec<PathRule>, Fault> {
    let rules: Result<Vec<String>, _> = serde_json::from_str(text);
    let rules = rules.map_err(|_| Fault::ImpossibleValue { column: "rules" })?;
    Ok(rules.iter().map(|rule| PathRule::parse(rule)).collect())
}

async fn columns_of(
    transaction: &mut Transaction,
    who: &RulesFor,
) -> Result<(Option<i64>, Option<i64>), PathRulesError> {
    Ok(match who {
        RulesFor::User(user) => (Some(user.0), None),
        RulesFor::Group(name) => {
            (None, Some(group_id(transaction, name).await?.ok_or(PathRulesError::Unknown)?))
        }
        RulesFor::Everyone => (None, None),
    })
}
