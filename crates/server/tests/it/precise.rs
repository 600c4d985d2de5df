//! Precise indexes: uploaded in every way, answered under the caller's rights, kept and removed.

use crate::world::{Answer, Secret, Who, World, run};
use axum::body::{Body, Bytes};
use flate2::{Compression, write::GzEncoder};
use protobuf::{EnumOrUnknown, Message};
use scip::types;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use store::Source;
use tokio_util::sync::CancellationToken;
use uploads::{Keeping, UploadLimits, UploadOptions, UploadWorker, Uploads};

const GREET: &str = "t npm typed 1.0.0 `a.ts`/greet().";
const SHAPE: &str = "t npm typed 1.0.0 `a.ts`/Shape#";
const ROUND: &str = "t npm typed 1.0.0 `b.ts`/Round#";
const A: &[u8] = b"export function greet() {}\nexport interface Shape {}\n";
const B: &[u8] = b"import { greet, Shape } from './a';\ngreet();\nclass Round implements Shape {}\n";

fn occurrence(range: &[i32], symbol: &str, roles: i32) -> types::Occurrence {
    types::Occurrence {
        range: range.to_vec(),
        symbol: symbol.into(),
        symbol_roles: roles,
        ..Default::default()
    }
}

fn document(path: &str, occurrences: Vec<types::Occurrence>) -> types::Document {
    types::Document {
        relative_path: path.into(),
        occurrences,
        position_encoding: EnumOrUnknown::new(types::PositionEncoding::UTF8CodeUnitOffsetFromLineStart),
        ..Default::default()
    }
}

fn index(documents: Vec<types::Document>) -> Vec<u8> {
    let tool = types::ToolInfo { name: "scip-test".into(), version: "7".into(), ..Default::default() };
    let metadata = types::Metadata { tool_info: Some(tool).into(), ..Default::default() };
    let index = types::Index { metadata: Some(metadata).into(), documents, ..Default::default() };
    index.write_to_bytes().expect("an index")
}

