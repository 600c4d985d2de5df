//! Indexes made by the test are taken in, asked, and damaged.

mod hostile;
mod looking;
mod made;
mod oracle;
