CREATE INDEX ix_service_record_source_local_id ON service_record_source (local_id);
CREATE INDEX ix_service_record_source_invoice_no ON service_record_source (invoice_no);
