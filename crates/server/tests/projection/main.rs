//! Projection equivalence: what Bob hears from a server is, byte for byte, what he would hear from one that was rebuilt from
//! scratch with only what he may read; so is what others hear who may read less or look after more; and every deliberate leak
//! is caught by the same comparison.
//!
//! Run with `cargo test -p server --features leaks --test projection`; `cargo xtask ci` does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod precise;
mod requests;
mod spec;
mod world;

use oidc::{NewAccounts, ProviderOptions, SecondFactorTrust};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use server::{RouteInfo, Server};
use spec::{Kind, Spec};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use testkit::identity_provider::{CLIENT_ID, StubProvider};
use world::{Answer, Question, World};

/// A question, and what is heard in the world and alone.
type Difference = (Question, Answer, Answer);

/// Others search for the same before each of these parts, with a server that was just started.
const N_QUESTIONS_AT_ONCE: usize = 150;

/// Of more questions for a route than so many, every one of so many is asked by kinds of askers other than Bob, and the first.
const N_QUESTIONS_FOR_ONE: usize = 8;

/// Leaks are switched on in the whole process: one test at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A world and its projection, to be asked the same.
struct Pair {
    spec: Spec,
    whole: Arc<World>,
    projected: Arc<World>,
    /// Where people of both may sign in.
    _provider: StubProvider,
}

impl Pair {
    async fn new(spec: Spec) -> Pair {
        let provider = StubProvider::start(Arc::new(|| world::NOW.0 / 1000)).await;
        let options = ProviderOptions {
            id: requests::PROVIDER.into(),
            name: "Corp".into(),
            issuer: provider.issuer().into(),
            client_id: CLIENT_ID.into(),
            client_secret: None,
            scopes: vec!["email".into()],
            networks: vec!["127.0.0.0/8".parse().unwrap()],
            second_factor: SecondFactorTrust::Never,
            new_accounts: NewAccounts::Nobody,
            code_host: None,
        };
        let whole = Arc::new(World::new(&spec, &options).await);
        let projected = Arc::new(World::new(&spec.projected(), &options).await);
        Pair { spec, whole, projected, _provider: provider }
    }

    fn questions(&self, round: usize) -> Vec<Question> {
        let export = self.whole.export_of_ada.as_deref().unwrap_or("0123456789abcdef");
        let routes = Server::routes();
        let asks_all = self.spec.asker == Kind::Member;
        let of_route = |(nth, route): (usize, &RouteInfo)| {
            let questions = requests::questions(route, &self.spec, round, export);
            // Each route another part of what can be asked, and each kind another one.
            let begin = nth + self.spec.asker as usize;
            let asks_all = asks_all || questions.len() <= N_QUESTIONS_FOR_ONE;
            let is_asked =
                move |at: usize| asks_all || at == 0 || (at + begin).is_multiple_of(N_QUESTIONS_FOR_ONE);
            questions
                .into_iter()
                .enumerate()
                .filter(move |(at, _)| is_asked(*at))
                .map(|(_, question)| question)
        };
        routes.iter().enumerate().flat_map(of_route).collect()
    }

    /// Whether what Bob has of his own is the same in both.
    async fn is_level(&self) -> bool {
        let questions: Vec<Question> =
            ["/api/v1/contexts", "/api/v1/exports", "/api/v1/repos", "/account/sessions"]
                .map(requests::get)
                .into();
        self.compared(questions).await.is_empty()
    }

    /// Which of these questions are answered differently. Both worlds are asked at the same time.
    async fn compared(&self, questions: Vec<Question>) -> Vec<Difference> {
        let questions = Arc::new(questions);
        let (projected, same) = (Arc::clone(&self.projected), Arc::clone(&questions));
        let projected = tokio::spawn(async move { projected.answers(&same).await });
        let whole = self.whole.answers(&questions).await;
        differing(questions.iter().cloned().zip(whole).zip(projected.await.unwrap()))
    }

    /// The questions that are answered differently; where `first_will_do`, only some of them, if there are any.
    async fn differences(&self, round: usize, first_will_do: bool) -> Vec<Difference> {
        assert!(round < world::N_ROUNDS_MAX, "names for so many rounds were given away");
        let mut differences = Vec::new();
        for questions in self.questions(round).chunks(N_QUESTIONS_AT_ONCE) {
            differences.extend(self.compared(questions.to_vec()).await);
            if first_will_do && !differences.is_empty() {
                break;
            }
        }
        differences
    }

    /// The same for what ends a session, and for what that session is good for afterwards; to be asked when all else was.
    async fn last_differences(&self) -> Vec<Difference> {
        let questions: Vec<Question> =
            Server::routes().iter().flat_map(|route| requests::last(route.path)).collect();
        assert!(!questions.is_empty());
        let whole = self.whole.last_answers(&questions).await;
        let projected = self.projected.last_answers(&questions).await;
        // Each is followed by a look at what its session is good for.
        let twice = questions.into_iter().flat_map(|question| [question.clone(), question]);
        differing(twice.zip(whole).zip(projected))
    }
}

fn differing(answers: impl Iterator<Item = ((Question, Answer), Answer)>) -> Vec<Difference> {
    let unequal = |((question, whole), projected): ((Question, Answer), Answer)| {
        (whole != projected).then_some((question, whole, projected))
    };
    answers.filter_map(unequal).collect()
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
        let differences = pair.last_differences().await;
        assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), told(&differences));
    });
}

/// The same for whoever else may ask: nobody that is known, who looks after the instance, a reader of one folder, a program.
#[test]
fn others_hear_what_they_would_hear_alone() {
    run(async {
        let only = std::env::var("PROJECTION_KIND").ok();
        let wanted = |kind: &Kind| only.as_deref().is_none_or(|only| only == format!("{kind:?}"));
        let mut faults = Vec::new();
        for kind in Kind::OTHERS.into_iter().filter(wanted) {
            let pair = Pair::new(Spec::of_each_kind().asked_by(kind)).await;
            let mut differences = pair.differences(0, false).await;
            differences.extend(pair.last_differences().await);
            if !differences.is_empty() {
                faults.push(format!("{kind:?}: {} differ:\n{}", differences.len(), told(&differences)));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n\n"));
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
        let mut pairs: BTreeMap<Kind, Pair> = BTreeMap::new();
        let mut missed = Vec::new();
        let only = std::env::var("PROJECTION_LEAK").ok();
        let wanted = |leak: &str| only.as_deref().is_none_or(|only| only == leak);
        for (round, (leak, what)) in model::LEAKS.iter().enumerate().filter(|(_, (leak, _))| wanted(leak)) {
            let listener = Kind::that_hears(leak);
            let pair = match pairs.remove(&listener) {
                Some(pair) => pair,
                None => Pair::new(Spec::of_each_kind().asked_by(listener)).await,
            };
            model::switch_leak(Some(leak));
            let differences = pair.differences(round, true).await;
            model::switch_leak(None);
            // Where the leak let them change something in one world and not in the other, the next begins anew.
            if pair.is_level().await {
                pairs.insert(listener, pair);
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
