//! Who may read which repository, from access control lists and memberships.
//!
//! The lists form three levels: all of git (`repoV2`), a project, a repository. For one person the most specific level that
//! says something about them or a group of theirs counts, and within a level a denial counts more than a permission.
//! <https://learn.microsoft.com/azure/devops/organizations/security/about-permissions>

use crate::connector::HostGrant;
use access::AccountId;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The bit "Read" (GenericRead) of the namespace.
const READ: u64 = 2;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Acl {
    token: String,
    #[serde(default = "yes")]
    inherit_permissions: bool,
    aces_dictionary: HashMap<String, Ace>,
}

#[derive(Deserialize)]
struct Ace {
    #[serde(default)]
    allow: u64,
    #[serde(default)]
    deny: u64,
}

fn yes() -> bool {
    true
}

/// A person or a group.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    id: String,
    descriptor: String,
    #[serde(default)]
    is_container: bool,
    #[serde(default = "yes")]
    is_active: bool,
    /// The numbers of all who are in it, through any number of groups.
    #[serde(default)]
    member_ids: Vec<String>,
}

/// What the lists say of reading, by level.
#[derive(Default)]
pub(super) struct Rights {
    levels: HashMap<String, Level>,
}

struct Level {
    inherits: bool,
    allowed: Vec<String>,
    denied: Vec<String>,
}

/// Whom a level lets read and whom not, as people.
#[derive(Default)]
struct People<'a> {
    inherits: bool,
    allowed: HashSet<&'a str>,
    denied: HashSet<&'a str>,
}

impl Rights {
    pub(super) fn new(acls: Vec<Acl>) -> Self {
        let mut levels = HashMap::new();
        for acl in acls {
            let holders = |bit: fn(&Ace) -> u64| {
                let aces = acl.aces_dictionary.iter().filter(move |(_, ace)| bit(ace) & READ != 0);
                aces.map(|(descriptor, _)| descriptor.clone()).collect::<Vec<_>>()
            };
            let (allowed, denied) = (holders(|ace| ace.allow), holders(|ace| ace.deny));
            // Tokens of branches lie below those of their repositories and say nothing of reading it.
            let token = acl.token.trim_end_matches('/').to_lowercase();
            if token.split('/').count() <= 3 {
                levels.insert(token, Level { inherits: acl.inherit_permissions, allowed, denied });
            }
        }
        Rights { levels }
    }

    /// Everybody who is named, to be asked for.
    pub(super) fn descriptors(&self) -> Vec<String> {
        let levels = self.levels.values();
        let named: BTreeSet<&String> =
            levels.flat_map(|level| level.allowed.iter().chain(&level.denied)).collect();
        named.into_iter().cloned().collect()
    }

    /// Who may read which of these repositories (project and repository).
    pub(super) fn grants(&self, places: &[(String, String)], identities: &[Identity]) -> Vec<HostGrant> {
        let by_descriptor: HashMap<&str, &Identity> =
            identities.iter().map(|identity| (identity.descriptor.as_str(), identity)).collect();
        let people = |descriptors: &[String]| -> HashSet<&str> {
            let named = descriptors.iter().filter_map(|descriptor| by_descriptor.get(descriptor.as_str()));
            named.flat_map(|identity| identity.people()).collect()
        };
        // An account that was closed is nobody, whatever groups still hold it; so is one that nothing is known of.
        let is_open = |identity: &&Identity| identity.is_active && !identity.is_container;
        let open: HashSet<&str> =
            identities.iter().filter(is_open).map(|identity| identity.id.as_str()).collect();
        let levels: HashMap<&str, People<'_>> = self
            .levels
            .iter()
            .map(|(token, level)| {
                let (allowed, denied) = (people(&level.allowed), people(&level.denied));
                (token.as_str(), People { inherits: level.inherits, allowed, denied })
            })
            .collect();
        let mut grants = Vec::new();
        for (project, repository) in places {
            let readers = readers_of(&levels, &project.to_lowercase(), &repository.to_lowercase());
            let readers = readers.into_iter().filter(|id| open.contains(id));
            grants.extend(readers.filter_map(|id| {
                Some(HostGrant { repository: repository.clone(), account: AccountId::new(id)? })
            }));
        }
        grants
    }
}

