-- Alerts: what was told of each cap, and the outbox from which they are delivered.

CREATE TABLE alert_mark (
    merchant_id TEXT    NOT NULL,
    window_id   INTEGER NOT NULL,
    dimension   TEXT    NOT NULL,
    -- The cap as it was last seen while the window was open.
    cap         INTEGER NOT NULL,
    -- Counts the caps that the window had.
    cap_version INTEGER NOT NULL,
    -- Percentages crossed, as a set of bits in hexadecimal.
    crossed     TEXT    NOT NULL,
    PRIMARY KEY (merchant_id, window_id, dimension)
) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
    -- In the order of commits; watchers go on from here.
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    -- <merchant>/<dimension>/<window>/<percent>/<cap version>
    alert_id    TEXT    NOT NULL UNIQUE,
    merchant_id TEXT    NOT NULL,
    dimension   TEXT    NOT NULL,
    window_id   INTEGER NOT NULL,
    percent     INTEGER NOT NULL,
    cap_version INTEGER NOT NULL,
    posted      INTEGER NOT NULL,
    cap         INTEGER NOT NULL,
    -- Milliseconds since 1970.
    create_time INTEGER NOT NULL,
    -- The higher percentage that is told instead.
    superseded_by INTEGER,
    -- What became of its webhook.
    delivery    TEXT    NOT NULL CHECK (delivery IN ('PENDING', 'DELIVERED', 'GIVEN_UP', 'SUPERSEDED')),
    tries       INTEGER NOT NULL DEFAULT 0,
    next_try    INTEGER NOT NULL
) STRICT;

CREATE INDEX alert_pending ON alert (next_try) WHERE delivery = 'PENDING';
CREATE INDEX alert_create_time ON alert (create_time);
