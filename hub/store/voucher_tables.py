"""`voucher_tables`: what rooms of vouchers keep beside the records.

By what a claim is known again (`hub.vouchers.marks`), where a voucher's money lies
(`hub.vouchers.balances`) and how far the change feed was looked at for vouchers
(`hub.vouchers.following`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from hub.store.metadata import METADATA, instant_column

__all__ = ["VOUCHER_BALANCE", "VOUCHER_MARK", "VOUCHER_PLACE"]

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

VOUCHER_PLACE = Table(
    "voucher_place",
    METADATA,
    Column("name", Text, primary_key=True),  # 'entry': one row
    Column("epoch", Text, nullable=False),  # of the feed; in another one the place says nothing
    Column("xid", Text, nullable=False),  # the place after which the feed was not looked at yet
    Column("entry_id", BigInteger, nullable=False),
    Column("round_after", Text),  # key of the claim up to which this round came; null: none is on
    instant_column("round_at"),  # when it began
)
"""Where whoever follows the feed for vouchers is; after a kill it goes on from there."""
