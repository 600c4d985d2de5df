-- Second factors, sign-ins that are half done, links to accounts, and what a session proved when.

-- 1 where the password is one that is only accepted beside a second factor.
ALTER TABLE users ADD COLUMN password_needs_factor INTEGER NOT NULL DEFAULT 0;

-- When its owner last proved who they are.
ALTER TABLE sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;
-- Where it began, for its owner to recognise.
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN agent TEXT;

CREATE TABLE totp (
    user_id INTEGER NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_seed BLOB NOT NULL,
    -- The newest time step whose code was accepted: none counts twice.
    last_step INTEGER NOT NULL,
    enrolled_at INTEGER NOT NULL
) STRICT;

-- A seed that was shown and not yet confirmed with a code.
CREATE TABLE totp_candidates (
    user_id INTEGER NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_seed BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    PRIMARY KEY (user_id, digest)
) STRICT;

-- The password was right, the second factor is awaited or has to be enrolled.
CREATE TABLE pending_sign_ins (
    digest BLOB NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    n_attempts INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX pending_sign_ins_by_user ON pending_sign_ins (user_id);
CREATE INDEX pending_sign_ins_by_end ON pending_sign_ins (expires_at);

-- One an account: a newer link ends the older.
CREATE TABLE account_links (
    user_id INTEGER NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    digest BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('invitation', 'reset')),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Addresses from which accounts signed in: other people's failures elsewhere do not slow their owners there.
CREATE TABLE known_addresses (
    -- The digest of an account's name and an address.
    subject BLOB NOT NULL PRIMARY KEY,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX known_addresses_by_time ON known_addresses (last_at);
