//! A hub's HTTP: every route as a stranger, constant files, what it does not keep, and how often one may ask.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use access::{ManualClock, PasswordCost, SystemRandomness, Timestamp};
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hub::{Desk, FeedKind};
use server::{HUB_ROUTES, HubFront, ServerConfig};
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Store, StoreUrl};
use tower::ServiceExt as _;
use vault::{KeySource, Vault};

const BODY: &[u8] = br#"{"advisories":[]}"#;

struct World {
    front: HubFront,
    desk: Desk,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let source = KeySource::OwnFile(folder.path().join("master.key"));
        let vault = Vault::open_source(source, Arc::new(SystemRandomness)).unwrap();
        let options = Options { password_cost: PasswordCost::FOR_TESTS, vault, ..Options::default() };
        let url = StoreUrl::file(folder.path().join("sourcekeep.db"));
        let store = Store::open_with(&url, options).await.unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp(1_795_000_000_000)));
        let desk = Desk::open(store, clock).await.unwrap();
        desk.publish(FeedKind::Advisories, BODY.to_vec(), Duration::from_secs(86_400 * 30)).await.unwrap();
        World { front: HubFront::new(ServerConfig::default(), desk.clone()), desk, _folder: folder }
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        self.front.router().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let request =
            headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
        self.ask(request.body(Body::empty()).unwrap()).await
    }
}

async fn bytes(response: Response<Body>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn every_route_of_a_hub_as_a_stranger() {
    block_on(async {
        let world = World::new().await;
        for (method, path) in HUB_ROUTES {
            let example = match path {
                "/assets/{digest}/{name}" => "/assets/x/app.css",
                "/feeds/v1/{file}" => "/feeds/v1/advisories.json",
                path => path,
            };
            let request = Request::builder().method(method).uri(example).body(Body::empty()).unwrap();
            let response = world.ask(request).await;
            let expected = match path {
                "/servers" => StatusCode::UNAUTHORIZED,
                "/hub/v1/registration" => StatusCode::BAD_REQUEST,
                "/hub/v1/ping" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                _ => StatusCode::OK,
            };
            assert_eq!(response.status(), expected, "{path}");
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("default-src 'none'"), "{path}");
            assert!(response.headers().get(header::SET_COOKIE).is_none(), "{path}");
            let other = if method == "GET" { "DELETE" } else { "GET" };
            let request = Request::builder().method(other).uri(example).body(Body::empty()).unwrap();
            assert_eq!(world.ask(request).await.status(), StatusCode::METHOD_NOT_ALLOWED, "{other} {path}");
        }
        // None of the routes of a server with code is here.
        for path in ["/search", "/sign-in", "/repos", "/api/v1/repos", "/admin/users", "/nothing"] {
            assert_eq!(world.get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    });
}

#[test]
fn files_are_the_same_for_everybody() {
    block_on(async {
        let world = World::new().await;
        for file in ["advisories.json", "advisories.json.note", "feeds.bundle"] {
            let path = format!("/feeds/v1/{file}");
            let plain = world.get(&path, &[]).await;
            let tag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
            assert!(plain.headers()[header::CACHE_CONTROL].to_str().unwrap().starts_with("public"), "{file}");
            let plain = bytes(plain).await;
            let asked = [
                ("accept-encoding", "gzip, br"),
                ("cookie", "a=b"),
                ("accept-language", "de"),
                ("user-agent", "x"),
            ];
            assert_eq!(bytes(world.get(&path, &asked).await).await, plain, "{file}");
            assert_eq!(world.get(&path, &[("if-none-match", &tag)]).await.status(), StatusCode::NOT_MODIFIED);
        }
        assert_eq!(bytes(world.get("/feeds/v1/advisories.json", &[]).await).await, BODY);
        for path in ["rules.json", "rules.json.note", "..%2Fmaster.key", "advisories"] {
            assert_eq!(
                world.get(&format!("/feeds/v1/{path}"), &[]).await.status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
        // What is published anew is there at once.
        let newer = br#"{"advisories":[ ]}"#;
        world.desk.publish(FeedKind::Advisories, newer.to_vec(), Duration::from_secs(86_400)).await.unwrap();
        assert_eq!(bytes(world.get("/feeds/v1/advisories.json", &[]).await).await, newer);
    });
}

#[test]
fn the_list_of_servers_opens_with_the_token() {
    block_on(async {
        use base64::Engine as _;
        let world = World::new().await;
        let token = world.desk.make_admin_token(true).await.unwrap().unwrap();
        let basic = |password: &str| {
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("admin:{password}"));
            format!("Basic {pair}")
        };
        let ask = async |value: &str| world.get("/servers", &[("authorization", value)]).await.status();
        assert_eq!(ask(&basic(&token)).await, StatusCode::OK);
        assert_eq!(ask(&format!("Bearer {token}")).await, StatusCode::OK);
        for wrong in [basic(""), basic(&token[1..]), "Basic !".into(), "Bearer ".into(), token.clone()] {
            assert_eq!(ask(&wrong).await, StatusCode::UNAUTHORIZED, "{wrong}");
        }
    });
}

#[test]
fn nobody_asks_too_often_or_sends_too_much() {
    block_on(async {
        let world = World::new().await;
        let post = async |n_bytes: usize| {
            let request =
                Request::post("/hub/v1/registration").body(Body::from(vec![b'x'; n_bytes])).unwrap();
            world.ask(request).await.status()
        };
        assert_eq!(post(5_000).await, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(post(1 << 20).await, StatusCode::PAYLOAD_TOO_LARGE);
        let mut refused = 0;
        for _ in 0..100 {
            refused += usize::from(post(1).await == StatusCode::TOO_MANY_REQUESTS);
        }
        assert!(refused >= 40, "{refused}");
        // Guesses of the token count like them; feeds do not.
        assert_eq!(world.get("/servers", &[]).await.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(world.get("/feeds/v1/advisories.json", &[]).await.status(), StatusCode::OK);
    });
}
