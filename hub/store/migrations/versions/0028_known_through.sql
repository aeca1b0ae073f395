ALTER TABLE source ADD COLUMN via TEXT[] NOT NULL DEFAULT '{}';

CREATE INDEX ix_transient_calendar_expires_at ON transient_calendar (expires_at);
