-- The audit log, and what tells whether the master key at hand is the one secrets here are sealed with.

CREATE TABLE vault_check (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;

-- Names and numbers as they were; no foreign keys: an entry outlives what it is about.
CREATE TABLE audit_log (
    seq INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
    at INTEGER NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id INTEGER,
    actor TEXT NOT NULL,
    via TEXT NOT NULL,
    via_id TEXT,
    act TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT,
    address TEXT,
    request_id TEXT,
    details TEXT NOT NULL,
    -- SHA-256 over every column above and the hash of the entry before.
    hash BLOB NOT NULL
) STRICT;
CREATE INDEX audit_log_by_time ON audit_log (at);
CREATE INDEX audit_log_by_actor ON audit_log (actor, seq);
CREATE INDEX audit_log_by_object ON audit_log (object, seq);
CREATE INDEX audit_log_by_act ON audit_log (act, seq);

-- The last entry; its row is the lock by which entries follow each other.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT;
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'entries of the audit log are not changed'); END;
CREATE TRIGGER audit_log_is_not_shortened BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'entries of the audit log are not deleted'); END;
-- Replacing by INSERT OR REPLACE fires no DELETE trigger.
CREATE TRIGGER audit_log_is_not_replaced BEFORE INSERT ON audit_log
WHEN EXISTS (SELECT 1 FROM audit_log WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'entries of the audit log are not replaced'); END;
CREATE TRIGGER audit_head_moves_on BEFORE UPDATE ON audit_head WHEN NEW.seq < OLD.seq
BEGIN SELECT RAISE(ABORT, 'the head of the audit log does not move back'); END;
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the head of the audit log is not deleted'); END;
