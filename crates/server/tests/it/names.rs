//! What names in files mean: definitions, references, what is shown of them, under the caller's rights.

use crate::world::{Who, run, shared};
use axum::body::Body;
use serde_json::{Value, json};

async fn ask(who: Who, target: &str) -> Value {
    let answer = shared().api(who, target).await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json()
}

#[test]
fn a_definition_is_told_with_how_it_was_found() {
    run(async {
        let found = ask(Who::Bob, "/api/v1/repos/app/-/definition/src/lib/deep.c?line=1&column=4").await;
        assert_eq!(found["name"], "needle");
        let first = &found["definitions"][0];
        assert_eq!(
            (&first["path"], &first["line"], &first["range"], &first["how"], &first["kind"]),
            (&json!("src/lib/deep.c"), &json!(1), &json!([4, 10]), &json!("scope"), &json!("function"))
        );
        assert_eq!(first["url"], "/r/app/-/blob/src/lib/deep.c#L1");
        let shown = ask(Who::Bob, "/api/v1/repos/app/-/hover/src/lib/deep.c?line=1&column=6").await;
        assert_eq!((&shown["signature"], &shown["language"]), (&json!("int needle(void)"), &json!("C")));
        let nothing = ask(Who::Bob, "/api/v1/repos/app/-/definition/src/lib/deep.c?line=1&column=17").await;
        assert_eq!((&nothing["name"], &nothing["definitions"]), (&Value::Null, &json!([])));
    });
}

#[test]
fn an_outline_names_what_a_file_defines() {
    run(async {
        let outline = ask(Who::Bob, "/api/v1/repos/app/-/outline/src/main.rs").await;
        assert_eq!(outline["symbols"][0]["name"], "main");
        assert_eq!(
            (&outline["symbols"][0]["line"], &outline["symbols"][0]["end_line"]),
            (&json!(1), &json!(4)),
            "{outline}"
        );
    });
}

#[test]
fn references_leave_out_comments_and_what_is_not_for_the_caller() {
    run(async {
        let target = "/api/v1/repos/app/-/references/src/lib/deep.c?line=1&column=4&everywhere=1&limit=500";
        let found = ask(Who::Bob, target).await;
        let places = |found: &Value| -> Vec<String> {
            let list = found["references"].as_array().cloned().unwrap_or_default();
            list.iter()
                .map(|one| format!("{} {} {}", one["repo"], one["path"], one["how"]).replace('"', ""))
                .collect()
        };
        let mine = places(&found);
        assert_eq!(mine.first().map(String::as_str), Some("app src/lib/deep.c scope"), "{mine:?}");
        assert!(!mine.iter().any(|place| place.contains("src/main.rs")), "a comment is no use: {mine:?}");
        assert!(!mine.iter().any(|place| place.contains("vault")), "{mine:?}");
        let all = places(&ask(Who::Ada, target).await);
        assert!(all.iter().any(|place| place.starts_with("vault")), "{all:?}");
    });
}

#[test]
fn the_page_shows_it_without_a_script() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app/-/references/src/lib/deep.c?line=1&column=4").await.text();
        for part in
            ["<h1><code>needle</code></h1>", "int needle(void)", "in scope", "Look in all repositories"]
        {
            assert!(page.contains(part), "{part}: {page}");
        }
        let none = shared().get(Who::Bob, "/r/app/-/references/src/lib/deep.c?line=1&column=17").await.text();
        assert!(none.contains("No name stands there"), "{none}");
        let file = shared().get(Who::Bob, "/r/app/-/blob/src/lib/deep.c").await.text();
        assert!(file.contains("data-nav=\"/api/v1/repos/app/-/hover/src/lib/deep.c\""), "{file}");
    });
}

#[test]
fn a_place_that_is_none_is_refused() {
    run(async {
        for query in ["", "?line=0", "?line=x&column=1", "?column=1"] {
            let answer = shared().api(Who::Bob, &format!("/api/v1/repos/app/-/hover/README.md{query}")).await;
            assert_eq!(answer.status, 400, "{query}");
        }
        for target in ["/-/hover/nothing.c?line=1", "/-/hover/src?line=1", "/-/hover/image.png?line=1"] {
            assert_eq!(
                shared().api(Who::Bob, &format!("/api/v1/repos/app{target}")).await.status,
                404,
                "{target}"
            );
        }
        let far = ask(Who::Bob, "/api/v1/repos/app/-/hover/src/main.rs?line=99999&column=99999").await;
        assert_eq!(far["name"], Value::Null);
    });
}

/// The graph around `second` of the branch.
const AROUND: &str = "/api/v1/repos/app@feature/%2D/x/-/graph/calls.py?line=4&column=4";

fn drawn(graph: &Value) -> (Vec<String>, Vec<String>) {
    let list = |key: &str| graph[key].as_array().cloned().unwrap_or_default();
    let nodes = list("nodes");
    let name = |idx: &Value| nodes[idx.as_u64().expect("an index") as usize]["name"].clone();
    let edges = list("edges");
    let told = edges.iter().map(|edge| {
        format!("{} -> {} {} {}", name(&edge["from"]), name(&edge["to"]), edge["line"], edge["how"])
            .replace('"', "")
    });
    let nodes = nodes.iter().map(|node| format!("{} {}", node["step"], node["name"]).replace('"', ""));
    (nodes.collect(), told.collect())
}

