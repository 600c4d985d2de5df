//! What counting a request costs: `cargo run --release -p telemetry --example counters`.
#![allow(clippy::print_stdout, reason = "a measuring program talks to its terminal")]

use std::hint::black_box;
use std::time::{Duration, Instant};
use telemetry::{Counter, Ending, Route, Usage};

const N: u32 = 2_000_000;

fn main() {
    let usage = Usage::new(true, true);
    let each = |begun: Instant| begun.elapsed().as_secs_f64() * 1e9 / f64::from(N);
    let begun = Instant::now();
    for n in 0..N {
        let person = Some(i64::from(n % 100));
        let route = Route::of(black_box("/r/{*address}"), black_box(Some("blob")));
        if usage.counts_for(person) {
            usage.request(route, Ending::Well, Duration::from_micros(u64::from(n % 5_000)));
            usage.count(person, route.entry().counts);
        }
    }
    println!("a request of a person, with its counters: {:.0} ns", each(begun));
    let begun = Instant::now();
    for n in 0..N {
        usage.count(Some(i64::from(n % 100)), &[Counter::Searches]);
    }
    println!("a search: {:.0} ns", each(begun));
    let begun = Instant::now();
    let batch = usage.take();
    println!(
        "taking everything out, every ten seconds: {} µs, {} kinds",
        begun.elapsed().as_micros(),
        batch.requests.len()
    );
}
