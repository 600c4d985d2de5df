//! What this machine can do at most: how fast memory is read, which no search over mapped text can beat.

use std::time::Instant;

/// Larger than any cache.
const BYTES: usize = 1 << 30;
const ROUNDS: usize = 3;

/// Bytes read per second, the best of a few rounds, in GB/s.
#[derive(Clone, Copy, serde::Serialize)]
pub(crate) struct Bandwidth {
    /// By one thread.
    pub(crate) one_thread: f64,
    /// By as many as there are cores.
    pub(crate) all_cores: f64,
}

impl Bandwidth {
    /// Measures; takes some seconds and a gigabyte.
    pub(crate) fn measure() -> Bandwidth {
        let words = vec![1u64; BYTES / 8];
        let n_cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Bandwidth { one_thread: read(&words, 1), all_cores: read(&words, n_cores) }
    }

    /// The least time for so many bytes on all cores, in milliseconds.
    pub(crate) fn least_ms(self, bytes: u64) -> f64 {
        bytes as f64 / (self.all_cores * 1e9) * 1e3
    }
}

fn read(words: &[u64], n_threads: usize) -> f64 {
    let mut best: f64 = 0.0;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in words.chunks(words.len().div_ceil(n_threads)) {
                scope.spawn(|| {
                    std::hint::black_box(part.iter().fold(0, |sum: u64, word| sum.wrapping_add(*word)))
                });
            }
        });
        best = best.max(BYTES as f64 / start.elapsed().as_secs_f64() / 1e9);
    }
    best
}
