//! Real indexes: what scip-typescript and scip-python write about small projects, uploaded over HTTP as builds do, and each
//! answer held against what the compiler says. The indexers come from npm (`cargo xtask ci --only tools`).

use crate::keep::{Keep, finish};
use crate::serving::Running;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use testkit::git::GitWorld;

/// A place: repository, path, line from 1, column in bytes.
type Place = (String, String, u64, u64);

/// A name that the compiler knows, and where it is declared.
struct Name {
    at: Place,
    text: String,
    declared: Option<Place>,
}

/// Where the tools of the tests are installed.
fn tools() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("indexers/node_modules");
    let is_there = |program: &str| folder.join(".bin").join(program).exists();
    assert!(
        is_there("scip-typescript") && is_there("scip-python"),
        "this test runs indexers that come from npm and are not in {}: `cargo xtask ci --only tools` installs them",
        folder.display()
    );
    folder
}

fn source(project: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/indexed").join(project)
}

/// The files below a folder, by path.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let below = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    files.push((below, std::fs::read(&path).unwrap()));
                }
            }
        }
    }
    files.sort();
    files
}

fn copy(files: &[(String, Vec<u8>)], to: &Path) {
    for (path, bytes) in files {
        let path = to.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// Runs what must succeed; returns its standard output.
fn must(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said =
        || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}", said());
    output.stdout
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Three repositories, the sources they were made of on a disk of their own, and a server that has indexed them.
struct Indexed {
    keep: Keep,
    server: Running,
    folder: tempfile::TempDir,
    commits: Vec<(&'static str, String)>,
    token: String,
    _world: GitWorld,
}

impl Indexed {
    fn new() -> Indexed {
        let (world, folder) = (GitWorld::new(), tempfile::tempdir().unwrap());
        let mut commits = Vec::new();
        for project in ["shapes", "drawing", "ledger"] {
            let files = files(&source(project));
            copy(&files, &folder.path().join(project));
            let listed: Vec<_> =
                files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
            commits.push((project, world.repo(project).commit_files("main", &listed).to_string()));
        }
        // As npm would install it.
        let installed = folder.path().join("drawing/node_modules/@sourcekeep-test/shapes");
        copy(&files(&source("shapes")), &installed);
        let keep = Keep::new();
        keep.index(world.path().as_path());
        let create = "printf 'violet tram humming' | \"$@\" user create ada --admin --password-stdin";
        assert_eq!(finish(&mut keep.shell(create)).code, 0);
        let create = ["token", "create", "--user", "ada", "--verbs", "read,write", "--quiet"];
        let token = keep.must(&create).trim().to_owned();
        let server = Running::start(&keep, &["serve"]);
        Indexed { keep, server, folder, commits, token, _world: world }
    }

    fn commit(&self, project: &str) -> &str {
        &self.commits.iter().find(|(name, _)| *name == project).unwrap().1
    }

    /// A token that may read one repository alone.
    fn token_for(&self, repo: &str) -> String {
        let create = ["token", "create", "--user", "ada", "--repos", repo, "--quiet"];
        self.keep.must(&create).trim().to_owned()
    }

    /// What an indexer says of a project.
    fn index(&self, project: &str, program: &str, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new(tools().join(".bin").join(program));
        let output = self.folder.path().join(format!("{project}.scip"));
        command.args(arguments).arg("--output").arg(&output).current_dir(self.folder.path().join(project));
        must(&mut command);
        std::fs::read(output).unwrap()
    }

    /// Sends bytes; returns the status and the answer.
    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("{}{target}", self.server.url());
        let mut request = if method == "PUT" { agent.put(&url) } else { agent.post(&url) };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    /// As a script uploads.
    fn upload(&self, project: &str, index: &[u8]) {
        let target = format!("api/v1/repos/{project}/-/precise?commit={}", self.commit(project));
        let bearer = format!("Bearer {}", self.token);
        let (status, said) = self.send("PUT", &target, &[("Authorization", &bearer)], index);
        assert_eq!(status, 202, "{said}");
        self.wait(project);
    }

    /// As `src code-intel upload` does: compressed, without saying so; whole, or in parts.
    fn upload_as_src(&self, project: &str, indexer: (&str, &str), index: &[u8], n_parts: usize) {
        let (authorization, size) = (format!("token {}", self.token), index.len().to_string());
        let headers = [
            ("Authorization", authorization.as_str()),
            ("Content-Type", "application/x-protobuf+scip"),
            ("X-Uncompressed-Size", size.as_str()),
        ];
        let about = format!(
            "commit={}&indexerName={}&indexerVersion={}&repository={project}&root=",
            self.commit(project),
            indexer.0,
            indexer.1
        );
        let post = |rest: &str, body: &[u8]| {
            self.send("POST", &format!(".api/scip/upload?{about}{rest}"), &headers, body)
        };
        let body = gzip(index);
        if n_parts == 1 {
            let (status, said) = post("", &body);
            assert_eq!(status, 202, "{said}");
            return self.wait(project);
        }
        let (status, said) = post(&format!("&multiPart=true&numParts={n_parts}"), b"");
        assert_eq!(status, 202, "{said}");
        let begun: Value = serde_json::from_str(&said).unwrap();
        let id = begun["id"].as_str().unwrap();
        std::thread::scope(|scope| {
            for (n, part) in body.chunks(body.len().div_ceil(n_parts)).enumerate() {
                let post = &post;
                scope.spawn(move || {
                    assert_eq!(post(&format!("&uploadId={id}&index={n}"), part).0, 204);
                });
            }
        });
        assert_eq!(post(&format!("&uploadId={id}&done=true"), b"").0, 204);
        self.wait(project);
    }

    /// Until the index answers.
    fn wait(&self, project: &str) {
        loop {
            let list = self.ask(&self.token, &format!("{project}/-/precise"));
            let index = &list["indexes"][0];
            assert!(index["error"].is_null(), "{index}");
            if index["state"] == "ready" {
                assert_eq!(index["left_out"], 0, "{index}");
                return;
            }
        }
    }

    fn ask(&self, token: &str, target: &str) -> Value {
        let (status, body) = self.server.get(&format!("api/v1/repos/{target}"), token);
        assert_eq!(status, 200, "{target}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn about(&self, token: &str, what: &str, at: &Place, more: &str) -> Value {
        let (repo, path, line, column) = at;
        self.ask(token, &format!("{repo}/-/{what}/{path}?line={line}&column={column}{more}"))
    }

    /// What TypeScript says of every name of a project.
    fn compiled(&self, project: &str) -> Vec<Name> {
        let typescript = tools().join("@sourcegraph/scip-typescript/node_modules/typescript");
        let mut command = Command::new("node");
        command.arg(source("compiler.cjs")).arg(typescript).arg(self.folder.path().join(project));
        let names: Vec<Value> = serde_json::from_slice(&must(&mut command)).unwrap();
        let name = |name: &Value| Name {
            at: place(name, &name["column"]),
            text: name["text"].as_str().unwrap().to_owned(),
            declared: name["declared"].get(0).map(|declared| place(declared, &declared["column"])),
        };
        names.iter().map(name).collect()
    }
}

fn place(shape: &Value, column: &Value) -> Place {
    let text = |key: &str| shape[key].as_str().unwrap().to_owned();
    (text("repo"), text("path"), shape["line"].as_u64().unwrap(), column.as_u64().unwrap())
}

/// The places of a list that are precise.
fn precise(list: &Value) -> BTreeSet<Place> {
    let list = list.as_array().unwrap().iter().filter(|one| one["how"] == "precise");
    list.map(|one| place(one, &one["range"][0])).collect()
}

#[test]
fn typescript_is_told_as_its_compiler_says() {
    let world = Indexed::new();
    world.upload("shapes", &world.index("shapes", "scip-typescript", &["index"]));
    let drawing = world.index("drawing", "scip-typescript", &["index"]);
    world.upload_as_src("drawing", ("scip-typescript", "0.4.0"), &drawing, 1);
    let names: Vec<Name> = world.compiled("shapes").into_iter().chain(world.compiled("drawing")).collect();
    let own: Vec<&Name> = names.iter().filter(|name| name.declared.is_some()).collect();
    assert!(own.len() > 70 && own.iter().any(|name| name.declared.as_ref().unwrap().0 != name.at.0));
    for name in &own {
        let found = world.about(&world.token, "definition", &name.at, "");
        assert_eq!(found["name"], name.text.as_str());
        let told = precise(&found["definitions"]);
        assert!(told.contains(name.declared.as_ref().unwrap()), "{} at {:?}: {found}", name.text, name.at);
        assert_eq!(found["precise"]["indexer"], "scip-typescript");
    }
    let declared: BTreeSet<&Place> = own.iter().filter_map(|name| name.declared.as_ref()).collect();
    for place in declared {
        let uses = own.iter().filter(|name| name.declared.as_ref() == Some(place) && name.at != *place);
        let uses: BTreeSet<Place> = uses.map(|name| name.at.clone()).collect();
        let told = world.about(&world.token, "references", place, "&everywhere=1&limit=1000");
        let mut told = precise(&told["references"]);
        told.remove(place);
        assert!(told.is_superset(&uses), "of {place:?} {:?} are not told", uses.difference(&told));
        // A member's uses are those of what it implements, too: calls through the interface may reach it.
        let is_member = |at: &&Place| {
            own.iter().any(|name| name.at == **at && ["area", "name"].contains(&name.text.as_str()))
        };
        let more: Vec<&Place> = told.difference(&uses).filter(|at| !is_member(at)).collect();
        assert!(more.is_empty(), "of {place:?} too many are told: {more:?}");
    }
    only_what_may_be_read(&world, &own);
    let larger = ("drawing".to_owned(), "src/draw.ts".to_owned(), 14, 46);
    let hover = world.about(&world.token, "hover", &larger, "");
    assert_eq!(hover["precise"]["says"], "precise · scip-typescript 0.4.0 · this commit");
    let square = ("shapes".to_owned(), "src/shape.ts".to_owned(), 14, 11);
    let hover = world.about(&world.token, "hover", &square, "");
    assert_eq!(hover["signature"], "function square(side: number): number");
    assert_eq!(hover["documentation"], "A number times itself.");
}

/// SECURITY: whoever may read one of two repositories hears of the other nothing, and of their own what everybody hears.
fn only_what_may_be_read(world: &Indexed, own: &[&Name]) {
    for (mine, other) in [("drawing", "shapes"), ("shapes", "drawing")] {
        let token = world.token_for(mine);
        for name in own.iter().filter(|name| name.at.0 == mine) {
            let is_mine = name.declared.as_ref().unwrap().0 == mine;
            for what in ["definition", "hover", "references", "implementations"] {
                let told = world.about(&token, what, &name.at, "&everywhere=1&limit=1000").to_string();
                let hidden = [format!("/r/{other}"), format!("\"repo\":\"{other}\"")];
                assert!(
                    !hidden.iter().any(|hidden| told.contains(hidden)),
                    "{what} of {:?}: {told}",
                    name.at
                );
                if is_mine && what != "references" {
                    assert_eq!(told, world.about(&world.token, what, &name.at, "").to_string());
                }
            }
        }
        let (status, forbidden) = world.server.get(&format!("api/v1/repos/{other}/-/precise"), &token);
        let (_, unknown) = world.server.get("api/v1/repos/nothing/-/precise", &token);
        assert_eq!((status, without_number(&forbidden)), (404, without_number(&unknown)));
    }
}

/// A problem document without the number of the request.
fn without_number(problem: &str) -> Value {
    let mut problem: Value = serde_json::from_str(problem).unwrap();
    let _ = problem.as_object_mut().unwrap().remove("request_id");
    problem
}

#[test]
fn python_is_told_as_its_compiler_says() {
    let world = Indexed::new();
    let arguments = ["index", ".", "--project-name", "ledger", "--project-version", "0.3.0"];
    let index = world.index("ledger", "scip-python", &arguments);
    world.upload_as_src("ledger", ("scip-python", "0.6.6"), &index, 3);
    let (account, transfer) = ("ledger/account.py", "ledger/transfer.py");
    // What is asked about, and where it is defined, as pyright has it.
    for (path, line, column, to, to_line, to_column) in [
        (transfer, 5, 21, account, 4, 6),  // source: Account
        (transfer, 6, 11, account, 11, 8), // source.book
        (transfer, 7, 11, account, 20, 8), // target.book, of Savings
        (transfer, 8, 18, account, 24, 4), // account.interest
        (transfer, 8, 43, account, 8, 13), // target.owner, of Account
        (transfer, 6, 4, transfer, 5, 13), // source, the parameter
        (transfer, 11, 0, transfer, 5, 4), // transfer
        (account, 21, 23, account, 11, 8), // super().book
        (account, 17, 14, account, 4, 6),  // Savings(Account)
        ("ledger/__init__.py", 2, 30, account, 17, 6),
    ] {
        let at = ("ledger".to_owned(), path.to_owned(), line, column);
        let found = world.about(&world.token, "definition", &at, "");
        let to = ("ledger".to_owned(), to.to_owned(), to_line, to_column);
        assert!(precise(&found["definitions"]).contains(&to), "{at:?} leads to {to:?}: {found}");
    }
    let book = ("ledger".to_owned(), account.to_owned(), 11, 8);
    let hover = world.about(&world.token, "hover", &book, "");
    assert!(hover["signature"].as_str().unwrap().contains("def book("), "{hover}");
    assert_eq!(hover["documentation"], "Adds an amount, and says what there is now.");
    let interest = ("ledger".to_owned(), account.to_owned(), 24, 4);
    let told = world.about(&world.token, "references", &interest, "");
    let at = |path: &str, line, column| ("ledger".to_owned(), path.to_owned(), line, column);
    let uses = BTreeSet::from([at(account, 24, 4), at(account, 21, 37), at(transfer, 8, 18)]);
    assert_eq!(precise(&told["references"]), uses, "{told}");
}
