CREATE TABLE claim_map_source (
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
	day DATE,
	stated_by TEXT,
	log_size BIGINT,
	keys_count BIGINT,
	root TEXT,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_claim_map_source PRIMARY KEY (source, authority, key)
);
CREATE INDEX ix_claim_map_source_day_item_id ON claim_map_source USING btree (day, item_id);
CREATE INDEX ix_claim_map_source_item_id ON claim_map_source (item_id);
