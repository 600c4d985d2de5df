//! The definitions of a file as a list beside its lines.

use model::Language;
use syntax::SymbolLimits;

/// How many definitions are listed.
const N_ITEMS_MAX: usize = 2_000;

/// The list.
pub(crate) struct Outline {
    pub(crate) items: Vec<OutlineItem>,
    /// What is said of those that are not listed.
    pub(crate) rest: Option<&'static str>,
}

/// A definition.
pub(crate) struct OutlineItem {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) line: u64,
    /// Whether another definition holds it.
    pub(crate) is_held: bool,
}

impl Outline {
    /// The definitions of a text; empty where nothing reads its language.
    pub(crate) fn of(language: Language, text: &str) -> Self {
        let found = syntax::symbols(language, text, &SymbolLimits::default()).unwrap_or_default();
        let items = found.symbols.iter().take(N_ITEMS_MAX).map(|symbol| OutlineItem {
            name: text.get(symbol.name.clone()).unwrap_or_default().chars().take(200).collect(),
            kind: symbol.kind.as_str(),
            line: symbol.line,
            is_held: symbol.container != 0,
        });
        let is_cut = found.is_cut || found.symbols.len() > N_ITEMS_MAX;
        Outline { items: items.collect(), rest: is_cut.then_some("There are more than are listed.") }
    }
}
