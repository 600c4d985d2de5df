//! API tokens.

use crate::audit_objects;
use crate::database::{Row, values};
use crate::sessions::USE_RESOLUTION;
use crate::{Fault, Recognized, Store, Timestamp, User, access_facts};
use access::audit::{Act, Entry, Object};
use access::{Actor, Caller, RepoScope, Scope, Token, TokenId, Via};
use model::{RepoId, UserId};

/// Longest label.
const LABEL_CHARS_MAX: usize = 100;
/// Most networks a scope can name.
const N_ADDRESSES_MAX: usize = 50;
/// Most valid tokens of one account.
const N_TOKENS_MAX: i64 = 200;
/// Most repositories a scope can name.
const N_REPOS_MAX: usize = 1000;

/// A token to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Whose rights it carries.
    pub user: UserId,
    /// What its owner calls it; at most 100 characters, may be empty.
    pub label: String,
    /// How far it narrows those rights.
    pub scope: Scope,
}

/// What is known of a token: not the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its public name.
    pub id: TokenId,
    /// Whose rights it carries.
    pub user: UserId,
    /// What its owner calls it.
    pub label: String,
    /// How far it narrows those rights.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it is revoked, if so.
    pub revoked_at: Option<Timestamp>,
}

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CreateTokenError {
    /// There is no such account, or it is shut.
    #[error("there is no such account, or it is disabled")]
    UnknownUser,
    /// The label is too long or does not print.
    #[error("the label of a token must be at most 100 characters, without control characters")]
    BadLabel,
    /// It would never be valid.
    #[error("the token would expire before it could be used: give it a later expiry")]
    Expired,
    /// The scope names more networks than a token keeps.
    #[error("a token can name at most {n_addresses_max} networks: name larger ones")]
    TooManyAddresses {
        /// The most.
        n_addresses_max: usize,
    },
    /// The account has enough.
    #[error("an account can have at most {n_tokens_max} valid tokens: revoke one first")]
    TooMany {
        /// The most.
        n_tokens_max: i64,
    },
    /// The scope names more repositories than a token keeps.
    #[error("a token can name at most {n_repos_max} repositories: leave them out to mean all")]
    TooManyRepositories {
        /// The most.
        n_repos_max: usize,
    },
    /// The database or the machine failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Makes a token. The secret is returned this once.
    pub async fn create_token(&self, new: NewToken) -> Result<(Token, TokenInfo), CreateTokenError> {
        const INSERT: &str = "INSERT INTO tokens (id, digest, user_id, label, repos, verbs, expires_at, created_at, \
             addresses) SELECT $1, $2, id, $4, $5, $6, $7, $8, $9 FROM users WHERE id = $3 AND disabled_at IS NULL";
        let now = self.now();
        check(&new, now)?;
        let token = Token::mint(self.randomness()).map_err(Fault::from)?;
        let id = TokenId::draw(self.randomness()).map_err(Fault::from)?;
        let verbs = new.scope.verbs.to_string();
        let columns = values![
            &id.0,
            token.digest(),
            new.user,
            &new.label,
            repos_as_stored(&new.scope.repos),
            verbs,
            new.scope.expires_at,
            now,
            addresses_as_stored(&new.scope)
        ];
        const COUNT: &str = "SELECT COUNT(*) AS n FROM tokens WHERE user_id = $1 AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $2)";
        let mut transaction = self.database().begin().await?;
        let counted = transaction.row(COUNT, values![new.user, now]).await?;
        if counted.map_or(Ok(0), |row| row.int("n"))? >= N_TOKENS_MAX {
            return Err(CreateTokenError::TooMany { n_tokens_max: N_TOKENS_MAX });
        }
        if transaction.execute(INSERT, columns).await? == 0 {
            return Err(CreateTokenError::UnknownUser);
        }
        let owner = audit_objects::user_name(&mut transaction, new.user).await?;
        let entry = Entry::new(Act::CreateToken, Object::new("token", &id, &new.label));
        let entry = entry.detail("account", owner).detail("scope", describe(&new.scope));
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        let NewToken { user, label, scope } = new;
        let info =
            TokenInfo { id, user, label, scope, created_at: now, last_used_at: None, revoked_at: None };
        Ok((token, info))
    }

    /// Who is calling with this token; `None` if it is unknown, revoked or expired, or its account is shut. Counts as use.
    pub async fn actor_by_token(&self, token: &Token) -> Result<Option<Actor>, Fault> {
        Ok(self.recognize_token(token).await?.map(|recognized| recognized.actor))
    }

    /// The caller a token stands for, with the epoch of that moment, and notes that it was used.
    pub async fn recognize_token(&self, token: &Token) -> Result<Option<Recognized>, Fault> {
        const FIND: &str = "SELECT tokens.id AS token_id, repos, verbs, expires_at, addresses, last_used_at, users.id AS id, name, \
             role, disabled_at, users.created_at AS created_at, (SELECT value FROM epoch WHERE id = 1) AS epoch FROM tokens JOIN users ON users.id = tokens.user_id \
             WHERE digest = $1 AND revoked_at IS NULL AND disabled_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $2)";
        let now = self.now();
        let row = self.database().row(FIND, values![token.digest(), now]).await?;
        let Some(row) = row else { return Ok(None) };
        let (user, scope) = (User::from_row(&row)?, scope_from_row(&row)?);
        let token = TokenId(row.text("token_id")?);
        let last_used_at = row.maybe_time("last_used_at")?;
        if last_used_at.is_none_or(|last_used_at| now.since(last_used_at) >= USE_RESOLUTION) {
            self.touch("UPDATE tokens SET last_used_at = $2 WHERE id = $1", &token.0, now).await;
        }
        let via = Via::Token(token);
        let caller = Caller::User { id: user.id, name: user.name, role: user.role, via };
        access_facts::recognized(&row, Actor { caller, scope }).map(Some)
    }

    /// The account's tokens, the newest first; revoked ones too.
    pub async fn tokens_of(&self, user: UserId) -> Result<Vec<TokenInfo>, Fault> {
        const LIST: &str = "SELECT id, user_id, label, repos, verbs, expires_at, addresses, created_at, last_used_at, revoked_at \
             FROM tokens WHERE user_id = $1 ORDER BY created_at DESC, id";
        let rows = self.database().rows(LIST, values![user]).await?;
        rows.iter().map(TokenInfo::from_row).collect()
    }

    /// Revokes one token of an account. Raises the epoch. False if the account has no such valid token.
    pub async fn revoke_token(&self, user: UserId, token: &TokenId) -> Result<bool, Fault> {
        const REVOKE: &str =
            "UPDATE tokens SET revoked_at = $3 WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL";
        let owner = self.user(user).await?.map_or(String::new(), |user| user.name.to_string());
        let entry = Entry::new(Act::RevokeToken, Object::new("token", token, "")).detail("account", owner);
        Ok(self.revoke_with(REVOKE, values![user, &token.0, self.now()], entry).await? > 0)
    }
}

