//! The history of files, folders and repositories.

use crate::world::{Secret, Who, World, run, shared};

#[test]
fn a_history_says_what_was_changed() {
    run(async {
        let all = shared().api(Who::Bob, "/api/v1/repos/app/-/commits").await.json();
        let commits = all["commits"].as_array().expect("a list");
        assert!(!commits.is_empty() && all["next"].is_null(), "{all}");
        assert!(
            all["commits"][0]["change"].is_null() && all["commits"][0]["files"].as_u64() > Some(0),
            "{all}"
        );
        let file = shared().api(Who::Bob, "/api/v1/repos/app/-/log/README.md").await.json();
        let cursor = format!("{}.1", all["commit"].as_str().unwrap_or_default());
        let beyond =
            shared().api(Who::Bob, &format!("/api/v1/repos/app/-/commits?cursor={cursor}")).await.json();
        assert_eq!(beyond["commits"].as_array().map(Vec::len), Some(commits.len() - 1), "{beyond}");
        let first = file["commits"].as_array().and_then(|list| list.last()).expect("a commit").clone();
        assert_eq!((&first["change"], &first["path"]), (&"added".into(), &"README.md".into()));
        assert!(first["added"].as_u64() > Some(0), "{first}");
    });
}

#[test]
fn the_page_leads_to_commits_and_back_to_the_file() {
    run(async {
        let page = shared().get(Who::Bob, "/r/app/-/log/README.md").await.text();
        for part in ["/r/app/-/commit/", "/-/blob/README.md", "As JSON", "data-key=\"c\""] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let file = shared().get(Who::Bob, "/r/app/-/blob/README.md").await.text();
        assert!(file.contains("href=\"/r/app/-/log/README.md\""), "{file}");
        let root = shared().get(Who::Bob, "/r/app").await.text();
        assert!(root.contains("href=\"/r/app/-/commits\""), "{root}");
        let nobody = shared().get(Who::Bob, "/r/app/-/commits?author=nobody-at-all").await.text();
        assert!(nobody.contains("No commit") && nobody.contains("Show all commits"), "{nobody}");
        let older = shared().get(Who::Bob, "/r/app/-/commits?until=1999-01-01").await.text();
        assert!(older.contains("No commit"), "{older}");
    });
}

#[test]
fn commits_go_by_names_and_short_ids_too() {
    run(async {
        let log = shared().api(Who::Bob, "/api/v1/repos/app/-/commits?limit=2").await.json();
        let ids: Vec<&str> = log["commits"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|one| one["id"].as_str().or(one["commit"].as_str()))
            .collect();
        let by_id = shared().api(Who::Bob, &format!("/api/v1/repos/app/-/commits/{}", ids[0])).await.json();
        for name in ["main", "HEAD", &ids[0][..8], "refs/heads/main"] {
            let by_name = shared().api(Who::Bob, &format!("/api/v1/repos/app/-/commits/{name}")).await.json();
            assert_eq!(by_name, by_id, "{name}");
            let page = shared().get(Who::Bob, &format!("/r/app/-/commit/{name}")).await;
            assert_eq!(page.status, 200, "{name}");
            assert!(page.text().contains(ids[0]), "{name}");
        }
        if let Some(before) = ids.get(1) {
            let stepped = shared().api(Who::Bob, "/api/v1/repos/app/-/commits/main~1").await.json();
            assert_eq!(stepped["commit"], **before);
        }
        for target in ["/r/app/-/commit/nothing", "/r/app/-/commit/--all", "/r/vault/-/commit/main"] {
            let unknown = shared().get(Who::Bob, "/r/unknown/-/commit/main").await;
            let answer = shared().get(Who::Bob, target).await;
            assert_eq!(answer.status, 404, "{target}");
            assert_eq!(answer.status, unknown.status, "{target}");
        }
    });
}

#[test]
fn what_has_no_history_is_not_found() {
    run(async {
        for target in [
            "/r/app/-/log/nothing.txt",
            "/r/app@nothing/-/log/README.md",
            "/r/app/-/log/../README.md",
            "/r/vault/-/commits",
            "/r/vault/-/log/secret.txt",
            "/api/v1/repos/app/-/log/nothing",
            "/api/v1/repos/vault/-/commits",
        ] {
            assert_eq!(shared().get(Who::Bob, target).await.status, 404, "{target}");
        }
        for query in ["cursor=x", "since=never", "limit=x"] {
            let answer = shared().get(Who::Bob, &format!("/r/app/-/commits?{query}")).await;
            assert_eq!(answer.status, 400, "{query}");
        }
    });
}

