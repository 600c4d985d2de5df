-- Access reviews: what was granted at their beginning, and what was decided of each.

CREATE TABLE reviews (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    started_by TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    closed_by TEXT,
    closed_at INTEGER
) STRICT;

-- Names as they were; no foreign keys: a report outlives what it is about.
CREATE TABLE review_items (
    review_id TEXT NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    item INTEGER NOT NULL,
    -- 'account' or 'group'.
    kind TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    subject TEXT NOT NULL,
    repo_id INTEGER NOT NULL,
    repo TEXT NOT NULL,
    granted_at INTEGER NOT NULL,
    -- When the account last read code; NULL for never, and for groups.
    read_at INTEGER,
    -- 'certified' or 'revoked'; NULL while it is open.
    decision TEXT,
    decided_by TEXT,
    decided_at INTEGER,
    PRIMARY KEY (review_id, item)
) STRICT;
