-- The ledger in SQLite.

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

-- Double entry, one row a transaction, numbered from 1 without gaps. A charge is the row of its event: what was used, what each component was
-- rated at in both books (NULL where there is no line), and its posting: the merchant owes us sell_pico, and we owe the provider cost_pico.
-- Each amount stands once and is the debit of one account and the credit of another, so that a charge balances by its shape. Any other
-- transaction holds its entries as [[account, pico-USD], ...]; debits are positive. Entries too are numbered without gaps: entry_seq is the
-- number of the transaction's first. The views below show all of it row by row.
--
-- The transactions of a merchant are a chain: each holds the hash of its row and the link before it, so that a row that is changed, taken
-- out, put in or swapped with another no longer fits.
CREATE TABLE ledger (
    txn_id                 INTEGER PRIMARY KEY,
    entry_seq              INTEGER NOT NULL CHECK (entry_seq > 0),
    kind                   TEXT    NOT NULL CHECK (kind IN ('usage', 'reversal', 'topup', 'statement')),
    merchant_id            TEXT    NOT NULL,
    create_time_ms         INTEGER NOT NULL,
    chain_sha256           BLOB    NOT NULL CHECK (length(chain_sha256) = 32),
    ref_id                 TEXT    CHECK ((kind = 'usage') = (ref_id IS NULL)),
    corrects_txn           INTEGER REFERENCES ledger (txn_id) CHECK ((kind = 'reversal') = (corrects_txn IS NOT NULL)),
    entries                TEXT    CHECK ((kind = 'usage') = (entries IS NULL)),
    event_id               TEXT    CHECK ((kind = 'usage') = (event_id IS NOT NULL)),
    payload_sha256         BLOB    CHECK (length(payload_sha256) = 32),
    request_id             TEXT,
    attempt                INTEGER CHECK (attempt >= 0),
    epoch                  INTEGER,
    admit_time_ms          INTEGER,
    window_day             TEXT,
    window_month           TEXT    CHECK (substr(window_month, 2) = substr(event_id, 1, 6)),
    price_version          TEXT    REFERENCES price_version (price_version),
    target                 TEXT,
    upstream               TEXT,
    model_requested        TEXT,
    model_served           TEXT,
    provider_request_id    TEXT,
    gateway_id             TEXT,
    key_id                 TEXT,
    decision_id            TEXT,
    status                 TEXT    CHECK (status IN ('ok', 'partial', 'failed_billed', 'unconfirmed')),
    usage_source           TEXT    CHECK (usage_source IN ('provider', 'counted', 'partial')),
    input_fresh            INTEGER CHECK (input_fresh BETWEEN 0 AND 9007199254740991),
    input_cache_read       INTEGER CHECK (input_cache_read BETWEEN 0 AND 9007199254740991),
    input_cache_write      INTEGER CHECK (input_cache_write BETWEEN 0 AND 9007199254740991),
    input_tool             INTEGER CHECK (input_tool BETWEEN 0 AND 9007199254740991),
    output_text            INTEGER CHECK (output_text BETWEEN 0 AND 9007199254740991),
    output_reasoning       INTEGER CHECK (output_reasoning BETWEEN 0 AND 9007199254740991),
    cost_input_fresh       INTEGER CHECK (cost_input_fresh > 0),
    cost_input_cache_read  INTEGER CHECK (cost_input_cache_read > 0),
    cost_input_cache_write INTEGER CHECK (cost_input_cache_write > 0),
    cost_input_tool        INTEGER CHECK (cost_input_tool > 0),
    cost_output_text       INTEGER CHECK (cost_output_text > 0),
    cost_output_reasoning  INTEGER CHECK (cost_output_reasoning > 0),
    cost_request           INTEGER CHECK (cost_request > 0),
    sell_input_fresh       INTEGER CHECK (sell_input_fresh > 0),
    sell_input_cache_read  INTEGER CHECK (sell_input_cache_read > 0),
    sell_input_cache_write INTEGER CHECK (sell_input_cache_write > 0),
    sell_input_tool        INTEGER CHECK (sell_input_tool > 0),
    sell_output_text       INTEGER CHECK (sell_output_text > 0),
    sell_output_reasoning  INTEGER CHECK (sell_output_reasoning > 0),
    sell_request           INTEGER CHECK (sell_request > 0),
    sell_pico              INTEGER CHECK (sell_pico >= 0),
    cost_pico              INTEGER CHECK (cost_pico >= 0),
    CHECK (corrects_txn < txn_id),
    CHECK (kind <> 'usage' OR (payload_sha256 IS NOT NULL AND request_id IS NOT NULL AND attempt IS NOT NULL AND
        epoch IS NOT NULL AND admit_time_ms IS NOT NULL AND window_day IS NOT NULL AND window_month IS NOT NULL AND
        price_version IS NOT NULL AND target IS NOT NULL AND upstream IS NOT NULL AND model_requested IS NOT NULL AND
        model_served IS NOT NULL AND provider_request_id IS NOT NULL AND gateway_id IS NOT NULL AND key_id IS NOT NULL AND
        decision_id IS NOT NULL AND status IS NOT NULL AND usage_source IS NOT NULL AND input_fresh IS NOT NULL AND
        input_cache_read IS NOT NULL AND input_cache_write IS NOT NULL AND input_tool IS NOT NULL AND output_text IS NOT NULL AND
        output_reasoning IS NOT NULL AND sell_pico IS NOT NULL AND cost_pico IS NOT NULL))
) STRICT;

