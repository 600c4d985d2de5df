-- egress_ledger, kind 3: what was said (body), for pings, which are kept word by word.
ALTER TABLE egress_ledger ADD COLUMN body BYTEA;
