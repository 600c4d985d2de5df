//! Search contexts, and what is said of repositories, over HTTP.

use crate::world::{Answer, Secret, Who, World, run, shared};
use axum::body::Body;
use serde_json::{Value, json};

async fn send(world: &World, who: Who, method: &str, target: &str, body: Value) -> Answer {
    let headers = [
        ("origin", "http://127.0.0.1:7080"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ];
    world.ask(who, method, target, &headers, Body::from(body.to_string())).await
}

/// The repositories and files that a query finds.
async fn found(world: &World, who: Who, query: &str) -> Vec<String> {
    let answer = world.api(who, &format!("/api/v1/search?q={}", query.replace(' ', "+"))).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let matches = answer.json()["matches"].as_array().expect("matches").clone();
    let mut found: Vec<String> = matches
        .iter()
        .map(|one| match one["path"].as_str() {
            Some(path) => format!("{}:{path}", one["repo"].as_str().unwrap_or_default()),
            None => one["repo"].as_str().unwrap_or_default().to_owned(),
        })
        .collect();
    found.sort();
    found
}

#[test]
fn a_context_is_made_used_changed_and_removed() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let new = json!({"name": "@bob/mine", "query": "repo:^app$ file:rs$", "description": "ours"});
        let made = send(&world, Who::Bob, "POST", "/api/v1/contexts", new.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert_eq!(made.json()["public"], false);
        assert_eq!(found(&world, Who::Bob, "context:@bob/mine needle").await, ["app:src/main.rs"]);
        let again = send(&world, Who::Bob, "POST", "/api/v1/contexts", new).await;
        assert_eq!(again.status, 409);
        assert!(again.text().contains("already"), "{}", again.text());
        let change =
            json!({"query": "", "repositories": [{"name": "app", "revisions": "main"}], "public": true});
        let changed = send(&world, Who::Bob, "PUT", "/api/v1/contexts/@bob/mine", change).await;
        assert_eq!(changed.json()["repositories"], json!([{"name": "app", "revisions": "main"}]));
        assert_eq!(found(&world, Who::Ada, "context:@bob/mine type:repo").await, ["app"]);
        let list = world.api(Who::Ada, "/api/v1/contexts").await.json();
        assert_eq!(list["contexts"][0]["editable"], false);
        let refused = send(&world, Who::Ada, "DELETE", "/api/v1/contexts/@bob/mine", Value::Null).await;
        assert_eq!(refused.status, 403);
        let gone = send(&world, Who::Bob, "DELETE", "/api/v1/contexts/@bob/mine", Value::Null).await;
        assert_eq!(gone.status, 204);
        let answer = world.api(Who::Bob, "/api/v1/search?q=context:@bob/mine").await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("unknown-context"), "{}", answer.text());
    });
}

#[test]
fn what_cannot_be_a_context_is_refused() {
    run(async {
        for (body, part) in [
            (json!({"name": "@bob/x", "query": "repo:app foo"}), "not-in-context"),
            (json!({"name": "@bob/x", "query": "repo:("}), "bad-regex"),
            (json!({"name": "@bob/x"}), "needs a query"),
            (json!({"name": "global", "query": "repo:a"}), "is called"),
            (json!({"name": "@bob/x", "repositories": [{"name": "app", "revisions": "-x"}]}), "revision"),
        ] {
            let answer = send(&shared(), Who::Bob, "POST", "/api/v1/contexts", body.clone()).await;
            assert_eq!(answer.status, 400, "{body}");
            assert!(answer.text().contains(part), "{body}: {}", answer.text());
        }
        let of_instance = json!({"name": "x", "query": "repo:a"});
        assert_eq!(send(&shared(), Who::Bob, "POST", "/api/v1/contexts", of_instance).await.status, 403);
    });
}

fn comparable(answer: &Answer) -> (u16, String) {
    let text = answer.text();
    let Some(start) = text.find("\"duration_us\":") else { return (answer.status.as_u16(), text) };
    let end = text[start..].find(',').map_or(text.len(), |at| start + at);
    (answer.status.as_u16(), format!("{}{}", &text[..start], &text[end..]))
}

/// Somebody else's private context, and hidden repositories in a public one, change no byte.
#[test]
fn contexts_tell_nothing_that_is_hidden() {
    run(async {
        let with = World::new(Secret::Exists).await;
        let without = World::new(Secret::DoesNotExist).await;
        let listing = |names: &[&str]| {
            let repositories: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"name": "@ada/both", "repositories": repositories, "public": true})
        };
        let private = json!({"name": "@ada/private", "query": "repo:a"});
        for (world, contexts) in
            [(&with, vec![listing(&["app", "vault"]), private]), (&without, vec![listing(&["app"])])]
        {
            for context in contexts {
                let made = send(world, Who::Ada, "POST", "/api/v1/contexts", context).await;
                assert_eq!(made.status, 201, "{}", made.text());
            }
        }
        for target in [
            "/contexts",
            "/contexts?edit=@ada/private",
            "/api/v1/contexts",
            "/api/v1/contexts?limit=1",
            "/api/v1/contexts/@ada/both",
            "/api/v1/contexts/@ada/private",
            "/api/v1/search?q=context:@ada/both",
            "/api/v1/search?q=context:@ada/both+needle+count:all",
            "/api/v1/search?q=context:@ada/private+needle",
            "/api/v1/search?q=NOT+(context:@ada/both)+needle",
            "/api/v1/complete?q=context:@a",
        ] {
            let (one, other) = (with.api(Who::Bob, target).await, without.api(Who::Bob, target).await);
            assert_eq!(comparable(&one), comparable(&other), "{target}");
        }
    });
}

