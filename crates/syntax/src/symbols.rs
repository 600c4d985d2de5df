//! The definitions of a text: what its outline and the search for symbols are made of.
//!
//! Languages with a grammar are parsed and their tree is walked once by a table of rules ([`rules`]); Markdown and YAML have
//! lexers of their own, because all that is wanted of them stands at the beginning of lines.

mod c_family;
mod grammars;
mod names;
mod plain;
mod rules;
mod special;
mod walk;

use model::{ByteRange, Language, SymbolKind};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Longest name that is kept, in bytes. Longer ones are no names that a person wrote.
const NAME_BYTES_MAX: usize = 200;
/// Longest container, in bytes; what is nested deeper belongs to the innermost one that fits.
const CONTAINER_BYTES_MAX: usize = 300;

/// One definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name within the text: never empty, on character borders.
    pub name: ByteRange,
    /// What is defined.
    pub kind: SymbolKind,
    /// What holds it, as an index of [`Symbols::containers`].
    pub container: u32,
    /// The line of the name, counted from 1.
    pub line: u64,
    /// The whole definition, its body included; it holds `name`.
    pub extent: ByteRange,
}

/// The definitions of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    /// In the order of their names in the text; no two have the same name range.
    pub symbols: Vec<Symbol>,
    /// The containers, each once: qualified names, outermost part first, joined as the language joins them. The first is
    /// empty: nothing holds the definition.
    pub containers: Vec<String>,
    /// Whether a limit cut definitions off.
    pub is_cut: bool,
}

/// How much one call of [`symbols`] may cost.
#[derive(Clone, Copy, Debug)]
pub struct SymbolLimits<'a> {
    /// Longest text, in bytes. Texts in languages of the C family are read in pieces and may be
    /// [`SymbolLimits::PIECES_MAX`] times as long.
    pub size_bytes_max: usize,
    /// Most definitions; what is over it is cut off.
    pub n_symbols_max: usize,
    /// When to give up, if the time is bounded. Work is bounded by the text's length without it, so that the answer for a
    /// text is always the same.
    pub deadline: Option<Instant>,
    /// Set by another thread when nobody waits for the answer any more.
    pub cancel: Option<&'a AtomicBool>,
}

impl SymbolLimits<'_> {
    /// How many times longer a text of the C family may be: generated headers with a million `#define`s are common.
    pub const PIECES_MAX: usize = 16;
}

impl Default for SymbolLimits<'_> {
    /// 2 MiB (a syntax tree takes ten to twenty times its text), 200,000 definitions, no deadline.
    fn default() -> Self {
        SymbolLimits { size_bytes_max: 2 << 20, n_symbols_max: 200_000, deadline: None, cancel: None }
    }
}

/// Why the definitions of a text are not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// The text is longer than the limit.
    #[error("text of {size_bytes} bytes is over the limit of {limit_bytes} for definitions")]
    TooLarge {
        /// The text's length.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The deadline passed, or parsing took far more work than a text of this length should.
    #[error("parsing for definitions took too long")]
    OutOfTime,
    /// The caller cancelled.
    #[error("parsing for definitions was cancelled")]
    Cancelled,
    /// The grammar's scanner cannot hold this text.
    #[error("the text cannot be parsed safely")]
    Unsafe,
    /// No grammar knows the language.
    #[error("no definitions are known for language {}", language.0)]
    Unsupported {
        /// The language asked for.
        language: Language,
    },
}

/// Whether [`symbols`] knows the language.
pub fn has_symbols(language: Language) -> bool {
    plain::reader_of(language).is_some() || grammars::grammar_of(language).is_some()
}

/// What stands between a container and a name when they are written as one: `::`, `.`, `#`.
pub fn symbol_separator(language: Language, kind: SymbolKind) -> &'static str {
    match grammars::grammar_of(language) {
        Some(grammar)
            if grammar.separator == "::" && grammar.methods_by_hash && kind == SymbolKind::Method =>
        {
            "#"
        }
        Some(grammar) => grammar.separator,
        None => ".",
    }
}

/// Finds the definitions of a text, in the order of the text.
///
/// Local variables, parameters and mere declarations of functions are none. A text with syntax errors gives what its
/// sound parts define. A long text of a language that such texts use for data (JSON, TOML, CSS, HTML) defines nothing. Memory is bounded by a multiple of the text's length; so is time.
pub fn symbols(language: Language, text: &str, limits: &SymbolLimits<'_>) -> Result<Symbols, SymbolError> {
    if let Some(read) = plain::reader_of(language) {
        check_size(text, limits.size_bytes_max)?;
        let mut found = Collector::new(text, limits);
        read(&mut found);
        return Ok(found.finish());
    }
    let Some(grammar) = grammars::grammar_of(language) else {
        return Err(SymbolError::Unsupported { language });
    };
    if !(grammar.holds)(text) {
        return Err(SymbolError::Unsafe);
    }
    let mut found = Collector::new(text, limits);
    if grammar.is_c_family {
        check_size(text, limits.size_bytes_max.saturating_mul(SymbolLimits::PIECES_MAX))?;
        c_family::read(grammar, &mut found)?;
    } else {
        check_size(text, limits.size_bytes_max)?;
        if text.len() > grammar.size_bytes_max {
            return Ok(found.finish());
        }
        walk::read(grammar, &mut found, text.as_bytes(), 0)?;
    }
    Ok(found.finish())
}

