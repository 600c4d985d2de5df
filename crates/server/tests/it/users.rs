//! The users' administration, invitations and reset links.

use crate::second_factors::{Browser, code};
use crate::world::{Answer, PASSWORD, Secret, Who, World, run};
use std::time::Duration;

const NEW_PASSWORD: &str = "ochre+lantern+windmill";

/// The path of the link that a page shows.
fn link_on(page: &Answer) -> String {
    let text = page.text();
    let url = text.split("<pre>").nth(1).and_then(|rest| rest.split('<').next()).expect("a link");
    let path = url.strip_prefix("http://127.0.0.1:7080").expect("of this server");
    assert!(path.starts_with("/link/ski_"), "{path}");
    assert_eq!(page.header("cache-control"), "no-store");
    path.to_owned()
}

fn twice(password: &str) -> String {
    format!("password={password}&again={password}")
}

#[test]
fn somebody_is_invited_and_comes() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let made = world.post(Who::Ada, "/admin/users", "name=eve&role=member").await;
        let link = link_on(&made);
        assert!(world.get(Who::Ada, "/admin/users").await.text().contains("invited"));
        let mut eve = Browser::new(&world);
        let page = eve.get(&link).await;
        assert!(page.status == 200 && page.text().contains("Welcome"), "{}", page.text());
        assert_eq!(eve.post(&link, &twice("short")).await.status, 422);
        let different = eve.post(&link, &format!("password={NEW_PASSWORD}&again=something")).await;
        assert!(different.text().contains("not the same") && !different.text().contains("ochre"));
        let done = eve.post(&link, &twice(NEW_PASSWORD)).await;
        assert_eq!((done.status.as_u16(), done.header("location")), (303, "/"));
        assert_eq!(eve.get("/").await.status, 200);
        assert_eq!(eve.get("/admin/users").await.status, 403, "a member");
        let taken = world.post(Who::Ada, "/admin/users", "name=eve").await;
        assert_eq!(taken.status, 422);
    });
}

/// Threat A, reset tokens reused, expired, invented: one answer.
#[test]
fn a_link_that_is_over_leads_nowhere() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let used = link_on(&world.post(Who::Ada, "/admin/users/bob/link", "").await);
        assert_eq!(Browser::new(&world).post(&used, &twice(NEW_PASSWORD)).await.status, 303);
        // Now, before a later one takes its place.
        assert_eq!(Browser::new(&world).get(&used).await.status, 404, "it was used");
        let expired = link_on(&world.post(Who::Ada, "/admin/users/bob/link", "").await);
        world.clock.advance(Duration::from_secs(3 * 24 * 3600));
        let invented = access::LinkSecret::mint(&access::SystemRandomness).expect("a secret");
        let nothing = Browser::new(&world).get("/nothing/at/all").await;
        for link in [used, expired, format!("/link/{}", invented.reveal()), "/link/x".into()] {
            for method in ["GET", "POST"] {
                let answer = Browser::new(&world).ask(method, &link, &twice(NEW_PASSWORD)).await;
                assert_eq!((answer.status.as_u16(), answer.text()), (404, nothing.text()), "{method} {link}");
                assert!(answer.header("set-cookie").is_empty());
            }
        }
    });
}

/// Threat A, reset tokens for another: whoever is signed in as somebody else is not turned into the link's owner.
#[test]
fn a_link_is_refused_to_somebody_else() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let link = link_on(&world.post(Who::Ada, "/admin/users/bob/link", "").await);
        assert_eq!(world.get(Who::Ada, &link).await.status, 403);
        let refused = world.post(Who::Ada, &link, &twice(NEW_PASSWORD)).await;
        assert_eq!(refused.status, 403);
        assert_eq!(world.get(Who::Ada, "/").await.status, 200, "and stays who they are");
        for more in ["name=ada", "user=1", "role=administrator"] {
            let form = format!("{}&{more}", twice(NEW_PASSWORD));
            assert_eq!(Browser::new(&world).post(&link, &form).await.status, 400, "{more}");
        }
        let form = format!("{}&username=ada", twice(NEW_PASSWORD));
        assert_eq!(Browser::new(&world).post(&link, &form).await.status, 303);
        let as_ada =
            Browser::new(&world).post("/sign-in", &format!("name=ada&password={NEW_PASSWORD}")).await;
        assert_eq!(as_ada.status, 403, "it was Bob's");
    });
}

