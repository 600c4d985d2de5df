//! Identity providers: whose accounts there are whose, and sign-ins that are under way.

use crate::world::{World, on_both};
use access::{BrowserSecret, Role, SecondFactor, SystemRandomness, UserName};
use secrecy::SecretString;
use std::collections::BTreeSet;
use store::{
    Address, FirstStep, LinkProviderError, ProviderIdentity, ProviderPurpose, ProviderSignIn, SessionLimits,
    SessionOrigin, Who,
};

fn identity(subject: &str) -> ProviderIdentity {
    ProviderIdentity {
        issuer: "https://login.example.org".into(),
        subject: subject.into(),
        label: "Ada".into(),
    }
}

fn name(text: &str) -> UserName {
    UserName::new(text).unwrap()
}

fn sign_in() -> ProviderSignIn {
    ProviderSignIn {
        purpose: ProviderPurpose::SignIn,
        return_to: "/repos".into(),
        redirect: "https://code.example.org/back".into(),
        nonce: SecretString::from("nonce"),
        verifier: SecretString::from("verifier"),
    }
}

async fn begin(world: &World, subject: &str, factors: (bool, bool)) -> Option<FirstStep> {
    let (limits, origin) = (SessionLimits::default(), SessionOrigin::default());
    let begun =
        world.store.begin_sign_in_at_provider(&identity(subject), factors, limits, origin).await.unwrap();
    begun.map(|(_, step)| step)
}

on_both! {
    async fn an_account_there_is_one_here(world) {
        let (ada, bob) = (world.user("ada", Role::Member).await, world.user("bob", Role::Member).await);
        assert!(begin(&world, "17", (false, false)).await.is_none());
        let before = world.store.epoch().await.unwrap();
        world.store.link_provider(ada.id, &identity("17")).await.unwrap();
        assert!(world.store.epoch().await.unwrap() > before);
        world.store.link_provider(ada.id, &identity("17")).await.unwrap();
        let taken = world.store.link_provider(bob.id, &identity("17")).await;
        assert!(matches!(taken, Err(LinkProviderError::Taken)));
        let another = world.store.link_provider(ada.id, &identity("18")).await;
        assert!(matches!(another, Err(LinkProviderError::HasAnother)));
        let Some(FirstStep::SignedIn(secret)) = begin(&world, "17", (false, false)).await else { panic!() };
        assert!(world.store.actor_by_session(&secret).await.unwrap().is_some());
        assert!(matches!(begin(&world, "17", (false, true)).await, Some(FirstStep::Enrolment(_))));
        assert!(matches!(begin(&world, "17", (true, true)).await, Some(FirstStep::SignedIn(_))));
        world.store.set_disabled(ada.id, true).await.unwrap();
        assert!(begin(&world, "17", (true, false)).await.is_none());
    }

    async fn the_last_way_in_is_kept_and_sessions_end(world) {
        let made = world.store.create_from_provider(&[name("carol")], &identity("20"), None).await.unwrap();
        let carol = made.unwrap();
        let refused = world.store.unlink_provider(carol.id, &identity("20").issuer, None, false).await;
        assert!(matches!(refused, Err(LinkProviderError::LastWayIn)));
        let Some(FirstStep::SignedIn(secret)) = begin(&world, "20", (false, false)).await else { panic!() };
        world.store.unlink_provider(carol.id, &identity("20").issuer, None, true).await.unwrap();
        assert!(world.store.actor_by_session(&secret).await.unwrap().is_none());
        let gone = world.store.unlink_provider(carol.id, &identity("20").issuer, None, true).await;
        assert!(matches!(gone, Err(LinkProviderError::Unknown)));
        assert_eq!(world.store.second_factor(carol.id).await.unwrap(), SecondFactor::None);
    }

    /// SECURITY: people choose what they are called at a provider; an address is theirs where the provider verified it.
    async fn what_waits_for_a_name_is_not_granted_to_who_calls_themselves_so(world) {
        let app = world.add("app").await;
        let lib = world.add("lib").await;
        let carol = Address::new("carol@example.org").unwrap();
        world.store.set_repository_users(app, &BTreeSet::from([Who::Name(name("carol"))])).await.unwrap();
        world.store.set_repository_users(lib, &BTreeSet::from([Who::Address(carol.clone())])).await.unwrap();
        let made = world.store.create_from_provider(&[name("carol")], &identity("20"), Some(&carol)).await;
        let user = made.unwrap().unwrap();
        let access = world.access(&user).await;
        assert!(!access.allows(app) && access.allows(lib));
        // A name that is taken is passed over; an account there that is somebody's makes no second one.
        let names = [name("carol"), name("carol-2")];
        let second = world.store.create_from_provider(&names, &identity("21"), Some(&carol)).await.unwrap().unwrap();
        assert_eq!(second.name.as_str(), "carol-2");
        assert!(!world.access(&second).await.allows(lib), "the address is the other's");
        let taken = world.store.create_from_provider(&[name("dora")], &identity("20"), None).await;
        assert!(matches!(taken, Err(LinkProviderError::Taken)));
        assert!(world.store.user_by_name(&name("dora")).await.unwrap().is_none());
    }

    async fn an_answer_is_taken_once_by_whoever_races(world) {
        let (state, browser) = (SecretString::from("state"), BrowserSecret::mint(&SystemRandomness).unwrap());
        let other = BrowserSecret::mint(&SystemRandomness).unwrap();
        world.store.keep_provider_sign_in("work", &state, &browser, &sign_in()).await.unwrap();
        for (provider, state, browser) in
            [("else", "state", &browser), ("work", "other", &browser), ("work", "state", &other)]
        {
            let state = SecretString::from(state);
            assert!(world.store.take_provider_sign_in(provider, &state, browser).await.unwrap().is_none());
        }
        let take = || world.store.take_provider_sign_in("work", &state, &browser);
        let (one, two, three) = tokio::join!(take(), take(), take());
        let taken = [one, two, three].into_iter().filter_map(|taken| taken.unwrap()).collect::<Vec<_>>();
        assert_eq!(taken.len(), 1);
        assert_eq!((taken[0].return_to.as_str(), taken[0].redirect.as_str()), ("/repos", "https://code.example.org/back"));
        world.store.keep_provider_sign_in("work", &state, &browser, &sign_in()).await.unwrap();
        world.pass(600);
        assert!(take().await.unwrap().is_none());
    }
}
