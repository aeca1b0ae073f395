CREATE INDEX ix_service_order_source_invoice_no_digits ON service_order_source (regexp_replace(normalize(invoice_no, NFKC), '[^0-9]', '', 'g'));

CREATE INDEX ix_service_record_source_invoice_no_digits ON service_record_source (regexp_replace(normalize(invoice_no, NFKC), '[^0-9]', '', 'g'));

CREATE INDEX ix_voucher_claim_source_invoice_no_digits ON voucher_claim_source (regexp_replace(normalize(invoice_no, NFKC), '[^0-9]', '', 'g'));

CREATE INDEX ix_service_grant_service ON service_grant (service);
