//! Projection equivalence: what Bob hears from a server is, byte for byte, what he would hear from one that was rebuilt from
//! scratch with only what he may read; and every deliberate leak is caught by the same comparison.
//!
//! Run with `cargo test -p server --features leaks --test projection`; `cargo xtask ci` does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod precise;
mod requests;
mod spec;
mod world;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use server::Server;
use spec::Spec;
use std::sync::Mutex;
use world::{Answer, Question, World};

/// A question, and what Bob hears in the world and alone.
type Difference = (Question, Answer, Answer);

/// Others search for the same before each of these parts, with a server that was just started.
const N_QUESTIONS_AT_ONCE: usize = 150;

/// Leaks are switched on in the whole process: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A world and its projection, to be asked the same.
struct Pair {
    spec: Spec,
    whole: World,
    projected: World,
}

impl Pair {
    async fn new(spec: Spec) -> Pair {
        let (whole, projected) = (World::new(&spec).await, World::new(&spec.projected()).await);
        Pair { spec, whole, projected }
    }

    fn questions(&self, round: usize) -> Vec<Question> {
        let export = self.whole.export_of_ada.as_deref().unwrap_or("0123456789abcdef");
        let routes = Server::routes();
        routes.iter().flat_map(|route| requests::questions(route, &self.spec, round, export)).collect()
    }

    /// Whether what Bob has of his own is the same in both.
    async fn is_level(&self) -> bool {
        let questions: Vec<Question> =
            ["/api/v1/contexts", "/api/v1/exports", "/api/v1/repos", "/account/sessions"]
                .map(requests::get)
                .into();
        self.whole.answers(&questions).await == self.projected.answers(&questions).await
    }

    /// The questions that are answered differently; where `first_will_do`, only some of them, if there are any.
    async fn differences(&self, round: usize, first_will_do: bool) -> Vec<Difference> {
        assert!(round < world::N_ROUNDS_MAX, "names for so many rounds were given away");
        let mut differences = Vec::new();
        for questions in self.questions(round).chunks(N_QUESTIONS_AT_ONCE) {
            let whole = self.whole.answers(questions).await;
            let projected = self.projected.answers(questions).await;
            let answers = questions.iter().cloned().zip(whole.into_iter().zip(projected));
            let differing = answers.filter(|(_, (whole, projected))| whole != projected);
            differences.extend(differing.map(|(question, (whole, projected))| (question, whole, projected)));
            if first_will_do && !differences.is_empty() {
                break;
            }
        }
        differences
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work)
}

fn told(differences: &[Difference]) -> String {
    let line = |(question, whole, projected): &Difference| {
        let at = whole.body.bytes().zip(projected.body.bytes()).take_while(|(a, b)| a == b).count();
        let around = |answer: &Answer| {
            let begin = at.saturating_sub(60);
            let text: String =
                String::from_utf8_lossy(&answer.body.as_bytes()[begin.min(answer.body.len())..])
                    .chars()
                    .take(160)
                    .collect();
            format!("{} {:?}", answer.status, text)
        };
        let headers = match whole.headers == projected.headers {
            true => String::new(),
            false => format!("\n  headers {:?}\n     vs.  {:?}", whole.headers, projected.headers),
        };
        format!(
            "{} {} {}\n  world {}\n  alone {}{headers}",
            question.method,
            question.target,
            question.body,
            around(whole),
            around(projected)
        )
    };
    differences.iter().take(12).map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn bob_hears_what_he_would_hear_alone() {
    run(async {
        let pair = Pair::new(Spec::of_each_kind()).await;
        for round in 0..2 {
            let differences = pair.differences(round, false).await;
            assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), told(&differences));
        }
    });
}

#[test]
fn generated_worlds_are_heard_alike() {
    run(async {
        let mut runner = TestRunner::deterministic();
        for _ in 0..4 {
            let spec = spec::specs().new_tree(&mut runner).unwrap().current();
            let pair = Pair::new(spec).await;
            let differences = pair.differences(0, false).await;
            assert!(
                differences.is_empty(),
                "{} differ:\n{}\n{:#?}",
                differences.len(),
                told(&differences),
                pair.spec
            );
        }
    });
}

/// A comparison that finds nothing proves nothing, unless it finds what is there: every leak that somebody could make.
#[test]
fn every_deliberate_leak_is_caught() {
    run(async {
        let mut pair = Pair::new(Spec::of_each_kind()).await;
        let mut missed = Vec::new();
        let only = std::env::var("PROJECTION_LEAK").ok();
        let wanted = |leak: &str| only.as_deref().is_none_or(|only| only == leak);
        for (round, (leak, what)) in model::LEAKS.iter().enumerate().filter(|(_, (leak, _))| wanted(leak)) {
            model::switch_leak(Some(leak));
            let differences = pair.differences(round, true).await;
            model::switch_leak(None);
            if !pair.is_level().await {
                // The leak let Bob change something in one world and not in the other.
                pair = Pair::new(Spec::of_each_kind()).await;
            }
            match differences.first() {
                Some(_) => {
                    println!("{leak}, {} times:", differences.len());
                    println!("{}", told(if only.is_some() { &differences } else { &differences[..1] }));
                }
                None => missed.push(format!("{leak}: {what}")),
            }
        }
        assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n"));
    });
}
