CREATE TABLE instrument_listing (
	item_id TEXT NOT NULL,
	step TEXT NOT NULL,
	name_sort TEXT COLLATE "C" NOT NULL,
	province TEXT,
	use TEXT,
	status TEXT,
	sharing TEXT,
	customs_status TEXT
);
INSERT INTO instrument_listing
SELECT t.item_id, p.step, t.name_sort, t.province, t.use, t.status, t.sharing, t.customs_status
FROM instrument t, unnest(ARRAY['']::text[] || t.classes_path) p(step) ORDER BY t.name_sort;
CREATE INDEX ix_instrument_listing_facets ON instrument_listing (step, province, use, status, sharing, customs_status);
CREATE INDEX ix_instrument_listing_item_id ON instrument_listing (item_id);
CREATE INDEX ix_instrument_listing_order ON instrument_listing (step, name_sort, item_id) INCLUDE (province, use, status, sharing, customs_status);
DROP INDEX ix_instrument_classes_path;
DROP INDEX ix_instrument_province;
