//! GitHub: GraphQL for repositories and their collaborators, REST for the token's account.

use super::{Asked, HostWorld, StubRepository, Told, Visibility};
use serde_json::{Value, json};

pub(super) fn answer(world: &HostWorld, asked: &Asked<'_>) -> Option<Told> {
    match asked.path {
        "/api/v3/user" => {
            let mut told = Told::new("/user", json!({ "login": "admin", "id": 1 }));
            told.headers.push(("x-oauth-scopes", "repo, read:org".to_owned()));
            Some(told)
        }
        "/api/graphql" => {
            let body: Value = serde_json::from_slice(asked.body).ok()?;
            let variables = &body["variables"];
            match body["query"].as_str()?.contains("node(id:$id)") {
                false => Some(Told::new("/graphql repositories", listing(world, variables, asked))),
                true => Some(Told::new("/graphql collaborators", more(world, variables)?)),
            }
        }
        _ => None,
    }
}

fn listing(world: &HostWorld, variables: &Value, asked: &Asked<'_>) -> Value {
    let (n, m) = (size(&variables["n"]), size(&variables["m"]));
    let from = start(&variables["after"]);
    let to = (from + n).min(world.repositories.len());
    let nodes: Vec<Value> =
        world.repositories[from.min(to)..to].iter().map(|repository| node(repository, m, asked)).collect();
    let end = if asked.is_loop { 0 } else { to };
    json!({ "data": { "viewer": { "repositories": {
        "totalCount": world.repositories.len(),
        "pageInfo": { "hasNextPage": to < world.repositories.len(), "endCursor": format!("c{end}") },
        "nodes": nodes,
    } } } })
}

fn node(repository: &StubRepository, m: usize, asked: &Asked<'_>) -> Value {
    json!({
        "id": format!("R_{}", repository.id),
        "databaseId": repository.id,
        "nameWithOwner": repository.name,
        "url": format!("{}/{}", asked.base, repository.name),
        "visibility": match repository.visibility {
            Visibility::Public => "PUBLIC",
            Visibility::Internal => "INTERNAL",
            Visibility::Private => "PRIVATE",
        },
        "isFork": repository.fork,
        "isArchived": repository.archived,
        "diskUsage": repository.size_bytes / 1024,
        "stargazerCount": repository.n_stars,
        "description": null,
        "collaborators": collaborators(repository, 0, m),
    })
}

fn collaborators(repository: &StubRepository, from: usize, m: usize) -> Value {
    let all: Vec<u64> = repository.readers.iter().copied().collect();
    let to = (from + m).min(all.len());
    let nodes: Vec<Value> = all[from.min(to)..to].iter().map(|id| json!({ "databaseId": id })).collect();
    json!({ "pageInfo": { "hasNextPage": to < all.len(), "endCursor": format!("c{to}") }, "nodes": nodes })
}

fn more(world: &HostWorld, variables: &Value) -> Option<Value> {
    let id: u64 = variables["id"].as_str()?.strip_prefix("R_")?.parse().ok()?;
    let repository = world.repositories.iter().find(|repository| repository.id == id);
    let node = repository.map(|repository| {
        let list = collaborators(repository, start(&variables["after"]), size(&variables["m"]));
        json!({ "databaseId": id, "collaborators": list })
    });
    Some(json!({ "data": { "node": node } }))
}

fn size(value: &Value) -> usize {
    value.as_u64().map_or(30, |size| usize::try_from(size.min(100)).unwrap_or(100))
}

fn start(cursor: &Value) -> usize {
    cursor.as_str().and_then(|cursor| cursor.strip_prefix('c')?.parse().ok()).unwrap_or(0)
}
