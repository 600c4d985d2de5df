-- The history of a repository, as it is published: one row, replaced as a whole.

CREATE TABLE histories (
    repo_id INTEGER NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    -- The state of the refs it was made from.
    refs_digest BLOB NOT NULL,
    -- A JSON array of {kind, name, size, checksum}.
    files TEXT NOT NULL,
    n_commits INTEGER NOT NULL,
    n_done INTEGER NOT NULL
) STRICT;
