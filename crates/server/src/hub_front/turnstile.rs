//! How often an address may ask: in memory, forgotten after a minute, never written down.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an address is counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Most addresses at once; beyond that nobody new is let in until the window is over.
const N_ADDRESSES_MAX: usize = 50_000;

/// Counts questions.
pub(super) struct Turnstile {
    n_max: u32,
    window: Mutex<(Option<Instant>, HashMap<IpAddr, u32>)>,
}

impl Turnstile {
    pub(super) fn new(n_max: u32) -> Self {
        Turnstile { n_max, window: Mutex::default() }
    }

    /// Whether one more question of this address is let through.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        self.admits_at(address, Instant::now())
    }

    fn admits_at(&self, address: IpAddr, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, counts) = &mut *window;
        if begun.is_none_or(|begun| now.saturating_duration_since(begun) >= WINDOW) {
            (*begun, *counts) = (Some(now), HashMap::new());
        }
        if counts.len() >= N_ADDRESSES_MAX && !counts.contains_key(&block_of(address)) {
            return false;
        }
        let count = counts.entry(block_of(address)).or_default();
        *count = count.saturating_add(1);
        *count <= self.n_max
    }
}

/// Who has an IPv6 network of 64 bits has all of its addresses.
fn block_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_share() {
        let (turnstile, now) = (Turnstile::new(2), Instant::now());
        let [a, b, c, d] =
            ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        assert!(turnstile.admits_at(a, now) && turnstile.admits_at(a, now) && !turnstile.admits_at(a, now));
        assert!(turnstile.admits_at(b, now));
        assert!(turnstile.admits_at(c, now) && turnstile.admits_at(d, now) && !turnstile.admits_at(c, now));
        assert!(turnstile.admits_at(a, now + WINDOW));
    }

    #[test]
    fn a_flood_of_addresses_takes_no_memory() {
        let (turnstile, now) = (Turnstile::new(2), Instant::now());
        for n in 0..N_ADDRESSES_MAX as u32 {
            assert!(turnstile.admits_at(IpAddr::V4(n.into()), now));
        }
        assert!(!turnstile.admits_at("192.0.2.1".parse().unwrap(), now));
        assert!(turnstile.admits_at(IpAddr::V4(0.into()), now), "who was there stays");
    }
}
