//! A repository as its host describes it.

use access::AccountId;
use serde::{Deserialize, Serialize};

/// To whom a host shows a repository's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Openness {
    /// To everybody.
    Public,
    /// To everybody who has an account there.
    Internal,
    /// To those it names.
    Private,
}

/// Who may read a repository, where the list of repositories says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readers {
    /// It does not say it.
    #[default]
    Unknown,
    /// These, all of them.
    All(Vec<String>),
    /// These and more, to be asked for from there on.
    Some(Vec<String>, String),
}

/// A repository as its host describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRepository {
    /// The identifier that is never given to another repository.
    pub id: String,
    /// How else the host wants it named in requests (a node id, a slug); empty where `id` will do.
    pub handle: String,
    /// Its name with its folders: `org/repo`.
    pub name: String,
    /// Where git fetches it: an address, or a path on this machine.
    pub clone_from: String,
    /// To whom it is open.
    pub openness: Openness,
    /// Whether it is a fork.
    pub fork: bool,
    /// Whether it was set to rest.
    pub archived: bool,
    /// What it takes at the host, in bytes, where it is told.
    pub size_bytes: Option<u64>,
    /// How many people starred it, where there are stars.
    pub n_stars: Option<u64>,
    /// What it says of itself.
    pub description: String,
    /// Who may read it, where the list says it.
    pub readers: Readers,
}

/// Longest name and identifier that are taken from a host, in bytes.
const NAME_BYTES_MAX: usize = 400;
/// Longest description; the rest is cut off.
const DESCRIPTION_CHARS_MAX: usize = 500;

impl HostRepository {
    /// Whether what the host says can be used, cut to size where it need not be exact.
    pub(crate) fn checked(mut self) -> Option<Self> {
        let fits = |text: &str| {
            !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
        };
        if !(fits(&self.id) && fits(&self.name) && fits(&self.clone_from)) {
            return None;
        }
        let description = self.description.chars().map(|c| if c.is_control() { ' ' } else { c });
        self.description = description.take(DESCRIPTION_CHARS_MAX).collect();
        Some(self)
    }
}

/// Reads account identifiers that a host wrote; one that is none makes the whole list unusable.
pub(crate) fn account_ids(texts: &[String]) -> Option<Vec<AccountId>> {
    texts.iter().map(|text| AccountId::new(text.as_str())).collect()
}
