-- Reviews cover what code hosts state, too.

-- What the host is called, where it is one that states the right and only it can take it back.
ALTER TABLE review_items ADD COLUMN host TEXT;
-- What the account is called there, and the host's own identifier of it.
ALTER TABLE review_items ADD COLUMN host_account TEXT;
