ALTER TABLE institution ADD COLUMN department_key TEXT;
ALTER TABLE institution ADD COLUMN sectors TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE institution ALTER COLUMN sectors DROP DEFAULT;
ALTER TABLE institution_source ADD COLUMN department_key TEXT;
ALTER TABLE institution_source ADD COLUMN sectors TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE institution_source ALTER COLUMN sectors DROP DEFAULT;
ALTER TABLE centre_source ADD COLUMN posts_filled_count BIGINT;
ALTER TABLE instrument ADD COLUMN ended_on TEXT;
ALTER TABLE instrument_source ADD COLUMN ended_on TEXT;

CREATE TABLE customs_approval_source (
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
	customs_key TEXT,
	notice_no TEXT,
	instrument_key TEXT,
	kind TEXT,
	purposes TEXT[] NOT NULL,
	users TEXT[] NOT NULL,
	district TEXT,
	allowed_place TEXT,
	valid_from DATE,
	valid_until DATE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_customs_approval_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_customs_approval_source_instrument_key
	ON customs_approval_source USING btree (instrument_key);

CREATE INDEX ix_customs_approval_source_item_id ON customs_approval_source (item_id);

CREATE INDEX ix_customs_approval_source_owner ON customs_approval_source USING btree (owner);

CREATE TABLE customs_report_source (
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
	declaration_no TEXT,
	item_no TEXT,
	year BIGINT,
	instrument_key TEXT,
	customs_key TEXT,
	filed_at TIMESTAMP WITH TIME ZONE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_customs_report_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_customs_report_source_customs_key_filed_at
	ON customs_report_source USING btree (customs_key, filed_at);

CREATE INDEX ix_customs_report_source_filed_at_item_id
	ON customs_report_source USING btree (filed_at, item_id);

CREATE INDEX ix_customs_report_source_instrument_key_filed_at
	ON customs_report_source USING btree (instrument_key, filed_at);

CREATE INDEX ix_customs_report_source_item_id ON customs_report_source (item_id);

CREATE INDEX ix_customs_report_source_owner_filed_at
	ON customs_report_source USING btree (owner, filed_at);

CREATE TABLE customs_supervision_source (
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
	declaration_no TEXT,
	item_no TEXT,
	instrument_key TEXT,
	customs_key TEXT,
	district TEXT,
	goods_kind TEXT,
	declared_name TEXT,
	released_on DATE,
	arrived_on DATE,
	applicant_key TEXT,
	approved_place TEXT,
	approved_uses TEXT[] NOT NULL,
	regime TEXT,
	nrii_since DATE,
	settled_on DATE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_customs_supervision_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_customs_supervision_source_customs_key
	ON customs_supervision_source USING btree (customs_key);

CREATE INDEX ix_customs_supervision_source_instrument_key
	ON customs_supervision_source USING btree (instrument_key);

CREATE INDEX ix_customs_supervision_source_item_id ON customs_supervision_source (item_id);

CREATE INDEX ix_customs_supervision_source_owner ON customs_supervision_source USING btree (owner);

CREATE INDEX ix_customs_supervision_source_released_on_item_id
	ON customs_supervision_source USING btree (released_on, item_id);

CREATE TABLE duty_payment_source (
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
	record_no TEXT,
	customs_key TEXT,
	amount JSONB,
	valid_from DATE,
	valid_until DATE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_duty_payment_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_duty_payment_source_customs_key ON duty_payment_source USING btree (customs_key);

CREATE INDEX ix_duty_payment_source_instrument_key
	ON duty_payment_source USING btree (instrument_key);

CREATE INDEX ix_duty_payment_source_item_id ON duty_payment_source (item_id);

CREATE INDEX ix_duty_payment_source_owner ON duty_payment_source USING btree (owner);

CREATE TABLE service_order_source (
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
	local_id TEXT,
	state TEXT,
	user_key TEXT,
	offer_code TEXT,
	purpose TEXT,
	requested_at TIMESTAMP WITH TIME ZONE,
	start_at TIMESTAMP WITH TIME ZONE,
	end_at TIMESTAMP WITH TIME ZONE,
	hours NUMERIC,
	charge JSONB,
	voucher_fen BIGINT,
	invoice_no TEXT,
	service_id TEXT,
	steps JSONB NOT NULL,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_service_order_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_service_order_source_instrument_key_requested_at
	ON service_order_source USING btree (instrument_key, requested_at);

CREATE INDEX ix_service_order_source_item_id ON service_order_source (item_id);

CREATE INDEX ix_service_order_source_owner_requested_at ON service_order_source USING btree (owner, requested_at);

CREATE INDEX ix_service_order_source_requested_at_item_id
	ON service_order_source USING btree (requested_at, item_id);

CREATE INDEX ix_service_order_source_start_at_item_id ON service_order_source USING btree (start_at, item_id);

CREATE INDEX ix_service_order_source_user_key_requested_at
	ON service_order_source USING btree (user_key, requested_at);

CREATE TABLE power_day_source (
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
	sensor TEXT,
	day DATE,
	spans JSONB NOT NULL,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_power_day_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_power_day_source_instrument_key ON power_day_source USING btree (instrument_key);

CREATE INDEX ix_power_day_source_item_id ON power_day_source (item_id);

CREATE INDEX ix_power_day_source_owner ON power_day_source USING btree (owner);

CREATE TABLE provider_registration_source (
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
	registration_no TEXT,
	provider_key TEXT,
	province TEXT,
	services TEXT[] NOT NULL,
	valid_from DATE,
	valid_until DATE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_provider_registration_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_provider_registration_source_item_id ON provider_registration_source (item_id);

CREATE INDEX ix_provider_registration_source_owner
	ON provider_registration_source USING btree (owner);

CREATE TABLE relation_statement_source (
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
	holder_key TEXT,
	provider_key TEXT,
	stated_on DATE,
	is_controlled BOOLEAN,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_relation_statement_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_relation_statement_source_item_id ON relation_statement_source (item_id);

CREATE INDEX ix_relation_statement_source_owner ON relation_statement_source USING btree (owner);

CREATE INDEX ix_relation_statement_source_provider_key
	ON relation_statement_source USING btree (provider_key);

CREATE TABLE sensor_binding_source (
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
	sensor TEXT,
	bound_at TIMESTAMP WITH TIME ZONE,
	commissioned_on DATE,
	removed_at TIMESTAMP WITH TIME ZONE,
	interval_seconds BIGINT,
	maintenance JSONB NOT NULL,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_sensor_binding_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_sensor_binding_source_instrument_key
	ON sensor_binding_source USING btree (instrument_key);

CREATE INDEX ix_sensor_binding_source_item_id ON sensor_binding_source (item_id);

CREATE TABLE sharing_consent_source (
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
	mode TEXT,
	valid_from DATE,
	valid_until DATE,
	document_no TEXT,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_sharing_consent_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_sharing_consent_source_instrument_key
	ON sharing_consent_source USING btree (instrument_key);

CREATE INDEX ix_sharing_consent_source_item_id ON sharing_consent_source (item_id);

CREATE TABLE topic_source (
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
	authority_key TEXT,
	code TEXT,
	name JSONB,
	description TEXT,
	member_keys TEXT[] NOT NULL,
	classes JSONB NOT NULL,
	valid_from DATE,
	valid_until DATE,
	name_sort TEXT COLLATE "C",
	search TSVECTOR,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_topic_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_topic_source_authority_key ON topic_source USING btree (authority_key);

CREATE INDEX ix_topic_source_item_id ON topic_source (item_id);

CREATE INDEX ix_topic_source_name_sort_item_id ON topic_source (name_sort, item_id);

CREATE INDEX ix_topic_source_search ON topic_source USING gin (search);

CREATE TABLE voucher_claim_source (
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
	claim_no TEXT,
	provider_key TEXT,
	holder_key TEXT,
	state TEXT,
	service_key TEXT,
	order_no TEXT,
	charge_fen BIGINT,
	voucher_fen BIGINT,
	own_fen BIGINT,
	settled_fen BIGINT,
	invoice_code TEXT,
	invoice_no TEXT,
	hold_reasons TEXT[] NOT NULL,
	changed_at TIMESTAMP WITH TIME ZONE,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_voucher_claim_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_voucher_claim_source_changed_at_item_id
	ON voucher_claim_source USING btree (changed_at, item_id);

CREATE INDEX ix_voucher_claim_source_holder_key_changed_at
	ON voucher_claim_source USING btree (holder_key, changed_at);

CREATE INDEX ix_voucher_claim_source_item_id ON voucher_claim_source (item_id);

CREATE INDEX ix_voucher_claim_source_owner_changed_at
	ON voucher_claim_source USING btree (owner, changed_at);

CREATE TABLE voucher_source (
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
	holder_key TEXT,
	state TEXT,
	payer_division TEXT,
	granted_fen BIGINT,
	use_from DATE,
	use_until DATE,
	cash_until DATE,
	services TEXT[] NOT NULL,
	rule_set TEXT,
	speaks BOOLEAN NOT NULL,
	CONSTRAINT pk_voucher_source PRIMARY KEY (source, authority, key)
);

CREATE INDEX ix_voucher_source_item_id ON voucher_source (item_id);

CREATE INDEX ix_voucher_source_owner ON voucher_source USING btree (owner);

CREATE INDEX ix_voucher_source_use_until_item_id ON voucher_source USING btree (use_until, item_id);
