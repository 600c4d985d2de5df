-- How the server is used, as numbers of the data-collection register (crates/telemetry/register.toml), by the hour; hours are
-- counted since 1970. After some days the hours of a day are one row, under its first hour.

-- ending: 0 well, 4 refused, 5 failed. bucket: of the time until the answer began.
CREATE TABLE usage_requests (
    hour INTEGER NOT NULL,
    route INTEGER NOT NULL,
    ending INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, route, ending, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_counters (
    hour INTEGER NOT NULL,
    counter INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (hour, counter)
) STRICT, WITHOUT ROWID;

-- What the next ping is made from, and nothing else: deleted with the week. week: when it began.
CREATE TABLE usage_people (
    week INTEGER NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    counter INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (week, user_id, counter)
) STRICT, WITHOUT ROWID;

-- Who does not want to be counted.
CREATE TABLE usage_opted_out (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE
) STRICT;

-- The outbox. bytes: what is shown and what is sent. state: local, waiting, approved, sending, sent, denied, failed.
CREATE TABLE pings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    week INTEGER NOT NULL UNIQUE,
    schema_version INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    state TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    destination TEXT,
    sent_at INTEGER,
    reply_status INTEGER,
    reply BLOB,
    error TEXT,
    n_tries INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER
) STRICT;

-- Which versions of the schema were approved: the SHA-256 of the bytes that were seen, by whom, when, for which destination.
CREATE TABLE ping_approvals (
    schema_version INTEGER NOT NULL,
    destination TEXT NOT NULL,
    digest BLOB NOT NULL,
    approved_by TEXT NOT NULL,
    approved_at INTEGER NOT NULL,
    PRIMARY KEY (schema_version, destination)
) STRICT, WITHOUT ROWID;
