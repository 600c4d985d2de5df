//! Questions of the editor, and what the server says to them.

use crate::checkout::Checkout;
use crate::document::Carried;
use crate::server::{ServerError, escaped};
use crate::session::{Editor, Refused, World, file_of, uri_of};
use crate::shapes::{as_markdown, in_fence, list, number, symbol_kind, text};
use model::ObjectId;
use precise::Columns;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};
use url::Url;

/// What is answered beside the conversation itself.
pub(crate) const METHODS: [&str; 7] = [
    "textDocument/definition",
    "textDocument/implementation",
    "textDocument/references",
    "textDocument/hover",
    "textDocument/documentSymbol",
    "workspace/symbol",
    "workspace/textDocumentContent",
];

/// References that are asked for.
const N_REFERENCES_MAX: usize = 1_000;
/// Symbols that are asked for, in each place.
const N_SYMBOLS_MAX: usize = 100;
/// Longest word that symbols are looked for by.
const WORD_BYTES_MAX: usize = 200;
/// The scheme of texts that are on the server alone.
const SCHEME: &str = "sourcekeep";

/// What this server says it can do.
pub(crate) fn capabilities(editor: &Editor, version: &str) -> Value {
    let encoding = if editor.columns == Columns::Utf8 { "utf-8" } else { "utf-16" };
    let mut says = json!({
        "capabilities": {
            "positionEncoding": encoding,
            "textDocumentSync": { "openClose": true, "change": 1 },
            "definitionProvider": true,
            "implementationProvider": true,
            "referencesProvider": true,
            "hoverProvider": true,
            "documentSymbolProvider": true,
            "workspaceSymbolProvider": true,
        },
        "serverInfo": { "name": "sourcekeep", "version": version },
    });
    if editor.shows_virtual {
        says["capabilities"]["workspace"] = json!({ "textDocumentContent": { "schemes": [SCHEME] } });
    }
    says
}

/// Answers a question.
pub(crate) async fn answer(world: &World, method: &str, params: &Value) -> Result<Value, Refused> {
    match method {
        "workspace/symbol" => return symbols(world, params).await,
        "workspace/textDocumentContent" => return content(world, params).await,
        _ => {}
    }
    let path = uri_of(params).ok_or(Refused::Params)?;
    let Some(asked) = Asked::about(world, path).await? else { return Ok(Value::Null) };
    if method == "textDocument/documentSymbol" {
        return asked.outline().await;
    }
    let position = params.get("position").ok_or(Refused::Params)?;
    let at = |key: &str| position.get(key).and_then(number).ok_or(Refused::Params);
    let (line, column) = (at("line")?, at("character")?);
    let Some((line, byte)) = asked.carried.to_commit(line, column, world.editor.columns) else {
        return Ok(Value::Null);
    };
    let place = format!("line={}&column={byte}", line + 1);
    match method {
        "textDocument/hover" => asked.hover(&place).await,
        "textDocument/references" => {
            let declared = params.pointer("/context/includeDeclaration").and_then(Value::as_bool);
            asked.references(&place, declared.unwrap_or(true)).await
        }
        "textDocument/implementation" => {
            let answer = asked.ask("implementations", &place).await?;
            Ok(asked.locations(&answer, &["implementations"]).await)
        }
        _ => {
            let answer = asked.ask("definition", &place).await?;
            Ok(asked.locations(&answer, &["definitions"]).await)
        }
    }
}

/// A file that is asked about.
struct Asked<'w> {
    world: &'w World,
    checkout: Checkout,
    path: String,
    file: PathBuf,
    carried: Carried,
}

