//! The rest of the API: lists, status, the description of itself, health, metrics.

use crate::world::{Who, run, shared};
use serde_json::Value;

#[test]
fn repositories_are_listed_by_pages() {
    run(async {
        insta::assert_json_snapshot!(shared().api(Who::Bob, "/api/v1/repos").await.json());
        let mut names = Vec::new();
        let mut target = "/api/v1/repos?limit=1".to_owned();
        loop {
            let page = shared().api(Who::Ada, &target).await.json();
            names.extend(page["repos"].as_array().expect("repos").iter().map(|repo| repo["name"].clone()));
            match &page["next"] {
                Value::String(next) => target = format!("/api/v1/repos?limit=1&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!(Value::Array(names), serde_json::json!(["app", "odd", "vault"]));
        for bad in ["cursor=zz", "cursor=00", "limit=x", "limit=-1"] {
            assert_eq!(shared().api(Who::Ada, &format!("/api/v1/repos?{bad}")).await.status, 400, "{bad}");
        }
    });
}

#[test]
fn status_tells_numbers_to_administrators_only() {
    run(async {
        let bob = shared().api(Who::Bob, "/api/v1/status").await.json();
        assert_eq!((&bob["user"], &bob["jobs"]), (&"bob".into(), &Value::Null));
        let ada = shared().api(Who::Ada, "/api/v1/status").await.json();
        assert_eq!(ada["jobs"]["queued"], 0);
        assert_eq!(shared().api(Who::Bob, "/metrics").await.status, 403);
        let metrics = shared().api(Who::Ada, "/metrics").await.text();
        assert!(metrics.contains("sourcekeep_http_requests_total"), "{metrics}");
    });
}

#[test]
fn the_api_describes_itself() {
    run(async {
        let document = shared().api(Who::Bob, "/api/v1/openapi.json").await.json();
        let paths: Vec<&String> = document["paths"].as_object().expect("paths").keys().collect();
        let served = server::Server::routes();
        for path in &paths {
            let pattern = path.replace("{address}", "{*address}").replace("{name}", "{*name}");
            assert!(served.iter().any(|route| route.path == pattern), "{path} is described and not served");
        }
        for route in
            served.iter().filter(|route| route.path.starts_with("/api/v1/") && !route.path.ends_with(".json"))
        {
            let path = route.path.replace("{*address}", "{address}").replace("{*name}", "{name}");
            assert!(paths.contains(&&path), "{path} is served and not described");
        }
    });
}

#[test]
fn health_needs_no_account() {
    run(async {
        assert_eq!(shared().api(Who::Stranger, "/healthz").await.text(), "ok\n");
        assert_eq!(shared().api(Who::Stranger, "/readyz").await.text(), "ready\n");
    });
}

#[test]
fn what_is_not_there_is_a_problem_document() {
    run(async {
        insta::assert_json_snapshot!(shared().api(Who::Bob, "/api/v1/nothing").await.json());
        let wrong_method =
            shared().ask(Who::Bob, "DELETE", "/api/v1/repos", &[], axum::body::Body::empty()).await;
        assert!(wrong_method.status.is_client_error());
    });
}
