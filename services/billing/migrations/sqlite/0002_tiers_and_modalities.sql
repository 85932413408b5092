-- What few calls have, as NULL where a call has none of it: a tier other than the standard one, pictures, sound, what is cached for an hour,
-- and what of the provider's own total the counts leave unexplained.
ALTER TABLE ledger ADD COLUMN service_tier TEXT CHECK (service_tier = 'batch');
ALTER TABLE ledger ADD COLUMN input_image INTEGER CHECK (input_image BETWEEN 1 AND 9007199254740991);
ALTER TABLE ledger ADD COLUMN input_audio INTEGER CHECK (input_audio BETWEEN 1 AND 9007199254740991);
ALTER TABLE ledger ADD COLUMN input_cache_write_1h INTEGER CHECK (input_cache_write_1h BETWEEN 1 AND 9007199254740991);
ALTER TABLE ledger ADD COLUMN unexplained INTEGER CHECK (unexplained <> 0 AND unexplained BETWEEN -9007199254740991 AND 9007199254740991);
ALTER TABLE ledger ADD COLUMN cost_input_image INTEGER CHECK (cost_input_image > 0);
ALTER TABLE ledger ADD COLUMN cost_input_audio INTEGER CHECK (cost_input_audio > 0);
ALTER TABLE ledger ADD COLUMN cost_input_cache_write_1h INTEGER CHECK (cost_input_cache_write_1h > 0);
ALTER TABLE ledger ADD COLUMN sell_input_image INTEGER CHECK (sell_input_image > 0);
ALTER TABLE ledger ADD COLUMN sell_input_audio INTEGER CHECK (sell_input_audio > 0);
ALTER TABLE ledger ADD COLUMN sell_input_cache_write_1h INTEGER CHECK (sell_input_cache_write_1h > 0);
ALTER TABLE statement_line ADD COLUMN service_tier TEXT NOT NULL DEFAULT 'standard' CHECK (service_tier IN ('standard', 'batch'));

-- Finds the calls whose counts are suspect.
CREATE INDEX ledger_suspect ON ledger (txn_id) WHERE unexplained IS NOT NULL;

DROP VIEW usage_event;
DROP VIEW rated_line;

CREATE VIEW usage_event AS
SELECT txn_id AS seq, merchant_id, event_id, payload_sha256, request_id, attempt, epoch, admit_time_ms, window_day, window_month,
       price_version, target, upstream, model_requested, model_served, provider_request_id, gateway_id, key_id, decision_id, status,
       usage_source, input_fresh, input_cache_read, input_cache_write, input_tool, output_text, output_reasoning, sell_pico, cost_pico,
       create_time_ms AS record_time_ms, coalesce(service_tier, 'standard') AS service_tier, coalesce(input_image, 0) AS input_image,
       coalesce(input_audio, 0) AS input_audio, coalesce(input_cache_write_1h, 0) AS input_cache_write_1h,
       coalesce(unexplained, 0) AS unexplained
FROM ledger WHERE kind = 'usage';

CREATE VIEW rated_line (event_seq, side, component, units, amount_pico) AS
SELECT txn_id, 'cost', 'input_fresh', input_fresh, cost_input_fresh FROM ledger WHERE cost_input_fresh IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_cache_read', input_cache_read, cost_input_cache_read FROM ledger WHERE cost_input_cache_read IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_cache_write', input_cache_write, cost_input_cache_write FROM ledger WHERE cost_input_cache_write IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_tool', input_tool, cost_input_tool FROM ledger WHERE cost_input_tool IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'output_text', output_text, cost_output_text FROM ledger WHERE cost_output_text IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'output_reasoning', output_reasoning, cost_output_reasoning FROM ledger WHERE cost_output_reasoning IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'request', 1, cost_request FROM ledger WHERE cost_request IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_image', input_image, cost_input_image FROM ledger WHERE cost_input_image IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_audio', input_audio, cost_input_audio FROM ledger WHERE cost_input_audio IS NOT NULL
UNION ALL SELECT txn_id, 'cost', 'input_cache_write_1h', input_cache_write_1h, cost_input_cache_write_1h FROM ledger WHERE cost_input_cache_write_1h IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_fresh', input_fresh, sell_input_fresh FROM ledger WHERE sell_input_fresh IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_cache_read', input_cache_read, sell_input_cache_read FROM ledger WHERE sell_input_cache_read IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_cache_write', input_cache_write, sell_input_cache_write FROM ledger WHERE sell_input_cache_write IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_tool', input_tool, sell_input_tool FROM ledger WHERE sell_input_tool IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'output_text', output_text, sell_output_text FROM ledger WHERE sell_output_text IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'output_reasoning', output_reasoning, sell_output_reasoning FROM ledger WHERE sell_output_reasoning IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'request', 1, sell_request FROM ledger WHERE sell_request IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_image', input_image, sell_input_image FROM ledger WHERE sell_input_image IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_audio', input_audio, sell_input_audio FROM ledger WHERE sell_input_audio IS NOT NULL
UNION ALL SELECT txn_id, 'sell', 'input_cache_write_1h', input_cache_write_1h, sell_input_cache_write_1h FROM ledger WHERE sell_input_cache_write_1h IS NOT NULL;
