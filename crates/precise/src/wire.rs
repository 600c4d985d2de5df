//! Reads the messages of SCIP from a stream, the outer ones field by field.

use crate::document::DocumentBuilder;
use crate::information::Ways;
use crate::ingest::Builder;
use crate::limits::{
    INFORMATION_BYTES_MAX, METADATA_BYTES_MAX, OCCURRENCE_BYTES_MAX, PATH_BYTES_MAX, RELATIONSHIPS_MAX,
};
use crate::range::{Columns, Span};
use crate::{IngestError, IngestLimits, Stop};
use protobuf::{CodedInputStream, Message};
use scip::types;
use scip::types::occurrence::{Typed_enclosing_range, Typed_range};
use std::io::{self, Read};

/// Symbols of other packages that are kept together.
const EXTERNAL_LEN: u32 = 4096;

/// Reads the whole index, and returns how many bytes it had.
pub(crate) fn read_index(
    input: &mut (dyn Read + Send),
    limits: &IngestLimits,
    stop: &Stop<'_>,
    builder: &mut Builder<'_>,
) -> Result<u64, IngestError> {
    let mut counted = Counted { input, n_read: 0, failure: None, limit: limits.input_bytes_max };
    let outcome = {
        let mut stream = CodedInputStream::new(&mut counted);
        let read = Reading { stream: &mut stream, stop, n_steps: 0 }.index(builder);
        read.map(|()| stream.pos())
    };
    // What the source of the bytes said is the cause of what the parser says.
    match counted.failure {
        Some(failure) => Err(failure),
        None => outcome,
    }
}

/// Counts, and keeps the error that the parser would wrap.
struct Counted<'a> {
    input: &'a mut (dyn Read + Send),
    n_read: u64,
    failure: Option<IngestError>,
    limit: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.input.read(buffer);
        match outcome {
            Ok(n_read) => self.n_read += n_read as u64,
            Err(source) if source.kind() == io::ErrorKind::Interrupted => return Err(source),
            Err(source) => {
                let kind = source.kind();
                self.failure.get_or_insert(match kind {
                    io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::UnexpectedEof => IngestError::malformed(self.n_read, source.to_string()),
                    _ => IngestError::Io { source },
                });
                return Err(kind.into());
            }
        }
        if self.n_read > self.limit {
            self.failure.get_or_insert(IngestError::TooMuch { what: "bytes", limit: self.limit });
            return Err(io::ErrorKind::InvalidData.into());
        }
        outcome
    }
}

struct Reading<'a, 'b> {
    stream: &'a mut CodedInputStream<'b>,
    stop: &'a Stop<'a>,
    n_steps: u32,
}

impl Reading<'_, '_> {
    fn index(&mut self, builder: &mut Builder<'_>) -> Result<(), IngestError> {
        let mut external = DocumentBuilder::default();
        while let Some((field, wire)) = self.tag()? {
            match (field, wire) {
                (1, 2) => {
                    let metadata =
                        self.message::<types::Metadata>("bytes of metadata", METADATA_BYTES_MAX)?;
                    builder.metadata(&metadata);
                }
                (2, 2) => self.document(builder)?,
                (3, 2) => {
                    self.information(&mut external, builder)?;
                    if external.n_symbols().max(external.n_related()) >= EXTERNAL_LEN {
                        builder.document(std::mem::take(&mut external))?;
                    }
                }
                (field, wire) => self.skip(field, wire)?,
            }
            self.step()?;
        }
        if external.n_symbols() > 0 {
            builder.document(external)?;
        }
        Ok(())
    }

    fn document(&mut self, builder: &mut Builder<'_>) -> Result<(), IngestError> {
        let len = self.len("bytes in one document", builder.limits.document_bytes_max)?;
        let outer = self.stream.push_limit(len).map_err(|error| self.malformed(error))?;
        let mut document = DocumentBuilder::default();
        while let Some((field, wire)) = self.tag()? {
            match (field, wire) {
                (1, 2) => document.path = self.path()?,
                (2, 2) => self.occurrence(&mut document, builder)?,
                (3, 2) => self.information(&mut document, builder)?,
                (6, 0) => {
                    let number = self.stream.read_raw_varint32().map_err(|error| self.malformed(error))?;
                    document.columns = u8::try_from(number).ok().and_then(Columns::from_number);
                }
                (field, wire) => self.skip(field, wire)?,
            }
            self.step()?;
        }
        self.end(outer)?;
        check_path(&document.path)?;
        builder.document(document)
    }

    fn occurrence(
        &mut self,
        document: &mut DocumentBuilder,
        builder: &mut Builder<'_>,
    ) -> Result<(), IngestError> {
        let message = self.message::<types::Occurrence>("bytes in one occurrence", OCCURRENCE_BYTES_MAX)?;
        if message.symbol.is_empty() {
            // It only says how to colour the text.
            return Ok(());
        }
        let limit = builder.limits.n_document_occurrences_max;
        if document.rows.len() >= limit as usize {
            return Err(IngestError::TooMuch {
                what: "occurrences in one document",
                limit: u64::from(limit),
            });
        }
        let span = span(&message);
        let symbol = span.and_then(|_| document.symbol(&message.symbol));
        match (span, symbol) {
            (Some(span), Some(symbol)) => {
                let roles = message.symbol_roles.max(0) as u32;
                document.occurrence(span, symbol, roles, enclosing(&message));
            }
            _ => builder.summary.n_left_out += 1,
        }
        Ok(())
    }

