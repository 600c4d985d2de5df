//! What is asked: for every route of the table the questions that come near what he may not know.

use crate::spec::Spec;
use crate::world::{PASSWORD, Question};
use server::RouteInfo;

/// The identity provider of every world.
pub(crate) const PROVIDER: &str = "corp";

/// Searches that would show, count, order or suggest what is hidden.
const QUERIES: &[&str] = &[
    "needle",
    "needle count:all",
    "needle count:1",
    "Zanzibar",
    "hidden",
    "repo:vault",
    "repo:^tool$ needle",
    "repo:app needle",
    "needle lang:zig",
    "needle file:pem",
    "file:keys type:path",
    "needle type:repo",
    "type:symbol needle",
    "type:commit needle",
    "type:diff needle repo:tool",
    "needle rev:dev",
    "needle rev:hidden-feature",
    "needle rev:nowhere",
    "needle archived:yes fork:yes",
    "needle archived:only",
    "needle select:repo",
    "needle select:file.directory",
    "repo:has.topic(hidden)",
    "-repo:has.description(hidden) needle",
    "repo:has.path(only.zig)",
    "repo:has.file(path:pem content:needle)",
    "context:@ada/mine-1 needle",
    "context:@bob/own needle",
    "NOT needle count:all",
    "(needle OR Zanzibar) repo:a",
    "needle timeout:60s",
    "/need(le|y)/ lang:c",
    "(",
];

fn question(method: &'static str, target: impl Into<String>) -> Question {
    let target = target.into();
    let in_browser = !target.starts_with("/api/") && !target.contains("/.api/") && target != "/mcp";
    Question {
        method,
        target,
        body: String::new(),
        content_type: "application/x-www-form-urlencoded",
        in_browser,
    }
}

pub(crate) fn get(target: impl Into<String>) -> Question {
    question("GET", target)
}

fn json(method: &'static str, target: impl Into<String>, body: serde_json::Value) -> Question {
    let target = target.into();
    Question {
        body: body.to_string(),
        content_type: "application/json",
        in_browser: false,
        ..question(method, target)
    }
}

fn form(target: impl Into<String>, fields: &[(&str, &str)]) -> Question {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Question { body, in_browser: true, ..question("POST", target) }
}

fn encoded(query: &str) -> String {
    url::form_urlencoded::byte_serialize(query.as_bytes()).collect()
}

fn searches(begin: &str) -> Vec<Question> {
    QUERIES.iter().map(|query| get(format!("{begin}{}", encoded(query)))).collect()
}

/// Repositories to ask for by name: those there are, those there are not, and what is nearly one.
fn names(spec: &Spec) -> Vec<String> {
    let near = ["vault", "bbb/new", "nowhere", "tool2", "aaa"].map(str::to_owned);
    spec.repos.iter().map(|repo| repo.name.clone()).chain(near).collect()
}

/// Paths that are in all, some, or none of them.
const PATHS: [&str; 7] =
    ["README.md", "src", "keys", "keys/server.pem", "keys/README.md", "only.zig", "certs"];

fn pages_of_repositories(spec: &Spec) -> Vec<Question> {
    let mut questions = Vec::new();
    for name in names(spec) {
        questions.extend(
            [
                "",
                "/-/skipped",
                "/-/commit/main",
                "/-/commits",
                "/-/compare",
                "/-/branches?q=e",
                "/-/branches?kind=tags",
                "/-/contributors",
                "/-/contributors?since=2000-01-01",
                "/-/contributors/keys",
                "/-/contributors/src/lib.py",
                "/-/compare/main...hidden-feature",
                "/-/compare/main..dev?view=split&w=1&file=keys/server.pem",
                "/-/compare?from=main&to=hidden-feature",
                "/-/commits?author=ada&limit=2",
                "@hidden-feature/-/tree/",
            ]
            .map(|rest| get(format!("/r/{name}{rest}"))),
        );
        for path in PATHS {
            questions.extend(
                ["blob", "tree", "raw", "log", "blame"].map(|page| get(format!("/r/{name}/-/{page}/{path}"))),
            );
            questions.push(get(format!("/r/{name}/-/blob/{path}?view=rendered")));
            questions.push(get(format!("/r/{name}/-/raw/{path}?as=image")));
            questions.push(get(format!("/r/{name}/-/blob/{path}?outline=1")));
            questions.push(get(format!("/r/{name}/-/version/{path}?to=before")));
            questions.push(get(format!("/r/{name}/-/references/{path}?line=1&column=8&everywhere=1")));
            questions.push(get(format!("/r/{name}/-/graph/{path}?line=1&column=8")));
        }
    }
    questions
}

