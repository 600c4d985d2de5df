-- Precise indexes: uploads of SCIP, from the first byte to the file that answers, and the packages each defines.

CREATE TABLE precise_indexes (
    -- A random number; also the name of its files.
    id INTEGER NOT NULL PRIMARY KEY,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    commit_id BLOB NOT NULL,
    -- The folder that its paths are below; empty for the whole repository.
    root TEXT NOT NULL,
    -- As the upload said; as the index itself says once it is ready.
    indexer TEXT NOT NULL,
    indexer_version TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('receiving', 'queued', 'processing', 'ready', 'failed')),
    -- How many parts the upload has, where it comes in parts.
    n_parts INTEGER NOT NULL DEFAULT 1,
    -- What was sent, as it was sent.
    upload_bytes INTEGER NOT NULL DEFAULT 0,
    -- The file that answers.
    size_bytes INTEGER NOT NULL DEFAULT 0,
    n_documents INTEGER NOT NULL DEFAULT 0,
    n_symbols INTEGER NOT NULL DEFAULT 0,
    n_occurrences INTEGER NOT NULL DEFAULT 0,
    n_left_out INTEGER NOT NULL DEFAULT 0,
    -- Why it failed, with how to mend it.
    error TEXT,
    uploaded_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX precise_indexes_by_repo ON precise_indexes (repo_id, state, created_at);

-- The packages that a ready index defines something of.
CREATE TABLE precise_packages (
    index_id INTEGER NOT NULL REFERENCES precise_indexes (id) ON DELETE CASCADE,
    manager TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    n_defined INTEGER NOT NULL,
    PRIMARY KEY (index_id, manager, name, version)
) STRICT;
CREATE INDEX precise_packages_by_name ON precise_packages (name, manager);
