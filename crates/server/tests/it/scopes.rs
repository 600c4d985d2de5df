//! What a token is bound to, over every way that takes one: whatever the transport, it is the same token. The golden file is
//! `snapshots/it__scopes__every_scope_over_every_transport.snap`.

use crate::world::{Answer, Secret, Who, World, run};
use access::{RepoScope, Scope, Timestamp, Token, Verb, Verbs};
use axum::body::Body;
use base64::Engine as _;
use export::ExportWorker;
use server::{Door, Server};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use store::{NewToken, TokenInfo};
use tokio_util::sync::CancellationToken;

/// A line that stands in `app` alone, one in `odd` alone, and one in `vault`, which the token's owner may not read.
const LINES: [(&str, &str); 3] =
    [("app", "int needle(void)"), ("odd", "needle with a hostile name"), ("vault", "Zanzibar")];

/// A way of asking: the route's pattern, what it is called, and the requests that show what there is to see by it.
struct Transport {
    route: &'static str,
    says: &'static str,
    asks: Vec<Ask>,
    /// How the token is written into the request.
    write: fn(&str) -> Written,
}

/// Method, address, body.
type Ask = (&'static str, String, String);

/// A header, or the rest of the address.
enum Written {
    Header(String),
    Query(String),
}

fn bearer(token: &str) -> Written {
    Written::Header(format!("Bearer {token}"))
}

fn get(address: &str) -> Vec<Ask> {
    vec![("GET", address.to_owned(), String::new())]
}

fn post(address: &str, body: serde_json::Value) -> Vec<Ask> {
    vec![("POST", address.to_owned(), body.to_string())]
}

fn of_each(pattern: &str) -> Vec<Ask> {
    let files = [("app", "src/lib/deep.c"), ("odd", "-"), ("vault", "secret.txt")];
    files
        .iter()
        .flat_map(|(repo, path)| get(&pattern.replace("{repo}", repo).replace("{path}", path)))
        .collect()
}

fn transports(export: &str) -> Vec<Transport> {
    let asks = |route, says, asks| Transport { route, says, asks, write: bearer };
    let graphql = serde_json::json!({
        "query": "{ search(query: \"needle count:all\") { results { results { ... on FileMatch \
                  { repository { name } lineMatches { preview } } } } } }",
    });
    let tool = |name: &str, arguments: serde_json::Value| {
        serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": name, "arguments": arguments } })
    };
    let zoekt = serde_json::json!({ "Q": "needle" });
    let stream = |route: &'static str, says, write| Transport {
        asks: get(&format!("{route}?q=needle+count:all")),
        route,
        says,
        write,
    };
    vec![
        asks("/api/v1/search", "API, search", get("/api/v1/search?q=needle+count:all")),
        asks("/api/v1/search", "API, stream", get("/api/v1/search?q=needle+count:all&stream=1")),
        asks("/api/v1/repos/{*address}", "API, files", of_each("/api/v1/repos/{repo}/-/file/{path}")),
        asks("/search", "page with a bearer", get("/search?q=needle+count:all")),
        asks("/r/{*address}", "file page", of_each("/r/{repo}/-/blob/{path}")),
        asks("/r/{*address}", "raw file", of_each("/r/{repo}/-/raw/{path}")),
        asks("/print", "zoekt, raw file", of_each("/print?r={repo}&f={path}&format=raw")),
        asks("/api/v1/exports/{id}/file", "export of both", get(&format!("/api/v1/exports/{export}/file"))),
        asks("/mcp", "MCP, search", post("/mcp", tool("search", serde_json::json!({ "query": "needle" })))),
        asks("/api/search", "zoekt JSON", post("/api/search", zoekt)),
        asks("/.api/graphql", "GraphQL", post("/.api/graphql", graphql.clone())),
        asks("//.api/graphql", "GraphQL, two slashes", post("//.api/graphql", graphql)),
        stream("/.api/search/stream", "stream, bearer", bearer),
        stream("//.api/search/stream", "stream, 'token'", |token| Written::Header(format!("token {token}"))),
        stream("/.api/search/stream", "stream, ?token=", |token| Written::Query(format!("&token={token}"))),
        stream("/.api/search/stream", "stream, Basic", |token| {
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{token}:"));
            Written::Header(format!("Basic {pair}"))
        }),
        asks("/hooks/{id}", "webhooks take none", post("/hooks/nothing", serde_json::json!({}))),
        asks("", "git is not served", get("/r/app/info/refs?service=git-upload-pack")),
    ]
}

/// What a token comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Both,
    AppOnly,
    NoRepository,
    NotReading,
    Unknown,
}

/// Every combination, with what it must come to.
fn combinations(world: &World, app: model::RepoId) -> Vec<(String, Scope, Class)> {
    let soon = Timestamp(access::Clock::now(&*world.clock).0 + 60_000);
    let verbs: [&[Verb]; 5] = [&[], &[Verb::Read], &[Verb::Write], &[Verb::Admin], &Verb::ALL];
    let repos = [RepoScope::All, RepoScope::Only([app].into()), RepoScope::Only([].into())];
    let networks: [&[&str]; 4] =
        [&[], &["127.0.0.0/8"], &["192.0.2.0/24"], &["192.0.2.0/24", "127.0.0.1/32"]];
    let mut all = Vec::new();
    for verbs in verbs {
        for repos in &repos {
            for expires_at in [None, Some(soon)] {
                for networks in networks {
                    let addresses =
                        networks.iter().map(|network| network.parse().expect("a network")).collect();
                    let verbs = Verbs::of(verbs.iter().copied());
                    let is_elsewhere =
                        !networks.is_empty() && networks.iter().all(|one| one.starts_with("192"));
                    let class = match repos {
                        _ if expires_at.is_some() || is_elsewhere => Class::Unknown,
                        _ if !verbs.contains(Verb::Read) => Class::NotReading,
                        RepoScope::All => Class::Both,
                        RepoScope::Only(only) if only.is_empty() => Class::NoRepository,
                        RepoScope::Only(_) => Class::AppOnly,
                    };
                    let says = format!("[{verbs}] {repos:?} until {expires_at:?} from {networks:?}");
                    all.push((says, Scope { repos: repos.clone(), verbs, expires_at, addresses }, class));
                }
            }
        }
    }
    all
}

