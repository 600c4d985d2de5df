-- Where the audit log begins: the last entry that retention removed, its hash, and the proof that the server removed it.

CREATE TABLE audit_front (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- 0 as long as nothing was removed.
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    -- Only entries from before this moment were removed.
    before_at INTEGER,
    -- Over the columns above, under a key derived from the master key of this name.
    mac_key BLOB,
    mac BLOB
) STRICT;
INSERT INTO audit_front (id, seq, hash) VALUES (1, 0, zeroblob(32));

DROP TRIGGER audit_log_is_not_shortened;
CREATE TRIGGER audit_log_is_not_shortened BEFORE DELETE ON audit_log
WHEN OLD.seq > (SELECT seq FROM audit_front WHERE id = 1)
BEGIN SELECT RAISE(ABORT, 'entries of the audit log are not deleted'); END;
CREATE TRIGGER audit_front_moves_on BEFORE UPDATE ON audit_front WHEN NEW.seq < OLD.seq
BEGIN SELECT RAISE(ABORT, 'the front of the audit log does not move back'); END;
CREATE TRIGGER audit_front_stays BEFORE DELETE ON audit_front
BEGIN SELECT RAISE(ABORT, 'the front of the audit log is not deleted'); END;
