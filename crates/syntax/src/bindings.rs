//! What the names of a text mean, as far as its own tree shows: scopes, imports, and what members belong to.
//!
//! The tree is walked once by a table of rules ([`rules`]): it opens scopes, binds names in them, and notes every other
//! name with the receiver it stands behind. Names are resolved afterwards, when every binding is known. What needs other
//! files (an import, a member of an imported type) is told as far as this file knows it; crate `nav` goes on from there.

mod binder;
mod finish;
mod languages;
mod rules;
mod source;
mod walk;

use crate::symbols::SymbolError;
use model::{ByteRange, Language};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// A name, by its place in [`Bindings::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameIdx(pub u32);

/// A binding, by its place in [`Bindings::bindings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingIdx(pub u32);

/// What the names of one text mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    /// Every name that code is made of, in the order of the text, none overlapping another.
    pub names: Vec<Name>,
    /// What binds names here, in the order in which it was met.
    pub bindings: Vec<Binding>,
    /// What is imported, whether it binds a name or not.
    pub imports: Vec<Import>,
    /// Imports that bind every name of a module without naming them, by their places in `imports`.
    pub wildcards: Vec<u32>,
}

/// A name in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Where it stands, on character borders.
    pub range: ByteRange,
    /// What it means.
    pub meaning: Meaning,
    /// Whether it stands where its binding is made.
    pub is_definition: bool,
    /// Whether it is called.
    pub is_call: bool,
}

/// What a name means, as far as this text shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Something that is bound here.
    Bound(BindingIdx),
    /// A member of a value or a type.
    Member(Origin),
    /// The parameter of what is called here, given by name.
    Argument(NameIdx),
    /// Bound in no scope of this text: built in, or of another file.
    Free,
}

/// Where a value comes from, as far as the tree shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing is known.
    Unknown,
    /// An instance of the type of this name.
    Instance(NameIdx),
    /// The same as this name.
    Same(NameIdx),
    /// What calling this name gives.
    Call(NameIdx),
    /// An instance of this type that is bound here: `self`, `this`.
    This(BindingIdx),
    /// An instance of what this type extends: `super`.
    Super(BindingIdx),
}

/// What binds a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name where it is bound.
    pub name: ByteRange,
    /// What it is.
    pub kind: BindingKind,
    /// The whole definition.
    pub extent: ByteRange,
    /// The type or function it belongs to: members to their type, parameters to their function. None at the top of the
    /// text, and for what is local to a block.
    pub container: Option<BindingIdx>,
    /// The name of the type it belongs to where that is defined in another text: methods in Go, `impl` blocks in Rust.
    pub container_name: Option<NameIdx>,
    /// Whether other texts can name it.
    pub is_top: bool,
    /// Where its value comes from; of a function, what calling it gives.
    pub origin: Origin,
    /// What a type extends or implements.
    pub supertypes: Vec<NameIdx>,
}

/// What is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// A parameter.
    Parameter,
    /// A variable or constant.
    Variable,
    /// A function or method.
    Function,
    /// A class, struct, interface, trait, enumeration or other type.
    Type,
    /// A field or property.
    Field,
    /// A namespace or module.
    Module,
    /// A macro.
    Macro,
    /// What this import brings, by its place in [`Bindings::imports`].
    Import(u32),
    /// Another name for what [`Binding::origin`] names: `export { a as b }`.
    Alias,
}

/// Something of another module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module as it is written: `./widgets`, `..pkg.mod`, `crate::a::b`, `net/http`, `stdio.h`.
    pub module: String,
    /// What of it; none for the module itself. `default` is what a module of JavaScript exports without a name.
    pub item: Option<String>,
    /// Whether it is brought here only to be exported again.
    pub is_reexport: bool,
}

/// How much one call of [`bindings`] may cost.
#[derive(Clone, Copy, Debug)]
pub struct BindingLimits<'a> {
    /// Longest text, in bytes.
    pub size_bytes_max: usize,
    /// Most names; a text with more is refused.
    pub n_names_max: usize,
    /// When to give up.
    pub deadline: Option<Instant>,
    /// Set by another thread when nobody waits for the answer any more.
    pub cancel: Option<&'a AtomicBool>,
}

impl Default for BindingLimits<'_> {
    /// 2 MiB, 500,000 names, no deadline.
    fn default() -> Self {
        BindingLimits { size_bytes_max: 2 << 20, n_names_max: 500_000, deadline: None, cancel: None }
    }
}

impl Bindings {
    /// The name that holds a byte, or ends right before it.
    pub fn name_at(&self, offset: usize) -> Option<NameIdx> {
        let after = self.names.partition_point(|name| name.range.start <= offset);
        let place = after.checked_sub(1)?;
        let name = self.names.get(place)?;
        (offset <= name.range.end).then_some(NameIdx(place as u32))
    }

    /// A name.
    pub fn name(&self, name: NameIdx) -> Option<&Name> {
        self.names.get(name.0 as usize)
    }

    /// A binding.
    pub fn binding(&self, binding: BindingIdx) -> Option<&Binding> {
        self.bindings.get(binding.0 as usize)
    }

    /// The bindings with their numbers.
    pub fn all(&self) -> impl Iterator<Item = (BindingIdx, &Binding)> {
        self.bindings.iter().enumerate().map(|(idx, binding)| (BindingIdx(idx as u32), binding))
    }

    /// Every name that means this binding, its own place included.
    pub fn uses_of(&self, binding: BindingIdx) -> impl Iterator<Item = &Name> {
        self.names.iter().filter(move |name| name.meaning == Meaning::Bound(binding))
    }

    /// The innermost function or type around a byte.
    pub fn around(&self, offset: usize) -> Option<BindingIdx> {
        let holds = |binding: &Binding| {
            matches!(binding.kind, BindingKind::Function | BindingKind::Type | BindingKind::Module)
                && binding.extent.start <= offset
                && offset < binding.extent.end
        };
        let found = self.all().filter(|(_, binding)| holds(binding));
        found.min_by_key(|(_, binding)| binding.extent.len()).map(|(idx, _)| idx)
    }
}

/// Whether [`bindings`] knows the language's scopes. Of other languages with a grammar it gives names alone, all of them free.
pub fn has_scopes(language: Language) -> bool {
    languages::rules_of(language).is_some()
}

/// Finds out what the names of a text mean. Time and memory are bounded by a multiple of the text's length. A text with
/// syntax errors gives what its sound parts say.
pub fn bindings(language: Language, text: &str, limits: &BindingLimits<'_>) -> Result<Bindings, SymbolError> {
    let size_bytes = text.len();
    if size_bytes > limits.size_bytes_max {
        return Err(SymbolError::TooLarge { size_bytes, limit_bytes: limits.size_bytes_max });
    }
    walk::read(language, text, limits)
}
