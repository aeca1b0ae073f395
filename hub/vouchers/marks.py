"""`marks`: by what a claim is known again: a service is claimed once, an invoice pays once.

Marks are kept in the transaction in which the claim's money moves, and let go when the claim is
released or rejected. Two claims never hold one mark of kind F0 or F2: a unique index of the
database says so. F1 and F3 are compared, and what they meet holds the claim for a person
(`hub.policy.vouchers.fingerprints`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from hub.policy.vouchers.fingerprints import ClaimedService, Hit, same_invoice, same_service
from hub.store.copying import Connection
from hub.store.side_by_side import SharedStatement, SideBySide
from hub.vouchers.limits import MARKS_MAX

Mark: TypeAlias = tuple[str, bytes]
"""Its kind, and the SHA-256 of what is compared."""
REFUSING = {"F0": Hit.ALREADY_CLAIMED, "F2": Hit.INVOICE_CLAIMED}
_KEEP = b"""
INSERT INTO voucher_mark (kind, mark, issuer, code, claim_no, instrument, start_at, end_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""
_KEEP_ALL = b"""
INSERT INTO voucher_mark (kind, mark, issuer, code, claim_no, instrument, start_at, end_at)
SELECT * FROM unnest(%s::text[], %s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[],
  %s::timestamptz[], %s::timestamptz[]) ON CONFLICT DO NOTHING"""
_HELD = b"""
SELECT kind, issuer, code, claim_no FROM voucher_mark
WHERE kind = ANY(%s) AND mark = ANY(%s) ORDER BY kind LIMIT %s"""
_TIME = "TIME"
_MEETING = SharedStatement(
    "(SELECT kind AS met, issuer, code, claim_no FROM voucher_mark WHERE (kind, mark) "  # noqa: S608 - a number
    "IN (('F0', decode(%(F0)s, 'hex')), ('F2', decode(%(F2)s, 'hex')))) UNION ALL "
    "(SELECT kind, issuer, code, claim_no FROM voucher_mark WHERE kind = 'F1' "
    f"AND mark = decode(%(F1)s, 'hex') ORDER BY issuer, code, claim_no LIMIT {MARKS_MAX}) "
    f"UNION ALL (SELECT '{_TIME}', issuer, code, claim_no FROM voucher_mark WHERE kind = 'F0' "
    "AND instrument = %(instrument)s AND start_at < %(end)s AND end_at > %(start)s "
    f"ORDER BY issuer, code, claim_no LIMIT {MARKS_MAX})",
    {
        **dict.fromkeys(("F0", "F1", "F2", "instrument"), "text"),
        **dict.fromkeys(("start", "end"), "timestamptz"),
    },
)
"""Marks that a claim meets: the same record or invoice, the same service, the same time."""
_HITS = {**REFUSING, "F1": Hit.SAME_SERVICE, _TIME: Hit.SAME_TIME}
"""What each means, what refuses first …"""
_RANK = {kind: number for number, kind in enumerate(_HITS)}
"""… and in which order they are told."""
_INSTRUMENTS = b"SELECT pg_advisory_xact_lock(hashtextextended(i, 0)) FROM unnest(%s::text[]) i"
"""F1 and F3 are compared with what is committed: claims on one instrument follow each other."""
_NAMED = b"WHERE issuer = %s AND code = %s AND claim_no = %s"
_FREE = b"DELETE FROM voucher_mark " + _NAMED
_FREE_PRINTS = b"DELETE FROM claim_fingerprint " + _NAMED
_MOVE = b"UPDATE voucher_mark SET instrument = %s, start_at = %s, end_at = %s " + _NAMED
_FORMER = (
    b"DELETE FROM voucher_mark "
    + _NAMED
    + b" AND NOT EXISTS (SELECT FROM unnest(%s::text[], %s::bytea[]) AS now (kind, mark) "
    b"WHERE now.kind = voucher_mark.kind AND now.mark = voucher_mark.mark)"
)
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
    return (await mark_all(connection, [(claim, service)]))[0]


async def mark_all(
    connection: Connection, claims: Sequence[tuple[ClaimName, ClaimedService]]
) -> list[tuple[Met, ...]]:
    """Do the same for claims on services that are apart (`ServicesApart`); return what each meets.

    Instruments are locked before any mark is kept, and both in one order, so two who mark several
    claims do not wait for each other.
    """
    await _keep_all(connection, claims)
    beside = SideBySide(connection)
    return list(await asyncio.gather(*(_marked(beside, *each) for each in claims)))


class ServicesApart:
    """Services of which no two are known by one mark or were given at one time on one device."""

    def __init__(self) -> None:
        self._marks: set[Mark] = set()
        self._times: dict[str, list[tuple[datetime, datetime]]] = {}

    def add(self, service: ClaimedService) -> bool:
        """Add a service unless it meets one of them; tell whether it was added."""
        marks, times = marks_of(service), self._times.setdefault(service.instrument_item, [])
        start, end = service.start_at, service.end_at
        is_met = any(start < until and since < end for since, until in times)
        if is_met or not self._marks.isdisjoint(marks):
            return False
        self._marks.update(marks)
        times.append((start, end))
        return True


async def _keep_all(
    connection: Connection, claims: Sequence[tuple[ClaimName, ClaimedService]]
) -> None:
    instruments = sorted({f"claims on {service.instrument_item}" for _, service in claims})
    await connection.execute(_INSTRUMENTS, (instruments,))
    rows = sorted(
        (*each, claim.issuer, claim.code, claim.claim_no, *_place(service))
        for claim, service in claims
        for each in marks_of(service)
    )
    await connection.execute(_KEEP_ALL, [list(column) for column in zip(*rows, strict=True)])


async def _marked(beside: SideBySide, claim: ClaimName, service: ClaimedService) -> tuple[Met, ...]:
    """Return what a claim meets whose marks are kept; they are let go where that refuses it."""
    refusing, others = await _meeting(beside, claim, service)
    if refusing:
        await free(beside.connection, claim)
    return refusing or others


async def _meeting(
    beside: SideBySide, claim: ClaimName, service: ClaimedService
) -> tuple[tuple[Met, ...], tuple[Met, ...]]:
    """Return the other claims that refuse a claim, and those that a person has to look at."""
    instrument, start, end = _place(service)
    rows = await beside.rows(
        _MEETING,
        {
            "F2": None,
            **{kind: digest.hex() for kind, digest in marks_of(service)},
            "instrument": instrument,
            "start": start,
            "end": end,
        },
    )
    found = {
        (_RANK[kind], name.text): Met(_HITS[kind], name)
        for row in rows
        if (kind := row["met"]) != _TIME or not service.in_parallel
        if (name := ClaimName(row["issuer"], row["code"], row["claim_no"])) != claim
    }
    met = [found[each] for each in sorted(found)]
    return (
        tuple(each for each in met if each.hit.refuses),
        tuple(each for each in met if not each.hit.refuses),
    )


def _place(service: ClaimedService) -> tuple[str, datetime, datetime]:
    return service.instrument_item, service.start_at, service.end_at


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


async def mark_anew(
    connection: Connection, claim: ClaimName, service: ClaimedService, *, is_asked: bool
) -> tuple[Met, ...] | None:
    """Keep the marks of a service that was corrected beside the former ones; return what it meets.

    None: it is known by the same as before, and nobody `is_asked` what it meets. The former marks
    stay until `let_former_go`: whoever was interrupted meanwhile finds the change once more.
    """
    kept, marks = await kept_marks(connection, claim), marks_of(service)
    place = _place(service)
    is_same = {(each.kind, each.mark) for each in kept} == set(marks) and all(
        (each.instrument, each.start_at, each.end_at) == place for each in kept
    )
    if not kept or (is_same and not is_asked):
        return None
    await _keep_all(connection, [(claim, service)])
    await connection.execute(_MOVE, (*place, claim.issuer, claim.code, claim.claim_no))
    refusing, others = await _meeting(SideBySide(connection), claim, service)
    return (*refusing, *others)


async def let_former_go(connection: Connection, claim: ClaimName, service: ClaimedService) -> None:
    """Let go by what a claim was known before its service was corrected."""
    marks = marks_of(service)
    kinds, digests = [kind for kind, _ in marks], [digest for _, digest in marks]
    name = (claim.issuer, claim.code, claim.claim_no)
    await connection.execute(_FORMER, (*name, kinds, digests))
