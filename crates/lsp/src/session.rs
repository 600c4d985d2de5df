//! The conversation with an editor: what may be said when, which questions run, which texts are open.

use crate::answers;
use crate::checkout::{Checkouts, on_disk};
use crate::frame::{self, FrameError, Framed};
use crate::server::{Server, ServerError};
use precise::Columns;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use url::Url;

/// Questions that are answered at the same time.
const N_RUNNING_MAX: usize = 64;
/// Messages that wait to be written: whoever does not read gets no more answers, and takes no more memory.
const N_WAITING_MAX: usize = 64;
/// Open texts, and their bytes. Files that are opened beyond have no answers.
const N_TEXTS_MAX: usize = 2_000;
const TEXTS_BYTES_MAX: usize = 64 << 20;
/// Folders of the workspace that are looked at.
const N_FOLDERS_MAX: usize = 20;

const NOT_JSON: i64 = -32700;
const NO_REQUEST: i64 = -32600;
const NO_METHOD: i64 = -32601;
const NO_PARAMS: i64 = -32602;
const NOT_INITIALIZED: i64 = -32002;
const CANCELLED: i64 = -32800;
const FAILED: i64 = -32803;

/// What the bridge works with.
#[derive(Clone)]
pub struct Options {
    /// The server that is asked.
    pub server: Server,
    /// The repository's name there; else as the remotes' addresses say.
    pub repo: Option<String>,
    /// The version of the program, for the editor to show.
    pub version: String,
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As the protocol has it: shut down, then exit.
    Properly,
    /// The editor is gone, or said exit without shutting down.
    Abruptly,
}

/// What questions are answered with.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) checkouts: Checkouts,
    pub(crate) editor: Editor,
    texts: Mutex<Texts>,
}

/// What the editor can do, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Editor {
    /// What its columns count.
    pub(crate) columns: Columns,
    /// Whether it asks for the text of addresses that are no files (`workspace/textDocumentContent` of LSP 3.18).
    pub(crate) shows_virtual: bool,
    /// Whether it shows Markdown.
    pub(crate) shows_markdown: bool,
    pub(crate) folders: Vec<PathBuf>,
}

