//! Repositories, folders and files, as pages and as the API.

use crate::world::{Who, run, shared};

#[test]
fn a_repository_shows_its_root() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app").await;
        assert_eq!(page.status, 200);
        let text = page.text();
        for expected in
            ["/r/app/-/tree/src", "/r/app/-/blob/README.md", "/r/app@v1.0", "feature/-/x", "Change main"]
        {
            assert!(text.contains(expected), "{expected}");
        }
    });
}

#[test]
fn a_file_shows_its_lines() {
    run(async {
        let text = shared().get(Who::Bob, "/r/app/-/blob/src/main.rs").await.text();
        for expected in [
            "<tr id=L2>",
            "href=\"#L2\"",
            "<span class=k>fn</span>",
            "&lt;b&gt;bold&lt;/b&gt;",
            "4 lines",
            "Rust",
            "data-permalink",
        ] {
            assert!(text.contains(expected), "{expected}");
        }
    });
}

#[test]
fn revisions_are_chosen_by_name_and_by_commit() {
    run(async {
        let on_branch = shared().get(Who::Bob, "/r/app@feature/%2D/x/-/blob/only-here.txt").await;
        assert_eq!(on_branch.status, 200);
        assert_eq!(shared().get(Who::Bob, "/r/app/-/blob/only-here.txt").await.status, 404);
        let text = on_branch.text();
        let permalink =
            text.split("href=\"").find(|part| part.contains("data-permalink")).expect("a permalink");
        let permalink = permalink.split('"').next().expect("its address");
        assert_eq!(shared().get(Who::Bob, permalink).await.status, 200, "{permalink}");
        for rev in ["nothing", "--upload-pack=x", "..", "HEAD~1", "refs/heads/../../x", &"a".repeat(2000)] {
            let answer = shared().get(Who::Bob, &format!("/r/app@{rev}/-/blob/README.md")).await;
            assert_eq!(answer.status, 404, "{rev}");
        }
    });
}

#[test]
fn a_huge_file_comes_in_windows() {
    run(async {
        let first = shared().get(Who::Bob, "/r/app/-/blob/many.txt").await.text();
        assert!(first.contains("Lines 1 to 2,000 of 4,500") && first.contains("line=2001"));
        assert!(first.contains("<tr id=L2000>") && !first.contains("<tr id=L2001>"));
        let last = shared().get(Who::Bob, "/r/app/-/blob/many.txt?line=4321").await.text();
        assert!(last.contains("<tr id=L4321>") && last.contains("Lines 4,001 to 4,500"));
        for line in ["0", "-1", "99999999999999999999", "x", "4501"] {
            let answer = shared().get(Who::Bob, &format!("/r/app/-/blob/many.txt?line={line}")).await;
            assert_eq!(answer.status, 200, "{line}");
        }
    });
}

#[test]
fn what_is_not_plain_text_says_so() {
    run(async {
        let page = async |path: &str| shared().get(Who::Bob, &format!("/r/app/-/blob/{path}")).await.text();
        let binary = page("image.png").await;
        assert!(binary.contains("PNG image") && binary.contains("raw/image.png?as=image"), "{binary}");
        let decoded = page("docs/sjis.txt").await;
        assert!(decoded.contains("テストの文書です") && decoded.contains("Shift_JIS"), "{decoded}");
        assert!(page("empty.txt").await.contains("0 lines"));
    });
}

#[test]
fn raw_files_are_harmless() {
    run(async {
        let html = shared().get(Who::Bob, "/r/app/-/raw/page.html").await;
        assert_eq!(html.header("content-type"), "text/plain; charset=utf-8");
        assert!(html.header("content-security-policy").contains("sandbox"));
        assert_eq!(html.header("x-content-type-options"), "nosniff");
        assert_eq!(html.text(), "<html><script>alert('needle')</script></html>\n");
        let image = shared().get(Who::Bob, "/r/app/-/raw/image.png").await;
        assert_eq!(image.header("content-type"), "application/octet-stream");
        assert!(image.header("content-disposition").starts_with("attachment; filename=\"image.png\""));
        assert_eq!(shared().get(Who::Bob, "/r/app/-/raw/src").await.status, 404);
    });
}

#[test]
fn folders_and_files_lead_to_each_other() {
    run(async {
        let folder = shared().get(Who::Bob, "/r/app/-/blob/src").await;
        assert_eq!((folder.status.as_u16(), folder.header("location")), (303, "/r/app/-/tree/src"));
        let file = shared().get(Who::Bob, "/r/app/-/tree/README.md").await;
        assert_eq!((file.status.as_u16(), file.header("location")), (303, "/r/app/-/blob/README.md"));
    });
}

#[test]
fn the_api_tells_the_same() {
    run(async {
        let json =
            async |path: &str| shared().api(Who::BobsToken, &format!("/api/v1/repos/{path}")).await.json();
        insta::assert_json_snapshot!("refs", json("app/-/refs").await);
        insta::assert_json_snapshot!("tree", json("app/-/tree/src").await);
        insta::assert_json_snapshot!("file", json("app@v1.0/-/file/src/main.rs").await);
        insta::assert_json_snapshot!("binary", json("app/-/file/image.png").await);
        let raw = shared().api(Who::BobsToken, "/api/v1/repos/app/-/raw/src/main.rs").await;
        assert_eq!(raw.header("content-type"), "text/plain; charset=utf-8");
    });
}

#[test]
fn a_file_says_who_owns_it() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app@feature/%2D/x/-/blob/only-here.txt").await.text();
        assert!(
            page.contains("Owned by") && page.contains("@docs-team") && page.contains("CODEOWNERS, line 2")
        );
        assert!(page.contains("file:has.owner(@docs-team)") || page.contains("has.owner%28%40docs-team%29"));
        let unowned = shared().get(Who::Bob, "/r/app/-/blob/README.md").await.text();
        assert!(!unowned.contains("Owned by"));
        let answer =
            shared().api(Who::Bob, "/api/v1/repos/app@feature/%2D/x/-/owners/only-here.txt").await.json();
        assert_eq!(answer["owners"], serde_json::json!(["@docs-team", "me@example.com"]));
        assert_eq!(
            (&answer["rules"][0]["file"], &answer["rules"][0]["line"]),
            (&"CODEOWNERS".into(), &2.into())
        );
        assert_eq!(answer["rules"][0]["url"], "/r/app@feature/%2D/x/-/blob/CODEOWNERS#L2");
        let nobody = shared().api(Who::Bob, "/api/v1/repos/app/-/owners/README.md").await.json();
        assert_eq!(nobody["owners"], serde_json::json!([]));
        for missing in ["/api/v1/repos/app/-/owners/nothing", "/api/v1/repos/vault/-/owners/secret.txt"] {
            assert_eq!(shared().api(Who::Bob, missing).await.status, 404, "{missing}");
        }
    });
}
