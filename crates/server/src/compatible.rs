//! What the compatible interfaces share: who is asking, where pages are, the text of what was found.

mod backend;
mod door;
mod names;
mod pages;
mod repositories;
mod texts;
pub(crate) mod zoekt;

pub(crate) use backend::CallerBackend;
pub(crate) use door::{caller_by_token, refusal};
pub(crate) use pages::{Pages, facts_of};
pub(crate) use texts::Texts;
