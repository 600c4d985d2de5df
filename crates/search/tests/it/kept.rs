//! Answers that are given again are those that a search would give, to those who may see them.

use crate::world::{Answer, Kept, Repo, SEARCHER, World, access, parse};
use model::AccessSet;
use search::{CancelToken, KeptAnswers, Limits};

fn world() -> World {
    World::new(vec![
        Repo::new(
            1,
            "app",
            &[("src/main.c", "int main(void)\n{ return secret; }\n"), ("a.py", "secret = 1\n")],
        ),
        Repo::new(2, "hidden", &[("b.c", "int secret;\n")]),
        Repo::new(3, "lib", &[("lib.c", "int secret;\nint other;\n")]),
    ])
}

fn asks(who: u64, now_seconds: i64) -> Limits {
    Limits { person: who, now_seconds, ..Limits::default() }
}

fn ask(kept: &KeptAnswers, world: &World, access: &AccessSet, query: &str, limits: &Limits) -> Answer {
    let (query, snapshot) = (parse(query).expect("a query"), world.catalog.snapshot());
    let mut sink = Kept::default();
    let token = CancelToken::new();
    let summary = kept.search(&SEARCHER, &snapshot, access, &query, limits, &token, &mut sink);
    Answer { batches: sink.batches, told: sink.told, summary: summary.expect("it can be run") }
}

/// Whether asking once more runs no search.
fn is_given_again(
    kept: &KeptAnswers,
    world: &World,
    access: &AccessSet,
    query: &str,
    limits: &Limits,
) -> bool {
    let before = kept.n_given();
    ask(kept, world, access, query, limits);
    kept.n_given() > before
}

#[test]
fn an_answer_given_again_is_the_one_a_search_gives() {
    let (world, kept) = (world(), KeptAnswers::new(true));
    let access = access([1, 3]);
    for query in
        ["secret", "type:symbol main", "lang:c secret select:repo", "-file:py secret count:all", "nothing"]
    {
        let first = ask(&kept, &world, &access, query, &asks(7, 0));
        let before = kept.n_given();
        let again = ask(&kept, &world, &access, query, &asks(7, 300));
        assert_eq!(kept.n_given(), before + 1, "{query}");
        assert_eq!(first.matches().collect::<Vec<_>>(), again.matches().collect::<Vec<_>>(), "{query}");
        assert_eq!(first.facets(), again.facets(), "{query}");
        let duration = first.stats().duration;
        let stats = search::Stats { duration, ..again.stats().clone() };
        assert_eq!(*first.stats(), stats, "{query}");
    }
}

#[test]
fn nobody_gets_what_was_kept_for_another() {
    let (world, kept) = (world(), KeptAnswers::new(true));
    ask(&kept, &world, &access([1, 3]), "secret", &asks(7, 0));
    assert!(!is_given_again(&kept, &world, &access([1, 3]), "secret", &asks(8, 0)), "another person");
    assert!(!is_given_again(&kept, &world, &access([1, 3]), "secret", &asks(0, 0)), "nobody");
    assert!(!is_given_again(&kept, &world, &access([1, 3]), "secret", &asks(0, 0)), "nobody, twice");
    assert!(is_given_again(&kept, &world, &access([1, 3]), "secret", &asks(7, 0)));
    // The same person with other rights, and with the first ones again.
    let narrower = ask(&kept, &world, &access([1]), "secret", &asks(7, 0));
    assert_eq!(narrower.stats().repos, 1);
    assert!(!is_given_again(&kept, &world, &access([1, 3]), "secret", &asks(7, 0)));
}

