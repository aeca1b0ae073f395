"""`marks`: by what a claim is known again: a service is claimed once, an invoice pays once.

Marks are kept in the transaction in which the claim's money moves, and let go when the claim is
released or rejected. Two claims never hold one mark of kind F0 or F2: a unique index of the
database says so. F1 and F3 are compared, and what they meet holds the claim for a person
(`hub.policy.vouchers.fingerprints`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from hub.policy.vouchers.fingerprints import ClaimedService, Hit, same_invoice, same_service
from hub.store.copying import Connection
from hub.vouchers.limits import MARKS_MAX

Mark: TypeAlias = tuple[str, bytes]
"""Its kind, and the SHA-256 of what is compared."""
REFUSING = {"F0": Hit.ALREADY_CLAIMED, "F2": Hit.INVOICE_CLAIMED}
_KEEP = b"""
INSERT INTO voucher_mark (kind, mark, issuer, code, claim_no, instrument, start_at, end_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_HELD = b"""
SELECT kind, issuer, code, claim_no FROM voucher_mark
WHERE kind = ANY(%s) AND mark = ANY(%s) ORDER BY kind LIMIT %s"""
_SAME_TIME = b"""
SELECT issuer, code, claim_no FROM voucher_mark
WHERE kind = 'F0' AND instrument = %s AND start_at < %s AND end_at > %s
ORDER BY issuer, code, claim_no LIMIT %s"""
_ONE_INSTRUMENT = b"SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
"""F1 and F3 are compared with what is committed: claims on one instrument follow each other."""
_NAMED = b"WHERE issuer = %s AND code = %s AND claim_no = %s"
_FREE = b"DELETE FROM voucher_mark " + _NAMED
_FREE_PRINTS = b"DELETE FROM claim_fingerprint " + _NAMED
_OF = b"SELECT kind, mark, instrument, start_at, end_at FROM voucher_mark " + _NAMED


@dataclass(frozen=True, slots=True)
class ClaimName:
    """Which claim on which voucher."""

    issuer: str
    code: str
    claim_no: str

    @property
    def text(self) -> str:
        """Return the key of its record."""
        return f"{self.issuer}/{self.code}/{self.claim_no}"


@dataclass(frozen=True, slots=True)
class Met:
    """Another claim that stands in the way, or makes a person look; None: one of another hub."""

    hit: Hit
    claim: ClaimName | None


@dataclass(frozen=True, slots=True)
class KeptMark:
    """A mark as it is kept, with where and when the service was given."""

    kind: str
    mark: bytes
    instrument: str
    start_at: datetime
    end_at: datetime


async def mark(
    connection: Connection, claim: ClaimName, service: ClaimedService
) -> tuple[Met, ...]:
    """Keep the marks of a claim, and return what it meets; nothing is kept where that refuses it.

    Whoever keeps the same mark at the same time is waited for. The same claim again keeps its own.
    """
    marks = marks_of(service)
    await connection.execute(_ONE_INSTRUMENT, (f"claims on {service.instrument_item}",))
    name = (claim.issuer, claim.code, claim.claim_no)
    for kind, digest in marks:
        place = (service.instrument_item, service.start_at, service.end_at)
        await connection.execute(_KEEP, (kind, digest, *name, *place))
    refusing = await _others(connection, claim, [one for one in marks if one[0] in REFUSING])
    if refusing:
        await free(connection, claim)
        return tuple(Met(REFUSING[kind], other) for kind, other in refusing)
    same = await _others(connection, claim, [one for one in marks if one[0] == "F1"])
    met = [Met(Hit.SAME_SERVICE, other) for _, other in same]
    if not service.in_parallel:
        times = await _same_time(connection, claim, service)
        met += [Met(Hit.SAME_TIME, other) for other in times]
    return tuple(met)


async def is_claimed(connection: Connection, claim: ClaimName, service: ClaimedService) -> bool:
    """Whether another claim holds the service record itself (F0), pending or consumed.

    Says no only as of now: who goes on keeps its own mark, and the index decides.
    """
    own = [each for each in marks_of(service) if each[0] == "F0"]
    return bool(await _others(connection, claim, own))


async def free(connection: Connection, claim: ClaimName) -> None:
    """Let the marks of a claim go: it was released, rejected or never taken."""
    name = (claim.issuer, claim.code, claim.claim_no)
    await connection.execute(_FREE, name)
    await connection.execute(_FREE_PRINTS, name)


async def kept_marks(connection: Connection, claim: ClaimName) -> list[KeptMark]:
    """Return the marks that a claim keeps."""
    cursor = await connection.execute(_OF, (claim.issuer, claim.code, claim.claim_no))
    return [KeptMark(kind, bytes(mark), *rest) for kind, mark, *rest in await cursor.fetchall()]


async def put_back(
    connection: Connection, claim: ClaimName, marks: Sequence[KeptMark]
) -> list[ClaimName]:
    """Keep marks that were lost here and are told by another hub; return whom they meet."""
    name = (claim.issuer, claim.code, claim.claim_no)
    for each in marks:
        place = (each.instrument, each.start_at, each.end_at)
        await connection.execute(_KEEP, (each.kind, each.mark, *name, *place))
    refusing = [(each.kind, each.mark) for each in marks if each.kind in REFUSING]
    return [other for _, other in await _others(connection, claim, refusing)]


def marks_of(service: ClaimedService) -> list[Mark]:
    """Return the marks of what a claim is for."""
    invoice = same_invoice(service)
    members: list[tuple[str, Sequence[str]]] = [("F0", (service.home, service.service_item))]
    members += [] if invoice is None else [("F2", invoice)]
    members.append(("F1", same_service(service)))
    return [(kind, _digest(kind, told)) for kind, told in members]


def _digest(kind: str, members: Sequence[str]) -> bytes:
    texts = [each.encode() for each in (kind, *members)]
    return sha256(b"".join(len(each).to_bytes(4, "big") + each for each in texts)).digest()


async def _others(
    connection: Connection, claim: ClaimName, marks: Sequence[Mark]
) -> list[tuple[str, ClaimName]]:
    kinds, digests = [kind for kind, _ in marks], [digest for _, digest in marks]
    cursor = await connection.execute(_HELD, (kinds, digests, MARKS_MAX))
    held = [(kind, ClaimName(*name)) for kind, *name in await cursor.fetchall()]
    return [(kind, name) for kind, name in held if name != claim]


async def _same_time(
    connection: Connection, claim: ClaimName, service: ClaimedService
) -> list[ClaimName]:
    values = (service.instrument_item, service.end_at, service.start_at, MARKS_MAX)
    cursor = await connection.execute(_SAME_TIME, values)
    names = [ClaimName(*row) for row in await cursor.fetchall()]
    return [name for name in names if name != claim]
