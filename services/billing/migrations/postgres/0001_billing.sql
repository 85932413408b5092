-- The ledger in Postgres, in the schema `billing` that the connection's search_path names.
--
-- Texts sort by their bytes, as they do in Rust and in SQLite.

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

-- Double entry, one row a transaction, numbered from 1 without gaps. A charge is the row of its event: what was used, what each component was
-- rated at in both books (NULL where there is no line), and its posting: the merchant owes us sell_pico, and we owe the provider cost_pico.
-- Each amount stands once and is the debit of one account and the credit of another, so that a charge balances by its shape. Any other
-- transaction holds its entries as [[account, pico-USD], ...]; debits are positive. Entries too are numbered without gaps: entry_seq is the
-- number of the transaction's first. The views below show all of it row by row.
--
-- The transactions of a merchant are a chain: each holds the hash of its row and the link before it, so that a row that is changed, taken
-- out, put in or swapped with another no longer fits.
CREATE TABLE ledger (
    txn_id                 BIGINT              PRIMARY KEY CHECK (txn_id > 0),
    entry_seq              BIGINT              NOT NULL CHECK (entry_seq > 0),
    kind                   TEXT    COLLATE "C" NOT NULL CHECK (kind IN ('usage', 'reversal', 'topup', 'statement')),
    merchant_id            TEXT    COLLATE "C" NOT NULL,
    create_time_ms         BIGINT              NOT NULL,
    chain_sha256           BYTEA               NOT NULL CHECK (length(chain_sha256) = 32),
    ref_id                 TEXT    COLLATE "C" CHECK ((kind = 'usage') = (ref_id IS NULL)),
    corrects_txn           BIGINT              CHECK ((kind = 'reversal') = (corrects_txn IS NOT NULL)),
    entries                TEXT                CHECK ((kind = 'usage') = (entries IS NULL)),
    event_id               TEXT    COLLATE "C" CHECK ((kind = 'usage') = (event_id IS NOT NULL)),
    payload_sha256         BYTEA               CHECK (length(payload_sha256) = 32),
    request_id             TEXT,
    attempt                BIGINT              CHECK (attempt >= 0),
    epoch                  BIGINT,
    admit_time_ms          BIGINT,
    window_day             TEXT   COLLATE "C",
    window_month           TEXT    COLLATE "C" CHECK (substr(window_month, 2) = substr(event_id, 1, 6)),
    price_version          TEXT   COLLATE "C",
    target                 TEXT   COLLATE "C",
    upstream               TEXT,
    model_requested        TEXT,
    model_served           TEXT   COLLATE "C",
    provider_request_id    TEXT,
    gateway_id             TEXT,
    key_id                 TEXT,
    decision_id            TEXT,
    status                 TEXT    COLLATE "C" CHECK (status IN ('ok', 'partial', 'failed_billed', 'unconfirmed')),
    usage_source           TEXT    COLLATE "C" CHECK (usage_source IN ('provider', 'counted', 'partial')),
    input_fresh            BIGINT              CHECK (input_fresh BETWEEN 0 AND 9007199254740991),
    input_cache_read       BIGINT              CHECK (input_cache_read BETWEEN 0 AND 9007199254740991),
    input_cache_write      BIGINT              CHECK (input_cache_write BETWEEN 0 AND 9007199254740991),
    input_tool             BIGINT              CHECK (input_tool BETWEEN 0 AND 9007199254740991),
    output_text            BIGINT              CHECK (output_text BETWEEN 0 AND 9007199254740991),
    output_reasoning       BIGINT              CHECK (output_reasoning BETWEEN 0 AND 9007199254740991),
    cost_input_fresh       BIGINT              CHECK (cost_input_fresh > 0),
    cost_input_cache_read  BIGINT              CHECK (cost_input_cache_read > 0),
    cost_input_cache_write BIGINT              CHECK (cost_input_cache_write > 0),
    cost_input_tool        BIGINT              CHECK (cost_input_tool > 0),
    cost_output_text       BIGINT              CHECK (cost_output_text > 0),
    cost_output_reasoning  BIGINT              CHECK (cost_output_reasoning > 0),
    cost_request           BIGINT              CHECK (cost_request > 0),
    sell_input_fresh       BIGINT              CHECK (sell_input_fresh > 0),
    sell_input_cache_read  BIGINT              CHECK (sell_input_cache_read > 0),
    sell_input_cache_write BIGINT              CHECK (sell_input_cache_write > 0),
    sell_input_tool        BIGINT              CHECK (sell_input_tool > 0),
    sell_output_text       BIGINT              CHECK (sell_output_text > 0),
    sell_output_reasoning  BIGINT              CHECK (sell_output_reasoning > 0),
    sell_request           BIGINT              CHECK (sell_request > 0),
    sell_pico              BIGINT              CHECK (sell_pico >= 0),
    cost_pico              BIGINT              CHECK (cost_pico >= 0),
    CHECK (corrects_txn < txn_id),
    CHECK (kind <> 'usage' OR (payload_sha256 IS NOT NULL AND request_id IS NOT NULL AND attempt IS NOT NULL AND
        epoch IS NOT NULL AND admit_time_ms IS NOT NULL AND window_day IS NOT NULL AND window_month IS NOT NULL AND
        price_version IS NOT NULL AND target IS NOT NULL AND upstream IS NOT NULL AND model_requested IS NOT NULL AND
        model_served IS NOT NULL AND provider_request_id IS NOT NULL AND gateway_id IS NOT NULL AND key_id IS NOT NULL AND
        decision_id IS NOT NULL AND status IS NOT NULL AND usage_source IS NOT NULL AND input_fresh IS NOT NULL AND
        input_cache_read IS NOT NULL AND input_cache_write IS NOT NULL AND input_tool IS NOT NULL AND output_text IS NOT NULL AND
        output_reasoning IS NOT NULL AND sell_pico IS NOT NULL AND cost_pico IS NOT NULL))
);

