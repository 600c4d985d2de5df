//! GitLab, Gitea and Gerrit.

use super::{Asked, HostWorld, StubPerson, StubRepository, Told, Visibility, page_of};
use serde_json::{Map, Value, json};

/// A list whose next page the `Link` header names.
fn linked<T>(
    endpoint: &'static str,
    asked: &Asked<'_>,
    items: &[T],
    size: usize,
    total: Option<&'static str>,
    render: impl Fn(&T) -> Value,
    wrap: impl Fn(Vec<Value>) -> Value,
) -> Told {
    let (page, next) = page_of(items, asked.number("page", 1), size, asked.is_loop);
    let mut told = Told::new(endpoint, wrap(page.iter().map(render).collect()));
    if let Some(next) = next {
        let link = format!("<{}>; rel=\"next\"", asked.url_with("page", &next.to_string()));
        told.headers.push(("link", link));
    }
    if let Some(total) = total {
        told.headers.push((total, items.len().to_string()));
    }
    told
}

pub(super) fn gitlab(world: &HostWorld, asked: &Asked<'_>) -> Option<Told> {
    let path = asked.path.strip_prefix("/api/v4")?;
    let size = asked.number("per_page", 20).min(100);
    let project = |repository: &&StubRepository| {
        json!({
            "id": repository.id,
            "path_with_namespace": repository.name,
            "http_url_to_repo": format!("{}/{}.git", asked.base, repository.name),
            "visibility": match repository.visibility {
                Visibility::Public => "public",
                Visibility::Internal => "internal",
                Visibility::Private => "private",
            },
            "repository_access_level": "enabled",
            "archived": repository.archived,
            "forked_from_project": repository.fork.then(|| json!({ "id": 1 })),
            "star_count": repository.n_stars,
            "statistics": { "repository_size": repository.size_bytes },
            "description": null,
        })
    };
    let simple =
        |repository: &&StubRepository| json!({ "id": repository.id, "path_with_namespace": repository.name });
    match path {
        "/user" => Some(Told::new("/user", json!({ "id": 1, "username": "admin", "is_admin": true }))),
        "/users" => Some(linked(
            "/users",
            asked,
            &world.people,
            size,
            None,
            |person: &StubPerson| {
                let state = if person.is_active { "active" } else { "blocked" };
                json!({ "id": person.id, "username": person.login, "state": state, "external": person.is_external })
            },
            Value::Array,
        )),
        "/projects" => match asked.query.get("sudo") {
            None => {
                let all: Vec<&StubRepository> = world.repositories.iter().collect();
                Some(linked("/projects", asked, &all, size, Some("x-total"), project, Value::Array))
            }
            Some(sudo) => {
                let person: u64 = sudo.parse().ok()?;
                world.people.iter().find(|known| known.id == person && known.is_active)?;
                let named = world.named_for(person);
                Some(linked("/projects?sudo", asked, &named, size, None, simple, Value::Array))
            }
        },
        _ => {
            let id: u64 = path.strip_prefix("/projects/")?.strip_suffix("/members/all")?.parse().ok()?;
            let repository = world.repositories.iter().find(|repository| repository.id == id)?;
            let readers: Vec<u64> = repository.readers.iter().copied().collect();
            let member = |id: &u64| json!({ "id": id, "access_level": 30, "state": "active" });
            Some(linked("/projects/{id}/members/all", asked, &readers, size, None, member, Value::Array))
        }
    }
}