impl<'w> Asked<'w> {
    /// `None` where the server has nothing of it.
    async fn about(world: &'w World, uri: &str) -> Result<Option<Asked<'w>>, Refused> {
        // A link may lead out of the checkout: what it leads to counts.
        let Some(file) = file_of(uri).and_then(|file| file.canonicalize().ok()) else { return Ok(None) };
        let Some(checkout) = world.checkouts.around(&world.server, &file).await? else { return Ok(None) };
        let Some(path) = checkout.path_of(&file) else { return Ok(None) };
        let Some(committed) = checkout.committed(checkout.commit, &path) else { return Ok(None) };
        let Some(shown) = world.shown(&file) else { return Ok(None) };
        Ok(Some(Asked { world, checkout, path, file, carried: Carried::new(shown, committed) }))
    }

    /// An answer; what is not there is nothing.
    async fn ask(&self, what: &str, query: &str) -> Result<Value, ServerError> {
        let target = format!("{}?{query}", self.checkout.resource(what, &self.path));
        match self.world.server.ask(&target).await {
            Err(ServerError::NotFound) => Ok(Value::Null),
            answer => answer,
        }
    }

    async fn hover(&self, place: &str) -> Result<Value, Refused> {
        let answer = self.ask("hover", place).await?;
        let (signature, documentation) = (text(&answer, "signature"), text(&answer, "documentation"));
        if signature.is_empty() && documentation.is_empty() {
            return Ok(Value::Null);
        }
        let definition = answer.get("definition").unwrap_or(&Value::Null);
        let says = match answer.pointer("/precise/says").and_then(Value::as_str) {
            Some(says) => says.to_owned(),
            None => how_told(text(definition, "how")).to_owned(),
        };
        let is_markdown = self.world.editor.shows_markdown;
        let parts = match is_markdown {
            true => [
                in_fence(signature, text(&answer, "language")),
                as_markdown(documentation),
                as_markdown(&says),
            ],
            false => [signature.to_owned(), documentation.to_owned(), says],
        };
        let is_empty = [signature.is_empty(), documentation.is_empty(), false];
        let parts = parts.into_iter().zip(is_empty).filter(|(part, is_empty)| !is_empty && !part.is_empty());
        let value = parts.map(|(part, _)| part).collect::<Vec<_>>().join("\n\n");
        Ok(
            json!({ "contents": { "kind": if is_markdown { "markdown" } else { "plaintext" }, "value": value } }),
        )
    }

    async fn references(&self, place: &str, is_declaration: bool) -> Result<Value, Refused> {
        let query = format!("{place}&everywhere=1&limit={N_REFERENCES_MAX}");
        let mut answer = self.ask("references", &query).await?;
        if let Some(references) = answer.get_mut("references").and_then(Value::as_array_mut) {
            references.retain(|one| is_declaration || text(one, "kind") != "definition");
        }
        let lists: &[&str] = if is_declaration { &["definitions", "references"] } else { &["references"] };
        Ok(self.locations(&answer, lists).await)
    }

    /// The places of an answer: those that lead there, or, where none does, those that have the same name.
    async fn locations(&self, answer: &Value, lists: &[&str]) -> Value {
        let mut finder = Finder::new(self.world, vec![self.checkout.clone()]);
        let all: Vec<&Value> = lists.iter().flat_map(|key| list(answer, key)).collect();
        let is_guess = |place: &&Value| matches!(text(place, "how"), "name" | "same-name" | "not-looked");
        let (guessed, sure): (Vec<&Value>, Vec<&Value>) = all.into_iter().partition(is_guess);
        let mut locations: Vec<Value> = Vec::new();
        for place in if sure.is_empty() { guessed } else { sure } {
            if let Some(location) = finder.location(place, self.checkout.commit).await
                && !locations.contains(&location)
            {
                locations.push(location);
            }
        }
        Value::Array(locations)
    }

    async fn outline(&self) -> Result<Value, Refused> {
        let answer = self.ask("outline", "").await?;
        let uri = Url::from_file_path(&self.file).map_err(|()| Refused::Params)?;
        let columns = self.world.editor.columns;
        let symbol = |one: &Value| {
            let line = number(one.get("line")?)?.checked_sub(1)?;
            let last =
                one.get("end_line").and_then(number).map_or(line, |last| last.saturating_sub(1)).max(line);
            let start = self.carried.to_shown(line, 0, columns)?;
            let end = |line| self.carried.to_shown(line, self.carried.length(line)?, columns);
            let end = end(last).filter(|end| *end >= start).or_else(|| end(line))?;
            Some(json!({
                "name": text(one, "name"),
                "kind": symbol_kind(text(one, "kind")),
                "containerName": one.get("container").filter(|container| container.is_string()),
                "location": { "uri": uri.as_str(), "range": range(start, end) },
            }))
        };
        Ok(list(&answer, "symbols").iter().filter_map(symbol).collect())
    }
}

/// How sure something is, in words, where no index of a compiler answered.
fn how_told(how: &str) -> &'static str {
    match how {
        "precise" => "precise",
        "scope" => "in scope",
        "import" => "by import",
        "receiver" => "by type of the receiver",
        "name" => "by name",
        _ => "",
    }
}

