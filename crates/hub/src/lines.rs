//! The form of everything that is signed: a first line that says what it is, then `key: value` lines in a fixed order.

use std::fmt::Write as _;

/// Writes such a text.
pub(crate) struct Writer(String);

/// Reads one; whatever is not as [`Writer`] writes it is `None`.
pub(crate) struct Reader<'t>(&'t str);

impl Writer {
    /// Begins with what it is: a line that no other kind of text begins with.
    pub(crate) fn new(what: &str) -> Self {
        Writer(format!("{what}\n"))
    }

    /// Adds a line. The value has no break; callers have checked that.
    pub(crate) fn line(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        let _ = writeln!(self.0, "{key}: {value}");
        self
    }

    /// The whole text.
    pub(crate) fn text(self) -> String {
        self.0
    }
}

impl<'t> Reader<'t> {
    /// Reads the first line.
    pub(crate) fn new(text: &'t str, what: &str) -> Option<Self> {
        text.strip_prefix(what)?.strip_prefix('\n').map(Reader)
    }

    /// The value of the next line, which must have this key.
    pub(crate) fn line(&mut self, key: &str) -> Option<&'t str> {
        let (line, rest) = self.0.split_once('\n')?;
        let value = line.strip_prefix(key)?.strip_prefix(": ")?;
        self.0 = rest;
        Some(value)
    }

    /// A number as it is written: no sign, no zeros in front.
    pub(crate) fn number(&mut self, key: &str) -> Option<u64> {
        let text = self.line(key)?;
        text.parse::<u64>().ok().filter(|number| number.to_string() == text)
    }

    /// A moment in milliseconds since 1970.
    pub(crate) fn moment(&mut self, key: &str) -> Option<i64> {
        i64::try_from(self.number(key)?).ok()
    }

    /// Bytes as small hexadecimal digits.
    pub(crate) fn hash(&mut self, key: &str) -> Option<[u8; 32]> {
        from_hex(self.line(key)?)
    }

    /// Nothing is left.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Small hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What [`hex`] wrote, and nothing else.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
