//! What holds writing and asking together: the fold table against regex-syntax, and every match against its query.

mod fold_table;
mod soundness;
