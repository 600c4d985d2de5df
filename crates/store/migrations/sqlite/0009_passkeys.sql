-- Passkeys, and their ceremonies that are under way.

CREATE TABLE passkeys (
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What authenticators call the account: drawn with its first passkey, the same for the others.
    handle BLOB NOT NULL,
    credential_id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Public key, counter and flags, as JSON.
    passkey TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- A challenge that was given and not answered yet: each counts once.
CREATE TABLE passkey_ceremonies (
    digest BLOB NOT NULL PRIMARY KEY,
    -- The digest of the session or half-done sign-in it was given to.
    holder BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('registration', 'proof')),
    state TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_ceremonies_by_end ON passkey_ceremonies (expires_at);
