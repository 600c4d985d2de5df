-- Roles beyond two, service accounts, tokens bound to addresses, emergency access.

-- The same column without a list of words: a custom role is 'custom:<name>:<capabilities>'.
ALTER TABLE users ADD COLUMN role_word TEXT NOT NULL DEFAULT 'member';
UPDATE users SET role_word = role;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN role_word TO role;

-- 1 for an account that programs use: nobody signs in to it, its tokens are its owner's to make.
ALTER TABLE users ADD COLUMN is_service INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN owner_id INTEGER REFERENCES users (id) ON DELETE SET NULL;
CREATE INDEX users_by_owner ON users (owner_id);

-- A JSON array of networks from which the token is accepted; NULL for anywhere.
ALTER TABLE tokens ADD COLUMN addresses TEXT;

CREATE TABLE roles (
    name TEXT NOT NULL PRIMARY KEY,
    description TEXT NOT NULL,
    -- Comma-separated words.
    capabilities TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE break_glass (
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    repo_id INTEGER NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    -- When it ends, or ended: set back when somebody ends it early.
    ends_at INTEGER NOT NULL,
    ended_by TEXT
) STRICT;
CREATE INDEX break_glass_by_user ON break_glass (user_id, ends_at);
CREATE INDEX break_glass_by_repo ON break_glass (repo_id);
CREATE INDEX break_glass_by_end ON break_glass (ends_at);
