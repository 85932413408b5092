-- Plans as data: a change is a new version, the newest is in force.
CREATE TABLE plan (
    plan_id                 TEXT    NOT NULL,
    version                 INTEGER NOT NULL CHECK (version >= 1),
    day_request_cap         INTEGER NOT NULL CHECK (day_request_cap BETWEEN 0 AND 9007199254740991),
    month_token_cap         INTEGER NOT NULL CHECK (month_token_cap BETWEEN 0 AND 9007199254740991),
    month_cost_nano_usd_cap INTEGER NOT NULL CHECK (month_cost_nano_usd_cap BETWEEN 0 AND 9007199254740991),
    concurrent_request_cap  INTEGER NOT NULL CHECK (concurrent_request_cap BETWEEN 0 AND 9007199254740991),
    on_cap                  TEXT    NOT NULL CHECK (on_cap IN ('degrade', 'suspend')),
    alert_percents          TEXT    NOT NULL,
    billing_mode            TEXT    NOT NULL CHECK (billing_mode IN ('postpaid', 'prepaid')),
    create_time_ms          INTEGER NOT NULL,
    PRIMARY KEY (plan_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant (
    merchant_id                TEXT    NOT NULL PRIMARY KEY,
    display_name               TEXT    NOT NULL,
    plan_id                    TEXT    NOT NULL,
    time_zone                  TEXT    NOT NULL,
    state                      TEXT    NOT NULL CHECK (state IN ('active', 'suspended')),
    create_time_ms             INTEGER NOT NULL,
    allowed_models             TEXT    NOT NULL,
    external_providers_allowed INTEGER NOT NULL CHECK (external_providers_allowed IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX merchant_plan ON merchant (plan_id, merchant_id);

-- Only the SHA-256 of a key is kept; the key itself is shown once and never stored.
CREATE TABLE api_key (
    key_id         TEXT    NOT NULL PRIMARY KEY,
    key_sha256     BLOB    NOT NULL CHECK (length(key_sha256) = 32),
    merchant_id    TEXT    REFERENCES merchant (merchant_id),
    alias          TEXT    NOT NULL,
    scopes         TEXT    NOT NULL CHECK (scopes <> ''),
    allowed_models TEXT    NOT NULL,
    create_time_ms INTEGER NOT NULL,
    expire_time_ms INTEGER,
    revoke_time_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_merchant ON api_key (merchant_id, key_id);

-- What cached credentials must be dropped for, in order. The first row names nothing: sequence 0 means "from now" on the
-- wire, so that a watcher of a new store has a sequence to resume after.
CREATE TABLE revocation (
    sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id         TEXT,
    merchant_id    TEXT,
    create_time_ms INTEGER NOT NULL,
    CHECK (key_id IS NULL OR merchant_id IS NULL)
) STRICT;

INSERT INTO revocation (sequence, create_time_ms) VALUES (1, 0);
