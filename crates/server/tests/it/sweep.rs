//! Ids of other people in every route that has one, and fields nobody asked for in every form: nothing is told of the first
//! and nothing is taken over from the second. Both lists are held against the router's table.

use crate::matrix::{FORM, JSON, body};
use crate::world::{Answer, Secret, Who, World, run};
use access::audit::Origin;
use access::{Scope, UserName};
use axum::body::Body;
use export::ExportWorker;
use server::{RouteInfo, Server};
use std::time::Duration;
use store::{NewCodeHost, NewToken, ReviewScope};
use tokio_util::sync::CancellationToken;

const INVENTED: &str = "0123456789abcdef";
const OWN: [(&str, &str); 2] = [("host", "localhost:7080"), ("origin", "http://localhost:7080")];

/// What Ada has, by its id, and what only administrators know.
struct Ids {
    session: String,
    token: String,
    passkey: String,
    export: String,
    review: String,
    emergency: String,
    host: String,
    hook: String,
    service_token: String,
}

async fn ask(world: &World, who: Who, method: &str, target: &str, sent: (&str, &str)) -> Answer {
    let accept = match target {
        "/mcp" => "application/json, text/event-stream",
        api if api.starts_with("/api/") => "application/json",
        _ => "text/html",
    };
    let headers = [("accept", accept), OWN[0], OWN[1], ("content-type", sent.0)];
    world.ask(who, method, target, &headers, Body::from(sent.1.to_owned())).await
}

