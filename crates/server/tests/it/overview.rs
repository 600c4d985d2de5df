//! What is said of a repository as a whole: languages, work, branches, people.

use crate::world::{Secret, Who, World, run, shared};

#[test]
fn a_repository_says_what_it_is_made_of() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app").await.text();
        let overview = page.split("class=\"overview\"").nth(1).expect("the overview");
        let overview = overview.split("</section>").next().expect("its end");
        // main.rs has 69 bytes, deep.c 31, page.html 46.
        assert!(overview.contains("Rust") && overview.contains("HTML"), "{overview}");
        assert!(overview.contains("in 1 file\""), "{overview}");
        assert!(
            overview.contains("/r/app/-/branches\">2 branches") && overview.contains("kind=tags\">1 tag<"),
            "{overview}"
        );
        let folder = shared().get(Who::Bob, "/r/app/-/tree/src").await.text();
        assert!(!folder.contains("class=\"overview\""), "{folder}");
    });
}

#[test]
fn branches_are_listed_with_their_distance() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app/-/branches").await.text();
        assert!(
            page.contains("2 branches") && page.contains("feature/-/x") && page.contains(">default<"),
            "{page}"
        );
        assert!(page.contains("ahead,") && page.contains("/r/app/-/compare/main...feature/"), "{page}");
        let filtered = shared().get(Who::Bob, "/r/app/-/branches?q=FEATURE").await.text();
        assert!(filtered.contains("1 branch<") && !filtered.contains(">default<"), "{filtered}");
        let none = shared().get(Who::Bob, "/r/app/-/branches?q=%3Cscript%3E").await.text();
        assert!(none.contains("No branch") && none.contains("&#60;script&#62;"), "{none}");
        let tags = shared().get(Who::Bob, "/r/app/-/branches?kind=tags").await.text();
        assert!(tags.contains("v1.0") && !tags.contains("feature/-/x</span>"), "{tags}");
        let json = shared().api(Who::BobsToken, "/api/v1/repos/app/-/branches").await.json();
        assert_eq!((&json["total"], &json["next"]), (&2.into(), &serde_json::Value::Null), "{json}");
        assert_eq!(json["branches"][0]["name"], "refs/heads/main", "{json}");
        assert!(
            json["branches"][0]["is_default"] == true && json["branches"][1]["ahead"].is_number(),
            "{json}"
        );
        let past = shared().api(Who::BobsToken, "/api/v1/repos/app/-/branches?from=99999999999").await.json();
        assert_eq!(
            (past["branches"].as_array().map(Vec::len), past["next"].is_null()),
            (Some(0), true),
            "{past}"
        );
    });
}

#[test]
fn contributors_are_told_or_said_to_be_missing() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app/-/contributors").await;
        assert_eq!(page.status, 200);
        assert!(
            page.text().contains("merges are not counted") || page.text().contains("Not read yet"),
            "{}",
            page.text()
        );
        let wrong = shared().get(Who::Bob, "/r/app/-/contributors?since=yesterday").await;
        assert_eq!(wrong.status, 400);
        assert_eq!(shared().get(Who::Bob, "/r/app/-/contributors/none").await.status, 404);
    });
}

#[test]
fn contributors_of_a_path_are_those_who_changed_it() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let repo = world.code().repo("paths");
        repo.commit_files("main", &[("src/a.rs", b"1"), ("srcs", b"1")]);
        repo.commit_files("main", &[("src/a.rs", b"2"), ("srcs", b"1")]);
        repo.commit_files("main", &[("src/a.rs", b"2"), ("srcs", b"1"), ("src/b.rs", b"1")]);
        repo.commit_files("main", &[("src/a.rs", b"2"), ("srcs", b"2"), ("src/b.rs", b"1")]);
        world.take_up("paths").await;
        let told = async |path: &str| {
            let target = format!("/api/v1/repos/paths/-/contributors{path}");
            let json = world.api(Who::BobsToken, &target).await.json();
            (json["commits"].as_u64(), json["left_out"].to_string())
        };
        for (path, n) in [("", 4), ("/src", 3), ("/src/a.rs", 2), ("/src/b.rs", 1), ("/srcs", 2)] {
            assert_eq!(told(path).await, (Some(n), "[]".to_owned()), "{path}");
        }
        for missing in ["/sr", "/src/c.rs", "/src/a.rs/x"] {
            let target = format!("/api/v1/repos/paths/-/contributors{missing}");
            assert_eq!(world.api(Who::BobsToken, &target).await.status, 404, "{missing}");
        }
        let page = world.get(Who::Bob, "/r/paths/-/contributors/src").await.text();
        assert!(
            page.contains("3 commits by 1 person") && page.contains("/r/paths/-/log/src?author="),
            "{page}"
        );
        let page = world.get(Who::Bob, "/r/paths/-/blob/src/a.rs").await.text();
        assert!(page.contains("/r/paths/-/contributors/src/a.rs\""), "{page}");
    });
}

