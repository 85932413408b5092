-- Corrections: an event is reversed at most once, by a transaction of its own, and perhaps replaced by another event.
-- An event whose seq is here counts no more.
CREATE TABLE amendment (
    event_seq       INTEGER PRIMARY KEY REFERENCES usage_event (seq),
    op_id           TEXT    NOT NULL UNIQUE,
    payload_sha256  BLOB    NOT NULL CHECK (length(payload_sha256) = 32),
    merchant_id     TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    reversal_txn    INTEGER NOT NULL UNIQUE REFERENCES ledger_txn (txn_id),
    replacement_seq INTEGER UNIQUE REFERENCES usage_event (seq),
    replacement_txn INTEGER UNIQUE REFERENCES ledger_txn (txn_id),
    create_time_ms  INTEGER NOT NULL,
    CHECK ((replacement_seq IS NULL) = (replacement_txn IS NULL))
) STRICT;

CREATE INDEX amendment_merchant ON amendment (merchant_id);

CREATE TRIGGER amendment_update BEFORE UPDATE ON amendment BEGIN SELECT raise(ABORT, 'amendment is append-only'); END;
CREATE TRIGGER amendment_delete BEFORE DELETE ON amendment BEGIN SELECT raise(ABORT, 'amendment is append-only'); END;
