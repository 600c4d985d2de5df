-- When each account last opened something of each repository, to the hour: what a review asks of a right is whether it is used.

CREATE TABLE repo_reads (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    read_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, repo_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repo_reads_by_repo ON repo_reads (repo_id);

-- When the account last opened this repository; of a group's grant, when any member did. NULL for never.
ALTER TABLE review_items ADD COLUMN opened_at INTEGER;
