//! What a definition in source code defines.

use std::fmt;

/// The kind of a definition: the kinds of the Language Server Protocol (specification 3.17, `SymbolKind`), and the few
/// that source code has beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SymbolKind {
    /// A file.
    File = 1,
    /// A module.
    Module = 2,
    /// A namespace.
    Namespace = 3,
    /// A package.
    Package = 4,
    /// A class.
    Class = 5,
    /// A function that belongs to a type.
    Method = 6,
    /// A property.
    Property = 7,
    /// A field of a structure or class.
    Field = 8,
    /// A constructor.
    Constructor = 9,
    /// An enumeration.
    Enum = 10,
    /// An interface, protocol or trait-like type of a language that calls it so.
    Interface = 11,
    /// A function that stands alone.
    Function = 12,
    /// A variable.
    Variable = 13,
    /// A constant.
    Constant = 14,
    /// A string.
    String = 15,
    /// A number.
    Number = 16,
    /// A truth value.
    Boolean = 17,
    /// An array.
    Array = 18,
    /// An object.
    Object = 19,
    /// A key of a configuration file.
    Key = 20,
    /// Nothing.
    Null = 21,
    /// One value of an enumeration.
    EnumMember = 22,
    /// A structure.
    Struct = 23,
    /// An event.
    Event = 24,
    /// An operator.
    Operator = 25,
    /// A type parameter.
    TypeParameter = 26,
    /// A macro.
    Macro = 27,
    /// A name for a type.
    Type = 28,
    /// A trait, mixin or type class.
    Trait = 29,
    /// A union.
    Union = 30,
    /// A heading of a document.
    Section = 31,
}

impl SymbolKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [SymbolKind; 31] = [
        SymbolKind::File,
        SymbolKind::Module,
        SymbolKind::Namespace,
        SymbolKind::Package,
        SymbolKind::Class,
        SymbolKind::Method,
        SymbolKind::Property,
        SymbolKind::Field,
        SymbolKind::Constructor,
        SymbolKind::Enum,
        SymbolKind::Interface,
        SymbolKind::Function,
        SymbolKind::Variable,
        SymbolKind::Constant,
        SymbolKind::String,
        SymbolKind::Number,
        SymbolKind::Boolean,
        SymbolKind::Array,
        SymbolKind::Object,
        SymbolKind::Key,
        SymbolKind::Null,
        SymbolKind::EnumMember,
        SymbolKind::Struct,
        SymbolKind::Event,
        SymbolKind::Operator,
        SymbolKind::TypeParameter,
        SymbolKind::Macro,
        SymbolKind::Type,
        SymbolKind::Trait,
        SymbolKind::Union,
        SymbolKind::Section,
    ];

    /// The number that files store. Those up to 26 are the protocol's own.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind of this number; `None` where a file names one that this version does not know.
    pub fn from_number(number: u8) -> Option<Self> {
        SymbolKind::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The word that stands in queries (`select:symbol.enum-member`) and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            SymbolKind::File => "file",
            SymbolKind::Module => "module",
            SymbolKind::Namespace => "namespace",
            SymbolKind::Package => "package",
            SymbolKind::Class => "class",
            SymbolKind::Method => "method",
            SymbolKind::Property => "property",
            SymbolKind::Field => "field",
            SymbolKind::Constructor => "constructor",
            SymbolKind::Enum => "enum",
            SymbolKind::Interface => "interface",
            SymbolKind::Function => "function",
            SymbolKind::Variable => "variable",
            SymbolKind::Constant => "constant",
            SymbolKind::String => "string",
            SymbolKind::Number => "number",
            SymbolKind::Boolean => "boolean",
            SymbolKind::Array => "array",
            SymbolKind::Object => "object",
            SymbolKind::Key => "key",
            SymbolKind::Null => "null",
            SymbolKind::EnumMember => "enum-member",
            SymbolKind::Struct => "struct",
            SymbolKind::Event => "event",
            SymbolKind::Operator => "operator",
            SymbolKind::TypeParameter => "type-parameter",
            SymbolKind::Macro => "macro",
            SymbolKind::Type => "type",
            SymbolKind::Trait => "trait",
            SymbolKind::Union => "union",
            SymbolKind::Section => "section",
        }
    }

    /// The kind that a query names, in any case; `enummember`, `enum_member` and `enum-member` are one.
    pub fn from_word(word: &str) -> Option<Self> {
        let plain = |text: &str| -> std::string::String {
            text.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
        };
        let word = plain(word);
        SymbolKind::ALL.into_iter().find(|kind| plain(kind.as_str()) == word)
    }
}

impl fmt::Display for SymbolKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back_to_their_kind() {
        for kind in SymbolKind::ALL {
            assert_eq!(SymbolKind::from_number(kind.number()), Some(kind));
            assert_eq!(SymbolKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(SymbolKind::from_number(0), None);
        assert_eq!(SymbolKind::from_number(32), None);
        assert_eq!(SymbolKind::from_word("EnumMember"), Some(SymbolKind::EnumMember));
        assert_eq!(SymbolKind::from_word("procedure"), None);
    }
}