/// Where the precise indexes of the worlds know a name.
const NAMED: [&str; 4] = [
    "src/lib.py?line=1&column=5",
    "README.md?line=3&column=3",
    "only.zig?line=1&column=7",
    "a.c?line=1&column=5",
];

fn precise_pages(spec: &Spec) -> Vec<Question> {
    let mut questions = Vec::new();
    for name in names(spec) {
        questions.extend(NAMED.map(|place| get(format!("/r/{name}/-/references/{place}&everywhere=1"))));
        questions.push(get(format!("/r/{name}/-/precise")));
    }
    questions
}

fn precise_resources(spec: &Spec) -> Vec<Question> {
    const ABOUT: [&str; 5] = ["definition", "hover", "references", "callees", "graph"];
    let mut questions = Vec::new();
    for name in names(spec) {
        for place in NAMED {
            let about = ABOUT.map(|page| get(format!("/api/v1/repos/{name}/-/{page}/{place}&everywhere=1")));
            questions.extend(about);
        }
    }
    questions
}

fn resources_of_repositories(spec: &Spec) -> Vec<Question> {
    let mut questions = Vec::new();
    for name in names(spec) {
        let pages = [
            "",
            "/-/refs",
            "/-/branches?kind=branches",
            "/-/branches?kind=tags&from=1",
            "/-/contributors",
            "/-/contributors/keys",
            "/-/contributors/src/lib.py",
            "/-/owners",
            "/-/skipped",
            "/-/commits/main",
            "/-/commits",
            "/-/compare/main...hidden-feature",
            "/-/compare/main..dev",
            "/-/precise",
            "/-/tree/",
            "/-/why/keys/server.pem",
        ];
        questions.extend(pages.map(|rest| get(format!("/api/v1/repos/{name}{rest}"))));
        for path in PATHS {
            let pages = ["file", "tree", "raw", "owners", "log", "blame", "outline"];
            questions.extend(pages.map(|page| get(format!("/api/v1/repos/{name}/-/{page}/{path}"))));
            if path.contains('.') && path != "keys/README.md" {
                let about_names =
                    ["definition", "hover", "references", "implementations", "callees", "hierarchy", "graph"];
                questions.extend(about_names.map(|page| {
                    get(format!("/api/v1/repos/{name}/-/{page}/{path}?line=1&column=8&everywhere=1"))
                }));
            }
        }
    }
    questions
}

fn whys(begin: &str, spec: &Spec) -> Vec<Question> {
    let mut questions = Vec::new();
    for name in names(spec) {
        for path in ["README.md", "keys/server.pem", "only.zig"] {
            for query in ["", "needle"] {
                let q = if query.is_empty() { String::new() } else { format!("&q={query}") };
                questions.push(get(format!("{begin}?repo={}&path={}{q}", encoded(&name), encoded(path))));
            }
        }
    }
    questions
}

fn gotos(begin: &str) -> Vec<Question> {
    let mut questions = Vec::new();
    for typed in ["", "a", "app", "vault", "hidden", "readme", "main", "server.pem", "zig", "needle", "e"] {
        questions.push(get(format!("{begin}?q={typed}")));
        for repo in ["app", "vault", "none"] {
            questions.push(get(format!("{begin}?q={typed}&repo={repo}&rev=main&limit=3")));
        }
    }
    questions
}

