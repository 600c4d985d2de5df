-- Who may read what, beside direct grants: what code hosts state, groups, grants that wait for their account, path rules.

-- Code hosts as sources of statements. A host's own row (address, token, state) belongs to whoever connects it.
CREATE TABLE permission_sources (
    host_id TEXT NOT NULL PRIMARY KEY,
    -- How old a statement may be, in milliseconds.
    bound_ms INTEGER NOT NULL
) STRICT;

-- What a host states about one of its accounts. Sets of repositories are Roaring bitmaps in their portable format.
CREATE TABLE host_readers (
    host_id TEXT NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    -- The host's immutable identifier of the account; empty for everyone.
    account_id TEXT NOT NULL,
    -- Listed when the account was asked for its repositories.
    listed BLOB NOT NULL,
    listed_at INTEGER,
    -- Those whose own lists name the account.
    named BLOB NOT NULL,
    PRIMARY KEY (host_id, account_id)
) STRICT;
CREATE INDEX host_readers_by_time ON host_readers (host_id, listed_at);

-- Whom the list of a repository named when it was last read: a JSON array of account identifiers.
CREATE TABLE host_repositories_read (
    host_id TEXT NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    accounts TEXT NOT NULL,
    -- Rounded down; as in host_readings.
    read_at INTEGER NOT NULL,
    PRIMARY KEY (host_id, repo_id)
) STRICT;
CREATE INDEX host_repositories_read_by_repo ON host_repositories_read (repo_id);

-- The same times the other way round: which repositories were read then.
CREATE TABLE host_readings (
    host_id TEXT NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    read_at INTEGER NOT NULL,
    repos BLOB NOT NULL,
    PRIMARY KEY (host_id, read_at)
) STRICT;

-- Which account at a host is whose.
CREATE TABLE host_identities (
    host_id TEXT NOT NULL REFERENCES permission_sources (host_id) ON DELETE CASCADE,
    account_id TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the host calls the account, to show.
    login TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (host_id, account_id)
) STRICT;
CREATE UNIQUE INDEX host_identities_by_user ON host_identities (user_id, host_id);

CREATE TABLE user_groups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE group_members (
    group_id INTEGER NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, group_id)
) STRICT;
CREATE INDEX group_members_by_group ON group_members (group_id);

CREATE TABLE group_grants (
    group_id INTEGER NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (group_id, repo_id)
) STRICT;
CREATE INDEX group_grants_by_repo ON group_grants (repo_id);

-- Addresses of accounts that somebody proved or an administrator vouched for; lower case.
CREATE TABLE user_addresses (
    address TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    confirmed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX user_addresses_by_user ON user_addresses (user_id);

-- Grants to people who have no account yet, by the name or the address they will have.
CREATE TABLE pending_grants (
    kind TEXT NOT NULL CHECK (kind IN ('name', 'address')),
    who TEXT NOT NULL,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (kind, who, repo_id)
) STRICT;
CREATE INDEX pending_grants_by_repo ON pending_grants (repo_id);

-- Rules that leave some paths of a repository readable to an account, to a group, or (both NULL) to everyone who has no
-- list of their own. A JSON array of globs, a leading '-' denies.
CREATE TABLE path_rules (
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    group_id INTEGER REFERENCES user_groups (id) ON DELETE CASCADE,
    rules TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    CHECK (user_id IS NULL OR group_id IS NULL)
) STRICT;
CREATE UNIQUE INDEX path_rules_of_user ON path_rules (repo_id, user_id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX path_rules_of_group ON path_rules (repo_id, group_id) WHERE group_id IS NOT NULL;
CREATE UNIQUE INDEX path_rules_of_all ON path_rules (repo_id) WHERE user_id IS NULL AND group_id IS NULL;
CREATE INDEX path_rules_by_user ON path_rules (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX path_rules_by_group ON path_rules (group_id) WHERE group_id IS NOT NULL;

-- Raised whenever the set of unrestricted repositories changes, so that it is read again then and only then.
CREATE TABLE unrestricted_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value INTEGER NOT NULL
) STRICT;
INSERT INTO unrestricted_version (id, value) VALUES (1, 1);
CREATE TRIGGER unrestricted_added AFTER INSERT ON repositories WHEN NEW.unrestricted = 1
BEGIN
    UPDATE unrestricted_version SET value = value + 1 WHERE id = 1;
END;
CREATE TRIGGER unrestricted_changed AFTER UPDATE OF unrestricted ON repositories WHEN NEW.unrestricted <> OLD.unrestricted
BEGIN
    UPDATE unrestricted_version SET value = value + 1 WHERE id = 1;
END;
CREATE TRIGGER unrestricted_removed AFTER DELETE ON repositories WHEN OLD.unrestricted = 1
BEGIN
    UPDATE unrestricted_version SET value = value + 1 WHERE id = 1;
END;
