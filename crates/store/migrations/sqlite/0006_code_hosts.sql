-- Code hosts, what they have, and how far the comparing with them has come.

CREATE TABLE code_hosts (
    -- Random; the same as in permission_sources.
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE,
    -- An address, or a path on this machine.
    url TEXT NOT NULL,
    -- JSON of whoever connects it.
    settings TEXT NOT NULL,
    bound_ms INTEGER NOT NULL,
    -- Sealed; NULL where there is none.
    token BLOB,
    -- In the address of its webhook.
    hook_id TEXT NOT NULL UNIQUE,
    hook_secret BLOB NOT NULL,
    added_at INTEGER NOT NULL,
    -- The last comparing: when one began, when its list and its permissions were taken over, why the last one failed.
    begun_at INTEGER,
    listed_at INTEGER,
    permissions_at INTEGER,
    error TEXT,
    error_at INTEGER,
    phase TEXT,
    n_done INTEGER NOT NULL DEFAULT 0,
    n_total INTEGER NOT NULL DEFAULT 0,
    n_calls INTEGER NOT NULL DEFAULT 0,
    -- A list that would take most of the repositories away waits for somebody to say that it is right.
    n_withheld INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a host has, by its own immutable identifiers.
CREATE TABLE host_repositories (
    host_id TEXT NOT NULL REFERENCES code_hosts (id) ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    -- NULL for what is left out.
    repo_id INTEGER UNIQUE REFERENCES repositories (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    openness TEXT NOT NULL CHECK (openness IN ('public', 'internal', 'private')),
    -- Why it is left out.
    excluded_by TEXT,
    -- Since when the host's lists lack it.
    missing_since INTEGER,
    PRIMARY KEY (host_id, external_id)
) STRICT;

-- The pages of lists that are being read, so that a restart goes on where it was. JSON of whoever reads them.
CREATE TABLE host_pages (
    host_id TEXT NOT NULL REFERENCES code_hosts (id) ON DELETE CASCADE,
    list TEXT NOT NULL,
    position INTEGER NOT NULL,
    items TEXT NOT NULL,
    -- Where the list goes on; NULL at its end.
    next TEXT,
    read_at INTEGER NOT NULL,
    PRIMARY KEY (host_id, list, position)
) STRICT;

-- Deliveries of webhooks that were obeyed, so that none is obeyed twice.
CREATE TABLE host_deliveries (
    host_id TEXT NOT NULL REFERENCES code_hosts (id) ON DELETE CASCADE,
    delivery TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (host_id, delivery)
) STRICT;
CREATE INDEX host_deliveries_by_time ON host_deliveries (received_at);
