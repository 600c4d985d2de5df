//! What was measured, as a table for people and as JSON for the next comparison.

use super::load::Load;
use super::physical::Bandwidth;
use super::small::SmallRow;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::Write;
use std::path::Path;

/// The memory of a process, in KiB.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Memory {
    /// The most that was ever resident, mapped files included (`VmHWM`).
    pub(crate) peak_kib: u64,
    /// Resident and not backed by files (`RssAnon`); the most that was seen, while indexing.
    pub(crate) anonymous_kib: u64,
    /// Resident pages of mapped files (`RssFile`).
    pub(crate) file_kib: u64,
}

/// Making the index.
#[derive(Serialize)]
pub(crate) struct Indexing {
    pub(crate) wall_ms: u64,
    pub(crate) peak: Memory,
    /// Bytes of the files at HEAD.
    pub(crate) text_bytes: u64,
    pub(crate) n_documents: u64,
    pub(crate) index_bytes: u64,
    /// What definitions take of that.
    pub(crate) definitions_bytes: u64,
}

impl Indexing {
    /// One line for the terminal.
    pub(crate) fn line(&self) -> String {
        let mib = self.text_bytes as f64 / 1e6;
        format!(
            "{} files, {:.0} MB in {:.1} s = {:.1} MB/s; index {:.3} × text, {:.3} without definitions; peak {} MiB resident, {} MiB anonymous",
            self.n_documents,
            mib,
            self.wall_ms as f64 / 1e3,
            mib / (self.wall_ms as f64 / 1e3),
            self.index_bytes as f64 / self.text_bytes as f64,
            self.index_bytes.saturating_sub(self.definitions_bytes) as f64 / self.text_bytes as f64,
            self.peak.peak_kib / 1024,
            self.peak.anonymous_kib / 1024,
        )
    }
}

/// Percentiles of a series, in milliseconds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
}

impl Latency {
    /// The percentiles of a series, by the nearest rank.
    pub(crate) fn of(mut series: Vec<f64>) -> Latency {
        series.sort_by(f64::total_cmp);
        let rank = |share: f64| {
            let idx = (share * series.len() as f64).ceil() as usize;
            series.get(idx.clamp(1, series.len().max(1)) - 1).copied().unwrap_or(0.0)
        };
        Latency { p50_ms: rank(0.5), p95_ms: rank(0.95) }
    }
}

/// Another tool's answer to the same question.
#[derive(Serialize)]
pub(crate) struct Rival {
    pub(crate) tool: &'static str,
    pub(crate) best_ms: f64,
    pub(crate) lines: u64,
}

/// One query.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(crate) class: String,
    pub(crate) text: String,
    pub(crate) lines: u64,
    pub(crate) files: u64,
    pub(crate) first_page: Latency,
    pub(crate) first_page_wall: Latency,
    /// The first page with the raw sidecar, as the server tells.
    pub(crate) first_page_raw: Option<Latency>,
    pub(crate) exhaustive: Latency,
    /// The same with the raw sidecar.
    pub(crate) exhaustive_raw: Option<Latency>,
    /// Bytes of text that patterns had to be run over, for everything.
    pub(crate) bytes_read: Option<u64>,
    /// Why it was not measured.
    pub(crate) note: Option<String>,
    pub(crate) rivals: Vec<Rival>,
}

impl Row {
    /// A query that could not be asked.
    pub(crate) fn refused(class: &str, text: &str, note: String) -> Row {
        let nothing = Latency { p50_ms: 0.0, p95_ms: 0.0 };
        Row {
            class: class.to_owned(),
            text: text.to_owned(),
            lines: 0,
            files: 0,
            first_page: nothing,
            first_page_wall: nothing,
            first_page_raw: None,
            exhaustive: nothing,
            exhaustive_raw: None,
            bytes_read: None,
            note: Some(note),
            rivals: Vec::new(),
        }
    }

    /// One line for the terminal.
    pub(crate) fn line(&self) -> String {
        let mut line = format!(
            "{:<18} {:<46} {:>9} lines  first {:>8.2}/{:>8.2} ms  all {:>8.2}/{:>8.2} ms",
            self.class,
            self.text,
            self.lines,
            self.first_page.p50_ms,
            self.first_page.p95_ms,
            self.exhaustive.p50_ms,
            self.exhaustive.p95_ms
        );
        for rival in &self.rivals {
            // Writing to a String cannot fail.
            let _ = write!(line, "  {} {:.0} ms ({})", rival.tool, rival.best_ms, rival.lines);
        }
        line
    }

    fn write(&self, text: &mut String, bandwidth: &Bandwidth) -> Result<()> {
        let query = self.text.replace('|', "\\|");
        if let Some(note) = &self.note {
            writeln!(text, "| {} | `{query}` | {note} |", self.class)?;
            return Ok(());
        }
        let rival = |tool: &str| {
            let found = self.rivals.iter().find(|rival| rival.tool == tool);
            found.map_or("–".to_string(), |rival| {
                let same = if rival.lines == self.lines {
                    String::new()
                } else {
                    format!(" ({} lines)", rival.lines)
                };
                format!("{:.0}{same}", rival.best_ms)
            })
        };
        let (first, wall, all) = (self.first_page, self.first_page_wall, self.exhaustive);
        writeln!(
            text,
            "| {} | `{query}` | {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {} | {} |",
            self.class,
            self.lines,
            self.files,
            first.p50_ms,
            first.p95_ms,
            wall.p50_ms,
            wall.p95_ms,
            maybe(self.first_page_raw.map(|raw| raw.p50_ms)),
            maybe(self.first_page_raw.map(|raw| raw.p95_ms)),
            all.p50_ms,
            all.p95_ms,
            maybe(self.exhaustive_raw.map(|raw| raw.p50_ms)),
            maybe(self.exhaustive_raw.map(|raw| raw.p95_ms)),
            maybe(self.bytes_read.map(|bytes| bytes as f64 / 1e6)),
            maybe(self.bytes_read.map(|bytes| bandwidth.least_ms(bytes))),
            rival("ripgrep"),
            rival("git grep"),
            rival("csearch"),
        )?;
        Ok(())
    }
}