/// What a compiler would say of [`A`] and [`B`].
fn typed() -> Vec<u8> {
    let mut a =
        document("a.ts", vec![occurrence(&[0, 16, 21], GREET, 1), occurrence(&[1, 17, 22], SHAPE, 1)]);
    a.symbols.push(types::SymbolInformation {
        symbol: GREET.into(),
        documentation: vec!["```ts\nfunction greet(): void\n```".into(), "Greets precisely.".into()],
        ..Default::default()
    });
    let mut b = document(
        "b.ts",
        vec![
            occurrence(&[0, 9, 14], GREET, 2),
            occurrence(&[0, 16, 21], SHAPE, 2),
            occurrence(&[1, 0, 5], GREET, 0),
            occurrence(&[2, 6, 11], ROUND, 1),
            occurrence(&[2, 23, 28], SHAPE, 0),
        ],
    );
    let relationship =
        types::Relationship { symbol: SHAPE.into(), is_implementation: true, ..Default::default() };
    b.symbols.push(types::SymbolInformation {
        symbol: ROUND.into(),
        relationships: vec![relationship],
        ..Default::default()
    });
    index(vec![a, b])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// A world with `typed`, and the commit that is indexed.
async fn world() -> (World, String) {
    let world = World::new(Secret::Exists).await;
    let commit = world.code().repo("typed").commit_files("main", &[("a.ts", A), ("b.ts", B)]);
    take_up(&world, "typed").await;
    (world, commit.to_string())
}

/// Takes a repository up and grants it to both.
async fn take_up(world: &World, name: &str) {
    world.take_up(name).await;
}

async fn put(world: &World, who: Who, target: &str, body: impl Into<Body>) -> Answer {
    let headers = [
        ("accept", "application/json"),
        ("origin", "http://127.0.0.1:7080"),
        ("sec-fetch-site", "same-origin"),
    ];
    world.ask(who, "PUT", target, &headers, body.into()).await
}

async fn work(world: &World) {
    UploadWorker::new(&world.uploads).drain(&CancellationToken::new()).await.expect("a store");
}

async fn uploaded(world: &World, repo: &str, commit: &str, body: Vec<u8>) {
    let target = format!("/api/v1/repos/{repo}/-/precise?commit={commit}");
    let answer = put(world, Who::Ada, &target, body).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    work(world).await;
}

async fn ask(world: &World, who: Who, target: &str) -> Value {
    let answer = world.api(who, target).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

async fn list(world: &World) -> Vec<Value> {
    let list = ask(world, Who::Ada, "/api/v1/repos/typed/-/precise").await;
    list["indexes"].as_array().expect("a list").clone()
}

#[test]
fn an_upload_is_answered_precisely() {
    run(async {
        let (world, commit) = world().await;
        uploaded(&world, "typed", &commit, gzip(&typed())).await;
        let rows = list(&world).await;
        assert_eq!(
            (&rows[0]["state"], &rows[0]["indexer"]),
            (&json!("ready"), &json!("scip-test")),
            "{rows:?}"
        );
        assert_eq!((&rows[0]["distance"], &rows[0]["documents"]), (&json!(0), &json!(2)));
        let found = ask(&world, Who::Bob, "/api/v1/repos/typed/-/definition/b.ts?line=2&column=1").await;
        let first = &found["definitions"][0];
        assert_eq!(
            (&first["path"], &first["line"], &first["range"], &first["how"]),
            (&json!("a.ts"), &json!(1), &json!([16, 21]), &json!("precise"))
        );
        assert_eq!(found["precise"]["says"], "precise · scip-test 7 · this commit");
        let hover = ask(&world, Who::Bob, "/api/v1/repos/typed/-/hover/b.ts?line=2&column=1").await;
        assert_eq!(
            (&hover["signature"], &hover["documentation"]),
            (&json!("function greet(): void"), &json!("Greets precisely."))
        );
        let uses = ask(&world, Who::Bob, "/api/v1/repos/typed/-/references/a.ts?line=1&column=17").await;
        let precise: Vec<_> = uses["references"].as_array().unwrap().iter().map(|one| &one["how"]).collect();
        assert_eq!(precise, [&json!("precise"); 3], "{uses}");
        let target = "/api/v1/repos/typed/-/implementations/a.ts?line=2&column=18";
        let implemented = ask(&world, Who::Bob, target).await;
        assert_eq!(implemented["implementations"][0]["path"], "b.ts", "{implemented}");
        let page = world.get(Who::Bob, "/r/typed/-/references/a.ts?line=2&column=18").await.text();
        assert!(page.contains("Implemented in") && page.contains("scip-test 7"), "{page}");
    });
}

#[test]
fn places_follow_the_lines_that_were_not_changed() {
    run(async {
        let (world, commit) = world().await;
        let a = [b"// a new line\n", A].concat();
        let b = [B, b"greet();\n"].concat();
        world.code().repo("typed").commit_files("main", &[("a.ts", &a), ("b.ts", &b)]);
        take_up(&world, "typed").await;
        uploaded(&world, "typed", &commit, typed()).await;
        let found = ask(&world, Who::Bob, "/api/v1/repos/typed/-/definition/b.ts?line=2&column=1").await;
        assert_eq!((&found["definitions"][0]["line"], &found["precise"]["distance"]), (&json!(2), &json!(1)));
        assert_eq!(found["precise"]["before"], true);
        let new = ask(&world, Who::Bob, "/api/v1/repos/typed/-/definition/b.ts?line=4&column=1").await;
        assert_eq!(new["precise"], Value::Null, "the line is new: {new}");
        let uses = ask(&world, Who::Bob, "/api/v1/repos/typed/-/references/b.ts?line=2&column=1").await;
        let hows: Vec<_> =
            uses["references"].as_array().unwrap().iter().map(|one| one["how"].as_str().unwrap()).collect();
        assert_eq!(hows.iter().filter(|how| **how == "precise").count(), 3, "{uses}");
        assert_eq!(hows.len(), 4, "the new one is told as it was found: {uses}");
    });
}

#[test]
fn other_repositories_define_packages_for_those_who_may_read_them() {
    run(async {
        let (world, commit) = world().await;
        uploaded(&world, "typed", &commit, typed()).await;
        let client = b"import { greet } from 'typed';\ngreet();\n";
        let other = world.code().repo("client").commit_files("main", &[("c.ts", client)]);
        take_up(&world, "client").await;
        let uses = vec![occurrence(&[0, 9, 14], GREET, 2), occurrence(&[1, 0, 5], GREET, 0)];
        uploaded(&world, "client", &other.to_string(), index(vec![document("c.ts", uses)])).await;
        let target = "/api/v1/repos/client/-/definition/c.ts?line=2&column=1";
        let found = ask(&world, Who::Bob, target).await;
        let first = &found["definitions"][0];
        assert_eq!((&first["repo"], &first["how"]), (&json!("typed"), &json!("precise")), "{found}");
        assert_eq!(first["url"], format!("/r/typed@{commit}/-/blob/a.ts#L1"));
        let everywhere = "/api/v1/repos/typed/-/references/a.ts?line=1&column=17&everywhere=1";
        let here = "/api/v1/repos/typed/-/references/a.ts?line=1&column=17";
        let uses = ask(&world, Who::Bob, everywhere).await;
        assert_eq!(
            precise_uses(&uses),
            ["typed/a.ts:1", "typed/b.ts:1", "typed/b.ts:2", "client/c.ts:1", "client/c.ts:2"]
        );
        let last = uses["references"].as_array().unwrap().iter().find(|one| one["repo"] == "client").unwrap();
        assert_eq!(last["url"], format!("/r/client@{other}/-/blob/c.ts#L1"));
        assert_eq!(precise_uses(&ask(&world, Who::Bob, here).await).len(), 3, "only where it is asked for");
        let back = "/api/v1/repos/client/-/references/c.ts?line=2&column=1&everywhere=1";
        let back = ask(&world, Who::Bob, back).await;
        assert_eq!(back["definitions"][0]["repo"], "typed");
        assert_eq!(precise_uses(&back).len(), 4, "the definition is in the list of definitions: {back}");
        // SECURITY: whoever may not read the other repository, or the file in it, hears nothing of it.
        let (client, bob) = (world.repo("client").await, world.bob().id);
        let page = "/r/typed/-/references/a.ts?line=1&column=17&everywhere=1";
        assert!(world.get(Who::Bob, page).await.text().contains("(4 are precise)"));
        let hidden = [model::PathRule::parse("**"), model::PathRule::parse("-c.ts")];
        world.store.set_path_rules(client, &store::RulesFor::User(bob), Some(&hidden)).await.expect("rules");
        assert_eq!(precise_uses(&ask(&world, Who::Bob, everywhere).await).len(), 3);
        assert!(world.get(Who::Bob, page).await.text().contains("(2 are precise)"));
        world.store.set_path_rules(client, &store::RulesFor::User(bob), None).await.expect("no rules");
        world.store.revoke(client, bob).await.expect("a store");
        assert_eq!(precise_uses(&ask(&world, Who::Bob, everywhere).await).len(), 3);
        world.store.grant(client, bob).await.expect("a grant");
        let (typed, bob) = (world.repo("typed").await, world.bob().id);
        world.store.revoke(typed, bob).await.expect("a store");
        let found = ask(&world, Who::Bob, target).await;
        assert!(!found.to_string().contains("typed@") && !found.to_string().contains("a.ts"), "{found}");
    });
}

/// The references that are precise, as `repo/path:line`.
fn precise_uses(answer: &Value) -> Vec<String> {
    let uses = answer["references"].as_array().expect("a list").iter();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let told = |one: &Value| format!("{}/{}:{}", text(one, "repo"), text(one, "path"), one["line"]);
    uses.filter(|one| one["how"] == "precise").map(told).collect()
}

/// SECURITY: of what is at a path that Bob may not read he hears no place, no count and no documentation; and of another
/// commit's index nothing at all.
#[test]
fn hidden_paths_are_not_told_nor_counted() {
    run(async {
        let (world, commit) = world().await;
        uploaded(&world, "typed", &commit, typed()).await;
        let (typed_id, bob) = (world.repo("typed").await, world.bob().id);
        let uses = "/api/v1/repos/typed/-/references/a.ts?line=1&column=17";
        let page = "/r/typed/-/references/a.ts?line=1&column=17";
        assert_eq!(precise_uses(&ask(&world, Who::Bob, uses).await).len(), 3);
        let hide = async |path: &str| {
            let rules = [model::PathRule::parse("**"), model::PathRule::parse(&format!("-{path}"))];
            world
                .store
                .set_path_rules(typed_id, &store::RulesFor::User(bob), Some(&rules))
                .await
                .expect("rules");
        };
        hide("b.ts").await;
        assert_eq!(precise_uses(&ask(&world, Who::Bob, uses).await), ["typed/a.ts:1"]);
        let shown = world.get(Who::Bob, page).await.text();
        assert!(shown.contains("(0 are precise)") && !shown.contains("b.ts"), "{shown}");
        let implemented =
            ask(&world, Who::Bob, "/api/v1/repos/typed/-/implementations/a.ts?line=2&column=18").await;
        assert_eq!(implemented["implementations"], json!([]));
        hide("a.ts").await;
        for page in ["definition", "hover", "callees", "hierarchy", "graph"] {
            let target = format!("/api/v1/repos/typed/-/{page}/b.ts?line=2&column=1");
            let told = ask(&world, Who::Bob, &target).await.to_string();
            assert!(!told.contains("a.ts") && !told.contains("Greets"), "{page}: {told}");
        }
        let hidden = world.api(Who::Bob, uses).await;
        assert_eq!(hidden.status, 404);
        for page in ["/r/typed/-/precise", "/api/v1/repos/typed/-/precise"] {
            assert_eq!(world.api(Who::Bob, page).await.status, 404, "{page}");
        }
        // An index of another commit: that there is one would tell of the history.
        world.code().repo("typed").commit_files("main", &[("a.ts", A), ("b.ts", B), ("c.ts", b"")]);
        take_up(&world, "typed").await;
        hide("c.ts").await;
        let found = ask(&world, Who::Bob, "/api/v1/repos/typed/-/definition/b.ts?line=2&column=1").await;
        assert_eq!(found["precise"], Value::Null, "{found}");
        let found = ask(&world, Who::Ada, "/api/v1/repos/typed/-/definition/b.ts?line=2&column=1").await;
        assert_eq!(found["precise"]["distance"], 1, "what was kept for her is not for him: {found}");
        let found = ask(&world, Who::Bob, "/api/v1/repos/typed/-/definition/b.ts?line=2&column=1").await;
        assert_eq!(found["precise"], Value::Null, "{found}");
    });
}

/// Graphs, callees and hierarchies take the compiler's word, and say so.
#[test]
fn graphs_are_precise_where_an_index_knows() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let a = b"export class File {\n  close() {}\n}\nexport class Door {\n  close() {}\n}\n";
        let b = b"function run(x: any) {\n  x.close();\n}\nclass Chest extends make() {\n}\n";
        let commit = world.code().repo("graph").commit_files("main", &[("a.ts", a), ("b.ts", b)]);
        take_up(&world, "graph").await;
        let symbol = |name: &str| format!("t npm graph 1.0.0 `a.ts`/{name}");
        let defined = vec![
            occurrence(&[0, 13, 17], &symbol("File#"), 1),
            occurrence(&[1, 2, 7], &symbol("File#close()."), 1),
            occurrence(&[3, 13, 17], &symbol("Door#"), 1),
            occurrence(&[4, 2, 7], &symbol("Door#close()."), 1),
        ];
        let used = vec![occurrence(&[1, 4, 9], &symbol("Door#close()."), 0)];
        let documents = vec![document("a.ts", defined), document("b.ts", used)];
        let before = ask(&world, Who::Bob, "/api/v1/repos/graph/-/callees/b.ts?line=1&column=9").await;
        assert_ne!(before[0]["definition"]["how"], "precise");
        uploaded(&world, "graph", &commit.to_string(), index(documents)).await;
        let calls = ask(&world, Who::Bob, "/api/v1/repos/graph/-/callees/b.ts?line=1&column=9").await;
        let close = &calls[0]["definition"];
        assert_eq!(
            (&close["how"], &close["path"], &close["line"]),
            (&json!("precise"), &json!("a.ts"), &json!(5))
        );
        let graph = ask(&world, Who::Bob, "/api/v1/repos/graph/-/graph/b.ts?line=1&column=9").await;
        assert_eq!(graph["edges"][0]["how"], "precise", "{graph}");
        assert_eq!(graph["nodes"][1]["line"], 5);
        let callers =
            ask(&world, Who::Bob, "/api/v1/repos/graph/-/graph/a.ts?line=5&column=2&direction=incoming")
                .await;
        assert_eq!(
            (&callers["nodes"][1]["name"], &callers["edges"][0]["how"]),
            (&json!("run"), &json!("precise"))
        );
        let callers =
            ask(&world, Who::Bob, "/api/v1/repos/graph/-/graph/a.ts?line=2&column=2&direction=incoming")
                .await;
        assert_eq!(callers["edges"], json!([]), "it is the other one that is called");
        let page = world.get(Who::Bob, "/r/graph/-/graph/b.ts?line=1&column=9").await.text();
        assert!(page.contains("precise"), "{page}");
    });
}

