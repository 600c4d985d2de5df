//! Second factors as a browser meets them: enrolling, the two steps of signing in, and what must not get around them.

use crate::world::{Answer, PASSWORD, Secret, Who, World, run};
use access::{Clock as _, TotpSeed, TotpStep};
use axum::body::Body;
use server::ServerConfig;
use std::time::Duration;

const OWN: [(&str, &str); 4] = [
    ("accept", "text/html"),
    ("origin", "http://127.0.0.1:7080"),
    ("sec-fetch-site", "same-origin"),
    ("content-type", "application/x-www-form-urlencoded"),
];

/// A browser of nobody yet: it keeps the cookies it is given.
pub(crate) struct Browser<'a> {
    world: &'a World,
    pub(crate) cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Browser { world, cookies: Vec::new() }
    }

    pub(crate) async fn ask(&mut self, method: &str, target: &str, form: &str) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = OWN.to_vec();
        headers.push(("cookie", &cookies));
        let answer =
            self.world.ask(Who::Stranger, method, target, &headers, Body::from(form.to_owned())).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().expect("text").split(';').next().unwrap_or("");
            let (name, value) = pair.split_once('=').expect("a cookie");
            self.cookies.retain(|(other, _)| other != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, "").await
    }

    pub(crate) async fn post(&mut self, target: &str, form: &str) -> Answer {
        self.ask("POST", target, form).await
    }

    pub(crate) async fn password(&mut self, name: &str, return_to: &str) -> Answer {
        let form = format!("name={name}&password={}&return_to={return_to}", PASSWORD.replace(' ', "+"));
        self.post("/sign-in", &form).await
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Signs in with the password and sets up an authenticator app. Time goes on past its first code.
    pub(crate) async fn with_app(world: &'a World, name: &str) -> (Self, TotpSeed, Vec<String>) {
        let mut browser = Browser::new(world);
        browser.password(name, "/").await;
        assert_eq!(browser.post("/account/totp/draw", "").await.header("location"), "/account/totp");
        let seed = seed_on(&browser.get("/account/totp").await);
        let confirmed = browser.post("/account/totp", &format!("code={}", code(world, &seed))).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text());
        let codes = codes_on(&confirmed);
        world.clock.advance(Duration::from_secs(60));
        (browser, seed, codes)
    }
}

/// The seed that a page shows as text.
fn seed_on(page: &Answer) -> TotpSeed {
    let text = page.text();
    let key = text.split("data-key>").nth(1).and_then(|rest| rest.split('<').next()).expect("a key");
    let bits: Vec<u8> = key
        .chars()
        .filter(|c| *c != ' ')
        .flat_map(|c| {
            let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).expect("base32") as u8;
            (0..5).rev().map(move |bit| value >> bit & 1)
        })
        .collect();
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
    TotpSeed::from_bytes(&bytes).expect("a seed")
}

fn codes_on(page: &Answer) -> Vec<String> {
    let text = page.text();
    let part =
        text.split("class=\"codes\"").nth(1).and_then(|rest| rest.split("</ol>").next()).expect("codes");
    part.split("<code>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
}

pub(crate) fn code(world: &World, seed: &TotpSeed) -> String {
    seed.code(TotpStep::of(world.clock.now())).to_string()
}

#[test]
fn a_second_factor_is_set_up_and_then_asked_for() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, seed, codes) = Browser::with_app(&world, "bob").await;
        assert_eq!(codes.len(), 10);
        let mut browser = Browser::new(&world);
        let first = browser.password("bob", "/repos").await;
        assert_eq!(first.header("location"), "/sign-in/second?return_to=/repos");
        assert!(browser.cookie("sourcekeep").is_none(), "no session before the second factor");
        assert_eq!(browser.get("/repos").await.status, 303);
        let wrong = browser.post("/sign-in/second", "code=no&return_to=/repos").await;
        assert_eq!(wrong.status, 403);
        let done =
            browser.post("/sign-in/second", &format!("code={}&return_to=/repos", code(&world, &seed))).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/repos"));
        assert!(browser.cookie("sourcekeep").is_some_and(|value| value.starts_with("sks_")));
        assert!(browser.cookie("sourcekeep-pending").is_none());
        assert_eq!(browser.get("/repos").await.status, 200);
    });
}