/// What is heard: each request's status, and whose lines stood in the answers.
async fn heard(world: &World, transport: &Transport, token: &Token) -> String {
    let (mut statuses, mut seen) = (Vec::new(), Vec::new());
    for (method, target, body) in &transport.asks {
        let mut headers = vec![("content-type", "application/json"), ("accept", "*/*")];
        if transport.says.contains("page") {
            headers[1].1 = "text/html";
        }
        if transport.says.contains("stream") {
            headers[1].1 = "text/event-stream";
        }
        if transport.route == "/mcp" {
            headers[1].1 = "application/json, text/event-stream";
        }
        let (mut target, mut authorization) = (target.clone(), None);
        match (transport.write)(token.reveal()) {
            Written::Header(value) => authorization = Some(value),
            Written::Query(rest) => target.push_str(&rest),
        }
        headers.extend(authorization.iter().map(|value| ("authorization", value.as_str())));
        let answer: Answer =
            world.ask(Who::Stranger, method, &target, &headers, Body::from(body.clone())).await;
        let text = decoded(&answer);
        seen.extend(LINES.iter().filter(|(_, line)| text.contains(line)).map(|(repo, _)| *repo));
        statuses.push(answer.status.as_u16().to_string());
    }
    statuses.dedup();
    format!("{} {}", statuses.join("/"), seen.join("+")).trim_end().to_owned()
}

/// The answer's text; zoekt's lines are base64, pages' are marked up.
fn decoded(answer: &Answer) -> String {
    let mut text = answer.text();
    for part in answer.text().split('"').filter(|part| part.len() > 8) {
        if let Ok(bytes) = base64::engine::general_purpose::STANDARD.decode(part) {
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    let mut plain = String::new();
    let mut is_in_tag = false;
    for c in text.chars() {
        match c {
            '<' => is_in_tag = true,
            '>' => is_in_tag = false,
            c if !is_in_tag => plain.push(c),
            _ => {}
        }
    }
    text + &plain
}

async fn tokens_of(world: &World, combinations: &[(String, Scope, Class)]) -> Vec<(Token, TokenInfo)> {
    let mut tokens = Vec::new();
    for (says, scope, _) in combinations {
        let new = NewToken { user: world.bob().id, label: "a scope".into(), scope: scope.clone() };
        tokens.push(world.store.create_token(new).await.unwrap_or_else(|error| panic!("{says}: {error}")));
    }
    tokens
}

#[test]
fn every_scope_over_every_transport() {
    let mut golden = String::from(
        "What each kind of token hears over each transport: status, and the repositories whose lines it was shown.\n\
         The owner may read app and odd. Expired and from elsewhere are as unknown as invented.\n\n",
    );
    run(async {
        let world = World::new(Secret::Exists).await;
        let export = world.exports.create(&bob(&world).await, "needle", "jsonl").await.expect("an export");
        ExportWorker::new(&world.exports).drain(&CancellationToken::new()).await.expect("a store");
        let transports = transports(export.id.as_str());
        for route in Server::routes().iter().filter(|route| route.door == Door::Token) {
            let is_here = transports.iter().any(|one| one.route == route.path);
            let takes_indexes = route.path.ends_with("/upload");
            let shows_no_code =
                route.path.ends_with("/version") || route.path == "/api/list" || takes_indexes;
            assert!(is_here || shows_no_code, "{}: a door for tokens; add it to the transports", route.path);
        }
        let combinations = combinations(&world, world.repo("app").await);
        let tokens = tokens_of(&world, &combinations).await;
        world.clock.advance(std::time::Duration::from_secs(61));
        let invented = Token::mint(&access::SystemRandomness).expect("a token");
        for transport in &transports {
            let mut told: BTreeMap<Class, String> = BTreeMap::new();
            told.insert(Class::Unknown, heard(&world, transport, &invented).await);
            for ((says, _, class), (token, _)) in combinations.iter().zip(&tokens) {
                let heard = heard(&world, transport, token).await;
                let before = told.entry(*class).or_insert_with(|| heard.clone());
                assert_eq!(*before, heard, "{}, as {class:?}: {says}", transport.says);
            }
            writeln!(golden, "{}", transport.says).expect("text");
            for (class, heard) in told {
                writeln!(golden, "    {:<14} {heard}", format!("{class:?}")).expect("text");
            }
        }
    });
    insta::assert_snapshot!(golden);
}

/// Bob, as his session has him.
async fn bob(world: &World) -> access::Actor {
    let caller = access::Caller::User {
        id: world.bob().id,
        name: world.bob().name.clone(),
        role: world.bob().role,
        via: access::Via::Session(access::SessionId("x".into())),
    };
    access::Actor { caller, scope: Scope::FULL }
}