#[test]
fn who_may_upload() {
    run(async {
        let (world, commit) = world().await;
        let target = |repo: &str| format!("/api/v1/repos/{repo}/-/precise?commit={commit}");
        let refused = put(&world, Who::Bob, &target("typed"), typed()).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        let forbidden = put(&world, Who::Bob, &target("vault"), typed()).await;
        let unknown = put(&world, Who::Bob, &target("vault-of-nobody"), typed()).await;
        assert_eq!(forbidden.status, 404);
        let told = |answer: &Answer| answer.text().replace("vault-of-nobody", "vault");
        assert_eq!(told(&forbidden), told(&unknown));
        assert_eq!(put(&world, Who::Stranger, &target("typed"), typed()).await.status, 401);
        let by_token = |uri: String| {
            let world = &world;
            async move { world.ask(Who::BobsToken, "POST", &uri, &[], Body::from(typed())).await.status }
        };
        let compatible = |repo: &str| format!("/.api/scip/upload?repository={repo}&commit={commit}");
        assert_eq!(by_token(compatible("typed")).await, 403);
        assert_eq!(by_token(compatible("vault")).await, 404);
        assert_eq!(by_token("/.api/scip/upload?uploadId=12&done=true".into()).await, 404);
        assert!(list(&world).await.is_empty());
        let told = ask(&world, Who::Bob, "/api/v1/repos/typed/-/precise").await;
        assert_eq!(told["may_upload"], false);
    });
}

