//! Prints the definitions of files: `cargo run -p syntax --example symbols -- file…`. With `--time` first, only how long it
//! took and how many there are.
#![allow(clippy::print_stdout, reason = "printing is this program's purpose")]

use std::error::Error;
use std::time::{Duration, Instant};
use syntax::{
    DecodeLimits, Decoded, HEAD_BYTES, SymbolLimits, decode, detect_language, language_name, symbols,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let only_time = arguments.first().is_some_and(|first| first == "--time");
    if only_time {
        arguments.remove(0);
        if arguments.is_empty() {
            arguments = std::io::read_to_string(std::io::stdin())?.lines().map(str::to_owned).collect();
        }
    }
    let (mut took, mut n_symbols, mut n_bytes, mut n_lines, mut n_faults) = (Duration::ZERO, 0, 0, 0, 0);
    let mut slowest: Vec<(Duration, usize, String)> = Vec::new();
    for path in &arguments {
        let Ok(bytes) = std::fs::read(path) else { continue };
        let Decoded::Text { utf8, .. } = decode(&bytes, &DecodeLimits { size_bytes_max: 32 << 20 }) else {
            continue;
        };
        let language = detect_language(path.as_bytes(), &utf8.as_bytes()[..utf8.len().min(HEAD_BYTES)]);
        n_bytes += utf8.len();
        n_lines += utf8.lines().count();
        if !syntax::has_symbols(language) {
            continue;
        }
        let start = Instant::now();
        let found = symbols(language, &utf8, &SymbolLimits::default());
        let one = start.elapsed();
        took += one;
        slowest.push((one, utf8.len(), path.clone()));
        match found {
            Ok(found) => {
                n_symbols += found.symbols.len();
                if only_time {
                    continue;
                }
                println!(
                    "{path} ({}){}",
                    language_name(language).unwrap_or("?"),
                    if found.is_cut { " cut" } else { "" }
                );
                for symbol in &found.symbols {
                    let container = &found.containers[symbol.container as usize];
                    let lines = utf8[symbol.extent.clone()].lines().count();
                    println!(
                        "{:>6} {:<12} {container:>20} | {} ({lines})",
                        symbol.line,
                        symbol.kind.as_str(),
                        &utf8[symbol.name.clone()]
                    );
                }
            }
            Err(error) => {
                n_faults += 1;
                println!("{path}: {error}");
            }
        }
    }
    slowest.sort_by_key(|(one, len, _)| std::cmp::Reverse(one.as_nanos() / (*len as u128 + 10_000)));
    for (one, len, path) in slowest.iter().take(if only_time { 10 } else { 0 }) {
        println!("{:>9.1} ms {len:>9} {path}", one.as_secs_f64() * 1e3);
    }
    println!(
        "{n_symbols} definitions in {:.3} s; {n_lines} lines, {:.1} MB, {n_faults} without",
        took.as_secs_f64(),
        n_bytes as f64 / 1e6
    );
    Ok(())
}
