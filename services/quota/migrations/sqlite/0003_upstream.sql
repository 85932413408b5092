-- What was granted of upstream projects, written before it is granted, so that a kill forgets none of it.

CREATE TABLE upstream (
    quota_domain TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    -- Rises with each write; an older state never replaces a newer one.
    version      INTEGER NOT NULL,
    -- Milliseconds since 1970.
    written_at   INTEGER NOT NULL,
    -- Grants of the last minute and of the day, as JSON.
    body         TEXT    NOT NULL,
    PRIMARY KEY (quota_domain, model)
) STRICT, WITHOUT ROWID;
