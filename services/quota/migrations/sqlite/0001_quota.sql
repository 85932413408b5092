-- Journal of quota: the last committed state of every merchant. Held amounts are not stored, they are the sum of the holds.

CREATE TABLE meta (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    -- Fences off reservations from before counters were rebuilt.
    epoch INTEGER NOT NULL
) STRICT;

INSERT INTO meta (id, epoch) VALUES (1, 1);

CREATE TABLE merchant (
    merchant_id TEXT PRIMARY KEY,
    -- Policy, version and zones, as JSON.
    body        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    merchant_id TEXT    NOT NULL,
    -- 20261120 is the day d20261120, 202611 the month M202611.
    window_id   INTEGER NOT NULL,
    requests    INTEGER NOT NULL CHECK (requests >= 0),
    tokens      INTEGER NOT NULL CHECK (tokens >= 0),
    cost_nano   INTEGER NOT NULL CHECK (cost_nano >= 0),
    extra_tokens    INTEGER NOT NULL CHECK (extra_tokens >= 0),
    extra_cost_nano INTEGER NOT NULL CHECK (extra_cost_nano >= 0),
    PRIMARY KEY (merchant_id, window_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE hold (
    merchant_id TEXT    NOT NULL,
    request_id  TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    -- Milliseconds since 1970.
    expires_at  INTEGER NOT NULL,
    -- The hold, as JSON.
    body        TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, request_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstone (
    merchant_id TEXT    NOT NULL,
    request_id  TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    ending      TEXT    NOT NULL CHECK (ending IN ('SETTLED', 'RELEASED', 'EXPIRED', 'LATE_SETTLED')),
    fingerprint TEXT    NOT NULL,
    -- What the reservation contributes to posted usage; one request, or none after RELEASED.
    requests    INTEGER NOT NULL,
    tokens      INTEGER NOT NULL,
    cost_nano   INTEGER NOT NULL,
    -- What was held; all 0 where the hold was lost.
    held_requests  INTEGER NOT NULL,
    held_tokens    INTEGER NOT NULL,
    held_cost_nano INTEGER NOT NULL,
    day         INTEGER NOT NULL,
    month       INTEGER NOT NULL,
    -- Milliseconds since 1970.
    ended_at    INTEGER NOT NULL,
    -- Usage event that billing must get.
    usage_event BLOB,
    PRIMARY KEY (merchant_id, request_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE INDEX tombstone_ended_at ON tombstone (ended_at);

CREATE TABLE top_up (
    merchant_id    TEXT    NOT NULL,
    op_id          TEXT    NOT NULL,
    month          INTEGER NOT NULL,
    tokens         INTEGER NOT NULL,
    cost_nano      INTEGER NOT NULL,
    policy_version INTEGER NOT NULL,
    PRIMARY KEY (merchant_id, op_id)
) STRICT, WITHOUT ROWID;
