//! What a running git child says of its progress.

/// What a clone or fetch is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing heard yet.
    Connecting,
    /// The remote enumerates, counts and compresses objects.
    Preparing,
    /// Objects arrive.
    Receiving,
    /// Deltas are resolved and objects checked.
    Resolving,
}

/// A state of a running clone or fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Objects done in this phase.
    pub n_done: u64,
    /// Objects to do in this phase; 0 where unknown.
    pub n_total: u64,
    /// Bytes received so far, as git tells it, rounded.
    pub received_bytes: u64,
}

impl Progress {
    /// Where every clone and fetch begins.
    pub const START: Progress =
        Progress { phase: Phase::Connecting, n_done: 0, n_total: 0, received_bytes: 0 };

    /// The state after git wrote this line, if it is one of progress: `Receiving objects:  12% (34/280), 5.10 MiB | 1.2 MiB/s`.
    pub(crate) fn after_line(self, line: &str) -> Option<Progress> {
        let line = line.strip_prefix("remote: ").unwrap_or(line);
        let (title, rest) = line.split_once(':')?;
        let phase = match title {
            "Enumerating objects" | "Counting objects" | "Compressing objects" => Phase::Preparing,
            "Receiving objects" | "Unpacking objects" => Phase::Receiving,
            "Resolving deltas" | "Checking objects" | "Indexing objects" => Phase::Resolving,
            _ => return None,
        };
        // A remote may write what it likes; our own receiving is not undone by its late counting.
        if phase < self.phase {
            return Some(self);
        }
        let (n_done, n_total) = counts(rest).unwrap_or((0, 0));
        let received_bytes = received_bytes(rest).unwrap_or(0).max(self.received_bytes);
        Some(Progress { phase, n_done, n_total, received_bytes })
    }
}

/// `34` and `280` of `(34/280)`; of `Enumerating objects: 34, done.` the first.
fn counts(rest: &str) -> Option<(u64, u64)> {
    if let Some((_, rest)) = rest.split_once('(') {
        let (done, rest) = rest.split_once('/')?;
        let (total, _) = rest.split_once(')')?;
        return Some((done.parse().ok()?, total.parse().ok()?));
    }
    let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
    Some((digits.parse().ok()?, 0))
}

/// `5.10 MiB` after the counts, in bytes.
fn received_bytes(rest: &str) -> Option<u64> {
    let (_, rest) = rest.split_once("), ")?;
    let mut words = rest.split(' ');
    let number: f64 = words.next()?.parse().ok()?;
    let unit = match words.next()?.trim_end_matches(',') {
        "bytes" => 1u64,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    Some((number * unit as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, phase: Phase, n_done: u64, n_total: u64, received_bytes: u64) {
        let expected = Progress { phase, n_done, n_total, received_bytes };
        assert_eq!(Progress::START.after_line(line), Some(expected));
    }

    #[test]
    fn lines_of_git() {
        check("remote: Enumerating objects: 1234, done.", Phase::Preparing, 1234, 0, 0);
        check("remote: Counting objects:  50% (3/6)", Phase::Preparing, 3, 6, 0);
        check("Receiving objects:  12% (34/280), 5.50 KiB | 1.2 MiB/s", Phase::Receiving, 34, 280, 5632);
        check(
            "Receiving objects: 100% (280/280), 2.00 GiB | 1.2 MiB/s, done.",
            Phase::Receiving,
            280,
            280,
            2 << 30,
        );
        check("Resolving deltas: 100% (1/1), done.", Phase::Resolving, 1, 1, 0);
    }

    #[test]
    fn everything_else() {
        for line in ["", "fatal: repository not found", "remote: hello: (1/2)", "warning: x"] {
            assert_eq!(Progress::START.after_line(line), None, "{line}");
        }
        check("Receiving objects:  (x/y), many", Phase::Receiving, 0, 0, 0);
        let receiving = Progress { phase: Phase::Receiving, n_done: 1, n_total: 2, received_bytes: 9 };
        assert_eq!(receiving.after_line("remote: Counting objects: 1% (1/100)"), Some(receiving));
    }
}
