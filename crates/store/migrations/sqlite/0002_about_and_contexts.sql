-- What is said of a repository. NULL: nobody said anything here, and what its source says holds.
ALTER TABLE repositories ADD COLUMN description TEXT;
ALTER TABLE repositories ADD COLUMN source_description TEXT NOT NULL DEFAULT '';
-- A JSON array of words; a JSON object of texts, empty where a key has no value.
ALTER TABLE repositories ADD COLUMN topics TEXT NOT NULL DEFAULT '[]';
ALTER TABLE repositories ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}';

-- Saved search contexts: of an account, or (owner_id NULL) of the instance.
CREATE TABLE contexts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    query TEXT NOT NULL,
    public INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    -- Who changed it last; NULL for the person at the data directory, or for an account that is gone.
    changed_by INTEGER REFERENCES users (id) ON DELETE SET NULL
) STRICT;
CREATE UNIQUE INDEX contexts_of_owner ON contexts (owner_id, name) WHERE owner_id IS NOT NULL;
CREATE UNIQUE INDEX contexts_of_instance ON contexts (name) WHERE owner_id IS NULL;
CREATE INDEX contexts_by_changer ON contexts (changed_by);

CREATE TABLE context_repositories (
    context_id INTEGER NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    -- As after an @ in a query; empty for the default branch.
    revisions TEXT NOT NULL,
    PRIMARY KEY (context_id, repo_id)
) STRICT;
CREATE INDEX context_repositories_by_repo ON context_repositories (repo_id);