/// One thing of each kind that is Ada's.
async fn belongings(world: &World) -> Ids {
    let ada = UserName::new("ada").expect("a name");
    let ada = world.store.user_by_name(&ada).await.expect("a store").expect("ada");
    let store = world.store.by(Origin::proved(ada.id, &ada.name, "session"));
    let token = |user| NewToken { user, label: "theirs".into(), scope: Scope::FULL };
    let made =
        ask(world, Who::Ada, "POST", "/api/v1/exports", (JSON, r#"{"query":"needle","format":"csv"}"#)).await;
    ExportWorker::new(&world.exports).drain(&CancellationToken::new()).await.expect("a store");
    let context = r#"{"name":"@ada/hers","query":"repo:app"}"#;
    assert_eq!(ask(world, Who::Ada, "POST", "/api/v1/contexts", (JSON, context)).await.status, 201);
    let builder = UserName::new("builder").expect("a name");
    let builder = store.create_service_account(&builder).await.expect("a service account");
    let role = store::RoleName::new("support").expect("a name");
    store.save_role(&role, "", access::Capabilities::NONE).await.expect("a role");
    let host = NewCodeHost {
        kind: "gitlab".into(),
        name: "ours".into(),
        url: "https://git.example.org".into(),
        settings: "{}".into(),
        bound: store::BOUND_DEFAULT,
        token: None,
    };
    let host = store.add_code_host(host).await.expect("a code host");
    let scope = ReviewScope::default();
    let group = store::GroupName::new("kernel").expect("a name");
    store.create_group(&group, "").await.expect("a group");
    let vault = model::RepoName::new("vault").expect("a name");
    let emergency = store.break_glass(&vault, "a reason long enough", Duration::from_secs(3600)).await;
    let passkey = "INSERT INTO passkeys (id, user_id, handle, credential_id, name, passkey, created_at) \
                   SELECT 'adaspasskey00000', id, x'01', x'02', 'hers', '{}', 0 FROM users WHERE name = 'ada'";
    world.sql(passkey).await;
    Ids {
        session: store.sessions_of(ada.id).await.expect("sessions")[0].id.to_string(),
        token: store.create_token(token(ada.id)).await.expect("a token").1.id.to_string(),
        passkey: "adaspasskey00000".into(),
        export: made.header("location").rsplit('/').next().unwrap_or("").to_owned(),
        review: store
            .start_review("Spring", &scope, Duration::from_secs(7 * 86_400))
            .await
            .expect("a review"),
        emergency: emergency.expect("emergency access").id,
        host: host.id.to_string(),
        hook: host.hook_id,
        service_token: store.create_token(token(builder)).await.expect("a token").1.id.to_string(),
    }
}

/// What of a pattern is another's, and the same invented; `None` where a parameter is no id of anything.
fn ids(route: &RouteInfo, ids: &Ids) -> Option<Vec<(String, String)>> {
    let path = route.path;
    let one = |id: &str| Some(vec![(path.replace("{id}", id), path.replace("{id}", INVENTED))]);
    let acts = |id: &str, acts: &[&str]| {
        let pair = |act: &&str| {
            let path = path.replace("{act}", act);
            (path.replace("{id}", id), path.replace("{id}", INVENTED))
        };
        Some(acts.iter().map(pair).collect())
    };
    let named = |name: &str, acts: &[&str]| {
        let pair = |act: &&str| {
            let path = path.replace("{act}", act);
            (path.replace("{name}", name), path.replace("{name}", "nobody"))
        };
        Some(acts.iter().map(pair).collect())
    };
    match path {
        // A digest, and secrets: whoever has one was given it.
        "/assets/{digest}/{name}" | "/setup/{secret}" | "/link/{secret}" => None,
        // The words of the configuration for identity providers, which stand on the page where everybody signs in.
        "/sign-in/provider/{id}"
        | "/sign-in/provider/{id}/back"
        | "/sign-in/provider/{id}/sign-out"
        | "/link/{secret}/provider/{id}"
        | "/account/providers/{id}/{act}"
        | "/step-up/provider/{id}" => None,
        "/account/sessions/{id}/end" => one(&ids.session),
        "/account/tokens/{id}/revoke" => one(&ids.token),
        "/account/passkeys/{id}/{act}" => acts(&ids.passkey, &["rename", "remove"]),
        "/exports/{id}/{act}" => acts(&ids.export, &["cancel", "delete", "again"]),
        "/api/v1/exports/{id}" | "/api/v1/exports/{id}/cancel" | "/api/v1/exports/{id}/file" => {
            one(&ids.export)
        }
        "/api/v1/contexts/{*name}" => {
            Some(vec![("/api/v1/contexts/@ada/hers".into(), "/api/v1/contexts/@ada/none".into())])
        }
        "/r/{*address}" => Some(
            [
                "",
                "/-/tree/x",
                "/-/blob/secret.txt",
                "/-/raw/secret.txt",
                "/-/commit/main",
                "/-/skipped",
                "/-/commits",
                "/-/compare/main...main",
                "/-/log/secret.txt",
                "/-/blame/secret.txt",
                "/-/references/secret.txt",
                "/-/graph/secret.txt",
                "/-/precise",
            ]
            .map(|rest| (format!("/r/vault{rest}"), format!("/r/nothing{rest}")))
            .into(),
        ),
        "/api/v1/repos/{*address}" => Some(
            [
                "",
                "/-/tree/",
                "/-/file/secret.txt",
                "/-/refs",
                "/-/owners/secret.txt",
                "/-/why/secret.txt",
                "/-/commits",
                "/-/compare/main...main",
                "/-/log/secret.txt",
                "/-/blame/secret.txt",
                "/-/definition/secret.txt?line=1",
                "/-/references/secret.txt?line=1",
                "/-/implementations/secret.txt?line=1",
                "/-/precise",
                "/-/hover/secret.txt?line=1",
                "/-/callees/secret.txt?line=1",
                "/-/hierarchy/secret.txt?line=1",
                "/-/graph/secret.txt?line=1&to=main",
                "/-/outline/secret.txt",
            ]
            .map(|rest| (format!("/api/v1/repos/vault{rest}"), format!("/api/v1/repos/nothing{rest}")))
            .into(),
        ),
        "/hooks/{id}" => one(&ids.hook),
        "/admin/hosts/{id}" => one(&ids.host),
        "/admin/hosts/{id}/{act}" => acts(&ids.host, &["test", "sync", "secret", "remove"]),
        "/admin/reviews/{id}" | "/admin/reviews/{id}/file" => one(&ids.review),
        "/admin/break-glass/{id}/end" => one(&ids.emergency),
        "/admin/roles/{name}/remove" => named("support", &[""]),
        "/admin/groups/{name}" => named("kernel", &[""]),
        "/admin/users/{name}" | "/admin/access/{name}" => named("ada", &[""]),
        "/admin/users/{name}/{act}" => named("ada", &["shut", "link", "end-sessions", "reset-factors"]),
        "/admin/service-accounts/{name}/{act}" => named("builder", &["disable", "token"]),
        "/admin/service-accounts/{name}/tokens/{id}/revoke" => {
            let of = |name: &str, id: &str| path.replace("{name}", name).replace("{id}", id);
            Some(vec![(of("builder", &ids.service_token), of("builder", INVENTED))])
        }
        path => panic!("{path}: say in tests/it/sweep.rs which ids of other people this route could be sent"),
    }
}

/// An answer in which what was asked for is not to be told from something else.
fn told(answer: &Answer, target: &str) -> (u16, Vec<String>, String) {
    let without = |text: &str| {
        let escaped = target.replace('@', "&#64;");
        let encoded: String = target
            .bytes()
            .map(|byte| if byte == b'/' { "%2F".into() } else { char::from(byte).to_string() })
            .collect();
        text.replace(target, "…").replace(&escaped, "…").replace(&encoded, "…")
    };
    let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        format!("{name}: {}", without(value.to_str().unwrap_or("?")))
    };
    let mut headers: Vec<String> = answer.headers.iter().map(header).collect();
    headers.retain(|line| !line.starts_with("content-length"));
    headers.sort();
    (answer.status.as_u16(), headers, without(&answer.text()))
}

/// Threats A: ids of other people in every route.
#[test]
fn no_id_of_another_is_told_from_an_invented_one() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let theirs = belongings(&world).await;
        for who in [Who::Bob, Who::BobsToken] {
            // The first use of a credential is noted.
            ask(&world, who, "GET", "/", (FORM, "")).await;
        }
        let before = world.contents().await;
        for route in Server::routes().iter().filter(|route| route.path.contains('{')) {
            for (real, invented) in ids(route, &theirs).unwrap_or_default() {
                for method in route.methods {
                    for who in [Who::Bob, Who::BobsToken, Who::Stranger] {
                        let sent = body(route, method);
                        let one = ask(&world, who, method, &real, sent).await;
                        let other = ask(&world, who, method, &invented, sent).await;
                        assert_eq!(told(&one, &real), told(&other, &invented), "{who:?} {method} {real}");
                        let shown = one.text();
                        assert!(!shown.contains("Zanzibar"), "{who:?} {method} {real}: {shown}");
                    }
                }
            }
        }
        assert_eq!(world.contents().await, before, "something was changed");
        assert_eq!(world.api(Who::Ada, &format!("/api/v1/exports/{}/file", theirs.export)).await.status, 200);
    });
}

