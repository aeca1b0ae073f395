CREATE TABLE voucher_balance (
	issuer TEXT NOT NULL,
	code TEXT NOT NULL,
	last INTEGER NOT NULL,
	claims INTEGER NOT NULL,
	ended TEXT,
	reserved BIGINT NOT NULL,
	consumed BIGINT NOT NULL,
	settled BIGINT NOT NULL,
	expired BIGINT NOT NULL,
	clawed_back BIGINT NOT NULL,
	CONSTRAINT pk_voucher_balance PRIMARY KEY (issuer, code)
);
