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

CREATE TRIGGER provider_bill_update BEFORE UPDATE ON provider_bill BEGIN SELECT raise(ABORT, 'provider_bill is append-only'); END;
CREATE TRIGGER provider_bill_delete BEFORE DELETE ON provider_bill BEGIN SELECT raise(ABORT, 'provider_bill is append-only'); END;
CREATE TRIGGER provider_bill_row_update BEFORE UPDATE ON provider_bill_row BEGIN SELECT raise(ABORT, 'provider_bill_row is append-only'); END;
CREATE TRIGGER provider_bill_row_delete BEFORE DELETE ON provider_bill_row BEGIN SELECT raise(ABORT, 'provider_bill_row is append-only'); END;
CREATE TRIGGER provider_bill_day_update BEFORE UPDATE ON provider_bill_day BEGIN SELECT raise(ABORT, 'provider_bill_day is append-only'); END;
CREATE TRIGGER provider_bill_day_delete BEFORE DELETE ON provider_bill_day BEGIN SELECT raise(ABORT, 'provider_bill_day is append-only'); END;
