"""`rows`: the rows of a batch, with the producer's own signature where one is wanted.

- A signed row carries a detached JWS over the record's canonical bytes, which the hub computes as
  well. It can be verified without request, token or hub, and raises the record's assurance.
- A record without a canonical form (a float, an integer beyond 2^53) is refused before it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hub.client.errors import KeyFileError
from hub.crypto.keys import SigningKey
from hub.ledger.statement import sign_record
from schema.canonical import canonical

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Producer:
    """Who signs records: its P-256 key, and the party in whose name they enter the log."""

    key: SigningKey
    party: str

    def sign(self, record_type: str, content: Mapping[str, Any], now: datetime) -> str:
        """Return the detached JWS over the canonical bytes of `content`."""
        private = self.key.private
        if not isinstance(private, EllipticCurvePrivateKey):
            raise KeyFileError("records are signed with P-256 keys", "make a P-256 key")
        return sign_record(canonical(content), private, self.key.kid, record_type, self.party, now)


def record_row(
    record_type: str,
    record: Mapping[str, Any],
    *,
    producer: Producer | None = None,
    now: datetime | None = None,
) -> Row:
    """Return a row that says what a record is now; signed when a producer and `now` are given."""
    row: Row = {"type": record_type, "record": dict(record)}
    if producer is not None and now is not None:
        row["jws"] = producer.sign(record_type, record, now)
    return row


def withdrawal_row(
    record_type: str, key: str, reason: str, now: datetime, *, producer: Producer | None = None
) -> Row:
    """Return a row that withdraws a record of one's own; the tombstone can be signed as well."""
    at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    row: Row = {"type": record_type, "withdraw": {"key": key, "reason": reason, "at": at}}
    if producer is not None:
        tombstone = {"type": record_type, "key": key, "reason": reason, "at": at}
        row["jws"] = producer.sign(record_type, tombstone, now)
    return row
