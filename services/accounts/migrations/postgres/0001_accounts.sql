-- The tables of SQLite, for several processes at once. Ids compare by bytes, whatever the database's collation.

-- Plans as data: a change is a new version, the newest is in force.
CREATE TABLE plan (
    plan_id                 TEXT COLLATE "C" NOT NULL,
    version                 BIGINT NOT NULL CHECK (version >= 1),
    day_request_cap         BIGINT NOT NULL CHECK (day_request_cap BETWEEN 0 AND 9007199254740991),
    month_token_cap         BIGINT NOT NULL CHECK (month_token_cap BETWEEN 0 AND 9007199254740991),
    month_cost_nano_usd_cap BIGINT NOT NULL CHECK (month_cost_nano_usd_cap BETWEEN 0 AND 9007199254740991),
    concurrent_request_cap  BIGINT NOT NULL CHECK (concurrent_request_cap BETWEEN 0 AND 9007199254740991),
    on_cap                  TEXT   NOT NULL CHECK (on_cap IN ('degrade', 'suspend')),
    alert_percents          TEXT   NOT NULL,
    billing_mode            TEXT   NOT NULL CHECK (billing_mode IN ('postpaid', 'prepaid')),
    create_time_ms          BIGINT NOT NULL,
    PRIMARY KEY (plan_id, version)
);

CREATE TABLE merchant (
    merchant_id                TEXT COLLATE "C" PRIMARY KEY,
    display_name               TEXT    NOT NULL,
    plan_id                    TEXT COLLATE "C" NOT NULL,
    time_zone                  TEXT    NOT NULL,
    state                      TEXT    NOT NULL CHECK (state IN ('active', 'suspended')),
    create_time_ms             BIGINT  NOT NULL,
    allowed_models             TEXT    NOT NULL,
    external_providers_allowed BOOLEAN NOT NULL
);

CREATE INDEX merchant_plan ON merchant (plan_id, merchant_id);

-- Only the SHA-256 of a key is kept; the key itself is shown once and never stored.
CREATE TABLE api_key (
    key_id         TEXT COLLATE "C" PRIMARY KEY,
    key_sha256     BYTEA  NOT NULL CHECK (length(key_sha256) = 32),
    merchant_id    TEXT COLLATE "C" REFERENCES merchant (merchant_id),
    alias          TEXT   NOT NULL,
    scopes         TEXT   NOT NULL CHECK (scopes <> ''),
    allowed_models TEXT   NOT NULL,
    create_time_ms BIGINT NOT NULL,
    expire_time_ms BIGINT,
    revoke_time_ms BIGINT
);

CREATE INDEX api_key_merchant ON api_key (merchant_id, key_id);
CREATE INDEX api_key_valid ON api_key (create_time_ms DESC) WHERE revoke_time_ms IS NULL;

-- What cached credentials must be dropped for, in order. Writers hold a lock from before they choose the sequence until they
-- have committed, so that no smaller sequence appears after a larger one. The first row names nothing, as in SQLite.
CREATE TABLE revocation (
    sequence       BIGINT PRIMARY KEY,
    key_id         TEXT COLLATE "C",
    merchant_id    TEXT COLLATE "C",
    create_time_ms BIGINT NOT NULL,
    CHECK (key_id IS NULL OR merchant_id IS NULL)
);

INSERT INTO revocation (sequence, create_time_ms) VALUES (1, 0);

-- Wakes the other processes when the change commits. They read the table, so a lost notification costs only time.
CREATE FUNCTION announce_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('kaleem_accounts', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER revocation_announced AFTER INSERT ON revocation
    FOR EACH STATEMENT EXECUTE FUNCTION announce_revocation();
