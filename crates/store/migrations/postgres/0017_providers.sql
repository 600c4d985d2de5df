-- Identity providers: whose accounts there are whose here, and sign-ins that are under way there.

CREATE TABLE provider_identities (
    issuer TEXT COLLATE "C" NOT NULL,
    -- What the issuer calls the person, for ever.
    subject TEXT COLLATE "C" NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the person was called there when they last signed in; to show, never to decide by.
    label TEXT COLLATE "C" NOT NULL,
    linked_at BIGINT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (issuer, subject)
);
CREATE UNIQUE INDEX provider_identities_by_user ON provider_identities (user_id, issuer);

-- A browser was sent to a provider and is not back yet: each is good for one answer.
CREATE TABLE provider_sign_ins (
    -- The digest of the state, in hexadecimal.
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The digest of what the browser holds.
    holder BYTEA NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    -- Nonce, verifier and what it is for.
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX provider_sign_ins_by_end ON provider_sign_ins (expires_at);

-- The name by which a proxy in front let the session's owner in, if one did.
ALTER TABLE sessions ADD COLUMN proxy_name TEXT COLLATE "C";
