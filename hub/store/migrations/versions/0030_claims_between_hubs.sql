CREATE TABLE shared_claim (
	issuer TEXT NOT NULL,
	code TEXT NOT NULL,
	claim_no TEXT NOT NULL,
	attempt TEXT NOT NULL,
	state TEXT NOT NULL,
	service TEXT NOT NULL,
	source TEXT,
	fen BIGINT NOT NULL,
	order_no TEXT,
	client_id TEXT NOT NULL,
	party TEXT NOT NULL,
	request_key TEXT NOT NULL,
	request_body BYTEA NOT NULL,
	evidence BYTEA,
	given JSONB,
	holds TEXT[] NOT NULL,
	is_beaten BOOLEAN NOT NULL,
	is_told BOOLEAN NOT NULL,
	begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
	asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_shared_claim PRIMARY KEY (issuer, code, claim_no)
);

CREATE INDEX ix_shared_claim_asked_at ON shared_claim (asked_at) WHERE state = 'PENDING' OR NOT is_told;

CREATE INDEX ix_shared_claim_home ON shared_claim (source, issuer, code, claim_no);

CREATE TABLE service_grant (
	issuer TEXT NOT NULL,
	code TEXT NOT NULL,
	claim_no TEXT NOT NULL,
	attempt TEXT NOT NULL,
	state TEXT NOT NULL,
	source TEXT NOT NULL,
	service TEXT NOT NULL,
	commitment TEXT,
	granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
	ask_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_service_grant PRIMARY KEY (issuer, code, claim_no)
);

CREATE INDEX ix_service_grant_ask_at ON service_grant (ask_at) WHERE state = 'GRANTED';

CREATE TABLE claim_peer (
	source TEXT NOT NULL,
	epoch TEXT NOT NULL,
	heard_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_claim_peer PRIMARY KEY (source)
)
