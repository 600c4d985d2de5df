-- The history of a repository, as it is published: one row, replaced as a whole.

CREATE TABLE histories (
    repo_id BIGINT NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    -- The state of the refs it was made from.
    refs_digest BYTEA NOT NULL,
    -- A JSON array of {kind, name, size, checksum}.
    files TEXT COLLATE "C" NOT NULL,
    n_commits BIGINT NOT NULL,
    n_done BIGINT NOT NULL
);