-- An event is charged once for ever: its month is part of its id, so (merchant_id, event_id) stays unique in a table partitioned by month.
CREATE UNIQUE INDEX ledger_event ON ledger (window_month, merchant_id, event_id);
CREATE INDEX ledger_merchant ON ledger (merchant_id);
-- A charge is taken back at most once, and any other source of a transaction is used once.
CREATE UNIQUE INDEX ledger_corrects ON ledger (corrects_txn) WHERE corrects_txn IS NOT NULL;
CREATE UNIQUE INDEX ledger_ref ON ledger (kind, ref_id) WHERE ref_id IS NOT NULL;

-- Where each chain ends; without it the newest transactions could be taken away unseen. The only rows of the books that change.
CREATE TABLE chain_head (
    merchant_id  TEXT    NOT NULL PRIMARY KEY,
    txn_id       INTEGER NOT NULL,
    chain_sha256 BLOB    NOT NULL CHECK (length(chain_sha256) = 32)
) STRICT, WITHOUT ROWID;

-- Corrections: an event is reversed at most once, by a transaction of its own, and perhaps replaced by another event.
-- An event whose transaction is here counts no more.
CREATE TABLE amendment (
    event_txn       INTEGER PRIMARY KEY REFERENCES ledger (txn_id),
    op_id           TEXT    NOT NULL UNIQUE,
    payload_sha256  BLOB    NOT NULL CHECK (length(payload_sha256) = 32),
    merchant_id     TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    reversal_txn    INTEGER NOT NULL UNIQUE REFERENCES ledger (txn_id),
    replacement_txn INTEGER UNIQUE REFERENCES ledger (txn_id),
    create_time_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX amendment_merchant ON amendment (merchant_id);

-- Rates of exchange and of tax as data, each from its month on. A row never changes; another rate is another row, of a later month.
CREATE TABLE fx_rate (
    fx_id            TEXT NOT NULL PRIMARY KEY,
    currency         TEXT NOT NULL CHECK (length(currency) = 3),
    effective_period TEXT NOT NULL CHECK (length(effective_period) = 6),
    rate_micro       INTEGER NOT NULL CHECK (rate_micro BETWEEN 1000000 AND 1000000000000),
    source           TEXT NOT NULL,
    UNIQUE (currency, effective_period)
) STRICT, WITHOUT ROWID;

CREATE TABLE tax_rate (
    tax_id           TEXT NOT NULL PRIMARY KEY,
    country          TEXT NOT NULL CHECK (length(country) = 2),
    effective_period TEXT NOT NULL CHECK (length(effective_period) = 6),
    rate_micro       INTEGER NOT NULL CHECK (rate_micro BETWEEN 0 AND 1000000),
    source           TEXT NOT NULL,
    UNIQUE (country, effective_period)
) STRICT, WITHOUT ROWID;

INSERT INTO fx_rate VALUES
    ('usd', 'USD', '000001', 1000000, 'the currency of the ledger'),
    ('sar-peg-1986', 'SAR', '198606', 3750000, 'Saudi Central Bank: 3.75 riyals a US dollar');
INSERT INTO tax_rate VALUES
    ('sa-vat-2018', 'SA', '201801', 50000, 'VAT of Saudi Arabia: 5 %'),
    ('sa-vat-2020', 'SA', '202007', 150000, 'VAT of Saudi Arabia: 15 %');

-- What a merchant was asked for a month. What a statement counts follows from max_seq, max_txn and the statement before it, so its
-- lines can be made again from the ledger at any time; they are kept to be read.
CREATE TABLE statement (
    merchant_id    TEXT    NOT NULL,
    period         TEXT    NOT NULL CHECK (length(period) = 6),
    max_seq        INTEGER NOT NULL CHECK (max_seq >= 0),
    max_txn        INTEGER NOT NULL CHECK (max_txn >= 0),
    fx_id          TEXT    NOT NULL REFERENCES fx_rate (fx_id),
    net_minor      INTEGER NOT NULL,
    tax_id         TEXT REFERENCES tax_rate (tax_id),
    tax_minor      INTEGER NOT NULL CHECK (tax_id IS NOT NULL OR tax_minor = 0),
    total_minor    INTEGER GENERATED ALWAYS AS (net_minor + tax_minor) STORED,
    carry_pico     INTEGER NOT NULL CHECK (carry_pico BETWEEN -5000000000 AND 5000000000),
    txn_id         INTEGER NOT NULL UNIQUE REFERENCES ledger (txn_id),
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

-- What providers say that they served, for reconciliation; it moves no account.
CREATE TABLE provider_bill (
    bill_id        INTEGER PRIMARY KEY,
    file_sha256    BLOB    NOT NULL UNIQUE CHECK (length(file_sha256) = 32),
    target         TEXT    NOT NULL,
    row_count      INTEGER NOT NULL CHECK (row_count > 0),
    create_time_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE provider_bill_row (
    bill_id             INTEGER NOT NULL REFERENCES provider_bill (bill_id),
    line                INTEGER NOT NULL CHECK (line > 0),
    day                 TEXT    NOT NULL CHECK (length(day) = 10),
    model               TEXT    NOT NULL,
    provider_request_id TEXT    NOT NULL,
    input_tokens        INTEGER NOT NULL CHECK (input_tokens BETWEEN 0 AND 9007199254740991),
    output_tokens       INTEGER NOT NULL CHECK (output_tokens BETWEEN 0 AND 9007199254740991),
    cost_pico           INTEGER NOT NULL CHECK (cost_pico >= 0),
    PRIMARY KEY (bill_id, line)
) STRICT, WITHOUT ROWID;

CREATE INDEX provider_bill_row_day ON provider_bill_row (day);

-- Days that a bill names; the newest bill of a target's day is the one that counts.
CREATE TABLE provider_bill_day (
    target  TEXT    NOT NULL,
    day     TEXT    NOT NULL,
    bill_id INTEGER NOT NULL REFERENCES provider_bill (bill_id),
    PRIMARY KEY (target, day, bill_id)
) STRICT, WITHOUT ROWID;

-- Books are only ever added to.
CREATE TRIGGER price_version_update BEFORE UPDATE ON price_version BEGIN SELECT raise(ABORT, 'price_version is append-only'); END;
CREATE TRIGGER price_version_delete BEFORE DELETE ON price_version BEGIN SELECT raise(ABORT, 'price_version is append-only'); END;
CREATE TRIGGER ledger_update BEFORE UPDATE ON ledger BEGIN SELECT raise(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_delete BEFORE DELETE ON ledger BEGIN SELECT raise(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER amendment_update BEFORE UPDATE ON amendment BEGIN SELECT raise(ABORT, 'amendment is append-only'); END;
CREATE TRIGGER amendment_delete BEFORE DELETE ON amendment BEGIN SELECT raise(ABORT, 'amendment is append-only'); END;
CREATE TRIGGER fx_rate_update BEFORE UPDATE ON fx_rate BEGIN SELECT raise(ABORT, 'fx_rate is append-only'); END;
CREATE TRIGGER fx_rate_delete BEFORE DELETE ON fx_rate BEGIN SELECT raise(ABORT, 'fx_rate is append-only'); END;
CREATE TRIGGER tax_rate_update BEFORE UPDATE ON tax_rate BEGIN SELECT raise(ABORT, 'tax_rate is append-only'); END;
CREATE TRIGGER tax_rate_delete BEFORE DELETE ON tax_rate BEGIN SELECT raise(ABORT, 'tax_rate is append-only'); END;
CREATE TRIGGER statement_update BEFORE UPDATE ON statement BEGIN SELECT raise(ABORT, 'statement is append-only'); END;
CREATE TRIGGER statement_delete BEFORE DELETE ON statement BEGIN SELECT raise(ABORT, 'statement is append-only'); END;
CREATE TRIGGER statement_line_update BEFORE UPDATE ON statement_line BEGIN SELECT raise(ABORT, 'statement_line is append-only'); END;
CREATE TRIGGER statement_line_delete BEFORE DELETE ON statement_line BEGIN SELECT raise(ABORT, 'statement_line is append-only'); END;
CREATE TRIGGER provider_bill_update BEFORE UPDATE ON provider_bill BEGIN SELECT raise(ABORT, 'provider_bill is append-only'); END;
CREATE TRIGGER provider_bill_delete BEFORE DELETE ON provider_bill BEGIN SELECT raise(ABORT, 'provider_bill is append-only'); END;
CREATE TRIGGER provider_bill_row_update BEFORE UPDATE ON provider_bill_row BEGIN SELECT raise(ABORT, 'provider_bill_row is append-only'); END;
CREATE TRIGGER provider_bill_row_delete BEFORE DELETE ON provider_bill_row BEGIN SELECT raise(ABORT, 'provider_bill_row is append-only'); END;
CREATE TRIGGER provider_bill_day_update BEFORE UPDATE ON provider_bill_day BEGIN SELECT raise(ABORT, 'provider_bill_day is append-only'); END;
CREATE TRIGGER provider_bill_day_delete BEFORE DELETE ON provider_bill_day BEGIN SELECT raise(ABORT, 'provider_bill_day is append-only'); END;

CREATE TRIGGER ledger_balance BEFORE INSERT ON ledger WHEN NEW.entries IS NOT NULL
    AND (SELECT sum(value ->> 1) FROM json_each(NEW.entries)) <> 0
BEGIN SELECT raise(ABORT, 'the entries of a transaction do not sum to zero'); END;

-- The books row by row, for people and for the audit.
CREATE VIEW usage_event AS
SELECT txn_id AS seq, merchant_id, event_id, payload_sha256, request_id, attempt, epoch, admit_time_ms, window_day, window_month,
       price_version, target, upstream, model_requested, model_served, provider_request_id, gateway_id, key_id, decision_id, status,
       usage_source, input_fresh, input_cache_read, input_cache_write, input_tool, output_text, output_reasoning, sell_pico, cost_pico,
       create_time_ms AS record_time_ms
FROM ledger WHERE kind = 'usage';

CREATE VIEW rated_line (event_seq, side, component, units, amount_pico) AS
SELECT txn_id, 'cost', 'input_fresh', input_fresh, cost_input_fresh FROM ledger WHERE cost_input_fresh IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_cache_read', input_cache_read, cost_input_cache_read FROM ledger WHERE cost_input_cache_read IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_cache_write', input_cache_write, cost_input_cache_write FROM ledger WHERE cost_input_cache_write IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_tool', input_tool, cost_input_tool FROM ledger WHERE cost_input_tool IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'output_text', output_text, cost_output_text FROM ledger WHERE cost_output_text IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'output_reasoning', output_reasoning, cost_output_reasoning FROM ledger WHERE cost_output_reasoning IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'request', 1, cost_request FROM ledger WHERE cost_request IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_fresh', input_fresh, sell_input_fresh FROM ledger WHERE sell_input_fresh IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_cache_read', input_cache_read, sell_input_cache_read FROM ledger WHERE sell_input_cache_read IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_cache_write', input_cache_write, sell_input_cache_write FROM ledger WHERE sell_input_cache_write IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_tool', input_tool, sell_input_tool FROM ledger WHERE sell_input_tool IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'output_text', output_text, sell_output_text FROM ledger WHERE sell_output_text IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'output_reasoning', output_reasoning, sell_output_reasoning FROM ledger WHERE sell_output_reasoning IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'request', 1, sell_request FROM ledger WHERE sell_request IS NOT NULL;

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
UNION ALL SELECT t.entry_seq + e.key, t.txn_id, e.value ->> 0, e.value ->> 1
          FROM ledger AS t CROSS JOIN json_each(t.entries) AS e WHERE t.entries IS NOT NULL;
