//! Searching, as a page and as the API.

use crate::world::{Secret, Who, World, run, shared};
use axum::body::Body;
use serde_json::Value;
use server::ServerConfig;
use std::time::Duration;

async fn found(who: Who, query: &str) -> Value {
    let query = query.replace('%', "%25").replace(' ', "+").replace('#', "%23").replace('&', "%26");
    let answer = shared().api(who, &format!("/api/v1/search?q={query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut json = answer.json();
    json["stats"]["duration_us"] = 0.into();
    json
}

#[test]
fn an_answer_has_the_documented_shape() {
    run(async {
        insta::assert_json_snapshot!(found(Who::Ada, "needle repo:^app$ lang:rust").await);
    });
}

#[test]
fn paths_and_repositories_are_results_too() {
    run(async {
        insta::assert_json_snapshot!("path", found(Who::Ada, "type:path deep").await);
        insta::assert_json_snapshot!("repo", found(Who::Ada, "type:repo vau").await);
    });
}

#[test]
fn wrong_queries_say_where_and_how_to_mend() {
    run(async {
        for (name, query) in [
            ("unclosed", "foo+%22bar"),
            ("unknown_filter", "fiel:x"),
            ("no_commits_to_exclude", "x+rev:%5Ebase"),
            ("regex", "/(a/"),
        ] {
            let answer = shared().api(Who::Bob, &format!("/api/v1/search?q={query}")).await;
            assert_eq!(answer.status, 400);
            assert_eq!(answer.header("content-type"), "application/problem+json");
            insta::assert_json_snapshot!(name, answer.json());
        }
    });
}

#[test]
fn the_stream_tells_matches_then_the_end() {
    run(async {
        let headers = [("accept", "text/event-stream")];
        let answer = shared().ask(Who::Bob, "GET", "/api/v1/search?q=needle", &headers, Body::empty()).await;
        assert_eq!(answer.header("content-type"), "text/event-stream");
        let text = answer.text();
        let events: Vec<(&str, &str)> = text
            .split("\n\n")
            .filter_map(|event| event.split_once('\n'))
            .map(|(name, data)| (name.trim_start_matches("event: "), data.trim_start_matches("data: ")))
            .collect();
        let names: Vec<&str> =
            events.iter().map(|(name, _)| *name).filter(|name| *name != "progress").collect();
        assert_eq!(names.first(), Some(&"matches"));
        assert_eq!(names[names.len() - 2..], ["filters", "done"]);
        let whole = found(Who::Bob, "needle").await;
        let streamed: Vec<Value> = events
            .iter()
            .filter(|(name, _)| *name == "matches")
            .flat_map(|(_, data)| serde_json::from_str::<Vec<Value>>(data).expect("an array"))
            .collect();
        assert_eq!(Value::Array(streamed), whole["matches"]);
        let (_, done) = events.last().expect("an end");
        let done: Value = serde_json::from_str(done).expect("stats");
        assert_eq!(done["lines"], whole["stats"]["lines"]);
    });
}

#[test]
fn the_page_shows_results_facets_and_whether_that_is_all() {
    run(async {
        let page = shared().get(Who::Ada, "/search?q=needle").await;
        assert_eq!(page.status, 200);
        let text = page.text();
        for expected in
            ["<mark>needle</mark>", "complete", "lang:", "repo:^app$", "/r/app@main/-/blob/src/main.rs#L2"]
        {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(text.contains("&lt;b&gt;bold&lt;/b&gt; &amp; more"), "code is escaped");
    });
}

#[test]
fn a_slow_search_streams_the_same_page() {
    run(async {
        // Without patience every search is a slow one.
        let config = ServerConfig { page_patience: Duration::ZERO, ..ServerConfig::default() };
        let world = World::with_config(Secret::Exists, config).await;
        for query in ["needle", "nowhere_at_all", "needle+count:all"] {
            let streamed = world.get(Who::Ada, &format!("/search?q={query}")).await;
            assert_eq!(streamed.header("content-type"), "text/html; charset=utf-8");
            let (streamed, whole) =
                (streamed.text(), shared().get(Who::Ada, &format!("/search?q={query}")).await.text());
            let articles = |page: &str| -> Vec<String> {
                page.split("<article")
                    .skip(1)
                    .map(|part| part.split("</article>").next().unwrap_or("").to_owned())
                    .collect()
            };
            assert_eq!(articles(&streamed), articles(&whole), "{query}");
            assert!(streamed.contains("Searching…") && streamed.contains("complete ✓"), "{query}");
            assert_eq!(streamed.matches("</html>").count(), 1, "{query}");
            assert_eq!(streamed.contains("Nothing found"), whole.contains("Nothing found"), "{query}");
        }
    });
}

#[test]
fn what_cannot_be_run_is_refused_however_busy_the_server_is() {
    run(async {
        let config = ServerConfig { page_patience: Duration::ZERO, ..ServerConfig::default() };
        let world = World::with_config(Secret::Exists, config).await;
        // The parser takes all of these; only who plans the search sees what is wrong with them.
        for query in ["needle+select:symbol.klass", "struct:%22a(:[x~(]%22", "/(a{900}){900}/"] {
            for _ in 0..8 {
                let page = world.get(Who::Ada, &format!("/search?q={query}")).await;
                assert_eq!(page.status, 400, "{query}");
                assert!(!page.text().contains("Searching…"), "{query}");
            }
        }
    });
}

#[test]
fn a_wrong_query_is_underlined_and_mended_on_the_page() {
    run(async {
        let page = shared().get(Who::Ada, "/search?q=needle+fiel:x").await;
        assert_eq!(page.status, 400);
        let text = page.text();
        assert!(text.contains("<mark>"), "{text}");
        assert!(text.contains("Search instead"), "{text}");
    });
}

#[test]
fn nothing_found_says_what_to_try() {
    run(async {
        let text = shared().get(Who::Ada, "/search?q=nowhere_at_all+case:yes").await.text();
        assert!(text.contains("Nothing found") && text.contains("ignore upper and lower case"), "{text}");
    });
}

#[test]
fn the_buttons_of_the_box_work_without_javascript() {
    run(async {
        for (target, location) in [
            ("/search?q=a+b&toggle=case", "/search?q=a%20b%20case%3Ayes"),
            ("/search?q=a%20case:yes&toggle=case", "/search?q=a"),
            ("/search?q=a&toggle=regexp", "/search?q=a%20patterntype%3Aregexp"),
            ("/search?q=a&toggle=%3Cx", "/search?q=a"),
            ("/search?q=", "/"),
            ("/search", "/"),
        ] {
            let answer = shared().get(Who::Ada, target).await;
            assert_eq!((answer.status.as_u16(), answer.header("location")), (303, location), "{target}");
        }
    });
}

#[test]
fn typing_is_coloured_and_completed() {
    run(async {
        let complete =
            async |query: &str| shared().api(Who::Ada, &format!("/api/v1/complete?q={query}")).await.json();
        let labels = |json: &Value| -> Vec<String> {
            let items = json["items"].as_array().expect("items").iter();
            items.map(|item| item["label"].as_str().unwrap_or("").to_owned()).collect()
        };
        let filters = complete("needle+fi").await;
        assert!(labels(&filters).contains(&"file:".to_owned()), "{filters}");
        let repos = complete("repo:va").await;
        assert_eq!(labels(&repos), ["vault"]);
        assert_eq!(repos["items"][0]["text"], "repo:^vault$ ");
        assert_eq!(repos["tokens"][0]["kind"], "filter");
        assert!(labels(&complete("lang:rus").await).contains(&"Rust".to_owned()));
        assert!(labels(&complete("rev:v1").await).contains(&"v1.0".to_owned()));
        assert_eq!(shared().api(Who::Ada, "/api/v1/complete?q=%C3%A9&cursor=1").await.status, 200);
    });
}

/// What contradicts itself is told with the query that was probably meant, on the page as a link.
#[test]
fn contradictions_and_misspelled_languages_are_mended() {
    run(async {
        let world = shared();
        for (query, mended) in [
            ("lang:go lang:rust needle", "(lang:go OR lang:rust) needle"),
            ("lang:golang lang:rust needle", "(lang:golang OR lang:rust) needle"),
            ("type:repo file:rs app", "file:rs app"),
            ("lang:pyton needle", "lang:Python needle"),
            ("lang:\"comon lisp\" needle", "lang:\"Common Lisp\" needle"),
        ] {
            let encoded: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
            let page = world.get(Who::Ada, &format!("/search?q={encoded}")).await.text();
            let wanted: String = url::form_urlencoded::byte_serialize(mended.as_bytes()).collect();
            let wanted = wanted.replace('+', "%20");
            assert!(page.contains("role=\"alert\""), "{query}: {page}");
            assert!(page.contains(&format!("/search?q={wanted}\"")), "{query}: {wanted}: {page}");
        }
        let none = world.get(Who::Ada, "/search?q=lang:rust+l:rs+needle").await.text();
        assert!(!none.contains("role=\"alert\""), "{none}");
    });
}
