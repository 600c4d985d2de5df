//! What is said of a repository beside its name, and changing it.

use crate::database::{Row, Transaction, values};
use crate::repository::select_repositories;
use crate::{Fault, Maintenance, Repository, Store, Visibility};
use access::audit::{Act, Entry, Object};
use model::RepoId;
use std::collections::BTreeMap;

/// Longest description that is kept.
const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Most topics of one repository.
const N_TOPICS_MAX: usize = 100;
/// Most keys of one repository.
const N_KEYS_MAX: usize = 200;
/// Longest topic or key.
const WORD_CHARS_MAX: usize = 100;
/// Longest value of a key.
const VALUE_CHARS_MAX: usize = 500;

/// What is said of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// What was said of it here, or else what its source says; empty where nobody said anything.
    pub description: String,
    /// Its topics, sorted, each once.
    pub topics: Vec<String>,
    /// Its keys; the value is empty where a key has none.
    pub metadata: BTreeMap<String, String>,
}

/// What to change of what is said of a repository. What is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AboutChange {
    /// A new description; `Some(None)` gives way to what the source says.
    pub description: Option<Option<String>>,
    /// All of its topics.
    pub topics: Option<Vec<String>>,
    /// Keys to set, with their values (empty for none), and, with `None`, keys to take away.
    pub metadata: BTreeMap<String, Option<String>>,
    /// What `visibility:` finds it under.
    pub visibility: Option<Visibility>,
    /// Whether it is a fork.
    pub fork: Option<bool>,
    /// Whether its owner set it to rest.
    pub archived: Option<bool>,
}

/// What is said of a repository could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeAboutError {
    /// There is no such repository.
    #[error("there is no such repository")]
    Unknown,
    /// The description is too long.
    #[error("a description has at most {n_chars_max} characters: shorten it")]
    DescriptionTooLong {
        /// The most.
        n_chars_max: usize,
    },
    /// A topic or a key is not a word.
    #[error(
        "'{word}' cannot be a {what}: use 1 to {n_chars_max} characters without spaces, quotes, parentheses and colons"
    )]
    BadWord {
        /// `topic` or `key`.
        what: &'static str,
        /// The refused word, cut, control characters replaced.
        word: String,
        /// The most.
        n_chars_max: usize,
    },
    /// A value is too long or does not print.
    #[error("the value of '{key}' must have at most {n_chars_max} characters, on one line")]
    BadValue {
        /// Whose value.
        key: String,
        /// The most.
        n_chars_max: usize,
    },
    /// There are too many.
    #[error("a repository has at most {n_max} {what}: take some away first")]
    TooMany {
        /// `topics` or `keys`.
        what: &'static str,
        /// The most.
        n_max: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Store {
    /// Changes what is said of a repository. Whether the caller may is for the caller to know. Searches follow without
    /// indexing again. Returns the row as it is now.
    pub async fn change_about(
        &self,
        repo: RepoId,
        change: &AboutChange,
    ) -> Result<Repository, ChangeAboutError> {
        const SET: &str = "UPDATE repositories SET description = $2, topics = $3, metadata = $4, visibility = $5, \
             fork = $6, archived = $7 WHERE id = $1";
        let mut transaction = self.database().begin().await?;
        let (row, own_description) =
            locked(&mut transaction, repo).await?.ok_or(ChangeAboutError::Unknown)?;
        let description = match &change.description {
            Some(description) => description.as_deref().map(checked_description).transpose()?,
            None => own_description,
        };
        let topics = match &change.topics {
            Some(topics) => checked_topics(topics)?,
            None => row.about.topics.clone(),
        };
        let metadata = changed_metadata(row.about.metadata.clone(), &change.metadata)?;
        let columns = values![
            repo,
            description,
            serde_json::json!(topics).to_string(),
            serde_json::json!(metadata).to_string(),
            change.visibility.unwrap_or(row.visibility).as_stored(),
            change.fork.unwrap_or(row.fork),
            change.archived.unwrap_or(row.archived)
        ];
        transaction.execute(SET, columns).await?;
        let (row, _) = locked(&mut transaction, repo).await?.ok_or(ChangeAboutError::Unknown)?;
        let object = Object::new("repository", repo.0, row.name.as_str());
        let entry =
            Entry::new(Act::DescribeRepository, object).detail("visibility", row.visibility.as_stored());
        self.record_in(&mut transaction, entry).await?;
        transaction.commit().await?;
        Ok(row)
    }
}

impl Maintenance {
    /// Records how a repository's source describes it; cut to what is kept. False if it is gone or said so before.
    pub async fn set_source_description(&self, repo: RepoId, description: &str) -> Result<bool, Fault> {
        const SET: &str =
            "UPDATE repositories SET source_description = $2 WHERE id = $1 AND source_description <> $2";
        let description = one_line(description);
        Ok(self.store.database().execute(SET, values![repo, description]).await? > 0)
    }
}

impl About {
    pub(crate) fn from_row(row: &Row) -> Result<Self, Fault> {
        let impossible = |column| Fault::ImpossibleValue { column };
        let own = row.maybe_text("description")?;
        let topics = serde_json::from_str(&row.text("topics")?).map_err(|_| impossible("topics"))?;
        let metadata = serde_json::from_str(&row.text("metadata")?).map_err(|_| impossible("metadata"))?;
        let description = own.map_or_else(|| row.text("source_description"), Ok)?;
        Ok(About { description, topics, metadata })
    }
}

/// The row, held against other writers, and the description that was given here.
async fn locked(
    transaction: &mut Transaction,
    repo: RepoId,
) -> Result<Option<(Repository, Option<String>)>, Fault> {
    // A write that changes nothing takes the row's lock on every database.
    transaction.execute("UPDATE repositories SET name = name WHERE id = $1", values![repo]).await?;
    let row = transaction.row(select_repositories!("WHERE id = $1"), values![repo]).await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((Repository::from_row(&row)?, row.maybe_text("description")?)))
}

