//! Which letters a name has, in four bytes: enough to pass over most names that lack one of those that were typed.

/// A set of letters, digits and the like, whatever their case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters(u32);

impl Letters {
    /// Those of some text.
    pub fn of(text: &[u8]) -> Letters {
        Letters(text.iter().fold(0, |set, byte| set | 1 << bit(*byte)))
    }

    /// Whether none of the other's is missing here. Without that a text cannot hold the other one, however scattered.
    pub fn holds(self, other: Letters) -> bool {
        self.0 & other.0 == other.0
    }

    /// All of both.
    pub fn with(self, other: Letters) -> Letters {
        Letters(self.0 | other.0)
    }
}

fn bit(byte: u8) -> u32 {
    match byte {
        b'a'..=b'z' => u32::from(byte - b'a'),
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'_' => 26,
        b'0'..=b'9' => 27 + u32::from(byte - b'0') % 4,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Letters;

    #[test]
    fn what_is_held_has_no_letter_more() {
        let holds =
            |name: &str, typed: &str| Letters::of(name.as_bytes()).holds(Letters::of(typed.as_bytes()));
        assert!(holds("tcp_v4_rcv", "TCPrcv4") && holds("Größe", "ße") && holds("x", ""));
        assert!(
            !holds("tcp_v4_rcv", "tcpx") && !holds("tcp", "t_") && !holds("tcp", "é") && !holds("a1", "a2")
        );
        assert_eq!(Letters::of(b"ab").with(Letters::of(b"BC")), Letters::of(b"cab"));
    }
}
