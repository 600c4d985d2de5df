//! Makes SCIP indexes, and takes them in.

use precise::{Index, IngestError, IngestLimits, Stop, Summary, ingest};
use protobuf::{EnumOrUnknown, Message};
use scip::types;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

pub(crate) fn occurrence(range: &[i32], symbol: &str, roles: i32) -> types::Occurrence {
    types::Occurrence {
        range: range.to_vec(),
        symbol: symbol.into(),
        symbol_roles: roles,
        ..Default::default()
    }
}

pub(crate) fn document(path: &str, occurrences: Vec<types::Occurrence>) -> types::Document {
    types::Document {
        relative_path: path.into(),
        occurrences,
        position_encoding: EnumOrUnknown::new(types::PositionEncoding::UTF8CodeUnitOffsetFromLineStart),
        ..Default::default()
    }
}

pub(crate) fn information(symbol: &str, words: &str) -> types::SymbolInformation {
    types::SymbolInformation {
        symbol: symbol.into(),
        documentation: vec![words.into()],
        ..Default::default()
    }
}

pub(crate) fn scip_index(documents: Vec<types::Document>) -> types::Index {
    let tool = types::ToolInfo { name: "test-indexer".into(), version: "1".into(), ..Default::default() };
    let metadata = types::Metadata { tool_info: Some(tool).into(), ..Default::default() };
    types::Index { metadata: Some(metadata).into(), documents, ..Default::default() }
}

/// A folder with indexes in it.
pub(crate) struct Taken {
    pub(crate) folder: tempfile::TempDir,
}

impl Taken {
    pub(crate) fn new() -> Taken {
        Taken { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.folder.path().join(format!("{id}.precise"))
    }

    pub(crate) fn bytes(
        &self,
        id: &str,
        mut bytes: &[u8],
        limits: &IngestLimits,
    ) -> Result<Summary, IngestError> {
        let cancel = AtomicBool::new(false);
        ingest(&mut bytes, &self.path(id), [7; 16], limits, Stop { cancel: &cancel, deadline: None })
    }

    pub(crate) fn take(&self, id: &str, index: &types::Index, limits: &IngestLimits) -> Summary {
        let bytes = index.write_to_bytes().expect("it can be written");
        self.bytes(id, &bytes, limits).expect("it is taken in")
    }

    pub(crate) fn open(&self, id: &str) -> Index {
        let index = Index::open(&self.path(id)).expect("it opens");
        index.verify().expect("it is sound");
        index
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("it is there");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}
