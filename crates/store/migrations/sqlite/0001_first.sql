-- The first format. Times are milliseconds since 1970 (UTC), flags 0 or 1, secrets digests or hashes.

CREATE TABLE epoch (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
) STRICT;
INSERT INTO epoch (id, value) VALUES (1, 1);

CREATE TABLE settings (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    source_kind TEXT NOT NULL CHECK (source_kind IN ('local', 'remote')),
    source TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('public', 'private')),
    unrestricted INTEGER NOT NULL,
    fork INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'cloning', 'indexing', 'ready', 'error')),
    progress_done INTEGER,
    progress_total INTEGER,
    error TEXT,
    added_at INTEGER NOT NULL,
    -- The manifest in force; its files are in manifest_files.
    generation INTEGER NOT NULL DEFAULT 0,
    default_branch TEXT,
    indexed_commit BLOB,
    indexed_at INTEGER,
    refs_digest BLOB,
    CHECK (id BETWEEN 1 AND 4294967295),
    UNIQUE (source_kind, source)
) STRICT;
CREATE INDEX repositories_unrestricted ON repositories (id) WHERE unrestricted = 1;

CREATE TABLE manifest_files (
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    -- 0 is the ref table, 1 and on are the segments.
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    checksum BLOB NOT NULL,
    PRIMARY KEY (repo_id, ordinal),
    UNIQUE (repo_id, name)
) STRICT;

-- What is on disk and referred to by nothing. No foreign key: it outlives its repository.
CREATE TABLE discarded (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repo_id INTEGER NOT NULL,
    -- A file of the index; NULL for all that belongs to a removed repository.
    name TEXT,
    size_bytes INTEGER NOT NULL,
    discarded_at INTEGER NOT NULL
) STRICT;
CREATE INDEX discarded_by_file ON discarded (repo_id, name);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('member', 'administrator')),
    password_hash TEXT,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, repo_id)
) STRICT;
CREATE INDEX grants_by_repo ON grants (repo_id);

-- Grants that wait for the first administrator.
CREATE TABLE waiting_grants (
    repo_id INTEGER NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    idle_ms INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    -- A JSON array of repository ids; NULL for all.
    repos TEXT,
    verbs TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX tokens_by_user ON tokens (user_id);

CREATE TABLE setup_link (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    digest BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sign_in_failures (
    -- The digest of an account's name and an address, or of an address alone.
    subject BLOB NOT NULL PRIMARY KEY,
    n_failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (last_at);

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    repo_id INTEGER REFERENCES repositories (id) ON DELETE CASCADE,
    payload TEXT NOT NULL,
    priority INTEGER NOT NULL,
    dedupe_key TEXT,
    host TEXT,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'failed')),
    run_after INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    worker TEXT,
    lease_until INTEGER,
    n_claims INTEGER NOT NULL DEFAULT 0,
    n_failures INTEGER NOT NULL DEFAULT 0,
    n_interruptions INTEGER NOT NULL DEFAULT 0,
    error TEXT
) STRICT;
CREATE INDEX jobs_queued ON jobs (priority DESC, run_after, id) WHERE state = 'queued';
CREATE INDEX jobs_leases ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_by_host ON jobs (host) WHERE state = 'running';
CREATE INDEX jobs_by_repo ON jobs (repo_id);
CREATE UNIQUE INDEX jobs_one_queued_per_key ON jobs (dedupe_key) WHERE state = 'queued';
CREATE UNIQUE INDEX jobs_one_running_per_key ON jobs (dedupe_key) WHERE state = 'running';
CREATE UNIQUE INDEX jobs_one_running_per_repo ON jobs (repo_id) WHERE state = 'running';

-- A row to lock while the running jobs of a host are counted.
CREATE TABLE job_hosts (
    host TEXT NOT NULL PRIMARY KEY,
    claimed_at INTEGER NOT NULL
) STRICT;
