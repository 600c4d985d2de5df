//! Counts over HTTP.

use crate::world::{Secret, Who, World, run, shared};

#[test]
fn counts_add_up_to_what_a_search_finds() {
    run(async {
        let found = shared().api(Who::Bob, "/api/v1/search?q=needle+type:file+count:all").await.json();
        for by in ["repo", "path", "lang"] {
            let target = format!("/api/v1/aggregate?q=needle+type:file&by={by}&limit=1");
            let counts = shared().api(Who::Bob, &target).await.json();
            assert_eq!(counts["total"]["count"], found["stats"]["matches"], "{by}");
            assert_eq!(counts["total"]["results"], found["stats"]["files"], "{by}");
            let (told, rest) = (&counts["groups"][0]["count"], &counts["rest"]["count"]);
            let sum = told.as_u64().expect("a number") + rest.as_u64().expect("a number");
            assert_eq!(found["stats"]["matches"], sum, "{by}");
        }
    });
}

#[test]
fn what_one_may_not_read_is_not_counted() {
    run(async {
        let with = World::new(Secret::Exists).await;
        let without = World::new(Secret::DoesNotExist).await;
        for by in ["repo", "path", "lang", "capture_group"] {
            let target = format!("/api/v1/aggregate?q=/(needle)/&by={by}");
            let mut one = with.api(Who::Bob, &target).await.json();
            let mut other = without.api(Who::Bob, &target).await.json();
            one["stats"]["duration_us"] = 0.into();
            other["stats"]["duration_us"] = 0.into();
            assert_eq!(one, other, "{by}");
        }
    });
}

#[test]
fn the_page_shows_bars_as_a_table_whose_rows_narrow_the_query() {
    run(async {
        let page = shared().get(Who::Bob, "/aggregate?q=needle&by=path").await.text();
        assert!(
            page.contains("<table class=\"list bars\">") && page.contains("<rect width=\"1000\""),
            "{page}"
        );
        assert!(page.contains("href=\"/search?q=needle%20file%3A%5Esrc/\""), "{page}");
        assert!(page.contains("by=path&amp;depth=2") || page.contains("by=path&#38;depth=2"), "{page}");
        // Names are text, whatever they hold.
        assert!(!page.contains("<img") && page.contains("&#60;img"), "{page}");
        let empty = shared().get(Who::Bob, "/aggregate").await.text();
        assert!(empty.contains("What do you want to count?"));
        let nothing = shared().get(Who::Bob, "/aggregate?q=qqqqqq").await.text();
        assert!(nothing.contains("Nothing found"));
    });
}

#[test]
fn what_cannot_be_counted_says_why() {
    run(async {
        for (target, says) in [
            ("/api/v1/aggregate?q=needle&by=author", "type:commit"),
            ("/api/v1/aggregate?q=needle&by=capture_group", "regular expression"),
            ("/api/v1/aggregate?q=/(a)/&by=capture_group&group=7", "no group '7'"),
            ("/api/v1/aggregate?q=a&by=weather", "by must be"),
            ("/api/v1/aggregate?q=a&depth=0&by=path", "depth"),
            ("/api/v1/aggregate?q=foo(&by=repo", "parenthesis"),
        ] {
            let answer = shared().api(Who::Bob, target).await;
            assert_eq!(answer.status, 400, "{target}");
            assert!(answer.text().contains(says), "{target}: {}", answer.text());
        }
        let page = shared().get(Who::Bob, "/aggregate?q=needle&by=author").await;
        assert_eq!(page.status, 400);
        assert!(page.text().contains("type:commit"));
    });
}
