//! Azure DevOps: every repository with an access control list of its own that names its readers through a group.

use super::{Asked, HostWorld, StubRepository, Told, Visibility};
use serde_json::{Map, Value, json};

const PROJECT: &str = "6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c";

fn person(id: u64) -> String {
    format!("10000000-0000-4000-8000-{id:012}")
}

fn repository_id(id: u64) -> String {
    format!("20000000-0000-4000-8000-{id:012}")
}

/// As an administrator would set it up: one group for everybody who reads the same repositories by name; here one per
/// repository that has more than one reader.
fn group(id: u64) -> String {
    format!("Microsoft.TeamFoundation.Identity;S-1-9-{id}")
}

fn descriptor(id: u64) -> String {
    format!("Microsoft.IdentityModel.Claims.ClaimsIdentity;acme\\{id}")
}

pub(super) fn answer(world: &HostWorld, asked: &Asked<'_>) -> Option<Told> {
    let list = |endpoint, values: Vec<Value>| {
        Some(Told::new(endpoint, json!({ "count": values.len(), "value": values })))
    };
    match asked.path.strip_prefix("/acme/_apis")? {
        "/connectionData" => {
            let user = json!({ "providerDisplayName": "admin" });
            Some(Told::new("/connectionData", json!({ "authenticatedUser": user })))
        }
        "/git/repositories" => {
            let values = world.repositories.iter().map(|repository| described(repository, asked));
            list("/git/repositories", values.collect())
        }
        "/accesscontrollists/2e9eb7ed-3c0a-47d4-87c1-0ffdd275fd87" => {
            let mut acls =
                vec![json!({ "inheritPermissions": true, "token": "repoV2", "acesDictionary": {} })];
            acls.extend(world.repositories.iter().map(acl));
            list("/accesscontrollists/{namespace}", acls)
        }
        "/identities" => {
            let values: Vec<Option<Value>> = match asked.query.get("descriptors") {
                Some(wanted) => wanted.split(',').map(|descriptor| identity(world, descriptor)).collect(),
                None => {
                    asked.query.get("identityIds")?.split(',').map(|id| person_by_id(world, id)).collect()
                }
            };
            list("/identities", values.into_iter().map(|value| value.unwrap_or(Value::Null)).collect())
        }
        _ => None,
    }
}

fn described(repository: &StubRepository, asked: &Asked<'_>) -> Value {
    let is_public = repository.visibility == Visibility::Public;
    json!({
        "id": repository_id(repository.id),
        "name": repository.name.replace('/', "-"),
        "project": { "id": PROJECT, "name": "acme", "visibility": if is_public { "public" } else { "private" } },
        "remoteUrl": format!("{}/acme/_git/{}", asked.base, repository.name.replace('/', "-")),
        "size": repository.size_bytes,
        "isFork": repository.fork,
        "isDisabled": false,
    })
}

fn acl(repository: &StubRepository) -> Value {
    let mut aces = Map::new();
    let mut readers = repository.readers.iter();
    if let (Some(first), None) = (readers.next(), readers.next()) {
        aces.insert(descriptor(*first), json!({ "descriptor": descriptor(*first), "allow": 2, "deny": 0 }));
    } else if !repository.readers.is_empty() {
        aces.insert(
            group(repository.id),
            json!({ "descriptor": group(repository.id), "allow": 16518, "deny": 0 }),
        );
    }
    let token = format!("repoV2/{PROJECT}/{}", repository_id(repository.id));
    json!({ "inheritPermissions": true, "token": token, "acesDictionary": aces })
}

fn identity(world: &HostWorld, descriptor: &str) -> Option<Value> {
    if let Some(id) = descriptor.strip_prefix("Microsoft.TeamFoundation.Identity;S-1-9-") {
        let id: u64 = id.parse().ok()?;
        let repository = world.repository_by_id(id)?;
        let members: Vec<String> = repository.readers.iter().map(|id| person(*id)).collect();
        return Some(json!({
            "id": format!("30000000-0000-4000-8000-{id:012}"), "descriptor": descriptor, "isContainer": true,
            "isActive": true, "memberIds": members,
        }));
    }
    let id: u64 = descriptor.rsplit_once('\\')?.1.parse().ok()?;
    person_by_id(world, &person(id))
}

fn person_by_id(world: &HostWorld, id: &str) -> Option<Value> {
    let number: u64 = id.rsplit_once('-')?.1.parse().ok()?;
    let known = world.person_by_id(number)?;
    Some(json!({
        "id": id, "descriptor": descriptor(number), "isContainer": false, "isActive": known.is_active,
    }))
}