-- An event is charged once for ever: its month is part of its id, so (merchant_id, event_id) stays unique in a table partitioned by month.
CREATE UNIQUE INDEX ledger_event ON ledger (window_month, merchant_id, event_id);
CREATE INDEX ledger_merchant ON ledger (merchant_id, txn_id);
-- A charge is taken back at most once, and any other source of a transaction is used once.
CREATE UNIQUE INDEX ledger_corrects ON ledger (corrects_txn) WHERE corrects_txn IS NOT NULL;
CREATE UNIQUE INDEX ledger_ref ON ledger (kind, ref_id) WHERE ref_id IS NOT NULL;

-- Where each chain ends; without it the newest transactions could be taken away unseen. The only rows of the books that change.
CREATE TABLE chain_head (
    merchant_id  TEXT   COLLATE "C" PRIMARY KEY,
    txn_id       BIGINT NOT NULL,
    chain_sha256 BYTEA  NOT NULL CHECK (length(chain_sha256) = 32)
) WITH (fillfactor = 50);

-- Corrections: an event is reversed at most once, by a transaction of its own, and perhaps replaced by another event.
-- An event whose transaction is here counts no more.
CREATE TABLE amendment (
    event_txn       BIGINT PRIMARY KEY REFERENCES ledger (txn_id),
    op_id           TEXT    COLLATE "C" NOT NULL UNIQUE,
    payload_sha256  BYTEA  NOT NULL CHECK (length(payload_sha256) = 32),
    merchant_id     TEXT    COLLATE "C" NOT NULL,
    reason          TEXT   NOT NULL,
    reversal_txn    BIGINT NOT NULL UNIQUE REFERENCES ledger (txn_id),
    replacement_txn BIGINT UNIQUE REFERENCES ledger (txn_id),
    create_time_ms  BIGINT NOT NULL
);

CREATE INDEX amendment_merchant ON amendment (merchant_id);

-- Rates of exchange and of tax as data, each from its month on. A row never changes; another rate is another row, of a later month.
CREATE TABLE fx_rate (
    fx_id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    currency         TEXT COLLATE "C" NOT NULL CHECK (length(currency) = 3),
    effective_period TEXT COLLATE "C" NOT NULL CHECK (length(effective_period) = 6),
    rate_micro       BIGINT NOT NULL CHECK (rate_micro BETWEEN 1000000 AND 1000000000000),
    source           TEXT NOT NULL,
    UNIQUE (currency, effective_period)
);

