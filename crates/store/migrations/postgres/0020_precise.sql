-- Precise indexes: uploads of SCIP, from the first byte to the file that answers, and the packages each defines; text is ordered by bytes.

CREATE TABLE precise_indexes (
    -- A random number; also the name of its files.
    id BIGINT NOT NULL PRIMARY KEY,
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    commit_id BYTEA NOT NULL,
    -- The folder that its paths are below; empty for the whole repository.
    root TEXT COLLATE "C" NOT NULL,
    -- As the upload said; as the index itself says once it is ready.
    indexer TEXT COLLATE "C" NOT NULL,
    indexer_version TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('receiving', 'queued', 'processing', 'ready', 'failed')),
    -- How many parts the upload has, where it comes in parts.
    n_parts BIGINT NOT NULL DEFAULT 1,
    -- What was sent, as it was sent.
    upload_bytes BIGINT NOT NULL DEFAULT 0,
    -- The file that answers.
    size_bytes BIGINT NOT NULL DEFAULT 0,
    n_documents BIGINT NOT NULL DEFAULT 0,
    n_symbols BIGINT NOT NULL DEFAULT 0,
    n_occurrences BIGINT NOT NULL DEFAULT 0,
    n_left_out BIGINT NOT NULL DEFAULT 0,
    -- Why it failed, with how to mend it.
    error TEXT COLLATE "C",
    uploaded_by BIGINT REFERENCES users (id) ON DELETE SET NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX precise_indexes_by_repo ON precise_indexes (repo_id, state, created_at);

-- The packages that a ready index defines something of.
CREATE TABLE precise_packages (
    index_id BIGINT NOT NULL REFERENCES precise_indexes (id) ON DELETE CASCADE,
    manager TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    n_defined BIGINT NOT NULL,
    PRIMARY KEY (index_id, manager, name, version)
);
CREATE INDEX precise_packages_by_name ON precise_packages (name, manager);