fn range(start: (u32, u32), end: (u32, u32)) -> Value {
    let position = |(line, character): (u32, u32)| json!({ "line": line, "character": character });
    json!({ "start": position(start), "end": position(end) })
}

/// Turns places of answers into locations; each text is read once for an answer.
struct Finder<'w> {
    world: &'w World,
    checkouts: Vec<Checkout>,
    carried: HashMap<(PathBuf, ObjectId), Option<Carried>>,
    elsewhere: HashMap<String, Option<String>>,
}

impl<'w> Finder<'w> {
    fn new(world: &'w World, checkouts: Vec<Checkout>) -> Self {
        Finder { world, checkouts, carried: HashMap::new(), elsewhere: HashMap::new() }
    }

    /// A place as the editor can go there; `None` where its line was changed in the checkout.
    async fn location(&mut self, place: &Value, commit: ObjectId) -> Option<Value> {
        let line = number(place.get("line")?)?.checked_sub(1)?;
        let column = |idx: usize| place.get("range").and_then(|range| range.get(idx)).and_then(number);
        let (start, end) = (column(0).unwrap_or(0), column(1).or(column(0)).unwrap_or(0));
        let is_of = |checkout: &&Checkout| checkout.repo == text(place, "repo");
        match self.checkouts.iter().find(is_of).cloned() {
            Some(checkout) => self.here(&checkout, place, commit, line, (start, end)),
            None => self.elsewhere(place, line, (start, end)).await,
        }
    }

    fn here(
        &mut self,
        checkout: &Checkout,
        place: &Value,
        commit: ObjectId,
        line: u32,
        bytes: (u32, u32),
    ) -> Option<Value> {
        let path = text(place, "path");
        // What the server says is not trusted to stay inside.
        let is_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || !is_inside {
            return None;
        }
        let file = checkout.root.join(path);
        let (world, columns) = (self.world, self.world.editor.columns);
        let carried = self.carried.entry((file.clone(), commit));
        let carried = carried
            .or_insert_with(|| Some(Carried::new(world.shown(&file)?, checkout.committed(commit, path)?)))
            .as_ref()?;
        // A symbol of a search has a name and no column.
        let bytes = match carried.find(line, text(place, "name")) {
            Some(found) if place.get("range").is_none() => found,
            _ => bytes,
        };
        let ends = (carried.to_shown(line, bytes.0, columns)?, carried.to_shown(line, bytes.1, columns)?);
        let uri = Url::from_file_path(&file).ok()?;
        Some(json!({ "uri": uri.as_str(), "range": range(ends.0, ends.1) }))
    }

    /// What is not in a checkout: a text that the editor asks for, or the page on the server.
    async fn elsewhere(&mut self, place: &Value, line: u32, bytes: (u32, u32)) -> Option<Value> {
        let page = text(place, "url");
        if !page.starts_with("/r/") {
            return None;
        }
        if !self.world.editor.shows_virtual {
            return Some(
                json!({ "uri": self.world.server.page(page), "range": range((line, 0), (line, 0)) }),
            );
        }
        let address = page.split(['?', '#']).next().unwrap_or_default().to_owned();
        let columns = self.world.editor.columns;
        if columns != Columns::Utf8 && !self.elsewhere.contains_key(&address) {
            let found = read(self.world, &address).await.ok();
            self.elsewhere.insert(address.clone(), found);
        }
        let convert = |byte: u32| match columns {
            Columns::Utf8 => Some(byte),
            columns => {
                let known = self.elsewhere.get(&address)?.as_ref()?;
                columns.from_bytes(crate::document::line_of(known, line)?, byte)
            }
        };
        let (start, end) = (convert(bytes.0).unwrap_or(0), convert(bytes.1).unwrap_or(0));
        Some(json!({ "uri": format!("{SCHEME}://{address}"), "range": range((line, start), (line, end)) }))
    }
}

