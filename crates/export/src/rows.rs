//! The rows of an answer: every result of a query over some repositories, in a sink of bytes.

use model::AccessSet;
use query::{Count, Query, Setting};
use search::{CancelToken, Limits, Match, SearchError, Searcher, Sink, Snapshot, Stats, Summary};
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

/// How long one repository may take. Background work has time; a pattern that needs more than this for one repository is
/// told as cut off.
const REPO_TIMEOUT: Duration = Duration::from_secs(3600);
/// Longest line that stands whole in an export.
const LINE_BYTES: usize = 1 << 20;

/// How results look as rows.
pub trait RowFormat: Send + Sync {
    /// What stands before the first row.
    fn header(&self) -> Vec<u8>;

    /// Appends the rows of one result, each with its line end.
    fn rows(&self, found: &Match, out: &mut Vec<u8>);
}

/// What one stretch of rows may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowLimits {
    /// Most bytes that may be written; rows that do not fit are left out, and all after them.
    pub bytes_max: u64,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Results.
    pub n_results: u64,
    /// Matching lines in them.
    pub n_lines: u64,
    /// Bytes.
    pub n_bytes: u64,
}

/// How a stretch of rows ended.
#[derive(Debug)]
pub struct RowsEnd {
    /// What was written.
    pub rows: Rows,
    /// What the search said.
    pub summary: Summary,
    /// Whether the limit of bytes cut it off.
    pub hit_size_limit: bool,
    /// What went wrong with writing.
    pub fault: Option<io::Error>,
}

/// Writes every result of a query. The query's own `count:`, `timeout:` and display limits do not count: an export is
/// exhaustive. Blocks; the results come in the order of the search, which is a function of query and index alone.
///
/// `watch` is told what is written so far from time to time.
#[allow(clippy::too_many_arguments, reason = "they are the search's own arguments and where its rows go")]
pub fn write_rows(
    searcher: &Searcher,
    snapshot: &Snapshot,
    access: &AccessSet,
    query: &Query,
    limits: RowLimits,
    cancel: &CancelToken,
    format: &dyn RowFormat,
    out: &mut dyn Write,
    watch: &mut dyn FnMut(Rows),
) -> Result<RowsEnd, SearchError> {
    let mut query = query.clone();
    query.settings.count = Setting::default_of(Count::All);
    query.settings.timeout = Setting::default_of(None);
    let search_limits = Limits {
        // Nobody waits: searches of people come first.
        is_background: true,
        line_bytes: LINE_BYTES,
        timeout: REPO_TIMEOUT,
        timeout_max: REPO_TIMEOUT,
        ..Limits::unlimited_display()
    };
    let mut sink = RowSink {
        format,
        out,
        watch,
        limits,
        rows: Rows::default(),
        buffer: Vec::new(),
        hit_size_limit: false,
        fault: None,
    };
    let summary = searcher.search(snapshot, access, &query, &search_limits, cancel, &mut sink)?;
    let RowSink { rows, hit_size_limit, fault, .. } = sink;
    Ok(RowsEnd { rows, summary, hit_size_limit, fault })
}

struct RowSink<'a> {
    format: &'a dyn RowFormat,
    out: &'a mut dyn Write,
    watch: &'a mut dyn FnMut(Rows),
    limits: RowLimits,
    rows: Rows,
    buffer: Vec<u8>,
    hit_size_limit: bool,
    fault: Option<io::Error>,
}

impl RowSink<'_> {
    fn write(&mut self, found: &Match) -> ControlFlow<()> {
        self.buffer.clear();
        self.format.rows(found, &mut self.buffer);
        let n_bytes = self.buffer.len() as u64;
        if self.rows.n_bytes + n_bytes > self.limits.bytes_max {
            self.hit_size_limit = true;
            return ControlFlow::Break(());
        }
        if let Err(error) = self.out.write_all(&self.buffer) {
            self.fault = Some(error);
            return ControlFlow::Break(());
        }
        self.rows.n_bytes += n_bytes;
        self.rows.n_results += 1;
        self.rows.n_lines += match found {
            Match::Content(found) => found.lines.len() as u64,
            Match::Diff(found) => found.n_lines,
            _ => 0,
        };
        ControlFlow::Continue(())
    }
}

impl Sink for RowSink<'_> {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        for found in &batch {
            self.write(found)?;
        }
        (self.watch)(self.rows);
        ControlFlow::Continue(())
    }

    fn progress(&mut self, _stats: &Stats) {
        (self.watch)(self.rows);
    }
}
