-- Of an instance: what it told a hub, and what it took from one. Of a hub: who is registered, what it publishes, what pings
-- say together. A data directory is mostly one of the two.

-- What was signed for a hub. state: 0 shown to the owner, 1 sent and not answered, 2 taken (answer: the hub's receipt),
-- 3 not taken (answer: why). digest: SHA-256 of the statement, by which the owner approves it.
CREATE TABLE registration (
    seq INTEGER PRIMARY KEY,
    hub TEXT NOT NULL,
    act TEXT NOT NULL,
    statement TEXT NOT NULL,
    digest BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    answered_at INTEGER,
    answer TEXT
) STRICT;

-- The newest feed of each kind that was taken from a hub, by the hub's key.
CREATE TABLE feed_taken (
    hub TEXT NOT NULL,
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    digest BLOB NOT NULL,
    note TEXT NOT NULL,
    body BLOB NOT NULL,
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (hub, kind)
) STRICT;

-- The hub itself. mark: the latest moment at which a registration was taken; the hub's time does not go back behind it.
-- admin: SHA-256 of the token that opens the list of servers.
CREATE TABLE hub_desk (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    mark INTEGER NOT NULL,
    admin BLOB
) STRICT;
INSERT INTO hub_desk (id, mark, admin) VALUES (1, 0, NULL);

-- Challenges that were used, for as long as they could be used again.
CREATE TABLE hub_used (
    nonce BLOB PRIMARY KEY,
    issued INTEGER NOT NULL
) STRICT;
CREATE INDEX hub_used_by_time ON hub_used (issued);

-- Servers that made themselves known. folded: the name as it must differ from others.
CREATE TABLE hub_server (
    public BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    contact TEXT,
    since INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- What the hub publishes. valid_ms: how long a feed holds from when it was signed.
CREATE TABLE hub_feed (
    kind TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    issued INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    valid_ms INTEGER NOT NULL,
    digest BLOB NOT NULL,
    note TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Pings, added up. What is shown is moved on by five pings at least, so that no difference is one server's.
CREATE TABLE hub_ping_field (
    schema INTEGER NOT NULL,
    week TEXT NOT NULL,
    field TEXT NOT NULL,
    n INTEGER NOT NULL,
    total INTEGER NOT NULL,
    shown_n INTEGER NOT NULL,
    shown_total INTEGER NOT NULL,
    PRIMARY KEY (schema, week, field)
) STRICT;
CREATE TABLE hub_ping_bucket (
    schema INTEGER NOT NULL,
    week TEXT NOT NULL,
    field TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    shown_n INTEGER NOT NULL,
    PRIMARY KEY (schema, week, field, bucket)
) STRICT;
