-- Privacy policies as data: a change is a new row with the next version of the whole store, the newest of a merchant is in force.
-- As versions are never given twice, they are also the feed of changes. The empty merchant is the default of all; an empty
-- document takes a merchant's policy away.
CREATE TABLE policy (
    version        INTEGER NOT NULL PRIMARY KEY CHECK (version >= 1),
    merchant_id    TEXT    NOT NULL,
    document       TEXT    NOT NULL,
    create_time_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX policy_merchant ON policy (merchant_id, version);