#[test]
fn what_is_wrong_is_said() {
    run(async {
        let (world, commit) = world().await;
        let target = format!("/api/v1/repos/typed/-/precise?commit={commit}");
        for wrong in ["/api/v1/repos/typed/-/precise", "/api/v1/repos/typed/-/precise?commit=HEAD"] {
            assert_eq!(put(&world, Who::Ada, wrong, typed()).await.status, 400, "{wrong}");
        }
        let outside = format!("{target}&root=../x");
        assert_eq!(put(&world, Who::Ada, &outside, typed()).await.status, 400);
        assert_eq!(put(&world, Who::Ada, &target, Vec::new()).await.status, 400, "empty");
        let whole = gzip(&typed());
        let n_half = whole.len() / 2;
        let pieces = [Ok(Bytes::from(whole[..n_half].to_vec())), Err(std::io::Error::other("gone"))];
        let cut = Body::from_stream(futures_util::stream::iter(pieces));
        assert_eq!(put(&world, Who::Ada, &target, cut).await.status, 400);
        assert!(list(&world).await.is_empty(), "nothing of it is left");
        let wrong = [
            (whole[..n_half].to_vec(), "not a whole SCIP index"),
            (typed()[..80].to_vec(), "not a whole SCIP index"),
            (index(vec![document("../../etc/passwd", Vec::new())]), "not a path inside the repository"),
            (b"<html>not an index</html>".to_vec(), "not a whole SCIP index"),
            (index(Vec::new()), "no documents"),
        ];
        for (n, (body, says)) in wrong.into_iter().enumerate() {
            uploaded(&world, "typed", &format!("{:040x}", n + 1), body).await;
            let rows = list(&world).await;
            let row = rows.iter().find(|row| row["commit"] == format!("{:040x}", n + 1)).expect("a row");
            assert_eq!(row["state"], "failed", "{row}");
            assert!(row["error"].as_str().is_some_and(|error| error.contains(says)), "{says}: {row}");
        }
        let page = world.get(Who::Ada, "/r/typed/-/precise").await.text();
        assert!(
            page.contains("not a path inside the repository") && page.contains("scip-typescript"),
            "{page}"
        );
    });
}

