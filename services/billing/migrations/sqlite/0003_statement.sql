-- What a merchant was asked for a month. What a statement counts follows from max_seq, max_txn and the statement before it, so its
-- lines can be made again from the ledger at any time; they are kept to be read.
CREATE TABLE statement (
    merchant_id    TEXT    NOT NULL,
    period         TEXT    NOT NULL CHECK (length(period) = 6),
    max_seq        INTEGER NOT NULL CHECK (max_seq >= 0),
    max_txn        INTEGER NOT NULL CHECK (max_txn >= 0),
    currency       TEXT    NOT NULL CHECK (currency = 'USD'),
    total_minor    INTEGER NOT NULL,
    carry_pico     INTEGER NOT NULL CHECK (carry_pico BETWEEN -5000000000 AND 5000000000),
    txn_id         INTEGER NOT NULL UNIQUE REFERENCES ledger_txn (txn_id),
    create_time_ms INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE statement_line (
    merchant_id   TEXT    NOT NULL,
    period        TEXT    NOT NULL,
    position      INTEGER NOT NULL CHECK (position >= 0),
    usage_period  TEXT    NOT NULL CHECK (length(usage_period) = 6),
    model         TEXT    NOT NULL,
    component     TEXT    NOT NULL,
    price_version TEXT    NOT NULL,
    units         INTEGER NOT NULL,
    amount_pico   INTEGER NOT NULL,
    amount_minor  INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, period, position),
    FOREIGN KEY (merchant_id, period) REFERENCES statement (merchant_id, period)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER statement_update BEFORE UPDATE ON statement BEGIN SELECT raise(ABORT, 'statement is append-only'); END;
CREATE TRIGGER statement_delete BEFORE DELETE ON statement BEGIN SELECT raise(ABORT, 'statement is append-only'); END;
CREATE TRIGGER statement_line_update BEFORE UPDATE ON statement_line BEGIN SELECT raise(ABORT, 'statement_line is append-only'); END;
CREATE TRIGGER statement_line_delete BEFORE DELETE ON statement_line BEGIN SELECT raise(ABORT, 'statement_line is append-only'); END;
