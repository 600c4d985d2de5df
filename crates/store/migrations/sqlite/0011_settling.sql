-- The processes that serve, and up to which epoch each has nothing under way that was begun under older rights.
CREATE TABLE serving_processes (
    id TEXT NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;
