//! `up` and `serve`: one server per data directory, searchable at once, stopped gracefully.

use crate::keep::{Keep, finish};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command};
use testkit::git::GitWorld;

/// A running server; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Running {
    pub(crate) fn start(keep: &Keep, arguments: &[&str]) -> Self {
        Running::of(keep.command().args(arguments).args(["--listen", "127.0.0.1:0"]))
    }

    /// The server that this starts.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Serving at ").unwrap_or_else(|| panic!("{line:?}")).to_string();
        Running { child, stdout, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim().to_string()
    }

    fn interrupt(&mut self) -> Option<i32> {
        assert!(
            Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap().success()
        );
        self.child.wait().unwrap().code()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}{path}", self.url);
        let mut response = agent.get(url).header("Authorization", format!("Bearer {token}")).call().unwrap();
        (
            response.status().as_u16(),
            response.body_mut().with_config().limit(1 << 30).read_to_string().unwrap(),
        )
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.post(format!("{}{path}", self.url)).content_type("application/json");
        let mut response = request.header("Authorization", format!("Bearer {token}")).send(body).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    /// Ends it at once, as `kill -9` does; it must have been running.
    pub(crate) fn kill(&mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "it runs");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn up_serves_what_it_indexes() {
    let world = GitWorld::new();
    world.repo("a").commit_files("main", &[("one.txt", b"alpha\n")]);
    let keep = Keep::new();
    let mut server = Running::start(&keep, &["up", world.path().to_str().unwrap()]);
    assert!(server.line().contains("administrator"));
    let link = server.line();
    assert!(link.starts_with(&format!("{}setup/skl_", server.url)), "{link}");

    let create = "printf 'violet tram humming' | \"$@\" user create ada --admin --password-stdin";
    assert_eq!(finish(&mut keep.shell(create)).code, 0);
    let token = keep.must(&["token", "create", "--user", "ada", "--quiet"]).trim().to_string();
    let found = loop {
        let (status, body) = server.get("api/v1/search?q=alpha", &token);
        assert_eq!(status, 200, "{body}");
        if body.contains("one.txt") {
            break body;
        }
    };
    assert!(found.contains("\"complete\":true"), "{found}");
    assert_eq!(server.get("api/v1/search?q=alpha", "sk_nonsense").0, 401);

    // A repository that is added beside it is picked up.
    let more = GitWorld::new();
    more.repo("b").commit_files("main", &[("two.txt", b"alpha beta\n")]);
    let ran = keep.run(&["repo", "add", more.path().to_str().unwrap()]);
    assert!(ran.stderr.contains("running server picks them up"), "{}", ran.stderr);
    while !keep.must(&["search", "alpha"]).contains("b/two.txt") {}
    assert_eq!(server.interrupt(), Some(0), "stopped gracefully");
}

#[test]
fn a_second_server_is_refused_by_name() {
    let keep = Keep::new();
    let mut first = Running::start(&keep, &["serve"]);
    let second = keep.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.code, 3);
    let said = format!("another sourcekeep (process {}) is running", first.child.id());
    assert!(second.stderr.contains(&said), "{}", second.stderr);
    assert_eq!(keep.run(&["up", "--once", "/"]).code, 3);
    assert_eq!(first.interrupt(), Some(0));
    let mut third = Running::start(&keep, &["serve"]);
    assert_eq!(third.interrupt(), Some(0));
}

#[test]
fn a_taken_address_is_told() {
    let keep = Keep::new();
    let first = Running::start(&keep, &["serve"]);
    let address = first.url.trim_start_matches("http://").trim_end_matches('/').to_string();
    let other = Keep::new().run(&["serve", "--listen", &address]);
    assert_eq!(other.code, 3);
    assert!(other.stderr.contains(&format!("cannot listen on {address}")), "{}", other.stderr);
}
