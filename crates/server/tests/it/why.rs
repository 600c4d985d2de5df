//! "Why is this file not found?" over HTTP, and the names of requests.

use crate::world::{REQUEST_ID, Secret, Who, World, run, shared};

#[test]
fn the_api_answers_step_by_step() {
    run(async {
        let why = shared().api(Who::Bob, "/api/v1/repos/app/-/why/src/main.rs?q=lang:go+needle").await.json();
        assert_eq!(why["found"], false);
        let steps = why["steps"].as_array().expect("steps");
        let of = |what: &str| steps.iter().filter(|step| step["what"] == what).collect::<Vec<_>>();
        assert_eq!(of("condition")[0]["message"], "`lang:go`: no, this file is Rust.");
        assert_eq!(of("condition")[1]["message"], "`needle`: occurs once.");
        assert!(of("index")[0]["message"].as_str().expect("text").starts_with("It was last indexed"));
        let why = shared().api(Who::Bob, "/api/v1/repos/app/-/why/src/main.rs?q=needle").await.json();
        assert_eq!(why["found"], true, "{why}");
        let missing = shared().api(Who::Bob, "/api/v1/repos/app/-/why/src/Main.rs").await.json();
        let last = missing["steps"].as_array().expect("steps").last().expect("a step");
        assert_eq!(last["message"], "git has no such path at this revision either.");
        let bad = shared().api(Who::Bob, "/api/v1/repos/app/-/why/src/main.rs?q=foo(").await;
        assert_eq!(bad.status, 400);
    });
}

#[test]
fn a_hidden_repository_is_answered_like_none() {
    run(async {
        let with = World::new(Secret::Exists).await;
        let without = World::new(Secret::DoesNotExist).await;
        for target in [
            "/api/v1/repos/vault/-/why/secret.txt?q=Zanzibar",
            "/why?repo=vault&path=secret.txt&q=Zanzibar",
            "/why?repo=vaul&path=secret.txt",
        ] {
            let one = with.get(Who::Bob, target).await;
            let other = without.get(Who::Bob, target).await;
            assert_eq!((one.status, one.text()), (other.status, other.text()), "{target}");
            assert!(!one.text().contains("Zanzibar") || target.contains("Zanzibar"));
        }
    });
}

#[test]
fn the_page_says_it_first_and_then_why() {
    run(async {
        let page = shared().get(Who::Bob, "/why?repo=app&path=image.png&q=needle").await.text();
        assert!(page.contains("not text") && page.contains("class=\"mark no\""), "{page}");
        let empty = shared().get(Who::Bob, "/why").await.text();
        assert!(empty.contains("Which file?"));
        let nothing = shared().get(Who::Bob, "/search?q=qqqqqq").await.text();
        assert!(nothing.contains("href=\"/why?q=qqqqqq\""), "{nothing}");
        let file = shared().get(Who::Bob, "/r/app@v1.0/-/blob/src/main.rs").await.text();
        assert!(file.contains("/why?repo=app&#38;path=src/main.rs&#38;rev=v1.0"), "{file}");
    });
}

#[test]
fn every_answer_carries_its_requests_name() {
    run(async {
        let problem = shared().api(Who::Bob, "/api/v1/repos/nothing").await;
        assert_eq!(problem.json()["request_id"], REQUEST_ID);
        assert_eq!(problem.header("x-request-id"), REQUEST_ID);
        let page = shared().get(Who::Bob, "/nothing").await;
        assert!(page.text().contains(REQUEST_ID));
        assert_eq!(shared().get(Who::Bob, "/").await.header("x-request-id"), REQUEST_ID);
        // What a caller sends is not taken for ours.
        let headers = [("accept", "application/json"), ("x-request-id", "forged\u{9}")];
        let forged = shared().ask(Who::Bob, "GET", "/nothing", &headers, axum::body::Body::empty()).await;
        assert_eq!(forged.header("x-request-id"), REQUEST_ID);
    });
}
