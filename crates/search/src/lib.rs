//! Lower the query, choose segments, iterate, verify, rank, merge, stream.