/// The same within the administration: what is of one account is not reached by the name of another.
#[test]
fn no_id_is_reached_by_the_way_to_something_else() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let theirs = belongings(&world).await;
        ask(&world, Who::Ada, "GET", "/", (FORM, "")).await;
        let before = world.contents().await;
        let tokens = |name: &str, id: &str| format!("/admin/service-accounts/{name}/tokens/{id}/revoke");
        let session = |id: &str| format!("session={id}");
        for ((real, sent), (invented, other)) in [
            // A person's token by the page of service accounts; the right token by another's name.
            ((tokens("builder", &theirs.token), String::new()), (tokens("builder", INVENTED), String::new())),
            (
                (tokens("bob", &theirs.service_token), String::new()),
                (tokens("nobody", INVENTED), String::new()),
            ),
            ((tokens("ada", &theirs.token), String::new()), (tokens("nobody", INVENTED), String::new())),
            // A person's account as a service account.
            (
                ("/admin/service-accounts/bob/disable".into(), String::new()),
                ("/admin/service-accounts/nobody/disable".into(), String::new()),
            ),
            (
                ("/admin/service-accounts/bob/token".into(), "label=x&verb=read&days=1".into()),
                ("/admin/service-accounts/nobody/token".into(), "label=x&verb=read&days=1".into()),
            ),
            // Somebody's session by the page of somebody else.
            (
                ("/admin/users/bob/end-session".into(), session(&theirs.session)),
                ("/admin/users/bob/end-session".into(), session(INVENTED)),
            ),
        ] {
            let one = ask(&world, Who::Ada, "POST", &real, (FORM, &sent)).await;
            let other = ask(&world, Who::Ada, "POST", &invented, (FORM, &other)).await;
            assert_eq!(one.status, 404, "{real}: {}", one.text());
            assert_eq!(told(&one, &real), told(&other, &invented), "{real}");
        }
        assert_eq!(world.contents().await, before, "something was changed");
    });
}

