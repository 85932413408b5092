-- The table of SQLite, for several processes at once. Writers hold a lock from before they choose the version until they have
-- committed, so that no smaller version appears after a larger one. Ids compare by bytes, whatever the database's collation.
CREATE TABLE policy (
    version        BIGINT NOT NULL PRIMARY KEY CHECK (version >= 1),
    merchant_id    TEXT COLLATE "C" NOT NULL,
    document       TEXT   NOT NULL,
    create_time_ms BIGINT NOT NULL
);

CREATE INDEX policy_merchant ON policy (merchant_id, version);

-- Wakes the other processes when the change commits. They read the table, so a lost notification costs only time.
CREATE FUNCTION announce_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('kaleem_redaction', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER policy_announced AFTER INSERT ON policy
    FOR EACH STATEMENT EXECUTE FUNCTION announce_policy();
