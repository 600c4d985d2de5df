-- Passkeys, and their ceremonies that are under way.

CREATE TABLE passkeys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What authenticators call the account: drawn with its first passkey, the same for the others.
    handle BYTEA NOT NULL,
    credential_id BYTEA NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    -- Public key, counter and flags, as JSON.
    passkey TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);

-- A challenge that was given and not answered yet: each counts once.
CREATE TABLE passkey_ceremonies (
    digest BYTEA NOT NULL PRIMARY KEY,
    -- The digest of the session or half-done sign-in it was given to.
    holder BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('registration', 'proof')),
    state TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_ceremonies_by_end ON passkey_ceremonies (expires_at);
