//! Exports over HTTP: asking, watching, fetching, and who may.

use crate::world::{Answer, Secret, Who, World, run};
use axum::body::Body;
use export::ExportWorker;
use tokio_util::sync::CancellationToken;

async fn world() -> World {
    World::new(Secret::Exists).await
}

async fn create(world: &World, who: Who, query: &str, format: &str) -> Answer {
    let wanted = serde_json::json!({ "query": query, "format": format }).to_string();
    let headers = [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("origin", "http://127.0.0.1:7080"),
    ];
    world.ask(who, "POST", "/api/v1/exports", &headers, Body::from(wanted)).await
}

async fn drain(world: &World) {
    ExportWorker::new(&world.exports).drain(&CancellationToken::new()).await.expect("a store");
}

/// Makes an export and gives its address.
async fn made(world: &World, who: Who, query: &str, format: &str) -> String {
    let answer = create(world, who, query, format).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    drain(world).await;
    answer.header("location").to_owned()
}

async fn revoke(world: &World, repo: &str) {
    let all = world.store.access_set(&access::Actor::LOCAL_OPERATOR).await.expect("an access set");
    let name = model::RepoName::new(repo).expect("a name");
    let row = world.store.repository_by_name(&all, &name).await.expect("a store").expect("a repository");
    world.store.revoke(row.id, world.bob().id).await.expect("revoked");
}

#[test]
fn an_export_holds_what_a_search_finds() {
    run(async {
        let world = world().await;
        let place = made(&world, Who::Bob, "needle", "jsonl").await;
        let export = world.api(Who::Bob, &place).await.json();
        assert_eq!((&export["state"], &export["complete"]), (&"done".into(), &true.into()), "{export}");
        let file = world.api(Who::Bob, &format!("{place}/file")).await;
        assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "application/x-ndjson"));
        assert!(file.header("content-disposition").starts_with("attachment; filename=\"sourcekeep-"));
        assert_eq!(export["size_bytes"], file.body.len());
        let rows: Vec<serde_json::Value> =
            file.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let found = world.api(Who::Bob, "/api/v1/search?q=needle+count:all").await.json();
        let key = |one: &serde_json::Value| format!("{} {} {}", one["url"], one["lines"], one["refs"]);
        let sorted = |rows: &[serde_json::Value]| {
            let mut keys: Vec<String> = rows.iter().map(key).collect();
            keys.sort();
            keys
        };
        assert_eq!(sorted(&rows), sorted(found["matches"].as_array().expect("matches")));
        assert_eq!(export["results"], rows.len());
        assert_eq!(export["lines"], found["stats"]["lines"]);
        let skipped = export["skipped"].as_array().expect("a list");
        assert_eq!((&skipped[0]["reason"], &skipped[0]["count"]), (&"file-binary".into(), &1.into()));
        let repos: Vec<_> = rows.iter().map(|row| row["repo"].to_string()).collect();
        assert!(repos.is_sorted(), "{repos:?}");
        assert!(!file.text().contains("Zanzibar"));
    });
}

#[test]
fn csv_with_hostile_names_has_one_row_a_line() {
    run(async {
        let world = world().await;
        let place = made(&world, Who::BobsToken, "needle count:1", "csv").await;
        let file = world.api(Who::BobsToken, &format!("{place}/file")).await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        assert_eq!(file.header("content-encoding"), "");
        let mut reader = csv::Reader::from_reader(&file.body[..]);
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        let found = world.api(Who::Bob, "/api/v1/search?q=needle+count:all").await.json();
        assert_eq!(
            rows.len() as u64,
            found["stats"]["lines"].as_u64().expect("a number"),
            "count:1 is lifted"
        );
        let paths: Vec<&str> = rows.iter().map(|row| &row[4]).collect();
        for hostile in ["\"><img src=x onerror=alert(1)>", "a\nb.txt", "'-", "latin-\u{fffd}.txt"] {
            assert!(paths.contains(&hostile), "{hostile}: {paths:?}");
        }
        let safe = |cell: &str| !cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        assert!(rows.iter().all(|row| row.iter().all(safe)));
    });
}

