-- Access reviews: what was granted at their beginning, and what was decided of each.

CREATE TABLE reviews (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    title TEXT COLLATE "C" NOT NULL,
    started_by TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    closed_by TEXT COLLATE "C",
    closed_at BIGINT
);

-- Names as they were; no foreign keys: a report outlives what it is about.
CREATE TABLE review_items (
    review_id TEXT COLLATE "C" NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    item BIGINT NOT NULL,
    -- 'account' or 'group'.
    kind TEXT COLLATE "C" NOT NULL,
    subject_id BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    repo_id BIGINT NOT NULL,
    repo TEXT COLLATE "C" NOT NULL,
    granted_at BIGINT NOT NULL,
    -- When the account last read code; NULL for never, and for groups.
    read_at BIGINT,
    -- 'certified' or 'revoked'; NULL while it is open.
    decision TEXT COLLATE "C",
    decided_by TEXT COLLATE "C",
    decided_at BIGINT,
    PRIMARY KEY (review_id, item)
);
