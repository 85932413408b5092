-- The ledger in Postgres, in the schema `billing` that the connection's search_path names.
--
-- Texts sort by their bytes, as they do in Rust and in SQLite. Rows of the hot tables come thousands a statement, so their rules
-- are checked once a statement over all its rows, which takes a tenth of the time of writing them; a foreign key or a deferred constraint
-- trigger would run once a row. What the checks rest on is that rows are numbered from 1 without gaps and never change, which the one writer
-- and the triggers of append_only see to.

-- Prices as data. A version never changes; a correction is a new version.
CREATE TABLE price_version (
    price_version     TEXT    COLLATE "C" PRIMARY KEY,
    target            TEXT    COLLATE "C" NOT NULL,
    model             TEXT    COLLATE "C" NOT NULL,
    effective_time_ms BIGINT  NOT NULL,
    source            TEXT    NOT NULL,
    verified          BOOLEAN NOT NULL,
    rates             TEXT    NOT NULL,
    create_time_ms    BIGINT  NOT NULL,
    UNIQUE (target, model, effective_time_ms)
);

-- One row a call that reached a provider. The month is part of event_id, so that a table partitioned by month can still keep
-- (merchant_id, event_id) unique for ever.
CREATE TABLE usage_event (
    seq                 BIGINT  PRIMARY KEY CHECK (seq > 0),
    merchant_id         TEXT    COLLATE "C" NOT NULL,
    event_id            TEXT    COLLATE "C" NOT NULL,
    payload_sha256      BYTEA   NOT NULL CHECK (length(payload_sha256) = 32),
    request_id          TEXT    NOT NULL,
    attempt             INTEGER NOT NULL CHECK (attempt >= 0),
    epoch               BIGINT  NOT NULL,
    admit_time_ms       BIGINT  NOT NULL,
    window_day          TEXT    COLLATE "C" NOT NULL,
    window_month        TEXT    COLLATE "C" NOT NULL,
    price_version       TEXT    COLLATE "C" NOT NULL,
    target              TEXT    COLLATE "C" NOT NULL,
    upstream            TEXT    NOT NULL,
    model_requested     TEXT    NOT NULL,
    model_served        TEXT    COLLATE "C" NOT NULL,
    provider_request_id TEXT    NOT NULL,
    gateway_id          TEXT    NOT NULL,
    key_id              TEXT    NOT NULL,
    decision_id         TEXT    NOT NULL,
    status              TEXT    COLLATE "C" NOT NULL CHECK (status IN ('ok', 'partial', 'failed_billed', 'unconfirmed')),
    usage_source        TEXT    COLLATE "C" NOT NULL CHECK (usage_source IN ('provider', 'counted', 'partial')),
    input_fresh         BIGINT  NOT NULL CHECK (input_fresh BETWEEN 0 AND 9007199254740991),
    input_cache_read    BIGINT  NOT NULL CHECK (input_cache_read BETWEEN 0 AND 9007199254740991),
    input_cache_write   BIGINT  NOT NULL CHECK (input_cache_write BETWEEN 0 AND 9007199254740991),
    input_tool          BIGINT  NOT NULL CHECK (input_tool BETWEEN 0 AND 9007199254740991),
    output_text         BIGINT  NOT NULL CHECK (output_text BETWEEN 0 AND 9007199254740991),
    output_reasoning    BIGINT  NOT NULL CHECK (output_reasoning BETWEEN 0 AND 9007199254740991),
    sell_pico           BIGINT  NOT NULL CHECK (sell_pico >= 0),
    cost_pico           BIGINT  NOT NULL CHECK (cost_pico >= 0),
    record_time_ms      BIGINT  NOT NULL,
    UNIQUE (window_month, merchant_id, event_id),
    CHECK (substr(event_id, 1, 6) = substr(window_month, 2))
);

CREATE INDEX usage_event_merchant ON usage_event (merchant_id, seq);

-- What an event was rated at, line by line; the price version is the event's.
CREATE TABLE rated_line (
    event_seq   BIGINT NOT NULL,
    side        TEXT   COLLATE "C" NOT NULL CHECK (side IN ('cost', 'sell')),
    component   TEXT   COLLATE "C" NOT NULL,
    units       BIGINT NOT NULL CHECK (units > 0),
    amount_pico BIGINT NOT NULL CHECK (amount_pico > 0),
    PRIMARY KEY (event_seq, side, component)
);

