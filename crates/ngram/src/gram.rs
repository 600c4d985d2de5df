//! Grams, and how a text yields them.

use crate::fold::{fold_ascii, fold_into};

/// Three bytes in a row of folded text, none of them a newline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gram([u8; 3]);

/// Two bytes in a row of folded text, none of them a newline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bigram([u8; 2]);

impl Gram {
    /// How many different keys there could be.
    pub const N_KEYS: usize = 1 << 24;

    /// Wraps three folded bytes; `None` if one is a newline.
    pub fn new(bytes: [u8; 3]) -> Option<Gram> {
        (!bytes.contains(&b'\n')).then_some(Gram(bytes))
    }

    /// The bytes as one number, the first byte highest: below 2²⁴, in byte order.
    pub fn key(self) -> u32 {
        u32::from_be_bytes([0, self.0[0], self.0[1], self.0[2]])
    }

    /// The bytes.
    pub fn bytes(self) -> [u8; 3] {
        self.0
    }
}

impl Bigram {
    /// How many different keys there could be.
    pub const N_KEYS: usize = 1 << 16;

    /// Wraps two folded bytes; `None` if one is a newline.
    pub fn new(bytes: [u8; 2]) -> Option<Bigram> {
        (!bytes.contains(&b'\n')).then_some(Bigram(bytes))
    }

    /// The bytes as one number, the first byte highest: below 2¹⁶, in byte order.
    pub fn key(self) -> u32 {
        u32::from(u16::from_be_bytes(self.0))
    }

    /// The bytes.
    pub fn bytes(self) -> [u8; 2] {
        self.0
    }
}

impl std::fmt::Debug for Gram {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "\"{}\"", self.0.escape_ascii())
    }
}

impl std::fmt::Debug for Bigram {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "\"{}\"", self.0.escape_ascii())
    }
}

/// Three neighbouring bytes of folded text with a newline put before and after it: the raw form in which a text yields
/// its grams, cheap enough to be taken at every byte. Most windows repeat, so newlines are looked for only when a window is
/// new to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(u32);

impl Window {
    /// The window with this [`Window::key`]; bits above the lowest 24 are ignored.
    pub fn from_key(key: u32) -> Window {
        Window(key & 0x00ff_ffff)
    }

    /// The three bytes as one number, the first byte highest: below 2²⁴.
    pub fn key(self) -> u32 {
        self.0
    }

    /// The gram in this window, unless it holds a newline.
    pub fn gram(self) -> Option<Gram> {
        let [_, a, b, c] = self.0.to_be_bytes();
        Gram::new([a, b, c])
    }

    /// The bigram of this window's first two bytes, unless one is a newline. Every bigram of a text is the head of some
    /// window, thanks to the newline put after it.
    pub fn bigram(self) -> Option<Bigram> {
        let [_, a, b, _] = self.0.to_be_bytes();
        Bigram::new([a, b])
    }
}

/// Calls `visit` with every window of a text, in order. `scratch` holds the folded text where it is not ASCII; its old
/// content is lost. Windows repeat.
pub fn for_each_window(text: &[u8], scratch: &mut Vec<u8>, mut visit: impl FnMut(Window)) {
    let mut key = 0x000a_0a0a;
    let mut step = |byte: u8| {
        key = (key << 8 | u32::from(byte)) & 0x00ff_ffff;
        visit(Window(key));
    };
    if text.is_ascii() {
        text.iter().for_each(|byte| step(fold_ascii(*byte)));
    } else {
        scratch.clear();
        fold_into(text, scratch);
        scratch.iter().for_each(|byte| step(*byte));
    }
    step(b'\n');
}
