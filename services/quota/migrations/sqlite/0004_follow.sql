-- Following the ledger: which settled calls it has, and how far it was read.

-- When the ledger was heard to have the call, in milliseconds since 1970; null until then. Its usage event is dropped with it.
ALTER TABLE tombstone ADD COLUMN confirmed_at INTEGER;

CREATE INDEX tombstone_confirmed_at ON tombstone (confirmed_at) WHERE confirmed_at IS NOT NULL;
CREATE INDEX tombstone_unconfirmed ON tombstone (ended_at) WHERE confirmed_at IS NULL AND usage_event IS NOT NULL;

-- The last transaction of the ledger that each merchant's counters count; written with the counters.
CREATE TABLE followed (
    merchant_id TEXT    PRIMARY KEY,
    position    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger_position (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    -- Where the ledger ended when it was first followed; what it had by then is counted by comparing sums.
    baseline    INTEGER NOT NULL,
    -- When that was, in milliseconds since 1970.
    baseline_at INTEGER NOT NULL,
    -- Transactions up to this one were applied. Written after they were, and lately: applying one again changes nothing.
    position    INTEGER NOT NULL
) STRICT;
