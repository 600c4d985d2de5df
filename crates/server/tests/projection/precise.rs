//! Precise indexes of the worlds: each says of every file with the word where it leads: to definitions in hidden repositories and
//! at hidden paths, too.

use crate::spec::Repo;
use crate::world::name;
use model::{AccessSet, ObjectId};
use protobuf::{EnumOrUnknown, Message};
use scip::types;
use server::Deps;
use store::NewPrecise;
use tokio_util::sync::CancellationToken;
use uploads::UploadWorker;

/// What all repositories use in their code, and hidden ones define.
const COMMON: &str = "t npm common 1.0.0 `only`/needle().";
const DEFINITION: i32 = 1;

/// What an index says of a repository's files; `None` where it says nothing.
fn index(repo: &Repo) -> Option<Vec<u8>> {
    let own = format!("t npm own-{} 1.0.0 `keys`/needle().", repo.name.replace('/', "-"));
    let documents: Vec<_> = repo.files.iter().filter_map(|(path, text)| document(&own, path, text)).collect();
    if documents.is_empty() {
        return None;
    }
    let tool = types::ToolInfo { name: "scip-test".into(), version: "7".into(), ..Default::default() };
    let metadata = types::Metadata { tool_info: Some(tool).into(), ..Default::default() };
    let index = types::Index { metadata: Some(metadata).into(), documents, ..Default::default() };
    Some(index.write_to_bytes().unwrap())
}

/// Of code the common symbol, of texts the repository's own; defined in what is hidden.
fn document(own: &str, path: &str, text: &str) -> Option<types::Document> {
    let (line, start) = text.lines().enumerate().find_map(|(n, line)| Some((n, line.find("needle")?)))?;
    let is_code = [".py", ".c", ".zig"].iter().any(|ending| path.ends_with(ending));
    let is_hidden = path.ends_with(".zig") || path.ends_with(".pem");
    let symbol = if is_code { COMMON } else { own };
    let occurrence = types::Occurrence {
        range: vec![line as i32, start as i32, start as i32 + 6],
        symbol: symbol.into(),
        symbol_roles: if is_hidden { DEFINITION } else { 0 },
        ..Default::default()
    };
    let said = types::SymbolInformation {
        symbol: symbol.into(),
        documentation: vec![format!("Said in {path}: hidden words.")],
        ..Default::default()
    };
    Some(types::Document {
        relative_path: path.into(),
        occurrences: vec![occurrence],
        symbols: if is_hidden { vec![said] } else { Vec::new() },
        position_encoding: EnumOrUnknown::new(types::PositionEncoding::UTF8CodeUnitOffsetFromLineStart),
        ..Default::default()
    })
}

/// Uploads an index of the head of a repository's default branch, unless it would be empty.
pub(crate) async fn upload(deps: &Deps, all: &AccessSet, repo: &Repo, head: ObjectId) {
    let Some(index) = index(repo) else { return };
    let row = deps.store.repository_by_name(all, &name(&repo.name)).await.unwrap().unwrap();
    let new = NewPrecise {
        repo: row.id,
        commit: head,
        root: String::new(),
        indexer: "scip-test".into(),
        indexer_version: "7".into(),
        n_parts: 1,
        uploaded_by: None,
    };
    let mut part = deps.uploads.receive(None).await.unwrap();
    part.write(&index).await.unwrap();
    deps.uploads.whole(new, part).await.unwrap();
    UploadWorker::new(&deps.uploads).drain(&CancellationToken::new()).await.unwrap();
}
