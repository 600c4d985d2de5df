//! `sourcekeep search`: prints like ripgrep.

use crate::app::{App, Opened};
use crate::cli::SearchArgs;
use crate::failure::Outcome;
use crate::terminal::{self, LINE_NUMBER, MATCH, PATH, harmless};
use access::{Clock as _, SystemClock};
use anstyle::Style;
use mirror::{OverlayOptions, Overlays};
use model::{AccessSet, ByteRange, RepoName};
use query::{ParseError, Query};
use search::{
    CancelToken, Catalog, CommitMatch, ContentMatch, DiffMatch, Limits, Match, SearchError, Searcher,
    Severity, Sink, Snapshot, Stats, Summary, SymbolMatch,
};
use server::AnswerWriter;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

/// Room for output that goes to a pipe.
const BUFFER_BYTES: usize = 64 << 10;

pub(super) async fn run(app: &App, args: SearchArgs) -> anyhow::Result<Outcome> {
    let (opened, search) = match prepare(app, args).await? {
        Prepared::Ready(ready) => *ready,
        Prepared::Refused(outcome) => return Ok(outcome),
    };
    let quiet = app.common.quiet;
    let alerts = server::query_alerts(&search.text, &search.query);
    let outcome = tokio::task::spawn_blocking(move || search.run()).await??;
    Ok(match outcome {
        Answer::Refused => Outcome::Usage,
        Answer::ReaderGone => Outcome::Done,
        Answer::Found(summary) => {
            mirror::report_damage(&opened.store, &summary.damaged).await?;
            if !quiet {
                tell(&alerts, &summary);
            }
            let has_found = summary.stats.files + summary.stats.repos > 0;
            if has_found { Outcome::Done } else { Outcome::NothingFound }
        }
    })
}

/// What became of a query on its way to being run.
pub(super) enum Prepared {
    Ready(Box<(Opened, Search)>),
    /// It is no query; that is printed.
    Refused(Outcome),
}

/// Parses the query, opens the data directory and all that the caller may search in it.
pub(super) async fn prepare(app: &App, args: SearchArgs) -> anyhow::Result<Prepared> {
    let text = args.query.join(" ");
    let query = match query::parse(&text, &query::Options::default()) {
        Ok(query) => query,
        Err(error) => return Ok(Prepared::Refused(refuse(&text, &error))),
    };
    let opened = app.open().await?;
    let access = opened.access_set(args.user.as_deref()).await?;
    let query = match opened.expand_contexts(args.user.as_deref(), query).await? {
        Ok(query) => query,
        Err(error) => return Ok(Prepared::Refused(refuse(&text, &error))),
    };
    let catalog = Catalog::new();
    let overlays = OverlayOptions::new(opened.config.index.file_bytes_max, opened.config.n_index_threads());
    catalog.set_revision_source(Arc::new(Overlays::new(&opened.data, overlays)));
    let damaged = mirror::open_catalog(&opened.store, &opened.data, &catalog).await?;
    // SECURITY: that an index is damaged is told only to those who may know of the repository.
    for one in damaged.iter().filter(|one| access.allows(one.repo)) {
        terminal::warning(&one.to_string());
    }
    let timeout_max = Duration::from_secs(u64::from(opened.config.search.timeout_seconds_max));
    let now_seconds = SystemClock.now().0.div_euclid(1000);
    let limits = Limits { timeout: timeout_max, timeout_max, now_seconds, ..Limits::unlimited_display() };
    let search = Search {
        searcher: Searcher::new(opened.config.n_search_threads())?,
        snapshot: catalog.snapshot(),
        access,
        text,
        query,
        limits,
        json: app.common.json,
    };
    Ok(Prepared::Ready(Box::new((opened, search))))
}

/// One search, ready to run.
pub(super) struct Search {
    pub(super) searcher: Searcher,
    pub(super) snapshot: Snapshot,
    pub(super) access: AccessSet,
    pub(super) text: String,
    pub(super) query: Query,
    pub(super) limits: Limits,
    pub(super) json: bool,
}

/// How a search ended.
enum Answer {
    Found(Box<Summary>),
    /// The query cannot be run; that is printed.
    Refused,
    /// Nobody reads the output any more.
    ReaderGone,
}