/// The members of groups that are not among the identities themselves.
pub(super) fn unknown_members(identities: &[Identity]) -> Vec<String> {
    let known: HashSet<&str> = identities.iter().map(|identity| identity.id.as_str()).collect();
    let members: BTreeSet<&String> = identities.iter().flat_map(|identity| &identity.member_ids).collect();
    members.into_iter().filter(|id| !known.contains(id.as_str())).cloned().collect()
}

impl Identity {
    fn people(&self) -> impl Iterator<Item = &str> {
        let own = (!self.is_container).then_some(self.id.as_str());
        let members: &[String] = if self.is_container { &self.member_ids } else { &[] };
        own.into_iter().chain(members.iter().map(String::as_str))
    }
}

fn readers_of<'a>(levels: &HashMap<&str, People<'a>>, project: &str, repository: &str) -> BTreeSet<&'a str> {
    let mut decided: BTreeMap<&'a str, bool> = BTreeMap::new();
    for token in [format!("repov2/{project}/{repository}"), format!("repov2/{project}"), "repov2".to_owned()]
    {
        let Some(level) = levels.get(token.as_str()) else { continue };
        for person in &level.denied {
            decided.entry(person).or_insert(false);
        }
        for person in &level.allowed {
            decided.entry(person).or_insert(true);
        }
        if !level.inherits {
            break;
        }
    }
    decided.into_iter().filter(|(_, may)| *may).map(|(person, _)| person).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn acl(token: &str, inherits: bool, aces: &[(&str, u64, u64)]) -> Acl {
        let aces: serde_json::Map<_, _> = aces
            .iter()
            .map(|(who, allow, deny)| ((*who).to_owned(), json!({ "allow": allow, "deny": deny })))
            .collect();
        serde_json::from_value(
            json!({ "token": token, "inheritPermissions": inherits, "acesDictionary": aces }),
        )
        .unwrap()
    }

    fn identities() -> Vec<Identity> {
        serde_json::from_value(json!([
            { "id": "g1", "descriptor": "G", "isContainer": true, "memberIds": ["a", "b", "c", "g2", "unknown"] },
            { "id": "g2", "descriptor": "H", "isContainer": true, "memberIds": ["c"] },
            { "id": "a", "descriptor": "A" },
            { "id": "b", "descriptor": "B" },
            { "id": "c", "descriptor": "C" },
            { "id": "d", "descriptor": "D", "isActive": false },
        ]))
        .unwrap()
    }

    fn check(acls: Vec<Acl>, expected: &[&str]) {
        let grants = Rights::new(acls).grants(&[("P".into(), "R".into())], &identities());
        let found: Vec<&str> = grants.iter().map(|grant| grant.account.as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_nearest_level_counts_and_within_it_a_denial() {
        check(vec![acl("repoV2", true, &[("G", 2, 0)])], &["a", "b", "c"]);
        check(vec![acl("repoV2", true, &[("G", 2, 0)]), acl("repoV2/P", true, &[("A", 0, 2)])], &["b", "c"]);
        check(vec![acl("repoV2/p", true, &[("G", 0, 2)]), acl("repoV2/P/R", true, &[("A", 2, 0)])], &["a"]);
        check(vec![acl("repoV2/P/R", true, &[("G", 2, 0), ("H", 0, 2)])], &["a", "b"]);
        check(vec![acl("repoV2", true, &[("G", 2, 0)]), acl("repoV2/P/R", false, &[])], &[]);
        check(vec![acl("repoV2", true, &[("G", 4, 0)])], &[]);
        check(vec![acl("repoV2/P/R", true, &[("D", 2, 0)])], &[]);
        check(vec![acl("repoV2/P/R/refs/heads/main", true, &[("A", 2, 0)])], &[]);
        check(vec![acl("repoV2/Other", true, &[("A", 2, 0)])], &[]);
    }
}