#[test]
fn lines_are_told_with_the_commit_they_came_with() {
    run(async {
        let blame = shared().api(Who::Bob, "/api/v1/repos/app/-/blame/src/main.rs").await.json();
        let run = &blame["runs"][0];
        assert_eq!((run["start"].as_u64(), run["end"].as_u64()), (Some(1), Some(4)), "{blame}");
        assert_eq!(
            (&run["commit"], &run["before"]),
            (&blame["commits"][0]["commit"], &serde_json::Value::Null)
        );
        assert_eq!(blame["commits"][0]["subject"], "Change main");
        let page = shared().get(Who::Bob, "/r/app/-/blame/src/main.rs").await.text();
        for part in ["rowspan=4", "Change main", "needle &lt;b&gt;", "id=L4", "data-key=\"c\"", "1 author"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        // In windows, as the file is, and kept for the next look.
        for _ in 0..2 {
            let many = shared().get(Who::Bob, "/r/app/-/blame/many.txt?line=2500").await.text();
            assert!(many.contains("id=L2001") && many.contains("rowspan=2000") && !many.contains("id=L4001"));
            assert!(many.contains("/r/app/-/blame/many.txt?line=4001"), "{many:.2000}");
        }
    });
}

#[test]
fn what_has_no_lines_says_so() {
    run(async {
        let image = shared().get(Who::Bob, "/r/app/-/blame/image.png").await;
        assert!(image.status == 200 && image.text().contains("Not text"));
        assert_eq!(shared().get(Who::Bob, "/r/app/-/blame/empty.txt").await.status, 200);
        let folder = shared().get(Who::Bob, "/r/app/-/blame/src").await;
        assert_eq!((folder.status.as_u16(), folder.header("location")), (303, "/r/app/-/log/src"));
        for target in [
            "/api/v1/repos/app/-/blame/image.png",
            "/api/v1/repos/app/-/blame/src",
            "/r/app/-/blame/nothing",
            "/r/vault/-/blame/secret.txt",
            "/r/app@nothing/-/blame/README.md",
        ] {
            assert_eq!(shared().get(Who::Bob, target).await.status, 404, "{target}");
        }
    });
}

#[test]
fn two_revisions_are_compared() {
    run(async {
        let compared = shared().api(Who::Bob, "/api/v1/repos/app/-/compare/main..feature/-/x").await.json();
        assert_eq!(
            (compared["ahead"].as_u64(), compared["behind"].as_u64()),
            (Some(1), Some(1)),
            "{compared}"
        );
        assert!(compared["merge_base"].is_null(), "they have nothing in common: {compared}");
        let files = compared["files"].as_array().expect("a list");
        let change =
            |path: &str| files.iter().find(|file| file["path"] == path).map(|file| file["change"].clone());
        assert_eq!(
            (change("only-here.txt"), change("README.md")),
            (Some("added".into()), Some("deleted".into()))
        );
        let page = shared().get(Who::Bob, "/r/app/-/compare/main..feature/-/x").await.text();
        for part in [
            "1 commit ahead, 1 behind",
            "data-side=\"new\" data-line=\"1\">needle on a branch<",
            "data-reviewed",
            "view=split",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let alone = "/r/app/-/compare/main..feature/-/x?view=split&w=1&file=only-here.txt";
        let alone = shared().get(Who::Bob, alone).await.text();
        assert!(alone.contains("diff-lines split") && alone.contains("Show changed spaces"), "{alone}");
        assert!(alone.contains("All changed files") && !alone.contains("README.md"), "{alone}");
        let same = shared().get(Who::Bob, "/r/app/-/compare/main...main").await.text();
        assert!(same.contains("Nothing differs") && same.contains("0 commits ahead, 0 behind"), "{same}");
    });
}

#[test]
fn a_comparison_is_asked_for_by_a_form() {
    run(async {
        let form = shared().get(Who::Bob, "/r/app/-/compare").await.text();
        assert!(form.contains("<option value=\"feature/-/x\">") && form.contains("value=\"main\""), "{form}");
        let sent = shared().get(Who::Bob, "/r/app/-/compare?from=main&to=feature/-/x").await;
        let to = "/r/app/-/compare/main...feature/-/x";
        assert_eq!((sent.status.as_u16(), sent.header("location")), (303, to));
        assert_eq!(shared().get(Who::Bob, to).await.status, 200);
        for target in [
            "/r/app/-/compare/main",
            "/r/app/-/compare/main...nothing",
            "/r/app/-/compare?from=a..b&to=c",
            "/r/app/-/compare/main...main?file=nothing",
            "/r/vault/-/compare",
            "/r/vault/-/compare/main...main",
            "/api/v1/repos/app/-/compare/main",
            "/api/v1/repos/vault/-/compare/main...main",
        ] {
            assert_eq!(shared().get(Who::Bob, target).await.status, 404, "{target}");
        }
    });
}

/// A million changed lines, in one file and in a thousand: each answer is bounded and says what it left out.
#[test]
fn a_difference_of_a_million_lines_is_bounded_and_told() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let repo = world.code().repo("million");
        let lines = |mark: &str, n: usize| (0..n).map(|_| format!("{mark}\n")).collect::<String>();
        let (old, new) = (lines("a", 500_000), lines("bc", 500_000));
        let (old_small, new_small) = (lines("d", 500), lines("ef", 500));
        let names: Vec<String> = (0..1_200).map(|n| format!("many/{n:04}.txt")).collect();
        let files = |one: &str, many: &str| {
            let one = ("a.txt".to_owned(), one.as_bytes().to_vec());
            let many = names.iter().map(|name| (name.clone(), many.as_bytes().to_vec()));
            std::iter::once(one).chain(many).collect::<Vec<_>>()
        };
        let mut commits = Vec::new();
        for files in [files(&old, &old_small), files(&new, &new_small)] {
            let files: Vec<(&str, &[u8])> =
                files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
            commits.push(repo.commit_files("main", &files));
        }
        let (before, after) = (&commits[0], &commits[1]);
        world.take_up("million").await;
        let n_lines = |json: &serde_json::Value| -> usize {
            let files = json["files"].as_array().expect("files").iter();
            let hunks = files.flat_map(|file| file["hunks"].as_array().expect("hunks"));
            hunks.map(|hunk| hunk["lines"].as_array().expect("lines").len()).sum()
        };
        let all = world.api(Who::BobsToken, &format!("/api/v1/repos/million/-/commits/{after}")).await.json();
        let n_files = all["files"].as_array().map(Vec::len);
        assert_eq!(n_files, Some(1_000), "{}", all.to_string().chars().take(500).collect::<String>());
        let told = n_lines(&all);
        assert!((1..=5_000).contains(&told), "{told} lines are told");
        let left_out = all["left_out"].to_string();
        assert!(
            left_out.contains("201 more changed files") && left_out.contains("first 5000 lines"),
            "{left_out}"
        );
        let one = format!("/api/v1/repos/million/-/compare/{before}...{after}?file=a.txt");
        let alone = world.api(Who::BobsToken, &one).await.json();
        let told = n_lines(&alone);
        assert!((1..=50_000).contains(&told), "{told} lines are told");
        assert!(alone["left_out"].to_string().contains("first 50000 lines"), "{}", alone["left_out"]);
        let last = format!("/-/compare/{before}...{after}?file=many/1199.txt");
        let beyond = world.api(Who::BobsToken, &format!("/api/v1/repos/million{last}")).await.json();
        assert_eq!(beyond["files"][0]["path"], "many/1199.txt", "{beyond}");
        assert_eq!((beyond["files"].as_array().map(Vec::len), n_lines(&beyond)), (Some(1), 1_000));
        let page = world.get(Who::Bob, &format!("/r/million{last}")).await;
        assert!(page.status == 200 && page.text().contains("many/1199.txt"), "{}", page.status);
        for path in ["many", "many/", "many/1200.txt", "many/1199.txt/x"] {
            let target = format!("/r/million/-/compare/{before}...{after}?file={path}");
            assert_eq!(world.get(Who::Bob, &target).await.status, 404, "{path}");
        }
        let page = world.get(Who::Bob, &format!("/r/million/-/commit/{after}")).await;
        assert_eq!(page.status, 200);
        let page = page.text();
        assert!(page.len() < 4 << 20 && page.contains("201 more changed files"), "{} bytes", page.len());
    });
}
