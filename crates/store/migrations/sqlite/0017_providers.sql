-- Identity providers: whose accounts there are whose here, and sign-ins that are under way there.

CREATE TABLE provider_identities (
    issuer TEXT NOT NULL,
    -- What the issuer calls the person, for ever.
    subject TEXT NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the person was called there when they last signed in; to show, never to decide by.
    label TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (issuer, subject)
) STRICT;
CREATE UNIQUE INDEX provider_identities_by_user ON provider_identities (user_id, issuer);

-- A browser was sent to a provider and is not back yet: each is good for one answer.
CREATE TABLE provider_sign_ins (
    -- The digest of the state, in hexadecimal.
    id TEXT NOT NULL PRIMARY KEY,
    -- The digest of what the browser holds.
    holder BLOB NOT NULL,
    provider TEXT NOT NULL,
    -- Nonce, verifier and what it is for.
    sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX provider_sign_ins_by_end ON provider_sign_ins (expires_at);

-- The name by which a proxy in front let the session's owner in, if one did.
ALTER TABLE sessions ADD COLUMN proxy_name TEXT;
