//! The files that are not searched, listed with their reasons.

use crate::world::{Secret, Who, World, run, shared};

#[test]
fn files_are_listed_with_their_reasons() {
    run(async {
        let list = shared().api(Who::Bob, "/api/v1/repos/app/-/skipped").await.json();
        assert_eq!(list["counts"], serde_json::json!([{"reason": "file-binary", "count": 1}]), "{list}");
        let file = &list["files"][0];
        assert_eq!(
            (file["path"].as_str(), file["reason"].as_str()),
            (Some("image.png"), Some("file-binary"))
        );
        assert_eq!(file["url"], "/r/app/-/blob/image.png");
        assert!(file["size_bytes"].as_u64() > Some(8) && list["next"].is_null(), "{list}");
        let other = shared().api(Who::Bob, "/api/v1/repos/app@v1.0/-/skipped?reason=submodule").await.json();
        assert_eq!(other["files"], serde_json::json!([]));
        assert_eq!(other["counts"], list["counts"], "counts are of the whole revision");
        let branch = shared().api(Who::Bob, "/api/v1/repos/app@feature/%2D/x/-/skipped").await.json();
        assert_eq!(branch["counts"], serde_json::json!([]));
        for (query, status) in [("?reason=timeout", 400), ("?cursor=x", 400), ("?limit=x", 400)] {
            let answer = shared().api(Who::Bob, &format!("/api/v1/repos/app/-/skipped{query}")).await;
            assert_eq!(answer.status, status, "{query}");
        }
        assert_eq!(shared().api(Who::Bob, "/api/v1/repos/app@nothing/-/skipped").await.status, 404);
    });
}

#[test]
fn the_page_lists_them_too() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app/-/skipped").await.text();
        for part in ["1 file", "image.png", "not text", "/why?repo=app&#38;path=image.png"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.contains("href=\"/api/v1/repos/app/-/skipped\""), "{page}");
        let narrowed = shared().get(Who::Bob, "/r/app/-/skipped?reason=file-binary&cursor=61").await.text();
        for part in [
            "The last 1 of 1 file, those after &#39;a&#39;.",
            "skipped?cursor=61&#38;reason=file-binary\">As JSON",
        ] {
            assert!(narrowed.contains(part), "{part}: {narrowed}");
        }
        let none = shared().get(Who::Bob, "/r/odd/-/skipped").await.text();
        assert!(none.contains("Every file of this revision is searched"), "{none}");
        let root = shared().get(Who::Bob, "/r/app@v1.0").await.text();
        assert!(root.contains("href=\"/r/app@v1.0/-/skipped\""), "{root}");
        let why = shared().get(Who::Bob, "/why?repo=app&path=image.png").await.text();
        assert!(why.contains("href=\"/r/app/-/skipped\""), "{why}");
    });
}

#[test]
fn a_hidden_repository_is_answered_like_none() {
    run(async {
        let with = World::new(Secret::Exists).await;
        let without = World::new(Secret::DoesNotExist).await;
        for target in
            ["/api/v1/repos/vault/-/skipped", "/api/v1/repos/vault/-/skipped?cursor=61", "/r/vault/-/skipped"]
        {
            let one = with.get(Who::Bob, target).await;
            let other = without.get(Who::Bob, target).await;
            assert_eq!(one.status, 404, "{target}");
            assert_eq!(one.text(), other.text(), "{target}");
        }
    });
}
