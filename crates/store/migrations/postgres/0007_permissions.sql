-- Who may read what, beside direct grants: what code hosts state, groups, grants that wait for their account, path rules.
-- Text is ordered by bytes.

-- Code hosts as sources of statements. A host's own row (address, token, state) belongs to whoever connects it.
CREATE TABLE permission_sources (
    host_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- How old a statement may be, in milliseconds.
    bound_ms BIGINT NOT NULL
);

-- What a host states about one of its accounts. Sets of repositories are Roaring bitmaps in their portable format.
CREATE TABLE host_readers (
    host_id TEXT COLLATE "C" NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    -- The host's immutable identifier of the account; empty for everyone.
    account_id TEXT COLLATE "C" NOT NULL,
    -- Listed when the account was asked for its repositories.
    listed BYTEA NOT NULL,
    listed_at BIGINT,
    -- Those whose own lists name the account.
    named BYTEA NOT NULL,
    PRIMARY KEY (host_id, account_id)
);
CREATE INDEX host_readers_by_time ON host_readers (host_id, listed_at);

-- Whom the list of a repository named when it was last read: a JSON array of account identifiers.
CREATE TABLE host_repositories_read (
    host_id TEXT COLLATE "C" NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    accounts TEXT COLLATE "C" NOT NULL,
    -- Rounded down; as in host_readings.
    read_at BIGINT NOT NULL,
    PRIMARY KEY (host_id, repo_id)
);
CREATE INDEX host_repositories_read_by_repo ON host_repositories_read (repo_id);

-- The same times the other way round: which repositories were read then.
CREATE TABLE host_readings (
    host_id TEXT COLLATE "C" NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    read_at BIGINT NOT NULL,
    repos BYTEA NOT NULL,
    PRIMARY KEY (host_id, read_at)
);

-- Which account at a host is whose.
CREATE TABLE host_identities (
    host_id TEXT COLLATE "C" NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    account_id TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the host calls the account, to show.
    login TEXT COLLATE "C" NOT NULL,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (host_id, account_id)
);
CREATE UNIQUE INDEX host_identities_by_user ON host_identities (user_id, host_id);

CREATE TABLE user_groups (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE group_members (
    group_id BIGINT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, group_id)
);
CREATE INDEX group_members_by_group ON group_members (group_id);

CREATE TABLE group_grants (
    group_id BIGINT NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, repo_id)
);
CREATE INDEX group_grants_by_repo ON group_grants (repo_id);

-- Addresses of accounts that somebody proved or an administrator vouched for; lower case.
CREATE TABLE user_addresses (
    address TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    confirmed_at BIGINT NOT NULL
);
CREATE INDEX user_addresses_by_user ON user_addresses (user_id);

-- Grants to people who have no account yet, by the name or the address they will have.
CREATE TABLE pending_grants (
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('name', 'address')),
    who TEXT COLLATE "C" NOT NULL,
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (kind, who, repo_id)
);
CREATE INDEX pending_grants_by_repo ON pending_grants (repo_id);

-- Rules that leave some paths of a repository readable to an account, to a group, or (both NULL) to everyone who has no
-- list of their own. A JSON array of globs, a leading '-' denies.
CREATE TABLE path_rules (
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    group_id BIGINT REFERENCES user_groups (id) ON DELETE CASCADE,
    rules TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    CHECK (user_id IS NULL OR group_id IS NULL)
);
CREATE UNIQUE INDEX path_rules_of_user ON path_rules (repo_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX path_rules_of_group ON path_rules (repo_id, group_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX path_rules_of_all ON path_rules (repo_id) WHERE user_id IS NULL AND group_id IS NULL;
CREATE INDEX path_rules_by_user ON path_rules (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX path_rules_by_group ON path_rules (group_id) WHERE group_id IS NOT NULL;

-- Raised whenever the set of unrestricted repositories changes, so that it is read again then and only then.
CREATE TABLE unrestricted_version (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    value BIGINT NOT NULL
);
INSERT INTO unrestricted_version (id, value) VALUES (1, 1);
CREATE FUNCTION raise_unrestricted_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE unrestricted_version SET value = value + 1 WHERE id = 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER unrestricted_added AFTER INSERT ON repositories FOR EACH ROW WHEN (NEW.unrestricted = 1)
    EXECUTE FUNCTION raise_unrestricted_version();
CREATE TRIGGER unrestricted_changed AFTER UPDATE OF unrestricted ON repositories
    FOR EACH ROW WHEN (NEW.unrestricted <> OLD.unrestricted) EXECUTE FUNCTION raise_unrestricted_version();
CREATE TRIGGER unrestricted_removed AFTER DELETE ON repositories FOR EACH ROW WHEN (OLD.unrestricted = 1)
    EXECUTE FUNCTION raise_unrestricted_version();
