ALTER TABLE voucher_claim_source ADD COLUMN planned_until DATE;
