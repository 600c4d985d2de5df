-- Roles beyond two, service accounts, tokens bound to addresses, emergency access.

-- The same column without a list of words: a custom role is 'custom:<name>:<capabilities>'.
ALTER TABLE users ADD COLUMN role_word TEXT COLLATE "C" NOT NULL DEFAULT 'member';
UPDATE users SET role_word = role;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN role_word TO role;

-- 1 for an account that programs use: nobody signs in to it, its tokens are its owner's to make.
ALTER TABLE users ADD COLUMN is_service BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN owner_id BIGINT REFERENCES users (id) ON DELETE SET NULL;
CREATE INDEX users_by_owner ON users (owner_id);

-- A JSON array of networks from which the token is accepted; NULL for anywhere.
ALTER TABLE tokens ADD COLUMN addresses TEXT COLLATE "C";

CREATE TABLE roles (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    description TEXT COLLATE "C" NOT NULL,
    -- Comma-separated words.
    capabilities TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL
);

CREATE TABLE break_glass (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repo_id BIGINT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    reason TEXT COLLATE "C" NOT NULL,
    begun_at BIGINT NOT NULL,
    -- When it ends, or ended: set back when somebody ends it early.
    ends_at BIGINT NOT NULL,
    ended_by TEXT COLLATE "C"
);
CREATE INDEX break_glass_by_user ON break_glass (user_id, ends_at);
CREATE INDEX break_glass_by_repo ON break_glass (repo_id);
CREATE INDEX break_glass_by_end ON break_glass (ends_at);