#[test]
fn a_recovery_code_lets_in_once() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, _, codes) = Browser::with_app(&world, "bob").await;
        for (attempt, expected) in [(0, 303), (0, 403), (1, 303)] {
            let mut browser = Browser::new(&world);
            browser.password("bob", "/").await;
            let answer = browser.post("/sign-in/second", &format!("code={}", codes[attempt])).await;
            assert_eq!(answer.status, expected);
        }
    });
}

/// Threat A, fixation: a half-done sign-in's secret, or a session from before, is nobody's session afterwards.
#[test]
fn nothing_from_before_the_second_factor_is_a_session_after_it() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, seed, _) = Browser::with_app(&world, "bob").await;
        let mut attacker = Browser::new(&world);
        attacker.password("ada", "/").await;
        let planted = attacker.cookie("sourcekeep").expect("a session").to_owned();
        // The victim's browser carries the attacker's session when they sign in.
        let mut victim = Browser::new(&world);
        victim.cookies.push(("sourcekeep".into(), planted.clone()));
        victim.password("bob", "/").await;
        let half = victim.cookie("sourcekeep-pending").expect("half a sign-in").to_owned();
        victim.post("/sign-in/second", &format!("code={}", code(&world, &seed))).await;
        let session = victim.cookie("sourcekeep").expect("a session").to_owned();
        assert!(session != planted && session != half);
        assert_eq!(attacker.get("/").await.status, 303, "the planted session ended");
        let mut thief = Browser::new(&world);
        thief.cookies.push(("sourcekeep-pending".into(), half.clone()));
        assert_eq!(thief.get("/sign-in/second").await.header("location"), "/sign-in", "used up");
        thief.cookies.push(("sourcekeep".into(), half));
        assert_eq!(thief.get("/").await.status, 303);
    });
}

/// Threat A, enumeration by bytes: nobody learns at the second step whether an account exists or has a factor.
#[test]
fn the_second_step_tells_nothing_without_the_password() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        Browser::with_app(&world, "bob").await;
        let invented = access::PendingSecret::mint(&access::SystemRandomness).expect("a secret");
        for target in ["/sign-in/second", "/sign-in/enrol"] {
            let mut answers = Vec::new();
            for cookie in ["", "nonsense", invented.reveal()] {
                let mut browser = Browser::new(&world);
                browser.cookies.push(("sourcekeep-pending".into(), cookie.into()));
                for (method, form) in [("GET", ""), ("POST", "code=123456")] {
                    let answer = browser.ask(method, target, form).await;
                    answers.push((answer.status, answer.header("location").to_owned(), answer.body));
                }
            }
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        }
        // With a wrong password, whoever has a factor and whoever does not exist look the same, headers and all.
        let mut seen = Vec::new();
        for name in ["bob", "ada", "eve"] {
            let answer = Browser::new(&world).post("/sign-in", &format!("name={name}&password=wrong")).await;
            seen.push((answer.status, answer.headers.len(), answer.text().replace(name, "…")));
        }
        assert!(seen.iter().all(|one| *one == seen[0]));
    });
}

#[test]
fn forms_of_the_second_step_come_from_our_own_pages() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, seed, _) = Browser::with_app(&world, "bob").await;
        let mut browser = Browser::new(&world);
        browser.password("bob", "/").await;
        let cookie = format!("sourcekeep-pending={}", browser.cookie("sourcekeep-pending").expect("half"));
        let headers = [
            ("cookie", cookie.as_str()),
            ("origin", "https://evil.example"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let form = Body::from(format!("code={}", code(&world, &seed)));
        let answer = world.ask(Who::Stranger, "POST", "/sign-in/second", &headers, form).await;
        assert_eq!(answer.status, 403);
        assert!(answer.header("set-cookie").is_empty());
    });
}

/// Threat X, open redirects, at every step.
#[test]
fn no_step_of_signing_in_leads_elsewhere() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, seed, _) = Browser::with_app(&world, "bob").await;
        for target in ["//evil.example", "/%5Cevil.example", "%2F%2Fevil.example", "https:%2F%2Fevil.example"]
        {
            let mut browser = Browser::new(&world);
            let first = browser.password("bob", target).await;
            assert_eq!(first.header("location"), "/sign-in/second", "{target}");
            let form = format!("code={}&return_to={target}", code(&world, &seed));
            let done = browser.post("/sign-in/second", &form).await;
            assert_eq!(done.header("location"), "/", "{target}");
            world.clock.advance(Duration::from_secs(60));
        }
    });
}