impl Search {
    fn run(&self) -> anyhow::Result<Answer> {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        let out = BufWriter::with_capacity(BUFFER_BYTES, anstream::AutoStream::auto(stdout.lock()));
        match self.json {
            true => {
                let writer = match AnswerWriter::begin(out, &self.text) {
                    Ok(writer) => writer,
                    Err(error) => return ended(error),
                };
                let mut sink = JsonSink { writer, fault: None };
                let Some(summary) = self.search(&mut sink) else { return Ok(Answer::Refused) };
                let JsonSink { writer, fault } = sink;
                let finished = || writer.finish(&self.text, &self.query, &summary);
                match fault.map_or_else(finished, Err) {
                    Ok(()) => Ok(Answer::Found(Box::new(summary))),
                    Err(error) => ended(error),
                }
            }
            false => {
                let mut sink = TextSink { out, heading: is_terminal, n_printed: 0, fault: None };
                let Some(summary) = self.search(&mut sink) else { return Ok(Answer::Refused) };
                let TextSink { mut out, fault, .. } = sink;
                match fault.map_or_else(|| out.flush(), Err) {
                    Ok(()) => Ok(Answer::Found(Box::new(summary))),
                    Err(error) => ended(error),
                }
            }
        }
    }

    /// Runs the search; a query that cannot be run is told and gives `None`.
    fn search(&self, sink: &mut dyn Sink) -> Option<Summary> {
        let cancel = CancelToken::new();
        let outcome =
            self.searcher.search(&self.snapshot, &self.access, &self.query, &self.limits, &cancel, sink);
        match outcome {
            Ok(summary) => Some(summary),
            Err(error) => {
                refuse_search(&self.text, &error);
                None
            }
        }
    }
}

/// Says why a query cannot be run.
pub(super) fn refuse_search(text: &str, error: &SearchError) {
    terminal::error(&error.to_string());
    if let Some(span) = error.span() {
        point_at(text, span);
    }
    if let Some(hint) = error.hint() {
        terminal::eprint_line(format_args!("hint: {}", harmless(&hint)));
    }
}

/// A reader that goes away (`| head`) ends the search and is no failure.
fn ended(error: io::Error) -> anyhow::Result<Answer> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(Answer::ReaderGone),
        _ => Err(anyhow::Error::new(error).context("the results cannot be written")),
    }
}

pub(super) fn refuse(text: &str, error: &ParseError) -> Outcome {
    terminal::error(&error.to_string());
    point_at(text, error.span.into());
    if let Some(hint) = &error.hint {
        terminal::eprint_line(format_args!("hint: {}", harmless(hint)));
    }
    if let Some(suggestion) = &error.suggestion {
        terminal::eprint_line(format_args!("did you mean: {}", harmless(suggestion)));
    }
    Outcome::Usage
}

/// Shows the query with the faulty part marked below it; a query that fits no line is not shown.
fn point_at(text: &str, span: ByteRange) {
    let (Some(before), Some(within)) = (text.get(..span.start), text.get(span.clone())) else { return };
    if text.chars().count() > 200 || text.contains('\n') {
        return;
    }
    let indent = " ".repeat(before.chars().count());
    let marks = "^".repeat(within.chars().count().max(1));
    terminal::eprint_line(format_args!("  {}", harmless(text).replace('\t', " ")));
    terminal::eprint_line(format_args!("  {indent}{MATCH}{marks}{MATCH:#}"));
}

/// What a person should know beside the results.
pub(super) fn tell(alerts: &[query::Alert], summary: &Summary) {
    for alert in alerts {
        terminal::warning(&format!("{}; {}", alert.message, alert.hint));
        if let Some(query) = &alert.suggestion {
            terminal::eprint_line(format_args!("try: {}", harmless(query)));
        }
    }
    if let Some(alert) = &summary.alert {
        terminal::warning(alert);
    }
    for skipped in summary.stats.skipped.iter().filter(|skipped| skipped.severity == Severity::Warning) {
        terminal::warning(&skipped.message);
        if let Some(query) = &skipped.suggested_query {
            terminal::eprint_line(format_args!("try: {}", harmless(query)));
        }
    }
}

/// Prints JSON.
struct JsonSink<W: Write> {
    writer: AnswerWriter<W>,
    fault: Option<io::Error>,
}

impl<W: Write> Sink for JsonSink<W> {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        note(self.writer.matches(&batch), &mut self.fault)
    }

    fn progress(&mut self, _stats: &Stats) {}
}

fn note(outcome: io::Result<()>, fault: &mut Option<io::Error>) -> ControlFlow<()> {
    match outcome {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            *fault = Some(error);
            ControlFlow::Break(())
        }
    }
}

/// Prints lines: below a heading on a terminal, each with its path elsewhere.
struct TextSink<W: Write> {
    out: W,
    heading: bool,
    n_printed: u64,
    fault: Option<io::Error>,
}

impl<W: Write> Sink for TextSink<W> {
    fn matches(&mut self, batch: Vec<Match>) -> ControlFlow<()> {
        let outcome = batch.iter().try_for_each(|found| self.print(found));
        // On a terminal results appear as they are found.
        let outcome = outcome.and_then(|()| if self.heading { self.out.flush() } else { Ok(()) });
        note(outcome, &mut self.fault)
    }
}

