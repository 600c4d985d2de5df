-- Second factors, sign-ins that are half done, links to accounts, and what a session proved when.

-- 1 where the password is one that is only accepted beside a second factor.
ALTER TABLE users ADD COLUMN password_needs_factor BIGINT NOT NULL DEFAULT 0;

-- When its owner last proved who they are.
ALTER TABLE sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;
-- Where it began, for its owner to recognise.
ALTER TABLE sessions ADD COLUMN address TEXT COLLATE "C";
ALTER TABLE sessions ADD COLUMN agent TEXT COLLATE "C";

CREATE TABLE totp (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_seed BYTEA NOT NULL,
    -- The newest time step whose code was accepted: none counts twice.
    last_step BIGINT NOT NULL,
    enrolled_at BIGINT NOT NULL
);

-- A seed that was shown and not yet confirmed with a code.
CREATE TABLE totp_candidates (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_seed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- The password was right, the second factor is awaited or has to be enrolled.
CREATE TABLE pending_sign_ins (
    digest BYTEA NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    n_attempts BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL
);
CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);

-- One an account: a newer link ends the older.
CREATE TABLE account_links (
    user_id BIGINT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL UNIQUE,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('invitation', 'reset')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Addresses from which accounts signed in: other people's failures elsewhere do not slow their owners there.
CREATE TABLE known_addresses (
    -- The digest of an account's name and an address.
    subject BYTEA NOT NULL PRIMARY KEY,
    last_at BIGINT NOT NULL
);
CREATE INDEX known_addresses_by_time ON known_addresses (last_at);
