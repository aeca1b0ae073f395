"""`voucher_tables`: by what a claim on a voucher is known again, and where its money lies.

`hub.vouchers.marks` and `hub.vouchers.balances` write them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from hub.store.metadata import METADATA, instant_column

__all__ = ["VOUCHER_BALANCE", "VOUCHER_MARK"]

VOUCHER_MARK = Table(
    "voucher_mark",
    METADATA,
    Column("kind", Text, primary_key=True),  # F0, F1, F2 (hub.policy.vouchers.fingerprints)
    Column("mark", LargeBinary, primary_key=True),  # SHA-256 of what is compared
    Column("issuer", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("claim_no", Text, primary_key=True),
    Column("instrument", Text, nullable=False),
    instant_column("start_at"),
    instant_column("end_at"),
    Index(
        "uq_voucher_mark",
        "kind",
        "mark",
        unique=True,
        postgresql_where=text("kind IN ('F0', 'F2')"),
    ),
    Index("ix_voucher_mark_claim", "issuer", "code", "claim_no"),
    Index("ix_voucher_mark_instrument", "instrument", "end_at"),
)

VOUCHER_BALANCE = Table(
    "voucher_balance",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("last", Integer, nullable=False),  # number of the last movement that it follows from
    Column("claims", Integer, nullable=False),  # claims that there were by then
    Column("ended", Text),  # the state in which the voucher ended; null while it has not
    Column("reserved", BigInteger, nullable=False),
    Column("consumed", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("expired", BigInteger, nullable=False),
    Column("clawed_back", BigInteger, nullable=False),
)