impl TokenInfo {
    fn from_row(row: &Row) -> Result<Self, Fault> {
        Ok(TokenInfo {
            id: TokenId(row.text("id")?),
            user: row.user_id("user_id")?,
            label: row.text("label")?,
            scope: scope_from_row(row)?,
            created_at: row.time("created_at")?,
            last_used_at: row.maybe_time("last_used_at")?,
            revoked_at: row.maybe_time("revoked_at")?,
        })
    }
}

fn check(new: &NewToken, now: Timestamp) -> Result<(), CreateTokenError> {
    if new.label.chars().count() > LABEL_CHARS_MAX || new.label.chars().any(char::is_control) {
        return Err(CreateTokenError::BadLabel);
    }
    if new.scope.is_expired(now) {
        return Err(CreateTokenError::Expired);
    }
    if new.scope.addresses.len() > N_ADDRESSES_MAX {
        return Err(CreateTokenError::TooManyAddresses { n_addresses_max: N_ADDRESSES_MAX });
    }
    match &new.scope.repos {
        RepoScope::Only(repos) if repos.len() > N_REPOS_MAX => {
            Err(CreateTokenError::TooManyRepositories { n_repos_max: N_REPOS_MAX })
        }
        _ => Ok(()),
    }
}

/// A scope in words for the audit log.
fn describe(scope: &Scope) -> String {
    let repos = match &scope.repos {
        RepoScope::All => "all repositories".to_owned(),
        RepoScope::Only(repos) => format!("{} repositories", repos.len()),
    };
    let until = scope.expires_at.map_or(String::new(), |at| format!(", until {}", at.0));
    let from = match &scope.addresses[..] {
        [] => String::new(),
        networks => {
            format!(", from {}", networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        }
    };
    format!("{repos}, {}{until}{from}", scope.verbs)
}

/// A JSON array of ids, or NULL for all: an empty array stays an empty array, and means none.
fn repos_as_stored(repos: &RepoScope) -> Option<String> {
    match repos {
        RepoScope::All => None,
        RepoScope::Only(repos) => Some(crate::database::int_list(repos.iter().map(|repo| i64::from(repo.0)))),
    }
}

/// A JSON array of networks, or NULL for anywhere.
fn addresses_as_stored(scope: &Scope) -> Option<String> {
    let networks: Vec<String> = scope.addresses.iter().map(ToString::to_string).collect();
    (!networks.is_empty()).then(|| serde_json::json!(networks).to_string())
}

fn scope_from_row(row: &Row) -> Result<Scope, Fault> {
    let impossible = |column| Fault::ImpossibleValue { column };
    let repos = match row.maybe_text("repos")? {
        None => RepoScope::All,
        Some(text) => {
            let ids: Vec<u32> = serde_json::from_str(&text).map_err(|_| impossible("repos"))?;
            RepoScope::Only(ids.into_iter().map(RepoId).collect())
        }
    };
    let verbs = row.text("verbs")?.parse().map_err(|_| impossible("verbs"))?;
    let addresses = match row.maybe_text("addresses")? {
        None => Vec::new(),
        Some(text) => {
            let networks: Vec<String> = serde_json::from_str(&text).map_err(|_| impossible("addresses"))?;
            let networks = networks.iter().map(|network| network.parse());
            networks.collect::<Result<_, _>>().map_err(|_| impossible("addresses"))?
        }
    };
    Ok(Scope { repos, verbs, expires_at: row.maybe_time("expires_at")?, addresses })
}