#[derive(Default)]
struct Texts {
    /// `None`: it is open, and too much to keep.
    open: HashMap<String, Option<Arc<str>>>,
    n_bytes: usize,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(crate) enum Refused {
    Params,
    Server(ServerError),
}

impl From<ServerError> for Refused {
    fn from(error: ServerError) -> Self {
        Refused::Server(error)
    }
}

type Running = Arc<Mutex<HashMap<String, AbortHandle>>>;

/// Serves an editor until it is gone.
pub async fn serve(
    options: Options,
    mut input: impl AsyncBufRead + Unpin,
    mut output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<Ended, FrameError> {
    let (sender, mut receiver) = mpsc::channel::<Value>(N_WAITING_MAX);
    let writing = tokio::spawn(async move {
        while let Some(message) = receiver.recv().await {
            if frame::write(&mut output, &message).await.is_err() {
                break;
            }
        }
    });
    let mut session = Session {
        options,
        world: None,
        is_shut_down: false,
        running: Running::default(),
        sender: sender.clone(),
    };
    let ended = loop {
        match frame::read(&mut input).await {
            Ok(Framed::End) => break Ok(Ended::Abruptly),
            Ok(Framed::Message(message)) => {
                if let Some(ended) = session.take(message).await {
                    break Ok(ended);
                }
            }
            Ok(Framed::NotJson) => session.refuse(Value::Null, NOT_JSON, "this is not JSON").await,
            Ok(Framed::TooLarge) => {
                session.refuse(Value::Null, NO_REQUEST, "this message is too large").await
            }
            Err(error) => break Err(error),
        }
    };
    for (_, task) in lock(&session.running).drain() {
        task.abort();
    }
    drop((session, sender));
    // What was answered is written, as long as somebody reads it.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(2), writing).await;
    ended
}

struct Session {
    options: Options,
    world: Option<Arc<World>>,
    is_shut_down: bool,
    running: Running,
    sender: mpsc::Sender<Value>,
}

impl Session {
    async fn answer(&self, id: Value, result: Value) {
        let _ = self.sender.send(json!({ "jsonrpc": "2.0", "id": id, "result": result })).await;
    }

    async fn refuse(&self, id: Value, code: i64, says: &str) {
        let _ = self.sender.send(refusal(id, code, says)).await;
    }

    /// Takes one message; tells whether that was the end.
    async fn take(&mut self, mut message: Value) -> Option<Ended> {
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let (id, params) = (message.get("id").cloned(), message.get_mut("params").map(Value::take));
        let params = params.unwrap_or_default();
        match (method, id) {
            (Some(method), Some(id)) if id.is_string() || id.is_number() => {
                self.request(&method, id, params).await
            }
            (Some(method), None) => return self.notification(&method, &params),
            // An answer to a question that was never asked.
            (None, Some(_)) if message.get("result").is_some() || message.get("error").is_some() => {}
            _ => self.refuse(Value::Null, NO_REQUEST, "this is neither a request nor a notification").await,
        }
        None
    }

    async fn request(&mut self, method: &str, id: Value, params: Value) {
        if self.is_shut_down {
            return self.refuse(id, NO_REQUEST, "the server was shut down").await;
        }
        let Some(world) = self.world.clone() else {
            return match method {
                "initialize" => self.initialize(id, &params).await,
                _ => self.refuse(id, NOT_INITIALIZED, "initialize comes first").await,
            };
        };
        match method {
            "initialize" => self.refuse(id, NO_REQUEST, "it was initialized already").await,
            "shutdown" => {
                self.is_shut_down = true;
                self.answer(id, Value::Null).await;
            }
            method if answers::METHODS.contains(&method) => {
                self.start(world, method.to_owned(), id, params).await
            }
            _ => self.refuse(id, NO_METHOD, "this method is not known here").await,
        }
    }

    async fn initialize(&mut self, id: Value, params: &Value) {
        let editor = Editor::of(params);
        let says = answers::capabilities(&editor, &self.options.version);
        self.world = Some(Arc::new(World {
            server: self.options.server.clone(),
            checkouts: Checkouts::new(self.options.repo.clone()),
            editor,
            texts: Mutex::default(),
        }));
        self.answer(id, says).await;
    }

    /// Answers a question beside the conversation, so that it can be called off.
    async fn start(&self, world: Arc<World>, method: String, id: Value, params: Value) {
        let key = id.to_string();
        let refused = {
            let running = lock(&self.running);
            match (running.contains_key(&key), running.len() >= N_RUNNING_MAX) {
                (true, _) => Some((NO_REQUEST, "a request with this id is being answered")),
                (_, true) => Some((FAILED, "too many questions at a time: ask again")),
                _ => None,
            }
        };
        if let Some((code, says)) = refused {
            return self.refuse(id, code, says).await;
        }
        let (running, sender, called) = (Arc::clone(&self.running), self.sender.clone(), key.clone());
        let mut all = lock(&self.running);
        let task = tokio::spawn(async move {
            let answer = match answers::answer(&world, &method, &params).await {
                Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
                Err(Refused::Params) => refusal(id, NO_PARAMS, "the parameters are not those of this method"),
                Err(Refused::Server(error)) => refusal(id, FAILED, &error.to_string()),
            };
            // Whoever takes it out answers: this, or the one who calls it off.
            if lock(&running).remove(&called).is_some() {
                let _ = sender.send(answer).await;
            }
        });
        all.insert(key, task.abort_handle());
    }

    fn notification(&mut self, method: &str, params: &Value) -> Option<Ended> {
        match (method, &self.world) {
            ("exit", _) => {
                return Some(if self.is_shut_down { Ended::Properly } else { Ended::Abruptly });
            }
            ("$/cancelRequest", _) => self.cancel(params.get("id")),
            ("textDocument/didOpen", Some(world)) => {
                let document = params.get("textDocument");
                let text = document.and_then(|document| document.get("text"));
                world.keep(uri_of(params), text.and_then(Value::as_str));
            }
            ("textDocument/didChange", Some(world)) => {
                let changes = params.get("contentChanges").and_then(Value::as_array);
                let last = changes.and_then(|changes| changes.last());
                // Whole texts were asked for; a change of a part would leave a text that is not the editor's.
                let whole = last.filter(|change| change.get("range").is_none());
                world.keep(
                    uri_of(params),
                    whole.and_then(|change| change.get("text")).and_then(Value::as_str),
                );
            }
            ("textDocument/didClose", Some(world)) => world.forget(uri_of(params)),
            _ => {}
        }
        None
    }

    fn cancel(&self, id: Option<&Value>) {
        let Some(id) = id else { return };
        let Some(task) = lock(&self.running).remove(&id.to_string()) else { return };
        task.abort();
        // Where nobody reads answers, one less is no loss.
        let _ = self.sender.try_send(refusal(id.clone(), CANCELLED, "it was called off"));
    }
}

fn refusal(id: Value, code: i64, says: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": says } })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address of the document that something is about.
pub(crate) fn uri_of(params: &Value) -> Option<&str> {
    params.get("textDocument")?.get("uri")?.as_str()
}

/// The file that an address means.
pub(crate) fn file_of(uri: &str) -> Option<PathBuf> {
    Url::parse(uri).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

impl World {
    /// Keeps an open text; without one, or without room for it, it is known to be open and no more.
    fn keep(&self, uri: Option<&str>, text: Option<&str>) {
        let Some(path) = uri.and_then(file_of) else { return };
        let key = key_of(&path);
        let mut texts = lock(&self.texts);
        texts.forget(&key);
        if texts.open.len() >= N_TEXTS_MAX {
            return;
        }
        let text = text.filter(|text| texts.n_bytes + text.len() <= TEXTS_BYTES_MAX).map(Arc::from);
        texts.n_bytes += text.as_ref().map_or(0, |text: &Arc<str>| text.len());
        texts.open.insert(key, text);
    }

    fn forget(&self, uri: Option<&str>) {
        if let Some(path) = uri.and_then(file_of) {
            lock(&self.texts).forget(&key_of(&path));
        }
    }

    /// What the editor shows of a file: its open text, else what the disk has.
    pub(crate) fn shown(&self, path: &Path) -> Option<String> {
        let open = lock(&self.texts).open.get(&key_of(path)).cloned();
        match open {
            Some(text) => text.map(|text| text.to_string()),
            None => on_disk(path),
        }
    }
}

/// One file has one key, however its address is written.
fn key_of(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    path.to_string_lossy().into_owned()
}

impl Texts {
    fn forget(&mut self, key: &str) {
        let gone = self.open.remove(key).flatten();
        self.n_bytes = self.n_bytes.saturating_sub(gone.map_or(0, |text| text.len()));
    }
}

impl Editor {
    fn of(params: &Value) -> Editor {
        let can = |path: &str| params.pointer(&format!("/capabilities/{path}"));
        let has = |path: &str, word: &str| {
            let list = can(path).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|one| one == word))
        };
        let folders = params.get("workspaceFolders").and_then(Value::as_array);
        let listed = folders.into_iter().flatten().filter_map(|folder| folder.get("uri")?.as_str());
        let root = params.get("rootUri").and_then(Value::as_str);
        let mut folders: Vec<PathBuf> = listed.chain(root).filter_map(file_of).collect();
        folders.dedup();
        folders.truncate(N_FOLDERS_MAX);
        Editor {
            columns: match has("general/positionEncodings", "utf-8") {
                true => Columns::Utf8,
                false => Columns::Utf16,
            },
            shows_virtual: can("workspace/textDocumentContent").is_some_and(Value::is_object),
            shows_markdown: has("textDocument/hover/contentFormat", "markdown"),
            folders,
        }
    }
}
