//! From a name in a file to what it means: definitions, references, documentation, callers, types.
//!
//! Layer 3. [`Code`] is one caller's view of one repository at one commit; whoever implements it holds the caller's
//! `AccessSet`, and nothing here sees what it does not give. [`definitions`] follows scopes, imports and the types of
//! receivers from file to file, reading trees by `syntax`; where they end, definitions of the same name are told, as what they
//! are: guesses by name ([`How`]). [`references`] checks uses that a search found in the same way.
//!
//! Invariants: synchronous, without I/O of its own; every question has a budget of files, steps and time, and an answer
//! that hit it says so; nothing is guessed silently.

mod by_name;
mod code;
mod definition;
mod describe;
mod graph;
mod modules;
mod picture;
mod prototypes;
mod references;
mod values;

pub use code::{Code, CodeError, Defined, Entry, File, Limits};
pub use definition::{Definitions, Found, How, NavError, definitions};
pub use describe::{Description, describe};
pub use graph::{Callee, Enclosing, callees, enclosing, member_in, named_at, subtypes_in, supertypes};
pub use picture::{Edge, Graph, GraphLimits, Node, Toward, around, between};
pub use references::{
    Reference, ReferenceKind, ReferenceLimits, References, UsedIn, Uses, Verdict, in_file, references,
};
