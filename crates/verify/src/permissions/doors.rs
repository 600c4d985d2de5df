//! Every door by which something of a repository could come out, and what to ask there.
//!
//! A test of the binary holds this list to the server's own table of routes: a new route is asked here, or it is said why not.

use super::Setup;
use crate::live::{Question, in_address};
use access::RandomnessError;
use http::Method;
use serde_json::{Value, json};

/// What the proof does with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// It is asked, about what may be read and what may not.
    Asked,
    /// It is not, for this reason.
    Excused(&'static str),
}

const ASKED: [&str; 18] = [
    "/search",
    "/aggregate",
    "/why",
    "/goto",
    "/repos",
    "/print",
    "/r/{*address}",
    "/mcp",
    "/api/search",
    "/api/list",
    "/.api/search/stream",
    "/.api/graphql",
    "/api/v1/search",
    "/api/v1/aggregate",
    "/api/v1/complete",
    "/api/v1/goto",
    "/api/v1/repos",
    "/api/v1/repos/{*address}",
];

/// By what a route begins with, and why it is not asked.
const EXCUSED: [(&str, &str); 20] = [
    ("//.api/", "the same as with one slash"),
    ("/.api/src-cli/", "the version alone"),
    (
        "/.api/scip/",
        "takes precise indexes and tells nothing but whether there is such a repository; held by the program's tests",
    ),
    ("/.api/lsif/", "says that it is not taken"),
    ("/account", "one's own account"),
    ("/sign-", "who is signed in, or not"),
    ("/step-up", "who is signed in"),
    ("/setup/", "links with a secret"),
    ("/link/", "links with a secret"),
    ("/assets/", "files of the program"),
    ("/healthz", "whether it is well"),
    ("/.well-known/sourcekeep", "the server's own key"),
    ("/readyz", "whether it is well"),
    ("/metrics", "figures for administrators; no code and no names"),
    ("/admin/", "administration: no code; held by the matrix of roles and routes in the program's tests"),
    ("/hooks/", "takes deliveries of code hosts and tells nothing"),
    ("/contexts", "would leave something behind; its searches are those that are asked"),
    ("/api/v1/contexts", "would leave something behind; its searches are those that are asked"),
    ("/exports", "would leave something behind; its searches are those that are asked"),
    ("/api/v1/exports", "would leave something behind; its searches are those that are asked"),
];

/// What is told of the instance as a whole.
const EXCUSED_EXACTLY: [(&str, &str); 5] = [
    ("/", "the search box; what it suggests is what completion does"),
    ("/api/v1/status", "the version and the account"),
    ("/api/v1/openapi.json", "the description of the interface"),
    ("/data-collection", "the register of the program: the same for everybody"),
    ("/api/v1/usage", "numbers for whoever looks after the server; no code and no names"),
];

/// What the proof does with a route, by its pattern; `None` for one that nobody thought of.
pub fn coverage(route: &str) -> Option<Coverage> {
    if ASKED.contains(&route) {
        return Some(Coverage::Asked);
    }
    let begins = EXCUSED.iter().filter(|(begin, _)| route.starts_with(begin));
    let exactly = EXCUSED_EXACTLY.iter().filter(|(whole, _)| route == *whole);
    begins.chain(exactly).map(|(_, why)| Coverage::Excused(why)).next()
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    /// A repository's name.
    pub(super) repo: String,
    /// A path in it.
    pub(super) path: String,
    /// A word that stands in it.
    pub(super) word: String,
}

/// A name that nothing has, of the same length and characters of the same kinds.
pub(super) fn unlike(setup: &Setup<'_>, name: &str) -> Result<String, RandomnessError> {
    let mut letters = super::letters(setup, name.len())?.into_bytes().into_iter().map(char::from);
    let other = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => letters.next().unwrap_or('x'),
        c => c,
    };
    Ok(name.chars().map(other).collect())
}

/// The questions about one thing, always in the same order.
pub(super) fn questions(about: &About) -> Vec<Question> {
    let mut questions = by_name(about);
    questions.extend(searches("/search?q=", about));
    for begin in [
        "/api/v1/search?q=",
        "/api/v1/search?stream=1&q=",
        "/api/v1/aggregate?by=lang&q=",
        "/.api/search/stream?q=",
    ] {
        questions.extend(searches(begin, about));
    }
    questions.extend(near(about));
    questions
}

/// Those whose answers depend on nothing but whether there is just this: what is like it does not matter, as it does to
/// completion, to what is meant perhaps, and to a pattern.
pub(super) fn by_name(about: &About) -> Vec<Question> {
    let mut questions = pages(about);
    questions.extend(resources(about));
    questions
}

fn queries(about: &About) -> Vec<String> {
    let About { repo, path, word } = about;
    let exactly = repo.replace('.', "\\.");
    vec![
        word.clone(),
        format!("{word} count:all"),
        format!("repo:^{exactly}$"),
        format!("repo:^{exactly}$ file:{path} count:all"),
        format!("repo:{exactly} type:path"),
        format!("-repo:^{exactly}$ {word}"),
        format!("repo:^{exactly}$ type:commit"),
        format!("repo:^{exactly}$ type:diff {word}"),
        format!("repo:^{exactly}$ type:symbol {word}"),
        format!("repo:^{exactly}$ rev:main {word} select:repo"),
    ]
}

fn searches(begin: &str, about: &About) -> Vec<Question> {
    queries(about).iter().map(|query| Question::get(format!("{begin}{}", in_address(query)))).collect()
}

