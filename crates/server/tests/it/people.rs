//! Somebody of each kind that may ask: every role, each credential in each state, and what an emergency adds.

use crate::second_factors::Browser;
use crate::world::{Answer, Secret, Who, World};
use access::audit::Origin;
use access::{Capabilities, Capability, Password, Role, Scope, Timestamp, Token, UserName, Verb, Verbs};
use axum::body::Body;
use model::RepoName;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;
use store::{NewToken, NewUser, RoleChoice, RoleName, SessionLimits, User};

/// Longer than a proof of who one is counts.
const STALE: Duration = Duration::from_secs(11 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Every kind of caller, in the order of the matrix, and who that is.
pub(crate) const KINDS: [(&str, &str); 22] = [
    ("nobody", "who sends no credential"),
    ("ended", "a member whose session was ended"),
    ("shut", "a member whose account was shut, by the session of before"),
    ("half", "a member with the password, who owes the second factor that is demanded"),
    ("member", "a member in a browser, who may read app"),
    ("auditor", "an auditor, who was granted app as well"),
    ("admin", "an administrator in a browser, fresh; nothing was granted to them"),
    ("stale", "an administrator whose proof of who they are is eleven minutes old"),
    ("glass", "an administrator in emergency access to vault"),
    ("service", "a service account's token, for reading; app was granted"),
    ("t:read", "the member's token, for reading"),
    ("t:write", "the member's token, for writing alone"),
    ("t:admin", "the member's token, for administration alone"),
    ("t:all", "the member's token, for everything"),
    ("t:over", "the member's token, after its end"),
    ("t:away", "the member's token, from another network than its own"),
    ("t:gone", "the member's token, revoked"),
    ("t:shut", "a token of the account that was shut"),
    ("a:read", "the administrator's token, for reading"),
    ("a:write", "the administrator's token, for reading and writing"),
    ("a:admin", "the administrator's token, for administration alone"),
    ("a:all", "the administrator's token, for everything"),
];

/// A world with somebody of each kind.
pub(crate) struct Crowd {
    pub(crate) world: World,
    /// Where a second factor is demanded; the others' is a world without that rule.
    demanding: World,
    accounts: Vec<(&'static str, User)>,
    tokens: Vec<(&'static str, Token)>,
    /// Session cookies that are kept from request to request.
    kept: Mutex<HashMap<String, String>>,
}

impl Crowd {
    pub(crate) async fn new() -> Crowd {
        let world = World::new(Secret::Exists).await;
        let demanding = World::new(Secret::Exists).await;
        demanding.store.require_second_factor(true).await.expect("a rule");
        let mut crowd =
            Crowd { world, demanding, accounts: Vec::new(), tokens: Vec::new(), kept: Mutex::default() };
        for (name, role) in [
            ("member", Role::Member),
            ("shut", Role::Member),
            ("auditor", Role::Auditor),
            ("admin", Role::Administrator),
            ("stale", Role::Administrator),
            ("glass", Role::Administrator),
        ] {
            crowd.person(name, role).await;
        }
        for capability in Capability::ALL {
            crowd.person_who_may(*capability).await;
        }
        crowd.make_tokens().await;
        for kind in ["ended", "shut", "stale"] {
            crowd.keep_session(kind).await;
        }
        crowd.world.clock.advance(STALE);
        let ended = crowd.cookie_kept("ended");
        let secret = access::SessionSecret::parse(&ended["sourcekeep=".len()..]).expect("a secret");
        crowd.world.store.end_session(&secret).await.expect("it ended");
        crowd.world.store.set_disabled(crowd.account("shut").id, true).await.expect("it is shut");
        let glass = crowd.account("glass");
        let by_glass = crowd.world.store.by(Origin::proved(glass.id, &glass.name, "session"));
        let vault = RepoName::new("vault").expect("a name");
        by_glass.break_glass(&vault, "the matrix wants to see it", 8 * HOUR).await.expect("an emergency");
        crowd
    }

    /// What this kind of caller hears. A kind that is no word of [`KINDS`] is a capability: a member with this one.
    pub(crate) async fn ask(&self, kind: &str, method: &str, target: &str, about: (&str, &str)) -> Answer {
        let (content_type, body) = about;
        let (world, credential) = match kind {
            "half" => {
                let mut browser = Browser::new(&self.demanding);
                browser.password("bob", "/").await;
                let cookies = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
                let cookies: Vec<String> = cookies.collect();
                assert!(!cookies.is_empty(), "a password gives half a sign-in");
                (&self.demanding, Some(("cookie", cookies.join("; "))))
            }
            kind => (&self.world, self.credential(kind).await),
        };
        let mut headers = vec![
            ("accept", if target == "/mcp" { "application/json, text/event-stream" } else { "text/html" }),
            // The name under which a browser may have passkeys.
            ("host", "localhost:7080"),
            ("origin", "http://localhost:7080"),
            ("content-type", content_type),
        ];
        headers.extend(credential.iter().map(|(name, value)| (*name, value.as_str())));
        world.ask(Who::Stranger, method, target, &headers, Body::from(body.to_owned())).await
    }

    async fn credential(&self, kind: &str) -> Option<(&'static str, String)> {
        if let Some((_, token)) = self.tokens.iter().find(|(of, _)| *of == kind) {
            return Some(("authorization", format!("Bearer {}", token.reveal())));
        }
        match kind {
            "nobody" => None,
            "ended" | "shut" => Some(("cookie", self.cookie_kept(kind))),
            "stale" => Some(("cookie", self.stale_cookie().await)),
            kind => Some(("cookie", self.fresh_cookie(kind).await)),
        }
    }

    /// A session that goes on and whose proof is old.
    async fn stale_cookie(&self) -> String {
        if self.is_fresh("stale").await.is_none() {
            self.keep_session("stale").await;
            self.world.clock.advance(STALE);
        }
        self.cookie_kept("stale")
    }

    /// A session that goes on and whose proof is of today: another one where the one before was ended or got stale.
    async fn fresh_cookie(&self, kind: &str) -> String {
        if self.is_fresh(kind).await != Some(true) {
            self.keep_session(kind).await;
        }
        self.cookie_kept(kind)
    }

    /// Whether the proof of the kept session still counts; `None` where the session is over or there was none.
    async fn is_fresh(&self, kind: &str) -> Option<bool> {
        let cookie = self.kept.lock().expect("cookies").get(kind)?.clone();
        let secret = access::SessionSecret::parse(&cookie["sourcekeep=".len()..]).expect("a secret");
        let actor = self.world.store.actor_by_session(&secret).await.expect("a store")?;
        let access::Caller::User { via: access::Via::Session(session), .. } = actor.caller else {
            return None;
        };
        Some(self.world.store.is_fresh(&session).await.expect("a store"))
    }

    fn cookie_kept(&self, kind: &str) -> String {
        self.kept.lock().expect("cookies").get(kind).expect("a cookie").clone()
    }

    async fn keep_session(&self, kind: &str) {
        let cookie = self.new_session(if kind == "ended" { "member" } else { kind }).await;
        self.kept.lock().expect("cookies").insert(kind.to_owned(), cookie);
    }

    async fn new_session(&self, kind: &str) -> String {
        let limits = SessionLimits { idle: 240 * HOUR, absolute: 240 * HOUR };
        let (secret, _) =
            self.world.store.start_session(self.account(kind).id, limits).await.expect("a session");
        format!("sourcekeep={}", secret.reveal())
    }

    fn account(&self, kind: &str) -> &User {
        let found = self.accounts.iter().find(|(of, _)| *of == kind);
        &found.unwrap_or_else(|| panic!("nobody is called {kind}")).1
    }

    async fn person(&mut self, kind: &'static str, role: Role) {
        let name = UserName::new(&format!("a-{}", kind.replace('_', "-"))).expect("a name");
        let new = NewUser { name, password: Some(Password::new(crate::world::PASSWORD)), role };
        let user = self.world.store.create_user(new).await.expect("an account");
        if !matches!(role, Role::Administrator) {
            self.world.store.grant(self.world.repo("app").await, user.id).await.expect("a grant");
        }
        self.accounts.push((kind, user));
    }

    async fn person_who_may(&mut self, capability: Capability) {
        self.person(capability.as_str(), Role::Member).await;
        let role = RoleName::new(&capability.as_str().replace('_', "-")).expect("a name");
        let store = &self.world.store;
        store.save_role(&role, "", Capabilities::of([capability])).await.expect("a role");
        let user = self.account(capability.as_str()).id;
        store.set_role(user, RoleChoice::Named(role)).await.expect("their role");
    }

    async fn make_tokens(&mut self) {
        let all = Scope::FULL;
        let of = |verbs: &[Verb]| Scope { verbs: Verbs::of(verbs.iter().copied()), ..Scope::FULL };
        let (member, admin) = (self.account("member").id, self.account("admin").id);
        let service = UserName::new("a-service").expect("a name");
        let service = self.world.store.create_service_account(&service).await.expect("a service account");
        self.world.store.grant(self.world.repo("app").await, service).await.expect("a grant");
        let soon = Timestamp(access::Clock::now(&*self.world.clock).0 + 60_000);
        let elsewhere = vec!["192.0.2.0/24".parse().expect("a network")];
        for (kind, user, scope) in [
            ("service", service, of(&[Verb::Read])),
            ("t:read", member, of(&[Verb::Read])),
            ("t:write", member, of(&[Verb::Write])),
            ("t:admin", member, of(&[Verb::Admin])),
            ("t:all", member, all.clone()),
            ("t:over", member, Scope { expires_at: Some(soon), ..all.clone() }),
            ("t:away", member, Scope { addresses: elsewhere, ..all.clone() }),
            ("t:gone", member, all.clone()),
            ("t:shut", self.account("shut").id, all.clone()),
            ("a:read", admin, of(&[Verb::Read])),
            ("a:write", admin, of(&[Verb::Read, Verb::Write])),
            ("a:admin", admin, of(&[Verb::Admin])),
            ("a:all", admin, all.clone()),
        ] {
            let new = NewToken { user, label: kind.into(), scope };
            let (token, info) = self.world.store.create_token(new).await.expect("a token");
            if kind == "t:gone" {
                assert!(self.world.store.revoke_token(user, &info.id).await.expect("a store"));
            }
            self.tokens.push((kind, token));
        }
    }
}
