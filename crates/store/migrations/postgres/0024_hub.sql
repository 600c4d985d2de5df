-- Of an instance: what it told a hub, and what it took from one. Of a hub: who is registered, what it publishes, what pings
-- say together. A data directory is mostly one of the two.

-- What was signed for a hub. state: 0 shown to the owner, 1 sent and not answered, 2 taken (answer: the hub's receipt),
-- 3 not taken (answer: why). digest: SHA-256 of the statement, by which the owner approves it.
CREATE TABLE registration (
    seq BIGINT PRIMARY KEY,
    hub TEXT NOT NULL,
    act TEXT NOT NULL,
    statement TEXT NOT NULL,
    digest BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    state BIGINT NOT NULL,
    answered_at BIGINT,
    answer TEXT
);

-- The newest feed of each kind that was taken from a hub, by the hub's key.
CREATE TABLE feed_taken (
    hub TEXT NOT NULL,
    kind TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    issued BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    note TEXT NOT NULL,
    body BYTEA NOT NULL,
    taken_at BIGINT NOT NULL,
    PRIMARY KEY (hub, kind)
);

-- The hub itself. mark: the latest moment at which a registration was taken; the hub's time does not go back behind it.
-- admin: SHA-256 of the token that opens the list of servers.
CREATE TABLE hub_desk (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    mark BIGINT NOT NULL,
    admin BYTEA
);
INSERT INTO hub_desk (id, mark, admin) VALUES (1, 0, NULL);

-- Challenges that were used, for as long as they could be used again.
CREATE TABLE hub_used (
    nonce BYTEA PRIMARY KEY,
    issued BIGINT NOT NULL
);
CREATE INDEX hub_used_by_time ON hub_used (issued);

-- Servers that made themselves known. folded: the name as it must differ from others.
CREATE TABLE hub_server (
    public BYTEA PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    contact TEXT,
    since BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);

-- What the hub publishes. valid_ms: how long a feed holds from when it was signed.
CREATE TABLE hub_feed (
    kind TEXT PRIMARY KEY,
    sequence BIGINT NOT NULL,
    issued BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    valid_ms BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    note TEXT NOT NULL,
    body BYTEA NOT NULL
);

-- Pings, added up. What is shown is moved on by five pings at least, so that no difference is one server's.
CREATE TABLE hub_ping_field (
    schema BIGINT NOT NULL,
    week TEXT NOT NULL,
    field TEXT NOT NULL,
    n BIGINT NOT NULL,
    total BIGINT NOT NULL,
    shown_n BIGINT NOT NULL,
    shown_total BIGINT NOT NULL,
    PRIMARY KEY (schema, week, field)
);
CREATE TABLE hub_ping_bucket (
    schema BIGINT NOT NULL,
    week TEXT NOT NULL,
    field TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    n BIGINT NOT NULL,
    shown_n BIGINT NOT NULL,
    PRIMARY KEY (schema, week, field, bucket)
);
