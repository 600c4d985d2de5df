-- Where the audit log begins: the last entry that retention removed, its hash, and the proof that the server removed it.

CREATE TABLE audit_front (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    -- 0 as long as nothing was removed.
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    -- Only entries from before this moment were removed.
    before_at BIGINT,
    -- Over the columns above, under a key derived from the master key of this name.
    mac_key BYTEA,
    mac BYTEA
);
INSERT INTO audit_front (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION audit_refuse_beyond_front() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seq > (SELECT seq FROM audit_front WHERE id = 1) THEN
        RAISE EXCEPTION 'entries of the audit log are not deleted';
    END IF;
    RETURN OLD;
END;
$$;
DROP TRIGGER audit_log_is_not_changed ON audit_log;
CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_log_is_not_shortened BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_beyond_front();
CREATE TRIGGER audit_front_moves_on BEFORE UPDATE ON audit_front
    FOR EACH ROW WHEN (NEW.seq < OLD.seq) EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_front_stays BEFORE DELETE ON audit_front
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_front_is_not_emptied BEFORE TRUNCATE ON audit_front
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