#[test]
fn where_one_is_required_nothing_else_can_be_done_before() {
    run(async {
        let config = ServerConfig { second_factor_required: true, ..ServerConfig::default() };
        let world = World::with_config(Secret::DoesNotExist, config).await;
        let mut browser = Browser::new(&world);
        let first = browser.password("bob", "/repos").await;
        assert_eq!(first.header("location"), "/sign-in/enrol?return_to=/repos");
        assert!(browser.cookie("sourcekeep").is_none());
        for page in ["/", "/repos", "/account", "/account/totp", "/api/v1/repos", "/step-up"] {
            assert!([303, 401].contains(&browser.get(page).await.status.as_u16()), "{page}");
        }
        let page = browser.get("/sign-in/enrol?return_to=/repos").await;
        assert_eq!(page.header("cache-control"), "no-store");
        let seed = seed_on(&page);
        let wrong = browser.post("/sign-in/enrol", "code=abc").await;
        assert_eq!(wrong.status, 422);
        assert_eq!(seed_on(&wrong).expose(), seed.expose(), "what was scanned stays good");
        let form = format!("code={}&return_to=/repos", code(&world, &seed));
        let done = browser.post("/sign-in/enrol", &form).await;
        assert_eq!((done.status.as_u16(), codes_on(&done).len()), (200, 10));
        assert!(done.text().contains("href=\"/repos\""));
        assert_eq!(browser.get("/repos").await.status, 200);
        let removed = browser.post("/account/totp/remove", "").await;
        assert_eq!(removed.status, 409, "it is required");
    });
}

#[test]
fn administrators_require_it_once_they_have_one() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        assert_eq!(world.get(Who::Bob, "/admin/sign-in").await.status, 403);
        let refused = world.post(Who::Ada, "/admin/sign-in", "second_factor_required=yes").await;
        assert_eq!(refused.status, 409);
        let (mut ada, _, _) = Browser::with_app(&world, "ada").await;
        let more = ada.post("/admin/sign-in", "second_factor_required=yes&role=administrator").await;
        assert_eq!(more.status, 400);
        assert_eq!(world.get(Who::Bob, "/").await.status, 200);
        let done = ada.post("/admin/sign-in", "second_factor_required=yes").await;
        assert_eq!(done.status, 303);
        assert_eq!(world.get(Who::Bob, "/").await.status, 303, "whoever has none is signed out");
        assert_eq!(ada.get("/admin/sign-in").await.status, 200);
        assert!(
            Browser::new(&world).password("bob", "/").await.header("location").starts_with("/sign-in/enrol")
        );
    });
}

#[test]
fn factors_are_changed_by_who_proved_it_lately() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (mut bob, seed, _) = Browser::with_app(&world, "bob").await;
        world.clock.advance(Duration::from_secs(600));
        for act in ["/account/totp/draw", "/account/totp/remove", "/account/recovery-codes"] {
            let answer = bob.post(act, "").await;
            assert!(answer.header("location").starts_with("/step-up"), "{act}: {}", answer.status);
        }
        assert!(bob.get("/step-up").await.text().contains("name=\"code\""));
        let by_password = format!("password={}", PASSWORD.replace(' ', "+"));
        assert_eq!(bob.post("/step-up", &by_password).await.status, 403, "the password is not enough");
        let before = bob.cookie("sourcekeep").expect("a session").to_owned();
        let proved = bob.post("/step-up", &format!("code={}&return_to=/account", code(&world, &seed))).await;
        assert_eq!(proved.header("location"), "/account");
        assert_ne!(bob.cookie("sourcekeep"), Some(before.as_str()));
        let drawn = bob.post("/account/recovery-codes", "").await;
        assert_eq!(codes_on(&drawn).len(), 10);
        assert_eq!(drawn.header("cache-control"), "no-store");
        let removed = bob.post("/account/totp/remove", "").await;
        assert_eq!(removed.header("location"), "/account?done=totp-removed");
        assert_eq!(Browser::new(&world).password("bob", "/").await.header("location"), "/");
    });
}

/// A token is no session: no second factor can be changed with it, whatever it may do.
#[test]
fn tokens_do_not_touch_factors() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        for act in ["/account/totp/draw", "/account/totp", "/account/totp/remove", "/account/recovery-codes"]
        {
            assert_eq!(world.post(Who::BobsToken, act, "code=123456").await.status, 403, "{act}");
        }
    });
}