impl<W: Write> TextSink<W> {
    fn print(&mut self, found: &Match) -> io::Result<()> {
        match found {
            Match::Content(found) => self.content(found),
            Match::Path(found) => self.name(&place(&found.repo, &found.path)),
            Match::Repo(found) => self.name(found.repo.as_str()),
            Match::Symbol(found) => self.symbol(found),
            Match::Commit(found) => self.commit(found),
            Match::Diff(found) => self.diff(found),
            Match::Directory(found) => {
                self.name(&format!("{}/", place(&found.repo, &found.path).trim_end_matches('/')))
            }
            Match::Owner(found) => self.name(&found.owner),
        }?;
        self.n_printed += 1;
        Ok(())
    }

    fn name(&mut self, name: &str) -> io::Result<()> {
        writeln!(self.out, "{PATH}{}{PATH:#}", harmless(name))
    }

    fn symbol(&mut self, found: &SymbolMatch) -> io::Result<()> {
        let place = place(&found.repo, &found.path);
        let text = painted(&found.text, std::slice::from_ref(&found.name_range));
        write!(self.out, "{PATH}{}{PATH:#}:{LINE_NUMBER}{}{LINE_NUMBER:#}:", harmless(&place), found.line)?;
        writeln!(self.out, "{}:{text}", found.symbol_kind)
    }

    fn commit(&mut self, found: &CommitMatch) -> io::Result<()> {
        let subject = found.message.lines().next().unwrap_or_default();
        let in_subject: Vec<ByteRange> =
            found.ranges.iter().filter(|range| range.end <= subject.len()).cloned().collect();
        write!(self.out, "{PATH}{}{PATH:#}:{LINE_NUMBER}{}{LINE_NUMBER:#}:", found.repo, found.commit)?;
        writeln!(self.out, "{}:{}", harmless(&found.author.name), painted(subject, &in_subject))
    }

    fn diff(&mut self, found: &DiffMatch) -> io::Result<()> {
        let place = place(&found.of.repo, &found.path);
        write!(self.out, "{LINE_NUMBER}{}{LINE_NUMBER:#} ", found.of.commit)?;
        writeln!(self.out, "{PATH}{}{PATH:#}", harmless(&place))?;
        for hunk in &found.hunks {
            writeln!(self.out, "{}", harmless(&hunk.header))?;
            for (line, number) in hunk.lines.iter().zip(0u32..) {
                let in_line = hunk.ranges.iter().filter(|(of, _)| *of == number);
                let ranges: Vec<ByteRange> = in_line.map(|(_, range)| range.clone()).collect();
                writeln!(self.out, "{}", painted(line, &ranges))?;
            }
        }
        Ok(())
    }

    fn content(&mut self, found: &ContentMatch) -> io::Result<()> {
        let place = place(&found.repo, &found.path);
        let place = harmless(&place);
        if self.heading {
            if self.n_printed > 0 {
                writeln!(self.out)?;
            }
            writeln!(self.out, "{PATH}{place}{PATH:#}")?;
        }
        for line in &found.lines {
            if !self.heading {
                write!(self.out, "{PATH}{place}{PATH:#}:")?;
            }
            let text = painted(&line.text, &line.ranges);
            let cut = if line.is_cut { " […]" } else { "" };
            writeln!(self.out, "{LINE_NUMBER}{}{LINE_NUMBER:#}:{text}{cut}", line.number)?;
        }
        Ok(())
    }
}

fn place(repo: &RepoName, path: &[u8]) -> String {
    format!("{repo}/{}", String::from_utf8_lossy(path))
}

/// A line with its matches coloured. Colour is taken out again where the output has none.
fn painted(text: &str, ranges: &[ByteRange]) -> String {
    let style: Style = MATCH;
    let mut painted = String::with_capacity(text.len() + 16 * ranges.len());
    let mut end = 0;
    for range in ranges {
        let (Some(before), Some(within)) = (text.get(end..range.start), text.get(range.clone())) else {
            continue;
        };
        painted.push_str(&harmless(before));
        painted.push_str(&format!("{style}{}{style:#}", harmless(within)));
        end = range.end;
    }
    painted.push_str(&harmless(text.get(end..).unwrap_or_default()));
    painted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_painted_and_nothing_else_is() {
        let painted = painted("a\u{1b}[31m kmalloc(x, y)\u{202e}", &[7..14, 18..19]);
        assert_eq!(painted, format!("a\u{fffd}[31m {MATCH}kmalloc{MATCH:#}(x, {MATCH}y{MATCH:#})\u{fffd}"));
    }
}