CREATE TABLE tax_rate (
    tax_id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    country          TEXT COLLATE "C" NOT NULL CHECK (length(country) = 2),
    effective_period TEXT COLLATE "C" NOT NULL CHECK (length(effective_period) = 6),
    rate_micro       BIGINT NOT NULL CHECK (rate_micro BETWEEN 0 AND 1000000),
    source           TEXT NOT NULL,
    UNIQUE (country, effective_period)
);

INSERT INTO fx_rate VALUES
    ('usd', 'USD', '000001', 1000000, 'the currency of the ledger'),
    ('sar-peg-1986', 'SAR', '198606', 3750000, 'Saudi Central Bank: 3.75 riyals a US dollar');
INSERT INTO tax_rate VALUES
    ('sa-vat-2018', 'SA', '201801', 50000, 'VAT of Saudi Arabia: 5 %'),
    ('sa-vat-2020', 'SA', '202007', 150000, 'VAT of Saudi Arabia: 15 %');

-- What a merchant was asked for a month. What a statement counts follows from max_seq, max_txn and the statement before it, so its
-- lines can be made again from the ledger at any time; they are kept to be read.
CREATE TABLE statement (
    merchant_id    TEXT    COLLATE "C" NOT NULL,
    period         TEXT    COLLATE "C" NOT NULL CHECK (length(period) = 6),
    max_seq        BIGINT NOT NULL CHECK (max_seq >= 0),
    max_txn        BIGINT NOT NULL CHECK (max_txn >= 0),
    fx_id          TEXT COLLATE "C" NOT NULL REFERENCES fx_rate (fx_id),
    net_minor      BIGINT NOT NULL,
    tax_id         TEXT COLLATE "C" REFERENCES tax_rate (tax_id),
    tax_minor      BIGINT NOT NULL CHECK (tax_id IS NOT NULL OR tax_minor = 0),
    total_minor    BIGINT GENERATED ALWAYS AS (net_minor + tax_minor) STORED,
    carry_pico     BIGINT NOT NULL CHECK (carry_pico BETWEEN -5000000000 AND 5000000000),
    txn_id         BIGINT NOT NULL UNIQUE REFERENCES ledger (txn_id),
    create_time_ms BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, period)
);

CREATE TABLE statement_line (
    merchant_id   TEXT    COLLATE "C" NOT NULL,
    period        TEXT    COLLATE "C" NOT NULL,
    position      BIGINT NOT NULL CHECK (position >= 0),
    usage_period  TEXT    COLLATE "C" NOT NULL CHECK (length(usage_period) = 6),
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
    target         TEXT    COLLATE "C" NOT NULL,
    row_count      BIGINT NOT NULL CHECK (row_count > 0),
    create_time_ms BIGINT NOT NULL
);

CREATE TABLE provider_bill_row (
    bill_id             BIGINT NOT NULL REFERENCES provider_bill (bill_id),
    line                BIGINT NOT NULL CHECK (line > 0),
    day                 TEXT    COLLATE "C" NOT NULL CHECK (length(day) = 10),
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
    target  TEXT    COLLATE "C" NOT NULL,
    day     TEXT    COLLATE "C" NOT NULL,
    bill_id BIGINT NOT NULL REFERENCES provider_bill (bill_id),
    PRIMARY KEY (target, day, bill_id)
);

-- Books are only ever added to.
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_version EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON amendment EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON fx_rate EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tax_rate EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_line EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_bill EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_bill_row EXECUTE FUNCTION append_only();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provider_bill_day EXECUTE FUNCTION append_only();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON chain_head EXECUTE FUNCTION append_only();

-- A charge names a price version that there is: checked once a statement, as charges come thousands a statement.
CREATE FUNCTION ledger_priced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT price_version FROM added WHERE price_version IS NOT NULL) AS a
               WHERE NOT EXISTS (SELECT FROM billing.price_version AS p WHERE p.price_version = a.price_version)) THEN
        RAISE EXCEPTION 'ledger names a price version that does not exist' USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER priced AFTER INSERT ON ledger REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_priced();

