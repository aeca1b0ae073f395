DROP INDEX ix_power_day_source_instrument_key;

CREATE INDEX ix_power_day_source_instrument_key_day ON power_day_source (instrument_key, day);

CREATE INDEX ix_service_order_source_instrument_key_service_id ON service_order_source (instrument_key, service_id);

CREATE INDEX ix_service_order_source_instrument_key_local_id ON service_order_source (instrument_key, local_id);

CREATE INDEX ix_service_record_source_instrument_key_ended_at ON service_record_source (instrument_key, ended_at);

CREATE INDEX ix_service_record_source_key ON service_record_source (key);

CREATE INDEX ix_relation_statement_source_holder_key_provider_key ON relation_statement_source (holder_key, provider_key);