/// What a route takes.
enum Takes {
    /// Nothing: what stands in the body is not read.
    Nothing,
    /// A form, with fields of which each is known.
    Form(&'static str),
    /// A JSON document.
    Json(&'static str),
    /// A question; what it does not know it passes over, and it changes nothing.
    Question(&'static str),
}

fn takes(route: &RouteInfo, method: &str) -> Takes {
    use Takes::{Form, Json, Nothing, Question};
    match (route.path, method) {
        ("/sign-out" | "/account/sessions" | "/account/totp/draw" | "/account/totp/remove", _) => Nothing,
        ("/account/recovery-codes" | "/account/passkeys/begin" | "/step-up/begin", _) => Nothing,
        ("/sign-in/second/begin" | "/sign-in/passkey/begin" | "/sign-in/enrol/begin", _) => Nothing,
        ("/account/providers/{id}/{act}" | "/link/{secret}/provider/{id}", _) => Nothing,
        ("/sign-in/provider/{id}/sign-out", _) => Nothing,
        ("/sign-in/provider/{id}" | "/step-up/provider/{id}", _) => Form("return_to=/"),
        ("/account/tokens/{id}/revoke" | "/account/sessions/{id}/end" | "/exports/{id}/{act}", _) => Nothing,
        ("/api/v1/exports/{id}/cancel" | "/admin/break-glass/{id}/end", _) => Nothing,
        ("/admin/roles/{name}/remove" | "/admin/service-accounts/{name}/tokens/{id}/revoke", _) => Nothing,
        ("/hooks/{id}", _) => Nothing,
        ("/sign-in", _) => Form("name=bob&password=wrong&return_to=/"),
        ("/sign-in/second" | "/sign-in/enrol", _) => Form("code=123456&return_to=/"),
        ("/sign-in/passkey", _) => Form("ceremony=x&answer={}&return_to=/"),
        ("/setup/{secret}", _) => Form("name=eve&password=four+unrelated+words&again=four+unrelated+words"),
        ("/link/{secret}", _) => Form("password=four+unrelated+words&again=four+unrelated+words"),
        ("/step-up", _) => Form("password=wrong&return_to=/"),
        ("/account/passkeys", _) => Form("ceremony=x&answer={}&name=x"),
        ("/account/passkeys/{id}/{act}", _) => Form("name=x"),
        ("/account/counting", _) => Form("counted=yes"),
        ("/admin/outbox", _) => Form("decision=withdraw"),
        ("/account/password", _) => {
            Form("present=wrong&password=four+unrelated+birds&again=four+unrelated+birds")
        }
        ("/account/totp", _) => Form("code=123456"),
        ("/account/tokens", _) => Form("label=x&verb=read&days=7&repos=&addresses="),
        ("/admin/users", _) => Form("name=eve&role=member"),
        ("/admin/users/{name}/{act}", _) => Form("role=auditor"),
        ("/admin/groups", _) => Form("name=second&description="),
        ("/admin/groups/{name}", _) => Form("act=add&account=bob"),
        ("/admin/access", _) => Form("repo=app&act=grant&who=bob"),
        ("/admin/rules", _) => Form("repo=app&act=preview&for=everyone&name=&rules=**&tries="),
        ("/admin/sign-in", _) => Form("second_factor_required=&password_beside_provider="),
        ("/contexts", _) => Form("name=@ada/x&query=repo:app&description=&repositories=&action=save"),
        ("/exports", _) => Form("q=needle&format=csv"),
        ("/admin/roles", _) => Form("name=new-role&description=x&may=read_audit"),
        ("/admin/roles/assign", _) => Form("account=bob&role=auditor"),
        ("/admin/service-accounts", _) => Form("name=another"),
        ("/admin/service-accounts/{name}/{act}", _) => Form("label=x&verb=read&days=1&repos=&addresses="),
        ("/admin/hosts", _) => Form("kind=gitlab&name=second&url=https://git.example.org&token=glpat-1"),
        ("/admin/hosts/{id}/{act}", _) => Form("name=third&url=https://git.example.org"),
        ("/admin/reviews", _) => Form("title=x&repos=&subject=&days=7&hosts=yes"),
        ("/admin/reviews/{id}", _) => Form("act=certify&item=1"),
        ("/admin/break-glass", _) => Form("repo=app&reason=a+reason+long+enough&hours=1"),
        ("/api/v1/contexts", _) => Json(r#"{"name":"@ada/y","query":"repo:app"}"#),
        ("/api/v1/contexts/{*name}", "PUT") => Json(r#"{"query":"repo:odd"}"#),
        ("/api/v1/contexts/{*name}", _) | ("/api/v1/exports/{id}", _) => Nothing,
        ("/api/v1/exports", _) => Json(r#"{"query":"needle","format":"csv"}"#),
        ("/r/{*address}", _) => Form("remove=12"),
        ("/api/v1/repos/{*address}", "PUT" | "POST" | "DELETE") => Nothing,
        ("/.api/scip/upload" | "//.api/scip/upload" | "/.api/lsif/upload", _) => Nothing,
        ("/api/v1/repos/{*address}", _) => Json(r#"{"description":"x"}"#),
        ("/api/search", _) => Question(r#"{"Q":"needle"}"#),
        ("/api/list", _) => Question(r#"{"Q":""}"#),
        ("/.api/graphql" | "//.api/graphql", _) => Question(r#"{"query":"{ currentUser { username } }"}"#),
        ("/mcp", _) => Question(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#),
        (path, method) => {
            panic!(
                "{method} {path}: say in tests/it/sweep.rs what this route takes, so that more can be sent to it"
            )
        }
    }
}

/// Where a route is asked so that all of its checks but those of its fields pass, as far as there is such a place.
fn place(route: &RouteInfo, ids: &Ids) -> String {
    match route.path {
        "/account/passkeys/{id}/{act}" => format!("/account/passkeys/{}/rename", ids.passkey),
        "/r/{*address}" => "/r/app/-/precise".into(),
        "/admin/users/{name}/{act}" => "/admin/users/bob/role".into(),
        "/admin/groups/{name}" => "/admin/groups/kernel".into(),
        "/admin/service-accounts/{name}/{act}" => "/admin/service-accounts/builder/token".into(),
        "/admin/hosts/{id}/{act}" => format!("/admin/hosts/{}/change", ids.host),
        "/admin/reviews/{id}" => format!("/admin/reviews/{}", ids.review),
        "/api/v1/contexts/{*name}" => "/api/v1/contexts/@ada/hers".into(),
        _ => crate::access::example(route),
    }
}

/// What somebody would send who hopes that the form is a row of the database.
const MORE: [(&str, &str); 16] = [
    ("role", "administrator"),
    ("user", "1"),
    ("user_id", "1"),
    ("owner", "ada"),
    ("is_admin", "true"),
    ("capabilities", "manage_users"),
    ("verbs", "admin"),
    ("expires_at", "99999999999999"),
    ("disabled_at", "0"),
    ("verified", "true"),
    ("unrestricted", "true"),
    ("proved_at", "99999999999999"),
    ("password_hash", "x"),
    ("id", "1"),
    ("__proto__", "x"),
    ("role[]", "administrator"),
];

/// Threats A: mass assignment, in every route that takes anything.
#[test]
fn no_route_takes_a_field_that_it_does_not_have() {
    run(async {
        let world = World::new(Secret::Exists).await;
        let ids = belongings(&world).await;
        for who in [Who::Ada, Who::BobsToken] {
            ask(&world, who, "GET", "/", (FORM, "")).await;
        }
        // What ends the session of whoever asks comes last.
        let mut routes: Vec<RouteInfo> = Server::routes();
        routes.sort_by_key(|route| route.path == "/sign-out");
        for route in &routes {
            for method in route.methods.iter().filter(|method| **method != "GET") {
                let place = place(route, &ids);
                match takes(route, method) {
                    Takes::Form(form) => fields_refuse(&world, method, &place, form).await,
                    Takes::Json(json) => members_refuse(&world, method, &place, json).await,
                    Takes::Question(json) => members_change_nothing(&world, method, &place, json).await,
                    Takes::Nothing => nothing_is_read(&world, method, &place).await,
                }
            }
        }
    });
}

/// Whether a form or document was refused for what stands in it, before anything of it was looked at.
fn is_refused(answer: &Answer) -> bool {
    let text = answer.text();
    let why = ["not of the expected form", "a field that this page does not have", "was sent too often"];
    answer.status == 400 && why.iter().any(|why| text.contains(why))
}

async fn fields_refuse(world: &World, method: &str, place: &str, form: &str) {
    let before = world.contents().await;
    let names: Vec<&str> = form.split('&').filter_map(|pair| pair.split('=').next()).collect();
    for (name, value) in MORE.iter().filter(|(name, _)| !names.contains(name)) {
        let more = format!("{form}&{name}={value}");
        let answer = ask(world, Who::Ada, method, place, (FORM, &more)).await;
        assert!(is_refused(&answer), "{place} took {name}: {}", answer.text());
    }
    for twice in names.iter().filter(|name| **name != "verb" && **name != "may") {
        let more = format!("{form}&{twice}=another");
        let answer = ask(world, Who::Ada, method, place, (FORM, &more)).await;
        assert!(is_refused(&answer), "{place} took {twice} twice: {}", answer.text());
    }
    assert_eq!(world.contents().await, before, "{place}");
    let alone = ask(world, Who::Ada, method, place, (FORM, form)).await;
    // Otherwise it was not the field that was refused.
    assert!(!is_refused(&alone), "{place}: {}", alone.text());
}

fn with_member(json: &str, name: &str, value: &str) -> String {
    format!("{},{}:{}}}", &json[..json.len() - 1], serde_json::json!(name), serde_json::json!(value))
}

async fn members_refuse(world: &World, method: &str, place: &str, json: &str) {
    let before = world.contents().await;
    for (name, value) in MORE {
        let answer = ask(world, Who::Ada, method, place, (JSON, &with_member(json, name, value))).await;
        assert!(is_refused(&answer), "{place} took {name}: {}", answer.text());
    }
    assert_eq!(world.contents().await, before, "{place}");
    let alone = ask(world, Who::Ada, method, place, (JSON, json)).await;
    assert!(alone.status.is_success(), "{place}: {}", alone.text());
}

async fn members_change_nothing(world: &World, method: &str, place: &str, json: &str) {
    let alone = ask(world, Who::BobsToken, method, place, (JSON, json)).await;
    assert_eq!(alone.status, 200, "{place}: {}", alone.text());
    let before = world.contents().await;
    for (name, value) in MORE.iter().filter(|(name, _)| *name != "id") {
        let more = ask(world, Who::BobsToken, method, place, (JSON, &with_member(json, name, value))).await;
        assert!(more.status == 200 || more.status == 400, "{place} {name}: {}", more.text());
    }
    assert_eq!(world.contents().await, before, "{place}");
}

/// A body that nothing could be read from is answered like none.
async fn nothing_is_read(world: &World, method: &str, place: &str) {
    let nothing = ("application/x-nothing", "\u{0}role=administrator");
    let garbage = ask(world, Who::Ada, method, place, nothing).await;
    // What was done once is not done again.
    if garbage.status.as_u16() >= 400 {
        let empty = ask(world, Who::Ada, method, place, (FORM, "")).await;
        assert_eq!(garbage.status, empty.status, "{place}");
    }
    assert!(!matches!(garbage.status.as_u16(), 400 | 415 | 422), "{place}: {}", garbage.text());
}
