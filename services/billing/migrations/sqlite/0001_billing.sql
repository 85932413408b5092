-- Prices as data. A version never changes; a correction is a new version.
CREATE TABLE price_version (
    price_version     TEXT    NOT NULL PRIMARY KEY,
    target            TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    effective_time_ms INTEGER NOT NULL,
    source            TEXT    NOT NULL,
    verified          INTEGER NOT NULL CHECK (verified IN (0, 1)),
    rates             TEXT    NOT NULL,
    create_time_ms    INTEGER NOT NULL,
    UNIQUE (target, model, effective_time_ms)
) STRICT, WITHOUT ROWID;

-- One row a call that reached a provider. The month is part of event_id, so that a store partitioned by month can still keep
-- (merchant_id, event_id) unique for ever.
CREATE TABLE usage_event (
    seq                 INTEGER PRIMARY KEY,
    merchant_id         TEXT    NOT NULL,
    event_id            TEXT    NOT NULL,
    payload_sha256      BLOB    NOT NULL CHECK (length(payload_sha256) = 32),
    request_id          TEXT    NOT NULL,
    attempt             INTEGER NOT NULL CHECK (attempt >= 0),
    epoch               INTEGER NOT NULL,
    admit_time_ms       INTEGER NOT NULL,
    window_day          TEXT    NOT NULL,
    window_month        TEXT    NOT NULL,
    price_version       TEXT    NOT NULL REFERENCES price_version (price_version),
    target              TEXT    NOT NULL,
    upstream            TEXT    NOT NULL,
    model_requested     TEXT    NOT NULL,
    model_served        TEXT    NOT NULL,
    provider_request_id TEXT    NOT NULL,
    gateway_id          TEXT    NOT NULL,
    key_id              TEXT    NOT NULL,
    decision_id         TEXT    NOT NULL,
    status              TEXT    NOT NULL CHECK (status IN ('ok', 'partial', 'failed_billed', 'unconfirmed')),
    usage_source        TEXT    NOT NULL CHECK (usage_source IN ('provider', 'counted', 'partial')),
    input_fresh         INTEGER NOT NULL CHECK (input_fresh BETWEEN 0 AND 9007199254740991),
    input_cache_read    INTEGER NOT NULL CHECK (input_cache_read BETWEEN 0 AND 9007199254740991),
    input_cache_write   INTEGER NOT NULL CHECK (input_cache_write BETWEEN 0 AND 9007199254740991),
    input_tool          INTEGER NOT NULL CHECK (input_tool BETWEEN 0 AND 9007199254740991),
    output_text         INTEGER NOT NULL CHECK (output_text BETWEEN 0 AND 9007199254740991),
    output_reasoning    INTEGER NOT NULL CHECK (output_reasoning BETWEEN 0 AND 9007199254740991),
    sell_pico           INTEGER NOT NULL CHECK (sell_pico >= 0),
    cost_pico           INTEGER NOT NULL CHECK (cost_pico >= 0),
    record_time_ms      INTEGER NOT NULL,
    UNIQUE (window_month, merchant_id, event_id),
    CHECK (substr(event_id, 1, 6) = substr(window_month, 2))
) STRICT;

CREATE INDEX usage_event_merchant ON usage_event (merchant_id);

-- What an event was rated at, line by line; the price version is the event's.
CREATE TABLE rated_line (
    event_seq   INTEGER NOT NULL REFERENCES usage_event (seq),
    side        TEXT    NOT NULL CHECK (side IN ('cost', 'sell')),
    component   TEXT    NOT NULL,
    units       INTEGER NOT NULL CHECK (units > 0),
    amount_pico INTEGER NOT NULL CHECK (amount_pico > 0),
    PRIMARY KEY (event_seq, side, component)
) STRICT, WITHOUT ROWID;

-- Double entry: the entries of a transaction sum to zero. Debits are positive.
CREATE TABLE ledger_txn (
    txn_id         INTEGER PRIMARY KEY,
    kind           TEXT    NOT NULL CHECK (kind IN ('usage', 'reversal', 'topup', 'statement', 'rounding', 'provider_bill')),
    event_seq      INTEGER REFERENCES usage_event (seq),
    ref_id         TEXT,
    corrects_txn   INTEGER REFERENCES ledger_txn (txn_id),
    create_time_ms INTEGER NOT NULL,
    CHECK (event_seq IS NOT NULL OR ref_id IS NOT NULL)
) STRICT;

-- An event is charged once and reversed at most once; any other source of a transaction is used once.
CREATE UNIQUE INDEX ledger_txn_event ON ledger_txn (event_seq, kind) WHERE event_seq IS NOT NULL;
CREATE UNIQUE INDEX ledger_txn_ref ON ledger_txn (kind, ref_id) WHERE ref_id IS NOT NULL;

CREATE TABLE ledger_entry (
    seq         INTEGER PRIMARY KEY,
    txn_id      INTEGER NOT NULL REFERENCES ledger_txn (txn_id),
    account     TEXT    NOT NULL CHECK (account <> ''),
    amount_pico INTEGER NOT NULL CHECK (amount_pico <> 0)
) STRICT;

CREATE INDEX ledger_entry_txn ON ledger_entry (txn_id);

-- Books are only ever added to.
CREATE TRIGGER price_version_update BEFORE UPDATE ON price_version BEGIN SELECT raise(ABORT, 'price_version is append-only'); END;
CREATE TRIGGER price_version_delete BEFORE DELETE ON price_version BEGIN SELECT raise(ABORT, 'price_version is append-only'); END;
CREATE TRIGGER usage_event_update BEFORE UPDATE ON usage_event BEGIN SELECT raise(ABORT, 'usage_event is append-only'); END;
CREATE TRIGGER usage_event_delete BEFORE DELETE ON usage_event BEGIN SELECT raise(ABORT, 'usage_event is append-only'); END;
CREATE TRIGGER rated_line_update BEFORE UPDATE ON rated_line BEGIN SELECT raise(ABORT, 'rated_line is append-only'); END;
CREATE TRIGGER rated_line_delete BEFORE DELETE ON rated_line BEGIN SELECT raise(ABORT, 'rated_line is append-only'); END;
CREATE TRIGGER ledger_txn_update BEFORE UPDATE ON ledger_txn BEGIN SELECT raise(ABORT, 'ledger_txn is append-only'); END;
CREATE TRIGGER ledger_txn_delete BEFORE DELETE ON ledger_txn BEGIN SELECT raise(ABORT, 'ledger_txn is append-only'); END;
CREATE TRIGGER ledger_entry_update BEFORE UPDATE ON ledger_entry BEGIN SELECT raise(ABORT, 'ledger_entry is append-only'); END;
CREATE TRIGGER ledger_entry_delete BEFORE DELETE ON ledger_entry BEGIN SELECT raise(ABORT, 'ledger_entry is append-only'); END;