fn checked_description(text: &str) -> Result<String, ChangeAboutError> {
    match text.chars().count() > DESCRIPTION_CHARS_MAX {
        true => Err(ChangeAboutError::DescriptionTooLong { n_chars_max: DESCRIPTION_CHARS_MAX }),
        false => Ok(one_line(text)),
    }
}

/// White space joined, control characters gone, cut to what is kept.
fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(DESCRIPTION_CHARS_MAX).collect()
}

fn checked_topics(topics: &[String]) -> Result<Vec<String>, ChangeAboutError> {
    let mut checked =
        topics.iter().map(|topic| checked_word("topic", topic)).collect::<Result<Vec<_>, _>>()?;
    checked.sort_unstable();
    checked.dedup();
    match checked.len() > N_TOPICS_MAX {
        true => Err(ChangeAboutError::TooMany { what: "topics", n_max: N_TOPICS_MAX }),
        false => Ok(checked),
    }
}

fn changed_metadata(
    mut metadata: BTreeMap<String, String>,
    changes: &BTreeMap<String, Option<String>>,
) -> Result<BTreeMap<String, String>, ChangeAboutError> {
    for (key, value) in changes {
        let Some(value) = value else {
            metadata.remove(key);
            continue;
        };
        let key = checked_word("key", key)?;
        if value.chars().count() > VALUE_CHARS_MAX || value.chars().any(char::is_control) {
            return Err(ChangeAboutError::BadValue { key, n_chars_max: VALUE_CHARS_MAX });
        }
        metadata.insert(key, value.trim().to_owned());
    }
    match metadata.len() > N_KEYS_MAX {
        true => Err(ChangeAboutError::TooMany { what: "keys", n_max: N_KEYS_MAX }),
        false => Ok(metadata),
    }
}

/// What can be written into a predicate as it is.
fn checked_word(what: &'static str, word: &str) -> Result<String, ChangeAboutError> {
    let fits = |c: char| !c.is_whitespace() && !c.is_control() && !"\"'():,\\".contains(c);
    let trimmed = word.trim();
    let n_chars = trimmed.chars().count();
    if n_chars == 0 || n_chars > WORD_CHARS_MAX || !trimmed.chars().all(fits) {
        let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let word = word.chars().take(40).map(printable).collect();
        return Err(ChangeAboutError::BadWord { what, word, n_chars_max: WORD_CHARS_MAX });
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_be_asked_for() {
        for good in ["rust", "c++", "c#", "node.js", "über", "a/b", "team-1"] {
            assert_eq!(checked_word("topic", good).unwrap(), good);
        }
        for bad in ["", " ", "a b", "a:b", "a)", "\"a", "a\0", &"x".repeat(101)] {
            assert!(checked_word("topic", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn descriptions_are_one_line() {
        assert_eq!(one_line(" a\n\tb \u{1b}[2J c "), "a b [2J c");
    }
}
