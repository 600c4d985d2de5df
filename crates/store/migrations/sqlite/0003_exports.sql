-- Exports: searches whose whole answer is written to a file in the background.

CREATE TABLE exports (
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- A JSON array: the repositories a narrowed token could read at most; NULL for all of the owner's.
    scope_repos TEXT,
    query TEXT NOT NULL,
    format TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- Repositories, by position, that are done with; NULL before the work has begun.
    n_repos_total INTEGER,
    n_repos_done INTEGER NOT NULL DEFAULT 0,
    n_results INTEGER NOT NULL DEFAULT 0,
    n_lines INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    rights_changed INTEGER NOT NULL DEFAULT 0,
    -- What was left out, as JSON of whoever writes exports.
    skipped TEXT NOT NULL DEFAULT '[]',
    error TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX exports_by_user ON exports (user_id, created_at);
CREATE INDEX exports_by_end ON exports (finished_at);

-- The repositories of an export in the order of their names. No foreign key to them: what a removed one left in a file
-- is still in the file.
CREATE TABLE export_repos (
    export_id TEXT NOT NULL REFERENCES exports (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    repo_id INTEGER NOT NULL,
    -- Whether the file holds something of it.
    held INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (export_id, position)
) STRICT;