fn pages(about: &About) -> Vec<Question> {
    let About { repo, path, .. } = about;
    let targets = [
        format!("/r/{repo}"),
        format!("/r/{repo}/-/tree/"),
        format!("/r/{repo}/-/blob/{path}"),
        format!("/r/{repo}/-/raw/{path}"),
        format!("/r/{repo}/-/skipped"),
        format!("/r/{repo}/-/commit/main"),
        format!("/r/{repo}/-/commits"),
        format!("/r/{repo}/-/compare/main...main"),
        format!("/r/{repo}/-/branches"),
        format!("/r/{repo}/-/contributors"),
        format!("/r/{repo}/-/contributors/{path}"),
        format!("/r/{repo}/-/log/{path}"),
        format!("/r/{repo}/-/blame/{path}"),
        format!("/r/{repo}@main/-/tree/"),
        format!("/print?r={}&f={}", in_address(repo), in_address(path)),
        format!("/print?r={}&f={}&format=raw", in_address(repo), in_address(path)),
    ];
    targets.into_iter().map(Question::get).collect()
}

fn resources(about: &About) -> Vec<Question> {
    let About { repo, path, word } = about;
    let at = format!("/api/v1/repos/{repo}");
    let rests = [
        "",
        "/-/refs",
        "/-/branches",
        "/-/contributors",
        "/-/owners",
        "/-/skipped",
        "/-/precise",
        "/-/commits/main",
        "/-/commits",
        "/-/compare/main...main",
        "/-/tree/",
    ]
    .map(str::to_owned)
    .into_iter();
    let files = ["file", "raw", "owners", "contributors", "log", "blame", "outline"]
        .map(|what| format!("/-/{what}/{path}"));
    let names = ["definition", "hover", "references", "implementations", "callees", "hierarchy", "graph"]
        .map(|what| format!("/-/{what}/{path}?line=1&column=0&everywhere=1"));
    let mut questions: Vec<Question> =
        rests.chain(files).chain(names).map(|rest| Question::get(format!("{at}{rest}"))).collect();
    questions.push(Question::json(Method::PATCH, at, &json!({ "description": "" })));
    questions.push(graphql(format!(
        "{{ repository(name: \"{repo}\") {{ name commit(rev: \"main\") {{ oid file(path: \"{path}\") {{ content }} }} }} }}"
    )));
    questions.push(tool("read_file", json!({ "repository": repo, "path": path })));
    for name in ["definition", "references", "call_graph", "outline"] {
        questions
            .push(tool(name, json!({ "repository": repo, "path": path, "name": word, "everywhere": true })));
    }
    questions
}

/// What is answered with what is like it, too.
fn near(about: &About) -> Vec<Question> {
    let About { repo, path, word } = about;
    let typed = format!("repo:{repo}");
    let targets = [
        format!("/repos?filter={}", in_address(repo)),
        format!("/why?repo={}&path={}", in_address(repo), in_address(path)),
        format!("/aggregate?by=repo&q={}", in_address(&format!("repo:^{}$", repo.replace('.', "\\.")))),
        format!("/api/v1/repos?name={}", in_address(repo)),
        format!("/api/v1/repos/{repo}/-/why/{path}"),
        format!("/api/v1/complete?q={}&cursor={}", in_address(&typed), typed.len()),
        format!("/api/v1/complete?q={}&cursor={}", in_address(word), word.len()),
        format!("/goto?q={}&repo={}", in_address(path), in_address(repo)),
        format!("/api/v1/goto?q={}&limit=50", in_address(path)),
        format!("/api/v1/goto?q={}&limit=50", in_address(repo)),
        format!("/api/v1/goto?q={}&limit=50", in_address(word)),
    ];
    let mut questions: Vec<Question> = targets.into_iter().map(Question::get).collect();
    questions.extend([
        graphql(format!("{{ repositories(first: 10, query: \"{repo}\") {{ nodes {{ name }} totalCount }} }}")),
        graphql(format!("{{ search(query: \"{word} count:all\") {{ results {{ matchCount limitHit results {{ __typename }} }} }} }}")),
        post("/api/search", json!({ "Q": word, "Opts": { "NumContextLines": 1 } })),
        post("/api/search", json!({ "Q": word, "Opts": { "EstimateDocCount": true } })),
        post("/api/list", json!({ "Q": format!("r:{repo}") })),
        tool("search", json!({ "query": word })),
        tool("search", json!({ "query": format!("repo:{repo}") })),
        tool("list_repositories", json!({ "filter": repo })),
    ]);
    questions
}

fn post(target: &str, body: Value) -> Question {
    Question::json(Method::POST, target, &body)
}

fn graphql(query: String) -> Question {
    post("/.api/graphql", json!({ "query": query }))
}

fn tool(name: &str, arguments: Value) -> Question {
    let params = json!({ "name": name, "arguments": arguments });
    post("/mcp", json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_that_is_said_to_be_asked_is() {
        let about =
            About { repo: "org/one".to_owned(), path: "README.md".to_owned(), word: "needle".to_owned() };
        let all = questions(&about);
        for route in ASKED {
            let begin = route.strip_suffix("{*address}").unwrap_or(route);
            let asks = |question: &Question| {
                let path = question.target.split('?').next().unwrap_or_default();
                if begin == route { path == begin } else { path.starts_with(begin) }
            };
            assert!(all.iter().any(asks), "{route}");
        }
        assert_eq!(coverage("/brand/new"), None);
    }
}