/// The text of a page's file.
async fn read(world: &World, page: &str) -> Result<String, ServerError> {
    let address = page.strip_prefix("/r/").filter(|address| !address.contains(['?', '#', '\\']));
    let parts = address.and_then(|address| address.split_once("/-/blob/"));
    let (repo, path) = parts.ok_or(ServerError::NotFound)?;
    let is_inside = |part: &str| part.split('/').all(|name| !matches!(name, "" | "." | ".."));
    if !is_inside(repo) || !is_inside(path) {
        return Err(ServerError::NotFound);
    }
    let bytes = world.server.get(&format!("/api/v1/repos/{repo}/-/raw/{path}"), "*/*").await?;
    String::from_utf8(bytes).map_err(|_| ServerError::NotFound)
}

async fn content(world: &World, params: &Value) -> Result<Value, Refused> {
    let uri = params.get("uri").and_then(Value::as_str).ok_or(Refused::Params)?;
    let page = uri.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix("://")).ok_or(Refused::Params)?;
    Ok(json!({ "text": read(world, page).await? }))
}

/// Symbols of the workspace's repositories first, then of all that may be read.
async fn symbols(world: &World, params: &Value) -> Result<Value, Refused> {
    let word = params.get("query").and_then(Value::as_str).ok_or(Refused::Params)?;
    let word: String = word.chars().filter(|c| !c.is_control()).collect();
    if word.trim().is_empty() || word.len() > WORD_BYTES_MAX {
        return Ok(json!([]));
    }
    let mut checkouts: Vec<Checkout> = Vec::new();
    for folder in &world.editor.folders {
        let found = world.checkouts.around(&world.server, folder).await?;
        checkouts.extend(found.filter(|one| checkouts.iter().all(|other| other.root != one.root)));
    }
    let repos = checkouts.iter().map(|checkout| format!("repo:^{}$ ", pattern(&checkout.repo)));
    let scopes: Vec<String> = repos.chain([String::new()]).collect();
    let (mut finder, mut seen, mut found) = (Finder::new(world, checkouts), HashSet::new(), Vec::new());
    for scope in scopes {
        let query =
            format!("{scope}type:symbol patterntype:regexp count:{N_SYMBOLS_MAX} {}", pattern(word.trim()));
        let target =
            format!("/api/v1/search?limit={N_SYMBOLS_MAX}&q={}", escaped(&query).replace('/', "%2F"));
        let answer = world.server.ask(&target).await?;
        for one in list(&answer, "matches").iter().filter(|one| text(one, "kind") == "symbol") {
            let place = [text(one, "repo"), text(one, "path"), text(one, "name")].map(str::to_owned);
            if !seen.insert((place, one.get("line").cloned())) {
                continue;
            }
            let Ok(commit) = ObjectId::from_hex(text(one, "commit")) else { continue };
            if let Some(location) = finder.location(one, commit).await {
                found.push(json!({
                    "name": text(one, "name"),
                    "kind": symbol_kind(text(one, "symbol_kind")),
                    "containerName": text(one, "container"),
                    "location": location,
                }));
            }
        }
    }
    Ok(Value::Array(found))
}

/// A text as a regular expression in the query language that finds just it.
fn pattern(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        match character {
            '_' | '-' => pattern.push(character),
            c if c.is_alphanumeric() => pattern.push(c),
            c => pattern.push_str(&format!("\\x{{{:x}}}", u32::from(c))),
        }
    }
    pattern
}
