-- Which policies changed last, for those who watch them: one row a merchant, with a number that rises with each change. Who read up to a
-- number finds whatever changed since by it, and a merchant that changed often is found once.

CREATE TABLE policy_change (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id TEXT NOT NULL UNIQUE
) STRICT;

INSERT INTO policy_change (merchant_id) SELECT merchant_id FROM merchant ORDER BY merchant_id;

CREATE TRIGGER policy_made AFTER INSERT ON merchant BEGIN
    DELETE FROM policy_change WHERE merchant_id = new.merchant_id;
    INSERT INTO policy_change (merchant_id) VALUES (new.merchant_id);
END;

CREATE TRIGGER policy_changed AFTER UPDATE OF body ON merchant WHEN new.body <> old.body BEGIN
    DELETE FROM policy_change WHERE merchant_id = new.merchant_id;
    INSERT INTO policy_change (merchant_id) VALUES (new.merchant_id);
END;