/// Threats A: names with delimiters in keys. What stands in a query cannot make it another one's key.
#[test]
fn keys_are_not_made_alike_by_what_stands_in_them() {
    let (world, access) = (world(), access([1, 3]));
    for (one, other) in [
        ("secret lang:c", "\"secret lang:c\""),
        ("repo:app secret", "repo:\"app secret\""),
        ("repo:app|lib", "repo:\"app|lib\" secret"),
        ("a\", \"b", "a \\\"b"),
        ("secret count:1", "secret count:10"),
        ("file:a lang:b", "file:\"a lang:b\""),
        ("x, display: 1", "x"),
    ] {
        let kept = KeptAnswers::new(true);
        ask(&kept, &world, &access, one, &asks(7, 0));
        assert!(!is_given_again(&kept, &world, &access, other, &asks(7, 0)), "{one} and {other}");
        assert!(is_given_again(&kept, &world, &access, one, &asks(7, 0)), "{one} is kept at all");
    }
    let kept = KeptAnswers::new(true);
    ask(&kept, &world, &access, "secret", &Limits { display: 11, lines_per_file: 1, ..asks(7, 0) });
    let turned = Limits { display: 1, lines_per_file: 11, ..asks(7, 0) };
    assert!(!is_given_again(&kept, &world, &access, "secret", &turned), "numbers side by side");
}

#[test]
fn what_changes_for_the_person_is_searched_anew_and_nothing_else() {
    let (world, kept) = (world(), KeptAnswers::new(true));
    let access = access([1, 3]);
    ask(&kept, &world, &access, "secret", &asks(7, 0));
    world.publish(&Repo::new(2, "hidden", &[("b.c", "int secret, more;\n")]));
    world.publish(&Repo::new(9, "also-hidden", &[("b.c", "int secret;\n")]));
    assert!(
        is_given_again(&kept, &world, &access, "secret", &asks(7, 0)),
        "what is hidden makes no difference"
    );
    world.publish(&Repo::new(3, "lib", &[("lib.c", "int other;\n")]));
    let answer = ask(&kept, &world, &access, "secret", &asks(7, 0));
    assert_eq!(answer.stats().repos, 1);
    assert!(is_given_again(&kept, &world, &access, "secret", &asks(7, 300)));
    assert!(!is_given_again(&kept, &world, &access, "secret", &asks(7, 301)), "it is too old");
    assert!(!is_given_again(&kept, &world, &access, "secret", &asks(7, 300)), "the clock went back");
}

#[test]
fn only_lasting_and_finished_answers_are_kept() {
    let (world, kept) = (world(), KeptAnswers::new(true));
    let access = access([1, 3]);
    let queries = [
        "secret rev:main",
        "repo:app@main secret",
        "type:commit secret",
        "repo:has.commit.after(yesterday) secret",
        "repo:has.content(secret) int",
        "file:has.content(secret) int",
    ];
    for query in queries {
        ask(&kept, &world, &access, query, &asks(7, 0));
        assert!(!is_given_again(&kept, &world, &access, query, &asks(7, 0)), "{query}");
    }
    // Another page is another question.
    ask(&kept, &world, &access, "secret", &asks(7, 0));
    let one = Limits { display: 1, ..asks(7, 0) };
    assert!(!is_given_again(&kept, &world, &access, "secret", &one));
    // A search that was called off says nothing of the next.
    let (query, snapshot, token) =
        (parse("int").expect("a query"), world.catalog.snapshot(), CancelToken::new());
    token.cancel();
    let mut sink = Kept::default();
    let called_off = kept.search(&SEARCHER, &snapshot, &access, &query, &asks(7, 0), &token, &mut sink);
    assert!(!called_off.expect("it can be run").stats.complete);
    assert!(ask(&kept, &world, &access, "int", &asks(7, 0)).stats().complete);
    let off = KeptAnswers::new(false);
    ask(&off, &world, &access, "secret", &asks(7, 0));
    assert!(!is_given_again(&off, &world, &access, "secret", &asks(7, 0)));
}

#[test]
fn there_is_an_end_to_what_is_kept() {
    let (world, kept) = (world(), KeptAnswers::new(true));
    let access = access([1, 3]);
    let query = |number: usize| format!("secret NOT none{number}");
    for number in 0..65 {
        ask(&kept, &world, &access, &query(number), &asks(7, number as i64));
    }
    assert!(is_given_again(&kept, &world, &access, &query(64), &asks(7, 65)));
    assert!(!is_given_again(&kept, &world, &access, &query(0), &asks(7, 65)), "the oldest went");
    for who in 8..140 {
        ask(&kept, &world, &access, "secret", &asks(who, 66));
    }
    assert!(!is_given_again(&kept, &world, &access, &query(64), &asks(7, 66)), "too many people");
}
