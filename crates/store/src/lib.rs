//! Metadata and the durable job queue, in SQLite or PostgreSQL.
