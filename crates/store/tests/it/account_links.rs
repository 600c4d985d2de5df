//! Invitations and reset links, and what must not be done with them.

use crate::world::{PASSWORD, World, on_both, user_name};
use access::{ClientAddress, LinkSecret, Password, Role, SecondFactor, SystemRandomness, TotpCode, TotpStep};
use model::UserId;
use std::net::IpAddr;
use std::time::Duration;
use store::{
    AccountState, ChangeUserError, Enrolling, FirstStep, LinkKind, SessionLimits, SessionOrigin,
    UseLinkError, User, UserFilter,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const NEW_PASSWORD: &str = "ochre lantern windmill";

fn holding(part: &str) -> UserFilter {
    UserFilter { part: part.into(), ..UserFilter::default() }
}

fn new_password() -> Password {
    Password::new(NEW_PASSWORD)
}

async fn signs_in(world: &World, name: &str, password: &str) -> bool {
    let address = ClientAddress::from("192.0.2.1".parse::<IpAddr>().unwrap());
    world.store.authenticate(name, &Password::new(password), address).await.is_ok()
}

async fn enrol(world: &World, user: &User) {
    let (_, session) = world.store.start_session(user.id, SessionLimits::default()).await.unwrap();
    let seed = world.store.draw_totp(user.id, Enrolling::Session(&session.id)).await.unwrap();
    let code = TotpCode::parse(&seed.code(TotpStep::of(world.now()))).unwrap();
    world.store.confirm_totp((user.id, &user.name), &session.id, &code).await.unwrap();
}

on_both! {
    async fn an_invitation_sets_the_first_password(world) {
        let (eve, link) = world.store.invite(user_name("eve"), Role::Member, DAY).await.unwrap();
        assert!(!signs_in(&world, "eve", NEW_PASSWORD).await);
        let known = world.store.account_link(&link).await.unwrap().unwrap();
        assert_eq!((known.user.id, known.kind), (eve.id, LinkKind::Invitation));
        let refused = world.store.use_account_link(&link, &Password::new("short")).await;
        assert!(matches!(refused, Err(UseLinkError::Password(_))), "and the link stays valid");
        let user = world.store.use_account_link(&link, &new_password()).await.unwrap();
        assert_eq!((user.id, user.role), (eve.id, Role::Member));
        assert!(signs_in(&world, "eve", NEW_PASSWORD).await);
        assert!(world.store.invite(user_name("eve"), Role::Administrator, DAY).await.is_err());
    }

    /// Threat A, reset tokens reused.
    async fn a_link_works_once_however_many_race(world) {
        let ada = world.user("ada", Role::Member).await;
        let link = world.store.create_account_link(ada.id, DAY).await.unwrap();
        let other = world.another_process().await;
        let mut racing = Vec::new();
        for number in 0..6 {
            let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
            let link = LinkSecret::parse(link.reveal()).unwrap();
            let password = Password::new(format!("{NEW_PASSWORD} {number}"));
            racing.push(tokio::spawn(async move { store.use_account_link(&link, &password).await }));
        }
        let mut n_used = 0;
        for one in racing {
            match one.await.unwrap() {
                Ok(_) => n_used += 1,
                Err(UseLinkError::Invalid) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(n_used, 1);
        assert_eq!(world.store.account_link(&link).await.unwrap(), None);
    }

    /// Threat A, reset tokens for another and expired; and replaced, taken back, of a shut account, invented.
    async fn a_link_that_is_over_is_as_good_as_invented(world) {
        let (ada, eve) = (world.user("ada", Role::Member).await, world.user("eve", Role::Member).await);
        // Of somebody else, so that no later link takes its place.
        let bob = world.user("bob", Role::Member).await;
        let expired = world.store.create_account_link(bob.id, DAY).await.unwrap();
        world.pass(24 * 3600);
        let replaced = world.store.create_account_link(ada.id, DAY).await.unwrap();
        let taken_back = world.store.create_account_link(ada.id, DAY).await.unwrap();
        assert!(world.store.revoke_account_link(ada.id).await.unwrap());
        assert!(!world.store.revoke_account_link(ada.id).await.unwrap());
        let shut = world.store.create_account_link(eve.id, DAY).await.unwrap();
        world.store.set_disabled(eve.id, true).await.unwrap();
        let invented = LinkSecret::mint(&SystemRandomness).unwrap();
        for link in [&expired, &replaced, &taken_back, &shut, &invented] {
            assert_eq!(world.store.account_link(link).await.unwrap(), None);
            let refused = world.store.use_account_link(link, &new_password()).await.unwrap_err();
            assert_eq!(refused.to_string(), "this link is not valid any more: ask for a new one");
        }
        assert!(signs_in(&world, "ada", PASSWORD).await);
        assert!(matches!(world.store.create_account_link(UserId(999), DAY).await, Err(ChangeUserError::Unknown)));
    }

    async fn a_reset_ends_what_was_begun_with_the_old_password(world) {
        let ada = world.user("ada", Role::Member).await;
        let (session, _) = world.store.start_session(ada.id, SessionLimits::default()).await.unwrap();
        let link = world.store.create_account_link(ada.id, DAY).await.unwrap();
        assert!(world.store.actor_by_session(&session).await.unwrap().is_some(), "asking for one ends nothing");
        assert!(signs_in(&world, "ada", PASSWORD).await);
        let before = world.store.epoch().await.unwrap();
        world.store.use_account_link(&link, &new_password()).await.unwrap();
        assert!(world.store.epoch().await.unwrap() > before);
        assert_eq!(world.store.actor_by_session(&session).await.unwrap(), None);
        assert!(!signs_in(&world, "ada", PASSWORD).await && signs_in(&world, "ada", NEW_PASSWORD).await);
    }

    /// A reset link never gets around the second factor.
    async fn a_reset_leaves_the_second_factor(world) {
        let ada = world.user("ada", Role::Member).await;
        enrol(&world, &ada).await;
        let limits = SessionLimits::default();
        let begin = || world.store.begin_sign_in(&ada, false, limits, SessionOrigin::default());
        let FirstStep::SecondFactor(half) = begin().await.unwrap() else { panic!() };
        let link = world.store.create_account_link(ada.id, DAY).await.unwrap();
        let known = world.store.account_link(&link).await.unwrap().unwrap();
        assert_eq!((known.kind, known.second_factor), (LinkKind::Reset, SecondFactor::Enrolled));
        world.store.use_account_link(&link, &Password::new("vtram9hu")).await.unwrap();
        assert_eq!(world.store.pending_sign_in(&half).await.unwrap(), None);
        assert!(matches!(begin().await.unwrap(), FirstStep::SecondFactor(_)));
    }

    async fn accounts_are_overlooked(world) {
        let (ada, bob) = (world.user("ada", Role::Administrator).await, world.user("bob", Role::Member).await);
        let (eve, _) = world.store.invite(user_name("eve_1"), Role::Member, DAY).await.unwrap();
        enrol(&world, &ada).await;
        world.store.create_account_link(bob.id, DAY).await.unwrap();
        let all = world.store.user_overviews(&UserFilter::default(), None, 10).await.unwrap();
        let names: Vec<&str> = all.iter().map(|one| one.user.name.as_str()).collect();
        assert_eq!(names, ["ada", "bob", "eve_1"]);
        assert_eq!((all[0].second_factor, all[0].link), (SecondFactor::Enrolled, None));
        assert_eq!(all[0].last_used_at, Some(world.now()));
        assert_eq!(all[1].link.map(|link| link.0), Some(LinkKind::Reset));
        assert_eq!((all[2].has_password, all[2].link.map(|link| link.0)), (false, Some(LinkKind::Invitation)));
        assert_eq!(world.store.user_overview(&eve.name).await.unwrap().as_ref(), Some(&all[2]));
        let found = world.store.user_overviews(&holding("E_"), Some(&ada.name), 10).await.unwrap();
        assert_eq!(found, &all[2..]);
        assert_eq!(world.store.user_overviews(&holding("%"), None, 10).await.unwrap(), []);
        let filters = [
            (UserFilter { state: Some(AccountState::Invited), ..UserFilter::default() }, vec!["eve_1"]),
            (UserFilter { state: Some(AccountState::Active), ..UserFilter::default() }, vec!["ada", "bob"]),
            (UserFilter { role: Some("administrator".into()), ..UserFilter::default() }, vec!["ada"]),
            (UserFilter { role: Some("adm".into()), ..UserFilter::default() }, vec![]),
            (UserFilter { has_factor: Some(true), ..UserFilter::default() }, vec!["ada"]),
            (UserFilter { has_factor: Some(false), ..holding("b") }, vec!["bob"]),
        ];
        for (filter, expected) in filters {
            let found = world.store.user_overviews(&filter, None, 10).await.unwrap();
            assert_eq!(found.iter().map(|one| one.user.name.as_str()).collect::<Vec<_>>(), expected, "{filter:?}");
        }
        world.pass(24 * 3600);
        assert!(world.store.user_overviews(&UserFilter::default(), None, 10).await.unwrap().iter().all(|one| one.link.is_none()));
    }

    async fn another_role_ends_the_sessions(world) {
        let (_, eve) = (world.user("ada", Role::Administrator).await, world.user("eve", Role::Administrator).await);
        let (session, _) = world.store.start_session(eve.id, SessionLimits::default()).await.unwrap();
        world.store.set_role(eve.id, Role::Administrator).await.unwrap();
        assert!(world.store.actor_by_session(&session).await.unwrap().is_some());
        world.store.set_role(eve.id, Role::Member).await.unwrap();
        assert_eq!(world.store.actor_by_session(&session).await.unwrap(), None);
    }
}
