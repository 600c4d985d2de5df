//! `sourcekeep export`: every result of a query, to a file or a pipe.

use crate::app::App;
use crate::cli::{ExportArgs, ExportFormat};
use crate::failure::{Outcome, UsageError};
use crate::terminal::{self, counted, harmless, size};
use anyhow::Context as _;
use export::{RowFormat, RowLimits, Rows, RowsEnd, write_rows};
use indicatif::{ProgressBar, ProgressStyle};
use search::{CancelToken, Catalog, Searcher};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

/// Room for output.
const BUFFER_BYTES: usize = 256 << 10;

pub(super) async fn run(app: &App, args: ExportArgs) -> anyhow::Result<Outcome> {
    let text = args.query.join(" ");
    let query = match query::parse(&text, &query::Options::default()) {
        Ok(query) => query,
        Err(error) => return Ok(super::search::refuse(&text, &error)),
    };
    let opened = app.open().await?;
    let access = opened.access_set(args.user.as_deref()).await?;
    let query = match opened.expand_contexts(args.user.as_deref(), query).await? {
        Ok(query) => query,
        Err(error) => return Ok(super::search::refuse(&text, &error)),
    };
    let catalog = Catalog::new();
    let damaged = mirror::open_catalog(&opened.store, &opened.data, &catalog).await?;
    // SECURITY: that an index is damaged is told only to those who may know of the repository.
    for one in damaged.iter().filter(|one| access.allows(one.repo)) {
        terminal::warning(&one.to_string());
    }
    let searcher = Searcher::new(opened.config.n_search_threads())?;
    let format = row_format(args.format.unwrap_or_else(|| ExportFormat::of(args.output.as_deref())))?;
    let is_watched = terminal::stderr_is_watched() && !app.common.quiet;
    let output = args.output.map(|path| app.current_dir.join(path));
    let snapshot = catalog.snapshot();
    let alerts = server::query_alerts(&text, &query);
    let exporting = tokio::task::spawn_blocking(move || {
        let mut out: Box<dyn Write> = match &output {
            None => Box::new(io::stdout().lock()),
            Some(path) => Box::new(create(path)?),
        };
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, &mut out);
        if let Err(error) = out.write_all(&format.header()) {
            return Ok(Err(error));
        }
        let view = progress(is_watched);
        let limits = RowLimits { bytes_max: u64::MAX };
        let cancel = CancelToken::new();
        let mut watch = |rows: Rows| view.set_message(said(rows));
        let end = write_rows(
            &searcher, &snapshot, &access, &query, limits, &cancel, &*format, &mut out, &mut watch,
        );
        view.finish_and_clear();
        let end = end.map_err(|error| UsageError::new(error.to_string()))?;
        Ok::<_, anyhow::Error>(out.flush().map(|()| end))
    });
    let end = match exporting.await?? {
        Ok(RowsEnd { fault: Some(error), .. }) | Err(error) => return ended(error),
        Ok(end) => end,
    };
    mirror::report_damage(&opened.store, &end.summary.damaged).await?;
    if !app.common.quiet {
        super::search::tell(&alerts, &end.summary);
        if is_watched {
            terminal::eprint_line(format_args!("exported {}", said(end.rows)));
        }
    }
    Ok(if end.rows.n_results > 0 { Outcome::Done } else { Outcome::NothingFound })
}

impl ExportFormat {
    /// The format that the name of a file asks for.
    fn of(output: Option<&Path>) -> Self {
        let ending = output.and_then(Path::extension).and_then(|ending| ending.to_str());
        if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
            ExportFormat::Csv
        } else {
            ExportFormat::Jsonl
        }
    }
}

fn row_format(format: ExportFormat) -> anyhow::Result<Arc<dyn RowFormat>> {
    let word = match format {
        ExportFormat::Jsonl => "jsonl",
        ExportFormat::Csv => "csv",
    };
    let found = server::export_formats().into_iter().find(|(known, _)| *known == word);
    found.map(|(_, format)| format).context("this build has no such format")
}

/// SECURITY: the file holds code; only its owner may read it, unless it was there before with other permissions.
fn create(path: &Path) -> anyhow::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).with_context(|| format!("cannot write '{}'", harmless(&path.display().to_string())))
}

fn progress(is_watched: bool) -> ProgressBar {
    if !is_watched {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner().with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

fn said(rows: Rows) -> String {
    let results = counted(rows.n_results, "result", "results");
    format!("{results}, {}, {}", counted(rows.n_lines, "line", "lines"), size(rows.n_bytes))
}

/// A reader that goes away (`| head`) is no failure.
fn ended(error: io::Error) -> anyhow::Result<Outcome> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(Outcome::Done),
        _ => Err(anyhow::Error::new(error).context("the export cannot be written")),
    }
}
