//! Bitbucket Cloud and Bitbucket Data Center.

use super::{Asked, HostWorld, StubRepository, Told, Visibility, page_of};
use serde_json::{Value, json};

fn uuid(id: u64) -> String {
    format!("{{00000000-0000-4000-8000-{id:012}}}")
}

pub(super) fn cloud(world: &HostWorld, asked: &Asked<'_>) -> Option<Told> {
    let size = asked.number("pagelen", 10).min(100);
    let page = asked.number("page", 1);
    let list = |endpoint, values: Vec<Value>, next: Option<usize>, total: Option<usize>| {
        let next = next.map(|next| asked.url_with("page", &next.to_string()));
        let mut list = json!({ "pagelen": size, "page": page, "values": values });
        for (key, value) in [("next", next.map(Value::from)), ("size", total.map(Value::from))] {
            if let Some(value) = value {
                list[key] = value;
            }
        }
        Told::new(endpoint, list)
    };
    match asked.path.strip_prefix("/2.0")? {
        "/workspaces/acme" => Some(Told::new("/workspaces/{workspace}", json!({ "slug": "acme" }))),
        "/repositories/acme" => {
            let (some, next) = page_of(&world.repositories, page, size, asked.is_loop);
            let values = some.iter().map(|repository| cloud_repository(repository, asked)).collect();
            Some(list("/repositories/{workspace}", values, next, Some(world.repositories.len())))
        }
        "/workspaces/acme/permissions/repositories" => {
            let pairs = world
                .repositories
                .iter()
                .flat_map(|repository| repository.readers.iter().map(move |reader| (repository.id, *reader)));
            let from = (page - 1) * size;
            // One more than a page, to know whether there is a next one.
            let some: Vec<(u64, u64)> = pairs.skip(from).take(size + 1).collect();
            let next = (some.len() > size).then_some(if asked.is_loop { 1 } else { page + 1 });
            let values = some.iter().take(size).map(|(repository, reader)| {
                json!({
                    "permission": "read",
                    "user": { "type": "user", "uuid": uuid(*reader) },
                    "repository": { "uuid": uuid(*repository) },
                })
            });
            Some(list("/workspaces/{workspace}/permissions/repositories", values.collect(), next, None))
        }
        _ => None,
    }
}

fn cloud_repository(repository: &StubRepository, asked: &Asked<'_>) -> Value {
    let host = asked.base.trim_start_matches("http://");
    json!({
        "uuid": uuid(repository.id),
        "full_name": repository.name,
        "is_private": repository.visibility != Visibility::Public,
        "size": repository.size_bytes,
        "description": "",
        "parent": repository.fork.then(|| json!({ "full_name": "x/y" })),
        "links": { "clone": [
            { "name": "ssh", "href": "git@bitbucket.org:x.git" },
            { "name": "https", "href": format!("http://somebody@{host}/{}.git", repository.name) },
        ] },
    })
}

pub(super) fn server(world: &HostWorld, asked: &Asked<'_>) -> Option<Told> {
    let (limit, start) = (asked.number("limit", 25).min(1000), asked.number("start", 0));
    let list = |endpoint, len: usize, values: Vec<Value>| {
        let next = start + values.len();
        let is_last = next >= len;
        let next = if asked.is_loop { 0 } else { next };
        let mut told = Told::new(
            endpoint,
            json!({
                "size": values.len(), "limit": limit, "start": start, "isLastPage": is_last,
                "nextPageStart": (!is_last).then_some(next), "values": values,
            }),
        );
        told.headers.push(("x-ausername", "admin".to_owned()));
        told
    };
    match asked.path.strip_prefix("/rest/api/1.0")? {
        "/repos" => {
            let some = world.repositories.iter().skip(start).take(limit);
            let values = some.map(|repository| server_repository(repository, asked)).collect();
            Some(list("/repos", world.repositories.len(), values))
        }
        "/users" => {
            asked.query.get("permission.1").filter(|permission| *permission == "REPO_READ")?;
            let id: u64 = asked.query.get("permission.1.repositoryId")?.parse().ok()?;
            let repository = world.repository_by_id(id)?;
            let some = repository.readers.iter().skip(start).take(limit);
            let person = |id: &u64| world.people.iter().find(|person| person.id == *id);
            let values = some.filter_map(person).map(|person| {
                json!({ "id": person.id, "name": person.login, "slug": person.login, "active": person.is_active })
            });
            Some(list("/users?permission", repository.readers.len(), values.collect()))
        }
        _ => None,
    }
}

fn server_repository(repository: &StubRepository, asked: &Asked<'_>) -> Value {
    let (project, slug) = repository.name.split_once('/').unwrap_or(("none", &repository.name));
    json!({
        "id": repository.id,
        "slug": slug,
        "project": { "key": project.to_uppercase(), "id": 1, "public": false },
        "public": repository.visibility == Visibility::Public,
        "archived": repository.archived,
        "origin": repository.fork.then(|| json!({ "id": 1 })),
        "links": { "clone": [
            { "name": "http", "href": format!("{}/scm/{project}/{slug}.git", asked.base) },
        ] },
    })
}
