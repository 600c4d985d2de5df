-- What left this server: one row before each connection is opened, one when it is over, one for what was refused. Rows are
-- appended and never changed; together they are the leaves of a Merkle tree (RFC 6962), whose frontier is in the head.

-- kind: 0 a connection is about to be opened, 1 it is over (about: which), 2 it was refused (reason: why).
-- sent, received: bytes over the wire; digest: SHA-256 of those sent. leaf: the first 8 bytes of the leaf's hash.
CREATE TABLE egress_ledger (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    purpose TEXT,
    host TEXT,
    port INTEGER,
    address TEXT,
    initiator TEXT,
    code TEXT,
    reason TEXT,
    about INTEGER,
    outcome TEXT,
    sent INTEGER,
    received INTEGER,
    digest BLOB,
    leaf BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX egress_ledger_by_opening ON egress_ledger (about) WHERE about IS NOT NULL;
CREATE INDEX egress_ledger_by_time ON egress_ledger (at) WHERE kind <> 1;

-- checkpoint: how large the tree is and what its root is, signed with the instance's key.
CREATE TABLE egress_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    frontier BLOB NOT NULL,
    checkpoint TEXT NOT NULL
) STRICT;
INSERT INTO egress_head (id, size, frontier, checkpoint) VALUES (1, 0, x'', '');

-- The key this instance signs with (Ed25519), made at the first start; the seed is sealed.
CREATE TABLE instance_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    public BLOB NOT NULL,
    sealed BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;
