//! How much memory taking in a large index needs: `cargo run --release -p precise --example peak -- [MiB of index] [symbols]`.
//!
//! The index is made while it is read, so that nothing of it but the bytes under way is in memory. Prints the size of the index,
//! of the file, the time, and the most memory the process ever had (Linux: `VmHWM`).
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use precise::{IngestLimits, Stop, ingest};
use protobuf::Message;
use scip::types;
use std::error::Error;
use std::io::{self, Read};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Occurrences of one document.
const N_OCCURRENCES: u64 = 2_000;

/// An index of so many bytes, at least, that names so many symbols.
struct Made {
    bytes: Vec<u8>,
    at: usize,
    n_documents: u64,
    n_left: u64,
    n_symbols: u64,
}

impl Made {
    fn next(&mut self) -> io::Result<()> {
        let mut index = types::Index::new();
        if self.n_documents == 0 {
            let tool = types::ToolInfo { name: "made".into(), version: "1".into(), ..Default::default() };
            index.metadata =
                Some(types::Metadata { tool_info: Some(tool).into(), ..Default::default() }).into();
        }
        index.documents.push(document(self.n_documents, self.n_symbols));
        self.n_documents += 1;
        self.bytes = index.write_to_bytes().map_err(io::Error::other)?;
        self.at = 0;
        self.n_left = self.n_left.saturating_sub(self.bytes.len() as u64);
        Ok(())
    }
}

fn document(number: u64, n_symbols: u64) -> types::Document {
    let mut document =
        types::Document { relative_path: format!("src/{}/{number}.ts", number % 977), ..Default::default() };
    for n in 0..N_OCCURRENCES {
        // Half of them are defined here, the others are anywhere.
        let is_definition = n % 2 == 0;
        let own = number * (N_OCCURRENCES / 2) + n / 2;
        let symbol = if is_definition { own } else { (own * 7919) % (own + 1) } % n_symbols;
        let name = format!("made npm large 1.0.0 `src/{}.ts`/symbol{symbol}().", symbol % 9973);
        let line = n as i32;
        document.occurrences.push(types::Occurrence {
            range: vec![line, 4, 20],
            symbol: name.clone(),
            symbol_roles: i32::from(is_definition),
            ..Default::default()
        });
        if is_definition {
            document.symbols.push(types::SymbolInformation {
                symbol: name,
                documentation: vec![format!("```ts\nfunction symbol{symbol}(): void\n```")],
                ..Default::default()
            });
        }
    }
    document
}

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.bytes.len() {
            if self.n_left == 0 {
                return Ok(0);
            }
            self.next()?;
        }
        let n_bytes = buffer.len().min(self.bytes.len() - self.at);
        buffer[..n_bytes].copy_from_slice(&self.bytes[self.at..self.at + n_bytes]);
        self.at += n_bytes;
        Ok(n_bytes)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mib: u64 = arguments.next().as_deref().unwrap_or("1024").parse()?;
    let n_symbols: u64 = arguments.next().as_deref().unwrap_or("10000000").parse()?;
    let mut made = Made { bytes: Vec::new(), at: 0, n_documents: 0, n_left: mib << 20, n_symbols };
    let folder = tempfile::tempdir_in(".")?;
    let (cancel, begun) = (AtomicBool::new(false), Instant::now());
    let stop = Stop { cancel: &cancel, deadline: None };
    let target = folder.path().join("large.precise");
    let summary = ingest(&mut made, &target, [7; 16], &IngestLimits::default(), stop)?;
    println!(
        "{} MiB, {} documents, {} symbols, {} occurrences: {} MiB on disk, {:.1} s",
        summary.input_bytes >> 20,
        summary.n_documents,
        summary.n_symbols,
        summary.n_occurrences,
        summary.size_bytes >> 20,
        begun.elapsed().as_secs_f64()
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("memory: not told here"));
    Ok(())
}
