//! Bounds what all running jobs read at once, so that two large repositories are indexed after one another and many small
//! ones side by side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a waiting job sleeps between looks at its cancellation.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// The gate. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    shared: Arc<(Mutex<u64>, Condvar)>,
    bytes_max: u64,
}

/// Room for one job's bytes, given back when dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    gate: Gate,
    bytes: u64,
}

impl Gate {
    /// A gate that lets so many bytes in at once; one job that wants more gets in alone.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Gate { shared: Arc::default(), bytes_max }
    }

    /// Waits until there is room; `None` where the work is called off meanwhile.
    pub(crate) fn enter(&self, bytes: u64, cancel: &AtomicBool) -> Option<Admission> {
        let bytes = bytes.min(self.bytes_max);
        let (used, freed) = &*self.shared;
        let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used + bytes > self.bytes_max {
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            used = freed.wait_timeout(used, LOOK_AROUND).unwrap_or_else(PoisonError::into_inner).0;
        }
        *used += bytes;
        Some(Admission { gate: self.clone(), bytes })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let (used, freed) = &*self.gate.shared;
        *used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back() {
        let gate = Gate::new(100);
        let go_on = AtomicBool::new(false);
        let called_off = AtomicBool::new(true);
        let one = gate.enter(60, &go_on).unwrap();
        assert!(gate.enter(60, &called_off).is_none());
        let small = gate.enter(40, &called_off).unwrap();
        drop((one, small));
        let alone = gate.enter(1 << 40, &go_on).unwrap();
        assert!(gate.enter(1, &called_off).is_none());
        drop(alone);
        assert!(gate.enter(100, &go_on).is_some());
    }
}
