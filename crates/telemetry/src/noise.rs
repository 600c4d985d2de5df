//! Two-sided geometric noise, drawn exactly.
//!
//! Source: Ghosh, Roughgarden, Sundararajan, "Universally Utility-Maximizing Privacy Mechanisms" (2009) for the mechanism;
//! Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithms 1 and 2, for drawing it with
//! integers alone: no floating-point number decides, so no rounding leaks (Mironov, "On Significance of the Least
//! Significant Bits", 2012).

/// Where random bits come from: 64 uniform ones at each call.
pub type Draw<'d, E> = dyn FnMut() -> Result<u64, E> + 'd;

/// A random integer with `P(k)` proportional to `exp(-|k| / scale)`.
///
/// `scale` is at least 1. The result is exact as far as the bits are uniform; it takes a few hundred of them on average,
/// whatever the scale.
pub fn two_sided_geometric<E>(scale: u32, draw: &mut Draw<'_, E>) -> Result<i64, E> {
    let scale = u64::from(scale.max(1));
    loop {
        let rest = below(scale, draw)?;
        if !with_probability_exp(rest, scale, draw)? {
            continue;
        }
        let mut n_whole: u64 = 0;
        while with_probability_exp(1, 1, draw)? {
            n_whole += 1;
        }
        let magnitude = i64::try_from(rest + scale * n_whole).unwrap_or(i64::MAX);
        let is_negative = below(2, draw)? == 1;
        // Nought has one sign only.
        if is_negative && magnitude == 0 {
            continue;
        }
        return Ok(if is_negative { -magnitude } else { magnitude });
    }
}

/// The probability with which [`two_sided_geometric`] is `k`: `(1 - a) / (1 + a) * a^|k|`, where `a = exp(-1 / scale)`.
pub fn probability(k: i64, scale: u32) -> f64 {
    let step = 1.0 / f64::from(scale.max(1));
    // (1 - a) / (1 + a), without the difference of two near numbers.
    (step / 2.0).tanh() * (-(k.unsigned_abs() as f64) * step).exp()
}

/// A uniform number below `bound` (at least 1), by rejection.
fn below<E>(bound: u64, draw: &mut Draw<'_, E>) -> Result<u64, E> {
    // The largest multiple of `bound` that fits; what lies above it would favour small numbers.
    let fair = u64::MAX - (u64::MAX % bound + 1) % bound;
    loop {
        let bits = draw()?;
        if bits <= fair {
            return Ok(bits % bound);
        }
    }
}

/// True with probability `exp(-numerator / denominator)`, for a fraction of at most 1 (von Neumann's method).
fn with_probability_exp<E>(numerator: u64, denominator: u64, draw: &mut Draw<'_, E>) -> Result<bool, E> {
    let mut k: u64 = 1;
    // The chain goes on with probability fraction / k; how long it was decides.
    while below(denominator.saturating_mul(k), draw)? < numerator {
        k += 1;
    }
    Ok(k % 2 == 1)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::convert::Infallible;

    /// A generator whose draws are the same in every run (splitmix64).
    pub(crate) fn seeded(mut state: u64) -> impl FnMut() -> Result<u64, Infallible> {
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            Ok(mixed ^ (mixed >> 31))
        }
    }

    fn drawn(scale: u32, draw: &mut Draw<'_, Infallible>) -> i64 {
        match two_sided_geometric(scale, draw) {
            Ok(noise) => noise,
        }
    }

    #[test]
    fn probabilities_are_a_distribution() {
        for scale in [1, 8, 160, 800] {
            let reach = i64::from(scale) * 60;
            let total: f64 = (-reach..=reach).map(|k| probability(k, scale)).sum();
            assert!((total - 1.0).abs() < 1e-9, "{scale}: {total}");
        }
    }

    #[test]
    fn neighbours_differ_by_their_share_at_most() {
        // One person moves a count by at most `cap`, and its scale is cap * shares: the ratio is at most exp(1 / shares).
        for (cap, shares) in [(1, 8), (20, 8), (100, 8)] {
            let scale = cap * shares;
            for k in -5_000_i64..=5_000 {
                let ratio = probability(k, scale) / probability(k - i64::from(cap), scale);
                assert!(ratio <= (1.0 / f64::from(shares)).exp() * (1.0 + 1e-12), "{cap} {k}: {ratio}");
            }
        }
    }

    #[test]
    fn a_million_draws_fit_the_probabilities() {
        const N: u32 = 1_000_000;
        for scale in [1_u32, 8, 100] {
            let mut draw = seeded(0x5eed ^ u64::from(scale));
            let reach = i64::from(scale) * 4;
            let mut counts = vec![0_u32; (2 * reach + 3) as usize];
            for _ in 0..N {
                let noise = drawn(scale, &mut draw).clamp(-reach - 1, reach + 1);
                counts[(noise + reach + 1) as usize] += 1;
            }
            let tail: f64 = 0.5 * (1.0 - (-reach..=reach).map(|k| probability(k, scale)).sum::<f64>());
            let expected = |idx: usize| {
                let k = idx as i64 - reach - 1;
                f64::from(N) * if k.abs() > reach { tail } else { probability(k, scale) }
            };
            let chi_squared: f64 = counts
                .iter()
                .enumerate()
                .map(|(idx, n)| (f64::from(*n) - expected(idx)).powi(2) / expected(idx))
                .sum();
            // The mean of chi squared is the degrees of freedom, its variance twice that; five deviations above are one in
            // a few millions, and the draws are the same in every run.
            let freedom = (counts.len() - 1) as f64;
            let limit = freedom + 5.0 * (2.0 * freedom).sqrt();
            assert!(chi_squared < limit, "scale {scale}: {chi_squared} of at most {limit}");
        }
    }

    #[test]
    fn a_generator_that_is_not_uniform_is_seen() {
        // The control: a bit that is set too often shows in the same measure.
        let mut honest = seeded(7);
        let mut draw = move || honest().map(|bits| if bits % 64 == 0 { bits | 1 } else { bits });
        let mut n_negative = 0;
        for _ in 0..200_000 {
            n_negative += i64::from(drawn(8, &mut draw) < 0);
        }
        let expected = 200_000.0 * (1.0 - probability(0, 8)) / 2.0;
        assert!((n_negative as f64 - expected).abs() > 1_000.0, "{n_negative}");
    }

    #[test]
    fn numbers_below_a_bound_are_all_reached_and_no_other() {
        let mut draw = seeded(3);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            let Ok(number) = below(7, &mut draw);
            seen[number as usize] += 1;
        }
        assert!(seen.iter().all(|n| (800..1_200).contains(n)), "{seen:?}");
    }
}
