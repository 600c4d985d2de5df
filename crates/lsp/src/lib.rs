//! A Language Server that asks a Sourcekeep server: `sourcekeep lsp`, between an editor and the HTTP API.
//!
//! Layer 4. [`serve`] reads messages ([`frame`]), holds the conversation ([`session`]), and answers each question in a task of its
//! own: [`checkout`] finds which repository and which commit a file of the editor is of, [`document`] carries places between
//! the editor's text and that commit, [`server`] asks, [`answers`] puts what it says into the editor's shapes.
//!
//! Invariants:
//! - What an editor sends is bounded before it is read: headers, messages, open texts, questions at a time.
//! - A place in a line that differs from the commit has no answer, and answers in such lines are left out: nothing is guessed.
//! - Only `egress` goes out, to the one server, with the user's token; only `git` reads the checkout, and nothing is written.
//! - Texts of others (documentation, names) reach the editor as text: no link, image or command of theirs is passed on.

mod answers;
mod checkout;
mod document;
mod frame;
mod server;
mod session;
mod shapes;

pub use server::{Server, ServerError};
pub use session::{Ended, Options, serve};
