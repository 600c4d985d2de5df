//! What a text defines, as it goes from the parser to the segment.

use index::{NewSymbol, NewSymbols};
use model::Language;
use syntax::{SymbolError, SymbolLimits, Symbols};

/// The definitions of one blob.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    found: Symbols,
    /// Whether a limit kept some or all of them out.
    is_cut: bool,
}

impl Definitions {
    /// Parses a text. Never fails: what goes wrong is that definitions are missing.
    pub(crate) fn of(language: Language, text: &[u8]) -> Definitions {
        let Ok(text) = std::str::from_utf8(text) else { return Definitions::default() };
        if !syntax::has_symbols(language) {
            return Definitions::default();
        }
        match syntax::symbols(language, text, &SymbolLimits::default()) {
            Ok(found) => Definitions { is_cut: found.is_cut, found },
            Err(SymbolError::Unsupported { .. }) => Definitions::default(),
            Err(_) => Definitions { found: Symbols::default(), is_cut: true },
        }
    }

    /// Calls `write` with them as the segment writer takes them.
    pub(crate) fn with<T>(&self, text: &[u8], write: impl FnOnce(NewSymbols<'_>) -> T) -> T {
        let containers = &self.found.containers;
        let number = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let symbols: Vec<NewSymbol<'_>> = self
            .found
            .symbols
            .iter()
            .map(|symbol| NewSymbol {
                name: text.get(symbol.name.clone()).unwrap_or_default(),
                name_start: number(symbol.name.start),
                kind: symbol.kind,
                container: containers.get(symbol.container as usize).map_or(b"", |name| name.as_bytes()),
                extent: number(symbol.extent.start)..number(symbol.extent.end),
            })
            .collect();
        write(if self.is_cut { NewSymbols::Cut(&symbols) } else { NewSymbols::Known(&symbols) })
    }
}
