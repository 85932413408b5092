-- Which policies changed last, for those who watch them: one row a merchant, with a number that rises with each change. Who read up to a
-- number finds whatever changed since by it, and a merchant that changed often is found once.

CREATE TABLE policy_change (
    sequence    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merchant_id TEXT NOT NULL UNIQUE
);

INSERT INTO policy_change (merchant_id) SELECT merchant_id FROM merchant WHERE body <> '' ORDER BY merchant_id;

CREATE FUNCTION note_policy_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- One commit after the other, so that no change becomes visible after one with a higher number.
    PERFORM pg_advisory_xact_lock(hashtext('kaleem.quota.policy'));
    DELETE FROM policy_change WHERE merchant_id = NEW.merchant_id;
    INSERT INTO policy_change (merchant_id) VALUES (NEW.merchant_id);
    RETURN NULL;
END $$;

-- A merchant is made with an empty body, and gets its own in the same commit.
CREATE TRIGGER policy_made AFTER INSERT ON merchant
    FOR EACH ROW WHEN (NEW.body <> '') EXECUTE FUNCTION note_policy_change();

CREATE TRIGGER policy_changed AFTER UPDATE OF body ON merchant
    FOR EACH ROW WHEN (NEW.body IS DISTINCT FROM OLD.body) EXECUTE FUNCTION note_policy_change();