/// A reset link never gets around the second factor; an administrator can take that away, which is another act.
#[test]
fn a_reset_link_still_asks_for_the_second_factor() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let (mut bob, seed, _) = Browser::with_app(&world, "bob").await;
        let link = link_on(&world.post(Who::Ada, "/admin/users/bob/link", "").await);
        let mut reset = Browser::new(&world);
        let done = reset.post(&link, &twice(NEW_PASSWORD)).await;
        assert_eq!(done.header("location"), "/sign-in/second");
        assert_eq!(reset.get("/").await.status, 303);
        assert_eq!(bob.get("/").await.status, 303, "what was begun with the old password has ended");
        let in_now = reset.post("/sign-in/second", &format!("code={}", code(&world, &seed))).await;
        assert_eq!(in_now.header("location"), "/");
        assert_eq!(world.post(Who::Ada, "/admin/users/bob/reset-factors", "").await.status, 303);
        assert_eq!(reset.get("/").await.status, 303);
        let form = format!("name=bob&password={NEW_PASSWORD}");
        assert_eq!(Browser::new(&world).post("/sign-in", &form).await.header("location"), "/");
    });
}

#[test]
fn who_leaves_is_cut_off_at_once() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        assert_eq!(world.get(Who::Bob, "/").await.status, 200);
        let before = world.store.epoch().await.expect("an epoch");
        assert_eq!(world.post(Who::Ada, "/admin/users/bob/shut", "").await.status, 303);
        assert!(world.store.epoch().await.expect("an epoch") > before, "streams stop");
        assert_eq!(world.get(Who::Bob, "/").await.status, 303);
        assert_eq!(world.api(Who::BobsToken, "/api/v1/status").await.status, 401);
        let mut bob = Browser::new(&world);
        assert_eq!(bob.password("bob", "/").await.status, 403);
        assert_eq!(
            world.post(Who::Ada, "/admin/users/ada/shut", "").await.status,
            409,
            "the last administrator"
        );
        assert_eq!(world.post(Who::Ada, "/admin/users/bob/open", "").await.status, 303);
        assert_eq!(world.get(Who::Bob, "/").await.status, 303, "sessions do not come back");
        assert_eq!(bob.password("bob", "/").await.header("location"), "/");
    });
}

/// Threat A, mass assignment: an act takes its own fields.
#[test]
fn forms_about_users_take_their_own_fields_only() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        for (target, form) in [
            ("/admin/users", "name=eve&password=x"),
            ("/admin/users", "name=eve&role=god"),
            ("/admin/users", "name=eve&id=1"),
            ("/admin/users/bob/open", "role=administrator"),
            ("/admin/users/bob/link", "session=x"),
            ("/admin/users/bob/role", "role=administrator&disabled_at=0"),
            ("/admin/users/bob/role", ""),
        ] {
            assert_eq!(world.post(Who::Ada, target, form).await.status, 400, "{target} {form}");
        }
        assert_eq!(world.post(Who::Ada, "/admin/users/bob/fly", "").await.status, 404);
        assert_eq!(world.post(Who::Ada, "/admin/users/nobody/shut", "").await.status, 404);
        assert_eq!(world.get(Who::Bob, "/admin/users/bob").await.status, 403);
        let bob = world.store.user(world.bob().id).await.expect("a store");
        assert_eq!(bob.as_ref(), Some(world.bob()));
    });
}

#[test]
fn administration_asks_for_a_fresh_proof() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        world.clock.advance(Duration::from_secs(600));
        for (target, form) in [
            ("/admin/users", "name=eve"),
            ("/admin/users/bob/link", ""),
            ("/admin/users/bob/role", "role=administrator"),
            ("/admin/users/bob/shut", ""),
            ("/admin/sign-in", ""),
        ] {
            let answer = world.post(Who::Ada, target, form).await;
            assert!(answer.header("location").starts_with("/step-up"), "{target}: {}", answer.status);
        }
        assert_eq!(world.get(Who::Ada, "/admin/users/bob").await.status, 200, "looking needs none");
        let proof = format!("password={}", PASSWORD.replace(' ', "+"));
        assert_eq!(world.post(Who::Ada, "/step-up", &proof).await.status, 303);
    });
}

#[test]
fn sessions_of_others_are_seen_and_ended() {
    run(async {
        let world = World::new(Secret::DoesNotExist).await;
        let sessions = world.store.sessions_of(world.bob().id).await.expect("sessions");
        let form = format!("session={}", sessions[0].id);
        assert!(world.get(Who::Ada, "/admin/users/bob").await.text().contains(&sessions[0].id.0));
        assert_eq!(world.post(Who::Ada, "/admin/users/ada/end-session", &form).await.status, 404, "not hers");
        assert_eq!(world.post(Who::Ada, "/admin/users/bob/end-session", &form).await.status, 303);
        assert_eq!(world.get(Who::Bob, "/").await.status, 303);
        assert_eq!(world.post(Who::Ada, "/admin/users/ada/end-sessions", "").await.status, 303);
        assert_eq!(world.get(Who::Ada, "/").await.status, 303);
    });
}
