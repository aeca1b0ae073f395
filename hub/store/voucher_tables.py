"""`voucher_tables`: by what a claim on a voucher is known again (`hub.vouchers.marks`)."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, Text, text

from hub.store.metadata import METADATA, instant_column

__all__ = ["VOUCHER_MARK"]

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
