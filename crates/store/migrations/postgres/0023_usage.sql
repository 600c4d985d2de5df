-- How the server is used, as numbers of the data-collection register (crates/telemetry/register.toml), by the hour; hours are
-- counted since 1970. After some days the hours of a day are one row, under its first hour.

-- ending: 0 well, 4 refused, 5 failed. bucket: of the time until the answer began.
CREATE TABLE usage_requests (
    hour BIGINT NOT NULL,
    route BIGINT NOT NULL,
    ending BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (hour, route, ending, bucket)
);

CREATE TABLE usage_counters (
    hour BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (hour, counter)
);

-- What the next ping is made from, and nothing else: deleted with the week. week: when it began.
CREATE TABLE usage_people (
    week BIGINT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    counter BIGINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (week, user_id, counter)
);

-- Who does not want to be counted.
CREATE TABLE usage_opted_out (
    user_id BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE
);

-- The outbox. bytes: what is shown and what is sent. state: local, waiting, approved, sending, sent, denied, failed.
CREATE TABLE pings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    week BIGINT NOT NULL UNIQUE,
    schema_version BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    destination TEXT,
    sent_at BIGINT,
    reply_status BIGINT,
    reply BYTEA,
    error TEXT,
    n_tries BIGINT NOT NULL DEFAULT 0,
    next_try_at BIGINT
);

-- Which versions of the schema were approved: the SHA-256 of the bytes that were seen, by whom, when, for which destination.
CREATE TABLE ping_approvals (
    schema_version BIGINT NOT NULL,
    destination TEXT NOT NULL,
    digest BYTEA NOT NULL,
    approved_by TEXT NOT NULL,
    approved_at BIGINT NOT NULL,
    PRIMARY KEY (schema_version, destination)
);
