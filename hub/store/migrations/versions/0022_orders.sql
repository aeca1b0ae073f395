ALTER TABLE service_order_source
  ADD COLUMN payer_key TEXT,
  ADD COLUMN usage_id TEXT,
  ADD COLUMN result JSONB,
  ADD COLUMN review JSONB,
  ADD COLUMN reference TEXT,
  ADD COLUMN moved_from TEXT;
ALTER TABLE usage_record_source ADD COLUMN order_id TEXT;
CREATE TABLE forwarded_order (
  client_id TEXT NOT NULL,
  number TEXT NOT NULL,
  party TEXT NOT NULL,
  source TEXT NOT NULL,
  instrument TEXT NOT NULL,
  sent JSONB NOT NULL,
  evidence BYTEA NOT NULL,
  begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_forwarded_order PRIMARY KEY (client_id, number)
);
