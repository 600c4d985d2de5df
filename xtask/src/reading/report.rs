//! What was measured beside what was aimed at, as a table.

use crate::bench::report::Latency;
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::Path;

/// What must hold, in milliseconds.
#[derive(Clone, Copy)]
pub(super) enum Aim {
    /// Of every one.
    Max(f64),
    /// Of 95 in 100.
    P95(f64),
}

/// One kind of question.
pub(super) struct Row {
    what: String,
    aim: Aim,
    n: usize,
    latency: Latency,
    max_ms: f64,
    note: String,
}

impl Row {
    pub(super) fn of(what: impl Into<String>, aim: Aim, series_ms: Vec<f64>) -> Row {
        let max_ms = series_ms.iter().copied().fold(0.0, f64::max);
        let n = series_ms.len();
        Row { what: what.into(), aim, n, latency: Latency::of(series_ms), max_ms, note: String::new() }
    }

    pub(super) fn noted(self, note: String) -> Row {
        Row { note, ..self }
    }

    fn holds(&self) -> bool {
        match self.aim {
            Aim::Max(aim) => self.max_ms <= aim,
            Aim::P95(aim) => self.latency.p95_ms <= aim,
        }
    }

    fn line(&self) -> String {
        let aim = match self.aim {
            Aim::Max(aim) => format!("≤ {aim:.0}"),
            Aim::P95(aim) => format!("p95 ≤ {aim:.0}"),
        };
        let Latency { p50_ms, p95_ms } = self.latency;
        let holds = if self.holds() { "yes" } else { "**no**" };
        format!(
            "| {} | {aim} | {} | {p50_ms:.1} | {p95_ms:.1} | {:.1} | {holds} | {} |",
            self.what, self.n, self.max_ms, self.note
        )
    }
}

/// All rows, and what they were measured on.
pub(super) struct Report {
    pub(super) corpus: String,
    pub(super) history: String,
    machine: String,
    rows: Vec<Row>,
}

impl Report {
    pub(super) fn begin() -> Result<Report> {
        Ok(Report { corpus: String::new(), history: String::new(), machine: machine()?, rows: Vec::new() })
    }

    pub(super) fn add(&mut self, row: Row) {
        eprintln!("{}", row.line());
        self.rows.push(row);
    }

    pub(super) fn note_last(&mut self, note: String) {
        if let Some(row) = self.rows.last_mut() {
            row.note = note;
        }
    }

    /// Writes the table, and says it.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let date = jiff::Zoned::now().date();
        let mut text = format!(
            "# Reading code · {date}\n\n`cargo xtask bench-reading`, a release build asked over HTTP from the same machine, one request after the other; times \
             from the request to the last byte, in milliseconds.\n\n- {}\n- {}\n- {}; load averages at the end: {}\n\n",
            self.corpus,
            self.history,
            self.machine,
            load()?
        );
        text.push_str("| what | aim | n | p50 | p95 | max | holds | |\n|---|---|--:|--:|--:|--:|---|---|\n");
        for row in &self.rows {
            writeln!(text, "{}", row.line())?;
        }
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{date}-reading.md"));
        std::fs::write(&path, &text).with_context(|| path.display().to_string())?;
        println!("{text}\nkept in {}", path.display());
        Ok(())
    }
}

/// The processor, and how busy the machine was before.
fn machine() -> Result<String> {
    let said = std::fs::read_to_string("/proc/cpuinfo")?;
    let model =
        said.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores ({}); load averages at the start: {}", model.unwrap_or("unknown"), load()?))
}

fn load() -> Result<String> {
    let said = std::fs::read_to_string("/proc/loadavg")?;
    Ok(said.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}
