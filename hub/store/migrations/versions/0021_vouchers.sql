CREATE TABLE voucher_movement_source (
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
	issuer_key TEXT,
	code TEXT,
	number TEXT,
	holder_key TEXT,
	event TEXT,
	at TIMESTAMP WITH TIME ZONE,
	claim_no TEXT,
	provider_key TEXT,
	claim_state TEXT,
	holds TEXT[] NOT NULL,
	moves JSONB NOT NULL,
	stated_by TEXT,
	reason TEXT,
	request TEXT,
	request_body TEXT,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_voucher_movement_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_voucher_movement_source_at_item_id ON voucher_movement_source USING btree (at, item_id);

CREATE INDEX ix_voucher_movement_source_code ON voucher_movement_source USING btree (code);

CREATE INDEX ix_voucher_movement_source_item_id ON voucher_movement_source (item_id);

CREATE INDEX ix_voucher_movement_source_owner_at ON voucher_movement_source USING btree (owner, at);

CREATE INDEX ix_voucher_movement_source_provider_key_at ON voucher_movement_source USING btree (provider_key, at);

CREATE INDEX ix_voucher_movement_source_request ON voucher_movement_source USING btree (request);

CREATE TABLE voucher_mark (
	kind TEXT NOT NULL,
	mark BYTEA NOT NULL,
	issuer TEXT NOT NULL,
	code TEXT NOT NULL,
	claim_no TEXT NOT NULL,
	instrument TEXT NOT NULL,
	start_at TIMESTAMP WITH TIME ZONE NOT NULL,
	end_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_voucher_mark PRIMARY KEY (kind, mark, issuer, code, claim_no)
);

CREATE INDEX ix_voucher_mark_claim ON voucher_mark (issuer, code, claim_no);

CREATE INDEX ix_voucher_mark_instrument ON voucher_mark (instrument, end_at);

CREATE UNIQUE INDEX uq_voucher_mark ON voucher_mark (kind, mark) WHERE kind IN ('F0', 'F2');
