-- The transactions of a merchant are a chain: each holds the hash of its row, its event's row, its entries and the link before it,
-- so that a row that is changed, taken out, put in or swapped with another no longer fits.
ALTER TABLE ledger_txn ADD COLUMN merchant_id TEXT;
ALTER TABLE ledger_txn ADD COLUMN chain_sha256 BLOB CHECK (chain_sha256 IS NULL OR length(chain_sha256) = 32);

-- Where each chain ends; without it the newest transactions could be taken away unseen. The only rows of the books that change.
CREATE TABLE chain_head (
    merchant_id  TEXT    NOT NULL PRIMARY KEY,
    txn_id       INTEGER NOT NULL,
    chain_sha256 BLOB    NOT NULL CHECK (length(chain_sha256) = 32)
) STRICT, WITHOUT ROWID;

-- Newest transaction from before there were chains; those up to it have no link.
CREATE TABLE chain_start (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    txn_id INTEGER NOT NULL
) STRICT;
INSERT INTO chain_start (id, txn_id) SELECT 1, coalesce(max(txn_id), 0) FROM ledger_txn;

CREATE TRIGGER chain_start_update BEFORE UPDATE ON chain_start BEGIN SELECT raise(ABORT, 'chain_start is append-only'); END;
CREATE TRIGGER chain_start_delete BEFORE DELETE ON chain_start BEGIN SELECT raise(ABORT, 'chain_start is append-only'); END;