/// What was measured on one corpus.
#[derive(Serialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) indexing: Indexing,
    pub(crate) cold_start_ms: f64,
    pub(crate) rest: Memory,
    /// Bytes of the raw sidecars.
    pub(crate) raw_bytes: u64,
    pub(crate) rows: Vec<Row>,
    pub(crate) loads: Vec<Load>,
}

/// Everything of one run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) bandwidth: Bandwidth,
    pub(crate) parts: Vec<Part>,
    pub(crate) small: Vec<SmallRow>,
}

impl Report {
    /// Writes `<folder>/<date>-<names>.md` and `.json`.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let date = jiff::Zoned::now().strftime("%Y-%m-%d").to_string();
        let names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).collect();
        let file = |extension: &str| folder.join(format!("{date}-{}.{extension}", names.join("-")));
        let markdown = self.markdown(&names.join(", "), &date)?;
        std::fs::write(file("md"), &markdown)?;
        std::fs::write(file("json"), serde_json::to_string_pretty(self)? + "\n")?;
        println!("{markdown}");
        Ok(())
    }

    fn markdown(&self, names: &str, date: &str) -> Result<String> {
        let mut text = format!("# {names} · {date}\n\n{}\n\n", machine().context("cannot tell the machine")?);
        writeln!(
            text,
            "Memory is read at {:.1} GB/s by one thread, {:.1} by all cores.\n",
            self.bandwidth.one_thread, self.bandwidth.all_cores
        )?;
        text.push_str("Times in ms; ours as the server tells them (`duration_us`) and, for the first page, over HTTP too; the other tools' best of three, started as processes, files in the page cache. Lines are counted by each tool itself. *With raw* is the same with the raw sidecars in place, as a server is delivered; *to read* is the text that had to be looked at for everything, in MB, and *limit* the time it takes to read so much memory on all cores.\n");
        for part in &self.parts {
            part.write(&mut text, &self.bandwidth)?;
        }
        self.write_small(&mut text)?;
        Ok(text)
    }

    fn write_small(&self, text: &mut String) -> Result<()> {
        if self.small.is_empty() {
            return Ok(());
        }
        text.push_str("\nSmall repositories made of the same files, first page over HTTP:\n\n| query | repositories | p50 | p95 |\n|---|--:|--:|--:|\n");
        for row in &self.small {
            let Latency { p50_ms, p95_ms } = row.first_page;
            let query = row.text.replace('|', "\\|");
            writeln!(text, "| `{query}` | {} | {p50_ms:.2} | {p95_ms:.2} |", row.n_repos)?;
        }
        Ok(())
    }
}

impl Part {
    fn write(&self, text: &mut String, bandwidth: &Bandwidth) -> Result<()> {
        writeln!(text, "\n## {}\n", self.name)?;
        writeln!(text, "Indexing: {}.  ", self.indexing.line())?;
        writeln!(text, "Cold start to the first answer: {:.0} ms.  ", self.cold_start_ms)?;
        let rest = self.rest;
        writeln!(
            text,
            "Server after the queries: {} MiB anonymous, {} MiB of mapped files resident.  ",
            rest.anonymous_kib / 1024,
            rest.file_kib / 1024
        )?;
        writeln!(
            text,
            "Raw sidecars, not part of the index: {:.3} × text.\n",
            self.raw_bytes as f64 / self.indexing.text_bytes as f64
        )?;
        text.push_str("| class | query | lines | files | first page p50 | p95 | over HTTP p50 | p95 | with raw p50 | p95 | exhaustive p50 | p95 | with raw p50 | p95 | to read | limit | ripgrep | git grep | csearch |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
        for row in &self.rows {
            row.write(text, bandwidth)?;
        }
        self.write_loads(text)
    }

    fn write_loads(&self, text: &mut String) -> Result<()> {
        if self.loads.is_empty() {
            return Ok(());
        }
        text.push_str("\nThe whole mix, first pages of 50 results, over HTTP, clients on the same machine. *Searched* has every search run; *kept* is the server as it is delivered, which gives a person's answers of the last minutes again:\n\n| answers | clients | queries/s | p50 | p95 | p99 | server's processor time a query |\n|---|--:|--:|--:|--:|--:|--:|\n");
        for load in &self.loads {
            writeln!(
                text,
                "| {} | {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} ms |",
                if load.keeps_answers { "kept" } else { "searched" },
                load.n_clients,
                load.per_second,
                load.latency.p50_ms,
                load.latency.p95_ms,
                load.p99_ms,
                load.cpu_ms_per_query
            )?;
        }
        Ok(())
    }
}

fn maybe(number: Option<f64>) -> String {
    number.map_or("–".to_owned(), |number| format!("{number:.2}"))
}

fn machine() -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|value| value.parse().ok()).unwrap_or(0);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown processor");
    Ok(format!(
        "Machine: {cores} cores ({}), {} GiB of memory.",
        model.trim_start_matches(['\t', ' ', ':']),
        kib >> 20
    ))
}
