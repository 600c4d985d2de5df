//! `sourcekeep lsp`: the program itself, spoken to over pipes, against a server that runs.

use crate::keep::{Keep, finish};
use crate::serving::Running;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use testkit::git::GitWorld;
use url::Url;

const STOCK: &str = "class Shelf:\n    \"\"\"Holds [goods](command:rm).\"\"\"\n\n    def put(self, goods, n):\n        return n\n\ndef fill(shelf: Shelf):\n    label = \"𝄞\"; shelf.put(label, 3)\n    return shelf\n";
const MAIN: &str = "from stock import fill, Shelf\n\nfill(Shelf())\nprint(fill)\n";
const OTHER: &str = "import stock\n\ndef distant_relative():\n    pass\n";

/// A server with two repositories, and a checkout of one of them.
struct Place {
    keep: Keep,
    server: Running,
    token: String,
    folder: tempfile::TempDir,
    _world: GitWorld,
}

impl Place {
    fn new() -> Place {
        let world = GitWorld::new();
        let files: [(&str, &[u8]); 2] = [("stock.py", STOCK.as_bytes()), ("src/main.py", MAIN.as_bytes())];
        let shop = world.repo("code.example/team/shop");
        shop.commit_files("main", &files);
        world.repo("code.example/other").commit_files("main", &[("other.py", OTHER.as_bytes())]);
        let keep = Keep::new();
        keep.index(world.path().as_path());
        let create = "printf 'violet tram humming' | \"$@\" user create ada --admin --password-stdin";
        assert_eq!(finish(&mut keep.shell(create)).code, 0);
        let token = keep.must(&["token", "create", "--user", "ada", "--quiet"]).trim().to_owned();
        let server = Running::start(&keep, &["serve"]);
        let folder = tempfile::tempdir().unwrap();
        let place = Place { keep, server, token, folder, _world: world };
        git(place.folder.path(), &["clone", "-q", shop.path().to_str().unwrap(), "work"]);
        let remote = ["remote", "set-url", "origin", "git@code.example:team/shop.git"];
        git(&place.root(), &remote);
        // A commit that only this checkout has.
        std::fs::write(place.root().join("new.py"), "from stock import Shelf\n").unwrap();
        git(&place.root(), &["add", "."]);
        git(&place.root(), &["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "own"]);
        place
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("work")
    }

    fn uri(&self, path: &str) -> String {
        Url::from_file_path(self.root().join(path)).unwrap().to_string()
    }

    fn ask(&self, target: &str) -> Value {
        let (status, body) = self.server.get(&format!("api/v1/repos/{target}"), &self.token);
        assert_eq!(status, 200, "{target}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn editor(&self) -> Editor {
        Editor::start(&self.keep, self.server.url(), &self.token)
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git").current_dir(folder).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An editor that says what it is told to.
struct Editor {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    n_asked: u64,
}

impl Editor {
    fn start(keep: &Keep, server: &str, token: &str) -> Editor {
        let mut command = keep.command();
        command.args(["lsp", "--stdio", "--server", server]).env("SOURCEKEEP_TOKEN", token);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Editor { child, input, output, n_asked: 0 }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).unwrap();
        self.input.flush().unwrap();
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn read(&mut self) -> Value {
        let mut n_bytes = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server is gone");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(length) => n_bytes = length.parse().unwrap(),
                None if line.trim().is_empty() => break,
                None => panic!("{line}"),
            }
        }
        let mut body = vec![0; n_bytes];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.n_asked += 1;
        let id = self.n_asked;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self.read();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    #[track_caller]
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn code(&mut self, method: &str, params: Value) -> i64 {
        self.answer(method, params)["error"]["code"].as_i64().unwrap()
    }

    fn at(&mut self, method: &str, uri: &str, line: u32, character: u32) -> Value {
        let position = json!({ "line": line, "character": character });
        self.ask(method, json!({ "textDocument": { "uri": uri }, "position": position }))
    }

    fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "python", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn end(mut self) -> Option<i32> {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        assert_eq!(self.code("textDocument/hover", json!({})), -32600, "it was shut down");
        self.tell("exit", Value::Null);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn range(line: u32, start: u32, end: u32) -> Value {
    json!({ "start": { "line": line, "character": start }, "end": { "line": line, "character": end } })
}

#[test]
fn an_editor_hears_what_the_api_says() {
    let place = Place::new();
    let mut editor = place.editor();
    let says = editor.ask("initialize", json!({ "capabilities": {}, "rootUri": place.uri("") }));
    assert_eq!(says["capabilities"]["positionEncoding"], "utf-16");
    editor.tell("initialized", json!({}));
    let (stock, main) = (place.uri("stock.py"), place.uri("src/main.py"));

    let api = place.ask("code.example/team/shop/-/definition/src/main.py?line=3&column=1");
    let told = &api["definitions"][0];
    assert_eq!(
        (&told["path"], &told["line"], &told["range"]),
        (&json!("stock.py"), &json!(7), &json!([4, 8]))
    );
    let found = editor.at("textDocument/definition", &main, 2, 1);
    assert_eq!(found, json!([{ "uri": stock, "range": range(6, 4, 8) }]));

    let api = place.ask("code.example/team/shop/-/hover/src/main.py?line=3&column=6");
    let hover = editor.at("textDocument/hover", &main, 2, 6);
    let value = hover["contents"]["value"].as_str().unwrap();
    let wanted = [&api["signature"], &api["documentation"]].map(|part| part.as_str().unwrap());
    assert_eq!(value, format!("{}\n\n{}\n\nby import", wanted[0], wanted[1]));

    let api = place.ask("code.example/team/shop/-/references/stock.py?line=7&column=4&everywhere=1");
    let listed = api["references"].as_array().unwrap().iter();
    let mut places: Vec<Value> = listed
        .map(|one| {
            let at = |idx: usize| one["range"][idx].as_u64().unwrap() as u32;
            let line = one["line"].as_u64().unwrap() as u32 - 1;
            json!({ "uri": place.uri(one["path"].as_str().unwrap()), "range": range(line, at(0), at(1)) })
        })
        .collect();
    let context = json!({ "includeDeclaration": true });
    let position = json!({ "line": 6, "character": 5 });
    let asked = json!({ "textDocument": { "uri": stock }, "position": position, "context": context });
    let mut found = editor.ask("textDocument/references", asked).as_array().unwrap().clone();
    places.sort_by_key(Value::to_string);
    found.sort_by_key(Value::to_string);
    assert_eq!(found, places);
    assert!(found.len() >= 4);

    // Behind a character of two units.
    let found = editor.at("textDocument/definition", &stock, 7, 25);
    assert_eq!(found, json!([{ "uri": stock, "range": range(3, 8, 11) }]));

    let api = place.ask("code.example/team/shop/-/outline/stock.py");
    let outline = editor.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": stock } }));
    let names = |list: &Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|one| one["name"].clone()).collect()
    };
    assert_eq!(names(&outline), names(&api["symbols"]));
    assert_eq!(outline[0]["location"]["range"]["start"], json!({ "line": 0, "character": 0 }));

    let found = editor.ask("workspace/symbol", json!({ "query": "Shelf" }));
    assert_eq!(found[0]["location"], json!({ "uri": stock, "range": range(0, 6, 11) }));
    assert_eq!((&found[0]["name"], &found[0]["kind"]), (&json!("Shelf"), &json!(5)));
    let found = editor.ask("workspace/symbol", json!({ "query": "distant_relative" }));
    let page = found[0]["location"]["uri"].as_str().unwrap();
    assert!(page.starts_with(place.server.url()) && page.contains("/r/code.example/other"), "{page}");
    assert_eq!(editor.end(), Some(0));
}

#[test]
fn edited_lines_have_no_answers_and_the_others_are_found() {
    let place = Place::new();
    let mut editor = place.editor();
    editor.ask("initialize", json!({ "capabilities": { "general": { "positionEncodings": ["utf-8"] } } }));
    let (stock, main) = (place.uri("stock.py"), place.uri("src/main.py"));
    editor.open(&main, "# new\nfrom stock import fill, Shelf\n\nfill(Shelf( ))\nprint(fill)\n");
    editor.open(&stock, &format!("# new\n# newer\n{STOCK}"));
    let found = editor.at("textDocument/definition", &main, 4, 6);
    assert_eq!(found, json!([{ "uri": stock, "range": range(8, 4, 8) }]), "both were carried");
    assert_eq!(editor.at("textDocument/definition", &main, 3, 1), Value::Null, "this line was changed");
    assert_eq!(editor.at("textDocument/hover", &main, 0, 3), Value::Null, "this one is new");
    let changed = STOCK.replace("def fill(shelf", "def fill(shelves, shelf");
    let changes = json!([{ "text": changed }]);
    let document = json!({ "uri": stock, "version": 2 });
    editor.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    assert_eq!(editor.at("textDocument/definition", &main, 4, 6), json!([]), "what it leads to was changed");
    editor.tell("textDocument/didClose", json!({ "textDocument": { "uri": stock } }));
    let found = editor.at("textDocument/definition", &main, 4, 6);
    assert_eq!(found[0]["range"], range(6, 4, 8), "as the disk has it");
    // What the server does not have: a new file, a file of no repository, something that is no file.
    assert_eq!(editor.at("textDocument/definition", &place.uri("new.py"), 0, 20), Value::Null);
    let outside = Url::from_file_path(place.folder.path().join("x.py")).unwrap();
    std::fs::write(place.folder.path().join("x.py"), "import x\n").unwrap();
    assert_eq!(editor.at("textDocument/definition", outside.as_str(), 0, 8), Value::Null);
    assert_eq!(editor.at("textDocument/hover", "untitled:Untitled-1", 0, 0), Value::Null);
    // Another repository's text is shown by editors that ask for it.
    let mut other = place.editor();
    let can = json!({ "workspace": { "textDocumentContent": {} } });
    let says = other.ask("initialize", json!({ "capabilities": can }));
    assert_eq!(says["capabilities"]["workspace"]["textDocumentContent"]["schemes"], json!(["sourcekeep"]));
    let found = other.ask("workspace/symbol", json!({ "query": "distant_relative" }));
    let uri = found[0]["location"]["uri"].as_str().unwrap();
    assert!(uri.starts_with("sourcekeep:///r/code.example/other"), "{uri}");
    assert_eq!(other.ask("workspace/textDocumentContent", json!({ "uri": uri })), json!({ "text": OTHER }));
    for wrong in
        ["sourcekeep:///r/../x/-/blob/a", "sourcekeep:///api/v1/repos", "sourcekeep:///r/a/-/blob/../a"]
    {
        assert_eq!(other.code("workspace/textDocumentContent", json!({ "uri": wrong })), -32803, "{wrong}");
    }
    assert_eq!(other.code("workspace/textDocumentContent", json!({ "uri": "https://x" })), -32602);
    assert_eq!((editor.end(), other.end()), (Some(0), Some(0)));
}

#[test]
fn a_token_that_may_not_read_it_hears_what_is_said_of_nothing() {
    let place = Place::new();
    let create = ["token", "create", "--user", "ada", "--repos", "code.example/other", "--quiet"];
    let token = place.keep.must(&create).trim().to_owned();
    let mut editor = Editor::start(&place.keep, place.server.url(), &token);
    editor.ask("initialize", json!({ "capabilities": {} }));
    assert_eq!(editor.at("textDocument/definition", &place.uri("src/main.py"), 2, 1), Value::Null);
    assert_eq!(editor.ask("workspace/symbol", json!({ "query": "Shelf" })), json!([]));
    let mut stranger = Editor::start(&place.keep, place.server.url(), "sk_nonsense");
    stranger.ask("initialize", json!({ "capabilities": {} }));
    let refused = stranger.answer("workspace/symbol", json!({ "query": "Shelf" }));
    assert!(refused["error"]["message"].as_str().unwrap().contains("/account/tokens"), "{refused}");
    assert!(!refused.to_string().contains("sk_nonsense"));
}

#[test]
fn whatever_an_editor_sends_is_bounded() {
    let keep = Keep::new();
    // Nobody listens there.
    let start = || Editor::start(&keep, "http://127.0.0.1:9", "sk_x");
    let mut editor = start();
    assert_eq!(editor.code("textDocument/hover", json!({})), -32002, "initialize comes first");
    editor.ask(
        "initialize",
        json!({ "capabilities": { "general": { "positionEncodings": 7 } }, "rootUri": [] }),
    );
    assert_eq!(editor.code("initialize", json!({})), -32600);
    for method in ["textDocument/rename", "$/unknown", "", "workspace/executeCommand"] {
        assert_eq!(editor.code(method, json!({})), -32601, "{method}");
    }
    for params in [json!({}), json!(7), json!({ "textDocument": 3 }), Value::Null] {
        assert_eq!(editor.code("textDocument/hover", params.clone()), -32602, "{params}");
    }
    assert_eq!(editor.code("workspace/symbol", json!({ "query": 5 })), -32602);
    assert_eq!(
        editor.code("workspace/symbol", json!({ "query": "x" })),
        -32803,
        "the server does not answer"
    );
    for wrong in ["{", "", "\u{feff}{}", &"[".repeat(200_000)] {
        editor.bytes(format!("Content-Length: {}\r\n\r\n{wrong}", wrong.len()).as_bytes());
        assert_eq!(editor.read()["error"]["code"], -32700, "{wrong:.9}");
    }
    for wrong in
        [json!([]), json!(3), json!({}), json!({ "id": {}, "method": "shutdown" }), json!({ "id": 1 })]
    {
        editor.send(&wrong);
        assert_eq!(editor.read()["error"]["code"], -32600, "{wrong}");
    }
    // Notifications of any kind are no error, and answers to nothing are passed over.
    for method in
        ["textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "$/cancelRequest", "x"]
    {
        editor.tell(
            method,
            json!({ "textDocument": { "uri": "file:///a", "text": 3 }, "contentChanges": 1, "id": 8 }),
        );
    }
    editor.send(&json!({ "id": 77, "result": null }));
    editor.send(&json!({ "id": "é", "method": "workspace/symbol", "params": { "query": "" } }));
    assert_eq!(editor.read(), json!({ "jsonrpc": "2.0", "id": "é", "result": [] }));
    // More than a message may have: passed over, and the next one is heard.
    let large = vec![b' '; (16 << 20) + 1];
    editor.bytes(format!("Content-Length: {}\r\n\r\n", large.len()).as_bytes());
    editor.bytes(&large);
    assert_eq!(editor.read()["error"]["code"], -32600);
    assert_eq!(editor.end(), Some(0));

    for wrong in ["Content-Length: 99999999999999999999\r\n\r\n", "nonsense\r\n\r\n", &"x".repeat(1 << 20)] {
        let mut editor = start();
        let _ = editor.input.write_all(wrong.as_bytes());
        assert_eq!(editor.child.wait().unwrap().code(), Some(3), "{wrong:.30}");
    }
    let mut editor = start();
    editor.tell("exit", Value::Null);
    assert_eq!(editor.child.wait().unwrap().code(), Some(1), "without shutdown");
}

/// A server that takes connections and says nothing: questions are called off, and no more than so many run.
#[test]
fn questions_are_called_off() {
    let keep = Keep::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut editor = Editor::start(&keep, &url, "sk_x");
    editor.ask("initialize", json!({ "capabilities": {} }));
    let ask = |id: u64| json!({ "jsonrpc": "2.0", "id": id, "method": "workspace/symbol", "params": { "query": "x" } });
    for id in 100..164 {
        editor.send(&ask(id));
    }
    editor.send(&ask(100));
    assert_eq!(editor.read()["error"]["code"], -32600, "it is being answered");
    editor.send(&ask(999));
    let refused = editor.read();
    assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(999), &json!(-32803)), "too many");
    for id in 100..164 {
        editor.tell("$/cancelRequest", json!({ "id": id }));
        let answer = editor.read();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32800)));
    }
    assert_eq!(editor.end(), Some(0));
}