#[test]
fn the_same_again_takes_the_place_of_the_first() {
    run(async {
        let (world, commit) = world().await;
        uploaded(&world, "typed", &commit, typed()).await;
        let before = list(&world).await[0]["id"].clone();
        uploaded(&world, "typed", &commit, gzip(&typed())).await;
        uploaded(&world, "typed", &"7".repeat(40), typed()).await;
        let rows = list(&world).await;
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows.iter().all(|row| row["id"] != before && row["state"] == "ready"));
        let unknown = rows.iter().find(|row| row["commit"] == "7".repeat(40)).expect("a row");
        assert_eq!(unknown["distance"], Value::Null, "its commit is not known yet");
        let id = unknown["id"].as_str().expect("an id");
        let asked = world.get(Who::Ada, &format!("/r/typed/-/precise?remove={id}")).await.text();
        assert!(asked.contains("Remove this index?"), "{asked}");
        assert_eq!(world.post(Who::Bob, "/r/typed/-/precise", &format!("remove={id}")).await.status, 403);
        assert_eq!(world.post(Who::Ada, "/r/typed/-/precise", &format!("remove={id}")).await.status, 303);
        assert_eq!(list(&world).await.len(), 1);
    });
}

#[test]
fn parts_are_put_together() {
    run(async {
        let (world, commit) = world().await;
        let row = world.repo("typed").await;
        let all = world.store.access_set(&access::Actor::LOCAL_OPERATOR).await.expect("an access set");
        let new = store::NewPrecise {
            repo: row,
            commit: model::ObjectId([9; 20]),
            root: String::new(),
            indexer: String::new(),
            indexer_version: String::new(),
            n_parts: 3,
            uploaded_by: None,
        };
        let id = world.uploads.begin(new).await.expect("begun");
        let upload = world.store.precise_index(&all, id).await.expect("a store").expect("a row");
        let whole = gzip(&typed());
        let third = whole.len() / 3;
        let pieces = [&whole[..third], &whole[third..2 * third], &whole[2 * third..]];
        for (index, piece) in [(2, pieces[2]), (0, b"wrong".as_slice()), (0, pieces[0])] {
            let mut part = world.uploads.receive(Some(&upload)).await.expect("room");
            part.write(piece).await.expect("written");
            world.uploads.place(&upload, index, part).await.expect("placed");
        }
        let missing = world.uploads.done(&upload).await.expect_err("one is missing");
        assert!(missing.to_string().contains("part 1 is missing"), "{missing}");
        let mut part = world.uploads.receive(Some(&upload)).await.expect("room");
        part.write(pieces[1]).await.expect("written");
        world.uploads.place(&upload, 1, part).await.expect("placed");
        world.uploads.done(&upload).await.expect("whole");
        world.uploads.done(&upload).await.expect("said again");
        work(&world).await;
        let rows = list(&world).await;
        assert_eq!(rows[0]["state"], "ready", "{rows:?} {commit}");
    });
}