/// Who reads a part is told its languages and refs, and nothing of work and people.
#[test]
fn a_part_has_no_history_to_be_told() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let form = "repo=app&act=save&for=account&name=bob&rules=src/lib/&tries=";
        assert_eq!(world.post(Who::Ada, "/admin/rules", form).await.status, 303);
        let page = world.get(Who::Bob, "/r/app").await.text();
        let overview = page.split("class=\"overview\"").nth(1).expect("the overview");
        let overview = overview.split("</section>").next().expect("its end");
        assert!(
            overview.contains("100.0 %") && !overview.contains("Rust") && !overview.contains("HTML"),
            "{overview}"
        );
        assert!(!overview.contains("commits") && !overview.contains("contributors"), "{overview}");
        let branches = world.get(Who::Bob, "/r/app/-/branches").await.text();
        assert!(
            !branches.contains("ahead")
                && !branches.contains("/-/compare")
                && !branches.contains("/-/commit/"),
            "{branches}"
        );
        for target in ["/r/app/-/contributors", "/r/app/-/contributors/src/lib", "/r/nothing/-/contributors"]
        {
            assert_eq!(world.get(Who::Bob, target).await.status, 404, "{target}");
        }
    });
}

#[test]
fn versions_of_a_file_lead_to_each_other() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let repo = world.code().repo("versions");
        let first = repo.commit_files("main", &[("a.rs", b"struct One;\nimpl One { fn held() {} }\n")]);
        repo.commit_files(
            "main",
            &[("a.rs", b"struct One;\nimpl One { fn held() {} }\n"), ("b.rs", b"struct Other;\n")],
        );
        let last = repo.commit_files("main", &[("a.rs", b"struct Two;\nimpl One { fn held() {} }\n")]);
        world.take_up("versions").await;
        let to = async |at: &str, to: &str| {
            let target = format!("/r/versions{at}/-/version/a.rs?to={to}");
            world.get(Who::Bob, &target).await.header("location").to_owned()
        };
        assert_eq!(to("", "before").await, format!("/r/versions@{first}/-/blob/a.rs"));
        assert_eq!(to(&format!("@{first}"), "after").await, format!("/r/versions@{last}/-/blob/a.rs"));
        assert_eq!(to("", "after").await, "/r/versions/-/blob/a.rs");
        assert_eq!(to(&format!("@{first}"), "before").await, format!("/r/versions@{first}/-/blob/a.rs"));
        for wrong in ["a.rs?to=x", "a.rs", "none.rs?to=before"] {
            let target = format!("/r/versions/-/version/{wrong}");
            assert_eq!(world.get(Who::Bob, &target).await.status, 404, "{target}");
        }
        let page = world.get(Who::Bob, "/r/versions/-/blob/a.rs?outline=1").await.text();
        assert!(page.contains("href=\"#L1\" data-line=\"1\"") && page.contains("class=\"held\""), "{page}");
        let page = world.get(Who::Bob, "/r/versions/-/blob/a.rs").await.text();
        assert!(page.contains("/-/version/a.rs?to=before") && !page.contains("data-outline"), "{page}");
    });
}

#[test]
fn owners_of_a_repository_are_named() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let rules = "* @everything\n/src/ @core <b>@x\n/docs/ @core\n";
        let owners: String = (0..20).map(|n| format!("/{n}/ @team-{n:02}\n")).collect();
        let files: [(&str, &[u8]); 2] =
            [(".github/CODEOWNERS", rules.as_bytes()), ("a.rs", b"struct One;\n")];
        let repo = world.code().repo("owned");
        repo.commit_files("main", &files);
        repo.commit_files("many", &[("CODEOWNERS", owners.as_bytes())]);
        world.take_up("owned").await;
        let overview = async |target: &str| {
            let page = world.get(Who::Bob, target).await.text();
            let overview = page.split("class=\"overview\"").nth(1).expect("the overview").to_owned();
            overview.split("</section>").next().expect("its end").to_owned()
        };
        let told = overview("/r/owned").await;
        assert!(told.contains("@core</a> <a") && told.contains(">@everything</a>"), "{told}");
        assert!(told.contains("/r/owned/-/blob/.github/CODEOWNERS\"") && !told.contains("<b>"), "{told}");
        assert!(!told.contains("git clone"), "a folder of the server is told: {told}");
        let told = overview("/r/owned@many").await;
        assert!(
            told.contains("@team-11") && !told.contains("@team-12") && told.contains("and 8 others"),
            "{told}"
        );
        let json = world.api(Who::BobsToken, "/api/v1/repos/owned/-/owners").await.json();
        assert_eq!(
            (&json["owners"][0]["owner"], &json["owners"][0]["rules"]),
            (&"@core".into(), &2.into()),
            "{json}"
        );
        assert_eq!(json["total"], 3, "{json}");
        let form = "repo=owned&act=save&for=account&name=bob&rules=a.rs&tries=";
        assert_eq!(world.post(Who::Ada, "/admin/rules", form).await.status, 303);
        let told = overview("/r/owned").await;
        assert!(!told.contains("@core") && !told.contains("CODEOWNERS"), "{told}");
        let json = world.api(Who::BobsToken, "/api/v1/repos/owned/-/owners").await.json();
        assert_eq!(json["total"], 0, "{json}");
    });
}