CREATE FUNCTION ledger_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum((value ->> 1)::bigint) FROM json_array_elements(NEW.entries::json)) <> 0 THEN
        RAISE EXCEPTION 'the entries of a transaction do not sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER balance BEFORE INSERT ON ledger
    FOR EACH ROW WHEN (NEW.entries IS NOT NULL) EXECUTE FUNCTION ledger_balance();

-- The books row by row, for people and for the audit.
CREATE VIEW usage_event AS
SELECT txn_id AS seq, merchant_id, event_id, payload_sha256, request_id, attempt, epoch, admit_time_ms, window_day, window_month,
       price_version, target, upstream, model_requested, model_served, provider_request_id, gateway_id, key_id, decision_id, status,
       usage_source, input_fresh, input_cache_read, input_cache_write, input_tool, output_text, output_reasoning, sell_pico, cost_pico,
       create_time_ms AS record_time_ms
FROM ledger WHERE kind = 'usage';

CREATE VIEW rated_line AS
SELECT u.txn_id AS event_seq, l.side, l.component, l.units, l.amount_pico
FROM ledger AS u CROSS JOIN LATERAL (VALUES
    ('cost', 'input_fresh', u.input_fresh, u.cost_input_fresh), ('cost', 'input_cache_read', u.input_cache_read, u.cost_input_cache_read),
    ('cost', 'input_cache_write', u.input_cache_write, u.cost_input_cache_write), ('cost', 'input_tool', u.input_tool, u.cost_input_tool),
    ('cost', 'output_text', u.output_text, u.cost_output_text), ('cost', 'output_reasoning', u.output_reasoning, u.cost_output_reasoning),
    ('cost', 'request', 1, u.cost_request), ('sell', 'input_fresh', u.input_fresh, u.sell_input_fresh),
    ('sell', 'input_cache_read', u.input_cache_read, u.sell_input_cache_read), ('sell', 'input_cache_write', u.input_cache_write, u.sell_input_cache_write),
    ('sell', 'input_tool', u.input_tool, u.sell_input_tool), ('sell', 'output_text', u.output_text, u.sell_output_text),
    ('sell', 'output_reasoning', u.output_reasoning, u.sell_output_reasoning), ('sell', 'request', 1, u.sell_request)
) AS l (side, component, units, amount_pico)
WHERE l.amount_pico IS NOT NULL;

CREATE VIEW ledger_txn AS
SELECT txn_id, kind, CASE kind WHEN 'usage' THEN txn_id ELSE corrects_txn END AS event_seq, ref_id, corrects_txn, create_time_ms,
       merchant_id, chain_sha256
FROM ledger;

CREATE VIEW ledger_entry (seq, txn_id, account, amount_pico) AS
SELECT entry_seq, txn_id, 'm:' || merchant_id || ':receivable', sell_pico FROM ledger WHERE sell_pico <> 0
UNION ALL SELECT entry_seq + 1, txn_id, 'rev:usage', -sell_pico FROM ledger WHERE sell_pico <> 0
UNION ALL SELECT CASE sell_pico WHEN 0 THEN entry_seq ELSE entry_seq + 2 END, txn_id,
                 CASE status WHEN 'unconfirmed' THEN 'suspense:unconfirmed' ELSE 'cogs:' || target END, cost_pico
          FROM ledger WHERE cost_pico <> 0
UNION ALL SELECT CASE sell_pico WHEN 0 THEN entry_seq + 1 ELSE entry_seq + 3 END, txn_id, 'ap:' || target, -cost_pico
          FROM ledger WHERE cost_pico <> 0
UNION ALL SELECT t.entry_seq + e.place - 1, t.txn_id, e.value ->> 0, (e.value ->> 1)::bigint
          FROM ledger AS t CROSS JOIN json_array_elements(t.entries::json) WITH ORDINALITY AS e (value, place)
          WHERE t.entries IS NOT NULL;
