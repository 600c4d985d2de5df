//! Roles, emergency access, service accounts.

use crate::world::{on_both, repo_name, user_name};
use access::audit::Origin;
use access::{Capabilities, Capability, Password, Role, Scope};
use std::time::Duration;
use store::{
    Adder, AuditFilter, BreakGlassError, ChangeUserError, NewToken, RoleChoice, RoleError, RoleName,
    SessionLimits, Store, User,
};

fn as_user(store: &Store, user: &User) -> Store {
    store.by(Origin::proved(user.id, &user.name, "session"))
}

fn role(name: &str) -> RoleName {
    RoleName::new(name).unwrap()
}

const REASON: &str = "the build is broken and nobody else is awake";
const HOUR: Duration = Duration::from_secs(3600);

on_both! {
    /// Threats A: administrators promoting themselves.
    async fn nobody_promotes_themselves(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let eve = world.user("eve", Role::Member).await;
        let by_eve = as_user(&world.store, &eve);
        let own = by_eve.set_role(eve.id, Role::Administrator).await.unwrap_err();
        assert!(matches!(own, ChangeUserError::NotYours), "{own:?}");
        // Not by somebody's role, nor by one of their own making.
        as_user(&world.store, &ada)
            .save_role(&role("people"), "", Capabilities::of([Capability::ManageRoles, Capability::ManageUsers]))
            .await
            .unwrap();
        as_user(&world.store, &ada).set_role(eve.id, RoleChoice::Named(role("people"))).await.unwrap();
        let refused = by_eve.set_role(eve.id, Role::Administrator).await.unwrap_err();
        assert!(matches!(refused, ChangeUserError::NotYours), "{refused:?}");
        let bob = world.user("bob", Role::Member).await;
        for more in [RoleChoice::BuiltIn(Role::Administrator), RoleChoice::BuiltIn(Role::Auditor)] {
            let refused = by_eve.set_role(bob.id, more).await.unwrap_err();
            assert!(matches!(refused, ChangeUserError::NotYours), "{refused:?}");
        }
        let refused = by_eve.save_role(&role("people"), "", Capabilities::ALL).await.unwrap_err();
        assert!(matches!(refused, RoleError::NotYours), "{refused:?}");
        let refused = by_eve.save_role(&role("other"), "", Capabilities::ALL).await.unwrap_err();
        assert!(matches!(refused, RoleError::NotYours), "{refused:?}");
        // Nor by pulling down whoever is above.
        let refused = by_eve.set_role(ada.id, Role::Member).await.unwrap_err();
        assert!(matches!(refused, ChangeUserError::NotYours), "{refused:?}");
        // What is within is given.
        by_eve.set_role(bob.id, RoleChoice::Named(role("people"))).await.unwrap();
        let itself = as_user(&world.store, &ada).set_role(ada.id, Role::Member).await.unwrap_err();
        assert!(matches!(itself, ChangeUserError::NotYours), "{itself:?}");
    }

    async fn the_last_administrator_stays(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let bob = world.user("bob", Role::Administrator).await;
        let by_ada = as_user(&world.store, &ada);
        by_ada.set_role(bob.id, Role::Auditor).await.unwrap();
        let refused = world.store.set_role(ada.id, Role::Auditor).await.unwrap_err();
        assert!(matches!(refused, ChangeUserError::LastAdministrator { .. }), "{refused:?}");
        let refused = by_ada.set_disabled(ada.id, true).await.unwrap_err();
        assert!(matches!(refused, ChangeUserError::LastAdministrator { .. }), "{refused:?}");
    }

    async fn a_changed_role_counts_for_all_who_have_it(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let eve = world.user("eve", Role::Member).await;
        let by_ada = as_user(&world.store, &ada);
        by_ada.save_role(&role("reader"), "reads the log", Capabilities::of([Capability::ReadAudit])).await.unwrap();
        by_ada.set_role(eve.id, RoleChoice::Named(role("reader"))).await.unwrap();
        let actor = world.actor(&eve).await;
        assert!(actor.can(Capability::ReadAudit) && !actor.can(Capability::ManageUsers));
        by_ada.save_role(&role("reader"), "", Capabilities::of([Capability::RunReviews])).await.unwrap();
        let actor = world.actor(&eve).await;
        assert!(!actor.can(Capability::ReadAudit) && actor.can(Capability::RunReviews));
        assert!(matches!(by_ada.remove_role(&role("reader")).await.unwrap_err(), RoleError::InUse { n_users: 1 }));
        by_ada.set_role(eve.id, Role::Member).await.unwrap();
        by_ada.remove_role(&role("reader")).await.unwrap();
        let unknown = by_ada.set_role(eve.id, RoleChoice::Named(role("reader"))).await.unwrap_err();
        assert!(matches!(unknown, ChangeUserError::UnknownRole), "{unknown:?}");
        // A name that is the beginning of another is another.
        by_ada.save_role(&role("a"), "", Capabilities::NONE).await.unwrap();
        by_ada.save_role(&role("a-b"), "", Capabilities::of([Capability::ReadAudit])).await.unwrap();
        by_ada.set_role(eve.id, RoleChoice::Named(role("a-b"))).await.unwrap();
        by_ada.save_role(&role("a"), "", Capabilities::of([Capability::RunReviews])).await.unwrap();
        assert!(world.actor(&eve).await.can(Capability::ReadAudit));
        let roles = world.store.custom_roles().await.unwrap();
        let counts: Vec<_> = roles.iter().map(|role| (role.name.as_str(), role.n_users)).collect();
        assert_eq!(counts, [("a", 0), ("a-b", 1)]);
    }

    async fn no_role_reads_code_and_an_auditor_reads_none(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let eve = world.user("eve", Role::Member).await;
        let open = world.add("open").await;
        world.store.set_unrestricted(open, true).await.unwrap();
        let shut = world.add_as("shut", Adder::User(eve.id)).await.repository.id;
        assert!(!world.access(&ada).await.allows(shut));
        assert!(world.access(&eve).await.allows(shut) && world.access(&eve).await.allows(open));
        as_user(&world.store, &ada).set_role(eve.id, Role::Auditor).await.unwrap();
        let access = world.access(&eve).await;
        assert!(!access.allows(shut) && !access.allows(open));
    }

    async fn emergency_access_has_a_reason_and_an_end(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let bob = world.user("bob", Role::Administrator).await;
        let eve = world.user("eve", Role::Member).await;
        let repo = world.add_as("secret", Adder::User(eve.id)).await.repository.id;
        let by_ada = as_user(&world.store, &ada);
        let name = repo_name("secret");
        assert!(!world.access(&ada).await.allows(repo));
        let short = by_ada.break_glass(&name, "because", HOUR).await.unwrap_err();
        assert!(matches!(short, BreakGlassError::BadReason { .. }), "{short:?}");
        let long = by_ada.break_glass(&name, REASON, 9 * HOUR).await.unwrap_err();
        assert!(matches!(long, BreakGlassError::TooLong { .. }), "{long:?}");
        let unknown = by_ada.break_glass(&repo_name("nothing"), REASON, HOUR).await.unwrap_err();
        assert!(matches!(unknown, BreakGlassError::Unknown), "{unknown:?}");
        let refused = as_user(&world.store, &eve).break_glass(&name, REASON, HOUR).await.unwrap_err();
        assert!(matches!(refused, BreakGlassError::NotAllowed), "{refused:?}");
        by_ada.break_glass(&name, REASON, HOUR).await.unwrap();
        let access = world.access(&ada).await;
        assert!(access.allows(repo));
        assert_eq!(access.ends_at_ms(), Some(world.now().plus(HOUR).0));
        assert!(!world.access(&bob).await.allows(repo));
        // Seen by the others, and in the log with its reason.
        let active = world.store.active_break_glass().await.unwrap();
        assert_eq!((active[0].name.as_str(), active[0].reason.as_str()), ("ada", REASON));
        let filter = AuditFilter { act: "grant.break-glass".into(), ..AuditFilter::default() };
        let entries = world.store.audit_entries(&filter, None, 10).await.unwrap();
        assert_eq!((entries[0].actor.as_str(), entries[0].reason.as_deref()), ("ada", Some(REASON)));
        // It ends by itself, to the millisecond, without anybody doing anything.
        world.clock.advance(HOUR - Duration::from_millis(1));
        assert!(world.access(&ada).await.allows(repo));
        world.clock.advance(Duration::from_millis(1));
        assert!(!world.access(&ada).await.allows(repo));
        assert!(world.store.active_break_glass().await.unwrap().is_empty());
        // Or when somebody else ends it, or the role does not allow it any more.
        let second = by_ada.break_glass(&name, REASON, HOUR).await.unwrap();
        let epoch = world.store.epoch().await.unwrap();
        assert!(as_user(&world.store, &bob).end_break_glass(&second.id).await.unwrap());
        assert!(world.store.epoch().await.unwrap() > epoch);
        assert!(!world.access(&ada).await.allows(repo));
        assert!(!as_user(&world.store, &bob).end_break_glass(&second.id).await.unwrap());
        assert!(!world.store.end_break_glass("invented").await.unwrap());
        by_ada.break_glass(&name, REASON, HOUR).await.unwrap();
        as_user(&world.store, &bob).set_role(ada.id, Role::Member).await.unwrap();
        assert!(!world.access(&ada).await.allows(repo));
    }

    async fn nobody_signs_in_to_a_service_account(world) {
        let ada = world.user("ada", Role::Administrator).await;
        let store = as_user(&world.store, &ada);
        let id = store.create_service_account(&user_name("builder")).await.unwrap();
        assert!(store.create_service_account(&user_name("ada")).await.is_err());
        let (secret, _) = store.start_session(id, SessionLimits::default()).await.unwrap();
        assert_eq!(store.actor_by_session(&secret).await.unwrap(), None);
        let password = Password::new(crate::world::PASSWORD);
        store.set_password(id, &password).await.unwrap_err();
        let [account] = &store.service_accounts().await.unwrap()[..] else { panic!() };
        assert_eq!((account.name.as_str(), account.owner.as_deref()), ("builder", Some("ada")));
        assert!(store.service_account(&user_name("ada")).await.unwrap().is_none());
        let repo = world.add("tool").await;
        store.grant(repo, id).await.unwrap();
        let new = NewToken { user: id, label: "ci".into(), scope: Scope::FULL };
        let (token, _) = store.create_token(new).await.unwrap();
        let actor = store.actor_by_token(&token).await.unwrap().unwrap();
        assert!(store.access_set(&actor).await.unwrap().allows(repo));
        assert!(!actor.can(Capability::ManageUsers));
        store.set_disabled(id, true).await.unwrap();
        assert_eq!(store.actor_by_token(&token).await.unwrap(), None);
    }
}

#[test]
fn names_of_roles() {
    for good in ["support", "a", "a-1"] {
        assert!(RoleName::new(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "member",
        "administrator",
        "auditor",
        "custom",
        "1a",
        "-a",
        "A",
        "a:b",
        "a,b",
        "a b",
        &"a".repeat(41),
    ] {
        assert!(RoleName::new(bad).is_err(), "{bad}");
    }
}
