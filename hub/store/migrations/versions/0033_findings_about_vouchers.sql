CREATE TABLE business_status_source (
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
	registrar_key TEXT,
	enterprise_key TEXT,
	valid_from DATE,
	state TEXT,
	stated_on DATE,
	valid_until DATE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_business_status_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_business_status_source_enterprise_key ON business_status_source USING btree (enterprise_key);

CREATE INDEX ix_business_status_source_item_id ON business_status_source (item_id);

CREATE TABLE voucher_finding_source (
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
	kind TEXT,
	state TEXT,
	claim_no TEXT,
	holder_key TEXT,
	provider_key TEXT,
	fen BIGINT,
	detail TEXT,
	evidence JSONB NOT NULL,
	since TIMESTAMP WITH TIME ZONE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_voucher_finding_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_voucher_finding_source_code ON voucher_finding_source USING btree (code);

CREATE INDEX ix_voucher_finding_source_holder_key_since ON voucher_finding_source USING btree (holder_key, since);

CREATE INDEX ix_voucher_finding_source_item_id ON voucher_finding_source (item_id);

CREATE INDEX ix_voucher_finding_source_owner_since ON voucher_finding_source USING btree (owner, since);

CREATE INDEX ix_voucher_finding_source_provider_key_since ON voucher_finding_source USING btree (provider_key, since);

CREATE INDEX ix_voucher_finding_source_since_item_id ON voucher_finding_source USING btree (since, item_id);

CREATE TABLE voucher_place (
	name TEXT NOT NULL,
	epoch TEXT NOT NULL,
	xid TEXT NOT NULL,
	entry_id BIGINT NOT NULL,
	round_after TEXT,
	round_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_voucher_place PRIMARY KEY (name)
);

CREATE INDEX ix_voucher_claim_source_code ON voucher_claim_source USING btree (code);

CREATE INDEX ix_voucher_claim_source_order_no ON voucher_claim_source USING btree (order_no);

CREATE INDEX ix_voucher_claim_source_service_key ON voucher_claim_source USING btree (service_key);
