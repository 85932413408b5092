-- What few calls have, as NULL where a call has none of it: a tier other than the standard one, pictures, sound, what is cached for an hour,
-- and what of the provider's own total the counts leave unexplained.
ALTER TABLE ledger
    ADD COLUMN service_tier TEXT COLLATE "C" CHECK (service_tier = 'batch'),
    ADD COLUMN input_image BIGINT CHECK (input_image BETWEEN 1 AND 9007199254740991),
    ADD COLUMN input_audio BIGINT CHECK (input_audio BETWEEN 1 AND 9007199254740991),
    ADD COLUMN input_cache_write_1h BIGINT CHECK (input_cache_write_1h BETWEEN 1 AND 9007199254740991),
    ADD COLUMN unexplained BIGINT CHECK (unexplained <> 0 AND unexplained BETWEEN -9007199254740991 AND 9007199254740991),
    ADD COLUMN cost_input_image BIGINT CHECK (cost_input_image > 0),
    ADD COLUMN cost_input_audio BIGINT CHECK (cost_input_audio > 0),
    ADD COLUMN cost_input_cache_write_1h BIGINT CHECK (cost_input_cache_write_1h > 0),
    ADD COLUMN sell_input_image BIGINT CHECK (sell_input_image > 0),
    ADD COLUMN sell_input_audio BIGINT CHECK (sell_input_audio > 0),
    ADD COLUMN sell_input_cache_write_1h BIGINT CHECK (sell_input_cache_write_1h > 0);
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

CREATE VIEW rated_line AS
SELECT u.txn_id AS event_seq, l.side, l.component, l.units, l.amount_pico
FROM ledger AS u CROSS JOIN LATERAL (VALUES
    ('cost', 'input_fresh', u.input_fresh, u.cost_input_fresh),
    ('cost', 'input_cache_read', u.input_cache_read, u.cost_input_cache_read),
    ('cost', 'input_cache_write', u.input_cache_write, u.cost_input_cache_write),
    ('cost', 'input_tool', u.input_tool, u.cost_input_tool),
    ('cost', 'output_text', u.output_text, u.cost_output_text),
    ('cost', 'output_reasoning', u.output_reasoning, u.cost_output_reasoning),
    ('cost', 'request', 1, u.cost_request),
    ('cost', 'input_image', u.input_image, u.cost_input_image),
    ('cost', 'input_audio', u.input_audio, u.cost_input_audio),
    ('cost', 'input_cache_write_1h', u.input_cache_write_1h, u.cost_input_cache_write_1h),
    ('sell', 'input_fresh', u.input_fresh, u.sell_input_fresh),
    ('sell', 'input_cache_read', u.input_cache_read, u.sell_input_cache_read),
    ('sell', 'input_cache_write', u.input_cache_write, u.sell_input_cache_write),
    ('sell', 'input_tool', u.input_tool, u.sell_input_tool),
    ('sell', 'output_text', u.output_text, u.sell_output_text),
    ('sell', 'output_reasoning', u.output_reasoning, u.sell_output_reasoning),
    ('sell', 'request', 1, u.sell_request),
    ('sell', 'input_image', u.input_image, u.sell_input_image),
    ('sell', 'input_audio', u.input_audio, u.sell_input_audio),
    ('sell', 'input_cache_write_1h', u.input_cache_write_1h, u.sell_input_cache_write_1h)
) AS l (side, component, units, amount_pico)
WHERE l.amount_pico IS NOT NULL;