#[test]
fn an_export_is_its_owners_alone() {
    run(async {
        let world = world().await;
        let place = made(&world, Who::Bob, "needle", "jsonl").await;
        for target in [place.clone(), format!("{place}/file")] {
            assert_eq!(world.api(Who::Ada, &target).await.status, 404, "{target}");
            assert_eq!(world.api(Who::Stranger, &target).await.status, 401, "{target}");
        }
        let own = [("accept", "application/json"), ("origin", "http://127.0.0.1:7080")];
        let unknown = "/api/v1/exports/0000000000000000";
        let one = world.ask(Who::Ada, "DELETE", &place, &own, Body::empty()).await;
        let other = world.ask(Who::Ada, "DELETE", unknown, &own, Body::empty()).await;
        assert_eq!((one.status.as_u16(), other.status.as_u16()), (404, 404));
        assert_eq!(world.api(Who::Ada, "/api/v1/exports").await.json()["exports"], serde_json::json!([]));
        assert_eq!(world.api(Who::BobsToken, &place).await.status, 200);
        assert_eq!(world.api(Who::BobsWriteToken, &place).await.status, 403);
        assert_eq!(world.ask(Who::Bob, "DELETE", &place, &own, Body::empty()).await.status, 204);
        assert_eq!(world.api(Who::Bob, &place).await.status, 404);
    });
}

#[test]
fn a_file_is_refused_once_something_in_it_may_no_longer_be_read() {
    run(async {
        let world = world().await;
        let both = made(&world, Who::Bob, "needle", "jsonl").await;
        let odd = made(&world, Who::Bob, "repo:odd needle", "jsonl").await;
        revoke(&world, "app").await;
        assert_eq!(world.api(Who::Bob, &format!("{both}/file")).await.status, 409);
        assert_eq!(world.api(Who::Bob, &format!("{odd}/file")).await.status, 200);
        let export = world.api(Who::Bob, &both).await.json();
        assert_eq!((&export["withheld"], &export["results"]), (&true.into(), &0.into()));
        let page = world.get(Who::Bob, "/exports").await.text();
        assert!(page.contains("withheld") && page.contains("/again"), "{page}");
        let id = both.rsplit('/').next().expect("an id");
        assert_eq!(world.post(Who::Bob, &format!("/exports/{id}/again"), "").await.status, 303);
        drain(&world).await;
        let list = world.api(Who::Bob, "/api/v1/exports").await.json();
        let list = list["exports"].as_array().expect("a list");
        assert_eq!(list.len(), 2, "made again, not once more");
        let again = list.iter().find(|one| one["query"] == "needle").expect("it");
        let file = again["file"].as_str().expect("a file");
        let text = world.api(Who::Bob, file).await.text();
        assert!(text.lines().count() > 0 && !text.contains("\"repo\":\"app\""));
    });
}

#[test]
fn a_broken_download_goes_on() {
    run(async {
        let world = world().await;
        let place = made(&world, Who::Bob, "needle", "csv").await;
        let target = format!("{place}/file");
        let whole = world.api(Who::Bob, &target).await;
        let tag = whole.header("etag").to_owned();
        let ask = async |range: &str, tag: &str| {
            let headers = [("range", range), ("if-range", tag), ("accept-encoding", "gzip")];
            world.ask(Who::Bob, "GET", &target, &headers, Body::empty()).await
        };
        let first = ask("bytes=0-99", &tag).await;
        let rest = ask("bytes=100-", &tag).await;
        assert_eq!((first.status.as_u16(), rest.status.as_u16()), (206, 206));
        assert_eq!(first.header("content-range"), format!("bytes 0-99/{}", whole.body.len()));
        assert_eq!([first.body, rest.body].concat(), whole.body);
        let other = ask("bytes=100-", "\"another\"").await;
        assert_eq!((other.status.as_u16(), other.body.len()), (200, whole.body.len()));
        assert_eq!(ask("bytes=99999999-", &tag).await.status, 416);
    });
}

