-- Exports: searches whose whole answer is written to a file in the background; text is ordered by bytes.

CREATE TABLE exports (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- A JSON array: the repositories a narrowed token could read at most; NULL for all of the owner's.
    scope_repos TEXT COLLATE "C",
    query TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- Repositories, by position, that are done with; NULL before the work has begun.
    n_repos_total BIGINT,
    n_repos_done BIGINT NOT NULL DEFAULT 0,
    n_results BIGINT NOT NULL DEFAULT 0,
    n_lines BIGINT NOT NULL DEFAULT 0,
    size_bytes BIGINT NOT NULL DEFAULT 0,
    rights_changed BIGINT NOT NULL DEFAULT 0,
    -- What was left out, as JSON of whoever writes exports.
    skipped TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    error TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX exports_by_user ON exports (user_id, created_at);
CREATE INDEX exports_by_end ON exports (finished_at);

-- The repositories of an export in the order of their names. No foreign key to them: what a removed one left in a file
-- is still in the file.
CREATE TABLE export_repos (
    export_id TEXT COLLATE "C" NOT NULL REFERENCES exports (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    repo_id BIGINT NOT NULL,
    -- Whether the file holds something of it.
    held BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (export_id, position)
);