-- Double entry: the entries of a transaction sum to zero. Debits are positive. The transactions of a merchant are a chain: each holds the
-- hash of its row, its event's row, its entries and the link before it, so that a row that is changed, taken out, put in or swapped with
-- another no longer fits.
CREATE TABLE ledger_txn (
    txn_id         BIGINT PRIMARY KEY CHECK (txn_id > 0),
    kind           TEXT   COLLATE "C" NOT NULL
                   CHECK (kind IN ('usage', 'reversal', 'topup', 'statement', 'rounding', 'provider_bill')),
    event_seq      BIGINT,
    ref_id         TEXT   COLLATE "C",
    corrects_txn   BIGINT CHECK (corrects_txn < txn_id),
    create_time_ms BIGINT NOT NULL,
    merchant_id    TEXT   COLLATE "C" NOT NULL,
    chain_sha256   BYTEA  NOT NULL CHECK (length(chain_sha256) = 32),
    CHECK (event_seq IS NOT NULL OR ref_id IS NOT NULL)
);

-- An event is charged once and reversed at most once; any other source of a transaction is used once.
CREATE UNIQUE INDEX ledger_txn_event ON ledger_txn (event_seq, kind) WHERE event_seq IS NOT NULL;
CREATE UNIQUE INDEX ledger_txn_ref ON ledger_txn (kind, ref_id) WHERE ref_id IS NOT NULL;

CREATE TABLE ledger_entry (
    seq         BIGINT PRIMARY KEY CHECK (seq > 0),
    txn_id      BIGINT NOT NULL,
    account     TEXT   COLLATE "C" NOT NULL CHECK (account <> ''),
    amount_pico BIGINT NOT NULL CHECK (amount_pico <> 0)
);

CREATE INDEX ledger_entry_txn ON ledger_entry (txn_id, seq);

-- Where each chain ends; without it the newest transactions could be taken away unseen. The only rows of the books that change.
CREATE TABLE chain_head (
    merchant_id  TEXT   COLLATE "C" PRIMARY KEY,
    txn_id       BIGINT NOT NULL,
    chain_sha256 BYTEA  NOT NULL CHECK (length(chain_sha256) = 32)
) WITH (fillfactor = 50);

-- Corrections: an event is reversed at most once, by a transaction of its own, and perhaps replaced by another event.
-- An event whose seq is here counts no more.
CREATE TABLE amendment (
    event_seq       BIGINT PRIMARY KEY REFERENCES usage_event (seq),
    op_id           TEXT   COLLATE "C" NOT NULL UNIQUE,
    payload_sha256  BYTEA  NOT NULL CHECK (length(payload_sha256) = 32),
    merchant_id     TEXT   COLLATE "C" NOT NULL,
    reason          TEXT   NOT NULL,
    reversal_txn    BIGINT NOT NULL UNIQUE REFERENCES ledger_txn (txn_id),
    replacement_seq BIGINT UNIQUE REFERENCES usage_event (seq),
    replacement_txn BIGINT UNIQUE REFERENCES ledger_txn (txn_id),
    create_time_ms  BIGINT NOT NULL,
    CHECK ((replacement_seq IS NULL) = (replacement_txn IS NULL))
);

CREATE INDEX amendment_merchant ON amendment (merchant_id);

-- What a merchant was asked for a month. What a statement counts follows from max_seq, max_txn and the statement before it, so its
-- lines can be made again from the ledger at any time; they are kept to be read.
CREATE TABLE statement (
    merchant_id    TEXT   COLLATE "C" NOT NULL,
    period         TEXT   COLLATE "C" NOT NULL CHECK (length(period) = 6),
    max_seq        BIGINT NOT NULL CHECK (max_seq >= 0),
    max_txn        BIGINT NOT NULL CHECK (max_txn >= 0),
    currency       TEXT   NOT NULL CHECK (currency = 'USD'),
    total_minor    BIGINT NOT NULL,
    carry_pico     BIGINT NOT NULL CHECK (carry_pico BETWEEN -5000000000 AND 5000000000),
    txn_id         BIGINT NOT NULL UNIQUE REFERENCES ledger_txn (txn_id),
    create_time_ms BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, period)
);