#[test]
fn an_account_has_so_many_exports_and_no_more() {
    run(async {
        let world = world().await;
        for _ in 0..2 {
            assert_eq!(create(&world, Who::Bob, "needle", "jsonl").await.status, 201);
        }
        let refused = create(&world, Who::Bob, "needle", "jsonl").await;
        assert_eq!(refused.status, 409);
        assert!(refused.json()["detail"].as_str().expect("a sentence").contains("still being made"));
        let page = world.post(Who::Bob, "/exports", "q=needle&format=csv").await;
        assert_eq!(page.status, 400);
        assert!(page.text().contains("still being made"));
        assert_eq!(create(&world, Who::Ada, "needle", "jsonl").await.status, 201, "others have their own");
        drain(&world).await;
        assert_eq!(create(&world, Who::Bob, "needle", "jsonl").await.status, 201);
        drain(&world).await;
        let refused = create(&world, Who::Bob, "needle", "jsonl").await;
        assert!(refused.json()["detail"].as_str().expect("a sentence").contains("delete one first"));
    });
}

#[test]
fn what_cannot_be_exported_is_refused_at_once() {
    run(async {
        let world = world().await;
        for (query, format, says) in [
            ("foo", "xml", "format"),
            ("/(/", "jsonl", ""),
            ("", "jsonl", "empty"),
            ("lang:nonsense x", "csv", "nonsense"),
        ] {
            let answer = create(&world, Who::Bob, query, format).await;
            assert_eq!(answer.status, 400, "{query}: {}", answer.text());
            assert!(answer.text().contains(says), "{query}: {}", answer.text());
        }
    });
}

#[test]
fn the_page_works_without_a_script() {
    run(async {
        let world = world().await;
        let empty = world.get(Who::Bob, "/exports?q=needle").await.text();
        assert!(empty.contains("No export yet") && empty.contains("value=\"needle\""));
        let answer = world.post(Who::Bob, "/exports", "q=needle+%3Cb%3E&format=csv").await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/exports"));
        let page = world.get(Who::Bob, "/exports").await.text();
        assert!(page.contains("waiting") && page.contains("/cancel\"") && !page.contains("<b>"));
        drain(&world).await;
        let page = world.get(Who::Bob, "/exports").await.text();
        assert!(page.contains(">Download</a>") && page.contains("complete") && page.contains("/delete\""));
        let id = world.api(Who::Bob, "/api/v1/exports").await.json()["exports"][0]["id"].clone();
        let delete = format!("/exports/{}/delete", id.as_str().expect("an id"));
        assert_eq!(world.post(Who::Bob, &delete, "").await.status, 303);
        assert!(world.get(Who::Bob, "/exports").await.text().contains("No export yet"));
    });
}

#[test]
fn a_cancelled_export_leaves_no_file() {
    run(async {
        let world = world().await;
        let place = create(&world, Who::Bob, "needle", "jsonl").await.header("location").to_owned();
        let own = [("accept", "application/json"), ("origin", "http://127.0.0.1:7080")];
        let cancelled = world.ask(Who::Bob, "POST", &format!("{place}/cancel"), &own, Body::empty()).await;
        assert_eq!(cancelled.json()["state"], "cancelled");
        drain(&world).await;
        assert_eq!(world.api(Who::Bob, &format!("{place}/file")).await.status, 409);
        assert_eq!(world.api(Who::Bob, &place).await.json()["state"], "cancelled");
    });
}

#[test]
fn old_exports_are_swept_with_their_files() {
    run(async {
        let world = world().await;
        let place = made(&world, Who::Bob, "needle", "jsonl").await;
        world.clock.advance(std::time::Duration::from_secs(8 * 24 * 3600));
        ExportWorker::new(&world.exports).sweep().await.expect("swept");
        assert_eq!(world.api(Who::BobsToken, &place).await.status, 404);
        assert_eq!(std::fs::read_dir(world.exports_folder()).expect("a folder").count(), 0);
    });
}