/// The worker's own sweep, with the clock moved: the rules alone are tried in `uploads`.
#[test]
fn old_indexes_go_and_those_that_branches_need_stay() {
    run(async {
        let (world, first) = world().await;
        let repository = world.code().repo("typed");
        let mut commits = vec![first];
        for n in 0..3 {
            let text = format!("export function greet() {{}}\nexport interface Shape {{}}\n// {n}\n");
            commits
                .push(repository.commit_files("main", &[("a.ts", text.as_bytes()), ("b.ts", B)]).to_string());
        }
        take_up(&world, "typed").await;
        for commit in &commits {
            uploaded(&world, "typed", commit, gzip(&typed())).await;
            world.clock.advance(Duration::from_secs(3600));
        }
        let ready = async || -> BTreeSet<String> {
            let all = list(&world).await.into_iter();
            all.filter(|one| one["state"] == "ready")
                .map(|one| one["commit"].as_str().unwrap().to_owned())
                .collect()
        };
        let files = || std::fs::read_dir(world.data.precise()).into_iter().flatten().flatten().count();
        let keeping = Keeping { young_for: Duration::from_secs(6 * 3600), n_per_branch: 2 };
        let sweep = async || {
            let uploads = Uploads::new(UploadOptions {
                store: world.store.clone(),
                folder: world.data.precise(),
                open: Arc::new(|row| match &row.source {
                    Source::Local(path) => git::Repository::open(path, &git::OpenOptions::default()).ok(),
                    Source::Remote(_) => None,
                }),
                clock: world.clock.clone(),
                // Hours, so that nobody is signed out meanwhile.
                limits: UploadLimits { keeping, ..UploadLimits::default() },
            });
            UploadWorker::new(&uploads).sweep().await.expect("swept");
        };
        let n_files = files();
        sweep().await;
        assert_eq!((ready().await.len(), files()), (4, n_files), "young ones stay, whatever they are of");
        world.clock.advance(Duration::from_secs(12 * 3600));
        sweep().await;
        assert_eq!(ready().await, commits[2..].iter().cloned().collect(), "the two nearest to the branch");
        assert!(files() < n_files, "their files are gone, too");
        let answer = ask(&world, Who::Ada, "/api/v1/repos/typed/-/hover/b.ts?line=2&column=1").await;
        assert_eq!(answer["documentation"], "Greets precisely.", "{answer}");
    });
}