pub(super) fn gitea(world: &HostWorld, asked: &Asked<'_>) -> Option<Told> {
    let path = asked.path.strip_prefix("/api/v1")?;
    let size = asked.number("limit", 30).min(50);
    let total = Some("x-total-count");
    let render = |repository: &&StubRepository| {
        json!({
            "id": repository.id,
            "full_name": repository.name,
            "clone_url": format!("{}/{}.git", asked.base, repository.name),
            "private": repository.visibility == Visibility::Private,
            "internal": repository.visibility == Visibility::Internal,
            "fork": repository.fork,
            "archived": repository.archived,
            "size": repository.size_bytes / 1024,
            "stars_count": repository.n_stars,
            "description": "",
        })
    };
    let found = |values: Vec<Value>| json!({ "ok": true, "data": values });
    match path {
        "/user" => Some(Told::new("/user", json!({ "id": 1, "login": "admin", "is_admin": true }))),
        "/admin/users" => Some(linked(
            "/admin/users",
            asked,
            &world.people,
            size,
            total,
            |person: &StubPerson| {
                json!({
                    "id": person.id, "login": person.login, "active": person.is_active, "prohibit_login": false,
                    "restricted": person.is_external,
                })
            },
            Value::Array,
        )),
        "/repos/search" => match asked.header("sudo") {
            None => {
                let all: Vec<&StubRepository> = world.repositories.iter().collect();
                Some(linked("/repos/search", asked, &all, size, total, render, found))
            }
            Some(login) => {
                let person = world.by_login(login).filter(|person| person.is_active)?;
                let is_private = |repository: &&StubRepository| repository.visibility == Visibility::Private;
                let named: Vec<_> = world.named_for(person.id).into_iter().filter(is_private).collect();
                Some(linked("/repos/search (sudo)", asked, &named, size, total, render, found))
            }
        },
        _ => None,
    }
}

pub(super) fn gerrit(world: &HostWorld, asked: &Asked<'_>) -> Option<Told> {
    let (n, skipped) = (asked.number("n", 500), asked.number("S", 0));
    let told = |endpoint, json| Some(Told { prefix: ")]}'\n", ..Told::new(endpoint, json) });
    match asked.path {
        "/a/accounts/self" => told("/accounts/self", json!({ "_account_id": 1, "username": "admin" })),
        "/a/accounts/self/capabilities" => told("/accounts/self/capabilities", json!({ "runAs": true })),
        "/a/accounts/" => {
            let active: Vec<&StubPerson> = world.people.iter().filter(|person| person.is_active).collect();
            let (from, to) = range(skipped, n.min(500), active.len(), asked);
            let mut accounts: Vec<Value> = active[from..to]
                .iter()
                .map(|person| json!({ "_account_id": person.id, "username": person.login }))
                .collect();
            if to < active.len()
                && let Some(last) = accounts.last_mut()
            {
                last["_more_accounts"] = Value::Bool(true);
            }
            told("/accounts/", Value::Array(accounts))
        }
        "/a/projects/" => {
            let (endpoint, shown) = match asked.header("x-gerrit-runas") {
                None => ("/projects/", world.repositories.iter().collect()),
                Some(account) => ("/projects/ (run as)", seen_by(world, account.parse().ok()?)?),
            };
            let (from, to) = range(skipped, n, shown.len(), asked);
            let mut projects = Map::new();
            for repository in &shown[from..to] {
                let state = if repository.archived { "READ_ONLY" } else { "ACTIVE" };
                projects.insert(repository.name.clone(), json!({ "id": repository.name, "state": state }));
            }
            if to < shown.len()
                && let Some((_, last)) = projects.iter_mut().next_back()
            {
                last["_more_projects"] = Value::Bool(true);
            }
            told(endpoint, Value::Object(projects))
        }
        _ => None,
    }
}

fn seen_by(world: &HostWorld, person: u64) -> Option<Vec<&StubRepository>> {
    world.people.iter().find(|known| known.id == person && known.is_active)?;
    let open = world.repositories.iter().filter(|repository| repository.visibility != Visibility::Private);
    Some(world.named_for(person).into_iter().chain(open).collect())
}

fn range(skipped: usize, n: usize, len: usize, asked: &Asked<'_>) -> (usize, usize) {
    let from = if asked.is_loop { 0 } else { skipped.min(len) };
    (from, (from + n).min(len))
}
