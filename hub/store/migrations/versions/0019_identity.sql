ALTER TABLE source ADD COLUMN purpose TEXT NOT NULL DEFAULT 'OTHER';

CREATE TABLE opening_exception_source (
	source TEXT NOT NULL,
	authority TEXT NOT NULL,
	key TEXT NOT NULL,
	item_id TEXT NOT NULL,
	owner TEXT NOT NULL,
	issuer TEXT NOT NULL,
	party TEXT NOT NULL,
	entry_id BIGINT NOT NULL,
	revision INTEGER NOT NULL,
	digest BYTEA NOT NULL,
	as_of TIMESTAMP WITH TIME ZONE NOT NULL,
	accepted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	assurance TEXT NOT NULL,
	channel TEXT NOT NULL,
	withdrawn BOOLEAN NOT NULL,
	instrument_key TEXT,
	first_on DATE,
	last_on DATE,
	periods JSONB NOT NULL,
	note TEXT,
	speaks BOOLEAN NOT NULL,
	leads BOOLEAN NOT NULL,
	CONSTRAINT pk_opening_exception_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_opening_exception_source_instrument_key
	ON opening_exception_source USING btree (instrument_key);

CREATE INDEX ix_opening_exception_source_item_id ON opening_exception_source (item_id);
