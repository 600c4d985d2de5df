-- What is said of a repository. NULL: nobody said anything here, and what its source says holds.
ALTER TABLE repositories ADD COLUMN description TEXT COLLATE "C";
ALTER TABLE repositories ADD COLUMN source_description TEXT COLLATE "C" NOT NULL DEFAULT '';
-- A JSON array of words; a JSON object of texts, empty where a key has no value.
ALTER TABLE repositories ADD COLUMN topics TEXT COLLATE "C" NOT NULL DEFAULT '[]';
ALTER TABLE repositories ADD COLUMN metadata TEXT COLLATE "C" NOT NULL DEFAULT '{}';

-- Saved search contexts: of an account, or (owner_id NULL) of the instance.
CREATE TABLE contexts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    query TEXT COLLATE "C" NOT NULL,
    public BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- Who changed it last; NULL for the person at the data directory, or for an account that is gone.
    changed_by BIGINT REFERENCES users (id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX contexts_of_owner ON contexts (owner_id, name) WHERE owner_id IS NOT NULL;
CREATE UNIQUE INDEX contexts_of_instance ON contexts (name) WHERE owner_id IS NULL;
CREATE INDEX contexts_by_changer ON contexts (changed_by);

CREATE TABLE context_repositories (
    context_id BIGINT NOT NULL REFERENCES contexts (id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    -- As after an @ in a query; empty for the default branch.
    revisions TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (context_id, repo_id)
);
CREATE INDEX context_repositories_by_repo ON context_repositories (repo_id);