#[test]
fn the_page_works_without_a_script() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let empty = world.get(Who::Bob, "/contexts").await.text();
        assert!(empty.contains("No search context yet"), "{empty}");
        let form = "name=%40bob%2Fmine&query=repo%3Aapp&repositories=app%40main%0D%0A&action=save";
        let saved = world.post(Who::Bob, "/contexts", form).await;
        assert_eq!((saved.status.as_u16(), saved.header("location")), (303, "/contexts"));
        let page = world.get(Who::Bob, "/contexts").await.text();
        assert!(page.contains("@bob/mine") && page.contains("1 repository"), "{page}");
        let taken = world.post(Who::Bob, "/contexts", "name=%40bob%2Fmine&query=repo%3Ax&action=save").await;
        assert_eq!(taken.status, 409);
        let taken = taken.text();
        assert!(taken.contains("id=\"context-name-fault\"") && taken.contains("aria-invalid"), "{taken}");
        let edit = world.get(Who::Bob, "/contexts?edit=@bob/mine").await.text();
        assert!(edit.contains("app@main"), "{edit}");
        let bad =
            world.post(Who::Bob, "/contexts", "name=%40bob%2Fmine&query=foo&exists=true&action=save").await;
        assert_eq!(bad.status, 400);
        assert!(bad.text().contains("role=\"alert\""), "{}", bad.text());
        let deleted = world.post(Who::Bob, "/contexts", "name=%40bob%2Fmine&exists=true&action=delete").await;
        assert_eq!(deleted.status, 303);
        assert!(world.get(Who::Bob, "/contexts").await.text().contains("No search context yet"));
    });
}

#[test]
fn what_is_wrong_stands_beside_its_field() {
    run(async {
        let world = shared();
        for (form, field) in [
            ("name=%40bob%2F&query=repo%3Ax", "name"),
            ("name=%40bob%2Fx&query=repo%3A(", "query"),
            ("name=%40bob%2Fx&repositories=vault", "repositories"),
            ("name=%40bob%2Fx&repositories=app%40-x", "repositories"),
        ] {
            let page = world.post(Who::Bob, "/contexts", &format!("{form}&action=save")).await;
            assert_eq!(page.status, 400, "{form}");
            let page = page.text();
            assert!(page.contains(&format!("id=\"context-{field}-fault\"")), "{form}: {page}");
            assert_eq!(page.matches("role=\"alert\"").count(), 1, "{form}: {page}");
        }
    });
}

/// Every way to ask knows what a context holds.
#[test]
fn contexts_are_known_to_every_kind_of_question() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let new = json!({"name": "@bob/mine", "query": "repo:^app$ file:rs$"});
        assert_eq!(send(&world, Who::Bob, "POST", "/api/v1/contexts", new).await.status, 201);
        for target in [
            "/api/v1/aggregate?by=repo&q=context:@bob/mine+needle",
            "/aggregate?by=repo&q=context:@bob/mine+needle",
            "/api/v1/repos/app/-/why/src/main.rs?q=context:@bob/mine+needle",
            "/why?repo=app&path=src/main.rs&q=context:@bob/mine+needle",
            "/search?q=context:@bob/mine+needle",
        ] {
            let answer = world.api(Who::Bob, target).await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
            assert!(!answer.text().contains("not evaluated"), "{target}: {}", answer.text());
            assert!(!answer.text().contains("no search context"), "{target}: {}", answer.text());
            let unknown = target.replace("mine", "other");
            let answer = world.api(Who::Bob, &unknown).await.text();
            assert!(answer.contains("here is no search context"), "{unknown}: {answer}");
        }
    });
}

/// Clients of other servers and programs learn that a context is not there, as they learn of any broken query.
#[test]
fn an_unknown_context_is_told_to_every_client() {
    run(async {
        let world = shared();
        let (_, bearer) = world.credentials(Who::BobsToken).expect("a token");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "search", "arguments": {"query": "context:nope needle"}}});
        for (method, target, body) in [
            ("GET", "/.api/search/stream?q=context:nope+needle", String::new()),
            ("POST", "/mcp", call.to_string()),
        ] {
            let answer = world.ask(Who::Stranger, method, target, &headers, Body::from(body)).await;
            assert!(answer.text().contains("here is no search context"), "{target}: {}", answer.text());
        }
    });
}

#[test]
fn what_is_said_of_a_repository_is_asked_for_at_once() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let said = json!({"description": "The app", "topics": ["web"], "metadata": {"team": "core"}, "archived": true});
        let changed = send(&world, Who::Ada, "PATCH", "/api/v1/repos/app", said).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(changed.json()["description"], "The app");
        assert_eq!(found(&world, Who::Bob, "repo:has.topic(web) archived:yes").await, ["app"]);
        assert_eq!(
            found(&world, Who::Bob, "repo:has.description(^the) repo:has.meta(team:core) archived:only")
                .await,
            ["app"]
        );
        assert_eq!(found(&world, Who::Bob, "repo:has.topic(web)").await, [""; 0]);
        assert!(world.get(Who::Bob, "/repos").await.text().contains("The app"));
        let undone = json!({"description": null, "metadata": {"team": null}});
        let changed = send(&world, Who::Ada, "PATCH", "/api/v1/repos/app", undone).await.json();
        assert_eq!((&changed["description"], &changed["metadata"]), (&json!(""), &json!({})));
        for (who, target, status) in [
            (Who::Bob, "/api/v1/repos/app", 403),
            (Who::Bob, "/api/v1/repos/vault", 404),
            (Who::Bob, "/api/v1/repos/nothing", 404),
        ] {
            let answer = send(&world, who, "PATCH", target, json!({"fork": true})).await;
            assert_eq!(answer.status, status, "{target}");
        }
    });
}