fn completions() -> Vec<Question> {
    let mut questions = Vec::new();
    for text in
        ["repo:", "repo:a", "repo:v", "repo:z", "rev:", "rev:h", "context:", "context:@a", "lang:z", "ne"]
    {
        let cursor = text.len();
        questions.push(get(format!("/api/v1/complete?q={}&cursor={cursor}", encoded(text))));
        questions.push(get(format!("/api/v1/complete?q={}&pos={cursor}", encoded(text))));
    }
    questions
}

fn graphql(target: &str, spec: &Spec) -> Vec<Question> {
    let ask = |query: String| json("POST", target, serde_json::json!({ "query": query }));
    let mut questions = vec![
        ask("{ repositories(first: 3) { nodes { name } totalCount pageInfo { hasNextPage endCursor } } }".into()),
        ask("{ repositories(first: 100, query: \"a\") { nodes { name } totalCount } }".into()),
        ask("{ currentUser { username } site { productVersion } }".into()),
        ask("{ search(query: \"needle count:all\") { results { matchCount limitHit results { __typename } } } }".into()),
    ];
    for name in names(spec) {
        questions.push(ask(format!(
            "{{ repository(name: \"{name}\") {{ name commit(rev: \"main\") {{ oid file(path: \"keys/server.pem\") {{ content }} }} }} }}"
        )));
    }
    questions
}

fn mcp(spec: &Spec) -> Vec<Question> {
    let call = |tool: &str, arguments: serde_json::Value| {
        let body = serde_json::json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": { "name": tool, "arguments": arguments },
        });
        json("POST", "/mcp", body)
    };
    let list = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    let mut questions = vec![json("POST", "/mcp", list)];
    for query in ["needle", "repo:vault", "Zanzibar"] {
        questions.push(call("search", serde_json::json!({ "query": query })));
    }
    questions.push(call("list_repositories", serde_json::json!({})));
    for name in names(spec) {
        questions
            .push(call("read_file", serde_json::json!({ "repository": name, "path": "keys/server.pem" })));
        for tool in ["definition", "references", "call_graph", "outline"] {
            let about = serde_json::json!({ "repository": name, "path": "only.zig", "name": "needle", "everywhere": true });
            questions.push(call(tool, about));
        }
    }
    questions
}

/// What is asked last, of routes that end the session with which everything else is asked, or change how it proves itself.
pub(crate) fn last(path: &str) -> Vec<Question> {
    match path {
        "/account/password" => ["not the password at all", PASSWORD]
            .map(|present| {
                let new = "four other unrelated words";
                form(path, &[("present", present), ("password", new), ("again", new)])
            })
            .into(),
        "/step-up" => vec![
            get("/step-up?return_to=/r/aaa/vault"),
            form(path, &[("password", "not the password at all"), ("return_to", "/r/aaa/vault")]),
            form(path, &[("password", PASSWORD), ("return_to", "/r/aaa/vault")]),
        ],
        "/account/totp/draw" => vec![form(path, &[]), get("/account/totp")],
        "/account/totp/remove" | "/account/recovery-codes" => {
            vec![form(path, &[]), form(path, &[("code", "000000")])]
        }
        "/sign-out" => vec![form(path, &[])],
        _ => Vec::new(),
    }
}

