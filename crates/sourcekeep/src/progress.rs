//! Progress on the terminal: bars where people watch, plain lines where they do not.

use crate::terminal::{self, count, counted, size};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mirror::{Board, Phase, Progress, ProgressTotals};
use model::RepoId;
use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;

/// Between two frames of the bars: smooth, and nothing beside the work.
const FRAME: Duration = Duration::from_millis(100);
/// Between two plain lines.
const PLAIN_LINE: Duration = Duration::from_secs(5);
/// Work shorter than this is not shown: bars that flash by only disturb.
const SHOWN_AFTER: Duration = Duration::from_millis(400);
/// Bars of repositories at a time.
const N_BARS_MAX: usize = 8;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Bars that move.
    Bars,
    /// A line now and then.
    Lines,
    /// Not at all.
    Quiet,
}

/// Progress of all repositories.
#[derive(Clone)]
pub(crate) struct ProgressView {
    manner: Manner,
    bars: MultiProgress,
}

impl ProgressView {
    /// Bars on a watched terminal, lines elsewhere, nothing where quiet is asked for.
    pub(crate) fn new(quiet: bool) -> Self {
        let manner = match (quiet, terminal::stderr_is_watched()) {
            (true, _) => Manner::Quiet,
            (false, true) => Manner::Bars,
            (false, false) => Manner::Lines,
        };
        ProgressView { manner, bars: MultiProgress::new() }
    }

    /// Prints a line, above the bars where there are any.
    pub(crate) fn print(&self, line: &str) {
        match self.manner {
            Manner::Quiet => {}
            _ => self.bars.suspend(|| terminal::eprint_line(line)),
        }
    }

    /// Prints a result to standard output, above the bars where there are any, even where quiet is asked for.
    pub(crate) fn result(&self, line: &str) {
        self.bars.suspend(|| terminal::print_line(line));
    }

    /// Prints an error, above the bars where there are any.
    pub(crate) fn error(&self, message: &str) {
        self.bars.suspend(|| terminal::error(message));
    }

    /// Shows the board until `stop`: everything at once, and each repository that takes long. `n_expected` is how many
    /// repositories are to be looked at.
    pub(crate) async fn follow(&self, board: &Board, n_expected: u64, stop: &CancellationToken) {
        match self.manner {
            Manner::Quiet => stop.cancelled().await,
            Manner::Lines => follow_lines(board, n_expected, stop).await,
            Manner::Bars => follow_bars(&self.bars, board, n_expected, stop).await,
        }
    }
}

/// One line that sums up work that is over.
pub(crate) fn summary(totals: &ProgressTotals, elapsed: Duration) -> String {
    let repos = counted(totals.repos_done, "repository", "repositories");
    let seconds = elapsed.as_secs_f64();
    if totals.files == 0 {
        return format!("{repos} up to date in {seconds:.1} s");
    }
    let rate = (totals.bytes as f64 / seconds.max(0.001)) as u64;
    format!(
        "{repos} up to date in {seconds:.1} s: {} indexed, {} ({}/s)",
        counted(totals.files, "file", "files"),
        size(totals.bytes),
        size(rate),
    )
}

async fn follow_lines(board: &Board, n_expected: u64, stop: &CancellationToken) {
    let started = Instant::now();
    let mut ticker = tokio::time::interval_at(tokio::time::Instant::now() + PLAIN_LINE, PLAIN_LINE);
    loop {
        tokio::select! {
            _ = ticker.tick() => terminal::eprint_line(overview(board, n_expected, started.elapsed())),
            () = stop.cancelled() => return,
        }
    }
}

async fn follow_bars(bars: &MultiProgress, board: &Board, n_expected: u64, stop: &CancellationToken) {
    let started = Instant::now();
    let overall = bars.add(ProgressBar::new_spinner().with_style(line_style()));
    let mut repos: HashMap<RepoId, ProgressBar> = HashMap::new();
    let mut ticker = tokio::time::interval(FRAME);
    loop {
        tokio::select! {
            _ = ticker.tick() => {}
            () = stop.cancelled() => break,
        }
        overall.set_message(overview(board, n_expected, started.elapsed()));
        overall.tick();
        let mut shown = board.for_operator();
        shown.retain(|progress| progress.elapsed >= SHOWN_AFTER);
        shown.truncate(N_BARS_MAX);
        repos.retain(|repo, bar| {
            let stays = shown.iter().any(|progress| progress.repo == *repo);
            if !stays {
                bars.remove(bar);
            }
            stays
        });
        for progress in &shown {
            let bar = repos
                .entry(progress.repo)
                .or_insert_with(|| bars.add(ProgressBar::new(0).with_style(line_style())));
            draw(bar, progress);
        }
    }
    repos.values().for_each(ProgressBar::finish_and_clear);
    overall.finish_and_clear();
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    let is_measured = progress.fraction().is_some();
    bar.set_style(if is_measured { bar_style() } else { line_style() });
    // Thousandths, so that bytes and files look alike.
    bar.set_length(1000);
    bar.set_position((progress.fraction().unwrap_or(0.0) * 1000.0) as u64);
    bar.set_message(describe(progress));
}

