//! The segment file and the ref table: writers, readers, posting lists.
