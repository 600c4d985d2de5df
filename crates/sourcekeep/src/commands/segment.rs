//! `sourcekeep segment …`

use crate::app::App;
use crate::cli::{SegmentCommand, SegmentInspectArgs};
use crate::failure::Outcome;
use crate::table;
use crate::terminal::{self, STRONG, harmless};
use ::index::{BlobIdx, BlobMeta, ChunkIdx, DocIdx, Granularity, OpenError, ReadError, RefTable, Segment};
use model::BlobFlags;
use ngram::GramQuery;
use serde_json::{Value, json};
use std::path::Path;

/// How many revisions and chunks are printed for people.
const ROWS_SHOWN: usize = 20;

pub(super) fn run(app: &App, command: SegmentCommand) -> anyhow::Result<Outcome> {
    let SegmentCommand::Inspect(args) = command;
    let json = app.common.json;
    match Segment::open(&args.file) {
        Ok(segment) => inspect_segment(&segment, &args, json),
        // It may be the other kind of file; what neither is, is told as the first said it.
        Err(error @ OpenError::NotOurs { .. }) => match RefTable::open(&args.file) {
            Ok(table) => inspect_ref_table(&table, &args, json),
            Err(OpenError::NotOurs { .. }) => Err(error.into()),
            Err(other) => Err(other.into()),
        },
        Err(error) => Err(error.into()),
    }
}

fn inspect_segment(segment: &Segment, args: &SegmentInspectArgs, json: bool) -> anyhow::Result<Outcome> {
    let grams = args.grams.iter().map(|text| gram(segment, text)).collect::<anyhow::Result<Vec<_>>>()?;
    let n_listed = args.blobs.min(segment.n_blobs());
    let blobs = (0..n_listed).map(|blob| segment.blob(BlobIdx(blob))).collect::<Result<Vec<_>, _>>()?;
    let chunks =
        (0..segment.n_chunks()).map(|chunk| segment.chunk(ChunkIdx(chunk))).collect::<Result<Vec<_>, _>>()?;
    let verified = args.verify.then(|| segment.verify());
    let definitions = match segment.symbols()? {
        Some(table) => Some((table.n_symbols(), table.size_bytes()?)),
        None => None,
    };
    if json {
        terminal::print_json(&json!({
            "file": args.file.display().to_string(),
            "kind": "segment",
            "format": ::index::FORMAT_VERSION,
            "id": hex(&segment.id().0),
            "codec": format!("{:?}", segment.codec()).to_lowercase(),
            "size_bytes": segment.size_bytes(),
            "text_bytes": segment.text_bytes(),
            "blobs": segment.n_blobs(),
            "blocks": segment.n_blocks(),
            "chunks": chunks.iter().map(|chunk| json!({
                "first_block": chunk.first_block.0, "blocks": chunk.n_blocks,
                "first_blob": chunk.first_blob.0, "blobs": chunk.n_blobs,
            })).collect::<Vec<_>>(),
            "sections": sections(&segment.section_lens()),
            "definitions": definitions.map(|(count, bytes)| json!({"count": count, "bytes": bytes})),
            "grams": grams.iter().map(|(text, n_blocks)| json!({"gram": text, "blocks": n_blocks})).collect::<Vec<_>>(),
            "listed": blobs.iter().map(blob_shape).collect::<Vec<_>>(),
            "sound": verified.as_ref().map(Result::is_ok),
        }));
        return Ok(outcome(verified));
    }
    print_head("segment", &args.file, &segment.id().0);
    let text_bytes = segment.text_bytes().max(1);
    let share = segment.size_bytes() as f64 / text_bytes as f64;
    fact("text", &terminal::size(segment.text_bytes()));
    fact("file", &format!("{} ({share:.3} × text)", terminal::size(segment.size_bytes())));
    fact("codec", &format!("{:?}", segment.codec()).to_lowercase());
    fact("blobs", &terminal::count(segment.n_blobs().into()));
    fact("blocks", &terminal::count(segment.n_blocks().into()));
    fact("chunks", &terminal::count(segment.n_chunks().into()));
    if let Some((n_symbols, bytes)) = definitions {
        let (many, size, share) = (count(n_symbols), terminal::size(bytes), bytes as f64 / text_bytes as f64);
        fact(
            "definitions",
            &format!("{many} in {size} ({share:.3} × text, posting lists of names included)"),
        );
    }
    print_sections(&segment.section_lens(), segment.size_bytes(), text_bytes);
    let rows = chunks.iter().enumerate().take(ROWS_SHOWN).map(|(number, chunk)| {
        let firsts = (chunk.first_block.0, chunk.first_blob.0);
        vec![
            number.to_string(),
            count(firsts.0),
            count(chunk.n_blocks),
            count(firsts.1),
            count(chunk.n_blobs),
        ]
    });
    titled(
        "Chunks",
        &["CHUNK", "FIRST BLOCK", "BLOCKS", "FIRST BLOB", "BLOBS"],
        &rows.collect::<Vec<_>>(),
        chunks.len(),
    );
    let rows: Vec<Vec<String>> =
        grams.iter().map(|(text, n_blocks)| vec![text.clone(), said(*n_blocks)]).collect();
    titled("Grams", &["GRAM", "BLOCKS"], &rows, rows.len());
    let rows: Vec<Vec<String>> = blobs.iter().enumerate().map(blob_row).collect();
    titled(
        "Blobs",
        &["BLOB", "ID", "SIZE", "TEXT", "BLOCKS", "LANGUAGE", "RANK", "NOTES"],
        &rows,
        rows.len(),
    );
    print_verified(verified.as_ref());
    Ok(outcome(verified))
}

