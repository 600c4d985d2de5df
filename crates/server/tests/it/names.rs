//! What names in files mean: definitions, references, what is shown of them, under the caller's rights.

use crate::world::{Who, run, shared};
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
