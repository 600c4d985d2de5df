//! Buckets of a duration: eight to each doubling, from 16 microseconds to two minutes.

/// How many buckets there are.
pub const N_BUCKETS: usize = (N_DOUBLINGS as usize) * STEPS as usize + 2;

/// Below this everything is one bucket.
const SHORTEST_US: u64 = 16;
const STEPS: u64 = 8;
/// From 16 µs to 2^27 µs, which are 134 seconds.
const N_DOUBLINGS: u64 = 23;

/// The bucket a duration belongs to.
pub fn bucket_of(us: u64) -> u16 {
    if us < SHORTEST_US {
        return 0;
    }
    let octave = u64::from(us.ilog2()) - u64::from(SHORTEST_US.ilog2());
    if octave >= N_DOUBLINGS {
        return (N_BUCKETS - 1) as u16;
    }
    // Where it stands within its doubling, in eighths.
    let step = (us >> (octave + 1)) - STEPS;
    (1 + octave * STEPS + step) as u16
}

/// The shortest duration of a bucket, in microseconds.
pub fn floor_us(bucket: u16) -> u64 {
    let bucket = u64::from(bucket).min(N_BUCKETS as u64 - 1);
    match bucket.checked_sub(1) {
        None => 0,
        Some(idx) => (STEPS + idx % STEPS) << (idx / STEPS + 1),
    }
}

/// The duration that `share` (of 1) of all were not longer than, in microseconds: the middle of its bucket, at most 6 % off.
/// `None` where nothing was counted. Buckets come in order.
pub fn quantile_us(counts: &[(u16, u64)], share: f64) -> Option<u64> {
    let total: u64 = counts.iter().map(|(_, n)| n).sum();
    let rank = ((total as f64) * share).ceil().max(1.0) as u64;
    let mut before = 0;
    for (bucket, n) in counts {
        before += n;
        if *n > 0 && before >= rank {
            return Some(u64::midpoint(floor_us(*bucket), floor_us(bucket.saturating_add(1))));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_duration_is_in_its_bucket(us in 0_u64..200_000_000) {
            let bucket = bucket_of(us);
            prop_assert!(floor_us(bucket) <= us);
            if usize::from(bucket) < N_BUCKETS - 1 {
                prop_assert!(us < floor_us(bucket + 1));
                // No bucket is wider than an eighth of what is in it.
                prop_assert!(us < 16 || (floor_us(bucket + 1) - floor_us(bucket)) * 8 <= us);
            }
        }
    }

    #[test]
    fn every_bucket_is_reached() {
        for bucket in 0..N_BUCKETS as u16 {
            assert_eq!(bucket_of(floor_us(bucket)), bucket);
        }
        assert_eq!(usize::from(bucket_of(u64::MAX)), N_BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_near() {
        let mut counts = vec![0; N_BUCKETS];
        for us in 1..=100_000_u64 {
            counts[usize::from(bucket_of(us))] += 1;
        }
        let counts: Vec<(u16, u64)> =
            counts.into_iter().enumerate().map(|(idx, n)| (idx as u16, n)).collect();
        for (share, truth) in [(0.5, 50_000_f64), (0.95, 95_000.0), (0.99, 99_000.0)] {
            let found = quantile_us(&counts, share).unwrap() as f64;
            assert!((found / truth - 1.0).abs() < 0.07, "{share}: {found}");
        }
        assert_eq!(quantile_us(&[], 0.5), None);
    }
}
