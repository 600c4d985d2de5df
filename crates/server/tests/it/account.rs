//! One's own account: the password, sessions, and proving again who one is.

use crate::world::{PASSWORD, Secret, Who, World, run, shared};
use std::time::Duration;

fn encoded(text: &str) -> String {
    text.replace(' ', "+")
}

#[test]
fn an_account_is_for_people_not_for_tokens() {
    run(async {
        for page in ["/account", "/account/sessions", "/step-up"] {
            assert_eq!(shared().get(Who::Bob, page).await.status, 200, "{page}");
            assert_eq!(shared().get(Who::BobsToken, page).await.status, 403, "{page}");
        }
    });
}

#[test]
fn the_password_is_changed_by_who_knows_it() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let form = |present: &str, new: &str, again: &str| {
            format!("present={}&password={}&again={}", encoded(present), encoded(new), encoded(again))
        };
        let new = "ochre lantern windmill";
        for (form, says) in [
            (form("not this one", new, new), "The present password is not right."),
            (form(PASSWORD, new, "something else here"), "not the same"),
            (form(PASSWORD, "short", "short"), "too short"),
        ] {
            let answer = world.post(Who::Bob, "/account/password", &form).await;
            assert_eq!(answer.status, 422);
            assert!(answer.text().contains(says), "{}", answer.text());
            assert!(!answer.text().contains(new), "a password is never sent back");
        }
        let answer = world.post(Who::Bob, "/account/password", &form(PASSWORD, new, new)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/account?done=password"));
        assert!(answer.header("set-cookie").starts_with("sourcekeep=sks_"));
        assert_eq!(world.get(Who::Bob, "/").await.status, 303, "the secret from before is worth nothing");
        let sign_in = |password: &str| format!("name=bob&password={}", encoded(password));
        assert_eq!(world.post(Who::Stranger, "/sign-in", &sign_in(PASSWORD)).await.status, 403);
        assert_eq!(world.post(Who::Stranger, "/sign-in", &sign_in(new)).await.status, 303);
    });
}

/// Threat A, mass assignment: what a form does not ask for is not taken from it.
#[test]
fn forms_take_what_they_ask_for_and_nothing_else() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let new = encoded("ochre lantern windmill");
        let present = encoded(PASSWORD);
        for more in ["role=administrator", "user=ada", "id=1", "session=x"] {
            let form = format!("present={present}&password={new}&again={new}&{more}");
            let answer = world.post(Who::Bob, "/account/password", &form).await;
            assert_eq!(answer.status, 400, "{more}");
            let form = format!("password={present}&{more}");
            assert_eq!(world.post(Who::Bob, "/step-up", &form).await.status, 400, "{more}");
        }
        let form = format!("username=ada&present={present}&password={new}&again={new}");
        assert_eq!(world.post(Who::Bob, "/account/password", &form).await.status, 303);
        let as_ada = format!("name=ada&password={new}");
        assert_eq!(world.post(Who::Stranger, "/sign-in", &as_ada).await.status, 403);
    });
}

#[test]
fn stepping_up_gives_another_secret_and_goes_back() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        world.clock.advance(Duration::from_secs(3600));
        let wrong = world.post(Who::Bob, "/step-up", "password=wrong&return_to=/account").await;
        assert_eq!(wrong.status, 403);
        assert!(wrong.header("set-cookie").is_empty());
        let form = format!("password={}&return_to=/account/sessions", encoded(PASSWORD));
        let answer = world.post(Who::Bob, "/step-up", &form).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/account/sessions"));
        assert!(answer.header("set-cookie").starts_with("sourcekeep=sks_"));
        assert_eq!(world.get(Who::Bob, "/").await.status, 303, "the secret from before is worth nothing");
    });
}

#[test]
fn the_way_back_from_stepping_up_leads_nowhere_else() {
    run(async {
        for target in ["//evil.example", "/%5Cevil.example", "https://evil.example", "/%2F%2Fevil"] {
            let page = shared().get(Who::Bob, &format!("/step-up?return_to={target}")).await.text();
            let back =
                page.split("name=\"return_to\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
            assert!(back == Some("/") || back == Some("/%2F%2Fevil"), "{target}: {back:?}");
        }
    });
}

#[test]
fn sessions_are_listed_and_ended() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (_, other) =
            world.store.start_session(world.bob().id, store::SessionLimits::default()).await.expect("one");
        let page = world.get(Who::Bob, "/account/sessions").await.text();
        assert!(page.contains("2 sessions") && page.contains("this one"), "{page}");
        let end = format!("/account/sessions/{}/end", other.id);
        let foreign = world.post(Who::Ada, &end, "").await;
        let unknown = world.post(Who::Ada, "/account/sessions/0123456789abcdef/end", "").await;
        assert_eq!((foreign.status.as_u16(), foreign.text()), (404, unknown.text()));
        assert_eq!(world.post(Who::Bob, &end, "").await.status, 303);
        assert_eq!(world.post(Who::Bob, &end, "").await.status, 404);
        world.store.start_session(world.bob().id, store::SessionLimits::default()).await.expect("one more");
        assert_eq!(world.post(Who::Bob, "/account/sessions", "").await.status, 303);
        let page = world.get(Who::Bob, "/account/sessions").await.text();
        assert!(page.contains("1 session<"), "{page}");
    });
}