fn inspect_ref_table(table: &RefTable, args: &SegmentInspectArgs, json: bool) -> anyhow::Result<Outcome> {
    let n_listed = args.blobs.min(table.n_docs());
    let docs = (0..n_listed).map(|doc| document(table, DocIdx(doc))).collect::<Result<Vec<_>, _>>()?;
    let verified = args.verify.then(|| table.verify());
    if json {
        terminal::print_json(&json!({
            "file": args.file.display().to_string(),
            "kind": "ref table",
            "format": ::index::FORMAT_VERSION,
            "size_bytes": table.size_bytes(),
            "segments": table.segments().iter().map(|id| hex(&id.0)).collect::<Vec<_>>(),
            "documents": table.n_docs(),
            "groups": table.n_groups(),
            "revision_sets": table.n_sets(),
            "default_revision": table.default_revision().map(|revision| revision.0),
            "revisions": table.revisions().iter().map(|revision| json!({
                "commit": revision.commit.to_string(),
                "commit_time": revision.commit_time,
                "refs": revision.refs.iter().map(|name| name.as_str()).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
            "listed": docs.iter().map(|row| json!(row)).collect::<Vec<_>>(),
            "sound": verified.as_ref().map(Result::is_ok),
        }));
        return Ok(outcome(verified));
    }
    terminal::print_line(format_args!(
        "{STRONG}ref table{STRONG:#} {}",
        harmless(&args.file.display().to_string())
    ));
    fact("file", &terminal::size(table.size_bytes()));
    fact("documents", &terminal::count(table.n_docs().into()));
    fact("groups of paths", &terminal::count(table.n_groups().into()));
    fact("revisions", &terminal::count(table.revisions().len() as u64));
    fact("sets of revisions", &terminal::count(table.n_sets().into()));
    let rows: Vec<Vec<String>> = table
        .segments()
        .iter()
        .enumerate()
        .map(|(ordinal, id)| vec![ordinal.to_string(), hex(&id.0)])
        .collect();
    titled("Segments", &["ORDINAL", "ID"], &rows, rows.len());
    let default = table.default_revision();
    let rows = table.revisions().iter().zip(0u32..).take(ROWS_SHOWN).map(|(revision, number)| {
        let names: Vec<&str> = revision.refs.iter().map(|name| name.short()).collect();
        let mark = if default.is_some_and(|default| default.0 == number) { " (default)" } else { "" };
        vec![format!("{number}{mark}"), revision.commit.to_string(), names.join(" ")]
    });
    titled("Revisions", &["REVISION", "COMMIT", "REFS"], &rows.collect::<Vec<_>>(), table.revisions().len());
    titled("Documents", &["PATH", "KIND", "SEGMENT", "BLOB", "LANGUAGE", "REVISIONS"], &docs, docs.len());
    print_verified(verified.as_ref());
    Ok(outcome(verified))
}

/// In how many blocks a text of two or three bytes occurs; `None` where no list is kept because nearly all do.
fn gram(segment: &Segment, text: &str) -> anyhow::Result<(String, Option<u64>)> {
    let query = GramQuery::literal(text.as_bytes());
    if !matches!(query, GramQuery::Gram(_) | GramQuery::Bigram(_)) {
        anyhow::bail!("'{}' is no gram: give two or three bytes without a newline", harmless(text));
    }
    let prepared = segment.prepare(&query, Granularity::Block)?;
    let n_blocks = match (prepared.is_nothing(), prepared.is_anything()) {
        (true, _) => Some(0),
        (_, true) => None,
        _ => Some(prepared.n_blocks_max()),
    };
    Ok((text.to_owned(), n_blocks))
}

fn document(table: &RefTable, doc_idx: DocIdx) -> Result<Vec<String>, ReadError> {
    let doc = table.doc(doc_idx)?;
    let mut path = Vec::new();
    table.path(doc_idx, &mut path)?;
    let place = doc.blob.map(|(segment, blob)| (segment.0.to_string(), blob.0.to_string()));
    let (segment, blob) = place.unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
    let revisions: Vec<String> = table
        .set_revisions(doc.revisions)?
        .iter()
        .take(ROWS_SHOWN)
        .map(|revision| revision.0.to_string())
        .collect();
    Ok(vec![
        String::from_utf8_lossy(&path).into_owned(),
        format!("{:?}", doc.kind).to_lowercase(),
        segment,
        blob,
        syntax::language_name(doc.language).unwrap_or("-").to_owned(),
        revisions.join(" "),
    ])
}

fn blob_row((number, blob): (usize, &BlobMeta)) -> Vec<String> {
    vec![
        number.to_string(),
        blob.oid.to_string(),
        terminal::size(blob.size),
        terminal::size(blob.text_len),
        count(blob.n_blocks),
        syntax::language_name(blob.language).unwrap_or("-").to_owned(),
        blob.rank.to_string(),
        notes(blob).join(" "),
    ]
}

fn blob_shape(blob: &BlobMeta) -> Value {
    json!({
        "id": blob.oid.to_string(),
        "size_bytes": blob.size,
        "text_bytes": blob.text_len,
        "first_block": blob.first_block.0,
        "blocks": blob.n_blocks,
        "language": syntax::language_name(blob.language),
        "rank": blob.rank,
        "notes": notes(blob),
    })
}

fn notes(blob: &BlobMeta) -> Vec<&'static str> {
    let flags = [
        (BlobFlags::GENERATED, "generated"),
        (BlobFlags::MINIFIED, "minified"),
        (BlobFlags::TRANSCODED, "transcoded"),
    ];
    let mut notes: Vec<&str> =
        flags.iter().filter(|(flag, _)| blob.flags.contains(*flag)).map(|(_, word)| *word).collect();
    notes.extend(blob.skip.map(|reason| reason.as_str()));
    notes
}

fn print_head(kind: &str, file: &Path, id: &[u8]) {
    let file = file.display().to_string();
    terminal::print_line(format_args!("{STRONG}{kind}{STRONG:#} {}", harmless(&file)));
    fact("id", &hex(id));
    fact("format", &::index::FORMAT_VERSION.to_string());
}

fn fact(name: &str, value: &str) {
    terminal::print_line(format_args!("  {name:<18}{value}"));
}

fn print_sections(sections: &[(&'static str, u64)], file_bytes: u64, text_bytes: u64) {
    let percent = |bytes: u64, of: u64| format!("{:.1} %", bytes as f64 * 100.0 / of.max(1) as f64);
    let row = |(name, bytes): &(&str, u64)| {
        vec![
            (*name).to_owned(),
            terminal::count(*bytes),
            percent(*bytes, file_bytes),
            percent(*bytes, text_bytes),
        ]
    };
    let rows: Vec<Vec<String>> = sections.iter().map(row).collect();
    titled("Sections", &["SECTION", "BYTES", "OF FILE", "OF TEXT"], &rows, rows.len());
}

fn sections(sections: &[(&'static str, u64)]) -> Vec<Value> {
    sections.iter().map(|(name, bytes)| json!({"name": name, "bytes": bytes})).collect()
}

/// A table under a heading; nothing where it has no rows. Says how many rows are missing.
fn titled(heading: &str, columns: &[&str], rows: &[Vec<String>], n_rows: usize) {
    if rows.is_empty() {
        return;
    }
    terminal::print_line(format_args!("\n{STRONG}{heading}{STRONG:#}"));
    table::print(columns, rows);
    if n_rows > rows.len() {
        terminal::print_line(format_args!(
            "and {} more; --json has them",
            terminal::count((n_rows - rows.len()) as u64)
        ));
    }
}

fn print_verified(verified: Option<&Result<(), ReadError>>) {
    match verified {
        Some(Ok(())) => terminal::print_line("\nEvery checksum is right."),
        Some(Err(error)) => terminal::error(&error.to_string()),
        None => {}
    }
}

fn outcome(verified: Option<Result<(), ReadError>>) -> Outcome {
    if verified.is_some_and(|verified| verified.is_err()) { Outcome::Failed } else { Outcome::Done }
}

fn count(number: u32) -> String {
    terminal::count(number.into())
}

fn said(n_blocks: Option<u64>) -> String {
    n_blocks.map_or_else(|| "nearly all: no list".to_owned(), terminal::count)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