    fn information(
        &mut self,
        document: &mut DocumentBuilder,
        builder: &mut Builder<'_>,
    ) -> Result<(), IngestError> {
        let limit = INFORMATION_BYTES_MAX;
        let message = self.message::<types::SymbolInformation>("bytes about one symbol", limit)?;
        let Some(symbol) = document.symbol(&message.symbol) else { return Ok(()) };
        let (place, is_cut) = builder.infos.push(&message)?;
        builder.summary.n_cut += u64::from(is_cut);
        document.information(symbol, place);
        let limit = builder.limits.n_document_occurrences_max;
        if document.n_related().max(document.n_symbols()) >= limit {
            let what = "symbols and relationships in one document";
            return Err(IngestError::TooMuch { what, limit: u64::from(limit) });
        }
        for relationship in message.relationships.iter().take(RELATIONSHIPS_MAX) {
            if let Some(target) = document.symbol(&relationship.symbol) {
                document.related(target, Ways::of(relationship), symbol);
            }
        }
        Ok(())
    }

    fn path(&mut self) -> Result<String, IngestError> {
        let len = self.len("bytes in one path", PATH_BYTES_MAX as u64)?;
        let bytes = self.stream.read_raw_bytes(len as u32).map_err(|error| self.malformed(error))?;
        String::from_utf8(bytes)
            .map_err(|_| IngestError::malformed(self.stream.pos(), "a path is not valid UTF-8"))
    }

    fn message<M: Message>(&mut self, what: &'static str, limit: u64) -> Result<M, IngestError> {
        let len = self.len(what, limit)?;
        let outer = self.stream.push_limit(len).map_err(|error| self.malformed(error))?;
        let mut message = M::new();
        message.merge_from(self.stream).map_err(|error| self.malformed(error))?;
        self.end(outer)?;
        Ok(message)
    }

    /// Ends a message. The parser takes the end of the input for the end of every message that is open.
    fn end(&mut self, outer: u64) -> Result<(), IngestError> {
        if self.stream.bytes_until_limit() > 0 {
            return Err(IngestError::malformed(self.stream.pos(), "it ends inside of a message"));
        }
        self.stream.pop_limit(outer);
        Ok(())
    }

    fn tag(&mut self) -> Result<Option<(u32, u32)>, IngestError> {
        let tag = self.stream.read_raw_tag_or_eof().map_err(|error| self.malformed(error))?;
        Ok(tag.map(|tag| (tag >> 3, tag & 7)))
    }

    fn len(&mut self, what: &'static str, limit: u64) -> Result<u64, IngestError> {
        let len = self.stream.read_raw_varint64().map_err(|error| self.malformed(error))?;
        if len > limit { Err(IngestError::TooMuch { what, limit }) } else { Ok(len) }
    }

    fn skip(&mut self, field: u32, wire: u32) -> Result<(), IngestError> {
        if field == 0 {
            return Err(IngestError::malformed(self.stream.pos(), "a field has the number 0"));
        }
        let skipped = match wire {
            0 => self.stream.read_raw_varint64().map(drop),
            1 => self.stream.skip_raw_bytes(8),
            2 => {
                let len = self.len("bytes in one field", u64::from(u32::MAX))?;
                self.stream.skip_raw_bytes(len as u32)
            }
            5 => self.stream.skip_raw_bytes(4),
            _ => return Err(IngestError::malformed(self.stream.pos(), "a field has no known type")),
        };
        skipped.map_err(|error| self.malformed(error))
    }

    fn step(&mut self) -> Result<(), IngestError> {
        self.n_steps = self.n_steps.wrapping_add(1);
        if self.n_steps.is_multiple_of(1 << 12) { self.stop.check() } else { Ok(()) }
    }

    fn malformed(&self, error: protobuf::Error) -> IngestError {
        IngestError::malformed(self.stream.pos(), error.to_string())
    }
}

fn span(message: &types::Occurrence) -> Option<Span> {
    match &message.typed_range {
        Some(Typed_range::SingleLineRange(range)) => single(range),
        Some(Typed_range::MultiLineRange(range)) => multi(range),
        _ => Span::from_scip(&message.range),
    }
}

fn enclosing(message: &types::Occurrence) -> Option<Span> {
    match &message.typed_enclosing_range {
        Some(Typed_enclosing_range::SingleLineEnclosingRange(range)) => single(range),
        Some(Typed_enclosing_range::MultiLineEnclosingRange(range)) => multi(range),
        _ => Span::from_scip(&message.enclosing_range),
    }
}

fn single(range: &types::SingleLineRange) -> Option<Span> {
    Span::from_scip(&[range.line, range.start_character, range.end_character])
}

fn multi(range: &types::MultiLineRange) -> Option<Span> {
    Span::from_scip(&[range.start_line, range.start_character, range.end_line, range.end_character])
}

/// A path must be one that git could hold.
fn check_path(path: &str) -> Result<(), IngestError> {
    let is_inside = !path.contains(|character: char| character.is_control() || character == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git"));
    if is_inside {
        return Ok(());
    }
    let path: String = path.chars().take(200).flat_map(char::escape_debug).collect();
    Err(IngestError::OutsideRepository { path })
}
