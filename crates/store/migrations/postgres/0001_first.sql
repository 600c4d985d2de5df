-- The first format; text is ordered by bytes, as in SQLite. Times are milliseconds since 1970 (UTC), flags 0 or 1, secrets digests or hashes.

CREATE TABLE epoch (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);
INSERT INTO epoch (id, value) VALUES (1, 1);

CREATE TABLE settings (
    key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE repositories (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    source_kind TEXT COLLATE "C" NOT NULL CHECK (source_kind IN ('local', 'remote')),
    source TEXT COLLATE "C" NOT NULL,
    visibility TEXT COLLATE "C" NOT NULL CHECK (visibility IN ('public', 'private')),
    unrestricted BIGINT NOT NULL,
    fork BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'cloning', 'indexing', 'ready', 'error')),
    progress_done BIGINT,
    progress_total BIGINT,
    error TEXT COLLATE "C",
    added_at BIGINT NOT NULL,
    -- The manifest in force; its files are in manifest_files.
    generation BIGINT NOT NULL DEFAULT 0,
    default_branch TEXT COLLATE "C",
    indexed_commit BYTEA,
    indexed_at BIGINT,
    refs_digest BYTEA,
    CHECK (id BETWEEN 1 AND 4294967295),
    UNIQUE (source_kind, source)
);
CREATE INDEX repositories_unrestricted ON repositories (id) WHERE unrestricted = 1;

CREATE TABLE manifest_files (
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    -- 0 is the ref table, 1 and on are the segments.
    ordinal BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    size_bytes BIGINT NOT NULL,
    checksum BYTEA NOT NULL,
    PRIMARY KEY (repo_id, ordinal),
    UNIQUE (repo_id, name)
);

-- What is on disk and referred to by nothing. No foreign key: it outlives its repository.
CREATE TABLE discarded (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repo_id BIGINT NOT NULL,
    -- A file of the index; NULL for all that belongs to a removed repository.
    name TEXT COLLATE "C",
    size_bytes BIGINT NOT NULL,
    discarded_at BIGINT NOT NULL
);
CREATE INDEX discarded_by_file ON discarded (repo_id, name);

CREATE TABLE users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    role TEXT COLLATE "C" NOT NULL CHECK (role IN ('member', 'administrator')),
    password_hash TEXT COLLATE "C",
    disabled_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE grants (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, repo_id)
);
CREATE INDEX grants_by_repo ON grants (repo_id);

-- Grants that wait for the first administrator.
CREATE TABLE waiting_grants (
    repo_id BIGINT NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle_ms BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

CREATE TABLE tokens (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label TEXT COLLATE "C" NOT NULL,
    -- A JSON array of repository ids; NULL for all.
    repos TEXT COLLATE "C",
    verbs TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE setup_link (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    digest BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE sign_in_failures (
    -- The digest of an account's name and an address, or of an address alone.
    subject BYTEA NOT NULL PRIMARY KEY,
    n_failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_at);

CREATE TABLE jobs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    repo_id BIGINT REFERENCES repositories (id) ON DELETE CASCADE,
    payload TEXT COLLATE "C" NOT NULL,
    priority BIGINT NOT NULL,
    dedupe_key TEXT COLLATE "C",
    host TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'failed')),
    run_after BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    worker TEXT COLLATE "C",
    lease_until BIGINT,
    n_claims BIGINT NOT NULL DEFAULT 0,
    n_failures BIGINT NOT NULL DEFAULT 0,
    n_interruptions BIGINT NOT NULL DEFAULT 0,
    error TEXT COLLATE "C"
);
CREATE INDEX jobs_queued ON jobs (priority DESC, run_after, id) WHERE state = 'queued';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_host ON jobs (host) WHERE state = 'running';
CREATE INDEX jobs_by_repo ON jobs (repo_id);
CREATE UNIQUE INDEX jobs_one_queued_per_key ON jobs (dedupe_key) WHERE state = 'queued';
CREATE UNIQUE INDEX jobs_one_running_per_key ON jobs (dedupe_key) WHERE state = 'running';
CREATE UNIQUE INDEX jobs_one_running_per_repo ON jobs (repo_id) WHERE state = 'running';

-- A row to lock while the running jobs of a host are counted.
CREATE TABLE job_hosts (
    host TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    claimed_at BIGINT NOT NULL
);
