-- The processes that serve, and up to which epoch each has nothing under way that was begun under older rights.
CREATE TABLE serving_processes (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
