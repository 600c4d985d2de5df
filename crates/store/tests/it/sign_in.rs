//! Signing in, and guessing.

use crate::world::{PASSWORD, World, on_both};
use access::{ClientAddress, Password, PasswordCost, Role};
use std::net::IpAddr;
use std::time::Duration;
use store::{Options, SignInError, Store};

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";

async fn try_in(world: &World, name: &str, password: &str, address: &str) -> Result<String, SignInError> {
    let address = ClientAddress::from(address.parse::<IpAddr>().unwrap());
    let user = world.store.authenticate(name, &Password::new(password), address).await?;
    Ok(user.name.to_string())
}

/// Fails `n` times, and each time for being wrong.
async fn guess(world: &World, name: &str, address: &str, n: usize) {
    for number in 0..n {
        let guess = try_in(world, name, "a wrong password, this", address).await;
        assert!(matches!(guess, Err(SignInError::Refused)), "{number}: {guess:?}");
    }
}

async fn wait_of(world: &World, name: &str, address: &str) -> Duration {
    match try_in(world, name, PASSWORD, address).await {
        Err(SignInError::Wait { retry_after }) => retry_after,
        other => panic!("{other:?}"),
    }
}

on_both! {
    async fn the_right_password_signs_in(world) {
        world.user("ada", Role::Member).await;
        assert_eq!(try_in(&world, "ada", PASSWORD, HOME).await.unwrap(), "ada");
        assert_eq!(try_in(&world, "ADA", PASSWORD, HOME).await.unwrap(), "ada");
        guess(&world, "ada", HOME, 1).await;
    }

    /// Wrong, unknown, impossible, shut and passwordless are one answer.
    async fn every_refusal_is_the_same(world) {
        world.user("ada", Role::Member).await;
        let shut = world.user("shut", Role::Member).await;
        world.store.set_disabled(shut.id, true).await.unwrap();
        let long = "x".repeat(10_000);
        for name in ["ada", "nobody", "", "a b\0c", "' OR 1=1 --", &long] {
            let refused = try_in(&world, name, "a wrong password, this", ELSEWHERE).await.unwrap_err();
            assert_eq!(refused.to_string(), "the name or the password is not right");
        }
        let refused = try_in(&world, "shut", PASSWORD, HOME).await.unwrap_err();
        assert_eq!(refused.to_string(), "the name or the password is not right");
    }

    async fn guessing_gets_slower_and_slower(world) {
        world.user("ada", Role::Member).await;
        guess(&world, "ada", HOME, 5).await;
        for seconds in [1, 2, 4, 8] {
            assert_eq!(wait_of(&world, "ada", HOME).await, Duration::from_secs(seconds));
            world.pass(seconds - 1);
            assert_eq!(wait_of(&world, "ada", HOME).await, Duration::from_secs(1), "asking does not prolong it");
            world.pass(1);
            guess(&world, "ada", HOME, 1).await;
        }
        world.pass(16);
        assert!(try_in(&world, "ada", PASSWORD, HOME).await.is_ok());
        guess(&world, "ada", HOME, 5).await;
        assert_eq!(wait_of(&world, "ada", HOME).await, Duration::from_secs(1), "a success forgets");
    }

    /// Locking somebody out from elsewhere does not work.
    async fn somebody_elses_failures_do_not_lock_the_owner_out(world) {
        world.user("ada", Role::Member).await;
        guess(&world, "ada", ELSEWHERE, 5).await;
        wait_of(&world, "ada", ELSEWHERE).await;
        assert!(try_in(&world, "ada", PASSWORD, HOME).await.is_ok());
    }

    async fn accounts_that_do_not_exist_behave_as_if_they_did(world) {
        world.user("ada", Role::Member).await;
        guess(&world, "nobody", HOME, 5).await;
        guess(&world, "ada", HOME, 5).await;
        assert_eq!(wait_of(&world, "nobody", HOME).await, wait_of(&world, "ada", HOME).await);
        assert_eq!(wait_of(&world, "NOBODY", HOME).await, Duration::from_secs(1));
    }

    async fn one_address_over_many_accounts_waits_too(world) {
        world.user("ada", Role::Member).await;
        for number in 0..10 {
            guess(&world, &format!("user{number}"), HOME, 3).await;
        }
        assert_eq!(wait_of(&world, "ada", HOME).await, Duration::from_secs(1));
        assert!(try_in(&world, "ada", PASSWORD, ELSEWHERE).await.is_ok());
        world.pass(1);
        assert!(try_in(&world, "ada", PASSWORD, HOME).await.is_ok());
        guess(&world, "ada", HOME, 1).await;
        assert_eq!(wait_of(&world, "ada", HOME).await, Duration::from_secs(2), "one success does not wipe it out");
    }

    async fn failures_are_forgotten_after_an_hour(world) {
        world.user("ada", Role::Member).await;
        guess(&world, "ada", HOME, 5).await;
        world.pass(3601);
        guess(&world, "ada", HOME, 5).await;
        assert_eq!(wait_of(&world, "ada", HOME).await, Duration::from_secs(1));
    }

    /// Guesses sent at the same moment do not slip past the count.
    async fn a_volley_is_counted(world) {
        world.user("ada", Role::Member).await;
        let other = world.another_process().await;
        let mut guesses = Vec::new();
        for number in 0..24 {
            let store = if number % 2 == 0 { world.store.clone() } else { other.clone() };
            guesses.push(tokio::spawn(async move {
                let address = ClientAddress::from(HOME.parse::<IpAddr>().unwrap());
                store.authenticate("ada", &Password::new("a wrong password, this"), address).await
            }));
        }
        let mut n_looked_at = 0;
        for guess in guesses {
            match guess.await.unwrap() {
                Err(SignInError::Refused) => n_looked_at += 1,
                Err(SignInError::Wait { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(n_looked_at, 5);
    }

    async fn a_password_is_hashed_anew_at_a_new_cost(world) {
        let ada = world.user("ada", Role::Member).await;
        let password_cost = PasswordCost { memory_kib: 16, n_passes: 1 };
        let stronger = Store::open_with(&world.url, Options { password_cost, ..world.options.clone() }).await.unwrap();
        let address = ClientAddress::from(HOME.parse::<IpAddr>().unwrap());
        for _ in 0..2 {
            let user = stronger.authenticate("ada", &Password::new(PASSWORD), address).await.unwrap();
            assert_eq!(user.id, ada.id);
        }
        assert!(try_in(&world, "ada", PASSWORD, HOME).await.is_ok());
    }
}