/// The questions for one route. A new route fails here until somebody says what to ask it.
pub(crate) fn questions(route: &RouteInfo, spec: &Spec, round: usize, export: &str) -> Vec<Question> {
    let own = format!("mine-{round}");
    match route.path {
        "/healthz"
        | "/readyz"
        | "/.well-known/sourcekeep"
        | "/metrics"
        | "/api/v1/usage"
        | "/data-collection"
        | "/account"
        | "/account/sessions"
        | "/"
        | "/contexts"
        | "/exports"
            if route.methods[0] == "GET" =>
        {
            let mut questions = vec![get(route.path)];
            match route.path {
                "/contexts" => questions.push(form(
                    "/contexts",
                    &[("name", "@bob/x"), ("query", "repo:vault"), ("do", "create")],
                )),
                "/exports" => {
                    questions.push(form("/exports", &[("query", "repo:nowhere needle"), ("format", "csv")]))
                }
                _ => {}
            }
            questions
        }
        "/account/access" => {
            let mut questions: Vec<_> =
                ["", "?filter=a", "?filter=vault", "?after=app", "?filter=%25&after=lib"]
                    .map(|rest| get(format!("/account/access{rest}")))
                    .into();
            questions.extend(
                names(spec).iter().map(|name| get(format!("/account/access?filter={}", encoded(name)))),
            );
            questions
        }
        // Who looks after permissions sees names; Bob does not.
        "/admin/groups" => {
            vec![get(route.path), get("/admin/groups?filter=hidden"), form(route.path, &[("name", "hidden")])]
        }
        "/admin/groups/{name}" => ["hidden", "team", "nobody"]
            .iter()
            .flat_map(|name| {
                let url = format!("/admin/groups/{name}");
                [get(url.clone()), form(url, &[("act", "add"), ("account", "bob")])]
            })
            .collect(),
        "/admin/access" | "/admin/rules" => {
            let mut questions = vec![get(route.path)];
            for name in names(spec) {
                questions.push(get(format!("{}?repo={}", route.path, encoded(&name))));
                questions.push(get(format!("{}?repo={}&as=eve", route.path, encoded(&name))));
                questions.push(form(route.path, &[("repo", &name), ("act", "grant"), ("who", "bob")]));
            }
            questions
        }
        "/admin/access/{name}" => {
            ["ada", "bob", "eve", "nobody"].map(|name| get(format!("/admin/access/{name}"))).into()
        }
        "/assets/{digest}/{name}" => vec![get("/assets/x/app.css")],
        "/sign-in" => vec![
            get("/sign-in"),
            get("/sign-in?return_to=/r/aaa/vault"),
            get(format!("/sign-in?signed_out={PROVIDER}")),
            // Whether there is such a person is not heard either.
            form("/sign-in", &[("name", "eve"), ("password", "not hers at all")]),
        ],
        "/setup/{secret}" => vec![get("/setup/skl_wrong")],
        path if !last(path).is_empty() => Vec::new(),
        "/account/counting" => vec![form(route.path, &[("counted", "maybe")])],
        "/account/totp" | "/account/tokens" | "/sign-in/enrol" | "/sign-in/second" => vec![get(route.path)],
        "/account/tokens/{id}/revoke" => vec![form("/account/tokens/0123456789abcdef/revoke", &[])],
        "/link/{secret}" => vec![get("/link/ski_wrong")],
        "/sign-in/provider/{id}" | "/step-up/provider/{id}" => ["nothing", PROVIDER]
            .map(|id| form(route.path.replace("{id}", id), &[("return_to", "/r/aaa/vault")]))
            .into(),
        "/sign-in/provider/{id}/sign-out" => {
            ["nothing", PROVIDER].map(|id| form(format!("/sign-in/provider/{id}/sign-out"), &[])).into()
        }
        "/sign-in/provider/{id}/back" => {
            ["nothing", PROVIDER].map(|id| get(format!("/sign-in/provider/{id}/back?state=x&code=x"))).into()
        }
        "/link/{secret}/provider/{id}" => {
            ["nothing", PROVIDER].map(|id| form(format!("/link/ski_wrong/provider/{id}"), &[])).into()
        }
        "/account/providers/{id}/{act}" => ["nothing/unlink", "corp/unlink", "corp/link"]
            .map(|rest| form(format!("/account/providers/{rest}"), &[]))
            .into(),
        "/step-up/begin"
        | "/sign-in/enrol/begin"
        | "/sign-in/second/begin"
        | "/sign-in/passkey/begin"
        | "/account/passkeys/begin" => {
            vec![form(route.path, &[])]
        }
        "/sign-in/passkey" | "/account/passkeys" => {
            vec![form(route.path, &[("ceremony", "0123456789abcdef"), ("answer", "{}")])]
        }
        "/account/passkeys/{id}/{act}" => {
            vec![form("/account/passkeys/0123456789abcdef/rename", &[("name", "x")])]
        }
        // Bob looks after nothing: what others do there is not for him.
        "/admin/audit"
        | "/admin/audit/file"
        | "/admin/break-glass"
        | "/admin/egress"
        | "/admin/egress/file"
        | "/admin/outbox"
        | "/admin/usage"
        | "/admin/roles"
        | "/admin/service-accounts"
        | "/admin/sign-in"
        | "/admin/users" => {
            let mut questions = vec![get(route.path), get(format!("{}?q=vault", route.path))];
            if route.methods.contains(&"POST") {
                questions.push(form(route.path, &[("repo", "aaa/vault"), ("name", "eve")]));
            }
            questions
        }
        "/admin/hosts" | "/admin/hosts/new" => vec![get(route.path), form(route.path, &[("name", "x")])],
        "/admin/hosts/{id}" => vec![get("/admin/hosts/0123456789abcdef"), get("/admin/hosts/host")],
        "/admin/hosts/{id}/{act}" => {
            vec![form("/admin/hosts/host/test", &[]), form("/admin/hosts/nothing/test", &[])]
        }
        "/hooks/{id}" => vec![json("POST", "/hooks/0123456789abcdef", serde_json::json!({}))],
        "/admin/reviews" => vec![get(route.path), form(route.path, &[("name", "x")])],
        "/admin/reviews/{id}" => vec![get("/admin/reviews/0123456789abcdef")],
        "/admin/reviews/{id}/file" => vec![get("/admin/reviews/0123456789abcdef/file")],
        "/admin/break-glass/{id}/end" => vec![form("/admin/break-glass/0123456789abcdef/end", &[])],
        "/admin/roles/assign" => {
            vec![form("/admin/roles/assign", &[("user", "eve"), ("role", "administrator")])]
        }
        "/admin/roles/{name}/remove" => vec![form("/admin/roles/auditor/remove", &[])],
        "/admin/users/{name}" => {
            ["ada", "eve", "nobody"].map(|name| get(format!("/admin/users/{name}"))).into()
        }
        "/admin/users/{name}/{act}" => {
            ["ada", "nobody"].map(|name| form(format!("/admin/users/{name}/disable"), &[])).into()
        }
        "/admin/service-accounts/{name}/{act}" => {
            ["ada", "nobody"].map(|name| form(format!("/admin/service-accounts/{name}/remove"), &[])).into()
        }
        "/admin/service-accounts/{name}/tokens/{id}/revoke" => {
            vec![form("/admin/service-accounts/ada/tokens/0123456789abcdef/revoke", &[])]
        }
        "/account/sessions/{id}/end" => vec![form("/account/sessions/0123456789abcdef/end", &[])],
        "/search" => searches("/search?q="),
        "/aggregate" => ["repo", "path", "lang"]
            .iter()
            .flat_map(|by| searches(&format!("/aggregate?by={by}&q=")))
            .collect(),
        "/why" => whys("/why", spec),
        "/repos" => ["", "?filter=a", "?filter=vault", "?filter=hidden", "?sort=name"]
            .map(|rest| get(format!("/repos{rest}")))
            .into(),
        "/exports/{id}/{act}" => vec![
            form(format!("/exports/{export}/cancel"), &[]),
            form(format!("/exports/{export}/delete"), &[]),
        ],
        "/r/{*address}" => {
            let mut questions = precise_pages(spec);
            questions.extend(pages_of_repositories(spec));
            questions
        }
        "/api/v1/search" => {
            let explained = searches("/api/v1/search?explain=1&q=");
            let mut streamed = searches("/api/v1/search?stream=1&q=");
            streamed.extend(explained);
            streamed.extend(searches("/api/v1/search?q="));
            streamed
        }
        "/api/v1/aggregate" => ["repo", "lang"]
            .iter()
            .flat_map(|by| searches(&format!("/api/v1/aggregate?by={by}&q=")))
            .collect(),
        "/api/v1/complete" => completions(),
        "/goto" => gotos("/goto"),
        "/api/v1/goto" => gotos("/api/v1/goto"),
        "/api/v1/repos" => ["", "?limit=1", "?limit=2", "?limit=3", "?after=app", "?limit=1&after=lib"]
            .map(|rest| get(format!("/api/v1/repos{rest}")))
            .into(),
        "/api/v1/repos/{*address}" => {
            let mut questions = precise_resources(spec);
            questions.extend(resources_of_repositories(spec));
            let change = serde_json::json!({ "description": "x" });
            questions.extend(
                names(spec).iter().map(|name| json("PATCH", format!("/api/v1/repos/{name}"), change.clone())),
            );
            questions
        }
        "/api/v1/contexts" => vec![
            get("/api/v1/contexts"),
            json(
                "POST",
                "/api/v1/contexts",
                serde_json::json!({ "name": format!("@bob/{own}"), "query": "repo:vault" }),
            ),
            json(
                "POST",
                "/api/v1/contexts",
                serde_json::json!({
                    "name": format!("@bob/listed-{round}"), "query": "",
                    "repositories": [{ "name": "aaa/vault", "revisions": "" }],
                }),
            ),
            json("POST", "/api/v1/contexts", serde_json::json!({ "name": "@ada/mine-1", "query": "" })),
            get("/api/v1/contexts"),
        ],
        "/api/v1/contexts/{*name}" => vec![
            get("/api/v1/contexts/@ada/mine-1"),
            json("PUT", "/api/v1/contexts/@ada/mine-1", serde_json::json!({ "query": "" })),
            json("DELETE", "/api/v1/contexts/@ada/mine-1", serde_json::Value::Null),
            get(format!("/api/v1/contexts/@bob/{own}")),
        ],
        "/api/v1/exports" => vec![
            get("/api/v1/exports"),
            json("POST", "/api/v1/exports", serde_json::json!({ "query": "needle", "format": "nothing" })),
        ],
        "/api/v1/exports/{id}" => vec![
            get(format!("/api/v1/exports/{export}")),
            json("DELETE", format!("/api/v1/exports/{export}x"), serde_json::Value::Null),
        ],
        "/api/v1/exports/{id}/cancel" => {
            vec![json("POST", format!("/api/v1/exports/{export}x/cancel"), serde_json::Value::Null)]
        }
        "/api/v1/exports/{id}/file" => vec![get(format!("/api/v1/exports/{export}/file"))],
        "/api/v1/status" => vec![get("/api/v1/status")],
        "/api/v1/openapi.json" => vec![get("/api/v1/openapi.json")],
        "/api/search" => ["needle", "Zanzibar", "repo:vault"]
            .iter()
            .flat_map(|q| {
                let ask =
                    |options| json("POST", "/api/search", serde_json::json!({ "Q": q, "Opts": options }));
                let estimate = serde_json::json!({ "EstimateDocCount": true });
                [ask(serde_json::json!({ "NumContextLines": 1 })), ask(estimate)]
            })
            .collect(),
        "/api/list" => {
            ["", "r:vault", "r:a"].map(|q| json("POST", "/api/list", serde_json::json!({ "Q": q }))).into()
        }
        "/print" => names(spec)
            .iter()
            .flat_map(|name| {
                [
                    get(format!("/print?r={name}&f=README.md&format=raw")),
                    get(format!("/print?r={name}&f=keys/server.pem")),
                ]
            })
            .collect(),
        "/mcp" => mcp(spec),
        "/.api/search/stream" | "//.api/search/stream" => searches(&format!("{}?q=", route.path)),
        "/.api/graphql" | "//.api/graphql" => graphql(route.path, spec),
        "/.api/scip/upload" | "//.api/scip/upload" => names(spec)
            .iter()
            .flat_map(|name| {
                let address = format!("{}?repository={name}&commit={}", route.path, "a".repeat(40));
                [get(address.clone()), json("POST", address, serde_json::Value::Null)]
            })
            .collect(),
        "/.api/lsif/upload" => vec![json("POST", route.path, serde_json::Value::Null)],
        "/.api/src-cli/version" | "//.api/src-cli/version" => vec![get(route.path)],
        other => panic!("{other}: say in tests/projection/requests.rs what Bob asks this new route"),
    }
}