#[test]
fn a_graph_shows_who_calls_and_what_is_called() {
    run(async {
        let (nodes, edges) = drawn(&ask(Who::Bob, AROUND).await);
        assert_eq!(nodes, ["0 second", "-1 first", "1 third"]);
        assert_eq!(edges, ["first -> second 2 scope", "second -> third 5 scope"]);
        let (nodes, _) = drawn(&ask(Who::Bob, &format!("{AROUND}&direction=outgoing&depth=1")).await);
        assert_eq!(nodes, ["0 second", "1 third"]);
        let types = ask(Who::Bob, &format!("{AROUND}&kind=types")).await;
        assert_eq!((&types["kind"], &types["edges"]), (&json!("types"), &json!([])));
        for wrong in ["kind=cakes", "direction=up"] {
            assert_eq!(shared().api(Who::Bob, &format!("{AROUND}&{wrong}")).await.status, 400, "{wrong}");
        }
    });
}

#[test]
fn a_chain_leads_from_one_function_to_another() {
    run(async {
        let from_first = AROUND.replace("line=4", "line=1");
        for to in ["third", "calls.py:7:4"] {
            let chain = ask(Who::Bob, &format!("{from_first}&to={to}")).await;
            let (nodes, edges) = drawn(&chain);
            assert_eq!(nodes, ["0 first", "1 second", "2 third"], "{to}");
            assert_eq!((edges.len(), &chain["kind"]), (2, &json!("chain")));
        }
        let none = ask(Who::Bob, &format!("{from_first}&to=nothing")).await;
        assert_eq!((&none["nodes"], &none["choices"]), (&json!([]), &json!([])));
        // What stands in a repository that Bob may not read is like what stands nowhere.
        let hidden = ask(Who::Bob, &format!("{from_first}&to=secret.txt:1:0")).await;
        assert_eq!(hidden["nodes"], none["nodes"]);
    });
}

#[test]
fn the_page_draws_a_picture_and_lists_the_same() {
    run(async {
        let page = AROUND.replace("/api/v1/repos", "/r");
        let text = shared().get(Who::Bob, &page).await.text();
        for part in [
            "<h1>Calls around <code>second</code></h1>",
            "<svg ",
            "marker-end=\"url(#arrow)\"",
            "Callers, 1 step away",
            "calls <code>third</code> in <a href=\"/r/app@feature/%2D/x/-/blob/calls.py#L5\">line 5</a>",
            "/-/graph/calls.py?line=7&amp;column=4&amp;kind=calls",
        ] {
            assert!(text.contains(part) || text.contains(&part.replace("&amp;", "&#38;")), "{part}: {text}");
        }
        let nothing = shared().get(Who::Bob, &page.replace("line=4", "line=3")).await.text();
        assert!(nothing.contains("No name stands there"), "{nothing}");
    });
}

async fn tool(who: Who, name: &str, arguments: Value) -> Value {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name, "arguments": arguments },
    });
    let headers = [("accept", "application/json, text/event-stream"), ("content-type", "application/json")];
    let answer = shared().ask(who, "POST", "/mcp", &headers, Body::from(body.to_string())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["result"].clone()
}

#[test]
fn a_name_stands_for_its_column() {
    run(async {
        let by_column = "/api/v1/repos/app/-/definition/src/lib/deep.c?line=1&column=4";
        let column = ask(Who::Bob, by_column).await;
        for query in ["line=1&name=needle", "name=needle"] {
            let target = format!("/api/v1/repos/app/-/definition/src/lib/deep.c?{query}");
            assert_eq!(ask(Who::Bob, &target).await, column, "{query}");
        }
        let none = "/api/v1/repos/app/-/definition/src/lib/deep.c?line=1&name=other";
        assert_eq!(ask(Who::Bob, none).await["name"], Value::Null);
    });
}

#[test]
fn tools_of_models_give_the_answers_of_the_interface() {
    run(async {
        let at = json!({ "repository": "app", "revision": "feature/-/x", "path": "calls.py", "name": "second", "line": 4 });
        let api = "/api/v1/repos/app@feature/%2D/x/-";
        for (name, resource) in
            [("definition", "definition"), ("references", "references"), ("call_graph", "graph")]
        {
            let said = tool(Who::BobsToken, name, at.clone()).await;
            let same = ask(Who::Bob, &format!("{api}/{resource}/calls.py?line=4&column=4")).await;
            assert_eq!(said["structuredContent"], same, "{name}");
        }
        let graph = tool(Who::BobsToken, "call_graph", at).await;
        let text = graph["content"][0]["text"].as_str().unwrap_or_default();
        assert!(text.contains("first (calls.py:1) calls second (calls.py:4) in line 2, scope"), "{text}");
        let outline = json!({ "repository": "app", "revision": "feature/-/x", "path": "calls.py" });
        let outline = tool(Who::BobsToken, "outline", outline).await;
        assert_eq!(outline["structuredContent"], ask(Who::Bob, &format!("{api}/outline/calls.py")).await);
        // What is wrong is said with how to ask better, and what is hidden is like what is not there.
        let other = json!({ "repository": "app", "path": "src/lib/deep.c", "name": "other" });
        let failure = tool(Who::BobsToken, "definition", other).await;
        assert_eq!(failure["isError"], true);
        assert!(failure["content"][0]["text"].as_str().is_some_and(|text| text.contains("no name 'other'")));
        let of = |repo: &str| json!({ "repository": repo, "path": "only.zig", "name": "needle" });
        let hidden = tool(Who::BobsToken, "references", of("vault")).await.to_string();
        let unknown = tool(Who::BobsToken, "references", of("nothing")).await.to_string();
        assert_eq!(hidden.replace("vault", "nothing"), unknown);
    });
}
