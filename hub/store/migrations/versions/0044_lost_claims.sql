CREATE TABLE lost_claim (
	issuer TEXT NOT NULL,
	code TEXT NOT NULL,
	claim_no TEXT NOT NULL,
	source TEXT NOT NULL,
	service TEXT NOT NULL,
	is_found BOOLEAN NOT NULL,
	told_at TIMESTAMP WITH TIME ZONE NOT NULL,
	lifted_at TIMESTAMP WITH TIME ZONE,
	request TEXT,
	request_body BYTEA,
	CONSTRAINT pk_lost_claim PRIMARY KEY (issuer, code, claim_no, source)
);
