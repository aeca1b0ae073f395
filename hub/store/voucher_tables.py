"""`voucher_tables`: what rooms of vouchers keep beside the records.

By what a claim is known again (`hub.vouchers.marks`), where a voucher's money lies
(`hub.vouchers.money.balances`), how far the change feed was looked at for vouchers
(`hub.vouchers.followed.following`), and what claims have to do with other hubs
(`hub.vouchers.between.road`).
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from hub.store.metadata import METADATA, instant_column

__all__ = [
    "CLAIM_FINGERPRINT",
    "CLAIM_KEY",
    "CLAIM_PEER",
    "LOST_CLAIM",
    "SERVICE_GRANT",
    "SHARED_CLAIM",
    "VOUCHER_BALANCE",
    "VOUCHER_MARK",
    "VOUCHER_PLACE",
]

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

SHARED_CLAIM = Table(
    "shared_claim",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("claim_no", Text, primary_key=True),
    Column("attempt", Text, nullable=False),  # drawn at random, anew for each try
    Column("state", Text, nullable=False),  # PENDING, CONSUMED, FREED (hub.policy.vouchers.grants)
    Column("service", Text, nullable=False),  # as the message named it
    Column("source", Text),  # that is the home of the service; null: this hub
    Column("fen", BigInteger, nullable=False),
    Column("order_no", Text),
    Column("client_id", Text, nullable=False),  # whose message it was …
    Column("party", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    Column("request_body", LargeBinary, nullable=False),
    Column("evidence", LargeBinary),  # … and its signature
    Column("given", JSONB),  # what the home of the service said; null: nothing yet
    Column("holds", ARRAY(Text), nullable=False),
    Column("is_beaten", Boolean, nullable=False),
    Column("is_told", Boolean, nullable=False),  # whether the service's home knows the state
    instant_column("begun_at"),
    instant_column("asked_at"),
    Index(
        "ix_shared_claim_asked_at",
        "asked_at",
        postgresql_where=text("state = 'PENDING' OR NOT is_told"),
    ),
    Index("ix_shared_claim_home", "source", "issuer", "code", "claim_no"),
)
"""Claims on vouchers of this hub that other hubs are asked about."""

SERVICE_GRANT = Table(
    "service_grant",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("claim_no", Text, primary_key=True),
    Column("attempt", Text, nullable=False),
    Column("state", Text, nullable=False),  # GRANTED, CONSUMED, FREED
    Column("source", Text, nullable=False),  # that is the home of the voucher
    Column("service", Text, nullable=False),
    Column("commitment", Text),  # of the revision it was given for; null: lost in a restore
    instant_column("granted_at"),
    instant_column("ask_at"),  # when the home of the voucher is asked what became of it
    Index("ix_service_grant_service", "service"),
    Index("ix_service_grant_ask_at", "ask_at", postgresql_where=text("state = 'GRANTED'")),
)
"""Services of this hub that claims on vouchers of other hubs were granted."""

CLAIM_PEER = Table(
    "claim_peer",
    METADATA,
    Column("source", Text, primary_key=True),
    Column("epoch", Text, nullable=False),  # of this database, in which the peer was heard
    instant_column("heard_at"),
)
"""Peers that have told what this database may have lost: whom it granted, what it consumed."""

LOST_CLAIM = Table(
    "lost_claim",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("claim_no", Text, primary_key=True),
    Column("source", Text, primary_key=True),  # the hub that told it, home of the service
    Column("service", Text, nullable=False),
    Column("is_found", Boolean, nullable=False),  # whether its finding stands open
    instant_column("told_at"),
    instant_column("lifted_at", nullable=True),  # by its issuer; null: it stops its voucher
    Column("request", Text),  # mark of the request that lifted it …
    Column("request_body", LargeBinary),  # … and SHA-256 of what that said
)
"""Claims on vouchers of this hub that other hubs granted and this database does not hold."""

CLAIM_FINGERPRINT = Table(
    "claim_fingerprint",
    METADATA,
    Column("year", Integer, primary_key=True),  # of the key
    Column("kind", Text, primary_key=True),  # F1, F2
    Column("fingerprint", Text, primary_key=True),  # HMAC-SHA-256 of the mark, hexadecimal
    Column("issuer", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("claim_no", Text, primary_key=True),
    Index("ix_claim_fingerprint_claim", "issuer", "code", "claim_no"),
)
"""Marks of this hub's own claims, as peers ask about them."""

CLAIM_KEY = Table(
    "claim_key",
    METADATA,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("print", Text, nullable=False),  # by which the key is known again; not the key
)
"""Keys under which every mark of an own claim has its fingerprint."""