CREATE TABLE statement_line (
    merchant_id   TEXT   COLLATE "C" NOT NULL,
    period        TEXT   COLLATE "C" NOT NULL,
    position      BIGINT NOT NULL CHECK (position >= 0),
    usage_period  TEXT   COLLATE "C" NOT NULL CHECK (length(usage_period) = 6),
    model         TEXT   NOT NULL,
    component     TEXT   NOT NULL,
    price_version TEXT   NOT NULL,
    units         BIGINT NOT NULL,
    amount_pico   BIGINT NOT NULL,
    amount_minor  BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, period, position),
    FOREIGN KEY (merchant_id, period) REFERENCES statement (merchant_id, period)
);

-- What providers say that they served, for reconciliation; it moves no account.
CREATE TABLE provider_bill (
    bill_id        BIGINT PRIMARY KEY CHECK (bill_id > 0),
    file_sha256    BYTEA  NOT NULL UNIQUE CHECK (length(file_sha256) = 32),
    target         TEXT   COLLATE "C" NOT NULL,
    row_count      BIGINT NOT NULL CHECK (row_count > 0),
    create_time_ms BIGINT NOT NULL
);

CREATE TABLE provider_bill_row (
    bill_id             BIGINT NOT NULL REFERENCES provider_bill (bill_id),
    line                BIGINT NOT NULL CHECK (line > 0),
    day                 TEXT   COLLATE "C" NOT NULL CHECK (length(day) = 10),
    model               TEXT   NOT NULL,
    provider_request_id TEXT   NOT NULL,
    input_tokens        BIGINT NOT NULL CHECK (input_tokens BETWEEN 0 AND 9007199254740991),
    output_tokens       BIGINT NOT NULL CHECK (output_tokens BETWEEN 0 AND 9007199254740991),
    cost_pico           BIGINT NOT NULL CHECK (cost_pico >= 0),
    PRIMARY KEY (bill_id, line)
);

CREATE INDEX provider_bill_row_day ON provider_bill_row (day);

-- Days that a bill names; the newest bill of a target's day is the one that counts.
CREATE TABLE provider_bill_day (
    target  TEXT   COLLATE "C" NOT NULL,
    day     TEXT   COLLATE "C" NOT NULL,
    bill_id BIGINT NOT NULL REFERENCES provider_bill (bill_id),
    PRIMARY KEY (target, day, bill_id)
);

-- Books are only ever added to.
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_version EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_event EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON rated_line EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_txn EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON amendment EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_line EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_bill EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_bill_row EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_bill_day EXECUTE FUNCTION append_only();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON chain_head EXECUTE FUNCTION append_only();

-- An event names a price version that there is.
CREATE FUNCTION usage_event_priced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT price_version FROM added) AS a
               WHERE NOT EXISTS (SELECT FROM billing.price_version AS p WHERE p.price_version = a.price_version)) THEN
        RAISE EXCEPTION 'usage_event names a price version that does not exist' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER priced AFTER INSERT ON usage_event REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION usage_event_priced();

-- Lines and transactions name events that there are: events are numbered without gaps, so those from 1 to the newest exist.
CREATE FUNCTION event_exists() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT min(event_seq) AS first, max(event_seq) AS last FROM added) AS a
               WHERE a.first < 1 OR a.last > coalesce((SELECT max(seq) FROM billing.usage_event), 0)) THEN
        RAISE EXCEPTION '% names an event that does not exist', TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER event_exists AFTER INSERT ON rated_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION event_exists();
CREATE TRIGGER event_exists AFTER INSERT ON ledger_txn REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION event_exists();

-- Entries name transactions that there are, and those of one transaction come in one statement and sum to zero.
CREATE FUNCTION entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added GROUP BY txn_id HAVING sum(amount_pico) <> 0) THEN
        RAISE EXCEPTION 'the entries of a transaction do not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM (SELECT min(txn_id) AS first, max(txn_id) AS last FROM added) AS a
               WHERE a.first < 1 OR a.last > coalesce((SELECT max(txn_id) FROM billing.ledger_txn), 0)) THEN
        RAISE EXCEPTION 'ledger_entry names a transaction that does not exist' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER balance AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION entries_balance();