/// Parses a whole text of a language with a grammar, what hides the shape of C blanked out.
pub(crate) fn parse_text(
    language: Language,
    text: &str,
    check: &mut dyn FnMut() -> Result<(), SymbolError>,
) -> Result<tree_sitter::Tree, SymbolError> {
    let grammar = grammars::grammar_of(language).ok_or(SymbolError::Unsupported { language })?;
    if !(grammar.holds)(text) {
        return Err(SymbolError::Unsafe);
    }
    if grammar.is_c_family {
        return walk::parse(grammar, &c_family::blanked(text).0, check);
    }
    walk::parse(grammar, text.as_bytes(), check)
}

/// The grammar of a language.
pub(crate) fn grammar_language(language: Language) -> Option<tree_sitter::Language> {
    grammars::grammar_of(language).map(grammars::Grammar::tree_sitter)
}

/// Every language that has a grammar.
pub(crate) fn grammar_languages() -> Vec<Language> {
    grammars::all_languages()
}

fn check_size(text: &str, limit_bytes: usize) -> Result<(), SymbolError> {
    let size_bytes = text.len();
    if size_bytes > limit_bytes { Err(SymbolError::TooLarge { size_bytes, limit_bytes }) } else { Ok(()) }
}

/// Gathers definitions within the limits.
struct Collector<'a> {
    text: &'a str,
    limits: &'a SymbolLimits<'a>,
    symbols: Vec<Symbol>,
    containers: Vec<String>,
    by_container: HashMap<String, u32>,
    is_cut: bool,
}

impl<'a> Collector<'a> {
    fn new(text: &'a str, limits: &'a SymbolLimits<'a>) -> Self {
        Collector {
            text,
            limits,
            symbols: Vec::new(),
            containers: vec![String::new()],
            by_container: HashMap::from([(String::new(), 0)]),
            is_cut: false,
        }
    }

    /// Whether there is time left and somebody still waits.
    fn check(&self) -> Result<(), SymbolError> {
        if self.limits.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(SymbolError::Cancelled);
        }
        if self.limits.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(SymbolError::OutOfTime);
        }
        Ok(())
    }

    /// Adds a definition, unless it is none that can be shown.
    fn push(&mut self, kind: SymbolKind, name: ByteRange, extent: ByteRange, container: u32) {
        if self.symbols.len() >= self.limits.n_symbols_max {
            self.is_cut = true;
            return;
        }
        let Some(text) = self.text.get(name.clone()) else { return };
        let is_name = !text.is_empty()
            && text.len() <= NAME_BYTES_MAX
            && !text.contains(['\n', '\r', '\0'])
            && extent.start <= name.start
            && name.end <= extent.end
            && extent.end <= self.text.len();
        if is_name {
            self.symbols.push(Symbol { name, kind, container, line: 0, extent });
        }
    }

    /// The container `name` within another one.
    fn container(&mut self, outer: u32, name: &str, separator: &str) -> u32 {
        let outer_text = self.containers.get(outer as usize).map_or("", String::as_str);
        let name = name.trim();
        if name.is_empty() || name.contains('\n') || outer_text.len() + name.len() > CONTAINER_BYTES_MAX {
            return outer;
        }
        let whole =
            if outer_text.is_empty() { name.to_owned() } else { format!("{outer_text}{separator}{name}") };
        if let Some(known) = self.by_container.get(&whole) {
            return *known;
        }
        let number = self.containers.len() as u32;
        self.containers.push(whole.clone());
        self.by_container.insert(whole, number);
        number
    }

    /// Orders what was found and counts lines.
    fn finish(mut self) -> Symbols {
        self.symbols.sort_by_key(|symbol| (symbol.name.start, symbol.name.end));
        self.symbols.dedup_by(|next, kept| next.name == kept.name);
        let (mut counted_to, mut line) = (0, 1);
        for symbol in &mut self.symbols {
            let before = &self.text.as_bytes()[counted_to..symbol.name.start];
            line += memchr::memchr_iter(b'\n', before).count() as u64;
            counted_to = symbol.name.start;
            symbol.line = line;
        }
        Symbols { symbols: self.symbols, containers: self.containers, is_cut: self.is_cut }
    }
}