fn overview(board: &Board, n_expected: u64, elapsed: Duration) -> String {
    let totals = board.totals();
    let under_way = board.for_operator();
    let n_done = totals.repos_done + totals.repos_failed;
    // A history is read beside the rest, also where the rest is done.
    let n_open = under_way.iter().filter(|one| one.phase != Phase::History).count();
    let n_all = n_expected.max(n_done + n_open as u64);
    let indexing: Vec<&Progress> = under_way.iter().filter(|one| one.phase == Phase::Indexing).collect();
    let rate: u64 = indexing.iter().map(|one| one.bytes_per_second()).sum();
    let left = indexing.iter().filter_map(|one| one.time_left()).max();
    let mut text = format!(
        "{}/{} repositories, {} files, {}",
        count(n_done),
        count(n_all),
        count(totals.files),
        size(totals.bytes)
    );
    if rate > 0 {
        text.push_str(&format!(", {}/s", size(rate)));
    }
    text.push_str(&format!(", {}", clock(elapsed)));
    if let Some(left) = left.filter(|left| left.as_secs() > 0) {
        text.push_str(&format!(", {} left", clock(left)));
    }
    text
}

fn describe(progress: &Progress) -> String {
    let name = terminal::harmless(progress.name.as_str());
    let phase = progress.phase.as_str();
    match progress.phase {
        Phase::Indexing => format!(
            "{name}: {phase} {}/{} files, {} of {}, {}/s{}",
            count(progress.files_done),
            count(progress.files_total),
            size(progress.bytes_done),
            size(progress.bytes_total),
            size(progress.bytes_per_second()),
            progress.time_left().map_or(String::new(), |left| format!(", {} left", clock(left))),
        ),
        Phase::History if progress.files_total > 0 => {
            format!(
                "{name}: {phase}, {} of {} commits",
                count(progress.files_done),
                count(progress.files_total)
            )
        }
        Phase::Cloning | Phase::Fetching if progress.bytes_done > 0 => {
            format!("{name}: {phase}, {} received", size(progress.bytes_done))
        }
        _ => format!("{name}: {phase}"),
    }
}

/// `7 s`, `2:05`, `1:02:05`.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn line_style() -> ProgressStyle {
    style("{spinner} {wide_msg}")
}

fn bar_style() -> ProgressStyle {
    style("{spinner} [{bar:24}] {wide_msg}").progress_chars("=> ")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl<'a> MakeWriter<'a> for ProgressView {
    type Writer = LogWriter;

    fn make_writer(&'a self) -> LogWriter {
        LogWriter { view: self.clone() }
    }
}

/// Writes log lines above the bars.
pub(crate) struct LogWriter {
    view: ProgressView,
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.view.bars.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::RepoName;

    #[test]
    fn times_for_people() {
        assert_eq!(
            [7, 125, 3725].map(|seconds| clock(Duration::from_secs(seconds))),
            ["7 s", "2:05", "1:02:05"]
        );
    }

    #[test]
    fn a_summary_tells_what_was_done() {
        let totals = ProgressTotals { repos_done: 2, repos_failed: 0, files: 1234, bytes: 45_000_000 };
        assert_eq!(
            summary(&totals, Duration::from_secs(3)),
            "2 repositories up to date in 3.0 s: 1,234 files indexed, 45 MB (15 MB/s)"
        );
        let nothing = ProgressTotals { repos_done: 1, ..ProgressTotals::default() };
        assert_eq!(summary(&nothing, Duration::from_millis(40)), "1 repository up to date in 0.0 s");
    }

    #[test]
    fn an_overview_counts_what_is_under_way() {
        let board = Board::new();
        let _task = board.begin(RepoId(1), RepoName::new("a").unwrap(), Phase::Walking);
        assert_eq!(overview(&board, 3, Duration::from_secs(2)), "0/3 repositories, 0 files, 0 B, 2 s");
        let _history = board.begin(RepoId(2), RepoName::new("b").unwrap(), Phase::History);
        assert_eq!(overview(&board, 1, Duration::from_secs(2)), "0/1 repositories, 0 files, 0 B, 2 s");
    }
}
