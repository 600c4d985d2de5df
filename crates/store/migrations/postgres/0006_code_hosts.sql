-- Code hosts, what they have, and how far the comparing with them has come.

CREATE TABLE code_hosts (
    -- Random; the same as in permission_sources.
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    -- An address, or a path on this machine.
    url TEXT COLLATE "C" NOT NULL,
    -- JSON of whoever connects it.
    settings TEXT COLLATE "C" NOT NULL,
    bound_ms BIGINT NOT NULL,
    -- Sealed; NULL where there is none.
    token BYTEA,
    -- In the address of its webhook.
    hook_id TEXT COLLATE "C" NOT NULL UNIQUE,
    hook_secret BYTEA NOT NULL,
    added_at BIGINT NOT NULL,
    -- The last comparing: when one began, when its list and its permissions were taken over, why the last one failed.
    begun_at BIGINT,
    listed_at BIGINT,
    permissions_at BIGINT,
    error TEXT COLLATE "C",
    error_at BIGINT,
    phase TEXT COLLATE "C",
    n_done BIGINT NOT NULL DEFAULT 0,
    n_total BIGINT NOT NULL DEFAULT 0,
    n_calls BIGINT NOT NULL DEFAULT 0,
    -- A list that would take most of the repositories away waits for somebody to say that it is right.
    n_withheld BIGINT NOT NULL DEFAULT 0
);

-- What a host has, by its own immutable identifiers.
CREATE TABLE host_repositories (
    host_id TEXT COLLATE "C" NOT NULL REFERENCES code_hosts (id) ON DELETE CASCADE,
    external_id TEXT COLLATE "C" NOT NULL,
    -- NULL for what is left out.
    repo_id BIGINT UNIQUE REFERENCES repositories (id) ON DELETE SET NULL,
    name TEXT COLLATE "C" NOT NULL,
    openness TEXT COLLATE "C" NOT NULL CHECK (openness IN ('public', 'internal', 'private')),
    -- Why it is left out.
    excluded_by TEXT COLLATE "C",
    -- Since when the host's lists lack it.
    missing_since BIGINT,
    PRIMARY KEY (host_id, external_id)
);

-- The pages of lists that are being read, so that a restart goes on where it was. JSON of whoever reads them.
CREATE TABLE host_pages (
    host_id TEXT COLLATE "C" NOT NULL REFERENCES code_hosts (id) ON DELETE CASCADE,
    list TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    items TEXT COLLATE "C" NOT NULL,
    -- Where the list goes on; NULL at its end.
    next TEXT COLLATE "C",
    read_at BIGINT NOT NULL,
    PRIMARY KEY (host_id, list, position)
);

-- Deliveries of webhooks that were obeyed, so that none is obeyed twice.
CREATE TABLE host_deliveries (
    host_id TEXT COLLATE "C" NOT NULL REFERENCES code_hosts (id) ON DELETE CASCADE,
    delivery TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (host_id, delivery)
);
CREATE INDEX host_deliveries_by_time ON host_deliveries (received_at);
