CREATE TABLE search_state (
	record_type TEXT NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_search_state PRIMARY KEY (record_type)
);
ALTER TABLE institution ADD COLUMN short_names TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE institution ADD COLUMN former_names TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE institution_source ADD COLUMN short_names TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE institution_source ADD COLUMN former_names TEXT[] NOT NULL DEFAULT '{}';
ALTER TABLE institution ALTER COLUMN short_names DROP DEFAULT, ALTER COLUMN former_names DROP DEFAULT;
ALTER TABLE institution_source ALTER COLUMN short_names DROP DEFAULT, ALTER COLUMN former_names DROP DEFAULT;
