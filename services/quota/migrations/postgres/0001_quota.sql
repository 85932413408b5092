-- Quota on Postgres, as one store of several processes or behind Redis. Held amounts are not stored, they are the sum of the holds.

CREATE TABLE meta (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    -- Fences off reservations from before counters were rebuilt.
    epoch BIGINT NOT NULL
);

INSERT INTO meta (id, epoch) VALUES (1, 1);

CREATE TABLE merchant (
    merchant_id TEXT PRIMARY KEY,
    -- Which state of the merchant this is; each commit compares and replaces it. Not used behind Redis.
    epoch       TEXT   NOT NULL DEFAULT '',
    version     BIGINT NOT NULL DEFAULT 0,
    -- Policy, version and zones, as JSON.
    body        TEXT   NOT NULL
);

CREATE TABLE counter (
    merchant_id TEXT   NOT NULL,
    -- 20261120 is the day d20261120, 202611 the month M202611.
    window_id   BIGINT NOT NULL,
    requests    BIGINT NOT NULL CHECK (requests >= 0),
    tokens      BIGINT NOT NULL CHECK (tokens >= 0),
    cost_nano   BIGINT NOT NULL CHECK (cost_nano >= 0),
    extra_tokens    BIGINT NOT NULL CHECK (extra_tokens >= 0),
    extra_cost_nano BIGINT NOT NULL CHECK (extra_cost_nano >= 0),
    PRIMARY KEY (merchant_id, window_id)
);

CREATE TABLE hold (
    merchant_id TEXT    NOT NULL,
    request_id  TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    -- Milliseconds since 1970.
    expires_at  BIGINT  NOT NULL,
    -- The hold, as JSON.
    body        TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, request_id, attempt)
);

CREATE TABLE tombstone (
    merchant_id TEXT    NOT NULL,
    request_id  TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    ending      TEXT    NOT NULL CHECK (ending IN ('SETTLED', 'RELEASED', 'EXPIRED', 'LATE_SETTLED')),
    fingerprint TEXT    NOT NULL,
    -- What the reservation contributes to posted usage; one request, or none after RELEASED.
    requests    BIGINT NOT NULL,
    tokens      BIGINT NOT NULL,
    cost_nano   BIGINT NOT NULL,
    -- What was held; all 0 where the hold was lost.
    held_requests  BIGINT NOT NULL,
    held_tokens    BIGINT NOT NULL,
    held_cost_nano BIGINT NOT NULL,
    day         BIGINT NOT NULL,
    month       BIGINT NOT NULL,
    -- Milliseconds since 1970.
    ended_at    BIGINT NOT NULL,
    -- Usage event that billing must get.
    usage_event BYTEA,
    -- When the ledger was heard to have the call, in milliseconds since 1970; null until then. Its usage event is dropped with it.
    confirmed_at BIGINT,
    PRIMARY KEY (merchant_id, request_id, attempt)
);

CREATE INDEX tombstone_ended_at ON tombstone (ended_at);
CREATE INDEX tombstone_confirmed_at ON tombstone (confirmed_at) WHERE confirmed_at IS NOT NULL;
CREATE INDEX tombstone_untold ON tombstone (ended_at) WHERE confirmed_at IS NULL AND usage_event IS NOT NULL;
CREATE INDEX tombstone_unconfirmed ON tombstone (merchant_id, ended_at)
    WHERE confirmed_at IS NULL AND ending IN ('SETTLED', 'LATE_SETTLED');

-- The last transaction of the ledger that each merchant's counters count; written with the counters.
CREATE TABLE followed (
    merchant_id TEXT   PRIMARY KEY,
    position    BIGINT NOT NULL
);

CREATE TABLE ledger_position (
    id          BIGINT PRIMARY KEY CHECK (id = 1),
    -- Where the ledger ended when it was first followed; what it had by then is counted by comparing sums.
    baseline    BIGINT NOT NULL,
    -- When that was, in milliseconds since 1970.
    baseline_at BIGINT NOT NULL,
    -- Transactions up to this one were applied. Written after they were, and lately: applying one again changes nothing.
    position    BIGINT NOT NULL
);

-- What one process does for all of them.
CREATE TABLE claim (
    task     TEXT   PRIMARY KEY,
    -- The process that does it, until another may, in milliseconds since 1970.
    holder   TEXT   NOT NULL,
    until    BIGINT NOT NULL
);

CREATE TABLE top_up (
    merchant_id    TEXT   NOT NULL,
    op_id          TEXT   NOT NULL,
    month          BIGINT NOT NULL,
    tokens         BIGINT NOT NULL,
    cost_nano      BIGINT NOT NULL,
    policy_version BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, op_id)
);

CREATE TABLE alert_mark (
    merchant_id TEXT   NOT NULL,
    window_id   BIGINT NOT NULL,
    dimension   TEXT   NOT NULL,
    -- The cap as it was last seen while the window was open.
    cap         BIGINT NOT NULL,
    -- Counts the caps that the window had.
    cap_version BIGINT NOT NULL,
    -- Percentages crossed, as a set of bits in hexadecimal.
    crossed     TEXT   NOT NULL,
    PRIMARY KEY (merchant_id, window_id, dimension)
);

CREATE TABLE alert (
    -- In the order of commits, as alerts are written one commit after the other; watchers go on from here.
    sequence    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- <merchant>/<dimension>/<window>/<percent>/<cap version>
    alert_id    TEXT   NOT NULL UNIQUE,
    merchant_id TEXT   NOT NULL,
    dimension   TEXT   NOT NULL,
    window_id   BIGINT NOT NULL,
    percent     BIGINT NOT NULL,
    cap_version BIGINT NOT NULL,
    posted      BIGINT NOT NULL,
    cap         BIGINT NOT NULL,
    -- Milliseconds since 1970.
    create_time BIGINT NOT NULL,
    -- The higher percentage that is told instead.
    superseded_by BIGINT,
    -- What became of its webhook.
    delivery    TEXT   NOT NULL CHECK (delivery IN ('PENDING', 'DELIVERED', 'GIVEN_UP', 'SUPERSEDED')),
    tries       BIGINT NOT NULL DEFAULT 0,
    next_try    BIGINT NOT NULL
);

CREATE INDEX alert_pending ON alert (next_try) WHERE delivery = 'PENDING';
CREATE INDEX alert_create_time ON alert (create_time);

CREATE TABLE upstream (
    quota_domain TEXT   NOT NULL,
    model        TEXT   NOT NULL,
    -- Rises with each write; a write compares it.
    version      BIGINT NOT NULL,
    -- Milliseconds since 1970.
    written_at   BIGINT NOT NULL,
    -- Grants of the last minute and of the day, as JSON.
    body         TEXT   NOT NULL,
    PRIMARY KEY (quota_domain, model)
);
